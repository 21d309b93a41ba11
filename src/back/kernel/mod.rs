//! Kernels as C++: one template each, shared by the dialects.

mod linear;

use std::fmt::Display;

use askama::Template;

use super::BackError;
use super::dialect::{Dialect, Run};
use super::literal::literal;
use super::text::{comment, indent};
use crate::hls::{
    self, Body, ConstantId, Design, EdgeId, FactorSigns, Factors, Kernel, Loops, Number, Offsets,
    Partition, SignCodes, Slopes, TypeId,
};
use crate::ir;

/// The C++ function of `kernel`.
pub(super) fn render(
    design: &Design,
    kernel: &Kernel,
    dialect: &dyn Dialect,
) -> Result<String, BackError> {
    let cx = Scope { design, kernel, dialect };
    let text = match &kernel.body {
        Body::Linear(body) => linear::render(cx, body),
        Body::Affine(body) => AffineKernel { cx, body }.render(),
        Body::Convert(body) => ConvertKernel { cx, body }.render(),
        Body::Clamp(body) => ClampKernel { cx, body }.render(),
        Body::Leaky(body) => LeakyKernel { cx, body }.render(),
        Body::Scale(body) => ScaleKernel { cx, body }.render(),
        Body::Steps(body) => StepsKernel { cx, body }.render(),
        Body::Table(body) => TableKernel { cx, body }.render(),
        Body::Search(body) => SearchKernel { cx, body }.render(),
        Body::Softmax(body) => SoftmaxKernel { cx, body }.render(),
        Body::Pool(body) => PoolKernel { cx, body }.render(),
        Body::Gather(body) => GatherKernel { cx, body }.render(),
        Body::Concat(body) => ConcatKernel { cx, body }.render(),
        Body::Merge(body) => MergeKernel { cx, body }.render(),
    };
    Ok(indent(&text?))
}

#[derive(Template)]
#[template(path = "kernels/affine.cpp")]
struct AffineKernel<'a> {
    cx: Scope<'a>,
    body: &'a hls::Affine,
}

#[derive(Template)]
#[template(path = "kernels/convert.cpp")]
struct ConvertKernel<'a> {
    cx: Scope<'a>,
    body: &'a hls::Convert,
}

#[derive(Template)]
#[template(path = "kernels/clamp.cpp")]
struct ClampKernel<'a> {
    cx: Scope<'a>,
    body: &'a hls::Clamp,
}

#[derive(Template)]
#[template(path = "kernels/leaky.cpp")]
struct LeakyKernel<'a> {
    cx: Scope<'a>,
    body: &'a hls::Leaky,
}

#[derive(Template)]
#[template(path = "kernels/scale.cpp")]
struct ScaleKernel<'a> {
    cx: Scope<'a>,
    body: &'a hls::Scale,
}

#[derive(Template)]
#[template(path = "kernels/steps.cpp")]
struct StepsKernel<'a> {
    cx: Scope<'a>,
    body: &'a hls::Steps,
}

#[derive(Template)]
#[template(path = "kernels/table.cpp")]
struct TableKernel<'a> {
    cx: Scope<'a>,
    body: &'a hls::Table,
}

#[derive(Template)]
#[template(path = "kernels/search.cpp")]
struct SearchKernel<'a> {
    cx: Scope<'a>,
    body: &'a hls::Search,
}

#[derive(Template)]
#[template(path = "kernels/softmax.cpp")]
struct SoftmaxKernel<'a> {
    cx: Scope<'a>,
    body: &'a hls::Softmax,
}

#[derive(Template)]
#[template(path = "kernels/pool.cpp")]
struct PoolKernel<'a> {
    cx: Scope<'a>,
    body: &'a hls::Pool,
}

#[derive(Template)]
#[template(path = "kernels/gather.cpp")]
struct GatherKernel<'a> {
    cx: Scope<'a>,
    body: &'a hls::Gather,
}

#[derive(Template)]
#[template(path = "kernels/concat.cpp")]
struct ConcatKernel<'a> {
    cx: Scope<'a>,
    body: &'a hls::Concat,
}

#[derive(Template)]
#[template(path = "kernels/merge.cpp")]
struct MergeKernel<'a> {
    cx: Scope<'a>,
    body: &'a hls::Merge,
}

/// The range of a loop.
fn up_to(variable: &str, bound: impl Display) -> String {
    format!("int {variable} = 0; {variable} < {bound}; {variable}++")
}

