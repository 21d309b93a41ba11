//! Each quantizer against QKeras' definition, written once more without regard to hardware.

pub(super) mod cases;
mod errors;
mod laws;
mod literal;
mod parameters;
mod stages;
mod step_functions;
mod text;

use proptest::prelude::*;

use super::Quantizer;
use cases::{any_case, binary, bits, line, plain_case, ternary};

/// Multiples of 2^-fraction around 0, and some numbers far away, ascending.
fn numbers(fraction: i32) -> impl Iterator<Item = f64> {
    let far = [-1e30, -1e9, -70_000.0];
    let near = (-1200..=1200).map(move |code| f64::from(code) * 2.0_f64.powi(-fraction));
    let outside = move |x: &f64| x.abs() > 1200.0 * 2.0_f64.powi(-fraction);
    let below = far.into_iter().filter(outside);
    let above = far.into_iter().rev().map(|x| -x).filter(outside);
    below.chain(near).chain(above)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn applies_what_qkeras_defines(case in prop_oneof![6 => any_case(), 1 => line()], fraction in -3..12_i32) {
        let quantizer = case.quantizer();
        for x in numbers(fraction) {
            prop_assert_eq!(quantizer.apply(x), (case.definition)(x) + 0.0, "{} of {}", &quantizer, x);
        }
    }

    #[test]
    fn a_zero_has_no_sign(case in any_case(), fraction in -3..12_i32) {
        let quantizer = case.quantizer();
        for x in numbers(fraction) {
            let y = quantizer.apply(x);
            prop_assert!(y != 0.0 || y.is_sign_positive(), "{} of {}", &quantizer, x);
        }
    }

    #[test]
    fn lists_its_values(case in any_case(), fraction in -3..12_i32) {
        let quantizer = case.quantizer();
        let values = quantizer.values().unwrap();
        prop_assert!(values.is_sorted_by(|a, b| a < b), "{:?}", values);
        for x in numbers(fraction) {
            let y = quantizer.apply(x);
            prop_assert!(values.contains(&y), "{} makes {} of {}, not in {:?}", &quantizer, y, x, values);
        }
    }

    #[test]
    fn takes_every_listed_value(case in prop_oneof![bits(), ternary(), binary()]) {
        let quantizer = case.quantizer();
        let reached: Vec<f64> =
            (-4..12).flat_map(numbers).map(|x| quantizer.apply(x)).collect();
        // A threshold below 0 leaves 0 to the sign of 0, which ternary has.
        for value in quantizer.values().unwrap() {
            prop_assert!(reached.contains(&value), "{} never gives {}", &quantizer, value);
        }
    }

    #[test]
    fn parameters_with_a_stated_scale_are_what_apply_gives(
        case in plain_case(),
        weights in prop::collection::vec(-9.0_f32..9.0, 12),
    ) {
        let quantizer = case.quantizer();
        let weights = ndarray::arr1(&weights).into_dyn();
        let expected = weights.mapv(|w| quantizer.apply(w.into()));
        prop_assert_eq!(quantizer.quantize(&weights.view()).unwrap(), expected);
    }
}

