//! Nodes and edges of a graph.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use petgraph::Direction;
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use petgraph::visit::EdgeRef;

use super::{Input, Op, OpError, Operand, Tensor};
use crate::fixed::{Codes, Format};
use crate::naming;

/// A node of a [`Graph`].
pub type NodeId = NodeIndex;

/// One operation and its result.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Unique name: that of the model's layer, with a suffix if the layer becomes several
    /// operations.
    pub name: String,
    /// The model's layer that the operation is part of.
    pub layer: String,
    /// The operation.
    pub op: Op,
    /// Shape, format and ranges of the result.
    pub tensor: Tensor,
}

/// A result of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The model's output layer.
    pub name: String,
    /// The node whose tensor it is.
    pub node: NodeId,
}

/// A network of integer operations. See the [module](crate::ir).
#[derive(Clone, Debug)]
pub struct Graph {
    /// The model's name.
    pub name: String,
    /// Operations; an edge carries the operand's position at its target.
    pub nodes: StableDiGraph<Node, usize>,
    /// The `Input` nodes in the model's order.
    pub inputs: Vec<NodeId>,
    /// The results in the model's order.
    pub outputs: Vec<Output>,
    /// Layers of the model and the nodes that hold their results, in the model's order. Layers that
    /// compute nothing share a node with the layer before. Nodes that no output depends on are kept
    /// for traces, and become no hardware.
    pub layers: Vec<(String, NodeId)>,
}

impl Graph {
    /// A graph without nodes.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            nodes: StableDiGraph::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            layers: Vec::new(),
        }
    }

    /// Adds a node that takes the results of `operands`, in this order, and infers its result. Its
    /// layer has the name of the node until [`Node::layer`] is set.
    ///
    /// # Errors
    /// If the operation does not admit these operands.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        op: impl Into<Op>,
        operands: &[NodeId],
    ) -> Result<NodeId, OpError> {
        let op = op.into();
        let tensors: Vec<&Tensor> = operands.iter().map(|id| &self[*id].tensor).collect();
        let tensor = op.infer(&tensors)?;
        Ok(self.add_node(name, op, operands, tensor))
    }

    /// Adds a node with a stated result, which [`super::validate`] compares with the inferred one.
    pub(super) fn add_node(
        &mut self,
        name: impl Into<String>,
        op: Op,
        operands: &[NodeId],
        tensor: Tensor,
    ) -> NodeId {
        let name = name.into();
        let node = self.nodes.add_node(Node { layer: name.clone(), name, op, tensor });
        self.set_operands(node, operands);
        node
    }

    /// Adds an input of the network, whose samples have this shape.
    pub fn add_input(
        &mut self,
        name: impl Into<String>,
        shape: Vec<usize>,
        format: Format,
    ) -> NodeId {
        let tensor = Tensor::full(shape.clone(), format);
        let node = self.add_node(name, Input { shape, format }.into(), &[], tensor);
        self.inputs.push(node);
        node
    }

    /// Adds an input of the body of an operation, which states what it passes to the input.
    pub(crate) fn add_body_input(&mut self, name: impl Into<String>, tensor: Tensor) -> NodeId {
        let input = Input { shape: tensor.shape.clone(), format: tensor.format };
        let node = self.add_node(name, input.into(), &[], tensor);
        self.inputs.push(node);
        node
    }

    /// Replaces the operands of `node`. Its tensor does not change.
    pub fn set_operands(&mut self, node: NodeId, operands: &[NodeId]) {
        let edges: Vec<_> =
            self.nodes.edges_directed(node, Direction::Incoming).map(|edge| edge.id()).collect();
        for edge in edges {
            self.nodes.remove_edge(edge);
        }
        for (position, operand) in operands.iter().enumerate() {
            self.nodes.add_edge(*operand, node, position);
        }
    }

    /// Replaces the operation of `node` and infers its result.
    ///
    /// # Errors
    /// If the operation does not admit the operands; the node is then unchanged.
    pub fn set_op(&mut self, node: NodeId, op: Op) -> Result<(), OpError> {
        let operands = self.operands(node);
        let tensors: Vec<&Tensor> = operands.iter().map(|id| &self[*id].tensor).collect();
        self[node].tensor = op.infer(&tensors)?;
        self[node].op = op;
        Ok(())
    }

    /// Replaces `node` by `other` in all its uses: operands, outputs, layers.
    pub fn replace_all_uses(&mut self, node: NodeId, other: NodeId) {
        let users: Vec<_> = self
            .nodes
            .edges_directed(node, Direction::Outgoing)
            .map(|edge| (edge.id(), edge.target(), *edge.weight()))
            .collect();
        for (edge, user, position) in users {
            self.nodes.remove_edge(edge);
            self.nodes.add_edge(other, user, position);
        }
        let layers = self.layers.iter_mut().map(|(_, result)| result);
        let outputs = self.outputs.iter_mut().map(|output| &mut output.node);
        for result in layers.chain(outputs).filter(|result| **result == node) {
            *result = other;
        }
    }

    /// Makes the result of `node` a result of the network.
    pub fn add_output(&mut self, name: impl Into<String>, node: NodeId) {
        self.outputs.push(Output { name: name.into(), node });
    }

    /// The nodes whose results `node` takes, in the order of its operands.
    pub fn operands(&self, node: NodeId) -> Vec<NodeId> {
        let mut operands: Vec<(usize, NodeId)> = self
            .nodes
            .edges_directed(node, Direction::Incoming)
            .map(|edge| (*edge.weight(), edge.source()))
            .collect();
        operands.sort_unstable();
        operands.into_iter().map(|(_, source)| source).collect()
    }

    /// All nodes, each after its operands, otherwise in the order of creation. Nodes on a cycle are
    /// omitted; [`super::validate`] refuses them.
    pub fn topological_order(&self) -> Vec<NodeId> {
        let mut waiting: HashMap<NodeId, usize> =
            self.nodes.node_indices().map(|n| (n, self.operands(n).len())).collect();
        let mut ready: BinaryHeap<Reverse<NodeId>> =
            waiting.iter().filter(|(_, n)| **n == 0).map(|(n, _)| Reverse(*n)).collect();
        let mut order = Vec::with_capacity(waiting.len());
        while let Some(Reverse(node)) = ready.pop() {
            order.push(node);
            for edge in self.nodes.edges_directed(node, Direction::Outgoing) {
                if let Some(left) = waiting.get_mut(&edge.target()) {
                    *left -= 1;
                    if *left == 0 {
                        ready.push(Reverse(edge.target()));
                    }
                }
            }
        }
        order
    }

    /// The nodes that compute, each with its operands, in topological order.
    pub(crate) fn evaluation_order(&self) -> Vec<(NodeId, Vec<NodeId>)> {
        let order = self.topological_order().into_iter();
        let order = order.filter(|id| !matches!(self[*id].op, Op::Input(_)));
        order.map(|id| (id, self.operands(id))).collect()
    }

    /// Evaluates the nodes of `order`, the [evaluation order](Self::evaluation_order), for the codes
    /// of `inputs`. The result of every node.
    ///
    /// # Errors
    /// The node that cannot be computed, because the graph is not valid.
    pub(crate) fn evaluate(
        &self,
        order: &[(NodeId, Vec<NodeId>)],
        inputs: impl Iterator<Item = Codes>,
    ) -> Result<HashMap<NodeId, Codes>, NodeId> {
        let mut results: HashMap<NodeId, Codes> = self.inputs.iter().copied().zip(inputs).collect();
        for (id, operands) in order {
            let operands = operands
                .iter()
                .map(|id| Some(Operand { tensor: &self[*id].tensor, codes: results.get(id)? }));
            let operands: Option<Vec<Operand<'_>>> = operands.collect();
            let node = &self[*id];
            let result = operands.and_then(|operands| node.op.evaluate(&operands, &node.tensor));
            results.insert(*id, result.ok_or(*id)?);
        }
        Ok(results)
    }

    /// `wanted` if no node has that name, else the first one of `wanted_2`, `wanted_3`, and so on.
    pub(crate) fn unique_name(&self, wanted: &str) -> String {
        naming::unique(wanted, |name| self.nodes.node_weights().any(|node| node.name == name))
    }

    /// True if a sample depends on the samples before it, because an operation keeps its state.
    pub fn is_stateful(&self) -> bool {
        self.nodes.node_weights().any(|node| matches!(&node.op, Op::Scan(scan) if scan.stateful))
    }

    /// The nodes that become hardware, in topological order: inputs, and all nodes that an output
    /// depends on.
    pub fn live_nodes(&self) -> Vec<NodeId> {
        let mut live: HashSet<NodeId> = self.inputs.iter().copied().collect();
        let mut waiting: Vec<NodeId> = self.outputs.iter().map(|output| output.node).collect();
        while let Some(node) = waiting.pop() {
            if live.insert(node) {
                waiting.extend(self.operands(node));
            }
        }
        let mut order = self.topological_order();
        order.retain(|node| live.contains(node));
        order
    }
}

