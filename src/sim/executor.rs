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
        let samples = check_inputs(graph, inputs)?;
        Runner::new(*self, graph, keep, watch, samples).run(inputs, visit)
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

/// A graph made ready for runs on several parts of the samples.
pub struct Runner<'g> {
    graph: &'g Graph,
    keep: Vec<NodeId>,
    watch: Vec<NodeId>,
    /// `None` for the reference.
    engine: Option<(Plan<'g>, Threads)>,
}

impl<'g> Runner<'g> {
    /// For the results of the nodes `keep` and `watch`, and at most `samples` samples at a time.
    pub fn new(
        executor: Executor,
        graph: &'g Graph,
        keep: &[NodeId],
        watch: &[NodeId],
        samples: usize,
    ) -> Self {
        let engine = || {
            let nodes: Vec<NodeId> = keep.iter().chain(watch).copied().collect();
            let plan = Plan::new(graph, &nodes);
            let threads = executor.threads(plan.parallelism(samples));
            (plan, threads)
        };
        let is_engine = executor.kind == ExecutorKind::Engine;
        let (keep, watch) = (keep.to_vec(), watch.to_vec());
        Self { graph, keep, watch, engine: is_engine.then(engine) }
    }

    /// As [`Executor::run_in_batches`].
    ///
    /// # Errors
    /// If the samples do not fit the inputs, or the graph is not valid.
    pub fn run(&self, inputs: &[Codes], visit: impl FnMut(&Trace)) -> Result<Kept, SimError> {
        // A batch has its part of every input.
        let samples = check_inputs(self.graph, inputs)?;
        match &self.engine {
            None => {
                let size = batch_size(self.graph, self.graph.topological_order());
                let compute = |batch: Range<usize>| {
                    let part = inputs.iter().map(|codes| codes.samples(batch.clone()));
                    run(self.graph, &part.collect::<Vec<_>>())
                };
                in_batches(samples, size, &self.keep, compute, visit)
            }
            Some((plan, threads)) => {
                let size = batch_size(self.graph, self.keep.iter().chain(&self.watch).copied());
                let compute = |batch: Range<usize>| plan.run_part(inputs, batch, threads);
                in_batches(samples, size, &self.keep, compute, visit)
            }
        }
    }
}
