//! A description of each class of quantizer: the source of the tables that the program and the docs
//! print.

use super::{Quantizer, QuantizerError, RealStepFunction, Stage, registry};

/// A class of quantizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// QKeras' name.
    pub name: &'static str,
    /// The parameters that act at inference, with QKeras' defaults, as Python writes both.
    pub parameters: &'static [(&'static str, &'static str)],
    /// Parameters, None by default, of a scale that is computed from a kernel.
    pub scaling: &'static [&'static str],
    /// The values, by the parameters.
    pub values: &'static str,
    /// A condition and a call that meets it, for each form of the quantizer in hardware. The first is
    /// the typical one.
    variants: &'static [(&'static str, &'static str)],
}

impl Kind {
    /// The call with all parameters that act at inference at their defaults; the bare name of a kind
    /// without parameters.
    pub fn signature(&self) -> String {
        if self.parameters.is_empty() {
            return self.name.into();
        }
        let parameters: Vec<String> =
            self.parameters.iter().map(|(name, default)| format!("{name}={default}")).collect();
        format!("{}({})", self.name, parameters.join(", "))
    }

    /// The parameters without effect on inference.
    pub fn inert(&self) -> Vec<&'static str> {
        let acts = |name: &str| self.parameters.iter().any(|(known, _)| *known == name);
        let known = registry::attributes(self.name).iter().copied();
        known.filter(|name| INERT.contains(name) && !acts(name)).collect()
    }

    /// A call with typical parameters.
    pub fn example(&self) -> &'static str {
        self.variants[0].1
    }

    /// The operations in hardware, derived from [`Quantizer::stages`] of a call for each variant:
    /// `cast (RND_CONV, SAT); symmetric: cast (RND_CONV, SAT_SYM)`.
    pub fn hardware(&self) -> String {
        let variant = |(condition, call): &(&str, &str)| {
            let quantizer: Quantizer = call.parse().expect("a test builds every variant");
            let operations = operations(&quantizer).expect("a test builds every variant");
            if condition.is_empty() { operations } else { format!("{condition}: {operations}") }
        };
        self.variants.iter().map(variant).collect::<Vec<_>>().join("; ")
    }
}

/// The operations of `quantizer` in hardware, without their numbers.
fn operations(quantizer: &Quantizer) -> Result<String, QuantizerError> {
    // A small number of thresholds does not depend on the parameters.
    const FEW: usize = 2;
    let stages = quantizer.stages()?;
    let mut operations: Vec<String> = stages.iter().map(Stage::operation).collect();
    if let ([Stage::StepFunction], Some(function)) =
        (&stages[..], RealStepFunction::new(quantizer)?)
    {
        match function.ascending().take(FEW + 2).count() - 1 {
            1 => operations[0] += " with 1 threshold",
            count if count <= FEW => operations[0] += &format!(" with {count} thresholds"),
            _ => {}
        }
    }
    Ok(operations.join(", "))
}

/// Parameters that act in training alone, shape probabilities, or select how QKeras computes the same.
const INERT: [&str; 8] = [
    "use_stochastic_rounding",
    "qnoise_factor",
    "temperature",
    "use_real_sigmoid",
    "var_name",
    "use_ste",
    "use_variables",
    "enable_fast_inference",
];

/// Every kind of quantizer, in the order of QKeras' source.
pub fn kinds() -> &'static [Kind] {
    KINDS
}

