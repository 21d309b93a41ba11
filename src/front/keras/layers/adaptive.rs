//! QAdaptiveActivation.

use serde_json::{Value, json};

use super::{Built, Class, Site};
use crate::front::error::FrontError;
use crate::model::LayerKind;
use crate::quantizer::{Adaptive, AdaptiveRule, Quantizer};

pub(super) const CLASSES: &[Class] = &[("QAdaptiveActivation", read)];

/// When and how the averages follow the data.
const OF_TRAINING: &[&str] = &["current_step", "quantization_delay", "ema_decay"];

/// The step of the training, and the averages.
const VARIABLES: &[&str] = &["step", "ema_min", "ema_max"];

fn read(site: &mut Site<'_>) -> Result<Built, FrontError> {
    site.attributes.inert(OF_TRAINING);
    let symmetric = site.attributes.flag("symmetric", true)?;
    let po2_rounding = site.attributes.flag("po2_rounding", false)?;
    let per_channel = site.attributes.flag("per_channel", false)?;
    let quantizer = quantizer(site, symmetric)?;

    let channels = if per_channel { site.input()?.last().copied().unwrap_or(1) } else { 1 };
    let mut variables = site.weights.variables(VARIABLES)?;
    let step = variables.next(())?.into_scalar();
    let lowest = variables.next([channels])?;
    let highest = variables.next([channels])?;
    let ranges = lowest.into_iter().zip(highest).collect();
    let rule = AdaptiveRule { symmetric, po2_rounding };
    // A layer on no channel has no element either.
    let adaptive = Adaptive::new(&quantizer, rule, ranges);
    let moving = moves_at_inference(site, step)?;
    let adaptive = adaptive.map(|adaptive| adaptive.moving(moving));
    site.same_shape(adaptive.map_or(LayerKind::Identity, LayerKind::Adaptive))
}

/// Whether QKeras moves the averages at inference too, the training having ended with `step`: what its
/// `call` calls `is_ema_training`.
fn moves_at_inference(site: &mut Site<'_>, step: f32) -> Result<bool, FrontError> {
    let delay = site.attributes.number("ema_freeze_delay", 0.0)?;
    Ok(delay != 0.0 && site.attributes.yes("trainable")? && step <= delay)
}

/// The quantizer that the layer sets up, its integer bits apart.
fn quantizer(site: &mut Site<'_>, symmetric: bool) -> Result<Quantizer, FrontError> {
    let value = site.attributes.get("activation");
    let value = value.ok_or_else(|| site.attributes.missing("activation"))?;
    let bits = site.attributes.get("total_bits");
    let bits = bits.ok_or_else(|| site.attributes.missing("total_bits"))?;
    let slope = site.attributes.get("relu_neg_slope").cloned().unwrap_or(json!(0));
    let bound = site.attributes.get("relu_upper_bound").cloned().unwrap_or(Value::Null);
    let arguments = match value.as_str() {
        Some("quantized_bits") => vec![("alpha", json!(1)), ("symmetric", json!(symmetric))],
        Some("quantized_relu") => vec![
            ("negative_slope", slope),
            ("relu_upper_bound", bound),
            ("is_quantized_clip", json!(false)),
        ],
        _ => {
            let help = "supported are \"quantized_bits\" and \"quantized_relu\", without brackets";
            return Err(site.attributes.unsupported("activation", value, help.into()));
        }
    };
    let mut arguments: Vec<(String, Value)> =
        arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    arguments.push(("bits".into(), bits.clone()));
    let quantizer = Quantizer::construct(value.as_str().unwrap_or_default(), &[], &arguments);
    quantizer.map_err(|error| site.attributes.config("activation", error.into()))
}
