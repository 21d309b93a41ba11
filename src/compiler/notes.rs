//! Notes on a configuration: keys without effect, in any model or for a layer of this one, and types
//! that are proven.

use crate::config::{Config, LayerKey, Note, NoteKind, Variable};
use crate::diagnostic::Diagnostic;
use crate::fixed::Format;
use crate::ir::{Graph, Node, Op, Pool, PoolKind};
use crate::model::{Activation, LayerKind, Matrix, Model, Parameters};

/// All notes on `config` for `model`, which is lowered to `graph`.
pub(super) fn notes(config: &Config, model: &Model, graph: &Graph) -> Vec<Diagnostic> {
    let mut notes = config.notes.clone();
    notes.extend(unused(config, model, graph));
    let of = |kind: NoteKind| {
        let notes = notes.iter().filter(|note| note.kind == kind);
        notes.map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let kinds = [
        (NoteKind::WithoutEffect, "config-without-effect", "configuration keys without effect: "),
        (NoteKind::TakenAs, "config-taken-as", "configuration: "),
    ];
    let mut all = Vec::new();
    for (kind, code, start) in kinds {
        let keys = of(kind);
        if !keys.is_empty() {
            all.push(Diagnostic::note(code, format!("{start}{keys}")));
        }
    }
    all.extend(missing_activations(config, model));
    all.extend(proven(config, model, graph));
    all
}

/// The keys of entries for layers that have nothing that the key sets, each with its layers. Values
/// that hls4ml writes by default are not among them.
fn unused(config: &Config, model: &Model, graph: &Graph) -> Vec<Note> {
    let mut notes: Vec<Note> = Vec::new();
    let nodes = all_nodes(graph);
    for layer in model.graph.node_weights() {
        let ops = || nodes.iter().copied().filter(|node| node.layer == layer.name);
        let any = |is_it: fn(&Op) -> bool| ops().any(|node| is_it(&node.op));
        for key in config.keys_of(&layer.name) {
            let (is_used, reason) = match key {
                LayerKey::WeightScale => {
                    let is_free = layer.kind.matrix().is_some_and(Matrix::has_free_kernel);
                    (is_free, "the layer has no weights without a quantizer")
                }
                LayerKey::Weight | LayerKey::Bias => {
                    (has_weights(&layer.kind), "the layer has no weights")
                }
                LayerKey::Depthwise | LayerKey::Pointwise => {
                    (has_weights(&layer.kind), "the layer has no such weights")
                }
                LayerKey::Scale => {
                    (any(|op| matches!(op, Op::Scale(_) | Op::Affine(_))), "the layer has no scale")
                }
                LayerKey::Skip | LayerKey::ExpTable | LayerKey::InvTable => {
                    let softmax = layer.kind.activation() == Some(&Activation::Softmax);
                    (softmax, "the layer has no softmax")
                }
                LayerKey::Table => (false, "the layer has no table of a function"),
                LayerKey::TableSize => {
                    let is_table = |op: &Op| matches!(op, Op::StepFunction(_) | Op::Softmax(_));
                    (any(is_table), "the layer has no table")
                }
                LayerKey::ParallelizationFactor => (
                    ops().any(|node| node.tensor.rows() > 1),
                    "the layer has one position to compute",
                ),
                LayerKey::RecurrentBias => {
                    let mut cells = layer.kind.recurrent().iter().flat_map(|it| &it.cells);
                    let has_one = cells.any(|cell| cell.bias_row(1).is_some());
                    (has_one, "the layer adds no bias to the products with its state")
                }
                LayerKey::Directed(_) => {
                    (layer.kind.recurrent().len() == 2, "the layer has one direction")
                }
                LayerKey::RecurrentWeight
                | LayerKey::State
                | LayerKey::RecurrentReuseFactor
                | LayerKey::Recurrence => (layer.kind.is_recurrent(), "the layer is not recurrent"),
                LayerKey::TargetCycles => (ops().next().is_some(), "the layer computes nothing"),
                LayerKey::ReuseFactor | LayerKey::Strategy => {
                    let shares = |op: &Op| {
                        matches!(op, Op::Linear(_) | Op::Conv(_) | Op::Scale(_) | Op::Affine(_))
                    };
                    (any(shares), "the layer has no multipliers to share")
                }
            };
            if is_used {
                continue;
            }
            let place = format!("LayerName.{}", layer.name);
            let known = notes.iter_mut().find(|it| it.what == key.name() && it.reason == reason);
            match known {
                Some(note) => note.places.push(place),
                None => notes.push(Note {
                    kind: NoteKind::WithoutEffect,
                    what: key.name().to_owned(),
                    places: vec![place],
                    reason,
                }),
            }
        }
    }
    notes
}

/// The nodes that outputs need, those in the bodies of scans after the scan.
fn all_nodes(graph: &Graph) -> Vec<&Node> {
    let mut all = Vec::new();
    for id in graph.live_nodes() {
        all.push(&graph[id]);
        if let Op::Scan(scan) = &graph[id].op {
            all.extend(all_nodes(&scan.body));
        }
    }
    all
}

/// Notes on the entries in `config` of fused activations that `model` lacks.
fn missing_activations(config: &Config, model: &Model) -> Vec<Diagnostic> {
    let mut notes = Vec::new();
    let layers = || model.graph.node_weights();
    let is_layer = |name: &str| layers().any(|layer| layer.name.eq_ignore_ascii_case(name));
    for layer in layers() {
        let is_linear = layer.kind.is_linear();
        let unread = config.fused(&layer.name).filter(|it| it.is_linear() != is_linear);
        for entry in unread.map(|it| it.entry).filter(|entry| !is_layer(entry)) {
            let name = &layer.name;
            let message =
                format!("LayerName.{entry} has no effect: layer '{name}' has no such activation");
            notes.push(Diagnostic::note("config-without-effect", message).in_layer(name));
        }
    }
    notes
}

/// Notes on the types in `config` of variables whose type is proven.
fn proven(config: &Config, model: &Model, graph: &Graph) -> Vec<Diagnostic> {
    let mut notes = Vec::new();
    let nodes = all_nodes(graph);
    for layer in model.graph.node_weights() {
        let own = || nodes.iter().copied().filter(|node| node.layer == layer.name);
        let name = &layer.name;
        let variables = [
            ("accum", Variable::Accum, "sum"),
            ("inv_inp", Variable::InvInp, "softmax"),
            ("depthwise_accum", Variable::DepthwiseAccum, "depthwise sum"),
            ("pointwise_accum", Variable::PointwiseAccum, "pointwise sum"),
        ];
        for (key, variable, operation) in variables {
            let Some(asked) = config.precision_of(name, &layer.class, variable) else { continue };
            let sums = own().filter_map(|node| accumulator(node, variable));
            let message = match sums.reduce(covering) {
                Some(proven) => format!("is not used; {proven} is proven to hold every sum"),
                None if config.layer_precision_of(name, &layer.class, variable).is_some() => {
                    format!("is not used; the layer has no {operation}")
                }
                None => continue,
            };
            let message = format!("layer '{name}': {key} {asked} {message}");
            notes.push(Diagnostic::note("type-proven", message).in_layer(name));
        }
    }
    notes
}

/// The narrowest format that holds every value of both.
fn covering(one: Format, other: Format) -> Format {
    let fraction = one.fractional_bits().max(other.fractional_bits());
    let codes = [one, other].map(|it| it.codes().refined(fraction.abs_diff(it.fractional_bits())));
    Format::covering(&codes[0].hull(&codes[1]), fraction).unwrap_or(one)
}

/// The proven type of `variable` in an operation.
fn accumulator(node: &Node, variable: Variable) -> Option<Format> {
    if let Op::Softmax(softmax) = &node.op {
        return matches!(variable, Variable::Accum | Variable::InvInp).then_some(softmax.sum);
    }
    let is_sum =
        matches!(node.op, Op::Linear(_) | Op::Conv(_) | Op::Pool(Pool { kind: PoolKind::Sum, .. }));
    // The first convolution of a separable one has a name of its own.
    let is_depthwise = node.name.ends_with("_depthwise");
    let is_it = match variable {
        Variable::Accum => true,
        Variable::DepthwiseAccum => is_depthwise,
        Variable::PointwiseAccum => !is_depthwise,
        _ => false,
    };
    (is_sum && is_it).then_some(node.tensor.format)
}

/// True for a layer with weights that a configuration may type.
fn has_weights(kind: &LayerKind) -> bool {
    match kind.traits().parameters {
        Parameters::Matrix(_) | Parameters::BatchNorm(_) | Parameters::Elements => true,
        Parameters::None => false,
    }
}
