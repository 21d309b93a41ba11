//! Corner cases in which implementations differ: QKeras' numbers, and the decisive one written out.

use bitkiln::quantizer::{Adaptive, AdaptiveRule, Quantizer, Stage};
use ndarray::Array2;
use ndarray_npy::NpzReader;
use serde_json::Value;

use super::{folder, json};

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

/// The value of `call` at `x`, with QKeras' default sigmoid.
fn apply(call: &str, x: f64) -> f64 {
    call.parse::<Quantizer>().unwrap().apply(x)
}

/// Compares all numbers of a corner case.
#[track_caller]
fn hold(name: &str) {
    let corners = json(&folder("quantizers").join("corners.json"));
    let cases = corners[name].as_array().expect("no such corner");
    assert!(!cases.is_empty());
    for case in cases {
        let quantizer: Quantizer = case["quantizer"].as_str().unwrap().parse().unwrap();
        let kind = case["sigmoid"].as_str().unwrap().parse().unwrap();
        let quantizer = quantizer.with_internal_sigmoid(kind);
        for (x, y) in numbers(&case["x"]).into_iter().zip(numbers(&case["y"])) {
            assert_eq!(quantizer.apply(x), y, "{quantizer} of {x}");
        }
    }
}

/// The type of a quantizer that is one cast.
#[track_caller]
fn cast(call: &str) -> String {
    match &call.parse::<Quantizer>().unwrap().stages().unwrap()[..] {
        [Stage::Cast(to)] => to.to_string(),
        stages => panic!("{call} is {stages:?}"),
    }
}

#[test]
fn bits_equal_to_integer_have_an_lsb_of_two() {
    hold("bits_equal_to_integer");
    assert_eq!(apply("quantized_bits(4,4,alpha=1)", 5.0), 4.0);
    assert_eq!(cast("quantized_bits(4,4,alpha=1)"), "fixed<4,5,RND_CONV,SAT>");
    assert_eq!(cast("quantized_relu(3,3)"), "ufixed<3,3,RND_CONV,SAT>");
}

#[test]
fn one_bit_is_the_sign_and_that_of_zero_is_positive() {
    hold("one_bit_is_the_sign");
    assert_eq!(apply("quantized_bits(1,3,alpha=1)", 0.0), 1.0);
    assert_eq!(apply("quantized_bits(1,3,alpha=1)", -0.0), 1.0);
}

#[test]
fn without_negative_numbers_no_bit_is_lost() {
    hold("without_negative_numbers");
    let call = "quantized_bits(4,0,0,keep_negative=False,alpha=1)";
    assert_eq!(apply(call, 1.0 / 16.0), 1.0 / 16.0);
    assert_eq!(cast(call), "ufixed<4,0,RND_CONV,SAT>");
}

#[test]
fn symmetric_saturation_leaves_out_the_smallest_code() {
    hold("symmetric_saturation");
    assert_eq!(apply("quantized_bits(4,0,1,alpha=1)", -9.0), -0.875);
    assert_eq!(cast("quantized_bits(4,0,1,alpha=1)"), "fixed<4,1,RND_CONV,SAT_SYM>");
}

#[test]
fn ties_round_to_even_for_a_stated_alpha_and_away_from_zero_for_a_computed_one() {
    let corners = json(&folder("quantizers").join("corners.json"));
    let mut of_a_half = vec![];
    for case in corners["halves"].as_array().unwrap() {
        let quantizer: Quantizer = case["quantizer"].as_str().unwrap().parse().unwrap();
        let x: Vec<f32> = numbers(&case["x"]).iter().map(|x| *x as f32).collect();
        let x = Array2::from_shape_vec((x.len(), 1), x).unwrap().into_dyn();
        let y = quantizer.quantize(&x.view()).unwrap();
        assert_eq!(y.into_raw_vec_and_offset().0, numbers(&case["y"]), "{quantizer}");
        // 2.5 LSBs of 1/8.
        of_a_half.push(numbers(&case["y"])[1]);
    }
    assert_eq!(of_a_half, [0.25, 0.375]);
}

#[test]
fn a_leaky_minimum_is_the_slope_times_the_largest_power() {
    hold("leaky_minimum");
    assert_eq!(apply("quantized_relu(6,2,negative_slope=0.25)", -100.0), -1.0);
}

#[test]
fn an_upper_bound_acts_without_the_quantized_clip_only() {
    hold("upper_bound");
    let bounded = "quantized_relu(6,3,relu_upper_bound=5,is_quantized_clip=False)";
    assert_eq!(apply(bounded, 7.0), 5.0);
    assert_eq!(apply("quantized_relu(6,3,relu_upper_bound=5)", 7.0), 7.0);
}

