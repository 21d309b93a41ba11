//! Activation quantizers that differ by channel: several scales, or QAdaptiveActivation.
//!
//! A scale that multiplies the quantizer's result becomes a scale per channel after a common
//! quantizer. A scale that also divides the operand becomes one before it as well, if it is a power
//! of two. If it is not, x / s has no exact form: then each group of channels with the same scale
//! gets a quantizer of its own.

use ndarray::{Array1, ArrayD};
use petgraph::graph::NodeIndex;

use super::activation::{self, NodeScope};
use super::builder::Builder;
use super::exact::{Reach, exact};
use super::layout::{concat, gather};
use super::{LowerError, average};
use crate::fixed::{exp2, power_of_two};
use crate::ir::{Affine, Cast, Gather, NodeId};
use crate::model::{Activation, Layer, Layout};
use crate::quantizer::{Adaptive, Quantizer, ScaleRole, Scaled, Stage};

/// Lowers a quantizer with one scale.
pub(super) type LowerQuantizer<'f> =
    dyn Fn(&mut Builder<'_>, NodeScope<'_>, NodeId, &Quantizer) -> Result<NodeId, LowerError> + 'f;

/// Operand of a quantizer with several scales.
#[derive(Clone, Copy)]
pub(super) struct QuantizerOperand<'f> {
    pub(super) x: NodeId,
    /// Lowers the quantizer for one of its scales.
    pub(super) lower: &'f LowerQuantizer<'f>,
    /// True if the quantizer takes x itself, false if it takes a function of x.
    pub(super) is_direct: bool,
}

/// The node that holds the operand quantized by `scaled`.
pub(super) fn lower(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    operand: QuantizerOperand<'_>,
    scaled: &Scaled<'_>,
) -> Result<NodeId, LowerError> {
    let shape = builder.tensor(operand.x).shape.clone();
    let scales = scaled.over(&shape).map_err(scope.quantizer_error())?;
    let Some(first) = scales.first().copied() else { return Ok(operand.x) };
    if scales.iter().all(|scale| *scale == first) {
        return (operand.lower)(builder, scope, operand.x, &scaled.with(first));
    }
    let channels = shape.last().copied().unwrap_or(1);
    let row: Vec<f32> = scales.iter().take(channels).copied().collect();
    if scales.iter().zip(row.iter().cycle()).all(|(scale, of_channel)| scale == of_channel) {
        return by_channel(builder, scope, operand, scaled, &row);
    }
    // The scales differ along other axes too: treat each element as a channel.
    let each = [Layout::Reshape(vec![scales.len()])];
    let x = gather(builder, scope.layer, "flat", operand.x, &each)?;
    let flat = QuantizerOperand { x, ..operand };
    let all: Vec<f32> = scales.into_iter().collect();
    let node = by_channel(builder, scope.with_suffix(), flat, scaled, &all)?;
    gather(builder, scope.layer, scope.suffix("activation"), node, &[Layout::Reshape(shape)])
}

/// Quantizes with one scale per channel.
fn by_channel(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    operand: QuantizerOperand<'_>,
    scaled: &Scaled<'_>,
    scales: &[f32],
) -> Result<NodeId, LowerError> {
    let factors: Vec<f64> = scales.iter().map(|scale| f64::from(*scale)).collect();
    let unit = scaled.with(1.0);
    let last = scope.suffix("activation");
    match scaled.role() {
        ScaleRole::Factor => {
            let node = (operand.lower)(builder, scope.with_suffix(), operand.x, &unit)?;
            scale(builder, scope, last, node, &factors)
        }
        ScaleRole::Lsb
            if operand.is_direct && factors.iter().all(|s| power_of_two(*s).is_some()) =>
        {
            let down: Vec<f64> = factors.iter().map(|factor| factor.recip()).collect();
            let node = scale(builder, scope, "scaled", operand.x, &down)?;
            let node = (operand.lower)(builder, scope.with_suffix(), node, &unit)?;
            scale(builder, scope, last, node, &factors)
        }
        ScaleRole::Lsb | ScaleRole::Inner => by_groups(builder, scope, operand, scaled, scales),
    }
}

