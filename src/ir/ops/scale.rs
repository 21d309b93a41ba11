//! A factor that is a power of two.

use super::{Access, Effect, OpError, Operand, Operation, Parse, single};
use crate::fixed::Codes;
use crate::ir::text::{Attributes, AttributesWriter, TextError};
use crate::ir::{Constant, Tensor};

/// `y = x · 2^power`: the same codes in a format with another binary point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Binary exponent of the factor.
    pub power: i32,
}

impl Operation for Scale {
    fn name(&self) -> &'static str {
        "scale"
    }

    fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError> {
        let x = single(self.name(), operands)?;
        let format = x.format.scaled(self.power).map_err(OpError::format("scaled result"))?;
        Ok(Tensor { format, ..x.clone() })
    }

    fn evaluate(&self, operands: &[Operand<'_>], _: &Tensor) -> Option<Codes> {
        Some(operands.first()?.codes.clone())
    }

    fn access(&self) -> Access {
        Access::Elementwise { uniform: true }
    }

    fn effect(&self, _: usize) -> Effect {
        Effect::Shifts { power: self.power }
    }

    fn constants(&self) -> Vec<&Constant> {
        Vec::new()
    }

    fn write(&self, attributes: &mut AttributesWriter<'_>) {
        attributes.number("power", self.power);
    }
}

impl Parse for Scale {
    const NAMES: &'static [&'static str] = &["scale"];

    fn parse(_: &str, attributes: &mut Attributes<'_>) -> Result<Self, TextError> {
        Ok(Self { power: attributes.number("power")? })
    }
}
