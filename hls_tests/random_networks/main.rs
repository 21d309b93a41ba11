//! Random networks: the generated C++ of both dialects gives the outputs of the interpreter.
//!
//! A network is drawn from a seed: layers of all families on shapes that fit, with quantizers,
//! branches and merges. Its projects for Vitis and Catapult must compile and give every bit.
//! Half of them are streaming designs, whose least FIFO depths must be exact.
//! `BITKILN_NETWORKS=200` takes 200 seeds instead of the 20 of an ordinary run. The fast engine runs the
//! networks of more seeds; `BITKILN_GRAPHS=10000` takes 10,000 instead of 300.

mod draw;
mod layers;
#[path = "../vendors/mod.rs"]
mod vendors;

use std::num::NonZeroUsize;
use std::path::Path;

use bitkiln::back::{
    Depths, Headers, NetworkTest, Tool, Vectors, VerifyError, WriteOptions, verify, write,
};
use bitkiln::config::{IoType, Recurrence, Strategy};
use bitkiln::hls::{Design, Options};
use bitkiln::ir::NodeId;
use bitkiln::lower::lower;
use bitkiln::sim::{Executor, Plan};
use bitkiln::{passes, sim};

use draw::Draw;

/// Networks of an ordinary run.
const NETWORKS: u64 = 20;

/// Networks that the engine runs, of an ordinary run.
const GRAPHS: u64 = 300;

/// Samples of a network.
const SAMPLES: usize = 8;

/// One network in this many is compiled with the vendors' headers as well, which takes longer.
const VENDOR: u64 = 10;

/// Threads that compile at a time.
const THREADS: u64 = 2;

#[test]
fn generated_code_computes_what_the_interpreter_does() {
    let count = std::env::var("BITKILN_NETWORKS").ok();
    let count = count.map_or(NETWORKS, |count| count.parse().expect("BITKILN_NETWORKS"));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || (thread..count).step_by(THREADS as usize).for_each(check));
        }
    });
}

/// The fast engine gives every result that the reference evaluation gives, whichever results are kept and
/// however the samples are split among threads.
#[test]
fn the_engine_computes_what_the_reference_does() {
    let count = std::env::var("BITKILN_GRAPHS").ok();
    let count = count.map_or(GRAPHS, |count| count.parse().expect("BITKILN_GRAPHS"));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || (thread..count).step_by(THREADS as usize).for_each(check_engine));
        }
    });
}

/// Draws the network of `seed` and runs it both ways.
fn check_engine(seed: u64) {
    let mut draw = Draw::new(seed);
    let model = layers::network(&mut draw);
    let mut graph =
        lower(&model, &layers::settings()).unwrap_or_else(|e| panic!("seed {seed}: {e}")).graph;
    passes::run(&mut graph).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    let samples = draw.number(1, 40);
    let inputs = sim::vectors(&graph, samples);
    let trace = sim::run(&graph, &inputs).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    let outputs: Vec<NodeId> = graph.outputs.iter().map(|output| output.node).collect();
    for keep in [outputs, graph.topological_order()] {
        let executor = Executor { threads: NonZeroUsize::new(1), ..Executor::default() };
        let kept = executor.run_in_batches(&graph, &inputs, &keep, &[], |_| {});
        let kept = kept.unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        for node in &keep {
            let name = &graph[*node].name;
            let steps = || Plan::new(&graph, &keep).steps().collect::<Vec<_>>();
            let is_same = kept.of(*node) == trace.of(*node);
            assert!(is_same, "seed {seed}: '{name}' differs: {:?}", steps());
        }
    }
}

/// Draws the network of `seed` and checks its projects.
fn check(seed: u64) {
    let mut draw = Draw::new(seed);
    let model = layers::network(&mut draw);
    let strategy = *draw.of(&[Strategy::Latency, Strategy::Resource]);
    let reuse_factor = draw.number(1, 16) as u64;
    let io = *draw.of(&[IoType::Parallel, IoType::Stream]);
    let target_interval = *draw.of(&[None, None, Some(1), Some(7), Some(40)]);
    let recurrence = *draw.of(&[Recurrence::Iterated, Recurrence::Unrolled]);
    let mut graph =
        lower(&model, &layers::settings()).unwrap_or_else(|e| panic!("seed {seed}: {e}")).graph;
    passes::run(&mut graph).unwrap_or_else(|e| panic!("seed {seed}: {e}"));

    // States that outlive a sample have no copies.
    let recurrence = if graph.is_stateful() { Recurrence::Iterated } else { recurrence };
    let inputs = sim::vectors(&graph, SAMPLES);
    let (hardware, _) = passes::for_hardware(&graph).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    let [outputs, of_hardware] = [&graph, &hardware].map(|graph| {
        let trace = sim::run(graph, &inputs).unwrap();
        assert!(
            trace.out_of_range(graph).is_none(),
            "seed {seed}: {:?}",
            trace.out_of_range(graph)
        );
        trace.outputs(graph)
    });
    assert!(outputs == of_hardware, "seed {seed}: other outputs\n{}", layers::text(&model));
    let names = graph.inputs.iter().map(|id| graph[*id].name.clone());
    let vectors = Vectors { inputs: names.zip(inputs).collect(), outputs };
    for backend in Tool::ALL {
        let options = Options::new("network", backend.default_part());
        let options =
            Options { strategy, reuse_factor, io, target_interval, recurrence, ..options };
        let design = Design::new(&hardware, &options).unwrap();
        let folder = tempfile::tempdir().unwrap();
        write(&design, backend, &vectors, folder.path(), &WriteOptions::default()).unwrap();
        assert_eq!(vendors::check(folder.path()).unwrap(), [""; 0], "seed {seed} for {backend}");
        let has_processes = design.network.is_some();
        if has_processes {
            check_depths(&format!("seed {seed} for {backend}"), folder.path());
        }
        let is_vendor = seed.is_multiple_of(VENDOR).then_some(Headers::Vendor);
        let builtin = (!has_processes).then_some(Headers::Builtin);
        for headers in builtin.into_iter().chain(is_vendor) {
            let case = format!("seed {seed} for {backend} with {headers:?} headers");
            let verdict = verify(folder.path(), headers).unwrap_or_else(|e| panic!("{case}: {e}"));
            assert!(verdict.is_exact(), "{case}: {:?}\n{}", verdict.details, layers::text(&model));
        }
    }
}

/// Runs the processes of a streaming project side by side: they finish at the project's depths and at
/// the least ones, and stop with one slot less in any channel.
fn check_depths(case: &str, project: &Path) {
    let test = NetworkTest::compile(project).unwrap_or_else(|e| panic!("{case}: {e}"));
    let outputs = test.testbench().unwrap_or_else(|e| panic!("{case}: {e}"));
    assert_eq!(outputs.mismatches, 0, "{case}: {:?}", outputs.details);
    for depths in [Depths::Project, Depths::Least] {
        let outputs = test.run(&depths, SAMPLES).unwrap_or_else(|e| panic!("{case}: {e}"));
        assert_eq!(outputs.mismatches, 0, "{case} at {depths}: {:?}", outputs.details);
    }
    let least: Vec<u64> = test.manifest().streams.iter().map(|it| it.least_depth).collect();
    for (position, stream) in test.manifest().streams.iter().enumerate() {
        let mut fewer = least.clone();
        fewer[position] -= 1;
        let stopped = test.run(&Depths::Given(fewer), 1);
        let is_deadlock = matches!(stopped, Err(VerifyError::Deadlock { .. }));
        assert!(is_deadlock, "{case}: one slot less of '{}': {stopped:?}", stream.name);
    }
}
