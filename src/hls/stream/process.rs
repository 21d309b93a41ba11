//! Processes of a streaming design.

use serde::Serialize;

use crate::hls::network::{ChannelId, Phase};
use crate::hls::plan::Loop;
use crate::hls::{Design, Edge, EdgeId, EdgeKind, KernelId, Number, TypeId};
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
    /// Sum or maximum of each channel over all tokens.
    Reduce {
        /// The function.
        kind: PoolKind,
        /// Tokens of a sample.
        tokens: usize,
    },
    /// The kernel computes a whole sample from whole samples, which are collected in arrays.
    Frame,
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

    /// Its iterations. One that completes a window takes `interval` clock cycles, any other `idle`.
    pub(super) fn phases(
        &self,
        (interval, idle): (u64, u64),
        input: ChannelId,
        output: ChannelId,
    ) -> Vec<Phase> {
        let mut phases: Vec<Phase> = Vec::new();
        for row in 0..self.grid[0] {
            let completes_row = self.window_at(0, row).is_some();
            for column in 0..self.grid[1] {
                let is_inside = row < self.window.input[0] && column < self.window.input[1];
                let is_complete = completes_row && self.window_at(1, column).is_some();
                let reads = if is_inside { vec![input] } else { vec![] };
                let writes = if is_complete { vec![output] } else { vec![] };
                let interval = if is_complete { interval } else { idle };
                match phases.last_mut() {
                    Some(last) if last.reads == reads && last.writes == writes => {
                        last.iterations += 1;
                    }
                    _ => phases.push(Phase { iterations: 1, interval, reads, writes }),
                }
            }
        }
        phases
    }
}

impl Process {
    /// Tells whether `array` is an operand or the result of its kernel.
    pub fn has_array(&self, design: &Design, array: &Edge) -> bool {
        self.kernel.is_some_and(|id| {
            let kernel = &design[id];
            let mut edges = kernel.inputs.iter().chain([&kernel.output]);
            edges.any(|edge| std::ptr::eq(&design[*edge], array))
        })
    }

    /// Clock cycles for a sample, if nothing blocks it.
    pub fn cycles(&self, design: &Design) -> u64 {
        let phases = self.phases(design, |edge| ChannelId(edge.0));
        phases.iter().map(|phase| phase.iterations * phase.interval).sum()
    }

    /// Iterations for a sample with an interval of 1.
    pub fn positions(&self, design: &Design) -> u64 {
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
            ProcessForm::Rows { tokens }
            | ProcessForm::FromArray { tokens }
            | ProcessForm::ToArray { tokens }
            | ProcessForm::Fork { tokens } => {
                vec![Phase { iterations: *tokens as u64, interval, reads, writes }]
            }
            ProcessForm::Windows(lines) => {
                // A folded kernel takes its steps for complete windows only.
                let is_folded = plan.is_some_and(|plan| plan.folds > 1);
                let idle = if is_folded { 1 } else { interval };
                lines.phases((interval, idle), reads[0], writes[0])
            }
            ProcessForm::Reduce { tokens, .. } => {
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
