//! Quantized parameters: the corner cases. hls_tests/quantizers has QKeras' results for
//! many more questions.

use ndarray::{Array, ArrayD, arr1, arr2};

use super::*;
use crate::quantizer::Factored;

fn factored(call: &str, weights: &ArrayD<f32>) -> Factored {
    let quantizer = call.parse::<Quantizer>().unwrap_or_else(|e| panic!("{call}: {e}"));
    quantizer.factored(&weights.view()).unwrap_or_else(|e| panic!("{call}: {e}"))
}

/// One output's weights.
fn column(call: &str, weights: &[f32]) -> Vec<f64> {
    let weights = arr1(weights).into_shape_with_order((weights.len(), 1)).unwrap().into_dyn();
    factored(call, &weights).product().into_iter().collect()
}

#[test]
fn ties_round_to_even_for_a_number_and_away_from_zero_for_auto() {
    // Codes 0.5, 1.5, 2.5 and 7: with 'auto' the scale is exactly 1/8.
    let weights = [0.0625, -0.0625, 0.1875, 0.3125, -0.3125, 0.875];
    assert_eq!(
        column("quantized_bits(4,0,1,alpha=1)", &weights),
        [0.0, 0.0, 0.25, 0.25, -0.25, 0.875]
    );
    assert_eq!(
        column("quantized_bits(4,0,1,alpha='auto')", &weights),
        [0.125, -0.125, 0.25, 0.375, -0.375, 0.875]
    );
    // quantized_linear keeps to even.
    assert_eq!(
        column("quantized_linear(4,0,1,alpha='auto')", &weights),
        [0.0, 0.0, 0.25, 0.25, -0.25, 0.875]
    );
}

#[test]
fn bits_may_equal_integer() {
    assert_eq!(
        column("quantized_bits(4,4,0,alpha=1)", &[-40.0, -3.0, 1.0, 13.0]),
        [-16.0, -4.0, 0.0, 12.0]
    );
    assert_eq!(
        column("quantized_bits(4,4,keep_negative=False,alpha=1)", &[2.5, 99.0]),
        [2.0, 15.0]
    );
    assert_eq!(
        column("quantized_linear(4,4,0)", &[-40.0, -3.0, 1.0, 13.0]),
        [-16.0, -4.0, 0.0, 12.0]
    );
}

#[test]
fn one_bit_is_a_sign() {
    let weights = [-0.5, -0.0, 0.0, 2.0];
    assert_eq!(column("quantized_bits(1,0,1,alpha=0.5)", &weights), [-0.5, 0.5, 0.5, 0.5]);
    assert_eq!(column("quantized_linear(1,0,1)", &weights), [-0.5, 0.5, 0.5, 0.5]);
    assert_eq!(column("binary(alpha=1)", &weights), [-1.0, 1.0, 1.0, 1.0]);
    assert_eq!(column("binary(use_01=1,alpha=1)", &weights), [0.0, 1.0, 1.0, 1.0]);
    assert_eq!(column("bernoulli(alpha=1)", &weights), [0.0, 1.0, 1.0, 1.0]);
    // Symmetric levels without any but 0.
    assert_eq!(column("quantized_bits(1,0,1,alpha='auto_po2')", &weights), [0.0; 4]);
    // In float32 ½ swallows a tiny number, whatever its sign.
    assert_eq!(column("quantized_linear(1,0,1)", &[-1e-9, -1e-7]), [0.5, -0.5]);
}

#[test]
fn keep_negative_acts_beside_a_number_only() {
    let weights = [-1.0, -0.3, 0.4, 1.0];
    let number = "quantized_bits(3,0,0,keep_negative=False,alpha=1)";
    assert_eq!(column(number, &weights), [0.0, 0.0, 0.375, 0.875]);
    // QKeras' branch for a computed alpha knows nothing of it.
    let auto = "quantized_bits(3,0,0,keep_negative=False,alpha='auto_po2')";
    assert_eq!(column(auto, &weights), [-0.75, -0.25, 0.5, 0.75]);
    let linear = "quantized_linear(3,0,0,keep_negative=False,alpha='auto')";
    assert_eq!(column(linear, &[-9.0, 0.6, 3.5]), [0.0, 0.5, 3.5]);
}

#[test]
fn symmetric_saturates_on_both_sides_alike() {
    for class in ["quantized_bits", "quantized_linear"] {
        assert_eq!(column(&format!("{class}(4,0,1,alpha=1)"), &[-9.0, 9.0]), [-0.875, 0.875]);
        assert_eq!(column(&format!("{class}(4,0,0,alpha=1)"), &[-9.0, 9.0]), [-1.0, 0.875]);
    }
}

#[test]
fn a_threshold_belongs_to_the_larger_numbers() {
    for class in ["ternary", "stochastic_ternary"] {
        let call = format!("{class}(alpha=1,threshold=0.5)");
        let below = 0.5_f32.next_down();
        assert_eq!(column(&call, &[0.5, -0.5, below, -below]), [1.0, -1.0, 0.0, 0.0]);
    }
}

#[test]
fn powers_of_two_are_never_zero() {
    for value in column("quantized_po2(4)", &[0.0, 1e-30, -1e-30, 0.1]) {
        assert_ne!(value, 0.0);
    }
}

