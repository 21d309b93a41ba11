//! Casts from one format to another, of codes and of ranges of codes.

use num_bigint::BigInt;
use num_traits::{Bounded, One};

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
    conversion: Conversion<W::Wide>,
}

/// A cast over one integer type, which holds every intermediate result.
#[derive(Clone, Debug)]
pub(crate) struct Conversion<T> {
    rescaling: Rescaling<T>,
    /// Codes from `low` to `high` do not overflow.
    low: T,
    high: T,
    on_overflow: OnOverflow<T>,
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
        Self { conversion: Conversion::new(from_fraction, to, W::MAX_DROP) }
    }

    /// The code in the target that `code` becomes.
    #[inline]
    pub fn apply(&self, code: &W) -> W {
        W::narrowed(self.conversion.apply(code.widened()))
    }
}

impl<T: Wide> Conversion<T> {
    /// The cast from codes with `from_fraction` fractional bits to `to`. Dropping more than
    /// `most_dropped` bits gives the same.
    fn new(from_fraction: i32, to: &Quantization, most_dropped: u32) -> Self {
        let one = T::one;
        let width = to.format.width();
        let dropped = from_fraction.saturating_sub(to.format.fractional_bits());
        // Shifted up by the width, every code but 0 overflows and has only zeros below: further
        // shifts change nothing.
        let rescaling = Rescaling::new(dropped, width, most_dropped, to.rounding);

        let signed = to.format.is_signed();
        let (first, high) = if signed {
            let half = one() << (width - 1);
            (T::zero() - half.clone(), half - one())
        } else {
            (T::zero(), (one() << width) - one())
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
            Overflow::SatZero => OnOverflow::Fixed { below: T::zero(), above: T::zero() },
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
    pub(crate) fn apply(&self, code: T) -> T {
        let code = self.rescaling.apply(code);
        let in_range = self.low <= code && code <= self.high;
        if in_range { code } else { self.on_overflow.apply(code) }
    }
}

impl Conversion<BigInt> {
    /// The cast of any codes with `from_fraction` fractional bits to `to`.
    pub(crate) fn exact(from_fraction: i32, to: &Quantization) -> Self {
        Self::new(from_fraction, to, u32::MAX)
    }
}

impl<T: Wide + Copy + Bounded + Into<BigInt>> Conversion<T> {
    /// The cast of the codes of `range`, with `from_fraction` fractional bits, to `to`; `None` if an
    /// intermediate result may not fit `T`.
    pub(crate) fn within(from_fraction: i32, to: &Quantization, range: &Range) -> Option<Self> {
        let all = Range::new(T::min_value(), T::max_value());
        let width = to.format.width();
        // A code's magnitude is below 2^bits: dropping two bits more than that gives the same as
        // dropping any number.
        let most_dropped = u32::try_from(range.with_zero().bits().1).ok()? + 2;
        let dropped = from_fraction.saturating_sub(to.format.fractional_bits());
        let rescaled = if dropped <= 0 {
            range.refined(dropped.unsigned_abs().min(width))
        } else {
            // The bias of every rounding mode is below 2^bits.
            let bias: BigInt = BigInt::one() << dropped.unsigned_abs().min(most_dropped);
            Range::new(range.low() - &bias, range.high() + &bias)
        };
        // A wrap adds and subtracts less than the number of codes.
        let count: BigInt = BigInt::one() << width;
        let wrapped = Range::new(rescaled.low() - &count, rescaled.high() + &count);
        all.contains(&wrapped).then(|| Self::new(from_fraction, to, most_dropped))
    }

    /// Casts all `codes`: loops without branches on the modes, which the compiler vectorises.
    #[inline(always)]
    pub(crate) fn apply_all(&self, codes: &mut [T]) {
        match &self.rescaling {
            Rescaling::Finer { bits: 0 } => self.limit_all(codes, |code| code),
            Rescaling::Finer { bits } => self.limit_all(codes, |code| code << *bits),
            Rescaling::Coarser { bits, half, rounding } => {
                let (bits, half) = (*bits, *half);
                let to = |mode: Rounding| move |code| coarser(code, bits, &half, mode);
                match rounding {
                    Rounding::Trn => self.limit_all(codes, to(Rounding::Trn)),
                    Rounding::TrnZero => self.limit_all(codes, to(Rounding::TrnZero)),
                    Rounding::Rnd => self.limit_all(codes, to(Rounding::Rnd)),
                    Rounding::RndMinInf => self.limit_all(codes, to(Rounding::RndMinInf)),
                    Rounding::RndZero => self.limit_all(codes, to(Rounding::RndZero)),
                    Rounding::RndInf => self.limit_all(codes, to(Rounding::RndInf)),
                    Rounding::RndConv => self.limit_all(codes, to(Rounding::RndConv)),
                    Rounding::RndConvOdd => self.limit_all(codes, to(Rounding::RndConvOdd)),
                }
            }
        }
    }

    /// Applies `rescale` to all `codes`, and then the overflow mode.
    #[inline(always)]
    fn limit_all(&self, codes: &mut [T], rescale: impl Fn(T) -> T) {
        let (low, high) = (self.low, self.high);
        let in_range = |code: T| low <= code && code <= high;
        match self.on_overflow {
            // Saturation: the codes beyond an end become the end.
            OnOverflow::Fixed { below, above } if (below, above) == (low, high) => {
                each(codes, |code| rescale(code).max(low).min(high));
            }
            OnOverflow::Fixed { below, above } => each(codes, |code| {
                let code = rescale(code);
                let end = if code < T::zero() { below } else { above };
                if in_range(code) { code } else { end }
            }),
            OnOverflow::Masked { mask, below, above } => each(codes, |code| {
                let code = rescale(code);
                let end = if code < T::zero() { below } else { above };
                if in_range(code) { code } else { end + (code & mask) }
            }),
            // A code in the range stays as it is.
            OnOverflow::Modulo { mask, first } => {
                each(codes, |code| ((rescale(code) - first) & mask) + first);
            }
        }
    }
}

#[inline(always)]
fn each<T: Copy>(codes: &mut [T], function: impl Fn(T) -> T) {
    for code in codes {
        *code = function(*code);
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
            Self::Coarser { bits, half, rounding } => coarser(code, *bits, half, *rounding),
        }
    }
}

/// `code` without its lowest `bits` bits, rounded; `half` = 2^(bits - 1).
#[inline(always)]
fn coarser<T: Wide>(code: T, bits: u32, half: &T, rounding: Rounding) -> T {
    let bias = rounding_bias(&code, bits, half, rounding);
    (code + bias) >> bits
}

/// Every rounding mode is floor((code + bias) / 2^bits) for some bias: `half` rounds half-way values
/// up, `half` - 1 rounds them down.
#[inline(always)]
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
