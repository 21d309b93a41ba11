//! Functions of Keras: exact operations for exact arithmetic, step functions for all others.

use ndarray::{ArrayD, IxDyn};
use num_bigint::BigInt;
use petgraph::graph::NodeIndex;

use super::activation::{NodeScope, clamp, limit};
use super::builder::Builder;
use super::parameters::cast_values;
use super::per_channel::{self, QuantizerOperand};
use super::result::TypedResult;
use super::step_function::{self, RealFunction, RealStepFunction};
use super::{LowerError, TypedVariable};
use crate::fixed::{Quantization, ceil_code};
use crate::function::{Function, Relu};
use crate::ir::{Leaky, NodeId};
use crate::model::{Activation, Layer, LayerKind};
use crate::quantizer::{Quantizer, Stage};

/// The node that holds `function` of `x`.
///
/// If only quantizers follow, each of them becomes a step function of quantizer and function
/// together, and this node is x. Otherwise a result without an exact format gets the layer's
/// configured type.
pub(super) fn lower(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    x: NodeId,
    function: &Function,
) -> Result<NodeId, LowerError> {
    let is_line = matches!(function, Function::Relu(_));
    let part = scope.suffix(if is_line { "relu" } else { "activation" });
    if function.is_exact() {
        return exact(builder, scope, part, x, function);
    }
    let entry = TypedResult::of_activation(builder, scope, &function.to_string());
    if entry.to.is_none() && !builder.is_body() && quantizers_follow(builder, scope.index) {
        if is_line {
            return exact(builder, scope, part, x, function);
        }
        builder.defer(scope.index, *function);
        return Ok(x);
    }
    let precision = entry.to.unwrap_or(builder.settings.precision);
    let variable = if scope.is_fused { TypedVariable::Activation } else { TypedVariable::Result };
    builder.unquantized((scope.layer, &entry.name), variable, precision, None);
    builder.warn_of_floats(scope.layer, &[(&format!("result of {function}"), entry.to)]);
    if is_line {
        let node = exact(builder, scope, "sloped", x, function)?;
        return TypedResult { to: Some(precision), ..entry }.apply(builder, part, node);
    }
    tabulate(builder, scope, part, x, function, Some(precision))
}

/// True if only monotone quantizers take the result of layer `index`: a function before them keeps
/// its breakpoints.
fn quantizers_follow(builder: &Builder<'_>, index: NodeIndex) -> bool {
    let mut readers = builder.model.graph.neighbors(index).peekable();
    let is_quantizer = |reader: NodeIndex| match &builder.model.graph[reader].kind {
        LayerKind::Activation(Activation::Quantizer(quantizer)) => {
            quantizer.breakpoints().is_empty()
        }
        _ => false,
    };
    !builder.model.outputs.contains(&index) && readers.peek().is_some() && readers.all(is_quantizer)
}

/// The node that holds `quantizer` of `function` of `x`.
pub(super) fn quantized(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    x: NodeId,
    function: &Function,
    quantizer: &Quantizer,
) -> Result<NodeId, LowerError> {
    let one =
        |builder: &mut Builder<'_>, scope: NodeScope<'_>, x: NodeId, quantizer: &Quantizer| {
            quantized_by_steps(builder, scope, x, function, quantizer)
        };
    match quantizer.scaled() {
        None => one(builder, scope, x, quantizer),
        Some(scaled) => {
            let operand = QuantizerOperand { x, lower: &one, is_direct: false };
            per_channel::lower(builder, scope, operand, &scaled)
        }
    }
}

/// The node that holds `quantizer`, with one scale, of `function` of `x`.
fn quantized_by_steps(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    x: NodeId,
    function: &Function,
    quantizer: &Quantizer,
) -> Result<NodeId, LowerError> {
    let stages = quantizer.stages().map_err(scope.quantizer_error())?;
    let steps = RealStepFunction {
        real: RealFunction::QuantizerOf(quantizer.clone(), *function),
        to: match stages[..] {
            [Stage::StepFunction, Stage::Cast(to)] => Some(to),
            _ => None,
        },
    };
    step_function::lower(builder, scope, scope.suffix("activation"), x, &steps)
}

fn tabulate(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    part: &str,
    x: NodeId,
    function: &Function,
    to: Option<Quantization>,
) -> Result<NodeId, LowerError> {
    let steps = RealStepFunction { real: RealFunction::Function(*function), to };
    step_function::lower(builder, scope, part, x, &steps)
}

