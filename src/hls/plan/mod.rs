//! The planner: loops, initiation intervals, partitions and multipliers of each kernel.
//!
//! Every decision is taken here once and stored in the design as a [`Plan`] of the kernel, a
//! [`Partition`] of each array, and the [`Schedule`]. Templates and dialects print them.

mod sharing;
mod storage;

use serde::Serialize;

use super::design::{ConstantArray, ConstantId, Kernel, Multipliers, Schedule};

pub use sharing::Tiles;
pub(super) use sharing::{
    Matrix, Positions, Sharing, StoredTerm, Widths, reuse_factor_of_least_area, reuse_factor_up_to,
};
pub use storage::{Access, LUT_BITS, LUT_WORDS, Memory, Storage};

/// Vitis refuses to partition an array completely, or to unroll a loop, beyond this many elements
/// (its messages XFORM 203-103 and 203-504), and takes hours shortly before.
pub const UNROLL_LIMIT: u64 = 4096;

/// Loops, initiation interval and partitions of a kernel.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Plan {
    /// Initiation interval: clock cycles between two samples.
    pub initiation_interval: u64,
    /// Calls for a position: more than one if each computes a part of the result (folding).
    pub folds: u64,
    /// Set if it is a part of its caller's pipeline, and has none of its own.
    pub inlined: bool,
    /// The kernel's loops by nesting level, the outermost first.
    pub loops: Vec<Loop>,
    /// The loops over rows and columns of taps that copy a window to registers.
    pub window_loops: [Loop; 2],
    /// The arrays that the function declares.
    pub arrays: Vec<LocalArray>,
    /// Words of a memory of the first operand that an iteration reads.
    pub bank_reads: u64,
    /// Partitions of the constants that an iteration reads several elements of.
    pub constants: Vec<(ConstantId, Partition)>,
    /// Largest number of multiplier instances, where multipliers are shared within an iteration.
    pub multiplier_limit: Option<u64>,
}

/// An array that a kernel's function declares.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct LocalArray {
    /// The C++ name.
    pub name: &'static str,
    /// Number of elements.
    pub len: usize,
    /// Its partition.
    pub partition: Partition,
}

impl LocalArray {
    /// An array of `len` elements, of which an iteration accesses `factor`.
    pub(super) fn new(name: &'static str, len: usize, factor: usize) -> Self {
        Self { name, len, partition: Partition::new(len, factor as u64) }
    }
}

/// Execution of one loop.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Loop {
    /// Unrolled fully.
    Unroll,
    /// Rolled, around a pipelined loop.
    Sequential,
    /// Pipelined.
    Pipeline {
        /// Clock cycles between two iterations.
        interval: u64,
        /// Unroll factor.
        unroll: u64,
    },
}

/// Execution of the kernels together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// As one pipeline: a sample enters every initiation interval.
    #[default]
    Pipeline,
    /// As a dataflow of processes, each as far as its streams allow.
    Dataflow,
}

/// Partition of an array into memories.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Partition {
    /// Every element is a register or wire of its own.
    Complete,
    /// Element n lies in memory n mod `factor`.
    Cyclic {
        /// Number of memories.
        factor: u64,
    },
    /// Reshaped: consecutive elements are one word of one memory.
    Reshape {
        /// Elements of a word.
        elements: u64,
    },
}

/// The parts of a kernel that the planner decides about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Structure {
    /// Its loops.
    pub(super) nest: Nest,
    /// Elements of the first operand that an iteration reads.
    pub(super) reads: Reads,
    /// The constants to partition, each with the elements of a word where it is to be reshaped.
    /// Lookup tables are none of them: they are memories.
    pub(super) constants: Vec<(ConstantId, Option<u64>)>,
    /// The arrays that the function declares.
    pub(super) arrays: Vec<LocalArray>,
    /// Elements of a window that is copied to registers before it is read; 0 for none.
    pub(super) window_len: usize,
    /// Set if the size of an iteration follows from a reuse factor.
    pub(super) is_tiled: bool,
    /// Calls for a position.
    pub(super) folds: u64,
}

