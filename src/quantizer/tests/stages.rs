//! Stages, one after another in exact arithmetic, against `apply`.

use ndarray::arr1;
use num_bigint::BigInt;

use super::*;
use crate::fixed::{Codes, cast};
use crate::quantizer::Stage;

/// Bits behind the point that hold every number of these tests.
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
        Stage::AtLeast(low) => x.max(*low),
        Stage::AtMost(high) => x.min(*high),
        Stage::Leaky { shift } if x < 0.0 => libm::ldexp(x, -(*shift as i32)),
        Stage::Leaky { .. } => x,
        Stage::Steps => panic!("steps are no stage among others"),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn compute_what_apply_does(case in prop_oneof![bits(), relu()], fraction in -3..12_i32) {
        let quantizer = case.quantizer();
        let stages = quantizer.stages().unwrap();
        for x in grid(fraction).filter(|_| stages != [Stage::Steps]) {
            prop_assert_eq!(run(&stages, x), quantizer.apply(x), "{} of {}: {:?}", &quantizer, x, &stages);
        }
    }

    #[test]
    fn steps_never_fall(case in any_case(), fraction in -3..32_i32) {
        let quantizer = case.quantizer();
        if quantizer.stages() == Ok(vec![Stage::Steps]) {
            let values: Vec<f64> = grid(fraction).map(|x| quantizer.apply(x)).collect();
            prop_assert!(values.is_sorted(), "{}", &quantizer);
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

    let sigmoid = casts(&["ufixed<6,3,RND_CONV,SAT>", "ufixed<6,2,RND_CONV,SAT>"]);
    assert_eq!(stages("quantized_relu(6,2,1)"), sigmoid);
}

#[test]
fn what_no_cast_can_do_is_steps() {
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
    ];
    for call in calls {
        assert_eq!(stages(call), [Stage::Steps], "{call}");
    }
}
