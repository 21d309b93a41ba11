//! The calls that state a quantizer.

use super::*;

proptest! {
    #[test]
    fn reads_back_what_it_writes(case in any_case()) {
        let quantizer: Quantizer = case.call.parse().unwrap();
        prop_assert_eq!(quantizer.to_string().parse::<Quantizer>(), Ok(quantizer));
    }

    #[test]
    fn takes_any_text_without_panic(text in "(quantized_bits|binary)?[(]?[-a-z0-9_=,.'\\[\\] ]{0,20}[)]?") {
        let _ = text.parse::<Quantizer>();
    }
}

#[test]
fn writes_what_qkeras_writes() {
    let cases = [
        ("quantized_bits", "quantized_bits(8,0,0)"),
        ("quantized_bits()", "quantized_bits(8,0,0)"),
        ("quantized_bits(6, 0, 1, alpha=1.0)", "quantized_bits(6,0,1,alpha=1.0)"),
        ("quantized_bits(4, 0, 0, alpha='auto_po2')", "quantized_bits(4,0,1,alpha='auto_po2')"),
        ("quantized_bits(4,alpha=\"auto\")", "quantized_bits(4,0,1,alpha='auto')"),
        ("quantized_bits(5,1,0,False,1)", "quantized_bits(5,1,0,keep_negative=False,alpha=1.0)"),
        (" quantized_relu( 6 , integer = 2 ) ", "quantized_relu(6,2)"),
        ("quantized_relu(6,2,1)", "quantized_relu(6,2,1)"),
        ("quantized_relu(6,2,0,0.25)", "quantized_relu(6,2,negative_slope=0.25)"),
        ("quantized_po2(3,1)", "quantized_po2(3,max_value=1)"),
        ("quantized_relu_po2(4,max_value=0.5)", "quantized_relu_po2(4,max_value=0.5)"),
        ("ternary(alpha=1,threshold=0.2)", "ternary(alpha=1.0,threshold=0.2)"),
        ("ternary", "ternary()"),
        (
            "ternary('auto_po2',number_of_unrolls=3)",
            "ternary(alpha='auto_po2',number_of_unrolls=3)",
        ),
        ("binary(use_01=True,alpha=None)", "binary(use_01=1)"),
        ("quantized_tanh(6,1)", "quantized_tanh(6,use_stochastic_rounding=True)"),
        ("quantized_linear(4)", "quantized_linear(4,0,1)"),
        (
            "quantized_linear(4,1,0,keep_negative=False,alpha='auto',scale_axis=0)",
            "quantized_linear(4,1,0,keep_negative=False,alpha='auto',scale_axis=0)",
        ),
        (
            "stochastic_ternary('auto',number_of_unrolls=3)",
            "stochastic_ternary(alpha='auto',number_of_unrolls=3)",
        ),
        ("stochastic_binary(1)", "stochastic_binary(alpha=1.0)"),
        ("bernoulli(temperature=2)", "bernoulli(temperature=2)"),
        ("quantized_tanh(6,0,1,True)", "quantized_tanh(6,symmetric=1,use_real_tanh=1)"),
        ("quantized_sigmoid(6,0,1)", "quantized_sigmoid(6,use_real_sigmoid=1)"),
        ("quantized_ulaw(6)", "quantized_ulaw(6,0)"),
        ("quantized_ulaw(6,1,0,127.0)", "quantized_ulaw(6,1,0,127.0)"),
        ("quantized_hswish(6,2,alpha=1)", "quantized_hswish(6,2,0,alpha=1.0)"),
        ("quantized_hswish(relu_shift=2)", "quantized_hswish(8,0,0,relu_shift=2)"),
        ("smooth_tanh", "smooth_tanh"),
    ];
    for (call, written) in cases {
        let quantizer = call.parse::<Quantizer>().unwrap_or_else(|e| panic!("{call}: {e}"));
        assert_eq!(quantizer.to_string(), written);
    }
}

