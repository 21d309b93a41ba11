//! C simulation of a written project with a plain C++ compiler.

mod bench;
mod network;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use serde::Serialize;

use self::bench::Bench;
use super::headers::{self, Headers};
use super::manifest::{self, Manifest};
use super::{BackError, Tool, backend};
use crate::progress::Observer;

pub use bench::Comparison;
pub use network::{Depths, NetworkTest, NetworkVerdict};

/// The result of a testbench.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// Output values compared with the vectors.
    pub compared: u64,
    /// Number of differing values.
    pub mismatches: u64,
    /// The first mismatches: sample, output, index, got, expected.
    pub details: Vec<String>,
    /// The result of the processes of a streaming project side by side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkVerdict>,
    /// The folder of the headers; `builtin` for the built-in ones.
    pub headers: String,
    /// Compiling, in seconds.
    pub compile_seconds: f64,
    /// Running, in seconds.
    pub run_seconds: f64,
}

impl Verdict {
    /// Tells whether every value was as expected.
    pub fn is_exact(&self) -> bool {
        self.mismatches == 0 && self.network.as_ref().is_none_or(|it| it.mismatches == 0)
    }
}

/// A project that could not be checked.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum VerifyError {
    /// No project, or a changed manifest.
    #[error("{}: {reason}", path.display())]
    #[diagnostic(help(
        "name a folder that `bitkiln build` wrote; build it again if its manifest was changed"
    ))]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// The error in it.
        reason: String,
    },
    /// The fixed-point headers are missing.
    #[error("no headers of {} found; looked in {}", backend.title(), list(places))]
    #[diagnostic(help("{}", headers::advice(*backend)))]
    Headers {
        /// The vendor.
        backend: Tool,
        /// The folders searched.
        places: Vec<PathBuf>,
    },
    /// The compiler cannot be started.
    #[error("cannot run the C++ compiler '{compiler}': {source}")]
    #[diagnostic(help("install g++, or set CXX to a C++ compiler"))]
    Compiler {
        /// The value of CXX.
        compiler: String,
        /// The system's error.
        source: io::Error,
    },
    /// The project does not compile.
    #[error("the project does not compile:\n{log}")]
    #[diagnostic(help(
        "the compiler (CXX) must take C++17; if it does and nobody edited the project, this is a defect of \
         Bitkiln: report it"
    ))]
    Compile {
        /// The first lines of the compiler's log.
        log: String,
    },
    /// The testbench ended without a result.
    #[error("the testbench came to no verdict ({status}):\n{log}")]
    #[diagnostic(help("{}", no_verdict(*status)))]
    NoVerdict {
        /// Its exit status.
        status: ExitStatus,
        /// The last lines that it printed.
        log: String,
    },
    /// The testbench compared fewer or more values than the manifest promises.
    #[error("the testbench compared {compared} values, the manifest says {expected}")]
    #[diagnostic(help("build the project again: testbench and manifest are not from one build"))]
    Count {
        /// Values compared.
        compared: u64,
        /// Values promised.
        expected: u64,
    },
    /// Processes wait for one another.
    #[error("with FIFOs at {depths}: {cycle}")]
    #[diagnostic(help(
        "build the project again; if nobody edited it, this is a defect of Bitkiln: report it"
    ))]
    Deadlock {
        /// The depths.
        depths: Depths,
        /// The processes, and what they wait for.
        cycle: String,
    },
    /// A process does not read and write as the manifest says.
    #[error("{difference}")]
    #[diagnostic(help(
        "build the project again; if nobody edited it, this is a defect of Bitkiln: report it"
    ))]
    Schedule {
        /// The process, and the first access that differs.
        difference: String,
    },
    /// The program that runs the processes side by side could not be printed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Print(#[from] BackError),
    /// Compiling or running exceeded the time limit.
    #[error("{what} took longer than {} s and was stopped", limit.as_secs_f64())]
    #[diagnostic(help("verify fewer samples"))]
    Time {
        /// The step.
        what: &'static str,
        /// The time limit.
        limit: Duration,
    },
    /// An error of the file system.
    #[error("cannot use the folder {}: {source}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// The help text for a testbench that ended with `status`.
