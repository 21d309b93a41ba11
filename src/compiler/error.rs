//! Errors of every stage.

use std::path::PathBuf;

use miette::Diagnostic;

use crate::back::{BackError, VerifyError};
use crate::config::ConfigError;
use crate::front::FrontError;
use crate::hls::HlsError;
use crate::ir::Invalid;
use crate::lower::LowerError;
use crate::naming::did_you_mean;
use crate::profile::ProfileError;
use crate::sim::SimError;

/// An error of the [`Compiler`](crate::Compiler), with what to do about it.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum CompileError {
    /// The configuration does not fit the model.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Config(#[from] ConfigError),
    /// The model or the samples cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Front(#[from] FrontError),
    /// The network cannot be lowered.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Lower(#[from] LowerError),
    /// A pass broke the graph.
    #[error(transparent)]
    #[diagnostic(help("this is a defect of Bitkiln: please report it with the model"))]
    Invalid(#[from] Invalid),
    /// The samples do not fit the network.
    #[error(transparent)]
    Sim(#[from] SimError),
    /// The network cannot be profiled.
    #[error("{error}")]
    #[diagnostic(forward(error))]
    Profile {
        /// The reason, which is larger than those of other stages.
        error: Box<ProfileError>,
    },
    /// The network does not become hardware with these options.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Hls(#[from] HlsError),
    /// The project cannot be written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Back(#[from] BackError),
    /// The project cannot be verified.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Verify(#[from] VerifyError),
    /// An input without samples.
    #[error("{source_name} has no array for input '{input}'")]
    #[diagnostic(help("it has: {known}; name each array after its input"))]
    MissingInput {
        /// The file, or `the samples`.
        source_name: String,
        /// The input.
        input: String,
        /// Names of the arrays that are there.
        known: String,
    },
    /// A sample that is no number.
    #[error("{source_name}: a value of '{input}' is NaN")]
    #[diagnostic(help("a fixed-point number is never NaN: clean the samples"))]
    NotANumber {
        /// The file, or `the samples`.
        source_name: String,
        /// The input.
        input: String,
    },
    /// Arrays of length 0.
    #[error("{source_name} has no samples")]
    #[diagnostic(help("give at least one, which the testbench can compare"))]
    NoSamples {
        /// The file, or `the samples`.
        source_name: String,
    },
    /// The model file cannot be read again for the manifest.
    #[error("{}: {source}", file.display())]
    #[diagnostic(help("leave the model file in place until the project is written"))]
    ModelSource {
        /// The file.
        file: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// Hardware computes other outputs than the network, which no pass may cause.
    #[error("the graph for hardware gives other outputs than the network")]
    #[diagnostic(help("this is a defect of Bitkiln: please report it with the model"))]
    OutputsDiffer,
    /// A pass that does not exist.
    #[error("there is no pass '{name}'{}", did_you_mean(*nearest))]
    #[diagnostic(help("the passes, in their order: {known}"))]
    UnknownPass {
        /// The name.
        name: String,
        /// The pass that is nearest in spelling.
        nearest: Option<&'static str>,
        /// All passes.
        known: String,
    },
}

impl From<ProfileError> for CompileError {
    fn from(error: ProfileError) -> Self {
        Self::Profile { error: Box::new(error) }
    }
}
