//! Errors of quantizers.

use std::fmt;

use crate::fixed::FormatError;
use crate::naming::did_you_mean;

/// A quantizer that cannot be applied or built.
#[derive(Clone, Debug, PartialEq, thiserror::Error, miette::Diagnostic)]
pub enum QuantizerError {
    /// A parameter is NaN or infinite.
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
    /// Scales that do not fit the shape of the weights.
    #[error("{quantizer} on weights of shape {shape:?}: {reason}")]
    #[diagnostic(help("QKeras rejects this too; is it the quantizer of another layer?"))]
    Scales {
        /// As QKeras writes it.
        quantizer: String,
        /// The shape of the weights.
        shape: Vec<usize>,
        /// The reason.
        reason: String,
    },
    /// An attribute of a computed scale on a quantizer without one.
    #[error("{quantizer} outside of a kernel: {attribute} requires alpha='auto_po2'")]
    #[diagnostic(help("QKeras rejects this too; set alpha='auto_po2' or remove {attribute}"))]
    Po2Only {
        /// As QKeras writes it.
        quantizer: String,
        /// The attribute.
        attribute: &'static str,
    },
    /// A scale for each channel, applied to a value of unknown channel.
    #[error("{quantizer} has a scale for each channel")]
    #[diagnostic(help("set alpha to one number"))]
    PerChannel {
        /// As QKeras writes it.
        quantizer: String,
    },
    /// Scales that do not broadcast over the samples of an activation.
    #[error(
        "{quantizer} on samples of shape {shape:?}: its scales have the shape {scales:?}, which does \
         not broadcast to theirs"
    )]
    #[diagnostic(help("set one scale, or one for each element of the last axis"))]
    Broadcast {
        /// As QKeras writes it.
        quantizer: String,
        /// The shape of the scales.
        scales: Vec<usize>,
        /// The shape of a sample.
        shape: Vec<usize>,
    },
    /// A scale that is computed from activations.
    #[error("{quantizer} as an activation: its scale depends on all values of a batch")]
    #[diagnostic(help("set alpha to a number, or remove it"))]
    DataDependent {
        /// As QKeras writes it.
        quantizer: String,
    },
    /// A combination that QKeras rejects.
    #[error("{quantizer} in a kernel: QKeras accepts no threshold if alpha is computed")]
    #[diagnostic(help("set alpha to a number, or remove the threshold"))]
    Threshold {
        /// As QKeras writes it.
        quantizer: String,
    },
    /// A fixed-point type that is too wide.
    #[error("{quantizer}: {source}")]
    Format {
        /// As QKeras writes it.
        quantizer: String,
        /// The error of the type.
        source: FormatError,
    },
}

impl QuantizerError {
    pub(super) fn scales(quantizer: &dyn fmt::Display, shape: &[usize], reason: String) -> Self {
        Self::Scales { quantizer: quantizer.to_string(), shape: shape.to_vec(), reason }
    }
}

/// Text or parameters that are no supported quantizer.
#[derive(Clone, Debug, PartialEq, thiserror::Error, miette::Diagnostic)]
pub enum ParseError {
    /// Not of the form `name(value, attribute=value)`.
    #[error("cannot read '{text}' as a quantizer: {reason}")]
    #[diagnostic(help("write it as a call, for example quantized_bits(6, 0, alpha=1.0)"))]
    Syntax {
        /// The text.
        text: String,
        /// The reason.
        reason: String,
    },
    /// An unknown quantizer.
    #[error("QKeras has no quantizer '{name}'{}", did_you_mean(*nearest))]
    #[diagnostic(help("supported are {}", super::registry::names().join(", ")))]
    Unknown {
        /// The unknown name.
        name: String,
        /// The known name nearest in spelling.
        nearest: Option<&'static str>,
    },
    /// The quantizer has no such attribute.
    #[error("{quantizer} has no attribute '{attribute}'{}", did_you_mean(*nearest))]
    Attribute {
        /// The quantizer's name.
        quantizer: &'static str,
        /// The unknown name.
        attribute: String,
        /// The known attribute nearest in spelling.
        nearest: Option<&'static str>,
    },
    /// More values than attributes.
    #[error("{quantizer} takes at most {allowed} values, not {given}")]
    TooMany {
        /// The quantizer's name.
        quantizer: &'static str,
        /// Number of values given.
        given: usize,
        /// Number of attributes.
        allowed: usize,
    },
    /// An attribute that is stated twice.
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
        /// The value, as Python writes it.
        value: String,
        /// The values that are accepted.
        expected: String,
    },
    /// A value that QKeras accepts and Bitkiln does not support.
    #[error("{quantizer}: {attribute}={value} is not supported")]
    Unsupported {
        /// The quantizer's name.
        quantizer: &'static str,
        /// The attribute.
        attribute: &'static str,
        /// The value, as Python writes it.
        value: String,
    },
}