#[test]
fn a_real_scale_of_each_output_stays_apart() {
    let weights = arr2(&[[0.7_f32, -0.25, 0.0], [-0.3, 2.0, 0.0]]).into_dyn();
    let found = factored("quantized_bits(4,0,1,alpha='auto')", &weights);
    assert_eq!(found.values, arr2(&[[0.875, -0.125, 0.0], [-0.375, 0.875, 0.0]]).into_dyn());
    let scale = |largest: f32| f64::from(largest * 2.0 / 14.0 * 8.0);
    // A column of zeros has no scale that could act.
    assert_eq!(found.scale, Some(arr1(&[scale(0.7), scale(2.0), 1.0])));

    let found = factored("binary(alpha='auto')", &weights);
    assert_eq!(found.values, arr2(&[[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0]]).into_dyn());
    let found = factored("ternary(alpha=0.3)", &weights);
    assert_eq!(found.scale, Some(arr1(&[0.3_f32, 0.3, 1.0].map(f64::from))));
    let found = factored("quantized_linear(4,1,1,alpha=[0.3 0.5 1.0])", &weights);
    assert_eq!(found.scale, Some(arr1(&[0.3_f32, 0.5, 1.0].map(f64::from))));
}

#[test]
fn the_values_hold_all_other_scales() {
    let weights = arr2(&[[0.7_f32, -0.25], [-0.3, 2.0]]).into_dyn();
    for call in [
        "quantized_bits(4,0,1,alpha='auto_po2')",
        "quantized_bits(4,0,1,alpha=0.25)",
        "quantized_bits(4,0,1,alpha='auto',scale_axis=0)",
        "quantized_linear(4,0,1,alpha='auto',scale_axis=[0 1])",
        "binary(alpha='auto',scale_axis=0)",
        "binary(alpha=[[0.3] [0.7]])",
    ] {
        assert_eq!(factored(call, &weights).scale, None, "{call}");
    }
    // Not the same sum, but scales by output all the same.
    for call in ["binary(alpha='auto',scale_axis=[])", "binary(alpha='auto',scale_axis=[7])"] {
        let scale = factored(call, &weights).scale.unwrap();
        assert_eq!(scale[0], scale[1], "{call}");
    }
}

#[test]
fn a_depthwise_kernel_has_a_scale_for_each_multiplier() {
    // [height, width, channels, multiplier]: QKeras keeps the last axis, whatever it means.
    let weights = Array::from_shape_fn((3, 3, 2, 2), |(i, j, c, m)| {
        (i as f32 - 1.0) * 0.1 + (j as f32) * 0.05 + c as f32 + 0.3 * m as f32
    });
    let weights = weights.into_dyn();
    let call = "quantized_bits(4,0,1,alpha='auto')";
    let scale = factored(call, &weights).scale.unwrap();
    assert_eq!(scale.len(), 2);
    let largest = weights.iter().copied().fold(0.0, f32::max);
    assert_eq!(scale[1], f64::from(largest * 2.0 / 14.0 * 8.0));
    let channels = "quantized_bits(4,0,1,alpha='auto',scale_axis=[2 3])";
    assert_eq!(factored(channels, &weights).scale, None);
}

#[test]
fn the_layout_in_memory_does_not_matter() {
    let weights = Array::from_shape_fn((5, 3), |(i, o)| (i as f32 - 2.2) * (o as f32 + 0.3));
    let turned = weights.t().as_standard_layout().into_owned().reversed_axes().into_dyn();
    let weights = weights.into_dyn();
    for call in
        ["quantized_bits(4,0,1,alpha='auto')", "ternary(alpha='auto')", "quantized_linear(3)"]
    {
        assert_eq!(factored(call, &turned), factored(call, &weights), "{call}");
    }
}

#[test]
fn exponents_stay_between_their_bounds() {
    let weights = [0.1, 0.2, -0.3];
    let scaled = |bounds: &str| column(&format!("binary(alpha='auto_po2'{bounds})"), &weights)[0];
    assert_eq!(scaled(""), 0.25);
    assert_eq!(scaled(",min_po2_exponent=-1"), 0.5);
    assert_eq!(scaled(",max_po2_exponent=-4"), 0.0625);
    // Keras' clip takes the lower of two contradicting bounds for both.
    assert_eq!(scaled(",min_po2_exponent=1,max_po2_exponent=-4"), 2.0);
}

/// A computed scale that training has fixed is a number, and acts on flowing values too.
#[test]
fn a_scale_of_training_replaces_the_computed_one() {
    let call = "quantized_bits(4,1,0,alpha='auto',post_training_scale=0.5)";
    assert_eq!(column(call, &[0.1, 0.4, -0.0625, -7.0]), [0.125, 0.375, -0.125, -0.875]);
    let quantizer: Quantizer = call.parse().unwrap();
    assert_eq!(
        quantizer.stages().unwrap(),
        [crate::quantizer::Stage::Cast("fixed<4,1,RND_INF,SAT_SYM>".parse().unwrap())]
    );
    let real: Quantizer =
        "quantized_bits(4,1,alpha='auto',post_training_scale=0.3)".parse().unwrap();
    assert_eq!(real.stages().unwrap(), [crate::quantizer::Stage::StepFunction]);
    for quantizer in [quantizer, real] {
        let values = quantizer.values().unwrap();
        assert_eq!(values.len(), 15);
        for x in [-9.0, -0.0625, 0.0, 0.19, 0.4, 3.0] {
            let [weight] = column(&quantizer.to_string(), &[x])[..] else { unreachable!() };
            assert_eq!(quantizer.apply(x.into()), weight);
            assert!(values.contains(&weight));
        }
    }
}
