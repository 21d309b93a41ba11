//! Selections by index as nested loops over strides.

/// Indices that grow by a stride along each of several axes: `indices[i_1, i_2, ...] = offset + Σ i_a
/// · stride_a`, and padding beyond some range of an axis. Holds reshapes, permutations, slices,
/// repetition, broadcasts and padding, and most of their combinations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strides {
    /// The index at which all i are 0, which may itself be padding.
    pub offset: isize,
    /// The axes of the selection, row-major.
    pub axes: Vec<StridedAxis>,
}

/// An axis of [`Strides`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StridedAxis {
    /// Number of elements.
    pub len: usize,
    /// Distance between the indices of two neighbours.
    pub stride: isize,
    /// The first element that is not padding.
    pub first: usize,
    /// Number of elements that are not padding.
    pub present: usize,
}

impl StridedAxis {
    fn is_padded(&self) -> bool {
        self.present < self.len
    }
}

impl Strides {
    /// The same with a last axis of `run` consecutive elements; `None` if they are not consecutive, or
    /// may be padding.
    pub fn with_run(&self, run: usize) -> Option<Self> {
        let (last, outer) = self.axes.split_last()?;
        if last.stride != 1 || last.is_padded() || run == 0 || !last.len.is_multiple_of(run) {
            return None;
        }
        let of = |len: usize, stride| StridedAxis { len, stride, first: 0, present: len };
        let rest = (last.len > run).then(|| of(last.len / run, run as isize));
        let axes = outer.iter().copied().chain(rest).chain([of(run, 1)]).collect();
        Some(Self { offset: self.offset, axes })
    }
}

/// Most axes that indices are split into.
const MOST_AXES: usize = 8;

impl Strides {
    /// The strides of `indices`, row-major along the axes of `shape`; `None` for padding. `None`
    /// altogether if there are none. Every index is compared.
    pub fn of(shape: &[usize], indices: &[Option<usize>]) -> Option<Self> {
        if indices.iter().all(Option::is_none) {
            return None;
        }
        let flat = [indices.len()];
        let shape = if indices.contains(&None) { shape } else { &flat };
        let steps: Vec<usize> = (0..shape.len()).map(|a| shape[a + 1..].iter().product()).collect();
        // Along each axis, the elements that are not padding.
        let mut bounds = vec![(usize::MAX, 0); shape.len()];
        for (position, _) in indices.iter().enumerate().filter(|(_, index)| index.is_some()) {
            for (axis, (low, high)) in bounds.iter_mut().enumerate() {
                let at = position / steps[axis] % shape[axis];
                (*low, *high) = ((*low).min(at), (*high).max(at));
            }
        }
        let begin: usize = bounds.iter().zip(&steps).map(|((low, _), step)| low * step).sum();
        let origin = (*indices.get(begin)?)? as isize;
        let mut strides = Self { offset: origin, axes: Vec::new() };
        for (axis, (low, high)) in bounds.into_iter().enumerate() {
            let along = (0..=high - low).map(|at| *indices.get(begin + at * steps[axis])?);
            let along: Vec<isize> =
                along.map(|index| Some(index? as isize - origin)).collect::<Option<_>>()?;
            let (len, present) = (shape[axis], along.len());
            let nest = nest(&along)?;
            match nest[..] {
                [] => strides.axes.push(StridedAxis { len, stride: 0, first: low, present }),
                [(_, stride)] => {
                    strides.offset -= low as isize * stride;
                    strides.axes.push(StridedAxis { len, stride, first: low, present });
                }
                _ if present < len => return None,
                _ => strides.axes.extend(nest.iter().map(|(len, stride)| StridedAxis {
                    len: *len,
                    stride: *stride,
                    first: 0,
                    present: *len,
                })),
            }
        }
        strides.merge();
        (strides.axes.len() <= MOST_AXES && strides.indices().eq(indices.iter().copied()))
            .then_some(strides)
    }

