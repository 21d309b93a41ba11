//! A graph as Graphviz text.

use std::fmt::Write;

use petgraph::visit::{EdgeRef, IntoEdgeReferences};

use super::Graph;

/// Graphviz text of the graph: a box for each operation with its name, shape, format and the
/// range of its codes, an arrow for each tensor.
pub fn to_dot(graph: &Graph) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(text, "digraph \"{}\" {{", escaped(&graph.name));
    let _ = writeln!(text, "  node [shape=box, fontname=\"monospace\"];");
    for id in graph.topological_order() {
        let node = &graph[id];
        let tensor = &node.tensor;
        let _ = writeln!(
            text,
            "  n{} [label=\"{}\\n{} {:?}\\n{} {}\"];",
            id.index(),
            escaped(&node.name),
            node.op.name(),
            tensor.shape,
            tensor.format,
            tensor.range()
        );
    }
    for edge in (&graph.nodes).edge_references() {
        let _ = writeln!(text, "  n{} -> n{};", edge.source().index(), edge.target().index());
    }
    for (index, output) in graph.outputs.iter().enumerate() {
        let name = escaped(&output.name);
        let _ = writeln!(text, "  out{index} [label=\"{name}\", shape=ellipse];");
        let _ = writeln!(text, "  n{} -> out{index};", output.node.index());
    }
    text.push_str("}\n");
    text
}

/// `name` between double quotes of Graphviz.
fn escaped(name: &str) -> String {
    name.replace('\\', "\\\\").replace('"', "\\\"").replace(['\n', '\r'], " ")
}
