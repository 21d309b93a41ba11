//! Programs of a project: compiled to a temporary folder, run with a time limit, and read.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::VerifyError;
use crate::back::headers::{self, standin};
use crate::back::manifest::Manifest;
use crate::progress::{Activity, Observer, Task};
use crate::temporary::Scratch;

/// Time limit of compiling and of running.
const TIME_LIMIT: Duration = Duration::from_secs(900);

/// Number of lines of a compiler's log that an error shows.
const LOG_LINES: usize = 12;

/// Flags with which an index outside of an array ends the testbench, in g++ and clang.
const BOUNDS: [&str; 2] = ["-fsanitize=bounds", "-fsanitize-undefined-trap-on-error"];

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

/// A temporary folder for the programs of a project.
pub(super) struct Bench {
    project: PathBuf,
    pub(super) manifest: Manifest,
    scratch: Scratch,
    observer: Observer,
}

/// A compiled program.
#[derive(Clone)]
pub(super) struct Program {
    path: PathBuf,
    /// Compiling, in seconds.
    pub(super) seconds: f64,
}

/// The outputs of a program, compared with the vectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Output values compared.
    pub compared: u64,
    /// Number of differing values.
    pub mismatches: u64,
    /// The first mismatches: sample, output, index, got, expected.
    pub details: Vec<String>,
}

impl Bench {
    /// For `project`, whose manifest is `manifest`; `observer` is told of programs and their runs.
    pub(super) fn new(
        project: &Path,
        manifest: &Manifest,
        observer: &Observer,
    ) -> Result<Self, VerifyError> {
        let project = project.canonicalize().map_err(io_error(project))?;
        let scratch = Scratch::temporary().map_err(io_error(&env::temp_dir()))?;
        let (manifest, observer) = (manifest.clone(), observer.clone());
        let bench = Self { project, manifest, scratch, observer };
        let (builtin, flow) = (bench.builtin(), bench.flow());
        let held = bench.scratch.held();
        for folder in [&builtin, &flow] {
            fs::create_dir(folder).map_err(io_error(folder))?;
        }
        for (name, text) in standin::FILES {
            // The open vendor headers do not contain those of the verification flow.
            let folder = if *name == "mc_scverify.h" { &flow } else { &builtin };
            fs::write(folder.join(name), text).map_err(io_error(folder))?;
        }
        drop(held);
        Ok(bench)
    }

    /// The folder of the built-in headers.
    pub(super) fn builtin(&self) -> PathBuf {
        self.scratch.path().join("builtin")
    }

    /// The folder of the built-in headers of the verification flow.
    fn flow(&self) -> PathBuf {
        self.scratch.path().join("flow")
    }

    /// The folder of the vectors.
    pub(super) fn vectors(&self) -> PathBuf {
        self.project.join("tb_data")
    }

    /// Writes a file of the temporary folder; its path.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<PathBuf, VerifyError> {
        let path = self.scratch.path().join(name);
        let _held = self.scratch.held();
        fs::write(&path, text).map_err(io_error(&path))?;
        Ok(path)
    }

    /// Compiles design and testbench with the headers in `folder`, or the built-in ones.
    pub(super) fn testbench(&self, folder: Option<&Path>) -> Result<Program, VerifyError> {
        let name = &self.manifest.name;
        let sources = [format!("{name}_test.cpp"), format!("firmware/{name}.cpp")];
        self.compile(&sources.map(|source| self.project.join(source)), folder, "testbench")
    }

    /// Compiles `sources` to a program called `name`.
    pub(super) fn compile(
        &self,
        sources: &[PathBuf],
        folder: Option<&Path>,
        name: &str,
    ) -> Result<Program, VerifyError> {
        let builtin = self.builtin();
        let includes = folder.unwrap_or(&builtin);
        let path = self.scratch.path().join(name);
        let compiler = env::var("CXX").ok().filter(|name| !name.trim().is_empty());
        let compiler = compiler.unwrap_or_else(|| "g++".to_owned());
        let mut words = compiler.split_whitespace();
        let mut command = Command::new(words.next().unwrap_or("g++"));
        // NDEBUG: an assertion of ap_fixed.h stops at casts that drop more bits than there are, which
        // it computes right.
        command.args(words).args(["-std=c++17", "-O1", "-DNDEBUG"]).args(BOUNDS).args(QUIET);
        command.arg("-o").arg(&path).arg("-iquote").arg(&self.project);
        command.arg("-I").arg(includes).arg("-idirafter").arg(self.flow());
        // The compiler uses a precompiled header only if it is the first include.
        if let Some(header) = headers::precompiled(includes, self.manifest.backend) {
            command.arg("-include").arg(header);
        }
        command.args(sources);
        let started = Instant::now();
        let job = Job { command, what: "compiling the project", limit: TIME_LIMIT };
        let on_start = |source| VerifyError::Compiler { compiler, source };
        let task = self.observer.begin(Activity::Compilation, None);
        let (status, log) = job.output(&self.scratch, &task, on_start)?;
        if !status.success() {
            // The error itself, not the chain of included files before it.
            let wrong = log.lines().skip_while(|line| !line.contains("error"));
            let lines: Vec<&str> = wrong.take(LOG_LINES).collect();
            let lines =
                if lines.is_empty() { log.lines().take(LOG_LINES).collect() } else { lines };
            let silence = format!("the compiler ended with {status} and said nothing");
            let log = if lines.is_empty() { silence } else { lines.join("\n") };
            return Err(VerifyError::Compile { log });
        }
        Ok(Program { path, seconds: started.elapsed().as_secs_f64() })
    }

    /// Runs a program, which compares `samples` samples.
    pub(super) fn run<'a>(
        &self,
        program: &Program,
        arguments: impl IntoIterator<Item = &'a PathBuf>,
        samples: usize,
    ) -> Result<Comparison, VerifyError> {
        // Tensors between kernels are on the stack: raise its limit.
        let mut run = Command::new("sh");
        run.args(["-c", "ulimit -S -s \"$(ulimit -H -s)\"; exec \"$0\" \"$@\""]);
        run.arg(&program.path).args(arguments).current_dir(&self.project);
        let job = Job { command: run, what: "the testbench", limit: TIME_LIMIT };
        let task = self.observer.begin(Activity::CSimulation, None);
        let (status, log) = job.output(&self.scratch, &task, io_error(&program.path))?;
        drop(task);
        let (compared, mismatches) = closing_line(&log)
            .ok_or_else(|| VerifyError::NoVerdict { status, log: last_lines(&log, LOG_LINES) })?;
        let expected = self.manifest.values(samples);
        if compared != expected {
            return Err(VerifyError::Count { compared, expected });
        }
        if status.success() != (mismatches == 0) {
            return Err(VerifyError::NoVerdict { status, log: last_lines(&log, LOG_LINES) });
        }
        let details = log.lines().filter_map(|line| line.strip_prefix("bitkiln: sample "));
        let details = details.map(|line| format!("sample {line}")).collect();
        Ok(Comparison { compared, mismatches, details })
    }
}

/// An error of the file system at `path`.
fn io_error(path: &Path) -> impl Fn(io::Error) -> VerifyError + use<> {
    let path = path.to_owned();
    move |source| VerifyError::Io { path: path.clone(), source }
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
    /// that the command never blocks on a full pipe. `task` ticks meanwhile.
    fn output(
        mut self,
        scratch: &Scratch,
        task: &Task<'_>,
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
            task.tick();
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
            let task = Observer::default();
            let task = task.begin(Activity::CSimulation, None);
            job.output(&scratch, &task, on_start).map(|(_, log)| log)
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
