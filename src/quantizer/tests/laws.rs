//! Laws for all parameters of a quantizer: values are monotone between breakpoints, and idempotent;
//! and the definitions that are exceptions.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::cases::{Slope, every_case};
use super::{Quantizer, numbers};
use crate::quantizer::{Kind, kinds};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn values_are_monotone(case in every_case(), fraction in -3..30_i32) {
        let quantizer = case.quantizer();
        let values: Vec<f64> = numbers(fraction).map(|x| quantizer.apply(x)).collect();
        match case.slope {
            Slope::Rising => prop_assert!(values.is_sorted(), "{quantizer} falls"),
            Slope::Falling => prop_assert!(values.iter().rev().is_sorted(), "{quantizer} rises"),
            Slope::Mixed => prop_assert!(!quantizer.breakpoints().is_empty(), "{quantizer}"),
        }
    }

    /// Each quantizer is monotone between breakpoints: bisection relies on it.
    #[test]
    fn values_are_monotone_between_breakpoints(case in every_case(), fraction in -3..30_i32) {
        let quantizer = case.quantizer();
        let breakpoints = quantizer.breakpoints();
        prop_assert_eq!(breakpoints.is_empty(), case.slope != Slope::Mixed, "{}", &quantizer);
        for section in 0..=breakpoints.len() {
            let above = |x: &f64| section == 0 || *x >= breakpoints[section - 1];
            let below = |x: &f64| section == breakpoints.len() || *x < breakpoints[section];
            let inside = numbers(fraction).filter(|x| above(x) && below(x));
            let values: Vec<f64> = inside.map(|x| quantizer.apply(x)).collect();
            let is_monotone = values.is_sorted() || values.iter().rev().is_sorted();
            prop_assert!(is_monotone, "{} in section {}", &quantizer, section);
        }
    }

    #[test]
    fn values_are_idempotent(
        case in every_case().prop_filter("is not idempotent", |case| case.idempotent),
        fraction in -3..30_i32,
    ) {
        let quantizer = case.quantizer();
        for x in numbers(fraction) {
            let once = quantizer.apply(x);
            prop_assert_eq!(quantizer.apply(once), once, "{} of {}", &quantizer, x);
        }
    }
}

/// Definitions that rise and fall, each at three ascending numbers.
#[test]
fn definitions_that_are_not_monotone() {
    let cases = [
        // x · relu6(x + 3) / 6 is 0 at -3 and at 0, and negative between.
        ("quantized_hswish(8,2,alpha=1)", [-3.0, -1.5, 0.0]),
        ("quantized_hswish(8,2,1,'auto',post_training_scale=0.5)", [-3.0, -1.5, 0.0]),
        // Exponents are doubled, but not those of magnitudes below epsilon.
        ("quantized_po2(4,quadratic_approximation=True)", [0.0, 1e-6, 1.0]),
        ("quantized_relu_po2(3,quadratic_approximation=True)", [0.0, 1e-6, 1.0]),
    ];
    for (call, numbers) in cases {
        let quantizer: Quantizer = call.parse().unwrap();
        let [first, second, third] = numbers.map(|x| quantizer.apply(x));
        assert!(first > second && second < third, "{call}: {first}, {second}, {third}");
    }
}

