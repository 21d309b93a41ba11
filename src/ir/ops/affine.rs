//! A scale and a bias per channel.

use ndarray::{ArrayD, IxDyn};
use num_bigint::BigInt;

use super::{Alignment, Evaluate, OpError, Operand, Operation, ensure, single};
use crate::fixed::{Format, FormatError, Range, Word};
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
        let alignment = self.alignment(x.format).map_err(&format_error)?;
        let lines = self.lines::<BigInt>(x.format).expect("a big integer holds every code");
        let lines = lines.iter().cycle().take(lines.len().max(x.ranges.len())).enumerate();
        let ranges = lines.map(|(element, (scale, bias))| {
            &(x.range_at(element) * scale) + &Range::point(bias.clone())
        });
        Tensor::covering(x.shape.clone(), alignment.fraction, ranges.collect())
            .map_err(format_error)
    }

    fn is_uniform(&self) -> bool {
        self.is_uniform()
    }
}

impl Evaluate for Affine {
    fn evaluate<W: Word>(&self, operands: &[Operand<'_>], _: &Tensor) -> Option<ArrayD<W>> {
        let x = operands.first()?;
        let codes = W::view(x.codes)?;
        let lines = self.lines(x.tensor.format)?;
        // The last axis holds the channels, and its index varies fastest.
        let y = codes.iter().zip(lines.iter().cycle()).map(|(x, (scale, bias)): (_, &(W, W))| {
            let mut y = bias.clone();
            y.add_product(x, scale);
            y
        });
        ArrayD::from_shape_vec(codes.raw_dim(), y.collect()).ok()
    }
}

impl Affine {
    /// True if all channels have the same scale and bias.
    pub fn is_uniform(&self) -> bool {
        self.constants().iter().all(|constant| constant.codes.len() == 1)
    }

    fn alignment(&self, x: Format) -> Result<Alignment, FormatError> {
        Alignment::of(x, &self.scale, self.bias.as_ref())
    }

    /// Scale and bias of each channel, or of all, at the binary point of the result for operands of
    /// the format `x`. `None` if one does not fit the word.
    pub(crate) fn lines<W: Word>(&self, x: Format) -> Option<Vec<(W, W)>> {
        let alignment = self.alignment(x).ok()?;
        let scales = self.scale.shifted::<W>(alignment.product)?;
        let biases = match &self.bias {
            None => ArrayD::from_elem(IxDyn(&[1]), W::zero()),
            Some(bias) => bias.shifted(alignment.bias)?,
        };
        let count = scales.len().max(biases.len());
        let lines = scales.iter().cycle().zip(biases.iter().cycle()).take(count);
        Some(lines.map(|(scale, bias)| (scale.clone(), bias.clone())).collect())
    }
}
