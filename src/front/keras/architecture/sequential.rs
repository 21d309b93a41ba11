//! Sequential models: each layer takes the result of the one before.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::calls::{Arguments, Call, Reference};
use super::container::Container;
use super::entry::{Entry, Role};
use crate::front::error::FrontError;
use crate::front::layer_problem::LayerProblem;

/// `entries` is not empty.
pub(super) fn read<'a>(
    mut entries: Vec<Entry<'a>>,
    object: &'a Value,
    outermost: bool,
) -> Result<Container<'a>, FrontError> {
    if let Some(first) = entries.first().filter(|first| !first.is_input()) {
        let input = input_before(first, object, outermost)?;
        entries.insert(0, input);
    }
    let result = |entry| Reference { entry, call: 0, tensor: 0, value: &Value::Null };
    for (at, entry) in entries.iter_mut().enumerate() {
        let tensors = at.checked_sub(1).map(result).into_iter().collect();
        entry.calls = vec![Call { tensors, arguments: Arguments::default() }];
    }
    let outputs = vec![result(entries.len() - 1)];
    Ok(Container { entries, inputs: vec![0], outputs })
}

/// The input layer that Keras makes where the model states none. What a nested model takes, its
/// caller knows.
fn input_before<'a>(
    first: &Entry<'a>,
    object: &Value,
    outermost: bool,
) -> Result<Entry<'a>, FrontError> {
    let model = object.get("config").unwrap_or(&Value::Null);
    let shapes = [
        first.attributes.get("batch_input_shape"),
        first.attributes.get("batch_shape"),
        model.get("build_input_shape"),
        object.pointer("/build_config/input_shape"),
        first.object.pointer("/build_config/input_shape"),
    ];
    let shape = shapes.into_iter().flatten().find(|shape| !shape.is_null());
    if outermost && shape.is_none() {
        return Err(first.owner().wrong(LayerProblem::Unbuilt));
    }
    let mut attributes = Map::new();
    attributes.extend(shape.map(|shape| ("batch_shape".to_owned(), shape.clone())));
    Ok(Entry {
        path: first.path,
        // The name that Keras 2 gives it.
        name: Cow::Owned(format!("{}_input", first.name)),
        class: "InputLayer",
        role: Role::Layer,
        attributes: Cow::Owned(attributes),
        object: &Value::Null,
        nested: None,
        over_steps: false,
        calls: vec![],
    })
}
