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

/// A selection from tokens of several positions: every token of the result takes its lanes from one
/// token of the operand, each in the same way.
pub(super) struct Grouped {
    /// The tokens of the operand that tokens of the result are from.
    pub(super) axes: [Axis; 2],
    /// Lanes of a token of the operand.
    pub(super) from: usize,
    /// The lane of the operand that each lane of the result is; `None` for padding.
    pub(super) lanes: Vec<Option<usize>>,
}

/// The selections `gather` of tokens of `x` that divide its rows, with up to `most` positions in a token
/// of `x` and of the result; from the smallest tokens to the largest.
pub(super) fn groups(gather: &Gather, x: &Tensor, most: [usize; 2]) -> Vec<Grouped> {
    let position = |shape: &[usize]| match *shape {
        [.., width, channels] => Some((width, channels)),
        _ => None,
    };
    let (Some(read), Some(written)) = (position(&x.shape), position(&gather.shape)) else {
        return Vec::new();
    };
    let sizes = (2..=read.0.min(most[0])).filter(|size| read.0.is_multiple_of(*size));
    let pairs = sizes.flat_map(|size| {
        // As many tokens in a row of the result as in one of the operand, or positions of a token.
        let scaled = (size * written.0).is_multiple_of(read.0).then(|| size * written.0 / read.0);
        let same = (scaled != Some(size)).then_some(size);
        scaled.into_iter().chain(same).map(move |given| (size, given))
    });
    let pairs = pairs
        .filter(|(_, given)| (1..=most[1]).contains(given) && written.0.is_multiple_of(*given));
    let grouped = pairs.filter_map(|(size, given)| {
        let from = size * read.1;
        let (tokens, lanes) = selected(&gather.indices, from, given * written.1)?;
        let taken = (x.len() / from, read.0 / size);
        let axes = table(&tokens, taken, written.0 / given)?;
        Some(Grouped { axes, from, lanes })
    });
    grouped.collect()
}

/// The positions that those of a result are taken from; `None` for padding.
type Sources = Vec<Option<usize>>;

/// The token of `from` elements from which each token of `to` elements takes its lanes, and the lanes,
/// which are those of all tokens; `None` if they are not, or a token takes lanes of several.
fn selected(indices: &[Option<usize>], from: usize, to: usize) -> Option<(Sources, Sources)> {
    let lanes = indices.chunks(to).find(|token| token.iter().any(Option::is_some))?;
    let lanes: Vec<Option<usize>> = lanes.iter().map(|index| index.map(|at| at % from)).collect();
    let token = |indices: &[Option<usize>]| {
        let first = indices.iter().flatten().next().map(|index| index / from);
        let Some(token) = first else { return Some(None) };
        let own = lanes.iter().map(|lane| lane.map(|lane| token * from + lane));
        indices.iter().copied().eq(own).then_some(first)
    };
    let tokens = indices.chunks(to).map(token).collect::<Option<_>>()?;
    Some((tokens, lanes))
}

/// The token of `lanes` elements that each token of the result is; `None` for padding. `None`
/// altogether if tokens are divided.
fn tokens(indices: &[Option<usize>], lanes: usize) -> Option<Vec<Option<usize>>> {
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
fn table(
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixed::Format;

    fn image(height: usize, width: usize, channels: usize) -> Tensor {
        Tensor::full(vec![height, width, channels], Format::signed(8, 1).expect("a format"))
    }

    /// Rows and columns \[rows, columns\] of an image of `x`; `None` for padding.
    fn gather(x: &Tensor, [rows, columns]: &[Vec<Option<usize>>; 2]) -> Gather {
        let (width, channels) = (x.shape[1], x.shape[2]);
        let index = |row: Option<usize>, column: Option<usize>, channel: usize| {
            Some((row? * width + column?) * channels + channel)
        };
        let columns_of = |row: &Option<usize>| {
            let row = *row;
            let of = move |column: Option<usize>| {
                (0..channels).map(move |channel| index(row, column, channel))
            };
            columns.iter().copied().flat_map(of).collect::<Vec<_>>()
        };
        let indices = rows.iter().flat_map(columns_of).collect();
        Gather { shape: vec![rows.len(), columns.len(), channels], indices }
    }

    fn sizes(gather: &Gather, x: &Tensor) -> Vec<(usize, usize)> {
        let (from, to) = (x.shape[2], gather.shape[2]);
        let groups = groups(gather, x, [64, 64]);
        groups.iter().map(|group| (group.from / from, group.lanes.len() / to)).collect()
    }

    #[test]
    fn tokens_of_several_positions_are_selected() {
        let x = image(2, 4, 3);
        let twice = |length: usize| (0..2 * length).map(|at| Some(at / 2)).collect();
        assert_eq!(sizes(&gather(&x, &[twice(2), twice(4)]), &x), [(2, 4), (4, 8)]);
        // Cropped by two columns: tokens of two are dropped, or a row loses its own.
        let cropped = [vec![Some(1)], vec![Some(2), Some(3)]];
        assert_eq!(sizes(&gather(&x, &cropped), &x), [(2, 2), (4, 2)]);
        // By one: whole rows alone.
        let cropped = [vec![Some(0), Some(1)], vec![Some(1), Some(2), Some(3)]];
        assert_eq!(sizes(&gather(&x, &cropped), &x), [(4, 3)]);
    }

    proptest! {
        /// Tokens that are selected and divided as a group says are those of the selection.
        #[test]
        fn groups_select_what_was_asked_for(
            (height, width, channels) in (1..4_usize, 2..9_usize, 1..3_usize),
            (scale, first) in ((1..3_usize, 1..4_usize), (0..2_usize, 0..3_usize)),
            padding in 0..2_usize,
        ) {
            let x = image(height, width, channels);
            let along = |length: usize, scale: usize, first: usize| {
                let pixels = (first.min(length - 1)..length).flat_map(|at| vec![Some(at); scale]);
                let padding = vec![None; padding];
                pixels.chain(padding).collect::<Vec<_>>()
            };
            let axes = [along(height, scale.0, first.0), along(width, scale.1, first.1)];
            let gather = gather(&x, &axes);
            for group in groups(&gather, &x, [64, 64]) {
                let [rows, columns] = &group.axes;
                let tokens = rows.sources().into_iter().flat_map(|row| {
                    let token = move |column: Option<usize>| Some(row? * columns.pixels + column?);
                    columns.sources().into_iter().map(token)
                });
                let lanes = tokens.flat_map(|token| {
                    let lane = |lane: &Option<usize>| Some(token? * group.from + (*lane)?);
                    group.lanes.iter().map(lane).collect::<Vec<_>>()
                });
                prop_assert_eq!(lanes.collect::<Vec<_>>(), gather.indices.clone());
            }
        }
    }
}
