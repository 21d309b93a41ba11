//! QAdaptiveActivation: one quantizer for all channels, or one for each.

use petgraph::graph::NodeIndex;

use super::LowerError;
use super::activation::{self, Place};
use super::average;
use super::builder::Builder;
use super::scaled::scale;
use crate::fixed::exp2;
use crate::ir::Cast;
use crate::model::{Activation, Layer};
use crate::quantizer::{Adaptive, Quantizer, Stage};

/// Channels that differ in their integer bits i have a type each where the quantizer is a cast.
/// Any other quantizer q is shared: each channel is 2^i · q(x / 2^i), and the powers of two are
/// wires.
pub(super) fn lower(
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
    let inside = Place::inside(index, &layer.name);
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
