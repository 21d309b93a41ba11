//! Activations, as layers of their own or fused into a layer.

use num_bigint::BigInt;
use petgraph::graph::NodeIndex;

use super::builder::Builder;
use super::parameters::constant_error;
use super::per_channel::{self, QuantizerOperand};
use super::step_function::{self, RealFunction, RealStepFunction};
use super::{LowerError, average, function, softmax};
use crate::fixed::{Format, FormatError, Overflow, Quantization, Rounding, exp2};
use crate::ir::{Affine, Cast, Clamp, Constant, ConstantError, Leaky, NodeId, Scale};
use crate::model::{Activation, Layer};
use crate::quantizer::{Quantizer, QuantizerError, Stage};

/// The layer that nodes belong to, and the name of the last of them.
#[derive(Clone, Copy)]
pub(super) struct NodeScope<'a> {
    pub(super) index: NodeIndex,
    pub(super) layer: &'a str,
    /// True if another node has the name of the layer, so that this one needs a suffix.
    has_suffix: bool,
    /// True for an activation that is fused into the layer and has a result type of its own.
    pub(super) is_fused: bool,
}

impl<'a> NodeScope<'a> {
    /// The result of the layer.
    pub(super) fn layer(index: NodeIndex, layer: &'a str) -> Self {
        Self { index, layer, has_suffix: false, is_fused: false }
    }

    /// An intermediate result of the layer.
    pub(super) fn suffixed(index: NodeIndex, layer: &'a str) -> Self {
        Self { index, layer, has_suffix: true, is_fused: false }
    }

    /// An activation fused into a layer.
    pub(super) fn fused(index: NodeIndex, layer: &'a str) -> Self {
        Self { index, layer, has_suffix: true, is_fused: true }
    }

    /// The scope of an intermediate result.
    pub(super) fn with_suffix(self) -> Self {
        Self { has_suffix: true, ..self }
    }

