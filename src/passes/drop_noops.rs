//! Removes operations whose result equals their operand.

use super::{Pass, Report};
use crate::ir::{Graph, NodeId, Op};

pub(super) const PASS: Pass = Pass {
    name: "drop_noops",
    purpose: "Removes casts, clamps and reshapes whose result is their operand.",
    run,
};

fn run(graph: &mut Graph, _: &mut Report) {
    for node in graph.topological_order() {
        remove_if_same(graph, node);
    }
}

/// Removes `node` if its result equals its operand.
pub(super) fn remove_if_same(graph: &mut Graph, node: NodeId) {
    if let Some(operand) = same_as(graph, node) {
        graph.replace_all_uses(node, operand);
        graph.nodes.remove_node(node);
    }
}

/// The operand that the result of `node` equals; `None` if they may differ.
fn same_as(graph: &Graph, node: NodeId) -> Option<NodeId> {
    let operand = *graph.operands(node).first()?;
    let (x, y) = (&graph[operand].tensor, &graph[node].tensor);
    // An input that is also an output keeps an operation in between: they are different ports.
    let is_output = graph.outputs.iter().any(|output| output.node == node);
    if is_output && matches!(graph[operand].op, Op::Input(_)) {
        return None;
    }
    let op = &graph[node].op;
    // A cast to the same format keeps every code, except for the lowest one under SAT_SYM: then the
    // ranges differ.
    let removable = matches!(op, Op::Cast(_)) && x == y
        || matches!(op, Op::Clamp(_))
            && (&x.ranges, x.format.fractional_bits()) == (&y.ranges, y.format.fractional_bits())
        || matches!(op, Op::Reshape(_)) && x.shape == y.shape;
    removable.then_some(operand)
}

#[cfg(test)]
mod tests {
    use crate::passes::test::assert_pass;

    #[test]
    fn only_casts_that_change_nothing_are_removed() {
        // The first one turns -8 into -7; the next finds nothing left to do.
        assert_pass(
            super::PASS,
            "x = input shape=[2] format=fixed<4,1>
             first = cast x to=fixed<4,1,RND_CONV,SAT_SYM>
             second = cast first to=fixed<4,1,RND_CONV,SAT_SYM>
             limited = clamp second low=-7 high=7
             shaped = reshape limited shape=[2]
             layer second
             output shaped",
            "x = input shape=[2] format=fixed<4,1> : [2] fixed<4,1> [-8, 7]
             first = cast x to=fixed<4,1,RND_CONV,SAT_SYM> : [2] fixed<4,1> [-7, 7]
             layer second = first
             output shaped = first",
        );
    }

    #[test]
    fn an_input_stays_apart_from_an_output() {
        let text = "x = input shape=[2] format=fixed<4,1> : [2] fixed<4,1> [-8, 7]
             y = reshape x shape=[2] : [2] fixed<4,1> [-8, 7]
             output y";
        assert_pass(super::PASS, text, text);
    }
}
