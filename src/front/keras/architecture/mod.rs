//! The layers of a configuration, and who feeds whom.

mod functional;
mod sequential;

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::attributes::{Attributes, Owner, shown};
use super::quantizers::Dialect;
use crate::front::error::{FrontError, Problem};
use crate::front::layer_problem::LayerProblem;

/// A model's configuration.
pub(super) struct Architecture<'a> {
    pub(super) name: String,
    /// In the order of the file.
    pub(super) layers: Vec<Layer<'a>>,
    /// Layers, by index, in the model's order.
    pub(super) inputs: Vec<usize>,
    /// Layers, by index, in the model's order.
    pub(super) outputs: Vec<usize>,
}

/// A layer's configuration.
pub(super) struct Layer<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) class: &'a str,
    pub(super) attributes: Cow<'a, Map<String, Value>>,
    /// The layers that feed it, by index, in the order of its inputs.
    pub(super) sources: Vec<usize>,
}

/// Attributes of a model beside those that say how it is built.
const OF_A_MODEL: &[&str] = &["layers", "input_layers", "output_layers", "build_input_shape"];

/// What stands beside a layer's attributes, its class and its connections: shapes that follow from
/// the graph, what Python needs to find the class, and training.
const BESIDE: &[&str] = &[
    "class_name",
    "config",
    "name",
    "inbound_nodes",
    "module",
    "registered_name",
    "build_config",
    "compile_config",
    "shared_object_id",
];

/// Python modules in which Keras and QKeras define layers.
const MODULES: &[&str] = &[
    "keras.layers",
    "keras.engine",
    "keras.src.layers",
    "keras.src.engine",
    "tf_keras.layers",
    "tf_keras.src.layers",
    "tf_keras.src.engine",
    "qkeras",
];

impl<'a> Architecture<'a> {
    /// Reads what `to_json` writes.
    pub(super) fn read(config: &'a Value, path: &'a Path) -> Result<Self, FrontError> {
        let unreadable = |what: String| {
            let help = "save the model again with Keras".to_owned();
            Problem::Model { what, help }.at(path)
        };
        let class = config.get("class_name").and_then(Value::as_str);
        let class =
            class.ok_or_else(|| unreadable("has no class_name: it is no model".to_owned()))?;
        let inner = config.get("config").unwrap_or(&Value::Null);
        let layers = match inner {
            // Keras before 2.2 writes a Sequential model as the list of its layers.
            Value::Array(layers) => layers,
            other => other
                .get("layers")
                .and_then(Value::as_array)
                .ok_or_else(|| unreadable(format!("the {class} model has no list of layers")))?,
        };
        if layers.is_empty() {
            return Err(unreadable(format!("the {class} model has no layers")));
        }
        let name = inner.get("name").and_then(Value::as_str).unwrap_or("model");
        if let Some(attributes) = inner.as_object() {
            let mut attributes =
                Attributes::new(Owner { path, layer: name, class }, attributes, Dialect::default());
            attributes.inert(OF_A_MODEL);
            attributes.finish()?;
        }
        let entries: Vec<Entry<'_>> =
            layers.iter().map(|layer| Entry::read(layer, path)).collect::<Result<_, _>>()?;
        let name = name.to_owned();
        let architecture = match class {
            "Sequential" => sequential::read(name, entries, config, path)?,
            "Functional" | "Model" => functional::read(name, &entries, inner, path)?,
            _ => {
                let help =
                    "supported are Sequential and Functional models; write yours as one".to_owned();
                let what = format!("the model is of the class {class}, which is not supported");
                return Err(Problem::Model { what, help }.at(path));
            }
        };
        architecture.check_names(path)?;
        Ok(architecture)
    }

    fn check_names(&self, path: &Path) -> Result<(), FrontError> {
        let mut seen = HashMap::new();
        for layer in &self.layers {
            if seen.insert(layer.name.as_ref(), ()).is_some() {
                return Err(layer.owner(path).wrong(LayerProblem::Duplicate));
            }
        }
        Ok(())
    }
}

impl Layer<'_> {
    pub(super) fn owner<'b>(&'b self, path: &'b Path) -> Owner<'b> {
        Owner { path, layer: &self.name, class: self.class }
    }
}

/// One element of the list of layers.
struct Entry<'a> {
    owner: Owner<'a>,
    attributes: &'a Map<String, Value>,
    object: &'a Map<String, Value>,
}

impl<'a> Entry<'a> {
    fn read(value: &'a Value, path: &'a Path) -> Result<Self, FrontError> {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let attributes = value.get("config").and_then(Value::as_object);
        let named = attributes.and_then(|attributes| attributes.get("name")?.as_str());
        let owner = Owner {
            path,
            layer: text("name").or(named).unwrap_or_default(),
            class: text("class_name").unwrap_or_default(),
        };
        let (Some(object), Some(attributes)) = (value.as_object(), attributes) else {
            return Err(owner.wrong(LayerProblem::Missing { attribute: "config".to_owned() }));
        };
        for (attribute, found) in [("class_name", owner.class), ("name", owner.layer)] {
            if found.is_empty() {
                return Err(owner.wrong(LayerProblem::Missing { attribute: attribute.to_owned() }));
            }
        }
        let entry = Self { owner, attributes, object };
        entry.check()?;
        Ok(entry)
    }

    /// Refuses what is no plain layer of Keras or QKeras.
    fn check(&self) -> Result<(), FrontError> {
        let unknown = |(name, value): &(&String, &Value)| {
            !BESIDE.contains(&name.as_str()) && !value.is_null()
        };
        if let Some((name, value)) = self.object.iter().find(unknown) {
            let (attribute, value) = (name.to_owned(), shown(value));
            return Err(self.owner.wrong(LayerProblem::Unknown { attribute, value }));
        }
        if matches!(self.owner.class, "Sequential" | "Functional" | "Model") {
            return Err(self.owner.wrong(LayerProblem::Nested));
        }
        let foreign = [
            self.text("module").filter(|module| !is_known_module(module)),
            self.text("registered_name").filter(|name| !self.is_known_name(name)),
        ];
        match foreign.into_iter().flatten().next() {
            Some(origin) => {
                Err(self.owner.wrong(LayerProblem::Foreign { origin: origin.to_owned() }))
            }
            None => Ok(()),
        }
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.object.get(name).and_then(Value::as_str)
    }

    /// `Class`, `qkeras>Class` or `keras>Class`.
    fn is_known_name(&self, name: &str) -> bool {
        let (package, class) = name.split_once('>').unwrap_or(("keras", name));
        class == self.owner.class && matches!(package, "keras" | "Keras" | "qkeras")
    }

    fn layer(&self, sources: Vec<usize>) -> Layer<'a> {
        Layer {
            name: Cow::Borrowed(self.owner.layer),
            class: self.owner.class,
            attributes: Cow::Borrowed(self.attributes),
            sources,
        }
    }
}

fn is_known_module(module: &str) -> bool {
    let inside = |known: &str| {
        module.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    MODULES.iter().any(|known| inside(known))
}
