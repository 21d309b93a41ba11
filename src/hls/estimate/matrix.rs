//! Resources of weight matrices.

use std::collections::HashSet;

use num_traits::ToPrimitive;

use super::arithmetic::{adder, constant_product, multiplexer, population_count, product};
use super::datapath::Datapath;
use super::kernels::width;
use super::{DspSlice, Resources};
use crate::fixed::Codes;
use crate::hls::{
    AccumulateKernel, ConstantId, Design, Kernel, LinearKernel, RightShift, Terms, Tiles,
};

/// Adds the operators of one call of `sums`, which takes `iterations`: those of one of its tiles.
pub(super) fn accumulated(
    path: &mut Datapath,
    design: &Design,
    (kernel, sums): (&Kernel, &AccumulateKernel),
    iterations: u64,
) {
    let &AccumulateKernel { calls, inputs, outputs, terms, starts, tiles } = sums;
    let tiles = Tiles { inputs: calls * tiles.inputs, ..tiles };
    let inputs = calls * inputs;
    let (rows, phases, windows, listed) = (1, 1, None, None);
    let linear =
        LinearKernel { rows, inputs, windows, outputs, phases, terms, starts, tiles, listed };
    matrix(path, design, (kernel, &linear), iterations * calls as u64);
}

/// Adds the operators of one of the `iterations` that apply `linear` to a position.
pub(super) fn matrix(
    path: &mut Datapath,
    design: &Design,
    (kernel, linear): (&Kernel, &LinearKernel),
    iterations: u64,
) {
    let operand = width(design, design[kernel.inputs[0]].element);
    let result = width(design, design[kernel.output].element);
    // Applications of a tile side by side.
    let tiles = linear.tiles.count();
    let copies = (linear.rows as u64 * tiles).div_ceil(iterations);
    let biased = u64::from(linear.starts.is_some());
    let carried = u64::from(linear.tiles.inputs > 1);
    let extra = biased.max(carried);
    let terms = Matrix { design, kernel, linear, iterations, copies, operand, extra };
    match &linear.terms {
        Terms::Products { weights, .. } => terms.products(path, *weights, result),
        Terms::Signs { signs: _, shifted } => {
            let sums = shifted.map_or(result, |shifted| width(design, shifted.sum));
            let counts = terms.additions(kernel.cost.operations.additions);
            path.trees(counts, operand, sums);
        }
        Terms::Shifts { shift, .. } => {
            if let (RightShift::Each(id), true) = (shift.right, linear.is_stored()) {
                let wide = width(design, shift.element);
                let bits = copies * terms.tile() * u64::from(wide);
                path.stored_shifts(width(design, design[id].element), bits);
            }
            let counts = terms.additions(kernel.cost.operations.additions);
            path.trees(counts, operand, result);
        }
        Terms::Xnor { count, .. } => {
            let bits = copies * terms.tile();
            let counts = width(design, *count);
            let sums = copies * linear.tile_outputs() as u64;
            let live = sums * u64::from(counts);
            let levels = counts.div_ceil(2).max(1);
            (0..levels).for_each(|level| {
                let lut = if level == 0 { population_count(bits) } else { 0 };
                path.logic(3, lut, live);
            });
            path.logic(counts, sums * adder(counts), sums * u64::from(result));
        }
    }
    // A folded kernel's sums are registers of its process.
    if linear.tiles.inputs > 1 && !linear.is_folded() {
        path.resources.ff += linear.tile_outputs() as u64 * u64::from(result);
    }
}

/// A matrix that is applied to some rows at a time.
struct Matrix<'d> {
    design: &'d Design,
    kernel: &'d Kernel,
    linear: &'d LinearKernel,
    /// Iterations for a position.
    iterations: u64,
    /// Applications of a tile in one iteration.
    copies: u64,
    /// Width of the operand.
    operand: u32,
    /// Terms of a sum that are no products: a bias, or the sum of the tiles before.
    extra: u64,
}

