//! `bitkiln.json`: the origin of a project, and the size of its test.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::dialect::Dialect;
use super::files::File;
use super::{BackError, Tool};
use crate::fixed::{Quantization, Range};
use crate::hls::estimate::Resources;
use crate::hls::{Design, DesignWarning, EdgeId, Operations, Options};

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
        Ok(manifest)
    }

    /// Number of output values that a run compares.
    pub fn values(&self) -> u64 {
        let per_sample: usize = self.outputs.iter().map(Port::len).sum();
        (per_sample * self.samples) as u64
    }
}
