//! The way a graph is run: by the fast engine, or node by node by reference.

use std::num::NonZeroUsize;
use std::ops::Range;

use super::batches::{batch_size, in_batches};
use super::engine::{Plan, Threads};
use super::{Kept, SimError, Trace, check_inputs, run};
use crate::fixed::Codes;
use crate::ir::{Graph, NodeId};

/// The way a graph is run. Both ways give the same codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Executor {
    /// The algorithms.
    pub kind: ExecutorKind,
    /// Number of threads; one per processor by default.
    pub threads: Option<NonZeroUsize>,
}

/// Algorithms that compute a graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExecutorKind {
    /// The fast engine, [`Plan`].
    #[default]
    Engine,
    /// Each operation by its reference evaluation, on one thread.
    Reference,
}

impl Executor {
    /// Each operation by its reference evaluation.
    pub const REFERENCE: Self = Self { kind: ExecutorKind::Reference, threads: None };

    /// Runs `graph` on `inputs`, in the order of its inputs, in batches of samples: memory does not grow
    /// with the number of samples, but for the results that are kept. `visit` sees the results of the
    /// nodes `watch` for each batch, in the order of the samples. The results of the nodes `keep` are
    /// returned.
    ///
    /// # Errors
    /// If the samples do not fit the inputs, or the graph is not valid.
    pub fn run_in_batches(
        &self,
        graph: &Graph,
        inputs: &[Codes],
        keep: &[NodeId],
        watch: &[NodeId],
        visit: impl FnMut(&Trace),
    ) -> Result<Kept, SimError> {
        // A batch has its part of every input.
        let samples = check_inputs(graph, inputs)?;
        match self.kind {
            ExecutorKind::Reference => {
                let size = batch_size(graph, graph.topological_order());
                let compute = |batch: Range<usize>| {
                    let part = inputs.iter().map(|codes| codes.samples(batch.clone()));
                    run(graph, &part.collect::<Vec<_>>())
                };
                in_batches(samples, size, keep, compute, visit)
            }
            ExecutorKind::Engine => {
                let nodes: Vec<NodeId> = keep.iter().chain(watch).copied().collect();
                let plan = Plan::new(graph, &nodes);
                let threads = self.threads(plan.parallelism(samples));
                let size = batch_size(graph, nodes.iter().copied());
                let compute = |batch: Range<usize>| plan.run_part(inputs, batch, &threads);
                in_batches(samples, size, keep, compute, visit)
            }
        }
    }

    /// The results of all nodes of `graph` for `inputs`.
    ///
    /// # Errors
    /// As [`Self::run_in_batches`].
    pub fn trace(&self, graph: &Graph, inputs: &[Codes]) -> Result<Trace, SimError> {
        let nodes = graph.topological_order();
        let kept = self.run_in_batches(graph, inputs, &nodes, &[], |_| {})?;
        Ok(kept.into())
    }

    /// Threads for work that keeps at most `most` of them busy.
    pub fn threads(&self, most: usize) -> Threads {
        Threads::new(self.thread_count().min(most))
    }

    /// Largest number of threads.
    pub fn thread_count(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.threads.map_or_else(all, NonZeroUsize::get)
    }
}
