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
use crate::ir::{Graph, Node, NodeId, Op};
use crate::sim::{SimError, Trace, check_inputs};

/// Bound on the buffers of a block of samples, in bytes: a part of a core's own cache.
const BLOCK_BYTES: usize = 256 << 10;

/// Largest number of samples of a block.
const BLOCK_SAMPLES: usize = 1024;

/// Fewest samples of a block that is smaller than the cache only for the sake of other threads.
const SHARED_SAMPLES: usize = 16;

/// Blocks of each thread, at least, if there are enough samples.
const BLOCKS_PER_THREAD: usize = 2;

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
        let live = Live::of(graph, keep);
        let mut inner: HashSet<NodeId> = HashSet::new();
        let mut compiled: Vec<(NodeId, Compiled<'g>)> = Vec::new();
        // A node with the codes of another one shares its buffer.
        let mut roots: HashMap<NodeId, NodeId> = HashMap::new();
        let root = |roots: &HashMap<NodeId, NodeId>, id: NodeId| {
            let twin = live.twin(id);
            *roots.get(&twin).unwrap_or(&twin)
        };
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
        for node in &live.kept {
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
        let samples = check_inputs(self.graph, inputs)?;
        self.run_part(inputs, 0..samples, threads)
    }

    /// As [`Self::run`], for the samples at `samples` of `inputs`, which fit.
    pub(in crate::sim) fn run_part(
        &self,
        inputs: &[Codes],
        samples: Range<usize>,
        threads: &Threads,
    ) -> Result<Trace, SimError> {
        let parallelism = threads.pool.as_ref().map_or(1, ThreadPool::current_num_threads);
        let block = self.shared_block(samples.len(), parallelism);
        let blocks = samples.len().div_ceil(block).max(1);
        let run = |index: usize| {
            let first = samples.start + index * block;
            self.run_block(inputs, first..samples.end.min(first.saturating_add(block)), None)
        };
        let parts: Result<Vec<Vec<Codes>>, SimError> = match &threads.pool {
            Some(pool) if blocks > 1 => {
                pool.install(|| (0..blocks).into_par_iter().map(run).collect())
            }
            _ => (0..blocks).map(run).collect(),
        };
        let mut parts = parts?.into_iter();
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
        let samples = check_inputs(self.graph, inputs)?;
        let mut times = vec![Duration::ZERO; self.steps.len()];
        self.run_block(inputs, 0..samples, Some(&mut times))?;
        Ok(times)
    }

    /// Number of threads that `samples` samples keep busy, at least 1.
    pub(in crate::sim) fn parallelism(&self, samples: usize) -> usize {
        match self.graph.is_stateful() {
            true => 1,
            false => samples.div_ceil(self.block.min(SHARED_SAMPLES)).max(1),
        }
    }

    /// Number of samples of a block if so many threads share `samples` samples.
    fn shared_block(&self, samples: usize, threads: usize) -> usize {
        if self.graph.is_stateful() {
            return self.block;
        }
        // Several blocks a thread, so that all end at about the same time.
        let share = samples.div_ceil(threads.saturating_mul(BLOCKS_PER_THREAD));
        self.block.min(share.max(SHARED_SAMPLES))
    }

    /// The buffers of the inputs.
    pub(super) fn inputs(&self) -> &[Slot] {
        &self.inputs
    }

    /// The buffers of the results that the plan was made for, in their order.
    pub(super) fn kept(&self) -> impl Iterator<Item = Slot> + '_ {
        self.kept.iter().map(|(_, slot)| *slot)
    }

    /// Type of a buffer.
    pub(super) fn width(&self, slot: Slot) -> Width {
        self.widths[slot]
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
    ) -> Result<Vec<Codes>, SimError> {
        let count = samples.len();
        let unfit = |node: NodeId| SimError::Graph { node: self.graph[node].name.clone() };
        self.with_workspace(|workspace| {
            for ((slot, node), codes) in self.inputs.iter().zip(&self.graph.inputs).zip(inputs) {
                let Node { name, tensor, .. } = &self.graph[*node];
                let buffer = workspace.buffers.get_mut(*slot);
                let loaded = buffer.load(codes, samples.clone(), &tensor.format.codes());
                loaded.ok_or_else(|| SimError::Code { input: name.clone() })?;
            }
            self.run_steps(workspace, count, times).map_err(unfit)?;
            let codes = |(node, slot): &(NodeId, Slot)| {
                let shape = &self.graph[*node].tensor.shape;
                workspace.buffers.get(*slot).codes(count, shape).ok_or_else(|| unfit(*node))
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

/// The nodes that some results depend on, each set of equal results by one node.
struct Live {
    /// The node whose result each node has, of those that have the result of another one.
    twins: HashMap<NodeId, NodeId>,
    /// Nodes whose results are wanted.
    kept: HashSet<NodeId>,
    /// In topological order.
    order: Vec<NodeId>,
    users: HashMap<NodeId, Vec<NodeId>>,
}

impl Live {
    fn of(graph: &Graph, keep: &[NodeId]) -> Self {
        let mut live: HashSet<NodeId> = HashSet::new();
        let mut waiting = keep.to_vec();
        while let Some(node) = waiting.pop() {
            if live.insert(node) {
                waiting.extend(graph.operands(node));
            }
        }
        let (twins, users) = (HashMap::new(), HashMap::new());
        let mut all = Self { twins, kept: HashSet::new(), order: vec![], users };
        let mut by_operands: HashMap<Vec<NodeId>, Vec<NodeId>> = HashMap::new();
        for node in graph.topological_order().into_iter().filter(|node| live.contains(node)) {
            let operands: Vec<NodeId> =
                graph.operands(node).into_iter().map(|operand| all.twin(operand)).collect();
            let known = by_operands.entry(operands.clone()).or_default();
            let is_equal = |other: &NodeId| {
                let (other, node) = (&graph[*other], &graph[node]);
                !operands.is_empty() && other.op == node.op && other.tensor == node.tensor
            };
            if let Some(twin) = known.iter().copied().find(is_equal) {
                all.twins.insert(node, twin);
                continue;
            }
            known.push(node);
            all.order.push(node);
            for operand in operands {
                all.users.entry(operand).or_default().push(node);
            }
        }
        all.kept = keep.iter().map(|node| all.twin(*node)).collect();
        all
    }

    /// The node that stands for `node`.
    fn twin(&self, node: NodeId) -> NodeId {
        *self.twins.get(&node).unwrap_or(&node)
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
    let fewest = steps.iter().map(|step| step.kernel.fewest_samples()).max().unwrap_or(1);
    (BLOCK_BYTES / (3 * largest.max(1))).clamp(fewest, BLOCK_SAMPLES)
}
