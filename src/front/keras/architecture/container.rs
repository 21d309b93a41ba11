//! Models as the file states them, Sequential or Functional, nested ones included.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value};

use super::calls::{Arguments, Call, Names, Reference, unsupported_connection};
use super::entry::{Entry, Role};
use crate::front::error::{FrontError, Problem};
use crate::front::keras::attributes::{Attributes, Owner, shown};
use crate::front::keras::quantizers::Namespace;
use crate::front::layer_problem::LayerProblem;

/// Attributes of a model that are read elsewhere or have no effect.
const MODEL_ATTRIBUTES: &[&str] = &["layers", "input_layers", "output_layers", "build_input_shape"];

/// A model: its layers, and how they are connected.
pub(super) struct Container<'a> {
    /// Layers, in the order of the file.
    pub(super) entries: Vec<Entry<'a>>,
    /// Indices of the input layers.
    pub(super) inputs: Vec<usize>,
    /// The returned tensors.
    pub(super) outputs: Vec<Reference<'a>>,
    pub(super) is_sequential: bool,
}

impl<'a> Container<'a> {
    /// Returns the indices of the used results, for each call of each layer. A call without consumers
    /// has its first result.
    pub(super) fn used_results(&self) -> Vec<Vec<BTreeSet<u64>>> {
        let calls = |entry: &Entry<'_>| vec![BTreeSet::new(); entry.calls.len()];
        let mut taken: Vec<Vec<BTreeSet<u64>>> = self.entries.iter().map(calls).collect();
        let tensors = self.entries.iter().flat_map(|entry| &entry.calls);
        for tensor in tensors.flat_map(|call| &call.tensors).chain(&self.outputs) {
            let call = usize::try_from(tensor.call).ok();
            let call = call.and_then(|call| taken.get_mut(tensor.entry)?.get_mut(call));
            if let Some(results) = call {
                results.insert(tensor.tensor);
            }
        }
        for results in taken.iter_mut().flatten().filter(|results| results.is_empty()) {
            results.insert(0);
        }
        taken
    }

    /// Reads `object`, whose attributes are `config`.
    pub(super) fn read(
        owner: Owner<'a>,
        object: &'a Value,
        config: &'a Value,
    ) -> Result<Self, FrontError> {
        let (path, class) = (owner.path, owner.class);
        let unreadable = |what: String| {
            let help = "save the model again with Keras".to_owned();
            Problem::Model { what, help }.at(path)
        };
        if !MODELS.contains(&class) {
            let help = "supported: Sequential and Functional models. The file of a subclassed model \
                        does not hold its Python code: x = keras.Input((16,)); keras.Model(x, \
                        model.call(x)).save(\"model.keras\")";
            let what = format!("the model is of the class {class}, which is not supported");
            return Err(Problem::Model { what, help: help.to_owned() }.at(path));
        }
        let layers = match config {
            // Keras before 2.2 writes a Sequential model as a list of layers.
            Value::Array(layers) => layers,
            other => other
                .get("layers")
                .and_then(Value::as_array)
                .ok_or_else(|| unreadable(format!("the {class} model has no list of layers")))?,
        };
        if layers.is_empty() {
            return Err(unreadable(format!("the {class} model has no layers")));
        }
        if let Some(attributes) = config.as_object() {
            let mut attributes = Attributes::new(owner, attributes, Namespace::default());
            attributes.inert(MODEL_ATTRIBUTES);
            attributes.finish()?;
        }
        let entries: Vec<Entry<'_>> =
            layers.iter().map(|layer| Entry::read(layer, path)).collect::<Result<_, _>>()?;
        match class {
            "Sequential" => Ok(sequential(entries, object)),
            _ => functional(entries, config, path),
        }
    }
}

/// Classes of models whose file states layers and connections.
pub(super) const MODELS: [&str; 3] = ["Sequential", "Functional", "Model"];

/// Connects each layer to the one before. `entries` is not empty.
fn sequential<'a>(mut entries: Vec<Entry<'a>>, object: &'a Value) -> Container<'a> {
    if let Some(first) = entries.first().filter(|first| !first.is_input()) {
        let input = input_before(first, object);
        entries.insert(0, input);
    }
    let result = |entry| Reference { entry, call: 0, tensor: 0, value: &Value::Null };
    for (at, entry) in entries.iter_mut().enumerate() {
        let tensors = at.checked_sub(1).map(result).into_iter().collect();
        entry.calls = vec![Call { tensors, arguments: Arguments::default() }];
    }
    let outputs = vec![result(entries.len() - 1)];
    Container { entries, inputs: vec![0], outputs, is_sequential: true }
}

/// Returns the input layer that Keras adds if the model states none. The input shape of a nested
/// model follows from its caller.
fn input_before<'a>(first: &Entry<'a>, object: &Value) -> Entry<'a> {
    let model = object.get("config").unwrap_or(&Value::Null);
    let shapes = [
        first.attributes.get("batch_input_shape"),
        first.attributes.get("batch_shape"),
        model.get("build_input_shape"),
        object.pointer("/build_config/input_shape"),
        first.object.pointer("/build_config/input_shape"),
    ];
    let shape = shapes.into_iter().flatten().find(|shape| !shape.is_null());
    let mut attributes = Map::new();
    attributes.extend(shape.map(|shape| ("batch_shape".to_owned(), shape.clone())));
    Entry {
        path: first.path,
        // The name that Keras 2 uses.
        name: Cow::Owned(format!("{}_input", first.name)),
        class: "InputLayer",
        role: Role::Layer,
        attributes: Cow::Owned(attributes),
        object: &Value::Null,
        nested: None,
        is_time_distributed: false,
        pruned: None,
        calls: vec![],
    }
}

