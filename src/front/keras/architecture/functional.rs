//! Functional models: each layer names the tensors that it takes.

use std::path::Path;

use serde_json::Value;

use super::calls::{Arguments, Call, Names, Reference, not_understood};
use super::container::Container;
use super::entry::Entry;
use crate::front::error::{FrontError, Problem};
use crate::front::keras::attributes::shown;
use crate::front::layer_problem::LayerProblem;

pub(super) fn read<'a>(
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
        let what = format!("the model's input '{}' is no InputLayer", entries[input.entry].name);
        return Err(Problem::Model { what, help: "save the model again".to_owned() }.at(path));
    }
    count_calls_from_zero(&mut entries, &mut outputs);
    for entry in &entries {
        let mut tensors = entry.calls.iter().flat_map(|call| &call.tensors);
        if let Some(wrong) = tensors.find(|tensor| !exists(&entries, tensor)) {
            return Err(not_understood(entry, wrong.value));
        }
    }
    let inputs_exist = inputs.iter().all(|input| exists(&entries, input));
    for (name, good) in [
        ("input_layers", inputs_exist),
        ("output_layers", outputs.iter().all(|output| exists(&entries, output))),
    ] {
        if !good {
            return Err(no_ends(config.get(name).unwrap_or(&Value::Null), name, path));
        }
    }
    let inputs = inputs.iter().map(|input| input.entry).collect();
    Ok(Container { entries, inputs, outputs })
}

/// Keras 2 counts the calls of a nested model from 1, where the model has an input of its own: its
/// call 0 is the one that made it. Every call has a reader, so the first that is read is the first.
/// Keras 3 counts from 0, but from 1 where the outer model's outputs name a Functional one.
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

/// Whether the layer has such a call, and the call such a result.
fn exists(entries: &[Entry<'_>], tensor: &Reference<'_>) -> bool {
    let entry = &entries[tensor.entry];
    let results = match &entry.nested {
        Some(model) => model.outputs.len() as u64,
        // How many they are, shapes will tell.
        None if entry.gives_several() => u64::MAX,
        None => 1,
    };
    tensor.call < entry.calls.len() as u64 && tensor.tensor < results
}

/// The model's inputs or outputs: a tensor, or a list of tensors, or an object of tensors.
fn ends<'a>(
    names: &Names<'_>,
    config: &'a Value,
    name: &str,
    path: &Path,
) -> Result<Vec<Reference<'a>>, FrontError> {
    let value = config.get(name).unwrap_or(&Value::Null);
    let tensors: Vec<&Value> = match value {
        Value::Array(tensor) if tensor.first().is_some_and(Value::is_string) => vec![value],
        Value::Array(tensors) => tensors.iter().collect(),
        // Keras flattens a dictionary in the order of its keys.
        Value::Object(tensors) => {
            let mut tensors: Vec<_> = tensors.iter().collect();
            tensors.sort_unstable_by_key(|(key, _)| *key);
            tensors.into_iter().map(|(_, tensor)| tensor).collect()
        }
        _ => vec![],
    };
    if tensors.is_empty() {
        return Err(no_ends(value, name, path));
    }
    let reference = |value: &&'a Value| names.reference(value);
    tensors
        .iter()
        .map(|value| {
            reference(value)
                .ok_or_else(|| no_ends(config.get(name).unwrap_or(&Value::Null), name, path))
        })
        .collect()
}

fn no_ends(value: &Value, name: &str, path: &Path) -> FrontError {
    let what = format!("{name} = {} names no layers of the model", shown(value));
    Problem::Model { what, help: "save the model again".to_owned() }.at(path)
}
