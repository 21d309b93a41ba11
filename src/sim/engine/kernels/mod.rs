//! The kernels, and the choice of one for the nodes of a step.

mod layout;
mod pool;
mod scan;
mod softmax;

use super::kernel::{Kernel, ReferenceKernel};
use super::lanes;
use super::storage::Width;
use crate::ir::{Graph, Node, NodeId, Op, Pool, PoolKind, Tensor};
use layout::Layout;
use pool::Extremes;
use scan::Recurrence;
use softmax::SoftmaxRows;

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
    if let Some(kernel) = stored(&graph[node], &tensors) {
        return Compiled { kernel, operands, nodes: 1 };
    }
    if let Some((kernel, nodes)) = lanes::compile(graph, chain) {
        return Compiled { kernel, operands, nodes };
    }
    let kernel = of_node(&graph[node].op, &tensors)
        .unwrap_or_else(|| Box::new(ReferenceKernel::new(&graph[node], tensors)));
    Compiled { kernel, operands, nodes: 1 }
}

/// The kernel of an operation that is faster on codes as they are stored than in lanes; `None` for
/// others.
fn stored<'g>(node: &Node, operands: &[&Tensor]) -> Option<Box<dyn Kernel + 'g>> {
    let Op::Pool(pool @ Pool { kind: PoolKind::Max, .. }) = &node.op else { return None };
    let [x] = operands else { return None };
    let width = Width::of(&x.range());
    let is_same = width == Width::of(&node.tensor.range()) && width != Width::Big;
    is_same.then(|| Extremes::new(pool, x)).flatten().map(|kernel| Box::new(kernel) as _)
}

/// The kernel of an operation that does not compute in lanes; `None` if it has none.
fn of_node<'g>(op: &'g Op, operands: &[&Tensor]) -> Option<Box<dyn Kernel + 'g>> {
    let x = *operands.first()?;
    Some(match op {
        Op::Gather(gather) => Box::new(Layout::gather(gather, x)),
        Op::Concat(concat) => Box::new(Layout::concat(concat, operands)),
        Op::Reshape(_) | Op::Scale(_) => Box::new(Layout::same(x)),
        Op::Softmax(softmax) => Box::new(SoftmaxRows::new(softmax, x)?),
        Op::Scan(scan) => Box::new(Recurrence::new(scan, operands)?),
        Op::Input(_)
        | Op::Linear(_)
        | Op::Conv(_)
        | Op::Affine(_)
        | Op::Cast(_)
        | Op::Clamp(_)
        | Op::Leaky(_)
        | Op::StepFunction(_)
        | Op::Pool(_)
        | Op::Elementwise(_)
        | Op::Lookup(_) => return None,
    })
}