/// Elements of the first operand that an iteration reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reads {
    /// An element for each copy of the innermost statement, spread over the banks.
    EachCopy,
    /// So many, spread over the banks.
    Spread(usize),
    /// An element for each unrolled copy of the loops from this one on, all of one bank.
    OneBank(usize),
}

impl Structure {
    /// Loops that read an element for each copy of the innermost statement.
    pub(super) fn new(nest: Nest) -> Self {
        Self {
            nest,
            reads: Reads::EachCopy,
            constants: Vec::new(),
            arrays: Vec::new(),
            window_len: 0,
            is_tiled: false,
            folds: 1,
        }
    }

    /// Elements of one bank of the first operand, which is split into `banks`, that an iteration
    /// reads where `depth` loops are rolled.
    fn bank_reads(&self, depth: usize, banks: u64) -> u64 {
        match self.reads {
            Reads::EachCopy => self.nest.inside(depth).div_ceil(banks.max(1)),
            Reads::Spread(elements) => (elements as u64).div_ceil(banks.max(1)),
            Reads::OneBank(first) => self.nest.inside(depth.max(first)),
        }
    }
}

impl Plan {
    /// The plan of a kernel of this `structure`, and the number of its multiplier instances where
    /// it has `multipliers`.
    ///
    /// `channels` are those of the result, `operand` is the partition of the first operand, and
    /// operators may be shared for `interval` clock cycles.
    pub(super) fn new(
        structure: &Structure,
        (channels, interval): (u64, u64),
        operand: Partition,
        constants: &[ConstantArray],
        multipliers: &mut Option<Multipliers>,
    ) -> Self {
        let mut bank_reads = 1;
        let rolled = structure.nest.rolled(channels).map(|mut rolled| {
            rolled.interval = interval;
            if let Partition::Cyclic { factor } = operand {
                bank_reads = structure.bank_reads(rolled.depth, factor);
                // Memories have two ports.
                rolled.interval = interval.max(bank_reads.div_ceil(2));
            }
            rolled
        });
        if let (Some(multipliers), Some(rolled)) = (multipliers.as_mut(), &rolled) {
            multipliers.limit = multipliers.nontrivial_products.div_ceil(rolled.cycles().max(1));
        }
        // An iteration of one cycle shares nothing.
        let shares =
            structure.folds == 1 && rolled.as_ref().is_none_or(|rolled| rolled.interval > 1);
        let shared = multipliers.filter(|it| shares && it.reuse_factor > 1);
        let unroll = rolled.as_ref().map_or(1, |rolled| rolled.unroll);
        let constants = structure.constants.iter().map(|&(id, word)| match word {
            Some(elements) => (id, Partition::Reshape { elements }),
            None => (id, Partition::new(constants[id.0].codes.len(), unroll)),
        });
        Self {
            initiation_interval: structure.folds * rolled.as_ref().map_or(interval, Rolled::cycles),
            folds: structure.folds,
            inlined: structure.folds > 1,
            loops: rolled.as_ref().map_or(Vec::new(), Rolled::loops),
            window_loops: match structure.window_len as u64 {
                0..=UNROLL_LIMIT => [Loop::Unroll; 2],
                _ => [Loop::Sequential, Loop::Pipeline { interval: 1, unroll: 1 }],
            },
            arrays: structure.arrays.clone(),
            bank_reads,
            constants: constants.collect(),
            multiplier_limit: shared.map(|multipliers| multipliers.limit),
        }
    }

    /// The loop with `level` loops around it.
    pub fn loop_at(&self, level: usize) -> Loop {
        self.loops.get(level).copied().unwrap_or(Loop::Unroll)
    }

    /// Tells whether one call with all loops unrolled computes a position.
    pub fn is_unrolled(&self) -> bool {
        self.loops.is_empty() && self.folds == 1
    }
}

impl Partition {
    /// The partition of an array of `len` elements: complete up to [`UNROLL_LIMIT`], else cyclic.
    pub(super) fn new(len: usize, factor: u64) -> Self {
        match len as u64 {
            0..=UNROLL_LIMIT => Self::Complete,
            _ => Self::Cyclic { factor },
        }
    }

    /// The partition of a tensor: a large one is a memory for each channel.
    pub(super) fn of_tensor(shape: &[usize]) -> Self {
        match shape.iter().product::<usize>() as u64 {
            0..=UNROLL_LIMIT => Self::Complete,
            _ => Self::of_memory(shape),
        }
    }

