//! The functions of Keras on real numbers, and the sigmoids that QKeras quantizes.
//!
//! A function has a value in double precision ([`Function::value`]), breakpoints of its monotonicity
//! ([`Function::breakpoints`]), between which thresholds are found by bisection, and is exact arithmetic
//! on fixed-point numbers or not ([`Function::is_exact`]); an exact one needs no table.
//!
//! Double precision is enough: the elementary functions are within some 2^-52 of the real number, and
//! for a fixed-point argument other than 0 their value is never a threshold between two fixed-point
//! numbers (Lindemann and Weierstrass). Only a near miss could be decided wrongly, one in 2^40 for
//! results of twelve bits.

use std::fmt;
use std::str::FromStr;

use crate::fixed::significant_bits;

#[cfg(test)]
mod tests;

/// An activation function of Keras that acts on each element by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Function {
    /// `relu`, `relu6`, `leaky_relu`, and the layers ReLU, LeakyReLU, ThresholdedReLU.
    Relu(Relu),
    /// sinh x / cosh x.
    Tanh,
    /// 1 / (1 + e^-x).
    Sigmoid,
    /// x · `slope` + ½, from 0 to 1: 1/5 in Keras 2, 1/6 in Keras 3.
    HardSigmoid {
        /// One over the slope: 5 or 6.
        inverse_slope: u8,
    },
    /// -1 below, 1 above, x between.
    HardTanh,
    /// ln(1 + e^x).
    Softplus,
    /// x / (1 + |x|).
    Softsign,
    /// x for x > 0, `alpha` · (e^x - 1) for x ≤ 0.
    Elu {
        /// Minus the limit.
        alpha: f32,
    },
    /// [`Function::Elu`] with the scale and alpha of arXiv:1706.02515.
    Selu,
    /// e^x.
    Exponential,
    /// x · sigmoid(x), also called swish.
    Silu,
    /// x · clip(x/6 + ½, 0, 1), also called hard swish.
    HardSilu,
    /// x · Φ(x), Φ being the cumulative normal distribution.
    Gelu,
    /// x · tanh(softplus(x)).
    Mish,
    /// -softplus(-x).
    LogSigmoid,
    /// x - tanh x.
    TanhShrink,
    /// x for |x| > ½, else 0.
    HardShrink,
    /// sign(x) · max(|x| - ½, 0).
    SoftShrink,
    /// (x + √(x² + 4)) / 2.
    Squareplus,
    /// 0 for x ≤ -1, x for x ≥ 1, (x + 1)² / 4 between.
    SparsePlus,
    /// (x + 1) / 2, from 0 to 1.
    SparseSigmoid,
}

/// Keras' scale and alpha of SELU.
const SELU: (f64, f64) = (1.050_700_987_355_480_5, 1.673_263_242_354_377_2);

/// The x of the minima of silu, gelu and mish.
const MIN_SILU: f64 = -1.278_464_542_761_073_7;
const MIN_GELU: f64 = -0.751_791_524_693_564_5;
const MIN_MISH: f64 = -1.192_431_214_515_495_2;
/// The x of the minimum of x · (x/6 + ½).
const MIN_HARD_SILU: f64 = -1.5;
/// The threshold of the shrink functions.
const SHRINK: f64 = 0.5;

impl Function {
    /// The function of a finite `x` in double precision.
    pub fn value(&self, x: f64) -> f64 {
        match self {
            Self::Relu(relu) => relu.value(x),
            Self::Tanh => libm::tanh(x),
            Self::Sigmoid => Sigmoid::Real.value(x),
            Self::HardSigmoid { inverse_slope } => {
                (x / f64::from(*inverse_slope) + 0.5).clamp(0.0, 1.0)
            }
            Self::HardTanh => x.clamp(-1.0, 1.0),
            Self::Softplus => softplus(x),
            Self::Softsign => x / (1.0 + x.abs()),
            Self::Elu { alpha } => elu(x, f64::from(*alpha)),
            Self::Selu => SELU.0 * elu(x, SELU.1),
            Self::Exponential => libm::exp(x),
            Self::Silu => x * Sigmoid::Real.value(x),
            Self::HardSilu => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
            // The complementary error function keeps its precision near 0.
            Self::Gelu => 0.5 * x * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2),
            Self::Mish => x * libm::tanh(softplus(x)),
            Self::LogSigmoid => -softplus(-x),
            Self::TanhShrink => x - libm::tanh(x),
            Self::HardShrink if x.abs() > SHRINK => x,
            Self::HardShrink => 0.0,
            Self::SoftShrink => x.signum() * (x.abs() - SHRINK).max(0.0),
            Self::Squareplus => squareplus(x),
            Self::SparsePlus => match x {
                x if x <= -1.0 => 0.0,
                x if x < 1.0 => (x + 1.0) * (x + 1.0) / 4.0,
                x => x,
            },
            Self::SparseSigmoid => (0.5 * x + 0.5).clamp(0.0, 1.0),
        }
    }

    /// Breakpoints of monotonicity, ascending: the function is monotone on `t ≤ x < u` for neighbours t
    /// and u, below the first and from the last on. Empty for a monotone function.
    pub fn breakpoints(&self) -> Vec<f64> {
        match self {
            Self::Relu(relu) => relu.breakpoints(),
            Self::Silu => vec![MIN_SILU],
            // Constant up to -3.
            Self::HardSilu => vec![-3.0, MIN_HARD_SILU],
            Self::Gelu => vec![MIN_GELU],
            Self::Mish => vec![MIN_MISH],
            Self::Elu { alpha } if *alpha < 0.0 => vec![0.0],
            _ => vec![],
        }
    }

    /// True if a fixed-point argument gives a fixed-point value with a few bits more.
    pub fn is_exact(&self) -> bool {
        match self {
            Self::Relu(relu) => relu.is_exact(),
            Self::HardTanh => true,
            _ => false,
        }
    }
}

