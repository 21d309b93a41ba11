//! `quantized_hswish`: the hard swish of MobileNet v3 on fixed point.

use std::fmt;

use ndarray::ArrayD;

use super::parameters::Parameters;
use super::training::Training;
use super::{
    Definition, Factored, ParseError, QuantizedBits, Quantizer, QuantizerError, Role, Several,
    Stage,
};

/// QKeras' `quantized_hswish`: [`QuantizedBits`] of x · clip(x + shift, 0, bound) / bound. It falls from
/// -shift to -shift/2 and rises from there.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedHswish {
    bits: QuantizedBits,
    shift: u32,
    upper_bound: u32,
}

/// The attributes, in the order of QKeras' constructor, then those that its `get_config` writes
/// besides. What is not read here or by [`QuantizedBits`] does not change the values.
pub(super) const ATTRIBUTES: &[&str] = &[
    "bits",
    "integer",
    "symmetric",
    "alpha",
    "use_stochastic_rounding",
    "scale_axis",
    "qnoise_factor",
    "var_name",
    "use_variables",
    "relu_shift",
    "relu_upper_bound",
    "keep_negative",
    "post_training_scale",
];

const DEFAULT_SHIFT: i64 = 3;
const DEFAULT_UPPER_BOUND: i64 = 6;
/// Far beyond any use, and exact in float32.
const MOST: i64 = 1 << 20;

impl QuantizedHswish {
    pub(super) fn new(parameters: &Parameters<'_>) -> Result<Self, ParseError> {
        if !parameters.flag("keep_negative", true)? {
            return Err(parameters.wrong("keep_negative", "True"));
        }
        let shift = parameters.whole("relu_shift", DEFAULT_SHIFT, 1..=MOST)?;
        let upper_bound = parameters.whole("relu_upper_bound", DEFAULT_UPPER_BOUND, 1..=MOST)?;
        Ok(Self {
            bits: QuantizedBits::new(parameters)?,
            shift: shift as u32,
            upper_bound: upper_bound as u32,
        })
    }

    /// The same with the number `scale` in place of several.
    pub(super) fn with_scale(self, scale: f32) -> Self {
        Self { bits: self.bits.with_scale(scale), ..self }
    }

    /// Before [`QuantizedBits`].
    fn hswish(&self, x: f64) -> f64 {
        let bound = f64::from(self.upper_bound);
        x * (x + f64::from(self.shift)).clamp(0.0, bound) / bound
    }

    /// Where the hard swish is least: in the parabola's vertex, or where the bound cuts it off.
    fn least(&self) -> f64 {
        let shift = f64::from(self.shift);
        (-shift / 2.0).min(f64::from(self.upper_bound) - shift)
    }
}

impl Definition for QuantizedHswish {
    fn in_kernel(&self) -> Quantizer {
        match self.bits.in_kernel() {
            Quantizer::Bits(bits) => Quantizer::Hswish(Self { bits, ..self.clone() }),
            _ => Quantizer::Hswish(self.clone()),
        }
    }

    fn factored(&self, weights: &ArrayD<f32>) -> Result<Factored, QuantizerError> {
        self.bits.factored(&weights.mapv(|w| self.hswish(w.into()) as f32))
    }

    fn apply(&self, x: f64) -> f64 {
        self.bits.apply(self.hswish(x))
    }

    fn turns(&self) -> Vec<f64> {
        vec![-f64::from(self.shift), self.least()]
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        // Whatever refuses the fixed-point quantizer refuses this one.
        self.bits.stages().map(|_| vec![Stage::Steps])
    }

    fn several_scales(&self) -> Several<'_> {
        let (scales, role) = self.bits.several_scales()?;
        Some((scales, if role == Role::Factor { role } else { Role::Inner }))
    }

    fn training(&self) -> Option<&Training> {
        self.bits.training()
    }

    fn values(&self) -> Option<Vec<f64>> {
        let mut values = self.bits.values()?;
        let (least, far) = (self.apply(self.least()), self.apply(f64::from(self.shift) * 1e9));
        values.retain(|value| if far < least { *value <= least } else { *value >= least });
        Some(values)
    }
}

impl fmt::Display for QuantizedHswish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.bits.to_string();
        let arguments = bits.trim_start_matches("quantized_bits(").trim_end_matches(')');
        write!(f, "quantized_hswish({arguments}")?;
        for (name, value, default) in [
            ("relu_shift", self.shift, DEFAULT_SHIFT),
            ("relu_upper_bound", self.upper_bound, DEFAULT_UPPER_BOUND),
        ] {
            if i64::from(value) != default {
                write!(f, ",{name}={value}")?;
            }
        }
        f.write_str(")")
    }
}
