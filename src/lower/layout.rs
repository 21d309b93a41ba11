//! Layout operations, and layers between layout operations.
//!
//! A layout operation becomes one [`Gather`], or a [`Reshape`] if it keeps the order of elements.

use petgraph::graph::NodeIndex;

use super::LowerError;
use super::builder::Builder;
use crate::fixed::{Format, Overflow, Quantization, Rounding};
use crate::ir::{Concat, Gather, NodeId, Op, Reshape, Tensor};
use crate::model::{Einsum, Layer, LayerKind, Layout};

pub(super) fn lower(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    layouts: &[Layout],
) -> Result<(), LowerError> {
    let operand = builder.operand(index)?;
    let node = gather(builder, &layer.name, "", operand, layouts)?;
    builder.finished(index, layer, node)
}

/// Flatten: all axes of a sample in one.
pub(super) fn flatten(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
) -> Result<(), LowerError> {
    let length = builder.tensor(builder.operand(index)?).len();
    lower(builder, index, layer, &[Layout::Reshape(vec![length])])
}

/// The node that holds `x` after all of `layouts`.
pub(super) fn gather(
    builder: &mut Builder<'_>,
    layer: &str,
    part: &str,
    x: NodeId,
    layouts: &[Layout],
) -> Result<NodeId, LowerError> {
    let tensor = builder.tensor(x);
    let mut shape = tensor.shape.clone();
    let mut indices: Vec<Option<usize>> = (0..tensor.len()).map(Some).collect();
    let unfit = || LowerError::Operation {
        layer: layer.into(),
        rule: "its layout operation does not fit the shape of its operand".into(),
    };
    for by in layouts {
        let next = by.indices(&shape).ok_or_else(unfit)?;
        shape = by.result_shape(&shape).ok_or_else(unfit)?;
        indices = next.iter().map(|index| index.and_then(|index| indices[index])).collect();
    }
    let gather = Gather { shape, indices };
    let op: Op = match gather.is_identity(tensor.len()) {
        true => Reshape { shape: gather.shape }.into(),
        false => gather.into(),
    };
    builder.add(layer, part, op, x)
}

/// Concatenate: operands joined along `axis`, in a common format.
pub(super) fn concatenate(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    axis: usize,
) -> Result<(), LowerError> {
    let operands = builder.operands(index)?;
    let node = concat(builder, &layer.name, "", &operands, axis)?;
    builder.finished(index, layer, node)
}

/// Stack: operands joined along a new axis.
pub(super) fn stack(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    axis: usize,
) -> Result<(), LowerError> {
    let mut operands = builder.operands(index)?;
    for operand in &mut operands {
        let mut shape = builder.tensor(*operand).shape.clone();
        shape.insert(axis.min(shape.len()), 1);
        *operand = gather(builder, &layer.name, "row", *operand, &[Layout::Reshape(shape)])?;
    }
    let node = concat(builder, &layer.name, "", &operands, axis)?;
    builder.finished(index, layer, node)
}

/// The node that holds `operands` joined along `axis`.
pub(super) fn concat(
    builder: &mut Builder<'_>,
    layer: &str,
    part: &str,
    operands: &[NodeId],
    axis: usize,
) -> Result<NodeId, LowerError> {
    let format = covering(builder, layer, operands)?;
    let to = Quantization::new(format, Rounding::Trn, Overflow::WRAP);
    let mut same = Vec::with_capacity(operands.len());
    for operand in operands {
        same.push(match builder.tensor(*operand).format == format {
            true => *operand,
            false => super::activation::cast(builder, layer, "cast", *operand, &to)?,
        });
    }
    builder.add_to(layer, part, Concat { axis }, &same)
}

/// The narrowest format that holds the proven ranges of all `operands`.
fn covering(builder: &Builder<'_>, layer: &str, operands: &[NodeId]) -> Result<Format, LowerError> {
    if operands.is_empty() {
        return Err(LowerError::Inputs { layer: layer.into() });
    }
    let wrong = |error| LowerError::Format { layer: layer.into(), part: "concatenation", error };
    Tensor::common_format(operands.iter().map(|operand| builder.tensor(*operand))).map_err(wrong)
}

/// TimeDistributed: the same layer for each element along the first axis.
pub(super) fn time_distributed(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    kind: &LayerKind,
) -> Result<(), LowerError> {
    let operands = builder.operands(index)?;
    let shape = |operand: &NodeId| builder.tensor(*operand).shape.clone();
    let shapes: Vec<Vec<usize>> = operands.iter().map(shape).collect();
    let no_axis = || LowerError::Operation {
        layer: layer.name.clone(),
        rule: "its operand has no time axis".into(),
    };
    let steps = shapes.first().and_then(|shape| shape.first()).copied().ok_or_else(no_axis)?;
    let mut results = Vec::with_capacity(steps);
    for step in 0..steps {
        let name = format!("step{step}");
        let mut x = Vec::with_capacity(operands.len());
        for (operand, shape) in operands.iter().zip(&shapes) {
            let (_, rest) = shape.split_first().ok_or_else(no_axis)?;
            let mut ranges = vec![crate::model::AxisSlice { start: step, step: 1, count: 1 }];
            ranges.extend(rest.iter().map(|length| crate::model::AxisSlice::whole(*length)));
            let layouts = [Layout::Slice(ranges), Layout::Reshape(rest.to_vec())];
            x.push(gather(builder, &layer.name, &name, *operand, &layouts)?);
        }
        let y = builder
            .nested(index, x, &name, |builder| super::lower_kind(builder, index, layer, kind))?;
        let shape = [&[1], builder.tensor(y).shape.as_slice()].concat();
        let part = format!("{name}_result");
        results.push(gather(builder, &layer.name, &part, y, &[Layout::Reshape(shape)])?);
    }
    let node = concat(builder, &layer.name, "", &results, 0)?;
    builder.result(index, node);
    Ok(())
}

/// A layer with channels first: computed with channels last, between two transpositions.
pub(super) fn channels_first(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    kind: &LayerKind,
) -> Result<(), LowerError> {
    let mut operands = builder.operands(index)?;
    for operand in &mut operands {
        let axes = builder.tensor(*operand).shape.len();
        let last = Layout::to_channels_last(axes);
        *operand = gather(builder, &layer.name, "channels_last", *operand, &[last])?;
    }
    let node = builder
        .nested(index, operands, "", |builder| super::lower_kind(builder, index, layer, kind))?;
    let first = Layout::to_channels_first(builder.tensor(node).shape.len());
    let node = gather(builder, &layer.name, "channels_first", node, &[first])?;
    builder.result(index, node);
    Ok(())
}

/// EinsumDense: the product between layout operations.
pub(super) fn einsum(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    einsum: &Einsum,
) -> Result<(), LowerError> {
    let operand = builder.operand(index)?;
    let table = gather(builder, &layer.name, "table", operand, &einsum.before)?;
    let node = builder.nested(index, vec![table], "", |builder| {
        super::lower_kind(builder, index, layer, &einsum.product)
    })?;
    let node = gather(builder, &layer.name, "axes", node, &einsum.after)?;
    builder.result(index, node);
    Ok(())
}
