//! The functions of Keras by their names.

use crate::function::{Function, Relu};

/// Which Keras wrote a file: a few functions are others in Keras 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Generation {
    /// Keras up to 2.15, tf_keras.
    Two,
    /// Keras 3.
    #[default]
    Three,
}

impl Generation {
    /// That of the `keras_version` which a file states. Keras 3 writes none into JSON text.
    pub(super) fn of(version: Option<&str>) -> Self {
        match version.and_then(|version| version.split('.').next()) {
            Some("1" | "2") => Self::Two,
            _ => Self::Three,
        }
    }

    /// One over the slope of `hard_sigmoid`.
    fn hard_sigmoid(self) -> u8 {
        match self {
            Self::Two => 5,
            Self::Three => 6,
        }
    }
}

/// `leaky_relu` without an argument; the layer LeakyReLU has 0.3.
pub(super) const LEAKY_SLOPE: f32 = 0.2;

const FUNCTIONS: &[(&str, Function)] = &[
    ("relu", Function::Relu(Relu { max_value: None, negative_slope: 0.0, threshold: 0.0 })),
    ("relu6", Function::Relu(Relu { max_value: Some(6.0), negative_slope: 0.0, threshold: 0.0 })),
    (
        "leaky_relu",
        Function::Relu(Relu { max_value: None, negative_slope: LEAKY_SLOPE, threshold: 0.0 }),
    ),
    ("tanh", Function::Tanh),
    ("sigmoid", Function::Sigmoid),
    ("hard_tanh", Function::HardTanh),
    ("softplus", Function::Softplus),
    ("softsign", Function::Softsign),
    ("elu", Function::Elu { alpha: 1.0 }),
    ("celu", Function::Elu { alpha: 1.0 }),
    ("selu", Function::Selu),
    ("exponential", Function::Exponential),
    ("silu", Function::Silu),
    ("swish", Function::Silu),
    ("hard_silu", Function::HardSilu),
    ("hard_swish", Function::HardSilu),
    ("gelu", Function::Gelu),
    ("mish", Function::Mish),
    ("log_sigmoid", Function::LogSigmoid),
    ("tanh_shrink", Function::TanhShrink),
    ("hard_shrink", Function::HardShrink),
    ("soft_shrink", Function::SoftShrink),
    ("squareplus", Function::Squareplus),
    ("sparse_plus", Function::SparsePlus),
    ("sparse_sigmoid", Function::SparseSigmoid),
];

const HARD_SIGMOID: &str = "hard_sigmoid";

/// Keras' function of that name, with the arguments that it has by default.
pub(super) fn function(name: &str, keras: Generation) -> Option<Function> {
    if name == HARD_SIGMOID {
        return Some(Function::HardSigmoid { inverse_slope: keras.hard_sigmoid() });
    }
    FUNCTIONS.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
}

/// All names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|(name, _)| *name).chain([HARD_SIGMOID])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_differ_in_one_slope() {
        for (version, inverse_slope) in
            [(Some("2.15.0"), 5), (Some("1.2"), 5), (Some("3.10.0"), 6), (None, 6)]
        {
            let keras = Generation::of(version);
            let expected = Function::HardSigmoid { inverse_slope };
            assert_eq!(function(HARD_SIGMOID, keras), Some(expected), "{version:?}");
            assert_eq!(function("tanh", keras), Some(Function::Tanh));
            assert_eq!(function("softmax", keras), None);
        }
    }
}
