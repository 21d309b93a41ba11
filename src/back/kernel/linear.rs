//! Matrices of weights, and what only their templates ask for.

use std::fmt::Display;

use askama::Template;

use super::{Scope, up_to};
use crate::back::dialect::Run;
use crate::hls::{self, Down, Operations, Places, SignCodes, Terms, UNROLL_LIMIT};

/// The C++ function of a matrix.
pub(super) fn render(cx: Scope<'_>, body: &hls::Linear) -> askama::Result<String> {
    match &body.terms {
        Terms::Products(terms) => ProductsKernel { cx, body, terms }.render(),
        Terms::Signs(terms) => SignsKernel { cx, body, terms }.render(),
        Terms::Shifts(terms) => ShiftsKernel { cx, body, terms }.render(),
        Terms::Xnor(terms) => XnorKernel { cx, body, terms }.render(),
    }
}

#[derive(Template)]
#[template(path = "kernels/linear/products.cpp")]
struct ProductsKernel<'a> {
    cx: Scope<'a>,
    body: &'a hls::Linear,
    terms: &'a hls::Products,
}

#[derive(Template)]
#[template(path = "kernels/linear/signs.cpp")]
struct SignsKernel<'a> {
    cx: Scope<'a>,
    body: &'a hls::Linear,
    terms: &'a hls::Signs,
}

#[derive(Template)]
#[template(path = "kernels/linear/shifts.cpp")]
struct ShiftsKernel<'a> {
    cx: Scope<'a>,
    body: &'a hls::Linear,
    terms: &'a hls::Shifts,
}

#[derive(Template)]
#[template(path = "kernels/linear/xnor.cpp")]
struct XnorKernel<'a> {
    cx: Scope<'a>,
    body: &'a hls::Linear,
    terms: &'a hls::Xnor,
}

