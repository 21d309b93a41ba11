//! Elements of a model's list of layers.

use std::borrow::Cow;
use std::path::Path;

use serde_json::{Map, Value};

use super::calls::Call;
use super::container::Container;
use crate::front::error::FrontError;
use crate::front::keras::attributes::{Attributes, Owner, shown};
use crate::front::keras::operations;
use crate::front::keras::quantizers::Namespace;
use crate::front::layer_problem::LayerProblem;

/// Known entries of a layer's object. Those that are not read state shapes that follow from the
/// graph, the Python origin of the class, or training.
const KNOWN_ENTRIES: &[&str] = &[
    "class_name",
    "config",
    "name",
    "inbound_nodes",
    "module",
    "registered_name",
    "build_config",
    "compile_config",
    "shared_object_id",
    "__passive_serialization__",
];

/// Python modules of Keras and QKeras that define layers.
const LAYER_MODULES: &[&str] = &[
    "keras.layers",
    "keras.models",
    "keras.engine",
    "keras.src.layers",
    "keras.src.models",
    "keras.src.engine",
    "tf_keras.layers",
    "tf_keras.src.layers",
    "tf_keras.src.engine",
    "qkeras",
];

/// Python modules of Keras 3 that define operations, such as `x + y`.
const OPERATION_MODULES: &[&str] = &["keras.ops", "keras.src.ops", "keras.src.activations"];

/// Python modules that define Sequential and no other layer.
const TOP_MODULES: &[&str] = &["keras", "tf_keras"];

/// Role of a layer in a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::front::keras) enum Role {
    Layer,
    /// An operation on tensors that Keras stores as a layer.
    Operation,
    /// An input or the result of a nested model: its result is its input.
    Passthrough,
}

/// One element of the list of layers.
pub(super) struct Entry<'a> {
    pub(super) path: &'a Path,
    pub(super) name: Cow<'a, str>,
    pub(super) class: &'a str,
    pub(super) role: Role,
    pub(super) attributes: Cow<'a, Map<String, Value>>,
    pub(super) object: &'a Value,
    /// The model that the layer is or wraps.
    pub(super) nested: Option<Container<'a>>,
    /// True for a TimeDistributed layer around a model.
    pub(super) is_time_distributed: bool,
    /// Calls; an input has one call without tensors.
    pub(super) calls: Vec<Call<'a>>,
}

impl<'a> Entry<'a> {
    /// Reads a layer without its calls.
    pub(super) fn read(value: &'a Value, path: &'a Path) -> Result<Self, FrontError> {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let config = value.get("config").unwrap_or(&Value::Null);
        let attributes = config.as_object();
        let named = attributes.and_then(|attributes| attributes.get("name")?.as_str());
        let layer = text("name").or(named).unwrap_or_default();
        let class = text("class_name").unwrap_or_default();
        let owner = Owner { path, layer, class };
        let (Some(object), Some(attributes)) = (value.as_object(), attributes) else {
            return Err(owner.wrong(LayerProblem::Missing { attribute: "config".to_owned() }));
        };
        for (attribute, found) in [("class_name", class), ("name", layer)] {
            if found.is_empty() {
                return Err(owner.wrong(LayerProblem::Missing { attribute: attribute.to_owned() }));
            }
        }
        let role = role(owner, object)?;
        let is_time_distributed = match class {
            "TimeDistributed" => attributes.get("layer").filter(|inner| is_model(inner)),
            _ => None,
        };
        let nested = match is_time_distributed {
            Some(inner) => Some(time_distributed_model(owner, attributes, inner)?),
            None if is_model(value) && role == Role::Layer => {
                Some(Container::read(owner, value, config, false)?)
            }
            None => None,
        };
        let is_time_distributed = is_time_distributed.is_some();
        let (name, attributes) = (Cow::Borrowed(layer), Cow::Borrowed(attributes));
        let (object, calls) = (value, vec![]);
        Ok(Self { path, name, class, role, attributes, object, nested, is_time_distributed, calls })
    }

    pub(super) fn owner(&self) -> Owner<'_> {
        Owner { path: self.path, layer: &self.name, class: self.class }
    }

    /// Returns true for an operation whose result is a list of tensors.
    pub(super) fn has_several_results(&self) -> bool {
        self.role == Role::Operation
            && operations::has_several_results(self.class, &self.attributes)
    }

    /// Returns true if its calls have the form of Keras 3.
    pub(super) fn is_of_keras_3(&self) -> bool {
        let calls = self.object.get("inbound_nodes").and_then(Value::as_array);
        calls.is_some_and(|calls| calls.iter().any(Value::is_object))
    }

    pub(super) fn is_input(&self) -> bool {
        self.class == "InputLayer" && self.role == Role::Layer
    }
}

/// Returns true for the object of a model.
fn is_model(object: &Value) -> bool {
    let class = object.get("class_name").and_then(Value::as_str);
    matches!(class, Some("Sequential" | "Functional" | "Model"))
}

/// Reads the model `inner` of the TimeDistributed layer `owner`.
fn time_distributed_model<'a>(
    owner: Owner<'a>,
    attributes: &'a Map<String, Value>,
    inner: &'a Value,
) -> Result<Container<'a>, FrontError> {
    let mut own = Attributes::new(owner, attributes, Namespace::default());
    own.inert(&["layer"]);
    own.finish()?;
    let class = inner.get("class_name").and_then(Value::as_str).unwrap_or_default();
    let owner = Owner { class, ..owner };
    check_origin(owner, inner)?;
    Container::read(owner, inner, inner.get("config").unwrap_or(&Value::Null), false)
}

/// Rejects a wrapped layer that is defined neither in Keras nor in QKeras.
pub(in crate::front::keras) fn check_origin(
    owner: Owner<'_>,
    object: &Value,
) -> Result<(), FrontError> {
    object.as_object().map_or(Ok(()), |object| role(owner, object).map(drop))
}

/// Returns the role of an object; an error if it is not a layer or operation of Keras or QKeras.
fn role(owner: Owner<'_>, object: &Map<String, Value>) -> Result<Role, FrontError> {
    let unknown = |(name, value): &(&String, &Value)| {
        !KNOWN_ENTRIES.contains(&name.as_str()) && !value.is_null()
    };
    if let Some((name, value)) = object.iter().find(unknown) {
        let (attribute, value) = (name.to_owned(), shown(value));
        return Err(owner.wrong(LayerProblem::Unknown { attribute, value }));
    }
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let module = text("module");
    let is_operation = module.is_some_and(|module| inside(module, OPERATION_MODULES))
        || matches!(owner.class, "TFOpLambda" | "SlicingOpLambda");
    let known = |module: &&str| {
        is_operation || TOP_MODULES.contains(module) || inside(module, LAYER_MODULES)
    };
    let foreign = [
        module.filter(|module| !known(module)),
        text("registered_name").filter(|name| !is_known_name(name, owner.class)),
    ];
    match foreign.into_iter().flatten().next() {
        Some(origin) => Err(owner.wrong(LayerProblem::Foreign { origin: origin.to_owned() })),
        None if is_operation => Ok(Role::Operation),
        None => Ok(Role::Layer),
    }
}

/// Returns true for `Class`, `qkeras>Class` and `keras>Class`.
fn is_known_name(name: &str, known: &str) -> bool {
    let (package, class) = name.split_once('>').unwrap_or(("keras", name));
    class == known && matches!(package, "keras" | "Keras" | "qkeras")
}

fn inside(module: &str, packages: &[&str]) -> bool {
    let inside = |known: &&str| {
        module.strip_prefix(*known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    packages.iter().any(inside)
}
