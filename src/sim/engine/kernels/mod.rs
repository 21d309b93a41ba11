//! The kernels, and the choice of one for the nodes of a step.

use super::kernel::{Kernel, ReferenceKernel};
use super::storage::Width;
use crate::ir::{Graph, NodeId, Op, Tensor};

/// A kernel and what it stands for.
pub(super) struct Compiled<'g> {
    pub(super) kernel: Box<dyn Kernel + 'g>,
    /// The nodes whose results it reads.
    pub(super) operands: Vec<NodeId>,
    /// Number of nodes of the chain that it computes, at least 1.
    pub(super) nodes: usize,
}

/// The operand of `node`, if the node has the same codes in the same type.
pub(super) fn same_codes(graph: &Graph, node: NodeId) -> Option<NodeId> {
    let is_same = matches!(graph[node].op, Op::Reshape(_) | Op::Scale(_));
    let operand = *graph.operands(node).first()?;
    let width = |id: NodeId| Width::of(&graph[id].tensor.range());
    (is_same && width(operand) == width(node)).then_some(operand)
}

/// A kernel for the first nodes of `chain`, of which each is the only user of the one before.
pub(super) fn compile<'g>(graph: &'g Graph, chain: &[NodeId]) -> Compiled<'g> {
    let node = chain[0];
    let operands = graph.operands(node);
    let tensors: Vec<&Tensor> = operands.iter().map(|id| &graph[*id].tensor).collect();
    let kernel = Box::new(ReferenceKernel::new(&graph[node], tensors));
    Compiled { kernel, operands, nodes: 1 }
}
