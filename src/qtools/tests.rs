//! Types and operators where QTools has none, every message, and exported integers.

use ndarray::{ArrayD, IxDyn};
use proptest::prelude::*;

use super::export::{Integers, ParameterExport};
use super::operators::{Operation, accumulator, divider, merge, multiplier};
use super::parameters::Parameter;
use super::*;
use crate::fixed::exp2;
use crate::model::{Activation, Layer, LayerKind};

fn of(text: &str) -> DataType {
    text.parse().unwrap()
}

fn bits(of: &DataType) -> (i64, i64, bool) {
    (of.bits, of.int_bits, of.sign.is_signed())
}

#[test]
fn a_difference_has_the_type_of_a_sum_and_a_sign() {
    let (relu, signed) = (of("quantized_relu(4,1)"), of("quantized_bits(6,2)"));
    let unsigned = merge::subtract(&[relu.clone(), relu.clone()]);
    assert_eq!(bits(&merge::add(&[relu.clone(), relu.clone()]).output), (5, 2, false));
    assert_eq!(bits(&unsigned.output), (6, 2, true));
    assert_eq!(unsigned.bits, 6.0);
    let both = [relu.clone(), signed];
    assert_eq!(merge::subtract(&both), merge::add(&both));
    assert_eq!(merge::subtract(&[relu, of("fp16")]).output, DataType::float(16));
}

#[test]
fn merges_of_one_type_keep_it() {
    let all = vec![of("ternary"); 3];
    for gate in [merge::select(&all), merge::average(&all), merge::concatenate(&all)] {
        assert_eq!(gate.output, all[0]);
    }
    assert_eq!(merge::concatenate(&all).factor, 0.0);
    assert_eq!(merge::average(&all).factor, 1.0);
    assert_eq!(merge::multiply(&all).unwrap().operation, Operation::Mux);
    assert_eq!(merge::multiply(&all[..1]), None);
}

#[test]
fn signs_divide_as_fixed_point_does() {
    let x = of("quantized_bits(6,2)");
    for denominator in ["ternary", "binary(alpha=1)", "bernoulli"] {
        assert_eq!(divider(&x, &of(denominator)), divider(&x, &x), "{denominator}");
    }
}

#[test]
fn trained_powers_of_two_are_shifted_by_constants() {
    let po2 = of("quantized_po2(4)");
    let x = of("quantized_bits(6,2)");
    let any = multiplier(&po2, &x);
    let known = multiplier(&DataType { distinct: Some(3), ..po2 }, &x);
    assert_eq!(known.output, any.output);
    assert_eq!((known.factor, known.bits), (3.0 * 0.3, 6.0));
    assert!(any.bits > 6.0 && any.factor == 1.0);
}

#[test]
fn sums_of_few_terms() {
    let x = of("quantized_bits(6,2)");
    assert_eq!(accumulator(0, &x, false), x);
    assert_eq!(bits(&accumulator(1, &x, true)), (7, 3, true));
}

/// Quantizers that QTools does not know.
#[test]
fn other_quantizers_have_the_type_of_their_values() {
    for (quantizer, expected) in [
        ("quantized_linear(5,1)", ("quantized_linear", 5, 1, true)),
        ("quantized_hswish(6,2)", ("quantized_hswish", 6, 2, true)),
        ("quantized_sigmoid(6)", ("quantized_sigmoid", 6, 0, false)),
        ("binary_tanh", ("binary_tanh", 1, 1, true)),
        ("binary_sigmoid", ("binary_sigmoid", 1, 1, false)),
    ] {
        let found = of(quantizer);
        let (bits, int_bits, signed) = bits(&found);
        assert_eq!((found.name, bits, int_bits, signed), expected);
    }
    for function in ["hard_sigmoid", "smooth_sigmoid", "hard_tanh", "smooth_tanh"] {
        assert_eq!(DataType::of_quantizer(&function.parse().unwrap()), None);
    }
    // A part of a bit takes a whole one.
    assert_eq!(of("quantized_po2(3.5)").bits, 4);
    assert_eq!(of("quantized_po2(4,0)").max_value, MaxValue::Unlimited);
}

#[test]
fn messages_say_what_to_write() {
    let message = |text: &str| text.parse::<DataType>().unwrap_err().to_string();
    assert_eq!(
        message("hard_tanh"),
        "hard_tanh does not quantize, so that its values have no type"
    );
    assert!(message("fp64").contains("fp64"), "{}", message("fp64"));
    let all = [
        QtoolsError::Sources { found: 2, inputs: 1 },
        QtoolsError::Input { name: "x".into(), known: "input_1".into() },
        QtoolsError::NoResult { layer: "a".into() },
        QtoolsError::NoOperand { layer: "a".into() },
        QtoolsError::OneOperand { layer: "a".into() },
        QtoolsError::TooWide { layer: "a".into(), variable: "kernel" },
    ];
    assert_eq!(
        all.map(|error| error.to_string()),
        [
            "2 types are stated for 1 inputs",
            "the model has no input 'x', whose type is stated",
            "layer 'a' has no result of its own, and so no shape",
            "layer 'a' reads no tensor, so that QTools has no type for it",
            "layer 'a' multiplies a single tensor",
            "layer 'a': kernel takes more than 64 bits as integers",
        ]
    );
}

