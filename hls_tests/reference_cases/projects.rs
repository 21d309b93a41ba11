//! Every case as a project of both back ends: legal to the vendors' tools, compiled, and run.

use std::error::Error;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bitkiln::back::{Headers, Tool, Vectors, WriteOptions, verify, write};
use bitkiln::config::{IoType, Strategy};
use bitkiln::hls::{Design, Options};
use bitkiln::ir::Graph;
use bitkiln::{passes, sim};

use super::cases::{Case, committed, trained};
use super::vendors;

/// A check of every project.
enum Check {
    /// Pragmas and scripts, for both strategies.
    Legal,
    /// Every output, compiled with these headers.
    Outputs(Headers),
    /// Every output of a streaming design: for each case one back end and one kind of headers, in
    /// turn; all of them with `BITKILN_EXHAUSTIVE`.
    Streams,
}

/// The hardware graph of a case, and the vectors of its project.
fn prepare(case: &Case) -> Result<(Graph, Vectors), Box<dyn Error>> {
    let run = case.run()?;
    let (graph, _) = passes::for_hardware(&run.graph)?;
    let outputs = sim::run(&graph, &run.inputs)?.outputs(&graph);
    if outputs != run.trace.outputs(&run.graph) {
        return Err("hardware has other outputs".into());
    }
    let names = graph.inputs.iter().map(|id| graph[*id].name.clone());
    let vectors = Vectors { inputs: names.zip(run.inputs.iter().cloned()).collect(), outputs };
    Ok((graph, vectors))
}

impl Check {
    /// Writes the projects of the case at `position` for both back ends and checks them.
    fn run(&self, case: &Case, position: usize) -> Result<(), Box<dyn Error>> {
        let (graph, vectors) = prepare(case)?;
        let verified = |design: &Design, backend: Tool, headers: Headers| {
            let folder = tempfile::tempdir()?;
            write(design, backend, &vectors, folder.path(), &WriteOptions::default())?;
            let verdict = verify(folder.path(), headers)?;
            let values: usize = vectors.outputs.iter().map(|(_, codes)| codes.len()).sum();
            match verdict.is_exact() && verdict.compared == values as u64 {
                true => Ok(()),
                false => Err(Box::<dyn Error>::from(format!("{backend}: {:?}", verdict.details))),
            }
        };
        for (number, backend) in Tool::ALL.into_iter().enumerate() {
            let mut options = Options::new(case.name.as_str(), backend.default_part());
            match self {
                Self::Streams => {
                    options.io = IoType::Stream;
                    let design = Design::new(&graph, &options)?;
                    let all = std::env::var_os("BITKILN_EXHAUSTIVE").is_some();
                    let headers = [Headers::Builtin, Headers::Vendor];
                    for (kind, headers) in headers.into_iter().enumerate() {
                        if all || position % 4 == 2 * kind + number {
                            verified(&design, backend, headers)?;
                        }
                    }
                }
                Self::Legal => {
                    for (strategy, factor, io) in [
                        (Strategy::Latency, 1, IoType::Parallel),
                        (Strategy::Resource, 8, IoType::Parallel),
                        (Strategy::Resource, 8, IoType::Stream),
                    ] {
                        (options.strategy, options.reuse_factor) = (strategy, factor);
                        options.io = io;
                        let design = Design::new(&graph, &options)?;
                        let folder = tempfile::tempdir()?;
                        write(&design, backend, &vectors, folder.path(), &WriteOptions::default())?;
                        let illegal = vendors::check(folder.path())?;
                        if !illegal.is_empty() {
                            return Err(format!("{backend}: {}", illegal.join("; ")).into());
                        }
                    }
                }
                Self::Outputs(headers) => {
                    verified(&Design::new(&graph, &options)?, backend, headers.clone())?;
                }
            }
        }
        Ok(())
    }

    /// Checks cases on as many threads as there are cores.
    fn all(&self, cases: &[Case]) -> Result<(), Box<dyn Error>> {
        let next = AtomicUsize::new(0);
        let failures = Mutex::new(vec![]);
        std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(|| {
                    loop {
                        let position = next.fetch_add(1, Ordering::Relaxed);
                        let Some(case) = cases.get(position) else { break };
                        if let Err(error) = self.run(case, position) {
                            let failure = format!("{}: {error}", case.name);
                            failures.lock().expect("no thread panics").push(failure);
                        }
                    }
                });
            }
        });
        let failures = failures.into_inner()?;
        assert!(failures.is_empty(), "{}", failures.join("\n"));
        Ok(())
    }
}

const TRAINED: [&str; 5] = [
    "qkeras_3layer",
    "qkeras_v3_3layer",
    "KERAS_3layer",
    "KERAS_conv1d_small",
    "KERAS_conv2d_model",
];

#[test]
fn projects_are_legal() -> Result<(), Box<dyn Error>> {
    Check::Legal.all(&committed()?)
}

#[test]
fn projects_match_with_the_stand_ins() -> Result<(), Box<dyn Error>> {
    Check::Outputs(Headers::Builtin).all(&committed()?)
}

#[test]
fn projects_match_with_the_vendors_headers() -> Result<(), Box<dyn Error>> {
    Check::Outputs(Headers::Vendor).all(&committed()?)
}

#[test]
fn streams_match() -> Result<(), Box<dyn Error>> {
    Check::Streams.all(&committed()?)
}

#[test]
fn trained_projects_are_legal() -> Result<(), Box<dyn Error>> {
    Check::Legal.all(&trained("trained_projects_are_legal", &TRAINED)?)
}

#[test]
fn trained_projects_match_with_the_stand_ins() -> Result<(), Box<dyn Error>> {
    let cases = trained("trained_projects_match_with_the_stand_ins", &TRAINED)?;
    Check::Outputs(Headers::Builtin).all(&cases)
}

#[test]
fn trained_streams_match() -> Result<(), Box<dyn Error>> {
    Check::Streams.all(&trained("trained_streams_match", &TRAINED)?)
}

#[test]
fn trained_projects_match_with_the_vendors_headers() -> Result<(), Box<dyn Error>> {
    let cases = trained("trained_projects_match_with_the_vendors_headers", &TRAINED)?;
    Check::Outputs(Headers::Vendor).all(&cases)
}
