//! Types of a model's inputs, which model files do not state.

use std::str::FromStr;

use super::data_type::{DataType, Form, Sign};
use super::{DataTypeError, QtoolsError};
use crate::fixed::{Format, Signedness};
use crate::ir::{Constant, Graph};
use crate::model::Model;
use crate::quantizer::Quantizer;

/// Type of all inputs of a model, or of one: `quantized_bits(8,0,1)`, `input_1=quantized_relu(6)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// The input; `None` for all.
    pub input: Option<String>,
    /// QTools' type.
    pub data_type: DataType,
    /// The type of fixed-point samples; `None` for floating point.
    pub format: Option<Format>,
}

impl Default for Source {
    /// QTools' `default_source_quantizer`, `quantized_bits(8,0,1)`.
    fn default() -> Self {
        let data_type = DataType::fixed(8, 0, Sign::Flag(true));
        Self { input: None, format: data_type.format(), data_type }
    }
}

impl FromStr for Source {
    type Err = DataTypeError;

    fn from_str(text: &str) -> Result<Self, DataTypeError> {
        // Arguments of a quantizer have '=' too, after a bracket.
        let named = text.split_once('=').filter(|(name, _)| !name.contains('('));
        let (input, call) = named.map_or((None, text), |(name, call)| (Some(name), call));
        let data_type: DataType = call.trim().parse()?;
        let values = call.parse::<Quantizer>().ok().and_then(|quantizer| quantizer.values());
        let of_values = values.and_then(|values| {
            let values = ndarray::Array1::from(values).into_dyn();
            Constant::covering(values.view()).ok().map(|constant| constant.format)
        });
        let format = of_values.or_else(|| data_type.format());
        Ok(Self { input: input.map(|name| name.trim().to_owned()), data_type, format })
    }
}

impl DataType {
    /// Fixed point as a format; `None` for another form, or if no format has these bits.
    pub fn format(&self) -> Option<Format> {
        let signedness =
            if self.sign.is_signed() { Signedness::Signed } else { Signedness::Unsigned };
        let width = u32::try_from(self.bits).ok().filter(|_| self.form == Form::Fixed)?;
        let integer = i32::try_from(self.int_bits + self.sign.bit()).ok()?;
        Format::new(signedness, width, integer).ok()
    }

    /// The quantizer onto a format, `quantized_bits(width, integer, 0, alpha=1)`.
    pub fn of_format(format: Format) -> Self {
        let sign = Sign::Flag(format.is_signed());
        let integer = i64::from(format.integer_bits()) - sign.bit();
        Self::fixed(format.width().into(), integer, sign)
    }
}

/// The types of the inputs of `model`: those of `stated`, later ones first, and for other inputs that of
/// the graph of integers.
///
/// # Errors
/// If the model has no input of a stated name.
pub fn source_types(
    stated: &[Source],
    model: &Model,
    graph: &Graph,
) -> Result<Vec<DataType>, QtoolsError> {
    let names: Vec<&str> =
        model.inputs.iter().map(|input| model.graph[*input].name.as_str()).collect();
    let mut wanted = stated.iter().filter_map(|source| source.input.as_deref());
    if let Some(name) = wanted.find(|name| !names.contains(name)) {
        return Err(QtoolsError::Input { name: name.to_owned(), known: names.join(", ") });
    }
    let of = |(name, node): (&&str, &crate::ir::NodeId)| {
        let applies = |source: &&Source| source.input.as_deref().is_none_or(|it| it == *name);
        let stated = stated.iter().rev().find(applies).map(|source| source.data_type.clone());
        stated.unwrap_or_else(|| DataType::of_format(graph[*node].tensor.format))
    };
    Ok(names.iter().zip(&graph.inputs).map(of).collect())
}
