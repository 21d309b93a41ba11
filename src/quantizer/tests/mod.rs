//! Each quantizer against QKeras' own definition, written down once more without thought for
//! hardware.

mod errors;
mod literal;
mod parameters;
mod stages;
mod staircases;
mod text;

use proptest::prelude::*;

use super::Quantizer;

/// A quantizer as its call, and what QKeras' definition gives for a number.
struct Case {
    call: String,
    /// What `set_internal_sigmoid` was given.
    sigmoid: &'static str,
    definition: Box<dyn Fn(f64) -> f64>,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} sigmoid)", self.call, self.sigmoid)
    }
}

impl Case {
    /// One that takes no sigmoid.
    fn new(call: String, definition: impl Fn(f64) -> f64 + 'static) -> Self {
        Self { call, sigmoid: "hard", definition: Box::new(definition) }
    }

    fn with_sigmoid(self, sigmoid: &'static str) -> Self {
        Self { sigmoid, ..self }
    }

    fn quantizer(&self) -> Quantizer {
        let quantizer: Quantizer = self.call.parse().unwrap();
        quantizer.with_internal_sigmoid(self.sigmoid.parse().unwrap())
    }
}

fn sigmoid() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("hard"), Just("smooth"), Just("real")]
}

/// A number as a QKeras user writes alpha: unset, powers of two, and others.
fn alpha() -> impl Strategy<Value = Option<f32>> {
    prop_oneof![
        Just(None),
        Just(Some(1.0)),
        (-3..4_i32).prop_map(|power| Some(2.0_f32.powi(power))),
        (0.0_f32..4.0).prop_map(Some),
        Just(Some(0.0)),
    ]
}

fn python(flag: bool) -> &'static str {
    if flag { "True" } else { "False" }
}

fn alpha_text(alpha: Option<f32>) -> String {
    alpha.map_or("None".into(), |alpha| format!("{alpha:?}"))
}

/// 0 or a power of two.
fn slope() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), (-9..3_i32).prop_map(|power| 2.0_f64.powi(power))]
}

fn bits() -> impl Strategy<Value = Case> {
    (1..9_i32, -3..9_i32, any::<bool>(), any::<bool>(), alpha()).prop_map(
        |(bits, integer, symmetric, keep_negative, alpha)| {
            Case::new(
                format!(
                    "quantized_bits({bits}, {integer}, {}, keep_negative={}, alpha={})",
                    u8::from(symmetric),
                    python(keep_negative),
                    alpha_text(alpha)
                ),
                move |x| {
                    literal::bits(x, bits, integer, symmetric, keep_negative, alpha.unwrap_or(1.0))
                },
            )
        },
    )
}

/// alpha may turn the line round: that divides too.
fn quantized_linear() -> impl Strategy<Value = Case> {
    let factor = prop_oneof![Just(1.0_f32), Just(0.5), Just(-2.0), 0.01_f32..4.0, -4.0_f32..-0.01];
    let alpha = prop_oneof![1 => Just(None), 3 => factor.prop_map(Some)];
    (1..9_i32, -3..9_i32, any::<bool>(), any::<bool>(), alpha).prop_map(
        |(bits, integer, symmetric, keep_negative, alpha)| {
            Case::new(
                format!(
                    "quantized_linear({bits}, {integer}, {}, keep_negative={}, alpha={})",
                    u8::from(symmetric),
                    python(keep_negative),
                    alpha_text(alpha)
                ),
                move |x| {
                    let alpha = alpha.unwrap_or(1.0);
                    literal::linear(x, bits, integer, symmetric, keep_negative, alpha)
                },
            )
        },
    )
}

