//! Attributes of a layer. None is ignored unless it is known to have no effect.

use std::collections::HashSet;
use std::path::Path;

use serde_json::{Map, Value};

use super::batch_axis::BatchAxis;
use super::quantizers::{self, Generation, Namespace};
use crate::front::error::{FrontError, Problem};
use crate::front::input_shape::OpenShape;
use crate::front::layer_problem::LayerProblem;
use crate::model::Activation;
use crate::quantizer::Quantizer;

/// Attributes of any layer that do not change the result: the name is known, shapes follow from the
/// graph, and the others act in training only.
const COMMON: &[&str] =
    &["name", "trainable", "batch_input_shape", "batch_shape", "activity_regularizer"];

/// Packages under which Keras and QKeras register their classes.
pub(super) const PACKAGES: [&str; 3] = ["keras", "Keras", "qkeras"];

/// A layer, for messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner<'a> {
    /// The file that holds the configuration.
    pub(super) path: &'a Path,
    pub(super) layer: &'a str,
    pub(super) class: &'a str,
}

impl Owner<'_> {
    pub(super) fn wrong(&self, problem: LayerProblem) -> FrontError {
        self.wrong_in(self.path, problem)
    }

    /// As [`Owner::wrong`], for an error of another file.
    pub(super) fn wrong_in(&self, path: &Path, problem: LayerProblem) -> FrontError {
        let (layer, class) = (self.layer.to_owned(), self.class.to_owned());
        Problem::Layer { layer, class, problem: Box::new(problem) }.at(path)
    }
}

/// Attributes of one layer. Each must be read, or declared to have no effect, before
/// [`Attributes::finish`].
pub(super) struct Attributes<'a> {
    owner: Owner<'a>,
    values: &'a Map<String, Value>,
    namespace: Namespace,
    known: HashSet<&'static str>,
    consumed: HashSet<&'static str>,
}

impl<'a> Attributes<'a> {
    pub(super) fn new(
        owner: Owner<'a>,
        values: &'a Map<String, Value>,
        namespace: Namespace,
    ) -> Self {
        Self {
            owner,
            values,
            namespace,
            known: COMMON.iter().copied().collect(),
            consumed: HashSet::new(),
        }
    }

