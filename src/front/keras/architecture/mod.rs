//! The layers of a configuration, and who feeds whom.
//!
//! [`container`] reads a model and those nested in it as they stand in the file, [`calls`] how
//! their layers are called; [`inline`] makes one flat list of it, with a layer for each call.

mod calls;
mod container;
mod entry;
mod functional;
mod inline;
mod sequential;

use std::borrow::Cow;
use std::path::Path;

use serde_json::{Map, Value};

use super::attributes::Owner;
use crate::front::error::{FrontError, Problem};

pub(super) use calls::{Argument, Arguments};
use container::Container;
pub(super) use entry::{Role, check_origin};

/// A model's configuration, models in it taken apart.
pub(super) struct Architecture<'a> {
    pub(super) name: String,
    /// In the order of the file.
    pub(super) layers: Vec<Layer<'a>>,
    /// Layers, by index, in the model's order.
    pub(super) inputs: Vec<usize>,
    /// Layers, by index, in the model's order.
    pub(super) outputs: Vec<usize>,
    /// Every layer that the file states, once.
    pub(super) homes: Vec<Home<'a>>,
}

/// One call of a layer.
pub(super) struct Layer<'a> {
    /// The names of the models around it and its own, `outer/inner`; from the second call on with a
    /// number behind.
    pub(super) name: String,
    pub(super) class: &'a str,
    pub(super) role: Role,
    pub(super) attributes: Cow<'a, Map<String, Value>>,
    /// The layers that feed it, by index, in the order of its inputs.
    pub(super) sources: Vec<usize>,
    /// Which of the call's results it is, where an operation gives several.
    pub(super) result: u64,
    /// What an operation is called with.
    pub(super) arguments: Arguments<'a>,
    /// How many of the models around it are run for each step of what they take: so many axes come
    /// before those of the layer's own samples.
    pub(super) steps: usize,
    /// Where its weights are stated: an index of [`Architecture::homes`].
    pub(super) home: usize,
}

/// A layer as the file states it, however often it is called.
pub(super) struct Home<'a> {
    /// The model that it stands in, unless that is the outermost.
    pub(super) parent: Option<usize>,
    pub(super) name: Cow<'a, str>,
    pub(super) class: &'a str,
    pub(super) role: Role,
    /// Whether it is a TimeDistributed around a model.
    pub(super) over_steps: bool,
}

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
        let name = inner.get("name").and_then(Value::as_str).unwrap_or("model");
        let owner = Owner { path, layer: name, class };
        let container = Container::read(owner, config, inner, true)?;
        inline::architecture(name.to_owned(), &container, path)
    }
}

impl Layer<'_> {
    pub(super) fn owner<'b>(&'b self, path: &'b Path) -> Owner<'b> {
        Owner { path, layer: &self.name, class: self.class }
    }
}
