//! Every case as a project of both back ends, compiled and run.

use std::error::Error;

use bitkiln::back::{Backend, Headers, Vectors, WriteOptions, verify, write};
use bitkiln::hls::{Design, Options};
use bitkiln::{passes, sim};

use super::cases::{Case, committed, trained};

/// Writes and checks the project of `case`; what went wrong.
fn check(
    case: &Case,
    backend: Backend,
    headers: &Headers,
) -> Result<Option<String>, Box<dyn Error>> {
    let run = case.run()?;
    let (graph, _) = passes::for_hardware(&run.graph)?;
    let outputs = sim::run(&graph, &run.inputs)?.outputs(&graph);
    if outputs != run.trace.outputs(&run.graph) {
        return Ok(Some(format!("{}: hardware has other outputs", case.name)));
    }
    let design = Design::new(&graph, &Options::new(case.name.as_str(), backend.default_part()))?;
    let names = graph.inputs.iter().map(|id| graph[*id].name.clone());
    let vectors = Vectors { inputs: names.zip(run.inputs.iter().cloned()).collect(), outputs };
    let folder = tempfile::tempdir()?;
    let project = folder.path().join("project");
    write(&design, backend, &vectors, &project, &WriteOptions::default())?;
    // The same files whatever they are compiled with.
    let illegal = match headers {
        Headers::Builtin => crate::vendors::check(&project)?,
        _ => vec![],
    };
    if !illegal.is_empty() {
        return Ok(Some(format!("{} for {backend}: {}", case.name, illegal.join("; "))));
    }
    let verdict = verify(&project, headers.clone())?;
    let values: usize = vectors.outputs.iter().map(|(_, codes)| codes.len()).sum();
    let good = verdict.is_exact() && verdict.compared == values as u64;
    Ok((!good).then(|| format!("{} for {backend}: {:?}", case.name, verdict.details)))
}

const TRAINED: [&str; 5] = [
    "qkeras_3layer",
    "qkeras_v3_3layer",
    "KERAS_3layer",
    "KERAS_conv1d_small",
    "KERAS_conv2d_model",
];

/// Checks cases for both back ends, on as many threads as there are cores.
fn check_all(cases: &[Case], headers: &Headers) -> Result<(), Box<dyn Error>> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let jobs = cases.iter().flat_map(|case| Backend::ALL.map(|backend| (case, backend)));
    let jobs: Vec<(&Case, Backend)> = jobs.collect();
    let failures = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let job = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some((case, backend)) = jobs.get(job) else { return };
                    let failure = match check(case, *backend, headers) {
                        Ok(failure) => failure,
                        Err(error) => Some(format!("{} for {backend}: {error}", case.name)),
                    };
                    if let (Some(failure), Ok(mut failures)) = (failure, failures.lock()) {
                        failures.push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner()?;
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

#[test]
fn projects_match_with_the_stand_ins() -> Result<(), Box<dyn Error>> {
    check_all(&committed()?, &Headers::Builtin)
}

#[test]
fn projects_match_with_the_vendors_headers() -> Result<(), Box<dyn Error>> {
    check_all(&committed()?, &Headers::Vendor)
}

#[test]
fn trained_projects_match_with_the_stand_ins() -> Result<(), Box<dyn Error>> {
    check_all(&trained("trained_projects_match_with_the_stand_ins", &TRAINED)?, &Headers::Builtin)
}

#[test]
fn trained_projects_match_with_the_vendors_headers() -> Result<(), Box<dyn Error>> {
    check_all(
        &trained("trained_projects_match_with_the_vendors_headers", &TRAINED)?,
        &Headers::Vendor,
    )
}
