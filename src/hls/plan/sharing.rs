//! Sharing of a matrix' arithmetic over time: all products at once, or tiles one after the other.

use std::collections::BTreeSet;

use serde::Serialize;

use super::super::estimate::{ConstantProducts, Datapath, Resources, memory};
use super::super::limits::WORD_BITS;
use super::UNROLL_LIMIT;
use crate::config::{Pace, Strategy};

/// Number of equal tiles of a matrix \[inputs, outputs\] along each axis; an iteration computes
/// one tile.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Tiles {
    /// Along the inputs.
    pub inputs: usize,
    /// Along the outputs.
    pub outputs: usize,
}

/// A matrix of constant weights, as far as the sharing of its arithmetic depends on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::hls) struct Matrix {
    /// Terms of an output.
    pub(in crate::hls) inputs: usize,
    /// Outputs.
    pub(in crate::hls) outputs: usize,
    /// Groups of outputs, of which each has inputs of its own.
    pub(in crate::hls) groups: usize,
    /// Weights that are not 0; of the largest of matrices that take turns.
    pub(in crate::hls) nonzero: u64,
    /// Matrices that take turns.
    pub(in crate::hls) phases: usize,
    /// The products with constants, those of all matrices that take turns.
    pub(in crate::hls) constants: ConstantProducts,
    /// A term of a sum where the weights come from a memory.
    pub(in crate::hls) term: StoredTerm,
    /// Set if a sum begins with a bias.
    pub(in crate::hls) biased: bool,
    /// Widths of what it computes with.
    pub(in crate::hls) widths: Widths,
    /// The datapath before it.
    pub(in crate::hls) path: Datapath,
}

/// A term of a sum, of an operand and a weight from a memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::hls) enum StoredTerm {
    /// Their product.
    Product,
    /// The operand, shifted by a number from the memory.
    Shift {
        /// Bits of the number: each is a stage of selectors.
        stages: u32,
        /// Bits of the shifted operand.
        width: u32,
    },
    /// The operand, added, subtracted or compared.
    Sign,
}

/// Widths in a matrix product.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::hls) struct Widths {
    /// Of an element of the operand.
    pub(in crate::hls) operand: u32,
    /// Of a weight.
    pub(in crate::hls) weight: u32,
    /// Of a sum.
    pub(in crate::hls) sum: u32,
}

/// Positions of a sample that a matrix is applied to, one after the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::hls) struct Positions {
    /// Number of times that it is applied.
    pub(in crate::hls) count: u64,
    /// Clock cycles of a sample in which the process computes none.
    pub(in crate::hls) idle: u64,
    /// Copies of the matrix side by side, each for a position of its own.
    pub(in crate::hls) copies: u64,
}

impl Positions {
    /// A matrix that is applied to everything at once.
    pub(in crate::hls) const ONE: Self = Self { count: 1, idle: 0, copies: 1 };

    /// Clock cycles for each position, at least 1, for a sample every `interval` clock cycles.
    pub(in crate::hls) fn budget(self, interval: u64) -> u64 {
        (interval.saturating_sub(self.idle) / self.count.max(1)).max(1)
    }

    /// The reuse factor that `pace` asks for.
    pub(in crate::hls) fn reuse_factor(self, pace: Pace) -> u64 {
        match pace {
            Pace::ReuseFactor(factor) => factor,
            Pace::Interval(interval) => self.budget(interval),
        }
    }
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

    /// Tells whether the weights of `phases` matrices that take turns come from a memory, a word of them
    /// for each tile.
    pub fn are_stored(&self, phases: usize) -> bool {
        !self.is_whole() || phases > 1
    }

