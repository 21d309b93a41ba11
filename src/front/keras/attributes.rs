//! A configuration of which nothing is dropped in silence.

use std::collections::HashSet;
use std::path::Path;

use serde_json::{Map, Value};

use super::quantizers::{self, Dialect};
use crate::front::error::{FrontError, Problem};
use crate::front::layer_problem::LayerProblem;
use crate::model::Activation;
use crate::quantizer::Quantizer;

/// Attributes that any layer may have and that say nothing about the result: the name is known
/// already, the shapes follow from the graph, and the others act in training alone.
const ANYWHERE: &[&str] =
    &["name", "trainable", "batch_input_shape", "batch_shape", "activity_regularizer"];

/// Names a layer in messages.
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

    /// As [`Owner::wrong`], where another file is to blame.
    pub(super) fn wrong_in(&self, path: &Path, problem: LayerProblem) -> FrontError {
        let (layer, class) = (self.layer.to_owned(), self.class.to_owned());
        Problem::Layer { layer, class, problem: Box::new(problem) }.at(path)
    }
}

/// The attributes of one layer. Each must be asked for, or declared to be without effect, before
/// [`Attributes::finish`].
pub(super) struct Attributes<'a> {
    owner: Owner<'a>,
    values: &'a Map<String, Value>,
    dialect: Dialect,
    known: HashSet<&'static str>,
    settled: HashSet<&'static str>,
}

impl<'a> Attributes<'a> {
    pub(super) fn new(owner: Owner<'a>, values: &'a Map<String, Value>, dialect: Dialect) -> Self {
        Self {
            owner,
            values,
            dialect,
            known: ANYWHERE.iter().copied().collect(),
            settled: HashSet::new(),
        }
    }

    /// The attributes of a layer in this one.
    pub(super) fn of_wrapped(&self, owner: Owner<'a>, values: &'a Map<String, Value>) -> Self {
        Self::new(owner, values, self.dialect.of_class(owner.class))
    }

    /// An attribute's value; `None` where there is none, or where Python's `None` stands.
    pub(super) fn get(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.insert(name);
        let stated = self.values.get(name).filter(|_| !self.settled.contains(name));
        stated.filter(|value| !value.is_null())
    }

    /// An attribute whose value has been seen to: from now on it is as if it were not there.
    pub(super) fn settle(&mut self, name: &'static str) {
        self.known.insert(name);
        self.settled.insert(name);
    }