impl fmt::Display for Function {
    /// Keras' name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Relu(relu) => return relu.fmt(f),
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::HardSigmoid { .. } => "hard_sigmoid",
            Self::HardTanh => "hard_tanh",
            Self::Softplus => "softplus",
            Self::Softsign => "softsign",
            Self::Elu { .. } => "elu",
            Self::Selu => "selu",
            Self::Exponential => "exponential",
            Self::Silu => "silu",
            Self::HardSilu => "hard_silu",
            Self::Gelu => "gelu",
            Self::Mish => "mish",
            Self::LogSigmoid => "log_sigmoid",
            Self::TanhShrink => "tanh_shrink",
            Self::HardShrink => "hard_shrink",
            Self::SoftShrink => "soft_shrink",
            Self::Squareplus => "squareplus",
            Self::SparsePlus => "sparse_plus",
            Self::SparseSigmoid => "sparse_sigmoid",
        })
    }
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + libm::log1p(libm::exp(-x.abs()))
}

fn elu(x: f64, alpha: f64) -> f64 {
    if x > 0.0 { x } else { alpha * libm::expm1(x) }
}

/// Avoids the cancellation in the definition for negative x.
fn squareplus(x: f64) -> f64 {
    let root = libm::hypot(x, 2.0);
    if x < 0.0 { 2.0 / (root - x) } else { (x + root) / 2.0 }
}

/// Keras' `relu(x, negative_slope, max_value, threshold)`: x above the threshold, but at most
/// `max_value`; `negative_slope` · (x - threshold) up to the threshold.
///
/// Contrary to its documentation, Keras' code excludes the threshold itself: `relu(0.5, threshold=0.5)`
/// is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Relu {
    /// The upper limit.
    pub max_value: Option<f32>,
    /// The slope up to the threshold.
    pub negative_slope: f32,
    /// The function is x above the threshold.
    pub threshold: f32,
}

/// Maximum significant bits of a slope that is chosen for hardware; a decimal one like 0.3 has 24.
const MAX_SLOPE_BITS: u32 = 8;

impl Relu {
    /// `leaky_relu` with this slope.
    pub fn leaky(negative_slope: f32) -> Self {
        Self { negative_slope, ..Self::default() }
    }

    /// True if the slope has few bits.
    fn is_exact(&self) -> bool {
        significant_bits(self.negative_slope.into()) <= MAX_SLOPE_BITS
    }

    fn value(&self, x: f64) -> f64 {
        let threshold = f64::from(self.threshold);
        let passed = if x > threshold { x } else { 0.0 };
        let passed =
            self.max_value.map_or(passed, |max| passed.clamp(0.0, f64::from(max).max(0.0)));
        passed - f64::from(self.negative_slope) * (threshold - x).max(0.0)
    }

    fn breakpoints(&self) -> Vec<f64> {
        let zero = (self.threshold < 0.0).then_some(0.0);
        [f64::from(self.threshold).next_up()].into_iter().chain(zero).collect()
    }
}

impl fmt::Display for Relu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::default() {
            return f.write_str("relu");
        }
        let stated = [
            ("max_value", self.max_value),
            ("negative_slope", Some(self.negative_slope).filter(|slope| *slope != 0.0)),
            ("threshold", Some(self.threshold).filter(|threshold| *threshold != 0.0)),
        ];
        let stated =
            stated.iter().filter_map(|(name, value)| Some(format!("{name}={:?}", (*value)?)));
        write!(f, "relu({})", stated.collect::<Vec<_>>().join(", "))
    }
}

/// The sigmoid inside QKeras' quantizers: a variable of its module that `set_internal_sigmoid` sets and
/// no model file states.
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

    /// The slope of a sigmoid that is linear between its limits.
    pub fn slope(self) -> Option<f64> {
        match self {
            Self::Hard => Some(0.5),
            Self::Smooth => Some(0.1875),
            Self::Real => None,
        }
    }
}

/// An unknown kind of sigmoid.
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
