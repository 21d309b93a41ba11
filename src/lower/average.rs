//! Averages and other quotients: multiplication by a rational number.
//!
//! A rational number with a finite binary expansion is an exact scale; a power of two shifts the
//! binary point. Any other quotient is rounded to f fractional bits, enough for
//! [`analysis`](crate::ir::analysis) to prove that quantizers give the exact codes: [`GUARD`] more
//! than a quantizer with the LSB of the operand needs.
//!
//! Hardware multiplies by a rounded reciprocal, whose error the rounding hides: multiples of 2^-f /
//! n are ties, or 2^-f / 2n or more away from ties, because n is odd. A reciprocal whose error is
//! less than that, divided by the largest operand, rounds to the same code.

use ndarray::Array1;
use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{Float, One, Signed, Zero};

use super::activation::{NodeScope, cast, scale};
use super::builder::Builder;
use super::{LowerError, LowerWarning};
use crate::fixed::{Format, FormatError, Overflow, Quantization, Range, Rounding};
use crate::ir::analysis::{Quotients, common_multiple};
use crate::ir::{Affine, Constant, Linear, NodeId, Reshape, Tensor};

/// Fractional bits beyond those that a quantizer with the LSB of the operand needs.
pub(super) const GUARD: u32 = 16;

/// Bits kept of sums whose products would exceed [`WIDEST`] bits.
const FEWER: u64 = 40;

/// Widest product of a sum and a reciprocal, with some room below the widest format.
const WIDEST: u64 = 120;

/// The largest denominator of a simple fraction.
const SIMPLE: u64 = 1 << 12;

/// `numerator` / `denominator` · 2^-`fraction`, the denominator being odd.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rational {
    numerator: BigInt,
    denominator: u64,
    fraction: i32,
}

impl Rational {
    /// `part` / `whole`.
    pub(super) fn ratio(part: u64, whole: u64) -> Self {
        let divisor = part.gcd(&whole).max(1);
        let (part, whole) = (part / divisor, (whole / divisor).max(1));
        let fraction = whole.trailing_zeros();
        Self {
            numerator: part.into(),
            denominator: whole >> fraction,
            fraction: fraction.cast_signed(),
        }
    }

    /// Reciprocal of the divisor `value`, which is neither 0 nor infinite. The divisor is taken as
    /// the simplest fraction that float32 rounds to `value`, up to a power of two: 0.1 is one
    /// tenth, so that quotients are ties of a quantizer where most results of float32 are. If no
    /// fraction is simple, the divisor is `value` itself.
    pub(super) fn reciprocal(value: f32) -> Self {
        let (mantissa, exponent, sign) = value.integer_decode();
        // value = number · 2^power, and number from 1 to below 2.
        let bits = u64::BITS - mantissa.leading_zeros();
        let power = i32::from(exponent).saturating_add_unsigned(bits.saturating_sub(1));
        let number = libm::ldexp(mantissa as f64, 1 - bits.cast_signed());
        let fraction = |below: u64| ((number * below as f64).round() as u64, below);
        let is_it =
            |(above, below): &(u64, u64)| (*above as f64 / *below as f64) as f32 == number as f32;
        let simplest = (1..=SIMPLE).map(fraction).find(is_it);
        let (above, below) =
            simplest.unwrap_or((mantissa, 1 << bits.saturating_sub(1).min(u64::BITS - 1)));
        let twos = below.trailing_zeros();
        let ratio = Self::ratio(below >> twos, above);
        Self {
            numerator: ratio.numerator * sign,
            fraction: ratio.fraction.saturating_add(power).saturating_sub_unsigned(twos),
            ..ratio
        }
    }

    /// Times `code` · 2^-`fraction`.
    pub(super) fn times(self, code: &BigInt, fraction: i32) -> Self {
        Self {
            numerator: self.numerator * code,
            denominator: self.denominator,
            fraction: self.fraction.saturating_add(fraction),
        }
    }

    /// The least n with a magnitude of at most 2^n, or one more.
    fn bits(&self) -> i32 {
        let above = i32::try_from(self.numerator.bits()).unwrap_or(i32::MAX);
        let below = self.denominator.ilog2().cast_signed();
        above.saturating_sub(below).saturating_sub(self.fraction)
    }

    /// The code of the nearest number with `fraction` fractional bits.
    fn code(&self, fraction: i32) -> BigInt {
        let up = fraction.saturating_sub(self.fraction).max(0).unsigned_abs();
        let (twice, whole) = (&self.numerator << (up + 1), BigInt::from(self.denominator));
        // Ties do not occur: the denominator is odd.
        (twice + &whole).div_floor(&(whole << 1))
    }
}

