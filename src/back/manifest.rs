//! `bitkiln.json`: the origin of a project, and the size of its test.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::dialect::Dialect;
use super::files::File;
use super::{BackError, Tool};
use crate::fixed::{Quantization, Range};
use crate::hls::estimate::Resources;
use crate::hls::network::text;
use crate::hls::{Design, DesignWarning, Edge, EdgeId, EdgeKind, Operations, Options, Process};

/// The manifest's path in a project.
pub(super) const NAME: &str = "bitkiln.json";

/// The generator that a manifest names.
const GENERATOR: &str = "bitkiln";

/// The layout of manifests that this version writes and reads.
const LAYOUT: u32 = 1;

/// The model file that a project was built from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelSource {
    /// The file's name, without folders.
    pub file: String,
    /// SHA-256 of its bytes, or of those of all files of a folder in the order of their paths, in
    /// hexadecimal.
    pub sha256: String,
}

impl ModelSource {
    /// Describes the model file at `path` that holds `contents`.
    pub fn new(path: &Path, contents: &[u8]) -> Self {
        let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let sha256 = Sha256::digest(contents).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { file, sha256 }
    }
}

/// An argument of the top function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// The model's input or output layer.
    pub layer: String,
    /// The argument's name in C++, and that of its file in `tb_data`.
    pub name: String,
    /// The elements' type.
    #[serde(rename = "type")]
    pub element: Quantization,
    /// Elements along each axis of one sample.
    pub shape: Vec<usize>,
}

impl Port {
    /// Number of elements of one sample.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Tells whether a sample has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A type of the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeEntry {
    /// Its name in C++.
    pub name: String,
    /// Format, rounding and overflow mode.
    #[serde(rename = "type")]
    pub quantization: Quantization,
    /// The layer that it belongs to.
    pub layer: String,
    /// Its contents.
    pub holds: String,
    /// The proven range of codes: decimal strings.
    pub codes: Range,
}

/// A FIFO of the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamEntry {
    /// Its name in C++.
    pub name: String,
    /// The C++ type of its words.
    pub token: String,
    /// Width of a word in bits.
    pub bits: u64,
    /// Words of a sample.
    pub tokens: usize,
    /// Its depth in the project.
    pub depth: u64,
    /// The least depth: one slot less, and the network deadlocks.
    pub least_depth: u64,
}

/// A process of the project, or the environment's for an argument of the top function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessEntry {
    /// Its C++ function; for a process of the environment, the argument that it writes or reads.
    pub name: String,
    /// The function's arguments: streams, or an array that is one of the top function; none for a
    /// process of the environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// Set if the argument `reset` of the top function follows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub takes_reset: bool,
    /// Its reads and writes in a sample, as [`text`] has them.
    pub iterations: String,
}

/// The contents of `bitkiln.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always `bitkiln`.
    pub generator: String,
    /// The layout of this file.
    pub layout: u32,
    /// The version that wrote the project.
    pub version: String,
    /// The top function.
    pub name: String,
    /// The dialect.
    pub backend: Tool,
    /// The model file, where there was one.
    pub model: Option<ModelSource>,
    /// The choices about the hardware.
    pub options: Options,
    /// The top function's input arguments.
    pub inputs: Vec<Port>,
    /// The top function's output arguments.
    pub outputs: Vec<Port>,
    /// Number of samples of the vectors.
    pub samples: usize,
    /// Clock cycles between two samples.
    pub initiation_interval: u64,
    /// Largest number of multipliers.
    pub multipliers: u64,
    /// Clock cycles from the first input of a sample to its last output, estimated.
    #[serde(default)]
    pub latency: u64,
    /// Estimated resources.
    #[serde(default)]
    pub resources: Resources,
    /// Arithmetic operations for one sample.
    #[serde(default)]
    pub operations: Operations,
    /// Every type.
    pub types: Vec<TypeEntry>,
    /// The FIFOs of a streaming design.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<StreamEntry>,
    /// The processes of a streaming design, and those of its environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub processes: Vec<ProcessEntry>,
    /// Problems to expect in synthesis.
    #[serde(alias = "findings")]
    pub warnings: Vec<String>,
    /// Every other file of the project.
    pub files: Vec<String>,
}

