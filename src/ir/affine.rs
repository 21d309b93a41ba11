//! A factor and a summand for each channel.

use num_bigint::BigInt;

use super::{Constant, Tensor};
use crate::fixed::{Format, FormatError, MAX_WIDTH, Range};

/// `y[.., c] = x[.., c] · scale[c] + offset[c]`, exact: the result's fraction is that of x plus that
/// of the scale, or the offset's if that is larger.
///
/// Both constants have the shape \[channels\], or \[1\] where one number serves all channels.
///
/// A real-valued scale of a network is a number of its own here, of as many significant bits as its
/// owner says: a quantizer's `alpha` is a float32 number, whose 24 bits are all kept. One that is
/// no dyadic number at all, like the gamma / √(variance + ε) of a batch normalisation, is first rounded
/// to enough significant bits that no quantizer behind it can tell, 64 say: [`Constant::of_codes`]
/// takes such numbers. What hardware multiplies by is narrower, see
/// [`passes`](crate::passes).
#[derive(Clone, Debug, PartialEq)]
pub struct Affine {
    /// The factors.
    pub scale: Constant,
    /// The summands.
    pub offset: Option<Constant>,
}

impl Affine {
    /// What comes out for operands inside of the ranges of `x`, in the narrowest format.
    ///
    /// # Errors
    /// If that takes more than 128 bits.
    pub fn result(&self, x: &Tensor) -> Result<Tensor, FormatError> {
        let units = Units::of(self, x.format)?;
        let one = self.is_uniform() && x.channels.len() == 1;
        let count = if one { 1 } else { x.channel_count() };
        let channels: Vec<Range> =
            (0..count).map(|c| self.line(c, units).image(x.range_of(c))).collect();
        let mut tensor = Tensor { shape: x.shape.clone(), format: x.format, channels };
        tensor.format = Format::covering(&tensor.range(), units.fraction)?;
        Ok(tensor)
    }

    /// What the operation does to codes of channel `channel`, in the units that `units` says.
    pub(crate) fn line(&self, channel: usize, units: Units) -> Line {
        let at = |constant: &Constant| {
            let index = if constant.codes.len() == 1 { 0 } else { channel };
            constant.codes.get(index).unwrap_or_default()
        };
        Line {
            scale: at(&self.scale) << units.product,
            offset: self.offset.as_ref().map(at).unwrap_or_default() << units.offset,
        }
    }

    /// Whether all channels have the same scale and offset.
    pub fn is_uniform(&self) -> bool {
        self.scale.codes.len() == 1 && self.offset.as_ref().is_none_or(|o| o.codes.len() == 1)
    }
}

/// How far products and offsets move up to the result's binary point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Units {
    /// The result's bits behind the point.
    pub(crate) fraction: i32,
    /// Places that products move up to it.
    pub(crate) product: u32,
    /// Places that offsets move up to it.
    pub(crate) offset: u32,
}

impl Units {
    /// Those of `affine` on operands of the format `x`.
    pub(crate) fn of(affine: &Affine, x: Format) -> Result<Self, FormatError> {
        let product = i64::from(x.fraction()) + i64::from(affine.scale.format.fraction());
        let offset = affine.offset.as_ref().map_or(product, |o| o.format.fraction().into());
        let fraction = product.max(offset);
        // Points farther apart than this leave no format for the result.
        let shift = |from: i64| match u32::try_from(fraction - from) {
            Ok(shift) if shift <= 4 * MAX_WIDTH => Ok(shift),
            _ => Err(FormatError::Width(fraction - from)),
        };
        Ok(Self {
            fraction: i32::try_from(fraction).map_err(|_| FormatError::Position(-fraction))?,
            product: shift(product)?,
            offset: shift(offset)?,
        })
    }
}

/// One channel: the code `scale` · x + `offset` for each code x.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) scale: BigInt,
    pub(crate) offset: BigInt,
}

impl Line {
    fn image(&self, x: &Range) -> Range {
        &(x * &self.scale) + &Range::point(self.offset.clone())
    }
}
