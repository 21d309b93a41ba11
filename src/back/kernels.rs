//! Kernels as C++: one template each, shared by the dialects.

mod accumulate;
mod gather;
mod linear;

use std::borrow::Borrow;
use std::fmt::Display;

use askama::Template;

pub(super) use accumulate::{AccumulatedSums, sums};

use super::BackError;
use super::dialect::Dialect;
use super::text::{comment, indent, literal, operations, whole_lines};
use crate::hls::{
    self, Bias, Body, ConstantId, Design, EdgeId, FactorSigns, Factors, Kernel, Loop, Number,
    Partition, RightShift, Shifter, SignCodes, Slopes, TypeId,
};
use crate::ir;

/// Renders the template of a kernel: `cx` is what every template may ask for, `body` the kernel's
/// own.
macro_rules! render {
    ($cx:expr, $body:expr, $kernel:ty, $path:tt) => {{
        #[derive(Template)]
        #[template(path = $path)]
        struct KernelTemplate<'a> {
            cx: Scope<'a>,
            body: &'a $kernel,
        }
        KernelTemplate { cx: $cx, body: $body }.render()
    }};
}

/// The C++ function of `kernel`.
pub(super) fn render(
    design: &Design,
    kernel: &Kernel,
    dialect: &dyn Dialect,
) -> Result<String, BackError> {
    let cx = Scope { design, kernel, dialect };
    let text = match &kernel.body {
        Body::Linear(body) => linear::render(cx, body),
        Body::Accumulate(body) => accumulate::render(cx, body),
        Body::Affine(body) => render!(cx, body, hls::AffineKernel, "kernels/affine.cpp"),
        Body::Cast => CastTemplate { cx }.render(),
        Body::ChannelCast(body) => {
            render!(cx, body, hls::ChannelCastKernel, "kernels/channel_cast.cpp")
        }
        Body::Clamp(body) => render!(cx, body, hls::ClampKernel, "kernels/clamp.cpp"),
        Body::Leaky(body) => render!(cx, body, hls::LeakyKernel, "kernels/leaky.cpp"),
        Body::Scale(body) => render!(cx, body, Factors, "kernels/scale.cpp"),
        Body::Comparators(body) => {
            render!(cx, body, hls::ComparatorKernel, "kernels/comparators.cpp")
        }
        Body::Table(body) => render!(cx, body, hls::TableKernel, "kernels/table.cpp"),
        Body::Search(body) => render!(cx, body, hls::SearchKernel, "kernels/search.cpp"),
        Body::Lookup(body) => render!(cx, body, hls::LookupKernel, "kernels/lookup.cpp"),
        Body::Softmax(body) => render!(cx, body, hls::SoftmaxKernel, "kernels/softmax.cpp"),
        Body::Pool(body) => {
            let window = &body.window;
            let is_one = window.is_whole() && kernel.plan.is_unrolled();
            let reads_all = (3..=4).all(|level| kernel.plan.loop_at(level) == Loop::Unroll);
            let tree = (body.lowest.is_some() && reads_all).then(|| body.levels());
            PoolTemplate { cx, body, is_one, tree }.render()
        }
        Body::Gather(body) => gather::render(cx, body),
        Body::Concat(body) => render!(cx, body, hls::ConcatKernel, "kernels/concat.cpp"),
        Body::Elementwise(body) => {
            render!(cx, body, hls::ElementwiseKernel, "kernels/elementwise.cpp")
        }
    };
    Ok(indent(&text?))
}

/// The functions that the kernels of `design` call.
pub(super) fn helpers(design: &Design, dialect: &dyn Dialect) -> Result<Vec<String>, BackError> {
    let is_folded = design.kernels.iter().any(|kernel| kernel.plan.folds > 1);
    let rotate = is_folded.then(|| RotateTemplate { dialect }.render()).transpose()?;
    Ok(rotate.iter().map(|text| indent(text)).collect())
}

#[derive(Template)]
#[template(path = "kernels/rotate.cpp")]
struct RotateTemplate<'a> {
    dialect: &'a dyn Dialect,
}

impl RotateTemplate<'_> {
    /// The lines that begin the function's body.
    fn inlined(&self) -> String {
        whole_lines(self.dialect.inlined())
    }

    /// The declaration of the values that move, whose number is an argument of the C++ template.
    fn first(&self) -> String {
        let pragmas = self.dialect.at_array("first", usize::MAX, Partition::Complete);
        self.dialect.declare("T first[BY];".to_owned(), pragmas)
    }

    fn before_unrolled(&self) -> String {
        self.dialect.before_loop(Loop::Unroll)
    }

    fn inside_unrolled(&self) -> String {
        self.dialect.in_loop(Loop::Unroll)
    }
}

#[derive(Template)]
#[template(path = "kernels/cast.cpp")]
struct CastTemplate<'a> {
    cx: Scope<'a>,
}

