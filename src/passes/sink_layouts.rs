//! Permutations behind operations on single elements.
//!
//! A layer with channels first is computed between two permutations. Where only operations on
//! single elements stand between one layer's last permutation and the next one's first, they are
//! done before it, and the two permutations meet: [`super::compose_layouts`] makes nothing of them.

use petgraph::Direction;
use petgraph::visit::EdgeRef;

use super::{Pass, Report, replace_all_uses};
use crate::fixed::{Quantization, Range, cast_range};
use crate::ir::{Gather, Graph, NodeId, Op, Tensor, clamped};
use crate::naming;

pub(super) const PASS: Pass = Pass {
    name: "sink_layouts",
    purpose: "Does operations on single elements before a permutation instead of behind it.",
    run,
};

fn run(graph: &mut Graph, _: &mut Report) {
    for node in graph.topological_order() {
        while let Some(sources) = sources(graph, node) {
            if !sink(graph, node, &sources) {
                break;
            }
        }
    }
}

/// What the permutations before an operation on single elements take, if all are the same.
fn sources(graph: &Graph, node: NodeId) -> Option<Vec<NodeId>> {
    let operands = graph.operands(node);
    let first = permutation(graph, *operands.first()?)?;
    let source = |operand: &NodeId| {
        let same = permutation(graph, *operand)? == first;
        same.then(|| graph.operands(*operand).first().copied()).flatten()
    };
    let sources: Vec<NodeId> = operands.iter().map(source).collect::<Option<_>>()?;
    let shape = &graph[*sources.first()?].tensor.shape;
    sources.iter().all(|source| graph[*source].tensor.shape == *shape).then_some(sources)
}

/// The node's gather, if it has each element of its operand once.
fn permutation(graph: &Graph, node: NodeId) -> Option<&Gather> {
    let Op::Gather(gather) = &graph[node].op else { return None };
    let operand = *graph.operands(node).first()?;
    let mut seen = vec![false; graph[operand].tensor.len()];
    let once = |place: &Option<usize>| {
        place
            .and_then(|place| seen.get_mut(place))
            .is_some_and(|seen| !std::mem::replace(seen, true))
    };
    (gather.indices.len() == graph[operand].tensor.len() && gather.indices.iter().all(once))
        .then_some(gather)
}

/// Lets `node` take `sources`, and whoever took `node` take its permuted result. False where the
/// operation is not one on single elements.
fn sink(graph: &mut Graph, node: NodeId, sources: &[NodeId]) -> bool {
    let operands: Vec<&Tensor> = sources.iter().map(|source| &graph[*source].tensor).collect();
    let Some(before) = result(&graph[node].op, &operands, &graph[node].tensor) else {
        return false;
    };
    let Some(gather) = graph.operands(node).first().and_then(|x| permutation(graph, *x)).cloned()
    else {
        return false;
    };
    let moved = graph[node].tensor.clone();
    let layer = graph[node].layer.clone();
    let wanted = format!("{}_moved", graph[node].name);
    let taken = |name: &str| graph.nodes.node_weights().any(|node| node.name == name);
    let name = naming::unique(&wanted, taken);
    let incoming: Vec<_> =
        graph.nodes.edges_directed(node, Direction::Incoming).map(|edge| edge.id()).collect();
    for edge in incoming {
        graph.nodes.remove_edge(edge);
    }
    for (position, source) in sources.iter().enumerate() {
        graph.nodes.add_edge(*source, node, position);
    }
    graph[node].tensor = before;
    let behind = graph.add(name, Op::Gather(gather), &[], moved);
    graph[behind].layer = layer;
    replace_all_uses(graph, node, behind);
    graph.nodes.add_edge(node, behind, 0);
    true
}

/// What an operation on single elements gives for `operands`, in the format of its result `y` so
/// far.
fn result(op: &Op, operands: &[&Tensor], y: &Tensor) -> Option<Tensor> {
    let x = *operands.first()?;
    let each = |f: &dyn Fn(&Range) -> Range| x.channels.iter().map(f).collect();
    let channels: Vec<Range> = match op {
        Op::Cast { rounding, overflow } => {
            let to = Quantization::new(y.format, *rounding, *overflow);
            each(&|range| cast_range(range, x.format.fraction(), &to))
        }
        Op::Clamp { low, high } => each(&|range| clamped(range, low.as_ref(), high.as_ref())),
        Op::Leaky(leaky) if leaky.slopes.codes.len() == 1 => leaky.result(x).ok()?.channels,
        Op::Scale { .. } => x.channels.clone(),
        Op::StepFunction(_) => vec![y.range()],
        // One factor and one summand for all.
        Op::Affine(affine) if affine.is_uniform() => affine.result(x).ok()?.channels,
        Op::Merge(merge) => merge.result(operands).ok()?.channels,
        _ => return None,
    };
    Some(Tensor { shape: x.shape.clone(), format: y.format, channels })
}
