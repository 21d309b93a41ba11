//! Another shape.

use super::gather::ranges_at;
use super::{Access, Effect, OpError, Operand, Operation, Parse, ensure, single};
use crate::fixed::Codes;
use crate::ir::text::{Attributes, AttributesWriter, TextError};
use crate::ir::{Constant, Tensor};

/// The elements of x in another shape, in the same row-major order: no hardware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reshape {
    /// Shape of the result, with as many elements as x.
    pub shape: Vec<usize>,
}

impl Operation for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError> {
        let x = single(self.name(), operands)?;
        let count: usize = self.shape.iter().product();
        ensure(count == x.len(), "its shape has another number of elements than its operand")?;
        let ranges = ranges_at(x, (0..x.len()).map(Some));
        Ok(Tensor::new(self.shape.clone(), x.format, ranges))
    }

    fn evaluate(&self, operands: &[Operand<'_>], _: &Tensor) -> Option<Codes> {
        let x = operands.first()?.codes;
        let samples = *x.shape().first()?;
        let shape = std::iter::once(samples).chain(self.shape.iter().copied()).collect::<Vec<_>>();
        x.clone().reshaped(&shape)
    }

    fn access(&self) -> Access {
        Access::Layout
    }

    fn effect(&self, _: usize) -> Effect {
        Effect::Selects
    }

    fn constants(&self) -> Vec<&Constant> {
        Vec::new()
    }

    fn write(&self, attributes: &mut AttributesWriter<'_>) {
        attributes.list("shape", &self.shape);
    }
}

impl Parse for Reshape {
    const NAMES: &'static [&'static str] = &["reshape"];

    fn parse(_: &str, attributes: &mut Attributes<'_>) -> Result<Self, TextError> {
        Ok(Self { shape: attributes.list("shape")? })
    }
}
