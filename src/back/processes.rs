//! Processes of streaming designs as C++: one template for each form, shared by the dialects.

mod folds;

use askama::Template;

use self::folds::Folds;
use super::BackError;
use super::dialect::Dialect;
use super::text::{comment, indent, literal};
use crate::hls::{
    Design, EdgeId, EdgeKind, LineBuffer, Loop, Partition, Process, ProcessForm, Stream,
};
use crate::ir::{PoolKind, Window};

/// A loop that copies a token in each iteration.
const COPY: Loop = Loop::Pipeline { interval: 1, unroll: 1 };

/// The C++ function of `process`.
pub(super) fn render(
    design: &Design,
    process: &Process,
    dialect: &dyn Dialect,
) -> Result<String, BackError> {
    let cx = Scope { design, process, dialect };
    let text = match &process.form {
        ProcessForm::Rows { tokens } => match Folds::of(design, process) {
            Some(folds) => {
                let steps = *tokens as u64 * folds.count();
                FoldedRowsTemplate { cx, tokens: *tokens, folds, steps }.render()
            }
            None => RowsTemplate { cx, tokens: *tokens }.render(),
        },
        ProcessForm::Fork { tokens } => ForkTemplate { cx, tokens: *tokens }.render(),
        ProcessForm::FromArray { tokens } => FromArrayTemplate { cx, tokens: *tokens }.render(),
        ProcessForm::ToArray { tokens } => ToArrayTemplate { cx, tokens: *tokens }.render(),
        ProcessForm::Reduce { kind, tokens } => {
            ReduceTemplate { cx, tokens: *tokens, is_max: *kind == PoolKind::Max }.render()
        }
        ProcessForm::Frame => FrameTemplate { cx }.render(),
        ProcessForm::Windows(lines) => windows(cx, lines).render(),
    };
    Ok(indent(&text?))
}

#[derive(Template)]
#[template(path = "processes/rows.cpp")]
struct RowsTemplate<'a> {
    cx: Scope<'a>,
    tokens: usize,
}

#[derive(Template)]
#[template(path = "processes/fork.cpp")]
struct ForkTemplate<'a> {
    cx: Scope<'a>,
    tokens: usize,
}

#[derive(Template)]
#[template(path = "processes/from_array.cpp")]
struct FromArrayTemplate<'a> {
    cx: Scope<'a>,
    tokens: usize,
}

#[derive(Template)]
#[template(path = "processes/to_array.cpp")]
struct ToArrayTemplate<'a> {
    cx: Scope<'a>,
    tokens: usize,
}

#[derive(Template)]
#[template(path = "processes/reduce.cpp")]
struct ReduceTemplate<'a> {
    cx: Scope<'a>,
    tokens: usize,
    is_max: bool,
}

#[derive(Template)]
#[template(path = "processes/frame.cpp")]
struct FrameTemplate<'a> {
    cx: Scope<'a>,
}

#[derive(Template)]
#[template(path = "processes/rows_folded.cpp")]
struct FoldedRowsTemplate<'a> {
    cx: Scope<'a>,
    tokens: usize,
    folds: Folds,
    /// Iterations of the process for a sample.
    steps: u64,
}

#[derive(Template)]
#[template(path = "processes/windows.cpp")]
struct WindowsTemplate<'a> {
    cx: Scope<'a>,
    window: Window,
    channels: usize,
    span: [usize; 2],
    grid: [usize; 2],
    /// Rows and columns of a window besides the last.
    rows_above: usize,
    columns_before: usize,
    /// Set if the grid has columns behind the image.
    columns_behind: bool,
    /// Set if windows reach columns before the image.
    shifts_padding: bool,
    element: &'a str,
    /// The value of padding.
    padding: String,
    /// The condition that a pixel is read.
    inside: String,
    /// The condition that a window is complete; empty for always.
    complete: String,
    /// The row and column of a tap among `pixels`.
    row_of: String,
    column_of: String,
    /// The index of channel `c` of a tap in the window.
    entry: String,
    /// Set if accesses to the same element of the rows are far apart, and the loop does not show it.
    is_apart: bool,
    folds: Option<Folds>,
    /// Iterations of the process for a sample.
    steps: u64,
}

/// Columns of an image from which on accesses to the same element of a line buffer are further
/// apart than the cycles from reading to writing it.
const COLUMNS_APART: usize = 8;

