//! Kernels as C++: one template each, shared by the dialects.

use std::fmt::Display;

use askama::Template;

use super::BackError;
use super::dialect::Dialect;
use super::literal::literal;
use super::text::{comment, indent};
use crate::hls::{
    self, Body, ConstantId, Design, Down, EdgeId, Factors, Kernel, Number, Operations, Places,
    SignCodes, Slopes, Terms, TypeId,
};

/// The C++ function of `kernel`.
pub(super) fn render(
    design: &Design,
    kernel: &Kernel,
    dialect: &dyn Dialect,
) -> Result<String, BackError> {
    let cx = Scope { design, kernel, dialect };
    let text = match &kernel.body {
        Body::Linear(body) => match &body.terms {
            Terms::Products(terms) => ProductsKernel { cx, body, terms }.render(),
            Terms::Signs(terms) => SignsKernel { cx, body, terms }.render(),
            Terms::Shifts(terms) => ShiftsKernel { cx, body, terms }.render(),
            Terms::Xnor(terms) => XnorKernel { cx, body, terms }.render(),
        },
        Body::Affine(body) => AffineKernel { cx, body }.render(),
        Body::Convert(body) => ConvertKernel { cx, body }.render(),
        Body::Clamp(body) => ClampKernel { cx, body }.render(),
        Body::Leaky(body) => LeakyKernel { cx, body }.render(),
        Body::Scale(body) => ScaleKernel { cx, body }.render(),
        Body::Steps(body) => StepsKernel { cx, body }.render(),
        Body::Table(body) => TableKernel { cx, body }.render(),
        Body::Search(body) => SearchKernel { cx, body }.render(),
        Body::Softmax(body) => SoftmaxKernel { cx, body }.render(),
    };
    Ok(indent(&text?))
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
        let array = |edge: EdgeId, name| {
            let edge = &self.design[edge];
            format!("{} {name}[{}]", self.ty(&edge.element), edge.len())
        };
        let input = array(self.kernel.input, "input");
        let output = array(self.kernel.output, "output");
        format!("static void {}(const {input}, {output}) {{", self.kernel.name)
    }

    /// The lines that begin the function's body.
    fn pragmas(&self) -> String {
        let constants = self.kernel.body.constants_read_at_once();
        let names: Vec<&str> = constants.iter().map(|id| self.constant(id)).collect();
        self.dialect.in_kernel(self.kernel, &names).join("\n")
    }

    /// The lines that open a loop whose copies run at once.
    fn open(&self, label: &str, variable: &str, bound: impl Display) -> String {
        let range = format!("int {variable} = 0; {variable} < {bound}; {variable}++");
        self.open_range(label, &range)
    }

    /// The same, counting down from `bound` - 1 to 0.
    fn open_down(&self, label: &str, variable: &str, bound: &u32) -> String {
        let range = format!("int {variable} = {}; {variable} >= 0; {variable}--", bound - 1);
        self.open_range(label, &range)
    }

    fn open_range(&self, label: &str, range: &str) -> String {
        let mut lines: Vec<String> =
            self.dialect.before_loop().iter().map(|line| line.to_string()).collect();
        lines.push(format!("{label}: for ({range}) {{"));
        lines.extend(self.dialect.in_loop().iter().map(|line| line.to_string()));
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

    fn ty(&self, id: &TypeId) -> &str {
        &self.design[*id].name
    }

    fn in_type(&self) -> &str {
        self.ty(&self.design[self.kernel.input].element)
    }

    fn out_type(&self) -> &str {
        self.ty(&self.design[self.kernel.output].element)
    }

    fn constant(&self, id: &ConstantId) -> &str {
        &self.design[*id].name
    }

    /// The number of channel `c`.
    fn factor(&self, factors: &Factors) -> String {
        let channel = if factors.by_channel { "c" } else { "0" };
        format!("{}[{channel}]", self.constant(&factors.constant))
    }

    /// The slope of element `n`.
    fn slope(&self, leaky: &hls::Leaky) -> String {
        let slopes = self.constant(&leaky.slopes);
        match leaky.by {
            Slopes::One => format!("{slopes}[0]"),
            Slopes::Channels(channels) => format!("{slopes}[n % {channels}]"),
            Slopes::Elements => format!("{slopes}[n]"),
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
        self.dialect.code(variable, *width)
    }

    fn local_array(&self, name: &str) -> String {
        self.dialect.at_local_array(name).join("\n")
    }
}

/// What only the templates of [`hls::Linear`] ask for.
impl Scope<'_> {
    /// Where the weight of input `i` and output `o` stands.
    fn entry(&self, linear: &hls::Linear) -> String {
        format!("i * {} + o", linear.outputs)
    }

    /// The operand's element `i` of the current row.
    fn operand(&self, linear: &hls::Linear) -> String {
        format!("input[{}]", self.at(&linear.rows, &linear.inputs, "i"))
    }

    /// What the sum of output `o` begins with.
    fn start(&self, linear: &hls::Linear) -> String {
        match &linear.starts {
            Some(starts) => format!("{}[o]", self.constant(starts)),
            None => "0".to_owned(),
        }
    }

    /// `number` at its place; `index` counts the places.
    fn moved(&self, places: &Places, number: impl Display, index: impl Display) -> String {
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
    fn operations(&self, operations: &Operations) -> String {
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