fn no_verdict(status: ExitStatus) -> &'static str {
    match status.code() {
        Some(_) => "build the project again: its vectors are not complete",
        None => {
            "it crashed: an index lies outside of its array, or a network with large tensors needs a \
             larger stack than the system's limit (ulimit -H -s)"
        }
    }
}

fn list(places: &[PathBuf]) -> String {
    let places: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
    places.join(", ")
}

/// Compiles the testbench of `project`, runs it, and reads its verdict. The compiler is `g++`,
/// or what the environment variable `CXX` names. The project itself is not changed.
///
/// # Errors
/// See [`VerifyError`]. Mismatches are no error but a [`Verdict`].
pub fn verify(project: &Path, headers: Headers) -> Result<Verdict, VerifyError> {
    verify_observed(project, headers, &Observer::default())
}

/// As [`verify`]; tells `observer` of compilations and simulations.
///
/// # Errors
/// See [`VerifyError`].
pub fn verify_observed(
    project: &Path,
    headers: Headers,
    observer: &Observer,
) -> Result<Verdict, VerifyError> {
    let manifest = read_manifest(project)?;
    backend::backend(manifest.backend).verify(project, &manifest, &headers, observer)
}

/// Compiles the C++ of `project` and runs its testbench, and the processes of a streaming project
/// side by side.
pub(super) fn compile_and_run(
    project: &Path,
    manifest: &Manifest,
    headers: &Headers,
    observer: &Observer,
) -> Result<Verdict, VerifyError> {
    let bench = Bench::new(project, manifest, observer)?;
    let folder = find_headers(manifest.backend, headers)?;
    let folder = folder.map(|folder| folder.canonicalize().unwrap_or(folder));
    let network = match manifest.streams.is_empty() {
        true => None,
        false => Some(network::compile(&bench)?),
    };
    // The network's program has built-in headers, and the testbench as well.
    let testbench = match (&folder, &network) {
        (None, Some(network)) => network.clone(),
        (folder, _) => bench.testbench(folder.as_deref())?,
    };
    let mut compile_seconds = testbench.seconds;
    if let (Some(_), Some(network)) = (&folder, &network) {
        compile_seconds += network.seconds;
    }
    let started = Instant::now();
    let vectors = bench.vectors();
    let run = bench.run(&testbench, [&vectors], manifest.samples)?;
    let network = network.map(|program| network::verdict(&bench, &program)).transpose()?;
    let Comparison { compared, mismatches, details } = run;
    Ok(Verdict {
        compared,
        mismatches,
        details,
        network,
        headers: folder.map_or("builtin".to_owned(), |folder| folder.display().to_string()),
        compile_seconds,
        run_seconds: started.elapsed().as_secs_f64(),
    })
}

/// The folder of `headers` for `backend`; `None` for the built-in ones.
///
/// # Errors
/// [`VerifyError::Headers`] if they are missing.
pub fn find_headers(backend: Tool, headers: &Headers) -> Result<Option<PathBuf>, VerifyError> {
    let found = match headers {
        Headers::Builtin => return Ok(None),
        Headers::Vendor => headers::search(backend),
        Headers::Dir(folder) => headers::in_folder(folder, backend),
    };
    found.map(Some).map_err(|places| VerifyError::Headers { backend, places })
}

/// The manifest of the project in the folder `project`.
///
/// # Errors
/// If there is none, or it is not one that this version writes.
pub fn read_manifest(project: &Path) -> Result<Manifest, VerifyError> {
    let path = project.join(manifest::NAME);
    let read = fs::read_to_string(&path).map_err(|error| error.to_string());
    let manifest = read.and_then(|text| Manifest::from_json(&text));
    manifest.map_err(|reason| VerifyError::Manifest { path, reason })
}
