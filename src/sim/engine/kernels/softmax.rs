//! Softmax in 64-bit integers.

use num_bigint::BigInt;
use num_traits::ToPrimitive;

use super::super::kernel::{Kernel, Scratch};
use super::super::simd::{Level, Loop};
use super::super::storage::{Buffer, Stored, wide, with_elements};
use crate::fixed::{Conversion, Range};
use crate::ir::{Reciprocal, Softmax, Tensor};

/// Elements whose exponentials are computed together.
const CHUNK: usize = 1024;

/// The tables of a softmax.
pub(super) struct SoftmaxRows {
    level: Level,
    channels: usize,
    exponentials: Exponentials,
    /// Fractional bits of a sum.
    fraction: u32,
    /// For each norm shift.
    reciprocals: Vec<Reciprocal<i64>>,
}

/// The exponential of a difference: the product of an entry of each table.
struct Exponentials {
    difference: Conversion<i64>,
    tables: Vec<Table>,
    /// A product of two entries to a factor of the next one.
    product: Conversion<i64>,
}

/// Entries by some bits of a difference.
struct Table {
    /// Bits below the address.
    below: u32,
    /// The address in the lowest bits.
    mask: i64,
    entries: Vec<i64>,
}

impl SoftmaxRows {
    /// The kernel of `softmax` for operands `x`; `None` if intermediate results may exceed 64 bits.
    pub(super) fn new(softmax: &Softmax, x: &Tensor) -> Option<Self> {
        let reciprocals = (0..=softmax.norm_shift).map(|shift| Reciprocal::new(softmax, shift));
        Some(Self {
            level: Level::detect(),
            channels: x.channel_count(),
            exponentials: Exponentials::new(softmax, x)?,
            fraction: u32::try_from(softmax.sum.fractional_bits()).ok()?,
            reciprocals: reciprocals.collect::<Option<_>>()?,
        })
    }

    /// The codes of rows, in memory for twice as many.
    fn rows<'m, S: Stored>(&self, x: &[S], memory: &'m mut Vec<i64>) -> Option<&'m [i64]> {
        memory.resize(2 * x.len(), 0);
        let (differences, y) = memory.split_at_mut(x.len());
        for (differences, x) in
            differences.chunks_exact_mut(self.channels).zip(x.chunks_exact(self.channels))
        {
            let highest = wide(*x.iter().max()?);
            for (difference, x) in differences.iter_mut().zip(x) {
                *difference = highest - wide(*x);
            }
        }
        self.level.run(Exponential, (&self.exponentials, differences, &mut *y));
        for y in y.chunks_exact_mut(self.channels) {
            let sum: i64 = y.iter().sum();
            // The least shift h with sum / 2^h below 2.
            let bits = i64::BITS - sum.leading_zeros();
            let shift = bits.checked_sub(1 + self.fraction)?;
            let reciprocal = self.reciprocals.get(shift as usize)?;
            let inverse = reciprocal.of(&sum)?;
            for y in y {
                *y = reciprocal.probability(y, &inverse);
            }
        }
        Some(y)
    }
}

impl Exponentials {
    fn new(softmax: &Softmax, x: &Tensor) -> Option<Self> {
        let range = x.range();
        let differences = Range::new(0, range.high() - range.low());
        let fraction = x.format.fractional_bits();
        let mut below = softmax.difference.format.width();
        let mut tables = Vec::with_capacity(softmax.exp_tables.len());
        for (table, lines) in softmax.exp_tables.iter().zip(softmax.addresses()?) {
            below = below.checked_sub(lines)?;
            let entries = table.codes.iter().map(|entry| entry.to_i64()).collect::<Option<_>>()?;
            tables.push(Table { below, mask: (1 << lines) - 1, entries });
        }
        // A factor is an entry, or a product in the type of exponentials.
        let entries = softmax.exp_tables.iter().map(|table| table.range());
        let entries = entries.reduce(|all, table| all.hull(&table))?;
        let factors = entries.hull(&softmax.exponential.format.codes());
        let products = Range::new(0, entries.high() * factors.high());
        let exponent = 2 * softmax.exponential.format.fractional_bits();
        let is_natural = |range: &Range| *range.low() >= BigInt::ZERO;
        let are_natural = is_natural(&softmax.difference.format.codes()) && is_natural(&factors);
        are_natural.then_some(())?;
        Some(Self {
            difference: Conversion::within(fraction, &softmax.difference, &differences)?,
            tables,
            product: Conversion::within(exponent, &softmax.exponential, &products)?,
        })
    }
}

/// The exponentials of differences, which become codes of addresses.
struct Exponential;

impl Loop<(&Exponentials, &mut [i64], &mut [i64])> for Exponential {
    type Result = ();

    #[inline(always)]
    fn run((exponentials, differences, y): (&Exponentials, &mut [i64], &mut [i64])) {
        exponentials.difference.apply_all(differences);
        for (at, Table { below, mask, entries }) in exponentials.tables.iter().enumerate() {
            if at == 0 {
                for (y, difference) in y.iter_mut().zip(&*differences) {
                    *y = entries[(difference >> below & mask) as usize];
                }
            } else {
                for (y, difference) in y.iter_mut().zip(&*differences) {
                    *y *= entries[(difference >> below & mask) as usize];
                }
                exponentials.product.apply_all(y);
            }
        }
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
        let memory = &mut scratch.lanes64;
        let chunk = CHUNK.div_ceil(self.channels) * self.channels;
        with_elements!(operands.first()?, x => with_elements!(result,
            y => {
                for (y, x) in y.chunks_mut(chunk).zip(x.chunks(chunk)) {
                    let codes = self.rows(x, memory)?;
                    y.iter_mut().zip(codes).for_each(|(y, code)| *y = *code as _);
                }
                Some(())
            }, _ => None), _ => None)
    }

    fn algorithm(&self) -> String {
        "softmax by tables".to_owned()
    }
}
