//! Resources of kernels: the operators of one iteration, and the memories that it reads.

use super::arithmetic::{adder, comparator, constant_product, multiplexer, product, selector};
use super::datapath::Datapath;
use super::matrix::{accumulated, matrix};
use super::{DspSlice, Resources, memory};
use crate::fixed::{Codes, Overflow, Quantization, Rounding};
use crate::hls::plan::{Loop, Reads};
use crate::hls::{
    Body, Design, EdgeId, EdgeKind, Factors, Kernel, Partition, SoftmaxKernel, TypeId,
};
use crate::ir::Elementwise;

/// LUTs and flip-flops of the counters and states of a kernel with rolled loops: an assumption.
const LOOP_CONTROL: (u64, u64) = (40, 40);

/// The iterations of a kernel for one sample.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Iterations {
    /// Number of iterations for a position, those of each call; 1 where every loop is unrolled.
    pub(super) count: u64,
    /// Clock cycles from one to the next.
    pub(super) interval: u64,
}

impl Iterations {
    pub(super) fn of(kernel: &Kernel) -> Self {
        let plan = &kernel.plan;
        let interval = plan.loops.iter().find_map(|it| match it {
            Loop::Pipeline { interval, .. } => Some((*interval).max(1)),
            Loop::Unroll | Loop::Sequential => None,
        });
        let folded = plan.initiation_interval / plan.folds.max(1);
        match interval {
            _ if plan.folds > 1 => Self { count: plan.folds, interval: folded.max(1) },
            Some(interval) => {
                Self { count: (plan.initiation_interval / interval).max(1), interval }
            }
            None => Self { count: 1, interval: plan.initiation_interval.max(1) },
        }
    }
}

/// Width of a type in bits.
pub(super) fn width(design: &Design, id: TypeId) -> u32 {
    design[id].quantization.format.width()
}

/// Tells whether an edge is a memory, of which an iteration reads some words.
pub(super) fn is_in_memory(design: &Design, edge: EdgeId) -> bool {
    match design[edge].kind {
        EdgeKind::Array(Partition::Complete) => false,
        EdgeKind::Array(Partition::Cyclic { .. } | Partition::Reshape { .. })
        | EdgeKind::Stream(_) => true,
    }
}