fn windows<'a>(cx: Scope<'a>, lines: &'a LineBuffer) -> WindowsTemplate<'a> {
    let window = lines.window;
    let inside = ["y", "x"].into_iter().enumerate().filter_map(|(axis, at)| {
        let size = window.input[axis];
        (lines.grid[axis] > size).then(|| format!("{at} < {size}"))
    });
    let inside = inside.collect::<Vec<_>>().join(" && ");
    let complete = ["y", "x"].into_iter().enumerate().flat_map(|(axis, at)| {
        let (first, stride) = (lines.first(axis), window.stride[axis]);
        let last = first + (window.output[axis] - 1) * stride;
        let from = match first {
            0 => at.to_owned(),
            _ => format!("({at} - {first})"),
        };
        [
            (first > 0).then(|| format!("{at} >= {first}")),
            (last + 1 < lines.grid[axis]).then(|| format!("{at} <= {last}")),
            (stride > 1).then(|| format!("{from} % {stride} == 0")),
        ]
    });
    let complete = complete.flatten().collect::<Vec<_>>().join(" && ");
    let position = |axis: usize, at: &str| match window.dilation[axis] {
        1 => at.to_owned(),
        dilation => format!("{at} * {dilation}"),
    };
    let folds = Folds::of(cx.design, cx.process);
    let group_channels = folds.as_ref().and_then(|folds| folds.group_channels);
    let tap = format!("row * {} + column", window.kernel[1]);
    let grid = (lines.grid[0] * lines.grid[1]) as u64;
    let more = folds.as_ref().map_or(0, |folds| folds.count() - 1);
    let element = &cx.design[lines.element];
    let fraction = element.quantization.format.fractional_bits();
    let code = literal(&lines.padding.code, fraction, &element.name);
    WindowsTemplate {
        window,
        channels: lines.channels,
        span: lines.span,
        grid: lines.grid,
        rows_above: lines.span[0] - 1,
        columns_before: lines.span[1] - 1,
        columns_behind: lines.grid[1] > window.input[1],
        shifts_padding: window.pad_before[1] > 0,
        element: &element.name,
        // Both sides of a conditional operator have this type.
        padding: format!("{}({code})", element.name),
        inside: if inside.is_empty() { "true".to_owned() } else { inside },
        complete,
        row_of: position(0, "row"),
        column_of: position(1, "column"),
        entry: match group_channels {
            // The window of each group is together.
            Some(1) => format!("c * {} + {tap}", window.taps()),
            Some(each) => format!("(c / {each} * {} + {tap}) * {each} + c % {each}", window.taps()),
            None => format!("({tap}) * {} + c", lines.channels),
        },
        is_apart: folds.is_some() && window.input[1] >= COLUMNS_APART,
        steps: grid + window.windows() as u64 * more,
        folds,
        cx,
    }
}

/// A process, as its template asks for it.
struct Scope<'a> {
    design: &'a Design,
    process: &'a Process,
    dialect: &'a dyn Dialect,
}

/// A stream that a process reads or writes.
struct Port<'a> {
    name: String,
    /// A variable for a token of it.
    word: String,
    /// The type of a token.
    token: &'a str,
    lanes: usize,
    tokens: usize,
}

/// An array inside a process.
struct Array<'a> {
    name: &'a str,
    ty: &'a str,
    len: usize,
    partition: Partition,
}

impl<'a> Scope<'a> {
    /// The layer's name, for a comment.
    fn title(&self) -> String {
        comment(&self.process.layer)
    }

    /// The function's declaration.
    fn signature(&self) -> String {
        let vendor = self.dialect.vendor();
        let stream = |port: Port<'_>| format!("{}<{}> &{}", vendor.stream, port.token, port.name);
        let array = |edge: &EdgeId, name: &str| match self.design[*edge].kind {
            EdgeKind::Array(_) => {
                let edge = &self.design[*edge];
                Some(format!("{} {name}[{}]", self.design[edge.element].name, edge.len()))
            }
            EdgeKind::Stream(_) => None,
        };
        let from = self.process.inputs.iter().filter_map(|edge| array(edge, "input"));
        let from = from.map(|array| format!("const {array}"));
        let to = self.process.outputs.iter().filter_map(|edge| array(edge, "output"));
        let streams = self.inputs().into_iter().chain(self.outputs()).map(stream);
        let arguments: Vec<String> = from.chain(streams).chain(to).collect();
        let declaration = format!("static void {}({})", self.process.name, arguments.join(", "));
        let before = vendor.before_process.iter().map(|line| format!("{line}\n"));
        before.collect::<String>() + &declaration
    }

