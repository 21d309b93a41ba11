//! The planner: loops, initiation intervals, partitions and multipliers of each kernel.
//!
//! Every decision is taken here once and stored in the design as a [`Plan`] of the kernel, a
//! [`Partition`] of each array, and the [`Schedule`]. Templates and dialects print them.

use std::collections::BTreeSet;

use serde::Serialize;

use super::design::{ConstantArray, ConstantId, Edge, Kernel, Multipliers, Schedule};
use super::limits::WORD_BITS;
use crate::config::Strategy;

/// Vitis refuses to partition an array completely, or to unroll a loop, beyond this many elements
/// (its messages XFORM 203-103 and 203-504), and takes hours shortly before.
pub const UNROLL_LIMIT: u64 = 4096;

/// Loops, initiation interval and partitions of a kernel.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Plan {
    /// Initiation interval: clock cycles between two samples.
    pub initiation_interval: u64,
    /// The kernel's loops by nesting level, the outermost first.
    pub loops: Vec<Loop>,
    /// The loops over rows and columns of taps that copy a window to registers.
    pub window_loops: [Loop; 2],
    /// The arrays that the function declares.
    pub arrays: Vec<LocalArray>,
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
    /// As a dataflow of processes, each on a sample of its own; every array has one reader.
    Dataflow,
    /// One after the other.
    Sequence,
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
        let rolled = structure.nest.rolled(channels).map(|mut rolled| {
            rolled.interval = interval;
            if let Partition::Cyclic { factor } = operand {
                // Memories have two ports.
                let reads = structure.bank_reads(rolled.depth, factor).div_ceil(2);
                rolled.interval = interval.max(reads);
            }
            rolled
        });
        if let (Some(multipliers), Some(rolled)) = (multipliers.as_mut(), &rolled) {
            multipliers.limit = multipliers.nontrivial_products.div_ceil(rolled.cycles().max(1));
        }
        // An iteration of one cycle shares nothing.
        let shares = rolled.as_ref().is_none_or(|rolled| rolled.interval > 1);
        let shared = multipliers.filter(|it| shares && it.reuse_factor > 1);
        let unroll = rolled.as_ref().map_or(1, |rolled| rolled.unroll);
        let constants = structure.constants.iter().map(|&(id, word)| match word {
            Some(elements) => (id, Partition::Reshape { elements }),
            None => (id, Partition::new(constants[id.0].codes.len(), unroll)),
        });
        let is_array = |partition: &Partition| *partition != Partition::Reshape { elements: 1 };
        Self {
            initiation_interval: rolled.as_ref().map_or(interval, Rolled::cycles),
            loops: rolled.as_ref().map_or(Vec::new(), Rolled::loops),
            window_loops: match structure.window_len as u64 {
                0..=UNROLL_LIMIT => [Loop::Unroll; 2],
                _ => [Loop::Sequential, Loop::Pipeline { interval: 1, unroll: 1 }],
            },
            arrays: structure.arrays.clone(),
            constants: constants.filter(|(_, partition)| is_array(partition)).collect(),
            multiplier_limit: shared.map(|multipliers| multipliers.limit),
        }
    }

    /// The loop with `level` loops around it.
    pub fn loop_at(&self, level: usize) -> Loop {
        self.loops.get(level).copied().unwrap_or(Loop::Unroll)
    }

    /// Tells whether every loop is unrolled.
    pub fn is_unrolled(&self) -> bool {
        self.loops.is_empty()
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
        let channels = shape.last().copied().unwrap_or(1) as u64;
        let rows = shape.len() > 1 && channels <= UNROLL_LIMIT;
        Self::new(shape.iter().product(), if rows { channels } else { 1 })
    }
}