/// `name * factor`.
fn times(name: &str, factor: usize) -> String {
    match factor {
        1 => name.to_owned(),
        _ => format!("{name} * {factor}"),
    }
}

/// What a kernel's template may ask for.
struct Scope<'a> {
    design: &'a Design,
    kernel: &'a Kernel,
    dialect: &'a dyn Dialect,
}

impl Scope<'_> {
    /// The layer's name, for a comment.
    fn title(&self) -> String {
        comment(&self.kernel.layer)
    }

    /// The line that opens the function.
    fn signature(&self) -> String {
        let array = |edge: EdgeId, name: &str| {
            let edge = &self.design[edge];
            format!("{} {name}[{}]", self.ty(&edge.element), edge.len())
        };
        let inputs = self.kernel.inputs.iter().zip(self.inputs());
        let inputs = inputs.map(|(edge, name)| format!("const {}", array(*edge, &name)));
        let output = array(self.kernel.output, "output");
        let arguments: Vec<String> = inputs.chain([output]).collect();
        format!("static void {}({}) {{", self.kernel.name, arguments.join(", "))
    }

    /// What the argument that carries operand `position` is called.
    fn input(&self, position: &usize) -> String {
        match self.kernel.inputs.len() {
            1 => "input".to_owned(),
            _ => format!("input_{}", position + 1),
        }
    }

    /// What the arguments that the function reads are called.
    fn inputs(&self) -> Vec<String> {
        (0..self.kernel.inputs.len()).map(|position| self.input(&position)).collect()
    }

    /// The lines that begin the function's body.
    fn pragmas(&self) -> String {
        self.dialect.in_kernel(self.design, self.kernel).join("\n")
    }

    /// The lines that open a loop whose copies run at once.
    fn open(&self, label: impl Display, variable: &str, bound: impl Display) -> String {
        self.open_as(Run::Unrolled, label, &up_to(variable, bound))
    }

    /// The same, counting down from `bound` - 1 to 0.
    fn open_down(&self, label: &str, variable: &str, bound: &u32) -> String {
        let range = format!("int {variable} = {}; {variable} >= 0; {variable}--", bound - 1);
        self.open_as(Run::Unrolled, label, &range)
    }

    /// The lines that open the kernel's outermost loop, which a large kernel keeps.
    fn outer(&self, label: impl Display, variable: &str, bound: impl Display) -> String {
        self.level(0, label, variable, bound)
    }

    /// The lines that open a loop with `level` loops around it.
    fn level(
        &self,
        level: usize,
        label: impl Display,
        variable: &str,
        bound: impl Display,
    ) -> String {
        let run = match self.kernel.loops {
            Loops::Pipelined { depth, .. } if level + 1 < depth => Run::Around,
            Loops::Pipelined { depth, interval, parallel, .. } if level + 1 == depth => {
                Run::Pipelined { interval, parallel }
            }
            Loops::Unrolled | Loops::Pipelined { .. } => Run::Unrolled,
        };
        self.open_as(run, label, &up_to(variable, bound))
    }

    fn open_as(&self, run: Run, label: impl Display, range: &str) -> String {
        let mut lines = self.dialect.before_loop(run);
        lines.push(format!("{label}: for ({range}) {{"));
        lines.extend(self.dialect.in_loop(run));
        lines.join("\n")
    }

    /// The place of `column` in the current row.
    fn at(&self, rows: &usize, columns: &usize, column: &str) -> String {
        match (*rows, column) {
            (1, _) => column.to_owned(),
            (_, "0") => format!("row * {columns}"),
            _ => format!("row * {columns} + {column}"),
        }
    }

    /// The lines that say where the tap (`tap_row`, `tap_column`) of the window (`row`, `column`)
    /// lies.
    fn tap(&self, window: &ir::Window) -> String {
        let place = |axis: usize, name: &str, of: &str| {
            let mut place = times(of, window.stride[axis]);
            place += &format!(" + {}", times(&format!("tap_{of}"), window.dilation[axis]));
            if window.pad_before[axis] > 0 {
                place += &format!(" - {}", window.pad_before[axis]);
            }
            format!("const int {name} = {place};")
        };
        [place(0, "y", "row"), place(1, "x", "column")].join("\n")
    }

    /// Whether that tap lies on an element.
    fn present(&self, window: &ir::Window) -> String {
        let mut conditions = Vec::new();
        for (axis, name) in ["y", "x"].into_iter().enumerate() {
            let spread = window.input_dilation[axis];
            conditions.push(format!("{name} >= 0"));
            conditions.push(format!("{name} < {}", window.input[axis] * spread));
            if spread > 1 {
                conditions.push(format!("{name} % {spread} == 0"));
            }
        }
        conditions.join(" && ")
    }

    /// The element of channel `channel` that it lies on.
    fn element(&self, window: &ir::Window, channels: &usize, channel: &str) -> String {
        let place = |axis: usize, name: &str| match window.input_dilation[axis] {
            1 => name.to_owned(),
            spread => format!("{name} / {spread}"),
        };
        let (y, x) = (place(0, "y"), place(1, "x"));
        format!("input[({y} * {} + {x}) * {channels} + {channel}]", window.input[1])
    }

    /// Places of elements, some on each line; -1 where there is none.
    fn places(&self, places: &[Option<usize>]) -> String {
        const A_LINE: usize = 16;
        let text = |place: &Option<usize>| place.map_or("-1".to_owned(), |p| p.to_string());
        let line = |line: &[Option<usize>]| line.iter().map(text).collect::<Vec<_>>().join(", ");
        places.chunks(A_LINE).map(line).collect::<Vec<_>>().join(",\n")
    }

    fn ty(&self, id: &TypeId) -> &str {
        &self.design[*id].name
    }

    fn in_type(&self) -> &str {
        self.kernel.inputs.first().map_or("", |edge| self.ty(&self.design[*edge].element))
    }

    fn out_type(&self) -> &str {
        self.ty(&self.design[self.kernel.output].element)
    }

    fn constant(&self, id: &ConstantId) -> &str {
        &self.design[*id].name
    }

    /// What factors are, in words.
    fn kind(&self, factors: &Factors) -> &'static str {
        match factors {
            Factors::Numbers(_) => "a factor",
            Factors::Powers(_) => "a power of two",
        }
    }

    /// The element at `place`.
    fn input_at(&self, place: &str) -> String {
        format!("input[{place}]")
    }

    /// Where the number of channel `c` stands.
    fn channel(&self, by_channel: &bool) -> &'static str {
        if *by_channel { "c" } else { "0" }
    }

    /// The offset of channel `c`; nothing where there is none.
    fn offset(&self, offsets: &Option<Offsets>) -> String {
        offsets.as_ref().map_or(String::new(), |offsets| {
            format!("{}[{}]", self.constant(&offsets.constant), self.channel(&offsets.by_channel))
        })
    }

    /// The offset below a threshold; nothing where there is none.
    fn offset_below(&self, offset: &Option<Number>) -> &'static str {
        if offset.is_some() { "offset" } else { "" }
    }

    /// A number that has moved, plus the offset if there is one.
    fn plus(&self, offset: &str) -> String {
        if offset.is_empty() { "moved".to_owned() } else { format!("moved + {offset}") }
    }

    /// Minus a number that has moved, plus the offset if there is one.
    fn minus(&self, offset: &str) -> String {
        if offset.is_empty() { "-moved".to_owned() } else { format!("{offset} - moved") }
    }

    /// Where the slope of element `n` stands.
    fn slope(&self, by: &Slopes) -> String {
        match by {
            Slopes::One => "0".to_owned(),
            Slopes::Channels(channels) => format!("n % {channels}"),
            Slopes::Elements => "n".to_owned(),
        }
    }

    fn number(&self, number: &Number) -> String {
        let element = &self.design[number.element];
        literal(&number.code, element.quantization.format.fraction(), &element.name)
    }

    fn unsigned(&self, width: &u32) -> String {
        self.dialect.integer(*width, false)
    }

    /// An integer of one bit.
    fn bit(&self) -> String {
        self.dialect.integer(1, false)
    }

    fn code(&self, variable: &str, width: &u32) -> String {
        self.dialect.bits(variable, 0, *width)
    }

    fn bits(&self, variable: &str, low: &u32, width: &u32) -> String {
        self.dialect.bits(variable, *low, *width)
    }

    /// The lines behind the declaration of an array in the function.
    fn local_array(&self, name: &str, len: &usize, factor: usize) -> String {
        self.dialect.at_array(name, Partition::of(*len, factor as u64)).join("\n")
    }
}
