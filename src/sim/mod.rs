//! Bit-exact simulation of a graph.
//!
//! [`Executor`] runs a graph on any number of samples in bounded memory: by the fast engine, [`Plan`],
//! or by [`run`], which evaluates each node by its operation's reference evaluation,
//! [`Op::evaluate`](crate::ir::Op::evaluate), and is the oracle for the engine. Samples are tensors of
//! codes whose first axis counts samples. [`quantize`] rounds real numbers to an input's format,
//! [`vectors`] draws random ones.

mod batches;
mod benchmark;
mod engine;
mod executor;
mod samples;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::fixed::{Codes, Range};
use crate::ir::{Graph, Node, NodeId};

pub use batches::Kept;
pub use benchmark::{BatchRate, Benchmark, StepTime, benchmark};
pub use engine::{Plan, Threads};
pub use executor::{Executor, ExecutorKind, Runner};
pub use samples::{Quantized, quantize, quantize_as, vectors};

/// The result of every node.
#[derive(Clone, Debug)]
pub struct Trace {
    results: HashMap<NodeId, Codes>,
}

/// Samples that do not fit the network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SimError {
    /// Wrong number of inputs.
    #[error("the network has {expected} inputs, not {found}")]
    Inputs {
        /// Inputs of the network.
        expected: usize,
        /// Inputs given.
        found: usize,
    },
    /// Wrong shape; the first axis counts samples.
    #[error(
        "input '{input}' takes samples of the shape {expected:?}, stacked along the first axis; the \
         array has the shape {found:?}"
    )]
    Shape {
        /// The input.
        input: String,
        /// The shape of one sample.
        expected: Vec<usize>,
        /// The shape of all samples.
        found: Vec<usize>,
    },
    /// Inputs with different numbers of samples.
    #[error("input '{input}' has {found} samples, the first input has {expected}")]
    Samples {
        /// The input.
        input: String,
        /// Samples of the first input.
        expected: usize,
        /// Samples of this one.
        found: usize,
    },
    /// A code outside of the input's format.
    #[error("input '{input}' has a code outside of its format")]
    Code {
        /// The input.
        input: String,
    },
    /// The graph breaks a rule of [`crate::ir::validate`].
    #[error("node '{node}' cannot be computed: the graph is not valid")]
    Graph {
        /// The node.
        node: String,
    },
}

/// Runs `graph` on `inputs`, in the order of its inputs; the first axis counts samples.
///
/// # Errors
/// If the samples do not fit the inputs, or the graph is not valid.
pub fn run(graph: &Graph, inputs: &[Codes]) -> Result<Trace, SimError> {
    check_inputs(graph, inputs)?;
    check_codes(graph, inputs)?;
    let results = graph.evaluate(&graph.evaluation_order(), inputs.iter().cloned());
    let results = results.map_err(|node| SimError::Graph { node: graph[node].name.clone() })?;
    Ok(Trace { results })
}

impl Trace {
    /// The result of `node`, samples first; `None` if the graph has no such node.
    pub fn of(&self, node: NodeId) -> Option<&Codes> {
        self.results.get(&node)
    }

    /// The first node of `graph` with a code outside of its proven range; `None` unless an
    /// operation infers less than it gives.
    pub fn out_of_range<'g>(&self, graph: &'g Graph) -> Option<&'g Node> {
        let is_outside = |id: &NodeId| {
            let tensor = &graph[*id].tensor;
            let mut codes = self.of(*id).into_iter().flat_map(Codes::iter).enumerate();
            codes.any(|(element, code)| !tensor.range_at(element).contains(&Range::point(code)))
        };
        graph.topological_order().into_iter().find(is_outside).map(|id| &graph[id])
    }

    /// The network's results by the names of its outputs.
    ///
    /// # Panics
    /// If this is the trace of another graph.
    pub fn outputs(&self, graph: &Graph) -> Vec<(String, Codes)> {
        let codes = |node| self.of(node).expect("the trace of this graph has every node").clone();
        graph.outputs.iter().map(|output| (output.name.clone(), codes(output.node))).collect()
    }
}

/// The number of samples of `inputs`, whose shapes fit the graph's.
fn check_inputs(graph: &Graph, inputs: &[Codes]) -> Result<usize, SimError> {
    let shapes: Vec<&[usize]> = inputs.iter().map(Codes::shape).collect();
    check_shapes(graph, &shapes)?;
    Ok(shapes.first().and_then(|shape| shape.first().copied()).unwrap_or(0))
}

/// Checks that all codes of `inputs` are codes of the inputs' formats.
fn check_codes(graph: &Graph, inputs: &[Codes]) -> Result<(), SimError> {
    for (id, codes) in graph.inputs.iter().zip(inputs) {
        let node = &graph[*id];
        if codes.range().is_some_and(|i| !node.tensor.format.codes().contains(&i)) {
            return Err(SimError::Code { input: node.name.clone() });
        }
    }
    Ok(())
}

/// Checks the shapes of samples, in the order of the inputs of `graph`; the first axis counts
/// samples.
///
/// # Errors
/// If the samples do not fit the inputs.
pub fn check_shapes(graph: &Graph, shapes: &[&[usize]]) -> Result<(), SimError> {
    if shapes.len() != graph.inputs.len() {
        let (expected, found) = (graph.inputs.len(), shapes.len());
        return Err(SimError::Inputs { expected, found });
    }
    let samples = shapes.first().and_then(|shape| shape.first().copied());
    for (id, shape) in graph.inputs.iter().zip(shapes) {
        let (input, tensor) = (graph[*id].name.clone(), &graph[*id].tensor);
        match shape.split_first() {
            Some((found, shape)) if shape == tensor.shape => {
                let expected = samples.unwrap_or(*found);
                if *found != expected {
                    return Err(SimError::Samples { input, expected, found: *found });
                }
            }
            _ => {
                let (expected, found) = (tensor.shape.clone(), shape.to_vec());
                return Err(SimError::Shape { input, expected, found });
            }
        }
    }
    Ok(())
}
