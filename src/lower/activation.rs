//! Activations, alone or inside of a layer.

use num_bigint::BigInt;
use petgraph::graph::NodeIndex;

use super::builder::Builder;
use super::parameters::no_constant;
use super::scaled::{self, Quantized};
use super::steps::{self, Curve};
use super::{LowerError, average, function, softmax};
use crate::fixed::{Format, FormatError, Overflow, Quantization, Rounding, exp2};
use crate::ir::{Affine, Cast, Clamp, Constant, ConstantError, Leaky, NodeId, Scale};
use crate::model::{Activation, Layer};
use crate::quantizer::{Quantizer, QuantizerError, Stage};

/// Which layer an activation belongs to, and what its last node is called.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) index: NodeIndex,
    pub(super) layer: &'a str,
    /// Whether the layer computes something else before, which has its name.
    inside: bool,
    /// True for an activation that is fused into the layer, and so has a result of its own.
    pub(super) fused: bool,
}

impl<'a> Place<'a> {
    /// A layer that is the activation.
    pub(super) fn alone(index: NodeIndex, layer: &'a str) -> Self {
        Self { index, layer, inside: false, fused: false }
    }

    /// A part of a layer.
    pub(super) fn inside(index: NodeIndex, layer: &'a str) -> Self {
        Self { index, layer, inside: true, fused: false }
    }

    /// An activation fused into a layer.
    pub(super) fn fused(index: NodeIndex, layer: &'a str) -> Self {
        Self { index, layer, inside: true, fused: true }
    }

    /// The same place for a node which is not the last one.
    pub(super) fn within(self) -> Self {
        Self { inside: true, ..self }
    }

