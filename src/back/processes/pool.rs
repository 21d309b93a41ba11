//! Pooling over windows that do not overlap.

use askama::Template;

use super::conditions::{Condition, Counter, Remainder};
use super::{Scope, grid};
use crate::hls::RunningPool;
use crate::ir::PoolKind;

/// The C++ function of a process with running sums or maxima of `pool`.
pub(super) fn render(cx: Scope<'_>, pool: &RunningPool) -> askama::Result<String> {
    let [height, width] = pool.window.input;
    let rows = Edges::of(pool, 0, Counter::Row);
    let columns = Edges::of(pool, 1, Counter::Column);
    let (kept, has_memory) = (pool.kept(), pool.has_memory());
    let is_long = pool.taps(1) > 1;
    let inside = inside(pool).unwrap_or_default();
    // Every pixel that it takes begins and ends a window of one column.
    let edge = |edge: &Edge| if is_long { edge.text() } else { None };
    let [column_begins, ends] = [&columns.begin, &columns.end].map(edge);
    let row_begins = if pool.taps(0) > 1 { rows.begin.text() } else { None };
    let row_ends = rows.end.text();
    let window = &pool.window;
    let at = match (has_memory, window.stride[1]) {
        (false, _) => "0".to_owned(),
        (true, 1) => "x".to_owned(),
        (true, by) if by.is_power_of_two() && window.pad_before[1] == 0 => format!("x / {by}"),
        (true, _) => "at".to_owned(),
    };
    let stated = [
        row_begins.is_some().then_some(&rows.begin),
        row_ends.is_some().then_some(&rows.end),
        column_begins.is_some().then_some(&columns.begin),
        ends.is_some().then_some(&columns.end),
    ];
    let stated = stated.into_iter().flatten().map(|edge| &edge.regular).chain([&inside]);
    // It has a name where it chooses between what is kept and the registers, too.
    let begins = column_begins.clone().filter(|_| kept > 0);
    let column_begins = begins.as_ref().map(|_| "begins".to_owned()).or(column_begins);
    let template = PoolTemplate {
        is_max: pool.kind == PoolKind::Max,
        kernel: window.kernel,
        kept,
        has_memory,
        is_running: pool.is_running(),
        channels: pool.channels,
        ty: &cx.design[pool.element].name,
        distance: pool.distance(),
        grid: [height, width],
        has_rows: height > 1,
        has_columns: width > 1,
        remainders: grid::counted(stated, []),
        inside: (!inside.is_always()).then(|| inside.text()),
        is_first: both(row_begins, column_begins),
        is_given: both(row_ends, ends.as_ref().map(|_| "ends".to_owned())),
        before: match (kept > 0, is_long) {
            (true, true) => format!("begins ? {}[{at}][0][c] : values[c]", cx.lines()),
            (true, false) => format!("{}[{at}][0][c]", cx.lines()),
            (false, _) => "values[c]".to_owned(),
        },
        // A shift register takes the sums of the next window behind those of the others.
        stored: if has_memory { at.clone() } else { kept.saturating_sub(1).to_string() },
        counts_windows: at == "at",
        window_counter: cx.counter(kept),
        begins,
        ends,
        cx,
    };
    template.render()
}

/// The columns that a process takes, if it must leave others out: where a pixel between two windows
/// would change the sums of a window that are kept in registers, or has no word of its own.
fn inside(pool: &RunningPool) -> Option<Condition> {
    let mut is_inside = vec![false; pool.window.input[1]];
    pool.ends(1).for_each(|(first, last)| is_inside[first..=last].fill(true));
    let matters = pool.kept() == 0 && pool.window.output[1] == 1 || pool.taps(1) == 1;
    matters.then(|| equally_spaced(&is_inside, Counter::Column))
}

/// The condition of steps that are equally far apart.
fn equally_spaced(steps: &[bool], counter: Counter) -> Condition {
    let mut tables = Vec::new();
    let condition = Condition::of(steps, (counter, "step"), &mut tables);
    debug_assert!(tables.is_empty(), "windows are equally far apart");
    condition
}

/// Conditions of the pixels along an axis at which windows begin and end.
struct Edges {
    begin: Edge,
    end: Edge,
}