#[test]
fn arrays_are_nested_lists() {
    let cases = [
        ("binary(alpha=[0.5 2.])", "binary(alpha=[0.5 2.0])"),
        ("binary(alpha=[[0.5,2], [1, 1]])", "binary(alpha=[[0.5 2.0] [1.0 1.0]])"),
        ("binary(alpha=[[0.5 2. ]\n [1.  1. ]])", "binary(alpha=[[0.5 2.0] [1.0 1.0]])"),
        ("binary(alpha=[[0.5]])", "binary(alpha=0.5)"),
        (
            "quantized_bits(4,alpha='auto_po2',scale_axis=[0, 1],elements_per_scale=[2 3])",
            "quantized_bits(4,0,1,alpha='auto_po2',scale_axis=[0 1],elements_per_scale=[2 3])",
        ),
        (
            "binary(alpha='auto_po2',scale_axis=1,min_po2_exponent=-3,max_po2_exponent=0)",
            "binary(alpha='auto_po2',scale_axis=1,min_po2_exponent=-3,max_po2_exponent=0)",
        ),
        (
            "quantized_bits(4,alpha='auto',post_training_scale=0.5)",
            "quantized_bits(4,0,1,alpha='auto',post_training_scale=0.5)",
        ),
    ];
    for (call, written) in cases {
        let quantizer = call.parse::<Quantizer>().unwrap_or_else(|e| panic!("{call}: {e}"));
        assert_eq!(quantizer.to_string(), written);
        assert_eq!(written.parse(), Ok(quantizer));
    }
    for list in ["[[1 2] [3]]", "[1][2]", "[[1][2]]", "[1 a]", "[]", "[1 [2]]"] {
        assert!(format!("binary(alpha={list})").parse::<Quantizer>().is_err(), "{list}");
    }
    let deep = format!("binary(alpha={}1{})", "[".repeat(100_000), "]".repeat(100_000));
    assert!(deep.parse::<Quantizer>().is_err());
}

#[test]
fn leaves_alone_what_has_no_say() {
    let same = [
        (
            "quantized_bits(4,alpha=1)",
            "quantized_bits(4,0,0,True,1,qnoise_factor=1.0,use_stochastic_rounding=0,var_name='q',\
             use_ste=False,use_variables=True,scale_axis=[0 1],post_training_scale=None)",
        ),
        ("binary(alpha=2)", "binary(alpha=2,scale_axis=1,min_po2_exponent=-3)"),
        ("quantized_relu(4)", "quantized_relu(4,enable_fast_inference=True)"),
        ("stochastic_ternary", "stochastic_ternary(temperature=8,use_real_sigmoid=True)"),
    ];
    for (plain, call) in same {
        assert_eq!(call.parse::<Quantizer>(), plain.parse(), "{call}");
    }
}

/// Attributes that act in training only change no value, but are kept and reported.
#[test]
fn notes_what_acts_in_training() {
    let cases = [
        ("quantized_bits(4,0,0,alpha=1.0", ",qnoise_factor=0.5", 1),
        ("quantized_bits(4,0,0", ",qnoise_factor=0.5,use_stochastic_rounding=True", 1),
        ("quantized_linear(4,0,1", ",use_stochastic_rounding=True", 0),
        ("quantized_relu(4,0", ",qnoise_factor=0", 1),
        ("quantized_po2(4", ",qnoise_factor=0.1,use_stochastic_rounding=True", 1),
        ("quantized_relu_po2(4", ",use_stochastic_rounding=True", 0),
        ("quantized_tanh(6", ",use_stochastic_rounding=True", 0),
        ("quantized_sigmoid(6", ",use_stochastic_rounding=True", 0),
        ("quantized_hswish(6,0,0", ",qnoise_factor=0.25", 1),
        ("ternary(alpha='auto_po2'", ",use_stochastic_rounding=True", 0),
        ("binary(use_01=1", ",use_stochastic_rounding=True", 0),
        ("stochastic_ternary(alpha=1.0", ",temperature=4.0,use_real_sigmoid=False", 0),
        ("stochastic_binary(alpha=1.0", ",temperature=4.0", 0),
    ];
    let parse = |call: String| call.parse::<Quantizer>().unwrap_or_else(|e| panic!("{call}: {e}"));
    for (call, training, differences) in cases {
        let plain = parse(format!("{call})"));
        let noisy = parse(format!("{call}{training})"));
        assert_eq!(plain.training_notes(), []);
        assert_eq!(noisy.to_string(), format!("{call}{training})"));
        let notes = noisy.training_notes();
        assert_eq!(notes.len(), training.matches(',').count(), "{noisy}");
        let found = notes.iter().filter(|note| note.difference().is_some()).count();
        assert_eq!(found, differences, "{noisy}");
        let weights = ndarray::arr2(&[[0.3_f32, -0.8], [0.0, 1.4]]).into_dyn();
        assert_eq!(noisy.quantize(&weights.view()), plain.quantize(&weights.view()));
        for x in [-3.0, -0.3, 0.0, 0.4] {
            assert_eq!(noisy.apply(x).to_bits(), plain.apply(x).to_bits());
        }
    }
    let bernoulli = parse("bernoulli".into()).training_notes();
    assert_eq!(bernoulli, [crate::quantizer::TrainingNote::Random]);
    assert!(bernoulli[0].difference().is_some());
    // Both of Python's words for it.
    let one = parse("quantized_tanh(6,1)".into());
    assert_eq!(one, parse("quantized_tanh(6,use_stochastic_rounding=True)".into()));
}
