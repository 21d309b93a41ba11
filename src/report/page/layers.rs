//! The layers of a page, and the tensors between them.

use std::collections::HashMap;

use petgraph::visit::EdgeRef;
use serde::Serialize;

use super::Stages;
use crate::fixed::Format;
use crate::model::LayerKind;
use crate::profile::ProfileRow;
use crate::report::{LayerRow, layers as rows};

/// A layer of the model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerEntry {
    /// Name in the model file.
    pub name: String,
    /// Class in the model file.
    pub class: String,
    /// The kind of its computation.
    pub group: Group,
    /// True if the model returns its result.
    pub is_output: bool,
    /// The batch normalization that is folded into it: it has no result of its own.
    pub folded_into: Option<String>,
    /// Its hardware; `None` if no output depends on it.
    pub hardware: Option<LayerRow>,
    /// Its parameters and results for the samples, and the use of their types.
    pub values: Vec<ProfileRow>,
}

/// A kind of computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// An input of the network.
    Input,
    /// A weight matrix.
    Matrix,
    /// A cell with a state.
    Recurrent,
    /// A scale and a bias, or parameters of elements.
    Normalization,
    /// A function of each element.
    Activation,
    /// Pooling, reductions, and functions of several tensors.
    Arithmetic,
    /// Layout operations.
    Layout,
}

impl Group {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Input,
        Self::Matrix,
        Self::Recurrent,
        Self::Normalization,
        Self::Activation,
        Self::Arithmetic,
        Self::Layout,
    ];

    /// Its name for a reader.
    pub fn title(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Matrix => "weight matrix",
            Self::Recurrent => "recurrent",
            Self::Normalization => "scale and bias",
            Self::Activation => "activation",
            Self::Arithmetic => "pooling and merges",
            Self::Layout => "layout",
        }
    }

    fn of(kind: &LayerKind) -> Self {
        match kind.inner() {
            LayerKind::Input { .. } => Self::Input,
            LayerKind::Activation(_)
            | LayerKind::Adaptive(_)
            | LayerKind::Square
            | LayerKind::Clip { .. } => Self::Activation,
            LayerKind::Pool(_)
            | LayerKind::Reduce(_)
            | LayerKind::Merge(_)
            | LayerKind::MergeConstant(_)
            | LayerKind::Divide(_)
            | LayerKind::Dot { .. }
            | LayerKind::Bilinear(_) => Self::Arithmetic,
            LayerKind::Flatten
            | LayerKind::Identity
            | LayerKind::Layout(_)
            | LayerKind::Concatenate { .. }
            | LayerKind::Stack { .. }
            | LayerKind::Masking { .. } => Self::Layout,
            LayerKind::Rescaling(_)
            | LayerKind::Normalization(_)
            | LayerKind::BatchNorm(_)
            | LayerKind::ScaleShift(_)
            | LayerKind::PRelu(_)
            | LayerKind::Embedding(_) => Self::Normalization,
            LayerKind::Dense(_)
            | LayerKind::Conv(_)
            | LayerKind::Separable(_)
            | LayerKind::Einsum(_) => Self::Matrix,
            LayerKind::Recurrent(_) | LayerKind::Bidirectional(_) => Self::Recurrent,
            // A layer around another one is not an inner one.
            LayerKind::TimeDistributed(kind) | LayerKind::ChannelsFirst(kind) => Self::of(kind),
        }
    }
}

/// A tensor from a layer to another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Edge {
    /// Position of the producer in [`super::Page::layers`].
    pub from: usize,
    /// Position of the consumer.
    pub to: usize,
    /// The type of the elements in hardware; `None` for a layer that is folded or not built.
    #[serde(rename = "type")]
    pub format: Option<Format>,
    /// The shape of one sample.
    pub shape: Vec<usize>,
}

/// The layers of the model, in its order.
pub(super) fn layers(stages: &Stages<'_>) -> Vec<LayerEntry> {
    let Stages { model, hardware, design, folded, statistics, .. } = *stages;
    let mut rows: HashMap<String, LayerRow> =
        rows(hardware, design).into_iter().map(|row| (row.layer.clone(), row)).collect();
    let entry = |index: petgraph::graph::NodeIndex| {
        let layer = &model.graph[index];
        let values = statistics.rows.iter().filter(|row| row.layer == layer.name);
        LayerEntry {
            name: layer.name.clone(),
            class: layer.class.clone(),
            group: Group::of(&layer.kind),
            is_output: model.outputs.contains(&index),
            folded_into: folded.get(&layer.name).cloned(),
            hardware: rows.remove(&layer.name),
            values: values.cloned().collect(),
        }
    };
    model.graph.node_indices().map(entry).collect()
}

/// The tensors between `layers`, by consumer and the position among its inputs.
pub(super) fn edges(stages: &Stages<'_>, layers: &[LayerEntry]) -> Vec<Edge> {
    let graph = stages.graph;
    let mut edges: Vec<(usize, usize, usize)> = stages
        .model
        .graph
        .edge_references()
        .map(|edge| (edge.target().index(), *edge.weight(), edge.source().index()))
        .collect();
    edges.sort_unstable();
    let edge = |(to, _, from): (usize, usize, usize)| {
        let own = layers[from].hardware.as_ref().filter(|_| layers[from].folded_into.is_none());
        // Lowering lists the layers in the order of the model's nodes.
        let shape = graph[graph.layers[from].1].tensor.shape.clone();
        Edge { from, to, format: own.map(|row| row.result), shape }
    };
    edges.into_iter().map(edge).collect()
}
