//! The operations.

use num_bigint::BigInt;
use num_traits::Zero;

use super::{Affine, Constant, Conv, Gather, Leaky, Merge, Pool, PoolKind, Softmax};
use crate::fixed::{Overflow, Rounding, power_of_two_code};

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
    StepFunction(StepFunction),
    /// Softmax along the last axis, by tables.
    Softmax(Softmax),
    /// The same elements in another shape, row-major.
    Reshape,
    /// Products with constants, summed over windows.
    Conv(Conv),
    /// The largest or the sum of the taps of windows.
    Pool(Pool),
    /// The operand's elements in other places, zeros between them.
    Gather(Gather),
    /// The operands one behind the other.
    Concat {
        /// The axis of a sample along which.
        axis: usize,
    },
    /// The elements of several operands of one shape.
    Merge(Merge),
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

/// A piecewise constant function: `values[k]` for operands from `thresholds[k - 1]` (inclusive)
/// up to `thresholds[k]` (exclusive).
#[derive(Clone, Debug, PartialEq)]
pub struct StepFunction {
    /// Ascending codes of the operand's format, one fewer than values.
    pub thresholds: Constant,
    /// Codes of the result's format.
    pub values: Constant,
}

impl Linear {
    /// How many products a row takes whose weight is neither 0 nor ± a power of two. The others
    /// are wires: an adder at most, never a multiplier.
    pub fn multiplications(&self) -> usize {
        let is_trivial = |code: &BigInt| code.is_zero() || power_of_two_code(code).is_some();
        self.weights.codes.iter().filter(|code| !is_trivial(code)).count()
    }
}

impl Op {
    /// Whether the operation takes this many operands.
    pub fn takes(&self, operands: usize) -> bool {
        match self {
            Op::Input => operands == 0,
            Op::Concat { .. } => operands > 0,
            Op::Merge(merge) => merge.takes(operands),
            _ => operands == 1,
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
            Op::StepFunction(_) => "step_function",
            Op::Softmax(_) => "softmax",
            Op::Reshape => "reshape",
            Op::Conv(_) => "conv",
            Op::Pool(Pool { kind: PoolKind::Max, .. }) => "max_pool",
            Op::Pool(Pool { kind: PoolKind::Sum, .. }) => "sum_pool",
            Op::Gather(_) => "gather",
            Op::Concat { .. } => "concat",
            Op::Merge(merge) => merge.name(),
        }
    }
}
