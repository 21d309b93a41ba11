//! From one format to another.

use num_bigint::BigInt;
use num_traits::{One, Zero};

use super::{Overflow, Quantization, Rounding, Word};

/// The code that `code`, a number with `from_fraction` bits behind the point, becomes in `to`.
///
/// Works for every format. Where many codes take the same way, a [`Caster`] is faster.
pub fn cast<W: Word>(code: &W, from_fraction: i32, to: &Quantization) -> BigInt {
    Caster::<BigInt>::over_wide(from_fraction, to).apply(&code.to_big())
}

/// One cast, made ready for many codes.
///
/// A `Caster<i64>` exists only where every code of the target fits an `i64`
/// ([`Format::is_narrow`](super::Format::is_narrow)); it allocates nothing and takes any `i64` as
/// its source.
///
/// ```
/// use bitkiln::fixed::Caster;
/// // Steps of 1/8 to steps of 1/2: 11/8 lies between 1 and 3/2, nearer to the latter.
/// let to = "ufixed<2,1,RND_CONV,SAT>".parse()?;
/// let caster = Caster::<i64>::new(3, &to).ok_or("too wide")?;
/// assert_eq!([11, 12, 100, -5].map(|code| caster.apply(&code)), [3, 3, 3, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Caster<W: Word> {
    scaling: Scaling<W::Wide>,
    /// Codes from `low` to `high` stay as they are.
    low: W::Wide,
    high: W::Wide,
    beyond: Beyond<W::Wide>,
}

/// How the target's step relates to the source's.
#[derive(Clone, Debug)]
enum Scaling<T> {
    /// The target's is 2^`bits` times as fine.
    Finer { bits: u32 },
    /// The target's is 2^`bits` times as coarse; `half` = 2^(bits - 1).
    Coarser { bits: u32, half: T, rounding: Rounding },
}

/// What a code outside of the range becomes.
#[derive(Clone, Debug)]
enum Beyond<T> {
    /// One number below the range, one above.
    Fixed { below: T, above: T },
    /// The bits under `mask` survive, on top of a number that depends on the side.
    Masked { mask: T, below: T, above: T },
    /// The code modulo the number of codes, `mask` + 1; the range starts at `first`.
    Modulo { mask: T, first: T },
}

impl<W: Word> Caster<W> {
    /// The cast from codes with `from_fraction` bits behind the point to `to`; `None` if a code of
    /// `to` may not fit the word.
    pub fn new(from_fraction: i32, to: &Quantization) -> Option<Self> {
        W::holds(to.format).then(|| Self::over_wide(from_fraction, to))
    }

    /// The same, where the word is known to hold the target.
    fn over_wide(from_fraction: i32, to: &Quantization) -> Self {
        let one = W::Wide::one;
        let width = to.format.width();
        let dropped = from_fraction.saturating_sub(to.format.fraction());
        let scaling = if dropped <= 0 {
            // Shifted by the width, every code but 0 is out of range and has only zeros below:
            // further shifts change nothing.
            Scaling::Finer { bits: dropped.unsigned_abs().min(width) }
        } else {
            let bits = dropped.unsigned_abs().min(W::FARTHEST_DROP);
            Scaling::Coarser { bits, half: one() << (bits - 1), rounding: to.rounding }
        };

        let signed = to.format.is_signed();
        let (first, high) = if signed {
            let half = one() << (width - 1);
            (W::Wide::zero() - half.clone(), half - one())
        } else {
            (W::Wide::zero(), (one() << width) - one())
        };
        let all = high.clone() - first.clone();
        let mut low = first.clone();
        let beyond = match to.overflow {
            Overflow::Wrap { saturated_bits: 0 } => Beyond::Modulo { mask: all, first },
            Overflow::Wrap { saturated_bits } => {
                let kept = width.saturating_sub(saturated_bits.into());
                let mask = (one() << kept) - one();
                let above = high.clone() - mask.clone();
                // Without a sign, the saturated bits are ones on both sides.
                let below = if signed { first } else { above.clone() };
                Beyond::Masked { mask, below, above }
            }
            Overflow::Sat => Beyond::Fixed { below: first, above: high.clone() },
            Overflow::SatZero => Beyond::Fixed { below: W::Wide::zero(), above: W::Wide::zero() },
            Overflow::SatSym => {
                // Minus the largest; but the one negative number of `fixed<1,I>` stays.
                if signed && width > 1 {
                    low = first + one();
                }
                Beyond::Fixed { below: low.clone(), above: high.clone() }
            }
        };
        Self { scaling, low, high, beyond }
    }

    /// The code in the target that `code` becomes.
    #[inline]
    pub fn apply(&self, code: &W) -> W {
        let code = self.scaling.apply(code.widened());
        let in_range = self.low <= code && code <= self.high;
        W::narrowed(if in_range { code } else { self.beyond.apply(code) })
    }
}

impl<T: super::codes::Wide> Scaling<T> {
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

/// Every rounding mode is floor((code + bias) / 2^bits) for some bias: `half` takes halves up,
/// `half` - 1 takes them down.
#[inline]
fn rounding_bias<T: super::codes::Wide>(code: &T, bits: u32, half: &T, mode: Rounding) -> T {
    let negative = *code < T::zero();
    let halves_up = match mode {
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
    if halves_up { half.clone() } else { half.clone() - T::one() }
}

impl<T: super::codes::Wide> Beyond<T> {
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
