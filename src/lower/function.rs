//! The functions of Keras: exact operations where they are exact arithmetic, steps elsewhere.

use ndarray::{ArrayD, IxDyn};
use num_bigint::BigInt;
use petgraph::graph::NodeIndex;

use super::activation::{Place, clamp, limit};
use super::builder::Builder;
use super::parameters::Parameter;
use super::result::TypedResult;
use super::scaled::{self, Quantized};
use super::steps::{self, Curve};
use super::{LowerError, LowerWarning};
use crate::fixed::{Quantization, ceil_code};
use crate::function::{Function, Relu};
use crate::ir::{Leaky, NodeId};
use crate::model::{Activation, Layer, LayerKind};
use crate::quantizer::{Quantizer, Stage};

/// The node that holds `function` of `x`.
///
/// What is no number of a few bits more than x is cut to the layer's configured type: no quantizer
/// says which one. Where quantizers are all that follows, they say it: then each of them becomes a
/// table of quantizer and function together, and this node is x.
pub(super) fn lower(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    x: NodeId,
    function: &Function,
) -> Result<NodeId, LowerError> {
    let is_line = matches!(function, Function::Relu(_));
    let part = place.part(if is_line { "relu" } else { "activation" });
    if function.is_exact() {
        return exact(builder, place, part, x, function);
    }
    let entry = TypedResult::of_activation(builder, place, &function.to_string());
    if entry.to.is_none() && quantizers_follow(builder, place.index) {
        if is_line {
            return exact(builder, place, part, x, function);
        }
        builder.defer(place.index, *function);
        return Ok(x);
    }
    let precision = entry.to.unwrap_or(builder.settings.precision);
    warn_of_float(builder, place, format!("the result of {function}"), precision);
    if is_line {
        let node = exact(builder, place, "sloped", x, function)?;
        return TypedResult { to: Some(precision), ..entry }.apply(builder, part, node);
    }
    tabulate(builder, place, part, x, function, Some(precision))
}

/// Whether all that takes the result of layer `index` are quantizers, monotone ones, so that a
/// function before them turns where it turns alone.
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
    place: Place<'_>,
    x: NodeId,
    function: &Function,
    quantizer: &Quantizer,
) -> Result<NodeId, LowerError> {
    let one = |builder: &mut Builder<'_>, place: Place<'_>, x: NodeId, quantizer: &Quantizer| {
        quantized_by_steps(builder, place, x, function, quantizer)
    };
    match quantizer.scaled() {
        None => one(builder, place, x, quantizer),
        Some(scaled) => {
            let quantized = Quantized { x, one: &one, direct: false };
            scaled::lower(builder, place, quantized, &scaled)
        }
    }
}

/// The node that holds `quantizer`, with one scale, of `function` of `x`.
fn quantized_by_steps(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    x: NodeId,
    function: &Function,
    quantizer: &Quantizer,
) -> Result<NodeId, LowerError> {
    let stages = quantizer.stages().map_err(place.quantizer_error())?;
    let curve = Curve {
        name: format!("{quantizer} of {function}"),
        value: &|x| quantizer.apply(function.value(x)),
        turns: function.breakpoints(),
        to: match stages[..] {
            [Stage::StepFunction, Stage::Cast(to)] => Some(to),
            _ => None,
        },
    };
    steps::lower(builder, place, place.part("activation"), x, &curve)
}

fn warn_of_float(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    parts: String,
    precision: Quantization,
) {
    builder.warn(LowerWarning::Float { layer: place.layer.into(), parts, precision });
}

fn tabulate(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    part: &str,
    x: NodeId,
    function: &Function,
    to: Option<Quantization>,
) -> Result<NodeId, LowerError> {
    let curve = Curve {
        name: function.to_string(),
        value: &|x| function.value(x) + 0.0,
        turns: function.breakpoints(),
        to,
    };
    steps::lower(builder, place, part, x, &curve)
}

/// `function` of `x` with every bit; the last node is called `part`.
fn exact(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    part: &str,
    x: NodeId,
    function: &Function,
) -> Result<NodeId, LowerError> {
    match function {
        Function::Relu(relu) => rectify(builder, place, part, x, relu),
        Function::HardTanh => {
            let low = limit(builder, place, "limit", x, -1.0, true)?;
            limit(builder, place, part, low, 1.0, false)
        }
        _ => tabulate(builder, place, part, x, function, None),
    }
}

