//! Gathers behind gathers.

use petgraph::Direction;
use petgraph::visit::EdgeRef;

use super::{Pass, Report, replace_all_uses};
use crate::ir::{Gather, Graph, NodeId, Op};

pub(super) const PASS: Pass = Pass {
    name: "compose_layouts",
    purpose: "Takes elements from where they first were, and makes nothing of moves that cancel.",
    run,
};

fn run(graph: &mut Graph, _: &mut Report) {
    let order = graph.topological_order();
    for node in &order {
        compose(graph, *node);
    }
    // What nobody reads any more goes, unless it is what a layer of the model gave.
    for node in order.into_iter().rev() {
        let is_read = graph.nodes.edges_directed(node, Direction::Outgoing).next().is_some();
        let is_named = graph.layers.iter().any(|(_, result)| *result == node)
            || graph.outputs.iter().any(|output| output.node == node);
        if is_move(graph, node) && !is_read && !is_named {
            graph.nodes.remove_node(node);
        }
    }
}

fn is_move(graph: &Graph, node: NodeId) -> bool {
    graph.nodes.contains_node(node) && matches!(graph[node].op, Op::Gather(_) | Op::Reshape)
}

/// Where the elements of a move lie in its operand.
fn place(op: &Op, element: usize) -> Option<usize> {
    match op {
        Op::Gather(gather) => gather.indices.get(element).copied().flatten(),
        _ => Some(element),
    }
}

/// Lets a move take its operand's operand, as long as that is a move as well.
fn compose(graph: &mut Graph, node: NodeId) {
    if !is_move(graph, node) {
        return;
    }
    while let Some(operand) = graph.operands(node).first().copied()
        && is_move(graph, operand)
        && let Some(source) = graph.operands(operand).first().copied()
    {
        let elements = 0..graph[node].tensor.len();
        let (op, before) = (&graph[node].op, &graph[operand].op);
        let places: Vec<Option<usize>> =
            elements.map(|element| place(before, place(op, element)?)).collect();
        let mut in_order = places.iter().enumerate();
        let stays = places.len() == graph[source].tensor.len()
            && in_order.all(|(at, place)| *place == Some(at));
        graph[node].op = if stays { Op::Reshape } else { Op::Gather(Gather { indices: places }) };
        let edges: Vec<_> =
            graph.nodes.edges_directed(node, Direction::Incoming).map(|edge| edge.id()).collect();
        for edge in edges {
            graph.nodes.remove_edge(edge);
        }
        graph.nodes.add_edge(source, node, 0);
    }
    drop_if_same(graph, node);
}

/// Takes a reshape to the same shape out of the graph.
fn drop_if_same(graph: &mut Graph, node: NodeId) {
    let Some(source) = graph.operands(node).first().copied() else { return };
    let same =
        graph[node].op == Op::Reshape && graph[node].tensor.shape == graph[source].tensor.shape;
    // An input that is an output as well needs an operation between: ports differ.
    let is_output = graph.outputs.iter().any(|output| output.node == node);
    if same && !(is_output && graph[source].op == Op::Input) {
        replace_all_uses(graph, node, source);
        graph.nodes.remove_node(node);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{ArrayD, IxDyn};

    use crate::fixed::{Codes, Overflow, Rounding};
    use crate::ir::{Gather, Graph, Merge, NodeId, Op, Pool, PoolKind, Tensor, Window};
    use crate::model::Layout;
    use crate::{passes, sim};

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn add_move(graph: &mut Graph, name: &str, x: NodeId, by: &Layout) -> Option<NodeId> {
        let places = by.indices(&graph[x].tensor.shape)?;
        let shape = by.result_shape(&graph[x].tensor.shape)?;
        let gather = Gather { indices: places };
        let tensor = gather.result(&graph[x].tensor, &shape).ok()?;
        Some(graph.add(name, Op::Gather(gather), &[x], tensor))
    }

    fn add_cast(
        graph: &mut Graph,
        name: &str,
        x: NodeId,
    ) -> Result<NodeId, crate::fixed::FormatError> {
        let tensor = Tensor::full(graph[x].tensor.shape.clone(), "fixed<5,3>".parse()?);
        let op = Op::Cast { rounding: Rounding::RndConv, overflow: Overflow::Sat };
        Ok(graph.add(name, op, &[x], tensor))
    }

    /// Two branches with channels last inside, casts between, and a sum.
    fn network() -> Result<Graph, Box<dyn std::error::Error>> {
        let mut graph = Graph::new("g");
        let x = graph.add_input("x", Tensor::full(vec![2, 3, 4], "fixed<6,3>".parse()?));
        let (first, last) = (Layout::to_channels_first(3), Layout::to_channels_last(3));
        let mut ends = vec![];
        for name in ["a", "b"] {
            let x = add_move(&mut graph, &format!("{name}_last"), x, &last).ok_or("none")?;
            let kernel = [2, 2];
            let window = Window { kernel, output: [2, 3], ..Window::whole([3, 4]) };
            let pool = Pool { window, kind: PoolKind::Max };
            let tensor = pool.result(&graph[x].tensor)?;
            let y = graph.add(format!("{name}_inside"), Op::Pool(pool), &[x], tensor);
            let y = add_move(&mut graph, name, y, &first).ok_or("none")?;
            graph.layers.push((name.into(), y));
            ends.push(add_cast(&mut graph, &format!("{name}_act"), y)?);
        }
        let tensors: Vec<&Tensor> = ends.iter().map(|end| &graph[*end].tensor).collect();
        let tensor = Merge::Add.result(&tensors)?;
        let sum = graph.add("sum", Op::Merge(Merge::Add), &ends, tensor);
        graph.layers.push(("sum".into(), sum));
        let again = add_move(&mut graph, "again", sum, &last).ok_or("none")?;
        let end = add_cast(&mut graph, "end", again)?;
        graph.add_output("end", end);
        Ok(graph)
    }

    #[test]
    fn moves_meet_and_cancel_and_every_result_stays() -> Outcome {
        let plain = network()?;
        let mut moved = plain.clone();
        passes::run(&mut moved)?;
        let gathers = |nodes: Vec<NodeId>| {
            nodes.into_iter().filter(|id| matches!(moved[*id].op, Op::Gather(_))).count()
        };
        // Each branch brings channels to the last axis; what the layers give is only shown.
        assert_eq!((gathers(moved.live_nodes()), gathers(moved.topological_order())), (2, 5));
        let codes = (0..48).map(|code| code * 5 % 64 - 32).collect();
        let samples = Codes::Narrow(ArrayD::from_shape_vec(IxDyn(&[2, 2, 3, 4]), codes)?);
        let results = [&plain, &moved].map(|graph| {
            let trace = sim::run(graph, std::slice::from_ref(&samples))?;
            let layers = graph.layers.iter().map(|(_, node)| trace.of(*node).cloned());
            Ok::<_, sim::SimError>((layers.collect::<Vec<_>>(), trace.outputs(graph)))
        });
        let [before, after] = results;
        assert_eq!(before?, after?);
        Ok(())
    }
}
