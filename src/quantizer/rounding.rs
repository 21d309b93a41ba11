//! Quotients and logarithms, rounded to integers without an error of their own.

use num_traits::Float;

use super::Quantizer;

/// Rounding of a quotient half-way between two integers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ties {
    Even,
    Away,
}

/// `x` / `lsb` rounded to an integer from `low` to `high`. The quotient may have no exact f64, so the
/// remainder, which always has, decides ties.
pub(super) fn quotient(x: f64, lsb: f64, (low, high): (f64, f64), ties: Ties) -> f64 {
    let quotient = x / lsb;
    if quotient >= high + 1.0 {
        return high;
    }
    if quotient <= low - 1.0 {
        return low;
    }
    let rest = libm::remainder(x, lsb);
    let mut code = ((x - rest) / lsb).round();
    let towards_zero = (rest < 0.0) == (x < 0.0);
    if ties == Ties::Away && towards_zero && rest.abs() * 2.0 == lsb.abs() {
        code += quotient.signum();
    }
    code.clamp(low, high)
}

/// `lsb` times `low`, `low` + 1, ... `high`; `None` if these are more than [`Quantizer::MAX_VALUES`].
pub(super) fn multiples((low, high): (f64, f64), lsb: f64) -> Option<Vec<f64>> {
    let count = high - low + 1.0;
    let is_short = count <= Quantizer::MAX_VALUES as f64;
    is_short.then(|| (0..count as i64).map(|above| (low + above as f64) * lsb).collect())
}

/// The largest k with 2^k ≤ `x`; `x` is positive and finite.
pub(super) fn floor_log2(x: f64) -> i32 {
    mantissa(x).1
}

/// log2(`x`) rounded to nearest; `x` is positive and finite. The threshold √2 · 2^k is irrational, so
/// there are no ties.
pub(super) fn round_log2(x: f64) -> i32 {
    let (mantissa, power) = mantissa(x);
    let square = u128::from(mantissa) * u128::from(mantissa);
    if square < 1 << (2 * 52 + 1) { power } else { power + 1 }
}

/// log2(√`x`) rounded half to even; `x` is positive and finite.
pub(super) fn round_log2_sqrt(x: f64) -> i32 {
    let (mantissa, power) = mantissa(x);
    let (half, odd) = (power.div_euclid(2), power.rem_euclid(2));
    // A tie is an odd power of two.
    let is_up = mantissa > 1 << 52 || half.rem_euclid(2) == 1;
    half + if is_up { odd } else { 0 }
}

/// `x` as m · 2^(k-52) with 2^52 ≤ m < 2^53.
fn mantissa(x: f64) -> (u64, i32) {
    let (mantissa, exponent, _) = x.integer_decode();
    let shift = mantissa.leading_zeros().saturating_sub(11);
    (mantissa << shift, i32::from(exponent) + 52 - shift as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: (f64, f64) = (-1e6, 1e6);

    #[test]
    fn ties_go_to_even_or_away() {
        for (x, even, away) in [(0.5, 0.0, 1.0), (1.5, 2.0, 2.0), (2.5, 2.0, 3.0), (0.49, 0.0, 0.0)]
        {
            for lsb in [1.0, 0.25, f64::from(0.7_f32)] {
                for sign in [1.0, -1.0] {
                    assert_eq!(quotient(x * lsb * sign, lsb, ALL, Ties::Even), even * sign);
                    assert_eq!(quotient(x * lsb * sign, lsb, ALL, Ties::Away), away * sign);
                    assert_eq!(quotient(x * lsb * sign, -lsb, ALL, Ties::Away), -away * sign);
                }
            }
        }
    }

    /// (k + ½) · lsb is between two f64 numbers whose quotients both round to k + ½.
    #[test]
    fn a_quotient_that_rounds_to_a_tie_is_no_tie() {
        let lsb = 1.0 + 2.0_f64.powi(-23);
        let tie = 2.5 * lsb;
        for ties in [Ties::Even, Ties::Away] {
            assert_eq!(quotient(tie.next_up(), lsb, ALL, ties), 3.0);
            assert_eq!(quotient(tie.next_down(), lsb, ALL, ties), 2.0);
        }
        assert_eq!(quotient(tie, lsb, ALL, Ties::Even), 2.0);
        assert_eq!(quotient(tie, lsb, ALL, Ties::Away), 3.0);
    }

    #[test]
    fn stays_within_its_bounds() {
        for (x, expected) in [(-1e300, -3.0), (f64::NEG_INFINITY, -3.0), (-3.4, -3.0), (1e9, 2.0)] {
            assert_eq!(quotient(x, 1.0, (-3.0, 2.0), Ties::Even), expected);
        }
    }

    proptest! {
        #[test]
        fn is_the_nearest(x in -1e4_f64..1e4, lsb in 0.01_f32..10.0) {
            let lsb = f64::from(lsb);
            let found = quotient(x, lsb, (-1e7, 1e7), Ties::Even);
            prop_assert_eq!(found.fract(), 0.0);
            prop_assert!((x / lsb - found).abs() <= 0.5 + 1e-9);
        }
    }

    #[test]
    fn rounds_like_the_logarithm_away_from_ties() {
        for i in 1..20_000 {
            let x = f64::from(i) / 256.0;
            let log = x.log2();
            assert_eq!(floor_log2(x), (log + 1e-12).floor() as i32, "{x}");
            assert_eq!(round_log2(x), log.round() as i32, "{x}");
            assert_eq!(round_log2_sqrt(x), (log / 2.0).round_ties_even() as i32, "{x}");
        }
    }

    #[test]
    fn the_threshold_is_between_the_neighbours_of_the_square_root() {
        let below = std::f64::consts::SQRT_2; // its square is not 2
        let (low, high) =
            if below * below < 2.0 { (below, below.next_up()) } else { (below.next_down(), below) };
        for k in [-300, -23, -1, 0, 1, 7, 300] {
            assert_eq!(round_log2(low * super::super::exp2(k)), k);
            assert_eq!(round_log2(high * super::super::exp2(k)), k + 1);
        }
    }

    #[test]
    fn ties_round_to_even() {
        let cases = [(2.0, 0), (8.0, 2), (32.0, 2), (0.5, 0), (0.125, -2), (2.0f64.powi(-5), -2)];
        for (x, half) in cases {
            assert_eq!(round_log2_sqrt(x), half, "{x}");
        }
    }

    #[test]
    fn subnormal_numbers_have_a_logarithm_too() {
        let tiny = f64::from_bits(1);
        assert_eq!((floor_log2(tiny), round_log2(tiny)), (-1074, -1074));
    }
}
