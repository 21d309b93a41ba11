//! Quantizers and activations as a Keras configuration writes them.
//!
//! Keras 2 and 3 both write an object with `class_name` and `config` (and more, which tells Python
//! where the class lives), or the text of a call. Nothing else is read as a quantizer.

use serde_json::{Map, Value};

use crate::model::Activation;
use crate::quantizer::{self, ParseError, Quantizer};

/// A configuration of a quantizer or activation that Bitkiln does not understand.
#[derive(Clone, Debug, PartialEq, thiserror::Error, miette::Diagnostic)]
pub enum ConfigError {
    /// The quantizer itself.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Quantizer(#[from] ParseError),
    /// Neither text nor an object with `class_name`.
    #[error("{value} states no quantizer or activation")]
    #[diagnostic(help("expected null, text, or an object with class_name and config"))]
    Form {
        /// What stands there.
        value: String,
    },
    /// Keras has it, Bitkiln does not.
    #[error("the activation '{name}' is known to Keras, but not supported yet by Bitkiln")]
    #[diagnostic(help("supported are {}", supported_activations()))]
    NotYet {
        /// Its name.
        name: String,
    },
    /// Neither Keras nor QKeras has it.
    #[error("there is no activation '{name}'{}", nearest.as_ref().map(|known| format!("; did you mean '{known}'?")).unwrap_or_default())]
    #[diagnostic(help("supported are {}", supported_activations()))]
    Unknown {
        /// Its name.
        name: String,
        /// A known name that looks like it.
        nearest: Option<String>,
    },
    /// A function of Keras where a quantizer should stand.
    #[error("the function '{name}' stands where a quantizer is expected")]
    #[diagnostic(help("quantizers are {}", quantizer::names().join(", ")))]
    NoQuantizer {
        /// Its name.
        name: String,
    },
}

const SUPPORTED: [(&str, Activation); 3] =
    [("linear", Activation::Linear), ("relu", Activation::Relu), ("softmax", Activation::Softmax)];

/// The activations of Keras 2 and 3 that Bitkiln does not have. QKeras' own come with its
/// quantizers.
const NOT_YET: &[&str] = &[
    "celu",
    "elu",
    "exponential",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
];

fn supported_activations() -> String {
    let names = SUPPORTED.iter().map(|(name, _)| *name).chain(quantizer::names());
    names.collect::<Vec<_>>().join(", ")
}

/// What a configuration states, freed of its form.
enum Stated<'a> {
    Nothing,
    /// A name, or the text of a call.
    Text(&'a str),
    Class(&'a str, Option<&'a Map<String, Value>>),
}

impl<'a> Stated<'a> {
    fn read(value: &'a Value) -> Result<Self, ConfigError> {
        let form = || ConfigError::Form { value: value.to_string() };
        match value {
            Value::Null => Ok(Self::Nothing),
            Value::String(text) => Ok(Self::Text(text)),
            Value::Object(object) => {
                let name = object.get("class_name").and_then(Value::as_str).ok_or_else(form)?;
                match object.get("config") {
                    // Keras 3 writes a plain function so.
                    Some(Value::String(function)) if name == "function" => Ok(Self::Text(function)),
                    Some(Value::Object(config)) => Ok(Self::Class(name, Some(config))),
                    None | Some(Value::Null) => Ok(Self::Class(name, None)),
                    Some(_) => Err(form()),
                }
            }
            _ => Err(form()),
        }
    }
}

/// The quantizer of a class and its `config`, each entry an argument of the constructor.
fn class(name: &str, config: Option<&Map<String, Value>>) -> Result<Quantizer, ParseError> {
    let arguments: Vec<(String, Value)> =
        config.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect();
    Quantizer::construct(name, &[], &arguments)
}

/// Whether Keras has a function of that name.
fn is_keras_function(name: &str) -> bool {
    SUPPORTED.iter().any(|(known, _)| *known == name) || NOT_YET.contains(&name)
}

/// Reads what stands under `kernel_quantizer` and its like; null and "linear" quantize nothing.
///
/// # Errors
/// If it is no quantizer, or one with parameters that Bitkiln does not support.
pub(super) fn quantizer(value: &Value) -> Result<Option<Quantizer>, ConfigError> {
    match Stated::read(value)? {
        Stated::Nothing | Stated::Text("linear") => Ok(None),
        Stated::Text(text) => match text.parse() {
            Err(ParseError::Unknown { name, .. }) if is_keras_function(&name) => {
                Err(ConfigError::NoQuantizer { name })
            }
            parsed => Ok(Some(parsed?)),
        },
        Stated::Class(name, config) => Ok(Some(class(name, config)?)),
    }
}

/// Reads what stands under `activation`.
///
/// # Errors
/// If it is unknown or not supported yet.
pub(super) fn activation(value: &Value) -> Result<Activation, ConfigError> {
    let parsed = match Stated::read(value)? {
        Stated::Nothing => return Ok(Activation::Linear),
        Stated::Text(text) => {
            if let Some((_, activation)) = SUPPORTED.iter().find(|(name, _)| *name == text) {
                return Ok(activation.clone());
            }
            text.parse()
        }
        Stated::Class(name, config) => class(name, config),
    };
    match parsed {
        Err(ParseError::Unknown { name, .. }) if is_keras_function(&name) => {
            Err(ConfigError::NotYet { name })
        }
        Err(ParseError::Unknown { name, nearest }) => {
            let functions = SUPPORTED.iter().map(|(name, _)| *name).chain(NOT_YET.iter().copied());
            // A word may resemble a function of Keras more than any quantizer.
            let known = functions.chain(nearest.as_deref());
            let nearest = quantizer::nearest(&name, known);
            Err(ConfigError::Unknown { name, nearest })
        }
        parsed => Ok(Activation::Quantizer(parsed?)),
    }
}
