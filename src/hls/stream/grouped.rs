//! Selections from tokens of several positions: cropping, padding, upsampling, slices.

use super::axis::{Axis, Step, Take};
use super::lines::Turns;
use super::select;
use crate::hls::plan::UNROLL_LIMIT;
use crate::ir::{Gather, Tensor};

/// Most selections of lanes that tokens of a result take in turn: each is an input of a multiplexer.
const MOST_SELECTIONS: usize = 16;

/// A selection from tokens of several positions. A token of the result takes its lanes from the last
/// tokens of the operand, by one of a few selections.
#[derive(Clone, Debug)]
pub(super) struct Grouped {
    /// The tokens of the operand that are taken, and those of the result that are given.
    pub(super) axes: [Axis; 2],
    /// Positions of a token of the operand.
    pub(super) read: usize,
    /// The positions of the window that those of a token of the result are, by selection; `None` for
    /// padding. The positions of the last token that was taken are the last of the window.
    pub(super) selections: Vec<Sources>,
    /// The selection of each token.
    pub(super) turns: Turns,
}

/// The positions that those of a result are taken from; `None` for padding.
type Sources = Vec<Option<usize>>;

/// Positions \[of a token of the operand, of a token of the result\].
type Sizes = [usize; 2];

impl Grouped {
    /// Clock cycles for a sample.
    pub(super) fn cycles(&self) -> u64 {
        self.axes.iter().map(|axis| axis.steps.len() as u64).product()
    }

    /// Tokens of the result for a sample.
    pub(super) fn windows(&self, selection: usize) -> usize {
        let [rows, columns] = &self.axes;
        let turns = columns.steps.iter().zip(&self.turns.kernels);
        let given = turns.filter(|(step, turn)| step.gives && **turn == selection);
        rows.steps.iter().filter(|step| step.gives).count() * given.count()
    }
}

/// The selections `gather` of whole positions of `x`, with up to `most` of them in a token of `x` and
/// of the result, and more than one in one of them; from the smallest tokens of the result to the
/// largest.
///
/// Tokens divide the rows of `x` and of the result. Where rows are dropped and padded alone, they may
/// divide the sample instead, and run across its rows.
pub(super) fn groups(gather: &Gather, x: &Tensor, most: Sizes) -> Vec<Grouped> {
    let (Some(read), Some(written)) = (width(&x.shape), width(&gather.shape)) else {
        return Vec::new();
    };
    let channels = x.channel_count();
    let is_whole = gather.shape.last() == x.shape.last();
    let positions = is_whole.then(|| select::tokens(&gather.indices, channels)).flatten();
    let Some(positions) = positions else { return Vec::new() };
    let Some([rows, _]) = select::table(&positions, (x.rows(), read), written) else {
        return Vec::new();
    };
    let row = positions.chunks(written).find(|row| row.iter().any(Option::is_some));
    let columns: Sources =
        row.unwrap_or(&[]).iter().map(|source| source.map(|at| at % read)).collect();
    let mut found = Vec::new();
    for sizes in pairs([read, written], most) {
        let along = along(&columns, read, sizes);
        found.extend(along.map(|along| along.with_rows(rows.clone())));
    }
    let all = [x.rows(), positions.len()];
    for [size, given] in pairs(all, most) {
        let in_rows = read.is_multiple_of(size) && written.is_multiple_of(given);
        if !in_rows && all[0].div_ceil(size).max(all[1] / given) as u64 <= UNROLL_LIMIT {
            found.extend(along(&positions, all[0], [size, given]).map(|along| {
                let row = Axis { pixels: 1, span: 1, scale: 1, steps: vec![Step::PASS] };
                along.with_rows(row)
            }));
        }
    }
    found.sort_by_key(|group| (group.turns.positions, group.read));
    found
}

/// The length of the rows of an image.
fn width(shape: &[usize]) -> Option<usize> {
    match *shape {
        [.., width, _] => Some(width),
        _ => None,
    }
}

