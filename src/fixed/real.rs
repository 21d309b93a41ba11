//! Real numbers as codes.
//!
//! A finite f64 is an integer times a power of two. Every conversion starts from these two numbers,
//! so that a value is rounded at most once.

use num_bigint::BigInt;
use num_traits::{Float, ToPrimitive};

use super::{Quantization, Rounding, cast, rescale};

/// The code of `value` with `fraction` fractional bits; `None` if `value` is no multiple of
/// 2^-`fraction` or not finite.
pub fn exact_code(value: f64, fraction: i32) -> Option<BigInt> {
    let (mantissa, exponent) = odd_mantissa(value)?;
    let shift = exponent + fraction;
    (shift >= 0 || mantissa == 0).then(|| BigInt::from(mantissa) << shift.max(0).unsigned_abs())
}

/// The code with `fraction` fractional bits that is nearest to `value`, half-way values rounded up;
/// `None` if `value` is not finite.
pub fn nearest_code(value: f64, fraction: i32) -> Option<BigInt> {
    rounded_code(value, fraction, Rounding::Rnd)
}

/// The smallest code with `fraction` fractional bits that is not below `value`; `None` if `value` is
/// not finite.
pub fn ceil_code(value: f64, fraction: i32) -> Option<BigInt> {
    rounded_code(-value, fraction, Rounding::Trn).map(|code| -code)
}

/// The code that `value` becomes in `to`, rounded once; `None` if `value` is NaN or infinite.
///
/// ```
/// use bitkiln::fixed::cast_real;
/// assert_eq!(cast_real(0.3, &"fixed<8,4>".parse()?), Some(4.into()));
/// assert_eq!(cast_real(0.3, &"fixed<8,4,RND,SAT>".parse()?), Some(5.into()));
/// assert_eq!(cast_real(-1e300, &"fixed<8,4,RND,SAT>".parse()?), Some((-128).into()));
/// assert_eq!(cast_real(f64::NAN, &"fixed<8,4>".parse()?), None);
/// # Ok::<(), bitkiln::fixed::FormatError>(())
/// ```
pub fn cast_real(value: f64, to: &Quantization) -> Option<BigInt> {
    let (mantissa, exponent) = odd_mantissa(value)?;
    Some(cast(&mantissa, -exponent, to))
}

/// The value of `code` with `fraction` fractional bits, rounded to the nearest f64.
pub(crate) fn code_value(code: &BigInt, fraction: i32) -> f64 {
    libm::ldexp(code.to_f64().expect("a BigInt has an f64, be it infinite"), -fraction)
}

/// Fractional bits that represent `value` exactly, negative for multiples of 2; `None` if `value` is
/// 0 or not finite.
pub fn fractional_bits(value: f64) -> Option<i32> {
    odd_mantissa(value).filter(|(mantissa, _)| *mantissa != 0).map(|(_, exponent)| -exponent)
}

/// Bits from the first to the last one that is set in the mantissa of `value`; 0 for 0 and for what
/// is not finite.
pub(crate) fn significant_bits(value: f64) -> u32 {
    odd_mantissa(value).map_or(0, |(m, _)| u64::BITS - m.unsigned_abs().leading_zeros())
}

/// 2^`power` as an f64.
pub(crate) fn exp2(power: i32) -> f64 {
    libm::ldexp(1.0, power)
}

/// The k for which `value` is 2^k or -2^k.
pub(crate) fn power_of_two(value: f64) -> Option<i32> {
    odd_mantissa(value).filter(|(m, _)| m.unsigned_abs() == 1).map(|(_, exponent)| exponent)
}

/// The k for which `code` is 2^k or -2^k: a product with it is a shift.
pub(crate) fn power_of_two_code(code: &BigInt) -> Option<u64> {
    let magnitude = code.magnitude();
    magnitude.trailing_zeros().filter(|_| magnitude.count_ones() == 1)
}

/// Signed mantissa m and exponent e of a finite `value` = m · 2^e with an odd m; zeros for 0.
fn odd_mantissa(value: f64) -> Option<(i64, i32)> {
    if !value.is_finite() {
        return None;
    }
    let (mantissa, exponent, sign) = value.integer_decode();
    if mantissa == 0 {
        return Some((0, 0));
    }
    let zeros = mantissa.trailing_zeros();
    let magnitude = (mantissa >> zeros).cast_signed();
    Some((magnitude * i64::from(sign), i32::from(exponent) + zeros.cast_signed()))
}

fn rounded_code(value: f64, fraction: i32, rounding: Rounding) -> Option<BigInt> {
    let (mantissa, exponent) = odd_mantissa(value)?;
    Some(rescale(&mantissa.into(), -exponent, fraction, rounding))
}

