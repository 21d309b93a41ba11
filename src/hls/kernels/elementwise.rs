//! Element by element: casts, clamps, arithmetic of several operands, gather and concat.

use ndarray::Array1;
use num_bigint::BigInt;
use serde::Serialize;

use super::{Body, Built, Structure};
use crate::fixed::{Codes, Format, Quantization, Range};
use crate::hls::build::{Builder, NodeContext};
use crate::hls::plan::Nest;
use crate::hls::{ConstantId, Cost, HlsError, Number, TypeId};
use crate::ir;

/// `output[n] = input[n]`, rounded and limited by the output's type.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CastKernel {
    /// Number of elements.
    pub elements: usize,
}

impl Structure for CastKernel {
    fn nest(&self) -> Nest {
        Nest::new(&[self.elements])
    }
}

/// `output[r, c] = input[r, c]`, rounded and limited by the type of channel c.
#[derive(Clone, Debug, Serialize)]
pub struct ChannelCastKernel {
    /// Number of rows of channels.
    pub rows: usize,
    /// Channels of a row; all elements of a sample where types differ by element.
    pub channels: usize,
    /// The different types. The result's type holds every value of each.
    pub types: Vec<TypeId>,
    /// Index of the type of each channel, \[channels\].
    pub selectors: ConstantId,
}

impl Structure for ChannelCastKernel {
    fn nest(&self) -> Nest {
        Nest::new(&[self.rows, self.channels])
    }

    fn bank_reads(&self, depth: usize, banks: u64) -> u64 {
        if depth == 1 { (self.channels as u64).div_ceil(banks.max(1)) } else { 1 }
    }

    fn constants(&self) -> Vec<(ConstantId, Option<u64>)> {
        vec![(self.selectors, None)]
    }
}

pub(super) fn build_cast(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    op: &ir::Cast,
) -> Result<Built, HlsError> {
    let tensor = &context.node.tensor;
    if let Some(quantization) = op.uniform() {
        let element = builder.result_type(context, "", "values", quantization);
        let body = Body::Cast(CastKernel { elements: tensor.len() });
        return Ok(Built::new(body, element, context.cost()));
    }
    let element = builder.values_type(context);
    let each = op.types_of(tensor).map_err(|error| context.broken(error.to_string()))?;
    let mut different: Vec<Quantization> = Vec::new();
    let selectors = each.iter().map(|to| {
        let known = different.iter().position(|known| known == to);
        known.unwrap_or_else(|| {
            different.push(*to);
            different.len() - 1
        })
    });
    let selectors: Array1<i64> = selectors.map(|selector| selector as i64).collect();
    let channels = selectors.len();
    let selectors = Codes::Narrow(selectors.into_dyn());
    let selectors = builder.integers(context, "type", "indices of types", selectors)?;
    let types = different.into_iter().enumerate().map(|(number, to)| {
        let wanted = format!("{}_{}_t", context.stem, number + 1);
        builder.add_type(&wanted, &context.node.layer, "channels", to, to.format.codes())
    });
    let kernel = ChannelCastKernel {
        rows: tensor.len() / channels,
        channels,
        types: types.collect(),
        selectors,
    };
    Ok(Built::new(Body::ChannelCast(kernel), element, context.cost()))
}

/// `output[n] = min(max(input[n], low), high)`.
#[derive(Clone, Debug, Serialize)]
pub struct ClampKernel {
    /// Number of elements.
    pub elements: usize,
    /// Holds operand and limits.
    pub compared: TypeId,
    /// The lower limit, if an operand may lie below it.
    pub low: Option<Number>,
    /// The upper limit, if an operand may lie above it.
    pub high: Option<Number>,
}

impl Structure for ClampKernel {
    fn nest(&self) -> Nest {
        Nest::new(&[self.elements])
    }
}

pub(super) fn build_clamp(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    op: &ir::Clamp,
) -> Result<Built, HlsError> {
    let element = builder.values_type(context);
    let operand = context.operand.tensor.format;
    let all = operand.codes();
    // A limit that no code of the operand's type reaches needs no comparison.
    let low = op.low.as_ref().filter(|low| *low > all.low());
    let high = op.high.as_ref().filter(|high| *high < all.high());
    let mut codes = all;
    for limit in low.iter().chain(&high) {
        codes = codes.hull(&Range::point((*limit).clone()));
    }
    let format = Format::covering(&codes, operand.fractional_bits())
        .map_err(context.too_wide("the comparison with its limits"))?;
    let range = context.operand.tensor.range();
    let compared = builder.local_type(context, "compare", "compared values", format, range);
    let limit = |holds, code: &BigInt| builder.number(context, holds, compared, code.clone());
    let kernel = ClampKernel {
        elements: context.node.tensor.len(),
        compared,
        low: low.map(|code| limit("lower limit", code)).transpose()?,
        high: high.map(|code| limit("upper limit", code)).transpose()?,
    };
    Ok(Built::new(Body::Clamp(kernel), element, context.cost()))
}

