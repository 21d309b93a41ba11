//! Batch normalisation and QScaleShift: a scale and a bias per channel.

use std::collections::HashSet;

use ndarray::{Array1, ArrayD, ArrayView1};
use petgraph::graph::NodeIndex;

use super::activation::NodeScope;
use super::builder::Builder;
use super::exact::{Reach, real};
use super::fold::Line;
use super::parameters::{
    BIAS, SCALE, cast_values, constant_error, real_or_cast, warn_if_overruled,
};
use super::result::{self, TypedResult};
use super::{LowerError, LowerWarning, TypedVariable};
use crate::fixed::Quantization;
use crate::ir::{Affine, Constant, Op};
use crate::model::{Activation, BatchNorm, Layer, LayerKind, Model, ResultKind, ScaleShift};
use crate::quantizer::Quantizer;

/// Significant bits of constants if [`SIGNIFICANT`](super::exact::SIGNIFICANT) would make results too
/// wide: those of float32, in which QKeras computes.
const FEWER: u32 = 24;

/// A batch normalisation that is not folded.
///
/// If a quantizer takes its result, scale, bias and result are exact. Else they have the configured
/// types, as in any layer without a quantizer.
pub(super) fn batch_norm(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    norm: &BatchNorm,
) -> Result<(), LowerError> {
    let name = layer.name.as_str();
    let operand = builder.operand(index)?;
    let Line { scale, bias } = line(name, norm)?;
    let (scale, bias) = (scale.into_dyn(), bias.into_dyn());
    // hls4ml's BatchNormalization has a type for scale and bias each.
    let chosen = builder.settings.layer(name).cloned().unwrap_or_default();
    if norm.quantizers.is_empty() && !reaches_quantizer(builder.model, index) {
        let default = builder.settings.precision;
        let [scale_type, bias_type] = [chosen.scale, chosen.bias].map(|to| to.unwrap_or(default));
        let result = chosen.result.or(builder.default_result(index));
        let results = result.map(|_| ("result", chosen.result));
        let parameters = [(SCALE, chosen.scale), (BIAS, chosen.bias)].into_iter();
        builder.warn_of_floats(name, &parameters.chain(results).collect::<Vec<_>>());
        if let Some(result) = result {
            builder.unquantized((name, name), TypedVariable::Result, result, None);
        }
        let affine = Affine {
            scale: cast_values(builder, name, (SCALE, TypedVariable::Scale), &scale, &scale_type)?,
            bias: Some(cast_values(builder, name, (BIAS, TypedVariable::Bias), &bias, &bias_type)?),
        };
        return affine_layer(builder, index, name, affine, result, None);
    }
    let mut affine = Affine {
        scale: real_or_cast(builder, (name, SCALE), &scale, chosen.scale, Reach::Scale(operand))?,
        bias: Some(real_or_cast(builder, (name, BIAS), &bias, chosen.bias, Reach::Bias)?),
    };
    if Op::from(affine.clone()).infer(&[builder.tensor(operand)]).is_err() {
        let fewer = |part, values: &ArrayD<f64>| {
            let constant = Constant::nearest(values.view(), FEWER);
            constant.map_err(|error| constant_error(name, part, error))
        };
        if chosen.scale.is_none() {
            affine.scale = fewer(SCALE, &scale)?;
        }
        if chosen.bias.is_none() {
            affine.bias = Some(fewer(BIAS, &bias)?);
        }
        let what = "scales and biases";
        builder.warn(LowerWarning::Rounded { layer: name.into(), what, bits: FEWER });
    }
    affine_layer(builder, index, name, affine, chosen.result, None)
}

/// Scale and bias of a batch normalisation, in double precision.
pub(super) fn line(name: &str, norm: &BatchNorm) -> Result<Line, LowerError> {
    let channels = norm.mean.len();
    let of = |part, values: ArrayView1<'_, f32>, quantizer: Option<&Quantizer>| {
        quantized(name, part, values, quantizer)
    };
    let quantizers = &norm.quantizers;
    // In QKeras these two quantizers choose their scale, like those of a kernel.
    let in_kernel = |quantizer: &Option<Quantizer>| quantizer.as_ref().map(Quantizer::in_kernel);
    let ones = Array1::ones(channels);
    let gamma = norm.gamma.as_ref().unwrap_or(&ones);
    let quantizer = in_kernel(&quantizers.gamma).filter(|_| norm.gamma.is_some());
    let gamma = of("gamma_quantizer", gamma.view(), quantizer.as_ref())?;
    let beta = match &norm.beta {
        Some(beta) => of("beta_quantizer", beta.view(), quantizers.beta.as_ref())?,
        None => Array1::zeros(channels),
    };
    let mean = of("mean_quantizer", norm.mean.view(), quantizers.mean.as_ref())?;
    let quantizer = in_kernel(&quantizers.variance);
    let variance = of("variance_quantizer", norm.variance.view(), quantizer.as_ref())?;

    let root = |v: f64| (v + f64::from(norm.epsilon)).sqrt();
    let scale = match &quantizers.inverse {
        None => Array1::from_shape_fn(channels, |c| gamma[c] / root(variance[c])),
        // QKeras quantizes the float32 value.
        Some(quantizer) => {
            let inverse = inverse(norm, &gamma, &variance);
            of("inverse_quantizer", inverse.view(), Some(quantizer))?
        }
    };
    let bias = &beta - &(&mean * &scale);
    Ok(Line { scale, bias })
}

