//! Rescaling and Normalization: a scale and a bias that broadcast to the samples.

use ndarray::{Array1, ArrayD};
use petgraph::graph::NodeIndex;

use super::LowerError;
use super::builder::Builder;
use super::exact::Reach;
use super::merge::{add_affine, with_channels};
use super::normalization::reaches_quantizer;
use super::parameters::{BIAS, SCALE, real_or_cast};
use super::result::TypedResult;
use crate::fixed::significant_bits;
use crate::ir::{Affine, Tensor};
use crate::model::{Layer, Normalization, Rescaling};

/// Significant bits of a scale and a bias whose result stays exact, as those of a slope.
const FEW: u32 = 8;

/// Lower limit of a standard deviation: Keras' `epsilon()`.
const LEAST_DEVIATION: f64 = 1e-7;

/// Rescaling.
pub(super) fn rescale(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    by: &Rescaling,
) -> Result<(), LowerError> {
    let (scale, offset) = (by.scale.mapv(f64::from), by.offset.mapv(f64::from));
    lower(builder, index, layer, &scale, &offset)
}

/// Normalization. Scale and bias are those of its constants in double precision.
pub(super) fn normalize(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    by: &Normalization,
) -> Result<(), LowerError> {
    let mean = by.mean.mapv(f64::from);
    let deviation = by.variance.mapv(|v| f64::from(v).sqrt().max(LEAST_DEVIATION));
    if by.invert {
        return lower(builder, index, layer, &deviation, &mean);
    }
    let scale = deviation.mapv(f64::recip);
    let bias = -(mean / &deviation);
    lower(builder, index, layer, &scale, &bias)
}

/// `x · scale + bias`. With few bits in both, or if a quantizer takes the result, it is exact; else it
/// has the configured type, as in any layer without a quantizer.
fn lower(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    scale: &ArrayD<f64>,
    bias: &ArrayD<f64>,
) -> Result<(), LowerError> {
    let name = layer.name.as_str();
    let x = builder.operand(index)?;
    let chosen = builder.settings.layer(name).cloned().unwrap_or_default();
    let few = |values: &ArrayD<f64>| values.iter().all(|value| significant_bits(*value) <= FEW);
    let is_exact = few(scale) && few(bias) || reaches_quantizer(builder.model, index);
    let (scales, biases) = pairs(builder.tensor(x), scale, bias)
        .ok_or_else(|| LowerError::Operation {
            layer: name.into(),
            rule: "its constants do not broadcast to its shape".into(),
        })?
        .into_iter()
        .unzip::<_, _, Vec<f64>, Vec<f64>>();
    let (scales, biases) = (Array1::from(scales).into_dyn(), Array1::from(biases).into_dyn());
    let operand = with_channels(builder, layer, x, scales.len())?;
    let reach = Reach::Scale(operand);
    let affine = Affine {
        scale: real_or_cast(builder, (name, SCALE), &scales, chosen.scale, reach)?,
        bias: match bias.iter().all(|bias| *bias == 0.0) {
            true => None,
            false => Some(real_or_cast(builder, (name, BIAS), &biases, chosen.bias, Reach::Bias)?),
        },
    };
    let node = add_affine(builder, layer, (x, operand), affine)?;
    if is_exact {
        return builder.finished(index, layer, node);
    }
    let precision = chosen.result.unwrap_or(builder.settings.precision);
    builder.warn_of_floats(name, &[("result", chosen.result)]);
    let entry = TypedResult::of_layer(builder, name).or(Some(precision));
    let node = entry.apply(builder, "result", node)?;
    builder.result(index, node);
    Ok(())
}

/// Scale and bias of the elements of `x`: a single pair, one per channel, or one per element. `None`
/// if they do not broadcast to its shape.
fn pairs(x: &Tensor, scale: &ArrayD<f64>, bias: &ArrayD<f64>) -> Option<Vec<(f64, f64)>> {
    let (scale, bias) = (scale.broadcast(x.shape.clone())?, bias.broadcast(x.shape.clone())?);
    let mut pairs: Vec<(f64, f64)> = scale.iter().copied().zip(bias.iter().copied()).collect();
    for period in [1, x.channel_count()] {
        if pairs.iter().enumerate().all(|(at, pair)| *pair == pairs[at % period]) {
            pairs.truncate(period);
            break;
        }
    }
    Some(pairs)
}
