//! `quantized_po2`: signed powers of two.

use std::fmt;

use super::exponents::Exponents;
use super::parameters::Parameters;
use super::{Definition, ParseError, Quantizer, QuantizerError, Stage, Training};

/// QKeras' `quantized_po2`: ±2^e with the sign of x, that of 0 being +1, and e near log2|x|. Never 0,
/// but where the smallest power lies below float32 (9 bits).
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedPo2 {
    bits: f64,
    exponents: Exponents,
}

/// The attributes, in the order of QKeras' constructor. What is not read below acts in training
/// only.
pub(super) const ATTRIBUTES: &[&str] = &[
    "bits",
    "max_value",
    "use_stochastic_rounding",
    "quadratic_approximation",
    "log2_rounding",
    "qnoise_factor",
    "var_name",
    "use_ste",
    "use_variables",
];

impl QuantizedPo2 {
    pub(super) fn new(parameters: &Parameters<'_>) -> Result<Self, ParseError> {
        let bits = parameters.exponent_bits()?;
        // One bit is the number's own sign.
        Ok(Self { bits, exponents: Exponents::new(parameters, bits - 1.0)? })
    }
}

impl Definition for QuantizedPo2 {
    fn in_kernel(&self) -> Quantizer {
        Quantizer::Po2(self.clone())
    }

    fn apply(&self, x: f64) -> f64 {
        let power = self.exponents.power_of_two(x.abs());
        if x < 0.0 { -power } else { power }
    }

    fn turns(&self) -> Vec<f64> {
        let dip = self.exponents.dip();
        dip.map(|dip| vec![(-dip).next_up(), dip]).unwrap_or_default()
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        Ok(vec![Stage::Steps])
    }

    fn training(&self) -> Option<&Training> {
        Some(&self.exponents.training)
    }

    fn values(&self) -> Option<Vec<f64>> {
        Some(self.exponents.powers().into_iter().flat_map(|power| [-power, power]).collect())
    }
}

impl fmt::Display for QuantizedPo2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "quantized_po2({}{})", self.bits, self.exponents.text())
    }
}