/// An axis of a matrix as loops: over blocks, and over what is in one.
struct Axis {
    /// The loop over blocks, if there are several: its variable, and how often it runs.
    kept: Option<(&'static str, usize)>,
    /// The loop in a block, if there is more than one element in it.
    copied: Option<(&'static str, usize)>,
}

impl Axis {
    /// `length` elements in `blocks` blocks; `names` are the variables of elements, of blocks, and
    /// of elements in a block.
    fn new(length: usize, blocks: usize, names: [&'static str; 3]) -> Self {
        let [element, block, inside] = names;
        match length / blocks.max(1) {
            _ if blocks <= 1 => Self { kept: None, copied: Some((element, length)) },
            1 => Self { kept: Some((element, length)), copied: None },
            each => Self { kept: Some((block, blocks)), copied: Some((inside, each)) },
        }
    }

    /// The line that names an element, where no loop does.
    fn element(&self, name: &str) -> Option<String> {
        match (self.kept, self.copied) {
            (Some(block), Some(inside)) => {
                Some(format!("const int {name} = {};", row_major(&[block, inside])))
            }
            _ => None,
        }
    }
}

/// The place of an element of a row-major array whose axes are `loops`, each a variable and a bound.
fn row_major(loops: &[(&str, usize)]) -> String {
    let mut place = String::new();
    for (variable, bound) in loops.iter().filter(|(_, bound)| *bound > 1) {
        place = match place.is_empty() {
            true => (*variable).to_owned(),
            false if place.contains(' ') => format!("({place}) * {bound} + {variable}"),
            false => format!("{place} * {bound} + {variable}"),
        };
    }
    if place.is_empty() { "0".to_owned() } else { place }
}

fn inputs_of(linear: &hls::Linear) -> Axis {
    Axis::new(linear.inputs, linear.blocks.inputs, ["i", "input_block", "j"])
}

fn outputs_of(linear: &hls::Linear) -> Axis {
    Axis::new(linear.outputs, linear.blocks.outputs, ["o", "output_block", "p"])
}

impl Scope<'_> {
    /// The lines that open the loops over outputs, and over blocks.
    fn outputs(&self, linear: &hls::Linear) -> String {
        let (inputs, outputs) = (inputs_of(linear), outputs_of(linear));
        let mut lines = Vec::new();
        if inputs.kept.is_some() {
            let length = linear.block_outputs();
            lines.push(format!("{} sums[{length}];", self.sum_type(linear)));
            lines.push(self.local_array("sums", &length, length));
        }
        let around = if linear.windows.is_some() { 2 } else { 1 };
        if let Some((variable, bound)) = outputs.kept {
            let label = if outputs.copied.is_some() { "output_blocks" } else { "outputs" };
            lines.push(self.level(around, label, variable, bound));
        }
        if let Some((variable, bound)) = inputs.kept {
            let label = if inputs.copied.is_some() { "input_blocks" } else { "inputs" };
            lines.push(self.level(around + 1, label, variable, bound));
        }
        if let Some((variable, bound)) = outputs.copied {
            lines.push(self.open("outputs", variable, bound));
        }
        lines.extend(outputs.element("o"));
        lines.join("\n")
    }

    /// The lines behind the declaration of a window: the inputs of a block are read at once.
    fn window_array(&self, linear: &hls::Linear, windows: &hls::Windows) -> String {
        self.local_array("window", &windows.len(), linear.block_inputs())
    }

    /// The lines that open a loop that fills a window: a large one is filled tap by tap.
    fn tap_loop(&self, windows: &hls::Windows, axis: usize, label: &str, variable: &str) -> String {
        let run = match axis {
            _ if windows.len() as u64 <= UNROLL_LIMIT => Run::Unrolled,
            0 => Run::Around,
            _ => Run::Pipelined { interval: 1, parallel: 1 },
        };
        self.open_as(run, label, &up_to(variable, windows.window.kernel[axis]))
    }

    /// The lines that open the loop over the inputs of a block.
    fn inputs_of_block(&self, linear: &hls::Linear) -> String {
        let inputs = inputs_of(linear);
        let open = inputs.copied.map(|(variable, bound)| self.open("inputs", variable, bound));
        open.into_iter().chain(inputs.element("i")).collect::<Vec<_>>().join("\n")
    }

    /// The lines that close it, and go on only where the sum is complete.
    fn end_inputs(&self, linear: &hls::Linear) -> String {
        let inputs = inputs_of(linear);
        let mut lines: Vec<String> = inputs.copied.iter().map(|_| "}".to_owned()).collect();
        if let Some((variable, bound)) = inputs.kept {
            let (sum, sums) = (self.sum(linear), self.carried(linear));
            let first = format!("{}({})", self.sum_type(linear), self.first(linear));
            lines.push(format!("{sum} += {variable} == 0 ? {first} : {sums};"));
            lines.push(format!("{sums} = {sum};"));
            lines.push(format!("if ({variable} == {}) {{", bound - 1));
        }
        lines.join("\n")
    }

    /// The lines that close what [`Scope::outputs`] and [`Scope::end_inputs`] have opened.
    fn end_outputs(&self, linear: &hls::Linear) -> String {
        let (inputs, outputs) = (inputs_of(linear), outputs_of(linear));
        let condition = inputs.kept;
        let open = [inputs.kept, condition, outputs.kept, outputs.copied];
        vec!["}"; open.iter().flatten().count()].join("\n")
    }

    /// What the sum of an output is called.
    fn sum(&self, linear: &hls::Linear) -> &'static str {
        match linear.terms {
            Terms::Xnor(_) => "below",
            _ => "sum",
        }
    }

    fn sum_type(&self, linear: &hls::Linear) -> &str {
        match &linear.terms {
            Terms::Xnor(terms) => self.ty(&terms.count),
            Terms::Signs(hls::Signs { moved: Some(moved), .. }) => self.ty(&moved.sum),
            _ => self.out_type(),
        }
    }

    /// What the sum of output `o` begins with.
    fn first(&self, linear: &hls::Linear) -> String {
        match &linear.terms {
            Terms::Xnor(_) | Terms::Signs(hls::Signs { moved: Some(_), .. }) => "0".to_owned(),
            _ => self.start(linear),
        }
    }

    /// The line that begins the sum of output `o`, or of that part of it that is in a block.
    fn begin(&self, linear: &hls::Linear) -> String {
        let first = match inputs_of(linear).kept {
            Some(_) => "0".to_owned(),
            None => self.first(linear),
        };
        format!("{} {} = {first};", self.sum_type(linear), self.sum(linear))
    }

    /// Where the sum of output `o` is kept from block to block.
    fn carried(&self, linear: &hls::Linear) -> String {
        let lane = outputs_of(linear).copied;
        format!("sums[{}]", row_major(lane.as_slice()))
    }

    /// How the matrix is cut, in words.
    fn blocks(&self, linear: &hls::Linear) -> String {
        format!(
            "In {} blocks of {} x {} weights, one in an iteration.",
            linear.blocks.count(),
            linear.block_inputs(),
            linear.block_outputs()
        )
    }

    /// Where the weight of input `i` and output `o` stands.
    fn entry(&self, linear: &hls::Linear) -> String {
        let (inputs, outputs) = (inputs_of(linear), outputs_of(linear));
        let axes = [outputs.kept, inputs.kept, inputs.copied, outputs.copied];
        row_major(&axes.into_iter().flatten().collect::<Vec<_>>())
    }

    /// What meets row `i` of the weights of output `o`.
    fn operand(&self, linear: &hls::Linear) -> String {
        let Some(hls::Windows { channels, group_channels, group_outputs, .. }) = linear.windows
        else {
            return format!("input[{}]", self.at(&linear.rows, &linear.inputs, "i"));
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

    /// Where output `o` goes.
    fn result(&self, linear: &hls::Linear) -> String {
        match &linear.windows {
            None => self.at(&linear.rows, &linear.outputs, "o"),
            Some(windows) => {
                let columns = windows.window.output[1];
                format!("(row * {columns} + column) * {} + o", linear.outputs)
            }
        }
    }

    /// What the sum of output `o` begins with.
    fn start(&self, linear: &hls::Linear) -> String {
        match &linear.starts {
            Some(starts) => format!("{}[o]", self.constant(starts)),
            None => "0".to_owned(),
        }
    }

    /// `number` at its place; `index` counts the places.
    pub(super) fn moved(
        &self,
        places: &Places,
        number: impl Display,
        index: impl Display,
    ) -> String {
        let mut text = format!("{}({number})", self.ty(&places.wide));
        if places.up > 0 {
            text = format!("{text} << {}", places.up);
        }
        let down = match places.down {
            Down::Same(0) => return text,
            Down::Same(down) => down.to_string(),
            Down::Each(constant) => format!("{}[{index}]", self.constant(&constant)),
        };
        if places.up > 0 {
            text = format!("({text})");
        }
        format!("{text} >> {down}")
    }

    /// The signs that weights have, in words.
    fn signs(&self, signs: &SignCodes) -> &'static str {
        match signs {
            SignCodes::Negative(_) => "1 or -1",
            SignCodes::Sign(_) => "1, 0 or -1",
        }
    }

    /// The operations that a sample takes, in words.
    pub(super) fn operations(&self, operations: &Operations) -> String {
        let parts = [
            (operations.multiplications, "multiplication"),
            (operations.xnors, "comparison of signs"),
            (operations.additions, "addition"),
            (operations.shifts, "shift"),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| match (*count, what.split_once(' ')) {
                (1, _) => format!("1 {what}"),
                (_, None) => format!("{count} {what}s"),
                (_, Some((first, rest))) => format!("{count} {first}s {rest}"),
            })
            .collect();
        match parts.as_slice() {
            [] => "nothing to compute".to_owned(),
            parts => parts.join(", "),
        }
    }
}