    /// Suffix of the last node: `kind`, or none.
    pub(super) fn suffix(self, kind: &'static str) -> &'static str {
        if self.has_suffix { kind } else { "" }
    }

    /// A constant with one element.
    pub(super) fn constant(self, value: f64) -> Result<Constant, LowerError> {
        Constant::covering(ndarray::arr1(&[value]).into_dyn().view())
            .map_err(|error| self.constant_error(error))
    }

    /// The error for values that no constant holds.
    pub(super) fn constant_error(self, error: ConstantError) -> LowerError {
        constant_error(self.layer, "activation", error)
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
    let scope = NodeScope::layer(index, &layer.name);
    let deferred = builder.deferred(index);
    let node = match (function, deferred) {
        (Activation::Quantizer(quantizer), Some(deferred)) => {
            function::quantized(builder, scope, operand, &deferred, quantizer)?
        }
        _ => activate(builder, scope, operand, function)?,
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
    scope: NodeScope<'_>,
    x: NodeId,
    function: &Activation,
) -> Result<NodeId, LowerError> {
    match function {
        Activation::Linear => Ok(x),
        Activation::Function(function) => function::lower(builder, scope, x, function),
        Activation::Softmax => softmax::lower(builder, scope, x),
        Activation::Quantizer(quantizer) => quantize(builder, scope, x, quantizer),
    }
}

/// The node that holds `quantizer` of `x`.
pub(super) fn quantize(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    x: NodeId,
    quantizer: &Quantizer,
) -> Result<NodeId, LowerError> {
    let x = average::rounded(builder, scope.layer, x)?;
    match quantizer.scaled() {
        None => quantize_by_stages(builder, scope, x, quantizer),
        Some(scaled) => {
            let operand = QuantizerOperand { x, lower: &quantize_by_stages, is_direct: true };
            per_channel::lower(builder, scope, operand, &scaled)
        }
    }
}

/// The node that holds `quantizer` of `x`, with one scale.
fn quantize_by_stages(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    x: NodeId,
    quantizer: &Quantizer,
) -> Result<NodeId, LowerError> {
    let stages = quantizer.stages().map_err(scope.quantizer_error())?;
    let mut node = x;
    let mut stages = stages.iter().peekable();
    while let Some(stage) = stages.next() {
        // A step function and the cast of its values become one operation.
        let to = match (stage, stages.peek()) {
            (Stage::StepFunction, Some(Stage::Cast(to))) => Some(*to),
            _ => None,
        };
        if to.is_some() {
            stages.next();
        }
        let last = stages.peek().is_none();
        let part = |kind| if last { scope.suffix("activation") } else { kind };
        node = match stage {
            Stage::Cast(to) => cast(builder, scope.layer, part("cast"), node, to)?,
            Stage::Scale { power } => scale(builder, scope, part("scale"), node, *power)?,
            Stage::Affine { scale, bias } => {
                affine(builder, scope, part("line"), node, (*scale, *bias))?
            }
            Stage::AtLeast(value) => limit(builder, scope, part("limit"), node, *value, true)?,
            Stage::AtMost(value) => limit(builder, scope, part("limit"), node, *value, false)?,
            Stage::Leaky { shift } => leaky(builder, scope, part("leaky"), node, *shift)?,
            Stage::StepFunction => {
                let function =
                    RealStepFunction { real: RealFunction::Quantizer(quantizer.clone()), to };
                step_function::lower(builder, scope, part("steps"), node, &function)?
            }
        };
    }
    Ok(node)
}

/// `x` cast to another type.
pub(super) fn cast(
    builder: &mut Builder<'_>,
    layer: &str,
    part: &str,
    x: NodeId,
    to: &Quantization,
) -> Result<NodeId, LowerError> {
    builder.add(layer, part, Cast::from(*to), x)
}

/// `x` limited by `value` from below (`is_low`) or from above.
pub(super) fn limit(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    part: &str,
    x: NodeId,
    value: f64,
    is_low: bool,
) -> Result<NodeId, LowerError> {
    let error = scope.format_error("activation");
    let bound = scope.constant(value)?;
    let mut x = x;
    let finer = bound.format.fractional_bits();
    if finer > builder.tensor(x).format.fractional_bits() {
        // The limit lies between two codes of x: x needs more fractional bits.
        let from = builder.tensor(x);
        let added = (finer - from.format.fractional_bits()).unsigned_abs();
        let format =
            Format::covering(&from.format.codes().refined(added), finer).map_err(&error)?;
        let to = Quantization::new(format, Rounding::Trn, Overflow::WRAP);
        x = cast(builder, scope.layer, "refined", x, &to)?;
    }
    let fraction = builder.tensor(x).format.fractional_bits();
    let code = bound.code_at(0) << (fraction - finer).unsigned_abs();
    let limits = if is_low { (Some(code), None) } else { (None, Some(code)) };
    clamp(builder, scope, part, x, limits)
}

pub(super) fn clamp(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    part: &str,
    x: NodeId,
    (low, high): (Option<BigInt>, Option<BigInt>),
) -> Result<NodeId, LowerError> {
    builder.add(scope.layer, part, Clamp { low, high }, x)
}

fn leaky(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    part: &str,
    x: NodeId,
    shift: u32,
) -> Result<NodeId, LowerError> {
    let power = i32::try_from(shift).map_or(i32::MIN, |shift| -shift);
    let slopes = scope.constant(exp2(power))?;
    let leaky = Leaky { threshold: BigInt::ZERO, slopes, bias: None };
    function::add_leaky(builder, scope, part, x, leaky)
}

fn affine(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    part: &str,
    x: NodeId,
    (scale, bias): (f64, f64),
) -> Result<NodeId, LowerError> {
    let bias = match bias {
        0.0 => None,
        bias => Some(scope.constant(bias)?),
    };
    let affine = Affine { scale: scope.constant(scale)?, bias };
    builder.add(scope.layer, part, affine, x)
}

/// `x` times 2^`power`.
pub(super) fn scale(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    part: &str,
    x: NodeId,
    power: i32,
) -> Result<NodeId, LowerError> {
    builder.add(scope.layer, part, Scale { power }, x)
}