/// `node` times `factors`: one for all, one per channel, or one per element.
pub(super) fn multiply(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    node: NodeId,
    factors: &[Rational],
) -> Result<NodeId, LowerError> {
    let too_wide = scope.format_error("average");
    let same = factors.windows(2).all(|pair| pair[0] == pair[1]);
    let factors = if same { &factors[..1] } else { factors };
    let denominator = factors.iter().map(|factor| factor.denominator).max();
    let denominator = denominator.expect("at least one factor");
    let exact = denominator == 1;
    let fraction = factors.iter().map(|factor| factor.fraction).max();
    let fraction = fraction.expect("at least one factor");
    // A divisor below 1 makes the LSB of quotients coarser, but not that of a quantizer after them.
    let fraction = if exact { fraction } else { fraction.max(0) };
    if let [factor] = factors
        && factor.numerator.is_one()
        && exact
    {
        if fraction == 0 {
            return Ok(node);
        }
        return scale(builder, scope, scope.suffix("average"), node, -fraction);
    }
    let x = builder.tensor(node).clone();
    let range = x.range();
    let largest = range.low().bits().max(range.high().bits());
    let bits = u64::BITS - denominator.leading_zeros();
    if !exact && largest > FEWER && 2 * (largest + u64::from(bits)) + u64::from(GUARD) > WIDEST {
        // Reciprocals are as wide as the sums, so that products would exceed the widest format.
        let fewer = i32::try_from(largest - FEWER).unwrap_or(i32::MAX);
        let to =
            nearest(&x, x.format.fractional_bits().saturating_sub(fewer)).map_err(&too_wide)?;
        let bits = FEWER as u32;
        builder.warn(LowerWarning::Rounded { layer: scope.layer.into(), what: "sums", bits });
        let node = cast(builder, scope.layer, "rounded", node, &to)?;
        return multiply(builder, scope, node, factors);
    }
    // Fractional bits of the exact quotients' numerators, and of the rounded quotients.
    let own = i64::from(x.format.fractional_bits()) + i64::from(fraction);
    let rounded = own + i64::from(bits + GUARD);
    let position = |position: i64| {
        i32::try_from(position).map_err(|_| too_wide(FormatError::Position(position)))
    };
    let precise = if exact {
        fraction
    } else {
        let largest = i64::try_from(largest).unwrap_or(i64::MAX);
        position(i64::from(fraction) + largest + i64::from(2 * bits + GUARD) + 1)?
    };
    let codes: Vec<BigInt> = factors.iter().map(|factor| factor.code(precise)).collect();
    // Factors per element are factors per channel of the flattened tensor.
    let by_element = ![1, x.channel_count()].contains(&codes.len());
    let codes = Array1::from_vec(codes).into_dyn();
    let affine =
        Affine { scale: Constant::of_codes(codes, precise).map_err(&too_wide)?, bias: None };
    let (operand, mut node) = (node, node);
    if by_element {
        node = builder.add(scope.layer, "shape", Reshape { shape: vec![x.len()] }, node)?;
    }
    let part = |last: bool, name| if last { scope.suffix(name) } else { name };
    let scaled = part(exact && !by_element, if exact { "average" } else { "quotient" });
    node = builder.add(scope.layer, scaled, affine, node)?;
    if !exact {
        let to = nearest(builder.tensor(node), position(rounded)?).map_err(&too_wide)?;
        node = cast(builder, scope.layer, part(!by_element, "average"), node, &to)?;
        record(builder, (operand, node), factors, [position(own)?, position(rounded + 1)?]);
    }
    if by_element {
        node = builder.add(scope.layer, "shape", Reshape { shape: x.shape }, node)?;
    }
    Ok(node)
}

/// Records the quotients in `node`, products of `operand` with `factors`: multiples of 2^-`own` / n
/// where the operand is exact, stored with an error of 2^-`error`.
fn record(
    builder: &mut Builder<'_>,
    (operand, node): (NodeId, NodeId),
    factors: &[Rational],
    [own, error]: [i32; 2],
) {
    let mut denominators = factors.iter().map(|factor| factor.denominator);
    let Some(odd) = denominators.try_fold(1, common_multiple) else { return };
    let known = match builder.quotients_of(operand) {
        None => Some(Quotients { odd, fraction: own, error, is_rounded: true }),
        Some(known) => {
            let fraction = own.saturating_sub(builder.tensor(operand).format.fractional_bits());
            let growth = factors.iter().map(Rational::bits).max().expect("at least one factor");
            known.times(odd, fraction, growth, error)
        }
    };
    if let Some(known) = known {
        builder.quotients.insert(node, known);
    }
}

