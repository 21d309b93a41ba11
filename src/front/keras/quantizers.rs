//! Quantizers and activations as a Keras configuration writes them.
//!
//! Keras 2 and 3 both write an object with `class_name` and `config` (and more, which tells Python
//! where the class lives), or the text of a call. Nothing else is read as a quantizer.

use serde_json::{Map, Value};

use super::functions::{self, Generation};
use crate::function::Sigmoid;
use crate::model::Activation;
use crate::naming::nearest as nearest_name;
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

/// How names in a configuration are understood, beyond what stands beside them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dialect {
    /// Who wrote the file.
    pub(super) keras: Generation,
    /// Whether a name means QKeras' function rather than the one of that name in Keras. QKeras'
    /// layers look a name up among QKeras' functions first (`get_quantizer`), Keras' own never do:
    /// `hard_sigmoid` has slope 1/2 in a QActivation, and 1/5 or 1/6 in an Activation.
    pub(super) qkeras_first: bool,
    /// What `set_internal_sigmoid` was when the model was trained.
    pub(super) sigmoid: Sigmoid,
}

/// Functions of rows, which are no [`Function`](crate::function::Function).
const OF_ROWS: [(&str, Activation); 2] =
    [("linear", Activation::Linear), ("softmax", Activation::Softmax)];

/// The activations of Keras 2 and 3 that Bitkiln does not have.
const NOT_YET: &[&str] = &["glu", "log_softmax", "sparsemax", "threshold"];

impl Dialect {
    /// How a layer of `class` understands names: QKeras' classes are Keras' with a Q before them.
    pub(super) fn of_class(self, class: &str) -> Self {
        let mut letters = class.chars();
        let is_qkeras =
            letters.next() == Some('Q') && letters.next().is_some_and(char::is_uppercase);
        Self { qkeras_first: is_qkeras, ..self }
    }

    /// Keras' function of that name.
    fn function(&self, name: &str) -> Option<Activation> {
        let of_rows = OF_ROWS.iter().find(|(known, _)| *known == name);
        let by_element = || functions::function(name, self.keras).map(Activation::Function);
        of_rows.map(|(_, activation)| activation.clone()).or_else(by_element)
    }

    /// The quantizer, as the module that it comes from was set up.
    fn settled(&self, quantizer: Quantizer) -> Quantizer {
        quantizer.with_internal_sigmoid(self.sigmoid)
    }
}

fn function_names() -> impl Iterator<Item = &'static str> {
    OF_ROWS.iter().map(|(name, _)| *name).chain(functions::names())
}

fn supported_activations() -> String {
    let mut names: Vec<&str> = function_names().collect();
    names.extend(quantizer::names().into_iter().filter(|name| !is_keras_function(name)));
    names.join(", ")
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
        config.into_iter().flatten().map(|(name, value)| (name.clone(), argument(value))).collect();
    Quantizer::construct(name, &[], &arguments)
}

/// A constructor's argument: an array in the form of Keras 3, else what stands there (Keras 2 writes
/// arrays as lists).
fn argument(value: &Value) -> Value {
    let array = match value.get("class_name").and_then(Value::as_str) {
        Some("__numpy__" | "__tensor__") => value.pointer("/config/value"),
        _ => None,
    };
    array.unwrap_or(value).clone()
}

/// Whether Keras has a function of that name.
fn is_keras_function(name: &str) -> bool {
    function_names().any(|known| known == name) || NOT_YET.contains(&name)
}

/// Reads what stands under `kernel_quantizer` and its like; null and "linear" quantize nothing.
///
/// # Errors
/// If it is no quantizer, or one with parameters that Bitkiln does not support.
pub(super) fn quantizer(value: &Value, dialect: Dialect) -> Result<Option<Quantizer>, ConfigError> {
    let parsed = match Stated::read(value)? {
        Stated::Nothing | Stated::Text("linear") => return Ok(None),
        Stated::Text(text) => text.parse(),
        Stated::Class(name, config) => class(name, config),
    };
    match parsed {
        Err(ParseError::Unknown { name, .. }) if is_keras_function(&name) => {
            Err(ConfigError::NoQuantizer { name })
        }
        parsed => Ok(Some(dialect.settled(parsed?))),
    }
}

