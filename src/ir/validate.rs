//! What every module may rely on.

use std::collections::HashSet;

use num_bigint::BigInt;
use petgraph::visit::EdgeRef;

use super::{
    Affine, Constant, Graph, Leaky, Linear, NodeId, Op, StepFunction, Tensor, concatenated,
};
use crate::fixed::{Quantization, Range, cast_range};

/// A graph that breaks a rule: the node and the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("node '{node}' of the graph: {rule}")]
pub struct Invalid {
    /// The node's name.
    pub node: String,
    /// What does not hold.
    pub rule: String,
}

/// Checks a graph:
///
/// - there is no cycle; each operand position is taken exactly once; node names are unique and
///   not empty; inputs, outputs and layers name nodes that exist, the inputs being all `Input`s;
/// - a tensor has elements; its ranges are one or as many as its channels, inside of its format;
/// - every constant has the shape that its operation takes and codes inside of its format;
/// - every result has the shape, the fraction and the range that follow from the operands: the
///   range of a node contains what its operation makes of the operands' ranges;
/// - the format of a `Linear` holds every partial sum, in any order of summation.
///
/// # Errors
/// The first rule that does not hold.
pub fn validate(graph: &Graph) -> Result<(), Invalid> {
    let order = graph.topological_order();
    if let Some(id) = graph.nodes.node_indices().find(|id| !order.contains(id)) {
        return fail(graph, id, "it lies on a cycle");
    }
    let mut names = HashSet::new();
    for id in order {
        let node = &graph[id];
        if node.name.is_empty() || !names.insert(node.name.as_str()) {
            return fail(graph, id, "its name is empty or taken");
        }
        check_node(graph, id).or_else(|rule| fail(graph, id, rule))?;
    }
    let listed: HashSet<NodeId> = graph.inputs.iter().copied().collect();
    let inputs = graph.nodes.node_indices().filter(|id| matches!(graph[*id].op, Op::Input));
    if listed.len() != graph.inputs.len() || listed != inputs.collect() {
        return Err(missing("the inputs are not its Input nodes, each once"));
    }
    if graph.outputs.is_empty() {
        return Err(missing("there is no output"));
    }
    let named = graph.outputs.iter().map(|o| o.node).chain(graph.layers.iter().map(|l| l.1));
    match named.into_iter().find(|id| !graph.nodes.contains_node(*id)) {
        Some(_) => Err(missing("an output or a layer names a node that does not exist")),
        None => Ok(()),
    }
}

fn fail(graph: &Graph, id: NodeId, rule: impl Into<String>) -> Result<(), Invalid> {
    Err(Invalid { node: graph[id].name.clone(), rule: rule.into() })
}

fn missing(rule: &str) -> Invalid {
    Invalid { node: "(the whole)".into(), rule: rule.into() }
}

/// `Err(rule)` unless `holds`.
fn ensure(holds: bool, rule: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(rule.into()) }
}

fn check_node(graph: &Graph, id: NodeId) -> Result<(), String> {
    let node = &graph[id];
    let mut positions: Vec<usize> = graph
        .nodes
        .edges_directed(id, petgraph::Direction::Incoming)
        .map(|edge| {
            debug_assert_eq!(edge.target(), id);
            *edge.weight()
        })
        .collect();
    positions.sort_unstable();
    let complete = positions.iter().copied().eq(0..positions.len());
    let complete = complete && node.op.takes(positions.len());
    ensure(complete, "its operands are not those that the operation takes")?;
    check_tensor(&node.tensor)?;
    let operands: Vec<&Tensor> = graph.operands(id).iter().map(|x| &graph[*x].tensor).collect();
    match operands.first() {
        None => Ok(()),
        Some(operand) => check_op(&node.op, operand, &operands, &node.tensor),
    }
}

fn check_tensor(tensor: &Tensor) -> Result<(), String> {
    ensure(!tensor.is_empty(), "its tensor has no elements")?;
    let channels = tensor.channels.len();
    ensure(
        channels == 1 || channels == tensor.channel_count(),
        "it has neither one range nor one for each channel",
    )?;
    let all = tensor.format.codes();
    ensure(tensor.channels.iter().all(|range| all.contains(range)), "a range leaves the format")
}

/// `x` is the first of `operands`.
fn check_op(op: &Op, x: &Tensor, operands: &[&Tensor], y: &Tensor) -> Result<(), String> {
    let same_shape = x.shape == y.shape;
    match op {
        Op::Input => Ok(()),
        Op::Conv(conv) => {
            check_parameters(&conv.linear, conv.linear.weights.codes.shape())?;
            follows(&conv.result(x)?, y)
        }
        Op::Pool(pool) => follows(&pool.result(x)?, y),
        Op::Gather(gather) => follows(&gather.result(x, &y.shape)?, y),
        Op::Concat { axis } => follows(&concatenated(operands, *axis)?, y),
        Op::Merge(merge) => follows(&merge.result(operands)?, y),
        Op::Linear(linear) => check_linear(linear, x, y),
        Op::Reshape => {
            ensure(x.len() == y.len(), "the shapes differ in their number of elements")?;
            ensure(x.format == y.format, "a reshape changes the format")?;
            ensure(y.range().contains(&x.range()), RANGE)
        }
        _ if !same_shape => Err("the operation keeps the shape".into()),
        Op::Affine(affine) => check_affine(affine, x, y),
        Op::Cast { rounding, overflow } => {
            let to = Quantization::new(y.format, *rounding, *overflow);
            each_channel(x, y, |range| cast_range(range, x.format.fraction(), &to))
        }
        Op::Clamp { low, high } => {
            ensure(x.format.fraction() == y.format.fraction(), FRACTION)?;
            each_channel(x, y, |range| clamped(range, low.as_ref(), high.as_ref()))
        }
        Op::Leaky(leaky) => check_leaky(leaky, x, y),
        Op::Scale { power } => {
            ensure(x.format.scaled(*power).ok() == Some(y.format), FRACTION)?;
            each_channel(x, y, Range::clone)
        }
        Op::StepFunction(steps) => check_steps(steps, y),
        Op::Softmax(softmax) => softmax.check(x, y),
    }
}