/// `node`, the dot products of `linear` with `operand`: rounded by the theorem of
/// [`analysis`](crate::ir::analysis) if the operand holds quotients.
pub(super) fn rounded_sums(
    builder: &mut Builder<'_>,
    layer: &str,
    node: NodeId,
    (operand, linear): (NodeId, &Linear),
) -> Result<NodeId, LowerError> {
    let Some(known) = builder.quotients_of(operand) else { return Ok(node) };
    builder.quotients.insert(node, known.dot(linear));
    rounded(builder, layer, node)
}

/// `node` before a quantizer: rounded by the theorem of [`analysis`](crate::ir::analysis) if it
/// holds quotients.
pub(super) fn rounded(
    builder: &mut Builder<'_>,
    layer: &str,
    node: NodeId,
) -> Result<NodeId, LowerError> {
    let Some(known) = builder.quotients_of(node) else { return Ok(node) };
    let stored = builder.tensor(node).format.fractional_bits();
    let Some(fraction) = known.rounding(stored) else { return Ok(node) };
    let too_wide = |error| LowerError::Format { layer: layer.into(), part: "accumulator", error };
    let to = nearest(builder.tensor(node), fraction).map_err(too_wide)?;
    let node = cast(builder, layer, "nearest", node, &to)?;
    builder.quotients.insert(node, Quotients { error: fraction, is_rounded: true, ..known });
    Ok(node)
}

/// The type that holds `x` rounded to `fraction` fractional bits.
pub(super) fn nearest(x: &Tensor, fraction: i32) -> Result<Quantization, FormatError> {
    let dropped = x.format.fractional_bits().saturating_sub(fraction);
    let dropped = dropped.max(0).unsigned_abs();
    let range = x.range();
    // Rounding moves an end by less than one LSB.
    let low = (range.low() >> dropped) - 1;
    let high = (range.high() >> dropped) + 1;
    let low = if range.low().is_negative() { low } else { BigInt::zero() };
    let format = Format::covering(&Range::new(low, high), fraction)?;
    Ok(Quantization::new(format, Rounding::Rnd, Overflow::WRAP))
}

#[cfg(test)]
mod tests {
    use num_traits::ToPrimitive;

    use super::*;

    #[test]
    fn ratios_are_reduced() {
        let factor = |numerator: i64, denominator, fraction| Rational {
            numerator: numerator.into(),
            denominator,
            fraction,
        };
        assert_eq!(Rational::ratio(1, 8), factor(1, 1, 3));
        assert_eq!(Rational::ratio(1, 12), factor(1, 3, 2));
        assert_eq!(Rational::ratio(9, 6), factor(3, 1, 1));
        assert_eq!(Rational::ratio(9, 6).times(&(-5).into(), 4), factor(-15, 1, 5));
        assert_eq!(Rational::reciprocal(12.0), Rational::ratio(1, 12));
        assert_eq!(Rational::reciprocal(-0.75), factor(-1, 3, -2));
        assert_eq!(Rational::reciprocal(f32::MIN_POSITIVE / 2.0), factor(1, 1, -127));
    }

    /// Decimal divisors are their fractions, and float32 rounds every divisor to itself.
    #[test]
    fn divisors_are_the_simplest_fractions() {
        for (above, below) in [(1, 10), (3, 10), (37, 10), (1, 3), (255, 1), (999, 1000)] {
            let value = (above as f64 / below as f64) as f32;
            let (found, meant) = (Rational::reciprocal(value), Rational::ratio(below, above));
            let number = |factor: &Rational| {
                libm::ldexp(1.0, -factor.fraction) * factor.numerator.to_f64().unwrap()
            };
            assert_eq!((found.denominator, number(&found)), (meant.denominator, number(&meant)));
        }
        let mut bits = 1_u32;
        while let value = f32::from_bits(bits)
            && value.is_finite()
        {
            let factor = Rational::reciprocal(value);
            let (above, below) = (factor.denominator as f64, factor.numerator.to_f64());
            let found = below.map(|below| libm::ldexp(above / below, factor.fraction) as f32);
            assert_eq!(found, Some(value));
            bits += 0x10_3253;
        }
    }

    #[test]
    fn codes_are_nearest() {
        for (factor, fraction, code) in [
            (Rational::ratio(1, 3), 2, 1),
            (Rational::ratio(2, 3), 2, 3),
            (Rational::ratio(1, 3).times(&(-1).into(), 0), 2, -1),
            (Rational::ratio(1, 3).times(&(-2).into(), 0), 2, -3),
            (Rational::ratio(1, 8), 5, 4),
        ] {
            assert_eq!(factor.code(fraction), code.into(), "{factor:?}");
        }
    }
}