/// A rectifier: a limit above, a line below the threshold.
fn rectify(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    part: &str,
    x: NodeId,
    relu: &Relu,
) -> Result<NodeId, LowerError> {
    let is_plain = relu.negative_slope == 0.0 && relu.threshold == 0.0;
    if is_plain {
        let name = if relu.max_value.is_some() { "rectified" } else { part };
        let node = clamp(builder, place, name, x, (Some(BigInt::ZERO), None))?;
        return match relu.max_value {
            None => Ok(node),
            Some(max) => limit(builder, place, part, node, max.into(), false),
        };
    }
    // Limited first, what was beyond the threshold must stay so; and nothing below 0 passes a limit.
    let threshold = f64::from(relu.threshold);
    let mut node = x;
    match relu.max_value.map(f64::from) {
        None => {}
        Some(max) if threshold >= 0.0 && max > threshold => {
            node = limit(builder, place, "limit", x, max, false)?;
        }
        Some(_) => return tabulate(builder, place, part, x, &Function::Relu(*relu), None),
    }
    // At the threshold itself nothing passes, but for 0, where both lines meet.
    let fraction = builder.tensor(node).format.fractional_bits();
    let Some(first) = ceil_code(threshold.next_up(), fraction) else { return Ok(node) };
    let slope = f64::from(relu.negative_slope);
    let bias = match -slope * threshold {
        0.0 => None,
        bias => Some(place.constant(bias)?),
    };
    let leaky = Leaky { threshold: first, slopes: place.constant(slope)?, bias };
    bend(builder, place, part, node, leaky)
}

/// `x` as `leaky` bends it; `x` itself where it never does.
pub(super) fn bend(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    part: &str,
    x: NodeId,
    leaky: Leaky,
) -> Result<NodeId, LowerError> {
    if *builder.tensor(x).range().low() >= leaky.threshold {
        return Ok(x);
    }
    builder.add(place.layer, part, leaky, x)
}

/// PReLU: slopes of its own for elements or channels. They have no quantizer, so slopes and result
/// are cut to the configured types.
pub(super) fn prelu(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    alpha: &ArrayD<f32>,
) -> Result<(), LowerError> {
    let operand = builder.operand(index)?;
    let place = Place::alone(index, &layer.name);
    let chosen = builder.settings.layer(&layer.name).cloned().unwrap_or_default();
    let default = builder.settings.precision;
    let shape = builder.tensor(operand).shape.clone();
    let slopes = spread(alpha, &shape).ok_or_else(|| LowerError::Shape {
        layer: layer.name.clone(),
        inputs: shape.iter().product(),
        weights: alpha.len(),
    })?;
    let parameter =
        Parameter { layer: &layer.name, part: "alpha", attribute: "alpha", values: slopes.view() };
    let slopes = parameter.constant(builder, None, &chosen.weight.unwrap_or(default))?;
    warn_of_float(builder, place, "alpha and result".into(), chosen.weight.unwrap_or(default));
    let leaky = Leaky { threshold: BigInt::ZERO, slopes, bias: None };
    let mut node = bend(builder, place, "", operand, leaky)?;
    node = TypedResult::of_layer(builder, &layer.name)
        .or(Some(default))
        .apply(builder, "result", node)?;
    builder.result(index, node);
    Ok(())
}

/// Slopes as one list: a single one where all are shared, those of the channels where all other axes
/// are shared, else one for each element. `None` where the shapes do not fit.
fn spread(alpha: &ArrayD<f32>, shape: &[usize]) -> Option<ArrayD<f32>> {
    let whole = alpha.broadcast(IxDyn(shape))?;
    let channels = shape.last().copied().unwrap_or(1);
    let count = match alpha.len() {
        1 => 1,
        n if n == channels && alpha.shape().last() == Some(&channels) => channels,
        _ => whole.len(),
    };
    Some(whole.iter().take(count).copied().collect::<ndarray::Array1<f32>>().into_dyn())
}
