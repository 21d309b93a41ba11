//! Weight matrices: loops over tiles, indices and sums.

use std::fmt;

use askama::Template;

use super::Scope;
use crate::hls::{ConstantId, LinearKernel, SignCodes, Terms, Windows};

/// The C++ function of a matrix.
pub(super) fn render(cx: Scope<'_>, body: &LinearKernel) -> askama::Result<String> {
    if body.is_folded() {
        return folded(cx, body).render();
    }
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
        entry: match body.listed {
            Some(_) => "n".to_owned(),
            None => row_major(&axes.into_iter().flatten().collect::<Vec<_>>()),
        },
        sum: match body.listed {
            Some(_) => "sums[o]",
            None => sum_of(&body.terms),
        },
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
    /// The variable that sums.
    sum: &'static str,
    /// The sum of output `o`, carried from tile to tile.
    carried: String,
    /// The operand of row `i` of the weights of output `o`.
    operand: String,
    /// The index of output `o`.
    result: String,
}

/// A loop: `label: for (int variable = 0; variable < bound; variable++)`.
#[derive(Clone, Copy)]
pub(super) struct Counter {
    pub(super) label: &'static str,
    pub(super) variable: &'static str,
    pub(super) bound: usize,
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

#[derive(Template)]
#[template(path = "kernels/linear_folded.cpp")]
struct FoldedTemplate<'a> {
    cx: Scope<'a>,
    body: &'a LinearKernel,
    arguments: String,
    /// The index of the weight of input `j` and output `p` of a tile; `o` where the tile has all outputs.
    entry: String,
    /// The loop over the outputs of a tile, and that over its inputs, if it has several.
    outputs: Option<Counter>,
    inputs: Option<Counter>,
    /// The output in the tile, or 0 where there is one.
    lane: &'static str,
    /// The variable that sums.
    sum: &'static str,
    /// The operand of input `j` of output `p`.
    operand: String,
    /// The index of output `p` of the matrix.
    output: String,
    /// Set if a constant is read for an output that is no loop's own counter.
    uses_output: bool,
    /// The index of output `p` in the result.
    result: String,
    /// Statements that move the inputs of the next tile to the front.
    rotations: Vec<String>,
}

fn folded<'a>(cx: Scope<'a>, body: &'a LinearKernel) -> FoldedTemplate<'a> {
    let (tile_inputs, tile_outputs) = (body.tile_inputs(), body.tile_outputs());
    let (group_outputs, groups) = (body.outputs / body.groups(), body.groups());
    let elements = body.inputs * groups;
    let is_carried = body.tiles.inputs > 1;
    let counters = [("output_tile", body.tiles.outputs), ("input_tile", body.tiles.inputs)];
    let counter = |(label, variable, bound)| Counter { label, variable, bound };
    let [output_tiles, input_tiles] =
        counters.map(|(variable, bound)| counter(("", variable, bound)));
    let phase = counter(("", "phase", body.phases));
    // The outputs of the only tile are those of the matrix.
    let own = if body.tiles.outputs == 1 && body.phases == 1 { "o" } else { "p" };
    let [inner, outer] =
        [("inputs", "j", tile_inputs), ("outputs", own, tile_outputs)].map(counter);
    let several = |counter: Counter| (counter.bound > 1).then_some(counter);
    let used = counters.iter().filter(|(_, bound)| *bound > 1);
    let mut arguments = vec![format!("{} input[{elements}]", cx.in_type())];
    if is_carried {
        arguments.push(format!("{} sums[{tile_outputs}]", cx.sum_type(body)));
    }
    arguments.push(format!("{} output[{}]", cx.out_type(), body.outputs));
    arguments.extend(used.map(|(variable, _)| format!("const int {variable}")));
    arguments.extend((body.phases > 1).then(|| "const int phase".to_owned()));

    let mut rotations = Vec::new();
    if is_carried {
        rotations.push(format!("rotate<{}, {tile_inputs}>(input);", body.inputs));
    }
    let is_last_input = is_carried.then(|| format!("input_tile == {}", body.tiles.inputs - 1));
    if groups > 1 && tile_outputs < group_outputs {
        let tiles = group_outputs / tile_outputs;
        let is_last_of_group = format!("output_tile % {tiles} == {}", tiles - 1);
        let condition: Vec<String> = is_last_input.into_iter().chain([is_last_of_group]).collect();
        rotations.push(format!("if ({}) {{", condition.join(" && ")));
        rotations.push(format!("rotate<{elements}, {}>(input);", body.inputs));
        rotations.push("}".to_owned());
    } else if groups > 1 && body.tiles.outputs > 1 {
        let next = tile_outputs / group_outputs * body.inputs;
        let rotation = format!("rotate<{elements}, {next}>(input);");
        rotations.extend(match is_last_input {
            Some(is_last) => vec![format!("if ({is_last}) {{"), rotation, "}".to_owned()],
            None => vec![rotation],
        });
    }
    let group = match group_outputs {
        1 => own.to_owned(),
        _ => format!("{own} / {group_outputs}"),
    };
    let lane = if tile_outputs > 1 { own } else { "0" };
    let input = if tile_inputs > 1 { "j" } else { "0" };
    FoldedTemplate {
        outputs: several(outer),
        inputs: several(inner),
        lane,
        arguments: arguments.join(", "),
        entry: row_major(&[phase, output_tiles, input_tiles, inner, outer]),
        sum: sum_of(&body.terms),
        operand: match groups > 1 && tile_outputs > group_outputs {
            true => format!("input[{group} * {} + {input}]", body.inputs),
            false => format!("input[{input}]"),
        },
        uses_output: (lane != "o")
            && (body.starts.is_some()
                || matches!(
                    body.terms,
                    Terms::Signs { shifted: Some(_), .. } | Terms::Xnor { .. }
                )),
        output: row_major(&[phase, output_tiles, outer]),
        result: match body.outputs - tile_outputs {
            0 => lane.to_owned(),
            before if tile_outputs == 1 => before.to_string(),
            before => format!("{before} + {own}"),
        },
        rotations,
        body,
        cx,
    }
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

    fn sum_type(&self, linear: &LinearKernel) -> &str {
        self.ty(&linear.sum_type(self.design[self.kernel.output].element))
    }

    /// The type of a sum of `terms`.
    pub(super) fn sum_type_of(&self, terms: &Terms) -> &str {
        self.ty(&terms.sum_type(self.design[self.kernel.output].element))
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
