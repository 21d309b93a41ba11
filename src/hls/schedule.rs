//! Which loops become copies of their body, and which stay loops.

use serde::Serialize;

use super::kernels::Body;
use super::{Edge, Kernel, UNROLL_LIMIT};

/// The loops of a kernel, a loop in each: how often each one runs, the outermost first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Nest {
    bounds: Vec<u64>,
    /// The fewest loops that stay loops, if any does.
    least: usize,
    /// Whether these stay loops however small the kernel is.
    kept: bool,
    /// How many innermost loops stand one behind the other, where they stay loops.
    sequence: u64,
}

impl Nest {
    /// Loops of which any number may stay.
    pub(super) fn new(bounds: &[usize]) -> Self {
        let bounds = bounds.iter().map(|n| *n as u64).collect();
        Self { bounds, least: 1, kept: false, sequence: 1 }
    }

    /// The same, but the innermost loop is as many loops one behind the other.
    pub(super) fn sequence(self, loops: u64) -> Self {
        Self { sequence: loops, ..self }
    }

    /// The same, but either all of the first `least` loops stay loops or none.
    pub(super) fn together(self, least: usize) -> Self {
        Self { least, ..self }
    }

    /// The same, but the first `loops` stay loops.
    pub(super) fn keeping(self, loops: usize) -> Self {
        Self { least: loops, kept: true, ..self }
    }

    /// How many copies of its innermost statement the kernel has when all is unrolled.
    pub(super) fn copies(&self) -> u64 {
        self.bounds.iter().product()
    }

    /// How many copies are left in an iteration where `depth` loops stay.
    fn inside(&self, depth: usize) -> u64 {
        self.bounds.iter().skip(depth).product()
    }

    /// The loops for a result of `channels` channels: unrolled up to [`UNROLL_LIMIT`] copies, else
    /// with as few loops kept as leave no more in an iteration, which takes `interval` clock
    /// cycles.
    pub(super) fn loops(&self, channels: u64, interval: u64) -> Loops {
        if self.copies() <= UNROLL_LIMIT && !self.kept {
            return Loops::Unrolled;
        }
        let most = self.bounds.len();
        let depth = (self.least..most).find(|depth| self.inside(*depth) <= UNROLL_LIMIT);
        let depth = depth.unwrap_or(most);
        let iterations: u64 = self.bounds.iter().take(depth).product();
        let iterations = if depth == most { iterations * self.sequence } else { iterations };
        // A row of channels at once, if that is not too much and comes out even.
        let rows = most == 1
            && self.sequence == 1
            && iterations.is_multiple_of(channels)
            && channels <= UNROLL_LIMIT;
        let parallel = if rows { channels.max(1) } else { 1 };
        Loops::Pipelined { depth, iterations: iterations / parallel, interval, parallel }
    }

    /// The bounds as a product, for a person.
    pub(super) fn text(&self) -> String {
        let long = self.bounds.len() > 1;
        let bounds = self.bounds.iter().filter(|n| !long || **n > 1);
        bounds.map(ToString::to_string).collect::<Vec<_>>().join("·")
    }
}

/// How the loops of a kernel run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Loops {
    /// Every loop becomes copies of its body: all of a sample at once.
    Unrolled,
    /// The outermost loops stay loops, and the innermost one of these is a pipeline. What stands in
    /// it is unrolled.
    Pipelined {
        /// How many loops stay.
        depth: usize,
        /// How often the pipeline takes an iteration for a sample.
        iterations: u64,
        /// Clock cycles between two iterations.
        interval: u64,
        /// How many elements an iteration takes, where the loop is over elements.
        parallel: u64,
    },
}

impl Loops {
    /// The same, with time to read the operand of `body`: memories have two ports.
    pub(super) fn reading(self, body: &Body, operand: Partition) -> Self {
        let (
            Self::Pipelined { depth, iterations, interval, parallel },
            Partition::Cyclic { factor },
        ) = (self, operand)
        else {
            return self;
        };
        let interval = interval.max(body.reads_of_a_bank(depth, factor).div_ceil(2));
        Self::Pipelined { depth, iterations, interval, parallel }
    }

    /// Clock cycles between two samples, for a kernel that takes `interval` of them where no loop
    /// is kept.
    pub fn initiation_interval(self, interval: u64) -> u64 {
        match self {
            Loops::Unrolled => interval,
            Loops::Pipelined { iterations, interval, .. } => iterations * interval,
        }
    }
}

/// How the kernels run together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// As one pipeline: a sample enters every initiation interval.
    Pipeline,
    /// Each works on a sample of its own; every array has one reader.
    Dataflow,
    /// One after the other.
    Sequence,
}

/// How `kernels` run together, and the clock cycles between two samples.
pub(super) fn flow(kernels: &[Kernel], edges: &[Edge]) -> (Flow, u64) {
    let intervals = || kernels.iter().map(|kernel| kernel.initiation_interval);
    let slowest = intervals().max().unwrap_or(1);
    if kernels.iter().all(|kernel| kernel.loops == Loops::Unrolled) {
        return (Flow::Pipeline, slowest);
    }
    let readers = |edge: usize| {
        kernels.iter().flat_map(|kernel| &kernel.inputs).filter(|input| input.0 == edge).count()
    };
    if (0..edges.len()).all(|edge| readers(edge) <= 1) {
        (Flow::Dataflow, slowest)
    } else {
        (Flow::Sequence, intervals().sum())
    }
}

/// How an array is split into memories.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Partition {
    /// Every element is a register or wire of its own.
    Complete,
    /// Elements that lie `factor` apart share a memory.
    Cyclic {
        /// How many memories.
        factor: u64,
    },
    /// Elements side by side are a word of one memory.
    Words {
        /// How many elements.
        elements: u64,
    },
}

impl Partition {
    /// The partition of an array of `len` elements: into all of them up to [`UNROLL_LIMIT`], then
    /// into `factor` memories.
    pub fn of(len: usize, factor: u64) -> Self {
        match len as u64 {
            0..=UNROLL_LIMIT => Self::Complete,
            _ => Self::Cyclic { factor },
        }
    }
}

/// How the array of `edge` is split: into a memory for each channel, if it is large.
pub(super) fn partition(edge: &Edge) -> Partition {
    let channels = edge.shape.last().copied().unwrap_or(1) as u64;
    let rows = edge.shape.len() > 1 && channels <= UNROLL_LIMIT;
    Partition::of(edge.len(), if rows { channels } else { 1 })
}
