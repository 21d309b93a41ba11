//! What a user may set, in the words of hls4ml.
//!
//! A configuration file is YAML, or JSON, which is a subset of it. It has the shape that hls4ml's
//! `convert_from_config` reads, or the shape that its `config_from_keras_model` returns: the part
//! under `HLSConfig` alone.
//!
//! ```
//! use bitkiln::config::{Config, Variable};
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
//! assert_eq!(config.reuse_factor("fc1", "Dense"), Some(4));
//! assert_eq!(config.precision_of("fc1", "Dense", Variable::Weight), "fixed<8,2>".parse().ok());
//! assert_eq!(config.precision_of("fc1", "Dense", Variable::Bias), "fixed<16,6>".parse().ok());
//! # Ok::<(), bitkiln::config::ConfigError>(())
//! ```
//!
//! Nothing is dropped in silence. A key that hls4ml knows and Bitkiln does not implement is an
//! error, unless its value is the one that hls4ml writes by itself and that means "off"; a key
//! that neither knows is an error that names the nearest known one.

mod backend;
mod error;
mod keys;
mod lookup;
mod node;
mod project;
mod settings;
mod strategy;
mod yaml;

use std::path::{Path, PathBuf};

pub use backend::Backend;
pub use error::ConfigError;
pub use lookup::SoftmaxSettings;
pub use project::ClockUncertainty;
pub use settings::Variable;
pub use strategy::Strategy;

use settings::{Scopes, Settings};

/// What a configuration file says. A field is `None` where the file says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// Whose tool the project is for.
    pub backend: Option<Backend>,
    /// The device, as the vendor's tool spells it.
    pub part: Option<String>,
    /// In nanoseconds.
    pub clock_period: Option<f64>,
    /// What synthesis leaves of the clock period to placement and routing.
    pub clock_uncertainty: Option<ClockUncertainty>,
    /// The project's name, a C++ identifier.
    pub project_name: Option<String>,
    /// Where the project goes.
    pub output_dir: Option<PathBuf>,
    /// Settings of all layers.
    model: Settings,
    /// Settings of the layers of one class, by the class.
    layer_types: Scopes,
    /// Settings of single layers, by name.
    layer_names: Scopes,
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// If the file cannot be read, and as [`Config::parse`]; the error names the file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = yaml::read(path)?;
        Self::parse(&text)
            .map_err(|error| ConfigError::InFile { file: path.to_owned(), error: Box::new(error) })
    }

    /// Reads the text of a configuration file.
    ///
    /// # Errors
    /// If the text is no YAML, and for every key or value that has no meaning here.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        project::read(&yaml::parse(text)?)
    }
}

#[cfg(test)]
mod tests;
