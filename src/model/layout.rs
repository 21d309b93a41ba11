//! Layers that move elements and compute nothing.

/// Where the elements of a result come from. Axes are those of one sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Zeros, so many before and after the elements along each axis.
    Pad(Vec<[usize; 2]>),
    /// Each element so many times along each axis, one behind the other.
    Repeat(Vec<usize>),
    /// Axis a of the result is this axis of the operand.
    Permute(Vec<usize>),
    /// The same elements in another shape, row-major.
    Reshape(Vec<usize>),
    /// In this shape: axes are added before the first, and axes of length 1 repeat their element.
    Broadcast(Vec<usize>),
    /// Some elements along each axis.
    Slice(Vec<AxisSlice>),
    /// The elements at these indices along one axis, in this order.
    Take {
        /// The axis.
        axis: usize,
        /// Places of the operand, as often as they are wanted.
        indices: Vec<usize>,
    },
}

/// Elements along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AxisSlice {
    /// The first.
    pub start: usize,
    /// Places from one to the next; backwards if negative.
    pub step: isize,
    /// How many.
    pub count: usize,
}

/// No layer has more elements in one sample: a network with more would be no hardware.
const MOST_ELEMENTS: usize = 1 << 26;

impl Layout {
    /// Channels first to channels last, for samples with so many axes.
    pub fn to_channels_last(axes: usize) -> Self {
        Self::Permute((1..axes).chain((axes > 0).then_some(0)).collect())
    }

    /// Channels last to channels first, for samples with so many axes.
    pub fn to_channels_first(axes: usize) -> Self {
        Self::Permute(axes.checked_sub(1).into_iter().chain(0..axes.saturating_sub(1)).collect())
    }

    /// The shape of the result for an operand of shape `x`; `None` if they do not fit, or the
    /// result is empty or beyond all measure.
    pub fn result_shape(&self, x: &[usize]) -> Option<Vec<usize>> {
        let each = |axes: usize| axes == x.len();
        let shape: Vec<usize> = match self {
            Self::Pad(by) if each(by.len()) => {
                let padded = x.iter().zip(by).map(|(length, [before, after])| {
                    length.checked_add(*before)?.checked_add(*after)
                });
                padded.collect::<Option<_>>()?
            }
            Self::Repeat(times) if each(times.len()) => {
                x.iter().zip(times).map(|(a, b)| a.checked_mul(*b)).collect::<Option<_>>()?
            }
            Self::Permute(axes) if each(axes.len()) => {
                let mut seen = vec![false; x.len()];
                for axis in axes {
                    if std::mem::replace(seen.get_mut(*axis)?, true) {
                        return None;
                    }
                }
                axes.iter().map(|axis| x[*axis]).collect()
            }
            Self::Reshape(shape) if elements(shape)? == elements(x)? => shape.clone(),
            Self::Broadcast(shape) if broadcast(&[x, shape])? == *shape => shape.clone(),
            Self::Slice(ranges) if each(ranges.len()) => {
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
                indices.iter().all(|place| *place < length).then_some(shape)?
            }
            _ => return None,
        };
        elements(&shape).filter(|count| (1..=MOST_ELEMENTS).contains(count)).map(|_| shape)
    }

    /// For each element of the result, row-major, the operand's element that it is; `None` for 0.
    /// `None` altogether if the operand's shape `x` does not fit.
    pub fn indices(&self, x: &[usize]) -> Option<Vec<Option<usize>>> {
        let shape = self.result_shape(x)?;
        let count = elements(&shape)?;
        if let Self::Reshape(_) = self {
            return Some((0..count).map(Some).collect());
        }
        let mut index = vec![0; shape.len()];
        let mut indices = Vec::with_capacity(count);
        for _ in 0..count {
            indices.push(self.source(x, &index));
            for (at, length) in index.iter_mut().zip(&shape).rev() {
                *at += 1;
                if *at < *length {
                    break;
                }
                *at = 0;
            }
        }
        Some(indices)
    }

    /// The element of an operand of shape `x` that stands at `index` of the result.
    fn source(&self, x: &[usize], index: &[usize]) -> Option<usize> {
        let added = index.len() - x.len().min(index.len());
        let mut place = 0;
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
            place = place * length + at;
        }
        Some(place)
    }
}

impl AxisSlice {
    /// The whole of an axis.
    pub fn whole(length: usize) -> Self {
        Self { start: 0, step: 1, count: length }
    }

    /// The place of element `number`.
    fn at(&self, number: usize) -> Option<usize> {
        self.start.checked_add_signed(self.step.checked_mul(isize::try_from(number).ok()?)?)
    }
}

/// How many elements a shape has.
fn elements(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |all, axis| all.checked_mul(*axis))
}

/// The shape that tensors of these shapes are brought to before they are merged: axes are added
/// before the first, and an axis of length 1 repeats its element. `None` if they do not fit.
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
        let indices = by.indices(x).unwrap_or_default();
        indices.into_iter().map(|place| place.map_or(-1, |place| place as i64)).collect()
    }

    #[test]
    fn elements_come_from_where_they_should() {
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
    fn what_does_not_fit_has_no_result() {
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
    fn shapes_are_brought_together() {
        assert_eq!(broadcast(&[&[4, 1, 3], &[2, 1]]), Some(vec![4, 2, 3]));
        assert_eq!(broadcast(&[&[4], &[3]]), None);
        assert_eq!(broadcast(&[&[], &[3]]), Some(vec![3]));
        assert_eq!(broadcast(&[]), None);
    }
}
