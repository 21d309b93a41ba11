//! Activation layers: functions of Keras, QActivation and QAdaptiveActivation.

use serde_json::{Value, json};

use super::{Built, Class, LayerReader, is_class};
use crate::front::error::FrontError;
use crate::front::keras::architecture::check_origin;
use crate::front::keras::attributes::{Attributes, Owner, equal, natural};
use crate::front::layer_problem::LayerProblem;
use crate::function::{Function, Relu};
use crate::model::{Activation, LayerKind};
use crate::quantizer::{Adaptive, AdaptiveRule, Quantizer};

pub(super) const CLASSES: &[Class] = &[
    ("Activation", named),
    ("QActivation", named),
    ("QAdaptiveActivation", adaptive),
    ("ReLU", |layer| layer.same_shape_activation(relu)),
    ("LeakyReLU", |layer| layer.same_shape_activation(leaky_relu)),
    ("ThresholdedReLU", |layer| layer.same_shape_activation(thresholded_relu)),
    ("PReLU", prelu),
    ("ELU", |layer| layer.same_shape_activation(elu)),
    ("Softmax", |layer| layer.same_shape_activation(softmax)),
];

/// Reads the function of an activation layer without weights; `axes` is the number of axes of a sample.
type ReadActivation = fn(&mut Attributes<'_>, usize) -> Result<Activation, FrontError>;

/// Layers that may stand as the activation of another one: `Dense(4, activation=LeakyReLU(0.1))`.
const AS_ACTIVATION: &[(&str, ReadActivation)] = &[
    ("Activation", inner),
    ("QActivation", inner),
    ("ReLU", relu),
    ("LeakyReLU", leaky_relu),
    ("ThresholdedReLU", thresholded_relu),
    ("ELU", elu),
    ("Softmax", softmax),
];

impl LayerReader<'_> {
    /// Reads an activation: a function or quantizer, or a layer object; linear by default.
    pub(in crate::front::keras) fn activation(
        &mut self,
        name: &'static str,
    ) -> Result<Activation, FrontError> {
        let axes = self.inputs.first().map_or(0, Vec::len);
        activation(&mut self.attributes, name, axes)
    }

    fn same_shape_activation(&mut self, read: ReadActivation) -> Result<Built, FrontError> {
        let axes = self.input()?.len();
        let activation = read(&mut self.attributes, axes)?;
        self.same_shape(LayerKind::Activation(activation))
    }
}

/// Reads the activation `name` of a layer whose samples have this many axes.
fn activation(
    attributes: &mut Attributes<'_>,
    name: &'static str,
    axes: usize,
) -> Result<Activation, FrontError> {
    let object = attributes.get(name).unwrap_or(&Value::Null);
    let Some(class) = object.get("class_name").and_then(Value::as_str) else {
        return attributes.activation(name);
    };
    let Some((_, read)) = AS_ACTIVATION.iter().find(|(known, _)| *known == class) else {
        if !is_class(class) {
            return attributes.activation(name);
        }
        let help = format!("use a separate {class} layer after this one");
        return Err(attributes.unsupported(name, &json!(class), help));
    };
    let Some(Value::Object(config)) = object.get("config") else {
        return Err(attributes.malformed(name, object, "a layer with class_name and config"));
    };
    let owner = Owner { class, ..attributes.owner() };
    check_origin(owner, object)?;
    let mut own = attributes.of_wrapped(owner, config);
    let activation = read(&mut own, axes)?;
    own.finish()?;
    Ok(activation)
}

fn named(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    layer.same_shape_activation(inner)
}

fn inner(attributes: &mut Attributes<'_>, axes: usize) -> Result<Activation, FrontError> {
    attributes.require("activation")?;
    activation(attributes, "activation", axes)
}

fn relu(attributes: &mut Attributes<'_>, _: usize) -> Result<Activation, FrontError> {
    let max_value = match attributes.get("max_value") {
        None => None,
        Some(_) => Some(attributes.non_negative("max_value", 0.0)?),
    };
    let negative_slope = attributes.non_negative("negative_slope", 0.0)?;
    let threshold = attributes.non_negative("threshold", 0.0)?;
    Ok(Activation::Function(Function::Relu(Relu { max_value, negative_slope, threshold })))
}

fn leaky_relu(attributes: &mut Attributes<'_>, _: usize) -> Result<Activation, FrontError> {
    // The names in Keras 2 and 3.
    const DEFAULT: f32 = 0.3;
    let slope = attributes.number("alpha", DEFAULT)?;
    let slope = attributes.number("negative_slope", slope)?;
    Ok(Activation::Function(Function::Relu(Relu::leaky(slope))))
}

fn thresholded_relu(attributes: &mut Attributes<'_>, _: usize) -> Result<Activation, FrontError> {
    let threshold = attributes.non_negative("theta", 1.0)?;
    Ok(Activation::Function(Function::Relu(Relu { threshold, ..Relu::default() })))
}

fn elu(attributes: &mut Attributes<'_>, _: usize) -> Result<Activation, FrontError> {
    // Some versions of Keras 3 do not save it.
    let alpha = attributes.number("alpha", 1.0)?;
    Ok(Activation::Function(Function::Elu { alpha }))
}

