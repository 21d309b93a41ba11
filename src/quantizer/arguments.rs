//! The arguments of a quantizer: attributes by name, and checks of their values.

use std::fmt;

use ndarray::{ArrayD, Axis};
use serde_json::Value;

use super::auto_scale::Integers;
use super::{Alpha, ParseError};
use crate::fixed::{power_of_two, significant_bits};
use crate::naming::nearest;

/// Maximum bits of a quantizer: its values are exact as f64. QKeras' float32 has only 24.
pub(super) const MAX_BITS: u32 = 52;

/// Maximum magnitude of `integer`: 2^integer is a float32 number.
const MAX_INTEGER: i64 = 126;

/// Attributes by name, as a file states them. `None` of Python is null.
pub(super) struct Arguments<'a> {
    quantizer: &'static str,
    stated: Vec<(&'static str, &'a Value)>,
}

impl<'a> Arguments<'a> {
    /// Binds values to attributes as Python does: `positional` in the constructor's order, `keyword` by
    /// name.
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

    /// The error for a value of `attribute` that is not `expected`.
    pub(super) fn wrong(&self, attribute: &'static str, expected: impl Into<String>) -> ParseError {
        let value = self.get(attribute).map_or_else(|| "None".into(), |(_, value)| text(value));
        ParseError::Value { quantizer: self.quantizer, attribute, value, expected: expected.into() }
    }

    fn unsupported(&self, attribute: &'static str, value: &Value) -> ParseError {
        ParseError::Unsupported { quantizer: self.quantizer, attribute, value: text(value) }
    }

    /// An integer in `range`.
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

    /// `bits`, the sign bit included; QKeras' default is 8.
    pub(super) fn bits(&self) -> Result<u32, ParseError> {
        Ok(self.whole("bits", 8, 1..=MAX_BITS.into())? as u32)
    }

    /// `bits` of an exponent, not necessarily an integer; QKeras' default is 8.
    pub(super) fn exponent_bits(&self) -> Result<f64, ParseError> {
        let Some((name, value)) = self.get("bits") else { return Ok(8.0) };
        let most = f64::from(MAX_BITS);
        let bits = value.as_f64().filter(|bits| (0.0..=most).contains(bits));
        bits.ok_or_else(|| self.wrong(name, format!("a number, 0 to {MAX_BITS}")))
    }

    /// `integer`, the integer bits.
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

    /// An array of float32 numbers from a number (no axes) or nested lists; or None.
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

    /// An integer not below `low` or a list of such, or None.
    pub(super) fn whole_numbers(
        &self,
        attribute: &'static str,
        low: i64,
    ) -> Result<Option<Integers>, ParseError> {
        let whole = |value: &Value| value.as_i64().filter(|number| *number >= low);
        let read = match self.get(attribute) {
            None | Some((_, Value::Null)) => return Ok(None),
            Some((_, Value::Array(items))) => {
                items.iter().map(whole).collect::<Option<_>>().map(Integers::Many)
            }
            Some((_, value)) => whole(value).map(Integers::One),
        };
        read.map(Some).ok_or_else(|| {
            let numbers = "a whole number, a list of them, or None";
            let from = if low > i64::MIN { format!(", each {low} or more") } else { String::new() };
            self.wrong(attribute, format!("{numbers}{from}"))
        })
    }

    /// The exponent of a power of two in float32, not necessarily an integer; or None.
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

    /// Rejects an `alpha` whose product with a code of `code_bits` bits is not exact as f64.
    pub(super) fn exact_alpha(&self, alpha: &Alpha, code_bits: u32) -> Result<(), ParseError> {
        let bits = alpha.numbers().into_iter().map(|alpha| significant_bits(alpha.into()));
        let longest = bits.max().unwrap_or(0);
        if code_bits + longest.saturating_sub(1) <= MAX_BITS {
            return Ok(());
        }
        let bits = self.get("bits").map_or_else(|| "8".into(), |(_, value)| text(value));
        Err(self.wrong("alpha", format!("shorter, to be exact with bits={bits}")))
    }

    /// The exponent of `negative_slope`, a power of two; `None` for 0.
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

    /// Rejects `attribute` stated as True.
    pub(super) fn must_not_be_set(&self, attribute: &'static str) -> Result<(), ParseError> {
        match self.get(attribute) {
            Some((name, value)) if self.flag(name, false)? => Err(self.unsupported(name, value)),
            _ => Ok(()),
        }
    }

    /// `log2_rounding`: true if exponents are rounded down, false if to nearest.
    pub(super) fn floors_log2(&self) -> Result<bool, ParseError> {
        match self.get("log2_rounding").map(|(_, value)| value.as_str()) {
            None | Some(Some("rnd")) => Ok(false),
            Some(Some("floor")) => Ok(true),
            _ => Err(self.wrong("log2_rounding", "'rnd' or 'floor'")),
        }
    }
}

/// The array of nested lists of finite float32 numbers.
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

/// The flags that are set, each with a comma before it.
pub(super) fn flag_text(flags: &[(&str, bool)]) -> String {
    flags.iter().filter(|(_, set)| *set).map(|(name, _)| format!(",{name}=1")).collect()
}

/// Attributes that act in training only and differ from their default.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Training(Vec<(&'static str, String)>);

/// The value of an attribute that has no effect.
pub(super) enum Neutral {
    Number(f32),
    Flag(bool),
}

/// The share of the quantized value that training sees.
pub(super) const NOISE: (&str, Neutral) = ("qnoise_factor", Neutral::Number(1.0));
/// Stochastic rounding in training.
pub(super) const ROUNDING: (&str, Neutral) = ("use_stochastic_rounding", Neutral::Flag(false));
/// The probabilities with which training draws signs.
pub(super) const REAL_SIGMOID: (&str, Neutral) = ("use_real_sigmoid", Neutral::Flag(true));

impl Training {
    pub(super) fn new(
        arguments: &Arguments<'_>,
        attributes: &[(&'static str, Neutral)],
    ) -> Result<Self, ParseError> {
        let mut stated = vec![];
        for (name, neutral) in attributes {
            let acts = match neutral {
                Neutral::Flag(neutral) => arguments.flag(name, *neutral)? != *neutral,
                Neutral::Number(neutral) => match arguments.number(name)? {
                    Some(number) => number != *neutral,
                    None if arguments.get(name).is_some() => {
                        return Err(arguments.wrong(name, "a number"));
                    }
                    None => false,
                },
            };
            if let Some((_, value)) = arguments.get(name).filter(|_| acts) {
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

/// A reason why a quantizer's values at inference differ from those in training.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrainingNote {
    /// An attribute that adds noise or randomness.
    Attribute {
        /// Its name in QKeras.
        attribute: &'static str,
        /// As Python writes it.
        value: String,
    },
    /// A quantizer that draws random numbers in QKeras' inference too.
    Random,
}

impl TrainingNote {
    /// QKeras' own inference, if it is not the deterministic, full quantization that Bitkiln computes.
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