/// `y` holds what the operation gives, `exact`, at the same binary point.
fn follows(exact: &Tensor, y: &Tensor) -> Result<(), String> {
    ensure(exact.shape == y.shape, "its shape is not the one that the operation gives")?;
    ensure(exact.format.fraction() == y.format.fraction(), FRACTION)?;
    ensure(y.format.codes().contains(&exact.format.codes()), "its format is too narrow")?;
    each_channel(exact, y, Range::clone)
}

pub(super) const RANGE: &str = "its range misses codes that the operation can give";
const FRACTION: &str = "its fraction is not the one that the operation gives";

/// Every channel of `y` contains what `f` makes of the channel of `x`.
fn each_channel(x: &Tensor, y: &Tensor, f: impl Fn(&Range) -> Range) -> Result<(), String> {
    let channels = x.channels.len().max(y.channels.len());
    let holds = (0..channels).all(|c| y.range_of(c).contains(&f(x.range_of(c))));
    ensure(holds, RANGE)
}

/// What a clamp makes of a range.
pub(crate) fn clamped(x: &Range, low: Option<&BigInt>, high: Option<&BigInt>) -> Range {
    let clamp = |code: &BigInt| {
        let code = low.map_or(code, |low| code.max(low));
        high.map_or(code, |high| code.min(high)).clone()
    };
    Range::new(clamp(x.low()), clamp(x.high()))
}

fn check_constant(constant: &Constant, shape: &[usize]) -> Result<(), String> {
    ensure(constant.codes.shape() == shape, "a constant has the wrong shape")?;
    let held = constant.codes.range().is_none_or(|i| constant.format.codes().contains(&i));
    ensure(held, "a constant leaves its format")
}

/// Weights of the shape `shape`, and biases for its last axis.
fn check_parameters(linear: &Linear, shape: &[usize]) -> Result<(), String> {
    check_constant(&linear.weights, shape)?;
    match (&linear.bias, shape.last()) {
        (Some(bias), Some(outputs)) => check_constant(bias, &[*outputs]),
        _ => Ok(()),
    }
}

fn check_linear(linear: &Linear, x: &Tensor, y: &Tensor) -> Result<(), String> {
    let (inputs, outputs) = (x.channel_count(), y.channel_count());
    let rows = x.shape.split_last().map(|(_, rows)| rows);
    ensure(rows == y.shape.split_last().map(|(_, rows)| rows), "its rows are not the operand's")?;
    check_parameters(linear, &[inputs, outputs])?;
    let sums = linear.sums(x).ok_or("its sums exceed what a format can count")?;
    ensure(y.format.fraction() == sums.fraction, FRACTION)?;
    let held = y.format.codes().contains(&sums.partial);
    ensure(held, "its format does not hold every partial sum")?;
    let contained = sums.channels.iter().enumerate().all(|(c, i)| y.range_of(c).contains(i));
    ensure(contained, RANGE)
}

fn check_affine(affine: &Affine, x: &Tensor, y: &Tensor) -> Result<(), String> {
    for constant in std::iter::once(&affine.scale).chain(&affine.offset) {
        let count = if constant.codes.len() == 1 { 1 } else { x.channel_count() };
        check_constant(constant, &[count])?;
    }
    follows(&affine.result(x).map_err(|error| error.to_string())?, y)
}

fn check_leaky(leaky: &Leaky, x: &Tensor, y: &Tensor) -> Result<(), String> {
    let slopes = leaky.slopes.codes.len();
    let fits = [1, x.channel_count(), x.len()].contains(&slopes);
    ensure(fits, "its slopes are neither one, nor its channels', nor its elements'")?;
    check_constant(&leaky.slopes, &[slopes])?;
    if let Some(offset) = &leaky.offset {
        check_constant(offset, &[1])?;
    }
    follows(&leaky.result(x).map_err(|error| error.to_string())?, y)
}

fn check_steps(steps: &StepFunction, y: &Tensor) -> Result<(), String> {
    let count = steps.values.codes.len();
    ensure(count > 0, "there is no step")?;
    check_constant(&steps.values, &[count])?;
    check_constant(&steps.thresholds, &[count - 1])?;
    let thresholds: Vec<BigInt> = steps.thresholds.codes.iter().collect();
    ensure(thresholds.is_sorted_by(|a, b| a < b), "the thresholds do not ascend")?;
    ensure(steps.values.format.fraction() == y.format.fraction(), FRACTION)?;
    let held = steps.values.codes.range().is_some_and(|i| y.range().contains(&i));
    ensure(held, RANGE)
}
