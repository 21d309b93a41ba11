//! Layout operations: reshape, transpose, pad, slice and gather, without arithmetic.

use ndarray::{Dimension, IxDyn};

/// A layout operation. Axes are those of one sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Zero padding, \[before, after\] along each axis.
    Pad(Vec<[usize; 2]>),
    /// Repetition of each element along each axis, as `numpy.repeat`.
    Repeat(Vec<usize>),
    /// Transposition: the operand's axis that becomes each axis of the result.
    Permute(Vec<usize>),
    /// The same elements, row-major, in another shape.
    Reshape(Vec<usize>),
    /// Broadcast to a shape, as in NumPy.
    Broadcast(Vec<usize>),
    /// A strided slice along each axis.
    Slice(Vec<AxisSlice>),
    /// A gather along one axis, as `numpy.take`.
    Take {
        /// The axis.
        axis: usize,
        /// Indices into the operand, in the order of the result.
        indices: Vec<usize>,
    },
}

/// A strided slice along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AxisSlice {
    /// Index of the first element.
    pub start: usize,
    /// Distance between elements; negative for reverse order.
    pub step: isize,
    /// Number of elements.
    pub count: usize,
}

/// Upper bound on the elements of one sample; no hardware holds more.
const MAX_ELEMENTS: usize = 1 << 26;

impl Layout {
    /// Transposes samples of `axes` axes from channels first to channels last.
    pub fn to_channels_last(axes: usize) -> Self {
        Self::Permute((1..axes).chain((axes > 0).then_some(0)).collect())
    }

    /// Transposes samples of `axes` axes from channels last to channels first.
    pub fn to_channels_first(axes: usize) -> Self {
        Self::Permute(axes.checked_sub(1).into_iter().chain(0..axes.saturating_sub(1)).collect())
    }

    /// Returns the shape of the result for an operand of shape `x`; `None` if the operation does not
    /// apply to it, or if the result is empty or too large.
    pub fn result_shape(&self, x: &[usize]) -> Option<Vec<usize>> {
        let per_axis = |count: usize| (count == x.len()).then_some(());
        let shape: Vec<usize> = match self {
            Self::Pad(by) => {
                per_axis(by.len())?;
                let padded = x.iter().zip(by).map(|(length, [before, after])| {
                    length.checked_add(*before)?.checked_add(*after)
                });
                padded.collect::<Option<_>>()?
            }
            Self::Repeat(times) => {
                per_axis(times.len())?;
                x.iter().zip(times).map(|(a, b)| a.checked_mul(*b)).collect::<Option<_>>()?
            }
            Self::Permute(axes) => {
                per_axis(axes.len())?;
                let mut seen = vec![false; x.len()];
                for axis in axes {
                    if std::mem::replace(seen.get_mut(*axis)?, true) {
                        return None;
                    }
                }
                axes.iter().map(|axis| x[*axis]).collect()
            }
            Self::Reshape(shape) => (elements(shape)? == elements(x)?).then(|| shape.clone())?,
            Self::Broadcast(shape) => broadcast(&[x, shape]).filter(|result| result == shape)?,
            Self::Slice(ranges) => {
                per_axis(ranges.len())?;
                let inside = |(length, range): (&usize, &AxisSlice)| {
                    let last = range.count.checked_sub(1)?;
                    (range.start < *length && range.at(last)? < *length).then_some(range.count)
                };
                x.iter().zip(ranges).map(inside).collect::<Option<_>>()?
            }
            Self::Take { axis, indices } => {
                let length = *x.get(*axis)?;
                let mut shape = x.to_vec();
                shape[*axis] = indices.len();
                indices.iter().all(|index| *index < length).then_some(shape)?
            }
        };
        elements(&shape).filter(|count| (1..=MAX_ELEMENTS).contains(count)).map(|_| shape)
    }

    /// Returns, for each element of the result, row-major, its index in an operand of shape `x`, or
    /// `None` for a padded zero. Returns `None` if the operation does not apply to `x`.
    pub fn indices(&self, x: &[usize]) -> Option<Vec<Option<usize>>> {
        let shape = self.result_shape(x)?;
        if let Self::Reshape(_) = self {
            return Some((0..elements(&shape)?).map(Some).collect());
        }
        let indices = ndarray::indices(shape).into_iter();
        Some(indices.map(|index| self.source(x, &index)).collect())
    }

    /// Returns the row-major index in an operand of shape `x` of the result's element at `index`.
    fn source(&self, x: &[usize], index: &IxDyn) -> Option<usize> {
        let added = index.ndim() - x.len().min(index.ndim());
        let mut source = 0;
        for (axis, &length) in x.iter().enumerate() {
            let at = match self {
                Self::Pad(by) => index[axis].checked_sub(by[axis][0]).filter(|at| *at < length)?,
                Self::Repeat(times) => index[axis] / times[axis],
                Self::Permute(axes) => index[axes.iter().position(|a| *a == axis)?],
                Self::Broadcast(_) if length == 1 => 0,
                Self::Broadcast(_) => index[axis + added],
                Self::Slice(ranges) => ranges[axis].at(index[axis])?,
                Self::Take { axis: along, indices } if *along == axis => indices[index[axis]],
                Self::Reshape(_) | Self::Take { .. } => index[axis],
            };
            source = source * length + at;
        }
        Some(source)
    }
}

