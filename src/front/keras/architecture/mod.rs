//! Layers and connections of a configuration, as one flat list with a layer per call.
//!
//! [`container`] reads a model and its nested models as the file states them, [`calls`] reads the
//! connections; this module inlines nested models:
//!
//! - The layers of a nested model become layers named `outer/inner`. Its inputs become pass-through
//!   layers. So does its first result, under the nested model's own name, so that a consumer of the
//!   nested model reads a layer of that name.
//! - A layer that is called several times becomes a layer per call: `name`, `name_1`, `name_2`.
//! - An operation with several results becomes a layer per used result: `name`, `name:1`, `name:2`.

mod calls;
mod container;
mod entry;
mod wrappers;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde_json::{Map, Value};

use super::attributes::{Owner, class_of};
use super::batch_axis::BatchAxis;
use crate::front::error::{FrontError, Problem};
use crate::front::layer_problem::LayerProblem;
use crate::model::Origin;

use calls::Reference;
use container::Container;
use entry::Entry;

pub(super) use calls::{Argument, Arguments};
pub(super) use entry::{Role, check_origin};

/// A model's configuration with nested models inlined.
pub(super) struct Architecture<'a> {
    pub(super) name: String,
    /// In the order of the file.
    pub(super) layers: Vec<Layer<'a>>,
    /// Indices of the input layers, in the model's order.
    pub(super) inputs: Vec<usize>,
    /// Indices of the output layers, in the model's order.
    pub(super) outputs: Vec<usize>,
    /// The layers of the file, once each.
    pub(super) definitions: Vec<Definition<'a>>,
}

/// One call of a layer, or one result of an operation's call.
pub(super) struct Layer<'a> {
    /// Path of names, `outer/inner`, with a number from the second call on.
    pub(super) name: String,
    pub(super) class: &'a str,
    pub(super) role: Role,
    pub(super) attributes: Cow<'a, Map<String, Value>>,
    /// Indices of the producers, in the order of the inputs.
    pub(super) sources: Vec<usize>,
    /// Index of the result of an operation with several results.
    pub(super) result: u64,
    /// Arguments of an operation's call.
    pub(super) arguments: Arguments<'a>,
    /// Number of enclosing TimeDistributed models: leading axes that precede those of the layer's own
    /// samples.
    pub(super) time_axes: usize,
    /// Index in [`Architecture::definitions`].
    pub(super) definition: usize,
    /// The layer of which this is a later call or a further result.
    pub(super) origin: Option<Origin>,
}

/// A layer of the file, independent of its calls. It owns the weights.
pub(super) struct Definition<'a> {
    /// Index of the nested model that contains it; `None` in the outermost model.
    pub(super) parent: Option<usize>,
    pub(super) name: Cow<'a, str>,
    pub(super) class: &'a str,
    pub(super) role: Role,
    /// True for a TimeDistributed layer around a model.
    pub(super) is_time_distributed: bool,
    /// Name of the layer in a PruneLowMagnitude wrapper, which this layer was.
    pub(super) pruned: Option<&'a str>,
    /// Index in `model.layers` of Keras 2; `None` for the input of a Sequential model, which is not
    /// listed there.
    pub(super) position: Option<usize>,
}

impl<'a> Architecture<'a> {
    /// Reads the JSON of `to_json`.
    pub(super) fn read(config: &'a Value, path: &'a Path) -> Result<Self, FrontError> {
        let unreadable = |what: String| {
            let help = "save the model again with Keras".to_owned();
            Problem::Model { what, help }.at(path)
        };
        let class = class_of(config);
        let class =
            class.ok_or_else(|| unreadable("is not a model: it has no class_name".to_owned()))?;
        let inner = config.get("config").unwrap_or(&Value::Null);
        let name = inner.get("name").and_then(Value::as_str).unwrap_or("model");
        let owner = Owner { path, layer: name, class };
        let container = Container::read(owner, config, inner)?;
        flatten(name.to_owned(), &container, path)
    }
}

