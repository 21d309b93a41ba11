//! C simulation of a written project with a plain C++ compiler.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::headers::{self, Headers, standin};
use super::manifest::{self, Manifest};
use super::{Tool, backend};
use crate::scratch::Scratch;

/// Time limit of compiling and of running.
const TIME_LIMIT: Duration = Duration::from_secs(900);

/// Number of lines of a compiler's log that an error shows.
const LOG_LINES: usize = 12;

/// Flags without warnings, for generated code and foreign headers. `-w` alone hides these warnings
/// but lets g++ look for them, in time quadratic in the number of weights.
const QUIET: [&str; 6] = [
    "-w",
    "-Wno-dangling-pointer",
    "-Wno-use-after-free",
    "-Wno-free-nonheap-object",
    "-Wno-mismatched-dealloc",
    "-Wno-mismatched-new-delete",
];

/// The result of a testbench.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// Output values compared with the vectors.
    pub compared: u64,
    /// Number of differing values.
    pub mismatches: u64,
    /// The first mismatches: sample, output, index, got, expected.
    pub details: Vec<String>,
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
        self.mismatches == 0
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
            "it crashed: a network with large tensors needs a larger stack than the system's limit \
             (ulimit -H -s)"
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
    let manifest = read_manifest(project)?;
    backend::backend(manifest.backend).verify(project, &manifest, &headers)
}

