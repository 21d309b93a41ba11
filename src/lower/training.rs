//! What a model states for training only.

use super::LowerWarning;
use crate::model::{LayerKind, Model};

/// One warning of all quantizers with noise or chance, each with the layers that have it; `None`
/// where the model has none.
pub(super) fn warning(model: &Model) -> Option<LowerWarning> {
    let mut quantizers: Vec<(String, Vec<String>)> = vec![];
    let mut differences: Vec<&'static str> = vec![];
    for layer in model.graph.node_weights() {
        for quantizer in layer.kind.quantizers() {
            let notes = quantizer.training_notes();
            if notes.is_empty() {
                continue;
            }
            for difference in notes.iter().filter_map(|note| note.difference()) {
                if !differences.contains(&difference) {
                    differences.push(difference);
                }
            }
            let call = quantizer.to_string();
            match quantizers.iter_mut().find(|(known, _)| *known == call) {
                Some((_, layers)) if layers.last() == Some(&layer.name) => {}
                Some((_, layers)) => layers.push(layer.name.clone()),
                None => quantizers.push((call, vec![layer.name.clone()])),
            }
        }
    }
    (!quantizers.is_empty()).then_some(LowerWarning::Training { quantizers, differences })
}

/// One warning of all layers whose averages QKeras moves at inference; `None` where there are none.
pub(super) fn moving(model: &Model) -> Option<LowerWarning> {
    let layers = model.graph.node_weights().filter(|layer| is_moving(&layer.kind));
    let layers: Vec<String> = layers.map(|layer| layer.name.clone()).collect();
    (!layers.is_empty()).then_some(LowerWarning::Moving { layers })
}

fn is_moving(kind: &LayerKind) -> bool {
    match kind {
        LayerKind::Adaptive(adaptive) => adaptive.is_moving(),
        LayerKind::TimeDistributed(kind) | LayerKind::ChannelsFirst(kind) => is_moving(kind),
        _ => false,
    }
}
