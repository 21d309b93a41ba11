//! What can be wrong with a configuration file.

use std::path::PathBuf;

use crate::fixed::FormatError;
use crate::naming::did_you_mean;

/// A configuration that Bitkiln cannot follow. Places are written as keys joined by dots:
/// `LayerName.fc1.Precision.weight`.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ConfigError {
    /// The file behind an error.
    #[error("{}: {error}", file.display())]
    #[diagnostic(forward(error))]
    InFile {
        /// The configuration file.
        file: PathBuf,
        /// What is wrong in it.
        error: Box<ConfigError>,
    },
    /// The file cannot be read.
    #[error("{}: {reason}", file.display())]
    #[diagnostic(help("--config takes a YAML or JSON file"))]
    Read {
        /// The configuration file.
        file: PathBuf,
        /// The operating system's words.
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
    /// Neither YAML nor JSON, or with the same key twice, or nested too deeply.
    #[error("{0}")]
    #[diagnostic(help("a configuration is YAML or JSON, each key once; {TYPES_IN_BRACES}"))]
    Syntax(String),
    /// A key that nobody knows.
    #[error("unknown key '{key}' {place}{}", did_you_mean(nearest.as_deref()))]
    #[diagnostic(help("{help}"))]
    UnknownKey {
        /// The key as the file spells it.
        key: String,
        /// Where it stands.
        place: String,
        /// The known key that is nearest in spelling.
        nearest: Option<&'static str>,
        /// Where such a key belongs, or which keys there are.
        help: String,
    },
    /// A key or value that hls4ml knows and Bitkiln does not implement.
    #[error("{place} is known to hls4ml, not supported yet")]
    #[diagnostic(help("{help}"))]
    Unsupported {
        /// The key's place, with the value where only that value is not supported.
        place: String,
        /// What to write instead.
        help: String,
    },
    /// A key that hls4ml knows and that has no meaning here.
    #[error("{place} has no place in Bitkiln: {reason}")]
    #[diagnostic(help("remove the key"))]
    NeedsNone {
        /// The key's place.
        place: String,
        /// What stands in its stead.
        reason: &'static str,
    },
    /// A text that is none of the few that a key takes.
    #[error("{place}: unknown value '{value}'{}", did_you_mean(*nearest))]
    #[diagnostic(help("it takes: {known}"))]
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
    /// A list where a number is meant, and the like.
    #[error("{place}: {expected} is expected, not {found}")]
    #[diagnostic(help("write {expected}"))]
    Kind {
        /// The key's place.
        place: String,
        /// What the key takes.
        expected: &'static str,
        /// What the file has.
        found: String,
    },
    /// A text that names no type.
    #[error("{place}: {source}")]
    #[diagnostic(help(
        "types are spelled as in hls4ml: fixed<16,6>, ufixed<8,0>, ap_fixed<16,6,AP_RND,AP_SAT>, int<4>"
    ))]
    Type {
        /// The key's place.
        place: String,
        /// What is wrong with the type.
        source: FormatError,
    },
    /// Modes of an input's type that are not those by which samples become its numbers.
    #[error(
        "the type of input '{layer}': samples are rounded half to even and saturated, not as {modes} say"
    )]
    #[diagnostic(help("write the type without modes, or with RND_CONV,SAT"))]
    InputModes {
        /// The input.
        layer: String,
        /// The modes.
        modes: String,
    },
    /// The same thing set twice under two names.
    #[error("{first} and {second} say the same thing twice")]
    #[diagnostic(help("remove one of them"))]
    Twice {
        /// One place.
        first: String,
        /// The other one.
        second: String,
    },
    /// A key of `HLSConfig` stands beside it.
    #[error("'{0}' stands beside HLSConfig, where hls4ml does not look for it")]
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

/// What to do about a type that YAML takes apart.
pub(super) const TYPES_IN_BRACES: &str =
    "inside of braces a type with a comma needs quotes: 'fixed<16,6>'";
