//! Layers that make one tensor of several.

use petgraph::graph::NodeIndex;

use super::LowerError;
use super::activation::{Place, limit, scale};
use super::builder::Builder;
use super::moves::gather;
use crate::ir::{self, Constant, Conv, Linear, NodeId, Op, Pool, PoolKind, Window};
use crate::model::{self, Layer, Merge, Move};

pub(super) fn lower(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    merge: Merge,
) -> Result<(), LowerError> {
    let operands = builder.operands(index)?;
    let shapes: Vec<Vec<usize>> =
        operands.iter().map(|x| builder.tensor(*x).shape.clone()).collect();
    let shapes: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
    let shape = model::broadcast(&shapes).ok_or_else(|| wrong(layer, "its shapes differ"))?;
    let mut same = Vec::with_capacity(operands.len());
    for operand in operands {
        same.push(match builder.tensor(operand).shape == shape {
            true => operand,
            false => {
                let wide = [Move::Broadcast(shape.clone())];
                gather(builder, &layer.name, "broadcast", operand, &wide)?
            }
        });
    }
    let node = match merge {
        Merge::Add => all(builder, layer, "", ir::Merge::Add, &same)?,
        Merge::Subtract => all(builder, layer, "", ir::Merge::Subtract, &same)?,
        Merge::Maximum => all(builder, layer, "", ir::Merge::Maximum, &same)?,
        Merge::Minimum => all(builder, layer, "", ir::Merge::Minimum, &same)?,
        Merge::Multiply => product(builder, layer, &same)?,
        Merge::Average => {
            let count = same.len();
            if !count.is_power_of_two() {
                return Err(LowerError::Average { layer: layer.name.clone(), count });
            }
            let sum = all(builder, layer, "sum", ir::Merge::Add, &same)?;
            let power = -count.ilog2().cast_signed();
            scale(builder, Place::alone(index, &layer.name), "", sum, power)?
        }
    };
    builder.finished(index, layer, node);
    Ok(())
}

fn wrong(layer: &Layer, rule: impl Into<String>) -> LowerError {
    LowerError::Operation { layer: layer.name.clone(), rule: rule.into() }
}

/// One operation on all operands, which have one shape.
fn all(
    builder: &mut Builder<'_>,
    layer: &Layer,
    part: &str,
    merge: ir::Merge,
    operands: &[NodeId],
) -> Result<NodeId, LowerError> {
    let tensors: Vec<_> = operands.iter().map(|x| builder.tensor(*x)).collect();
    let result = merge.result(&tensors).map_err(|rule| wrong(layer, rule))?;
    Ok(builder.add_to(&layer.name, part, Op::Merge(merge), operands, result))
}

/// Two at a time, since a product of two is one multiplier.
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
        node = all(builder, layer, "product", ir::Merge::Multiply, &[node, *other])?;
    }
    all(builder, layer, "", ir::Merge::Multiply, &[node, *last])
}

/// Dot: both operands as \[terms, results\], their products, and the sum over the terms.
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
    let terms = shapes[0].get(axes[0]).copied().unwrap_or(1);
    let (rows, columns): (usize, usize) = (left.iter().product(), right.iter().product());
    // The axis of the terms first, the others behind, and one of length 1 where the other
    // operand's are.
    let table = |operand: usize, parts: [usize; 3]| {
        let mut order = vec![axes[operand]];
        order.extend((0..shapes[operand].len()).filter(|axis| *axis != axes[operand]));
        vec![
            Move::Permute(order),
            Move::Reshape(parts.to_vec()),
            Move::Broadcast(vec![terms, rows, columns]),
            Move::Reshape(vec![terms, rows * columns]),
        ]
    };
    let x = gather(builder, &layer.name, "left", x, &table(0, [terms, rows, 1]))?;
    let y = gather(builder, &layer.name, "right", y, &table(1, [terms, 1, columns]))?;
    let products = all(builder, layer, "products", ir::Merge::Multiply, &[x, y])?;
    let pool = Pool { window: Window::whole([1, terms]), kind: PoolKind::Sum };
    let sums = pool.result(builder.tensor(products)).map_err(|rule| wrong(layer, rule))?;
    let sums = builder.add(&layer.name, "sums", Op::Pool(pool), products, sums);
    let mut shape = [left, right].concat();
    if shape.is_empty() {
        shape.push(1);
    }
    let node = gather(builder, &layer.name, "", sums, &[Move::Reshape(shape)])?;
    builder.finished(index, layer, node);
    Ok(())
}

