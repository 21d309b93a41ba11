use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive};
use proptest::prelude::*;

use super::{Caster, cast, cast_range};
use crate::fixed::{Format, Overflow, Quantization, Range, Rounding, Signedness};

/// `code` / 4 rounded to an integer, in a format that holds every result.
fn quarters(code: i64, rounding: Rounding) -> i64 {
    let to = Quantization::new(Format::signed(16, 16).unwrap(), rounding, Overflow::WRAP);
    Caster::<i64>::new(2, &to).unwrap().apply(&code)
}

#[test]
fn each_rounding_mode_as_the_manuals_draw_it() {
    //                 -7/4 -6/4 -5/4 -2/4 -1/4 0 1/4 2/4 3/4 5/4 6/4 7/4 10/4
    let codes = [-7, -6, -5, -2, -1, 0, 1, 2, 3, 5, 6, 7, 10];
    let expected = [
        (Rounding::Trn, [-2, -2, -2, -1, -1, 0, 0, 0, 0, 1, 1, 1, 2]),
        (Rounding::TrnZero, [-1, -1, -1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2]),
        (Rounding::Rnd, [-2, -1, -1, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3]),
        (Rounding::RndZero, [-2, -1, -1, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2]),
        (Rounding::RndInf, [-2, -2, -1, -1, 0, 0, 0, 1, 1, 1, 2, 2, 3]),
        (Rounding::RndMinInf, [-2, -2, -1, -1, 0, 0, 0, 0, 1, 1, 1, 2, 2]),
        (Rounding::RndConv, [-2, -2, -1, 0, 0, 0, 0, 0, 1, 1, 2, 2, 2]),
        (Rounding::RndConvOdd, [-2, -1, -1, -1, 0, 0, 0, 1, 1, 1, 1, 2, 3]),
    ];
    for (mode, results) in expected {
        assert_eq!(codes.map(|c| quarters(c, mode)), results, "{mode:?}");
    }
}

#[test]
fn each_overflow_mode_as_the_manuals_draw_it() {
    let codes = [-9, -8, -7, -1, 0, 7, 8, 9, 15, 16, 17];
    let expected: [(&str, [i64; 11]); 12] = [
        ("fixed<4,4>", [7, -8, -7, -1, 0, 7, -8, -7, -1, 0, 1]),
        ("fixed<4,4,TRN,SAT>", [-8, -8, -7, -1, 0, 7, 7, 7, 7, 7, 7]),
        ("fixed<4,4,TRN,SAT_ZERO>", [0, -8, -7, -1, 0, 7, 0, 0, 0, 0, 0]),
        ("fixed<4,4,TRN,SAT_SYM>", [-7, -7, -7, -1, 0, 7, 7, 7, 7, 7, 7]),
        ("fixed<4,4,TRN,WRAP,1>", [-1, -8, -7, -1, 0, 7, 0, 1, 7, 0, 1]),
        ("fixed<4,4,TRN,WRAP,2>", [-5, -8, -7, -1, 0, 7, 4, 5, 7, 4, 5]),
        ("fixed<4,4,TRN,WRAP,4>", [-8, -8, -7, -1, 0, 7, 7, 7, 7, 7, 7]),
        ("ufixed<4,4>", [7, 8, 9, 15, 0, 7, 8, 9, 15, 0, 1]),
        ("ufixed<4,4,TRN,SAT>", [0, 0, 0, 0, 0, 7, 8, 9, 15, 15, 15]),
        ("ufixed<4,4,TRN,SAT_ZERO>", [0, 0, 0, 0, 0, 7, 8, 9, 15, 0, 0]),
        ("ufixed<4,4,TRN,SAT_SYM>", [0, 0, 0, 0, 0, 7, 8, 9, 15, 15, 15]),
        ("ufixed<4,4,TRN,WRAP,1>", [15, 8, 9, 15, 0, 7, 8, 9, 15, 8, 9]),
    ];
    for (to, results) in expected {
        let caster = Caster::<i64>::new(0, &to.parse().unwrap()).unwrap();
        assert_eq!(codes.map(|c| caster.apply(&c)), results, "{to}");
    }
}

#[test]
fn a_wide_target_has_no_fast_caster() {
    for (to, narrow) in [("fixed<64,1>", true), ("ufixed<64,1>", false), ("fixed<65,1>", false)] {
        let to: Quantization = to.parse().unwrap();
        assert_eq!(Caster::<i64>::new(3, &to).is_some(), narrow, "{to}");
        assert!(Caster::<BigInt>::new(3, &to).is_some());
    }
}

#[test]
fn shifts_beyond_every_width_stay_cheap_and_right() {
    let to: Quantization = "fixed<8,8,TRN,SAT>".parse().unwrap();
    for (fraction, code, expected) in [
        (i32::MIN, 1, 127),
        (i32::MIN, -1, -128),
        (i32::MIN, 0, 0),
        (2000, i64::MAX, 0),
        (2000, i64::MIN, -1),
    ] {
        assert_eq!(Caster::<i64>::new(fraction, &to).unwrap().apply(&code), expected);
        assert_eq!(cast(&code, fraction, &to), BigInt::from(expected));
    }
}

