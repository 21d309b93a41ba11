//! The graph while it is made.

use std::collections::{HashMap, HashSet};

use petgraph::graph::NodeIndex;

use super::{LowerError, Lowered, Settings, Warning};
use crate::function::Function;
use crate::ir::{Graph, NodeId, Op, Tensor, validate};
use crate::model::Model;

/// A function that has not been computed yet: the quantizer behind it does both at once.
#[derive(Clone, Copy)]
pub(super) struct Deferred {
    /// The layer that ends with it.
    pub(super) source: NodeIndex,
    /// What it takes.
    pub(super) x: NodeId,
    pub(super) function: Function,
}

/// The graph while it is made: which node holds the result of each layer so far.
pub(super) struct Builder<'a> {
    pub(super) model: &'a Model,
    pub(super) settings: &'a Settings,
    graph: Graph,
    results: HashMap<NodeIndex, NodeId>,
    /// Layers that end with a function which their readers compute.
    deferred: HashMap<NodeIndex, Deferred>,
    names: HashSet<String>,
    warnings: Vec<Warning>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(model: &'a Model, settings: &'a Settings) -> Self {
        // A layer's own name is its node's: names made up for further nodes avoid them all.
        let names = model.graph.node_weights().map(|layer| layer.name.clone()).collect();
        Self {
            model,
            settings,
            graph: Graph::new(&model.name),
            results: HashMap::new(),
            deferred: HashMap::new(),
            names,
            warnings: Vec::new(),
        }
    }

    pub(super) fn input(&mut self, index: NodeIndex, name: &str, shape: &[usize]) {
        let format = self.settings.input_format(name);
        let node = self.graph.add_input(name, Tensor::full(shape.to_vec(), format));
        self.results.insert(index, node);
    }

    /// The node that holds what layer `index` takes.
    pub(super) fn operand(&self, index: NodeIndex) -> Result<NodeId, LowerError> {
        match self.model.sources(index)[..] {
            [source] => self.results.get(&source).copied(),
            _ => None,
        }
        .ok_or_else(|| LowerError::Inputs { layer: self.model.graph[index].name.clone() })
    }

    pub(super) fn tensor(&self, node: NodeId) -> &Tensor {
        &self.graph[node].tensor
    }

    /// Adds a node that is part of `layer`, called like it with `part` behind; the layer's own name
    /// where `part` is empty.
    pub(super) fn add(
        &mut self,
        layer: &str,
        part: &str,
        op: Op,
        operand: NodeId,
        tensor: Tensor,
    ) -> NodeId {
        let mut name = layer.to_string();
        if !part.is_empty() {
            name = format!("{layer}_{part}");
            let mut number = 2;
            while !self.names.insert(name.clone()) {
                name = format!("{layer}_{part}_{number}");
                number += 1;
            }
        }
        let node = self.graph.add(name, op, &[operand], tensor);
        self.graph[node].layer = layer.to_string();
        node
    }

    /// Layer `index` gives the result of `node`.
    pub(super) fn result(&mut self, index: NodeIndex, node: NodeId) {
        self.results.insert(index, node);
    }

    /// Layer `index` gives what it takes.
    pub(super) fn identity(&mut self, index: NodeIndex) -> Result<(), LowerError> {
        let operand = self.operand(index)?;
        self.result(index, operand);
        Ok(())
    }

    /// Layer `source` leaves `function` of `x` to its readers. Until one of them says what becomes of
    /// it, its result is `x`.
    pub(super) fn defer(&mut self, source: NodeIndex, x: NodeId, function: Function) {
        self.deferred.insert(source, Deferred { source, x, function });
    }

    /// The function that was left to layer `index`.
    pub(super) fn deferred(&self, index: NodeIndex) -> Option<Deferred> {
        match self.model.sources(index)[..] {
            [source] => self.deferred.get(&source).copied(),
            _ => None,
        }
    }

    pub(super) fn warn(&mut self, warning: Warning) {
        self.warnings.push(warning);
    }

    pub(super) fn finish(mut self) -> Result<Lowered, LowerError> {
        let results = &self.results;
        let named = |index: &NodeIndex| {
            let name = self.model.graph[*index].name.clone();
            let node = results.get(index).copied();
            node.map(|node| (name.clone(), node)).ok_or(LowerError::Inputs { layer: name })
        };
        for index in self.model.graph.node_indices() {
            self.graph.layers.push(named(&index)?);
        }
        for index in &self.model.outputs {
            let (name, node) = named(index)?;
            self.graph.add_output(name, node);
        }
        validate(&self.graph)?;
        Ok(Lowered { graph: self.graph, warnings: self.warnings })
    }
}
