//! A graph compiled to steps, and their run on samples.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rayon::iter::{IntoParallelIterator, ParallelIterator};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::kernel::Kernel;
use super::kernels::{self, Compiled};
use super::schedule::{Allocator, Slot, Workspace};
use super::storage::Width;
use crate::fixed::Codes;
use crate::ir::{Graph, NodeId, Op};
use crate::sim::{SimError, Trace, check};

/// Bound on the buffers of a block of samples, in bytes: a part of a core's own cache.
const BLOCK_BYTES: usize = 256 << 10;

/// Largest number of samples of a block.
const BLOCK_SAMPLES: usize = 1024;

/// A graph compiled once, for the results of some of its nodes.
pub struct Plan<'g> {
    graph: &'g Graph,
    /// Buffers of the inputs.
    inputs: Vec<Slot>,
    steps: Vec<Step<'g>>,
    /// Type of each buffer.
    widths: Vec<Width>,
    /// Nodes whose results are wanted, with their buffers.
    kept: Vec<(NodeId, Slot)>,
    /// Samples that run together, at least 1.
    block: usize,
    /// Memory of runs that have ended, for those that begin.
    workspaces: Mutex<Vec<Workspace>>,
}

/// Threads that share the blocks of a run.
#[derive(Debug)]
pub struct Threads {
    /// `None` for the caller's own thread.
    pool: Option<ThreadPool>,
}

impl Threads {
    /// So many threads. A system that refuses them leaves the caller's own.
    pub fn new(count: usize) -> Self {
        let pool = || ThreadPoolBuilder::new().num_threads(count).build().ok();
        Self { pool: (count > 1).then(pool).flatten() }
    }
}

/// One kernel of a plan.
struct Step<'g> {
    /// The node whose result it computes, after those that are computed with it.
    node: NodeId,
    kernel: Box<dyn Kernel + 'g>,
    operands: Vec<Slot>,
    result: Slot,
}

