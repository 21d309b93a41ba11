//! Element by element: casts, clamps, arithmetic of several operands, gather and concat.

use ndarray::Array1;
use num_bigint::BigInt;
use serde::Serialize;

use super::{Body, Built};
use crate::fixed::{Codes, Format, Quantization};
use crate::hls::build::NodeBuilder;
use crate::hls::limits::WORD_BITS;
use crate::hls::plan::{Nest, Partition, gcd};
use crate::hls::{ConstantId, HlsError, Number, TypeId};
use crate::ir;

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

pub(super) fn build_cast(cx: &mut NodeBuilder<'_>, op: &ir::Cast) -> Result<Built, HlsError> {
    let tensor = &cx.node.tensor;
    if let Some(quantization) = op.uniform() {
        let element = cx.result_type("values", quantization);
        return Ok(Built::new(cx, Body::Cast, Nest::new(&[tensor.len()]), element));
    }
    let element = cx.values_type();
    let each = op.types_of(tensor).map_err(|error| cx.broken(error.to_string()))?;
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
    let selectors = cx.integers("type", "indices of types", selectors)?;
    let types = different.into_iter().enumerate().map(|(number, to)| {
        cx.add_type(&(number + 1).to_string(), "channels", to, to.format.codes())
    });
    let (rows, types) = (tensor.len() / channels, types.collect());
    let body = Body::ChannelCast(ChannelCastKernel { rows, channels, types, selectors });
    Ok(Built::new(cx, body, Nest::new(&[rows, channels]), element))
}

/// `output[n] = min(max(input[n], low), high)`.
#[derive(Clone, Debug, Serialize)]
pub struct ClampKernel {
    /// Holds operand and limits.
    pub compared: TypeId,
    /// The lower limit, if an operand may lie below it.
    pub low: Option<Number>,
    /// The upper limit, if an operand may lie above it.
    pub high: Option<Number>,
}

pub(super) fn build_clamp(cx: &mut NodeBuilder<'_>, op: &ir::Clamp) -> Result<Built, HlsError> {
    let element = cx.values_type();
    let all = cx.operand.tensor.format.codes();
    // A limit that no code of the operand's type reaches needs no comparison.
    let low = op.low.as_ref().filter(|low| *low > all.low());
    let high = op.high.as_ref().filter(|high| *high < all.high());
    let limits = low.iter().chain(&high).copied();
    let compared = cx.compared_type("the comparison with its limits", limits)?;
    let limit = |holds, code: &BigInt| cx.number(holds, compared, code.clone());
    let kernel = ClampKernel {
        compared,
        low: low.map(|code| limit("lower limit", code)).transpose()?,
        high: high.map(|code| limit("upper limit", code)).transpose()?,
    };
    let nest = Nest::new(&[cx.node.tensor.len()]);
    Ok(Built::new(cx, Body::Clamp(kernel), nest, element))
}

/// `output[n] = input_1[n] ∘ input_2[n] ∘ ...`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ElementwiseKernel {
    /// The operation.
    pub kind: ir::Elementwise,
    /// For a maximum or minimum, a type that holds every operand.
    pub compared: Option<TypeId>,
}

impl ElementwiseKernel {
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

pub(super) fn build_elementwise(
    cx: &mut NodeBuilder<'_>,
    kind: ir::Elementwise,
) -> Result<Built, HlsError> {
    let element = cx.values_type();
    let tensors: Vec<&ir::Tensor> = cx.operands.iter().map(|node| &node.tensor).collect();
    let elements = cx.node.tensor.len();
    let pairs = (elements * tensors.len().saturating_sub(1)) as u64;
    let mut cost = cx.cost();
    let mut compared = None;
    match kind {
        ir::Elementwise::Add | ir::Elementwise::Subtract => cost.operations.additions = pairs,
        ir::Elementwise::Multiply => cost.operations.multiplications = pairs,
        ir::Elementwise::Maximum | ir::Elementwise::Minimum => {
            let fraction = cx.node.tensor.format.fractional_bits();
            let fine =
                |x: &&ir::Tensor| x.range().refined(fraction.abs_diff(x.format.fractional_bits()));
            let all = tensors.iter().map(fine).reduce(|a, b| a.hull(&b));
            let all = all.expect("the operation has a result, so that it has operands");
            let format = Format::covering(&all, fraction)
                .map_err(cx.too_wide("the comparison of its operands"))?;
            let holds = "compared operands";
            compared = Some(cx.local_type("compare", holds, format, all));
        }
    }
    let body = Body::Elementwise(ElementwiseKernel { kind, compared });
    Ok(Built { cost, ..Built::new(cx, body, Nest::new(&[elements]), element) })
}

/// `output[n] = input[indices[n]]`.
#[derive(Clone, Debug, Serialize)]
pub struct GatherKernel {
    /// The operand's element for each of the result; `None` for 0.
    #[serde(skip)]
    pub indices: Vec<Option<usize>>,
    /// The same as nested loops, if they are.
    #[serde(skip)]
    pub strides: Option<ir::Strides>,
}

impl GatherKernel {
    /// Tells whether some element is 0.
    pub fn has_zeros(&self) -> bool {
        self.indices.contains(&None)
    }