/// Adds the operators of one iteration of `kernel`, and its memories, to `path`.
pub(super) fn add(path: &mut Datapath, design: &Design, kernel: &Kernel) {
    let iterations = Iterations::of(kernel);
    let edge = &design[kernel.output];
    let to = design[edge.element].quantization;
    let result = to.format.width();
    let from = design[design[kernel.inputs[0]].element].quantization;
    let operand = from.format.width();
    // Elements of the result in an iteration.
    let elements = (edge.len() as u64).div_ceil(iterations.count);
    let live = elements * u64::from(result);
    if iterations.count > 1 && kernel.plan.folds == 1 {
        let (lut, ff) = LOOP_CONTROL;
        path.resources += Resources { lut, ff, ..Resources::default() };
        variable_reads(path, design, kernel, iterations);
    }
    let constants = kernel.plan.constants.iter();
    let memory = |(id, partition): &(_, _)| design.constant_memory(kernel, *id, *partition);
    let memories = constants.filter_map(memory);
    // Copies of a kernel are counted with it.
    let readers = |count: u64| count.div_ceil(kernel.copies.max(1));
    memories.for_each(|it| path.resources += memory::rom(it.words, it.bits, readers(it.count)));
    match &kernel.body {
        Body::Linear(linear) => matrix(path, design, (kernel, linear), iterations.count),
        Body::Accumulate(sums) => accumulated(path, design, (kernel, sums), iterations.count),
        Body::Affine(affine) => {
            scaled(path, design, kernel, &affine.scales, (elements, operand));
            if affine.bias.is_some() {
                path.logic(result, elements * adder(result), live);
            }
        }
        Body::Cast => cast(path, (from, to), elements),
        Body::ChannelCast(kernel) => {
            let types = kernel.types.iter().map(|id| design[*id].quantization);
            let widest = types.max_by_key(|to| cast_luts((from, *to)));
            cast(path, (from, widest.unwrap_or(to)), elements);
        }
        Body::Clamp(clamp) => {
            let compared = width(design, clamp.compared);
            for _ in [&clamp.low, &clamp.high].into_iter().flatten() {
                path.logic(compared, elements * (comparator(compared) + selector(compared)), live);
            }
        }
        Body::Leaky(leaky) => {
            scaled(path, design, kernel, &leaky.slopes, (elements, operand));
            let bias = if leaky.bias.is_some() { adder(result) } else { 0 };
            let compared = width(design, leaky.compared);
            let lut = bias + comparator(compared) + selector(result);
            path.logic(compared, elements * lut, live);
        }
        Body::Scale(_) | Body::Concat(_) => {}
        Body::Comparators(steps) => {
            let compared = steps.thresholds.map_or(0, |it| width(design, it.compared));
            let each = comparator(compared) + selector(result);
            path.logic(compared, elements * steps.comparisons as u64 * each, live);
            let levels = usize::BITS - steps.comparisons.leading_zeros();
            (1..levels).for_each(|_| path.logic(0, 0, live));
        }
        Body::Table(table) => {
            let compared = width(design, table.compared);
            for _ in [&table.low, &table.high].into_iter().flatten() {
                path.logic(compared, elements * (comparator(compared) + selector(compared)), live);
            }
            if table.base.is_some() {
                path.logic(compared, elements * adder(compared), live);
            }
            let rom = memory::rom(table.entries as u64, result.into(), elements);
            path.level(path.delays.memory, rom, live);
        }
        Body::Search(search) => {
            let compared = width(design, search.compared);
            for level in 0..search.levels {
                let thresholds = memory::rom(1 << level, compared.into(), elements);
                let lut = elements * comparator(compared);
                let delay = path.delays.memory + path.delays.adder(compared);
                path.level(delay, thresholds, live);
                path.resources.lut += lut;
            }
            path.level(
                path.delays.memory,
                memory::rom(1 << search.levels, result.into(), elements),
                live,
            );
        }
        // The table is a memory among the constants.
        Body::Lookup(_) => path.level(path.delays.memory, Resources::default(), live),
        Body::Softmax(kernel) => softmax(path, design, kernel, (elements, operand, result)),
        Body::Pool(pool) => {
            let bits = width(design, pool.element);
            let taps = pool.window.taps() as u64;
            match pool.lowest {
                // The largest of two: a comparison and a choice.
                Some(_) => {
                    let each = comparator(bits) + selector(bits);
                    for (pairs, left) in pool.levels() {
                        let live = elements * left as u64 * u64::from(bits);
                        path.logic(bits, elements * pairs as u64 * each, live);
                    }
                }
                None => path.trees(vec![taps; elements as usize], operand, bits),
            }
        }
        Body::Gather(gather) => {
            // Nested loops count the places of elements, which else are a table.
            if iterations.count > 1 && gather.strides.is_none() {
                let words = gather.indices.len() as u64;
                let bits = u64::from(u64::BITS - words.leading_zeros());
                path.resources += memory::rom(words, bits, 1);
            }
        }
        Body::Elementwise(elementwise) => {
            let operands = kernel.inputs.len() as u64;
            match elementwise.kind {
                Elementwise::Add | Elementwise::Subtract => {
                    path.trees(vec![operands; elements as usize], operand, result);
                }
                Elementwise::Multiply => {
                    for other in &kernel.inputs[1..] {
                        let each =
                            product(path.slice, operand, width(design, design[*other].element));
                        path.level(path.delays.product, each * elements, live);
                    }
                }
                Elementwise::Maximum | Elementwise::Minimum => {
                    let compared = elementwise.compared.map_or(result, |id| width(design, id));
                    for _ in 1..operands {
                        path.logic(
                            compared,
                            elements * (comparator(compared) + selector(compared)),
                            live,
                        );
                    }
                }
            }
        }
    }
}

