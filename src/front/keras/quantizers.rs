//! Quantizers and activations in a Keras configuration.
//!
//! Keras 2 and 3 write an object with `class_name` and `config` (and entries that tell Python where
//! the class is defined), or the text of a constructor call.

use serde_json::{Map, Value};

use super::attributes::class_of;
use crate::function::{Function, Relu, Sigmoid};
use crate::model::Activation;
use crate::naming::{did_you_mean, nearest};
use crate::quantizer::{self, ParseError, Quantizer};

/// An invalid or unsupported configuration of a quantizer or activation.
#[derive(Clone, Debug, PartialEq, thiserror::Error, miette::Diagnostic)]
pub enum ActivationError {
    /// An invalid quantizer.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Quantizer(#[from] ParseError),
    /// Neither text nor an object with `class_name`.
    #[error("{value} is not a quantizer or activation")]
    #[diagnostic(help("expected null, text, or an object with class_name and config"))]
    Form {
        /// The value as JSON.
        value: String,
    },
    /// An activation of Keras without support in Bitkiln.
    #[error("the Keras activation '{name}' is not supported yet")]
    #[diagnostic(help("docs/models.md lists the supported activations"))]
    NotYet {
        /// Its name.
        name: String,
    },
    /// A name that neither Keras nor QKeras knows.
    #[error("unknown activation '{name}'{}", did_you_mean(nearest.as_deref()))]
    #[diagnostic(help("docs/models.md lists the supported activations"))]
    Unknown {
        /// Its name.
        name: String,
        /// The known name closest in spelling.
        nearest: Option<String>,
    },
    /// A function of Keras in place of a quantizer.
    #[error("'{name}' is an activation function, but a quantizer is expected")]
    #[diagnostic(help("quantizers: {}", quantizer::names().join(", ")))]
    NoQuantizer {
        /// Its name.
        name: String,
    },
}

/// The Keras that wrote a file; a few functions differ between the two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Generation {
    /// Keras up to 2.15, tf_keras.
    Two,
    /// Keras 3.
    #[default]
    Three,
}

impl Generation {
    /// Parses a file's `keras_version`. Keras 3 writes none into JSON text.
    pub(super) fn of(version: Option<&str>) -> Self {
        match version.and_then(|version| version.split('.').next()) {
            Some("1" | "2") => Self::Two,
            _ => Self::Three,
        }
    }

    /// Reciprocal of the slope of `hard_sigmoid`.
    fn hard_sigmoid(self) -> u8 {
        match self {
            Self::Two => 5,
            Self::Three => 6,
        }
    }
}

/// Default slope of the function `leaky_relu`; the layer LeakyReLU has 0.3.
pub(super) const LEAKY_SLOPE: f32 = 0.2;

const FUNCTIONS: &[(&str, Function)] = &[
    ("relu", Function::Relu(Relu { max_value: None, negative_slope: 0.0, threshold: 0.0 })),
    ("relu6", Function::Relu(Relu { max_value: Some(6.0), negative_slope: 0.0, threshold: 0.0 })),
    (
        "leaky_relu",
        Function::Relu(Relu { max_value: None, negative_slope: LEAKY_SLOPE, threshold: 0.0 }),
    ),
    ("tanh", Function::Tanh),
    ("sigmoid", Function::Sigmoid),
    ("hard_tanh", Function::HardTanh),
    ("softplus", Function::Softplus),
    ("softsign", Function::Softsign),
    ("elu", Function::Elu { alpha: 1.0 }),
    ("celu", Function::Elu { alpha: 1.0 }),
    ("selu", Function::Selu),
    ("exponential", Function::Exponential),
    ("silu", Function::Silu),
    ("swish", Function::Silu),
    ("hard_silu", Function::HardSilu),
    ("hard_swish", Function::HardSilu),
    ("gelu", Function::Gelu),
    ("mish", Function::Mish),
    ("log_sigmoid", Function::LogSigmoid),
    ("tanh_shrink", Function::TanhShrink),
    ("hard_shrink", Function::HardShrink),
    ("soft_shrink", Function::SoftShrink),
    ("squareplus", Function::Squareplus),
    ("sparse_plus", Function::SparsePlus),
    ("sparse_sigmoid", Function::SparseSigmoid),
];

