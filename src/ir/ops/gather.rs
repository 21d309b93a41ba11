//! Selection of elements by index.

use ndarray::{ArrayD, Axis};

use super::{Effect, Evaluate, OpError, Operand, Operation, ensure, shaped, single};
use crate::fixed::{Range, Word};
use crate::ir::text::{Described, described};
use crate::ir::{Strides, Tensor};

/// `y[i] = x[indices[i]]`, row-major; 0 for an index `None`. Represents every layout operation:
/// pad, repeat, permute, slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gather {
    /// Shape of the result.
    pub shape: Vec<usize>,
    /// Index in x of each element of the result; `None` for 0.
    pub indices: Vec<Option<usize>>,
}

described!("gather", Gather { shape, indices });

impl Operation for Gather {
    fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError> {
        let x = single(self.name(), operands)?;
        let count: usize = self.shape.iter().product();
        ensure(count == self.indices.len(), "its indices are not as many as its elements")?;
        let inside = self.indices.iter().flatten().all(|index| *index < x.len());
        ensure(inside, "an index exceeds its operand")?;
        let ranges = ranges_at(x, self.indices.iter().copied());
        Ok(Tensor::new(self.shape.clone(), x.format, ranges))
    }

    fn effect(&self, _: usize) -> Effect {
        Effect::Selects
    }
}

impl Evaluate for Gather {
    fn evaluate<W: Word>(&self, operands: &[Operand<'_>], result: &Tensor) -> Option<ArrayD<W>> {
        let x = operands.first()?;
        let codes = W::view(x.codes)?;
        let samples = *codes.shape().first()?;
        let mut y = Vec::with_capacity(samples * self.indices.len());
        for sample in codes.axis_iter(Axis(0)) {
            let elements: Vec<&W> = sample.iter().collect();
            for index in &self.indices {
                y.push(match index {
                    Some(index) => (*elements.get(*index)?).clone(),
                    None => W::zero(),
                });
            }
        }
        shaped(y, samples, result)
    }
}

impl Gather {
    /// True if the result has the elements of an operand of this length, in the same order.
    pub fn is_identity(&self, elements: usize) -> bool {
        let mut indices = self.indices.iter().enumerate();
        self.indices.len() == elements && indices.all(|(at, index)| *index == Some(at))
    }

    /// The indices as nested loops over strides, if they are.
    pub fn strides(&self) -> Option<Strides> {
        Strides::of(&self.shape, &self.indices)
    }

    /// The indices of a row, if every row takes them from the same row of an operand of `rows` rows
    /// of `channels` elements.
    pub fn channels(&self, channels: usize, rows: usize) -> Option<Vec<Option<usize>>> {
        let columns = self.indices.len() / rows.max(1);
        let is_row = self.shape.last() == Some(&columns) && columns * rows == self.indices.len();
        let first = self.indices.get(..columns).filter(|_| is_row)?;
        let same = self.indices.chunks(columns.max(1)).enumerate().all(|(row, indices)| {
            let own = indices.iter().map(|index| match index {
                Some(index) => index.checked_sub(row * channels).map(Some),
                None => Some(None),
            });
            own.eq(first.iter().map(|index| Some(*index)))
        });
        let inside = first.iter().flatten().all(|index| *index < channels);
        (same && inside).then(|| first.to_vec())
    }

    /// The rows of an operand with rows of `channels` elements that those of the result are taken from,
    /// `None` for padding, and the channels that are taken from each. `None` altogether if a row takes
    /// elements of several rows, or other channels than the rest.
    pub fn rows_and_channels(&self, channels: usize) -> Option<[Vec<Option<usize>>; 2]> {
        let columns = *self.shape.last().filter(|columns| **columns > 0 && channels > 0)?;
        let row_of = |row: &[Option<usize>]| Some(row.iter().copied().flatten().next()? / channels);
        let rows: Vec<Option<usize>> = self.indices.chunks(columns).map(row_of).collect();
        let present = rows.iter().position(Option::is_some)?;
        let first = &self.indices[present * columns..][..columns];
        let taken: Vec<Option<usize>> =
            first.iter().map(|index| Some((*index)? % channels)).collect();
        let is_table = self.indices.chunks(columns).zip(&rows).all(|(indices, row)| {
            let of = |channel: &Option<usize>| Some((*row)? * channels + (*channel)?);
            indices.iter().copied().eq(taken.iter().map(of))
        });
        is_table.then_some([rows, taken])
    }
}

/// Ranges of the elements of `x` at `indices`; a single one if all are equal.
pub(super) fn ranges_at(
    x: &Tensor,
    indices: impl Iterator<Item = Option<usize>> + Clone,
) -> Vec<Range> {
    if x.ranges.len() == 1 && indices.clone().all(|index| index.is_some()) {
        return x.ranges.clone();
    }
    let range = |index: Option<usize>| match index {
        Some(index) => x.range_at(index).clone(),
        None => Range::point(0),
    };
    indices.map(range).collect()
}