/// Schedules `kernels`. In a pipeline, kernels without multipliers take its interval, too.
pub(super) fn schedule(kernels: &mut [Kernel], edges: &[Edge]) -> Schedule {
    let intervals = || kernels.iter().map(|kernel| kernel.plan.initiation_interval);
    let (slowest, total) = (intervals().max().unwrap_or(1), intervals().sum());
    let readers = |edge: usize| {
        kernels.iter().flat_map(|kernel| &kernel.inputs).filter(|input| input.0 == edge).count()
    };
    let flow = if kernels.iter().all(|kernel| kernel.plan.is_unrolled()) {
        Flow::Pipeline
    } else if (0..edges.len()).all(|edge| readers(edge) <= 1) {
        Flow::Dataflow
    } else {
        Flow::Sequence
    };
    let multipliers = kernels.iter().map(Kernel::multiplier_instances).sum();
    if flow == Flow::Pipeline {
        for kernel in kernels.iter_mut().filter(|kernel| kernel.multipliers.is_none()) {
            kernel.plan.initiation_interval = slowest;
        }
    }
    let (initiation_interval, single_process_interval) = match flow {
        Flow::Pipeline => (slowest, slowest),
        Flow::Dataflow => (slowest, total),
        Flow::Sequence => (total, total),
    };
    Schedule { flow, initiation_interval, single_process_interval, multipliers }
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

/// Number of equal tiles of a matrix \[inputs, outputs\] along each axis; an iteration computes
/// one tile.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Tiles {
    /// Along the inputs.
    pub inputs: usize,
    /// Along the outputs.
    pub outputs: usize,
}

impl Tiles {
    /// The whole matrix as one tile.
    pub const WHOLE: Self = Self { inputs: 1, outputs: 1 };

    /// Number of tiles.
    pub fn count(self) -> u64 {
        (self.inputs * self.outputs) as u64
    }

    /// Tells whether the matrix is one tile.
    pub fn is_whole(&self) -> bool {
        *self == Self::WHOLE
    }

    /// The tiles whose number is nearest to `asked`, of at most [`UNROLL_LIMIT`] elements each, in
    /// words of at most [`WORD_BITS`]; `widths` are those of a weight and of a sum. Of
    /// two numbers as near, the smaller, which is faster; of the ways to make as many tiles, the
    /// one with the fewest along the inputs, because those are summed across iterations.
    ///
    /// Every factor that hls4ml takes is among them: the divisors of `inputs`, and `inputs` times a
    /// divisor of `outputs` (`get_valid_reuse_factors` of its FPGA back end).
    fn nearest((inputs, outputs): (usize, usize), widths: (u32, u32), asked: u64) -> Self {
        let pairs = divisors(inputs).into_iter().flat_map(|inputs| {
            divisors(outputs).into_iter().map(move |outputs| Self { inputs, outputs })
        });
        let small = |tiles: &Self| {
            let weights = (inputs * outputs) as u64 / tiles.count();
            let sums = (outputs / tiles.outputs) as u64;
            let (weight, sum) = (u64::from(widths.0), u64::from(widths.1));
            weights <= UNROLL_LIMIT && weights * weight <= WORD_BITS && sums * sum <= WORD_BITS
        };
        let nearness = |tiles: &Self| {
            let count = tiles.count();
            (count.abs_diff(asked), count, tiles.inputs)
        };
        // An empty matrix has no tiles to choose from.
        pairs.filter(small).min_by_key(nearness).unwrap_or(Self::WHOLE)
    }
}

/// Sharing of the multipliers of a matrix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sharing {
    /// One is computed at a time.
    pub(super) tiles: Tiles,
    /// Clock cycles between two tiles, in which the tool may reuse multipliers.
    pub(super) interval: u64,
}

impl Sharing {
    /// With the legal reuse factor that is nearest to `asked`. A matrix that is too large to be
    /// unrolled is tiled whatever the strategy. `widths` are those of a weight and of a sum.
    pub(super) fn new(
        strategy: Strategy,
        (inputs, outputs): (usize, usize),
        widths: (u32, u32),
        asked: u64,
    ) -> Self {
        let products = inputs * outputs;
        if strategy == Strategy::Latency && products as u64 <= UNROLL_LIMIT {
            let factors = divisors(products).into_iter().map(|d| d as u64);
            let interval = factors.min_by_key(|d| d.abs_diff(asked)).unwrap_or(1);
            return Self { tiles: Tiles::WHOLE, interval };
        }
        Self { tiles: Tiles::nearest((inputs, outputs), widths, asked), interval: 1 }
    }

    /// Uses of one multiplier for each application of the matrix.
    pub(super) fn reuse_factor(self) -> u64 {
        self.tiles.count() * self.interval
    }
}

/// The largest divisor of `products` up to `most`.
pub(super) fn reuse_factor_up_to(most: u64, products: usize) -> u64 {
    let factors = divisors(products).into_iter().map(|d| d as u64);
    factors.filter(|d| *d <= most).max().unwrap_or(1)
}

