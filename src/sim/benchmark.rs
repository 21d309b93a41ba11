//! The speed of the engine on a graph: samples per second, and the time of each step.

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::engine::dot::{Factors, Matrix, Rows, SLACK};
use super::engine::{Level, Plan};
use super::{Executor, SimError, vectors};
use crate::ir::{Graph, NodeId};
use crate::progress::{Activity, Observer};

/// Most samples for which the steps are measured.
const BLOCK: usize = 1024;

/// Speed of the engine.
#[derive(Clone, Debug, Serialize)]
pub struct Benchmark {
    /// Number of threads.
    pub threads: usize,
    /// Each number of samples.
    pub batches: Vec<BatchRate>,
    /// The steps of the plan, on one thread.
    pub steps: Vec<StepTime>,
    /// Multiply-accumulate operations of a sample.
    pub macs: usize,
    /// 8-bit multiply-accumulate operations per second of one thread: dot products of a dense layer
    /// with 784 inputs and 512 outputs.
    pub peak: f64,
}

/// Throughput of runs of some number of samples.
#[derive(Clone, Debug, Serialize)]
pub struct BatchRate {
    /// Samples of a run.
    pub samples: usize,
    /// Samples per second.
    pub rate: f64,
}

/// Time of a step.
#[derive(Clone, Debug, Serialize)]
pub struct StepTime {
    /// The node whose result it computes.
    pub node: String,
    /// The algorithm.
    pub algorithm: String,
    /// Microseconds for a sample.
    pub microseconds: f64,
    /// Multiply-accumulate operations for a sample.
    pub macs: usize,
}

/// Measures the outputs of `graph` for random samples, in runs of each of `batches` samples, each
/// measurement for `time` at least. `observer` is told of each.
///
/// # Errors
/// If the graph is not valid.
pub fn benchmark(
    graph: &Graph,
    executor: &Executor,
    batches: &[usize],
    time: Duration,
    observer: &Observer,
) -> Result<Benchmark, SimError> {
    // The rates, the steps and the peak.
    let task = observer.begin(Activity::Measurements, Some(batches.len() + 2));
    let outputs: Vec<NodeId> = graph.outputs.iter().map(|output| output.node).collect();
    let plan = Plan::new(graph, &outputs);
    let mut rates = Vec::with_capacity(batches.len());
    for samples in batches {
        let inputs = vectors(graph, *samples);
        let threads = executor.threads(plan.parallelism(*samples));
        let run = || plan.run(&inputs, &threads);
        // The first run makes the memory.
        drop(run()?);
        let (runs, elapsed) = repeat(time, || run().map(|trace| drop(black_box(trace))))?;
        rates.push(BatchRate { samples: *samples, rate: (runs * samples) as f64 / elapsed });
        task.add(1);
    }
    let block = plan.block().min(BLOCK);
    let inputs = vectors(graph, block);
    let mut total = vec![Duration::ZERO; plan.steps().count()];
    let (runs, _) = repeat(time, || {
        plan.times(&inputs).map(|times| total.iter_mut().zip(times).for_each(|(a, b)| *a += b))
    })?;
    task.add(1);
    let steps =
        plan.steps().zip(total).zip(plan.macs()).map(|(((node, algorithm), time), macs)| {
            let microseconds = time.as_secs_f64() * 1e6 / (runs * block) as f64;
            StepTime { node: node.to_owned(), algorithm, microseconds, macs }
        });
    Ok(Benchmark {
        threads: executor.thread_count(),
        batches: rates,
        steps: steps.collect(),
        macs: plan.macs().sum(),
        peak: peak(time)?,
    })
}

/// Calls `run` for `time` at least; the number of calls, and the seconds that they took.
fn repeat<E>(time: Duration, mut run: impl FnMut() -> Result<(), E>) -> Result<(usize, f64), E> {
    let start = Instant::now();
    let mut runs = 0;
    loop {
        run()?;
        runs += 1;
        if start.elapsed() >= time {
            return Ok((runs, start.elapsed().as_secs_f64()));
        }
    }
}

/// See [`Benchmark::peak`].
fn peak(time: Duration) -> Result<f64, SimError> {
    const ROWS: usize = 96;
    const INPUTS: usize = 784;
    const OUTPUTS: usize = 512;
    let weight = |input: usize, output: usize| ((input + 3 * output) % 15) as i16 - 7;
    let matrix = Matrix::new(Factors::Bytes, vec![0], INPUTS, &[0; OUTPUTS], weight);
    let rows = vec![3; ROWS * INPUTS + SLACK];
    let starts: Vec<usize> = (0..ROWS).map(|row| row * INPUTS).collect();
    let mut y = vec![0; ROWS * OUTPUTS];
    let level = Level::detect();
    let (runs, elapsed) = repeat(time, || {
        matrix.dot(level, Rows::Bytes(&rows, &starts), &mut y);
        black_box(&y);
        Ok::<(), SimError>(())
    })?;
    Ok((runs * ROWS * INPUTS * OUTPUTS) as f64 / elapsed)
}
