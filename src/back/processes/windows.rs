//! Windows over the rows of an image.

use askama::Template;

use super::super::text::{NO_LINE, literal};
use super::conditions::{Condition, Counter, Remainder, Table};
use super::folds::Folds;
use super::{Scope, grid};
use crate::hls::{
    Axis, Body, LineBuffer, LinearKernel, PixelGroup, Step, Take, Taps, WindowKernel,
};

/// The C++ function of a process with `lines`.
pub(super) fn render(cx: Scope<'_>, lines: &LineBuffer) -> askama::Result<String> {
    let element = &cx.design[lines.element];
    let fraction = element.quantization.format.fractional_bits();
    let code = literal(&lines.padding.code, fraction, &element.name);
    let [rows, columns] = &lines.axes;
    let mut tables = Vec::new();
    let mut condition = |axis: &Axis, is: &dyn Fn(&Step) -> bool, of: (Counter, &str)| {
        let steps: Vec<bool> = axis.steps.iter().map(is).collect();
        Condition::of(&steps, of, &mut tables)
    };
    let is_pixel = |step: &Step| step.takes == Take::Pixel;
    let takes = |step: &Step| step.takes != Take::Nothing;
    let gives = |step: &Step| step.gives;
    let row_pixel = condition(rows, &is_pixel, (Counter::Row, "row_is_read"));
    let column_pixel = condition(columns, &is_pixel, (Counter::Column, "column_is_read"));
    let row_taken = condition(rows, &takes, (Counter::Row, "row_is_new"));
    let column_taken = condition(columns, &takes, (Counter::Column, "column_is_new"));
    let row_given = condition(rows, &gives, (Counter::Row, "row_is_given"));
    let column_given = condition(columns, &gives, (Counter::Column, "column_is_given"));
    let at = match lines.has_memories() {
        true => position(columns),
        false => Some("0".to_owned()),
    };
    let folds = Folds::of(cx.design, cx.process);
    let mut matrix = None;
    if let Some(kernel) = lines.kernels.first()
        && let Body::Linear(linear) = &cx.design[kernel.kernel].body
    {
        matrix = Some(linear);
    }
    let groups = matrix.and_then(LinearKernel::channels_of_groups);
    let phases = matrix.map_or(1, |linear| linear.phases);
    let phase = if phases > 1 { phase(lines) } else { Vec::new() };
    let kernels: Vec<Case> = (0..lines.kernels.len())
        .map(|position| Case::new(&cx, lines, position, groups, &mut tables))
        .collect();
    let more = folds.as_ref().map_or(0, |folds| folds.count() - 1);
    let given = row_given.and(column_given);
    // A pixel is read wherever one is taken.
    let reads_taken = [(&row_pixel, &row_taken), (&column_pixel, &column_taken)];
    let reads_taken = reads_taken.iter().all(|(pixel, taken)| pixel.text() == taken.text());
    let inside = row_pixel.and(column_pixel.clone());
    let is_direct = lines.passes_pixels();
    let counts_steps = !is_direct || !given.is_always() || !phase.is_empty();
    let begins_above = reaches_before(rows);
    let begins_padded = reaches_before(columns);
    let counts_columns = lines.rows() > 0 && at.is_none();
    let checks_column = lines.rows() > 0 && column_pixel.text() != column_taken.text();
    // The conditions that the template states.
    let moved = [
        (!is_direct).then_some(&column_taken),
        rows.has_repeats().then_some(&row_taken),
        checks_column.then_some(&column_pixel),
    ];
    let cases = kernels.iter().map(|kernel| &kernel.condition);
    let stated = [&given, &inside].into_iter().chain(cases).chain(moved.into_iter().flatten());
    let stated: Vec<&Condition> = stated.collect();
    let counted = |counter: Counter| {
        let is_own = |remainder: &Remainder| remainder.counter == counter;
        stated.iter().any(|condition| condition.reads(counter)) || phase.iter().any(is_own)
    };
    let remainders = grid::counted(stated.iter().copied(), phase.iter().copied());
    let counts_rows = counted(Counter::Row) || begins_above && rows.span > 1;
    let names_column = counted(Counter::Column)
        || begins_padded && columns.span > 1
        || counts_columns
        || !remainders.is_empty();
    let (given, inside) = (given.text(), inside.text());
    let template = WindowsTemplate {
        title: match lines.kernels.first().map(|kernel| &cx.design[kernel.kernel].body) {
            Some(Body::Gather(_)) => {
                "tokens of several pixels, some dropped, repeated or padded".into()
            }
            _ => title(lines, phases),
        },
        width: columns.pixels,
        channels: lines.channels,
        group: lines.group,
        pixel_channels: lines.channels / lines.group.pixels,
        pads_rows: leaves_row(lines),
        span: lines.span(),
        above: rows.span - 1,
        before: columns.span - 1,
        grid: lines.grid(),
        has_rows: rows.steps.len() > 1,
        has_columns: columns.steps.len() > 1,
        row_counter: cx.counter(rows.steps.len() - 1),
        column_counter: cx.counter(columns.steps.len() - 1),
        at_counter: cx.counter(columns.pixels),
        rows: lines.rows(),
        keeps_current: rows.has_repeats(),
        element: &element.name,
        // Both sides of a conditional operator have this type.
        padding: format!("{}({code})", element.name),
        begins_padded,
        begins_above,
        checks_column,
        reads_taken,
        inside,
        row_taken,
        column_taken,
        column_pixel,
        counts_rows: counts_steps && counts_rows,
        counts_steps,
        given,
        phase: phase_text(&phase),
        remainders,
        names_column,
        counts_columns,
        at: at.unwrap_or_else(|| "at".to_owned()),
        kernels,
        shifted: (columns.pixels - 1) * usize::from(!lines.has_memories()),
        distance: columns.steps.len(),
        is_direct,
        steps: (rows.steps.len() * columns.steps.len()) as u64 + lines.windows() as u64 * more,
        folds,
        tables,
        cx,
    };
    template.render()
}