#[cfg(test)]
mod tests {
    use num_traits::One;
    use proptest::prelude::*;

    use super::*;
    use crate::fixed::{Format, Overflow};

    proptest! {
        #[test]
        fn cast_real_is_the_cast_of_the_exact_number(
            code in any::<i64>(), fraction in 0..70_i32, width in 1..20_u32, integer in -8..12_i32,
            rounding in proptest::sample::select(&Rounding::ALL),
        ) {
            let code = code >> 11; // exact as a double
            let value = libm::ldexp(code as f64, -fraction);
            for overflow in [Overflow::Sat, Overflow::WRAP] {
                let format = Format::signed(width, integer).unwrap();
                let to = Quantization::new(format, rounding, overflow);
                prop_assert_eq!(cast_real(value, &to), Some(cast(&code, fraction, &to)));
            }
        }

        #[test]
        fn exact_values_have_their_code_back(code: i32, fraction in -60..60_i32) {
            let value = libm::ldexp(code.into(), -fraction);
            prop_assert_eq!(exact_code(value, fraction), Some(code.into()));
            prop_assert_eq!(nearest_code(value, fraction), Some(code.into()));
            prop_assert_eq!(ceil_code(value, fraction), Some(code.into()));
            prop_assert!(fractional_bits(value).is_none_or(|bits| bits <= fraction));
        }

        #[test]
        fn rounded_codes_surround_the_value(value in -1e6..1e6_f64, fraction in 0..20_i32) {
            let scaled = libm::ldexp(value, fraction);
            let code = |code: Option<BigInt>| code.and_then(|code| code.to_f64()).unwrap();
            prop_assert_eq!(code(nearest_code(value, fraction)), (scaled + 0.5).floor());
            prop_assert_eq!(code(ceil_code(value, fraction)), scaled.ceil());
        }
    }

    #[test]
    fn only_multiples_of_the_lsb_have_an_exact_code() {
        assert_eq!(exact_code(-0.75, 2), Some((-3).into()));
        assert_eq!(exact_code(-0.75, 1), None);
        assert_eq!(exact_code(12.0, -2), Some(3.into()));
        assert_eq!(exact_code(2.0, -2), None);
        assert_eq!(exact_code(-0.0, -5), Some(0.into()));
        assert_eq!(exact_code(f64::from_bits(1), 1074), Some(1.into()));
        assert_eq!(exact_code(1e300, 0), Some(format!("{:.0}", 1e300).parse().unwrap()));
    }

    #[test]
    fn half_way_values_round_up() {
        let nearest = |value| nearest_code(value, 1).unwrap();
        assert_eq!([0.25, -0.25, 0.75, -0.75].map(nearest), [1, 0, 2, -1].map(BigInt::from));
        assert_eq!(nearest(f64::from_bits(1)), 0.into());
        assert_eq!((ceil_code(0.3, 0), ceil_code(-0.3, 0)), (Some(1.into()), Some(0.into())));
    }

    #[test]
    fn the_ends_of_the_doubles_are_cast() {
        let to = |text: &str| text.parse::<Quantization>().unwrap();
        let tiny = f64::from_bits(1);
        assert_eq!(cast_real(tiny, &to("fixed<8,4>")), Some(0.into()));
        assert_eq!(cast_real(-tiny, &to("fixed<8,4>")), Some((-1).into()));
        assert_eq!(cast_real(-tiny, &to("fixed<8,4,RND>")), Some(0.into()));
        assert_eq!(cast_real(f64::MAX, &to("ufixed<8,4,TRN,SAT>")), Some(255.into()));
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(cast_real(odd, &to("fixed<8,4>")), None);
            assert_eq!(
                (exact_code(odd, 0), nearest_code(odd, 0), ceil_code(odd, 0)),
                (None, None, None)
            );
        }
    }

    #[test]
    fn powers_of_two_are_recognised() {
        for (value, power) in [(1.0, 0), (-0.25, -2), (8.0, 3), (f64::from_bits(1), -1074)] {
            assert_eq!((power_of_two(value), fractional_bits(value)), (Some(power), Some(-power)));
            assert_eq!((exp2(power), significant_bits(value)), (value.abs(), 1));
        }
        for value in [0.0, 0.3, 3.0, 1.0_f64.next_up(), f64::NAN, f64::INFINITY] {
            assert_eq!(power_of_two(value), None, "{value}");
        }
        assert_eq!([0.0, 0.3, 3.0, -10.0].map(significant_bits), [0, 53, 2, 3]);
        let code = |code: i64| power_of_two_code(&code.into());
        assert_eq!([0, 1, -8, 6].map(code), [None, Some(0), Some(3), None]);
        assert_eq!(power_of_two_code(&(BigInt::one() << 90)), Some(90));
    }
}