    /// The index of each element, row-major.
    pub fn indices(&self) -> impl Iterator<Item = Option<usize>> + '_ {
        let len = self.axes.iter().map(|axis| axis.len).product();
        (0..len).map(|position: usize| {
            let (mut index, mut rest) = (self.offset, position);
            for axis in self.axes.iter().rev() {
                let at = rest % axis.len;
                rest /= axis.len;
                if !(axis.first..axis.first + axis.present).contains(&at) {
                    return None;
                }
                index += at as isize * axis.stride;
            }
            usize::try_from(index).ok()
        })
    }

    /// Joins neighbours that are one run, and drops axes of one element.
    fn merge(&mut self) {
        let mut merged: Vec<StridedAxis> = Vec::new();
        for axis in self.axes.drain(..).filter(|axis| axis.len > 1) {
            match merged.last_mut() {
                Some(last)
                    if !last.is_padded()
                        && !axis.is_padded()
                        && last.stride == axis.stride * axis.len as isize =>
                {
                    last.len *= axis.len;
                    last.present = last.len;
                    last.stride = axis.stride;
                }
                _ => merged.push(axis),
            }
        }
        self.axes = merged;
    }
}

/// Nested loops, each a number of iterations and a stride, whose sums are `values` less the first.
fn nest(values: &[isize]) -> Option<Vec<(usize, isize)>> {
    let [first, second, ..] = values else { return Some(vec![]) };
    let stride = second - first;
    let is_run = |run: &[isize]| run.windows(2).all(|pair| pair[1] - pair[0] == stride);
    let longest = values.windows(2).take_while(|pair| pair[1] - pair[0] == stride).count() + 1;
    let mut lengths = (2..=longest).rev().filter(|length| values.len().is_multiple_of(*length));
    let length = lengths.find(|length| values.chunks(*length).all(is_run))?;
    let outer: Vec<isize> = values.iter().copied().step_by(length).collect();
    let mut loops = nest(&outer)?;
    loops.push((length, stride));
    Some(loops)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AxisSlice, Layout};

    /// Lengths and strides of a layout operation, and the offset.
    fn strides(layouts: &[Layout], shape: &[usize]) -> Option<(isize, Vec<(usize, isize)>)> {
        let mut shape = shape.to_vec();
        let mut indices: Vec<Option<usize>> = (0..shape.iter().product()).map(Some).collect();
        for layout in layouts {
            let next = layout.indices(&shape)?;
            shape = layout.result_shape(&shape)?;
            indices = next.iter().map(|index| index.and_then(|index| indices[index])).collect();
        }
        let found = Strides::of(&shape, &indices)?;
        Some((found.offset, found.axes.iter().map(|axis| (axis.len, axis.stride)).collect()))
    }

    #[test]
    fn layouts_are_strides() {
        let all = |length| AxisSlice::whole(length);
        let flip = AxisSlice { start: 2, step: -1, count: 3 };
        let odd = AxisSlice { start: 1, step: 2, count: 2 };
        for (layouts, shape, expected) in [
            (vec![Layout::Permute(vec![2, 0, 1])], vec![3, 4, 2], (0, vec![(2, 1), (12, 2)])),
            (
                vec![Layout::Repeat(vec![2, 2, 1]), Layout::Reshape(vec![96])],
                vec![3, 4, 2],
                (0, vec![(3, 8), (2, 0), (4, 2), (2, 0), (2, 1)]),
            ),
            (vec![Layout::Slice(vec![flip, all(4)])], vec![3, 4], (8, vec![(3, -4), (4, 1)])),
            (vec![Layout::Slice(vec![all(3), odd])], vec![3, 4], (1, vec![(6, 2)])),
            (vec![Layout::Pad(vec![[1, 2], [0, 1]])], vec![3, 4], (-4, vec![(6, 4), (5, 1)])),
            (vec![Layout::Broadcast(vec![3, 2, 4])], vec![2, 1], (0, vec![(3, 0), (2, 1), (4, 0)])),
        ] {
            assert_eq!(strides(&layouts, &shape), Some(expected), "{layouts:?}");
        }
    }

    #[test]
    fn other_selections_have_none() {
        let take = |indices| Layout::Take { axis: 0, indices };
        assert_eq!(strides(&[take(vec![0, 1, 3, 4, 2, 0])], &[5]), None);
        // A hole inside.
        assert_eq!(Strides::of(&[4], &[Some(0), None, Some(2), Some(3)]), None);
        assert_eq!(Strides::of(&[2], &[None, None]), None);
        assert_eq!(Strides::of(&[2, 2], &[Some(0), Some(1), Some(2), None]), None);
    }
}