/// The condition of the first or the last pixels of windows.
struct Edge {
    counter: Counter,
    /// The condition of those that are equally far apart.
    regular: Condition,
    /// Set if there are any.
    is_regular: bool,
    /// The pixel at the border of the image at which a window ends that reaches padding.
    border: Option<usize>,
    /// Set if there are no other pixels.
    is_only: bool,
}

impl Edges {
    fn of(pool: &RunningPool, axis: usize, counter: Counter) -> Self {
        let window = &pool.window;
        let (pixels, kernel) = (window.input[axis], window.kernel[axis]);
        let (stride, before) = (window.stride[axis], window.pad_before[axis]);
        let is_cut =
            |(number, pixel): (usize, usize), tap: usize| number * stride + tap != pixel + before;
        let edge = |ends: Vec<usize>, tap: usize| {
            let mut steps = vec![false; pixels];
            let mut border = None;
            for (number, pixel) in ends.into_iter().enumerate() {
                match is_cut((number, pixel), tap) {
                    true => border = Some(pixel),
                    false => steps[pixel] = true,
                }
            }
            Edge {
                counter,
                is_regular: steps.contains(&true),
                regular: equally_spaced(&steps, counter),
                border,
                is_only: pixels == 1,
            }
        };
        let (begin, end) = pool.ends(axis).unzip();
        Self { begin: edge(begin, 0), end: edge(end, kernel - 1) }
    }
}

impl Edge {
    /// The condition as text; `None` if it always holds.
    fn text(&self) -> Option<String> {
        let border = self.border.map(|pixel| format!("{} == {pixel}", self.counter.name()));
        let regular = self.regular.text();
        match border {
            _ if self.is_only || self.regular.is_always() => None,
            None => Some(regular),
            Some(border) if !self.is_regular => Some(border),
            Some(border) if regular.contains("&&") => Some(format!("({regular}) || {border}")),
            Some(border) => Some(format!("{regular} || {border}")),
        }
    }
}

/// The condition that `row` and `column` hold; `None` if both always do.
fn both(row: Option<String>, column: Option<String>) -> Option<String> {
    let operand = |text: String| if text.contains("||") { format!("({text})") } else { text };
    match (row, column) {
        (Some(row), Some(column)) => Some(format!("{} && {}", operand(row), operand(column))),
        (row, column) => row.or(column),
    }
}

#[derive(Template)]
#[template(path = "processes/pool.cpp")]
struct PoolTemplate<'a> {
    cx: Scope<'a>,
    is_max: bool,
    /// Pixels of a window.
    kernel: [usize; 2],
    /// Windows of a row whose sums are kept until the next row.
    kept: usize,
    /// Set if these are in a memory, not in a shift register.
    has_memory: bool,
    /// The iterations from a write of a word of the memory to its next read at least.
    distance: usize,
    /// Set if the sums of a window are in registers from one pixel to the next.
    is_running: bool,
    channels: usize,
    /// The type of sums.
    ty: &'a str,
    /// Rows and columns of the image.
    grid: [usize; 2],
    /// There are several rows, and several columns.
    has_rows: bool,
    has_columns: bool,
    /// Remainders of the row and the column that variables count.
    remainders: Vec<Remainder>,
    /// The condition that a pixel is taken; none if all are. So it is below.
    inside: Option<String>,
    /// The condition that a row of a window begins, where it has a name.
    begins: Option<String>,
    /// The condition that a row of a window ends.
    ends: Option<String>,
    /// The condition of the first pixel of a window.
    is_first: Option<String>,
    /// The condition of the last pixel of a window.
    is_given: Option<String>,
    /// The number that is added to a pixel which is not the first, or compared with it.
    before: String,
    /// The word of the sums of a window that are kept.
    stored: String,
    /// Set if a variable of this type counts the windows of a row.
    counts_windows: bool,
    window_counter: String,
}

impl PoolTemplate<'_> {
    /// The declaration of the sums of a row of windows.
    fn lines(&self) -> String {
        self.cx.declare_lines(self.ty, [self.kept, 1, self.channels], self.distance)
    }
}
