//! The sigmoid inside of QKeras' quantizers.

use std::fmt;
use std::str::FromStr;

/// What QKeras' quantizers take for a sigmoid: a variable of its module that
/// `set_internal_sigmoid` sets and no model file states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sigmoid {
    /// `hard_sigmoid`: x/2 + ½, from 0 to 1. QKeras' default.
    #[default]
    Hard,
    /// `smooth_sigmoid`: 3x/16 + ½, from 0 to 1.
    Smooth,
    /// 1 / (1 + e^-x).
    Real,
}

impl Sigmoid {
    /// All kinds, by their names.
    pub const ALL: [(&'static str, Self); 3] =
        [("hard", Self::Hard), ("smooth", Self::Smooth), ("real", Self::Real)];

    /// The sigmoid of `x`.
    pub fn value(self, x: f64) -> f64 {
        match self.slope() {
            Some(slope) => (slope * x + 0.5).clamp(0.0, 1.0),
            // Two forms, so that neither exponential overflows.
            None if x < 0.0 => {
                let e = libm::exp(x);
                e / (1.0 + e)
            }
            None => 1.0 / (1.0 + libm::exp(-x)),
        }
    }

    /// The slope at 0, where the sigmoid is a straight line between its limits.
    pub fn slope(self) -> Option<f64> {
        match self {
            Self::Hard => Some(0.5),
            Self::Smooth => Some(0.1875),
            Self::Real => None,
        }
    }
}

/// A word that is no kind of sigmoid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is none of hard, smooth, real")]
pub struct UnknownSigmoid(String);

impl FromStr for Sigmoid {
    type Err = UnknownSigmoid;

    fn from_str(word: &str) -> Result<Self, UnknownSigmoid> {
        let known = Self::ALL.into_iter().find(|(name, _)| *name == word);
        known.map(|(_, kind)| kind).ok_or_else(|| UnknownSigmoid(word.into()))
    }
}

impl fmt::Display for Sigmoid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hard => "hard",
            Self::Smooth => "smooth",
            Self::Real => "real",
        })
    }
}