#[derive(Template)]
#[template(path = "kernels/pool.cpp")]
struct PoolTemplate<'a> {
    cx: Scope<'a>,
    body: &'a hls::PoolKernel,
    /// Set if the operand is one window.
    is_one: bool,
    /// The levels of a tree of comparisons over all taps at once, if it compares them so.
    tree: Option<Vec<(usize, usize)>>,
}

impl PoolTemplate<'_> {
    /// The tap at the current row and column of the window.
    fn tap(&self) -> String {
        let (row, column) = if self.is_one { ("y", "x") } else { ("tap_row", "tap_column") };
        format!("taps[{row} * {} + {column}]", self.body.window.kernel[1])
    }

    /// The variable of the result of a window.
    fn largest_or_sum(&self) -> &'static str {
        if self.tree.is_some() { "taps[0]" } else { "result" }
    }
}

/// `name * factor`.
fn times(name: &str, factor: usize) -> String {
    match factor {
        1 => name.to_owned(),
        _ => format!("{name} * {factor}"),
    }
}

/// A kernel, as its template asks for it.
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

    /// The function's name.
    fn name(&self) -> &str {
        &self.kernel.name
    }

    /// The function's declaration.
    fn signature(&self) -> String {
        let array = |edge: EdgeId, name: &str| {
            let edge = &self.design[edge];
            format!("{} {name}[{}]", self.ty(&edge.element), edge.len())
        };
        let inputs = self.kernel.inputs.iter().zip(self.inputs());
        let inputs = inputs.map(|(edge, name)| format!("const {}", array(*edge, &name)));
        let output = array(self.kernel.output, "output");
        let position = self.kernel.takes_position().then(|| "const int position".to_owned());
        let arguments: Vec<String> = inputs.chain([output]).chain(position).collect();
        format!("static void {}({})", self.kernel.name, arguments.join(", "))
    }

    /// Number of elements of the result.
    fn elements(&self) -> usize {
        self.design[self.kernel.output].len()
    }

    /// The argument of operand `position`.
    fn input(&self, position: &usize) -> String {
        match self.kernel.inputs.len() {
            1 => "input".to_owned(),
            _ => format!("input_{}", position + 1),
        }
    }

    /// The arguments of all operands.
    fn inputs(&self) -> Vec<String> {
        (0..self.kernel.inputs.len()).map(|position| self.input(&position)).collect()
    }

    /// The lines that begin the function's body.
    fn pragmas(&self) -> String {
        whole_lines(self.dialect.in_kernel(self.design, self.kernel))
    }

    /// The pragmas before the loop with `level` loops around it.
    fn before(&self, level: impl Borrow<usize>) -> String {
        self.before_loop(self.kernel.plan.loop_at(*level.borrow()))
    }

    /// The pragmas inside that loop.
    fn inside(&self, level: impl Borrow<usize>) -> String {
        self.inside_loop(self.kernel.plan.loop_at(*level.borrow()))
    }

    /// The pragmas before a loop that is always unrolled.
    fn before_unrolled(&self) -> String {
        self.before_loop(Loop::Unroll)
    }

    /// The pragmas inside such a loop.
    fn inside_unrolled(&self) -> String {
        self.inside_loop(Loop::Unroll)
    }

    fn before_loop(&self, plan: Loop) -> String {
        self.dialect.before_loop(plan)
    }

    fn inside_loop(&self, plan: Loop) -> String {
        self.dialect.in_loop(plan)
    }

    /// The index of `column` in the current row.
    fn at(&self, rows: &usize, columns: &usize, column: &str) -> String {
        match (*rows, column) {
            (1, _) => column.to_owned(),
            (_, "0") => format!("row * {columns}"),
            _ => format!("row * {columns} + {column}"),
        }
    }

    /// The position along `axis` of the current tap, in the window at index `of`.
    fn tap(&self, window: &ir::Window, axis: usize, of: &str) -> String {
        let mut position = times(of, window.stride[axis]);
        position += &format!(" + {}", times(&format!("tap_{of}"), window.dilation[axis]));
        if window.pad_before[axis] > 0 {
            position += &format!(" - {}", window.pad_before[axis]);
        }
        position
    }

    /// The condition that the tap at (`y`, `x`) lies on an element.
    fn present(&self, window: &ir::Window) -> String {
        let mut conditions = Vec::new();
        for (axis, name) in ["y", "x"].into_iter().enumerate() {
            let dilation = window.input_dilation[axis];
            conditions.push(format!("{name} >= 0"));
            conditions.push(format!("{name} < {}", window.input[axis] * dilation));
            if dilation > 1 {
                conditions.push(format!("{name} % {dilation} == 0"));
            }
        }
        conditions.join(" && ")
    }

    /// The element of channel `channel` at (`y`, `x`).
    fn element(&self, window: &ir::Window, channels: &usize, channel: &str) -> String {
        let index = |axis: usize, name: &str| match window.input_dilation[axis] {
            1 => name.to_owned(),
            dilation => format!("{name} / {dilation}"),
        };
        let (y, x) = (index(0, "y"), index(1, "x"));
        format!("input[({y} * {} + {x}) * {channels} + {channel}]", window.input[1])
    }

    /// The operations of a sample: `: 12 multiplications, 3 additions`; empty for none.
    fn cost(&self) -> String {
        operations(&self.kernel.cost.operations)
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

    fn type_of(&self, id: &ConstantId) -> &str {
        self.ty(&self.design[*id].element)
    }

    /// Factors in words.
    fn kind(&self, factors: &Factors) -> &'static str {
        match factors {
            Factors::Numbers { .. } => "a factor",
            Factors::Powers { .. } => "a power of two",
        }
    }

    /// The element at `index`.
    fn input_at(&self, index: &str) -> String {
        format!("input[{index}]")
    }

    /// The index of a number of channel `c`.
    fn channel(&self, by_channel: &bool) -> String {
        match by_channel {
            true if self.kernel.takes_position() => format!("position * {} + c", self.elements()),
            true => "c".to_owned(),
            false => "0".to_owned(),
        }
    }

    /// The bias of channel `c`; empty for none.
    fn bias(&self, bias: &Option<Bias>) -> String {
        bias.as_ref().map_or(String::new(), |bias| {
            format!("{}[{}]", self.constant(&bias.constant), self.channel(&bias.by_channel))
        })
    }

    /// The bias below a threshold; empty for none.
    fn bias_below(&self, bias: &Option<Number>) -> &'static str {
        if bias.is_some() { "bias" } else { "" }
    }

    /// A shifted number, plus the bias if there is one.
    fn plus(&self, bias: &str) -> String {
        if bias.is_empty() { "shifted".to_owned() } else { format!("shifted + {bias}") }
    }

    /// Minus a shifted number, plus the bias if there is one.
    fn minus(&self, bias: &str) -> String {
        if bias.is_empty() { "-shifted".to_owned() } else { format!("{bias} - shifted") }
    }

    /// `number`, shifted; `index` is that of its right shift.
    fn shifted(&self, shift: &Shifter, number: impl Display, index: impl Display) -> String {
        let mut text = format!("{}({number})", self.ty(&shift.element));
        if shift.left > 0 {
            text = format!("{text} << {}", shift.left);
        }
        let right = match shift.right {
            RightShift::Same(0) => return text,
            RightShift::Same(right) => right.to_string(),
            RightShift::Each(constant) => format!("{}[{index}]", self.constant(&constant)),
        };
        if shift.left > 0 {
            text = format!("({text})");
        }
        format!("{text} >> {right}")
    }

    /// The index of the slope of element `n`.
    fn slope(&self, by: &Slopes) -> String {
        match by {
            Slopes::One => "0".to_owned(),
            Slopes::Channels(channels) => format!("n % {channels}"),
            Slopes::Elements => "n".to_owned(),
        }
    }

    fn number(&self, number: &Number) -> String {
        let element = &self.design[number.element];
        literal(&number.code, element.quantization.format.fractional_bits(), &element.name)
    }

    fn unsigned(&self, width: &u32) -> String {
        self.dialect.integer(*width, false)
    }

    /// An integer of one bit.
    fn bit(&self) -> String {
        self.dialect.integer(1, false)
    }

    /// An integer from 0 to `most`.
    fn count(&self, most: &u32) -> String {
        self.dialect.counter(*most as usize)
    }

    /// All bits of the fixed-point `variable` of the type `id` as an integer called `address`.
    fn address(&self, variable: &str, id: &TypeId) -> String {
        let width = self.design[*id].quantization.format.width();
        let bits = self.bits(variable, 0, &width);
        format!("const {} address = {bits};", self.unsigned(&width))
    }

    fn bits(&self, variable: &str, low: impl Borrow<u32>, width: &u32) -> String {
        self.dialect.bits(variable, *low.borrow(), *width)
    }

    /// The declaration of an array of registers.
    fn registers(&self, ty: &str, name: &str, len: impl Borrow<usize>) -> String {
        self.dialect.declare_registers(ty, name, &[*len.borrow()])
    }

    /// The declaration of the array `name` with elements of the type `ty`.
    fn array(&self, ty: &str, name: &str) -> String {
        let array = self.kernel.plan.arrays.iter().find(|array| array.name == name);
        let array = array.expect("the plan has every array that a template declares");
        let pragmas = self.dialect.at_array(name, array.len, array.partition);
        self.dialect.declare_array(ty, name, &[array.len], pragmas)
    }
}