    /// Tells whether all elements are 0.
    pub fn is_zero(&self) -> bool {
        self.indices.iter().all(Option::is_none)
    }
}

pub(super) fn build_gather(cx: &mut NodeBuilder<'_>, op: &ir::Gather) -> Built {
    let element = cx.values_type();
    let Moves { strides, nest, .. } = Moves::of(op, &cx.operand.tensor, &cx.node.tensor);
    let body = Body::Gather(GatherKernel { indices: op.indices.clone(), strides });
    Built::new(cx, body, nest, element)
}

/// The loops of a selection by index.
struct Moves {
    /// The same as nested loops, if they are.
    strides: Option<ir::Strides>,
    nest: Nest,
    /// Elements of the result in an iteration, where loops are rolled.
    elements: usize,
}

impl Moves {
    fn of(op: &ir::Gather, x: &ir::Tensor, result: &ir::Tensor) -> Self {
        let run = run_of_banks(op, x, result);
        let strides = op.strides().map(|strides| match strides.with_run(run) {
            Some(split) if run > 1 => (split, 1),
            Some(_) | None => (strides, 0),
        });
        let (nest, elements) = match &strides {
            Some((ir::Strides { axes, .. }, unrolled)) if !axes.is_empty() => {
                let bounds: Vec<usize> = axes.iter().map(|axis| axis.len).collect();
                let least = (bounds.len() - unrolled).max(1);
                let elements = if *unrolled > 0 { run } else { 1 };
                (Nest { least, ..Nest::new(&bounds) }, elements)
            }
            // A row at a time, or an element.
            Some(_) | None if run == result.channel_count() => {
                (Nest::new(&[op.indices.len()]), run)
            }
            Some(_) | None => (Nest::new(&[op.indices.len(), 1]), 1),
        };
        Self { strides: strides.map(|(strides, _)| strides), nest, elements }
    }
}

/// The partitions of the operand `x` and the result of a selection in memories, where tokens of `lanes`
/// elements are written to the operand, and rows are read from the result: words of a token, if all that
/// is accessed at a time is in one of them and all of it is written together, else a memory for each
/// channel.
pub(in crate::hls) fn gather_partitions(
    op: &ir::Gather,
    x: &ir::Tensor,
    result: &ir::Tensor,
    lanes: usize,
) -> [Partition; 2] {
    let elements = Moves::of(op, x, result).elements;
    let is_in_word = |indices: &[Option<usize>]| {
        let mut words = indices.iter().flatten().map(|index| index / lanes.max(1));
        words.next().is_none_or(|first| words.all(|word| word == first))
    };
    let is_read_whole = op.indices.chunks(elements).all(is_in_word);
    let channels = result.channel_count();
    let sides = [(x, lanes, is_read_whole), (result, channels, elements == channels)];
    sides.map(|(tensor, lanes, is_whole)| {
        let elements = lanes as u64;
        match is_whole && elements * u64::from(tensor.format.width()) <= WORD_BITS {
            true => Partition::Reshape { elements },
            false => Partition::of_memory(&tensor.shape),
        }
    })
}

/// Consecutive elements that `op` moves together, each from and to a memory of its own where `x` and the
/// result are in memories.
pub(in crate::hls) fn run_of_banks(op: &ir::Gather, x: &ir::Tensor, result: &ir::Tensor) -> usize {
    let banks = |tensor: &ir::Tensor| match Partition::of_memory(&tensor.shape) {
        Partition::Cyclic { factor } => factor as usize,
        Partition::Complete | Partition::Reshape { .. } => 1,
    };
    let run = gcd(banks(x), banks(result)).max(1);
    let is_run = |indices: &[Option<usize>]| {
        let follows = |pair: &[Option<usize>]| pair[1] == pair[0].map(|index| index + 1);
        indices.windows(2).all(follows)
    };
    let is_whole = op.indices.len().is_multiple_of(run) && op.indices.chunks(run).all(is_run);
    if is_whole { run } else { 1 }
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

pub(super) fn build_concat(cx: &mut NodeBuilder<'_>, op: &ir::Concat) -> Built {
    let element = cx.values_type();
    let tensors: Vec<&ir::Tensor> = cx.operands.iter().map(|node| &node.tensor).collect();
    let rows = cx.node.tensor.shape.iter().take(op.axis).product();
    let mut first = 0;
    let mut operands = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        let columns = tensor.shape.iter().skip(op.axis).product();
        operands.push(ConcatOperand { first, columns });
        first += columns;
    }
    let body = Body::Concat(ConcatKernel { rows, columns: first, operands });
    Built::new(cx, body, Nest::new(&[rows, first]), element)
}
