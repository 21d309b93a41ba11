//! The processes of a streaming project side by side, between FIFOs of bounded depth.

use std::fmt;
use std::path::Path;

use askama::Template;
use serde::Serialize;

use super::bench::{Bench, Comparison, Program};
use super::{VerifyError, read_manifest};
use crate::back::manifest::Manifest;
use crate::back::{BackError, backend};
use crate::hls::network::text;
use crate::progress::Observer;

/// Samples of a run: enough that they overlap.
const SAMPLES: usize = 4;

/// The processes of a streaming project side by side, at the depths of the project and at the least
/// ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NetworkVerdict {
    /// Samples of each run.
    pub samples: usize,
    /// Output values compared with the vectors, of both runs.
    pub compared: u64,
    /// Number of differing values.
    pub mismatches: u64,
}

/// Depths of FIFOs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Depths {
    /// Those of the project.
    Project,
    /// The least ones.
    Least,
    /// In the order of the manifest.
    Given(Vec<u64>),
}

impl fmt::Display for Depths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project => f.write_str("the project's depths"),
            Self::Least => f.write_str("the least depths"),
            Self::Given(depths) => write!(f, "the depths {depths:?}"),
        }
    }
}

/// A program that runs each process of a streaming project as a coroutine. Every read and write must
/// be the next that the manifest has for the process.
pub struct NetworkTest {
    bench: Bench,
    program: Program,
}

impl NetworkTest {
    /// Compiles the program for the streaming project in the folder `project`, with the built-in
    /// headers.
    ///
    /// # Errors
    /// See [`VerifyError`].
    pub fn compile(project: &Path) -> Result<Self, VerifyError> {
        let bench = Bench::new(project, &read_manifest(project)?, &Observer::default())?;
        let program = compile(&bench)?;
        Ok(Self { bench, program })
    }

    /// The project's manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.bench.manifest
    }

    /// Runs the testbench: all samples, the processes one after the other.
    ///
    /// # Errors
    /// Those of every program.
    pub fn testbench(&self) -> Result<Comparison, VerifyError> {
        self.bench.run(&self.program, [&self.bench.vectors()], self.bench.manifest.samples)
    }

    /// Runs the first `samples` samples at `depths`.
    ///
    /// # Errors
    /// [`VerifyError::Deadlock`] if the processes wait for one another, [`VerifyError::Schedule`] if
    /// one reads or writes otherwise than the manifest says, and those of every program.
    pub fn run(&self, depths: &Depths, samples: usize) -> Result<Comparison, VerifyError> {
        run(&self.bench, &self.program, depths, samples)
    }
}

#[derive(Template)]
#[template(path = "network_test.cpp")]
struct NetworkTestFile<'a> {
    manifest: &'a Manifest,
    /// The class template of streams.
    class: &'a str,
    /// Set if the arguments of the top function are streams, not arrays.
    has_stream_ports: bool,
}

/// Compiles the program that runs the testbench or, side by side, the processes of a project.
pub(super) fn compile(bench: &Bench) -> Result<Program, VerifyError> {
    let manifest = &bench.manifest;
    let class = backend::dialect(manifest.backend).vendor().stream;
    let has_stream_ports = manifest.processes.iter().any(|it| it.arguments.is_empty());
    let text =
        NetworkTestFile { manifest, class, has_stream_ports }.render().map_err(BackError::from)?;
    let source = bench.write("side_by_side.cpp", &text)?;
    let coroutines = bench.builtin().join("bitkiln_coroutine.cpp");
    bench.compile(&[source, coroutines], None, "side_by_side")
}

/// Runs the program at the project's depths and at the least ones.
pub(super) fn verdict(bench: &Bench, program: &Program) -> Result<NetworkVerdict, VerifyError> {
    let samples = SAMPLES.min(bench.manifest.samples);
    let mut verdict = NetworkVerdict { samples, compared: 0, mismatches: 0 };
    for depths in [Depths::Project, Depths::Least] {
        let Comparison { compared, mismatches, .. } = run(bench, program, &depths, samples)?;
        verdict.compared += compared;
        verdict.mismatches += mismatches;
    }
    Ok(verdict)
}

fn run(
    bench: &Bench,
    program: &Program,
    depths: &Depths,
    samples: usize,
) -> Result<Comparison, VerifyError> {
    let schedule = bench.write("schedule", &schedule(&bench.manifest, depths))?;
    let arguments = [schedule, samples.to_string().into(), bench.vectors()];
    let error = match bench.run(program, &arguments, samples) {
        Err(VerifyError::NoVerdict { status, log }) => {
            let last = log.lines().next_back().and_then(|line| line.strip_prefix("bitkiln: "));
            match last {
                Some(cycle) if cycle.starts_with("deadlock") => {
                    VerifyError::Deadlock { depths: depths.clone(), cycle: cycle.to_owned() }
                }
                Some(difference) if difference.starts_with("process '") => {
                    VerifyError::Schedule { difference: difference.to_owned() }
                }
                Some(_) | None => VerifyError::NoVerdict { status, log },
            }
        }
        other => return other,
    };
    Err(error)
}

/// The depths and the accesses of each process, as the program reads them.
fn schedule(manifest: &Manifest, depths: &Depths) -> String {
    let mut schedule = String::new();
    for (position, stream) in manifest.streams.iter().enumerate() {
        let depth = match depths {
            Depths::Project => stream.depth,
            Depths::Least => stream.least_depth,
            Depths::Given(depths) => depths.get(position).copied().unwrap_or(stream.depth),
        };
        schedule += &format!("channel {} {depth}\n", stream.name);
    }
    for process in &manifest.processes {
        schedule += &format!("process {}\n", process.name);
        // Manifests are checked when they are read.
        for step in text::parse(&process.iterations).unwrap_or_default() {
            schedule += &format!("{step}\n");
        }
    }
    schedule
}
