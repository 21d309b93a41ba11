//! What each quantizer is, in words: the one source of the tables that people read.

use super::registry;

/// A quantizer's class, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// QKeras' name.
    pub name: &'static str,
    /// The parameters that act at inference, with QKeras' defaults, as Python writes both.
    pub parameters: &'static [(&'static str, &'static str)],
    /// Parameters, None by default, by which a scale is computed from a kernel.
    pub scaling: &'static [&'static str],
    /// The values that it gives, by its parameters.
    pub values: &'static str,
    /// What it is in hardware.
    pub hardware: &'static str,
    /// A call with typical parameters.
    pub example: &'static str,
}

impl Kind {
    /// The call with all parameters that act at inference at their defaults; the bare name of what
    /// has none.
    pub fn signature(&self) -> String {
        if self.parameters.is_empty() {
            return self.name.into();
        }
        let parameters: Vec<String> =
            self.parameters.iter().map(|(name, default)| format!("{name}={default}")).collect();
        format!("{}({})", self.name, parameters.join(", "))
    }

    /// The parameters that leave inference alone.
    pub fn inert(&self) -> Vec<&'static str> {
        let acts = |name: &str| self.parameters.iter().any(|(known, _)| *known == name);
        let known = registry::attributes(self.name).iter().copied();
        known.filter(|name| INERT.contains(name) && !acts(name)).collect()
    }
}

/// What acts in training alone, gives probabilities, or says how QKeras computes what it computes anyway.
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

