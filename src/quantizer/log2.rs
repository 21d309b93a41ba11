//! Logarithms to base 2, rounded without computing them.

use num_traits::Float;

/// The largest k with 2^k ≤ `x`; `x` is positive and finite.
pub(super) fn floor_log2(x: f64) -> i32 {
    mantissa(x).1
}

/// log2(`x`) to the nearest integer; `x` is positive and finite. A tie would take an irrational
/// `x`: the bound is √2 · 2^k.
pub(super) fn round_log2(x: f64) -> i32 {
    let (mantissa, power) = mantissa(x);
    let square = u128::from(mantissa) * u128::from(mantissa);
    if square < 1 << (2 * 52 + 1) { power } else { power + 1 }
}

/// log2(√`x`) to the nearest integer, halves to even; `x` is positive and finite.
pub(super) fn round_log2_sqrt(x: f64) -> i32 {
    let (mantissa, power) = mantissa(x);
    let half = power.div_euclid(2);
    let above_tie = power.rem_euclid(2) == 1 && mantissa > 1 << 52;
    let tie = power.rem_euclid(2) == 1 && mantissa == 1 << 52;
    if above_tie || (tie && half.rem_euclid(2) == 1) { half + 1 } else { half }
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
    fn the_bound_lies_between_two_neighbours_of_the_square_root() {
        let below = std::f64::consts::SQRT_2; // rounded up or down, its square is not 2
        let (low, high) =
            if below * below < 2.0 { (below, below.next_up()) } else { (below.next_down(), below) };
        for k in [-300, -23, -1, 0, 1, 7, 300] {
            assert_eq!(round_log2(low * super::super::exp2(k)), k);
            assert_eq!(round_log2(high * super::super::exp2(k)), k + 1);
        }
    }

    #[test]
    fn halves_go_to_even() {
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
