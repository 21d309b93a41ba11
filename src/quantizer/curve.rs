//! `quantized_tanh` and `quantized_sigmoid`: a curve, or a line in its place, on fixed point.

use std::fmt;

use super::nearest::listed;
use super::parameters::{Parameters, flag_text};
use super::training::{ROUNDING, Training};
use super::{Definition, ParseError, Quantizer, QuantizerError, Stage, cast, exp2};
use crate::fixed::{Format, Overflow};
use crate::function::Sigmoid;

/// QKeras' `quantized_tanh` and `quantized_sigmoid`: clip(round(m · f(x)) / m, low, 1 - 1/m), halves to
/// even.
///
/// For a tanh m is 2^(bits-1), and low is -1; for a sigmoid m is 2^bits, and low is 0. `symmetric` adds
/// 1/m to low. f is the true curve with `use_real_tanh` or `use_real_sigmoid`, else made of the sigmoid s
/// that QKeras' module has, clip(x/2 + ½, 0, 1) by default: s itself, or 2 · s(x) - 1.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedCurve {
    curve: Curve,
    bits: u32,
    symmetric: bool,
    is_real: bool,
    pub(super) sigmoid: Sigmoid,
    training: Training,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Curve {
    Tanh,
    Sigmoid,
}

/// The attributes of `quantized_tanh`, in the order of QKeras' constructor.
pub(super) const TANH_ATTRIBUTES: &[&str] =
    &["bits", "use_stochastic_rounding", "symmetric", "use_real_tanh"];

/// Those of `quantized_sigmoid`.
pub(super) const SIGMOID_ATTRIBUTES: &[&str] =
    &["bits", "symmetric", "use_real_sigmoid", "use_stochastic_rounding"];

impl Curve {
    /// QKeras' names of the quantizer, and of what makes it the true curve.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Tanh => ("quantized_tanh", "use_real_tanh"),
            Self::Sigmoid => ("quantized_sigmoid", "use_real_sigmoid"),
        }
    }
}

impl QuantizedCurve {
    pub(super) fn tanh(parameters: &Parameters<'_>) -> Result<Self, ParseError> {
        Self::new(parameters, Curve::Tanh)
    }

    pub(super) fn sigmoid(parameters: &Parameters<'_>) -> Result<Self, ParseError> {
        Self::new(parameters, Curve::Sigmoid)
    }

    fn new(parameters: &Parameters<'_>, curve: Curve) -> Result<Self, ParseError> {
        let (_, is_real) = curve.names();
        Ok(Self {
            curve,
            bits: parameters.bits()?,
            symmetric: parameters.flag("symmetric", false)?,
            is_real: parameters.flag(is_real, false)?,
            sigmoid: Sigmoid::default(),
            training: Training::new(parameters, &[ROUNDING])?,
        })
    }

    /// The curve at `x`.
    fn value(&self, x: f64) -> f64 {
        match (self.curve, self.is_real) {
            (Curve::Tanh, true) => libm::tanh(x),
            (Curve::Tanh, false) => 2.0 * self.sigmoid.value(x) - 1.0,
            (Curve::Sigmoid, true) => Sigmoid::Real.value(x),
            (Curve::Sigmoid, false) => self.sigmoid.value(x),
        }
    }

    /// Factor and summand, where the curve is a line between its limits.
    fn line(&self) -> Option<(f64, f64)> {
        let slope = self.sigmoid.slope().filter(|_| !self.is_real)?;
        Some(match self.curve {
            Curve::Tanh => (2.0 * slope, 0.0),
            Curve::Sigmoid => (slope, 0.5),
        })
    }

    /// The power of two of the step between two values.
    fn step(&self) -> i32 {
        i32::from(self.curve == Curve::Tanh) - self.bits as i32
    }

    /// The lowest and the highest code.
    fn codes(&self) -> (f64, f64) {
        let levels = exp2(-self.step());
        let low = if self.curve == Curve::Tanh { -levels } else { 0.0 };
        (low + f64::from(u8::from(self.symmetric)), levels - 1.0)
    }
}

impl Definition for QuantizedCurve {
    fn in_kernel(&self) -> Quantizer {
        Quantizer::Curve(self.clone())
    }

    fn apply(&self, x: f64) -> f64 {
        let (low, high) = self.codes();
        let code = libm::ldexp(self.value(x), -self.step()).round_ties_even().clamp(low, high);
        libm::ldexp(code, self.step())
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        let is_tanh = self.curve == Curve::Tanh;
        // One symmetric bit leaves no number but 0, which is not what the type's mode says.
        let line = self.line().filter(|_| self.bits > 1 || !self.symmetric || !is_tanh);
        let Some((scale, offset)) = line else { return Ok(vec![Stage::Steps]) };
        let overflow = if is_tanh && self.symmetric { Overflow::SatSym } else { Overflow::Sat };
        let format =
            if is_tanh { Format::signed(self.bits, 1) } else { Format::unsigned(self.bits, 0) };
        let cast = cast(self, format, overflow)?;
        let limit = Stage::AtLeast(exp2(self.step()));
        let limit = (!is_tanh && self.symmetric).then_some(limit);
        Ok(Stage::line(scale, offset).into_iter().chain([cast]).chain(limit).collect())
    }

    fn training(&self) -> Option<&Training> {
        Some(&self.training)
    }

    fn values(&self) -> Option<Vec<f64>> {
        listed(self.codes(), exp2(self.step()))
    }
}

impl fmt::Display for QuantizedCurve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, is_real) = self.curve.names();
        // QKeras' own text of a tanh leaves the names away, and would read symmetric as another
        // attribute.
        let flags = [("symmetric", self.symmetric), (is_real, self.is_real)];
        write!(f, "{name}({}{}{})", self.bits, flag_text(&flags), self.training)
    }
}