prop_compose! {
    fn any_quantization(widest: u32)(
        signed: bool,
        width in 1..=widest,
        integer in -40..170i32,
        rounding in 0..Rounding::ALL.len(),
        overflow in 0..5usize,
        bits: u8,
    ) -> Quantization {
        let signedness = if signed { Signedness::Signed } else { Signedness::Unsigned };
        let format = Format::new(signedness, width, integer).unwrap();
        let overflow = match overflow {
            0 => Overflow::WRAP,
            1 => Overflow::Sat,
            2 => Overflow::SatZero,
            3 => Overflow::SatSym,
            _ => Overflow::Wrap { saturated_bits: 1 + bits % (width as u8) },
        };
        Quantization::new(format, Rounding::ALL[rounding], overflow)
    }
}

/// Codes of every magnitude.
fn any_code() -> impl Strategy<Value = i64> {
    (any::<i64>(), 0..64u32).prop_map(|(code, shift)| code >> shift)
}

/// The value of a code, exactly: numerator over 2^4096.
fn value(code: &BigInt, fraction: i32) -> BigInt {
    code << (4096 - fraction)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn the_fast_path_equals_the_big_one(
        to in any_quantization(63), code in any_code(), fraction in -140..300i32,
    ) {
        let fast = Caster::<i64>::new(fraction, &to).unwrap().apply(&code);
        prop_assert_eq!(BigInt::from(fast), cast(&code, fraction, &to));
    }

    #[test]
    fn results_are_codes_of_the_target(
        to in any_quantization(128), code: i128, fraction in -200..400i32,
    ) {
        let result = cast(&BigInt::from(code), fraction, &to);
        let all = to.format.codes();
        prop_assert!(*all.low() <= result && result <= *all.high());
    }

    #[test]
    fn rounding_stays_within_its_bound(
        to in any_quantization(128), code: i128, fraction in 0..200i32,
    ) {
        // Wide enough above the point for every source value: only rounding acts.
        let to = Quantization {
            format: Format::signed(128, 128 - to.format.fractional_bits().clamp(-20, 0)).unwrap(),
            ..to
        };
        let code = BigInt::from(code >> 20);
        let result = cast(&code, fraction, &to);
        let error = value(&result, to.format.fractional_bits()) - value(&code, fraction);
        let lsb = value(&BigInt::from(1), to.format.fractional_bits());
        match to.rounding {
            Rounding::Trn => prop_assert!(!error.is_positive() && -error < lsb),
            Rounding::TrnZero => {
                prop_assert!(error.abs() < lsb);
                prop_assert!(result.abs() << (4096 - to.format.fractional_bits()) <= value(&code.abs(), fraction));
            }
            _ => prop_assert!(error.abs() * 2 <= lsb),
        }
    }

    #[test]
    fn a_second_cast_changes_nothing(
        to in any_quantization(128), code: i128, fraction in -200..400i32,
    ) {
        let once = cast(&BigInt::from(code), fraction, &to);
        // Except that SAT_SYM moves the smallest code, which no first cast gives.
        prop_assert_eq!(cast(&once, to.format.fractional_bits(), &to), once);
    }

    #[test]
    fn saturation_clamps(code in any_code(), fraction in -20..60i32, to in any_quantization(63)) {
        let wide = Quantization {
            format: Format::signed(128, 128 - to.format.fractional_bits()).unwrap(),
            overflow: Overflow::WRAP,
            ..to
        };
        let all = to.format.codes();
        let shift = to.format.fractional_bits() - fraction;
        prop_assume!(shift < 60);
        let unbounded = cast(&code, fraction, &wide);
        let saturated = cast(&code, fraction, &Quantization { overflow: Overflow::Sat, ..to });
        prop_assert_eq!(saturated, unbounded.clamp(all.low().clone(), all.high().clone()));
    }

    #[test]
    fn wrapping_is_modulo_the_number_of_codes(code: i64, to in any_quantization(63)) {
        let to = Quantization { overflow: Overflow::WRAP, ..to };
        let result = cast(&code, to.format.fractional_bits(), &to);
        let all = to.format.codes();
        let codes = (all.high() - all.low() + 1i32).to_i128().unwrap();
        prop_assert_eq!((i128::from(code) - result.to_i128().unwrap()).rem_euclid(codes), 0);
    }
}

#[test]
fn the_range_of_a_cast_is_that_of_all_its_codes() -> Result<(), crate::fixed::FormatError> {
    for text in [
        "fixed<4,2,RND_CONV,SAT>",
        "fixed<4,2,RND_INF,SAT_SYM>",
        "ufixed<3,1,TRN_ZERO,SAT>",
        "fixed<4,3>",
        "fixed<5,3,RND,SAT_ZERO>",
        "ufixed<8,6,RND,WRAP,2>",
    ] {
        let to: Quantization = text.parse()?;
        for low in -40..40_i64 {
            for high in low..40 {
                let range = cast_range(&Range::new(low, high), 3, &to);
                let reached: Vec<_> = (low..=high).map(|c| cast(&c, 3, &to)).collect();
                let hull = reached.iter().min().zip(reached.iter().max());
                let hull = hull.map(|(a, b)| Range::new(a.clone(), b.clone()));
                let hull = hull.unwrap_or_else(|| Range::point(0));
                assert!(range.contains(&hull), "{text} of [{low}, {high}]");
                assert!(range == hull || range == to.format.codes(), "{text}: [{low}, {high}]");
            }
        }
    }
    Ok(())
}
