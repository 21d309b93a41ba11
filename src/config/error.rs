//! Errors of configuration files.

use std::path::PathBuf;

use crate::fixed::FormatError;
use crate::naming::did_you_mean;

/// An error of a configuration. Places are keys joined by dots:
/// `LayerName.fc1.Precision.weight`.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ConfigError {
    /// An error in a file.
    #[error("{}: {error}", file.display())]
    #[diagnostic(forward(error))]
    InFile {
        /// The configuration file.
        file: PathBuf,
        /// The error.
        error: Box<ConfigError>,
    },
    /// The file cannot be read.
    #[error("{}: {reason}", file.display())]
    #[diagnostic(help("--config takes a YAML or JSON file"))]
    Read {
        /// The configuration file.
        file: PathBuf,
        /// The operating system's error.
        reason: std::io::Error,
    },
    /// The file is larger than any configuration.
    #[error("{}: larger than {limit} bytes", file.display())]
    #[diagnostic(help("a configuration is a small YAML or JSON file: is this another file?"))]
    TooLarge {
        /// The configuration file.
        file: PathBuf,
        /// The largest size that is read.
        limit: u64,
    },
    /// Text that is neither YAML nor JSON, has a key twice, or nests too deeply.
    #[error("{0}")]
    #[diagnostic(help("a configuration is YAML or JSON, each key once; {TYPES_IN_BRACES}"))]
    Syntax(String),
    /// An unknown key.
    #[error("unknown key '{key}' {place}{}", did_you_mean(nearest.as_deref()))]
    #[diagnostic(help("{help}"))]
    UnknownKey {
        /// The key as the file spells it.
        key: String,
        /// The place of its mapping.
        place: String,
        /// The known key that is nearest in spelling.
        nearest: Option<&'static str>,
        /// The level that the key belongs to, or the keys of this one.
        help: String,
    },
    /// A key or value of hls4ml that is not supported.
    #[error("{place} is not supported")]
    #[diagnostic(help("{help}"))]
    Unsupported {
        /// The key's place, with the value if others are supported.
        place: String,
        /// The setting to write instead.
        help: String,
    },
    /// A text that is not one of the values of a key.
    #[error("{place}: unknown value '{value}'{}", did_you_mean(*nearest))]
    #[diagnostic(help("supported: {known}"))]
    UnknownValue {
        /// The key's place.
        place: String,
        /// The value as the file spells it.
        value: String,
        /// The known value that is nearest in spelling.
        nearest: Option<&'static str>,
        /// All values.
        known: String,
    },
    /// A value of another kind than the key takes.
    #[error("{place}: expected {expected}, found {found}")]
    #[diagnostic(help("write {expected}"))]
    Kind {
        /// The key's place.
        place: String,
        /// The kind that the key takes.
        expected: &'static str,
        /// The value in the file.
        found: String,
    },
    /// A text that is not a type.
    #[error("{place}: {source}")]
    #[diagnostic(help(
        "types are spelled as in hls4ml: fixed<16,6>, ufixed<8,0>, ap_fixed<16,6,AP_RND,AP_SAT>, int<4>"
    ))]
    Type {
        /// The key's place.
        place: String,
        /// The error in the type.
        source: FormatError,
    },
    /// A setting under two names.
    #[error("{first} and {second} are the same setting")]
    #[diagnostic(help("remove one of them"))]
    Twice {
        /// One place.
        first: String,
        /// The other one.
        second: String,
    },
    /// A key of `HLSConfig` beside it.
    #[error("'{0}' is beside HLSConfig; hls4ml reads it inside only")]
    #[diagnostic(help("move it into HLSConfig"))]
    BesideHls(String),
    /// `LayerName` names a layer that the model does not have.
    #[error("LayerName.{name}: the model has no such layer{}", did_you_mean(nearest.as_deref()))]
    #[diagnostic(help("its layers are: {known}"))]
    UnknownLayer {
        /// The name in the file.
        name: String,
        /// The layer that is nearest in spelling.
        nearest: Option<String>,
        /// All layers.
        known: String,
    },
    /// `LayerType` names a class that Keras, QKeras and the model do not have.
    #[error("LayerType.{class}: there is no such class of layers{}", did_you_mean(nearest.as_deref()))]
    #[diagnostic(help("the model's classes are: {known}"))]
    UnknownClass {
        /// The class in the file.
        class: String,
        /// The class that is nearest in spelling.
        nearest: Option<String>,
        /// The model's classes.
        known: String,
    },
}

/// Help for a type that YAML splits at its comma.
pub(super) const TYPES_IN_BRACES: &str =
    "inside of braces, quote a type that has a comma: 'fixed<16,6>'";