#[derive(Template)]
#[template(path = "processes/windows.cpp")]
struct WindowsTemplate<'a> {
    cx: Scope<'a>,
    title: String,
    /// Pixels of a row.
    width: usize,
    /// Lanes of a token.
    channels: usize,
    group: PixelGroup,
    /// Lanes of a pixel.
    pixel_channels: usize,
    /// Set if a token is a whole row, and windows begin before it or end behind it.
    pads_rows: bool,
    span: [usize; 2],
    /// Rows and columns of a window besides the last.
    above: usize,
    before: usize,
    grid: [usize; 2],
    /// There are several rows in the grid, and several columns.
    has_rows: bool,
    has_columns: bool,
    /// The types of variables for the row and the column of the grid, and the column of the image.
    row_counter: String,
    column_counter: String,
    at_counter: String,
    /// Rows that are kept.
    rows: usize,
    /// The iterations between a write of an element of a row and the next read of it at least.
    distance: usize,
    /// Set if the pixel of an iteration is the whole window.
    is_direct: bool,
    /// Set if the current row is one of them, and used again.
    keeps_current: bool,
    element: &'a str,
    /// The value of padding.
    padding: String,
    /// Set if windows reach columns before the image.
    begins_padded: bool,
    /// Set if windows reach rows above the image.
    begins_above: bool,
    /// Set if a column that is taken may be padding, which is in no row.
    checks_column: bool,
    /// Set if none of the pixels that are taken is padding.
    reads_taken: bool,
    /// The condition that a pixel is read.
    inside: String,
    /// The condition that a row is taken.
    row_taken: Condition,
    /// The condition that a column is taken.
    column_taken: Condition,
    /// The condition that the column taken is one of the image.
    column_pixel: Condition,
    /// Set if the row of the grid matters.
    counts_rows: bool,
    /// Set if a condition may be one on the column of the grid.
    names_column: bool,
    /// Set if the position on the grid matters.
    counts_steps: bool,
    /// The condition that a window is given.
    given: String,
    /// The phase of the window, where one kernel computes those of all phases.
    phase: Option<String>,
    /// Remainders of the row and the column of the grid that variables count.
    remainders: Vec<Remainder>,
    /// The column of the image that is taken; the first where a row is a shift register.
    at: String,
    /// The pixels of a shift register behind its first.
    shifted: usize,
    /// Set if a variable counts the columns of the image.
    counts_columns: bool,
    kernels: Vec<Case<'a>>,
    folds: Option<Folds>,
    /// Iterations of the process for a sample.
    steps: u64,
    tables: Vec<Table>,
}

impl WindowsTemplate<'_> {
    /// The choice of padding where a pixel above the current one is none of the image.
    fn unless_padding(&self) -> String {
        let column = self.checks_column.then_some("!is_stored");
        let row = self.begins_above.then_some("y == 0");
        let conditions: Vec<&str> = column.into_iter().chain(row).collect();
        match conditions[..] {
            [] => String::new(),
            _ => format!("{} ? {} : ", conditions.join(" || "), self.padding),
        }
    }

    /// The declaration of the rows of the line buffer: memories, or registers. The rows of a column are
    /// together, as a word may hold them.
    fn lines(&self) -> String {
        let sizes = [self.width, self.rows, self.channels];
        self.cx.declare_lines(self.element, sizes, self.distance)
    }

    /// The declaration of the pixels in registers.
    fn pixels(&self) -> String {
        let [rows, columns] = self.span;
        let sizes = [rows, columns, self.channels];
        self.cx.dialect.declare_registers(self.element, "pixels", &sizes)
    }
}

