//! Elements of a model's list of layers.

use std::borrow::Cow;
use std::path::Path;

use serde_json::{Map, Value};

use super::calls::Call;
use super::container::{Container, MODELS};
use super::wrappers;
use crate::front::error::FrontError;
use crate::front::keras::attributes::{Owner, PACKAGES, class_of, shown};
use crate::front::keras::{layers, operations};
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
    /// Name of the layer in a PruneLowMagnitude wrapper, which this layer was.
    pub(super) pruned: Option<&'a str>,
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
        let class = class_of(value).unwrap_or_default();
        let owner = Owner { path, layer, class };
        let Some(attributes) = attributes else {
            return Err(owner.wrong(LayerProblem::Missing { attribute: "config".to_owned() }));
        };
        for (attribute, found) in [("class_name", class), ("name", layer)] {
            if found.is_empty() {
                return Err(owner.wrong(LayerProblem::Missing { attribute: attribute.to_owned() }));
            }
        }
        let name = Cow::Borrowed(layer);
        if let Some(pruned) = wrappers::pruned(owner, value, attributes)? {
            return Ok(Self {
                path,
                name,
                class: pruned.class,
                role: Role::Layer,
                attributes: Cow::Owned(pruned.attributes),
                object: value,
                nested: None,
                is_time_distributed: false,
                pruned: Some(pruned.name),
                calls: vec![],
            });
        }
        let role = role(owner, value)?;
        let time_distributed = wrappers::time_distributed_model(owner, attributes)?;
        let is_time_distributed = time_distributed.is_some();
        let nested = match time_distributed {
            Some(inner) => Some(inner),
            None if is_model(value) && role == Role::Layer => {
                Some(Container::read(owner, value, config)?)
            }
            None => None,
        };
        let (attributes, object, calls) = (Cow::Borrowed(attributes), value, vec![]);
        let pruned = None;
        Ok(Self {
            path,
            name,
            class,
            role,
            attributes,
            object,
            nested,
            is_time_distributed,
            pruned,
            calls,
        })
    }

    pub(super) fn owner(&self) -> Owner<'_> {
        Owner { path: self.path, layer: &self.name, class: self.class }
    }

    /// Returns true for an operation or a layer whose result is a list of tensors.
    pub(super) fn has_several_results(&self) -> bool {
        match self.role {
            Role::Operation => operations::has_several_results(self.class, &self.attributes),
            Role::Layer => layers::has_several_results(self.class, &self.attributes),
            Role::Passthrough => false,
        }
    }

    /// Returns true if its calls have the form of Keras 3.
    pub(super) fn is_of_keras_3(&self) -> bool {
        has_calls_of_keras_3(self.object)
    }

    pub(super) fn is_input(&self) -> bool {
        self.class == "InputLayer" && self.role == Role::Layer
    }
}

fn has_calls_of_keras_3(object: &Value) -> bool {
    let calls = object.get("inbound_nodes").and_then(Value::as_array);
    calls.is_some_and(|calls| calls.iter().any(Value::is_object))
}

/// Returns true for an operation in a `.h5` file of Keras 3, which states no module. Its layers state
/// whether they are trainable, operations do not.
fn is_operation_without_module(owner: Owner<'_>, object: &Value) -> bool {
    let attributes = object.get("config").and_then(Value::as_object);
    object.get("module").is_none()
        && has_calls_of_keras_3(object)
        && attributes.is_some_and(|attributes| {
            !attributes.contains_key("trainable")
                && operations::is_supported(owner.class, attributes)
        })
}

/// Returns true for the object of a model.
pub(super) fn is_model(object: &Value) -> bool {
    class_of(object).is_some_and(|class| MODELS.contains(&class))
}

/// Rejects a wrapped layer that is defined neither in Keras nor in QKeras.
pub(in crate::front::keras) fn check_origin(
    owner: Owner<'_>,
    object: &Value,
) -> Result<(), FrontError> {
    if object.is_object() { role(owner, object).map(drop) } else { Ok(()) }
}

/// Rejects unknown entries of a layer's object.
pub(super) fn check_entries(owner: Owner<'_>, object: &Value) -> Result<(), FrontError> {
    let unknown = |(name, value): &(&String, &Value)| {
        !KNOWN_ENTRIES.contains(&name.as_str()) && !value.is_null()
    };
    match object.as_object().into_iter().flatten().find(unknown) {
        None => Ok(()),
        Some((name, value)) => {
            let (attribute, value) = (name.to_owned(), shown(value));
            Err(owner.wrong(LayerProblem::Unknown { attribute, value }))
        }
    }
}

/// Returns the role of an object; an error if it is not a layer or operation of Keras or QKeras.
pub(super) fn role(owner: Owner<'_>, object: &Value) -> Result<Role, FrontError> {
    check_entries(owner, object)?;
    wrappers::check(owner, object)?;
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let module = text("module");
    let is_operation = module.is_some_and(|module| inside(module, OPERATION_MODULES))
        || is_operation_without_module(owner, object)
        || matches!(owner.class, "TFOpLambda" | "SlicingOpLambda");
    let known = |module: &&str| {
        is_operation || TOP_MODULES.contains(module) || inside(module, LAYER_MODULES)
    };
    let foreign = [
        Some(owner.class).filter(|class| class.contains('>')),
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
    class == known && PACKAGES.contains(&package)
}

fn inside(module: &str, packages: &[&str]) -> bool {
    let inside = |known: &&str| {
        module.strip_prefix(*known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    packages.iter().any(inside)
}