    /// All tiles of `matrix` of at most [`UNROLL_LIMIT`] elements and [`WORD_BITS`] each. A tile has the outputs of
    /// whole groups and all their inputs, or lies in one group.
    fn all(matrix: &Matrix) -> impl Iterator<Item = Self> {
        let &Matrix { inputs, outputs, groups, widths, .. } = matrix;
        let group = outputs / groups.max(1);
        let pairs = divisors(inputs).into_iter().flat_map(move |inputs| {
            divisors(outputs).into_iter().map(move |outputs| Self { inputs, outputs })
        });
        pairs.filter(move |tiles| {
            let tile_outputs = outputs / tiles.outputs;
            let whole_groups = tile_outputs.is_multiple_of(group) && tiles.inputs == 1;
            let in_group = group.is_multiple_of(tile_outputs);
            let len = (inputs / tiles.inputs * tile_outputs) as u64;
            let weights = len * u64::from(widths.weight);
            let sums = tile_outputs as u64 * u64::from(widths.sum);
            let fits = len <= UNROLL_LIMIT && weights <= WORD_BITS && sums <= WORD_BITS;
            (whole_groups || in_group) && fits
        })
    }

    /// The tiles whose number is nearest to `asked`. Of two numbers as near, the smaller, which is
    /// faster; of the ways to make as many tiles, the one with the fewest along the inputs, because
    /// those are summed across iterations.
    ///
    /// Every factor that hls4ml takes is among them: the divisors of `inputs`, and `inputs` times a
    /// divisor of `outputs` (`get_valid_reuse_factors` of its FPGA back end).
    fn nearest(matrix: &Matrix, asked: u64) -> Self {
        let nearness = |tiles: &Self| {
            let count = tiles.count();
            (count.abs_diff(asked), count, tiles.inputs)
        };
        // An empty matrix has no tiles to choose from.
        Self::all(matrix).min_by_key(nearness).unwrap_or(Self::WHOLE)
    }

    /// The tiles of the least area among those that take at most `budget` iterations; of equal ones
    /// the fewest, and then the fewest along the inputs.
    fn within(matrix: &Matrix, budget: u64) -> Option<Self> {
        let fitting = Self::all(matrix).filter(|tiles| tiles.count() <= budget);
        fitting.min_by_key(|tiles| (matrix.tiled_area(*tiles), tiles.count(), tiles.inputs))
    }
}

/// Sharing of the arithmetic of a matrix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::hls) struct Sharing {
    /// One is computed at a time.
    pub(in crate::hls) tiles: Tiles,
    /// Clock cycles between two tiles, in which the tool may reuse multipliers.
    pub(in crate::hls) interval: u64,
    /// Set if only the weights that are not 0 are written down: the matrix is too large to be
    /// unrolled with all its zeros.
    pub(in crate::hls) is_listed: bool,
    /// Set if weights come from a memory, a word of them for each tile. Matrices that take turns then
    /// share the arithmetic of a tile.
    pub(in crate::hls) is_stored: bool,
}

impl Sharing {
    /// Everything at once, with multipliers shared for `interval` clock cycles.
    fn unrolled(matrix: &Matrix, interval: u64) -> Self {
        let is_listed = matrix.products() > UNROLL_LIMIT;
        Self { tiles: Tiles::WHOLE, interval, is_listed, is_stored: false }
    }

    fn tiled(tiles: Tiles) -> Self {
        Self { tiles, interval: 1, is_listed: false, is_stored: true }
    }

    /// The same for `matrix`, one of several that are unrolled and take turns.
    pub(in crate::hls) fn of_one(self, matrix: &Matrix) -> Self {
        Self::unrolled(matrix, self.interval)
    }

