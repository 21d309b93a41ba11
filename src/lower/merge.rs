//! Merging layers and arithmetic with constants: add, multiply, dot, clip, divide.

use ndarray::{Array1, ArrayD};
use petgraph::graph::NodeIndex;

use super::LowerError;
use super::activation::{NodeScope, limit};
use super::average::{self, Rational};
use super::builder::Builder;
use super::exact::{Reach, real};
use super::layout::gather;
use super::parameters::{BIAS, SCALE};
use crate::ir::{Affine, Elementwise, NodeId, Pool, PoolKind, Window};
use crate::model::{self, Layer, Layout, Merge};

pub(super) fn lower(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    merge: Merge,
) -> Result<(), LowerError> {
    let operands = builder.operands(index)?;
    let node = merged(builder, index, layer, merge, &operands)?;
    builder.finished(index, layer, node)
}

/// The node that holds `merge` of `operands`.
pub(super) fn merged(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    merge: Merge,
    operands: &[NodeId],
) -> Result<NodeId, LowerError> {
    let shapes: Vec<Vec<usize>> =
        operands.iter().map(|x| builder.tensor(*x).shape.clone()).collect();
    let shapes: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
    let shape = model::broadcast(&shapes).ok_or_else(|| wrong(layer, "its shapes differ"))?;
    let mut same = Vec::with_capacity(operands.len());
    for operand in operands.iter().copied() {
        same.push(match builder.tensor(operand).shape == shape {
            true => operand,
            false => {
                let wide = [Layout::Broadcast(shape.clone())];
                gather(builder, &layer.name, "broadcast", operand, &wide)?
            }
        });
    }
    match merge {
        Merge::Add => elementwise(builder, layer, "", Elementwise::Add, &same),
        Merge::Subtract => elementwise(builder, layer, "", Elementwise::Subtract, &same),
        Merge::Maximum => elementwise(builder, layer, "", Elementwise::Maximum, &same),
        Merge::Minimum => elementwise(builder, layer, "", Elementwise::Minimum, &same),
        Merge::Multiply => product(builder, layer, &same),
        Merge::Average => {
            let sum = elementwise(builder, layer, "sum", Elementwise::Add, &same)?;
            let factor = Rational::ratio(1, same.len() as u64);
            average::multiply(builder, NodeScope::layer(index, &layer.name), sum, &[factor])
        }
    }
}

fn wrong(layer: &Layer, rule: impl Into<String>) -> LowerError {
    LowerError::Operation { layer: layer.name.clone(), rule: rule.into() }
}

/// One operation on operands of the same shape.
fn elementwise(
    builder: &mut Builder<'_>,
    layer: &Layer,
    part: &str,
    function: Elementwise,
    operands: &[NodeId],
) -> Result<NodeId, LowerError> {
    builder.add_to(&layer.name, part, function, operands)
}

/// The product of all operands, two at a time: one multiplier each.
fn product(
    builder: &mut Builder<'_>,
    layer: &Layer,
    operands: &[NodeId],
) -> Result<NodeId, LowerError> {
    let [first, others @ .., last] = operands else {
        return Err(LowerError::Inputs { layer: layer.name.clone() });
    };
    let mut node = *first;
    for other in others {
        node = elementwise(builder, layer, "product", Elementwise::Multiply, &[node, *other])?;
    }
    elementwise(builder, layer, "", Elementwise::Multiply, &[node, *last])
}

/// Dot: the terms of each result side by side, as products of the elements of both operands, and
/// their sum.
pub(super) fn dot(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    axes: [usize; 2],
) -> Result<(), LowerError> {
    let [x, y] = builder.operands(index)?[..] else {
        return Err(LowerError::Inputs { layer: layer.name.clone() });
    };
    let shapes = [x, y].map(|node| builder.tensor(node).shape.clone());
    let lengths = |operand: usize| -> Vec<usize> {
        let all = shapes[operand].iter().enumerate();
        all.filter(|(axis, _)| *axis != axes[operand]).map(|(_, length)| *length).collect()
    };
    let (left, right) = (lengths(0), lengths(1));
    let terms = shapes[0].get(axes[0]).copied();
    let terms = terms.ok_or_else(|| wrong(layer, "its operands have no such axis"))?;
    let (rows, columns): (usize, usize) = (left.iter().product(), right.iter().product());
    let results = rows * columns;
    // The axis of the terms comes last, behind the operand's other axes, broadcast over those of the
    // other operand.
    let matrix = |operand: usize, parts: [usize; 3]| {
        let others = (0..shapes[operand].len()).filter(|axis| *axis != axes[operand]);
        vec![
            Layout::Permute(others.chain([axes[operand]]).collect()),
            Layout::Reshape(parts.to_vec()),
            Layout::Broadcast(vec![rows, columns, terms]),
            Layout::Reshape(vec![results, terms]),
        ]
    };
    let x = gather(builder, &layer.name, "left", x, &matrix(0, [rows, 1, terms]))?;
    let y = gather(builder, &layer.name, "right", y, &matrix(1, [1, columns, terms]))?;
    let products = elementwise(builder, layer, "products", Elementwise::Multiply, &[x, y])?;
    let line = Layout::Reshape(vec![1, results * terms, 1]);
    let products = gather(builder, &layer.name, "terms", products, &[line])?;
    let window = Window {
        kernel: [1, terms],
        stride: [1, terms],
        output: [1, results],
        ..Window::whole([1, results * terms])
    };
    let sums = builder.add(&layer.name, "sums", Pool { window, kind: PoolKind::Sum }, products)?;
    let mut shape = [left, right].concat();
    if shape.is_empty() {
        shape.push(1);
    }
    let node = gather(builder, &layer.name, "", sums, &[Layout::Reshape(shape)])?;
    builder.finished(index, layer, node)
}