/// The sizes of tokens that divide both lengths and have up to `most` positions. Where an axis has many
/// more tokens than the other, smaller ones of the other do as well.
fn pairs([read, written]: Sizes, most: Sizes) -> Vec<Sizes> {
    /// Most tokens of one for each of the other.
    const MOST_RATIO: usize = 4;
    let divisors = |length: usize, most: usize| {
        (1..=length.min(most)).filter(move |size| length.is_multiple_of(*size))
    };
    let pairs = divisors(written, most[1])
        .flat_map(|given| divisors(read, most[0]).map(move |size| [size, given]));
    let is_balanced = |[size, given]: &Sizes| {
        let (taken, given) = (read / size, written / given);
        taken <= MOST_RATIO * given && given <= MOST_RATIO * taken
    };
    pairs.filter(|sizes| *sizes != [1, 1] && is_balanced(sizes)).collect()
}

/// The selections of tokens along a row.
struct Along {
    axis: Axis,
    read: usize,
    selections: Vec<Sources>,
    turns: Turns,
}

impl Along {
    fn with_rows(self, rows: Axis) -> Grouped {
        let Self { axis, read, selections, turns } = self;
        Grouped { axes: [rows, axis], read, selections, turns }
    }
}

/// The selections of tokens of `given` positions with these `sources`, from tokens of `read` of
/// `pixels` positions. `None` if the sources are not in order, or take too many selections.
fn along(sources: &[Option<usize>], pixels: usize, [read, given]: Sizes) -> Option<Along> {
    if !sources.iter().flatten().is_sorted() {
        return None;
    }
    // The tokens of the operand that each token of the result takes lanes of.
    let tokens: Vec<Option<(usize, usize)>> = sources
        .chunks(given)
        .map(|token| {
            let mut own = token.iter().flatten().map(|source| source / read);
            let first = own.next()?;
            Some((first, own.next_back().unwrap_or(first)))
        })
        .collect();
    let span = tokens.iter().flatten().map(|(first, last)| last - first + 1).max().unwrap_or(1);
    let skipped = Step { takes: Take::Pixel, gives: false };
    let mut along = Along {
        axis: Axis { pixels: pixels / read, span, scale: 1, steps: Vec::new() },
        read,
        selections: Vec::new(),
        turns: Turns { positions: given, kernels: Vec::new() },
    };
    let mut taken = 0;
    for (number, (token, own)) in sources.chunks(given).zip(&tokens).enumerate() {
        let next = tokens[number..].iter().flatten().next();
        let takes = match own {
            // A window of one token becomes padding where no later one needs that token.
            None if span == 1 && next.is_none_or(|(first, _)| *first >= taken) => Take::Padding,
            Some((_, last)) if *last >= taken => {
                along.push(skipped, 0, last - taken);
                taken = last + 1;
                Take::Pixel
            }
            None | Some(_) => Take::Nothing,
        };
        // The window begins with so many tokens that were never taken, or with a later one.
        let lane = |source: usize| source + span * read - taken * read;
        let selection: Sources = token.iter().map(|source| source.map(lane)).collect();
        let known = along.selections.iter().position(|known| *known == selection);
        let turn = match known {
            _ if takes == Take::Padding => along.turns.kernels.last().copied().unwrap_or(0),
            Some(known) => known,
            None if along.selections.len() == MOST_SELECTIONS => return None,
            None => {
                along.selections.push(selection);
                along.selections.len() - 1
            }
        };
        along.push(Step { takes, gives: true }, turn, 1);
    }
    along.push(skipped, 0, pixels / read - taken);
    (!along.selections.is_empty()).then_some(along)
}

