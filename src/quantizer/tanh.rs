//! `quantized_tanh`: a hyperbolic tangent, or a line in its place, on fixed point.

use std::fmt;

use super::parameters::{Parameters, flag_text};
use super::training::{ROUNDING, Training};
use super::{Definition, ParseError, Quantizer, QuantizerError, Stage, cast, exp2};
use crate::fixed::{Format, Overflow};
use crate::function::Sigmoid;

/// QKeras' `quantized_tanh`. With m = 2^(bits-1): clip(round(m · t(x)) / m, -1, 1 - 1/m), halves to
/// even; from -1 + 1/m where symmetric. t is tanh with `use_real_tanh`, else 2 · sigmoid(x) - 1 with
/// the sigmoid that QKeras' module has: clip(x, -1, 1) by default.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedTanh {
    bits: u32,
    symmetric: bool,
    use_real_tanh: bool,
    pub(super) sigmoid: Sigmoid,
    training: Training,
}

/// The attributes, in the order of QKeras' constructor.
pub(super) const ATTRIBUTES: &[&str] =
    &["bits", "use_stochastic_rounding", "symmetric", "use_real_tanh"];

impl QuantizedTanh {
    pub(super) fn new(parameters: &Parameters<'_>) -> Result<Self, ParseError> {
        Ok(Self {
            bits: parameters.bits()?,
            symmetric: parameters.flag("symmetric", false)?,
            use_real_tanh: parameters.flag("use_real_tanh", false)?,
            sigmoid: Sigmoid::default(),
            training: Training::new(parameters, &[ROUNDING])?,
        })
    }

    /// Steps from 0 to 1.
    fn levels(&self) -> f64 {
        exp2(self.bits as i32 - 1)
    }

    /// The lowest and the highest code.
    fn codes(&self) -> (f64, f64) {
        (f64::from(u8::from(self.symmetric)) - self.levels(), self.levels() - 1.0)
    }
}

impl Definition for QuantizedTanh {
    fn in_kernel(&self) -> Quantizer {
        Quantizer::Tanh(self.clone())
    }

    fn apply(&self, x: f64) -> f64 {
        let t = if self.use_real_tanh { libm::tanh(x) } else { 2.0 * self.sigmoid.value(x) - 1.0 };
        let (low, high) = self.codes();
        (t * self.levels()).round_ties_even().clamp(low, high) / self.levels()
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        let slope = self.sigmoid.slope().filter(|_| !self.use_real_tanh);
        // One symmetric bit leaves no number but 0, which is not what the type's mode says.
        let Some(slope) = slope.filter(|_| self.bits > 1 || !self.symmetric) else {
            return Ok(vec![Stage::Steps]);
        };
        let overflow = if self.symmetric { Overflow::SatSym } else { Overflow::Sat };
        let line = Stage::line(2.0 * slope, 0.0);
        Ok(line.into_iter().chain([cast(self, Format::signed(self.bits, 1), overflow)?]).collect())
    }

    fn training(&self) -> Option<&Training> {
        Some(&self.training)
    }

    fn values(&self) -> Option<Vec<f64>> {
        if self.bits > Quantizer::MAX_VALUES.ilog2() {
            return None;
        }
        let (low, high) = self.codes();
        let codes = low as i64..=high as i64;
        Some(codes.map(|code| code as f64 / self.levels()).collect())
    }
}

impl fmt::Display for QuantizedTanh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // QKeras' own text leaves the names away, and would read symmetric as another attribute.
        let flags = [("symmetric", self.symmetric), ("use_real_tanh", self.use_real_tanh)];
        write!(f, "quantized_tanh({}{}{})", self.bits, flag_text(&flags), self.training)
    }
}