/// A kernel and the windows that it takes.
struct Case<'a> {
    name: &'a str,
    /// The array of its operand.
    window: String,
    /// The end of its labels: each is that of one loop of the function.
    suffix: String,
    /// Rows and columns of its operand.
    rows: usize,
    columns: usize,
    /// Elements of its operand.
    elements: usize,
    /// Elements of its result, and their type.
    outputs: usize,
    result: &'a str,
    /// The condition that it computes the window of a step; that of the last kernel is no other's.
    condition: Condition,
    /// The line before its statements, if there are several kernels.
    opening: String,
    /// The row of a tap among `pixels`.
    row_of: String,
    /// The column of a tap among single pixels, of window `p` where there are several.
    column_of: String,
    /// The index of channel `c` of a tap in the window.
    entry: String,
}

impl<'a> Case<'a> {
    /// The kernel at `position`; `group_channels` are those of a group whose window is together.
    fn new(
        cx: &Scope<'a>,
        lines: &LineBuffer,
        position: usize,
        group_channels: Option<usize>,
        tables: &mut Vec<Table>,
    ) -> Self {
        let kernel = &lines.kernels[position];
        let last = lines.kernels.len() - 1;
        // The last kernel takes what the others leave.
        let condition = match position < last {
            true => turn(lines, position, tables),
            false => Condition::default(),
        };
        let [rows, columns] = kernel.taps;
        let own = &cx.design[kernel.kernel];
        let output = &cx.design[own.output];
        let channels = lines.channels / lines.group.pixels;
        let taps = rows.count * columns.count;
        // The number of a tap, and that of one of its elements.
        let tap = match (rows.count, columns.count) {
            (1, 1) => None,
            (1, _) => Some("column".to_owned()),
            (_, 1) => Some("row".to_owned()),
            (_, columns) => Some(format!("(row * {columns} + column)")),
        };
        let entry = match (tap, group_channels) {
            (None, _) => "c".to_owned(),
            (Some(tap), Some(1)) => format!("c * {taps} + {tap}"),
            (Some(tap), Some(each)) => {
                format!("(c / {each} * {taps} + {tap}) * {each} + c % {each}")
            }
            (Some(tap), None) => format!("{tap} * {channels} + c"),
        };
        let suffix = if position == 0 { String::new() } else { format!("_{}", position + 1) };
        Self {
            name: &own.name,
            window: format!("window{suffix}"),
            suffix,
            rows: rows.count,
            columns: columns.count,
            elements: taps * channels,
            outputs: output.len(),
            result: &cx.design[output.element].name,
            opening: match position {
                0 if last == 0 => NO_LINE.to_owned(),
                0 => format!("if ({}) {{", condition.text()),
                at if at == last => "} else {".to_owned(),
                _ => format!("}} else if ({}) {{", condition.text()),
            },
            condition,
            row_of: pixel_of(rows, "row"),
            column_of: match lines.group.is_one() {
                true => pixel_of(columns, "column"),
                false => grouped(lines, columns),
            },
            entry,
        }
    }
}

/// The condition that the kernel at `position` computes the window of the current step.
fn turn(lines: &LineBuffer, position: usize, tables: &mut Vec<Table>) -> Condition {
    if let Some(turns) = &lines.turns {
        let is_turn: Vec<bool> = turns.kernels.iter().map(|kernel| *kernel == position).collect();
        let name = format!("column_is_turn_{}", position + 1);
        return Condition::of(&is_turn, (Counter::Column, &name), tables);
    }
    let steps = lines.kernels[position].steps;
    let counters = [(Counter::Row, "row"), (Counter::Column, "column")];
    let steps = lines.axes.iter().zip(steps).zip(counters);
    let steps = steps.filter(|((axis, _), _)| axis.scale > 1);
    steps.fold(Condition::default(), |all, ((axis, step), (counter, name))| {
        let is_phase = (0..axis.steps.len()).map(|at| at % axis.scale == step);
        let name = format!("{name}_is_phase_{}", step + 1);
        all.and(Condition::of(&is_phase.collect::<Vec<_>>(), (counter, &name), tables))
    })
}

/// The position of tap `at` among the pixels of a window.
fn pixel_of(taps: Taps, at: &str) -> String {
    if taps.count == 1 {
        return taps.first.to_string();
    }
    let offset = match taps.first {
        0 => String::new(),
        first => format!("{first} + "),
    };
    match taps.distance {
        1 => format!("{offset}{at}"),
        distance => format!("{offset}{at} * {distance}"),
    }
}

