//! Quantizers with random parameters, each with its definition and the laws that it obeys.

use proptest::prelude::*;

use super::{Quantizer, literal};

/// A quantizer as its call, with QKeras' definition.
pub(in crate::quantizer) struct Case {
    pub(in crate::quantizer) call: String,
    /// The argument of `set_internal_sigmoid`.
    sigmoid: &'static str,
    pub(super) definition: Box<dyn Fn(f64) -> f64>,
    pub(super) slope: Slope,
    /// True if each value is its own value; `laws` lists the exceptions.
    pub(super) idempotent: bool,
}

/// Monotonicity of a definition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Slope {
    /// Values never fall.
    Rising,
    /// Values never rise.
    Falling,
    /// Values rise and fall; `laws` has examples.
    Mixed,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} sigmoid)", self.call, self.sigmoid)
    }
}

impl Case {
    /// A rising case without sigmoid that is not idempotent.
    fn new(call: String, definition: impl Fn(f64) -> f64 + 'static) -> Self {
        let definition = Box::new(definition);
        Self { call, sigmoid: "hard", definition, slope: Slope::Rising, idempotent: false }
    }

    fn with_sigmoid(self, sigmoid: &'static str) -> Self {
        Self { sigmoid, ..self }
    }

    /// The case, idempotent if `idempotent`.
    fn idempotent_if(self, idempotent: bool) -> Self {
        Self { idempotent, ..self }
    }

    /// The case, falling if `alpha` is negative.
    fn times(self, alpha: f32) -> Self {
        Self { slope: if alpha < 0.0 { Slope::Falling } else { Slope::Rising }, ..self }
    }

    /// The case, neither rising nor falling if `mixed`.
    fn mixed_if(self, mixed: bool) -> Self {
        Self { slope: if mixed { Slope::Mixed } else { self.slope }, ..self }
    }

    pub(super) fn quantizer(&self) -> Quantizer {
        let quantizer: Quantizer = self.call.parse().unwrap();
        quantizer.with_internal_sigmoid(self.sigmoid.parse().unwrap())
    }
}

/// Arguments of a call without effect on inference.
fn inert(arguments: &'static [&'static str]) -> impl Strategy<Value = String> {
    let some = prop::sample::subsequence(arguments, 0..=arguments.len());
    some.prop_map(|some| some.iter().map(|argument| format!(",{argument}")).collect())
}

const NOISE: &[&str] = &[
    "use_stochastic_rounding=True",
    "qnoise_factor=0.5",
    "var_name='q'",
    "use_ste=False",
    "use_variables=True",
];
const LINEAR_NOISE: &[&str] =
    &["use_stochastic_rounding=True", "qnoise_factor=0.5", "var_name='q'", "use_variables=True"];
const RANDOM: &[&str] = &["temperature=3.0", "use_real_sigmoid=False"];
const ROUNDING: &[&str] = &["use_stochastic_rounding=True"];

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
        (-4.0_f32..0.0).prop_map(Some),
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

pub(super) fn bits() -> impl Strategy<Value = Case> {
    let parameters = (1..9_i32, -3..9_i32, any::<bool>(), any::<bool>(), alpha());
    (parameters, inert(NOISE)).prop_map(
        |((bits, integer, symmetric, keep_negative, alpha), more)| {
            let call = format!(
                "quantized_bits({bits}, {integer}, {}, keep_negative={}, alpha={}{more})",
                u8::from(symmetric),
                python(keep_negative),
                alpha_text(alpha)
            );
            let alpha = alpha.unwrap_or(1.0);
            let is_sign = bits == 1 && keep_negative;
            Case::new(call, move |x| {
                literal::bits(x, bits, integer, symmetric, keep_negative, alpha)
            })
            .times(alpha)
            .idempotent_if([0.0, 1.0].contains(&alpha) || is_sign && alpha > 0.0)
        },
    )
}

/// A computed scale that was fixed after training.
fn frozen_bits() -> impl Strategy<Value = Case> {
    let scale = prop_oneof![(-3..4_i32).prop_map(|p| 2.0_f32.powi(p)), 0.01_f32..4.0];
    let parameters = (1..9_i32, -3..9_i32, any::<bool>(), any::<bool>(), any::<bool>());
    (parameters, scale, inert(NOISE)).prop_map(
        |((bits, integer, symmetric, keep_negative, po2), scale, more)| {
            let call = format!(
                "quantized_bits({bits}, {integer}, {}, keep_negative={}, alpha='{}', \
                 post_training_scale={scale:?}{more})",
                u8::from(symmetric),
                python(keep_negative),
                if po2 { "auto_po2" } else { "auto" }
            );
            Case::new(call, move |x| literal::frozen_bits(x, bits, integer, keep_negative, scale))
                .idempotent_if(true)
        },
    )
}