/// Adds the choice of the elements that an iteration reads, where the operand is in registers.
fn variable_reads(path: &mut Datapath, design: &Design, kernel: &Kernel, iterations: Iterations) {
    let operand = kernel.inputs[0];
    if is_in_memory(design, operand) {
        return;
    }
    let structure = &kernel.structure;
    let unroll = kernel.plan.loops.iter().find_map(|it| match it {
        Loop::Pipeline { unroll, .. } => Some(*unroll),
        Loop::Unroll | Loop::Sequential => None,
    });
    let elements = match structure.reads {
        _ if structure.window_len > 0 => structure.window_len as u64,
        Reads::Spread(elements) => elements as u64,
        Reads::EachCopy | Reads::OneBank(_) => {
            structure.nest.inside(kernel.plan.loops.len()) * unroll.unwrap_or(1)
        }
    };
    let positions = match &kernel.body {
        Body::Linear(linear) => match &linear.windows {
            Some(windows) => windows.window.windows() as u64,
            // All outputs read the same inputs.
            None => iterations.count / (linear.tiles.outputs as u64).max(1),
        },
        // Inputs come to the front of a shift register.
        Body::Accumulate(_) => 1,
        Body::Affine(_)
        | Body::Cast
        | Body::ChannelCast(_)
        | Body::Clamp(_)
        | Body::Leaky(_)
        | Body::Scale(_)
        | Body::Comparators(_)
        | Body::Table(_)
        | Body::Search(_)
        | Body::Lookup(_)
        | Body::Softmax(_)
        | Body::Pool(_)
        | Body::Gather(_)
        | Body::Concat(_)
        | Body::Elementwise(_) => iterations.count,
    };
    let operands = kernel.inputs.len() as u64;
    let bits = elements * u64::from(width(design, design[operand].element)) * operands;
    let choices = multiplexer(positions, 1);
    if choices > 0 {
        // Four choices a level.
        let levels = positions.ilog2().div_ceil(2);
        path.logic(0, choices * bits, bits);
        (1..levels).for_each(|_| path.logic(0, 0, bits));
    }
}

/// Adds products of `elements` of `operand` bits with factors.
fn scaled(
    path: &mut Datapath,
    design: &Design,
    kernel: &Kernel,
    factors: &Factors,
    (elements, operand): (u64, u32),
) {
    let Factors::Numbers { constant } = factors else { return };
    let constant = &design[*constant];
    let factor = width(design, constant.element);
    let live = elements * u64::from(operand + factor);
    let slice = path.slice;
    let all = match (&constant.codes, kernel.multipliers) {
        (_, Some(multipliers)) if kernel.plan.multiplier_limit.is_some() => {
            let [choice, product] =
                shared_product(slice, (operand, factor), multipliers.reuse_factor);
            path.logic(0, multipliers.limit * choice.lut, live);
            product * multipliers.limit
        }
        // Factors are constants of the circuit where every channel has a multiplier of its own.
        (codes, _) if elements.is_multiple_of(codes.len().max(1) as u64) => {
            let rows = elements / codes.len().max(1) as u64;
            constant_products(slice, (operand, factor), codes) * rows
        }
        (Codes::Narrow(_) | Codes::Wide(_), _) => product(slice, operand, factor) * elements,
    };
    path.level(path.delays.product, all, live);
}

/// The products of an operand with each of the constants `codes`; the operand and the constants have
/// these widths.
pub(in crate::hls) fn constant_products(
    slice: DspSlice,
    (operand, factor): (u32, u32),
    codes: &Codes,
) -> Resources {
    match codes {
        Codes::Narrow(codes) => {
            codes.iter().map(|code| constant_product(slice, operand, *code)).sum()
        }
        Codes::Wide(codes) => product(slice, operand, factor) * codes.len() as u64,
    }
}

/// A multiplier that is used `uses` times: the choice of its factors, and its product.
pub(in crate::hls) fn shared_product(
    slice: DspSlice,
    (operand, factor): (u32, u32),
    uses: u64,
) -> [Resources; 2] {
    let lut = multiplexer(uses, operand) + uses.div_ceil(64) * u64::from(factor);
    [Resources { lut, ..Resources::default() }, product(slice, operand, factor)]
}

