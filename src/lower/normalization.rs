//! Batch normalisation and QScaleShift: a scale and a bias per channel.

use ndarray::{Array1, ArrayD, ArrayView1};
use petgraph::graph::NodeIndex;

use super::activation::NodeScope;
use super::builder::Builder;
use super::parameters::{SCALE, constant_error, quantize_if_configured, warn_if_overruled};
use super::result::{self, TypedResult};
use super::{LowerError, LowerWarning};
use crate::ir::{Affine, Constant, Op};
use crate::model::{BatchNorm, Layer, ScaleShift};
use crate::quantizer::Quantizer;

/// Significant bits of constants without an exact form: more than any quantizer after them
/// resolves.
const SIGNIFICANT: u32 = 64;

/// Significant bits of constants if [`SIGNIFICANT`] would make results too wide: those of float32,
/// in which QKeras computes.
const FEWER: u32 = 24;

pub(super) fn batch_norm(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    norm: &BatchNorm,
) -> Result<(), LowerError> {
    let name = layer.name.as_str();
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
    let inverse = match &quantizers.inverse {
        None => Array1::from_shape_fn(channels, |c| gamma[c] / root(variance[c])),
        // QKeras quantizes the float32 value.
        Some(quantizer) => {
            let inverse = Array1::from_shape_fn(channels, |c| {
                let inverse = 1.0 / (variance[c] as f32 + norm.epsilon).sqrt();
                if norm.gamma.is_some() { inverse * gamma[c] as f32 } else { inverse }
            });
            of("inverse_quantizer", inverse.view(), Some(quantizer))?
        }
    };
    let bias = &beta - &(&mean * &inverse);
    // hls4ml's BatchNormalization has a type for scale and bias each.
    let chosen = builder.settings.layer(name).cloned().unwrap_or_default();
    let affine = |builder: &mut Builder<'_>, bits| {
        let scale = rounded(name, SCALE, &inverse, bits)?;
        let bias = rounded(name, "bias", &bias, bits)?;
        Ok::<_, LowerError>(Affine {
            scale: quantize_if_configured(builder, name, SCALE, scale, chosen.scale)?,
            bias: Some(quantize_if_configured(builder, name, "bias", bias, chosen.bias)?),
        })
    };
    let mut parameters = affine(builder, SIGNIFICANT)?;
    let operand = builder.operand(index)?;
    if Op::from(parameters.clone()).infer(&[builder.tensor(operand)]).is_err() {
        parameters = affine(builder, FEWER)?;
        let what = "scales and biases";
        builder.warn(LowerWarning::Rounded { layer: name.into(), what, bits: FEWER });
    }
    affine_layer(builder, index, name, parameters, None)
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
    let scale = rounded_constant(name, "scale", scale)?;
    let bias = match shift.bias {
        None => None,
        Some(bias) => {
            let bias = of("bias_quantizer", bias, &shift.bias_quantizer)?;
            Some(rounded_constant(name, "bias", bias)?)
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
    affine_layer(builder, index, name, affine, Some(&shift.activation))
}

/// Lowers layer `index` to an affine operation, the configured result type, and an activation.
fn affine_layer(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    name: &str,
    affine: Affine,
    activation: Option<&crate::model::Activation>,
) -> Result<(), LowerError> {
    let operand = builder.operand(index)?;
    let mut node = builder.add(name, "", affine, operand)?;
    node = TypedResult::of_layer(builder, name).apply(builder, "result", node)?;
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

/// `values` exactly, or rounded to [`SIGNIFICANT`] bits of the largest if that takes more.
pub(super) fn rounded_constant(
    layer: &str,
    part: &'static str,
    values: Array1<f64>,
) -> Result<Constant, LowerError> {
    rounded(layer, part, &values, SIGNIFICANT)
}

/// As [`rounded_constant`], for values along several axes.
pub(super) fn rounded_values(
    layer: &str,
    part: &'static str,
    values: &ArrayD<f64>,
) -> Result<Constant, LowerError> {
    let exact = Constant::covering(values.view());
    let constant = match exact {
        Ok(constant) if constant.format.width() <= SIGNIFICANT => Ok(constant),
        _ => Constant::nearest(values.view(), SIGNIFICANT),
    };
    constant.map_err(|error| constant_error(layer, part, error))
}

/// `values` exactly, or rounded to `bits` bits of the largest if that takes more.
fn rounded(
    layer: &str,
    part: &'static str,
    values: &Array1<f64>,
    bits: u32,
) -> Result<Constant, LowerError> {
    let values: ArrayD<f64> = values.clone().into_dyn();
    let exact = Constant::covering(values.view());
    let constant = match exact {
        Ok(constant) if constant.format.width() <= bits => Ok(constant),
        _ => Constant::nearest(values.view(), bits),
    };
    constant.map_err(|error| constant_error(layer, part, error))
}