/// `function` of `x`, exact; the last node has the suffix `part`.
fn exact(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    part: &str,
    x: NodeId,
    function: &Function,
) -> Result<NodeId, LowerError> {
    match function {
        Function::Relu(relu) => rectify(builder, scope, part, x, relu),
        Function::HardTanh => {
            let low = limit(builder, scope, "limit", x, -1.0, true)?;
            limit(builder, scope, part, low, 1.0, false)
        }
        _ => tabulate(builder, scope, part, x, function, None),
    }
}

/// A rectifier: clamp operations and a leaky operation.
fn rectify(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    part: &str,
    x: NodeId,
    relu: &Relu,
) -> Result<NodeId, LowerError> {
    let is_plain = relu.negative_slope == 0.0 && relu.threshold == 0.0;
    if is_plain {
        let name = if relu.max_value.is_some() { "rectified" } else { part };
        let node = clamp(builder, scope, name, x, (Some(BigInt::ZERO), None))?;
        return match relu.max_value {
            None => Ok(node),
            Some(max) => limit(builder, scope, part, node, max.into(), false),
        };
    }
    // The limit must lie above the threshold, so that limited values stay above it.
    let threshold = f64::from(relu.threshold);
    let mut node = x;
    match relu.max_value.map(f64::from) {
        None => {}
        Some(max) if threshold >= 0.0 && max > threshold => {
            node = limit(builder, scope, "limit", x, max, false)?;
        }
        Some(_) => return tabulate(builder, scope, part, x, &Function::Relu(*relu), None),
    }
    // Keras passes only values above the threshold.
    let fraction = builder.tensor(node).format.fractional_bits();
    let Some(first) = ceil_code(threshold.next_up(), fraction) else { return Ok(node) };
    let slope = f64::from(relu.negative_slope);
    let bias = match -slope * threshold {
        0.0 => None,
        bias => Some(scope.constant(bias)?),
    };
    let leaky = Leaky { threshold: first, slopes: scope.constant(slope)?, bias };
    add_leaky(builder, scope, part, node, leaky)
}

/// `leaky` of `x`; `x` itself if its range lies above the threshold.
pub(super) fn add_leaky(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    part: &str,
    x: NodeId,
    leaky: Leaky,
) -> Result<NodeId, LowerError> {
    if *builder.tensor(x).range().low() >= leaky.threshold {
        return Ok(x);
    }
    builder.add(scope.layer, part, leaky, x)
}

/// PReLU: slopes per element or channel. They have no quantizer, so slopes and result get the
/// configured types.
pub(super) fn prelu(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    alpha: &ArrayD<f32>,
) -> Result<(), LowerError> {
    let operand = builder.operand(index)?;
    let scope = NodeScope::layer(index, &layer.name);
    let chosen = builder.settings.layer(&layer.name).cloned().unwrap_or_default();
    let default = builder.settings.precision;
    let shape = builder.tensor(operand).shape.clone();
    let slopes = broadcast(alpha, &shape).ok_or_else(|| LowerError::Shape {
        layer: layer.name.clone(),
        inputs: shape.iter().product(),
        weights: alpha.len(),
    })?;
    let weight = chosen.weight.unwrap_or(default);
    let slopes = slopes.mapv(f64::from);
    let slopes =
        cast_values(builder, &layer.name, ("alpha", TypedVariable::Weight), &slopes, &weight)?;
    let result = chosen.result.unwrap_or(default);
    let variables = [("alpha", chosen.weight), ("result", chosen.result)];
    builder.warn_of_floats(&layer.name, &variables);
    builder.unquantized((&layer.name, &layer.name), TypedVariable::Result, result, None);
    let leaky = Leaky { threshold: BigInt::ZERO, slopes, bias: None };
    let mut node = add_leaky(builder, scope, "", operand, leaky)?;
    node = TypedResult::of_layer(builder, &layer.name)
        .or(Some(default))
        .apply(builder, "result", node)?;
    builder.result(index, node);
    Ok(())
}

/// Slopes along one axis: a single one, one per channel, or one per element. `None` if `alpha` does
/// not broadcast to `shape`.
fn broadcast(alpha: &ArrayD<f32>, shape: &[usize]) -> Option<ArrayD<f32>> {
    let whole = alpha.broadcast(IxDyn(shape))?;
    let channels = shape.last().copied().unwrap_or(1);
    let count = match alpha.len() {
        1 => 1,
        n if n == channels && alpha.shape().last() == Some(&channels) => channels,
        _ => whole.len(),
    };
    Some(whole.iter().take(count).copied().collect::<ndarray::Array1<f32>>().into_dyn())
}
