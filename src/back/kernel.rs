//! Kernels as C++: one template each, shared by the dialects.

use std::fmt::Display;

use askama::Template;

use super::BackError;
use super::dialect::Dialect;
use super::literal::literal;
use super::text::{comment, indent};
use crate::hls::{self, Body, ConstantId, Design, EdgeId, Factors, Kernel, Number, Slopes, TypeId};

/// The C++ function of `kernel`.
pub(super) fn render(
    design: &Design,
    kernel: &Kernel,
    dialect: &dyn Dialect,
) -> Result<String, BackError> {
    let cx = Scope { design, kernel, dialect };
    let text = match &kernel.body {
        Body::Linear(body) => LinearKernel { cx, body }.render(),
        Body::Affine(body) => AffineKernel { cx, body }.render(),
        Body::Convert(body) => ConvertKernel { cx, body }.render(),
        Body::Clamp(body) => ClampKernel { cx, body }.render(),
        Body::Leaky(body) => LeakyKernel { cx, body }.render(),
        Body::Scale(body) => ScaleKernel { cx, body }.render(),
        Body::Steps(body) => StepsKernel { cx, body }.render(),
        Body::Table(body) => TableKernel { cx, body }.render(),
        Body::Softmax(body) => SoftmaxKernel { cx, body }.render(),
    };
    Ok(indent(&text?))
}

#[derive(Template)]
#[template(path = "kernels/linear.cpp")]
struct LinearKernel<'a> {
    cx: Scope<'a>,
    body: &'a hls::Linear,
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
        let constants: Vec<ConstantId> = match &self.kernel.body {
            Body::Linear(linear) => std::iter::once(linear.weights).chain(linear.biases).collect(),
            Body::Affine(affine) => {
                let factors = std::iter::once(&affine.scales).chain(&affine.offsets);
                factors.map(|factors| factors.constant).collect()
            }
            Body::Leaky(leaky) => vec![leaky.slopes],
            _ => Vec::new(),
        };
        let constants: Vec<&str> =
            constants.iter().map(|constant| self.design[*constant].name.as_str()).collect();
        self.dialect.in_kernel(self.kernel, &constants).join("\n")
    }

    /// The lines that open a loop whose copies run at once.
    fn open(&self, label: &str, variable: &str, bound: impl Display) -> String {
        let mut lines: Vec<String> =
            self.dialect.before_loop().iter().map(|line| line.to_string()).collect();
        lines.push(format!(
            "{label}: for (int {variable} = 0; {variable} < {bound}; {variable}++) {{"
        ));
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
        self.dialect.unsigned(*width)
    }

    fn code(&self, variable: &str, width: &u32) -> String {
        self.dialect.code(variable, *width)
    }

    fn local_array(&self, name: &str) -> String {
        self.dialect.at_local_array(name).join("\n")
    }
}
