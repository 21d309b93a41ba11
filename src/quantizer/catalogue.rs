//! Every class of quantizer: how it is constructed, and the source of the tables that the program and
//! the docs print.

use QkerasFunction::{BinarySigmoid, BinaryTanh, HardSigmoid, HardTanh, SmoothSigmoid, SmoothTanh};
use Role::{Acts, Config, Ignored, Scales, Trains};

use super::arguments::Arguments;
use super::functions::Shape;
use super::signs::BinaryClass;
use super::{
    Binary, ParseError, QkerasFunction, QuantizedBits, QuantizedHswish, QuantizedLinear,
    QuantizedPo2, QuantizedRelu, QuantizedSigmoid, QuantizedUlaw, Quantizer, QuantizerError,
    RealStepFunction, Stage, Ternary,
};

/// A class of quantizer.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// QKeras' name.
    pub name: &'static str,
    /// The attributes in the order of QKeras' constructor.
    pub(super) attributes: &'static [(&'static str, Role)],
    /// Constructs the quantizer.
    pub(super) new: Constructor,
    /// The values, by the parameters.
    pub values: &'static str,
    /// A condition and a call that meets it, for each form of the quantizer in hardware. The first is
    /// the typical one. Empty if the bare name is the only call.
    variants: &'static [(&'static str, &'static str)],
}

type Constructor = fn(&Arguments) -> Result<Quantizer, ParseError>;

/// Effect of an attribute. The text is QKeras' default as Python writes it, otherwise None.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It acts at inference.
    Acts(&'static str),
    /// It acts at inference, but only QKeras' `get_config` writes it.
    Config(&'static str),
    /// It is a parameter of a scale that is computed from a kernel.
    Scales,
    /// It acts in training only, or shapes probabilities.
    Trains(&'static str),
    /// It selects how QKeras computes the same, or names variables.
    Ignored,
}

impl Kind {
    /// The call with all parameters that act at inference at their defaults; the bare name of a kind
    /// without parameters.
    pub fn signature(&self) -> String {
        if self.attributes.is_empty() {
            return self.name.into();
        }
        let parameters = self.attributes.iter().filter_map(|(name, role)| match role {
            Acts(default) => Some(format!("{name}={default}")),
            Config(_) | Scales | Trains(_) | Ignored => None,
        });
        format!("{}({})", self.name, parameters.collect::<Vec<_>>().join(", "))
    }

    /// Parameters, None by default, of a scale that is computed from a kernel.
    pub fn scaling(&self) -> Vec<&'static str> {
        self.attributes_that(|role| role == Scales)
    }

    /// The parameters without effect on inference.
    pub fn inert(&self) -> Vec<&'static str> {
        self.attributes_that(|role| matches!(role, Trains(_) | Ignored))
    }

    fn attributes_that(&self, is_wanted: impl Fn(Role) -> bool) -> Vec<&'static str> {
        let wanted = self.attributes.iter().filter(|(_, role)| is_wanted(*role));
        wanted.map(|(name, _)| *name).collect()
    }

    /// A call with typical parameters.
    pub fn example(&self) -> &'static str {
        self.variants.first().map_or(self.name, |(_, call)| call)
    }

    /// The operations in hardware, derived from [`Quantizer::stages`] of a call for each variant:
    /// `cast (RND_CONV, SAT); symmetric: cast (RND_CONV, SAT_SYM)`.
    pub fn hardware(&self) -> String {
        let operations = |call: &str| {
            let quantizer: Quantizer = call.parse().expect("a test builds every variant");
            operations(&quantizer).expect("a test builds every variant")
        };
        let variant =
            |(condition, call): &(&str, &str)| format!("{condition}: {}", operations(call));
        let typical = [operations(self.example())];
        let others = self.variants.iter().skip(1).map(variant);
        typical.into_iter().chain(others).collect::<Vec<_>>().join("; ")
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

/// Every kind of quantizer, in the order of QKeras' source.
pub fn kinds() -> &'static [Kind] {
    KINDS
}

/// The attributes of `bernoulli` and `stochastic_binary`.
const STOCHASTIC: &[(&str, Role)] = &[
    ("alpha", Acts("None")),
    ("temperature", Trains("6.0")),
    ("use_real_sigmoid", Trains("True")),
];

