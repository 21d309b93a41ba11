//! Activation, QActivation, ReLU and Softmax.

use serde_json::{Value, json};

use super::{Built, Class, Site};
use crate::front::error::FrontError;
use crate::model::{Activation, LayerKind};

pub(super) const CLASSES: &[Class] =
    &[("Activation", named), ("QActivation", named), ("ReLU", relu), ("Softmax", softmax)];

fn named(site: &mut Site<'_>) -> Result<Built, FrontError> {
    if site.attributes.get("activation").is_none() {
        return Err(site.attributes.missing("activation"));
    }
    let activation = site.attributes.activation("activation")?;
    site.same_shape(LayerKind::Activation(activation))
}

fn relu(site: &mut Site<'_>) -> Result<Built, FrontError> {
    site.attributes.only("max_value", &[])?;
    site.attributes.only("negative_slope", &[json!(0)])?;
    site.attributes.only("threshold", &[json!(0)])?;
    site.same_shape(LayerKind::Activation(Activation::Relu))
}

fn softmax(site: &mut Site<'_>) -> Result<Built, FrontError> {
    // The batch axis comes first, so that the last axis has the number of the sample's axes.
    let last = Value::from(site.input()?.len());
    site.attributes.only("axis", &[json!(-1), last])?;
    site.same_shape(LayerKind::Activation(Activation::Softmax))
}
