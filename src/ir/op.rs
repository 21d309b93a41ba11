//! The operations.

use num_bigint::BigInt;

use super::{Affine, Constant, Leaky};
use crate::fixed::{Format, Overflow, Quantization, Rounding};

/// What a node computes. Every operation is exact on integer codes; where bits are dropped, the
/// operation says how.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// A place where samples enter. No operand.
    Input,
    /// Products with constants, summed along the last axis.
    Linear(Linear),
    /// A factor and a summand for each channel.
    Affine(Affine),
    /// The operand's values in the result's format.
    Cast {
        /// What happens to the bits below.
        rounding: Rounding,
        /// What happens to the bits above.
        overflow: Overflow,
    },
    /// Values below `low` become `low`, values above `high` become `high`. Codes of the operand's
    /// fraction, which the result keeps; `None` leaves that side alone.
    Clamp {
        /// The smallest code that passes.
        low: Option<BigInt>,
        /// The largest code that passes.
        high: Option<BigInt>,
    },
    /// The operand above some code, a line below: the exact leaky ReLU.
    Leaky(Leaky),
    /// The operand times 2^`power`: the same codes in a format whose point stands elsewhere.
    Scale {
        /// Places that the value moves up.
        power: i32,
    },
    /// A piecewise constant function.
    Steps(Steps),
    /// Softmax along the last axis, by tables.
    Softmax(Softmax),
    /// The same elements in another shape, row-major.
    Reshape,
}

/// `y[.., o] = Σ_i x[.., i] · weights[i, o] + bias[o]`, exact: the result's fraction is that of
/// x plus that of the weights (or the bias' if that is larger), and its format holds every partial
/// sum in any order of summation.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// \[inputs, outputs\].
    pub weights: Constant,
    /// \[outputs\], in any format whose fraction is at most the result's.
    pub bias: Option<Constant>,
}

/// A piecewise constant function: `values[k]` for operands from `boundaries[k - 1]` (inclusive)
/// up to `boundaries[k]` (exclusive).
#[derive(Clone, Debug, PartialEq)]
pub struct Steps {
    /// Ascending codes of the operand's format, one fewer than values.
    pub boundaries: Constant,
    /// Codes of the result's format.
    pub values: Constant,
}

/// Softmax by two tables, shifted by the largest element so that no exponential exceeds 1.
///
/// For each row of n elements:
/// 1. `d_i = max_j x_j - x_i`, exact;
/// 2. `e_i = exp_table[d_i as exp_index]`, the index being the code of `d_i` cast to `exp_index`;
/// 3. `s = Σ e_i`, exact in `sum`; at least 1, since one `d_i` is 0 and `exp_table[0]` is 1;
/// 4. `h` = the number of halvings that bring `s` below 2; `m = s / 2^h`, exact;
/// 5. `y_i = e_i · inverse_table[(m - 1) as inverse_index] / 2^h`, exact, then cast to the
///    result's format with `rounding` and `overflow`.
#[derive(Clone, Debug, PartialEq)]
pub struct Softmax {
    /// The type that a difference is cast to; unsigned, as many bits as the table has address
    /// lines.
    pub exp_index: Quantization,
    /// exp(-d) for each code of `exp_index`.
    pub exp_table: Constant,
    /// Holds the sum of a row.
    pub sum: Format,
    /// How often a sum may need halving: s < 2^(`halvings` + 1).
    pub halvings: u32,
    /// The type that m - 1 is cast to; unsigned, no bits above the point.
    pub inverse_index: Quantization,
    /// 1 / (1 + f) for each code of `inverse_index`.
    pub inverse_table: Constant,
    /// What happens to the bits below the result's format.
    pub rounding: Rounding,
    /// What happens to the bits above the result's format.
    pub overflow: Overflow,
}

impl Linear {
    /// How many products a row takes whose weight is neither 0 nor ± a power of two. The others
    /// are wires: an adder at most, never a multiplier.
    pub fn multiplications(&self) -> usize {
        self.weights.codes.iter().filter(|code| code.magnitude().count_ones() > 1).count()
    }
}

impl Op {
    /// How many operands the operation takes.
    pub fn arity(&self) -> usize {
        match self {
            Op::Input => 0,
            _ => 1,
        }
    }

    /// The operation's name, as tables and graphs show it.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Input => "input",
            Op::Linear(_) => "linear",
            Op::Affine(_) => "affine",
            Op::Cast { .. } => "cast",
            Op::Clamp { .. } => "clamp",
            Op::Leaky(_) => "leaky",
            Op::Scale { .. } => "scale",
            Op::Steps(_) => "steps",
            Op::Softmax(_) => "softmax",
            Op::Reshape => "reshape",
        }
    }
}