/// A table addressed by the operand's code, or comparators, whichever is smaller.
const STEPS: &str = "comparators on step thresholds, or a table";

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
        hardware: "one cast: halves to even, saturating; an alpha that is a power of two moves the \
                   binary point, any other takes comparators or a table",
        example: "quantized_bits(6,2,alpha=1)",
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
        hardware: "one cast where s is a power of two; any other takes comparators or a table",
        example: "quantized_linear(6,2,alpha=1.0)",
    },
    Kind {
        name: "bernoulli",
        parameters: &[("alpha", "None")],
        scaling: &[],
        values: "0 and alpha, the likelier of the two: that of 0 is alpha",
        hardware: "the sign bit",
        example: "bernoulli(alpha=1.0)",
    },
    Kind {
        name: "ternary",
        parameters: &[("alpha", "None"), ("threshold", "None"), ("number_of_unrolls", "5")],
        scaling: &[],
        values: "-alpha, 0, alpha; 0 where |x| < threshold (0.33 where None stands)",
        hardware: "two comparators",
        example: "ternary(alpha=1)",
    },
    Kind {
        name: "stochastic_ternary",
        parameters: &[("alpha", "None"), ("threshold", "None"), ("number_of_unrolls", "5")],
        scaling: &[],
        values: "those of ternary: chance acts in training only",
        hardware: "two comparators",
        example: "stochastic_ternary(alpha=1.0)",
    },
    Kind {
        name: "binary",
        parameters: &[("use_01", "False"), ("alpha", "None")],
        scaling: &["scale_axis", "elements_per_scale", "min_po2_exponent", "max_po2_exponent"],
        values: "-alpha, alpha; 0 and alpha with use_01; that of 0 is alpha",
        hardware: "the sign bit",
        example: "binary(alpha=1)",
    },
    Kind {
        name: "stochastic_binary",
        parameters: &[("alpha", "None")],
        scaling: &[],
        values: "those of binary: chance acts in training only",
        hardware: "the sign bit",
        example: "stochastic_binary(alpha=1.0)",
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
                 and also the negative multiples of the step down to -negative_slope · 2^integer; \
                 with use_sigmoid every second k and the largest; relu_upper_bound limits them \
                 where is_quantized_clip is False",
        hardware: "one cast: halves to even, saturating; a slope is a shift of negative numbers \
                   before it, an upper bound a comparator behind it",
        example: "quantized_relu(6,2)",
    },
    Kind {
        name: "quantized_ulaw",
        parameters: &[("bits", "8"), ("integer", "0"), ("symmetric", "0"), ("u", "255.0")],
        scaling: &[],
        values: "2^integer · sign(r) · ln(1 + u|r|) / ln(1 + u) for r from -1 to 1 in steps of \
                 2^(2 - bits); limited to 1 - 2^(1 - bits) above",
        hardware: "comparators on step thresholds, or a table; its values with 16 bits below 2^integer",
        example: "quantized_ulaw(4)",
    },
    Kind {
        name: "quantized_tanh",
        parameters: &[("bits", "8"), ("symmetric", "False"), ("use_real_tanh", "False")],
        scaling: &[],
        values: "k / m with m = 2^(bits - 1): k from -m (1 - m if symmetric) to m - 1; near x from -1 to \
                 1, or tanh(x) with use_real_tanh",
        hardware: "one cast; with use_real_tanh a table, or comparators",
        example: "quantized_tanh(6)",
    },
    Kind {
        name: "quantized_sigmoid",
        parameters: &[("bits", "8"), ("symmetric", "False"), ("use_real_sigmoid", "False")],
        scaling: &[],
        values: "k / 2^bits: k from 0 (1 if symmetric) to 2^bits - 1; near x/2 + ½, or 1 / (1 + e^-x) with \
                 use_real_sigmoid",
        hardware: "an addition and one cast; with use_real_sigmoid a table, or comparators",
        example: "quantized_sigmoid(6)",
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
        values: "±2^e, never 0, with b = bits - 1, or bits - 2 where max_value is None or above 1: e \
                 from -2^b to 2^b - 1 (even e alone, twice as far down, with \
                 quadratic_approximation), up to max_value",
        hardware: STEPS,
        example: "quantized_po2(4,max_value=1)",
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
        values: "2^e, never 0, as quantized_po2 of one bit more; below 0 the smallest of them, or \
                 with a slope -2^e near negative_slope · x",
        hardware: STEPS,
        example: "quantized_relu_po2(3,max_value=1)",
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
        values: "those of quantized_bits from the least on that \
                 x · clip(x + relu_shift, 0, relu_upper_bound) / relu_upper_bound comes near",
        hardware: STEPS,
        example: "quantized_hswish(6,2)",
    },
    function("hard_sigmoid", "x/2 + ½, from 0 to 1", LINE),
    function("smooth_sigmoid", "3x/16 + ½, from 0 to 1", LINE),
    function("binary_sigmoid", "1 for positive x, 0 elsewhere", "one comparator"),
    function("hard_tanh", "x, from -1 to 1", "two limits"),
    function("smooth_tanh", "3x/8, from -1 to 1", LINE),
    function("binary_tanh", "1 for positive x, -1 elsewhere, that of 0 too", "one comparator"),
];

const LINE: &str = "shifts, an addition, two limits: exact, so the fraction grows";

/// A function without parameters, which QKeras takes where a quantizer stands.
const fn function(name: &'static str, values: &'static str, hardware: &'static str) -> Kind {
    Kind { name, parameters: &[], scaling: &[], values, hardware, example: name }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::quantizer::{Quantizer, names};

    #[test]
    fn every_quantizer_is_described_once() {
        let mut described: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        let mut known = names();
        described.sort_unstable();
        known.sort_unstable();
        assert_eq!(described, known);
    }

    #[test]
    fn parameters_are_those_of_the_constructor_and_defaults_change_nothing() {
        for kind in KINDS {
            let described = kind.parameters.iter().map(|(name, _)| *name).chain(kind.inert());
            let mut described: BTreeSet<&str> =
                described.chain(kind.scaling.iter().copied()).collect();
            if kind.name == "quantized_hswish" {
                described.insert("keep_negative"); // in files, but not in the constructor
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
    fn examples_can_be_built() {
        for kind in KINDS {
            let quantizer: Quantizer = kind.example.parse().unwrap();
            assert!(quantizer.stages().is_ok(), "{}", kind.example);
            assert!(kind.example.starts_with(kind.name));
        }
    }
}
