//! Functional models: each layer names the layers that it takes the results of.
//!
//! Keras 2 writes one list for each call of a layer, of `[layer, call, tensor, arguments]` for each
//! input. Keras 3 writes one object for each call, with `args` and `kwargs` as they were passed, in
//! which a tensor is an object whose `keras_history` is `[layer, call, tensor]`.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::{Architecture, Entry};
use crate::front::error::{FrontError, Problem};
use crate::front::keras::attributes::{Owner, shown};
use crate::front::layer_problem::LayerProblem;

pub(super) fn read<'a>(
    name: String,
    entries: &[Entry<'a>],
    config: &'a Value,
    path: &Path,
) -> Result<Architecture<'a>, FrontError> {
    let names =
        Names(entries.iter().enumerate().map(|(at, entry)| (entry.owner.layer, at)).collect());
    let layer = |entry: &Entry<'a>| Ok(entry.layer(names.sources(entry)?));
    let layers = entries.iter().map(layer).collect::<Result<Vec<_>, FrontError>>()?;
    let inputs = names.ends(config, "input_layers", path)?;
    let outputs = names.ends(config, "output_layers", path)?;
    for (at, layer) in layers.iter().enumerate() {
        let is_input = layer.class == "InputLayer";
        if is_input && !inputs.contains(&at) {
            return Err(layer.owner(path).wrong(LayerProblem::Unfed));
        }
        if !is_input && layer.sources.is_empty() {
            return Err(layer.owner(path).wrong(LayerProblem::Unbuilt));
        }
    }
    if let Some(&at) = inputs.iter().find(|&&at| layers[at].class != "InputLayer") {
        let what = format!("the model's input '{}' is no InputLayer", layers[at].name);
        return Err(Problem::Model { what, help: "save the model again".to_owned() }.at(path));
    }
    Ok(Architecture { name, layers, inputs, outputs })
}

/// One result of one call of a layer.
struct Tensor<'a> {
    layer: &'a str,
    call: u64,
    tensor: u64,
}

impl<'a> Tensor<'a> {
    fn read(value: &'a Value) -> Option<Self> {
        let [layer, call, tensor, ..] = value.as_array()?.as_slice() else { return None };
        Some(Self { layer: layer.as_str()?, call: call.as_u64()?, tensor: tensor.as_u64()? })
    }
}

/// The layers' places by their names.
struct Names<'a>(HashMap<&'a str, usize>);

impl Names<'_> {
    /// The layers that feed a layer.
    fn sources(&self, entry: &Entry<'_>) -> Result<Vec<usize>, FrontError> {
        let owner = entry.owner;
        let none = Value::Array(vec![]);
        let calls = entry.object.get("inbound_nodes").filter(|calls| !calls.is_null());
        let calls = calls.unwrap_or(&none);
        match calls.as_array().map(Vec::as_slice) {
            None => Err(not_understood(owner, calls)),
            Some([]) => Ok(vec![]),
            Some([call]) => {
                let mut sources = vec![];
                match call {
                    Value::Object(call) => self.arguments(call, owner, &mut sources)?,
                    call => self.tensors(call, owner, &mut sources)?,
                }
                Ok(sources)
            }
            Some(several) => Err(owner.wrong(LayerProblem::Calls { calls: several.len() })),
        }
    }

    /// A call as Keras 2 writes it.
    fn tensors(
        &self,
        call: &Value,
        owner: Owner<'_>,
        sources: &mut Vec<usize>,
    ) -> Result<(), FrontError> {
        let tensors = call.as_array().ok_or_else(|| not_understood(owner, call))?;
        for value in tensors {
            let tensor = Tensor::read(value).ok_or_else(|| not_understood(owner, value))?;
            sources.push(self.source(&tensor, value, owner)?);
            match value.as_array().map(Vec::as_slice) {
                Some([_, _, _]) => {}
                Some([_, _, _, Value::Object(arguments)]) => plain(arguments, owner)?,
                _ => return Err(not_understood(owner, value)),
            }
        }
        Ok(())
    }

    /// A call as Keras 3 writes it.
    fn arguments(
        &self,
        call: &Map<String, Value>,
        owner: Owner<'_>,
        sources: &mut Vec<usize>,
    ) -> Result<(), FrontError> {
        for (name, value) in call {
            match (name.as_str(), value) {
                ("args", Value::Array(values)) => {
                    for value in values {
                        self.argument(value, owner, sources)?;
                    }
                }
                ("kwargs", Value::Object(arguments)) => plain(arguments, owner)?,
                _ => return Err(not_understood(owner, value)),
            }
        }
        Ok(())
    }

    /// A tensor or a list of tensors.
    fn argument(
        &self,
        value: &Value,
        owner: Owner<'_>,
        sources: &mut Vec<usize>,
    ) -> Result<(), FrontError> {
        if let Value::Array(values) = value {
            return values.iter().try_for_each(|value| self.argument(value, owner, sources));
        }
        let class = value.get("class_name").and_then(Value::as_str);
        let tensor = value.pointer("/config/keras_history").and_then(Tensor::read);
        let tensor = tensor.filter(|_| class == Some("__keras_tensor__"));
        let tensor = tensor.ok_or_else(|| not_understood(owner, value))?;
        sources.push(self.source(&tensor, value, owner)?);
        Ok(())
    }

    fn source(
        &self,
        tensor: &Tensor<'_>,
        value: &Value,
        owner: Owner<'_>,
    ) -> Result<usize, FrontError> {
        // A later call exists only where its layer states several, which is refused there with
        // better words; no layer of several results is supported.
        if (tensor.call, tensor.tensor) != (0, 0) {
            return Err(not_understood(owner, value));
        }
        self.0.get(tensor.layer).copied().ok_or_else(|| {
            owner.wrong(LayerProblem::Source { source_layer: tensor.layer.to_owned() })
        })
    }

    /// The model's inputs or outputs: a tensor, or a list of tensors, or an object of tensors.
    fn ends(&self, config: &Value, name: &str, path: &Path) -> Result<Vec<usize>, FrontError> {
        let value = config.get(name).unwrap_or(&Value::Null);
        let wrong = || {
            let what = format!("{name} = {} names no layers of the model", shown(value));
            Problem::Model { what, help: "save the model again".to_owned() }.at(path)
        };
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
            return Err(wrong());
        }
        let place = |value: &&Value| {
            let tensor = Tensor::read(value).filter(|found| (found.call, found.tensor) == (0, 0));
            tensor.and_then(|tensor| self.0.get(tensor.layer).copied()).ok_or_else(wrong)
        };
        tensors.iter().map(place).collect()
    }
}

/// Refuses arguments of a call that change the result.
fn plain(arguments: &Map<String, Value>, owner: Owner<'_>) -> Result<(), FrontError> {
    let matters = |(name, value): &(&String, &Value)| match value {
        Value::Null => false,
        // Inference is what is asked for.
        Value::Bool(false) => name.as_str() != "training",
        _ => true,
    };
    match arguments.iter().find(matters) {
        None => Ok(()),
        Some((name, value)) => {
            let (argument, value) = (name.to_owned(), shown(value));
            Err(owner.wrong(LayerProblem::Argument { argument, value }))
        }
    }
}

fn not_understood(owner: Owner<'_>, value: &Value) -> FrontError {
    // Layers of classes that are not supported may be connected in ways of their own.
    if let Err(unsupported) = super::super::layers::check(owner) {
        return unsupported;
    }
    owner.wrong(LayerProblem::Connection { value: shown(value) })
}