/// Adds `elements` casts.
fn cast(path: &mut Datapath, types: (Quantization, Quantization), elements: u64) {
    let lut = cast_luts(types);
    if lut > 0 {
        let width = types.1.format.width();
        path.logic(width, lut * elements, elements * u64::from(width));
    }
}

/// LUTs of a cast: rounding adds a bit to the result; saturation compares the bits above it and
/// chooses a limit.
fn cast_luts((from, to): (Quantization, Quantization)) -> u64 {
    let dropped = from.format.fractional_bits() > to.format.fractional_bits();
    let rounds = match to.rounding {
        Rounding::Trn => false,
        Rounding::TrnZero
        | Rounding::Rnd
        | Rounding::RndZero
        | Rounding::RndInf
        | Rounding::RndMinInf
        | Rounding::RndConv
        | Rounding::RndConvOdd => dropped,
    };
    let loses_sign = from.format.is_signed() && !to.format.is_signed();
    let narrows = from.format.integer_bits() > to.format.integer_bits() || loses_sign || rounds;
    let saturates = match to.overflow {
        Overflow::Wrap { saturated_bits } => narrows && saturated_bits > 0,
        Overflow::Sat | Overflow::SatZero | Overflow::SatSym => narrows,
    };
    let above = from.format.integer_bits().saturating_sub(to.format.integer_bits()).max(1);
    let width = to.format.width();
    let rounding = if rounds { adder(width) } else { 0 };
    let limits = comparator(above.unsigned_abs()) + selector(width);
    rounding + if saturates { limits } else { 0 }
}

/// Adds a softmax: the maximum, differences, tables, their products and sum, the reciprocal, and
/// the products with it.
fn softmax(
    path: &mut Datapath,
    design: &Design,
    kernel: &SoftmaxKernel,
    (elements, operand, result): (u64, u32, u32),
) {
    let (difference, exp) = (width(design, kernel.difference), width(design, kernel.exp));
    let (sum, mantissa) = (width(design, kernel.sum), width(design, kernel.mantissa));
    let (error, reciprocal) = (width(design, kernel.error), width(design, kernel.reciprocal));
    let rows = elements.div_ceil(kernel.columns.max(1) as u64);
    let live = elements * u64::from(operand);
    let mut left = kernel.columns as u64;
    while left > 1 {
        path.logic(operand, rows * (left / 2) * (comparator(operand) + selector(operand)), live);
        left = left.div_ceil(2);
    }
    path.logic(difference, elements * adder(difference), elements * u64::from(difference));
    let live = elements * u64::from(exp);
    for table in &kernel.exp_tables {
        let rom = memory::rom(design[table.table].codes.len() as u64, exp.into(), elements);
        path.level(path.delays.memory, rom, live);
    }
    let slice = path.slice;
    for _ in kernel.exp_tables.iter().skip(1) {
        path.level(path.delays.product, product(slice, exp, exp) * elements, live);
    }
    path.trees(vec![kernel.columns as u64; rows as usize], exp, sum);
    let live = live + rows * u64::from(mantissa);
    (0..kernel.norm_shift).for_each(|_| path.logic(0, rows * selector(mantissa), live));
    let table = &design[kernel.reciprocal_table];
    let estimate = width(design, table.element);
    let rom = memory::rom(table.codes.len() as u64, estimate.into(), rows);
    path.level(path.delays.memory, rom, live);
    for (a, b) in [(mantissa, estimate), (error, error), (estimate, error)] {
        path.level(path.delays.product, product(slice, a, b) * rows, live);
        path.logic(error, rows * adder(error), live);
    }
    let factor = width(design, kernel.factor);
    let stages = u64::from(u32::BITS - kernel.norm_shift.leading_zeros());
    (0..stages).for_each(|_| path.logic(0, rows * selector(factor), live));
    let live = elements * u64::from(result);
    path.level(path.delays.product, product(slice, exp, reciprocal) * elements, live);
    path.logic(result, elements * adder(result), live);
}
