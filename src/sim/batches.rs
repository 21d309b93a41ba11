//! Any number of samples, a batch at a time: memory does not grow with the number of samples, but for
//! the results that are kept.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use super::{SimError, Trace};
use crate::fixed::Codes;
use crate::ir::{Graph, NodeId};

/// Bound on the results that are in memory for the samples of a batch, in bytes; a batch has at least
/// one sample.
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

impl From<Kept> for Trace {
    fn from(kept: Kept) -> Self {
        Self { results: kept.results }
    }
}

/// Runs `samples` samples in batches of `size`, at least 1. `compute` gives the trace of a batch,
/// `visit` sees it, in the order of the samples. The results of the nodes `keep` are returned.
pub(super) fn in_batches(
    samples: usize,
    size: usize,
    keep: &[NodeId],
    mut compute: impl FnMut(Range<usize>) -> Result<Trace, SimError>,
    mut visit: impl FnMut(&Trace),
) -> Result<Kept, SimError> {
    let mut results: HashMap<NodeId, Codes> = HashMap::new();
    let mut first = 0_usize;
    // No samples are a batch as well, which gives the shapes of the results.
    loop {
        let end = samples.min(first.saturating_add(size));
        let mut trace = compute(first..end)?;
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

/// Number of samples of a batch in which the results of `nodes` are in memory, at least 1. Samples that
/// depend on one another are one batch.
pub(super) fn batch_size(graph: &Graph, nodes: impl IntoIterator<Item = NodeId>) -> usize {
    if graph.is_stateful() {
        return usize::MAX;
    }
    let bytes = |id: NodeId| {
        let tensor = &graph[id].tensor;
        // A BigInt is three words and a block on the heap.
        let word = if tensor.format.is_narrow() { 8 } else { 64 };
        tensor.len().saturating_mul(word)
    };
    let all = nodes.into_iter().map(bytes).fold(0, usize::saturating_add);
    (BATCH_BYTES / all.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use num_bigint::BigInt;

    use super::*;
    use crate::fixed::Quantization;
    use crate::ir::Cast;
    use crate::sim::run;

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
        let (graph, _) = graph()?;
        // 6 codes of 64 bytes, 12 of 8.
        assert_eq!(batch_size(&graph, graph.topological_order()), BATCH_BYTES / (6 * 64 + 12 * 8));
        let mut large = Graph::new("g");
        large.add_input("x", vec![BATCH_BYTES], "fixed<8,3>".parse()?);
        assert_eq!(batch_size(&large, large.topological_order()), 1);
        Ok(())
    }

    #[test]
    fn batches_give_the_results_of_all_samples_at_once() -> Outcome {
        let (graph, [y, z]) = graph()?;
        for (samples, batches) in [(0, vec![0]), (1, vec![1]), (3, vec![3]), (7, vec![3, 3, 1])] {
            let inputs = crate::sim::vectors(&graph, samples);
            let all = run(&graph, &inputs)?;
            let mut seen = Vec::new();
            let compute = |batch: Range<usize>| run(&graph, &[inputs[0].samples(batch)]);
            let kept = in_batches(samples, 3, &[z, z, graph.inputs[0]], compute, |trace| {
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
