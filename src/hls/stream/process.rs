//! Processes of a streaming design.

use serde::Serialize;

use super::repack::Repack;
use crate::hls::network::{ChannelId, Phase};
use crate::hls::plan::Loop;
use crate::hls::{Design, EdgeId, EdgeKind, KernelId, Number, TypeId};
use crate::ir::{PoolKind, Window};

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
    /// Its computation, on arrays; none for a process that only passes tokens on.
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
    },
    /// The kernel computes a token from a window of pixels.
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
    },
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
    /// Every output gets each token.
    Fork {
        /// Tokens of a sample.
        tokens: usize,
    },
}

/// The rows of an image that windows cover, and the window in registers.
///
/// The process iterates over a grid: the image, and as many rows and columns behind it as windows
/// reach beyond. An iteration inside the image reads a pixel; outside, pixels are padding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LineBuffer {
    /// The windows; the operand is not dilated.
    pub window: Window,
    /// Channels of a pixel.
    pub channels: usize,
    /// Rows and columns that a window spans.
    pub span: [usize; 2],
    /// Rows and columns of the grid.
    pub grid: [usize; 2],
    /// Value of padding.
    pub padding: Number,
    /// Type of a channel.
    pub element: TypeId,
}

impl LineBuffer {
    /// The buffer for `window` over pixels of `channels`.
    pub(super) fn new(window: Window, channels: usize, padding: Number) -> Self {
        let axes = [0, 1];
        let span = axes.map(|axis| (window.kernel[axis] - 1) * window.dilation[axis] + 1);
        let end = |axis: usize| (window.output[axis] - 1) * window.stride[axis] + span[axis];
        let grid = axes.map(|axis| (end(axis) - window.pad_before[axis]).max(window.input[axis]));
        let element = padding.element;
        Self { window, channels, span, grid, padding, element }
    }

    /// Elements in registers.
    pub fn registers(&self) -> usize {
        self.span[0] * self.span[1] * self.channels
    }

    /// Elements in memory and registers.
    pub fn elements(&self) -> usize {
        self.stored() * self.channels + self.registers()
    }

    /// The position of the last row (0) or column (1) of the first window that is complete there.
    pub fn first(&self, axis: usize) -> usize {
        // Windows begin `pad_before` before the image.
        (self.span[axis] - 1).saturating_sub(self.window.pad_before[axis])
    }

    /// The window that is complete at row or column `at`.
    fn window_at(&self, axis: usize, at: usize) -> Option<usize> {
        let begin = (at + self.window.pad_before[axis]).checked_sub(self.span[axis] - 1)?;
        let window = begin / self.window.stride[axis];
        let is_complete = begin.is_multiple_of(self.window.stride[axis]);
        (is_complete && window < self.window.output[axis]).then_some(window)
    }

    /// Pixels in memory: the rows before the current one.
    pub fn stored(&self) -> usize {
        (self.span[0] - 1) * self.window.input[1]
    }

    /// Its iterations, `interval` clock cycles each.
    pub(super) fn phases(&self, interval: u64, input: ChannelId, output: ChannelId) -> Vec<Phase> {
        let rows = (0..self.grid[0])
            .map(|row| (row < self.window.input[0], self.window_at(0, row).is_some()));
        let columns = || {
            (0..self.grid[1])
                .map(|column| (column < self.window.input[1], self.window_at(1, column).is_some()))
        };
        let steps = rows.flat_map(|row| columns().map(move |it| (row.0 && it.0, row.1 && it.1)));
        steps_of(steps, interval, input, output)
    }
}

/// The iterations `steps`, each with its reads of `input` and writes of `output`.
fn steps_of(
    steps: impl Iterator<Item = (bool, bool)>,
    interval: u64,
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
                phases.push(Phase { iterations: 1, interval, reads, writes });
            }
        }
        before = Some(step);
    }
    phases
}

impl Process {
    /// The iterations for a sample; `channel` is that of a stream.
    pub(super) fn phases(
        &self,
        design: &Design,
        channel: impl Fn(&EdgeId) -> ChannelId,
    ) -> Vec<Phase> {
        let reads: Vec<ChannelId> = self.inputs.iter().map(&channel).collect();
        let writes: Vec<ChannelId> = self.outputs.iter().map(&channel).collect();
        let kernel = self.kernel.map(|id| design[id].plan.initiation_interval);
        let interval = kernel.unwrap_or(1);
        let tokens = |edge: &EdgeId| match design[*edge].kind {
            EdgeKind::Stream(stream) => stream.tokens as u64,
            EdgeKind::Array(_) => 1,
        };
        match &self.form {
            ProcessForm::Rows { tokens } | ProcessForm::Fork { tokens } => {
                vec![Phase { iterations: *tokens as u64, interval, reads, writes }]
            }
            ProcessForm::Windows(lines) => lines.phases(interval, reads[0], writes[0]),
            ProcessForm::Repack(repack) => steps_of(repack.steps(), interval, reads[0], writes[0]),
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
            ProcessForm::Frame => {
                let collect = self.inputs.iter().map(|edge| Phase {
                    iterations: tokens(edge),
                    interval: 1,
                    reads: vec![channel(edge)],
                    writes: Vec::new(),
                });
                let compute = kernel.map(|interval| Phase {
                    iterations: 1,
                    interval,
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