    /// The sharing for `pace`.
    ///
    /// A reuse factor becomes the nearest legal one. An interval is met with the least area: of all
    /// tiles that meet it with weights from a memory, and of constants at once, where there are few
    /// enough to be unrolled. So more time never takes more area. Copies side by side are unrolled:
    /// they must be unrollable.
    pub(in crate::hls) fn new(
        matrix: &Matrix,
        strategy: Strategy,
        pace: Pace,
        positions: Positions,
    ) -> Self {
        let is_unrollable = matrix.nonzero <= UNROLL_LIMIT;
        let has_copies = positions.copies > 1;
        match pace {
            Pace::Interval(_) if has_copies => Self::unrolled(matrix, 1),
            Pace::ReuseFactor(asked) => {
                let is_latency = strategy == Strategy::Latency || asked == 1;
                if is_unrollable && is_latency || has_copies {
                    let factors = divisors(matrix.inputs * matrix.outputs);
                    let factors = factors.into_iter().map(|d| d as u64);
                    let interval = factors.min_by_key(|d| d.abs_diff(asked)).unwrap_or(1);
                    return Self::unrolled(matrix, interval);
                }
                Self::tiled(Tiles::nearest(matrix, asked))
            }
            Pace::Interval(interval) => match Tiles::within(matrix, positions.budget(interval)) {
                Some(tiles) if !is_unrollable => Self::tiled(tiles),
                None if !is_unrollable => Self::tiled(Tiles::nearest(matrix, 1)),
                Some(tiles) if matrix.tiled_area(tiles) < matrix.unrolled_area() => {
                    Self::tiled(tiles)
                }
                Some(_) | None => Self::unrolled(matrix, 1),
            },
        }
    }

    /// The sharing for `pace` of a matrix whose weights all come from a memory.
    pub(in crate::hls) fn from_memory(matrix: &Matrix, pace: Pace, positions: Positions) -> Self {
        let within = match pace {
            Pace::ReuseFactor(_) => None,
            Pace::Interval(_) => Tiles::within(matrix, positions.reuse_factor(pace)),
        };
        let nearest = || Tiles::nearest(matrix, positions.reuse_factor(pace));
        Self::tiled(within.unwrap_or_else(nearest))
    }

    /// Uses of one multiplier for each application of the matrix.
    pub(in crate::hls) fn reuse_factor(self) -> u64 {
        self.tiles.count() * self.interval
    }
}

impl Matrix {
    /// Products of one application, those with 0 included.
    fn products(&self) -> u64 {
        (self.inputs * self.outputs) as u64
    }

    /// Area of the matrix with constant weights, all at once.
    fn unrolled_area(&self) -> u64 {
        let mut path = self.path.clone();
        path.constant_products(&self.constants, (1, u64::from(self.biased)), self.widths.sum);
        path.cut();
        path.resources.area()
    }

    /// Area of the matrix in `tiles` of weights from a memory: the arithmetic of a tile, the
    /// memory, the operand, which is kept until the last tile, and sums that go on from tile to tile.
    fn tiled_area(&self, tiles: Tiles) -> u64 {
        let Widths { operand, weight, sum } = self.widths;
        let (inputs, outputs) = (self.inputs / tiles.inputs, self.outputs / tiles.outputs);
        let (is_carried, products) = (tiles.inputs > 1, (inputs * outputs) as u64);
        let terms = vec![inputs as u64 + u64::from(self.biased || is_carried); outputs];
        let mut path = self.path.clone();
        match self.term {
            StoredTerm::Product => path.stored_products((operand, weight), products, terms, sum),
            StoredTerm::Shift { stages, width } => {
                path.stored_shifts(stages, products * u64::from(width));
                path.trees(terms, operand, sum);
            }
            StoredTerm::Sign => path.trees(terms, operand, sum),
        }
        path.cut();
        let words = tiles.count() * self.phases as u64;
        let weights = memory::rom(words, products * u64::from(weight), 1);
        let operand_bits = (self.groups * self.inputs) as u64 * u64::from(operand);
        let kept = if tiles.is_whole() { 0 } else { operand_bits };
        let sums = if is_carried { outputs as u64 * u64::from(sum) } else { 0 };
        let registers = Resources { ff: kept + sums, ..Resources::default() };
        (path.resources + weights + registers).area()
    }
}

/// The largest divisor of `products` up to `most`.
pub(in crate::hls) fn reuse_factor_up_to(most: u64, products: usize) -> u64 {
    let factors = divisors(products).into_iter().map(|d| d as u64);
    factors.filter(|d| *d <= most).max().unwrap_or(1)
}

/// The divisor of `products` up to `most` with the least `area`; of equal ones the smallest.
pub(in crate::hls) fn reuse_factor_of_least_area(
    most: u64,
    products: usize,
    area: impl Fn(u64) -> u64,
) -> u64 {
    let factors = divisors(products).into_iter().map(|d| d as u64);
    factors.filter(|d| *d <= most).min_by_key(|d| (area(*d), *d)).unwrap_or(1)
}

