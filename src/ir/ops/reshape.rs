//! Change of shape.

use super::gather::ranges_at;
use super::{Effect, OpError, Operand, Operation, ensure, single};
use crate::fixed::Codes;
use crate::ir::Tensor;
use crate::ir::text::{Described, described};

/// The elements of x in another shape, in the same row-major order. Needs no hardware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reshape {
    /// Shape of the result, with as many elements as x.
    pub shape: Vec<usize>,
}

described!("reshape", Reshape { shape });

impl Operation for Reshape {
    fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError> {
        let x = single(self.name(), operands)?;
        let count: usize = self.shape.iter().product();
        ensure(count == x.len(), "its shape has another number of elements than its operand")?;
        let ranges = ranges_at(x, (0..x.len()).map(Some));
        Ok(Tensor::new(self.shape.clone(), x.format, ranges))
    }

    fn evaluate(&self, operands: &[Operand<'_>], _: &Tensor) -> Option<Codes> {
        let x = operands.first()?.codes;
        let samples = *x.shape().first()?;
        let shape = std::iter::once(samples).chain(self.shape.iter().copied()).collect::<Vec<_>>();
        x.clone().reshaped(&shape)
    }

    fn is_uniform(&self) -> bool {
        false
    }

    fn effect(&self, _: usize) -> Effect {
        Effect::Selects
    }
}