impl Along {
    /// Adds a `step` that takes the selection `turn`, so many `times`.
    fn push(&mut self, step: Step, turn: usize, times: usize) {
        self.axis.steps.extend(std::iter::repeat_n(step, times));
        self.turns.kernels.extend(std::iter::repeat_n(turn, times));
    }
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
    fn gather(x: &Tensor, [rows, columns]: &[Sources; 2]) -> Gather {
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

    /// Positions of tokens of the operand and of the result, clock cycles, and selections.
    fn sizes(gather: &Gather, x: &Tensor) -> Vec<(usize, usize, u64, usize)> {
        let groups = groups(gather, x, [64, 64]);
        let size = |it: &Grouped| (it.read, it.turns.positions, it.cycles(), it.selections.len());
        groups.iter().map(size).collect()
    }

    fn each(range: std::ops::Range<usize>) -> Sources {
        range.map(Some).collect()
    }

    #[test]
    fn a_pixel_is_repeated_within_a_token() {
        let x = image(2, 3, 3);
        let twice = |length: usize| (0..2 * length).map(|at| Some(at / 2)).collect();
        let found = sizes(&gather(&x, &[twice(2), twice(3)]), &x);
        assert!(found.contains(&(1, 2, 12, 1)) && found.contains(&(3, 6, 4, 1)), "{found:?}");
    }

    #[test]
    fn tokens_are_selected_from_neighbours() {
        let x = image(2, 6, 1);
        // Pixels 1 and 2, 3 and 4 of a row, from two tokens each.
        let found = sizes(&gather(&x, &[each(0..2), each(1..5)]), &x);
        assert!(found.contains(&(2, 2, 6, 1)), "{found:?}");
        // Padded by one: the first and the last token are half padding.
        let padded = [None].into_iter().chain(each(0..6)).chain([None]).collect();
        let found = sizes(&gather(&x, &[each(0..2), padded]), &x);
        assert!(found.contains(&(2, 2, 8, 3)), "{found:?}");
    }

    /// Rows of 7 and 5 pixels are in no other group than themselves; four of them are.
    #[test]
    fn tokens_run_across_rows_of_prime_widths() {
        let x = image(4, 7, 1);
        let found = sizes(&gather(&x, &[each(0..4), each(1..6)]), &x);
        assert!(found.contains(&(2, 2, 14, 2)), "{found:?}");
        assert!(found.contains(&(7, 5, 4, 1)), "{found:?}");
        assert!(found.iter().all(|it| it.3 <= MOST_SELECTIONS));
        // Repeated rows are no tokens in order.
        let twice = (0..8).map(|at| Some(at / 2)).collect();
        let found = sizes(&gather(&x, &[twice, each(1..6)]), &x);
        assert_eq!(found, [(7, 5, 8, 1)]);
    }

    proptest! {
        /// Tokens that are selected and divided as a group says are those of the selection.
        #[test]
        fn groups_select_what_was_asked_for(
            (height, width, channels) in (1..5_usize, 1..9_usize, 1..3_usize),
            (scale, first) in ((1..3_usize, 1..4_usize), (0..2_usize, 0..3_usize)),
            (before, behind, dropped) in (0..4_usize, 0..3_usize, 0..2_usize),
        ) {
            let x = image(height, width, channels);
            let along = |length: usize, scale: usize, first: usize| {
                let last = length - dropped.min(length - 1);
                let pixels = (first.min(last - 1)..last).flat_map(|at| vec![Some(at); scale]);
                let pixels = std::iter::repeat_n(None, before).chain(pixels);
                pixels.chain(std::iter::repeat_n(None, behind)).collect::<Vec<_>>()
            };
            let axes = [along(height, scale.0, first.0), along(width, scale.1, first.1)];
            let gather = gather(&x, &axes);
            let expected = select::tokens(&gather.indices, channels);
            for group in groups(&gather, &x, [64, 64]) {
                let [rows, columns] = &group.axes;
                let mut selected = Vec::new();
                let row_sources = rows.sources();
                for row in row_sources {
                    // The tokens of a row that are in registers.
                    let mut window = vec![None; columns.span];
                    let mut taken = 0;
                    for (step, turn) in columns.steps.iter().zip(&group.turns.kernels) {
                        match step.takes {
                            Take::Nothing => {}
                            Take::Padding => window.push(None),
                            Take::Pixel => {
                                window.push(row.map(|row| row * columns.pixels + taken));
                                taken += 1;
                            }
                        }
                        if step.gives {
                            let window = &window[window.len() - columns.span..];
                            let position = |at: &Option<usize>| {
                                let at = (*at)?;
                                Some(window[at / group.read]? * group.read + at % group.read)
                            };
                            selected.extend(group.selections[*turn].iter().map(position));
                        }
                    }
                    prop_assert_eq!(taken, columns.pixels);
                }
                prop_assert_eq!(Some(&selected), expected.as_ref(), "{:?}", group);
            }
        }
    }
}
