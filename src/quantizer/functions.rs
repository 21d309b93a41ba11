//! The functions that QKeras takes where a quantizer stands.

use std::fmt;

use super::{Definition, Quantizer, QuantizerError, Stage};
use crate::function::Sigmoid;

/// A function of QKeras' module of quantizers, stated by its bare name. All but the binary ones leave
/// numbers as fine as they are, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QkerasFunction {
    /// `hard_sigmoid`: clip(x/2 + ½, 0, 1). Not Keras' function of that name.
    HardSigmoid,
    /// `smooth_sigmoid`: clip(3x/16 + ½, 0, 1).
    SmoothSigmoid,
    /// `binary_sigmoid`: round(hard_sigmoid(x)), halves to even: 1 for positive x, 0 for 0 and below.
    BinarySigmoid,
    /// `hard_tanh`: clip(x, -1, 1).
    HardTanh,
    /// `smooth_tanh`: clip(3x/8, -1, 1).
    SmoothTanh,
    /// `binary_tanh`: 2 · binary_sigmoid(x) - 1, so -1 for 0, where `binary` gives 1.
    BinaryTanh,
}

impl QkerasFunction {
    /// What QKeras calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::HardSigmoid => "hard_sigmoid",
            Self::SmoothSigmoid => "smooth_sigmoid",
            Self::BinarySigmoid => "binary_sigmoid",
            Self::HardTanh => "hard_tanh",
            Self::SmoothTanh => "smooth_tanh",
            Self::BinaryTanh => "binary_tanh",
        }
    }

    /// The straight line between the limits: its slope, and whether it is a tanh, from -1.
    fn line(self) -> Option<(f64, bool)> {
        let (kind, is_tanh) = match self {
            Self::HardSigmoid => (Sigmoid::Hard, false),
            Self::SmoothSigmoid => (Sigmoid::Smooth, false),
            Self::HardTanh => (Sigmoid::Hard, true),
            Self::SmoothTanh => (Sigmoid::Smooth, true),
            Self::BinarySigmoid | Self::BinaryTanh => return None,
        };
        let factor = if is_tanh { 2.0 } else { 1.0 };
        kind.slope().map(|slope| (factor * slope, is_tanh))
    }
}

impl Definition for QkerasFunction {
    fn in_kernel(&self) -> Quantizer {
        Quantizer::Function(*self)
    }

    fn apply(&self, x: f64) -> f64 {
        let is_positive = if x > 0.0 { 1.0 } else { 0.0 };
        match (self, self.line()) {
            (_, Some((slope, true))) => (slope * x).clamp(-1.0, 1.0),
            (_, Some((slope, false))) => (slope * x + 0.5).clamp(0.0, 1.0),
            (Self::BinaryTanh, None) => 2.0 * is_positive - 1.0,
            (_, None) => is_positive,
        }
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        let Some((slope, is_tanh)) = self.line() else { return Ok(vec![Stage::Steps]) };
        let (offset, low) = if is_tanh { (0.0, -1.0) } else { (0.5, 0.0) };
        let limits = [Stage::AtLeast(low), Stage::AtMost(1.0)];
        Ok(Stage::line(slope, offset).into_iter().chain(limits).collect())
    }

    fn values(&self) -> Option<Vec<f64>> {
        match self {
            Self::BinarySigmoid => Some(vec![0.0, 1.0]),
            Self::BinaryTanh => Some(vec![-1.0, 1.0]),
            _ => None,
        }
    }
}

impl fmt::Display for QkerasFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