    /// Returns the layer, for messages.
    pub(super) fn owner(&self) -> Owner<'a> {
        self.owner
    }

    /// Returns true for a layer of QKeras.
    pub(super) fn is_of_qkeras(&self) -> bool {
        self.namespace.qkeras_first
    }

    /// Returns the Keras that wrote the file.
    pub(super) fn generation(&self) -> Generation {
        self.namespace.keras
    }

    /// Returns the attributes of a wrapped layer.
    pub(super) fn of_wrapped(&self, owner: Owner<'a>, values: &'a Map<String, Value>) -> Self {
        Self::new(owner, values, self.namespace.of_class(owner.class))
    }

    /// Returns an attribute's value; `None` if it is missing or null.
    pub(super) fn get(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.insert(name);
        let stated = self.values.get(name).filter(|_| !self.consumed.contains(name));
        stated.filter(|value| !value.is_null())
    }

    /// Returns the value of a required attribute.
    pub(super) fn require(&mut self, name: &'static str) -> Result<&'a Value, FrontError> {
        self.get(name).ok_or_else(|| self.missing(name))
    }

    /// Marks an attribute as handled; later reads see it as missing.
    pub(super) fn consume(&mut self, name: &'static str) {
        self.known.insert(name);
        self.consumed.insert(name);
    }

    /// Declares attributes that have no effect at inference.
    pub(super) fn inert(&mut self, names: &[&'static str]) {
        self.known.extend(names);
    }

    /// Requires an attribute to be missing or one of `supported`.
    pub(super) fn only(
        &mut self,
        name: &'static str,
        supported: &[Value],
    ) -> Result<(), FrontError> {
        match self.get(name) {
            Some(value) if !supported.iter().any(|other| equal(value, other)) => {
                let supported: Vec<_> = supported.iter().map(Value::to_string).collect();
                let help = match supported.is_empty() {
                    true => format!("remove {name}"),
                    false => format!("supported: {name} = {}", supported.join(" or ")),
                };
                Err(self.unsupported(name, value, help))
            }
            _ => Ok(()),
        }
    }

    /// Reads a boolean, or 0 or 1 as in Python.
    pub(super) fn flag(&mut self, name: &'static str, default: bool) -> Result<bool, FrontError> {
        match self.get(name) {
            None => Ok(default),
            Some(Value::Bool(value)) => Ok(*value),
            Some(value) if equal(value, &Value::from(0)) => Ok(false),
            Some(value) if equal(value, &Value::from(1)) => Ok(true),
            Some(value) => Err(self.malformed(name, value, "true or false")),
        }
    }

    /// Reads a positive integer.
    pub(super) fn count(&mut self, name: &'static str) -> Result<usize, FrontError> {
        let value = self.require(name)?;
        natural(value)
            .filter(|&count| count > 0)
            .ok_or_else(|| self.malformed(name, value, "a positive integer"))
    }

    /// Reads a positive integer that has a default.
    pub(super) fn count_or(
        &mut self,
        name: &'static str,
        default: usize,
    ) -> Result<usize, FrontError> {
        if self.get(name).is_some() { self.count(name) } else { Ok(default) }
    }

    /// Reads a float32 number.
    pub(super) fn number(&mut self, name: &'static str, default: f32) -> Result<f32, FrontError> {
        let Some(value) = self.get(name) else { return Ok(default) };
        let number = value.as_f64().map(|number| number as f32).filter(|n| n.is_finite());
        number.ok_or_else(|| self.malformed(name, value, "a number"))
    }

    /// Reads a float32 number that must not be negative.
    pub(super) fn non_negative(
        &mut self,
        name: &'static str,
        default: f32,
    ) -> Result<f32, FrontError> {
        let number = self.number(name, default)?;
        match self.get(name) {
            Some(value) if number < 0.0 => {
                Err(self.malformed(name, value, "a non-negative number"))
            }
            _ => Ok(number),
        }
    }

    /// Reads a quantizer.
    pub(super) fn quantizer(
        &mut self,
        name: &'static str,
    ) -> Result<Option<Quantizer>, FrontError> {
        let value = self.get(name).unwrap_or(&Value::Null);
        quantizers::quantizer(value, self.namespace).map_err(|error| self.config(name, error))
    }

    /// Reads a function or quantizer; linear by default.
    pub(super) fn activation(&mut self, name: &'static str) -> Result<Activation, FrontError> {
        let value = self.get(name).unwrap_or(&Value::Null);
        quantizers::activation(value, self.namespace).map_err(|error| self.config(name, error))
    }

    /// Reads a shape with a batch axis, and returns the shape of one sample. An axis that is null
    /// has any length.
    pub(super) fn sample_shape(
        &mut self,
        name: &'static str,
        batch: BatchAxis,
    ) -> Result<Option<OpenShape>, FrontError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let wrong = || self.malformed(name, value, "a batch axis and positive lengths");
        let mut axes = value.as_array().cloned().ok_or_else(wrong)?;
        if batch.index() >= axes.len() {
            return Err(wrong());
        }
        axes.remove(batch.index());
        let length = |axis: &Value| match axis {
            Value::Null => Ok(None),
            axis => natural(axis).filter(|&length| length > 0).map(Some).ok_or_else(wrong),
        };
        axes.iter().map(length).collect::<Result<_, _>>().map(|axes| Some(OpenShape(axes)))
    }

    /// Error: the value of the attribute `name` is not supported.
    pub(super) fn unsupported(&self, name: &str, value: &Value, help: String) -> FrontError {
        let (attribute, value) = (name.to_owned(), shown(value));
        self.owner.wrong(LayerProblem::Value { attribute, value, help })
    }

    /// Error: the value of the attribute `name` is not `expected`.
    pub(super) fn malformed(&self, name: &str, value: &Value, expected: &str) -> FrontError {
        let (attribute, value) = (name.to_owned(), shown(value));
        self.owner.wrong(LayerProblem::Form { attribute, value, expected: expected.to_owned() })
    }

    /// Error: the attribute `name` is missing.
    pub(super) fn missing(&self, name: &str) -> FrontError {
        self.owner.wrong(LayerProblem::Missing { attribute: name.to_owned() })
    }

    /// Error: the quantizer or activation `name` is invalid.
    pub(super) fn config(&self, name: &str, error: super::ActivationError) -> FrontError {
        self.owner.wrong(LayerProblem::Config { attribute: name.to_owned(), error })
    }

    /// Checks `dtype` and that every attribute is known.
    ///
    /// An unknown attribute may be null, which Keras writes for an option that is not used.
    pub(super) fn finish(mut self) -> Result<(), FrontError> {
        if let Some(dtype) = self.get("dtype") {
            check_dtype(&self, dtype)?;
        }
        let mut others = self.values.iter().filter(|(name, _)| !self.known.contains(name.as_str()));
        match others.find(|(_, value)| !value.is_null()) {
            None => Ok(()),
            Some((name, value)) => {
                let (attribute, value) = (name.to_owned(), shown(value));
                Err(self.owner.wrong(LayerProblem::Unknown { attribute, value }))
            }
        }
    }
}

/// Requires `float32` or a policy of that name (`Policy` in Keras 2, `DTypePolicy` in Keras 3).
fn check_dtype(attributes: &Attributes<'_>, dtype: &Value) -> Result<(), FrontError> {
    let name = match dtype {
        Value::Object(policy) => match policy.get("class_name").and_then(Value::as_str) {
            Some("Policy" | "DTypePolicy" | "FloatDTypePolicy") => {
                policy.get("config").and_then(|config| config.get("name"))
            }
            _ => None,
        },
        name => Some(name),
    };
    match name.and_then(Value::as_str) {
        Some("float32") => Ok(()),
        _ => {
            let help = "Bitkiln computes what float32 layers compute, so dtype must be \"float32\": build the \
                        model again under keras.mixed_precision.set_global_policy(\"float32\"), and copy the \
                        weights: new.set_weights(old.get_weights())";
            Err(attributes.unsupported("dtype", name.unwrap_or(dtype), help.to_owned()))
        }
    }
}

/// Returns true for equal values, 0 and 0.0 being equal as in Python.
pub(super) fn equal(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// Returns the class of an object. The `.h5` files of Keras 3 state the registered name:
/// `qkeras>QDense` for QDense.
pub(super) fn class_of(object: &Value) -> Option<&str> {
    let class = object.get("class_name")?.as_str()?;
    match class.split_once('>') {
        Some((package, own)) if PACKAGES.contains(&package) => Some(own),
        _ => Some(class),
    }
}

/// Reads a non-negative integer.
pub(super) fn natural(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|number| usize::try_from(number).ok())
}

/// Reads a JSON array, or a single value as a list of one.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// Formats a value for a message and truncates a long one.
pub(super) fn shown(value: &Value) -> String {
    const MAX_CHARS: usize = 120;
    let text = value.to_string();
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