impl Matrix<'_> {
    /// Weights of a tile.
    fn tile(&self) -> u64 {
        (self.linear.tile_inputs() * self.linear.tile_outputs()) as u64
    }

    /// Terms of each sum of an iteration, if a sample takes `additions`: all sums alike.
    fn additions(&self, additions: u64) -> Vec<u64> {
        let sums = self.copies * self.linear.tile_outputs() as u64;
        if self.linear.is_stored() {
            // A weight from a memory is added, whatever it is.
            return vec![self.linear.tile_inputs() as u64 + self.extra; sums as usize];
        }
        let iterations = self.iterations * self.kernel.repetitions;
        let each = additions.div_ceil(iterations.max(1));
        // The remaining terms are in the first sums.
        let (all, more) = (each / sums.max(1), each % sums.max(1));
        (0..sums).map(|sum| 1 + all + u64::from(sum < more)).collect()
    }

    /// Multipliers, or products with constants, and the trees of their sums.
    fn products(&self, path: &mut Datapath, weights: ConstantId, result: u32) {
        let Self { design, kernel, linear, .. } = self;
        let weight = width(design, design[weights].element);
        let sums = linear.tile_outputs() as u64;
        let shared =
            kernel.multipliers.filter(|it| kernel.plan.multiplier_limit.is_some() && it.limit > 0);
        if linear.is_stored() {
            let terms = linear.tile_inputs() as u64 + self.extra;
            let terms = vec![terms; (self.copies * sums) as usize];
            let count = self.copies * self.tile();
            return path.stored_products((self.operand, weight), count, terms, result);
        }
        let group = linear.windows.map_or(linear.outputs, |windows| windows.group_outputs);
        let widths = (self.operand, weight);
        let codes = &design[weights].codes;
        let positions = self.positions();
        let shape = (linear.outputs, group.max(1));
        let constants = ConstantProducts::of((codes, &positions), widths, shape, path.slice);
        let Some(multipliers) = shared else {
            return path.constant_products(&constants, (self.copies, self.extra), result);
        };
        // Multipliers choose their operand and their constant in each cycle.
        let live = constants.products * self.copies * u64::from(constants.width);
        let choices = multipliers.reuse_factor;
        let operands = multiplexer(choices, self.operand);
        let weights = choices.div_ceil(64) * u64::from(weight);
        let lut = multipliers.limit * (operands + weights);
        path.logic(0, lut, multipliers.limit * u64::from(self.operand + weight));
        let each = product(path.slice, self.operand, weight);
        path.level(path.delays.product, each * multipliers.limit, live);
        path.trees(constants.sums((self.copies, self.extra)), constants.width, result);
    }
}

impl Datapath {
    /// So many `products` of operands and weights of these widths, the weights from a memory, and
    /// their sums of so many `terms`.
    pub(in crate::hls) fn stored_products(
        &mut self,
        (operand, weight): (u32, u32),
        products: u64,
        terms: Vec<u64>,
        result: u32,
    ) {
        let each = product(self.slice, operand, weight);
        let live = products * u64::from(operand + weight);
        self.level(self.delays.memory, Resources::default(), live);
        self.level(self.delays.product, each * products, live);
        self.trees(terms, operand + weight, result);
    }

    /// Shifts of numbers of so many `bits` in all, by numbers from a memory: a stage of selectors for
    /// each bit of those.
    pub(in crate::hls) fn stored_shifts(&mut self, stages: u32, bits: u64) {
        (0..stages).for_each(|_| self.logic(0, bits.div_ceil(2), bits));
    }

    /// So many copies of all products with `constants` at once, and their sums, each with some `extra`
    /// terms.
    pub(in crate::hls) fn constant_products(
        &mut self,
        constants: &ConstantProducts,
        (copies, extra): (u64, u64),
        result: u32,
    ) {
        let all = constants.resources * copies;
        if all.dsp > 0 {
            return self.beside_slices(constants, (copies, extra), result);
        }
        if all.lut > 0 {
            let live = constants.products * copies * u64::from(constants.width);
            self.level(self.delays.adder(constants.width), all, live);
        }
        self.trees(constants.sums((copies, extra)), constants.width, result);
    }

    /// Products of which some are in DSP slices. Each operation begins as soon as its operands are
    /// there: beside the slices, the other products are computed, and their sums begin. A product in a
    /// slice is registered there (its register P, UG479, UG579), and takes no flip-flops.
    fn beside_slices(
        &mut self,
        constants: &ConstantProducts,
        (copies, extra): (u64, u64),
        result: u32,
    ) {
        let mut all = constants.resources * copies;
        let mut width = constants.width.min(result);
        let mut left: Vec<u64> = constants
            .terms
            .iter()
            .zip(&constants.in_slices)
            .map(|(terms, slow)| terms - slow)
            .collect();
        let mut spent = self.delays.adder(constants.width);
        let mut live = constants.products.saturating_sub(constants.slices) * u64::from(width);
        while left.iter().any(|terms| *terms > 1) {
            let wider = (width + 1).min(result);
            spent += self.delays.adder(wider);
            if spent > self.delays.product {
                break;
            }
            width = wider;
            let additions: u64 = left.iter().map(|terms| terms / 2).sum();
            all.lut += additions * copies * adder(width);
            left.iter_mut().for_each(|terms| *terms = terms.div_ceil(2));
            live = left.iter().sum::<u64>() * u64::from(width);
        }
        self.level(self.delays.product, all, live * copies);
        let terms = left.iter().zip(&constants.in_slices).map(|(left, slow)| left + slow + extra);
        let terms = (0..copies).flat_map(|_| terms.clone()).collect();
        self.trees(terms, width, result);
    }
}

impl Matrix<'_> {
    /// The input and output of each weight that is written down.
    fn positions(&self) -> Vec<(usize, usize)> {
        let LinearKernel { inputs, outputs, listed, .. } = *self.linear;
        let Some(listed) = listed else {
            return every_position(inputs, outputs);
        };
        let indices = |id: ConstantId| {
            let codes = self.design[id].codes.iter();
            codes.map(|code| code.to_usize().unwrap_or(0)).collect::<Vec<_>>()
        };
        indices(listed.inputs).into_iter().zip(indices(listed.outputs)).collect()
    }
}

