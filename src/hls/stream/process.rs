//! Processes of a streaming design.

use serde::Serialize;

use super::lines::LineBuffer;
use super::pool::RunningPool;
use super::recurrence::Recurrence;
use super::repack::Repack;
use crate::hls::estimate;
use crate::hls::network::{ChannelId, Phase};
use crate::hls::plan::Loop;
use crate::hls::{Design, EdgeId, EdgeKind, KernelId, Operations};
use crate::ir::PoolKind;

/// A process: one C++ function between streams.
#[derive(Clone, Debug, Serialize)]
pub struct Process {
    /// The C++ name.
    pub name: String,
    /// The layer that it belongs to, in the model's spelling.
    pub layer: String,
    /// Its reads and writes.
    pub form: ProcessForm,
    /// The streams that it reads, in the order of the operation's operands.
    pub inputs: Vec<EdgeId>,
    /// The streams that it writes.
    pub outputs: Vec<EdgeId>,
    /// Its computation, on arrays; none for a process that only passes tokens on. Of several
    /// kernels, one of which runs in an iteration, the slowest.
    pub kernel: Option<KernelId>,
    /// Execution of its loop over positions.
    pub plan: Loop,
    /// Bits of its line buffers, window registers and frame buffers.
    pub state_bits: u64,
}

/// The reads and writes of a process.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum ProcessForm {
    /// The kernel computes a token from a token of each input.
    Rows {
        /// Tokens of a sample.
        tokens: usize,
        /// Positions of a token: the kernel computes one, and has a copy for each.
        copies: usize,
    },
    /// A kernel computes a token from a window of pixels; or pixels are passed on, some of them
    /// dropped, repeated or padded.
    Windows(LineBuffer),
    /// The kernel adds the terms of each token to sums, which are written after the last token.
    Accumulate {
        /// Tokens of a sample.
        tokens: usize,
    },
    /// Sum or maximum of each channel over all tokens.
    Reduce {
        /// The function.
        kind: PoolKind,
        /// Tokens of a sample.
        tokens: usize,
        /// Positions of a token.
        positions: usize,
    },
    /// Sum or maximum of each channel over windows that do not overlap.
    Pool(RunningPool),
    /// Kernels compute a step from a token of each input and the states of the step before.
    Recurrence(Recurrence),
    /// The kernel computes a whole sample from whole samples, which are collected in arrays.
    Frame,
    /// Runs of tokens of each input in turn.
    Concat {
        /// Number of times that each input has its turn in a sample.
        rounds: usize,
        /// Tokens of a run, by input.
        runs: Vec<usize>,
    },
    /// The same elements in tokens of another size.
    Repack(Repack),
    /// Tokens of an array, an argument of the top function.
    FromArray {
        /// Tokens of a sample.
        tokens: usize,
    },
    /// Tokens to an array, an argument of the top function.
    ToArray {
        /// Tokens of a sample.
        tokens: usize,
    },
    /// Every output gets each token.
    Fork {
        /// Tokens of a sample.
        tokens: usize,
    },
}

/// The iterations `steps`, each with its reads of `input` and writes of `output`. One that writes
/// takes `interval` clock cycles, any other `idle`.
pub(super) fn steps_of(
    steps: impl Iterator<Item = (bool, bool)>,
    (interval, idle): (u64, u64),
    input: ChannelId,
    output: ChannelId,
) -> Vec<Phase> {
    let mut phases: Vec<Phase> = Vec::new();
    let mut before = None;
    for step in steps {
        match phases.last_mut() {
            Some(last) if before == Some(step) => last.iterations += 1,
            _ => {
                let reads = step.0.then_some(input).into_iter().collect();
                let writes = step.1.then_some(output).into_iter().collect();
                let interval = if step.1 { interval } else { idle };
                phases.push(Phase { iterations: 1, interval, reads, writes });
            }
        }
        before = Some(step);
    }
    phases
}

/// The traits of a form of process.
#[derive(Default)]
struct Traits {
    /// The arrays of registers between tokens, in words, and their lengths.
    registers: Vec<(&'static str, usize)>,
    /// Positions at a time.
    positions: Option<usize>,
    /// Additions for each channel of a sample, besides those of kernels.
    additions: usize,
}

impl Traits {
    fn of_positions(positions: usize) -> Self {
        Self { positions: Some(positions), ..Self::default() }
    }
}

impl Process {
    /// The line buffer of a process with windows.
    pub fn lines(&self) -> Option<&LineBuffer> {
        let ProcessForm::Windows(own) = &self.form else { return None };
        Some(own)
    }