/// The divisors of `number`, ascending.
fn divisors(number: usize) -> BTreeSet<usize> {
    let small = (1..).take_while(|d| d * d <= number).filter(|d| number.is_multiple_of(*d));
    small.flat_map(|d| [d, number / d]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::Codes;
    use crate::hls::Options;
    use crate::hls::estimate::DspSlice;

    const WIDTHS: Widths = Widths { operand: 6, weight: 6, sum: 16 };

    /// A matrix of weights with two digits each, of which each input has 16.
    fn matrix(inputs: usize, outputs: usize) -> Matrix {
        let codes =
            ndarray::Array2::from_shape_fn((inputs, outputs), |(_, at)| 1 + (2 << (at % 16)));
        let codes = Codes::Narrow(codes.into_dyn());
        let of_matrix = |slice| ConstantProducts::of_matrix(&codes, (6, 6), outputs, slice);
        Matrix {
            inputs,
            outputs,
            groups: 1,
            nonzero: (inputs * outputs) as u64,
            phases: 1,
            constants: of_matrix(DspSlice::Dsp48E2),
            term: StoredTerm::Product,
            biased: false,
            widths: WIDTHS,
            path: Datapath::of(&Options::new("m", "xcvu13p"), 6 * inputs as u64),
        }
    }

    fn shared(strategy: Strategy, inputs: usize, outputs: usize, asked: u64) -> Sharing {
        let pace = Pace::ReuseFactor(asked);
        Sharing::new(&matrix(inputs, outputs), strategy, pace, Positions::ONE)
    }

    fn latency(products: usize, asked: u64) -> u64 {
        shared(Strategy::Latency, products, 1, asked).reuse_factor()
    }

    fn tiles(inputs: usize, outputs: usize, asked: u64) -> (usize, usize) {
        let sharing = shared(Strategy::Resource, inputs, outputs, asked);
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
                let sharing = shared(Strategy::Resource, inputs, outputs, rf as u64);
                assert_eq!(sharing.reuse_factor(), rf as u64, "{inputs} x {outputs}");
            }
        }
    }

    #[test]
    fn large_matrices_are_cut_whatever_was_asked() {
        for strategy in [Strategy::Latency, Strategy::Resource] {
            let sharing = shared(strategy, 784, 128, 1);
            assert_eq!(sharing.tiles, Tiles { inputs: 7, outputs: 4 });
            // A prime number of inputs is summed one at a time.
            let sharing = shared(strategy, 4099, 1, 1);
            assert_eq!(sharing.tiles, Tiles { inputs: 4099, outputs: 1 });
        }
    }

    #[test]
    fn matrices_that_take_turns_share_a_memory_where_that_is_less() {
        // Four phases of 16 x 8 weights, all of them written down.
        let phases = Matrix { phases: 4, constants: matrix(16, 32).constants, ..matrix(16, 8) };
        let of = |pace| {
            let positions = Positions { count: 10, ..Positions::ONE };
            let sharing = Sharing::new(&phases, Strategy::Latency, pace, positions);
            (sharing.is_stored, sharing.tiles.count())
        };
        assert_eq!(of(Pace::Interval(10)), (true, 1));
        assert_eq!(of(Pace::Interval(45)), (true, 4));
        // A reuse factor alone asks for no memory.
        assert_eq!(of(Pace::ReuseFactor(1)), (false, 1));
    }

    #[test]
    fn weights_from_a_memory_are_tiled() {
        let of = |pace| {
            let positions = Positions { count: 4, ..Positions::ONE };
            Sharing::from_memory(&matrix(16, 10), pace, positions).tiles
        };
        assert_eq!(of(Pace::ReuseFactor(1)), Tiles::WHOLE);
        assert_eq!(of(Pace::ReuseFactor(5)), Tiles { inputs: 1, outputs: 5 });
        assert_eq!(of(Pace::Interval(43)), Tiles { inputs: 1, outputs: 10 });
        assert_eq!(of(Pace::Interval(1)), Tiles::WHOLE);
    }

    #[test]
    fn a_word_holds_what_the_tool_accepts() {
        let tiles = |(weight, sum)| {
            let wide = Matrix { widths: Widths { weight, sum, ..WIDTHS }, ..matrix(128, 64) };
            let pace = Pace::ReuseFactor(1);
            let tiles = Sharing::new(&wide, Strategy::Latency, pace, Positions::ONE).tiles;
            (tiles.inputs, tiles.outputs)
        };
        assert_eq!(tiles((16, 30)), (1, 2));
        // 4096 weights of 18 bits are 73,728 bits.
        assert_eq!(tiles((18, 30)), (1, 4));
        assert_eq!(tiles((18, 8192)), (1, 8));
    }

    #[test]
    fn mostly_zero_matrices_are_unrolled_whatever_their_size() {
        let sparse = Matrix { nonzero: 785, ..matrix(128, 64) };
        for strategy in [Strategy::Latency, Strategy::Resource] {
            let sharing = Sharing::new(&sparse, strategy, Pace::ReuseFactor(1), Positions::ONE);
            assert_eq!((sharing.tiles, sharing.interval), (Tiles::WHOLE, 1));
            assert!(sharing.is_listed && !sharing.is_stored);
        }
    }

    /// The sharing for `count` positions in `interval` clock cycles, of which it has none in `idle`.
    fn within(matrix: &Matrix, interval: u64, (count, idle): (u64, u64)) -> Sharing {
        let positions = Positions { count, idle, copies: 1 };
        Sharing::new(matrix, Strategy::Latency, Pace::Interval(interval), positions)
    }

    #[test]
    fn an_interval_is_met_with_the_least_area() {
        let tiles = |matrix: &Matrix, interval, positions| {
            let sharing = within(matrix, interval, positions);
            (sharing.tiles.inputs, sharing.tiles.outputs)
        };
        let dense = matrix(72, 16);
        assert_eq!(tiles(&dense, 100, (100, 0)), (1, 1));
        // Half of the products with variables are more than all products with constants.
        assert_eq!(tiles(&dense, 200, (100, 0)), (1, 1));
        assert_eq!(tiles(&dense, 800, (100, 0)), (1, 8));
        assert_eq!(tiles(&dense, 899, (100, 99)), (1, 8));
        assert_eq!(tiles(&dense, 3300, (100, 0)), (2, 16));
        let constants = ConstantProducts::wires(vec![6; 16], 6);
        let sparse = Matrix { nonzero: 96, constants, ..dense };
        assert_eq!(tiles(&sparse, 800, (100, 0)), (1, 1));
        // Too large to be unrolled: tiled even where that is too slow.
        assert_eq!(tiles(&matrix(784, 128), 1, (1, 0)), (7, 4));
    }

    #[test]
    fn more_time_never_takes_more_area() {
        for matrix in
            [matrix(72, 16), matrix(27, 5), matrix(13, 64), matrix(1, 7), matrix(784, 128)]
        {
            let area = |interval: u64| {
                let sharing = within(&matrix, interval, (3, 1));
                match sharing.is_stored {
                    true => matrix.tiled_area(sharing.tiles),
                    false => matrix.unrolled_area(),
                }
            };
            let areas: Vec<u64> = (1..2000).map(area).collect();
            assert!(areas.is_sorted_by(|fast, slow| fast >= slow), "{matrix:?}");
            assert!(areas.last() < areas.first());
        }
    }

    #[test]
    fn tiles_of_groups_are_whole_groups_or_lie_in_one() {
        let grouped = Matrix { groups: 4, ..matrix(6, 8) };
        let all: Vec<(usize, usize)> =
            Tiles::all(&grouped).map(|tiles| (tiles.inputs, tiles.outputs)).collect();
        for tiles in [(1, 1), (1, 2), (1, 4), (1, 8), (6, 4), (6, 8)] {
            assert!(all.contains(&tiles), "{tiles:?}");
        }
        assert!(!all.contains(&(2, 2)));
    }
}
