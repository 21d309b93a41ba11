//! QTools' operators: which gate computes two types, and the type of its result.
//!
//! The sums here are those of `adder_impl.py` and `accumulator_impl.py`.

mod batch_norm;
mod divider;
pub mod merge;
mod multiplier;

use serde::Serialize;

pub use batch_norm::BatchNormOperators;
pub use divider::divider;
pub use multiplier::multiplier;

use super::data_type::{DataType, Form};

/// Operation that a gate computes; its serialized form is QTools' `op_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum Operation {
    /// A multiplication.
    #[serde(rename = "mul")]
    Multiply,
    /// An addition: of exponents, or of values.
    #[serde(rename = "add")]
    Add,
    /// A shift by a distance that is an operand.
    #[serde(rename = "shifter")]
    Shift,
    /// A selection of a value, its negative, or 0.
    #[serde(rename = "mux")]
    Mux,
    /// An exclusive or of signs.
    #[serde(rename = "xor")]
    Xor,
    /// A selection of a value or 0.
    #[serde(rename = "and")]
    And,
}

impl Operation {
    /// QTools' name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Multiply => "mul",
            Self::Add => "add",
            Self::Shift => "shifter",
            Self::Mux => "mux",
            Self::Xor => "xor",
            Self::And => "and",
        }
    }
}

/// A gate: the type of its result, and what its energy depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// Type of the result.
    pub output: DataType,
    /// Operation.
    pub operation: Operation,
    /// Energy relative to the operation's.
    pub factor: f64,
    /// Bits that the energy depends on.
    pub bits: f64,
}

impl Gate {
    /// The same gate with a result of the type `output`.
    #[must_use]
    pub fn with_output(self, output: &DataType) -> Self {
        Self { output: output.clone(), ..self }
    }
}

/// The type of a sum of two operands.
pub fn adder(one: &DataType, other: &DataType) -> DataType {
    if one.is_float() || other.is_float() {
        return DataType::float(one.bits.max(other.bits));
    }
    // QTools' table adds the exponents' bits of a power of two as they are if the other is 0 or 1.
    if one.is_po2() && other.form == Form::ZeroOne {
        return fixed(one, other);
    }
    fixed(&one.as_fixed(), &other.as_fixed())
}

fn fixed(one: &DataType, other: &DataType) -> DataType {
    let int_bits = one.int_bits.max(other.int_bits) + 1;
    let sign = one.sign.or(other.sign);
    let fraction = one.fraction().max(other.fraction());
    DataType::fixed(int_bits + sign.bit() + fraction, int_bits, sign)
}

/// The type of a sum of `terms` products of the type `product`, and of a bias if `has_bias`: the bits
/// of a product, and those that the count of additions needs.
pub fn accumulator(terms: usize, product: &DataType, has_bias: bool) -> DataType {
    if product.is_float() {
        return DataType::float(product.bits);
    }
    let additions = terms + usize::from(has_bias);
    let carry = i64::from(additions.max(1).next_power_of_two().trailing_zeros());
    let product = product.as_fixed();
    DataType::fixed(carry + product.bits, carry + product.int_bits, product.sign)
}
