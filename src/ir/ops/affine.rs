//! A scale and a bias per channel.

use ndarray::{ArrayD, IxDyn};
use num_bigint::BigInt;

use super::{
    Effect, OpError, Operand, Operation, alignment, ensure, fractional_bits, is_narrow, over_words,
    single,
};
use crate::fixed::{Codes, Format, FormatError, Range, Word};
use crate::ir::text::{Described, described};
use crate::ir::{Constant, Tensor};

/// `y[.., c] = x[.., c] · scale[c] + bias[c]`, exact.
///
/// The result has the fractional bits of x plus those of the scale, or those of the bias if they
/// are more. Both constants have the shape \[channels\], or \[1\] if all channels share one.
///
/// A real-valued scale keeps all significant bits: a quantizer's `alpha` is a float32 number of 24
/// bits. A scale without an exact binary form, such as gamma / √(variance + ε) of a batch
/// normalisation, is rounded to 64 significant bits, more than any quantizer after it resolves.
/// Hardware multiplies by a narrower one, see [`passes`](crate::passes).
#[derive(Clone, Debug, PartialEq)]
pub struct Affine {
    /// Scale of each channel.
    pub scale: Constant,
    /// Bias of each channel.
    pub bias: Option<Constant>,
}

described!("affine", Affine { scale, bias });

impl Operation for Affine {
    fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError> {
        let x = single(self.name(), operands)?;
        let fits = |constant: &Constant| {
            let shape = constant.codes.shape();
            *shape == [1] || *shape == [x.channel_count()]
        };
        ensure(fits(&self.scale), "its scale is neither one number nor one per channel")?;
        let rule = "its bias is neither one number nor one per channel";
        ensure(self.bias.as_ref().is_none_or(fits), rule)?;
        let format_error = OpError::format("scaled result");
        let alignment = Alignment::of(self, x.format).map_err(&format_error)?;
        let count = self.constants().iter().map(|constant| constant.codes.len()).max();
        let count = count.expect("there is a scale");
        let ranges = (0..count.max(x.ranges.len()))
            .map(|element| self.line(element, alignment).image(x.range_at(element)))
            .collect();
        Tensor::covering(x.shape.clone(), alignment.fraction, ranges).map_err(format_error)
    }

    fn evaluate(&self, operands: &[Operand<'_>], result: &Tensor) -> Option<Codes> {
        let x = operands.first()?;
        let narrow = is_narrow(operands, &self.constants(), result.format);
        over_words!(narrow, W => self.scaled::<W>(x))
    }

    fn is_uniform(&self) -> bool {
        self.is_uniform()
    }

    fn effect(&self, _: usize) -> Effect {
        Effect::Computes
    }
}

impl Affine {
    /// True if all channels have the same scale and bias.
    pub fn is_uniform(&self) -> bool {
        self.constants().iter().all(|constant| constant.codes.len() == 1)
    }

    /// Scale and bias of element `element` at the binary point of the result.
    fn line(&self, element: usize, alignment: Alignment) -> Line {
        let bias = self.bias.as_ref().map_or(BigInt::ZERO, |bias| bias.code_at(element));
        Line {
            scale: self.scale.code_at(element) << alignment.product,
            bias: bias << alignment.bias,
        }
    }

    fn scaled<W: Word>(&self, x: &Operand<'_>) -> Option<ArrayD<W>> {
        let codes = W::view(x.codes)?;
        let alignment = Alignment::of(self, x.tensor.format).ok()?;
        let scales = W::view(&self.scale.codes)?.map(|scale| scale.shifted_left(alignment.product));
        let biases = match &self.bias {
            None => ArrayD::from_elem(IxDyn(&[1]), W::zero()),
            Some(bias) => W::view(&bias.codes)?.map(|code| code.shifted_left(alignment.bias)),
        };
        let (mut scales, mut biases) = (scales.iter().cycle(), biases.iter().cycle());
        // The last axis holds the channels, and its index varies fastest.
        let y: Option<Vec<W>> = codes
            .iter()
            .map(|x| {
                let mut y = biases.next()?.clone();
                y.add_product(x, scales.next()?);
                Some(y)
            })
            .collect();
        ArrayD::from_shape_vec(codes.raw_dim(), y?).ok()
    }
}

/// Left shifts of products and biases to the binary point of the result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alignment {
    /// Fractional bits of the result.
    pub(crate) fraction: i32,
    /// Shift of products.
    pub(crate) product: u32,
    /// Shift of biases.
    pub(crate) bias: u32,
}

impl Alignment {
    /// The shifts of `affine` for operands of the format `x`.
    pub(crate) fn of(affine: &Affine, x: Format) -> Result<Self, FormatError> {
        let product =
            i64::from(x.fractional_bits()) + i64::from(affine.scale.format.fractional_bits());
        let bias =
            affine.bias.as_ref().map_or(product, |bias| bias.format.fractional_bits().into());
        let fraction = product.max(bias);
        Ok(Self {
            product: alignment(product, fraction)?,
            bias: alignment(bias, fraction)?,
            fraction: fractional_bits(fraction)?,
        })
    }
}

/// The code `scale` · x + `bias` for each code x.
struct Line {
    scale: BigInt,
    bias: BigInt,
}

impl Line {
    fn image(&self, x: &Range) -> Range {
        &(x * &self.scale) + &Range::point(self.bias.clone())
    }
}
