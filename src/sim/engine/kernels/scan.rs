//! Recurrent layers: the plan of the body, run step by step on all samples of a block.

use super::super::kernel::{Kernel, Scratch};
use super::super::plan::Plan;
use super::super::storage::Buffer;
use crate::ir::{NodeId, Scan, Tensor};

/// A body and the rows that it takes and gives.
pub(super) struct Recurrence<'g> {
    scan: &'g Scan,
    plan: Plan<'g>,
    /// Number of steps.
    steps: usize,
    /// Elements of a row of each sequence.
    rows: Vec<usize>,
}

impl<'g> Recurrence<'g> {
    /// The kernel of `scan` for its `operands`; `None` if a sample starts from the states of the one
    /// before it.
    pub(super) fn new(scan: &'g Scan, operands: &[&Tensor]) -> Option<Self> {
        if scan.stateful {
            return None;
        }
        let outputs: Vec<NodeId> = scan.body.outputs.iter().map(|output| output.node).collect();
        let states = scan.states();
        let sequences = scan.body.inputs.len().checked_sub(states)?;
        let steps = *operands.first()?.shape.first()?;
        let rows = operands.get(..sequences)?.iter().map(|x| x.len() / steps).collect();
        Some(Self { scan, plan: Plan::new(&scan.body, &outputs), steps, rows })
    }
}

impl Kernel for Recurrence<'_> {
    fn run(
        &self,
        operands: &[&Buffer],
        result: &mut Buffer,
        samples: usize,
        _: &mut Scratch,
    ) -> Option<()> {
        self.plan.with_workspace(|workspace| {
            let (sequences, starts) = operands.split_at_checked(self.rows.len())?;
            let states = self.plan.inputs().get(self.rows.len()..)?;
            for (at, slot) in states.iter().enumerate() {
                let state = workspace.buffers.get_mut(*slot);
                match self.scan.initial.get(at) {
                    Some(constant) => state.load(&constant.codes.repeated(samples), 0..samples),
                    None => {
                        let start = starts.get(at)?;
                        state.resize(start.len());
                        state.copy(0, start, 0, start.len());
                    }
                }
            }
            let results: Vec<_> = self.plan.kept().collect();
            let (row, next) = results.split_first()?;
            for step in 0..self.steps {
                for ((sequence, len), slot) in
                    sequences.iter().zip(&self.rows).zip(self.plan.inputs())
                {
                    let input = workspace.buffers.get_mut(*slot);
                    input.resize(samples * len);
                    for sample in 0..samples {
                        let from = (sample * self.steps + step) * len;
                        input.copy(sample * len, sequence, from, *len);
                    }
                }
                self.plan.run_steps(workspace, samples, None).ok()?;
                if !self.scan.last || step + 1 == self.steps {
                    let row = workspace.buffers.get(*row);
                    let (each, place) = if self.scan.last { (1, 0) } else { (self.steps, step) };
                    let len = row.len() / samples.max(1);
                    for sample in 0..samples {
                        result.copy((sample * each + place) * len, row, sample * len, len);
                    }
                }
                // A next state may be another one, so that all are read before any is written.
                let values: Vec<Buffer> =
                    next.iter().map(|slot| workspace.buffers.get(*slot).clone()).collect();
                for (slot, value) in states.iter().zip(&values) {
                    workspace.buffers.get_mut(*slot).copy(0, value, 0, value.len());
                }
            }
            Some(())
        })
    }

    fn macs(&self) -> usize {
        self.steps * self.plan.macs().sum::<usize>()
    }

    fn algorithm(&self) -> String {
        format!("{} steps of {} kernels", self.steps, self.plan.len())
    }
}
