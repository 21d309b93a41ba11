//! Casts from one format to another, of codes and of ranges of codes.

use num_bigint::BigInt;
use num_traits::{One, Zero};

use super::codes::Wide;
use super::{Overflow, Quantization, Range, Rounding, Word};

/// The code that `code`, with `from_fraction` fractional bits, becomes in `to`.
///
/// Works for every format. A [`Caster`] is faster where many codes are cast alike.
pub fn cast<W: Word>(code: &W, from_fraction: i32, to: &Quantization) -> BigInt {
    Caster::<BigInt>::over_wide(from_fraction, to).apply(&code.to_big())
}

/// `code`, with `from_fraction` fractional bits, rounded to `to_fraction` of them; no limit of width.
pub(crate) fn rescale(
    code: &BigInt,
    from_fraction: i32,
    to_fraction: i32,
    rounding: Rounding,
) -> BigInt {
    let dropped = from_fraction.saturating_sub(to_fraction);
    Rescaling::new(dropped, u32::MAX, u32::MAX, rounding).apply(code.clone())
}

/// The smallest range that holds the cast of every code of `range`, with `from_fraction` fractional
/// bits, to `to`; all codes of the format where some code wraps.
pub fn cast_range(range: &Range, from_fraction: i32, to: &Quantization) -> Range {
    let ends = |to: &Quantization| {
        let end = |code| cast(code, from_fraction, to);
        Range::new(end(range.low()), end(range.high()))
    };
    // Rounding and saturation are monotone, so the ends decide.
    match to.overflow {
        Overflow::Sat | Overflow::SatSym => ends(to),
        Overflow::Wrap { .. } | Overflow::SatZero if fits(range, from_fraction, to) => ends(to),
        Overflow::Wrap { .. } | Overflow::SatZero => to.format.codes(),
    }
}

/// True if every code of `range`, rounded as `to` states, lies in its format: the overflow mode has
/// no effect.
pub(crate) fn fits(range: &Range, from_fraction: i32, to: &Quantization) -> bool {
    let end = |code| rescale(code, from_fraction, to.format.fractional_bits(), to.rounding);
    to.format.codes().contains(&Range::new(end(range.low()), end(range.high())))
}

/// A cast prepared for many codes.
///
/// A `Caster<i64>` exists only where every code of the target fits an `i64`
/// ([`Format::is_narrow`](super::Format::is_narrow)); it allocates nothing and takes any `i64` as
/// its source.
///
/// ```
/// use bitkiln::fixed::Caster;
/// // From an LSB of 1/8 to an LSB of 1/2: 11/8 rounds to 3/2.
/// let to = "ufixed<2,1,RND_CONV,SAT>".parse()?;
/// let caster = Caster::<i64>::new(3, &to).ok_or("too wide")?;
/// assert_eq!([11, 12, 100, -5].map(|code| caster.apply(&code)), [3, 3, 3, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Caster<W: Word> {
    rescaling: Rescaling<W::Wide>,
    /// Codes from `low` to `high` do not overflow.
    low: W::Wide,
    high: W::Wide,
    on_overflow: OnOverflow<W::Wide>,
}

/// Change of the number of fractional bits.
#[derive(Clone, Debug)]
enum Rescaling<T> {
    /// The target has `bits` fractional bits more.
    Finer { bits: u32 },
    /// The target has `bits` fractional bits fewer; `half` = 2^(bits - 1).
    Coarser { bits: u32, half: T, rounding: Rounding },
}

/// Result of an overflow.
#[derive(Clone, Debug)]
enum OnOverflow<T> {
    /// One code below the range, one above.
    Fixed { below: T, above: T },
    /// The bits under `mask` are kept and added to a code that depends on the side.
    Masked { mask: T, below: T, above: T },
    /// The code modulo the number of codes, `mask` + 1; the format starts at `first`.
    Modulo { mask: T, first: T },
}

impl<W: Word> Caster<W> {
    /// The cast from codes with `from_fraction` fractional bits to `to`; `None` if a code of `to` may
    /// not fit the word.
    pub fn new(from_fraction: i32, to: &Quantization) -> Option<Self> {
        W::holds(to.format).then(|| Self::over_wide(from_fraction, to))
    }

