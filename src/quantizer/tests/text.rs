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
        // QKeras' second value is use_stochastic_rounding, which acts in training only.
        ("quantized_tanh(6,1)", "quantized_tanh(6)"),
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
fn leaves_alone_what_acts_in_training_only() {
    let plain: Quantizer = "quantized_bits(4,alpha=1)".parse().unwrap();
    let training = "quantized_bits(4,0,0,True,1,use_stochastic_rounding=True,qnoise_factor=1.0,\
                    var_name='q',use_ste=False,use_variables=True,scale_axis=[0 1])";
    assert_eq!(training.parse(), Ok(plain));
    let binary: Quantizer = "binary(alpha=2)".parse().unwrap();
    assert_eq!("binary(alpha=2,scale_axis=1,min_po2_exponent=-3)".parse(), Ok(binary));
    let relu: Quantizer = "quantized_relu(4)".parse().unwrap();
    assert_eq!("quantized_relu(4,enable_fast_inference=True)".parse(), Ok(relu));
}
