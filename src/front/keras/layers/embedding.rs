//! Embedding and Masking, and the users of their masks.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use petgraph::graph::{DiGraph, NodeIndex};
use serde_json::json;

use super::recurrent::is_recurrent;
use super::{Built, Class, LayerReader, check_size};
use crate::front::error::FrontError;
use crate::front::keras::architecture::Layer;
use crate::front::layer_problem::LayerProblem;
use crate::model::LayerKind;

pub(super) const CLASSES: &[Class] = &[(EMBEDDING, embedding), (MASKING, masking)];

const EMBEDDING: &str = "Embedding";
const MASKING: &str = "Masking";

/// Classes that compute something else where their input has a mask, beside recurrent ones. Attention
/// layers do so too, but are not supported.
const MASK_USERS: &[&str] = &["GlobalAveragePooling1D", "Softmax"];

fn embedding(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    layer.attributes.inert(&[
        "embeddings_initializer",
        "embeddings_regularizer",
        "embeddings_constraint",
        "input_length",
        // See `mask_users`.
        "mask_zero",
    ]);
    layer.check_training_attributes()?;
    layer.attributes.only("sparse", &[json!(false)])?;
    let rows = layer.attributes.count("input_dim")?;
    let columns = layer.attributes.count("output_dim")?;
    let mut shape = layer.input()?.to_vec();
    shape.push(columns);
    check_size(layer.owner, &shape)?;
    let table = layer.weights.variables(&["embeddings"])?.next([rows, columns])?;
    Ok(Built { kind: LayerKind::Embedding(table), shape })
}

fn masking(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    let value = layer.attributes.number("mask_value", 0.0)?;
    layer.same_shape(LayerKind::Masking { value, user: layer.mask_user.map(str::to_owned) })
}

/// The first layer after each layer of `layers` with a mask that uses the mask. `connections` run from
/// each layer to its consumers.
///
/// # Errors
/// If the mask of an Embedding is used.
pub(in crate::front::keras) fn mask_users(
    layers: &[Layer<'_>],
    connections: &DiGraph<(), usize>,
    path: &Path,
) -> Result<HashMap<usize, usize>, FrontError> {
    let has_mask = |layer: &Layer<'_>| {
        layer.class == MASKING
            || layer.class == EMBEDDING && layer.attributes.get("mask_zero") == Some(&json!(true))
    };
    let mut users = HashMap::new();
    for (at, layer) in layers.iter().enumerate().filter(|(_, layer)| has_mask(layer)) {
        let Some(user) = user_after(layers, connections, at) else { continue };
        if layer.class == EMBEDDING {
            let user = &layers[user];
            let help = format!(
                "layer '{}' ({}) uses the mask: set mask_zero = false, or use another layer",
                user.name, user.class
            );
            let (attribute, value) = ("mask_zero".to_owned(), "true".to_owned());
            return Err(layer.owner(path).wrong(LayerProblem::Value { attribute, value, help }));
        }
        users.insert(at, user);
    }
    Ok(users)
}

/// A layer after `source` that uses masks.
fn user_after(
    layers: &[Layer<'_>],
    connections: &DiGraph<(), usize>,
    source: usize,
) -> Option<usize> {
    let mut seen = HashSet::new();
    let mut waiting = vec![NodeIndex::new(source)];
    while let Some(node) = waiting.pop() {
        let class = layers[node.index()].class;
        if MASK_USERS.contains(&class) || is_recurrent(class) {
            return Some(node.index());
        }
        waiting.extend(connections.neighbors(node).filter(|reader| seen.insert(*reader)));
    }
    None
}