/// Definitions that are not idempotent: a number, its value, and the value of that.
#[test]
fn definitions_that_are_not_idempotent() {
    let cases = [
        // alpha multiplies each time, but does not divide.
        ("quantized_bits(4,0,alpha=0.5)", "hard", 0.5, 0.25, 0.125),
        ("quantized_bits(1,0,alpha=-1.0)", "hard", 1.0, -1.0, 1.0),
        ("ternary(alpha=0.25)", "hard", 1.0, 0.25, 0.0),
        ("stochastic_ternary(alpha=-1.0)", "hard", 1.0, -1.0, 1.0),
        ("binary(alpha=-1.0)", "hard", 1.0, -1.0, 1.0),
        ("stochastic_binary(alpha=-1.0)", "hard", 1.0, -1.0, 1.0),
        // 0 is a value, but the sign of 0 is positive.
        ("binary(use_01=True)", "hard", -1.0, 0.0, 1.0),
        ("bernoulli", "hard", -1.0, 0.0, 1.0),
        // A slope multiplies each time.
        ("quantized_relu(6,2,negative_slope=0.25)", "hard", -4.0, -1.0, -0.25),
        ("quantized_relu_po2(4,negative_slope=0.5)", "hard", -4.0, -2.0, -1.0),
        // The bound is no multiple of the LSB.
        (
            "quantized_relu(4,1,relu_upper_bound=1.3125,is_quantized_clip=False)",
            "hard",
            9.0,
            1.3125,
            1.25,
        ),
        // Only the hard sigmoid s makes 2 · s(x) - 1 equal x between the limits.
        ("quantized_relu(4,0,1)", "smooth", 0.75, 0.25, 0.125),
        ("quantized_tanh(4)", "smooth", 1.0, 0.375, 0.125),
        ("quantized_tanh(4,use_real_tanh=True)", "hard", 3.0, 0.875, 0.75),
        ("smooth_tanh", "hard", 1.0, 0.375, 0.140625),
        ("quantized_sigmoid(4)", "hard", 0.0, 0.5, 0.75),
        ("hard_sigmoid", "hard", 0.0, 0.5, 0.75),
        ("smooth_sigmoid", "hard", 0.0, 0.5, 0.59375),
        ("quantized_hswish(8,2,alpha=1)", "hard", 1.5, 1.125, 0.78125),
        // Rounded down, the exponent of epsilon is that of a number below it.
        (
            "quantized_po2(7,log2_rounding='floor')",
            "hard",
            1.1e-7,
            2.0_f64.powi(-24),
            2.0_f64.powi(-32),
        ),
        // So is the nearest even one; and the smallest exponent may be odd.
        (
            "quantized_po2(6,quadratic_approximation=True)",
            "hard",
            1.1e-7,
            2.0_f64.powi(-24),
            2.0_f64.powi(-16),
        ),
        ("quantized_relu_po2(1,quadratic_approximation=True)", "hard", 0.0, 0.5, 1.0),
        // The smallest exponent is -√2 here, and -1 is near.
        ("quantized_relu_po2(1.5)", "hard", 0.0, 0.37521421909332275, 0.5),
    ];
    for (call, sigmoid, x, once, twice) in cases {
        let quantizer: Quantizer = call.parse().unwrap();
        let quantizer = quantizer.with_internal_sigmoid(sigmoid.parse().unwrap());
        assert_eq!(quantizer.apply(x), once, "{call} of {x}");
        assert_eq!(quantizer.apply(once), twice, "{call} of {once}");
        assert_ne!(once, twice);
    }
    // Logarithms have no short decimals.
    let ulaw: Quantizer = "quantized_ulaw(4)".parse().unwrap();
    let once = ulaw.apply(0.25);
    assert!(ulaw.apply(once) > once);
}

/// Attributes of computed scales, which act on parameters only: tested in `parameters`, and against
/// QKeras in hls_tests/quantizers.
const OF_COMPUTED_SCALES: [&str; 4] =
    ["scale_axis", "elements_per_scale", "min_po2_exponent", "max_po2_exponent"];

/// The random cases have every quantizer, and every attribute that it takes.
#[test]
fn cases_have_every_quantizer_and_attribute() {
    let mut runner = TestRunner::deterministic();
    let mut found: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
    for _ in 0..4000 {
        let call = every_case().new_tree(&mut runner).unwrap().current().call;
        let (name, arguments) = call.split_once('(').unwrap_or((&call, ")"));
        let kind = kinds().iter().find(|kind| kind.name == name).unwrap();
        let attributes: Vec<&'static str> = kind.attributes.iter().map(|known| known.0).collect();
        let stated = found.entry(name.to_owned()).or_default();
        let arguments = arguments.trim_end_matches(')').split(',');
        for (position, argument) in arguments.enumerate().filter(|(_, text)| !text.is_empty()) {
            let keyword = argument.split_once('=').map(|(name, _)| name.trim());
            let is_meant = |attribute: &&'static str| keyword == Some(*attribute);
            let named = attributes.iter().copied().find(is_meant);
            stated.extend(named.or_else(|| attributes.get(position).copied()));
        }
    }
    for Kind { name, attributes, .. } in kinds() {
        let stated = found.get(*name).unwrap_or_else(|| panic!("no case of {name}"));
        for (attribute, _) in *attributes {
            let is_known = stated.contains(attribute) || OF_COMPUTED_SCALES.contains(attribute);
            assert!(is_known, "no case of {name} states {attribute}");
        }
    }
}