const KINDS: &[Kind] = &[
    Kind {
        name: "quantized_bits",
        attributes: &[
            ("bits", Acts("8")),
            ("integer", Acts("0")),
            ("symmetric", Acts("0")),
            ("keep_negative", Acts("True")),
            ("alpha", Acts("None")),
            ("use_stochastic_rounding", Trains("False")),
            ("scale_axis", Scales),
            ("qnoise_factor", Trains("1.0")),
            ("var_name", Ignored),
            ("use_ste", Ignored),
            ("use_variables", Ignored),
            ("elements_per_scale", Scales),
            ("min_po2_exponent", Scales),
            ("max_po2_exponent", Scales),
            ("post_training_scale", Scales),
        ],
        new: |a| QuantizedBits::new(a).map(Quantizer::Bits),
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
        attributes: &[
            ("bits", Acts("8")),
            ("integer", Acts("0")),
            ("symmetric", Acts("1")),
            ("keep_negative", Acts("True")),
            ("alpha", Acts("None")),
            ("use_stochastic_rounding", Trains("False")),
            ("scale_axis", Scales),
            ("qnoise_factor", Trains("1.0")),
            ("var_name", Ignored),
            ("use_variables", Ignored),
        ],
        new: |a| QuantizedLinear::new(a).map(Quantizer::Linear),
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
        attributes: STOCHASTIC,
        new: |a| Binary::new(a, BinaryClass::Bernoulli).map(Quantizer::Binary),
        values: "0 and alpha, the likelier of the two; alpha for x = 0",
        variants: &[("", "bernoulli(alpha=1.0)")],
    },
    Kind {
        name: "ternary",
        attributes: &[
            ("alpha", Acts("None")),
            ("threshold", Acts("None")),
            ("use_stochastic_rounding", Trains("False")),
            ("number_of_unrolls", Acts("5")),
        ],
        new: |a| Ternary::new(a, false).map(Quantizer::Ternary),
        values: "-alpha, 0, alpha; 0 for |x| < threshold (0.33 for None)",
        variants: &[("", "ternary(alpha=1)")],
    },
    Kind {
        name: "stochastic_ternary",
        attributes: &[
            ("alpha", Acts("None")),
            ("threshold", Acts("None")),
            ("temperature", Trains("8.0")),
            ("use_real_sigmoid", Trains("True")),
            ("number_of_unrolls", Acts("5")),
        ],
        new: |a| Ternary::new(a, true).map(Quantizer::Ternary),
        values: "as ternary: randomness acts in training only",
        variants: &[("", "stochastic_ternary(alpha=1.0)")],
    },
    Kind {
        name: "binary",
        attributes: &[
            ("use_01", Acts("False")),
            ("alpha", Acts("None")),
            ("use_stochastic_rounding", Trains("False")),
            ("scale_axis", Scales),
            ("elements_per_scale", Scales),
            ("min_po2_exponent", Scales),
            ("max_po2_exponent", Scales),
        ],
        new: |a| Binary::new(a, BinaryClass::Binary).map(Quantizer::Binary),
        values: "-alpha, alpha; 0, alpha with use_01; alpha for x = 0",
        variants: &[("", "binary(alpha=1)")],
    },
    Kind {
        name: "stochastic_binary",
        attributes: STOCHASTIC,
        new: |a| Binary::new(a, BinaryClass::StochasticBinary).map(Quantizer::Binary),
        values: "as binary: randomness acts in training only",
        variants: &[("", "stochastic_binary(alpha=1.0)")],
    },
    Kind {
        name: "quantized_relu",
        attributes: &[
            ("bits", Acts("8")),
            ("integer", Acts("0")),
            ("use_sigmoid", Acts("0")),
            ("negative_slope", Acts("0.0")),
            ("use_stochastic_rounding", Trains("False")),
            ("relu_upper_bound", Acts("None")),
            ("is_quantized_clip", Acts("True")),
            ("qnoise_factor", Trains("1.0")),
            ("var_name", Ignored),
            ("use_ste", Ignored),
            ("use_variables", Ignored),
            ("enable_fast_inference", Ignored),
        ],
        new: |a| QuantizedRelu::new(a).map(Quantizer::Relu),
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
        attributes: &[
            ("bits", Acts("8")),
            ("integer", Acts("0")),
            ("symmetric", Acts("0")),
            ("u", Acts("255.0")),
        ],
        new: |a| QuantizedUlaw::new(a).map(Quantizer::Ulaw),
        values: "2^integer · sign(r) · ln(1 + u|r|) / ln(1 + u) for r from -1 to 1 in multiples of \
                 2^(2 - bits); limited to 1 - 2^(1 - bits) above",
        variants: &[("", "quantized_ulaw(4)")],
    },
    Kind {
        name: "quantized_tanh",
        attributes: &[
            ("bits", Acts("8")),
            ("use_stochastic_rounding", Trains("False")),
            ("symmetric", Acts("False")),
            ("use_real_tanh", Acts("False")),
        ],
        new: |a| QuantizedSigmoid::new(a, Shape::Tanh).map(Quantizer::Sigmoid),
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
        attributes: &[
            ("bits", Acts("8")),
            ("symmetric", Acts("False")),
            ("use_real_sigmoid", Acts("False")),
            ("use_stochastic_rounding", Trains("False")),
        ],
        new: |a| QuantizedSigmoid::new(a, Shape::Sigmoid).map(Quantizer::Sigmoid),
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
        attributes: &[
            ("bits", Acts("8")),
            ("max_value", Acts("None")),
            ("use_stochastic_rounding", Trains("False")),
            ("quadratic_approximation", Acts("False")),
            ("log2_rounding", Acts("'rnd'")),
            ("qnoise_factor", Trains("1.0")),
            ("var_name", Ignored),
            ("use_ste", Ignored),
            ("use_variables", Ignored),
        ],
        new: |a| QuantizedPo2::new(a, false).map(Quantizer::Po2),
        values: "±2^e, never 0, with b = bits - 1, or bits - 2 if max_value is None or above 1: e \
                 from -2^b to 2^b - 1 (even e only, down to -2^(b + 1), with \
                 quadratic_approximation), up to max_value",
        variants: &[("", "quantized_po2(4,max_value=1)")],
    },
    Kind {
        name: "quantized_relu_po2",
        attributes: &[
            ("bits", Acts("8")),
            ("max_value", Acts("None")),
            ("negative_slope", Acts("0")),
            ("use_stochastic_rounding", Trains("False")),
            ("quadratic_approximation", Acts("False")),
            ("log2_rounding", Acts("'rnd'")),
            ("qnoise_factor", Trains("1.0")),
            ("var_name", Ignored),
            ("use_ste", Ignored),
            ("use_variables", Ignored),
        ],
        new: |a| QuantizedPo2::new(a, true).map(Quantizer::Po2),
        values: "2^e, never 0, as quantized_po2 with one bit more; for x < 0 the smallest of them, \
                 or -2^e near negative_slope · x with a slope",
        variants: &[("", "quantized_relu_po2(3,max_value=1)")],
    },
    Kind {
        name: "quantized_hswish",
        attributes: &[
            ("bits", Acts("8")),
            ("integer", Acts("0")),
            ("symmetric", Acts("0")),
            ("alpha", Acts("None")),
            ("use_stochastic_rounding", Trains("False")),
            ("scale_axis", Scales),
            ("qnoise_factor", Trains("1.0")),
            ("var_name", Ignored),
            ("use_variables", Ignored),
            ("relu_shift", Acts("3")),
            ("relu_upper_bound", Acts("6")),
            ("keep_negative", Config("True")),
            ("post_training_scale", Scales),
        ],
        new: |a| QuantizedHswish::new(a).map(Quantizer::Hswish),
        values: "quantized_bits of \
                 x · clip(x + relu_shift, 0, relu_upper_bound) / relu_upper_bound, from its minimum on",
        variants: &[("", "quantized_hswish(6,2)")],
    },
    function("hard_sigmoid", |_| Ok(HardSigmoid.into()), "x/2 + ½, from 0 to 1"),
    function("smooth_sigmoid", |_| Ok(SmoothSigmoid.into()), "3x/16 + ½, from 0 to 1"),
    function("binary_sigmoid", |_| Ok(BinarySigmoid.into()), "1 for x > 0, 0 for x ≤ 0"),
    function("hard_tanh", |_| Ok(HardTanh.into()), "x, from -1 to 1"),
    function("smooth_tanh", |_| Ok(SmoothTanh.into()), "3x/8, from -1 to 1"),
    function("binary_tanh", |_| Ok(BinaryTanh.into()), "1 for x > 0, -1 for x ≤ 0"),
];

