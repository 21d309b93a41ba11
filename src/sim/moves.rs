//! Operations that move elements, and those on elements of several operands.

use ndarray::{ArrayD, Axis, IxDyn};

use super::Operand;
use crate::fixed::{Format, Word};
use crate::ir::{Gather, Merge};

/// See [`Gather`].
pub(super) fn gather<W: Word>(op: &Gather, x: &ArrayD<W>, shape: &[usize]) -> Option<ArrayD<W>> {
    let samples = *x.shape().first()?;
    let mut y = Vec::with_capacity(samples * op.indices.len());
    for sample in x.axis_iter(Axis(0)) {
        let elements: Vec<&W> = sample.iter().collect();
        for place in &op.indices {
            y.push(match place {
                Some(place) => (*elements.get(*place)?).clone(),
                None => W::zero(),
            });
        }
    }
    let shape: Vec<usize> = std::iter::once(samples).chain(shape.iter().copied()).collect();
    ArrayD::from_shape_vec(IxDyn(&shape), y).ok()
}

/// See [`Op::Concat`](crate::ir::Op::Concat).
pub(super) fn concat<W: Word>(operands: &[Operand<'_>], axis: usize) -> Option<ArrayD<W>> {
    let arrays: Vec<_> = operands.iter().map(|x| W::view(x.codes)).collect::<Option<_>>()?;
    let views: Vec<_> = arrays.iter().map(|array| array.view()).collect();
    // Samples come before the axes of one sample. What is joined need not lie row-major.
    let joined = ndarray::concatenate(Axis(axis + 1), &views).ok()?;
    Some(joined.as_standard_layout().into_owned())
}

/// Whether `merge` can be computed in 64 bits: its operands at the result's binary point, and
/// whatever lies between them and the result.
pub(super) fn is_narrow(merge: Merge, operands: &[Operand<'_>], to: Format) -> bool {
    let up = |x: &Operand<'_>| match merge {
        Merge::Multiply => 0,
        _ => to.fraction().abs_diff(x.tensor.format.fraction()),
    };
    let widest = operands.iter().map(|x| x.tensor.format.width() + up(x)).max().unwrap_or(0);
    let growth = operands.len().next_power_of_two().ilog2();
    widest + growth < i64::BITS
}

/// See [`Merge`].
pub(super) fn merge<W: Word>(
    merge: Merge,
    operands: &[Operand<'_>],
    to: Format,
) -> Option<ArrayD<W>> {
    let at_one_point = |x: &Operand<'_>| {
        let codes = W::view(x.codes)?;
        if merge == Merge::Multiply {
            return Some(codes.into_owned());
        }
        let up = u32::try_from(to.fraction() - x.tensor.format.fraction()).ok()?;
        Some(codes.map(|code| code.shifted_left(up)))
    };
    let (first, others) = operands.split_first()?;
    let mut y = at_one_point(first)?;
    for other in others {
        let other = at_one_point(other)?;
        if other.shape() != y.shape() {
            return None;
        }
        y.zip_mut_with(&other, |a, b| {
            *a = match merge {
                Merge::Add => a.clone() + b.clone(),
                Merge::Subtract => a.clone() - b.clone(),
                Merge::Multiply => a.clone() * b.clone(),
                Merge::Maximum => a.clone().max(b.clone()),
                Merge::Minimum => a.clone().min(b.clone()),
            }
        });
    }
    Some(y)
}