    /// The running sums or maxima of a process that pools windows which do not overlap.
    pub fn running_pool(&self) -> Option<&RunningPool> {
        let ProcessForm::Pool(own) = &self.form else { return None };
        Some(own)
    }

    /// The steps of a recurrent layer.
    pub fn recurrence(&self) -> Option<&Recurrence> {
        let ProcessForm::Recurrence(own) = &self.form else { return None };
        Some(own)
    }

    /// Set if its states outlive a sample, so that it takes the argument which resets them.
    pub fn takes_reset(&self) -> bool {
        self.recurrence().is_some_and(|recurrence| recurrence.stateful)
    }

    /// The arrays of registers between its tokens, in words, and their lengths.
    pub fn registers(&self) -> Vec<(&'static str, usize)> {
        self.traits().registers
    }

    /// Tells whether its kernel is a weight matrix.
    pub(in crate::hls) fn has_weights(&self, design: &Design) -> bool {
        self.kernel.is_some_and(|id| design[id].body.tiles().is_some())
    }

    /// Positions that it computes at a time; none for a process that has no position at a time.
    pub fn positions(&self) -> Option<usize> {
        self.traits().positions
    }

    /// The traits of its form.
    fn traits(&self) -> Traits {
        match &self.form {
            ProcessForm::Rows { copies, .. } => Traits::of_positions(*copies),
            ProcessForm::Windows(lines) => {
                let turns = lines.turns.as_ref().map(|turns| turns.positions);
                let rows = if lines.has_memories() { 0 } else { lines.stored() };
                let registers =
                    vec![("pixels", lines.registers()), ("rows", rows * lines.channels)];
                Traits { registers, ..Traits::of_positions(turns.unwrap_or(lines.group.windows)) }
            }
            ProcessForm::Reduce { kind, tokens, positions } => {
                let additions = match kind {
                    PoolKind::Sum => (tokens * positions).saturating_sub(1),
                    PoolKind::Max => 0,
                };
                Traits { additions, ..Traits::of_positions(*positions) }
            }
            ProcessForm::Pool(pool) => {
                let [current, kept] = pool.registers();
                let registers = vec![("values", current), ("kept values", kept)];
                let additions = pool.additions();
                Traits { registers, additions, ..Traits::of_positions(1) }
            }
            ProcessForm::Repack(repack) => {
                Traits { registers: vec![("elements", repack.registers())], ..Traits::default() }
            }
            ProcessForm::Accumulate { .. }
            | ProcessForm::Recurrence(_)
            | ProcessForm::Frame
            | ProcessForm::Concat { .. }
            | ProcessForm::FromArray { .. }
            | ProcessForm::ToArray { .. }
            | ProcessForm::Fork { .. } => Traits::default(),
        }
    }

    /// Its kernels: several for the phases of a window, one of which runs in an iteration, and for a
    /// step of a recurrent layer, all of which do.
    pub fn kernels(&self) -> Vec<KernelId> {
        match (self.lines(), self.recurrence()) {
            (Some(lines), _) => lines.kernels.iter().map(|it| it.kernel).collect(),
            (None, Some(recurrence)) => recurrence.kernels.clone(),
            (None, None) => self.kernel.into_iter().collect(),
        }
    }

    /// Its arithmetic operations for a sample, besides those of its kernels.
    pub fn operations(&self, design: &Design) -> Operations {
        let channels = self.outputs.iter().map(|edge| match design[*edge].kind {
            EdgeKind::Stream(stream) => design[stream.token].lanes,
            EdgeKind::Array(_) => 0,
        });
        let additions = channels.sum::<usize>() * self.traits().additions;
        Operations { additions: additions as u64, ..Operations::default() }
    }

    /// Its arithmetic in words, besides its kernels.
    pub fn hardware(&self) -> Option<&'static str> {
        match &self.form {
            ProcessForm::Reduce { kind, .. } => Some(kind.name()),
            ProcessForm::Pool(pool) => Some(pool.kind.name()),
            ProcessForm::Rows { .. }
            | ProcessForm::Windows(_)
            | ProcessForm::Accumulate { .. }
            | ProcessForm::Recurrence(_)
            | ProcessForm::Frame
            | ProcessForm::Concat { .. }
            | ProcessForm::Repack(_)
            | ProcessForm::FromArray { .. }
            | ProcessForm::ToArray { .. }
            | ProcessForm::Fork { .. } => None,
        }
    }

    /// Clock cycles of its slowest kernel, or of a step of a recurrent layer, from operands to
    /// result.
    pub(in crate::hls) fn latency(&self, design: &Design) -> u64 {
        if let Some(recurrence) = self.recurrence() {
            return recurrence.latency(design);
        }
        let kernels = self.kernels().into_iter().map(|id| &design[id]);
        kernels.map(|kernel| estimate::latency(design, kernel)).max().unwrap_or(0)
    }

