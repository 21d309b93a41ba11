//! How fast a network of the size of a jet tagger, 16-64-32-32-5, is turned into a project and
//! simulated: `cargo bench`.

use std::path::Path;

use bitkiln::back::{self, Tool, Vectors, WriteOptions};
use bitkiln::hls::{Design, Options};
use bitkiln::ir::Graph;
use bitkiln::lower::{Settings, lower};
use bitkiln::{front, passes, sim};
use divan::Bencher;
use divan::counter::ItemsCount;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/hls_tests/bench/model.h5");

fn main() {
    divan::main();
}

/// The network as integer operations, read from its file.
fn graph() -> Graph {
    let model = front::load(Path::new(MODEL), None).expect("the model is readable");
    let mut graph = lower(&model, &Settings::default()).expect("the model can be lowered").graph;
    passes::run(&mut graph).expect("the graph is valid");
    graph
}

/// The project's vectors: samples and what comes out for them.
fn vectors(graph: &Graph, samples: usize) -> Vectors {
    let inputs = sim::vectors(graph, samples);
    let trace = sim::run(graph, &inputs).expect("the samples fit the network");
    let names = graph.inputs.iter().map(|id| graph[*id].name.clone());
    Vectors { outputs: trace.outputs(graph), inputs: names.zip(inputs).collect() }
}

/// From the file to integer operations.
#[divan::bench]
fn read_and_lower() -> Graph {
    graph()
}

/// From the file to a project on disk, with the 100 samples that `bitkiln build` makes up.
#[divan::bench(args = [Tool::Vitis, Tool::Catapult])]
fn build(bencher: Bencher<'_, '_>, backend: Tool) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let project = folder.path().join("prj");
    bencher.bench_local(|| {
        let graph = graph();
        let design = Design::new(&graph, &Options::new("jets", backend.default_part()));
        let design = design.expect("the network has a design");
        let vectors = vectors(&graph, 100);
        back::write(&design, backend, &vectors, &project, &WriteOptions::default())
            .expect("the project can be written");
    });
}

/// Samples through the network.
#[divan::bench(args = [1, 100, 1000])]
fn simulate(bencher: Bencher<'_, '_>, samples: usize) {
    let graph = graph();
    let inputs = sim::vectors(&graph, samples);
    bencher
        .counter(ItemsCount::new(samples))
        .bench_local(|| sim::run(&graph, &inputs).expect("the samples fit the network"));
}