/// Tells whether a token is a whole row, and windows begin before it or end behind it.
fn leaves_row(lines: &LineBuffer) -> bool {
    let PixelGroup { pixels, windows, stride, first } = lines.group;
    let columns = lines.kernels.first().map(|kernel| kernel.taps[1]);
    let reach = columns.map_or(0, |taps| taps.first + (taps.count - 1) * taps.distance);
    let last = first + ((windows - 1) * stride + reach) as isize;
    lines.axes[1].pixels == 1 && (first < 0 || last >= pixels as isize)
}

/// The column of tap `column` of window `p`, counted from the first pixel in registers.
fn grouped(lines: &LineBuffer, taps: Taps) -> String {
    let first = lines.group.first + taps.first as isize;
    let windows = (lines.group.windows > 1).then_some(("p", lines.group.stride));
    let columns = (taps.count > 1).then_some(("column", taps.distance));
    let terms = windows.into_iter().chain(columns);
    let terms = terms.map(|(at, distance)| match distance {
        1 => at.to_owned(),
        _ => format!("{at} * {distance}"),
    });
    let sum = terms.collect::<Vec<_>>().join(" + ");
    match first {
        first if sum.is_empty() => first.to_string(),
        0 => sum,
        1.. => format!("{sum} + {first}"),
        _ => format!("{sum} - {}", -first),
    }
}

/// The phase of the window of the current step along each axis that has some.
fn phase(lines: &LineBuffer) -> Vec<Remainder> {
    let axes = lines.axes.iter().zip([Counter::Row, Counter::Column]);
    let axes = axes.filter(|(axis, _)| axis.scale > 1);
    axes.map(|(axis, counter)| Remainder { counter, by: axis.scale }).collect()
}

/// The number of a phase, those of a row of phases in turn; `None` without phases. A variable is made an
/// `int` first: integers of the vendors' types grow with each operation.
fn phase_text(phase: &[Remainder]) -> Option<String> {
    let number = |remainder: &Remainder| match remainder.is_counted() {
        true => format!("int({})", remainder.text()),
        false => remainder.text(),
    };
    match phase {
        [] => None,
        [only] => Some(number(only)),
        [row, column, ..] => {
            let outer = if row.is_counted() { number(row) } else { format!("({})", number(row)) };
            Some(format!("{outer} * {} + {}", column.by, number(column)))
        }
    }
}

/// The windows in words, for a comment; their weights are those of one of so many `phases`.
fn title(lines: &LineBuffer, phases: usize) -> String {
    let size = |kernel: &WindowKernel| {
        let [rows, columns] = kernel.taps;
        format!("{} x {}", rows.count, columns.count)
    };
    let group = lines.group;
    match &lines.kernels[..] {
        [kernel] if !group.is_one() => format!(
            "tokens of {} pixels, and of the results of {} window{} of {} pixels",
            group.pixels,
            group.windows,
            if group.windows == 1 { "" } else { "s" },
            size(kernel)
        ),
        [] => {
            let [height, width] = lines.input();
            format!("pixels of {height} x {width} in their order, some dropped, repeated or padded")
        }
        [kernel] if phases > 1 => {
            let size = size(kernel);
            format!(
                "a token for each window of {size} pixels, with the weights of {phases} phases in turn"
            )
        }
        [kernel] => format!("a token for each window of {} pixels", size(kernel)),
        kernels => {
            let sizes: Vec<String> = kernels.iter().map(size).collect();
            format!("a token for each window of {} pixels in turn", sizes.join(", "))
        }
    }
}

/// Tells whether a window is given before as many pixels have been taken as it spans.
fn reaches_before(axis: &Axis) -> bool {
    let mut taken = 0;
    axis.steps.iter().any(|step| {
        taken += usize::from(step.takes != Take::Nothing);
        step.gives && taken < axis.span
    })
}

/// The pixel that a step `x` takes, as an expression; `None` for steps that are not equally far apart,
/// or not by a power of two.
fn position(axis: &Axis) -> Option<String> {
    let pixels = axis.steps.iter().enumerate().filter(|(_, step)| step.takes == Take::Pixel);
    let at: Vec<usize> = pixels.map(|(at, _)| at).collect();
    let (first, distance) = match at[..] {
        [first, second, ..] => (first, second - first),
        _ => (*at.first()?, 1),
    };
    let is_regular = at.iter().enumerate().all(|(pixel, at)| *at == first + pixel * distance);
    // A quotient by another number is a divider.
    (is_regular && distance.is_power_of_two()).then(|| match (first, distance) {
        (0, 1) => "x".to_owned(),
        (0, _) => format!("x / {distance}"),
        (_, 1) => format!("x - {first}"),
        (_, _) => format!("(x - {first}) / {distance}"),
    })
}