/// Reads what stands under `activation`.
///
/// # Errors
/// If it is unknown or not supported yet.
pub(super) fn activation(value: &Value, dialect: Dialect) -> Result<Activation, ConfigError> {
    let parsed = match Stated::read(value)? {
        Stated::Nothing => return Ok(Activation::Linear),
        Stated::Text(text) => {
            let quantizer = text.parse::<Quantizer>();
            match dialect.function(text) {
                Some(function) if !(dialect.qkeras_first && quantizer.is_ok()) => {
                    return Ok(function);
                }
                _ => quantizer,
            }
        }
        Stated::Class(name, config) => class(name, config),
    };
    match parsed {
        Err(ParseError::Unknown { name, .. }) if NOT_YET.contains(&name.as_str()) => {
            Err(ConfigError::NotYet { name })
        }
        // A function that Bitkiln has, but written as a call.
        Err(ParseError::Unknown { name, .. }) if is_keras_function(&name) => {
            Err(ConfigError::Form { value: value.to_string() })
        }
        Err(ParseError::Unknown { name, nearest }) => {
            // A word may resemble a function of Keras more than any quantizer.
            let mut known: Vec<&str> = function_names().chain(NOT_YET.iter().copied()).collect();
            known.extend(nearest);
            let nearest = nearest_name(&name, known).map(str::to_owned);
            Err(ConfigError::Unknown { name, nearest })
        }
        parsed => Ok(Activation::Quantizer(dialect.settled(parsed?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::{Function, Relu};
    use serde_json::json;

    const KERAS_2: Dialect =
        Dialect { keras: Generation::Two, qkeras_first: false, sigmoid: Sigmoid::Hard };
    const QKERAS: Dialect = Dialect { qkeras_first: true, ..KERAS_2 };

    fn quantizer(value: &Value) -> Result<Option<Quantizer>, ConfigError> {
        super::quantizer(value, QKERAS)
    }

    fn activation(value: &Value) -> Result<Activation, ConfigError> {
        super::activation(value, KERAS_2)
    }

    fn read(value: Value) -> Quantizer {
        quantizer(&value).unwrap().unwrap()
    }

    fn function(function: Function) -> Activation {
        Activation::Function(function)
    }

    fn bits() -> Quantizer {
        "quantized_bits(4, 0, 1, alpha='auto_po2')".parse().unwrap()
    }

    fn config() -> Value {
        json!({
            "bits": 4, "integer": 0, "symmetric": true, "alpha": "auto_po2", "keep_negative": true,
            "use_stochastic_rounding": false, "qnoise_factor": 1.0, "post_training_scale": null
        })
    }

    #[test]
    fn nothing_quantizes_nothing() {
        assert_eq!(quantizer(&Value::Null), Ok(None));
        assert_eq!(quantizer(&json!("linear")), Ok(None));
    }

    #[test]
    fn every_form_states_the_same_quantizer() {
        let forms = [
            json!("quantized_bits(4, 0, 1, alpha='auto_po2')"),
            json!({"class_name": "quantized_bits", "config": config()}),
            json!({
                "class_name": "quantized_bits", "config": config(), "__passive_serialization__": true
            }),
            json!({
                "module": "qkeras.quantizers", "class_name": "quantized_bits", "config": config(),
                "registered_name": "qkeras>quantized_bits", "shared_object_id": 1399586
            }),
        ];
        for form in forms {
            assert_eq!(read(form), bits());
        }
        let plain = "ternary".parse().unwrap();
        assert_eq!(read(json!({"class_name": "ternary"})), plain);
        assert_eq!(read(json!({"class_name": "ternary", "config": null})), plain);
    }

    #[test]
    fn activations_are_functions_of_keras_or_quantizers() {
        let cases = [
            (Value::Null, Activation::Linear),
            (json!("linear"), Activation::Linear),
            (json!("relu"), function(Function::Relu(Relu::default()))),
            (json!("swish"), function(Function::Silu)),
            (json!("softmax"), Activation::Softmax),
            (
                json!({
                    "module": "builtins", "class_name": "function", "config": "relu",
                    "registered_name": "function"
                }),
                function(Function::Relu(Relu::default())),
            ),
            (json!("quantized_bits(4,0,alpha='auto_po2')"), Activation::Quantizer(bits())),
            (
                json!({"class_name": "quantized_bits", "config": config()}),
                Activation::Quantizer(bits()),
            ),
        ];
        for (value, expected) in cases {
            assert_eq!(activation(&value), Ok(expected), "{value}");
        }
    }

    /// What QKeras 0.9 and Keras 2.15 and 3.10 make of "hard_sigmoid", also when they load a file.
    #[test]
    fn a_name_means_what_it_means_to_the_layer() {
        let name = json!("hard_sigmoid");
        let object = json!({
            "module": "builtins", "class_name": "function", "config": "hard_sigmoid",
            "registered_name": "function"
        });
        for value in [name, object] {
            let at_one = |dialect| match super::activation(&value, dialect) {
                Ok(Activation::Function(function)) => function.value(1.0),
                Ok(Activation::Quantizer(quantizer)) => quantizer.apply(1.0),
                other => panic!("{other:?}"),
            };
            assert_eq!(at_one(QKERAS), 1.0);
            assert_eq!(at_one(KERAS_2), 0.7);
            let keras_3 = Dialect { keras: Generation::Three, ..KERAS_2 };
            assert_eq!(at_one(keras_3), 1.0 / 6.0 + 0.5);
            let qkeras_3 = Dialect { keras: Generation::Three, ..QKERAS };
            assert_eq!(at_one(qkeras_3), 1.0);
        }
        // QKeras has no function of these names, and falls back to Keras.
        for name in ["tanh", "softplus", "relu"] {
            let value = json!(name);
            assert_eq!(super::activation(&value, QKERAS), super::activation(&value, KERAS_2));
        }
    }

    #[test]
    fn quantizers_have_the_sigmoid_that_was_set() {
        let smooth = Dialect { sigmoid: Sigmoid::Smooth, ..QKERAS };
        let value = json!("quantized_tanh(8)");
        let Ok(Activation::Quantizer(tanh)) = super::activation(&value, smooth) else {
            panic!("no quantizer");
        };
        assert_eq!(tanh.apply(1.0), 0.375);
        let kernel = super::quantizer(&value, smooth).unwrap();
        assert_eq!(kernel, Some(tanh));
        assert_eq!(read(value).apply(1.0), 127.0 / 128.0);
    }

    #[test]
    fn names_what_it_does_not_understand() {
        let function = |name: &str| json!({"class_name": "function", "config": name});
        let cases = [
            (json!("relu(6)"), r#""relu(6)" states no quantizer or activation"#),
            (json!(7), "7 states no quantizer or activation"),
            (json!(["relu"]), r#"["relu"] states no quantizer or activation"#),
            (json!({"config": {}}), r#"{"config":{}} states no quantizer or activation"#),
            (
                json!({"class_name": "binary", "config": 3}),
                r#"{"class_name":"binary","config":3} states no quantizer or activation"#,
            ),
            (
                json!("log_softmax"),
                "the activation 'log_softmax' is known to Keras, but not supported yet by Bitkiln",
            ),
            (
                function("glu"),
                "the activation 'glu' is known to Keras, but not supported yet by Bitkiln",
            ),
            (json!("softmx"), "there is no activation 'softmx'; did you mean 'softmax'?"),
            (
                json!("quantized_rel(4)"),
                "there is no activation 'quantized_rel'; did you mean 'quantized_relu'?",
            ),
            (json!("xyz"), "there is no activation 'xyz'"),
            (
                json!({"class_name": "binary", "config": {"alpha": 1, "beta": 2}}),
                "binary has no attribute 'beta'",
            ),
        ];
        for (value, message) in cases {
            assert_eq!(activation(&value).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_function_is_no_quantizer() {
        for value in
            [json!("relu"), json!("tanh"), json!({"class_name": "function", "config": "softmax"})]
        {
            let message = quantizer(&value).unwrap_err().to_string();
            assert!(message.ends_with("' stands where a quantizer is expected"), "{message}");
        }
        assert_eq!(
            quantizer(&json!("quantised_bits(4)")).unwrap_err().to_string(),
            "QKeras has no quantizer 'quantised_bits', did you mean 'quantized_bits'?"
        );
    }

    #[test]
    fn both_generations_state_arrays() {
        let with = |alpha: Value| {
            let config = json!({"bits": 4, "alpha": alpha});
            read(json!({"class_name": "quantized_linear", "config": config}))
        };
        let array = |class: &str| {
            let config = json!({"value": [[0.5, 0.3]], "dtype": "float32"});
            json!({"class_name": class, "config": config})
        };
        let expected = "quantized_linear(4,0,1,alpha=[[0.5 0.3]])".parse().unwrap();
        for alpha in [json!([[0.5, 0.3]]), array("__numpy__"), array("__tensor__")] {
            assert_eq!(with(alpha.clone()), expected, "{alpha}");
        }
        let mut config = config();
        config["post_training_scale"] = json!([0.5, 0.25]);
        assert_eq!(
            read(json!({"class_name": "quantized_bits", "config": config})).to_string(),
            "quantized_bits(4,0,1,alpha='auto_po2',post_training_scale=[0.5 0.25])"
        );
    }

    #[test]
    fn refuses_what_is_no_array() {
        for alpha in
            [json!({"class_name": "Constant"}), json!([[1, 2], [3]]), json!(["a"]), json!([])]
        {
            let value = json!({"class_name": "binary", "config": {"alpha": alpha}});
            let message = quantizer(&value).unwrap_err().to_string();
            let expected = "a number, an array of numbers, None, 'auto' or 'auto_po2'";
            assert!(message.ends_with(expected), "{message}");
        }
    }
}