impl Manifest {
    pub(super) fn new(
        design: &Design,
        dialect: &dyn Dialect,
        samples: usize,
        model: Option<&ModelSource>,
        files: &[File],
    ) -> Self {
        let port = |edge: &EdgeId| {
            let edge = &design[*edge];
            Port {
                layer: edge.layer.clone(),
                name: edge.name.clone(),
                element: design[edge.element].quantization,
                shape: edge.shape.clone(),
            }
        };
        let types = design.types.iter().map(|ty| TypeEntry {
            name: ty.name.clone(),
            quantization: ty.quantization,
            layer: ty.layer.clone(),
            holds: ty.holds.to_owned(),
            codes: ty.range.clone(),
        });
        let network = design.network.as_ref();
        let streams = network.iter().flat_map(|network| network.channels());
        let edge = |name: &str| design.edges.iter().find(|edge| edge.name == name);
        let streams = streams.filter_map(|channel| {
            let edge = edge(&channel.name)?;
            let EdgeKind::Stream(stream) = edge.kind else { return None };
            let words = design[stream.token].words().zip(stream.word_bits(design));
            Some(edge.names().zip(words).map(move |(name, ((word, _), bits))| StreamEntry {
                name: name.to_owned(),
                token: word.to_owned(),
                bits,
                tokens: stream.tokens,
                depth: stream.depth,
                least_depth: stream.least_depth,
            }))
        });
        let processes = network.iter().flat_map(|network| {
            network.processes().iter().map(|process| {
                let function = design.processes.iter().find(|it| it.name == process.name);
                let edges = function.iter().flat_map(|it| it.inputs.iter().chain(&it.outputs));
                let steps = process.steps(|channel| {
                    let edge = edge(&network.channels()[channel.0].name);
                    edge.into_iter().flat_map(Edge::names).map(str::to_owned).collect()
                });
                ProcessEntry {
                    name: process.name.clone(),
                    arguments: edges
                        .flat_map(|it| design[*it].names())
                        .map(str::to_owned)
                        .collect(),
                    takes_reset: function.is_some_and(Process::takes_reset),
                    iterations: text::write(&steps),
                }
            })
        });
        let estimate = design.estimate();
        Self {
            generator: GENERATOR.to_owned(),
            layout: LAYOUT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            name: design.name.clone(),
            backend: dialect.vendor().tool,
            model: model.cloned(),
            options: design.options.clone(),
            inputs: design.inputs.iter().map(port).collect(),
            outputs: design.outputs.iter().map(port).collect(),
            samples,
            initiation_interval: design.schedule.initiation_interval,
            multipliers: design.schedule.multipliers,
            latency: estimate.latency,
            resources: estimate.total,
            operations: design.operations(),
            types: types.collect(),
            streams: streams.flatten().collect(),
            processes: processes.collect(),
            warnings: design.warnings.iter().map(DesignWarning::to_string).collect(),
            files: files.iter().map(|file| file.path.clone()).collect(),
        }
    }

    pub(super) fn to_json(&self) -> Result<String, BackError> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// A sentence that says why `text` is no manifest of Bitkiln.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let manifest: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if manifest.generator != GENERATOR {
            return Err(format!("it was written by '{}'", manifest.generator));
        }
        if manifest.layout != LAYOUT {
            return Err(format!("its layout is {}, known is {LAYOUT}", manifest.layout));
        }
        // Names become paths and arguments of a compiler.
        if crate::hls::Design::project_name(&manifest.name) != manifest.name {
            return Err(format!("'{}' is no name of a project", manifest.name));
        }
        manifest.check_network()?;
        Ok(manifest)
    }

    /// Checks the names of streams and processes, which become C++.
    fn check_network(&self) -> Result<(), String> {
        let is_identifier = |name: &str| {
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
            name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_part)
        };
        let has_stream = |name: &String| self.is_stream(name);
        for stream in &self.streams {
            if !is_identifier(&stream.name) || !is_identifier(&stream.token) {
                return Err(format!("'{}' of '{}' is no stream", stream.name, stream.token));
            }
        }
        for process in &self.processes {
            let name = &process.name;
            let is_port = || self.port(process).is_some();
            if !is_identifier(name) || process.arguments.is_empty() && !is_port() {
                return Err(format!("'{name}' is no process"));
            }
            let steps = text::parse(&process.iterations);
            let steps = steps.map_err(|error| format!("process '{name}': {error}"))?;
            let accesses = steps.iter().flat_map(|step| &step.accesses);
            let arrays = process.arguments.iter().filter(|it| !has_stream(it));
            let is_known = |array: &&String| self.argument(array).is_some();
            let (known, unknown): (Vec<_>, Vec<_>) = arrays.partition(is_known);
            let mut streams = accesses.map(|access| &access.channel).filter(|it| !has_stream(it));
            if let Some(unknown) = streams.next().or(unknown.first().copied()) {
                return Err(format!("process '{name}': there is no stream '{unknown}'"));
            }
            if known.len() > 1 || !known.is_empty() && process.arguments.len() < 2 {
                return Err(format!(
                    "process '{name}' is no process between an array and a stream"
                ));
            }
        }
        Ok(())
    }

    /// The argument of the top function that a process of the environment writes or reads, with its
    /// stream. True for an input.
    pub(super) fn port(&self, process: &ProcessEntry) -> Option<(&Port, &StreamEntry, bool)> {
        if !process.arguments.is_empty() {
            return None;
        }
        let stream = self.streams.iter().find(|stream| stream.name == process.name)?;
        let (port, is_input) = self.argument(&process.name)?;
        Some((port, stream, is_input))
    }

    /// The array of the top function that a process reads or writes, and the words of its streams. True
    /// for an input.
    pub(super) fn array(&self, process: &ProcessEntry) -> Option<(&Port, &str, bool)> {
        let array = process.arguments.iter().find(|name| !self.is_stream(name))?;
        let mut streams = self.streams.iter();
        let stream = streams.find(|stream| process.arguments.contains(&stream.name))?;
        let (port, is_input) = self.argument(array)?;
        Some((port, &stream.token, is_input))
    }

    /// Tells whether `name` is a stream.
    pub(super) fn is_stream(&self, name: &str) -> bool {
        self.streams.iter().any(|stream| stream.name == name)
    }

    /// The argument `name` of the top function. True for an input.
    fn argument(&self, name: &str) -> Option<(&Port, bool)> {
        let inputs = self.inputs.iter().map(|port| (port, true));
        let mut ports = inputs.chain(self.outputs.iter().map(|port| (port, false)));
        ports.find(|(port, _)| port.name == name)
    }

    /// Number of output values that a run of `samples` samples compares.
    pub fn values(&self, samples: usize) -> u64 {
        let per_sample: usize = self.outputs.iter().map(Port::len).sum();
        (per_sample * samples) as u64
    }
}
