//! Graph to graph: each pass makes a graph cheaper and leaves every result as it was.
//!
//! A pass has a name, a sentence, and a file; [`PASSES`] lists them in the order in which [`run`]
//! takes them. After each the graph is validated.

mod compose_moves;
mod drop_noops;
mod sink_moves;

use petgraph::Direction;
use petgraph::visit::EdgeRef;

use crate::ir::{Graph, Invalid, NodeId, validate};

/// A pass.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Its name: that of its file.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub purpose: &'static str,
    run: fn(&mut Graph),
}

/// All passes, in their order.
pub const PASSES: &[Pass] = &[drop_noops::PASS, sink_moves::PASS, compose_moves::PASS];

/// Runs all passes.
///
/// # Errors
/// If a pass breaks the graph, which is a defect of the pass.
pub fn run(graph: &mut Graph) -> Result<(), Invalid> {
    for pass in PASSES {
        (pass.run)(graph);
        validate(graph)?;
    }
    Ok(())
}

/// Whoever takes `node`, and whatever is called by it, has `other` instead.
fn hand_over(graph: &mut Graph, node: NodeId, other: NodeId) {
    let readers: Vec<_> = graph
        .nodes
        .edges_directed(node, Direction::Outgoing)
        .map(|edge| (edge.id(), edge.target(), *edge.weight()))
        .collect();
    for (edge, reader, position) in readers {
        graph.nodes.remove_edge(edge);
        graph.nodes.add_edge(other, reader, position);
    }
    for (_, result) in &mut graph.layers {
        if *result == node {
            *result = other;
        }
    }
    for output in &mut graph.outputs {
        if output.node == node {
            output.node = other;
        }
    }
}
