//! The arguments of a quantizer: attributes by name, and checks of their values.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use ndarray::{ArrayD, Axis};
use serde_json::Value;

use super::auto_scale::Integers;
use super::catalogue::Role;
use super::registry::parse;
use super::{Alpha, Kind, ParseError};
use crate::fixed::{power_of_two, significant_bits};
use crate::naming::nearest;

/// Maximum bits of a quantizer: its values are exact as f64. QKeras' float32 has only 24.
pub(super) const MAX_BITS: u32 = 52;

/// Maximum magnitude of `integer`: 2^integer is a float32 number.
const MAX_INTEGER: i32 = 126;

/// A value of each attribute, as a file states it or by default. `None` of Python is null.
pub(super) struct Arguments {
    kind: &'static Kind,
    values: Vec<Value>,
}

impl Arguments {
    /// Binds values to attributes as Python does: `positional` in the constructor's order, `keyword` by
    /// name.
    pub(super) fn bind(
        kind: &'static Kind,
        positional: &[Value],
        keyword: &[(String, Value)],
    ) -> Result<Self, ParseError> {
        let (quantizer, allowed) = (kind.name, kind.attributes.len());
        if positional.len() > allowed {
            return Err(ParseError::TooMany { quantizer, given: positional.len(), allowed });
        }
        let mut stated: Vec<Option<&Value>> = positional.iter().map(Some).collect();
        stated.resize(allowed, None);
        for (name, value) in keyword {
            let Some(position) = kind.attributes.iter().position(|(known, _)| known == name) else {
                let nearest = nearest(name, kind.attributes.iter().map(|(known, _)| *known));
                return Err(ParseError::Attribute { quantizer, attribute: name.clone(), nearest });
            };
            if stated[position].replace(value).is_some() {
                return Err(ParseError::Twice {
                    quantizer,
                    attribute: kind.attributes[position].0,
                });
            }
        }
        let value = |(stated, (_, role)): (Option<&Value>, &(_, Role))| {
            stated.cloned().unwrap_or_else(|| default(*role))
        };
        Ok(Self { kind, values: stated.into_iter().zip(kind.attributes).map(value).collect() })
    }

    /// The value of `attribute`; null if the quantizer has no such attribute.
    fn get(&self, attribute: &str) -> &Value {
        let position = self.kind.attributes.iter().position(|(known, _)| *known == attribute);
        position.map_or(&Value::Null, |position| &self.values[position])
    }

    /// True if `attribute` is None or does not exist.
    pub(super) fn is_none(&self, attribute: &str) -> bool {
        self.get(attribute).is_null()
    }

    /// The error for a value of `attribute` that is not `expected`.
    pub(super) fn wrong(&self, attribute: &'static str, expected: impl Into<String>) -> ParseError {
        let (quantizer, value) = (self.kind.name, text(self.get(attribute)));
        ParseError::Value { quantizer, attribute, value, expected: expected.into() }
    }