fn relu() -> impl Strategy<Value = Case> {
    let bound = prop_oneof![
        Just(None),
        (-4..40_i32).prop_map(|k| Some(k as f32 / 4.0)),
        (0.0_f32..9.0).prop_map(Some),
    ];
    let kind = prop_oneof![2 => Just(None), 3 => sigmoid().prop_map(Some)];
    (1..9_i32, -2..6_i32, kind, slope(), bound, any::<bool>()).prop_map(
        |(bits, integer, kind, slope, bound, is_quantized_clip)| Case::new(
            format!(
                "quantized_relu({bits},{integer},{},{slope},relu_upper_bound={},is_quantized_clip={})",
                u8::from(kind.is_some()),
                alpha_text(bound),
                python(is_quantized_clip)
            ),
            move |x| {
                let y = literal::relu(x, bits, integer, kind, slope);
                match bound {
                    Some(bound) if bound != 0.0 && !is_quantized_clip => y.min(bound.into()),
                    _ => y,
                }
            },
        )
        .with_sigmoid(kind.unwrap_or("hard")),
    )
}

fn tanh() -> impl Strategy<Value = Case> {
    (1..10_i32, any::<bool>(), any::<bool>(), sigmoid()).prop_map(
        |(bits, symmetric, real, kind)| {
            Case::new(
                format!(
                    "quantized_tanh({bits},symmetric={},use_real_tanh={})",
                    python(symmetric),
                    python(real)
                ),
                move |x| literal::tanh(x, bits, symmetric, real, kind),
            )
            .with_sigmoid(kind)
        },
    )
}

fn quantized_sigmoid() -> impl Strategy<Value = Case> {
    (1..10_i32, any::<bool>(), any::<bool>(), sigmoid()).prop_map(
        |(bits, symmetric, real, kind)| {
            Case::new(
                format!("quantized_sigmoid({bits},{},{})", u8::from(symmetric), u8::from(real)),
                move |x| literal::quantized_sigmoid(x, bits, symmetric, real, kind),
            )
            .with_sigmoid(kind)
        },
    )
}

fn ulaw() -> impl Strategy<Value = Case> {
    let u = prop_oneof![Just(255.0_f32), 0.1_f32..1000.0];
    (1..9_i32, -3..5_i32, any::<bool>(), u, sigmoid()).prop_map(
        |(bits, integer, symmetric, u, kind)| {
            Case::new(
                format!("quantized_ulaw({bits},{integer},{},{u:?})", u8::from(symmetric)),
                move |x| literal::ulaw(x, bits, integer, symmetric, u.into(), kind),
            )
            .with_sigmoid(kind)
        },
    )
}

fn hswish() -> impl Strategy<Value = Case> {
    let bits = (1..9_i32, -3..6_i32, any::<bool>(), alpha());
    let relu = prop_oneof![Just((3, 6)), (1..9_i32, 1..9_i32)];
    (bits, relu).prop_map(|((bits, integer, symmetric, alpha), (shift, bound))| {
        Case::new(
            format!(
                "quantized_hswish({bits},{integer},{},{},relu_shift={shift},relu_upper_bound={bound})",
                u8::from(symmetric),
                alpha_text(alpha)
            ),
            move |x| {
                let x = literal::hswish(x, shift, bound);
                literal::bits(x, bits, integer, symmetric, true, alpha.unwrap_or(1.0))
            },
        )
    })
}

/// The binary functions: those that have a list of values.
fn binary_function() -> impl Strategy<Value = Case> {
    let round = |x: f64| literal::sigmoid(x, "hard").round_ties_even();
    any::<bool>().prop_map(move |tanh| match tanh {
        true => Case::new("binary_tanh".into(), move |x| 2.0 * round(x) - 1.0),
        false => Case::new("binary_sigmoid".into(), round),
    })
}

/// The functions that are a line between two limits.
fn line() -> impl Strategy<Value = Case> {
    let kind = prop_oneof![Just("hard"), Just("smooth")];
    (any::<bool>(), kind).prop_map(|(tanh, kind)| match tanh {
        true => Case::new(format!("{kind}_tanh"), |x| 2.0 * literal::sigmoid(x, kind) - 1.0),
        false => Case::new(format!("{kind}_sigmoid"), |x| literal::sigmoid(x, kind)),
    })
}