/// A function without parameters that QKeras accepts as a quantizer.
const fn function(name: &'static str, new: Constructor, values: &'static str) -> Kind {
    Kind { name, attributes: &[], new, values, variants: &[] }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::quantizer::TrainingNote;
    use crate::quantizer::tests::cases::every_case;

    #[test]
    fn every_name_and_attribute_is_stated_once() {
        let names: BTreeSet<&str> = KINDS.iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), KINDS.len());
        for kind in KINDS {
            let attributes: BTreeSet<&str> =
                kind.attributes.iter().map(|(name, _)| *name).collect();
            assert_eq!(attributes.len(), kind.attributes.len(), "{}", kind.name);
        }
    }

    /// Written text leaves defaults out, so readers, writers and the table agree on them.
    #[test]
    fn defaults_are_read_and_not_written() {
        for kind in KINDS {
            let plain: Quantizer = kind.name.parse().unwrap();
            assert_eq!(kind.signature().parse::<Quantizer>().as_ref(), Ok(&plain), "{}", kind.name);
            assert!(!plain.to_string().contains('='), "{plain}");
            let notes = plain.training_notes();
            assert!(notes.iter().all(|note| *note == TrainingNote::Random), "{plain}");
        }
    }

    #[test]
    fn variants_can_be_built_and_read() {
        for kind in KINDS {
            for (condition, call) in kind.variants.iter().copied().chain([("", kind.example())]) {
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
