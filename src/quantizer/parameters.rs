//! The attributes that a quantizer is constructed from.

use std::fmt;

use ndarray::{ArrayD, Axis};
use serde_json::Value;

use super::auto_scale::Whole;
use super::{Alpha, ParseError};
use crate::fixed::{power_of_two, significant_bits};
use crate::naming::nearest;

/// The most bits that a quantizer has: its values are exact as f64, and float32, in which QKeras
/// computes, has 24.
pub(super) const MAX_BITS: u32 = 52;

/// The farthest `integer`: 2^integer is a float32 number.
const MAX_INTEGER: i64 = 126;

/// Attributes by name, as a file states them. `None` of Python is null.
pub(super) struct Parameters<'a> {
    quantizer: &'static str,
    stated: Vec<(&'static str, &'a Value)>,
}

impl<'a> Parameters<'a> {
    /// Gives each value the attribute that Python would: `positional` in the constructor's order,
    /// `keyword` by name.
    pub(super) fn bind(
        quantizer: &'static str,
        attributes: &[&'static str],
        positional: &'a [Value],
        keyword: &'a [(String, Value)],
    ) -> Result<Self, ParseError> {
        let (given, allowed) = (positional.len(), attributes.len());
        if given > allowed {
            return Err(ParseError::TooMany { quantizer, given, allowed });
        }
        let mut stated: Vec<_> = attributes.iter().copied().zip(positional).collect();
        for (name, value) in keyword {
            let Some(attribute) = attributes.iter().copied().find(|known| known == name) else {
                let nearest = nearest(name, attributes.iter().copied());
                let attribute = name.clone();
                return Err(ParseError::Attribute { quantizer, attribute, nearest });
            };
            if stated.iter().any(|(known, _)| *known == attribute) {
                return Err(ParseError::Twice { quantizer, attribute });
            }
            stated.push((attribute, value));
        }
        Ok(Self { quantizer, stated })
    }

    pub(super) fn get(&self, attribute: &str) -> Option<(&'static str, &'a Value)> {
        self.stated.iter().find(|(name, _)| *name == attribute).copied()
    }

    /// The error for the value of `attribute`: it should be what `expected` says.
    pub(super) fn wrong(&self, attribute: &'static str, expected: impl Into<String>) -> ParseError {
        let value = self.get(attribute).map_or_else(|| "None".into(), |(_, value)| text(value));
        ParseError::Value { quantizer: self.quantizer, attribute, value, expected: expected.into() }
    }

    fn unsupported(&self, attribute: &'static str, value: &Value) -> ParseError {
        ParseError::Unsupported { quantizer: self.quantizer, attribute, value: text(value) }
    }

    /// A whole number in `range`.
    pub(super) fn whole(
        &self,
        attribute: &'static str,
        default: i64,
        range: std::ops::RangeInclusive<i64>,
    ) -> Result<i64, ParseError> {
        let Some((_, value)) = self.get(attribute) else { return Ok(default) };
        value
            .as_f64()
            .filter(|number| number.fract() == 0.0)
            .map(|number| number as i64)
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                let expected = format!("a whole number, {} to {}", range.start(), range.end());
                self.wrong(attribute, expected)
            })
    }

    /// `bits`, all of them; QKeras' default is 8.
    pub(super) fn bits(&self) -> Result<u32, ParseError> {
        Ok(self.whole("bits", 8, 1..=MAX_BITS.into())? as u32)
    }

    /// `bits` of an exponent, which need be no whole number; QKeras' default is 8.
    pub(super) fn exponent_bits(&self) -> Result<f64, ParseError> {
        let Some((name, value)) = self.get("bits") else { return Ok(8.0) };
        let most = f64::from(MAX_BITS);
        let bits = value.as_f64().filter(|bits| (0.0..=most).contains(bits));
        bits.ok_or_else(|| self.wrong(name, format!("a number, 0 to {MAX_BITS}")))
    }

    /// `integer`, the bits above the binary point.
    pub(super) fn integer_bits(&self) -> Result<i32, ParseError> {
        Ok(self.whole("integer", 0, -MAX_INTEGER..=MAX_INTEGER)? as i32)
    }

    /// True, False, 1 or 0.
    pub(super) fn flag(&self, attribute: &'static str, default: bool) -> Result<bool, ParseError> {
        let Some((_, value)) = self.get(attribute) else { return Ok(default) };
        match (value, value.as_f64()) {
            (Value::Bool(flag), _) => Ok(*flag),
            (_, Some(0.0)) => Ok(false),
            (_, Some(1.0)) => Ok(true),
            _ => Err(self.wrong(attribute, "True or False")),
        }
    }

    /// A float32 number, or None.
    pub(super) fn number(&self, attribute: &'static str) -> Result<Option<f32>, ParseError> {
        match self.get(attribute) {
            None | Some((_, Value::Null)) => Ok(None),
            Some((_, value)) => {
                let number = value.as_f64().map(|number| number as f32);
                let number = number.filter(|number| number.is_finite());
                number.map(Some).ok_or_else(|| self.wrong(attribute, "a number, or None"))
            }
        }
    }

    /// `alpha`. An array of one number is that number.
    pub(super) fn alpha(&self) -> Result<Alpha, ParseError> {
        match self.get("alpha") {
            Some((_, Value::String(text))) if text == "auto" => Ok(Alpha::Auto),
            Some((_, Value::String(text))) if text == "auto_po2" => Ok(Alpha::AutoPo2),
            _ => match self.numbers("alpha") {
                Ok(None) => Ok(Alpha::Unset),
                Ok(Some(numbers)) => Ok(match (numbers.len(), numbers.first()) {
                    (1, Some(number)) => Alpha::Number(*number),
                    _ => Alpha::Tensor(numbers),
                }),
                Err(_) => {
                    let expected = "a number, an array of numbers, None, 'auto' or 'auto_po2'";
                    Err(self.wrong("alpha", expected))
                }
            },
        }
    }

    /// Float32 numbers: one (then without axes), or lists of them, all of one length where they are
    /// beside each other; or None.
    pub(super) fn numbers(
        &self,
        attribute: &'static str,
    ) -> Result<Option<ArrayD<f32>>, ParseError> {
        match self.get(attribute) {
            None | Some((_, Value::Null)) => Ok(None),
            Some((_, value)) => {
                let numbers = array(value).filter(|numbers| !numbers.is_empty());
                let expected = "a number, an array of numbers, or None";
                numbers.map(Some).ok_or_else(|| self.wrong(attribute, expected))
            }
        }
    }

    /// A whole number from `low` on or a list of them, or None.
    pub(super) fn whole_numbers(
        &self,
        attribute: &'static str,
        low: i64,
    ) -> Result<Option<Whole>, ParseError> {
        let whole = |value: &Value| value.as_i64().filter(|number| *number >= low);
        let read = match self.get(attribute) {
            None | Some((_, Value::Null)) => return Ok(None),
            Some((_, Value::Array(items))) => {
                items.iter().map(whole).collect::<Option<_>>().map(Whole::Many)
            }
            Some((_, value)) => whole(value).map(Whole::One),
        };
        read.map(Some).ok_or_else(|| {
            let numbers = "a whole number, a list of them, or None";
            let from = if low > i64::MIN { format!(", each {low} or more") } else { String::new() };
            self.wrong(attribute, format!("{numbers}{from}"))
        })
    }

    /// The exponent of a float32 number that is 2 to it, whole or not, or None.
    pub(super) fn exponent(&self, attribute: &'static str) -> Result<Option<f64>, ParseError> {
        match self.get(attribute) {
            None | Some((_, Value::Null)) => Ok(None),
            Some((_, value)) => {
                let exponent = value.as_f64().filter(|e| e.abs() <= MAX_INTEGER as f64);
                let expected = format!("a number, -{MAX_INTEGER} to {MAX_INTEGER}, or None");
                exponent.map(Some).ok_or_else(|| self.wrong(attribute, expected))
            }
        }
    }

    /// Refuses an `alpha` whose product with a code of `code_bits` bits is not exact as f64.
    pub(super) fn exact_alpha(&self, alpha: &Alpha, code_bits: u32) -> Result<(), ParseError> {
        let bits = alpha.numbers().into_iter().map(|alpha| significant_bits(alpha.into()));
        let longest = bits.max().unwrap_or(0);
        if code_bits + longest.saturating_sub(1) <= MAX_BITS {
            return Ok(());
        }
        let bits = self.get("bits").map_or_else(|| "8".into(), |(_, value)| text(value));
        Err(self.wrong("alpha", format!("shorter, to be exact with bits={bits}")))
    }

    /// `negative_slope`, as the power of two that it is; `None` for 0.
    pub(super) fn negative_slope(&self) -> Result<Option<i32>, ParseError> {
        let Some((name, value)) = self.get("negative_slope") else { return Ok(None) };
        let wrong = || self.wrong(name, "0 or a power of two");
        let slope = value.as_f64().ok_or_else(wrong)?;
        if slope == 0.0 {
            return Ok(None);
        }
        let power = power_of_two(slope).filter(|power| i64::from(*power).abs() <= MAX_INTEGER);
        power.filter(|_| slope > 0.0).map(Some).ok_or_else(wrong)
    }

    /// Refuses `attribute` if it is stated as True.
    pub(super) fn must_not_be_set(&self, attribute: &'static str) -> Result<(), ParseError> {
        match self.get(attribute) {
            Some((name, value)) if self.flag(name, false)? => Err(self.unsupported(name, value)),
            _ => Ok(()),
        }
    }

    /// `log2_rounding`: whether exponents are rounded down, not to nearest.
    pub(super) fn floors_log2(&self) -> Result<bool, ParseError> {
        match self.get("log2_rounding").map(|(_, value)| value.as_str()) {
            None | Some(Some("rnd")) => Ok(false),
            Some(Some("floor")) => Ok(true),
            _ => Err(self.wrong("log2_rounding", "'rnd' or 'floor'")),
        }
    }
}