/// Quantizes each group of channels with the same scale by a quantizer of its own.
fn by_groups(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    operand: QuantizerOperand<'_>,
    scaled: &Scaled<'_>,
    scales: &[f32],
) -> Result<NodeId, LowerError> {
    let shape = builder.tensor(operand.x).shape.clone();
    let mut different: Vec<f32> = vec![];
    for scale in scales {
        if !different.contains(scale) {
            different.push(*scale);
        }
    }
    let mut order = vec![];
    let mut results = vec![];
    for (number, scale) in different.iter().enumerate() {
        let channels: Vec<usize> = (0..scales.len()).filter(|c| scales[*c] == *scale).collect();
        let part = |what: &str| format!("{what}{}", number + 1);
        let x = pick(builder, scope, &part("channels"), operand.x, &shape, &channels)?;
        results.push((operand.lower)(builder, scope.with_suffix(), x, &scaled.with(*scale))?);
        order.extend(channels);
    }
    let joined = concat(builder, scope.layer, "joined", &results, shape.len().saturating_sub(1))?;
    let mut back = vec![0; order.len()];
    for (now, channel) in order.iter().enumerate() {
        back[*channel] = now;
    }
    pick(builder, scope, scope.suffix("activation"), joined, &shape, &back)
}

/// The `channels` of `x`, which has the axes of `shape`.
fn pick(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    part: &str,
    x: NodeId,
    shape: &[usize],
    channels: &[usize],
) -> Result<NodeId, LowerError> {
    let tensor = builder.tensor(x);
    let (rows, among) = (tensor.rows(), tensor.channel_count());
    let row = |row: usize| channels.iter().map(move |channel| Some(row * among + channel));
    let indices = (0..rows).flat_map(row).collect();
    let mut shape = shape.to_vec();
    if let Some(last) = shape.last_mut() {
        *last = channels.len();
    }
    builder.add(scope.layer, part, Gather { shape, indices }, x)
}

/// `x` times a scale per channel.
fn scale(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    part: &str,
    x: NodeId,
    factors: &[f64],
) -> Result<NodeId, LowerError> {
    let factors: ArrayD<f64> = Array1::from(factors.to_vec()).into_dyn();
    let scale = exact(builder, scope.layer, "activation", &factors, Reach::Scale(x))?;
    builder.add(scope.layer, part, Affine { scale, bias: None }, x)
}

/// QAdaptiveActivation with one quantizer for all channels, or one per channel.
///
/// If quantizers that differ in their integer bits i are casts, the result is a cast by channel.
/// Any other quantizer q is shared: each channel is 2^i · q(x / 2^i), and the powers of two are
/// wires.
pub(super) fn adaptive(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    adaptive: &Adaptive,
) -> Result<(), LowerError> {
    let quantizers = adaptive.quantizers();
    if let [first, rest @ ..] = &quantizers[..]
        && rest.iter().all(|quantizer| quantizer == first)
    {
        let function = Activation::Quantizer(first.clone());
        return activation::lower(builder, index, layer, &function);
    }
    let operand = builder.operand(index)?;
    let channels = builder.tensor(operand).channel_count();
    if channels != quantizers.len() {
        let (inputs, weights) = (channels, quantizers.len());
        return Err(LowerError::Shape { layer: layer.name.clone(), inputs, weights });
    }
    let cast = |quantizer: &Quantizer| match quantizer.stages().ok()?[..] {
        [Stage::Cast(to)] => Some(to),
        _ => None,
    };
    if let Some(types) = quantizers.iter().map(cast).collect() {
        let x = average::rounded(builder, &layer.name, operand)?;
        let node = builder.add(&layer.name, "", Cast::by_channel(types), x)?;
        return builder.finished(index, layer, node);
    }
    let integer_bits = adaptive.integer_bits();
    let (unit, bound) = adaptive.unit();
    let inside = NodeScope::suffixed(index, &layer.name);
    let down: Vec<f64> = integer_bits.iter().map(|integer| exp2(-integer)).collect();
    let up: Vec<f64> = integer_bits.iter().map(|integer| exp2(*integer)).collect();
    let mut node = scale(builder, inside, "scaled", operand, &down)?;
    node = activation::quantize(builder, inside, node, &unit)?;
    let part = if bound.is_some() { "unlimited" } else { "" };
    node = scale(builder, inside, part, node, &up)?;
    if let Some(bound) = bound {
        node = activation::limit(builder, inside, "", node, bound, false)?;
    }
    builder.finished(index, layer, node)
}