/// Equality of everything but the indices of the nodes.
impl PartialEq for Graph {
    fn eq(&self, other: &Self) -> bool {
        let (own, others) = (self.topological_order(), other.topological_order());
        let place = |order: &[NodeId]| -> HashMap<NodeId, usize> {
            order.iter().enumerate().map(|(at, id)| (*id, at)).collect()
        };
        let (mine, theirs) = (place(&own), place(&others));
        let same_place = |a: &NodeId, b: &NodeId| mine.get(a) == theirs.get(b);
        let same_places = |a: &[NodeId], b: &[NodeId]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_place(a, b))
        };
        let same_node = |(a, b): (&NodeId, &NodeId)| {
            self[*a] == other[*b] && same_places(&self.operands(*a), &other.operands(*b))
        };
        let same_layer = |((name, a), (named, b)): (&(String, NodeId), &(String, NodeId))| {
            name == named && same_place(a, b)
        };
        let same_output =
            |(a, b): (&Output, &Output)| a.name == b.name && same_place(&a.node, &b.node);
        self.name == other.name
            && (own.len(), self.layers.len(), self.outputs.len())
                == (others.len(), other.layers.len(), other.outputs.len())
            && own.iter().zip(&others).all(same_node)
            && same_places(&self.inputs, &other.inputs)
            && self.layers.iter().zip(&other.layers).all(same_layer)
            && self.outputs.iter().zip(&other.outputs).all(same_output)
    }
}

impl std::ops::IndexMut<NodeId> for Graph {
    fn index_mut(&mut self, node: NodeId) -> &mut Node {
        &mut self.nodes[node]
    }
}

impl std::ops::Index<NodeId> for Graph {
    type Output = Node;
    fn index(&self, node: NodeId) -> &Node {
        &self.nodes[node]
    }
}