#[test]
fn sources_name_an_input_or_all() {
    let source = |text: &str| text.parse::<Source>().unwrap();
    let all = source("quantized_bits(8,0,1,alpha=1)");
    assert_eq!((all.input, all.format.unwrap().to_string().as_str()), (None, "fixed<8,1>"));
    let one = source("input_1 = quantized_relu(6,2)");
    assert_eq!(one.input.as_deref(), Some("input_1"));
    assert_eq!(one.format.unwrap().to_string(), "ufixed<6,2>");
    for (text, format) in [
        ("ternary", "fixed<2,2>"),
        ("quantized_tanh(4)", "fixed<4,1>"),
        ("int16", "fixed<16,8>"),
        ("quantized_bits(20,3)", "fixed<20,4>"),
    ] {
        assert_eq!(source(text).format.unwrap().to_string(), format, "{text}");
    }
    assert_eq!(source("fp32").format, None);
    for format in ["fixed<8,1>", "ufixed<6,2>", "fixed<12,-3>"] {
        let format = format.parse::<crate::fixed::Quantization>().unwrap().format;
        assert_eq!(DataType::of_format(format).format(), Some(format));
    }
}

#[test]
fn energies_are_never_negative() {
    let process = Process::horowitz();
    let float = DataType::float(32);
    // What selects a floating-point number costs a multiplication, for which QTools fails.
    for operation in [Operation::Mux, Operation::And, Operation::Xor, Operation::Shift] {
        assert_eq!(process.operation(operation, &float, 32.0), 3.7);
        assert_eq!(process.operation(operation, &DataType::float(16), 16.0), 1.1);
    }
    assert_eq!(process.operation(Operation::Add, &float, 32.0), 0.9);
    assert_eq!(process.operation(Operation::Add, &DataType::float(16), 16.0), 0.4);
    let text = serde_json::to_string(&process).unwrap();
    assert_eq!(serde_json::from_str::<Process>(&text).unwrap(), process);
    let falling: Polynomial = serde_json::from_str("[-1.0, 2.0]").unwrap();
    assert_eq!([1.0, 3.0].map(|x| falling.at(x)), [1.0, 0.0]);
}

#[test]
fn equal_sizes_forgive_nothing() {
    let factor = Forgiveness::default();
    let half = factor.compare(50.0, 100.0);
    assert!((half.delta.unwrap() - 0.08).abs() < 1e-15);
    assert_eq!(half.total_factor, Some(-0.5));
    assert_eq!(factor.compare(100.0, 100.0).delta, Some(0.0));
    let larger = Forgiveness { delta_n: 4.0, ..factor }.compare(200.0, 100.0);
    assert!((larger.delta.unwrap() + 0.04).abs() < 1e-15);
    let nothing = factor.compare(0.0, 0.0);
    assert_eq!((nothing.delta, nothing.total_factor), (None, None));
}

/// The exported parameter `values` with a quantizer.
fn exported(values: &ArrayD<f32>, quantizer: &str) -> ParameterExport {
    let kind = LayerKind::Activation(Activation::Linear);
    let layer = Layer { name: "fc".into(), class: "QDense".into(), kind, origin: None };
    let parameter = Parameter {
        variable: "kernel",
        values: std::borrow::Cow::Borrowed(values),
        quantizer: Some(quantizer.parse().unwrap()),
        is_stored: true,
    };
    ParameterExport::new(&layer, "fc/kernel".into(), parameter).unwrap()
}

/// The values that the integers of a parameter stand for.
fn values_of(parameter: &ParameterExport) -> ArrayD<f64> {
    match parameter.integers.as_ref().unwrap() {
        Integers::Scaled { scale, codes, .. } => {
            let scale = ArrayD::from_shape_vec(IxDyn(&[scale.len()]), scale.clone()).unwrap();
            codes.mapv(|code| code as f64) * scale
        }
        Integers::PowersOfTwo { sign, exponent, .. } => {
            sign.mapv(|sign| sign as f64) * exponent.mapv(|exponent| exp2(exponent as i32))
        }
    }
}

proptest! {
    /// Integers and scales are the quantized values, whatever the quantizer.
    #[test]
    fn integers_are_exact(weights in prop::collection::vec(-3.0_f32..3.0, 12)) {
        let weights = ArrayD::from_shape_vec(IxDyn(&[4, 3]), weights).unwrap();
        for quantizer in [
            "quantized_bits(4,1,alpha=1)",
            "quantized_bits(4,0,1,alpha='auto_po2')",
            "quantized_bits(4,0,1,alpha='auto')",
            "quantized_linear(5,1,alpha='auto_po2')",
            "quantized_po2(4)",
            "quantized_relu_po2(4,4)",
            "ternary(alpha='auto')",
            "binary(alpha='auto_po2')",
            "binary(use_01=True,alpha=1)",
        ] {
            let found = exported(&weights, quantizer);
            let error = (values_of(&found) - &found.values).mapv(f64::abs);
            let largest = error.fold(0.0_f64, |most, error| most.max(*error));
            prop_assert!(largest <= 1e-14, "{}: {}", quantizer, largest);
        }
    }
}

#[test]
fn scales_of_outputs_save_bits() {
    let weights = [[0.7_f32, 7.0, 0.007], [-0.3, -3.0, 0.003], [0.1, 1.0, 0.001]];
    let weights = ndarray::arr2(&weights).into_dyn();
    let found = exported(&weights, "quantized_bits(4,0,1,alpha='auto_po2')");
    let Some(Integers::Scaled { bits, is_signed, scale, .. }) = &found.integers else {
        panic!("{:?}", found.integers);
    };
    assert_eq!((*bits, *is_signed, scale.len()), (4, true, 3));
    assert!(!found.changes_again);
    let codebook = found.codebook.unwrap();
    assert!(codebook.is_sorted() && codebook.len() <= 16, "{codebook:?}");
    // A 0 is quantized to 1 once more.
    assert!(exported(&weights, "binary(use_01=True,alpha=1)").changes_again);
}
