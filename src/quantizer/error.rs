//! What can go wrong with a quantizer.

use crate::fixed::FormatError;
use crate::naming::did_you_mean;

/// A quantizer that cannot do what is asked of it.
#[derive(Clone, Debug, PartialEq, thiserror::Error, miette::Diagnostic)]
pub enum QuantizerError {
    /// A parameter is no number.
    #[error("the weight at {index:?} is {value}")]
    #[diagnostic(help("the training has diverged; save the model from an earlier epoch"))]
    Weight {
        /// Its position.
        index: Vec<usize>,
        /// Not finite.
        value: f32,
    },
    /// The scale that a quantizer computes from its parameters overflows float32.
    #[error("the scale of {quantizer} overflows float32 on these weights")]
    #[diagnostic(help("QKeras computes NaN here; the weights are too large"))]
    Scale {
        /// As QKeras writes it.
        quantizer: String,
    },
    /// Weights over which the scales cannot be spread as the quantizer states.
    #[error("{quantizer} on weights of shape {shape:?}: {reason}")]
    #[diagnostic(help("QKeras refuses this too; is it the quantizer of another layer?"))]
    Scales {
        /// As QKeras writes it.
        quantizer: String,
        /// The shape of the weights.
        shape: Vec<usize>,
        /// Why not.
        reason: String,
    },
    /// An attribute of a computed scale where nothing is computed.
    #[error("{quantizer} outside of a kernel: {attribute} acts beside alpha='auto_po2' only")]
    #[diagnostic(help(
        "QKeras refuses this too; state alpha='auto_po2', or leave {attribute} out"
    ))]
    Po2Only {
        /// As QKeras writes it.
        quantizer: String,
        /// The attribute.
        attribute: &'static str,
    },
    /// A scale for each channel, and nothing that says which channel is meant.
    #[error("{quantizer} is another quantizer for each channel")]
    #[diagnostic(help("state one of its scales as a number"))]
    PerChannel {
        /// As QKeras writes it.
        quantizer: String,
    },
    /// Scales that do not spread over the samples that flow.
    #[error(
        "{quantizer} on samples of shape {shape:?}: its scales have the shape {scales:?}, which does \
         not spread over them"
    )]
    #[diagnostic(help("give it one scale, or one for each place on the last axis"))]
    Spread {
        /// As QKeras writes it.
        quantizer: String,
        /// The shape of the scales.
        scales: Vec<usize>,
        /// The shape of a sample.
        shape: Vec<usize>,
    },
    /// A scale that no hardware can know beforehand.
    #[error("{quantizer} as an activation: its scale depends on all values of a batch")]
    #[diagnostic(help("state alpha as a number, or leave it out"))]
    DataDependent {
        /// As QKeras writes it.
        quantizer: String,
    },
    /// QKeras itself refuses the combination.
    #[error("{quantizer} in a kernel: QKeras takes no threshold where alpha is computed")]
    #[diagnostic(help("state alpha as a number, or leave the threshold out"))]
    Threshold {
        /// As QKeras writes it.
        quantizer: String,
    },
    /// No fixed-point type is that wide.
    #[error("{quantizer}: {source}")]
    Format {
        /// As QKeras writes it.
        quantizer: String,
        /// What is wrong with the type.
        source: FormatError,
    },
}

/// Text or parameters that state no quantizer which Bitkiln has.
#[derive(Clone, Debug, PartialEq, thiserror::Error, miette::Diagnostic)]
pub enum ParseError {
    /// Not of the form `name(value, attribute=value)`.
    #[error("cannot read '{text}' as a quantizer: {reason}")]
    #[diagnostic(help("write it as a call, for example quantized_bits(6, 0, alpha=1.0)"))]
    Syntax {
        /// What stands there.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// QKeras does not have it.
    #[error("QKeras has no quantizer '{name}'{}", did_you_mean(*nearest))]
    #[diagnostic(help("supported are {}", super::registry::names().join(", ")))]
    Unknown {
        /// The name that stands there.
        name: String,
        /// A known name that looks like it.
        nearest: Option<&'static str>,
    },
    /// The quantizer has no such attribute.
    #[error("{quantizer} has no attribute '{attribute}'{}", did_you_mean(*nearest))]
    Attribute {
        /// The quantizer's name.
        quantizer: &'static str,
        /// What stands there.
        attribute: String,
        /// One of its attributes that looks like it.
        nearest: Option<&'static str>,
    },
    /// More values than attributes.
    #[error("{quantizer} takes at most {allowed} values, not {given}")]
    TooMany {
        /// The quantizer's name.
        quantizer: &'static str,
        /// Values given.
        given: usize,
        /// Attributes it has.
        allowed: usize,
    },
    /// An attribute stated twice.
    #[error("{quantizer}: {attribute} is stated twice")]
    Twice {
        /// The quantizer's name.
        quantizer: &'static str,
        /// The attribute.
        attribute: &'static str,
    },
    /// A value that the attribute cannot have.
    #[error("{quantizer}: {attribute}={value}, but it must be {expected}")]
    Value {
        /// The quantizer's name.
        quantizer: &'static str,
        /// The attribute.
        attribute: &'static str,
        /// What stands there.
        value: String,
        /// What could stand there.
        expected: String,
    },
    /// A value that QKeras takes, and that changes the result in a way which Bitkiln does not
    /// compute.
    #[error("{quantizer}: {attribute}={value} is not supported yet by Bitkiln")]
    Unsupported {
        /// The quantizer's name.
        quantizer: &'static str,
        /// The attribute.
        attribute: &'static str,
        /// What stands there.
        value: String,
    },
}