    /// Attributes that do not change what the layer computes at inference.
    pub(super) fn inert(&mut self, names: &[&'static str]) {
        self.known.extend(names);
    }

    /// An attribute that must be one of `supported`, if it is there at all.
    pub(super) fn only(
        &mut self,
        name: &'static str,
        supported: &[Value],
    ) -> Result<(), FrontError> {
        match self.get(name) {
            Some(value) if !supported.iter().any(|other| equal(value, other)) => {
                let supported: Vec<_> = supported.iter().map(Value::to_string).collect();
                let help = match supported.is_empty() {
                    true => format!("leave {name} out"),
                    false => format!("supported is {name} = {}", supported.join(" or ")),
                };
                Err(self.unsupported(name, value, help))
            }
            _ => Ok(()),
        }
    }

    /// A truth value, true where there is none.
    pub(super) fn yes(&mut self, name: &'static str) -> Result<bool, FrontError> {
        self.flag(name, true)
    }

    /// A truth value, as which Python takes 0 and 1 too; `default` where there is none.
    pub(super) fn flag(&mut self, name: &'static str, default: bool) -> Result<bool, FrontError> {
        match self.get(name) {
            None => Ok(default),
            Some(Value::Bool(value)) => Ok(*value),
            Some(value) if equal(value, &Value::from(0)) => Ok(false),
            Some(value) if equal(value, &Value::from(1)) => Ok(true),
            Some(value) => Err(self.malformed(name, value, "true or false")),
        }
    }

    /// A whole number from 1.
    pub(super) fn count(&mut self, name: &'static str) -> Result<usize, FrontError> {
        let value = self.get(name).ok_or_else(|| self.missing(name))?;
        let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
        count
            .filter(|&count| count > 0)
            .ok_or_else(|| self.malformed(name, value, "a number from 1"))
    }

    /// A float32 number; `default` where there is none.
    pub(super) fn number(&mut self, name: &'static str, default: f32) -> Result<f32, FrontError> {
        let Some(value) = self.get(name) else { return Ok(default) };
        let number = value.as_f64().map(|number| number as f32).filter(|n| n.is_finite());
        number.ok_or_else(|| self.malformed(name, value, "a number"))
    }

    /// A quantizer, if there is one.
    pub(super) fn quantizer(
        &mut self,
        name: &'static str,
    ) -> Result<Option<Quantizer>, FrontError> {
        let value = self.get(name).unwrap_or(&Value::Null);
        quantizers::quantizer(value, self.dialect).map_err(|error| self.config(name, error))
    }

    /// A function of Keras or a quantizer of QKeras; linear where there is none.
    pub(super) fn activation(&mut self, name: &'static str) -> Result<Activation, FrontError> {
        let value = self.get(name).unwrap_or(&Value::Null);
        quantizers::activation(value, self.dialect).map_err(|error| self.config(name, error))
    }

    /// The elements of one sample, from a shape whose first axis is the batch.
    pub(super) fn sample_shape(
        &mut self,
        name: &'static str,
    ) -> Result<Option<Vec<usize>>, FrontError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let wrong = || self.malformed(name, value, "a batch axis and then lengths from 1");
        let axes = value.as_array().and_then(|axes| axes.split_first()).ok_or_else(wrong)?.1;
        let length = |axis: &Value| {
            let length = axis.as_u64().and_then(|axis| usize::try_from(axis).ok());
            length.filter(|&length| length > 0).ok_or_else(wrong)
        };
        axes.iter().map(length).collect::<Result<_, _>>().map(Some)
    }

    /// Errors of the attribute `name`.
    pub(super) fn unsupported(&self, name: &str, value: &Value, help: String) -> FrontError {
        let (attribute, value) = (name.to_owned(), shown(value));
        self.owner.wrong(LayerProblem::Value { attribute, value, help })
    }

    pub(super) fn malformed(&self, name: &str, value: &Value, expected: &str) -> FrontError {
        let (attribute, value) = (name.to_owned(), shown(value));
        self.owner.wrong(LayerProblem::Form { attribute, value, expected: expected.to_owned() })
    }

    pub(super) fn missing(&self, name: &str) -> FrontError {
        self.owner.wrong(LayerProblem::Missing { attribute: name.to_owned() })
    }

    pub(super) fn config(&self, name: &str, error: super::ConfigError) -> FrontError {
        self.owner.wrong(LayerProblem::Config { attribute: name.to_owned(), error })
    }

    /// Checks the type that the layer computes in, and that every attribute was understood.
    ///
    /// An unknown attribute passes if it is `None`: that is how Keras writes an option not taken.
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

/// `float32`, or a policy of that name (`Policy` in Keras 2, `DTypePolicy` in Keras 3).
fn check_dtype(attributes: &Attributes<'_>, dtype: &Value) -> Result<(), FrontError> {
    let name = match dtype {
        Value::Object(policy) => match policy.get("class_name").and_then(Value::as_str) {
            Some("Policy" | "DTypePolicy") => {
                policy.get("config").and_then(|config| config.get("name"))
            }
            _ => None,
        },
        name => Some(name),
    };
    match name.and_then(Value::as_str) {
        Some("float32") => Ok(()),
        _ => {
            let help = "supported is dtype = \"float32\": set it and save the model again";
            Err(attributes.unsupported("dtype", name.unwrap_or(dtype), help.to_owned()))
        }
    }
}

/// Equality that does not tell 0 from 0.0, as Python's does not.
pub(super) fn equal(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// A value for a message, its end left out where it is long.
pub(super) fn shown(value: &Value) -> String {
    const LONGEST: usize = 120;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
