//! Dense and QDense.

use super::{Built, Class, Site};
use crate::front::error::FrontError;
use crate::front::layer_problem::LayerProblem;
use crate::model::{Dense, LayerKind};
use crate::quantizer::Quantizer;

pub(super) const CLASSES: &[Class] = &[("Dense", plain), ("QDense", quantized)];

/// What acts while a layer is trained, and on its weights alone.
const OF_TRAINING: &[&str] = &[
    "kernel_initializer",
    "bias_initializer",
    "kernel_regularizer",
    "bias_regularizer",
    "kernel_constraint",
    "bias_constraint",
];

fn plain(site: &mut Site<'_>) -> Result<Built, FrontError> {
    read(site, None, None)
}

fn quantized(site: &mut Site<'_>) -> Result<Built, FrontError> {
    // QKeras itself warns that it ignores these.
    site.attributes.inert(&["kernel_range", "bias_range"]);
    let kernel_quantizer = site.attributes.quantizer("kernel_quantizer")?;
    let bias_quantizer = site.attributes.quantizer("bias_quantizer")?;
    read(site, kernel_quantizer, bias_quantizer)
}

fn read(
    site: &mut Site<'_>,
    kernel_quantizer: Option<Quantizer>,
    bias_quantizer: Option<Quantizer>,
) -> Result<Built, FrontError> {
    site.attributes.inert(OF_TRAINING);
    // Adapters are trained beside the kernel, and a layer that Keras itself quantized stores codes.
    for other_weights in ["lora_rank", "lora_alpha", "quantization_config", "quantization_mode"] {
        site.attributes.only(other_weights, &[])?;
    }
    let mut shape = site.input()?.to_vec();
    let last = shape.last_mut().ok_or_else(|| site.owner.wrong(LayerProblem::Scalar))?;
    let units = site.attributes.count("units")?;
    let inputs = std::mem::replace(last, units);
    let use_bias = site.attributes.yes("use_bias")?;
    let activation = site.attributes.activation("activation")?;

    let names: &[_] = if use_bias { &["kernel", "bias"] } else { &["kernel"] };
    let mut variables = site.weights.variables(names)?;
    let kernel = variables.next([inputs, units])?;
    let bias = if use_bias { Some(variables.next([units])?) } else { None };
    let dense = Dense { kernel, bias, kernel_quantizer, bias_quantizer, activation };
    Ok(Built { kind: LayerKind::Dense(dense), shape })
}
