//! QTools' operators: which gate computes two types, and the type of its result.

mod batch_norm;
mod divider;
pub mod merge;
mod multiplier;
mod sum;

use serde::Serialize;

pub use batch_norm::BatchNormOperators;
pub use divider::divider;
pub use multiplier::multiplier;
pub use sum::{accumulator, adder};

use super::data_type::DataType;

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
