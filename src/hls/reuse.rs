//! Reuse factors and strategies, as hls4ml's users know them.

use std::collections::BTreeSet;

use serde::Serialize;

use super::UNROLL_LIMIT;
use crate::config::Strategy;

/// A matrix \[inputs, outputs\] cut into equal blocks; one is worked on at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Blocks {
    /// Into how many parts the inputs are cut.
    pub inputs: usize,
    /// Into how many parts the outputs are cut.
    pub outputs: usize,
}

impl Blocks {
    /// The matrix in one piece.
    pub const WHOLE: Self = Self { inputs: 1, outputs: 1 };

    /// How many blocks there are.
    pub fn count(self) -> u64 {
        (self.inputs * self.outputs) as u64
    }

    /// Whether the matrix is in one piece.
    pub fn is_whole(&self) -> bool {
        *self == Self::WHOLE
    }

    /// The blocks whose number is nearest to `asked`, of at most [`UNROLL_LIMIT`] elements each. Of
    /// two numbers as near the smaller, which is faster; of the ways to make as many blocks the one
    /// that cuts the inputs least, because what is cut there is summed across iterations.
    ///
    /// Every factor that hls4ml takes is among them: the divisors of `inputs`, and `inputs` times a
    /// divisor of `outputs` (`get_valid_reuse_factors` of its FPGA back end).
    fn nearest(inputs: usize, outputs: usize, asked: u64) -> Self {
        let pairs = divisors(inputs).into_iter().flat_map(|inputs| {
            divisors(outputs).into_iter().map(move |outputs| Self { inputs, outputs })
        });
        let small = |blocks: &Self| (inputs * outputs) as u64 / blocks.count() <= UNROLL_LIMIT;
        let nearness = |blocks: &Self| {
            let count = blocks.count();
            (count.abs_diff(asked), count, blocks.inputs)
        };
        pairs.filter(small).min_by_key(nearness).unwrap_or(Self::WHOLE)
    }
}

/// How a matrix shares its multipliers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sharing {
    /// What is worked on at a time.
    pub(super) blocks: Blocks,
    /// Clock cycles between two blocks, in which the tool may use multipliers again.
    pub(super) interval: u64,
}

impl Sharing {
    /// With the legal reuse factor that is nearest to `asked`. A matrix that is too large to be
    /// unrolled is cut into blocks whatever the strategy.
    pub(super) fn new(strategy: Strategy, inputs: usize, outputs: usize, asked: u64) -> Self {
        let products = inputs * outputs;
        if strategy == Strategy::Latency && products as u64 <= UNROLL_LIMIT {
            let factors = divisors(products).into_iter().map(|d| d as u64);
            let interval = factors.min_by_key(|d| d.abs_diff(asked)).unwrap_or(1);
            return Self { blocks: Blocks::WHOLE, interval };
        }
        Self { blocks: Blocks::nearest(inputs, outputs, asked), interval: 1 }
    }

    /// How often one multiplier is used each time that the matrix is.
    pub(super) fn reuse_factor(self) -> u64 {
        self.blocks.count() * self.interval
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

    fn latency(products: usize, asked: u64) -> u64 {
        Sharing::new(Strategy::Latency, products, 1, asked).reuse_factor()
    }

    fn blocks(inputs: usize, outputs: usize, asked: u64) -> (usize, usize) {
        let sharing = Sharing::new(Strategy::Resource, inputs, outputs, asked);
        assert_eq!(sharing.interval, 1);
        (sharing.blocks.inputs, sharing.blocks.outputs)
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
    fn blocks_cut_outputs_before_inputs() {
        assert_eq!(blocks(16, 64, 1), (1, 1));
        assert_eq!(blocks(16, 64, 16), (1, 16));
        assert_eq!(blocks(16, 10, 16), (8, 2));
        assert_eq!(blocks(16, 10, 160), (16, 10));
        // 3 divides neither; of 2 and 4 the smaller.
        assert_eq!(blocks(16, 64, 3), (1, 2));
    }

    #[test]
    fn blocks_take_every_reuse_factor_of_hls4ml() {
        for (inputs, outputs) in [(16_usize, 64), (10, 7), (12, 18), (1, 5), (32, 5)] {
            // FPGABackend._validate_reuse_factor, line by line.
            let valid = |rf: usize| {
                let multiplier_limit = (inputs * outputs).div_ceil(inputs.min(rf));
                (multiplier_limit.is_multiple_of(outputs) || rf >= inputs)
                    && (rf.is_multiple_of(inputs) || rf < inputs)
                    && (inputs * outputs).is_multiple_of(rf)
            };
            for rf in (1..=inputs * outputs).filter(|rf| valid(*rf)) {
                let sharing = Sharing::new(Strategy::Resource, inputs, outputs, rf as u64);
                assert_eq!(sharing.reuse_factor(), rf as u64, "{inputs} x {outputs}");
            }
        }
    }

    #[test]
    fn large_matrices_are_cut_whatever_was_asked() {
        for strategy in [Strategy::Latency, Strategy::Resource] {
            let sharing = Sharing::new(strategy, 784, 128, 1);
            assert_eq!(sharing.blocks, Blocks { inputs: 7, outputs: 4 });
            // A prime number of inputs is summed one at a time.
            let sharing = Sharing::new(strategy, 4099, 1, 1);
            assert_eq!(sharing.blocks, Blocks { inputs: 4099, outputs: 1 });
        }
    }
}