fn softmax(attributes: &mut Attributes<'_>, axes: usize) -> Result<Activation, FrontError> {
    // Axes include the batch, so the last axis has the number of axes of a sample. A single axis before
    // it has been read as that of the channels.
    let Some(axis) = attributes.get("axis") else { return Ok(Activation::Softmax) };
    if ![Value::from(-1), Value::from(axes)].iter().any(|last| equal(axis, last)) {
        let all: Vec<String> = (1..=axes).map(|axis| axis.to_string()).collect();
        let help = format!("supported: axis = -1 or {}", all.join(" or "));
        return Err(attributes.unsupported("axis", axis, help));
    }
    Ok(Activation::Softmax)
}

fn prelu(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    layer.attributes.inert(&["alpha_initializer", "alpha_regularizer", "alpha_constraint"]);
    let mut shape = layer.input()?.to_vec();
    for axis in shared_axes(layer, shape.len())? {
        shape[axis] = 1;
    }
    let alpha = layer.weights.variables(&["alpha"])?.next(shape)?;
    layer.same_shape(LayerKind::PRelu(alpha))
}

/// Reads the axes of a sample along which PReLU shares slopes. Axes in the file include the batch.
fn shared_axes(layer: &mut LayerReader<'_>, axes: usize) -> Result<Vec<usize>, FrontError> {
    let Some(value) = layer.attributes.get("shared_axes") else { return Ok(vec![]) };
    let axis = |axis: &Value| {
        let axis = natural(axis)?;
        (1..=axes).contains(&axis).then(|| axis - 1)
    };
    let read = value.as_array().and_then(|list| list.iter().map(axis).collect());
    let expected = format!("a list of axes from 1 to {axes}");
    read.ok_or_else(|| layer.attributes.malformed("shared_axes", value, &expected))
}

/// Attributes of QAdaptiveActivation that act during training.
const TRAINING_ATTRIBUTES: &[&str] = &["current_step", "quantization_delay", "ema_decay"];

/// Variables of QAdaptiveActivation: the step counter, and the moving averages of the range.
const VARIABLES: &[&str] = &["step", "ema_min", "ema_max"];

fn adaptive(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    layer.attributes.inert(TRAINING_ATTRIBUTES);
    let symmetric = layer.attributes.flag("symmetric", true)?;
    let po2_rounding = layer.attributes.flag("po2_rounding", false)?;
    let per_channel = layer.attributes.flag("per_channel", false)?;
    let quantizer = adaptive_quantizer(layer, symmetric)?;

    let channels = match per_channel {
        true => *layer.input()?.last().ok_or_else(|| layer.owner.wrong(LayerProblem::Scalar))?,
        false => 1,
    };
    let mut variables = layer.weights.variables(VARIABLES)?;
    let step = variables.next(())?.into_scalar();
    let lowest = variables.next([channels])?;
    let highest = variables.next([channels])?;
    let ranges = lowest.into_iter().zip(highest).collect();
    let rule = AdaptiveRule { symmetric, po2_rounding };
    // A layer without channels has no elements.
    let adaptive = Adaptive::new(&quantizer, rule, ranges);
    let moving = updates_at_inference(layer, step)?;
    let adaptive = adaptive.map(|adaptive| adaptive.moving(moving));
    layer.same_shape(adaptive.map_or(LayerKind::Identity, LayerKind::Adaptive))
}

/// Returns true if QKeras updates the averages at inference, after training up to `step`:
/// `is_ema_training` in its `call`.
fn updates_at_inference(layer: &mut LayerReader<'_>, step: f32) -> Result<bool, FrontError> {
    let delay = layer.attributes.number("ema_freeze_delay", 0.0)?;
    Ok(delay != 0.0 && layer.attributes.flag("trainable", true)? && step <= delay)
}

/// Returns the quantizer of the layer, except for its integer bits.
fn adaptive_quantizer(
    layer: &mut LayerReader<'_>,
    symmetric: bool,
) -> Result<Quantizer, FrontError> {
    let value = layer.attributes.require("activation")?;
    let bits = layer.attributes.require("total_bits")?;
    let slope = layer.attributes.get("relu_neg_slope").cloned().unwrap_or(json!(0));
    let bound = layer.attributes.get("relu_upper_bound").cloned().unwrap_or(Value::Null);
    let (name, mut arguments) = match value.as_str() {
        Some(name @ "quantized_bits") => {
            (name, vec![("alpha", json!(1)), ("symmetric", json!(symmetric))])
        }
        Some(name @ "quantized_relu") => (
            name,
            vec![
                ("negative_slope", slope),
                ("relu_upper_bound", bound),
                ("is_quantized_clip", json!(false)),
            ],
        ),
        _ => {
            let help = "supported: \"quantized_bits\" and \"quantized_relu\", without parentheses";
            return Err(layer.attributes.unsupported("activation", value, help.into()));
        }
    };
    arguments.push(("bits", bits.clone()));
    let arguments: Vec<(String, Value)> =
        arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let quantizer = Quantizer::construct(name, &[], &arguments);
    quantizer.map_err(|error| layer.attributes.config("activation", error.into()))
}