    /// Clock cycles for a sample, if nothing blocks it.
    pub fn cycles(&self, design: &Design) -> u64 {
        let phases = self.phases(design, |edge| ChannelId(edge.0));
        phases.iter().map(|phase| phase.iterations * phase.interval).sum()
    }

    /// Iterations for a sample with an interval of 1.
    pub fn iterations(&self, design: &Design) -> u64 {
        let phases = self.phases(design, |edge| ChannelId(edge.0));
        phases.iter().map(|phase| phase.iterations).sum()
    }

    /// The iterations for a sample; `channel` is that of a stream.
    pub(super) fn phases(
        &self,
        design: &Design,
        channel: impl Fn(&EdgeId) -> ChannelId,
    ) -> Vec<Phase> {
        let is_stream = |edge: &&EdgeId| matches!(design[**edge].kind, EdgeKind::Stream(_));
        let channels = |edges: &[EdgeId]| -> Vec<ChannelId> {
            edges.iter().filter(is_stream).map(&channel).collect()
        };
        let (reads, writes) = (channels(&self.inputs), channels(&self.outputs));
        let plan = self.kernel.map(|id| &design[id].plan);
        let interval = plan.map_or(1, |plan| plan.initiation_interval);
        let tokens = |edge: &EdgeId| match design[*edge].kind {
            EdgeKind::Stream(stream) => stream.tokens as u64,
            EdgeKind::Array(_) => 1,
        };
        match &self.form {
            ProcessForm::Rows { tokens, .. }
            | ProcessForm::FromArray { tokens }
            | ProcessForm::ToArray { tokens }
            | ProcessForm::Fork { tokens } => {
                vec![Phase { iterations: *tokens as u64, interval, reads, writes }]
            }
            ProcessForm::Windows(lines) => {
                // A folded kernel takes its steps for complete windows only.
                let is_folded = plan.is_some_and(|plan| plan.folds > 1);
                let idle = if is_folded { 1 } else { interval };
                steps_of(lines.steps(), (interval, idle), reads[0], writes[0])
            }
            ProcessForm::Pool(pool) => {
                steps_of(pool.steps(), (interval, interval), reads[0], writes[0])
            }
            ProcessForm::Repack(repack) => {
                steps_of(repack.steps(), (interval, interval), reads[0], writes[0])
            }
            ProcessForm::Concat { rounds, runs } => {
                let turn = reads.iter().zip(runs).map(|(read, run)| Phase {
                    iterations: *run as u64,
                    interval,
                    reads: vec![*read],
                    writes: writes.clone(),
                });
                let turns: Vec<Phase> = turn.collect();
                (0..*rounds).flat_map(|_| turns.clone()).collect()
            }
            ProcessForm::Accumulate { tokens } | ProcessForm::Reduce { tokens, .. } => {
                let collect = *tokens as u64 - 1;
                vec![
                    Phase { iterations: collect, interval, reads: reads.clone(), writes: vec![] },
                    Phase { iterations: 1, interval, reads, writes },
                ]
            }
            ProcessForm::Recurrence(recurrence) => {
                let mut rows = reads;
                let starts = rows.split_off(recurrence.rows.len());
                let start = Phase { iterations: 1, interval: 1, reads: starts, writes: vec![] };
                let step = |steps: usize, writes: Vec<ChannelId>| Phase {
                    iterations: steps as u64,
                    interval: recurrence.interval,
                    reads: rows.clone(),
                    writes,
                };
                let steps = match recurrence.last {
                    true => vec![step(recurrence.steps - 1, vec![]), step(1, writes)],
                    false => vec![step(recurrence.steps, writes)],
                };
                let start = (!start.reads.is_empty()).then_some(start);
                start.into_iter().chain(steps).collect()
            }
            ProcessForm::Frame => {
                let collect = self.inputs.iter().map(|edge| Phase {
                    iterations: tokens(edge),
                    interval: 1,
                    reads: vec![channel(edge)],
                    writes: Vec::new(),
                });
                let compute = plan.map(|plan| Phase {
                    iterations: 1,
                    interval: plan.initiation_interval,
                    reads: Vec::new(),
                    writes: Vec::new(),
                });
                let emit = self.outputs.iter().map(|edge| Phase {
                    iterations: tokens(edge),
                    interval: 1,
                    reads: Vec::new(),
                    writes: vec![channel(edge)],
                });
                collect.chain(compute).chain(emit).collect()
            }
        }
    }
}
