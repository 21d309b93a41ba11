//! QAdaptiveActivation: one quantizer for all channels, or one for each.

use petgraph::graph::NodeIndex;

use super::LowerError;
use super::activation::{self, Place};
use super::builder::Builder;
use crate::ir::{Affine, Constant, NodeId};
use crate::model::{Activation, Layer};
use crate::quantizer::Adaptive;

/// Channels that differ in their integer bits i share one quantizer q without any: each is
/// 2^i · q(x / 2^i), and the powers of two are wires.
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
    let integer_bits = adaptive.integer_bits();
    let (unit, bound) = adaptive.unit();
    let inside = Place::inside(index, &layer.name);
    let down: Vec<i32> = integer_bits.iter().map(|integer| -integer).collect();
    let mut node = scale(builder, inside, "scaled", operand, &down)?;
    node = activation::quantize(builder, inside, node, &unit)?;
    let part = if bound.is_some() { "unlimited" } else { "" };
    node = scale(builder, inside, part, node, &integer_bits)?;
    if let Some(bound) = bound {
        node = activation::limit(builder, inside, "", node, bound, false)?;
    }
    builder.finished(index, layer, node);
    Ok(())
}

/// Each channel of `x` times 2^`powers`\[channel\].
fn scale(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    part: &str,
    x: NodeId,
    powers: &[i32],
) -> Result<NodeId, LowerError> {
    let factors: ndarray::Array1<f64> = powers.iter().map(|p| libm::ldexp(1.0, *p)).collect();
    let scale = Constant::covering(factors.into_dyn().view())
        .map_err(|error| place.constant_error(error))?;
    let affine = Affine { scale, offset: None };
    builder.affine(place.layer, part, x, affine).map_err(place.format_error("activation"))
}