/// The input and output of each weight of a whole matrix.
fn every_position(inputs: usize, outputs: usize) -> Vec<(usize, usize)> {
    (0..inputs).flat_map(|input| (0..outputs).map(move |output| (input, output))).collect()
}

/// The products of a matrix of constants, each pair of an input and a constant once.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::hls) struct ConstantProducts {
    resources: Resources,
    /// Number of different products that are not 0.
    products: u64,
    /// Number of those in DSP slices.
    slices: u64,
    /// Terms by output, and those in DSP slices among them.
    terms: Vec<u64>,
    in_slices: Vec<u64>,
    /// Mean width of a product.
    width: u32,
}

impl ConstantProducts {
    /// Sums of operands of `width` bits, or of shifted ones: so many `terms` by output.
    pub(in crate::hls) fn wires(terms: Vec<u64>, width: u32) -> Self {
        let in_slices = vec![0; terms.len()];
        Self { terms, in_slices, width, ..Self::default() }
    }

    /// The terms of each sum, some `extra` ones included, of so many copies.
    fn sums(&self, (copies, extra): (u64, u64)) -> Vec<u64> {
        let terms = self.terms.iter().map(|terms| terms + extra);
        (0..copies).flat_map(|_| terms.clone()).collect()
    }

    /// The products with the constants `codes` \[inputs, outputs\]; the rest as in [`Self::of`].
    pub(in crate::hls) fn of_matrix(
        codes: &Codes,
        widths: (u32, u32),
        group: usize,
        slice: DspSlice,
    ) -> Self {
        let &[inputs, outputs] = codes.shape() else {
            return Self::of((codes, &[]), widths, (1, 1), slice);
        };
        let positions = every_position(inputs, outputs);
        Self::of((codes, &positions), widths, (outputs, group.max(1)), slice)
    }

    /// The products of operands and constants of these widths. Each of `codes` has an input and an
    /// output of `outputs`, of which each `group` takes operands of its own.
    fn of(
        (codes, positions): (&Codes, &[(usize, usize)]),
        (operand, constant): (u32, u32),
        (outputs, group): (usize, usize),
        slice: DspSlice,
    ) -> Self {
        let mut all = Self {
            resources: Resources::default(),
            products: 0,
            slices: 0,
            terms: vec![0; outputs],
            in_slices: vec![0; outputs],
            width: operand,
        };
        let narrow = match codes {
            Codes::Narrow(codes) => codes,
            // Constants beyond 64 bits: a multiplier each.
            Codes::Wide(codes) => {
                all.products = codes.len() as u64;
                all.terms = vec![(codes.len() / outputs.max(1)) as u64; outputs];
                let each = product(slice, operand, constant);
                if each.dsp > 0 {
                    (all.slices, all.in_slices) = (all.products, all.terms.clone());
                }
                all.resources = each * all.products;
                all.width = operand + constant;
                return all;
            }
        };
        let mut bits = 0_u64;
        let mut met: HashSet<(usize, usize, i64)> = HashSet::new();
        for (code, &(input, output)) in narrow.iter().zip(positions) {
            if *code == 0 {
                continue;
            }
            let each = constant_product(slice, operand, *code);
            let in_slice = u64::from(each.dsp > 0);
            all.terms[output] += 1;
            all.in_slices[output] += in_slice;
            if met.insert((input, output / group, *code)) {
                all.products += 1;
                all.slices += in_slice;
                all.resources += each;
                let odd = code.unsigned_abs() >> code.trailing_zeros();
                bits += u64::from(u64::BITS - odd.leading_zeros());
            }
        }
        // A power of two shifts its operand without widening it.
        let mean = bits.div_ceil(all.products.max(1)).saturating_sub(1);
        all.width = operand + u32::try_from(mean).unwrap_or(0);
        all
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;

    #[test]
    fn equal_products_of_an_input_are_computed_once() {
        let codes = Codes::Narrow(arr2(&[[11_i64, 11, 7, 0], [11, -11, 8, 1]]).into_dyn());
        let of = |group| {
            let positions: Vec<_> = (0..8).map(|at| (at / 4, at % 4)).collect();
            let codes = (&codes, &positions[..]);
            let all = ConstantProducts::of(codes, (16, 6), (4, group), DspSlice::Dsp48E2);
            assert_eq!((all.slices, all.in_slices), (all.resources.dsp, vec![2, 2, 0, 0]));
            (all.resources.dsp, all.resources.lut, all.products, all.terms, all.width)
        };
        assert_eq!(of(4), (3, 17, 6, vec![2, 2, 2, 1], 18));
        // Each output has an operand of its own.
        assert_eq!(of(1), (4, 17, 7, vec![2, 2, 2, 1], 18));
    }
}
