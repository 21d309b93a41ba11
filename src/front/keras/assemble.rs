//! From a configuration and weights to a model.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;

use petgraph::graph::{DiGraph, NodeIndex};

use super::architecture::{Architecture, Role};
use super::attributes::Attributes;
use super::layers::{self, Built, Site};
use super::operations;
use super::quantizers::Dialect;
use super::weights::Store;
use crate::front::error::FrontError;
use crate::front::layer_problem::LayerProblem;
use crate::model::{self, LayerKind, Model};

pub(super) fn model(
    architecture: &Architecture<'_>,
    path: &Path,
    mut store: Store<'_>,
    dialect: Dialect,
) -> Result<Model, FrontError> {
    let places = store.places(&architecture.homes);
    let store = &store;
    let mut built: Vec<Option<Built>> = architecture.layers.iter().map(|_| None).collect();
    for at in order(architecture, path)? {
        let layer = &architecture.layers[at];
        let owner = layer.owner(path);
        let shapes = layer.sources.iter().filter_map(|&source| built[source].as_ref());
        let inputs: Vec<Vec<usize>> = shapes.map(|source| source.shape.clone()).collect();
        let site = Site {
            owner,
            attributes: Attributes::new(owner, &layer.attributes, dialect.of_class(layer.class)),
            inputs: inputs.into(),
            result: layer.result,
            arguments: &layer.arguments,
            weights: store.layer(owner, &architecture.homes[layer.home], &places[layer.home]),
        };
        built[at] = Some(match layer.role {
            Role::Layer => layers::over_steps(site, layer.steps, layers::build)?,
            Role::Operation => layers::over_steps(site, layer.steps, operations::build)?,
            Role::Border => site.same_shape(LayerKind::Identity)?,
        });
    }
    store.check_surplus(&places)?;

    let mut graph = DiGraph::new();
    for (layer, built) in architecture.layers.iter().zip(built) {
        if let Some(Built { kind, .. }) = built {
            graph.add_node(model::Layer {
                name: layer.name.to_string(),
                class: layer.class.to_string(),
                kind,
            });
        }
    }
    for (at, layer) in architecture.layers.iter().enumerate() {
        for (position, &source) in layer.sources.iter().enumerate() {
            graph.add_edge(NodeIndex::new(source), NodeIndex::new(at), position);
        }
    }
    let nodes = |places: &[usize]| places.iter().copied().map(NodeIndex::new).collect();
    let (inputs, outputs) = (nodes(&architecture.inputs), nodes(&architecture.outputs));
    Ok(Model { name: architecture.name.clone(), graph, inputs, outputs })
}

/// The layers, each after those that feed it, and otherwise in the order of the file.
fn order(architecture: &Architecture<'_>, path: &Path) -> Result<Vec<usize>, FrontError> {
    let layers = &architecture.layers;
    let mut fed: Vec<Vec<usize>> = vec![vec![]; layers.len()];
    let mut missing: Vec<usize> = layers.iter().map(|layer| layer.sources.len()).collect();
    for (at, layer) in layers.iter().enumerate() {
        for &source in &layer.sources {
            fed[source].push(at);
        }
    }
    let without = (0..layers.len()).filter(|&at| missing[at] == 0);
    let mut ready: BinaryHeap<Reverse<usize>> = without.map(Reverse).collect();
    let mut order = Vec::with_capacity(layers.len());
    while let Some(Reverse(at)) = ready.pop() {
        order.push(at);
        for &next in &fed[at] {
            missing[next] -= 1;
            if missing[next] == 0 {
                ready.push(Reverse(next));
            }
        }
    }
    match missing.iter().position(|&missing| missing > 0) {
        None => Ok(order),
        Some(at) => Err(layers[at].owner(path).wrong(LayerProblem::Cycle)),
    }
}
