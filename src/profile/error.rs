//! Errors of a profile.

use miette::Diagnostic;

use crate::config::ConfigError;
use crate::diagnostic::number;
use crate::fixed::FormatError;
use crate::float::FloatError;
use crate::lower::LowerError;
use crate::sim::SimError;

/// A network that cannot be profiled.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ProfileError {
    /// A width that is not tried.
    #[error("types of {bits} bit{}: the width is not in {narrowest} to {widest}", if *bits == 1 { "" } else { "s" })]
    #[diagnostic(help("choose a width in this range"))]
    Width {
        /// The width.
        bits: u32,
        /// The narrowest one.
        narrowest: u32,
        /// The widest one.
        widest: u32,
    },
    /// An error that is no positive number.
    #[error("the output error {} is not a positive number", number(*.0))]
    #[diagnostic(help("state the largest absolute error of an output: --max-error 0.01"))]
    ErrorGoal(f64),
    /// A share that is none.
    #[error("the agreement {} is not above 0 and at most 1", number(*.0))]
    #[diagnostic(help("state a share of the samples: --agreement 0.999"))]
    AgreementGoal(f64),
    /// Outputs without classes.
    #[error("no output has more than one element along its last axis, so that none is the largest")]
    #[diagnostic(help("state an error instead: --max-error 0.01"))]
    NoClasses,
    /// A goal that no type reaches.
    #[error("{goal} is not reached: {reached}")]
    #[diagnostic(help(
        "allow a larger error; quantizers, configured types and the tables of softmax keep theirs"
    ))]
    Unreached {
        /// The goal.
        goal: String,
        /// The widest types and their accuracy, in words.
        reached: String,
    },
    /// A layer that cannot be computed in float64.
    #[error("layer '{layer}' in float64: {error}")]
    #[diagnostic(help("this is a defect of Bitkiln: please report it with the model"))]
    Layer {
        /// The layer.
        layer: String,
        /// The reason.
        error: FloatError,
    },
    /// A parameter so large that no network can be built with it.
    #[error("layer '{layer}': its {parameter} has a value of {}: {error}", number(*value))]
    #[diagnostic(help(
        "types hold the largest value of a parameter: the training diverged or the file is damaged, so train \
         again or set this value to 0; or give '{layer}' a type in --config"
    ))]
    Outlier {
        /// The layer.
        layer: String,
        /// "weight", "bias" or "scale".
        parameter: &'static str,
        /// The value.
        value: f64,
        /// The reason.
        error: Box<LowerError>,
    },
    /// A sample that is NaN or infinite.
    #[error("a value of '{0}' is not finite")]
    #[diagnostic(help("clean the samples: types are sized by them"))]
    NotFinite(String),
    /// The network cannot be lowered with proposed types.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Lower(#[from] LowerError),
    /// The samples do not fit the network.
    #[error(transparent)]
    Sim(#[from] SimError),
    /// A type out of bounds.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The configuration that the types are added to.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Config(#[from] ConfigError),
}
