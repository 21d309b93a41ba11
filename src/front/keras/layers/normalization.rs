//! BatchNormalization, QBatchNormalization, QScaleShift, and batch normalization folded into a kernel.

use serde_json::{Value, json};

use super::{Built, Class, LayerReader};
use crate::front::error::FrontError;
use crate::front::keras::weights::Variables;
use crate::front::layer_problem::LayerProblem;
use crate::model::{BatchNorm, BatchNormQuantizers, Folded, LayerKind, ScaleShift};

pub(super) const CLASSES: &[Class] = &[
    ("BatchNormalization", plain),
    ("QBatchNormalization", quantized),
    ("QScaleShift", scale_shift),
];

/// Attributes that act during training. Both folding modes use the moving statistics at inference,
/// frozen or not.
const TRAINING_ATTRIBUTES: &[&str] = &[
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

/// Keras' default.
const EPSILON: f32 = 1e-3;

fn plain(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    read(layer, BatchNormQuantizers::default())
}

fn quantized(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    // QKeras warns that it ignores these.
    layer.attributes.inert(&["beta_range", "gamma_range"]);
    let quantizers = BatchNormQuantizers {
        gamma: layer.attributes.quantizer("gamma_quantizer")?,
        beta: layer.attributes.quantizer("beta_quantizer")?,
        mean: layer.attributes.quantizer("mean_quantizer")?,
        variance: layer.attributes.quantizer("variance_quantizer")?,
        inverse: layer.attributes.quantizer("inverse_quantizer")?,
    };
    read(layer, quantizers)
}

fn read(layer: &mut LayerReader<'_>, quantizers: BatchNormQuantizers) -> Result<Built, FrontError> {
    check_channel_axis(layer)?;
    let shape = layer.input()?.to_vec();
    let channels = *shape.last().ok_or_else(|| layer.owner.wrong(LayerProblem::Scalar))?;
    let epsilon = layer.attributes.number("epsilon", EPSILON)?;
    let (scale, center) =
        (layer.attributes.flag("scale", true)?, layer.attributes.flag("center", true)?);

    let names: &[_] = match (scale, center) {
        (true, true) => &["gamma", "beta", "moving_mean", "moving_variance"],
        (true, false) => &["gamma", "moving_mean", "moving_variance"],
        (false, true) => &["beta", "moving_mean", "moving_variance"],
        (false, false) => &["moving_mean", "moving_variance"],
    };
    let mut variables = layer.weights.variables(names)?;
    let mut next = || variables.next([channels]);
    let gamma = if scale { Some(next()?) } else { None };
    let beta = if center { Some(next()?) } else { None };
    let (mean, variance) = (next()?, next()?);
    let norm = BatchNorm { gamma, beta, mean, variance, epsilon, quantizers };
    Ok(Built { kind: LayerKind::BatchNorm(norm), shape })
}

/// Accounts for attributes of training, and rejects any other axis than the last.
fn check_channel_axis(layer: &mut LayerReader<'_>) -> Result<(), FrontError> {
    layer.attributes.inert(TRAINING_ATTRIBUTES);
    layer.attributes.only("renorm", &[Value::Bool(false)])?;
    // Axes include the batch, so the last axis has the number of axes of a sample.
    let last = layer.input()?.len();
    layer.attributes.only("axis", &[json!(-1), json!(last), json!([-1]), json!([last])])
}

fn scale_shift(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    layer.attributes.inert(&[
        "weight_initializer",
        "bias_initializer",
        "weight_regularizer",
        "bias_regularizer",
    ]);
    let weight_quantizer = layer.attributes.quantizer("weight_quantizer")?;
    let bias_quantizer = layer.attributes.quantizer("bias_quantizer")?;
    let activation = layer.activation("activation")?;
    let use_bias = layer.attributes.flag("use_bias", true)?;
    let names: &[_] = if use_bias { &["weight", "bias"] } else { &["weight"] };
    let mut variables = layer.weights.variables(names)?;
    let weight = variables.next([1, 1])?[[0, 0]];
    let bias = if use_bias { Some(variables.next([1, 1])?[[0, 0]]) } else { None };
    let scale_shift = ScaleShift { weight, bias, weight_quantizer, bias_quantizer, activation };
    layer.same_shape(LayerKind::ScaleShift(scale_shift))
}

/// Attributes of the batch normalization in QDenseBatchnorm, QConv2DBatchnorm and
/// QDepthwiseConv2DBatchnorm.
pub(super) struct FoldedReader {
    scale: bool,
    epsilon: f32,
}

impl FoldedReader {
    pub(super) fn read(layer: &mut LayerReader<'_>) -> Result<Self, FrontError> {
        layer.attributes.inert(&["ema_freeze_delay"]);
        check_channel_axis(layer)?;
        let modes = [json!("ema_stats_folding"), json!("batch_stats_folding")];
        layer.attributes.only("folding_mode", &modes)?;
        // QKeras fails without it.
        layer.attributes.only("center", &[Value::Bool(true)])?;
        let scale = layer.attributes.flag("scale", true)?;
        Ok(Self { scale, epsilon: layer.attributes.non_negative("epsilon", EPSILON)? })
    }

    /// Returns the names of the variables: those of an inner layer `batchnorm`, and a step counter.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        let gamma = self.scale.then_some("batchnorm/gamma");
        let others =
            ["batchnorm/beta", "iteration", "batchnorm/moving_mean", "batchnorm/moving_variance"];
        gamma.into_iter().chain(others)
    }

    /// Reads the variables, \[outputs\] each.
    pub(super) fn variables(
        &self,
        variables: &mut Variables<'_>,
        outputs: usize,
    ) -> Result<Folded, FrontError> {
        let gamma = if self.scale { Some(variables.next([outputs])?) } else { None };
        let beta = variables.next([outputs])?;
        // The step counter acts in training only.
        let _iteration = variables.next([])?;
        let mean = variables.next([outputs])?;
        let variance = variables.next([outputs])?;
        Ok(Folded { gamma, beta, mean, variance, epsilon: self.epsilon })
    }
}