impl AxisSlice {
    /// A slice that takes all elements of an axis.
    pub fn whole(length: usize) -> Self {
        Self { start: 0, step: 1, count: length }
    }

    /// Index of the slice's element `number`.
    fn at(&self, number: usize) -> Option<usize> {
        self.start.checked_add_signed(self.step.checked_mul(isize::try_from(number).ok()?)?)
    }
}

/// Number of elements of a shape; `None` if it overflows.
fn elements(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |all, axis| all.checked_mul(*axis))
}

/// Returns the common shape to which NumPy's rules broadcast these shapes; `None` if they are not
/// compatible.
pub fn broadcast(shapes: &[&[usize]]) -> Option<Vec<usize>> {
    let axes = shapes.iter().map(|shape| shape.len()).max()?;
    let mut result = vec![1; axes];
    for shape in shapes {
        for (length, other) in result[axes - shape.len()..].iter_mut().zip(*shape) {
            match (*length, *other) {
                (1, other) => *length = other,
                (length, other) if other == 1 || other == length => {}
                _ => return None,
            }
        }
    }
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indices(by: &Layout, x: &[usize]) -> Vec<i64> {
        let indices = by.indices(x).expect("the operation applies");
        indices.into_iter().map(|index| index.map_or(-1, |index| index as i64)).collect()
    }

    #[test]
    fn each_operation_gathers_the_right_elements() {
        assert_eq!(indices(&Layout::Pad(vec![[1, 0], [0, 1]]), &[1, 2]), [-1, -1, -1, 0, 1, -1]);
        assert_eq!(indices(&Layout::Repeat(vec![2, 1]), &[2, 2]), [0, 1, 0, 1, 2, 3, 2, 3]);
        assert_eq!(indices(&Layout::Repeat(vec![1, 2]), &[1, 2]), [0, 0, 1, 1]);
        assert_eq!(indices(&Layout::Permute(vec![1, 0]), &[2, 3]), [0, 3, 1, 4, 2, 5]);
        assert_eq!(indices(&Layout::Permute(vec![2, 0, 1]), &[1, 2, 3]), [0, 3, 1, 4, 2, 5]);
        assert_eq!(indices(&Layout::Reshape(vec![4]), &[2, 2]), [0, 1, 2, 3]);
        assert_eq!(indices(&Layout::Broadcast(vec![2, 2, 2]), &[2, 1]), [0, 0, 1, 1, 0, 0, 1, 1]);
        let back = AxisSlice { start: 2, step: -2, count: 2 };
        assert_eq!(indices(&Layout::Slice(vec![AxisSlice::whole(1), back]), &[1, 3]), [2, 0]);
        let take = Layout::Take { axis: 1, indices: vec![2, 0, 2] };
        assert_eq!(indices(&take, &[2, 3]), [2, 0, 2, 5, 3, 5]);
        let first = Layout::to_channels_first(3);
        assert_eq!(first.result_shape(&[4, 5, 6]), Some(vec![6, 4, 5]));
        assert_eq!(Layout::to_channels_last(3).result_shape(&[6, 4, 5]), Some(vec![4, 5, 6]));
        assert_eq!(Layout::to_channels_last(1).result_shape(&[6]), Some(vec![6]));
    }

    #[test]
    fn operations_that_do_not_apply_have_no_result() {
        let range = |start, step, count| Layout::Slice(vec![AxisSlice { start, step, count }]);
        for (by, x) in [
            (Layout::Pad(vec![[0, 0]]), vec![1, 1]),
            (Layout::Permute(vec![0, 0]), vec![2, 2]),
            (Layout::Permute(vec![0, 2]), vec![2, 2]),
            (Layout::Reshape(vec![3]), vec![2, 2]),
            (Layout::Broadcast(vec![3]), vec![2]),
            (Layout::Broadcast(vec![1]), vec![2]),
            (Layout::Repeat(vec![0]), vec![2]),
            (Layout::Repeat(vec![1 << 40]), vec![1 << 40]),
            (Layout::Repeat(vec![1 << 27]), vec![2]),
            (Layout::Take { axis: 1, indices: vec![0] }, vec![2]),
            (Layout::Take { axis: 0, indices: vec![0, 2] }, vec![2]),
            (Layout::Take { axis: 0, indices: vec![] }, vec![2]),
            (range(0, 1, 3), vec![2]),
            (range(2, 1, 1), vec![2]),
            (range(1, -1, 3), vec![2]),
            (range(0, 1, 0), vec![2]),
        ] {
            assert_eq!(by.indices(&x), None, "{by:?} of {x:?}");
        }
    }

    #[test]
    fn shapes_are_broadcast_as_in_numpy() {
        assert_eq!(broadcast(&[&[4, 1, 3], &[2, 1]]), Some(vec![4, 2, 3]));
        assert_eq!(broadcast(&[&[4], &[3]]), None);
        assert_eq!(broadcast(&[&[], &[3]]), Some(vec![3]));
        assert_eq!(broadcast(&[]), None);
    }
}