const HARD_SIGMOID: &str = "hard_sigmoid";

/// Returns Keras' function of a name, with its default arguments.
fn element_function(name: &str, keras: Generation) -> Option<Function> {
    if name == HARD_SIGMOID {
        return Some(Function::HardSigmoid { inverse_slope: keras.hard_sigmoid() });
    }
    FUNCTIONS.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
}

/// Names of all element functions.
fn element_function_names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|(name, _)| *name).chain([HARD_SIGMOID])
}

/// Rules by which a layer resolves the names of functions and quantizers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Namespace {
    /// The Keras that wrote the file.
    pub(super) keras: Generation,
    /// QKeras' functions take precedence over Keras' functions of the same name. QKeras' layers look
    /// names up in QKeras first (`get_quantizer`), Keras' layers never do: `hard_sigmoid` has slope
    /// 1/2 in a QActivation, and 1/5 or 1/6 in an Activation.
    pub(super) qkeras_first: bool,
    /// Argument of `set_internal_sigmoid` during training.
    pub(super) sigmoid: Sigmoid,
}

/// Activations that are not a [`Function`] of each element.
const OTHER_ACTIVATIONS: [(&str, Activation); 2] =
    [("linear", Activation::Linear), ("softmax", Activation::Softmax)];

/// Activations of Keras 2 and 3 without support in Bitkiln.
const NOT_YET: &[&str] = &["glu", "log_softmax", "sparsemax", "threshold"];

impl Namespace {
    /// Returns the rules for layers of `class`. QKeras' classes are Keras' with a leading Q.
    pub(super) fn of_class(self, class: &str) -> Self {
        let mut letters = class.chars();
        let is_qkeras =
            letters.next() == Some('Q') && letters.next().is_some_and(char::is_uppercase);
        Self { qkeras_first: is_qkeras, ..self }
    }

    /// Returns Keras' activation of a name.
    fn function(&self, name: &str) -> Option<Activation> {
        let other = OTHER_ACTIVATIONS.iter().find(|(known, _)| *known == name);
        let of_elements = || element_function(name, self.keras).map(Activation::Function);
        other.map(|(_, activation)| activation.clone()).or_else(of_elements)
    }

    /// Sets the quantizer's internal sigmoid.
    fn configured(&self, quantizer: Quantizer) -> Quantizer {
        quantizer.with_internal_sigmoid(self.sigmoid)
    }
}

fn function_names() -> impl Iterator<Item = &'static str> {
    OTHER_ACTIVATIONS.iter().map(|(name, _)| *name).chain(element_function_names())
}

/// A quantizer or activation, independent of its notation.
enum Stated<'a> {
    Nothing,
    /// A name, or the text of a call.
    Text(&'a str),
    Class(&'a str, Option<&'a Map<String, Value>>),
}

