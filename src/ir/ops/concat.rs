//! Tensors joined along an axis.

use ndarray::{ArrayD, Axis};

use super::{Effect, Evaluate, OpError, Operand, Operation, ensure};
use crate::fixed::{Range, Word};
use crate::ir::Tensor;
use crate::ir::text::{Described, described};

/// Operands of one format joined along an axis, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concat {
    /// Axis of a sample.
    pub axis: usize,
}

described!("concat", Concat { axis });

impl Operation for Concat {
    fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError> {
        let [first, others @ ..] = operands else {
            return Err(OpError::Operands { operation: self.name(), found: 0 });
        };
        ensure(self.axis < first.shape.len(), "its operands have no such axis")?;
        let mut shape = first.shape.clone();
        for other in others {
            let same = |(a, (one, two)): (usize, (&usize, &usize))| a == self.axis || one == two;
            let fits = first.shape.len() == other.shape.len()
                && first.shape.iter().zip(&other.shape).enumerate().all(same);
            ensure(fits, "its operands differ in an axis other than the joined one")?;
            ensure(other.format == first.format, "its operands differ in their formats")?;
            shape[self.axis] += other.shape[self.axis];
        }
        Ok(Tensor::new(shape, first.format, self.ranges(operands)))
    }

    fn effect(&self, _: usize) -> Effect {
        Effect::Selects
    }
}

impl Evaluate for Concat {
    fn evaluate<W: Word>(&self, operands: &[Operand<'_>], _: &Tensor) -> Option<ArrayD<W>> {
        let arrays: Vec<_> = operands.iter().map(|x| W::view(x.codes)).collect::<Option<_>>()?;
        let views: Vec<_> = arrays.iter().map(|array| array.view()).collect();
        // The first axis counts samples. `concatenate` may return another memory order.
        let joined = ndarray::concatenate(Axis(self.axis + 1), &views).ok()?;
        Some(joined.as_standard_layout().into_owned())
    }
}

impl Concat {
    /// Ranges of the elements of the result, row-major; a single one if all are equal.
    fn ranges(&self, operands: &[&Tensor]) -> Vec<Range> {
        let first = &operands[0].ranges;
        if first.len() == 1 && operands.iter().all(|x| x.ranges == *first) {
            return first.clone();
        }
        // Row-major, the result is a run of each operand in turn.
        let outer: usize = operands[0].shape[..self.axis].iter().product();
        let run = |x: &Tensor| x.len() / outer.max(1);
        let runs = (0..outer).flat_map(|at| operands.iter().map(move |x| (at, *x)));
        runs.flat_map(|(at, x)| (at * run(x)..(at + 1) * run(x)).map(|i| x.range_at(i).clone()))
            .collect()
    }
}
