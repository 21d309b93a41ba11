//! Every message.

use super::*;
use crate::fixed::{Format, Overflow};
use crate::quantizer::{QuantizerError, cast};

fn parse_error(call: &str) -> String {
    match call.parse::<Quantizer>() {
        Ok(quantizer) => panic!("{call} was read as {quantizer}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn unreadable_text() {
    let cases = [
        ("quantized_bits(4", "no closing bracket"),
        ("quantized_bits(4)x", "text after the call"),
        ("quantized_bits((4))", "brackets within the call"),
        ("quantized_bits(4,alpha=auto)", "'auto' is not a Python literal"),
        ("quantized_bits(4,)", "'' is not a Python literal"),
        ("quantized_bits(4,alpha=inf)", "'inf' is not a Python literal"),
        ("quantized_bits(bits=4,0)", "a positional value follows a named one"),
    ];
    for (call, reason) in cases {
        let expected = format!("cannot read '{call}' as a quantizer: {reason}");
        assert_eq!(parse_error(call), expected);
    }
}

#[test]
fn unknown_names() {
    assert_eq!(
        parse_error("quantised_bits(4)"),
        "QKeras has no quantizer 'quantised_bits', did you mean 'quantized_bits'?"
    );
    assert_eq!(parse_error("xyz"), "QKeras has no quantizer 'xyz'");
}

#[test]
fn attributes() {
    let cases = [
        (
            "quantized_bits(4,symetric=1)",
            "quantized_bits has no attribute 'symetric', did you mean 'symmetric'?",
        ),
        ("binary(zzz=1)", "binary has no attribute 'zzz'"),
        ("ternary(1,None,False,5,1)", "ternary takes at most 4 values, not 5"),
        ("quantized_relu(4,bits=4)", "quantized_relu: bits is stated twice"),
        ("binary(alpha=1,alpha=2)", "binary: alpha is stated twice"),
    ];
    for (call, message) in cases {
        assert_eq!(parse_error(call), message);
    }
}

#[test]
fn values_that_qkeras_does_not_take() {
    let cases = [
        ("quantized_bits(0)", "quantized_bits: bits=0, but it must be a whole number, 1 to 52"),
        ("quantized_bits(4.5)", "quantized_bits: bits=4.5, but it must be a whole number, 1 to 52"),
        (
            "quantized_bits(None)",
            "quantized_bits: bits=None, but it must be a whole number, 1 to 52",
        ),
        (
            "quantized_relu(4,200)",
            "quantized_relu: integer=200, but it must be a whole number, -126 to 126",
        ),
        (
            "quantized_bits(4,0.5)",
            "quantized_bits: integer=0.5, but it must be a whole number, -126 to 126",
        ),
        ("quantized_bits(4,0,2)", "quantized_bits: symmetric=2, but it must be True or False"),
        (
            "quantized_bits(4,alpha='best')",
            "quantized_bits: alpha='best', but it must be a number, an array of numbers, None, 'auto' or 'auto_po2'",
        ),
        (
            "binary(alpha=True)",
            "binary: alpha=True, but it must be a number, an array of numbers, None, 'auto' or 'auto_po2'",
        ),
        (
            "quantized_bits(40,alpha=0.7)",
            "quantized_bits: alpha=0.7, but it must be shorter, to be exact with bits=40",
        ),
        (
            "quantized_relu(4,0,0,0.3)",
            "quantized_relu: negative_slope=0.3, but it must be 0 or a power of two",
        ),
        (
            "quantized_relu(4,0,0,-0.5)",
            "quantized_relu: negative_slope=-0.5, but it must be 0 or a power of two",
        ),
        (
            "quantized_relu(4,relu_upper_bound='6')",
            "quantized_relu: relu_upper_bound='6', but it must be a number, or None",
        ),
        ("quantized_po2(4,-1)", "quantized_po2: max_value=-1, but it must be None or not negative"),
        ("quantized_po2(-1)", "quantized_po2: bits=-1, but it must be a number, 0 to 52"),
        ("quantized_relu_po2(53)", "quantized_relu_po2: bits=53, but it must be a number, 0 to 52"),
        (
            "quantized_po2(4,log2_rounding='ceil')",
            "quantized_po2: log2_rounding='ceil', but it must be 'rnd' or 'floor'",
        ),
        ("quantized_ulaw(4,u=0)", "quantized_ulaw: u=0, but it must be a positive number"),
        (
            "quantized_hswish(4,relu_shift=0)",
            "quantized_hswish: relu_shift=0, but it must be a whole number, 1 to 1048576",
        ),
        (
            "quantized_hswish(4,relu_upper_bound=1.5)",
            "quantized_hswish: relu_upper_bound=1.5, but it must be a whole number, 1 to 1048576",
        ),
        (
            "quantized_hswish(4,keep_negative=False)",
            "quantized_hswish: keep_negative=False, but it must be True",
        ),
        ("hard_tanh(2)", "hard_tanh takes at most 0 values, not 1"),
        (
            "ternary('auto_po2',0.5)",
            "ternary: threshold=0.5, but it must be None if alpha is computed",
        ),
        (
            "stochastic_ternary(1,1)",
            "stochastic_ternary: threshold=1, but it must be not 1, which QKeras rejects",
        ),
        (
            "quantized_linear(4,alpha=0)",
            "quantized_linear: alpha=0, but it must be not 0: QKeras divides by it",
        ),
        (
            "quantized_linear(4,alpha=[1 0])",
            "quantized_linear: alpha=[1,0], but it must be not 0: QKeras divides by it",
        ),
        (
            "quantized_linear(40,alpha=[1 0.7])",
            "quantized_linear: alpha=[1,0.7], but it must be shorter, to be exact with bits=40",
        ),
        (
            "quantized_bits(1,alpha='auto')",
            "quantized_bits: alpha='auto', but it must be set otherwise for 1 bit, which leaves no value but 0",
        ),
        (
            "quantized_bits(4,post_training_scale=[1 2])",
            "quantized_bits: post_training_scale=[1,2], but it must be None unless alpha is 'auto' or 'auto_po2'",
        ),
        (
            "quantized_bits(4,alpha='auto',post_training_scale=-1)",
            "quantized_bits: post_training_scale=-1, but it must be positive",
        ),
        (
            "quantized_bits(4,alpha='auto',post_training_scale='a')",
            "quantized_bits: post_training_scale='a', but it must be a number, an array of numbers, or None",
        ),
        (
            "quantized_bits(4,alpha='auto',min_po2_exponent=-2)",
            "quantized_bits: min_po2_exponent=-2, but it must be None unless alpha is 'auto_po2'",
        ),
        (
            "quantized_bits(4,alpha=1,elements_per_scale=2)",
            "quantized_bits: elements_per_scale=2, but it must be None unless alpha is 'auto_po2'",
        ),
        (
            "binary(elements_per_scale=2)",
            "binary: elements_per_scale=2, but it must be None without scale_axis",
        ),
        (
            "binary(scale_axis=1,elements_per_scale=[2])",
            "binary: elements_per_scale=[2], but it must be one number, as scale_axis is",
        ),
        (
            "binary(scale_axis=[0 1],elements_per_scale=[2])",
            "binary: elements_per_scale=[2], but it must be as many numbers as scale_axis has",
        ),
        (
            "binary(scale_axis=[1 0],elements_per_scale=2)",
            "binary: scale_axis=[1,0], but it must be ascending beside elements_per_scale",
        ),
        (
            "binary(scale_axis=1,elements_per_scale=0)",
            "binary: elements_per_scale=0, but it must be a whole number, a list of them, or None, each 1 or more",
        ),
        (
            "binary(scale_axis=0.5)",
            "binary: scale_axis=0.5, but it must be a whole number, a list of them, or None",
        ),
        (
            "binary(max_po2_exponent=126.5)",
            "binary: max_po2_exponent=126.5, but it must be a number, -126 to 126, or None",
        ),
        (
            "quantized_bits(4,qnoise_factor=None)",
            "quantized_bits: qnoise_factor=None, but it must be a number",
        ),
        (
            "quantized_relu(4,use_stochastic_rounding=2)",
            "quantized_relu: use_stochastic_rounding=2, but it must be True or False",
        ),
        (
            "ternary(number_of_unrolls=0)",
            "ternary: number_of_unrolls=0, but it must be a whole number, 1 to 1000",
        ),
    ];
    for (call, message) in cases {
        assert_eq!(parse_error(call), message);
    }
}

#[test]
fn values_that_change_the_result_unseen() {
    let cases = [(
        "quantized_relu(4,negative_slope=0.5,enable_fast_inference=True)",
        "quantized_relu: enable_fast_inference=True",
    )];
    for (call, what) in cases {
        assert_eq!(parse_error(call), format!("{what} is not supported"));
    }
}

fn quantizer(call: &str) -> Quantizer {
    call.parse().unwrap()
}

#[test]
fn activations_that_cannot_be_built() {
    for call in [
        "quantized_bits(4,0,1,alpha='auto_po2')",
        "quantized_linear(4,0,1,alpha='auto')",
        "binary(alpha='auto')",
        "bernoulli(alpha='auto')",
        "ternary(alpha='auto')",
    ] {
        assert_eq!(
            quantizer(call).stages().unwrap_err().to_string(),
            format!("{call} as an activation: its scale depends on all values of a batch")
        );
    }
}

#[test]
fn activations_with_a_scale_for_each_channel_have_no_stages_of_their_own() {
    for call in [
        "quantized_bits(4,0,0,alpha=[1.0 2.0])",
        "quantized_bits(4,0,1,alpha='auto',post_training_scale=[1.0 2.0])",
        "quantized_linear(4,0,1,alpha=[1.0 2.0])",
        "binary(alpha=[1.0 2.0])",
    ] {
        assert_eq!(
            quantizer(call).stages().unwrap_err().to_string(),
            format!("{call} has a scale for each channel")
        );
    }
}

#[test]
fn scales_that_do_not_spread_over_samples() {
    let quantizer = quantizer("binary(alpha=[1.0 2.0])");
    assert_eq!(
        quantizer.scaled().unwrap().over(&[4, 3]).unwrap_err().to_string(),
        "binary(alpha=[1.0 2.0]) on samples of shape [4, 3]: its scales have the shape [2], which does \
         not broadcast to theirs"
    );
}

#[test]
fn scales_that_do_not_spread_over_weights() {
    let refused = |call: &str| {
        let weights = ndarray::Array2::<f32>::ones((4, 6)).into_dyn();
        quantizer(call).quantize(&weights.view()).unwrap_err().to_string()
    };
    let cases = [
        ("binary(alpha=[1.0 2.0])", "alpha has the shape [2], which does not broadcast to theirs"),
        (
            "quantized_bits(4,0,1,alpha='auto',post_training_scale=[[1.0] [2.0]])",
            "post_training_scale has the shape [2, 1], which does not broadcast to theirs",
        ),
        ("quantized_linear(4,0,1,alpha='auto',scale_axis=2)", "there is no axis 2"),
        ("binary(alpha='auto',scale_axis=-1)", "there is no axis -1"),
        (
            "quantized_bits(4,0,1,alpha='auto_po2',scale_axis=[0 2],elements_per_scale=1)",
            "there is no axis 2",
        ),
        (
            "binary(alpha='auto_po2',scale_axis=1,elements_per_scale=4)",
            "axis 1 does not divide into 4 elements",
        ),
    ];
    for (call, reason) in cases {
        assert_eq!(refused(call), format!("{call} on weights of shape [4, 6]: {reason}"));
    }
    let call = "quantized_bits(4,0,0,min_po2_exponent=-2)";
    assert_eq!(
        refused(call),
        format!("{call} outside of a kernel: min_po2_exponent requires alpha='auto_po2'")
    );
    assert_eq!(quantizer(call).stages().unwrap_err().to_string(), refused(call));
}

#[test]
fn formats_that_do_not_exist() {
    let wide = Format::signed(200, 1);
    assert_eq!(
        cast(&quantizer("binary"), wide, Overflow::Sat).unwrap_err().to_string(),
        "binary(): a format is 1 to 128 bits wide, not 200"
    );
}

#[test]
fn weights_that_have_no_values() {
    let weights = ndarray::arr2(&[[0.5, f32::NAN], [1.0, 2.0]]).into_dyn();
    assert_eq!(
        quantizer("quantized_bits(4,alpha=1)").quantize(&weights.view()).unwrap_err().to_string(),
        "the weight at [0, 1] is NaN"
    );
    let huge = ndarray::arr2(&[[1e38_f32], [1e38]]).into_dyn();
    assert_eq!(
        quantizer("quantized_bits(4)").in_kernel().quantize(&huge.view()).unwrap_err().to_string(),
        "the scale of quantized_bits(4,0,1,alpha='auto_po2') overflows float32 on these weights"
    );
    let weights = ndarray::arr2(&[[0.5_f32]]).into_dyn();
    assert_eq!(
        quantizer("ternary(threshold=0.2)").in_kernel().quantize(&weights.view()),
        Err(QuantizerError::Threshold {
            quantizer: "ternary(alpha='auto_po2',threshold=0.2)".into()
        })
    );
}