/// Connects each layer to the tensors that it names.
fn functional<'a>(
    mut entries: Vec<Entry<'a>>,
    config: &'a Value,
    path: &Path,
) -> Result<Container<'a>, FrontError> {
    let own: Vec<String> = entries.iter().map(|entry| entry.name.to_string()).collect();
    let names = Names::new(own.iter().map(String::as_str));
    let calls = entries.iter().map(|entry| names.calls(entry, entry.object));
    let calls: Vec<Vec<Call<'a>>> = calls.collect::<Result<_, _>>()?;
    for (entry, calls) in entries.iter_mut().zip(calls) {
        entry.calls = calls;
    }
    let inputs = ends(&names, config, "input_layers", path)?;
    let mut outputs = ends(&names, config, "output_layers", path)?;
    for (at, entry) in entries.iter_mut().enumerate() {
        if entry.is_input() && !inputs.iter().any(|input| input.entry == at) {
            return Err(entry.owner().wrong(LayerProblem::Unfed));
        }
        if entry.is_input() && entry.calls.is_empty() {
            entry.calls.push(Call { tensors: vec![], arguments: Arguments::default() });
        }
        if !entry.is_input() && entry.calls.iter().all(|call| call.tensors.is_empty()) {
            return Err(entry.owner().wrong(LayerProblem::Unbuilt));
        }
    }
    if let Some(input) = inputs.iter().find(|input| !entries[input.entry].is_input()) {
        let what =
            format!("the model's input '{}' is not an InputLayer", entries[input.entry].name);
        return Err(Problem::Model { what, help: "save the model again".to_owned() }.at(path));
    }
    count_calls_from_zero(&mut entries, &mut outputs);
    for entry in &entries {
        let mut tensors = entry.calls.iter().flat_map(|call| &call.tensors);
        if let Some(wrong) = tensors.find(|tensor| !exists(&entries, tensor)) {
            return Err(unsupported_connection(entry, wrong.value));
        }
    }
    let inputs_exist = inputs.iter().all(|input| exists(&entries, input));
    for (name, good) in [
        ("input_layers", inputs_exist),
        ("output_layers", outputs.iter().all(|output| exists(&entries, output))),
    ] {
        if !good {
            return Err(invalid_ends(config.get(name).unwrap_or(&Value::Null), name, path));
        }
    }
    let inputs = inputs.iter().map(|input| input.entry).collect();
    Ok(Container { entries, inputs, outputs, is_sequential: false })
}

/// Makes the indices of calls start at 0.
///
/// Keras 2 counts the calls of a nested model with an InputLayer from 1, since call 0 created the
/// model. Every call has a consumer, so the smallest index in use is the first. Keras 3 counts from
/// 0, but from 1 in the outputs of the outer model that refer to a Functional model.
fn count_calls_from_zero<'a>(entries: &mut [Entry<'a>], outputs: &mut [Reference<'a>]) {
    if entries.iter().any(Entry::is_of_keras_3) {
        for tensor in outputs.iter_mut().filter(|tensor| tensor.call > 0) {
            let entry = &entries[tensor.entry];
            tensor.call -= u64::from(entry.nested.is_some() && entry.class == "Functional");
        }
        return;
    }
    let mut first = vec![u64::MAX; entries.len()];
    let calls = entries.iter().flat_map(|entry| &entry.calls);
    for tensor in calls.flat_map(|call| &call.tensors).chain(outputs.iter()) {
        first[tensor.entry] = first[tensor.entry].min(tensor.call);
    }
    let from_one: Vec<bool> = entries
        .iter()
        .zip(&first)
        .map(|(entry, first)| entry.nested.is_some() && *first == 1)
        .collect();
    let calls = entries.iter_mut().flat_map(|entry| &mut entry.calls);
    for tensor in calls.flat_map(|call| &mut call.tensors).chain(outputs) {
        tensor.call -= u64::from(from_one[tensor.entry]);
    }
}

/// Returns true if the layer has the call, and the call has the result.
fn exists(entries: &[Entry<'_>], tensor: &Reference<'_>) -> bool {
    let entry = &entries[tensor.entry];
    let results = match &entry.nested {
        Some(model) => model.outputs.len() as u64,
        // The number of results follows from shapes, which are not known yet.
        None if entry.has_several_results() => u64::MAX,
        None => 1,
    };
    tensor.call < entry.calls.len() as u64 && tensor.tensor < results
}

/// Reads the model's inputs or outputs: a tensor, or lists and objects of tensors, which Keras flattens.
fn ends<'a>(
    names: &Names<'_>,
    config: &'a Value,
    name: &str,
    path: &Path,
) -> Result<Vec<Reference<'a>>, FrontError> {
    let value = config.get(name).unwrap_or(&Value::Null);
    let tensors = flattened(value);
    let references: Option<Vec<_>> = tensors.iter().map(|tensor| names.reference(tensor)).collect();
    let references = references.filter(|references| !references.is_empty());
    references.ok_or_else(|| invalid_ends(value, name, path))
}

/// The tensors in `value`. A dictionary is flattened in the order of its keys; a state of stacked cells is
/// a list in the list of results.
fn flattened(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(tensor) if tensor.first().is_some_and(Value::is_string) => vec![value],
        Value::Array(parts) => parts.iter().flat_map(flattened).collect(),
        Value::Object(parts) => {
            let mut parts: Vec<_> = parts.iter().collect();
            parts.sort_unstable_by_key(|(key, _)| *key);
            parts.into_iter().flat_map(|(_, part)| flattened(part)).collect()
        }
        other => vec![other],
    }
}

fn invalid_ends(value: &Value, name: &str, path: &Path) -> FrontError {
    let what = format!("{name} = {} is not a list of the model's layers", shown(value));
    Problem::Model { what, help: "save the model again".to_owned() }.at(path)
}