/// A negative alpha divides too, so the function still rises.
pub(super) fn quantized_linear() -> impl Strategy<Value = Case> {
    let factor = prop_oneof![Just(1.0_f32), Just(0.5), Just(-2.0), 0.01_f32..4.0, -4.0_f32..-0.01];
    let alpha = prop_oneof![1 => Just(None), 3 => factor.prop_map(Some)];
    let parameters = (1..9_i32, -3..9_i32, any::<bool>(), any::<bool>(), alpha);
    (parameters, inert(LINEAR_NOISE)).prop_map(
        |((bits, integer, symmetric, keep_negative, alpha), more)| {
            let call = format!(
                "quantized_linear({bits}, {integer}, {}, keep_negative={}, alpha={}{more})",
                u8::from(symmetric),
                python(keep_negative),
                alpha_text(alpha)
            );
            Case::new(call, move |x| {
                let alpha = alpha.unwrap_or(1.0);
                literal::linear(x, bits, integer, symmetric, keep_negative, alpha)
            })
            .idempotent_if(true)
        },
    )
}

pub(super) fn relu() -> impl Strategy<Value = Case> {
    let bound = prop_oneof![
        Just(None),
        (-4..40_i32).prop_map(|k| Some(k as f32 / 4.0)),
        (0.0_f32..9.0).prop_map(Some),
    ];
    let kind = prop_oneof![2 => Just(None), 3 => sigmoid().prop_map(Some)];
    let parameters = (1..9_i32, -2..6_i32, kind, slope(), bound, any::<bool>());
    (parameters, inert(NOISE)).prop_map(
        |((bits, integer, kind, slope, bound, is_quantized_clip), more)| {
            let acts = |bound: &f32| *bound != 0.0 && !is_quantized_clip;
            let acting = bound.filter(acts);
            let plain = kind.is_none() && slope == 0.0 && acting.is_none();
            // It selects an implementation, not values.
            let fast = if plain { ",enable_fast_inference=True" } else { "" };
            let call = format!(
                "quantized_relu({bits},{integer},{},{slope},relu_upper_bound={},\
                 is_quantized_clip={}{more}{fast})",
                u8::from(kind.is_some()),
                alpha_text(bound),
                python(is_quantized_clip)
            );
            Case::new(call, move |x| {
                let y = literal::relu(x, bits, integer, kind, slope);
                acting.map_or(y, |bound| y.min(bound.into()))
            })
            .with_sigmoid(kind.unwrap_or("hard"))
            .idempotent_if(
                acting.is_none() && slope == 0.0 && kind.is_none_or(|kind| kind == "hard"),
            )
        },
    )
}

pub(super) fn tanh() -> impl Strategy<Value = Case> {
    let parameters = (1..10_i32, any::<bool>(), any::<bool>(), sigmoid());
    (parameters, inert(ROUNDING)).prop_map(|((bits, symmetric, real, kind), more)| {
        Case::new(
            format!(
                "quantized_tanh({bits},symmetric={},use_real_tanh={}{more})",
                python(symmetric),
                python(real)
            ),
            move |x| literal::tanh(x, bits, symmetric, real, kind),
        )
        .with_sigmoid(kind)
        .idempotent_if(!real && kind == "hard")
    })
}

pub(super) fn quantized_sigmoid() -> impl Strategy<Value = Case> {
    let parameters = (1..10_i32, any::<bool>(), any::<bool>(), sigmoid());
    (parameters, inert(ROUNDING)).prop_map(|((bits, symmetric, real, kind), more)| {
        Case::new(
            format!("quantized_sigmoid({bits},{},{}{more})", u8::from(symmetric), u8::from(real)),
            move |x| literal::quantized_sigmoid(x, bits, symmetric, real, kind),
        )
        .with_sigmoid(kind)
    })
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
    (bits, relu, inert(LINEAR_NOISE)).prop_map(
        |((bits, integer, symmetric, alpha), (shift, bound), more)| {
            let call = format!(
                "quantized_hswish({bits},{integer},{},{},relu_shift={shift},\
                 relu_upper_bound={bound},keep_negative=True{more})",
                u8::from(symmetric),
                alpha_text(alpha)
            );
            Case::new(call, move |x| {
                let x = literal::hswish(x, shift, bound);
                literal::bits(x, bits, integer, symmetric, true, alpha.unwrap_or(1.0))
            })
            .mixed_if(true)
        },
    )
}

fn frozen_hswish() -> impl Strategy<Value = Case> {
    (1..9_i32, -3..6_i32, 0.01_f32..4.0).prop_map(|(bits, integer, scale)| {
        Case::new(
            format!("quantized_hswish({bits},{integer},1,'auto',post_training_scale={scale:?})"),
            move |x| literal::frozen_bits(literal::hswish(x, 3, 6), bits, integer, true, scale),
        )
        .mixed_if(true)
    })
}

/// The binary functions: those that have a list of values.
fn binary_function() -> impl Strategy<Value = Case> {
    let round = |x: f64| literal::sigmoid(x, "hard").round_ties_even();
    any::<bool>().prop_map(move |tanh| {
        match tanh {
            true => Case::new("binary_tanh".into(), move |x| 2.0 * round(x) - 1.0),
            false => Case::new("binary_sigmoid".into(), round),
        }
        .idempotent_if(true)
    })
}

