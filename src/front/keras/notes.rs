//! What a file states besides the network, and what it lacks.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::architecture::{Architecture, Layer, Role};
use super::weights::{Sparsity, list};
use crate::diagnostic::Diagnostic;
use crate::front::error::FrontError;
use crate::front::layer_problem::LayerProblem;

/// Returns a note on the sparsity of pruned layers; `None` if there are none.
pub(super) fn pruning<'n>(layers: impl Iterator<Item = (&'n str, Sparsity)>) -> Option<Diagnostic> {
    let layers: Vec<_> = layers.filter(|(_, sparsity)| sparsity.weights > 0).collect();
    let sum = |all: Sparsity, (_, one): &(&str, Sparsity)| Sparsity {
        zeros: all.zeros + one.zeros,
        weights: all.weights + one.weights,
    };
    let all = layers.iter().fold(Sparsity::default(), sum);
    let each: Vec<String> =
        layers.iter().map(|(name, one)| format!("{name} {} %", one.percent())).collect();
    let message = format!(
        "pruned layers: {} of {} weights of their kernels are 0 ({} %): {}",
        all.zeros,
        all.weights,
        all.percent(),
        list(each.iter().map(String::as_str), "none"),
    );
    (!layers.is_empty()).then(|| Diagnostic::note("pruned", message))
}

/// Refuses a model in which the result of a call of a layer that is called several times is not used.
///
/// Keras saves no such calls, except that Keras 3.2 states the first call of a layer in place of the
/// later ones. It computes another network when it loads the file, or none.
pub(super) fn check_calls(architecture: &Architecture<'_>, path: &Path) -> Result<(), FrontError> {
    let layers = &architecture.layers;
    let sources = layers.iter().flat_map(|layer| &layer.sources);
    let used: HashSet<&usize> = sources.chain(&architecture.outputs).collect();
    let mut calls = HashMap::new();
    for layer in layers {
        *calls.entry(layer.definition).or_insert(0) += 1;
    }
    let is_unused = |(at, layer): &(usize, &Layer<'_>)| {
        layer.role == Role::Layer && calls[&layer.definition] > 1 && !used.contains(at)
    };
    match layers.iter().enumerate().find(is_unused) {
        Some((_, layer)) => Err(layer.owner(path).wrong(LayerProblem::UnusedCall)),
        None => Ok(()),
    }
}
