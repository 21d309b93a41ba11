//! The functions of Keras as they are defined on real numbers, and the sigmoids that QKeras
//! quantizes.
//!
//! A function knows three things: its value in double precision ([`Function::value`]), where it
//! turns from falling to rising or back ([`Function::turns`]), by which whoever tabulates it finds
//! the thresholds of its steps by bisection, and whether it is exact arithmetic on fixed-point
//! numbers ([`Function::is_exact`]), so that no table is needed.
//!
//! Double precision decides values well: the elementary functions are within some 2^-52 of the
//! real number, and none of them meets a threshold between two fixed-point numbers for a
//! fixed-point argument other than 0 (Lindemann and Weierstrass), so that only a near miss of one in
//! 2^40 could be decided wrongly for results of twelve bits.

mod relu;
mod sigmoid;
#[cfg(test)]
mod tests;

use std::fmt;

pub use relu::Relu;
pub use sigmoid::Sigmoid;

/// An activation function of Keras that acts on each element by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Function {
    /// The rectifiers: `relu`, `relu6`, `leaky_relu`, the layers ReLU, LeakyReLU, ThresholdedReLU.
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
    /// x where it is positive, `alpha` · (e^x - 1) elsewhere.
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
    /// x · Φ(x), Φ being the normal distribution.
    Gelu,
    /// x · tanh(softplus(x)).
    Mish,
    /// -softplus(-x).
    LogSigmoid,
    /// x - tanh x.
    TanhShrink,
    /// x where |x| > ½, 0 elsewhere.
    HardShrink,
    /// x moved towards 0 by ½, 0 where it would pass.
    SoftShrink,
    /// (x + √(x² + 4)) / 2.
    Squareplus,
    /// 0 up to -1, x from 1 on, (x + 1)² / 4 between.
    SparsePlus,
    /// (x + 1) / 2, from 0 to 1.
    SparseSigmoid,
}

/// Scale and alpha of SELU, as Keras has them.
const SELU: (f64, f64) = (1.050_700_987_355_480_5, 1.673_263_242_354_377_2);

/// Where silu, gelu and mish are least.
const LEAST_SILU: f64 = -1.278_464_542_761_073_7;
const LEAST_GELU: f64 = -0.751_791_524_693_564_5;
const LEAST_MISH: f64 = -1.192_431_214_515_495_2;
/// Where x · (x/6 + ½) is least.
const LEAST_HARD_SILU: f64 = -1.5;
/// How far the shrinking functions shrink.
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
            // The complement keeps its digits where the distribution nears 0.
            Self::Gelu => 0.5 * x * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2),
            Self::Mish => x * libm::tanh(softplus(x)),
            Self::LogSigmoid => -softplus(-x),
            Self::TanhShrink => x - libm::tanh(x),
            Self::HardShrink => {
                if x.abs() > SHRINK {
                    x
                } else {
                    0.0
                }
            }
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

    /// Ascending numbers, such that the function never turns between two of them: on `t ≤ x < u` for
    /// neighbours t and u, below the first and from the last on, it only rises or only falls.
    pub fn turns(&self) -> Vec<f64> {
        match self {
            Self::Relu(relu) => relu.turns(),
            Self::Silu => vec![LEAST_SILU],
            // Constant up to -3.
            Self::HardSilu => vec![-3.0, LEAST_HARD_SILU],
            Self::Gelu => vec![LEAST_GELU],
            Self::Mish => vec![LEAST_MISH],
            Self::Elu { alpha } if *alpha < 0.0 => vec![0.0],
            _ => vec![],
        }
    }

    /// Whether fixed-point numbers become fixed-point numbers of a few bits more.
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

/// Without the cancellation that the definition has for negative x.
fn squareplus(x: f64) -> f64 {
    let root = libm::hypot(x, 2.0);
    if x < 0.0 { 2.0 / (root - x) } else { (x + root) / 2.0 }
}