impl<'g> Plan<'g> {
    /// Compiles what the nodes `keep` of `graph` depend on.
    pub fn new(graph: &'g Graph, keep: &[NodeId]) -> Self {
        let kept: HashSet<NodeId> = keep.iter().copied().collect();
        let live = Live::of(graph, &kept);
        let mut inner: HashSet<NodeId> = HashSet::new();
        let mut compiled: Vec<(NodeId, Compiled<'g>)> = Vec::new();
        // A node with the codes of another one shares its buffer.
        let mut roots: HashMap<NodeId, NodeId> = HashMap::new();
        let root = |roots: &HashMap<NodeId, NodeId>, id: NodeId| *roots.get(&id).unwrap_or(&id);
        for id in &live.order {
            if inner.contains(id) || matches!(graph[*id].op, Op::Input(_)) {
                continue;
            }
            if let Some(operand) = kernels::same_codes(graph, *id) {
                roots.insert(*id, root(&roots, operand));
                continue;
            }
            let chain = live.chain(graph, *id);
            let step = kernels::compile(graph, &chain);
            inner.extend(&chain[..step.nodes]);
            compiled.push((chain[step.nodes - 1], step));
        }

        let mut last_reader: HashMap<NodeId, usize> = HashMap::new();
        for (at, (_, step)) in compiled.iter().enumerate() {
            for operand in &step.operands {
                last_reader.insert(root(&roots, *operand), at);
            }
        }
        for node in &kept {
            last_reader.insert(root(&roots, *node), usize::MAX);
        }
        let mut memory = Allocator::default();
        let mut slots: HashMap<NodeId, Slot> = HashMap::new();
        let width = |id: NodeId| Width::of(&graph[id].tensor.range());
        for input in &graph.inputs {
            slots.insert(*input, memory.take(width(*input)));
        }
        let inputs = graph.inputs.iter().map(|input| slots[input]).collect();
        let mut steps = Vec::with_capacity(compiled.len());
        for (at, (node, step)) in compiled.into_iter().enumerate() {
            let result = memory.take(width(node));
            slots.insert(node, result);
            let read: Vec<NodeId> = step.operands.iter().map(|id| root(&roots, *id)).collect();
            let operands = read.iter().map(|id| slots[id]).collect();
            let ended: HashSet<NodeId> =
                read.into_iter().filter(|id| last_reader.get(id) == Some(&at)).collect();
            ended.iter().for_each(|id| memory.release(slots[id]));
            steps.push(Step { node, kernel: step.kernel, operands, result });
        }
        let kept = keep.iter().map(|node| (*node, slots[&root(&roots, *node)])).collect();
        let widths = memory.into_widths();
        let block = block_size(graph, &steps);
        Self { graph, inputs, steps, widths, kept, block, workspaces: Mutex::default() }
    }

    /// The steps in their order: the node whose result each computes, and its algorithm.
    pub fn steps(&self) -> impl Iterator<Item = (&'g str, String)> + '_ {
        let name = |step: &Step<'g>| self.graph[step.node].name.as_str();
        self.steps.iter().map(move |step| (name(step), step.kernel.algorithm()))
    }

    /// Multiply-accumulate operations of each step for a sample.
    pub(in crate::sim) fn macs(&self) -> impl Iterator<Item = usize> + '_ {
        self.steps.iter().map(|step| step.kernel.macs())
    }

    /// Number of samples that run together.
    pub fn block(&self) -> usize {
        self.block
    }

    /// Runs all samples of `inputs`, in the order of the graph's inputs. The results of the nodes that the
    /// plan was made for.
    ///
    /// # Errors
    /// If the samples do not fit the inputs, or the graph is not valid.
    pub fn run(&self, inputs: &[Codes], threads: &Threads) -> Result<Trace, SimError> {
        check(self.graph, inputs)?;
        let samples = inputs.first().and_then(|codes| codes.shape().first().copied()).unwrap_or(0);
        self.run_part(inputs, 0..samples, threads)
    }

    /// As [`Self::run`], for the samples at `samples` of `inputs`, which fit.
    pub(in crate::sim) fn run_part(
        &self,
        inputs: &[Codes],
        samples: Range<usize>,
        threads: &Threads,
    ) -> Result<Trace, SimError> {
        let blocks = samples.len().div_ceil(self.block).max(1);
        let run = |index: usize| {
            let first = samples.start + index * self.block;
            self.run_block(inputs, first..samples.end.min(first.saturating_add(self.block)), None)
        };
        let parts: Result<Vec<Vec<Codes>>, NodeId> = match &threads.pool {
            Some(pool) if blocks > 1 => {
                pool.install(|| (0..blocks).into_par_iter().map(run).collect())
            }
            _ => (0..blocks).map(run).collect(),
        };
        let unfit = |node: NodeId| SimError::Graph { node: self.graph[node].name.clone() };
        let mut parts = parts.map_err(unfit)?.into_iter();
        let mut all = parts.next().unwrap_or_default();
        for part in parts {
            all.iter_mut().zip(part).for_each(|(all, part)| all.append(part));
        }
        Ok(Trace { results: self.kept.iter().map(|(node, _)| *node).zip(all).collect() })
    }

    /// The time that each step takes for all samples of `inputs`, at most a block, on the caller's thread.
    ///
    /// # Errors
    /// As of [`Self::run`].
    pub(in crate::sim) fn times(&self, inputs: &[Codes]) -> Result<Vec<Duration>, SimError> {
        check(self.graph, inputs)?;
        let mut times = vec![Duration::ZERO; self.steps.len()];
        let unfit = |node: NodeId| SimError::Graph { node: self.graph[node].name.clone() };
        let samples = inputs.first().and_then(|codes| codes.shape().first().copied()).unwrap_or(0);
        self.run_block(inputs, 0..samples, Some(&mut times)).map_err(unfit)?;
        Ok(times)
    }

    /// The buffers of the inputs.
    pub(super) fn inputs(&self) -> &[Slot] {
        &self.inputs
    }

    /// The buffers of the results that the plan was made for, in their order.
    pub(super) fn kept(&self) -> impl Iterator<Item = Slot> + '_ {
        self.kept.iter().map(|(_, slot)| *slot)
    }

    /// Number of kernels.
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// Calls `run` with the memory of a run.
    pub(super) fn with_workspace<R>(&self, run: impl FnOnce(&mut Workspace) -> R) -> R {
        let free = || self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = free().pop();
        let mut workspace = taken.unwrap_or_else(|| Workspace::new(&self.widths));
        let done = run(&mut workspace);
        free().push(workspace);
        done
    }

