//! Nodes and edges.

use petgraph::Direction;
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use petgraph::visit::EdgeRef;

use super::{Op, Tensor};

/// A node of a [`Graph`].
pub type NodeId = NodeIndex;

/// One operation and its result.
#[derive(Clone, Debug)]
pub struct Node {
    /// Unique in the graph: the name of the model's layer, with a suffix where a layer becomes
    /// several operations.
    pub name: String,
    /// The model's layer that the operation is part of.
    pub layer: String,
    /// What is computed.
    pub op: Op,
    /// What comes out.
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
    /// Which node holds each layer's result, in the model's order. Layers that compute nothing
    /// share a node with the layer before; a node that no result of the network depends on any
    /// more is there to show the layer's, and becomes no hardware.
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

    /// Adds a node that takes the results of `operands`, in this order. Its layer is called like
    /// the node until [`Node::layer`] is set otherwise.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        op: Op,
        operands: &[NodeId],
        tensor: Tensor,
    ) -> NodeId {
        let name = name.into();
        let node = self.nodes.add_node(Node { layer: name.clone(), name, op, tensor });
        for (position, operand) in operands.iter().enumerate() {
            self.nodes.add_edge(*operand, node, position);
        }
        node
    }

    /// Adds an input of the network.
    pub fn add_input(&mut self, name: impl Into<String>, tensor: Tensor) -> NodeId {
        let node = self.add(name, Op::Input, &[], tensor);
        self.inputs.push(node);
        node
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

    /// All nodes, each after those that it takes; in the order of their making where that leaves
    /// a choice. Nodes on a cycle are left out: [`super::validate`] refuses them.
    pub fn topological_order(&self) -> Vec<NodeId> {
        let mut waiting: std::collections::HashMap<NodeId, usize> =
            self.nodes.node_indices().map(|n| (n, self.operands(n).len())).collect();
        let mut ready: std::collections::BinaryHeap<std::cmp::Reverse<NodeId>> =
            waiting.iter().filter(|(_, n)| **n == 0).map(|(n, _)| std::cmp::Reverse(*n)).collect();
        let mut order = Vec::with_capacity(waiting.len());
        while let Some(std::cmp::Reverse(node)) = ready.pop() {
            order.push(node);
            for edge in self.nodes.edges_directed(node, Direction::Outgoing) {
                if let Some(left) = waiting.get_mut(&edge.target()) {
                    *left -= 1;
                    if *left == 0 {
                        ready.push(std::cmp::Reverse(edge.target()));
                    }
                }
            }
        }
        order
    }

    /// The nodes that become hardware, in the order of [`Graph::topological_order`]: inputs, and whatever a
    /// result of the network depends on. The others only show what a layer of the model gives.
    pub fn live_nodes(&self) -> Vec<NodeId> {
        let mut built: std::collections::HashSet<NodeId> = self.inputs.iter().copied().collect();
        let mut waiting: Vec<NodeId> = self.outputs.iter().map(|output| output.node).collect();
        while let Some(node) = waiting.pop() {
            if built.insert(node) {
                waiting.extend(self.operands(node));
            }
        }
        let mut order = self.topological_order();
        order.retain(|node| built.contains(node));
        order
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
