//! Configuration files in the keys of hls4ml.
//!
//! A configuration file is YAML, or JSON, which is a subset of it. It has the shape that hls4ml's
//! `convert_from_config` reads, or the shape that its `config_from_keras_model` returns: the part
//! under `HLSConfig` alone.
//!
//! ```
//! use bitkiln::config::{Config, Pace, Variable};
//!
//! let config = Config::parse(
//!     "
//! Backend: Vitis
//! ClockPeriod: 4
//! HLSConfig:
//!   Model: {Precision: 'fixed<16,6>', ReuseFactor: 1}
//!   LayerName:
//!     fc1: {Precision: {weight: 'fixed<8,2>'}, ReuseFactor: 4}
//! ",
//! )?;
//! assert_eq!(config.clock_period, Some(4.0));
//! assert_eq!(config.pace("fc1", "Dense"), Some(Pace::ReuseFactor(4)));
//! assert_eq!(config.precision_of("fc1", "Dense", Variable::Weight), "fixed<8,2>".parse().ok());
//! assert_eq!(config.precision_of("fc1", "Dense", Variable::Bias), "fixed<16,6>".parse().ok());
//! # Ok::<(), bitkiln::config::ConfigError>(())
//! ```
//!
//! An unsupported key of hls4ml that changes results is an error, unless it has hls4ml's default
//! value; one that changes none is noted. An unknown key is an error that names the nearest one.

mod clock;
mod error;
mod keys;
mod layers;
mod lookup;
mod notes;
mod project;
mod section;
mod tree;
mod write;

use std::path::{Path, PathBuf};

pub use clock::{ClockPeriod, ClockPeriodError, ClockUncertainty, SampleRate, SampleRateError};
pub use error::ConfigError;
pub use layers::Shared;
pub use lookup::{FusedEntry, LayerKey, SoftmaxKeys};
pub use notes::{Note, NoteKind};
pub use project::{IoType, Tool};
pub use section::{Pace, Recurrence, Strategy, Variable, WeightScale};
pub(crate) use write::{ConfiguredValue, with_values};

use section::{Section, Sections};

/// The settings of a configuration file. A field is `None` if the file does not set it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// HLS tool that the project is for.
    pub backend: Option<Tool>,
    /// Device, as the HLS tool spells it.
    pub part: Option<String>,
    /// Clock period in nanoseconds.
    pub clock_period: Option<f64>,
    /// Part of the clock period that synthesis leaves to placement and routing.
    pub clock_uncertainty: Option<ClockUncertainty>,
    /// Name of the project, a C++ identifier.
    pub project_name: Option<String>,
    /// Folder of the project.
    pub output_dir: Option<PathBuf>,
    /// Arrays or streams between layers.
    pub io_type: Option<IoType>,
    /// Keys without effect, and values that are taken as another one.
    pub notes: Vec<Note>,
    /// Settings of all layers.
    model: Section,
    /// Settings of the layers of one class, by the class.
    layer_types: Sections,
    /// Settings of single layers, by name.
    layer_names: Sections,
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// If the file cannot be read, and as [`Config::parse`]; the error names the file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = tree::read(path)?;
        Self::parse(&text)
            .map_err(|error| ConfigError::InFile { file: path.to_owned(), error: Box::new(error) })
    }

    /// Reads the text of a configuration file.
    ///
    /// # Errors
    /// If the text is no YAML, and for unknown and unsupported keys and values.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        project::read(&tree::parse(text)?)
    }
}

#[cfg(test)]
mod tests;
