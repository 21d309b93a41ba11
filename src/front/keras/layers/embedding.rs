//! Embedding, and the users of its mask.

use std::collections::HashSet;
use std::path::Path;

use petgraph::graph::{DiGraph, NodeIndex};
use serde_json::json;

use super::recurrent::is_recurrent;
use super::{Built, Class, LayerReader, check_size};
use crate::front::error::FrontError;
use crate::front::keras::architecture::Layer;
use crate::front::layer_problem::LayerProblem;
use crate::model::LayerKind;

pub(super) const CLASSES: &[Class] = &[(EMBEDDING, embedding)];

const EMBEDDING: &str = "Embedding";

/// Classes that compute something else where their input has a mask, beside recurrent ones. Attention
/// layers do so too, but are not supported.
const MASK_USERS: &[&str] = &["GlobalAveragePooling1D", "Softmax"];

fn embedding(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    layer.attributes.inert(&[
        "embeddings_initializer",
        "embeddings_regularizer",
        "embeddings_constraint",
        "input_length",
        // See `check_masks`.
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

/// Rejects an Embedding whose mask a layer after it uses. `connections` run from each layer of
/// `layers` to its consumers.
pub(in crate::front::keras) fn check_masks(
    layers: &[Layer<'_>],
    connections: &DiGraph<(), usize>,
    path: &Path,
) -> Result<(), FrontError> {
    let has_mask = |layer: &Layer<'_>| {
        layer.class == EMBEDDING && layer.attributes.get("mask_zero") == Some(&json!(true))
    };
    for (at, layer) in layers.iter().enumerate().filter(|(_, layer)| has_mask(layer)) {
        let mut seen = HashSet::new();
        let mut waiting = vec![NodeIndex::new(at)];
        while let Some(node) = waiting.pop() {
            let user = &layers[node.index()];
            if MASK_USERS.contains(&user.class) || is_recurrent(user.class) {
                let help = format!(
                    "layer '{}' ({}) uses the mask: set mask_zero = false, or use another layer",
                    user.name, user.class
                );
                let (attribute, value) = ("mask_zero".to_owned(), "true".to_owned());
                let problem = LayerProblem::Value { attribute, value, help };
                return Err(layer.owner(path).wrong(problem));
            }
            waiting.extend(connections.neighbors(node).filter(|reader| seen.insert(*reader)));
        }
    }
    Ok(())
}
