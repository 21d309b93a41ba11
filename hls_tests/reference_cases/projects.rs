//! Every case as a project of both back ends: legal to the vendors' tools, compiled, and run.

use std::error::Error;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bitkiln::back::{Headers, Tool, Vectors, WriteOptions, verify, write};
use bitkiln::config::Strategy;
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
    /// Writes the projects of `case` for both back ends and checks them.
    fn run(&self, case: &Case) -> Result<(), Box<dyn Error>> {
        let (graph, vectors) = prepare(case)?;
        for backend in Tool::ALL {
            let mut options = Options::new(case.name.as_str(), backend.default_part());
            match self {
                Self::Legal => {
                    for (strategy, factor) in [(Strategy::Latency, 1), (Strategy::Resource, 8)] {
                        (options.strategy, options.reuse_factor) = (strategy, factor);
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
                    let design = Design::new(&graph, &options)?;
                    let folder = tempfile::tempdir()?;
                    write(&design, backend, &vectors, folder.path(), &WriteOptions::default())?;
                    let verdict = verify(folder.path(), headers.clone())?;
                    let values: usize = vectors.outputs.iter().map(|(_, codes)| codes.len()).sum();
                    if !verdict.is_exact() || verdict.compared != values as u64 {
                        return Err(format!("{backend}: {:?}", verdict.details).into());
                    }
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
                    while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if let Err(error) = self.run(case) {
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
fn trained_projects_are_legal() -> Result<(), Box<dyn Error>> {
    Check::Legal.all(&trained("trained_projects_are_legal", &TRAINED)?)
}

#[test]
fn trained_projects_match_with_the_stand_ins() -> Result<(), Box<dyn Error>> {
    let cases = trained("trained_projects_match_with_the_stand_ins", &TRAINED)?;
    Check::Outputs(Headers::Builtin).all(&cases)
}

#[test]
fn trained_projects_match_with_the_vendors_headers() -> Result<(), Box<dyn Error>> {
    let cases = trained("trained_projects_match_with_the_vendors_headers", &TRAINED)?;
    Check::Outputs(Headers::Vendor).all(&cases)
}
