//! Sequential models: each layer takes the result of the one before.

use std::borrow::Cow;
use std::path::Path;

use serde_json::{Map, Value};

use super::{Architecture, Entry, Layer};
use crate::front::error::FrontError;
use crate::front::layer_problem::LayerProblem;

/// `entries` is not empty.
pub(super) fn read<'a>(
    name: String,
    entries: Vec<Entry<'a>>,
    config: &Value,
    path: &Path,
) -> Result<Architecture<'a>, FrontError> {
    let mut layers = Vec::with_capacity(entries.len() + 1);
    if let Some(first) = entries.first().filter(|first| first.owner.class != "InputLayer") {
        layers.push(input_before(first, config, path)?);
    }
    for entry in &entries {
        let before = layers.len().checked_sub(1);
        layers.push(entry.layer(before.into_iter().collect()));
    }
    let outputs = vec![layers.len() - 1];
    Ok(Architecture { name, layers, inputs: vec![0], outputs })
}

/// The input layer that Keras makes where the model states none.
fn input_before<'a>(
    first: &Entry<'a>,
    config: &Value,
    path: &Path,
) -> Result<Layer<'a>, FrontError> {
    let model = config.get("config").unwrap_or(&Value::Null);
    let shapes = [
        first.attributes.get("batch_input_shape"),
        first.attributes.get("batch_shape"),
        model.get("build_input_shape"),
        config.pointer("/build_config/input_shape"),
        first.object.get("build_config").and_then(|build| build.get("input_shape")),
    ];
    let shape = shapes.into_iter().flatten().find(|shape| !shape.is_null());
    let Some(shape) = shape else {
        return Err(super::Owner { path, ..first.owner }.wrong(LayerProblem::Unbuilt));
    };
    let mut attributes = Map::new();
    attributes.insert("batch_shape".to_owned(), shape.clone());
    Ok(Layer {
        // The name that Keras 2 gives it.
        name: Cow::Owned(format!("{}_input", first.owner.layer)),
        class: "InputLayer",
        attributes: Cow::Owned(attributes),
        sources: vec![],
    })
}