impl<'a> Stated<'a> {
    fn read(value: &'a Value) -> Result<Self, ActivationError> {
        let form = || ActivationError::Form { value: value.to_string() };
        match value {
            Value::Null => Ok(Self::Nothing),
            Value::String(text) => Ok(Self::Text(text)),
            Value::Object(object) => {
                let name = class_of(value).ok_or_else(form)?;
                match object.get("config") {
                    // The notation of Keras 3 for a function.
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

/// Constructs a quantizer of a class; each entry of `config` is an argument of the constructor.
fn class(name: &str, config: Option<&Map<String, Value>>) -> Result<Quantizer, ParseError> {
    let arguments: Vec<(String, Value)> =
        config.into_iter().flatten().map(|(name, value)| (name.clone(), argument(value))).collect();
    Quantizer::construct(name, &[], &arguments)
}

/// Unwraps an argument of a constructor: Keras 3 wraps arrays in an object, Keras 2 writes lists.
fn argument(value: &Value) -> Value {
    let array = match value.get("class_name").and_then(Value::as_str) {
        Some("__numpy__" | "__tensor__") => value.pointer("/config/value"),
        _ => None,
    };
    array.unwrap_or(value).clone()
}

/// Returns true for the name of an activation of Keras, supported or not.
fn is_keras_function(name: &str) -> bool {
    function_names().any(|known| known == name) || NOT_YET.contains(&name)
}

/// Reads the value of an attribute such as `kernel_quantizer`; null and "linear" mean no quantizer.
///
/// # Errors
/// If the value is not a quantizer, or a parameter of it is not supported.
pub(super) fn quantizer(
    value: &Value,
    namespace: Namespace,
) -> Result<Option<Quantizer>, ActivationError> {
    let parsed = match Stated::read(value)? {
        Stated::Nothing | Stated::Text("linear") => return Ok(None),
        Stated::Text(text) => text.parse(),
        Stated::Class(name, config) => class(name, config),
    };
    match parsed {
        Err(ParseError::Unknown { name, .. }) if is_keras_function(&name) => {
            Err(ActivationError::NoQuantizer { name })
        }
        parsed => Ok(Some(namespace.configured(parsed?))),
    }
}

/// Reads the value of an attribute such as `activation`; null means linear.
///
/// # Errors
/// If the activation is unknown or not supported.
pub(super) fn activation(
    value: &Value,
    namespace: Namespace,
) -> Result<Activation, ActivationError> {
    let parsed = match Stated::read(value)? {
        Stated::Nothing => return Ok(Activation::Linear),
        Stated::Text(text) => {
            let quantizer = text.parse::<Quantizer>();
            match namespace.function(text) {
                Some(function) if !(namespace.qkeras_first && quantizer.is_ok()) => {
                    return Ok(function);
                }
                _ => quantizer,
            }
        }
        Stated::Class(name, config) => class(name, config),
    };
    match parsed {
        Err(ParseError::Unknown { name, .. }) if NOT_YET.contains(&name.as_str()) => {
            Err(ActivationError::NotYet { name })
        }
        // A supported function, but in the notation of a call.
        Err(ParseError::Unknown { name, .. }) if is_keras_function(&name) => {
            Err(ActivationError::Form { value: value.to_string() })
        }
        Err(ParseError::Unknown { name, .. }) => {
            let known = function_names().chain(NOT_YET.iter().copied()).chain(quantizer::names());
            let nearest = nearest(&name, known).map(str::to_owned);
            Err(ActivationError::Unknown { name, nearest })
        }
        parsed => Ok(Activation::Quantizer(namespace.configured(parsed?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KERAS_2: Namespace =
        Namespace { keras: Generation::Two, qkeras_first: false, sigmoid: Sigmoid::Hard };
    const QKERAS: Namespace = Namespace { qkeras_first: true, ..KERAS_2 };

    fn quantizer(value: &Value) -> Result<Option<Quantizer>, ActivationError> {
        super::quantizer(value, QKERAS)
    }

    fn activation(value: &Value) -> Result<Activation, ActivationError> {
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
    fn null_and_linear_mean_no_quantizer() {
        assert_eq!(quantizer(&Value::Null), Ok(None));
        assert_eq!(quantizer(&json!("linear")), Ok(None));
    }

    #[test]
    fn every_notation_gives_the_same_quantizer() {
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
            json!({
                "class_name": "qkeras>quantized_bits", "config": config(),
                "__passive_serialization__": true
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

    /// The values are those of QKeras 0.9 and of Keras 2.15 and 3.10, after loading a file too.
    #[test]
    fn a_name_is_resolved_as_the_layer_resolves_it() {
        let name = json!("hard_sigmoid");
        let object = json!({
            "module": "builtins", "class_name": "function", "config": "hard_sigmoid",
            "registered_name": "function"
        });
        for value in [name, object] {
            let at_one = |namespace| match super::activation(&value, namespace) {
                Ok(Activation::Function(function)) => function.value(1.0),
                Ok(Activation::Quantizer(quantizer)) => quantizer.apply(1.0),
                other => panic!("{other:?}"),
            };
            assert_eq!(at_one(QKERAS), 1.0);
            assert_eq!(at_one(KERAS_2), 0.7);
            let keras_3 = Namespace { keras: Generation::Three, ..KERAS_2 };
            assert_eq!(at_one(keras_3), 1.0 / 6.0 + 0.5);
            let qkeras_3 = Namespace { keras: Generation::Three, ..QKERAS };
            assert_eq!(at_one(qkeras_3), 1.0);
        }
        // QKeras has no function of these names and falls back to Keras.
        for name in ["tanh", "softplus", "relu"] {
            let value = json!(name);
            assert_eq!(super::activation(&value, QKERAS), super::activation(&value, KERAS_2));
        }
    }

    #[test]
    fn quantizers_use_the_internal_sigmoid() {
        let smooth = Namespace { sigmoid: Sigmoid::Smooth, ..QKERAS };
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
    fn errors_name_the_value() {
        let function = |name: &str| json!({"class_name": "function", "config": name});
        let cases = [
            (json!("relu(6)"), r#""relu(6)" is not a quantizer or activation"#),
            (json!(7), "7 is not a quantizer or activation"),
            (json!(["relu"]), r#"["relu"] is not a quantizer or activation"#),
            (json!({"config": {}}), r#"{"config":{}} is not a quantizer or activation"#),
            (
                json!({"class_name": "binary", "config": 3}),
                r#"{"class_name":"binary","config":3} is not a quantizer or activation"#,
            ),
            (json!("log_softmax"), "the Keras activation 'log_softmax' is not supported yet"),
            (function("glu"), "the Keras activation 'glu' is not supported yet"),
            (json!("softmx"), "unknown activation 'softmx', did you mean 'softmax'?"),
            (
                json!("quantized_rel(4)"),
                "unknown activation 'quantized_rel', did you mean 'quantized_relu'?",
            ),
            (json!("xyz"), "unknown activation 'xyz'"),
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
    fn a_function_is_not_a_quantizer() {
        for value in
            [json!("relu"), json!("tanh"), json!({"class_name": "function", "config": "softmax"})]
        {
            let message = quantizer(&value).unwrap_err().to_string();
            assert!(
                message.ends_with("is an activation function, but a quantizer is expected"),
                "{message}"
            );
        }
        assert_eq!(
            quantizer(&json!("quantised_bits(4)")).unwrap_err().to_string(),
            "QKeras has no quantizer 'quantised_bits', did you mean 'quantized_bits'?"
        );
    }

    #[test]
    fn arrays_of_both_generations_are_read() {
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
    fn other_objects_are_not_arrays() {
        for alpha in
            [json!({"class_name": "Constant"}), json!([[1, 2], [3]]), json!(["a"]), json!([])]
        {
            let value = json!({"class_name": "binary", "config": {"alpha": alpha}});
            let message = quantizer(&value).unwrap_err().to_string();
            let expected = "a number, an array of numbers, None, 'auto' or 'auto_po2'";
            assert!(message.ends_with(expected), "{message}");
        }
    }

    #[test]
    fn generations_differ_in_one_slope() {
        for (version, inverse_slope) in
            [(Some("2.15.0"), 5), (Some("1.2"), 5), (Some("3.10.0"), 6), (None, 6)]
        {
            let keras = Generation::of(version);
            let expected = Function::HardSigmoid { inverse_slope };
            assert_eq!(element_function(HARD_SIGMOID, keras), Some(expected), "{version:?}");
            assert_eq!(element_function("tanh", keras), Some(Function::Tanh));
            assert_eq!(element_function("softmax", keras), None);
        }
    }
}
