//! Activation, QActivation, and the layers of Keras that are an activation.

use serde_json::Value;

use super::{Built, Class, Site};
use crate::front::error::FrontError;
use crate::function::{Function, Relu};
use crate::model::{Activation, LayerKind};

pub(super) const CLASSES: &[Class] = &[
    ("Activation", named),
    ("QActivation", named),
    ("ReLU", relu),
    ("LeakyReLU", leaky_relu),
    ("ThresholdedReLU", thresholded_relu),
    ("PReLU", prelu),
    ("ELU", elu),
    ("Softmax", softmax),
];

fn named(site: &mut Site<'_>) -> Result<Built, FrontError> {
    if site.attributes.get("activation").is_none() {
        return Err(site.attributes.missing("activation"));
    }
    let activation = site.attributes.activation("activation")?;
    site.same_shape(LayerKind::Activation(activation))
}

fn function(site: &Site<'_>, function: Function) -> Result<Built, FrontError> {
    site.same_shape(LayerKind::Activation(Activation::Function(function)))
}

fn relu(site: &mut Site<'_>) -> Result<Built, FrontError> {
    let max_value = match site.attributes.get("max_value") {
        None => None,
        Some(_) => Some(not_negative(site, "max_value", 0.0)?),
    };
    let negative_slope = not_negative(site, "negative_slope", 0.0)?;
    let threshold = not_negative(site, "threshold", 0.0)?;
    function(site, Function::Relu(Relu { max_value, negative_slope, threshold }))
}

fn leaky_relu(site: &mut Site<'_>) -> Result<Built, FrontError> {
    // Keras 2 and 3 name it differently.
    const DEFAULT: f32 = 0.3;
    let slope = site.attributes.number("alpha", DEFAULT)?;
    let slope = site.attributes.number("negative_slope", slope)?;
    function(site, Function::Relu(Relu::leaky(slope)))
}

fn thresholded_relu(site: &mut Site<'_>) -> Result<Built, FrontError> {
    let threshold = not_negative(site, "theta", 1.0)?;
    function(site, Function::Relu(Relu { threshold, ..Relu::default() }))
}

fn elu(site: &mut Site<'_>) -> Result<Built, FrontError> {
    // Keras 3 does not save it.
    let alpha = site.attributes.number("alpha", 1.0)?;
    function(site, Function::Elu { alpha })
}

/// A number that Keras itself refuses to be negative.
fn not_negative(site: &mut Site<'_>, name: &'static str, default: f32) -> Result<f32, FrontError> {
    let number = site.attributes.number(name, default)?;
    match site.attributes.get(name) {
        Some(value) if number < 0.0 => {
            Err(site.attributes.malformed(name, value, "a number from 0"))
        }
        _ => Ok(number),
    }
}

fn prelu(site: &mut Site<'_>) -> Result<Built, FrontError> {
    site.attributes.inert(&["alpha_initializer", "alpha_regularizer", "alpha_constraint"]);
    let mut shape = site.input()?.to_vec();
    for axis in shared_axes(site, shape.len())? {
        shape[axis] = 1;
    }
    let alpha = site.weights.variables(&["alpha"])?.next(shape)?;
    site.same_shape(LayerKind::PRelu(alpha))
}

/// The axes of a sample, counted from 0, along which PReLU has one slope; the file counts the batch
/// as well.
fn shared_axes(site: &mut Site<'_>, axes: usize) -> Result<Vec<usize>, FrontError> {
    let Some(value) = site.attributes.get("shared_axes") else { return Ok(vec![]) };
    let axis = |axis: &Value| {
        let axis = axis.as_u64().and_then(|axis| usize::try_from(axis).ok())?;
        (1..=axes).contains(&axis).then(|| axis - 1)
    };
    let read = value.as_array().and_then(|list| list.iter().map(axis).collect());
    let expected = format!("a list of axes from 1 to {axes}");
    read.ok_or_else(|| site.attributes.malformed("shared_axes", value, &expected))
}

fn softmax(site: &mut Site<'_>) -> Result<Built, FrontError> {
    // The batch axis comes first, so that the last axis has the number of the sample's axes.
    let last = Value::from(site.input()?.len());
    site.attributes.only("axis", &[Value::from(-1), last])?;
    site.same_shape(LayerKind::Activation(Activation::Softmax))
}
