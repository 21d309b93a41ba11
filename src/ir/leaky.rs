//! Two lines that meet at a code: the leaky rectifiers.

use num_bigint::BigInt;

use super::{Constant, Tensor};
use crate::fixed::{Format, FormatError, MAX_WIDTH, Range};

/// x where its code is at least `from`, x · slope + `offset` elsewhere, exact: the result's fraction
/// is the largest of those of x, of x plus the slopes, and of the offset.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaky {
    /// The smallest code that passes as it is.
    pub from: BigInt,
    /// The slopes of the elements of a sample, row-major: one for all, one for each channel, or
    /// one for each element.
    pub slopes: Constant,
    /// \[1\].
    pub offset: Option<Constant>,
}

impl Leaky {
    /// What comes out for operands inside of the ranges of `x`, in the narrowest format.
    ///
    /// # Errors
    /// If that takes more than 128 bits.
    pub fn result(&self, x: &Tensor) -> Result<Tensor, FormatError> {
        let lines = Lines::of(self, x.format)?;
        let slopes = self.slopes.codes.len();
        let count = if slopes == 1 { x.channels.len() } else { x.channel_count() };
        let channels = (0..count)
            .map(|channel| {
                let mut slopes =
                    self.slopes.codes.iter().skip(channel % slopes.max(1)).step_by(count);
                let first = slopes.next().unwrap_or_default();
                let first = lines.image(x.range_of(channel), &first);
                slopes.fold(first, |all, slope| all.hull(&lines.image(x.range_of(channel), &slope)))
            })
            .collect();
        let mut tensor = Tensor { shape: x.shape.clone(), format: x.format, channels };
        tensor.format = Format::covering(&tensor.range(), lines.fraction)?;
        Ok(tensor)
    }
}

/// The operation in units of the result.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    pub(crate) from: BigInt,
    /// The result's bits behind the point.
    fraction: i32,
    /// Places that operands move up to it.
    pub(crate) operand: u32,
    /// Places that products move up to it.
    pub(crate) product: u32,
    /// The offset, moved up to it.
    pub(crate) offset: BigInt,
}

impl Lines {
    /// Those of `leaky` on operands of the format `x`.
    pub(crate) fn of(leaky: &Leaky, x: Format) -> Result<Self, FormatError> {
        let operand = i64::from(x.fraction());
        let product = operand + i64::from(leaky.slopes.format.fraction());
        let offset = leaky.offset.as_ref().map_or(operand, |o| o.format.fraction().into());
        let fraction = operand.max(product).max(offset);
        // Points farther apart than this leave no format for the result.
        let up = |from: i64| match u32::try_from(fraction - from) {
            Ok(up) if up <= 4 * MAX_WIDTH => Ok(up),
            _ => Err(FormatError::Width(fraction - from)),
        };
        let code = leaky.offset.as_ref().and_then(|offset| offset.codes.get(0));
        Ok(Self {
            from: leaky.from.clone(),
            fraction: i32::try_from(fraction).map_err(|_| FormatError::Position(-fraction))?,
            operand: up(operand)?,
            product: up(product)?,
            offset: code.unwrap_or_default() << up(offset)?,
        })
    }

    /// What the codes of a range become.
    fn image(&self, x: &Range, slope: &BigInt) -> Range {
        let line = |code: &BigInt| ((code * slope) << self.product) + &self.offset;
        let passed = |code: &BigInt| code << self.operand;
        let last = &self.from - BigInt::from(1);
        if *x.low() >= self.from {
            Range::new(passed(x.low()), passed(x.high()))
        } else if *x.high() <= last {
            Range::new(line(x.low()), line(x.high()))
        } else {
            let below = Range::new(line(x.low()), line(&last));
            below.hull(&Range::new(passed(&self.from), passed(x.high())))
        }
    }
}
