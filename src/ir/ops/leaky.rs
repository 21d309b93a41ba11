//! Leaky ReLU.

use ndarray::ArrayD;
use num_bigint::BigInt;
use num_traits::One;

use super::{Evaluate, OpError, Operand, Operation, aligned, ensure, single};
use crate::fixed::{Format, FormatError, Range, Word};
use crate::ir::text::{Described, described};
use crate::ir::{Constant, Tensor};

/// `y = x` for codes of x from `threshold` on, `y = x · slope + bias` below, exact.
///
/// The result has the largest of the fractional bits of x, of x plus those of the slopes, and of
/// the bias.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaky {
    /// Smallest code that is not scaled.
    pub threshold: BigInt,
    /// Slopes of the elements of a sample, row-major: one for all, one per channel, or one per
    /// element.
    pub slopes: Constant,
    /// \[1\].
    pub bias: Option<Constant>,
}

described!("leaky", Leaky { threshold, slopes, bias });

impl Operation for Leaky {
    fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError> {
        let x = single(self.name(), operands)?;
        let slopes = self.slopes.codes.len();
        let fits = [1, x.channel_count(), x.len()].contains(&slopes)
            && *self.slopes.codes.shape() == [slopes];
        ensure(fits, "its slopes are neither one, nor one per channel, nor one per element")?;
        let bias = self.bias.as_ref().is_none_or(|bias| *bias.codes.shape() == [1]);
        ensure(bias, "its bias is not one number")?;
        let format_error = OpError::format("leaky result");
        let alignment = LeakyAlignment::of(self, x.format).map_err(&format_error)?;
        let ranges = (0..slopes.max(x.ranges.len()))
            .map(|at| self.range(x.range_at(at), &self.slopes.code_at(at), &alignment))
            .collect();
        Tensor::covering(x.shape.clone(), alignment.fraction, ranges).map_err(format_error)
    }

    fn is_uniform(&self) -> bool {
        self.slopes.codes.len() == 1
    }
}

impl Evaluate for Leaky {
    fn evaluate<W: Word>(&self, operands: &[Operand<'_>], _: &Tensor) -> Option<ArrayD<W>> {
        let x = operands.first()?;
        let alignment = LeakyAlignment::of(self, x.tensor.format).ok()?;
        // A threshold beyond the operand's codes need not fit the word.
        let codes = x.tensor.format.codes();
        let threshold = (&self.threshold).clamp(codes.low(), &(codes.high() + 1)).clone();
        let (threshold, bias) = (W::from_big(&threshold)?, W::from_big(&alignment.bias)?);
        let slopes = self.slopes.shifted(alignment.product)?;
        let codes = W::view(x.codes)?;
        // Slopes repeat for each row or sample.
        let y = codes.iter().zip(slopes.iter().cycle()).map(|(x, slope): (&W, &W)| {
            if *x >= threshold {
                return x.shifted_left(alignment.operand);
            }
            let mut y = bias.clone();
            y.add_product(x, slope);
            y
        });
        ArrayD::from_shape_vec(codes.raw_dim(), y.collect()).ok()
    }
}

impl Leaky {
    /// Range of the results for codes of the range `x`.
    fn range(&self, x: &Range, slope: &BigInt, alignment: &LeakyAlignment) -> Range {
        let below = |code: &BigInt| ((code * slope) << alignment.product) + &alignment.bias;
        let passed = |code: &BigInt| code << alignment.operand;
        let last = &self.threshold - BigInt::one();
        if *x.low() >= self.threshold {
            Range::new(passed(x.low()), passed(x.high()))
        } else if *x.high() <= last {
            Range::new(below(x.low()), below(x.high()))
        } else {
            let below = Range::new(below(x.low()), below(&last));
            below.hull(&Range::new(passed(&self.threshold), passed(x.high())))
        }
    }
}

/// Left shifts to the binary point of the result of a [`Leaky`].
#[derive(Clone, Debug)]
pub(crate) struct LeakyAlignment {
    /// Fractional bits of the result.
    fraction: i32,
    /// Shift of operands.
    pub(crate) operand: u32,
    /// Shift of products.
    pub(crate) product: u32,
    /// The bias, shifted.
    pub(crate) bias: BigInt,
}

impl LeakyAlignment {
    /// The shifts of `leaky` for operands of the format `x`.
    pub(crate) fn of(leaky: &Leaky, x: Format) -> Result<Self, FormatError> {
        let operand = i64::from(x.fractional_bits());
        let product = operand + i64::from(leaky.slopes.format.fractional_bits());
        let bias = leaky.bias.as_ref().map_or(operand, |bias| bias.format.fractional_bits().into());
        let (fraction, [operand, product, bias]) = aligned([operand, product, bias])?;
        let code = leaky.bias.as_ref().map_or(BigInt::ZERO, |bias| bias.code_at(0));
        Ok(Self { fraction, operand, product, bias: code << bias })
    }
}