    /// The partition of a tensor that is kept in memories: one for each channel.
    pub(super) fn of_memory(shape: &[usize]) -> Self {
        let channels = shape.last().copied().unwrap_or(1) as u64;
        let rows = shape.len() > 1 && channels <= UNROLL_LIMIT;
        Self::Cyclic { factor: if rows { channels } else { 1 } }
    }
}

/// The greatest common divisor of two numbers, at least one of which is not 0.
pub(super) fn gcd(one: usize, other: usize) -> usize {
    if other == 0 { one } else { gcd(other, one % other) }
}

/// Schedules `kernels`, which are unrolled, as one pipeline. Kernels without multipliers take its
/// interval, too.
pub(super) fn pipeline(kernels: &mut [Kernel]) -> Schedule {
    let intervals = kernels.iter().map(|kernel| kernel.plan.initiation_interval);
    let slowest = intervals.max().unwrap_or(1);
    let multipliers = kernels.iter().map(Kernel::multiplier_instances).sum();
    for kernel in kernels.iter_mut().filter(|kernel| kernel.multipliers.is_none()) {
        kernel.plan.initiation_interval = slowest;
    }
    Schedule { flow: Flow::Pipeline, initiation_interval: slowest, multipliers }
}

/// Loops of a kernel, one inside the other: their trip counts, the outermost first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Nest {
    pub(super) bounds: Vec<u64>,
    /// Fewest rolled loops, if any is rolled.
    pub(super) least: usize,
    /// Keeps these rolled however small the kernel is.
    pub(super) kept: bool,
    /// Number of innermost loops that follow one another.
    pub(super) sequence: u64,
}

/// The rolled loops of a nest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Rolled {
    /// Number of rolled loops; the innermost one is pipelined.
    pub(super) depth: usize,
    /// Iterations of the pipeline for one sample.
    pub(super) iterations: u64,
    /// Clock cycles between two iterations.
    pub(super) interval: u64,
    /// Unroll factor of the pipelined loop.
    pub(super) unroll: u64,
}

impl Rolled {
    /// Clock cycles for one sample.
    fn cycles(&self) -> u64 {
        self.iterations * self.interval
    }

    fn loops(&self) -> Vec<Loop> {
        let pipeline = Loop::Pipeline { interval: self.interval, unroll: self.unroll };
        (1..self.depth).map(|_| Loop::Sequential).chain([pipeline]).collect()
    }
}

impl Nest {
    /// Loops of which any number may be rolled.
    pub(super) fn new(bounds: &[usize]) -> Self {
        let bounds = bounds.iter().map(|n| *n as u64).collect();
        Self { bounds, least: 1, kept: false, sequence: 1 }
    }

    /// Copies of the innermost statement when every loop is unrolled.
    pub(super) fn copies(&self) -> u64 {
        self.bounds.iter().product()
    }

    /// Copies in one iteration where `depth` loops are rolled.
    pub(super) fn inside(&self, depth: usize) -> u64 {
        self.bounds.iter().skip(depth).product()
    }

    /// The rolled loops of a kernel whose result has `channels` channels: none up to
    /// [`UNROLL_LIMIT`] copies, else as few as leave no more than that in an iteration.
    pub(super) fn rolled(&self, channels: u64) -> Option<Rolled> {
        if self.copies() <= UNROLL_LIMIT && !self.kept {
            return None;
        }
        let most = self.bounds.len();
        let depth = (self.least..most).find(|depth| self.inside(*depth) <= UNROLL_LIMIT);
        let depth = depth.unwrap_or(most);
        let iterations: u64 = self.bounds.iter().take(depth).product();
        let iterations = if depth == most { iterations * self.sequence } else { iterations };
        // A row of channels in one iteration, if it is small and divides the loop evenly.
        let rows = most == 1
            && self.sequence == 1
            && iterations.is_multiple_of(channels)
            && channels <= UNROLL_LIMIT;
        let unroll = if rows { channels.max(1) } else { 1 };
        Some(Rolled { depth, iterations: iterations / unroll, interval: 1, unroll })
    }
}
