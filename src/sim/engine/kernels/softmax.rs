//! Softmax in 64-bit integers.

use num_bigint::BigInt;
use num_traits::ToPrimitive;

use super::super::kernel::{Kernel, Scratch};
use super::super::storage::{Buffer, Stored, wide, with_elements};
use crate::ir::{Reciprocal, Softmax, Tensor};

/// Most differences of two elements that have a table.
const DIFFERENCES: usize = 1 << 18;

/// The tables of a softmax.
pub(super) struct SoftmaxRows {
    channels: usize,
    /// The exponential of each difference from the largest element.
    exponentials: Vec<i64>,
    /// Fractional bits of a sum.
    fraction: u32,
    /// For each norm shift.
    reciprocals: Vec<Reciprocal<i64>>,
}

impl SoftmaxRows {
    /// The kernel of `softmax` for operands `x`; `None` if these have too many codes for a table, or
    /// intermediate results exceed 64 bits.
    pub(super) fn new(softmax: &Softmax, x: &Tensor) -> Option<Self> {
        let range = x.range();
        let differences = (range.high() - range.low()).to_usize()?.checked_add(1)?;
        if differences > DIFFERENCES {
            return None;
        }
        let exponential =
            |difference| softmax.exponential(&BigInt::from(difference), x.format)?.to_i64();
        let reciprocals = (0..=softmax.norm_shift).map(|shift| Reciprocal::new(softmax, shift));
        Some(Self {
            channels: x.channel_count(),
            exponentials: (0..differences).map(exponential).collect::<Option<_>>()?,
            fraction: u32::try_from(softmax.sum.fractional_bits()).ok()?,
            reciprocals: reciprocals.collect::<Option<_>>()?,
        })
    }

    /// The probabilities of a row.
    fn row<S: Stored>(&self, x: &[S], y: &mut [i64]) -> Option<()> {
        let highest = wide(*x.iter().max()?);
        let mut sum = 0;
        for (y, x) in y.iter_mut().zip(x) {
            *y = *self.exponentials.get((highest - wide(*x)) as usize)?;
            sum += *y;
        }
        // The least shift h with sum / 2^h below 2.
        let bits = i64::BITS - sum.leading_zeros();
        let shift = bits.checked_sub(1 + self.fraction)?;
        let reciprocal = self.reciprocals.get(shift as usize)?;
        let inverse = reciprocal.of(&sum)?;
        for y in y {
            *y = reciprocal.probability(y, &inverse);
        }
        Some(())
    }
}

impl Kernel for SoftmaxRows {
    fn run(
        &self,
        operands: &[&Buffer],
        result: &mut Buffer,
        _: usize,
        scratch: &mut Scratch,
    ) -> Option<()> {
        let row = &mut scratch.lanes64;
        row.resize(self.channels, 0);
        with_elements!(operands.first()?, x => with_elements!(result,
            y => {
                let rows = y.chunks_exact_mut(self.channels).zip(x.chunks_exact(self.channels));
                for (y, x) in rows {
                    self.row(x, row)?;
                    y.iter_mut().zip(&*row).for_each(|(y, code)| *y = *code as _);
                }
                Some(())
            }, _ => None), _ => None)
    }

    fn algorithm(&self) -> String {
        "softmax by tables".to_owned()
    }
}
