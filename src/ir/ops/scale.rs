//! Multiplication by a power of two.

use std::borrow::Cow;

use ndarray::ArrayD;

use super::{Effect, Evaluate, OpError, Operand, Operation, single};
use crate::fixed::Word;
use crate::ir::Tensor;
use crate::ir::text::{Described, described};

/// `y = x · 2^power`: the same codes in a format with another binary point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Binary exponent of the factor.
    pub power: i32,
}

described!("scale", Scale { power });

impl Operation for Scale {
    fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError> {
        let x = single(self.name(), operands)?;
        let format = x.format.scaled(self.power).map_err(OpError::format("scaled result"))?;
        Ok(Tensor { format, ..x.clone() })
    }

    fn is_uniform(&self) -> bool {
        true
    }

    fn effect(&self, _: usize) -> Effect {
        Effect::Shifts { power: self.power }
    }
}

impl Evaluate for Scale {
    fn evaluate<W: Word>(&self, operands: &[Operand<'_>], _: &Tensor) -> Option<ArrayD<W>> {
        W::view(operands.first()?.codes).map(Cow::into_owned)
    }
}