/// A tensor and numbers.
pub(super) fn constant(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    constant: &model::Constant,
) -> Result<(), LowerError> {
    let x = builder.operand(index)?;
    let sign = |negative: bool| if negative { -1.0 } else { 1.0 };
    let node = match constant.merge {
        Merge::Maximum | Merge::Minimum => {
            let mut values = constant.values.iter();
            let first = values.next().copied().unwrap_or_default();
            if values.any(|value| *value != first) {
                return Err(wrong(layer, "its limits differ from element to element"));
            }
            let is_low = constant.merge == Merge::Maximum;
            limit(builder, Place::alone(index, &layer.name), "", x, f64::from(first), is_low)?
        }
        Merge::Multiply => affine(builder, layer, x, |value| (value, 0.0), constant)?,
        Merge::Add => affine(builder, layer, x, |value| (1.0, value), constant)?,
        Merge::Subtract => {
            let first = constant.is_first;
            let terms = |value: f64| (sign(first), value * sign(!first));
            affine(builder, layer, x, terms, constant)?
        }
        Merge::Average => return Err(wrong(layer, "an average with numbers")),
    };
    builder.finished(index, layer, node);
    Ok(())
}

/// The upper limit first, as `tf.clip_by_value` has it.
pub(super) fn clip(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    [low, high]: [f32; 2],
) -> Result<(), LowerError> {
    let x = builder.operand(index)?;
    let place = Place::alone(index, &layer.name);
    let x = limit(builder, place, "limit", x, f64::from(high), false)?;
    let node = limit(builder, place, "", x, f64::from(low), true)?;
    builder.finished(index, layer, node);
    Ok(())
}

/// x times a number plus a number, by element, where `terms` says which two each constant means:
/// a convolution of one tap with a group for each channel.
fn affine(
    builder: &mut Builder<'_>,
    layer: &Layer,
    x: NodeId,
    terms: impl Fn(f64) -> (f64, f64),
    constant: &model::Constant,
) -> Result<NodeId, LowerError> {
    let tensor = builder.tensor(x);
    let shape = tensor.shape.clone();
    let values = constant.values.broadcast(shape.clone());
    let values = values.ok_or_else(|| wrong(layer, "its numbers do not fit its shape"))?;
    let values: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
    let own = tensor.channel_count();
    // Where the numbers go by channel, one for each will do.
    let by_channel = values.iter().enumerate().all(|(at, value)| *value == values[at % own]);
    let channels = if by_channel { own } else { values.len() };
    let (scales, offsets): (Vec<f64>, Vec<f64>) =
        values[..channels].iter().map(|value| terms(*value)).unzip();
    let number = |values: Vec<f64>| {
        let values = ndarray::Array1::from_vec(values);
        Constant::covering(values.view().into_dyn())
            .map_err(|error| wrong(layer, error.to_string()))
    };
    let mut weights = number(scales)?;
    weights.codes = weights.codes.clone().reshaped(&[1, channels]).unwrap_or(weights.codes);
    let bias = match offsets.iter().all(|offset| *offset == 0.0) {
        true => None,
        false => Some(number(offsets)?),
    };
    let positions = values.len() / channels;
    let flat = [Move::Reshape(vec![positions, channels])];
    let flat = gather(builder, &layer.name, "elements", x, &flat)?;
    let window = Window { kernel: [1, 1], output: [1, positions], ..Window::whole([1, positions]) };
    let conv = Conv { window, groups: channels, linear: Linear { weights, bias } };
    let result = conv.result(builder.tensor(flat)).map_err(|rule| wrong(layer, rule))?;
    let node = builder.add(&layer.name, "", Op::Conv(conv), flat, result);
    gather(builder, &layer.name, "shaped", node, &[Move::Reshape(shape)])
}
