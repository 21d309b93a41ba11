//! Every case as a project of both back ends: legal to the vendors' tools, compiled, and run.

use std::collections::HashSet;
use std::error::Error;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bitkiln::back::{Headers, Tool, Vectors, WriteOptions, verify, write};
use bitkiln::config::{IoType, Recurrence, Strategy};
use bitkiln::hls::{Design, Options, Process};
use bitkiln::ir::Graph;
use bitkiln::model::LayerKind;
use bitkiln::{passes, sim};

use super::cases::{Case, committed, trained};
use super::vendors;

/// A check of every project.
enum Check {
    /// Pragmas, memory ports and scripts, for both strategies and for targets.
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

/// Compiles and runs the project of `design`; every output must be that of `vectors`.
fn verified(
    design: &Design,
    backend: Tool,
    vectors: &Vectors,
    headers: Headers,
) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    write(design, backend, vectors, folder.path(), &WriteOptions::default())?;
    let verdict = verify(folder.path(), headers)?;
    let values: usize = vectors.outputs.iter().map(|(_, codes)| codes.len()).sum();
    let has_network = verdict.network.is_some() == design.network.is_some();
    match verdict.is_exact() && verdict.compared == values as u64 && has_network {
        true => Ok(()),
        false => Err(format!("{backend}: {:?}", verdict.details).into()),
    }
}

