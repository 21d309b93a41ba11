//! Where samples enter.

use super::{Access, Effect, OpError, Operand, Operation, Parse};
use crate::fixed::{Codes, Format};
use crate::ir::text::{Attributes, AttributesWriter, TextError};
use crate::ir::{Constant, Tensor};

/// An input of the network: any code of its format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Elements along each axis of one sample.
    pub shape: Vec<usize>,
    /// Format of every element.
    pub format: Format,
}

impl Operation for Input {
    fn name(&self) -> &'static str {
        "input"
    }

    fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError> {
        match operands {
            [] => Ok(Tensor::full(self.shape.clone(), self.format)),
            _ => Err(OpError::Operands { operation: self.name(), found: operands.len() }),
        }
    }

    /// Samples are given, never computed.
    fn evaluate(&self, _: &[Operand<'_>], _: &Tensor) -> Option<Codes> {
        None
    }

    fn access(&self) -> Access {
        Access::Layout
    }

    fn effect(&self, _: usize) -> Effect {
        Effect::Computes
    }

    fn constants(&self) -> Vec<&Constant> {
        Vec::new()
    }

    fn write(&self, attributes: &mut AttributesWriter<'_>) {
        attributes.list("shape", &self.shape);
        attributes.format("format", self.format);
    }
}

impl Parse for Input {
    const NAMES: &'static [&'static str] = &["input"];

    fn parse(_: &str, attributes: &mut Attributes<'_>) -> Result<Self, TextError> {
        Ok(Self { shape: attributes.list("shape")?, format: attributes.parsed("format")? })
    }
}
