//! Step functions.

use std::collections::HashMap;

use ndarray::ArrayD;
use num_bigint::BigInt;

use super::{Evaluate, OpError, Operand, Operation, ensure, single};
use crate::fixed::{Range, Word};
use crate::ir::text::{Described, described};
use crate::ir::{Constant, Tensor};

/// `y = values[k]` for the x from `thresholds[k - 1]` (inclusive) up to `thresholds[k]`
/// (exclusive).
#[derive(Clone, Debug, PartialEq)]
pub struct StepFunction {
    /// Ascending codes of the operand's format, one fewer than values.
    pub thresholds: Constant,
    /// Codes of the result's format.
    pub values: Constant,
}

described!("step_function", StepFunction { thresholds, values });

impl Operation for StepFunction {
    fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError> {
        let x = single(self.name(), operands)?;
        let count = self.values.codes.len();
        ensure(count > 0 && *self.values.codes.shape() == [count], "its values are not a list")?;
        ensure(
            *self.thresholds.codes.shape() == [count - 1],
            "its thresholds are not one fewer than its values",
        )?;
        let thresholds: Vec<BigInt> = self.thresholds.codes.iter().collect();
        ensure(thresholds.is_sorted_by(|a, b| a < b), "its thresholds do not ascend")?;
        let values: Vec<BigInt> = self.values.codes.iter().collect();
        let step = |code: &BigInt| thresholds.partition_point(|threshold| threshold <= code);
        // Channels often share the same steps: compute each result range once.
        let mut reached: HashMap<(usize, usize), Range> = HashMap::new();
        let ranges = x.ranges.iter().map(|x| {
            let (first, last) = (step(x.low()), step(x.high()));
            let between = || {
                let steps = values[first..=last].iter();
                let (low, high) = (steps.clone().min(), steps.max());
                let (low, high) = low.zip(high).expect("a range has a first step");
                Range::new(low.clone(), high.clone())
            };
            reached.entry((first, last)).or_insert_with(between).clone()
        });
        let ranges = ranges.collect();
        Ok(Tensor::new(x.shape.clone(), self.values.format, ranges))
    }

    fn is_uniform(&self) -> bool {
        true
    }
}

impl Evaluate for StepFunction {
    fn evaluate<W: Word>(&self, operands: &[Operand<'_>], _: &Tensor) -> Option<ArrayD<W>> {
        let x = operands.first()?;
        let thresholds: Vec<W> = W::view(&self.thresholds.codes)?.iter().cloned().collect();
        let values: Vec<W> = W::view(&self.values.codes)?.iter().cloned().collect();
        let step = |code: &W| thresholds.partition_point(|threshold| threshold <= code);
        let steps = W::view(x.codes)?.map(step);
        let in_range = steps.iter().all(|step| *step < values.len());
        in_range.then(|| steps.map(|step| values[*step].clone()))
    }
}