#[test]
fn has_the_corners_that_qkeras_has() {
    let apply = |call: &str, x: f64| call.parse::<Quantizer>().unwrap().apply(x);
    // The sign of 0 is +1 for every binary point.
    assert_eq!(apply("quantized_bits(1, 3)", 0.0), 1.0);
    assert_eq!(apply("quantized_bits(1, 3)", -1e-9), -1.0);
    assert_eq!(apply("quantized_bits(1, 0, keep_negative=False)", 0.3), 0.5);
    assert_eq!(apply("binary(use_01=True, alpha=3)", -0.0), 3.0);
    assert_eq!(apply("bernoulli", 0.0), 1.0);
    assert_eq!(apply("bernoulli(alpha=2)", -0.1), 0.0);
    assert_eq!(apply("stochastic_binary", 0.0), 1.0);
    // The two values are one LSB apart.
    assert_eq!(apply("quantized_linear(1, 3)", 0.0), 4.0);
    assert_eq!(apply("quantized_linear(1, 3)", -1e-30), -4.0);
    assert_eq!(apply("ternary", 0.0), 0.0);
    assert_eq!(apply("stochastic_ternary", f64::from(0.33_f32)), 1.0);
    // 0.33 as float32 is larger than 0.33.
    assert_eq!(apply("ternary", 0.33), 0.0);
    assert_eq!(apply("ternary", f64::from(0.33_f32)), 1.0);
    assert_eq!(apply("ternary", -f64::from(0.33_f32)), -1.0);
    // Ties round to even, then clip.
    assert_eq!(apply("quantized_bits(4)", 0.1875), 0.25);
    assert_eq!(apply("quantized_bits(4, 0, 1)", -9.0), -0.875);
    assert_eq!(apply("quantized_bits(4, 0, 0)", -9.0), -1.0);
    // More integer bits than bits: an LSB of 8.
    assert_eq!(apply("quantized_bits(3, 5)", 13.0), 16.0);
    // The slope's minimum is not the type's.
    assert_eq!(apply("quantized_relu(6, 2, negative_slope=0.25)", -100.0), -1.0);
    // Never 0, and the smallest power below epsilon.
    assert_eq!(apply("quantized_po2(4)", 0.0), 2.0_f64.powi(-4));
    assert_eq!(apply("quantized_po2(4)", -1e-8), -(2.0_f64.powi(-4)));
    assert_eq!(apply("quantized_po2(3, max_value=1)", 7.0), 1.0);
    assert_eq!(apply("quantized_relu_po2(4)", -3.0), 2.0_f64.powi(-8));
    // float32 ends at 2^-126.
    assert_eq!(apply("quantized_relu_po2(8)", 0.0), 0.0);
    assert_eq!(apply("quantized_po2(8)", 0.0), 2.0_f64.powi(-64));
}

#[test]
fn a_computed_scale_needs_all_the_data() {
    for call in ["quantized_bits(4,alpha='auto')", "ternary('auto_po2')", "binary(alpha='auto')"] {
        let quantizer: Quantizer = call.parse().unwrap();
        assert!(quantizer.apply(0.5).is_nan());
        assert_eq!(quantizer.values(), None);
    }
}

#[test]
fn lists_of_values_end_somewhere() {
    for call in [
        "quantized_bits(17)",
        "quantized_linear(17)",
        "quantized_relu(17)",
        "quantized_relu(30,2,1)",
    ] {
        assert_eq!(call.parse::<Quantizer>().unwrap().values(), None, "{call}");
    }
    let listed = |call: &str| call.parse::<Quantizer>().unwrap().values().map(|v| v.len());
    assert_eq!(listed("quantized_bits(16)"), Some(1 << 16));
    assert_eq!(listed("quantized_relu(16,3)"), Some(1 << 16));
    assert_eq!(listed("quantized_relu(5,1,negative_slope=0.5)"), Some(16 + 8));
}

#[test]
fn a_kernel_computes_the_alpha_that_is_not_stated() {
    let in_kernel = |call: &str| call.parse::<Quantizer>().unwrap().in_kernel().to_string();
    assert_eq!(in_kernel("quantized_bits(4)"), "quantized_bits(4,0,1,alpha='auto_po2')");
    assert_eq!(in_kernel("quantized_bits(4,alpha=1)"), "quantized_bits(4,0,0,alpha=1.0)");
    assert_eq!(in_kernel("quantized_linear(4,0,0)"), "quantized_linear(4,0,1,alpha='auto_po2')");
    assert_eq!(in_kernel("binary"), "binary(alpha='auto_po2')");
    assert_eq!(in_kernel("bernoulli"), "bernoulli(alpha='auto_po2')");
    assert_eq!(in_kernel("stochastic_binary"), "stochastic_binary(alpha='auto_po2')");
    assert_eq!(in_kernel("stochastic_ternary"), "stochastic_ternary(alpha='auto_po2')");
    assert_eq!(in_kernel("binary(alpha=[1 2])"), "binary(alpha=[1.0 2.0])");
    assert_eq!(
        in_kernel("quantized_bits(4,scale_axis=0,max_po2_exponent=-1)"),
        "quantized_bits(4,0,1,alpha='auto_po2',scale_axis=0,max_po2_exponent=-1)"
    );
    assert_eq!(in_kernel("ternary"), "ternary(alpha='auto_po2')");
    for call in ["quantized_relu(4,0)", "quantized_po2(4)", "quantized_relu_po2(4)"] {
        assert_eq!(in_kernel(call), call);
    }
}
