//! Stages, one after another in exact arithmetic, against `apply`.

use ndarray::arr1;
use num_bigint::BigInt;

use super::cases::{quantized_sigmoid, relu, tanh};
use super::*;
use crate::fixed::{Codes, cast};
use crate::quantizer::Stage;

/// Fractional bits that hold every number of these tests.
const FRACTION: i32 = 120;

fn run(stages: &[Stage], x: f64) -> f64 {
    stages.iter().fold(x, |x, stage| match stage {
        Stage::Cast(to) => {
            let codes = Codes::from_values(&arr1(&[x]).into_dyn().view(), FRACTION).unwrap();
            let code: BigInt = codes.iter().next().unwrap();
            let code = arr1(&[cast(&code, FRACTION, to)]).into_dyn();
            Codes::from_big(code).to_values(to.format)[[0]]
        }
        Stage::Scale { power } => libm::ldexp(x, *power),
        Stage::Affine { scale, bias } => scale * x + bias,
        Stage::AtLeast(low) => x.max(*low),
        Stage::AtMost(high) => x.min(*high),
        Stage::Leaky { shift } if x < 0.0 => libm::ldexp(x, -(*shift as i32)),
        Stage::Leaky { .. } => x,
        Stage::StepFunction => panic!("a step function is the only stage"),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn compute_what_apply_does(
        case in prop_oneof![2 => bits(), 3 => relu(), 1 => tanh(), 1 => quantized_sigmoid(), 1 => line()],
        fraction in -3..12_i32,
    ) {
        let quantizer = case.quantizer();
        let stages = quantizer.stages().unwrap();
        for x in numbers(fraction).filter(|_| stages != [Stage::StepFunction]) {
            prop_assert_eq!(run(&stages, x), quantizer.apply(x), "{} of {}: {:?}", &quantizer, x, &stages);
        }
    }

}

fn stages(call: &str) -> Vec<Stage> {
    call.parse::<Quantizer>().unwrap().stages().unwrap()
}

fn casts(types: &[&str]) -> Vec<Stage> {
    types.iter().map(|name| Stage::Cast(name.parse().unwrap())).collect()
}

#[test]
fn fixed_point_is_one_cast() {
    let cases = [
        ("quantized_bits(6, 0, alpha=1)", "fixed<6,1,RND_CONV,SAT>"),
        ("quantized_bits(6, 2, 1)", "fixed<6,3,RND_CONV,SAT_SYM>"),
        ("quantized_bits(5, 1, 1, keep_negative=False)", "ufixed<5,1,RND_CONV,SAT>"),
        ("quantized_bits(1, 0, keep_negative=False)", "ufixed<1,0,RND_CONV,SAT>"),
        ("quantized_bits(4, 4)", "fixed<4,5,RND_CONV,SAT>"),
        ("quantized_bits(3, 7)", "fixed<3,8,RND_CONV,SAT>"),
        ("quantized_relu(6, 2)", "ufixed<6,2,RND_CONV,SAT>"),
        ("quantized_relu(6, 2, relu_upper_bound=3)", "ufixed<6,2,RND_CONV,SAT>"),
        ("quantized_relu(6, 2, negative_slope=1)", "fixed<6,3,RND_CONV,SAT>"),
    ];
    for (call, name) in cases {
        assert_eq!(stages(call), casts(&[name]), "{call}");
    }
}

#[test]
fn scales_slopes_and_bounds_are_stages_of_their_own() {
    let mut scaled = casts(&["fixed<6,1,RND_CONV,SAT>"]);
    scaled.push(Stage::Scale { power: -2 });
    assert_eq!(stages("quantized_bits(6, alpha=0.25)"), scaled);

    let mut leaky = vec![Stage::AtLeast(-4.0), Stage::Leaky { shift: 2 }];
    leaky.extend(casts(&["fixed<6,3,RND_CONV,SAT>"]));
    assert_eq!(stages("quantized_relu(6,2,negative_slope=0.25)"), leaky);

    let mut bounded = casts(&["ufixed<6,3,RND_CONV,SAT>"]);
    bounded.push(Stage::AtMost(5.0));
    assert_eq!(stages("quantized_relu(6,3,relu_upper_bound=5,is_quantized_clip=False)"), bounded);

    let smooth = |call: &str| {
        let quantizer: Quantizer = call.parse().unwrap();
        quantizer.with_internal_sigmoid(crate::function::Sigmoid::Smooth).stages().unwrap()
    };
    let line = |scale, bias| vec![Stage::Affine { scale, bias }];
    let mut sigmoid = line(0.5, 0.5);
    sigmoid.extend(casts(&["ufixed<6,0,RND_CONV,SAT>"]));
    assert_eq!(stages("quantized_sigmoid(6)"), sigmoid);
    sigmoid[0] = line(0.1875, 0.5).remove(0);
    sigmoid.push(Stage::AtLeast(1.0 / 64.0));
    assert_eq!(smooth("quantized_sigmoid(6,symmetric=1)"), sigmoid);

    assert_eq!(stages("quantized_tanh(6)"), casts(&["fixed<6,1,RND_CONV,SAT>"]));
    assert_eq!(stages("quantized_tanh(6,symmetric=1)"), casts(&["fixed<6,1,RND_CONV,SAT_SYM>"]));
    let mut tanh = line(0.375, 0.0);
    tanh.extend(casts(&["fixed<6,1,RND_CONV,SAT>"]));
    assert_eq!(smooth("quantized_tanh(6)"), tanh);

    let mut relu = line(0.375, 0.0);
    relu.extend(casts(&["ufixed<6,3,RND_CONV,SAT>", "ufixed<6,2,RND_CONV,SAT>"]));
    assert_eq!(smooth("quantized_relu(6,2,1)"), relu);

    let mut hard = line(0.5, 0.5);
    hard.extend([Stage::AtLeast(0.0), Stage::AtMost(1.0)]);
    assert_eq!(stages("hard_sigmoid"), hard);
    assert_eq!(stages("hard_tanh"), [Stage::AtLeast(-1.0), Stage::AtMost(1.0)]);

    let sigmoid = casts(&["ufixed<6,3,RND_CONV,SAT>", "ufixed<6,2,RND_CONV,SAT>"]);
    assert_eq!(stages("quantized_relu(6,2,1)"), sigmoid);
}

#[test]
fn what_no_cast_can_do_is_a_step_function() {
    let calls = [
        "quantized_bits(1, 0)",
        "quantized_bits(4, alpha=0.7)",
        "quantized_relu(1, 0, 1)",
        "quantized_relu(6, 2, 1, 0.5)",
        "quantized_relu(3, 0, negative_slope=0.125)",
        "quantized_relu(3, 0, negative_slope=2)",
        "quantized_relu(6,3,relu_upper_bound=5.01,is_quantized_clip=False)",
        "quantized_po2(4)",
        "quantized_relu_po2(4)",
        "ternary(alpha=1)",
        "binary(alpha=1)",
        "binary(alpha=-1)",
        "quantized_bits(4,alpha=-0.5)",
        "quantized_po2(4,quadratic_approximation=1)",
        "quantized_tanh(1,symmetric=1)",
        "quantized_tanh(6,use_real_tanh=1)",
        "quantized_sigmoid(6,use_real_sigmoid=1)",
        "quantized_hswish(6,2)",
        "binary_tanh",
    ];
    for call in calls {
        assert_eq!(stages(call), [Stage::StepFunction], "{call}");
    }
}

#[test]
fn values_that_are_no_multiples_of_an_lsb_are_cast() {
    let mut expected = vec![Stage::StepFunction];
    expected.extend(casts(&["fixed<17,3,RND_CONV,SAT>"]));
    assert_eq!(stages("quantized_ulaw(6,2)"), expected);
}
