//! Composes layout operations.

use petgraph::Direction;

use super::drop_noops::remove_if_same;
use super::{Pass, Report};
use crate::ir::{Gather, Graph, NodeId, Op, Reshape};

pub(super) const PASS: Pass = Pass {
    name: "compose_layouts",
    purpose: "Merges chains of layout operations into one, and removes those that cancel.",
    run,
};

fn run(graph: &mut Graph, _: &mut Report) {
    let order = graph.topological_order();
    for node in &order {
        compose(graph, *node);
    }
    // Unused layout operations are removed, unless they are the result of a layer of the model.
    for node in order.into_iter().rev() {
        let is_used = graph.nodes.edges_directed(node, Direction::Outgoing).next().is_some();
        let is_named = graph.layers.iter().any(|(_, result)| *result == node)
            || graph.outputs.iter().any(|output| output.node == node);
        if is_layout(graph, node) && !is_used && !is_named {
            graph.nodes.remove_node(node);
        }
    }
}

/// True for a gather or a reshape.
fn is_layout(graph: &Graph, node: NodeId) -> bool {
    graph.nodes.contains_node(node) && matches!(graph[node].op, Op::Gather(_) | Op::Reshape(_))
}

/// Index in the operand of element `element` of the result of a layout operation.
fn index(op: &Op, element: usize) -> Option<usize> {
    if let Op::Gather(gather) = op { gather.indices[element] } else { Some(element) }
}

/// Merges a layout operation with its operand, as long as that is one as well.
fn compose(graph: &mut Graph, node: NodeId) {
    if !is_layout(graph, node) {
        return;
    }
    while let [operand] = graph.operands(node)[..]
        && is_layout(graph, operand)
        && let [source] = graph.operands(operand)[..]
    {
        let shape = graph[node].tensor.shape.clone();
        let (op, before) = (&graph[node].op, &graph[operand].op);
        let elements = 0..graph[node].tensor.len();
        let indices = elements.map(|element| index(before, index(op, element)?)).collect();
        let gather = Gather { shape, indices };
        let op = match gather.is_identity(graph[source].tensor.len()) {
            true => Reshape { shape: gather.shape }.into(),
            false => gather.into(),
        };
        graph.set_operands(node, &[source]);
        graph.set_op(node, op).expect("all indices lie in the source");
    }
    remove_if_same(graph, node);
}

#[cfg(test)]
mod tests {
    use crate::passes::test::assert_pass;

    #[test]
    fn chains_are_merged_and_inverses_cancel() {
        assert_pass(
            super::PASS,
            "x = input shape=[2, 2] format=fixed<4,2>
             swapped = gather x shape=[2, 2] indices=[0, 2, 1, 3]
             flat = reshape swapped shape=[4]
             back = gather flat shape=[2, 2] indices=[0, 2, 1, 3]
             padded = gather swapped shape=[5] indices=[0, 1, 2, 3, _]
             y = cast back to=fixed<3,2,RND,SAT>
             z = cast padded to=fixed<3,2,RND,SAT>
             layer flat
             output y
             output z",
            "x = input shape=[2, 2] format=fixed<4,2> : [2, 2] fixed<4,2> [-8, 7]
             flat = gather x shape=[4] indices=[0, 2, 1, 3] : [4] fixed<4,2> [-8, 7]
             padded = gather x shape=[5] indices=[0, 2, 1, 3, _] : [5] fixed<4,2> {[-8, 7], [-8, 7], [-8, 7], [-8, 7], [0, 0]}
             y = cast x to=fixed<3,2,RND,SAT> : [2, 2] fixed<3,2> [-4, 3]
             z = cast padded to=fixed<3,2,RND,SAT> : [5] fixed<3,2> {[-4, 3], [-4, 3], [-4, 3], [-4, 3], [0, 0]}
             layer flat
             output y
             output z",
        );
    }

    #[test]
    fn an_output_keeps_its_own_node() {
        let text = "x = input shape=[2] format=fixed<4,2> : [2] fixed<4,2> [-8, 7]
             y = reshape x shape=[2] : [2] fixed<4,2> [-8, 7]
             output y";
        assert_pass(super::PASS, text, text);
    }
}
