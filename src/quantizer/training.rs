//! What acts in training only.

use std::fmt;

use serde_json::Value;

use super::ParseError;
use super::parameters::{Parameters, text};

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