/// The divisors of `number`, ascending.
fn divisors(number: usize) -> BTreeSet<usize> {
    let small = (1..).take_while(|d| d * d <= number).filter(|d| number.is_multiple_of(*d));
    small.flat_map(|d| [d, number / d]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTHS: (u32, u32) = (8, 16);

    #[test]
    fn a_word_holds_what_the_tool_accepts() {
        let tiles = |widths| {
            let tiles = Sharing::new(Strategy::Latency, (128, 64), widths, 1).tiles;
            (tiles.inputs, tiles.outputs)
        };
        assert_eq!(tiles((16, 30)), (1, 2));
        // 4096 weights of 18 bits are 73,728 bits.
        assert_eq!(tiles((18, 30)), (1, 4));
        assert_eq!(tiles((18, 8192)), (1, 8));
    }

    fn latency(products: usize, asked: u64) -> u64 {
        Sharing::new(Strategy::Latency, (products, 1), WIDTHS, asked).reuse_factor()
    }

    fn tiles(inputs: usize, outputs: usize, asked: u64) -> (usize, usize) {
        let sharing = Sharing::new(Strategy::Resource, (inputs, outputs), WIDTHS, asked);
        assert_eq!(sharing.interval, 1);
        (sharing.tiles.inputs, sharing.tiles.outputs)
    }

    #[test]
    fn divisors_are_complete() {
        let of = |number| divisors(number).into_iter().collect::<Vec<_>>();
        assert_eq!(of(12), [1, 2, 3, 4, 6, 12]);
        assert_eq!(of(16), [1, 2, 4, 8, 16]);
        assert_eq!(of(7), [1, 7]);
        assert_eq!(of(1), [1]);
    }

    #[test]
    fn the_nearest_divisor_wins_and_the_faster_one_of_two() {
        assert_eq!(latency(1024, 4), 4);
        assert_eq!(latency(12, 5), 4);
        assert_eq!(latency(160, 7), 8);
        assert_eq!(latency(160, 1_000_000), 160);
        assert_eq!(reuse_factor_up_to(5, 12), 4);
        assert_eq!(reuse_factor_up_to(1, 7), 1);
    }

    #[test]
    fn tiles_cut_outputs_before_inputs() {
        assert_eq!(tiles(16, 64, 1), (1, 1));
        assert_eq!(tiles(16, 64, 16), (1, 16));
        assert_eq!(tiles(16, 10, 16), (8, 2));
        assert_eq!(tiles(16, 10, 160), (16, 10));
        // 3 divides neither; of 2 and 4 the smaller.
        assert_eq!(tiles(16, 64, 3), (1, 2));
    }

    #[test]
    fn tiles_take_every_reuse_factor_of_hls4ml() {
        for (inputs, outputs) in [(16_usize, 64), (10, 7), (12, 18), (1, 5), (32, 5)] {
            // FPGABackend._validate_reuse_factor, line by line.
            let valid = |rf: usize| {
                let multiplier_limit = (inputs * outputs).div_ceil(inputs.min(rf));
                (multiplier_limit.is_multiple_of(outputs) || rf >= inputs)
                    && (rf.is_multiple_of(inputs) || rf < inputs)
                    && (inputs * outputs).is_multiple_of(rf)
            };
            for rf in (1..=inputs * outputs).filter(|rf| valid(*rf)) {
                let sharing =
                    Sharing::new(Strategy::Resource, (inputs, outputs), WIDTHS, rf as u64);
                assert_eq!(sharing.reuse_factor(), rf as u64, "{inputs} x {outputs}");
            }
        }
    }

    #[test]
    fn large_matrices_are_cut_whatever_was_asked() {
        for strategy in [Strategy::Latency, Strategy::Resource] {
            let sharing = Sharing::new(strategy, (784, 128), WIDTHS, 1);
            assert_eq!(sharing.tiles, Tiles { inputs: 7, outputs: 4 });
            // A prime number of inputs is summed one at a time.
            let sharing = Sharing::new(strategy, (4099, 1), WIDTHS, 1);
            assert_eq!(sharing.tiles, Tiles { inputs: 4099, outputs: 1 });
        }
    }
}
