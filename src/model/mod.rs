//! The trained network in its own words.
//!
//! A [`Model`] says what was trained, as the file states it: layers, quantizers with nothing
//! resolved away, weights as the `float32` numbers that they are. What hardware computes is said
//! by [`crate::ir::Graph`].

mod conv;
mod layer;
mod layout;
mod merge;
mod normalization;
mod pool;
mod quantizers;
mod sliding;

use petgraph::graph::{DiGraph, NodeIndex};

pub use conv::{Conv, Folded, Kernel, Separable};
pub use layer::{Activation, Dense, Layer, LayerKind};
pub use layout::{AxisSlice, Layout, broadcast};
pub use merge::{Constant, Merge};
pub use normalization::{BatchNorm, BatchNormQuantizers, ScaleShift};
pub use pool::{Pool, PoolKind, Reduce};
pub use sliding::{Padding, Placement, Sliding, Transposed};

/// A network: layers, and who feeds whom.
#[derive(Clone, Debug)]
pub struct Model {
    /// The name that the file gives.
    pub name: String,
    /// One node a layer. An edge runs from a layer to one that takes its result, and carries the
    /// position among that layer's inputs.
    pub graph: DiGraph<Layer, usize>,
    /// The input layers, in the model's order.
    pub inputs: Vec<NodeIndex>,
    /// The layers whose results the model returns, in the model's order.
    pub outputs: Vec<NodeIndex>,
}

impl Model {
    /// The layers that feed `layer`, in the order of its inputs.
    pub fn sources(&self, layer: NodeIndex) -> Vec<NodeIndex> {
        let mut sources: Vec<(usize, NodeIndex)> = self
            .graph
            .edges_directed(layer, petgraph::Direction::Incoming)
            .map(|edge| (*edge.weight(), petgraph::visit::EdgeRef::source(&edge)))
            .collect();
        sources.sort_unstable();
        sources.into_iter().map(|(_, source)| source).collect()
    }
}
