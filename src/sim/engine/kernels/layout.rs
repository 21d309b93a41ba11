//! Elements of operands in another order: gather, concatenation, and changes of shape.

use super::super::kernel::{Kernel, Scratch};
use super::super::storage::Buffer;
use crate::ir::{Concat, Gather, Tensor};

/// Runs of elements from operands to the result of each sample.
pub(super) struct Layout {
    runs: Vec<Run>,
    /// Elements of a sample of each operand.
    operands: Vec<usize>,
    /// Elements of a sample of the result.
    len: usize,
}

/// Neighbouring elements of an operand, or zeros.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// The operand and its first element; `None` for zeros.
    from: Option<(usize, usize)>,
    to: usize,
    len: usize,
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
        Self { runs: vec![], operands: operands.iter().map(|x| x.len()).collect(), len: 0 }
    }

    /// Appends elements, to the last run if they follow it.
    fn push(&mut self, from: Option<(usize, usize)>, len: usize) {
        let next = |run: &Run| run.from.map(|(operand, first)| (operand, first + run.len));
        match self.runs.last_mut() {
            Some(last) if next(last) == from => last.len += len,
            _ => self.runs.push(Run { from, to: self.len, len }),
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
        for (operand, x) in operands.iter().enumerate() {
            for sample in 0..samples {
                let own =
                    self.runs.iter().filter(|it| it.from.is_none_or(|from| from.0 == operand));
                for run in own {
                    let to = sample * self.len + run.to;
                    match run.from {
                        Some((_, first)) => {
                            let first = sample * self.operands[operand] + first;
                            result.copy(to, x, first, run.len);
                        }
                        None => result.clear(to, run.len),
                    }
                }
            }
        }
        Some(())
    }

    fn algorithm(&self) -> String {
        "layout".to_owned()
    }
}
