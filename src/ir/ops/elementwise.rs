//! Arithmetic on the elements of several tensors.

use ndarray::ArrayD;
use num_bigint::BigInt;

use super::{Effect, Evaluate, OpError, Operand, Operation, ensure, fractional_bits};
use crate::fixed::{Format, Range, Word};
use crate::ir::Tensor;
use crate::ir::text::{Attributes, Described, Parse, Printer, TextError};

/// An exact elementwise function of operands of the same shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Elementwise {
    /// `Σ_k x_k`, of two operands or more.
    Add,
    /// `x_0 - x_1`.
    Subtract,
    /// `x_0 · x_1`.
    Multiply,
    /// `max_k x_k`, of two operands or more.
    Maximum,
    /// `min_k x_k`, of two operands or more.
    Minimum,
}

impl Described for Elementwise {
    fn name(&self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Subtract => "subtract",
            Self::Multiply => "multiply",
            Self::Maximum => "maximum",
            Self::Minimum => "minimum",
        }
    }

    fn print(&self, _: &mut Printer<'_>) {}
}

impl Parse for Elementwise {
    const NAMES: &'static [&'static str] = &["add", "subtract", "multiply", "maximum", "minimum"];

    fn parse(name: &str, _: &mut Attributes<'_>) -> Result<Self, TextError> {
        let all = [Self::Add, Self::Subtract, Self::Multiply, Self::Maximum, Self::Minimum];
        Ok(all.into_iter().find(|it| it.name() == name).expect("one of NAMES"))
    }
}

impl Operation for Elementwise {
    fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError> {
        let [first, others @ ..] = operands else {
            return Err(OpError::Operands { operation: self.name(), found: 0 });
        };
        let pair = matches!(self, Self::Subtract | Self::Multiply);
        if others.is_empty() || pair && others.len() != 1 {
            return Err(OpError::Operands { operation: self.name(), found: operands.len() });
        }
        let same = others.iter().all(|other| other.shape == first.shape);
        ensure(same, "its operands differ in their shapes")?;
        let fractions = operands.iter().map(|x| i64::from(x.format.fractional_bits()));
        let fraction: i64 = match self.is_aligned() {
            true => fractions.max().expect("there is a first operand"),
            false => fractions.sum(),
        };
        let format_error = OpError::format("result");
        let fraction = fractional_bits(fraction).map_err(&format_error)?;
        let count =
            operands.iter().map(|x| x.ranges.len()).max().expect("there is a first operand");
        let range = |element: usize| {
            let ranges = operands.iter().map(|x| match self.is_aligned() {
                true => x.range_at(element).refined(fraction.abs_diff(x.format.fractional_bits())),
                false => x.range_at(element).clone(),
            });
            ranges.reduce(|a, b| self.range(&a, &b)).expect("there is a first operand")
        };
        let ranges = (0..count).map(range).collect();
        Tensor::covering(first.shape.clone(), fraction, ranges).map_err(format_error)
    }

    fn is_uniform(&self) -> bool {
        true
    }

    fn effect(&self, operands: usize) -> Effect {
        match self {
            Self::Add | Self::Subtract => Effect::Sums { terms: operands },
            Self::Multiply => Effect::Computes,
            Self::Maximum | Self::Minimum => Effect::Selects,
        }
    }
}

impl Evaluate for Elementwise {
    fn evaluate<W: Word>(&self, operands: &[Operand<'_>], result: &Tensor) -> Option<ArrayD<W>> {
        let aligned = |x: &Operand<'_>| {
            let codes = W::view(x.codes)?;
            if !self.is_aligned() {
                return Some(codes.into_owned());
            }
            let shift =
                u32::try_from(result.format.fractional_bits() - x.tensor.format.fractional_bits())
                    .ok()?;
            Some(codes.map(|code| code.shifted_left(shift)))
        };
        let (first, others) = operands.split_first()?;
        let mut y = aligned(first)?;
        for other in others {
            let other = aligned(other)?;
            if other.shape() != y.shape() {
                return None;
            }
            y.zip_mut_with(&other, |a, b| {
                *a = match self {
                    Self::Add => a.clone() + b.clone(),
                    Self::Subtract => a.clone() - b.clone(),
                    Self::Multiply => a.clone() * b.clone(),
                    Self::Maximum => a.clone().max(b.clone()),
                    Self::Minimum => a.clone().min(b.clone()),
                }
            });
        }
        Some(y)
    }

    fn is_narrow(&self, operands: &[Operand<'_>], result: Format) -> bool {
        let shift = |x: &Operand<'_>| match self.is_aligned() {
            true => result.fractional_bits().abs_diff(x.tensor.format.fractional_bits()),
            false => 0,
        };
        let widest = operands.iter().map(|x| x.tensor.format.width() + shift(x)).max();
        let growth = operands.len().next_power_of_two().ilog2();
        let mut formats = operands.iter().map(|x| x.tensor.format).chain([result]);
        formats.all(Format::is_narrow) && widest.is_some_and(|widest| widest + growth < i64::BITS)
    }
}

impl Elementwise {
    /// True if operands are shifted to the binary point of the result: not the factors of a product.
    fn is_aligned(self) -> bool {
        match self {
            Self::Add | Self::Subtract | Self::Maximum | Self::Minimum => true,
            Self::Multiply => false,
        }
    }

    /// Range of the results for operands of the ranges `a` and `b` at one binary point.
    fn range(self, a: &Range, b: &Range) -> Range {
        let (low, high) = ((a.low(), b.low()), (a.high(), b.high()));
        match self {
            Self::Add => a + b,
            Self::Subtract => a + &-b,
            Self::Maximum => Range::new(low.0.max(low.1).clone(), high.0.max(high.1).clone()),
            Self::Minimum => Range::new(low.0.min(low.1).clone(), high.0.min(high.1).clone()),
            Self::Multiply => {
                let corners: [BigInt; 4] =
                    [low.0 * low.1, low.0 * high.1, high.0 * low.1, high.0 * high.1];
                let [first, others @ ..] = corners;
                let point = Range::point(first);
                others.into_iter().fold(point, |all, corner| all.hull(&Range::point(corner)))
            }
        }
    }
}