    /// The value that `read` makes of `attribute`, which is `expected`.
    fn read<T>(
        &self,
        attribute: &'static str,
        expected: impl Into<String>,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, ParseError> {
        read(self.get(attribute)).ok_or_else(|| self.wrong(attribute, expected))
    }

    /// As [`Arguments::read`], or None.
    fn optional<T>(
        &self,
        attribute: &'static str,
        expected: impl Into<String>,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, ParseError> {
        if self.is_none(attribute) {
            return Ok(None);
        }
        self.read(attribute, expected, read).map(Some)
    }

    /// An integer in `range`.
    pub(super) fn whole(
        &self,
        attribute: &'static str,
        range: RangeInclusive<i32>,
    ) -> Result<i32, ParseError> {
        let expected = format!("a whole number, {} to {}", range.start(), range.end());
        self.read(attribute, expected, |value| {
            let number = value.as_f64().filter(|number| number.fract() == 0.0)?;
            Some(number as i32).filter(|number| range.contains(number))
        })
    }

    /// `bits`, the sign bit included.
    pub(super) fn bits(&self) -> Result<u32, ParseError> {
        Ok(self.whole("bits", 1..=MAX_BITS as i32)? as u32)
    }

    /// `bits` of an exponent, not necessarily an integer.
    pub(super) fn exponent_bits(&self) -> Result<f64, ParseError> {
        let range = 0.0..=f64::from(MAX_BITS);
        let expected = format!("a number, 0 to {MAX_BITS}");
        self.read("bits", expected, |value| value.as_f64().filter(|bits| range.contains(bits)))
    }

    /// `integer`, the integer bits.
    pub(super) fn integer_bits(&self) -> Result<i32, ParseError> {
        self.whole("integer", -MAX_INTEGER..=MAX_INTEGER)
    }

    /// True, False, 1 or 0.
    pub(super) fn flag(&self, attribute: &'static str) -> Result<bool, ParseError> {
        self.read(attribute, "True or False", |value| match (value, value.as_f64()) {
            (Value::Bool(flag), _) => Some(*flag),
            (_, Some(0.0)) => Some(false),
            (_, Some(1.0)) => Some(true),
            _ => None,
        })
    }

    /// A float32 number, or None.
    pub(super) fn number(&self, attribute: &'static str) -> Result<Option<f32>, ParseError> {
        self.optional(attribute, "a number, or None", float)
    }

    /// `alpha`. An array of one number is that number.
    pub(super) fn alpha(&self) -> Result<Alpha, ParseError> {
        match self.get("alpha").as_str() {
            Some("auto") => return Ok(Alpha::Auto),
            Some("auto_po2") => return Ok(Alpha::AutoPo2),
            _ => {}
        }
        let expected = "a number, an array of numbers, None, 'auto' or 'auto_po2'";
        let Some(numbers) = self.optional("alpha", expected, array)? else {
            return Ok(Alpha::Unset);
        };
        Ok(match numbers.as_slice() {
            Some([number]) => Alpha::Number(*number),
            _ => Alpha::Tensor(numbers),
        })
    }

    /// An array of float32 numbers from a number (no axes) or nested lists; or None.
    pub(super) fn numbers(
        &self,
        attribute: &'static str,
    ) -> Result<Option<ArrayD<f32>>, ParseError> {
        self.optional(attribute, "a number, an array of numbers, or None", array)
    }

    /// An integer not below `low` or a list of such, or None.
    pub(super) fn whole_numbers(
        &self,
        attribute: &'static str,
        low: i64,
    ) -> Result<Option<Integers>, ParseError> {
        let whole = |value: &Value| value.as_i64().filter(|number| *number >= low);
        let from = if low > i64::MIN { format!(", each {low} or more") } else { String::new() };
        let expected = format!("a whole number, a list of them, or None{from}");
        self.optional(attribute, expected, |value| match value {
            Value::Array(items) => Some(Integers {
                numbers: items.iter().map(whole).collect::<Option<_>>()?,
                is_list: true,
            }),
            _ => Some(Integers { numbers: vec![whole(value)?], is_list: false }),
        })
    }

    /// The exponent of a power of two in float32, not necessarily an integer; or None.
    pub(super) fn exponent(&self, attribute: &'static str) -> Result<Option<f64>, ParseError> {
        let expected = format!("a number, -{MAX_INTEGER} to {MAX_INTEGER}, or None");
        self.optional(attribute, expected, |value| {
            value.as_f64().filter(|exponent| exponent.abs() <= MAX_INTEGER.into())
        })
    }

    /// Rejects an `alpha` whose product with a code of `code_bits` bits is not exact as f64.
    pub(super) fn exact_alpha(&self, alpha: &Alpha, code_bits: u32) -> Result<(), ParseError> {
        let bits = alpha.numbers().into_iter().map(|alpha| significant_bits(alpha.into()));
        let longest = bits.max().unwrap_or(0);
        if code_bits + longest.saturating_sub(1) <= MAX_BITS {
            return Ok(());
        }
        let bits = text(self.get("bits"));
        Err(self.wrong("alpha", format!("shorter, to be exact with bits={bits}")))
    }

    /// The exponent of `negative_slope`, a power of two; `None` for 0.
    pub(super) fn negative_slope(&self) -> Result<Option<i32>, ParseError> {
        self.read("negative_slope", "0 or a power of two", |value| match value.as_f64()? {
            0.0 => Some(None),
            slope => {
                let power = power_of_two(slope).filter(|power| power.abs() <= MAX_INTEGER);
                power.filter(|_| slope > 0.0).map(Some)
            }
        })
    }

    /// Rejects `attribute` stated as True.
    pub(super) fn must_not_be_set(&self, attribute: &'static str) -> Result<(), ParseError> {
        if self.is_none(attribute) || !self.flag(attribute)? {
            return Ok(());
        }
        let value = text(self.get(attribute));
        Err(ParseError::Unsupported { quantizer: self.kind.name, attribute, value })
    }

    /// `log2_rounding`: true if exponents are rounded down, false if to nearest.
    pub(super) fn floors_log2(&self) -> Result<bool, ParseError> {
        self.read("log2_rounding", "'rnd' or 'floor'", |value| match value.as_str()? {
            "rnd" => Some(false),
            "floor" => Some(true),
            _ => None,
        })
    }
}

/// The value of an attribute that is not stated.
fn default(role: Role) -> Value {
    match role {
        Role::Acts(text) | Role::Config(text) | Role::Trains(text) => {
            parse(text).unwrap_or_default()
        }
        Role::Scales | Role::Ignored => Value::Null,
    }
}

/// A finite float32 number.
fn float(value: &Value) -> Option<f32> {
    value.as_f64().map(|number| number as f32).filter(|number| number.is_finite())
}

/// The array of nested lists of finite float32 numbers.
fn array(value: &Value) -> Option<ArrayD<f32>> {
    match value {
        Value::Array(items) => {
            let items: Vec<ArrayD<f32>> = items.iter().map(array).collect::<Option<_>>()?;
            let views: Vec<_> = items.iter().map(|item| item.view()).collect();
            ndarray::stack(Axis(0), &views).ok()
        }
        _ => float(value).map(|number| ndarray::arr0(number).into_dyn()),
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

/// The call of `name`; an argument of `None` is at its default.
pub(super) fn call<const N: usize>(name: &str, arguments: [Option<String>; N]) -> String {
    format!("{name}({})", listed(arguments).unwrap_or_default())
}

/// The arguments of a call; `None` if all are at their defaults.
pub(super) fn listed(arguments: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    let stated: Vec<String> = arguments.into_iter().flatten().collect();
    (!stated.is_empty()).then(|| stated.join(","))
}

/// `attribute=value`; `None` for its default.
pub(super) fn named(attribute: &str, value: Option<impl fmt::Display>) -> Option<String> {
    value.map(|value| format!("{attribute}={value}"))
}

/// `attribute=1` if the flag is set.
pub(super) fn flag(attribute: &str, is_set: bool) -> Option<String> {
    named(attribute, is_set.then_some(1))
}

/// Attributes that act in training only and differ from their default.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Training(BTreeMap<&'static str, String>);

impl Training {
    pub(super) fn new(arguments: &Arguments) -> Result<Self, ParseError> {
        let mut stated = BTreeMap::new();
        for (name, role) in arguments.kind.attributes {
            if !matches!(role, Role::Trains(_)) {
                continue;
            }
            // Python's words for a flag are also 1 and 0.
            let value = match default(*role) {
                Value::Bool(neutral) => {
                    let flag = arguments.flag(name)?;
                    (flag != neutral).then_some(Value::Bool(flag))
                }
                neutral => {
                    let number = arguments.read(name, "a number", float)?;
                    (Some(number) != float(&neutral)).then(|| arguments.get(name).clone())
                }
            };
            stated.extend(value.map(|value| (*name, text(&value))));
        }
        Ok(Self(stated))
    }

    pub(super) fn notes(&self) -> Vec<TrainingNote> {
        let note = |(attribute, value): (&&'static str, &String)| TrainingNote::Attribute {
            attribute,
            value: value.clone(),
        };
        self.0.iter().map(note).collect()
    }

    /// The attributes in a call.
    pub(super) fn text(&self) -> Option<String> {
        listed(self.0.iter().map(|(attribute, value)| named(attribute, Some(value))))
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
