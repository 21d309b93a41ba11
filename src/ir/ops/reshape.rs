//! Change of shape.

use ndarray::ArrayD;

use super::gather::ranges_at;
use super::{Effect, Evaluate, OpError, Operand, Operation, ensure, shaped, single};
use crate::fixed::Word;
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

    fn effect(&self, _: usize) -> Effect {
        Effect::Selects
    }
}

impl Evaluate for Reshape {
    fn evaluate<W: Word>(&self, operands: &[Operand<'_>], result: &Tensor) -> Option<ArrayD<W>> {
        let codes = W::view(operands.first()?.codes)?;
        let samples = *codes.shape().first()?;
        shaped(codes.iter().cloned().collect(), samples, result)
    }
}