    /// [`Caster::new`] for a word that is known to hold the target.
    fn over_wide(from_fraction: i32, to: &Quantization) -> Self {
        let one = W::Wide::one;
        let width = to.format.width();
        let dropped = from_fraction.saturating_sub(to.format.fractional_bits());
        // Shifted up by the width, every code but 0 overflows and has only zeros below: further
        // shifts change nothing.
        let rescaling = Rescaling::new(dropped, width, W::MAX_DROP, to.rounding);

        let signed = to.format.is_signed();
        let (first, high) = if signed {
            let half = one() << (width - 1);
            (W::Wide::zero() - half.clone(), half - one())
        } else {
            (W::Wide::zero(), (one() << width) - one())
        };
        let all = high.clone() - first.clone();
        let mut low = first.clone();
        let on_overflow = match to.overflow {
            Overflow::Wrap { saturated_bits: 0 } => OnOverflow::Modulo { mask: all, first },
            Overflow::Wrap { saturated_bits } => {
                let kept = width.saturating_sub(saturated_bits.into());
                let mask = (one() << kept) - one();
                let above = high.clone() - mask.clone();
                // Without a sign, the saturated bits are ones on both sides.
                let below = if signed { first } else { above.clone() };
                OnOverflow::Masked { mask, below, above }
            }
            Overflow::Sat => OnOverflow::Fixed { below: first, above: high.clone() },
            Overflow::SatZero => {
                OnOverflow::Fixed { below: W::Wide::zero(), above: W::Wide::zero() }
            }
            Overflow::SatSym => {
                // Minus the largest code, but `fixed<1,I>` keeps its code -1.
                if signed && width > 1 {
                    low = first + one();
                }
                OnOverflow::Fixed { below: low.clone(), above: high.clone() }
            }
        };
        Self { rescaling, low, high, on_overflow }
    }

    /// The code in the target that `code` becomes.
    #[inline]
    pub fn apply(&self, code: &W) -> W {
        let code = self.rescaling.apply(code.widened());
        let in_range = self.low <= code && code <= self.high;
        W::narrowed(if in_range { code } else { self.on_overflow.apply(code) })
    }
}

impl<T: Wide> Rescaling<T> {
    /// `dropped` fractional bits fewer; at most `up` more and at most `down` fewer.
    fn new(dropped: i32, up: u32, down: u32, rounding: Rounding) -> Self {
        if dropped <= 0 {
            return Self::Finer { bits: dropped.unsigned_abs().min(up) };
        }
        let bits = dropped.unsigned_abs().min(down);
        Self::Coarser { bits, half: T::one() << (bits - 1), rounding }
    }

    #[inline]
    fn apply(&self, code: T) -> T {
        match self {
            Self::Finer { bits: 0 } => code,
            Self::Finer { bits } => code << *bits,
            Self::Coarser { bits, half, rounding } => {
                let bias = rounding_bias(&code, *bits, half, *rounding);
                (code + bias) >> *bits
            }
        }
    }
}

/// Every rounding mode is floor((code + bias) / 2^bits) for some bias: `half` rounds half-way values
/// up, `half` - 1 rounds them down.
#[inline]
fn rounding_bias<T: Wide>(code: &T, bits: u32, half: &T, mode: Rounding) -> T {
    let negative = *code < T::zero();
    let ties_up = match mode {
        Rounding::Trn => return T::zero(),
        Rounding::TrnZero if negative => return half.clone() + half.clone() - T::one(),
        Rounding::TrnZero => return T::zero(),
        Rounding::Rnd => true,
        Rounding::RndMinInf => false,
        Rounding::RndZero => negative,
        Rounding::RndInf => !negative,
        Rounding::RndConv | Rounding::RndConvOdd => {
            let floor_is_odd = !((code.clone() >> bits) & T::one()).is_zero();
            floor_is_odd == (mode == Rounding::RndConv)
        }
    };
    if ties_up { half.clone() } else { half.clone() - T::one() }
}

impl<T: Wide> OnOverflow<T> {
    #[inline]
    fn apply(&self, code: T) -> T {
        let negative = code < T::zero();
        let side = |below: &T, above: &T| if negative { below.clone() } else { above.clone() };
        match self {
            Self::Fixed { below, above } => side(below, above),
            Self::Masked { mask, below, above } => side(below, above) + (code & mask.clone()),
            Self::Modulo { mask, first } => ((code - first.clone()) & mask.clone()) + first.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