/// max_value, quadratic_approximation, log2_rounding='floor', as a call's arguments and for
/// [`literal::power`].
fn exponents() -> impl Strategy<Value = (Option<f32>, bool, bool)> {
    let max_value = prop_oneof![Just(None), (0..20_i32).prop_map(|k| Some(k as f32 / 4.0))];
    (max_value, any::<bool>(), any::<bool>())
}

fn exponents_text((max_value, quadratic, floor): (Option<f32>, bool, bool)) -> String {
    format!(
        "max_value={},quadratic_approximation={},log2_rounding='{}'",
        alpha_text(max_value),
        python(quadratic),
        if floor { "floor" } else { "rnd" }
    )
}

fn po2() -> impl Strategy<Value = Case> {
    (2..9_i32, exponents()).prop_map(|(bits, exponents)| {
        Case::new(format!("quantized_po2({bits}, {})", exponents_text(exponents)), move |x| {
            let power = literal::power(x.abs(), bits - 1, exponents);
            if x < 0.0 { -power } else { power }
        })
    })
}

fn relu_po2() -> impl Strategy<Value = Case> {
    (1..8_i32, slope(), exponents()).prop_map(|(bits, slope, exponents)| {
        Case::new(
            format!(
                "quantized_relu_po2({bits}, negative_slope={slope}, {})",
                exponents_text(exponents)
            ),
            move |x| {
                if x >= 0.0 || slope == 0.0 {
                    literal::power(x.max(0.0), bits, exponents)
                } else {
                    -literal::power(-x * slope, bits, exponents)
                }
            },
        )
    })
}

fn ternary() -> impl Strategy<Value = Case> {
    let threshold = prop_oneof![Just(None), (-0.5_f32..3.0).prop_map(Some), Just(Some(0.5))];
    (alpha(), threshold).prop_map(|(alpha, threshold)| {
        Case::new(format!("ternary({}, {})", alpha_text(alpha), alpha_text(threshold)), move |x| {
            let passes = x.abs() >= threshold.unwrap_or(0.33).into();
            let sign = if x == 0.0 { 0.0 } else { x.signum() };
            f64::from(u8::from(passes)) * sign * f64::from(alpha.unwrap_or(1.0))
        })
    })
}

fn binary() -> impl Strategy<Value = Case> {
    (any::<bool>(), alpha()).prop_map(|(use_01, alpha)| {
        Case::new(format!("binary({}, {})", python(use_01), alpha_text(alpha)), move |x| {
            let sign = if x >= 0.0 { 1.0 } else { -1.0 };
            let sign = if use_01 { (sign + 1.0) / 2.0 } else { sign };
            sign * f64::from(alpha.unwrap_or(1.0))
        })
    })
}

/// Those that hold no number which float32 rounds when it is computed with.
fn plain_case() -> impl Strategy<Value = Case> {
    let linear = prop_oneof![4 => bits(), 4 => relu(), 1 => ternary(), 1 => binary()];
    let powers = prop_oneof![po2(), relu_po2()];
    let curves = prop_oneof![tanh(), quantized_sigmoid(), ulaw(), hswish(), binary_function()];
    prop_oneof![5 => linear, 2 => powers, 4 => curves]
}

fn any_case() -> impl Strategy<Value = Case> {
    prop_oneof![11 => plain_case(), 2 => quantized_linear()]
}

