//! Weights by object: SavedModel folders of Keras 2.
//!
//! The variables of a layer are listed in the order in which `.h5` files list them, or, without traces
//! (`save_traces=False`) and in a checkpoint, under the names of its attributes.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Stored, WRAPPED};
use crate::front::keras::architecture::Definition;
use crate::front::keras::saved_model::{Object, Objects};

/// Upper bound on wrappers around a layer.
const MAX_WRAPPERS: usize = 8;

/// Variables of the layers of a model.
pub(super) struct Assigned {
    /// Group of each layer, `outer/inner`.
    pub(super) paths: Vec<String>,
    pub(super) groups: BTreeMap<String, Stored>,
    /// Tensor of each dataset.
    pub(super) tensors: HashMap<String, String>,
}

/// Finds the variables of each layer. Layers of the file that the model lacks have groups too.
pub(super) fn assign(objects: &Objects, definitions: &[Definition<'_>]) -> Assigned {
    let models: HashSet<usize> = definitions.iter().filter_map(|layer| layer.parent).collect();
    let mut found: Vec<Option<Object<'_>>> = Vec::with_capacity(definitions.len());
    let mut assigned = Assigned { paths: vec![], groups: BTreeMap::new(), tensors: HashMap::new() };
    // Number of the layers of each model.
    let mut counts: HashMap<Option<usize>, usize> = HashMap::new();
    for (at, layer) in definitions.iter().enumerate() {
        let path = match layer.parent {
            None => layer.name.to_string(),
            Some(parent) => format!("{}/{}", assigned.paths[parent], layer.name),
        };
        let model = |parent| model(parent, &found, objects, definitions);
        let object = layer.position.and_then(|index| model(layer.parent)?.layer(index));
        *counts.entry(layer.parent).or_default() += usize::from(layer.position.is_some());
        if let Some(object) = object.filter(|_| !models.contains(&at)) {
            assigned.insert(&path, object);
        }
        found.push(object);
        assigned.paths.push(path);
    }
    for (parent, count) in counts {
        let model = model(parent, &found, objects, definitions);
        let others = (count..).map_while(|index| Some((index, model?.layer(index)?)));
        let within = parent.map_or(String::new(), |parent| format!("{}/", assigned.paths[parent]));
        for (index, object) in others {
            assigned.insert(&format!("{within}layer-{index}"), object);
        }
    }
    assigned
}

/// Returns the model that contains the layers with this parent.
fn model<'o>(
    parent: Option<usize>,
    found: &[Option<Object<'o>>],
    objects: &'o Objects,
    definitions: &[Definition<'_>],
) -> Option<Object<'o>> {
    match parent {
        None => Some(objects.root()),
        // A model precedes its layers.
        Some(parent) if definitions[parent].is_time_distributed => found[parent]?.child(WRAPPED),
        Some(parent) => found[parent],
    }
}

impl Assigned {
    fn insert(&mut self, group: &str, object: Object<'_>) {
        let mut stored = Stored::default();
        let listed = object.variables().map(|variables| {
            variables.into_iter().map(|(name, tensor)| (name.to_owned(), tensor)).collect()
        });
        let variables = listed.unwrap_or_else(|| {
            stored.is_by_name = true;
            let mut variables = vec![];
            attributes(object, "", MAX_WRAPPERS, &mut variables);
            variables
        });
        for (name, tensor) in variables {
            // Two kernels of a pruned layer have masks of one name.
            let name = format!("{group}/{name}");
            let numbered = (1..).map(|number| format!("{name}_{number}"));
            let mut free = std::iter::once(name.clone()).chain(numbered);
            let dataset = free.find(|name| !stored.datasets.contains(name)).unwrap_or(name);
            self.tensors.insert(dataset.clone(), tensor.to_owned());
            stored.datasets.push(dataset);
        }
        self.groups.insert(group.to_owned(), stored);
    }
}

/// Layers and cells in a layer, in the order in which their variables are read.
const PARTS: [&str; 4] = ["cell", "forward_layer", "backward_layer", "cells"];

/// Adds attribute and tensor of each variable of a layer, then of those in it, of which a wrapped layer
/// stands for its wrapper, down to so many of them.
fn attributes<'o>(
    object: Object<'o>,
    within: &str,
    depth: usize,
    variables: &mut Vec<(String, &'o str)>,
) {
    let Some(depth) = depth.checked_sub(1) else { return };
    let own = object.attributes().into_iter();
    variables.extend(own.map(|(name, tensor)| (format!("{within}{name}"), tensor)));
    if let Some(wrapped) = object.child(WRAPPED) {
        attributes(wrapped, within, depth, variables);
    }
    for part in PARTS {
        let Some(part_object) = object.child(part) else { continue };
        attributes(part_object, &format!("{within}{part}/"), depth, variables);
        // The cells of a list have numbers.
        let cells = (0..).map_while(|at: usize| Some((at, part_object.child(&at.to_string())?)));
        for (at, cell) in cells {
            attributes(cell, &format!("{within}{part}/{at}/"), depth, variables);
        }
    }
}
