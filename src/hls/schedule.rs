//! Which loops become copies of their body, and which stay loops.

use serde::Serialize;

use super::kernels::Body;
use super::{Blocks, Edge, Kernel, UNROLL_LIMIT};

/// How the loops of a kernel run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Loops {
    /// Every loop becomes copies of its body: all of a sample at once.
    Unrolled,
    /// One loop stays one; what stands in it is unrolled.
    Pipelined {
        /// Which one.
        over: Over,
        /// How often it runs for a sample.
        iterations: u64,
        /// Clock cycles between two iterations.
        interval: u64,
        /// How many elements an iteration takes, where the loop is over elements.
        parallel: u64,
    },
}

/// What a loop runs over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// The outermost loop's elements, rows or windows.
    Outermost,
    /// The blocks of a matrix; loops around it stay loops as well.
    Blocks,
}

impl Loops {
    /// Clock cycles between two samples, for a kernel that takes `interval` of them where no loop
    /// is kept.
    pub fn initiation_interval(self, interval: u64) -> u64 {
        match self {
            Loops::Unrolled => interval,
            Loops::Pipelined { iterations, interval, .. } => iterations * interval,
        }
    }

    /// How many copies of the innermost statement `body` becomes.
    pub fn copies(self, body: &Body) -> u64 {
        match self {
            Loops::Unrolled => body.unrolled(),
            Loops::Pipelined { iterations, .. } => body.unrolled().div_ceil(iterations),
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

/// The loops of a kernel with `body` whose result has `channels`: unrolled up to
/// [`UNROLL_LIMIT`] copies, unless its matrix is cut into blocks. An iteration takes `interval`
/// clock cycles.
pub(super) fn loops(body: &Body, channels: u64, interval: u64) -> Loops {
    let (copies, outer) = (body.unrolled(), body.outer());
    let small = copies <= UNROLL_LIMIT || outer.count <= 1;
    if small && outer.over == Over::Outermost {
        return Loops::Unrolled;
    }
    let inner = copies.div_ceil(outer.count);
    // A row of channels at once, if that is not too much and comes out even.
    let whole_rows = outer.of_elements && outer.count.is_multiple_of(channels.max(1));
    let parallel = if whole_rows && inner * channels <= UNROLL_LIMIT { channels.max(1) } else { 1 };
    let iterations = outer.count / parallel;
    Loops::Pipelined { over: outer.over, iterations, interval, parallel }
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
}

/// How the array of `edge` is split: into its elements up to [`UNROLL_LIMIT`], then into a memory
/// for each channel.
pub(super) fn partition(edge: &Edge) -> Partition {
    if edge.len() as u64 <= UNROLL_LIMIT {
        return Partition::Complete;
    }
    let channels = edge.shape.last().copied().unwrap_or(1) as u64;
    let factor = if edge.shape.len() > 1 && channels <= UNROLL_LIMIT { channels } else { 1 };
    Partition::Cyclic { factor }
}

/// The outermost loop of a kernel.
pub(super) struct Outer {
    /// How often it runs.
    pub(super) count: u64,
    /// Whether it runs over single elements.
    pub(super) of_elements: bool,
    pub(super) over: Over,
}

impl Outer {
    pub(super) fn elements(count: usize) -> Self {
        Self { count: count as u64, of_elements: true, over: Over::Outermost }
    }

    pub(super) fn rows(count: usize) -> Self {
        Self { count: count as u64, of_elements: false, over: Over::Outermost }
    }

    /// The blocks of a matrix, for each row.
    pub(super) fn blocks(rows: usize, blocks: Blocks) -> Self {
        let count = rows as u64 * blocks.count();
        Self { count, of_elements: false, over: Over::Blocks }
    }
}
