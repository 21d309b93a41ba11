//! Recurrent layers: the plan of the body, run step by step on all samples of a block.

use super::super::kernel::{Kernel, Scratch};
use super::super::plan::Plan;
use super::super::schedule::{Slot, Workspace};
use super::super::storage::{Buffer, Run};
use crate::ir::{NodeId, Scan, Tensor};

/// Samples of a block, at least: a step has many kernels of little work for each sample.
const SAMPLES: usize = 64;

/// A body and the rows that it takes and gives.
pub(super) struct Recurrence<'g> {
    scan: &'g Scan,
    plan: Plan<'g>,
    /// Number of steps.
    steps: usize,
    /// Elements of a row of each sequence.
    rows: Vec<usize>,
    /// Buffer of the row of the result.
    row: Slot,
    /// For each state, its buffer and that of the next one.
    states: Vec<(Slot, Slot)>,
    /// True if each next state has a buffer of its own, of the type of the state: it is moved.
    are_apart: bool,
}

impl<'g> Recurrence<'g> {
    /// The kernel of `scan` for its `operands`; `None` if these are not its operands.
    pub(super) fn new(scan: &'g Scan, operands: &[&Tensor]) -> Option<Self> {
        let outputs: Vec<NodeId> = scan.body.outputs.iter().map(|output| output.node).collect();
        let sequences = scan.body.inputs.len().checked_sub(scan.states())?;
        let steps = *operands.first()?.shape.first()?;
        let rows = operands.get(..sequences)?.iter().map(|x| x.len() / steps).collect();
        let plan = Plan::new(&scan.body, &outputs);
        let results: Vec<Slot> = plan.kept().collect();
        let (row, next) = results.split_first()?;
        let inputs = plan.inputs();
        let states: Vec<(Slot, Slot)> =
            inputs.get(sequences..)?.iter().copied().zip(next.iter().copied()).collect();
        let are_apart = states.iter().enumerate().all(|(at, (state, next))| {
            let is_other = |(_, other): &(Slot, Slot)| other != next;
            plan.width(*state) == plan.width(*next) && states[..at].iter().all(is_other)
        });
        Some(Self { scan, steps, rows, row: *row, states, are_apart, plan })
    }

    /// Sets the states from which `samples` samples start.
    fn start(&self, workspace: &mut Workspace, starts: &[&Buffer], samples: usize) -> Option<()> {
        for (at, (slot, _)) in self.states.iter().enumerate() {
            let state = workspace.buffers.get_mut(*slot);
            match self.scan.initial.get(at) {
                Some(constant) => {
                    let codes = constant.codes.repeated(samples);
                    state.load(&codes, 0..samples, &constant.range())?;
                }
                None => {
                    let start = starts.get(at)?;
                    state.resize(start.len());
                    state.copy(start, std::iter::once(Run { to: 0, from: 0, len: start.len() }));
                }
            }
        }
        Some(())
    }

    /// All steps for `samples` samples from `first` on.
    fn steps(
        &self,
        workspace: &mut Workspace,
        sequences: &[&Buffer],
        result: &mut Buffer,
        [first, samples]: [usize; 2],
    ) -> Option<()> {
        for step in 0..self.steps {
            for ((sequence, len), slot) in sequences.iter().zip(&self.rows).zip(self.plan.inputs())
            {
                let input = workspace.buffers.get_mut(*slot);
                input.resize(samples * len);
                let of_sample = |sample: usize| {
                    let from = ((first + sample) * self.steps + step) * len;
                    Run { to: sample * len, from, len: *len }
                };
                input.copy(sequence, (0..samples).map(of_sample));
            }
            self.plan.run_steps(workspace, samples, None).ok()?;
            if !self.scan.last || step + 1 == self.steps {
                let row = workspace.buffers.get(self.row);
                let (each, place) = if self.scan.last { (1, 0) } else { (self.steps, step) };
                let len = row.len() / samples.max(1);
                let of_sample = |sample: usize| {
                    let to = ((first + sample) * each + place) * len;
                    Run { to, from: sample * len, len }
                };
                result.copy(row, (0..samples).map(of_sample));
            }
            self.advance(workspace);
        }
        Some(())
    }

    /// Makes the next states the states.
    fn advance(&self, workspace: &mut Workspace) {
        let buffers = &mut workspace.buffers;
        // A next state may be another one, so that all are read before any is written.
        if self.are_apart {
            let values: Vec<Buffer> =
                self.states.iter().map(|(_, next)| buffers.take(*next)).collect();
            for ((state, _), value) in self.states.iter().zip(values) {
                *buffers.get_mut(*state) = value;
            }
            return;
        }
        let values: Vec<Buffer> =
            self.states.iter().map(|(_, next)| buffers.get(*next).clone()).collect();
        for ((state, _), value) in self.states.iter().zip(&values) {
            let all = Run { to: 0, from: 0, len: value.len() };
            buffers.get_mut(*state).copy(value, std::iter::once(all));
        }
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
            if !self.scan.stateful {
                self.start(workspace, starts, samples)?;
                return self.steps(workspace, sequences, result, [0, samples]);
            }
            // A sample starts from the states after the one before it.
            self.start(workspace, starts, 1)?;
            (0..samples)
                .try_for_each(|sample| self.steps(workspace, sequences, result, [sample, 1]))
        })
    }

    fn macs(&self) -> usize {
        self.steps * self.plan.macs().sum::<usize>()
    }

    fn fewest_samples(&self) -> usize {
        SAMPLES
    }

    fn algorithm(&self) -> String {
        format!("{} steps of {} kernels", self.steps, self.plan.len())
    }
}