    /// The results for the samples at `samples`.
    fn run_block(
        &self,
        inputs: &[Codes],
        samples: Range<usize>,
        times: Option<&mut [Duration]>,
    ) -> Result<Vec<Codes>, NodeId> {
        let count = samples.len();
        self.with_workspace(|workspace| {
            for (slot, codes) in self.inputs.iter().zip(inputs) {
                workspace.buffers.get_mut(*slot).load(codes, samples.clone());
            }
            self.run_steps(workspace, count, times)?;
            let codes = |(node, slot): &(NodeId, Slot)| {
                let shape = &self.graph[*node].tensor.shape;
                workspace.buffers.get(*slot).codes(count, shape).ok_or(*node)
            };
            self.kept.iter().map(codes).collect()
        })
    }

    /// Runs the steps on inputs that are in their buffers.
    pub(super) fn run_steps(
        &self,
        workspace: &mut Workspace,
        samples: usize,
        mut times: Option<&mut [Duration]>,
    ) -> Result<(), NodeId> {
        for (at, step) in self.steps.iter().enumerate() {
            let start = times.is_some().then(Instant::now);
            let tensor = &self.graph[step.node].tensor;
            let Workspace { buffers, scratch } = workspace;
            buffers.with(&step.operands, step.result, |operands, result| {
                result.resize(samples * tensor.len());
                step.kernel.run(operands, result, samples, scratch).ok_or(step.node)?;
                #[cfg(debug_assertions)]
                if let Some(code) = result.outside(tensor) {
                    let (node, kernel) = (&self.graph[step.node].name, step.kernel.algorithm());
                    panic!("'{node}' by {kernel}: {code} lies outside of its proven range");
                }
                Ok::<(), NodeId>(())
            })?;
            if let Some((times, start)) = times.as_deref_mut().zip(start) {
                times[at] += start.elapsed();
            }
        }
        Ok(())
    }
}

/// The nodes that some results depend on, and the users of each.
struct Live<'k> {
    kept: &'k HashSet<NodeId>,
    /// In topological order.
    order: Vec<NodeId>,
    users: HashMap<NodeId, Vec<NodeId>>,
}

impl<'k> Live<'k> {
    fn of(graph: &Graph, kept: &'k HashSet<NodeId>) -> Self {
        let mut users: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
        let mut live: HashSet<NodeId> = HashSet::new();
        let mut waiting: Vec<NodeId> = kept.iter().copied().collect();
        while let Some(node) = waiting.pop() {
            if live.insert(node) {
                for operand in graph.operands(node) {
                    users.entry(operand).or_default().push(node);
                    waiting.push(operand);
                }
            }
        }
        let mut order = graph.topological_order();
        order.retain(|node| live.contains(node));
        Self { kept, order, users }
    }

    /// `node`, and the nodes after it of which each is the only user of the one before, whose result
    /// nobody else wants.
    fn chain(&self, graph: &Graph, node: NodeId) -> Vec<NodeId> {
        let mut chain = vec![node];
        let mut last = node;
        while !self.kept.contains(&last) {
            let Some([user]) = self.users.get(&last).map(Vec::as_slice) else { break };
            if graph.operands(*user).len() != 1 {
                break;
            }
            chain.push(*user);
            last = *user;
        }
        chain
    }
}

/// Number of samples of a block, at least 1. Samples that depend on one another are one block.
fn block_size(graph: &Graph, steps: &[Step<'_>]) -> usize {
    if graph.is_stateful() {
        return usize::MAX;
    }
    let bytes = |node: NodeId| {
        let tensor = &graph[node].tensor;
        tensor.len().saturating_mul(Width::of(&tensor.range()).bytes())
    };
    let nodes = graph.inputs.iter().copied().chain(steps.iter().map(|step| step.node));
    let largest: usize = nodes.map(bytes).max().unwrap_or(1);
    // The operands and the result of a step are in the cache together.
    (BLOCK_BYTES / (3 * largest.max(1))).clamp(1, BLOCK_SAMPLES)
}
