//! A model as it stands in a file.

use std::collections::BTreeSet;

use serde_json::Value;

use super::calls::Reference;
use super::entry::Entry;
use super::{functional, sequential};
use crate::front::error::{FrontError, Problem};
use crate::front::keras::attributes::{Attributes, Owner};
use crate::front::keras::quantizers::Dialect;

/// Attributes of a model beside those that say how it is built.
const OF_A_MODEL: &[&str] = &["layers", "input_layers", "output_layers", "build_input_shape"];

/// A model: its layers, and how they are connected.
pub(super) struct Container<'a> {
    /// In the order of the file.
    pub(super) entries: Vec<Entry<'a>>,
    /// Its input layers, by index.
    pub(super) inputs: Vec<usize>,
    /// The tensors that it returns.
    pub(super) outputs: Vec<Reference<'a>>,
}

impl<'a> Container<'a> {
    /// For each layer, for each of its calls, which results are taken, by other layers or for outputs
    /// of the model; the first if none is.
    pub(super) fn results_taken(&self) -> Vec<Vec<BTreeSet<u64>>> {
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

    /// Reads `object`, whose attributes are `config`. `outermost` models must say what they take.
    pub(super) fn read(
        owner: Owner<'a>,
        object: &'a Value,
        config: &'a Value,
        outermost: bool,
    ) -> Result<Self, FrontError> {
        let (path, class) = (owner.path, owner.class);
        let unreadable = |what: String| {
            let help = "save the model again with Keras".to_owned();
            Problem::Model { what, help }.at(path)
        };
        let layers = match config {
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
        if let Some(attributes) = config.as_object() {
            let mut attributes = Attributes::new(owner, attributes, Dialect::default());
            attributes.inert(OF_A_MODEL);
            attributes.finish()?;
        }
        let entries: Vec<Entry<'_>> =
            layers.iter().map(|layer| Entry::read(layer, path)).collect::<Result<_, _>>()?;
        match class {
            "Sequential" => sequential::read(entries, object, outermost),
            "Functional" | "Model" => functional::read(entries, config, path),
            _ => {
                let help =
                    "supported are Sequential and Functional models; write yours as one".to_owned();
                let what = format!("the model is of the class {class}, which is not supported");
                Err(Problem::Model { what, help }.at(path))
            }
        }
    }
}
