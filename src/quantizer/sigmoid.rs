//! `quantized_sigmoid`: a sigmoid, or a line in its place, on fixed point.

use std::fmt;

use super::parameters::{Parameters, flag_text};
use super::training::{ROUNDING, Training};
use super::{Definition, ParseError, Quantizer, QuantizerError, Stage, cast, exp2};
use crate::fixed::{Format, Overflow};
use crate::function::Sigmoid;

/// QKeras' `quantized_sigmoid`. With m = 2^bits: clip(round(m · s(x)) / m, 0, 1 - 1/m), halves to even;
/// from 1/m where symmetric. s is the true sigmoid with `use_real_sigmoid`, else the one that QKeras'
/// module has: clip(x/2 + ½, 0, 1) by default.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedSigmoid {
    bits: u32,
    symmetric: bool,
    use_real_sigmoid: bool,
    pub(super) sigmoid: Sigmoid,
    training: Training,
}

/// The attributes, in the order of QKeras' constructor.
pub(super) const ATTRIBUTES: &[&str] =
    &["bits", "symmetric", "use_real_sigmoid", "use_stochastic_rounding"];

impl QuantizedSigmoid {
    pub(super) fn new(parameters: &Parameters<'_>) -> Result<Self, ParseError> {
        Ok(Self {
            bits: parameters.bits()?,
            symmetric: parameters.flag("symmetric", false)?,
            use_real_sigmoid: parameters.flag("use_real_sigmoid", false)?,
            sigmoid: Sigmoid::default(),
            training: Training::new(parameters, &[ROUNDING])?,
        })
    }

    fn kind(&self) -> Sigmoid {
        if self.use_real_sigmoid { Sigmoid::Real } else { self.sigmoid }
    }

    /// Steps from 0 to 1.
    fn levels(&self) -> f64 {
        exp2(self.bits as i32)
    }

    /// The lowest and the highest code.
    fn codes(&self) -> (f64, f64) {
        (f64::from(u8::from(self.symmetric)), self.levels() - 1.0)
    }
}

impl Definition for QuantizedSigmoid {
    fn in_kernel(&self) -> Quantizer {
        Quantizer::Sigmoid(self.clone())
    }

    fn apply(&self, x: f64) -> f64 {
        let (low, high) = self.codes();
        let code = (self.kind().value(x) * self.levels()).round_ties_even();
        code.clamp(low, high) / self.levels()
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        let Some(slope) = self.kind().slope() else { return Ok(vec![Stage::Steps]) };
        let mut stages: Vec<Stage> = Stage::line(slope, 0.5).into_iter().collect();
        stages.push(cast(self, Format::unsigned(self.bits, 0), Overflow::Sat)?);
        if self.symmetric {
            stages.push(Stage::AtLeast(1.0 / self.levels()));
        }
        Ok(stages)
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

impl fmt::Display for QuantizedSigmoid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = [("symmetric", self.symmetric), ("use_real_sigmoid", self.use_real_sigmoid)];
        write!(f, "quantized_sigmoid({}{}{})", self.bits, flag_text(&flags), self.training)
    }
}