#[test]
fn the_threshold_of_ternary_is_inclusive_on_both_sides() {
    hold("ternary_threshold");
    let threshold = f64::from(0.33_f32);
    assert_eq!([-1.0, 1.0].map(|s| apply("ternary(alpha=1)", s * threshold)), [-1.0, 1.0]);
}

#[test]
fn binary_tanh_of_zero_is_negative_where_binary_is_positive() {
    hold("binary_of_zero");
    assert_eq!(apply("binary_tanh", 0.0), -1.0);
    assert_eq!(apply("binary(alpha=1)", 0.0), 1.0);
}

#[test]
fn powers_of_two_are_never_zero() {
    hold("powers_are_never_zero");
    assert_eq!(apply("quantized_po2(4)", 0.0), 2.0_f64.powi(-4));
    assert_eq!(apply("quantized_po2(4)", -1e-8), -(2.0_f64.powi(-4)));
}

#[test]
fn exponents_need_not_be_integers() {
    let corners = json(&folder("quantizers").join("corners.json"));
    for case in corners["uneven_exponents"].as_array().unwrap() {
        let call = case["quantizer"].as_str().unwrap();
        for (x, y) in numbers(&case["x"]).into_iter().zip(numbers(&case["y"])) {
            // A power with a fractional exponent is rounded to float32.
            assert_eq!(apply(call, x) as f32, y as f32, "{call} of {x}");
        }
    }
    let root = f64::from(std::f32::consts::FRAC_1_SQRT_2);
    assert_eq!([-3.0, 0.0, 3.0].map(|x| apply("quantized_po2(1)", x)), [-root, root, root]);
    // max_value limits the argument of the logarithm: log2(3) rounds to 2.
    assert_eq!(apply("quantized_po2(4,max_value=3)", 9.0), 4.0);
}

/// NaN or an error of QKeras is an error of Bitkiln.
#[test]
fn quantizers_without_values_are_errors() {
    let corners = json(&folder("quantizers").join("corners.json"));
    let cases = corners["without_values"].as_array().unwrap();
    let answer = |call: &str| {
        let case = cases.iter().find(|case| case["quantizer"] == call);
        case.map(|case| case["answer"].as_str().unwrap())
    };
    assert_eq!(answer("quantized_bits(1,0,1,alpha='auto')"), Some("nan"));
    assert_eq!(answer("quantized_relu(4,0.5)"), Some("TypeError"));
    for case in cases {
        let call = case["quantizer"].as_str().unwrap();
        let error = call.parse::<Quantizer>().unwrap_err().to_string();
        assert!(error.contains(", but it must be "), "{error}");
    }
}

#[test]
fn the_hard_sigmoid_is_the_default() {
    hold("hard_sigmoid");
    assert_eq!(apply("quantized_sigmoid(6)", -1.0), 0.0);
}

#[test]
fn the_smooth_sigmoid_is_an_option() {
    hold("smooth_sigmoid");
}

#[test]
fn the_real_sigmoid_is_an_option() {
    hold("real_sigmoid");
}

/// QKeras' `_get_integer_bits` for ranges that end at powers of two, next to them, and anywhere.
#[test]
fn integer_bits_are_those_of_qkeras() {
    let file = std::fs::File::open(folder("reference").join("integer_bits.npz")).unwrap();
    let mut file = NpzReader::new(file).unwrap();
    let rows: Array2<f32> = file.by_name("rows.npy").or_else(|_| file.by_name("rows")).unwrap();
    assert!(rows.nrows() > 3000);
    let mut wrong = vec![];
    for row in rows.outer_iter() {
        let [low, high, bits, symmetric, negative, po2_rounding, expected] =
            <[f32; 7]>::try_from(row.to_vec()).unwrap();
        let call = if negative == 1.0 {
            format!("quantized_bits({bits},alpha=1)")
        } else {
            format!("quantized_relu({bits})")
        };
        let quantizer: Quantizer = call.parse().unwrap();
        let rule = AdaptiveRule { symmetric: symmetric == 1.0, po2_rounding: po2_rounding == 1.0 };
        let adaptive = Adaptive::new(&quantizer, rule, vec![(low, high)]).unwrap();
        let found = adaptive.integer_bits();
        if found != [expected as i32] {
            wrong.push(format!("{call} {rule:?} [{low}, {high}]: {found:?}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
