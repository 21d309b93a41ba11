//! `bitkiln bench`.

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use bitkiln::ir::NodeId;
use bitkiln::progress::{Activity, Observer};
use bitkiln::sim::{self, BatchRate, Executor};
use bitkiln::{CompilerOptions, Network, report};
use miette::Result;

use super::model::{ModelArgs, say};
use super::{Status, print, print_json};

/// Samples of a run, by default.
const BATCHES: [usize; 3] = [1, 64, 1024];

/// Measure the speed of the simulation: samples per second, and the time of every step
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// Samples of a run [default: 1, 64, 1024]
    #[arg(long, value_name = "SAMPLES")]
    batch: Vec<NonZeroUsize>,
    /// Threads that share the samples [default: one for each processor]
    #[arg(long, value_name = "COUNT")]
    threads: Option<NonZeroUsize>,
    /// Time of each measurement, at least
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5)]
    seconds: f64,
    /// Measure the reference evaluation instead, of which the engine gives every code
    #[arg(long)]
    reference: bool,
    /// Print the measurements as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<Status> {
    let executor = Executor { threads: args.threads, ..Executor::default() };
    let network = args.model.load(CompilerOptions { executor, ..CompilerOptions::default() })?;
    say(&network);
    let batches: Vec<usize> = match &args.batch[..] {
        [] => BATCHES.to_vec(),
        given => given.iter().map(|samples| samples.get()).collect(),
    };
    let time = Duration::try_from_secs_f64(args.seconds).unwrap_or(Duration::ZERO);
    let observer = args.model.progress.observer();
    if args.reference {
        return by_reference(&network, &batches, time, (&observer, args.json));
    }
    let found = sim::benchmark(network.graph(), &executor, &batches, time, &observer)
        .map_err(bitkiln::CompileError::from)?;
    if args.json {
        print_json(&found)?;
    } else {
        print(&report::benchmark(&found));
    }
    Ok(Status::Success)
}

/// Prints the throughput of the reference evaluation.
fn by_reference(
    network: &Network,
    batches: &[usize],
    time: Duration,
    (observer, json): (&Observer, bool),
) -> Result<Status> {
    let graph = network.graph();
    let outputs: Vec<NodeId> = graph.outputs.iter().map(|output| output.node).collect();
    let mut rates = Vec::with_capacity(batches.len());
    let task = observer.begin(Activity::Measurements, Some(batches.len()));
    for samples in batches {
        let inputs = sim::vectors(graph, *samples);
        let (start, mut runs) = (Instant::now(), 0);
        while runs == 0 || start.elapsed() < time {
            let kept = Executor::REFERENCE.run_in_batches(graph, &inputs, &outputs, &[], |_| {});
            black_box(kept.map_err(bitkiln::CompileError::from)?);
            runs += 1;
        }
        let rate = (runs * samples) as f64 / start.elapsed().as_secs_f64();
        rates.push(BatchRate { samples: *samples, rate });
        task.add(1);
    }
    drop(task);
    if json {
        print_json(&serde_json::json!({ "batches": rates }))?;
    } else {
        for BatchRate { samples, rate } in rates {
            print(&format!("batch {samples}: {rate:.0} samples/s"));
        }
    }
    Ok(Status::Success)
}
