//! The axis of the batch in the tensors of Keras.
//!
//! It is the first one, except around recurrent layers of Keras 2 with `time_major`: their tensors have
//! the steps first and the batch second. A model has none of these axes: a sample of such a tensor is
//! that of the tensor with its batch first.

use std::collections::HashSet;
use std::path::Path;

use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use super::architecture::{Layer, Role};
use super::layers::{acts_on_rows, is_recurrent, is_time_major};
use crate::front::error::FrontError;
use crate::front::layer_problem::LayerProblem;
use crate::model::LayerKind;

/// Position of the batch among the axes of a tensor of Keras.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BatchAxis {
    First,
    /// After the steps.
    Second,
}

impl BatchAxis {
    pub(super) fn index(self) -> usize {
        match self {
            Self::First => 0,
            Self::Second => 1,
        }
    }

    /// Returns the axis at `index`, if a batch may be there.
    pub(super) fn at(index: usize) -> Option<Self> {
        [Self::First, Self::Second].into_iter().find(|axis| axis.index() == index)
    }

    /// Returns the axis of the input layer at `input`: the one that the first recurrent layers after it
    /// take. Operations may move the batch. `connections` run from each layer to its consumers.
    pub(super) fn of_input(
        layers: &[Layer<'_>],
        connections: &DiGraph<(), usize>,
        input: usize,
    ) -> Self {
        let mut seen = HashSet::new();
        let mut waiting = vec![NodeIndex::new(input)];
        while let Some(node) = waiting.pop() {
            for edge in connections.edges(node) {
                let reader = &layers[edge.target().index()];
                // After the sequence come the states.
                let is_sequence = *edge.weight() == 0;
                if is_sequence && is_time_major(reader.class, &reader.attributes) {
                    return Self::Second;
                }
                let keeps_axes = !is_recurrent(reader.class) && reader.role != Role::Operation;
                if keeps_axes && seen.insert(edge.target()) {
                    waiting.push(edge.target());
                }
            }
        }
        Self::First
    }

    /// Returns the axis in the operands of a layer, of those in its sources. The states of a recurrent
    /// layer, after the sequence, have the batch first.
    ///
    /// # Errors
    /// If the axes differ.
    pub(super) fn of_operands(
        layer: &Layer<'_>,
        sources: &[Self],
        path: &Path,
    ) -> Result<Self, FrontError> {
        let Some((&first, rest)) = sources.split_first() else { return Ok(Self::First) };
        let expected = if is_recurrent(layer.class) { Self::First } else { first };
        match rest.iter().all(|axis| *axis == expected) {
            true => Ok(first),
            false => Err(layer.owner(path).wrong(LayerProblem::BatchSecond)),
        }
    }

    /// Returns the axis in the result of a layer that does not know of it, and acts on each row of its
    /// operands.
    ///
    /// # Errors
    /// If the batch is the second axis and the layer acts on more than a row.
    pub(super) fn of_result(
        self,
        layer: &Layer<'_>,
        kind: &LayerKind,
        path: &Path,
    ) -> Result<Self, FrontError> {
        match self {
            Self::Second if !acts_on_rows(kind, true) => {
                Err(layer.owner(path).wrong(LayerProblem::BatchSecond))
            }
            Self::First | Self::Second => Ok(self),
        }
    }
}
