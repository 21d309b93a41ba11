//! BatchNormalization, QBatchNormalization and QScaleShift.

use serde_json::{Value, json};

use super::{Built, Class, Site};
use crate::front::error::FrontError;
use crate::front::layer_problem::LayerProblem;
use crate::model::{BatchNorm, BatchNormQuantizers, LayerKind, ScaleShift};

pub(super) const CLASSES: &[Class] = &[
    ("BatchNormalization", plain),
    ("QBatchNormalization", quantized),
    ("QScaleShift", scale_shift),
];

/// What acts in training, and on the weights alone. Both modes of folding use the moving statistics at
/// inference, frozen or not.
const OF_TRAINING: &[&str] = &[
    "momentum",
    "renorm_momentum",
    "synchronized",
    "beta_initializer",
    "gamma_initializer",
    "moving_mean_initializer",
    "moving_variance_initializer",
    "beta_regularizer",
    "gamma_regularizer",
    "beta_constraint",
    "gamma_constraint",
];

/// Keras' default, where a file states none.
pub(super) const EPSILON: f32 = 1e-3;

fn plain(site: &mut Site<'_>) -> Result<Built, FrontError> {
    read(site, BatchNormQuantizers::default())
}

fn quantized(site: &mut Site<'_>) -> Result<Built, FrontError> {
    // QKeras itself warns that it ignores these.
    site.attributes.inert(&["beta_range", "gamma_range"]);
    let quantizers = BatchNormQuantizers {
        gamma: site.attributes.quantizer("gamma_quantizer")?,
        beta: site.attributes.quantizer("beta_quantizer")?,
        mean: site.attributes.quantizer("mean_quantizer")?,
        variance: site.attributes.quantizer("variance_quantizer")?,
        inverse: site.attributes.quantizer("inverse_quantizer")?,
    };
    read(site, quantizers)
}

fn read(site: &mut Site<'_>, quantizers: BatchNormQuantizers) -> Result<Built, FrontError> {
    of_channels(site)?;
    let shape = site.input()?.to_vec();
    let channels = *shape.last().ok_or_else(|| site.owner.wrong(LayerProblem::Scalar))?;
    let epsilon = site.attributes.number("epsilon", EPSILON)?;
    let (scale, center) = (site.attributes.yes("scale")?, site.attributes.yes("center")?);

    let names: &[_] = match (scale, center) {
        (true, true) => &["gamma", "beta", "moving_mean", "moving_variance"],
        (true, false) => &["gamma", "moving_mean", "moving_variance"],
        (false, true) => &["beta", "moving_mean", "moving_variance"],
        (false, false) => &["moving_mean", "moving_variance"],
    };
    let mut variables = site.weights.variables(names)?;
    let mut next = || variables.next([channels]);
    let gamma = if scale { Some(next()?) } else { None };
    let beta = if center { Some(next()?) } else { None };
    let (mean, variance) = (next()?, next()?);
    let norm = BatchNorm { gamma, beta, mean, variance, epsilon, quantizers };
    Ok(Built { kind: LayerKind::BatchNorm(norm), shape })
}

/// Accounts for what any batch normalisation states beside its numbers; refuses one that does not
/// normalise the channels, which come last.
pub(super) fn of_channels(site: &mut Site<'_>) -> Result<(), FrontError> {
    site.attributes.inert(OF_TRAINING);
    site.attributes.only("renorm", &[Value::Bool(false)])?;
    // The batch axis comes first, so that the last axis has the number of the sample's axes.
    let last = site.input()?.len();
    site.attributes.only("axis", &[json!(-1), json!(last), json!([-1]), json!([last])])
}

fn scale_shift(site: &mut Site<'_>) -> Result<Built, FrontError> {
    site.attributes.inert(&[
        "weight_initializer",
        "bias_initializer",
        "weight_regularizer",
        "bias_regularizer",
    ]);
    let weight_quantizer = site.attributes.quantizer("weight_quantizer")?;
    let bias_quantizer = site.attributes.quantizer("bias_quantizer")?;
    let activation = site.attributes.activation("activation")?;
    let use_bias = site.attributes.yes("use_bias")?;
    let names: &[_] = if use_bias { &["weight", "bias"] } else { &["weight"] };
    let mut variables = site.weights.variables(names)?;
    let weight = variables.next([1, 1])?[[0, 0]];
    let bias = if use_bias { Some(variables.next([1, 1])?[[0, 0]]) } else { None };
    let layer = ScaleShift { weight, bias, weight_quantizer, bias_quantizer, activation };
    site.same_shape(LayerKind::ScaleShift(layer))
}
