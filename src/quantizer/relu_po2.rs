//! `quantized_relu_po2`: a rectifier onto powers of two.

use std::fmt;

use super::exponents::Exponents;
use super::parameters::Parameters;
use super::{Definition, ParseError, Quantizer, QuantizerError, Stage, Training, exp2};

/// QKeras' `quantized_relu_po2`: 2^e with e near log2(x) for x ≥ 0; below, the smallest of these
/// powers, or -2^e with e near log2(-slope · x) where there is a slope.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedReluPo2 {
    bits: f64,
    /// The slope's power of two; `None` where it is 0.
    slope: Option<i32>,
    exponents: Exponents,
}

/// The attributes, in the order of QKeras' constructor. What is not read below acts in training
/// only.
pub(super) const ATTRIBUTES: &[&str] = &[
    "bits",
    "max_value",
    "negative_slope",
    "use_stochastic_rounding",
    "quadratic_approximation",
    "log2_rounding",
    "qnoise_factor",
    "var_name",
    "use_ste",
    "use_variables",
];

impl QuantizedReluPo2 {
    pub(super) fn new(parameters: &Parameters<'_>) -> Result<Self, ParseError> {
        let bits = parameters.exponent_bits()?;
        let slope = parameters.negative_slope()?;
        Ok(Self { bits, slope, exponents: Exponents::new(parameters, bits)? })
    }
}

impl Definition for QuantizedReluPo2 {
    fn in_kernel(&self) -> Quantizer {
        Quantizer::ReluPo2(self.clone())
    }

    fn apply(&self, x: f64) -> f64 {
        match self.slope {
            Some(power) if x < 0.0 => -self.exponents.power_of_two(-x * exp2(power)),
            _ => self.exponents.power_of_two(x.max(0.0)),
        }
    }

    fn turns(&self) -> Vec<f64> {
        let Some(dip) = self.exponents.dip() else { return vec![] };
        let negative = self.slope.map(|power| libm::ldexp(-dip, -power).next_up());
        negative.into_iter().chain([dip]).collect()
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        Ok(vec![Stage::Steps])
    }

    fn training(&self) -> Option<&Training> {
        Some(&self.exponents.training)
    }

    fn values(&self) -> Option<Vec<f64>> {
        let mut values = self.exponents.powers();
        if self.slope.is_some() {
            let negative: Vec<f64> = values.iter().map(|power| -power).collect();
            values.extend(negative);
        }
        Some(values)
    }
}

impl fmt::Display for QuantizedReluPo2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "quantized_relu_po2({}", self.bits)?;
        if let Some(power) = self.slope {
            write!(f, ",negative_slope={:?}", exp2(power))?;
        }
        write!(f, "{})", self.exponents.text())
    }
}
