//! Weight matrices: loops over tiles, indices and sums.

use std::fmt;

use askama::Template;

use super::Scope;
use crate::hls::{ConstantId, Design, Kernel, LinearKernel, SignCodes, Terms, Windows};

/// The C++ function of a matrix.
pub(super) fn render(cx: Scope<'_>, body: &LinearKernel) -> askama::Result<String> {
    let inputs = Axis::new(
        ["i", "j", "input_tile"],
        ["inputs", "input_tiles"],
        body.inputs,
        body.tiles.inputs,
    );
    let outputs = Axis::new(
        ["o", "p", "output_tile"],
        ["outputs", "output_tiles"],
        body.outputs,
        body.tiles.outputs,
    );
    let axes = [outputs.tiles, inputs.tiles, inputs.elements, outputs.elements];
    let lane: Vec<Counter> = outputs.elements.into_iter().collect();
    let template = LinearTemplate {
        body,
        level: if body.windows.is_some() { 2 } else { 1 },
        entry: row_major(&axes.into_iter().flatten().collect::<Vec<_>>()),
        carried: format!("sums[{}]", row_major(&lane)),
        operand: operand(&cx, body),
        result: result(&cx, body),
        inputs,
        outputs,
        cx,
    };
    template.render()
}

#[derive(Template)]
#[template(path = "kernels/linear.cpp")]
struct LinearTemplate<'a> {
    cx: Scope<'a>,
    body: &'a LinearKernel,
    /// Number of loops around those over tiles.
    level: usize,
    inputs: Axis,
    outputs: Axis,
    /// The index of the weight of input `i` and output `o`.
    entry: String,
    /// The sum of output `o`, carried from tile to tile.
    carried: String,
    /// The operand of row `i` of the weights of output `o`.
    operand: String,
    /// The index of output `o`.
    result: String,
}

/// A loop: `label: for (int variable = 0; variable < bound; variable++)`.
#[derive(Clone, Copy)]
struct Counter {
    label: &'static str,
    variable: &'static str,
    bound: usize,
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { label, variable, bound } = self;
        write!(f, "{label}: for (int {variable} = 0; {variable} < {bound}; {variable}++)")
    }
}

/// An axis of a matrix as loops over tiles and over the elements of a tile.
struct Axis {
    /// The loop over tiles, if there are several.
    tiles: Option<Counter>,
    /// The loop in a tile, if it has more than one element.
    elements: Option<Counter>,
}

impl Axis {
    /// `length` elements in `tiles` tiles. `element` counts them all, `inside` those of a tile.
    fn new(
        [element, inside, tile]: [&'static str; 3],
        [label, tile_label]: [&'static str; 2],
        length: usize,
        tiles: usize,
    ) -> Self {
        let counter = |label, variable, bound| Some(Counter { label, variable, bound });
        let whole = counter(label, element, length);

        match length / tiles.max(1) {
            _ if tiles <= 1 => Self { tiles: None, elements: whole },
            1 => Self { tiles: whole, elements: None },
            each => Self {
                tiles: counter(tile_label, tile, tiles),
                elements: counter(label, inside, each),
            },
        }
    }

    /// The index of an element, where no single loop counts them.
    fn index(&self) -> Option<String> {
        Some(row_major(&[self.tiles?, self.elements?]))
    }
}

/// The index of an element of a row-major array whose axes are `loops`.
fn row_major(loops: &[Counter]) -> String {
    let mut index = String::new();
    for Counter { variable, bound, .. } in loops.iter().filter(|axis| axis.bound > 1) {
        index = match index.is_empty() {
            true => (*variable).to_owned(),
            false if index.contains(' ') => format!("({index}) * {bound} + {variable}"),
            false => format!("{index} * {bound} + {variable}"),
        };
    }
    if index.is_empty() { "0".to_owned() } else { index }
}

fn operand(cx: &Scope<'_>, linear: &LinearKernel) -> String {
    let Some(Windows { channels, group_channels, group_outputs, .. }) = linear.windows else {
        return format!("input[{}]", cx.at(&linear.rows, &linear.inputs, "i"));
    };
    let group = match group_outputs {
        1 => "o".to_owned(),
        _ => format!("o / {group_outputs}"),
    };
    if group_channels == channels {
        "window[i]".to_owned()
    } else if group_channels == 1 {
        format!("window[i * {channels} + {group}]")
    } else {
        let tap = format!("i / {group_channels} * {channels}");
        format!("window[{tap} + {group} * {group_channels} + i % {group_channels}]")
    }
}

fn result(cx: &Scope<'_>, linear: &LinearKernel) -> String {
    match &linear.windows {
        None => cx.at(&linear.rows, &linear.outputs, "o"),
        Some(windows) => {
            let columns = windows.window.output[1];
            format!("(row * {columns} + column) * {} + o", linear.outputs)
        }
    }
}

/// The type of a sum of the `terms` of `kernel`.
pub(super) fn sum_type<'a>(design: &'a Design, kernel: &Kernel, terms: &Terms) -> &'a str {
    let element = match terms {
        Terms::Xnor { count, .. } => *count,
        Terms::Signs { shifted: Some(shifted), .. } => shifted.sum,
        Terms::Signs { .. } | Terms::Products { .. } | Terms::Shifts { .. } => {
            design[kernel.output].element
        }
    };
    &design[element].name
}

/// The variable that sums `terms`.
pub(super) fn sum_of(terms: &Terms) -> &'static str {
    if matches!(terms, Terms::Xnor { .. }) { "below" } else { "sum" }
}

impl Scope<'_> {
    /// The pragmas before the loop over rows (0) or columns (1) of taps that copies a window.
    fn before_copy(&self, axis: usize) -> String {
        self.before_loop(self.kernel.plan.window_loops[axis])
    }

    /// The pragmas inside that loop.
    fn inside_copy(&self, axis: usize) -> String {
        self.inside_loop(self.kernel.plan.window_loops[axis])
    }

    /// The variable that sums.
    fn sum(&self, linear: &LinearKernel) -> &'static str {
        sum_of(&linear.terms)
    }

    fn sum_type(&self, linear: &LinearKernel) -> &str {
        self.sum_type_of(&linear.terms)
    }

    /// The type of a sum of `terms`.
    pub(super) fn sum_type_of(&self, terms: &Terms) -> &str {
        sum_type(self.design, self.kernel, terms)
    }

    /// The initial value of the sum of output `o`.
    fn first(&self, linear: &LinearKernel) -> String {
        self.first_of(&linear.terms, linear.starts)
    }

    /// The initial value of the sum of `terms` of output `o`, from `starts`.
    pub(super) fn first_of(&self, terms: &Terms, starts: Option<ConstantId>) -> String {
        match terms {
            Terms::Xnor { .. } | Terms::Signs { shifted: Some(_), .. } => "0".to_owned(),
            Terms::Signs { .. } | Terms::Products { .. } | Terms::Shifts { .. } => {
                self.start_of(starts)
            }
        }
    }

    /// The bias of output `o`, or the sum of equal signs.
    fn start(&self, linear: &LinearKernel) -> String {
        self.start_of(linear.starts)
    }

    /// Number `o` of `starts`, 0 without.
    pub(super) fn start_of(&self, starts: Option<ConstantId>) -> String {
        match starts {
            Some(starts) => format!("{}[o]", self.constant(&starts)),
            None => "0".to_owned(),
        }
    }

    /// The signs of weights in words.
    pub(super) fn signs(&self, signs: &SignCodes) -> &'static str {
        match signs {
            SignCodes::Negative(_) => "1 or -1",
            SignCodes::Sign(_) => "1, 0 or -1",
        }
    }
}