impl Check {
    /// Writes the projects of a case for both back ends and checks them.
    ///
    /// Projects take long to compile. In turn, those for one back end are compiled with the vendor's
    /// headers and those for the other with the stand-ins, which other tests compare with each other;
    /// with `BITKILN_EXHAUSTIVE`, both with both. Of the further forms of a recurrent layer, each case
    /// has one.
    fn run(&self, position: usize, case: &Case) -> Result<(), Box<dyn Error>> {
        let (graph, vectors) = prepare(case)?;
        let is_compiled = matches!(self, Self::Outputs(_));
        let turn = position + usize::from(matches!(self, Self::Outputs(Headers::Builtin)));
        let own = Tool::ALL[turn % Tool::ALL.len()];
        let is_wanted = |backend: &Tool| !is_compiled || is_exhaustive() || *backend == own;
        for backend in Tool::ALL.into_iter().filter(is_wanted) {
            let mut options = Options::new(case.name.as_str(), backend.default_part());
            match self {
                Self::Legal => {
                    for (strategy, factor, io, target) in [
                        (Strategy::Latency, 1, IoType::Parallel, None),
                        (Strategy::Resource, 8, IoType::Parallel, None),
                        (Strategy::Resource, 8, IoType::Stream, None),
                        (Strategy::Latency, 1, IoType::Stream, Some(100)),
                        (Strategy::Latency, 1, IoType::Stream, Some(1000)),
                    ] {
                        (options.strategy, options.reuse_factor) = (strategy, factor);
                        (options.io, options.target_interval) = (io, target);
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
                    let others = match *headers == Headers::Builtin && is_recurrent(case) {
                        true if is_exhaustive() => recurrences(&options),
                        true if backend == own => {
                            let all = recurrences(&options);
                            vec![all[position / Tool::ALL.len() % all.len()].clone()]
                        }
                        true | false => vec![],
                    };
                    for options in [options].iter().chain(&others) {
                        let design = Design::new(&graph, options)?;
                        verified(&design, backend, &vectors, headers.clone())?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Checks cases.
    fn all(&self, cases: &[Case]) {
        each(cases, |position, case| named(case, self.run(position, case)));
    }
}

/// Set for longer runs.
fn is_exhaustive() -> bool {
    std::env::var_os("BITKILN_EXHAUSTIVE").is_some()
}

/// The other forms of recurrent layers: with a loop over tiles in each step, and a copy for each step
/// in one pipeline or in streams.
fn recurrences(options: &Options) -> Vec<Options> {
    let tiled = Options {
        io: IoType::Stream,
        strategy: Strategy::Resource,
        reuse_factor: 4,
        ..options.clone()
    };
    let unrolled = Options { recurrence: Recurrence::Unrolled, ..options.clone() };
    let streamed = Options { io: IoType::Stream, ..unrolled.clone() };
    vec![tiled, unrolled, streamed]
}

fn is_recurrent(case: &Case) -> bool {
    let mut layers = case.model.graph.node_weights();
    layers.any(|layer| {
        matches!(layer.kind.inner(), LayerKind::Recurrent(_) | LayerKind::Bidirectional(_))
    })
}

/// The results of `work` on items and their positions, on as many threads as there are cores.
/// Panics with all failures.
fn each<'i, T: Sync, R: Send>(
    items: &'i [T],
    work: impl Fn(usize, &'i T) -> Result<R, String> + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(vec![]);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let position = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(position) else { break };
                    let result = work(position, item);
                    results.lock().expect("no thread panics").push((position, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no thread panics");
    results.sort_by_key(|(position, _)| *position);
    let (good, bad): (Vec<_>, Vec<_>) = results.into_iter().partition(|(_, it)| it.is_ok());
    let failures: Vec<String> = bad.into_iter().filter_map(|(_, it)| it.err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    good.into_iter().filter_map(|(_, it)| it.ok()).collect()
}

/// The result of a case, whose error names it.
fn named<R>(case: &Case, result: Result<R, Box<dyn Error>>) -> Result<R, String> {
    result.map_err(|error| format!("{}: {error}", case.name))
}

/// A case as a streaming design.
struct Streaming<'c> {
    case: &'c Case,
    backend: Tool,
    graph: Graph,
    vectors: Vectors,
    design: Design,
}

impl<'c> Streaming<'c> {
    fn new(case: &'c Case, backend: Tool) -> Result<Self, Box<dyn Error>> {
        let (graph, vectors) = prepare(case)?;
        let design = Self::design(case, &graph, backend)?;
        Ok(Self { case, backend, graph, vectors, design })
    }

    fn design(case: &Case, graph: &Graph, backend: Tool) -> Result<Design, Box<dyn Error>> {
        let mut options = Options::new(case.name.as_str(), backend.default_part());
        options.io = IoType::Stream;
        Ok(Design::new(graph, &options)?)
    }

    /// The properties of processes that concern streams: forms and windows, the operation and the
    /// loops of their kernels, and their numbers of streams.
    fn kinds(&self) -> Result<HashSet<String>, Box<dyn Error>> {
        let kind = |process: &Process| {
            let form = serde_json::to_value(&process.form)?;
            let kernel = process.kernel.map(|id| &self.design[id]);
            let kernel = kernel.map(|it| (it.operation, it.plan.is_unrolled()));
            let streams = (process.inputs.len(), process.outputs.len());
            Ok(format!("{} {} {kernel:?} {streams:?}", form["form"], form["window"]))
        };
        self.design.processes.iter().map(kind).collect()
    }
}

/// Every output of streaming designs, and the order of their tokens at bounded depths. Kernels are
/// those of the parallel designs, which other tests check: a case is compiled if it has a kind of
/// process that no case before it has, for one back end and one kind of headers in turn. With
/// `BITKILN_EXHAUSTIVE`, all are.
fn assert_streams_match(cases: &[Case]) {
    let all = is_exhaustive();
    let designs = each(cases, |position, case| {
        named(case, Streaming::new(case, Tool::ALL[position % Tool::ALL.len()]))
    });
    let mut known = HashSet::new();
    let mut wanted = designs;
    wanted.retain(|streaming| {
        let kinds = streaming.kinds().unwrap_or_else(|e| panic!("{}: {e}", streaming.case.name));
        let before = known.len();
        known.extend(kinds);
        all || known.len() > before
    });
    each(&wanted, |position, Streaming { case, backend, graph, vectors, design }| {
        let both = [Headers::Builtin, Headers::Vendor];
        let own = both[usize::from(position % 4 == 3)].clone();
        if !all {
            return named(case, verified(design, *backend, vectors, own));
        }
        for backend in Tool::ALL {
            let design = named(case, Streaming::design(case, graph, backend))?;
            for headers in both.clone() {
                named(case, verified(&design, backend, vectors, headers))?;
            }
        }
        Ok(())
    });
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
    Check::Legal.all(&committed()?);
    Ok(())
}

#[test]
fn projects_match_with_the_stand_ins() -> Result<(), Box<dyn Error>> {
    Check::Outputs(Headers::Builtin).all(&committed()?);
    Ok(())
}

#[test]
fn projects_match_with_the_vendors_headers() -> Result<(), Box<dyn Error>> {
    Check::Outputs(Headers::Vendor).all(&committed()?);
    Ok(())
}

#[test]
fn streams_match() -> Result<(), Box<dyn Error>> {
    assert_streams_match(&committed()?);
    Ok(())
}

#[test]
fn trained_projects_are_legal() -> Result<(), Box<dyn Error>> {
    Check::Legal.all(&trained("trained_projects_are_legal", &TRAINED)?);
    Ok(())
}

#[test]
fn trained_projects_match_with_the_stand_ins() -> Result<(), Box<dyn Error>> {
    let cases = trained("trained_projects_match_with_the_stand_ins", &TRAINED)?;
    Check::Outputs(Headers::Builtin).all(&cases);
    Ok(())
}

#[test]
fn trained_streams_match() -> Result<(), Box<dyn Error>> {
    assert_streams_match(&trained("trained_streams_match", &TRAINED)?);
    Ok(())
}

#[test]
fn trained_projects_match_with_the_vendors_headers() -> Result<(), Box<dyn Error>> {
    let cases = trained("trained_projects_match_with_the_vendors_headers", &TRAINED)?;
    Check::Outputs(Headers::Vendor).all(&cases);
    Ok(())
}