impl Layer<'_> {
    pub(super) fn owner<'b>(&'b self, path: &'b Path) -> Owner<'b> {
        Owner { path, layer: &self.name, class: self.class }
    }

    /// True for an input whose batches have one sample.
    pub(super) fn has_batch_of_one(&self, batch: BatchAxis) -> bool {
        let shapes = ["batch_input_shape", "batch_shape"].map(|name| self.attributes.get(name));
        shapes.into_iter().flatten().any(|shape| shape.get(batch.index()) == Some(&Value::from(1)))
    }
}

/// Upper bound on layers. Nested models that are called twice each grow exponentially.
const MAX_LAYERS: usize = 1 << 16;

/// Inlines all nested models.
fn flatten<'a>(
    name: String,
    container: &Container<'a>,
    path: &Path,
) -> Result<Architecture<'a>, FrontError> {
    let mut definitions = Definitions { list: vec![], names: HashMap::new() };
    let indices = definitions.add(container, None, "")?;
    let mut inliner = Inliner { path, layers: vec![], names: definitions.names };
    let context = Context { prefix: "", is_first: true, is_nested: false, time_axes: 0 };
    let scope = inliner.inline(container, &indices, context)?;
    let inputs = container.inputs.iter().map(|input| scope.input(*input)).collect();
    let outputs = container.outputs.iter().map(|output| scope.resolve(output)).collect();
    let layers = inliner.layers;
    Ok(Architecture { name, layers, inputs, outputs, definitions: definitions.list })
}

/// The layers of the file, and the names of their first calls.
struct Definitions<'a> {
    list: Vec<Definition<'a>>,
    /// Names in use, each with the number of later layers that are named after it.
    names: HashMap<String, usize>,
}

/// Definition of each layer of a model, with those of a nested model's layers.
struct Indices(Vec<(usize, Option<Indices>)>);

impl<'a> Definitions<'a> {
    fn add(
        &mut self,
        container: &Container<'a>,
        parent: Option<usize>,
        prefix: &str,
    ) -> Result<Indices, FrontError> {
        let mut indices = vec![];
        let mut positions = 0..;
        for entry in &container.entries {
            let full = format!("{prefix}{}", entry.name);
            let within = format!("{full}/");
            if self.names.insert(full, 0).is_some() {
                return Err(entry.owner().wrong(LayerProblem::Duplicate));
            }
            let at = self.list.len();
            let (name, class, role) = (entry.name.clone(), entry.class, entry.role);
            self.list.push(Definition {
                parent,
                name,
                class,
                role,
                is_time_distributed: entry.is_time_distributed,
                pruned: entry.pruned,
                position: match container.is_sequential && entry.is_input() {
                    true => None,
                    false => positions.next(),
                },
            });
            let inner = entry.nested.as_ref();
            let inner = inner.map(|inner| self.add(inner, Some(at), &within)).transpose()?;
            indices.push((at, inner));
        }
        Ok(Indices(indices))
    }
}

/// The flat list under construction.
struct Inliner<'a, 'p> {
    path: &'p Path,
    layers: Vec<Layer<'a>>,
    names: HashMap<String, usize>,
}

/// An instance of a model: the layers of each result, for each call of each layer of the model.
struct Scope(Vec<Vec<Results>>);

/// Layers by the index of the result that they hold.
type Results = BTreeMap<u64, usize>;

impl Scope {
    /// Returns the layer of a tensor.
    fn resolve(&self, tensor: &Reference<'_>) -> usize {
        self.0[tensor.entry][tensor.call as usize][&tensor.tensor]
    }

    fn input(&self, entry: usize) -> usize {
        self.0[entry][0][&0]
    }
}

/// Surroundings of an instance of a model.
#[derive(Clone, Copy)]
struct Context<'s> {
    /// Names of the enclosing models, each followed by `/`.
    prefix: &'s str,
    /// True for the first call of the model and of all enclosing ones.
    is_first: bool,
    is_nested: bool,
    /// Number of enclosing TimeDistributed models.
    time_axes: usize,
}

