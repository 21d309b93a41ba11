//! Sources of single elements: an operand itself, several merged ones, and the rows of a table.

use std::ops::Range as Span;

use num_traits::ToPrimitive;

use super::super::kernel::Scratch;
use super::super::simd::{Level, Loop};
use super::super::storage::{Buffer, Stored, wide, with_elements};
use super::{Lane, Source, zip};
use crate::fixed::Range;
use crate::ir::{Elementwise, Gather, Lookup, Tensor};

/// The codes of the operand.
pub(in crate::sim::engine) struct Load {
    pub(super) level: Level,
}

impl<T: Lane> Source<T> for Load {
    fn fill(&self, operands: &[&Buffer], _: &mut Scratch, rows: Span<usize>, y: &mut [T]) {
        let first = first(&rows, y.len());
        with_elements!(operands[0], x => {
            let x = &x[first..first + y.len()];
            self.level.run(ZipLoad, (y, x));
        }, _ => {});
    }

    fn algorithm(&self) -> String {
        "elements".to_owned()
    }
}

/// Neighbouring codes of each sample of the operand.
pub(in crate::sim::engine) struct Slice {
    level: Level,
    /// Elements of a sample of the operand.
    from: usize,
    /// The first code.
    first: usize,
    /// Codes of a sample.
    len: usize,
}

impl Slice {
    /// The source of the codes that `gather` selects from `x`; `None` unless they are neighbours.
    pub(super) fn new(gather: &Gather, x: &Tensor, level: Level) -> Option<Self> {
        let first = (*gather.indices.first()?)?;
        let mut next = first..;
        let is_run = gather.indices.iter().all(|index| *index == next.next());
        is_run.then(|| Self { level, from: x.len(), first, len: gather.indices.len() })
    }
}

impl<T: Lane> Source<T> for Slice {
    fn fill(&self, operands: &[&Buffer], _: &mut Scratch, rows: Span<usize>, y: &mut [T]) {
        let start = first(&rows, y.len());
        with_elements!(operands[0], x => {
            self.level.run(ZipSlices, (self, start, y, &x[..]));
        }, _ => {});
    }

    fn algorithm(&self) -> String {
        "slices".to_owned()
    }
}

/// The codes of slices from one of them on.
struct ZipSlices;

impl<S: Stored, T: Lane> Loop<(&Slice, usize, &mut [T], &[S])> for ZipSlices {
    type Result = ();

    #[inline(always)]
    fn run((slice, start, y, x): (&Slice, usize, &mut [T], &[S])) {
        let (mut sample, mut skipped) = (start / slice.len, start % slice.len);
        let mut rest = y;
        while !rest.is_empty() {
            let len = (slice.len - skipped).min(rest.len());
            let (own, later) = rest.split_at_mut(len);
            let from = sample * slice.from + slice.first + skipped;
            zip(own, &x[from..from + len], |_, code| code);
            (sample, skipped, rest) = (sample + 1, 0, later);
        }
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
                self.level.run(ZipMerge, (merge, shift, &mut *y, x));
            }, _ => {});
        }
    }

    fn algorithm(&self) -> String {
        "merge".to_owned()
    }
}

/// Codes in lanes.
struct ZipLoad;

impl<S: Stored, T: Lane> Loop<(&mut [T], &[S])> for ZipLoad {
    type Result = ();

    #[inline(always)]
    fn run((y, x): (&mut [T], &[S])) {
        zip(y, x, |_, code| code);
    }
}

/// A merge of y and x, shifted; x alone without one.
struct ZipMerge;

impl<S: Stored, T: Lane> Loop<(Option<Elementwise>, u32, &mut [T], &[S])> for ZipMerge {
    type Result = ();

    #[inline(always)]
    fn run((merge, shift, y, x): (Option<Elementwise>, u32, &mut [T], &[S])) {
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
