//! Inputs of the network.

use super::{Effect, OpError, Operand, Operation};
use crate::fixed::{Codes, Format};
use crate::ir::Tensor;
use crate::ir::text::{Described, described};

/// An input of the network: any code of its format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Elements along each axis of one sample.
    pub shape: Vec<usize>,
    /// Format of every element.
    pub format: Format,
}

described!("input", Input { shape, format });

impl Operation for Input {
    fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError> {
        match operands {
            [] => Ok(Tensor::full(self.shape.clone(), self.format)),
            _ => Err(OpError::Operands { operation: self.name(), found: operands.len() }),
        }
    }

    /// `None`: the simulation supplies the samples.
    fn evaluate(&self, _: &[Operand<'_>], _: &Tensor) -> Option<Codes> {
        None
    }

    fn is_uniform(&self) -> bool {
        false
    }

    fn effect(&self, _: usize) -> Effect {
        Effect::Computes
    }
}