const KINDS: &[Kind] = &[
    Kind {
        name: "quantized_bits",
        parameters: &[
            ("bits", "8"),
            ("integer", "0"),
            ("symmetric", "0"),
            ("keep_negative", "True"),
            ("alpha", "None"),
        ],
        scaling: &[
            "scale_axis",
            "elements_per_scale",
            "min_po2_exponent",
            "max_po2_exponent",
            "post_training_scale",
        ],
        values: "alpha · 2^(integer - u) · k with u = bits - keep_negative: k from -2^u (1 - 2^u if \
                 symmetric, 0 without keep_negative) to 2^u - 1; for u = 0 -alpha and alpha",
        variants: &[
            ("", "quantized_bits(6,2,alpha=1)"),
            ("symmetric", "quantized_bits(6,2,1,alpha=1)"),
            ("alpha a power of two", "quantized_bits(6,2,alpha=0.25)"),
            ("any other alpha, or 1 bit", "quantized_bits(6,2,alpha=0.7)"),
            (
                "post_training_scale a power of two",
                "quantized_bits(6,2,alpha='auto',post_training_scale=0.5)",
            ),
        ],
    },
    Kind {
        name: "quantized_linear",
        parameters: &[
            ("bits", "8"),
            ("integer", "0"),
            ("symmetric", "1"),
            ("keep_negative", "True"),
            ("alpha", "None"),
        ],
        scaling: &["scale_axis"],
        values: "s · k with s = alpha · 2^(integer - u), u = bits - keep_negative: k from -2^u \
                 (1 - 2^u if symmetric, 0 without keep_negative) to 2^u - 1; for u = 0 -s/2 and s/2",
        variants: &[
            ("", "quantized_linear(6,2,alpha=1.0)"),
            ("symmetric=0", "quantized_linear(6,2,0,alpha=1.0)"),
            ("alpha not a power of two, or 1 bit", "quantized_linear(6,2,alpha=0.7)"),
        ],
    },
    Kind {
        name: "bernoulli",
        parameters: &[("alpha", "None")],
        scaling: &[],
        values: "0 and alpha, the likelier of the two; alpha for x = 0",
        variants: &[("", "bernoulli(alpha=1.0)")],
    },
    Kind {
        name: "ternary",
        parameters: &[("alpha", "None"), ("threshold", "None"), ("number_of_unrolls", "5")],
        scaling: &[],
        values: "-alpha, 0, alpha; 0 for |x| < threshold (0.33 for None)",
        variants: &[("", "ternary(alpha=1)")],
    },
    Kind {
        name: "stochastic_ternary",
        parameters: &[("alpha", "None"), ("threshold", "None"), ("number_of_unrolls", "5")],
        scaling: &[],
        values: "as ternary: randomness acts in training only",
        variants: &[("", "stochastic_ternary(alpha=1.0)")],
    },
    Kind {
        name: "binary",
        parameters: &[("use_01", "False"), ("alpha", "None")],
        scaling: &["scale_axis", "elements_per_scale", "min_po2_exponent", "max_po2_exponent"],
        values: "-alpha, alpha; 0, alpha with use_01; alpha for x = 0",
        variants: &[("", "binary(alpha=1)")],
    },
    Kind {
        name: "stochastic_binary",
        parameters: &[("alpha", "None")],
        scaling: &[],
        values: "as binary: randomness acts in training only",
        variants: &[("", "stochastic_binary(alpha=1.0)")],
    },
    Kind {
        name: "quantized_relu",
        parameters: &[
            ("bits", "8"),
            ("integer", "0"),
            ("use_sigmoid", "0"),
            ("negative_slope", "0.0"),
            ("relu_upper_bound", "None"),
            ("is_quantized_clip", "True"),
        ],
        scaling: &[],
        values: "2^(integer - n) · k with n = bits, k from 0 to 2^n - 1; with a slope n = bits - 1 \
                 and also the negative multiples of the LSB down to -negative_slope · 2^integer; \
                 with use_sigmoid every second k and the largest; relu_upper_bound limits them \
                 if is_quantized_clip is False",
        variants: &[
            ("", "quantized_relu(6,2)"),
            ("negative_slope", "quantized_relu(6,2,negative_slope=0.25)"),
            ("relu_upper_bound", "quantized_relu(6,3,relu_upper_bound=5,is_quantized_clip=False)"),
            ("use_sigmoid", "quantized_relu(6,2,1)"),
            (
                "any other slope or bound",
                "quantized_relu(6,3,relu_upper_bound=5.01,is_quantized_clip=False)",
            ),
        ],
    },
    Kind {
        name: "quantized_ulaw",
        parameters: &[("bits", "8"), ("integer", "0"), ("symmetric", "0"), ("u", "255.0")],
        scaling: &[],
        values: "2^integer · sign(r) · ln(1 + u|r|) / ln(1 + u) for r from -1 to 1 in multiples of \
                 2^(2 - bits); limited to 1 - 2^(1 - bits) above",
        variants: &[("", "quantized_ulaw(4)")],
    },
    Kind {
        name: "quantized_tanh",
        parameters: &[("bits", "8"), ("symmetric", "False"), ("use_real_tanh", "False")],
        scaling: &[],
        values: "k / m with m = 2^(bits - 1): k from -m (1 - m if symmetric) to m - 1; nearest to x \
                 limited to -1 to 1, or to tanh(x) with use_real_tanh",
        variants: &[
            ("", "quantized_tanh(6)"),
            ("symmetric", "quantized_tanh(6,symmetric=1)"),
            ("use_real_tanh", "quantized_tanh(6,use_real_tanh=1)"),
        ],
    },
    Kind {
        name: "quantized_sigmoid",
        parameters: &[("bits", "8"), ("symmetric", "False"), ("use_real_sigmoid", "False")],
        scaling: &[],
        values: "k / 2^bits: k from 0 (1 if symmetric) to 2^bits - 1; nearest to x/2 + ½, or to \
                 1 / (1 + e^-x) with use_real_sigmoid",
        variants: &[
            ("", "quantized_sigmoid(6)"),
            ("symmetric", "quantized_sigmoid(6,symmetric=1)"),
            ("use_real_sigmoid", "quantized_sigmoid(6,use_real_sigmoid=1)"),
        ],
    },
    Kind {
        name: "quantized_po2",
        parameters: &[
            ("bits", "8"),
            ("max_value", "None"),
            ("quadratic_approximation", "False"),
            ("log2_rounding", "'rnd'"),
        ],
        scaling: &[],
        values: "±2^e, never 0, with b = bits - 1, or bits - 2 if max_value is None or above 1: e \
                 from -2^b to 2^b - 1 (even e only, down to -2^(b + 1), with \
                 quadratic_approximation), up to max_value",
        variants: &[("", "quantized_po2(4,max_value=1)")],
    },
    Kind {
        name: "quantized_relu_po2",
        parameters: &[
            ("bits", "8"),
            ("max_value", "None"),
            ("negative_slope", "0"),
            ("quadratic_approximation", "False"),
            ("log2_rounding", "'rnd'"),
        ],
        scaling: &[],
        values: "2^e, never 0, as quantized_po2 with one bit more; for x < 0 the smallest of them, \
                 or -2^e near negative_slope · x with a slope",
        variants: &[("", "quantized_relu_po2(3,max_value=1)")],
    },
    Kind {
        name: "quantized_hswish",
        parameters: &[
            ("bits", "8"),
            ("integer", "0"),
            ("symmetric", "0"),
            ("alpha", "None"),
            ("relu_shift", "3"),
            ("relu_upper_bound", "6"),
        ],
        scaling: &["scale_axis", "post_training_scale"],
        values: "quantized_bits of \
                 x · clip(x + relu_shift, 0, relu_upper_bound) / relu_upper_bound, from its minimum on",
        variants: &[("", "quantized_hswish(6,2)")],
    },
    function("hard_sigmoid", "x/2 + ½, from 0 to 1", &[("", "hard_sigmoid")]),
    function("smooth_sigmoid", "3x/16 + ½, from 0 to 1", &[("", "smooth_sigmoid")]),
    function("binary_sigmoid", "1 for x > 0, 0 for x ≤ 0", &[("", "binary_sigmoid")]),
    function("hard_tanh", "x, from -1 to 1", &[("", "hard_tanh")]),
    function("smooth_tanh", "3x/8, from -1 to 1", &[("", "smooth_tanh")]),
    function("binary_tanh", "1 for x > 0, -1 for x ≤ 0", &[("", "binary_tanh")]),
];

