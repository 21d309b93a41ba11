//! Sources of single elements: an operand itself, several merged ones, and the rows of a table.

use std::ops::Range as Span;

use num_traits::ToPrimitive;

use super::super::kernel::Scratch;
use super::super::simd::Level;
use super::super::storage::{Buffer, Stored, wide, with_elements};
use super::{Lane, Source, zip};
use crate::fixed::Range;
use crate::ir::{Elementwise, Lookup, Tensor};

/// The codes of the operand.
pub(in crate::sim::engine) struct Load {
    pub(super) level: Level,
}

impl<T: Lane> Source<T> for Load {
    fn fill(&self, operands: &[&Buffer], _: &mut Scratch, rows: Span<usize>, y: &mut [T]) {
        let first = first(&rows, y.len());
        with_elements!(operands[0], x => {
            let x = &x[first..first + y.len()];
            self.level.run(load, (y, x));
        }, _ => {});
    }

    fn algorithm(&self) -> String {
        "elements".to_owned()
    }
}

/// Arithmetic on the elements of several operands.
pub(in crate::sim::engine) struct Merge {
    level: Level,
    merge: Elementwise,
    /// Left shift of each operand to the binary point of the result.
    shifts: Vec<u32>,
}

impl Merge {
    /// The source of `result`; `None` if an operand does not fit `T` once it is aligned.
    pub(super) fn new<T: Lane>(
        merge: Elementwise,
        operands: &[&Tensor],
        result: &Tensor,
        level: Level,
    ) -> Option<Self> {
        let shift = |x: &&Tensor| {
            if merge == Elementwise::Multiply {
                return T::holds(&x.range()).then_some(0);
            }
            let shift = result.format.fractional_bits() - x.format.fractional_bits();
            let shift = u32::try_from(shift).ok()?;
            T::holds(&x.range().refined(shift)).then_some(shift.min(T::BITS - 1))
        };
        let shifts = operands.iter().map(shift).collect::<Option<Vec<u32>>>()?;
        Some(Self { level, merge, shifts })
    }
}

impl<T: Lane> Source<T> for Merge {
    fn fill(&self, operands: &[&Buffer], _: &mut Scratch, rows: Span<usize>, y: &mut [T]) {
        let first = first(&rows, y.len());
        for (at, (x, shift)) in operands.iter().zip(&self.shifts).enumerate() {
            with_elements!(x, x => {
                let (x, shift) = (&x[first..first + y.len()], *shift);
                let merge = (at > 0).then_some(self.merge);
                self.level.run(merged, (merge, shift, &mut *y, x));
            }, _ => {});
        }
    }

    fn algorithm(&self) -> String {
        "merge".to_owned()
    }
}

#[inline(always)]
fn load<S: Stored, T: Lane>((y, x): (&mut [T], &[S])) {
    zip(y, x, |_, code| code);
}

/// `merge` of y and x, shifted; x alone without one.
#[inline(always)]
fn merged<S: Stored, T: Lane>((merge, shift, y, x): (Option<Elementwise>, u32, &mut [T], &[S])) {
    let aligned = |code: T| code.wrapping_shl(shift);
    match merge {
        None => zip(y, x, |_, b| aligned(b)),
        Some(Elementwise::Add) => zip(y, x, |a: T, b| a.wrapping_add(&aligned(b))),
        Some(Elementwise::Subtract) => zip(y, x, |a: T, b| a.wrapping_sub(&aligned(b))),
        Some(Elementwise::Multiply) => zip(y, x, |a: T, b| a.wrapping_mul(&b)),
        Some(Elementwise::Maximum) => zip(y, x, |a: T, b| a.max(aligned(b))),
        Some(Elementwise::Minimum) => zip(y, x, |a: T, b| a.min(aligned(b))),
    }
}

/// The rows of a table at the codes of the operand.
pub(in crate::sim::engine) struct Rows<T> {
    table: Vec<T>,
    columns: usize,
}

impl<T: Lane> Rows<T> {
    /// The source of the result of `lookup`; `None` if an entry does not fit `T`.
    pub(super) fn new(lookup: &Lookup) -> Option<Self> {
        let columns = *lookup.table.codes.shape().last()?;
        let entry = |code: num_bigint::BigInt| {
            let fits = T::holds(&Range::point(code.clone()));
            fits.then(|| code.to_i64().map(T::of)).flatten()
        };
        let table = lookup.table.codes.iter().map(entry).collect::<Option<_>>()?;
        Some(Self { table, columns })
    }
}

impl<T: Lane> Source<T> for Rows<T> {
    fn fill(&self, operands: &[&Buffer], _: &mut Scratch, rows: Span<usize>, y: &mut [T]) {
        with_elements!(operands[0], x => {
            for (index, y) in x[rows].iter().zip(y.chunks_exact_mut(self.columns)) {
                let row = wide(*index) as usize * self.columns;
                y.copy_from_slice(&self.table[row..row + self.columns]);
            }
        }, _ => {});
    }

    fn algorithm(&self) -> String {
        "table rows".to_owned()
    }
}

/// The first element of `rows` of which there are `len` elements.
fn first(rows: &Span<usize>, len: usize) -> usize {
    rows.start * (len / rows.len().max(1))
}