    fn ports(&self, edges: &[EdgeId], name: &str) -> Vec<Port<'a>> {
        let streams = edges.iter().filter_map(|edge| match self.design[*edge].kind {
            EdgeKind::Stream(stream) => Some(stream),
            EdgeKind::Array(_) => None,
        });
        let port = |(position, Stream { token, tokens, .. }): (usize, Stream)| {
            let numbered = |name: &str| match edges.len() {
                1 => name.to_owned(),
                _ => format!("{name}_{}", position + 1),
            };
            let (name, word) = (numbered(name), numbered("token"));
            let token = &self.design[token];
            Port { name, word, token: &token.name, lanes: token.lanes, tokens }
        };
        streams.enumerate().map(port).collect()
    }

    fn inputs(&self) -> Vec<Port<'a>> {
        self.ports(&self.process.inputs, "input")
    }

    fn outputs(&self) -> Vec<Port<'a>> {
        self.ports(&self.process.outputs, "output")
    }

    /// The first input.
    fn input(&self) -> Port<'a> {
        self.inputs().swap_remove(0)
    }

    /// The first output.
    fn output(&self) -> Port<'a> {
        self.outputs().swap_remove(0)
    }

    /// The name of the kernel.
    fn kernel(&self) -> &'a str {
        self.process.kernel.map_or("", |id| &self.design[id].name)
    }

    fn has_kernel(&self) -> bool {
        self.process.kernel.is_some()
    }

    /// The arrays of operands and result, the result last; one for both without a kernel.
    fn arrays(&self) -> Vec<Array<'a>> {
        let design = self.design;
        match self.process.kernel {
            Some(id) => {
                let kernel = &design[id];
                let edges = kernel.inputs.iter().chain([&kernel.output]);
                let arrays = edges.filter_map(|edge| {
                    let edge = &design[*edge];
                    let EdgeKind::Array(partition) = edge.kind else { return None };
                    let ty = &design[edge.element].name;
                    Some(Array { name: &edge.name, ty, len: edge.len(), partition })
                });
                arrays.collect()
            }
            None => {
                let edge = &design[self.process.inputs[0]];
                let (ty, len) = (design[edge.element].name.as_str(), edge.len());
                vec![Array { name: "values", ty, len, partition: Partition::Complete }]
            }
        }
    }

    /// The array of the first operand.
    fn operand_array(&self) -> Array<'a> {
        self.arrays().swap_remove(0)
    }

    fn array_of(&self, position: &usize) -> Array<'a> {
        self.arrays().swap_remove(*position)
    }

    fn result_array(&self) -> Array<'a> {
        self.arrays().pop().expect("a process has an array")
    }

    fn array_names(&self) -> String {
        self.arrays().iter().map(|array| array.name).collect::<Vec<_>>().join(", ")
    }

    fn at_array(&self, array: &Array<'_>) -> String {
        self.dialect.at_array(array.name, array.partition).join("\n")
    }

    /// The pragmas of an array of registers.
    fn at_registers(&self, name: &str) -> String {
        self.dialect.at_array(name, Partition::Complete).join("\n")
    }

    /// The pragmas of the rows of a line buffer.
    fn at_lines(&self, is_apart: &bool) -> String {
        self.dialect.at_lines("lines", *is_apart).join("\n")
    }

    /// The pragmas before the loop over tokens.
    fn before_tokens(&self) -> String {
        self.dialect.before_loop(self.process.plan)
    }

    fn in_tokens(&self) -> String {
        self.dialect.in_loop(self.process.plan)
    }

    /// The pragmas before a loop that copies a token in each iteration.
    fn before_copy(&self) -> String {
        self.dialect.before_loop(COPY)
    }

    fn in_copy(&self) -> String {
        self.dialect.in_loop(COPY)
    }

    fn before_unrolled(&self) -> String {
        self.dialect.before_loop(Loop::Unroll)
    }

    fn in_unrolled(&self) -> String {
        self.dialect.in_loop(Loop::Unroll)
    }
}