    /// What the last node of an activation called `kind` is called, behind the layer's name.
    pub(super) fn part(self, kind: &'static str) -> &'static str {
        if self.inside { kind } else { "" }
    }

    /// One number of an activation.
    pub(super) fn constant(self, value: f64) -> Result<Constant, LowerError> {
        Constant::covering(ndarray::arr1(&[value]).into_dyn().view())
            .map_err(|error| self.constant_error(error))
    }

    /// What is wrong with numbers of an activation.
    pub(super) fn constant_error(self, error: ConstantError) -> LowerError {
        no_constant(self.layer, "activation", error)
    }

    pub(super) fn quantizer_error(self) -> impl Fn(QuantizerError) -> LowerError {
        let layer = self.layer.to_string();
        move |error| LowerError::Quantizer { layer: layer.clone(), part: "activation", error }
    }

    pub(super) fn format_error(self, part: &'static str) -> impl Fn(FormatError) -> LowerError {
        let layer = self.layer.to_string();
        move |error| LowerError::Format { layer: layer.clone(), part, error }
    }
}

pub(super) fn lower(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    function: &Activation,
) -> Result<(), LowerError> {
    let operand = builder.operand(index)?;
    let place = Place::alone(index, &layer.name);
    let deferred = builder.deferred(index);
    let node = match (function, deferred) {
        (Activation::Quantizer(quantizer), Some(deferred)) => {
            function::quantized(builder, place, operand, &deferred, quantizer)?
        }
        _ => activate(builder, place, operand, function)?,
    };
    match function {
        Activation::Softmax => builder.result(index, node),
        Activation::Linear | Activation::Function(_) | Activation::Quantizer(_) => {
            builder.finished(index, layer, node)?;
        }
    }
    Ok(())
}

/// The node that holds `function` of `x`.
pub(super) fn activate(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    x: NodeId,
    function: &Activation,
) -> Result<NodeId, LowerError> {
    match function {
        Activation::Linear => Ok(x),
        Activation::Function(function) => function::lower(builder, place, x, function),
        Activation::Softmax => softmax::lower(builder, place, x),
        Activation::Quantizer(quantizer) => quantize(builder, place, x, quantizer),
    }
}

/// The node that holds `quantizer` of `x`.
pub(super) fn quantize(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    x: NodeId,
    quantizer: &Quantizer,
) -> Result<NodeId, LowerError> {
    let x = average::rounded(builder, place.layer, x)?;
    match quantizer.scaled() {
        None => quantize_by_stages(builder, place, x, quantizer),
        Some(scaled) => {
            let quantized = Quantized { x, one: &quantize_by_stages, direct: true };
            scaled::lower(builder, place, quantized, &scaled)
        }
    }
}

/// The node that holds `quantizer` of `x`, with one scale.
fn quantize_by_stages(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    x: NodeId,
    quantizer: &Quantizer,
) -> Result<NodeId, LowerError> {
    let stages = quantizer.stages().map_err(place.quantizer_error())?;
    let mut node = x;
    let mut stages = stages.iter().peekable();
    while let Some(stage) = stages.next() {
        // Steps and the cast of their values are one table.
        let to = match (stage, stages.peek()) {
            (Stage::StepFunction, Some(Stage::Cast(to))) => Some(*to),
            _ => None,
        };
        if to.is_some() {
            stages.next();
        }
        let last = stages.peek().is_none();
        let part = |kind| if last { place.part("activation") } else { kind };
        node = match stage {
            Stage::Cast(to) => cast(builder, place.layer, part("cast"), node, to)?,
            Stage::Scale { power } => scale(builder, place, part("scale"), node, *power)?,
            Stage::Affine { scale, bias } => {
                line(builder, place, part("line"), node, (*scale, *bias))?
            }
            Stage::AtLeast(value) => limit(builder, place, part("limit"), node, *value, true)?,
            Stage::AtMost(value) => limit(builder, place, part("limit"), node, *value, false)?,
            Stage::Leaky { shift } => leaky(builder, place, part("leaky"), node, *shift)?,
            Stage::StepFunction => {
                let curve = Curve {
                    name: quantizer.to_string(),
                    value: &|x| quantizer.apply(x),
                    turns: quantizer.breakpoints(),
                    to,
                };
                steps::lower(builder, place, part("steps"), node, &curve)?
            }
        };
    }
    Ok(node)
}

/// `x` in another type.
pub(super) fn cast(
    builder: &mut Builder<'_>,
    layer: &str,
    part: &str,
    x: NodeId,
    to: &Quantization,
) -> Result<NodeId, LowerError> {
    builder.add(layer, part, Cast::from(*to), x)
}

/// `x`, but not below or not above `value`.
pub(super) fn limit(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    part: &str,
    x: NodeId,
    value: f64,
    is_low: bool,
) -> Result<NodeId, LowerError> {
    let error = place.format_error("activation");
    let bound = place.constant(value)?;
    let mut x = x;
    let finer = bound.format.fractional_bits();
    if finer > builder.tensor(x).format.fractional_bits() {
        // The bound lies between two steps of x, so x first counts in finer ones.
        let from = builder.tensor(x);
        let added = (finer - from.format.fractional_bits()).unsigned_abs();
        let format =
            Format::covering(&from.format.codes().refined(added), finer).map_err(&error)?;
        let to = Quantization::new(format, Rounding::Trn, Overflow::WRAP);
        x = cast(builder, place.layer, "refined", x, &to)?;
    }
    let fraction = builder.tensor(x).format.fractional_bits();
    let code = bound.codes.iter().next().unwrap_or_default();
    let code = code << (fraction - finer).unsigned_abs();
    let limits = if is_low { (Some(code), None) } else { (None, Some(code)) };
    clamp(builder, place, part, x, limits)
}

pub(super) fn clamp(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    part: &str,
    x: NodeId,
    (low, high): (Option<BigInt>, Option<BigInt>),
) -> Result<NodeId, LowerError> {
    builder.add(place.layer, part, Clamp { low, high }, x)
}

fn leaky(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    part: &str,
    x: NodeId,
    shift: u32,
) -> Result<NodeId, LowerError> {
    let power = i32::try_from(shift).map_or(i32::MIN, |shift| -shift);
    let slopes = place.constant(exp2(power))?;
    let leaky = Leaky { threshold: BigInt::ZERO, slopes, bias: None };
    function::bend(builder, place, part, x, leaky)
}

fn line(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    part: &str,
    x: NodeId,
    (scale, bias): (f64, f64),
) -> Result<NodeId, LowerError> {
    let bias = match bias {
        0.0 => None,
        bias => Some(place.constant(bias)?),
    };
    let affine = Affine { scale: place.constant(scale)?, bias };
    builder.add(place.layer, part, affine, x)
}

/// `x` times 2^`power`.
pub(super) fn scale(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    part: &str,
    x: NodeId,
    power: i32,
) -> Result<NodeId, LowerError> {
    builder.add(place.layer, part, Scale { power }, x)
}