/// The array that nested lists of numbers write down, each a finite float32 number.
fn array(value: &Value) -> Option<ArrayD<f32>> {
    match value {
        Value::Array(items) => {
            let items: Vec<ArrayD<f32>> = items.iter().map(array).collect::<Option<_>>()?;
            let views: Vec<_> = items.iter().map(|item| item.view()).collect();
            ndarray::stack(Axis(0), &views).ok()
        }
        _ => {
            let number = value.as_f64()? as f32;
            number.is_finite().then(|| ndarray::arr0(number).into_dyn())
        }
    }
}

/// A value as Python writes it.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::String(text) => format!("'{text}'"),
        other => other.to_string(),
    }
}

/// The flags that are set, each as an argument behind others.
pub(super) fn flag_text(flags: &[(&str, bool)]) -> String {
    flags.iter().filter(|(_, set)| *set).map(|(name, _)| format!(",{name}=1")).collect()
}

/// Attributes that act in training only, as the file states them; those that state the default are
/// left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Training(Vec<(&'static str, String)>);

/// The value of an attribute that changes nothing.
pub(super) enum Neutral {
    Number(f32),
    Flag(bool),
}

/// The share of the quantized value in what training sees.
pub(super) const NOISE: (&str, Neutral) = ("qnoise_factor", Neutral::Number(1.0));
/// Whether training rounds at random.
pub(super) const ROUNDING: (&str, Neutral) = ("use_stochastic_rounding", Neutral::Flag(false));
/// Which probabilities training draws signs with.
pub(super) const REAL_SIGMOID: (&str, Neutral) = ("use_real_sigmoid", Neutral::Flag(true));

