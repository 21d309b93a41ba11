//! Elements of operands in another order: gather, concatenation, and changes of shape.

use super::super::kernel::{Kernel, Scratch};
use super::super::storage::{Buffer, Run};
use crate::ir::{Concat, Gather, Tensor};

/// Runs of elements from operands to the result of each sample.
pub(super) struct Layout {
    operands: Vec<Part>,
    /// The first of neighbouring zeros in the result, and their number.
    zeros: Vec<(usize, usize)>,
    /// Elements of a sample of the result.
    len: usize,
}

/// The elements that a result takes from an operand.
struct Part {
    /// Elements of a sample of the operand.
    len: usize,
    runs: Vec<Run>,
}

impl Layout {
    /// The selection `gather` from `x`.
    pub(super) fn gather(gather: &Gather, x: &Tensor) -> Self {
        let mut layout = Self::new(&[x]);
        for index in &gather.indices {
            layout.push(index.map(|index| (0, index)), 1);
        }
        layout
    }

    /// The same elements as `x`.
    pub(super) fn same(x: &Tensor) -> Self {
        let mut layout = Self::new(&[x]);
        layout.push(Some((0, 0)), x.len());
        layout
    }

    /// The `operands` joined.
    pub(super) fn concat(concat: &Concat, operands: &[&Tensor]) -> Self {
        let mut layout = Self::new(operands);
        let outer: usize = operands[0].shape[..concat.axis].iter().product();
        for at in 0..outer {
            for (operand, x) in operands.iter().enumerate() {
                let run = x.len() / outer.max(1);
                layout.push(Some((operand, at * run)), run);
            }
        }
        layout
    }

    fn new(operands: &[&Tensor]) -> Self {
        let part = |x: &&Tensor| Part { len: x.len(), runs: vec![] };
        Self { operands: operands.iter().map(part).collect(), zeros: vec![], len: 0 }
    }

    /// Appends elements, to the last run if they follow it.
    fn push(&mut self, from: Option<(usize, usize)>, len: usize) {
        let to = self.len;
        match from {
            Some((operand, from)) => {
                let runs = &mut self.operands[operand].runs;
                match runs.last_mut() {
                    Some(last) if (last.from + last.len, last.to + last.len) == (from, to) => {
                        last.len += len;
                    }
                    _ => runs.push(Run { to, from, len }),
                }
            }
            None => match self.zeros.last_mut() {
                Some((first, zeros)) if *first + *zeros == to => *zeros += len,
                _ => self.zeros.push((to, len)),
            },
        }
        self.len += len;
    }
}

impl Kernel for Layout {
    fn run(
        &self,
        operands: &[&Buffer],
        result: &mut Buffer,
        samples: usize,
        _: &mut Scratch,
    ) -> Option<()> {
        for (x, Part { len, runs }) in operands.iter().zip(&self.operands) {
            let of_sample = |sample: usize| {
                runs.iter().map(move |run| Run {
                    to: sample * self.len + run.to,
                    from: sample * len + run.from,
                    len: run.len,
                })
            };
            result.copy(x, (0..samples).flat_map(of_sample));
        }
        for sample in 0..samples {
            for (first, zeros) in &self.zeros {
                result.clear(sample * self.len + first, *zeros);
            }
        }
        Some(())
    }

    fn algorithm(&self) -> String {
        "layout".to_owned()
    }
}