/// Compiles the C++ of `project` and runs its testbench.
pub(super) fn compile_and_run(
    project: &Path,
    manifest: &Manifest,
    headers: &Headers,
) -> Result<Verdict, VerifyError> {
    let io_error = |path: &Path| {
        let path = path.to_owned();
        move |source| VerifyError::Io { path, source }
    };
    let project = project.canonicalize().map_err(io_error(project))?;
    let scratch = Scratch::temporary().map_err(io_error(&env::temp_dir()))?;
    let builtin = scratch.path().join("builtin");
    let (includes, headers) = match find_headers(manifest.backend, headers)? {
        None => (builtin.clone(), "builtin".to_owned()),
        Some(folder) => {
            let folder = folder.canonicalize().unwrap_or(folder);
            let text = folder.display().to_string();
            (folder, text)
        }
    };
    // The open vendor headers do not contain those of the verification flow.
    let is_builtin = includes == builtin;
    let held = scratch.held();
    fs::create_dir(&builtin).map_err(io_error(&builtin))?;
    for (name, text) in standin::FILES {
        if is_builtin || *name == "mc_scverify.h" {
            fs::write(builtin.join(name), text).map_err(io_error(&builtin))?;
        }
    }
    drop(held);

    let program = scratch.path().join("testbench");
    let compile_seconds = compile(&project, manifest, [&includes, &builtin], &program, &scratch)?;

    // Tensors between kernels are on the stack: raise its limit.
    let mut run = Command::new("sh");
    run.args(["-c", "ulimit -S -s \"$(ulimit -H -s)\"; exec \"$0\" \"$@\""]).arg(&program);
    run.current_dir(&project).arg(project.join("tb_data"));
    let started = Instant::now();
    let job = Job { command: run, what: "the testbench", limit: TIME_LIMIT };
    let (status, log) = job.output(&scratch, io_error(&program))?;
    let (compared, mismatches) = closing_line(&log)
        .ok_or_else(|| VerifyError::NoVerdict { status, log: last_lines(&log, LOG_LINES) })?;
    if compared != manifest.values() {
        return Err(VerifyError::Count { compared, expected: manifest.values() });
    }
    if status.success() != (mismatches == 0) {
        return Err(VerifyError::NoVerdict { status, log: last_lines(&log, LOG_LINES) });
    }
    let details = log.lines().filter_map(|line| line.strip_prefix("bitkiln: sample "));
    Ok(Verdict {
        compared,
        mismatches,
        details: details.map(|line| format!("sample {line}")).collect(),
        headers,
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

fn read_manifest(project: &Path) -> Result<Manifest, VerifyError> {
    let path = project.join(manifest::NAME);
    let read = fs::read_to_string(&path).map_err(|error| error.to_string());
    let manifest = read.and_then(|text| Manifest::from_json(&text));
    manifest.map_err(|reason| VerifyError::Manifest { path, reason })
}

/// Compiles design and testbench to `program`; the time in seconds.
fn compile(
    project: &Path,
    manifest: &Manifest,
    [includes, fallback]: [&Path; 2],
    program: &Path,
    scratch: &Scratch,
) -> Result<f64, VerifyError> {
    let compiler = env::var("CXX").ok().filter(|name| !name.trim().is_empty());
    let compiler = compiler.unwrap_or_else(|| "g++".to_owned());
    let mut words = compiler.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or("g++"));
    // NDEBUG: an assertion of ap_fixed.h stops at casts that drop more bits than there are, which
    // it computes right.
    command.args(words).args(["-std=c++17", "-O1", "-DNDEBUG"]).args(QUIET).arg("-o").arg(program);
    command.arg("-I").arg(includes).arg("-idirafter").arg(fallback);
    // The compiler uses a precompiled header only if it is the first include.
    if let Some(header) = headers::precompiled(includes, manifest.backend) {
        command.arg("-include").arg(header);
    }
    command.arg(project.join(format!("{}_test.cpp", manifest.name)));
    command.arg(project.join(format!("firmware/{}.cpp", manifest.name)));
    let started = Instant::now();
    let job = Job { command, what: "compiling the project", limit: TIME_LIMIT };
    let (status, log) = job.output(scratch, |source| VerifyError::Compiler { compiler, source })?;
    if !status.success() {
        // The error itself, not the chain of included files before it.
        let wrong = log.lines().skip_while(|line| !line.contains("error"));
        let lines: Vec<&str> = wrong.take(LOG_LINES).collect();
        let lines = if lines.is_empty() { log.lines().take(LOG_LINES).collect() } else { lines };
        let silence = format!("the compiler ended with {status} and said nothing");
        let log = if lines.is_empty() { silence } else { lines.join("\n") };
        return Err(VerifyError::Compile { log });
    }
    Ok(started.elapsed().as_secs_f64())
}

/// A command with a time limit.
struct Job {
    command: Command,
    /// The step, for an error.
    what: &'static str,
    limit: Duration,
}

impl Job {
    /// Runs the command; its exit status and output. The output goes to a file in `scratch`, so
    /// that the command never blocks on a full pipe.
    fn output(
        mut self,
        scratch: &Scratch,
        on_start: impl FnOnce(io::Error) -> VerifyError,
    ) -> Result<(ExitStatus, String), VerifyError> {
        let path = scratch.path().join("log");
        let io_error = |source| VerifyError::Io { path: path.clone(), source };
        let log = File::create(&path).map_err(io_error)?;
        let copy = log.try_clone().map_err(io_error)?;
        self.command.stdin(Stdio::null()).stdout(log).stderr(copy);
        let mut process = scratch.spawn(&mut self.command).map_err(on_start)?;
        let deadline = Instant::now() + self.limit;
        let mut pause = Duration::from_millis(1);
        let status = loop {
            if let Some(status) = process.status().map_err(io_error)? {
                break status;
            }
            if Instant::now() > deadline {
                return Err(VerifyError::Time { what: self.what, limit: self.limit });
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        };
        let bytes = fs::read(&path).map_err(io_error)?;
        Ok((status, String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// The numbers of `bitkiln: 320 values compared, 0 mismatches`.
fn closing_line(log: &str) -> Option<(u64, u64)> {
    let line = log.lines().next_back()?;
    let rest = line.strip_prefix("bitkiln: ")?.strip_suffix(" mismatches")?;
    let (compared, mismatches) = rest.split_once(" values compared, ")?;
    Some((compared.parse().ok()?, mismatches.parse().ok()?))
}

fn last_lines(log: &str, count: usize) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_is_read() {
        let log = "bitkiln: sample 3, y[0]: got 1, expected 2\n\
                   bitkiln: 320 values compared, 1 mismatches\n";
        assert_eq!(closing_line(log), Some((320, 1)));
        assert_eq!(closing_line(""), None);
        assert_eq!(closing_line("bitkiln: 3 values compared, 0 mismatches\nAborted"), None);
    }

    #[test]
    fn what_takes_too_long_is_stopped() -> Result<(), Box<dyn std::error::Error>> {
        let scratch = Scratch::temporary()?;
        let job = |script: &str, limit| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            let job = Job { command, what: "the testbench", limit: Duration::from_millis(limit) };
            let on_start = |source| VerifyError::Io { path: "sh".into(), source };
            job.output(&scratch, on_start).map(|(_, log)| log)
        };
        assert_eq!(job("echo done", 60_000)?, "done\n");
        let started = Instant::now();
        let stopped = job("exec sleep 60", 200).err().map(|error| error.to_string());
        assert!(started.elapsed() < Duration::from_secs(30));
        let message = "the testbench took longer than 0.2 s and was stopped";
        assert_eq!(stopped.as_deref(), Some(message));
        Ok(())
    }

    #[test]
    fn the_end_of_a_log_is_kept() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("", 2), "");
    }
}
