//! Validates graphs: the rules that every module relies on.

use std::collections::{HashMap, HashSet};

use super::ops::ensure;
use super::{Graph, NodeId, Op, OpError, Tensor};

/// A graph that breaks a rule: the node and the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("node '{node}' of the graph: {rule}")]
pub struct Invalid {
    /// The node's name.
    pub node: String,
    /// The rule that does not hold.
    pub rule: String,
}

/// Checks a graph:
///
/// - there is no cycle; each operand position is taken exactly once; node names are unique and not
///   empty; inputs, outputs and layers name nodes that exist, the inputs being all `Input`s;
/// - a tensor has elements, and its ranges are one, one per channel or one per element, inside of its
///   format;
/// - each result holds what [`Op::infer`] gives for the operands: it has the same shape and
///   fractional bits, and its format and ranges contain the inferred ones, so that no accumulator
///   can overflow.
///
/// # Errors
/// The first rule that does not hold.
pub fn validate(graph: &Graph) -> Result<(), Invalid> {
    check(graph, false, &mut |_, op, operands| op.infer(operands))
}

/// Checks the body of an operation as [`validate`] does. The tensors of its inputs may be narrower
/// than their formats: the operation proves them.
///
/// # Errors
/// The first rule that does not hold.
pub(super) fn validate_body(body: &Graph) -> Result<(), Invalid> {
    check(body, true, &mut |_, op, operands| op.infer(operands))
}

/// Results that were inferred for the nodes of a graph. A graph that changes in a few places is validated
/// again by inferring those alone: a result depends on the operation and the tensors of its operands.
#[derive(Debug, Default)]
pub struct Inferences(HashMap<NodeId, Inference>);

#[derive(Debug)]
struct Inference {
    op: Op,
    operands: Vec<Tensor>,
    result: Tensor,
}

impl Inferences {
    /// Checks a graph as [`validate`] does.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn validate(&mut self, graph: &Graph) -> Result<(), Invalid> {
        check(graph, false, &mut |id, op, operands| self.infer(id, op, operands))
    }

    fn infer(&mut self, id: NodeId, op: &Op, operands: &[&Tensor]) -> Result<Tensor, OpError> {
        let is_same = |known: &&Inference| {
            known.op == *op && known.operands.iter().eq(operands.iter().copied())
        };
        if let Some(known) = self.0.get(&id).filter(is_same) {
            return Ok(known.result.clone());
        }
        let result = op.infer(operands)?;
        let operands = operands.iter().copied().cloned().collect();
        self.0.insert(id, Inference { op: op.clone(), operands, result: result.clone() });
        Ok(result)
    }
}

/// Infers the result of a node from its operation and the tensors of its operands.
type Infer<'i> = dyn FnMut(NodeId, &Op, &[&Tensor]) -> Result<Tensor, OpError> + 'i;

fn check(graph: &Graph, is_body: bool, infer: &mut Infer<'_>) -> Result<(), Invalid> {
    let order = graph.topological_order();
    let ordered: HashSet<NodeId> = order.iter().copied().collect();
    if let Some(id) = graph.nodes.node_indices().find(|id| !ordered.contains(id)) {
        return fail(graph, id, "it lies on a cycle");
    }
    let mut names = HashSet::new();
    for id in order {
        let node = &graph[id];
        if node.name.is_empty() || !names.insert(node.name.as_str()) {
            return fail(graph, id, "its name is empty or taken");
        }
        check_node(graph, id, is_body, infer).or_else(|rule| fail(graph, id, rule.to_string()))?;
    }
    let listed: HashSet<NodeId> = graph.inputs.iter().copied().collect();
    let inputs = graph.nodes.node_indices().filter(|id| matches!(graph[*id].op, Op::Input(_)));
    if listed.len() != graph.inputs.len() || listed != inputs.collect() {
        return Err(whole("the inputs are not its Input nodes, each once"));
    }
    if graph.outputs.is_empty() {
        return Err(whole("there is no output"));
    }
    let named = graph.outputs.iter().map(|o| o.node).chain(graph.layers.iter().map(|l| l.1));
    match named.into_iter().find(|id| !graph.nodes.contains_node(*id)) {
        Some(_) => Err(whole("an output or a layer names a node that does not exist")),
        None => Ok(()),
    }
}

fn fail(graph: &Graph, id: NodeId, rule: impl Into<String>) -> Result<(), Invalid> {
    Err(Invalid { node: graph[id].name.clone(), rule: rule.into() })
}

fn whole(rule: &str) -> Invalid {
    Invalid { node: "(graph)".into(), rule: rule.into() }
}

fn check_node(
    graph: &Graph,
    id: NodeId,
    is_body: bool,
    infer: &mut Infer<'_>,
) -> Result<(), OpError> {
    let node = &graph[id];
    let incoming = graph.nodes.edges_directed(id, petgraph::Direction::Incoming);
    let mut positions: Vec<usize> = incoming.map(|edge| *edge.weight()).collect();
    positions.sort_unstable();
    let complete = positions.iter().copied().eq(0..positions.len());
    ensure(complete, "its operands do not have one position each")?;
    check_tensor(&node.tensor)?;
    let operands = graph.operands(id);
    let operands: Vec<&Tensor> = operands.iter().map(|x| &graph[*x].tensor).collect();
    let inferred = infer(id, &node.op, &operands)?;
    if let (Op::Input(_), true) = (&node.op, is_body) {
        let same = inferred.shape == node.tensor.shape && inferred.format == node.tensor.format;
        return ensure(same, "its tensor differs from its shape and format");
    }
    node.tensor.contains(&inferred).map_err(OpError::mismatch)
}

fn check_tensor(tensor: &Tensor) -> Result<(), OpError> {
    ensure(!tensor.is_empty(), "its tensor has no elements")?;
    let counts = [1, tensor.channel_count(), tensor.len()];
    ensure(
        counts.contains(&tensor.ranges.len()),
        "it has neither one range, nor one per channel, nor one per element",
    )?;
    let all = tensor.format.codes();
    ensure(tensor.ranges.iter().all(|range| all.contains(range)), "a range exceeds the format")
}