impl<'a> Inliner<'a, '_> {
    /// Adds the layers of a model, in the order of the file. The caller connects the inputs.
    fn inline(
        &mut self,
        container: &Container<'a>,
        indices: &Indices,
        context: Context<'_>,
    ) -> Result<Scope, FrontError> {
        let mut scope = Scope(Vec::with_capacity(container.entries.len()));
        let used = container.used_results();
        // Consumers may precede producers in the file, so connections are resolved last.
        let mut connections: Vec<(usize, &[Reference<'_>])> = vec![];
        for ((entry, (definition, inner)), used) in
            container.entries.iter().zip(&indices.0).zip(&used)
        {
            let mut results = vec![];
            for ((number, call), used) in entry.calls.iter().enumerate().zip(used) {
                let is_first = context.is_first && number == 0;
                let first = format!("{}{}", context.prefix, entry.name);
                // The definitions have reserved the names of first calls.
                let name = if is_first { first.clone() } else { self.unique(first.clone()) };
                let (Some(nested), Some(inner)) = (&entry.nested, inner) else {
                    let is_inner_input = entry.is_input() && context.is_nested;
                    let role = if is_inner_input { Role::Passthrough } else { entry.role };
                    let mut of_call = Results::new();
                    for &result in used {
                        let own = match result {
                            0 => name.clone(),
                            _ => self.unique(format!("{name}:{result}")),
                        };
                        let at = self.add(entry, own, role, *definition)?;
                        self.layers[at].result = result;
                        self.layers[at].origin = match result {
                            0 => (!is_first).then(|| Origin::Call(first.clone())),
                            _ => Some(Origin::Result(name.clone())),
                        };
                        self.layers[at].arguments = call.arguments.clone();
                        self.layers[at].time_axes = context.time_axes;
                        connections.push((at, &call.tensors));
                        of_call.insert(result, at);
                    }
                    results.push(of_call);
                    continue;
                };
                let (expected, found) = (nested.inputs.len(), call.tensors.len());
                if expected != found {
                    return Err(entry.owner().wrong(LayerProblem::Inputs { expected, found }));
                }
                let prefix = format!("{name}/");
                let time_axes = context.time_axes + usize::from(entry.is_time_distributed);
                let inside = Context { prefix: &prefix, is_first, is_nested: true, time_axes };
                let inside = self.inline(nested, inner, inside)?;
                for (input, tensor) in nested.inputs.iter().zip(call.tensors.chunks(1)) {
                    connections.push((inside.input(*input), tensor));
                }
                let mut outputs: Vec<usize> =
                    nested.outputs.iter().map(|output| inside.resolve(output)).collect();
                let at = self.add(entry, name, Role::Passthrough, *definition)?;
                self.layers[at].sources = vec![std::mem::replace(&mut outputs[0], at)];
                results.push((0..).zip(outputs).collect());
            }
            scope.0.push(results);
        }
        for (at, tensors) in connections {
            self.layers[at].sources = tensors.iter().map(|tensor| scope.resolve(tensor)).collect();
        }
        Ok(scope)
    }

    /// Returns `wanted` if no layer has that name, else `wanted_1`, `wanted_2` and so on. Counts on
    /// from the last number, so that a layer with many calls takes linear time.
    fn unique(&mut self, wanted: String) -> String {
        let Some(mut number) = self.names.get(&wanted).copied() else {
            self.names.insert(wanted.clone(), 0);
            return wanted;
        };
        let name = loop {
            number += 1;
            let name = format!("{wanted}_{number}");
            if !self.names.contains_key(&name) {
                break name;
            }
        };
        self.names.insert(wanted, number);
        self.names.insert(name.clone(), 0);
        name
    }

    fn add(
        &mut self,
        entry: &Entry<'a>,
        name: String,
        role: Role,
        definition: usize,
    ) -> Result<usize, FrontError> {
        if self.layers.len() == MAX_LAYERS {
            let what = format!("the model has more than {MAX_LAYERS} layers");
            let help = "call nested models less often".to_owned();
            return Err(Problem::Model { what, help }.at(self.path));
        }
        self.layers.push(Layer {
            name,
            class: entry.class,
            role,
            attributes: entry.attributes.clone(),
            sources: vec![],
            result: 0,
            arguments: Arguments::default(),
            time_axes: 0,
            definition,
            origin: None,
        });
        Ok(self.layers.len() - 1)
    }
}