/// The functions that are a line between two limits.
pub(super) fn line() -> impl Strategy<Value = Case> {
    let kind = prop_oneof![Just("hard"), Just("smooth")];
    (any::<bool>(), kind).prop_map(|(tanh, kind)| match tanh {
        true => Case::new(format!("{kind}_tanh"), |x| 2.0 * literal::sigmoid(x, kind) - 1.0)
            .idempotent_if(kind == "hard"),
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

/// Whole numbers, and some that are not.
fn exponent_bits() -> impl Strategy<Value = f64> {
    prop_oneof![6 => (0..12_i32).prop_map(f64::from), 1 => (0..48_i32).prop_map(|b| f64::from(b) / 4.0)]
}

fn po2() -> impl Strategy<Value = Case> {
    (exponent_bits(), exponents(), inert(NOISE)).prop_map(|(bits, exponents, more)| {
        let (_, quadratic, floor) = exponents;
        let call = format!("quantized_po2({bits}, {}{more})", exponents_text(exponents));
        Case::new(call, move |x| {
            let power = literal::power(x.abs(), bits - 1.0, exponents);
            if x < 0.0 { -power } else { power }
        })
        .mixed_if(quadratic)
        .idempotent_if(!quadratic && !floor && bits.fract() == 0.0)
    })
}

fn relu_po2() -> impl Strategy<Value = Case> {
    (exponent_bits(), slope(), exponents(), inert(NOISE)).prop_map(
        |(bits, slope, exponents, more)| {
            let (_, quadratic, floor) = exponents;
            let call = format!(
                "quantized_relu_po2({bits}, negative_slope={slope}, {}{more})",
                exponents_text(exponents)
            );
            let case = Case::new(call, move |x| {
                if x >= 0.0 || slope == 0.0 {
                    literal::power(x.max(0.0), bits, exponents)
                } else {
                    -literal::power(-x * slope, bits, exponents)
                }
            });
            let idempotent = !quadratic && !floor && slope == 0.0 && bits.fract() == 0.0;
            case.mixed_if(quadratic).idempotent_if(idempotent)
        },
    )
}

pub(super) fn ternary() -> impl Strategy<Value = Case> {
    let threshold = prop_oneof![Just(None), (-0.5_f32..3.0).prop_map(Some), Just(Some(0.5))];
    (alpha(), threshold, any::<bool>(), inert(RANDOM), inert(ROUNDING)).prop_map(
        |(alpha, threshold, stochastic, random, rounding)| {
            let (name, more) =
                if stochastic { ("stochastic_ternary", random) } else { ("ternary", rounding) };
            let call = format!(
                "{name}({}, {}{more},number_of_unrolls=3)",
                alpha_text(alpha),
                alpha_text(threshold)
            );
            let (alpha, threshold) = (alpha.unwrap_or(1.0), threshold.unwrap_or(0.33));
            Case::new(call, move |x| {
                let passes = x.abs() >= threshold.into();
                let sign = if x == 0.0 { 0.0 } else { x.signum() };
                f64::from(u8::from(passes)) * sign * f64::from(alpha)
            })
            .times(alpha)
            .idempotent_if(alpha == 0.0 || alpha > 0.0 && alpha >= threshold)
        },
    )
}

pub(super) fn binary() -> impl Strategy<Value = Case> {
    let class = prop_oneof![
        3 => any::<bool>().prop_map(|use_01| ("binary", use_01)),
        1 => Just(("stochastic_binary", false)),
        1 => Just(("bernoulli", true)),
    ];
    (class, alpha(), inert(RANDOM), inert(ROUNDING)).prop_map(
        |((name, use_01), alpha, random, rounding)| {
            let call = match name {
                "binary" => {
                    format!("{name}({}, {}{rounding})", python(use_01), alpha_text(alpha))
                }
                _ => format!("{name}({}{random})", alpha_text(alpha)),
            };
            let alpha = alpha.unwrap_or(1.0);
            Case::new(call, move |x| {
                let sign = if x >= 0.0 { 1.0 } else { -1.0 };
                let sign = if use_01 { (sign + 1.0) / 2.0 } else { sign };
                sign * f64::from(alpha)
            })
            .times(alpha)
            .idempotent_if(alpha == 0.0 || alpha > 0.0 && !use_01)
        },
    )
}

/// Cases whose numbers are exact in float32 arithmetic.
pub(super) fn plain_case() -> impl Strategy<Value = Case> {
    let linear = prop_oneof![4 => bits(), 4 => relu(), 1 => ternary(), 1 => binary()];
    let powers = prop_oneof![po2(), relu_po2()];
    let curves = prop_oneof![tanh(), quantized_sigmoid(), ulaw(), hswish(), binary_function()];
    prop_oneof![5 => linear, 2 => powers, 4 => curves]
}

/// Cases with a list of values.
pub(super) fn any_case() -> impl Strategy<Value = Case> {
    let scaled = prop_oneof![2 => quantized_linear(), 1 => frozen_bits(), 1 => frozen_hswish()];
    prop_oneof![10 => plain_case(), 3 => scaled]
}

/// All cases.
pub(in crate::quantizer) fn every_case() -> impl Strategy<Value = Case> {
    prop_oneof![8 => any_case(), 1 => line()]
}
