//! What a file states besides the network: notes and warnings.

use std::collections::{HashMap, HashSet};

use super::architecture::{Architecture, Layer, Role};
use super::weights::{Sparsity, list};
use crate::diagnostic::Diagnostic;

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

/// Returns warnings about layers that are called several times, where the result of a call is not
/// used. Keras saves no such calls, except that Keras 3.2 states the first call in place of the later
/// ones.
pub(super) fn unused_calls(architecture: &Architecture<'_>) -> Vec<Diagnostic> {
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
    let warn = |(_, layer): (usize, &Layer<'_>)| {
        let name = &layer.name;
        let message = format!("layer '{name}': nothing uses the result of this call of the layer");
        let help = "Keras 3.2 saves wrong connections of layers that are called several times; \
                    compare the outputs with those of the trained model, or save it with another version.";
        Diagnostic::warning("unused-call", message).in_layer(name).with_help(help)
    };
    layers.iter().enumerate().filter(is_unused).map(warn).collect()
}
