//! Selections of tokens that keep their order: cropping, padding, upsampling, slices.

use super::axis::Axis;
use crate::ir::{Gather, Tensor};

/// The rows and columns of tokens of `lanes` elements of `x` that `gather` selects: rows are
/// dropped, repeated and padded, and so are the columns of each. `None` if tokens are divided, or not
/// in order.
pub(super) fn axes(gather: &Gather, x: &Tensor, lanes: usize) -> Option<[Axis; 2]> {
    let tokens = tokens(&gather.indices, lanes)?;
    let taken = x.len() / lanes;
    let widths = lengths(&x.shape, lanes);
    let given = lengths(&gather.shape, lanes).into_iter().chain(repeated(&tokens));
    let pairs = given.flat_map(|given| widths.iter().map(move |width| (given, *width)));
    let axes = pairs.filter_map(|(given, width)| table(&tokens, (taken, width), given));
    axes.min_by_key(|[rows, columns]| {
        let memory = if rows.has_repeats() { columns.pixels } else { 0 };
        let [height, width] = [rows.steps.len(), columns.steps.len()];
        (height * width, memory, height + width)
    })
}

/// The token of `lanes` elements that each token of the result is; `None` for padding. `None`
/// altogether if tokens are divided.
pub(super) fn tokens(indices: &[Option<usize>], lanes: usize) -> Option<Vec<Option<usize>>> {
    if lanes == 0 || !indices.len().is_multiple_of(lanes) {
        return None;
    }
    let token = |indices: &[Option<usize>]| {
        let first = indices[0];
        let mut lanes = indices.iter().enumerate();
        let whole = match first {
            Some(first) => {
                first.is_multiple_of(indices.len())
                    && lanes.all(|(lane, index)| *index == Some(first + lane))
            }
            None => lanes.all(|(_, index)| index.is_none()),
        };
        whole.then(|| first.map(|first| first / indices.len()))
    };
    indices.chunks(lanes).map(token).collect()
}

/// The lengths in tokens of the parts along each axis of a tensor, the whole tensor included.
fn lengths(shape: &[usize], lanes: usize) -> Vec<usize> {
    let mut lengths = Vec::new();
    let mut length = 1;
    for axis in shape.iter().rev() {
        length *= axis;
        if length.is_multiple_of(lanes) && !lengths.contains(&(length / lanes)) {
            lengths.push(length / lanes);
        }
    }
    lengths
}

/// The length of the first row that is repeated: of the tokens up to the first that comes before the
/// one to its left.
fn repeated(tokens: &[Option<usize>]) -> Option<usize> {
    let back = tokens.windows(2).position(|pair| match pair {
        [Some(one), Some(next)] => next < one,
        _ => false,
    })?;
    tokens.len().is_multiple_of(back + 1).then_some(back + 1)
}

/// The axes of `tokens` as rows of `given` tokens each, selected from `taken` tokens in rows of
/// `width`.
pub(super) fn table(
    tokens: &[Option<usize>],
    (taken, width): (usize, usize),
    given: usize,
) -> Option<[Axis; 2]> {
    if !tokens.len().is_multiple_of(given) || !taken.is_multiple_of(width) {
        return None;
    }
    let row_of = |row: &[Option<usize>]| Some(row.iter().copied().flatten().next()? / width);
    let rows: Vec<Option<usize>> = tokens.chunks(given).map(row_of).collect();
    let present = tokens.chunks(given).find(|row| row.iter().any(Option::is_some));
    let column_of = |token: &Option<usize>| token.map(|token| token % width);
    let columns: Vec<Option<usize>> = match present {
        Some(row) => row.iter().map(column_of).collect(),
        None => vec![None; given],
    };
    let is_table = tokens.chunks(given).zip(&rows).all(|(tokens, row)| {
        let of = |column: &Option<usize>| Some((*row)? * width + (*column)?);
        tokens.iter().copied().eq(columns.iter().map(of))
    });
    let rows = is_table.then(|| Axis::of_sources(taken / width, &rows))??;
    Some([rows, Axis::of_sources(width, &columns)?])
}