/// A function without parameters that QKeras accepts as a quantizer.
const fn function(
    name: &'static str,
    values: &'static str,
    variants: &'static [(&'static str, &'static str)],
) -> Kind {
    Kind { name, parameters: &[], scaling: &[], values, variants }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::quantizer::names;
    use crate::quantizer::tests::cases::every_case;

    #[test]
    fn every_quantizer_is_described_once() {
        let mut described: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        let mut known = names();
        described.sort_unstable();
        known.sort_unstable();
        assert_eq!(described, known);
    }

    #[test]
    fn parameters_and_defaults_are_those_of_the_constructor() {
        for kind in KINDS {
            let described = kind.parameters.iter().map(|(name, _)| *name).chain(kind.inert());
            let mut described: BTreeSet<&str> =
                described.chain(kind.scaling.iter().copied()).collect();
            if kind.name == "quantized_hswish" {
                described.insert("keep_negative"); // only QKeras' get_config writes it
            }
            let known: BTreeSet<&str> = registry::attributes(kind.name).iter().copied().collect();
            assert_eq!(described, known, "{}", kind.name);
            if !kind.parameters.is_empty() {
                let plain: Quantizer = kind.name.parse().unwrap();
                assert_eq!(kind.signature().parse::<Quantizer>(), Ok(plain), "{}", kind.name);
            }
        }
    }

    #[test]
    fn variants_can_be_built_and_read() {
        for kind in KINDS {
            for (condition, call) in kind.variants {
                let quantizer: Quantizer = call.parse().unwrap();
                assert!(operations(&quantizer).is_ok() && call.starts_with(kind.name), "{call}");
                assert!(!condition.contains(':'), "{condition}");
            }
        }
        let hardware = |name| KINDS.iter().find(|kind| kind.name == name).unwrap().hardware();
        assert_eq!(hardware("binary"), "step function with 1 threshold");
        assert_eq!(
            hardware("quantized_tanh"),
            "cast (RND_CONV, SAT); symmetric: cast (RND_CONV, SAT_SYM); use_real_tanh: step function"
        );
    }

    proptest! {
        #[test]
        fn no_quantizer_has_an_operation_that_its_kind_does_not_name(case in every_case()) {
            // The sigmoid that QKeras' module has by default.
            let quantizer: Quantizer = case.call.parse().unwrap();
            let kind = KINDS.iter().find(|kind| case.call.split('(').next() == Some(kind.name)).unwrap();
            let hardware = kind.hardware();
            for stage in quantizer.stages().unwrap() {
                let operation = stage.operation();
                prop_assert!(hardware.contains(&operation), "{}: {} not in {}", quantizer, operation, hardware);
            }
        }
    }
}
