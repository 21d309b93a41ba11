//! Operations that change nothing.

use super::{Pass, Report, replace_all_uses};
use crate::ir::{Graph, NodeId, Op};

pub(super) const PASS: Pass = Pass {
    name: "drop_noops",
    purpose: "Removes casts, clamps and reshapes whose result is their operand.",
    run,
};

fn run(graph: &mut Graph, _: &mut Report) {
    for node in graph.topological_order() {
        if let Some(operand) = same_as(graph, node) {
            replace_all_uses(graph, node, operand);
            graph.nodes.remove_node(node);
        }
    }
}

/// The operand that `node` repeats; `None` if it computes something.
fn same_as(graph: &Graph, node: NodeId) -> Option<NodeId> {
    let operand = *graph.operands(node).first()?;
    let (x, y) = (&graph[operand].tensor, &graph[node].tensor);
    // An input that is an output as well needs an operation between: ports differ.
    let is_output = graph.outputs.iter().any(|output| output.node == node);
    if is_output && matches!(graph[operand].op, Op::Input) {
        return None;
    }
    let removable = match &graph[node].op {
        // In the same format every code is its own cast, save for the one that a symmetric
        // saturation excludes: then the ranges differ.
        Op::Cast { .. } => x == y,
        Op::Clamp { .. } => x.channels == y.channels && x.format.fraction() == y.format.fraction(),
        Op::Reshape => x.shape == y.shape,
        _ => false,
    };
    removable.then_some(operand)
}

#[cfg(test)]
mod tests {
    use crate::fixed::{Format, FormatError, Overflow, Rounding};
    use crate::ir::{Graph, Op, Tensor};

    fn cast() -> Op {
        Op::Cast { rounding: Rounding::RndConv, overflow: Overflow::SatSym }
    }

    #[test]
    fn only_casts_that_change_nothing_go() -> Result<(), Box<dyn std::error::Error>> {
        let format = Format::signed(4, 1)?;
        let full = Tensor::full(vec![2], format);
        let mut symmetric = full.clone();
        symmetric.channels = vec![crate::fixed::Range::new(-7, 7)];
        let mut graph = Graph::new("g");
        let x = graph.add_input("x", full);
        // This one turns -8 into -7; the next finds nothing left to do.
        let first = graph.add("first", cast(), &[x], symmetric.clone());
        let second = graph.add("second", cast(), &[first], symmetric);
        graph.layers = vec![("second".into(), second)];
        graph.add_output("second", second);
        crate::passes::run(&mut graph)?;
        assert_eq!(graph.nodes.node_count(), 2);
        assert_eq!(graph.layers[0].1, first);
        assert_eq!(graph.outputs[0].node, first);
        Ok(())
    }

    #[test]
    fn an_input_stays_apart_from_an_output() -> Result<(), FormatError> {
        let full = Tensor::full(vec![2], Format::signed(4, 1)?);
        let mut graph = Graph::new("g");
        let x = graph.add_input("x", full.clone());
        let y = graph.add("y", Op::Reshape, &[x], full);
        graph.add_output("y", y);
        super::run(&mut graph, &mut super::Report::default());
        assert_eq!(graph.nodes.node_count(), 2);
        Ok(())
    }
}
