//! Real numbers onto a grid.

use num_bigint::BigInt;
use num_traits::{Float, Zero};

use super::{Quantization, cast};

/// The code that `value`, taken as the exact number that it is, becomes in `to`; `None` if it is NaN
/// or infinite.
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
    let fraction = to.format.fraction() + GUARD;
    Some(cast(&with_guard(value, fraction)?, fraction, to))
}

/// Bits behind the target's last one: a half, and whether anything lies behind it. No rounding
/// mode asks for more.
const GUARD: i32 = 2;

/// `value` in steps of 2^-`fraction`, rounded down; where that drops something the lowest bit is set.
fn with_guard(value: f64, fraction: i32) -> Option<BigInt> {
    if !value.is_finite() {
        return None;
    }
    let (mantissa, exponent, sign) = value.integer_decode();
    let code = BigInt::from(mantissa) * sign;
    let shift = i32::from(exponent) + fraction;
    if shift >= 0 {
        return Some(code << shift.unsigned_abs());
    }
    let kept: BigInt = &code >> shift.unsigned_abs();
    let dropped = code - (&kept << shift.unsigned_abs());
    Some(if dropped.is_zero() { kept } else { kept | BigInt::from(1) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixed::{Format, Overflow, Rounding};

    proptest! {
        #[test]
        fn is_the_cast_of_the_exact_number(
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
    }

    #[test]
    fn takes_the_ends_of_the_doubles() {
        let to = |text: &str| text.parse::<Quantization>().unwrap();
        let tiny = f64::from_bits(1);
        assert_eq!(cast_real(tiny, &to("fixed<8,4>")), Some(0.into()));
        assert_eq!(cast_real(-tiny, &to("fixed<8,4>")), Some((-1).into()));
        assert_eq!(cast_real(-tiny, &to("fixed<8,4,RND>")), Some(0.into()));
        assert_eq!(cast_real(f64::MAX, &to("ufixed<8,4,TRN,SAT>")), Some(255.into()));
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(cast_real(odd, &to("fixed<8,4>")), None);
        }
    }
}