/// Every number of a grid around 0, and some far away, in ascending order.
fn grid(fraction: i32) -> impl Iterator<Item = f64> {
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
        for x in grid(fraction) {
            prop_assert_eq!(quantizer.apply(x), (case.definition)(x) + 0.0, "{} of {}", &quantizer, x);
        }
    }

    #[test]
    fn a_zero_has_no_sign(case in any_case(), fraction in -3..12_i32) {
        let quantizer = case.quantizer();
        for x in grid(fraction) {
            let y = quantizer.apply(x);
            prop_assert!(y != 0.0 || y.is_sign_positive(), "{} of {}", &quantizer, x);
        }
    }

    #[test]
    fn lists_its_values(case in any_case(), fraction in -3..12_i32) {
        let quantizer = case.quantizer();
        let values = quantizer.values().unwrap();
        prop_assert!(values.is_sorted_by(|a, b| a < b), "{:?}", values);
        for x in grid(fraction) {
            let y = quantizer.apply(x);
            prop_assert!(values.contains(&y), "{} makes {} of {}, not in {:?}", &quantizer, y, x, values);
        }
    }

    #[test]
    fn takes_every_listed_value(case in prop_oneof![bits(), ternary(), binary()]) {
        let quantizer = case.quantizer();
        let reached: Vec<f64> =
            (-4..12).flat_map(grid).map(|x| quantizer.apply(x)).collect();
        // A threshold below 0 leaves 0 to the sign of 0, which ternary has.
        for value in quantizer.values().unwrap() {
            prop_assert!(reached.contains(&value), "{} never gives {}", &quantizer, value);
        }
    }

    #[test]
    fn fixed_point_and_powers_stay_what_they_are(
        (bits, integer) in (2..9_i32, -3..9_i32),
        exponent_bits in 2..7_i32,
    ) {
        let calls = [
            format!("quantized_bits({bits},{integer},1)"),
            format!("quantized_bits({bits},{integer},keep_negative=False)"),
            format!("quantized_linear({bits},{integer},0)"),
            format!("quantized_relu({bits},{integer})"),
            format!("quantized_po2({exponent_bits})"),
            format!("quantized_relu_po2({exponent_bits})"),
            // Between -1 and 1 a hard tanh is the number itself.
            format!("quantized_tanh({bits})"),
            "ternary(alpha=1)".into(),
            "stochastic_ternary(alpha=1)".into(),
            "binary".into(),
            "stochastic_binary(alpha=1)".into(),
            "binary_sigmoid".into(),
            "binary_tanh".into(),
        ];
        for call in calls {
            let quantizer: Quantizer = call.parse().unwrap();
            for value in quantizer.values().unwrap() {
                // 2^-64 is below epsilon, and so are all smaller ones.
                prop_assert_eq!(quantizer.apply(value), value, "{}", call);
            }
        }
    }

    #[test]
    fn hard_tanh_leaves_its_results_alone(x in -9.0_f64..9.0) {
        let quantizer: Quantizer = "hard_tanh".parse().unwrap();
        let once = quantizer.apply(x);
        prop_assert_eq!(quantizer.apply(once), once);
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
    // The sign of 0 is +1, wherever the binary point is.
    assert_eq!(apply("quantized_bits(1, 3)", 0.0), 1.0);
    assert_eq!(apply("quantized_bits(1, 3)", -1e-9), -1.0);
    assert_eq!(apply("quantized_bits(1, 0, keep_negative=False)", 0.3), 0.5);
    assert_eq!(apply("binary(use_01=True, alpha=3)", -0.0), 3.0);
    assert_eq!(apply("bernoulli", 0.0), 1.0);
    assert_eq!(apply("bernoulli(alpha=2)", -0.1), 0.0);
    assert_eq!(apply("stochastic_binary", 0.0), 1.0);
    // Here the two values are a step apart.
    assert_eq!(apply("quantized_linear(1, 3)", 0.0), 4.0);
    assert_eq!(apply("quantized_linear(1, 3)", -1e-30), -4.0);
    assert_eq!(apply("ternary", 0.0), 0.0);
    assert_eq!(apply("stochastic_ternary", f64::from(0.33_f32)), 1.0);
    // 0.33 as float32 is larger than 0.33.
    assert_eq!(apply("ternary", 0.33), 0.0);
    assert_eq!(apply("ternary", f64::from(0.33_f32)), 1.0);
    assert_eq!(apply("ternary", -f64::from(0.33_f32)), -1.0);
    // Halves to even, then the clip.
    assert_eq!(apply("quantized_bits(4)", 0.1875), 0.25);
    assert_eq!(apply("quantized_bits(4, 0, 1)", -9.0), -0.875);
    assert_eq!(apply("quantized_bits(4, 0, 0)", -9.0), -1.0);
    // More integer bits than bits: steps of 8.
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
