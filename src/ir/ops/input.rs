//! Inputs of the network.

use ndarray::ArrayD;

use super::{Evaluate, OpError, Operand, Operation};
use crate::fixed::{Format, Word};
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
}

impl Evaluate for Input {
    /// `None`: the simulation supplies the samples.
    fn evaluate<W: Word>(&self, _: &[Operand<'_>], _: &Tensor) -> Option<ArrayD<W>> {
        None
    }
}