impl Training {
    pub(super) fn new(
        parameters: &Parameters<'_>,
        attributes: &[(&'static str, Neutral)],
    ) -> Result<Self, ParseError> {
        let mut stated = vec![];
        for (name, neutral) in attributes {
            let acts = match neutral {
                Neutral::Flag(neutral) => parameters.flag(name, *neutral)? != *neutral,
                Neutral::Number(neutral) => match parameters.number(name)? {
                    Some(number) => number != *neutral,
                    None if parameters.get(name).is_some() => {
                        return Err(parameters.wrong(name, "a number"));
                    }
                    None => false,
                },
            };
            if let Some((_, value)) = parameters.get(name).filter(|_| acts) {
                let value = match neutral {
                    Neutral::Flag(neutral) => text(&Value::Bool(!neutral)), // also for 1 and 0
                    Neutral::Number(_) => text(value),
                };
                stated.push((*name, value));
            }
        }
        Ok(Self(stated))
    }

    pub(super) fn notes(&self) -> Vec<TrainingNote> {
        let note = |(attribute, value): &(&'static str, String)| TrainingNote::Attribute {
            attribute,
            value: value.clone(),
        };
        self.0.iter().map(note).collect()
    }
}

impl fmt::Display for Training {
    /// Each attribute with a comma before it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(attribute, value)| write!(f, ",{attribute}={value}"))
    }
}

/// Why a quantizer's values at inference are not those that training saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrainingNote {
    /// An attribute that adds noise or chance, stated to do so.
    Attribute {
        /// Its name in QKeras.
        attribute: &'static str,
        /// As Python writes it.
        value: String,
    },
    /// A quantizer that QKeras lets draw random numbers at inference too.
    Random,
}

impl TrainingNote {
    /// What QKeras' own inference does in place of the deterministic, full quantization; `None` where
    /// it does just that.
    pub fn difference(&self) -> Option<&'static str> {
        match self {
            Self::Random => Some("QKeras' own inference draws random numbers for bernoulli"),
            Self::Attribute { attribute: "qnoise_factor", .. } => Some(
                "QKeras' own inference mixes unquantized values in where qnoise_factor is not 1",
            ),
            Self::Attribute { .. } => None,
        }
    }
}