/// The float32 value that QKeras' inverse quantizer takes: gamma / √(variance + ε), for the quantized
/// parameters \[channels\].
pub(crate) fn inverse(
    norm: &BatchNorm,
    gamma: &Array1<f64>,
    variance: &Array1<f64>,
) -> Array1<f32> {
    Array1::from_shape_fn(norm.mean.len(), |c| {
        let inverse = 1.0 / (variance[c] as f32 + norm.epsilon).sqrt();
        if norm.gamma.is_some() { inverse * gamma[c] as f32 } else { inverse }
    })
}

/// True if a quantizer takes the result of layer `index`, or that of layers after it that compute
/// exactly.
pub(super) fn reaches_quantizer(model: &Model, index: NodeIndex) -> bool {
    let mut seen = HashSet::new();
    let mut waiting: Vec<NodeIndex> = model.graph.neighbors(index).collect();
    while let Some(reader) = waiting.pop() {
        if !seen.insert(reader) {
            continue;
        }
        match after(&model.graph[reader].kind) {
            ResultKind::Quantized => return true,
            ResultKind::Exact => waiting.extend(model.graph.neighbors(reader)),
            ResultKind::Typed => {}
        }
    }
    false
}

/// The result of a layer whose operand has no quantizer.
fn after(kind: &LayerKind) -> ResultKind {
    match (kind.traits().result, kind.activation()) {
        // A quantizer after it computes a function as well.
        (ResultKind::Exact, None | Some(Activation::Linear | Activation::Function(_))) => {
            ResultKind::Exact
        }
        (ResultKind::Exact, Some(Activation::Quantizer(_))) => ResultKind::Quantized,
        (ResultKind::Exact, Some(Activation::Softmax)) => ResultKind::Typed,
        (result @ (ResultKind::Quantized | ResultKind::Typed), _) => result,
    }
}

pub(super) fn scale_shift(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    shift: &ScaleShift,
) -> Result<(), LowerError> {
    let name = layer.name.as_str();
    let of = |part, value: f32, quantizer: &Option<Quantizer>| {
        // In QKeras both quantizers choose their scale, like those of a kernel.
        let quantizer = quantizer.as_ref().map(Quantizer::in_kernel);
        quantized(name, part, Array1::from_elem(1, value).view(), quantizer.as_ref())
    };
    let scale = of("weight_quantizer", shift.weight, &shift.weight_quantizer)?;
    let operand = builder.operand(index)?;
    let scale = real(builder, name, SCALE, &scale.into_dyn(), Reach::Scale(operand))?;
    let bias = match shift.bias {
        None => None,
        Some(bias) => {
            let bias = of("bias_quantizer", bias, &shift.bias_quantizer)?;
            Some(real(builder, name, BIAS, &bias.into_dyn(), Reach::Bias)?)
        }
    };
    let chosen = builder.settings.layer(name).cloned().unwrap_or_default();
    if shift.weight_quantizer.is_some() {
        let keys = ["weight", "weight_quantizer"];
        warn_if_overruled(builder, name, keys, chosen.weight, &scale)?;
    }
    if let (Some(_), Some(bias)) = (&shift.bias_quantizer, &bias) {
        let keys = ["bias", "bias_quantizer"];
        warn_if_overruled(builder, name, keys, chosen.bias, bias)?;
    }
    let affine = Affine { scale, bias };
    affine_layer(builder, index, name, affine, chosen.result, Some(&shift.activation))
}

/// Lowers layer `index` to an affine operation, the type `result` if there is one, and an activation.
fn affine_layer(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    name: &str,
    affine: Affine,
    result: Option<Quantization>,
    activation: Option<&Activation>,
) -> Result<(), LowerError> {
    let operand = builder.operand(index)?;
    let mut node = builder.add(name, "", affine, operand)?;
    node = TypedResult::of_layer(builder, name).or(result).apply(builder, "result", node)?;
    if let Some(activation) = activation {
        node = result::fused(builder, NodeScope::fused(index, name), node, activation)?;
    }
    builder.result(index, node);
    Ok(())
}

/// Values of parameters, quantized if they have a quantizer.
fn quantized(
    layer: &str,
    part: &'static str,
    values: ArrayView1<'_, f32>,
    quantizer: Option<&Quantizer>,
) -> Result<Array1<f64>, LowerError> {
    let Some(quantizer) = quantizer else { return Ok(values.mapv(f64::from)) };
    let refused = |error| LowerError::Quantizer { layer: layer.into(), part, error };
    let values = quantizer.quantize(&values.into_dyn()).map_err(refused)?;
    Ok(values.iter().copied().collect())
}