/// `output[n] = input_1[n] ∘ input_2[n] ∘ ...`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ElementwiseKernel {
    /// Number of elements.
    pub elements: usize,
    /// The operation.
    pub kind: ir::Elementwise,
    /// For a maximum or minimum, a type that holds every operand.
    pub compared: Option<TypeId>,
}

impl ElementwiseKernel {
    /// The operation's name.
    pub fn name(&self) -> &'static str {
        ir::Described::name(&self.kind)
    }

    /// The operator between two elements; for a maximum or minimum, the comparison that holds for
    /// the element to keep.
    pub fn operator(&self) -> &'static str {
        match self.kind {
            ir::Elementwise::Add => "+",
            ir::Elementwise::Subtract => "-",
            ir::Elementwise::Multiply => "*",
            ir::Elementwise::Maximum => ">",
            ir::Elementwise::Minimum => "<",
        }
    }
}

impl Structure for ElementwiseKernel {
    fn nest(&self) -> Nest {
        Nest::new(&[self.elements])
    }
}

pub(super) fn build_elementwise(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    kind: ir::Elementwise,
) -> Result<Built, HlsError> {
    let element = builder.values_type(context);
    let tensors: Vec<&ir::Tensor> = context.operands.iter().map(|node| &node.tensor).collect();
    let elements = context.node.tensor.len();
    let pairs = (elements * tensors.len().saturating_sub(1)) as u64;
    let mut cost = Cost { ..context.cost() };
    let mut compared = None;
    match kind {
        ir::Elementwise::Add | ir::Elementwise::Subtract => cost.operations.additions = pairs,
        ir::Elementwise::Multiply => cost.operations.multiplications = pairs,
        ir::Elementwise::Maximum | ir::Elementwise::Minimum => {
            let fraction = context.node.tensor.format.fractional_bits();
            let fine =
                |x: &&ir::Tensor| x.range().refined(fraction.abs_diff(x.format.fractional_bits()));
            let all = tensors.iter().map(fine).reduce(|a, b| a.hull(&b));
            let all = all.expect("the operation has a result, so that it has operands");
            let format = Format::covering(&all, fraction)
                .map_err(context.too_wide("the comparison of its operands"))?;
            let holds = "compared operands";
            compared = Some(builder.local_type(context, "compare", holds, format, all));
        }
    }
    let kernel = ElementwiseKernel { elements, kind, compared };
    Ok(Built::new(Body::Elementwise(kernel), element, cost))
}

/// `output[n] = input[indices[n]]`.
#[derive(Clone, Debug, Serialize)]
pub struct GatherKernel {
    /// The operand's element for each of the result; `None` for 0.
    #[serde(skip)]
    pub indices: Vec<Option<usize>>,
}

impl GatherKernel {
    /// Tells whether some element is 0.
    pub fn has_zeros(&self) -> bool {
        self.indices.contains(&None)
    }
}

impl Structure for GatherKernel {
    fn nest(&self) -> Nest {
        Nest::new(&[self.indices.len()])
    }
}

pub(super) fn build_gather(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    op: &ir::Gather,
) -> Built {
    let element = builder.values_type(context);
    let body = Body::Gather(GatherKernel { indices: op.indices.clone() });
    Built::new(body, element, context.cost())
}

/// In each row, the rows of the operands one after the other.
#[derive(Clone, Debug, Serialize)]
pub struct ConcatKernel {
    /// Number of rows.
    pub rows: usize,
    /// Elements of a row of the result.
    pub columns: usize,
    /// The columns of each operand.
    pub operands: Vec<ConcatOperand>,
}

/// The columns of an operand of a [`ConcatKernel`].
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ConcatOperand {
    /// Its first column in the result.
    pub first: usize,
    /// Number of its columns.
    pub columns: usize,
}

impl Structure for ConcatKernel {
    fn nest(&self) -> Nest {
        Nest::new(&[self.rows, self.columns])
    }

    fn bank_reads(&self, depth: usize, banks: u64) -> u64 {
        if depth == 1 { (self.columns as u64).div_ceil(banks.max(1)) } else { 1 }
    }
}

pub(super) fn build_concat(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    op: &ir::Concat,
) -> Built {
    let element = builder.values_type(context);
    let tensors: Vec<&ir::Tensor> = context.operands.iter().map(|node| &node.tensor).collect();
    let rows = context.node.tensor.shape.iter().take(op.axis).product();
    let mut first = 0;
    let mut operands = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        let columns = tensor.shape.iter().skip(op.axis).product();
        operands.push(ConcatOperand { first, columns });
        first += columns;
    }
    let body = Body::Concat(ConcatKernel { rows, columns: first, operands });
    Built::new(body, element, context.cost())
}
