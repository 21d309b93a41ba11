//! QTools without TensorFlow: QKeras' data type map, energy model and statistics, and what Bitkiln proves
//! beside them.
//!
//! QTools derives worst-case types from the quantizers alone. It reads the [`crate::model::Model`], not
//! the graph of integers, from which only shapes and the proven types come. `docs/qtools.md` lists where
//! QTools fails or contradicts itself, and what holds here instead.

mod data_type;
mod energy;
mod export;
mod forgiving;
mod fused;
mod graph;
mod json;
pub mod operators;
mod parameters;
mod process;
mod proven;
mod source;
mod stats;
#[cfg(test)]
mod tests;
mod types;

use std::str::FromStr;

pub use data_type::{DataType, Form, MaxValue, Sign};
pub use energy::{Costs, Energy, LayerEnergy, Memories, Memory, Profile};
pub use export::{Export, Integers, LayerExport, ParameterExport};
pub use forgiving::{AssumedBits, Bits, Comparison, Forgiveness};
pub use fused::FusedNorm;
pub use process::{HOROWITZ, Polynomial, Process, ProcessError};
pub use proven::{Proven, ProvenMap, Saved};
pub use source::{Source, source_types};
pub use stats::{LayerOperations, Mode, Statistics, SummaryRow};
pub use types::{LayerTypes, Operators, TypeMap};

use crate::quantizer::{ParseError, Quantizer, QuantizerError};

/// Choices for a type map.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Types of the model's inputs, in its order: [`source_types`].
    pub sources: Vec<DataType>,
    /// Type of parameters of Keras' layers: QTools' `keras_quantizer`.
    pub parameter: DataType,
    /// Type of sums and results of Keras' layers: QTools' `keras_accumulator`.
    pub accumulator: DataType,
    /// The map of the reference model, which ignores all quantizers: QTools' `for_reference`.
    pub is_reference: bool,
    /// Knowledge of trained parameters.
    pub parameters: Parameters,
    /// The types of inference in hardware: batch normalizations are fused into the convolutions before
    /// them, and the scales of `alpha='auto_po2'` are known. QTools' `hw_weight_dict`; not for a reference
    /// model.
    pub is_fused: bool,
}

/// Knowledge of trained parameters: QTools' `is_inference`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parameters {
    /// Types alone.
    #[default]
    Typed,
    /// The values of powers of two are known, which makes shifts by them cheaper.
    Trained,
}

impl Default for Options {
    /// `fp32` for layers of Keras, and no inputs.
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            parameter: DataType::float(32),
            accumulator: DataType::float(32),
            is_reference: false,
            parameters: Parameters::Typed,
            is_fused: false,
        }
    }
}

impl FromStr for DataType {
    type Err = DataTypeError;

    /// Reads `fp16`, `fp32`, `int8`, `int16`, `int32`, or a quantizer.
    fn from_str(text: &str) -> Result<Self, DataTypeError> {
        let signed = |bits, int_bits| Self::fixed(bits, int_bits, Sign::Flag(true));
        Ok(match text {
            "fp16" => Self::float(16),
            "fp32" => Self::float(32),
            "int8" => signed(8, 0),
            "int16" => signed(16, 7),
            "int32" => signed(32, 10),
            _ => {
                let quantizer: Quantizer = text.parse()?;
                let real = || DataTypeError::Real { quantizer: quantizer.to_string() };
                Self::of_quantizer(&quantizer).ok_or_else(real)?
            }
        })
    }
}

/// A text that is not a type.
#[derive(Clone, Debug, PartialEq, thiserror::Error, miette::Diagnostic)]
pub enum DataTypeError {
    /// Not a quantizer.
    #[error(transparent)]
    #[diagnostic(help(
        "write fp16, fp32, int8, int16, int32, or a quantizer such as 'quantized_bits(8,0,1)'"
    ))]
    Quantizer(#[from] ParseError),
    /// A function that does not quantize.
    #[error("{quantizer} does not quantize, so that its values have no type")]
    #[diagnostic(help(
        "write fp16, fp32, int8, int16, int32, or a quantizer such as 'quantized_bits(8,0,1)'"
    ))]
    Real {
        /// The function.
        quantizer: String,
    },
}

/// A model that has no type map.
#[derive(Clone, Debug, PartialEq, thiserror::Error, miette::Diagnostic)]
pub enum QtoolsError {
    /// Types for another number of inputs.
    #[error("{found} types are stated for {inputs} inputs")]
    #[diagnostic(help("state a type for each input, in the model's order"))]
    Sources {
        /// Number of types.
        found: usize,
        /// Number of inputs of the model.
        inputs: usize,
    },
    /// A type of an input that the model does not have.
    #[error("the model has no input '{name}', whose type is stated")]
    #[diagnostic(help("inputs: {known}"))]
    Input {
        /// The name.
        name: String,
        /// The model's inputs.
        known: String,
    },
    /// A layer without a result in the graph of integers.
    #[error("layer '{layer}' has no result of its own, and so no shape")]
    NoResult {
        /// The layer.
        layer: String,
    },
    /// A layer that reads nothing.
    #[error("layer '{layer}' reads no tensor, so that QTools has no type for it")]
    NoOperand {
        /// The layer.
        layer: String,
    },
    /// A quantizer that cannot act on a parameter.
    #[error("layer '{layer}': {variable}: {error}")]
    Quantizer {
        /// The layer.
        layer: String,
        /// The variable of Keras.
        variable: &'static str,
        /// The reason.
        error: Box<QuantizerError>,
    },
    /// Quantized values that take more than 64 bits as integers.
    #[error("layer '{layer}': {variable} takes more than 64 bits as integers")]
    #[diagnostic(help("give the parameter a quantizer with fewer bits, or with a scale of 1"))]
    TooWide {
        /// The layer.
        layer: String,
        /// The variable of Keras.
        variable: &'static str,
    },
    /// A product of a single tensor.
    #[error("layer '{layer}' multiplies a single tensor")]
    OneOperand {
        /// The layer.
        layer: String,
    },
}