/// A merge of a tensor and constants.
pub(super) fn constant(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    constant: &model::MergeConstant,
) -> Result<(), LowerError> {
    let x = builder.operand(index)?;
    let sign = |negative: bool| if negative { -1.0 } else { 1.0 };
    let node = match constant.merge {
        Merge::Maximum | Merge::Minimum => {
            let mut values = constant.values.iter();
            let first = *values.next().ok_or_else(|| wrong(layer, "it has no limit"))?;
            if values.any(|value| *value != first) {
                return Err(wrong(layer, "its limits differ by element"));
            }
            let is_low = constant.merge == Merge::Maximum;
            limit(builder, NodeScope::layer(index, &layer.name), "", x, f64::from(first), is_low)?
        }
        Merge::Multiply => affine(builder, layer, x, |value| (value, 0.0), constant)?,
        Merge::Add => affine(builder, layer, x, |value| (1.0, value), constant)?,
        Merge::Subtract => {
            let first = constant.is_first;
            let terms = |value: f64| (sign(first), value * sign(!first));
            affine(builder, layer, x, terms, constant)?
        }
        Merge::Average => return Err(wrong(layer, "averages with constants are unsupported")),
    };
    builder.finished(index, layer, node)
}

/// Limits from above, then from below, in the order of `tf.clip_by_value`.
pub(super) fn clip(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    [low, high]: [f32; 2],
) -> Result<(), LowerError> {
    let x = builder.operand(index)?;
    let scope = NodeScope::layer(index, &layer.name);
    let x = limit(builder, scope, "limit", x, f64::from(high), false)?;
    let node = limit(builder, scope, "", x, f64::from(low), true)?;
    builder.finished(index, layer, node)
}

/// A tensor divided by constants.
pub(super) fn divide(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    by: &ArrayD<f32>,
) -> Result<(), LowerError> {
    let x = builder.operand(index)?;
    let factors = broadcast(builder, layer, x, by)?;
    let factors: Vec<Rational> = factors.into_iter().map(Rational::reciprocal).collect();
    let node = average::multiply(builder, NodeScope::layer(index, &layer.name), x, &factors)?;
    builder.finished(index, layer, node)
}

/// The square of each element.
pub(super) fn square(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
) -> Result<(), LowerError> {
    let x = builder.operand(index)?;
    let node = product(builder, layer, &[x, x])?;
    builder.finished(index, layer, node)
}

/// Constants for the elements of `x`: a single one, one per channel, or one per element.
fn broadcast(
    builder: &Builder<'_>,
    layer: &Layer,
    x: NodeId,
    values: &ArrayD<f32>,
) -> Result<Vec<f32>, LowerError> {
    let tensor = builder.tensor(x);
    let all = values.broadcast(tensor.shape.clone());
    let all = all.ok_or_else(|| wrong(layer, "its constants do not broadcast to its shape"))?;
    let mut all: Vec<f32> = all.iter().copied().collect();
    let channels = tensor.channel_count();
    let by_channel = all.iter().enumerate().all(|(at, value)| *value == all[at % channels]);
    match values.len() {
        1 => all.truncate(1),
        _ if by_channel => all.truncate(channels),
        _ => {}
    }
    Ok(all)
}

/// `x` times a scale plus a bias, which `terms` gives for each constant.
fn affine(
    builder: &mut Builder<'_>,
    layer: &Layer,
    x: NodeId,
    terms: impl Fn(f64) -> (f64, f64),
    constant: &model::MergeConstant,
) -> Result<NodeId, LowerError> {
    let values = broadcast(builder, layer, x, &constant.values)?;
    let terms = values.iter().map(|value| terms(f64::from(*value)));
    let (scales, biases): (Vec<f64>, Vec<f64>) = terms.unzip();
    let (scales, biases) = (Array1::from(scales).into_dyn(), Array1::from(biases).into_dyn());
    let operand = with_channels(builder, layer, x, scales.len())?;
    let scale = real(builder, &layer.name, SCALE, &scales, Reach::Scale(operand))?;
    let bias = match biases.iter().all(|bias| *bias == 0.0) {
        true => None,
        false => Some(real(builder, &layer.name, BIAS, &biases, Reach::Bias)?),
    };
    add_affine(builder, layer, (x, operand), Affine { scale, bias })
}

/// `x` with a channel for each of `constants`: one for all, one per channel, or one per element.
pub(super) fn with_channels(
    builder: &mut Builder<'_>,
    layer: &Layer,
    x: NodeId,
    constants: usize,
) -> Result<NodeId, LowerError> {
    let tensor = builder.tensor(x);
    if [1, tensor.channel_count()].contains(&constants) {
        return Ok(x);
    }
    let flat = [Layout::Reshape(vec![tensor.len()])];
    gather(builder, &layer.name, "elements", x, &flat)
}

/// The node that holds `affine` of `x` in its shape; `operand` is x [`with_channels`].
pub(super) fn add_affine(
    builder: &mut Builder<'_>,
    layer: &Layer,
    (x, operand): (NodeId, NodeId),
    affine: Affine,
) -> Result<NodeId, LowerError> {
    if operand == x {
        return builder.add(&layer.name, "", affine, x);
    }
    let shape = builder.tensor(x).shape.clone();
    let node = builder.add(&layer.name, "scaled", affine, operand)?;
    gather(builder, &layer.name, "", node, &[Layout::Reshape(shape)])
}
