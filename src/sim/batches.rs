//! Any number of samples, a batch at a time: memory does not grow with the number of samples, but for
//! the results that are kept.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::{SimError, Trace, check, run};
use crate::fixed::Codes;
use crate::ir::{Graph, NodeId};

/// Bound on the results of all nodes for the samples of a batch, in bytes; a batch has at least one
/// sample.
const BATCH_BYTES: usize = 32 << 20;

/// The results of some nodes for all samples.
#[derive(Clone, Debug)]
pub struct Kept {
    results: HashMap<NodeId, Codes>,
}

impl Kept {
    /// The result of `node`, samples first; `None` if it was not kept.
    pub fn of(&self, node: NodeId) -> Option<&Codes> {
        self.results.get(&node)
    }
}

/// Runs `graph` on `inputs` as [`run`] does, in batches of samples. `visit` sees the trace of each
/// batch, in the order of the samples. The results of the nodes `keep` are returned.
///
/// # Errors
/// If the samples do not fit the inputs, or the graph is not valid.
pub fn run_in_batches(
    graph: &Graph,
    inputs: &[Codes],
    keep: &[NodeId],
    visit: impl FnMut(&Trace),
) -> Result<Kept, SimError> {
    // A batch has its part of every input.
    check(graph, inputs)?;
    in_batches(graph, inputs, batch_size(graph), keep, visit)
}

/// As [`run_in_batches`], in batches of `size` samples, at least 1.
fn in_batches(
    graph: &Graph,
    inputs: &[Codes],
    size: usize,
    keep: &[NodeId],
    mut visit: impl FnMut(&Trace),
) -> Result<Kept, SimError> {
    let samples = inputs.first().and_then(|codes| codes.shape().first().copied()).unwrap_or(0);
    let mut results: HashMap<NodeId, Codes> = HashMap::new();
    let mut first = 0_usize;
    // No samples are a batch as well, which gives the shapes of the results.
    loop {
        let end = samples.min(first.saturating_add(size));
        let batch: Vec<Codes> = inputs.iter().map(|codes| codes.samples(first..end)).collect();
        let mut trace = run(graph, &batch)?;
        visit(&trace);
        for node in keep {
            // A node that is listed twice has been taken.
            let Some(codes) = trace.results.remove(node) else { continue };
            match results.entry(*node) {
                Entry::Vacant(entry) => drop(entry.insert(codes)),
                Entry::Occupied(mut entry) => entry.get_mut().append(codes),
            }
        }
        first = end;
        if first >= samples {
            return Ok(Kept { results });
        }
    }
}

/// Number of samples of a batch, at least 1. Samples that depend on one another are one batch.
fn batch_size(graph: &Graph) -> usize {
    if graph.is_stateful() {
        return usize::MAX;
    }
    let bytes = |id: &NodeId| {
        let tensor = &graph[*id].tensor;
        // A BigInt is three words and a block on the heap.
        let word = if tensor.format.is_narrow() { 8 } else { 64 };
        tensor.len().saturating_mul(word)
    };
    let all = graph.topological_order().iter().map(bytes).fold(0, usize::saturating_add);
    (BATCH_BYTES / all.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use num_bigint::BigInt;

    use super::*;
    use crate::fixed::Quantization;
    use crate::ir::Cast;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn graph() -> Result<(Graph, [NodeId; 2]), Box<dyn std::error::Error>> {
        let mut graph = Graph::new("g");
        let cast = |to: &str| to.parse::<Quantization>().map(Cast::from);
        let x = graph.add_input("x", vec![2, 3], "fixed<70,3>".parse()?);
        let y = graph.add("y", cast("fixed<6,2,RND,SAT>")?, &[x])?;
        let z = graph.add("z", cast("fixed<4,2,RND,SAT>")?, &[y])?;
        graph.add_output("z", z);
        Ok((graph, [y, z]))
    }

    #[test]
    fn a_batch_is_bounded_by_the_results_of_its_samples() -> Outcome {
        // 6 codes of 64 bytes, 12 of 8.
        assert_eq!(batch_size(&graph()?.0), BATCH_BYTES / (6 * 64 + 12 * 8));
        let mut large = Graph::new("g");
        large.add_input("x", vec![BATCH_BYTES], "fixed<8,3>".parse()?);
        assert_eq!(batch_size(&large), 1);
        Ok(())
    }

    #[test]
    fn batches_give_the_results_of_all_samples_at_once() -> Outcome {
        let (graph, [y, z]) = graph()?;
        for (samples, batches) in [(0, vec![0]), (1, vec![1]), (3, vec![3]), (7, vec![3, 3, 1])] {
            let inputs = crate::sim::vectors(&graph, samples);
            let all = run(&graph, &inputs)?;
            let mut seen = Vec::new();
            let kept = in_batches(&graph, &inputs, 3, &[z, z, graph.inputs[0]], |trace| {
                seen.extend(trace.of(y).map(|codes| codes.shape()[0]));
            })?;
            assert_eq!(seen, batches);
            assert_eq!(kept.of(z), all.of(z));
            assert_eq!(kept.of(graph.inputs[0]), Some(&inputs[0]));
            assert_eq!(kept.of(y), None);
        }
        Ok(())
    }

    #[test]
    fn codes_of_either_width_are_joined() {
        let narrow = |code: i64| Codes::Narrow(ndarray::array![[code]].into_dyn());
        let wide = || Codes::from_big(ndarray::array![[BigInt::from(1) << 70]].into_dyn());
        for parts in [[narrow(1), wide()], [wide(), narrow(1)]] {
            let [mut joined, other] = parts.clone();
            joined.append(other);
            let codes: Vec<BigInt> = parts.iter().flat_map(|codes| codes.iter()).collect();
            assert_eq!(joined.iter().collect::<Vec<_>>(), codes);
            assert_eq!(joined.shape(), [2, 1]);
            assert_eq!(joined.samples(1..2), parts[1].clone());
        }
    }
}
