//! Activation functions on fixed point: `quantized_tanh`, `quantized_sigmoid`, `quantized_ulaw`,
//! `quantized_hswish`, and the functions that QKeras accepts as quantizers.

use std::fmt;

use ndarray::ArrayD;

use super::arguments::{Arguments, Training, call, flag, named};
use super::rounding::multiples;
use super::{
    ChannelScales, Definition, Factored, ParseError, QuantizedBits, Quantizer, QuantizerError,
    ScaleRole, Stage, cast, exp2,
};
use crate::fixed::{Format, Overflow};
use crate::function::Sigmoid;

/// QKeras' `quantized_sigmoid` and `quantized_tanh`: clip(round(m · f(x)) / m, low, 1 - 1/m), rounding
/// half to even.
///
/// For a sigmoid m is 2^bits and low is 0; for a tanh m is 2^(bits-1) and low is -1. `symmetric` adds
/// 1/m to low. f is the true function with `use_real_sigmoid` or `use_real_tanh`; otherwise it is the
/// sigmoid s set for QKeras' module, clip(x/2 + ½, 0, 1) by default, or 2 · s(x) - 1.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedSigmoid {
    shape: Shape,
    bits: u32,
    symmetric: bool,
    is_real: bool,
    pub(super) sigmoid: Sigmoid,
    training: Training,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    Sigmoid,
    Tanh,
}

impl Shape {
    /// QKeras' names of the quantizer and of the flag for the true function.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Tanh => ("quantized_tanh", "use_real_tanh"),
            Self::Sigmoid => ("quantized_sigmoid", "use_real_sigmoid"),
        }
    }
}

impl QuantizedSigmoid {
    pub(super) fn new(arguments: &Arguments, shape: Shape) -> Result<Self, ParseError> {
        let (_, is_real) = shape.names();
        Ok(Self {
            shape,
            bits: arguments.bits()?,
            symmetric: arguments.flag("symmetric")?,
            is_real: arguments.flag(is_real)?,
            sigmoid: Sigmoid::default(),
            training: Training::new(arguments)?,
        })
    }

    /// Bits of a value; those of a tanh include the sign bit.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// True for `quantized_tanh`.
    pub fn is_tanh(&self) -> bool {
        self.shape == Shape::Tanh
    }

    /// The function before quantization.
    fn value(&self, x: f64) -> f64 {
        match (self.shape, self.is_real) {
            (Shape::Tanh, true) => libm::tanh(x),
            (Shape::Tanh, false) => 2.0 * self.sigmoid.value(x) - 1.0,
            (Shape::Sigmoid, true) => Sigmoid::Real.value(x),
            (Shape::Sigmoid, false) => self.sigmoid.value(x),
        }
    }

    /// Slope and offset of a function that is linear between its limits.
    fn line(&self) -> Option<(f64, f64)> {
        let slope = self.sigmoid.slope().filter(|_| !self.is_real)?;
        Some(match self.shape {
            Shape::Tanh => (2.0 * slope, 0.0),
            Shape::Sigmoid => (slope, 0.5),
        })
    }

    /// The LSB is 2 to this power.
    fn lsb_power(&self) -> i32 {
        i32::from(self.shape == Shape::Tanh) - self.bits as i32
    }

    /// The lowest and the highest code.
    fn codes(&self) -> (f64, f64) {
        let levels = exp2(-self.lsb_power());
        let low = if self.shape == Shape::Tanh { -levels } else { 0.0 };
        (low + f64::from(u8::from(self.symmetric)), levels - 1.0)
    }
}

impl Definition for QuantizedSigmoid {
    fn apply(&self, x: f64) -> f64 {
        let (low, high) = self.codes();
        let code = libm::ldexp(self.value(x), -self.lsb_power()).round_ties_even().clamp(low, high);
        libm::ldexp(code, self.lsb_power())
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        let is_tanh = self.shape == Shape::Tanh;
        // One symmetric bit leaves only 0, which SAT_SYM does not.
        let line = self.line().filter(|_| self.bits > 1 || !self.symmetric || !is_tanh);
        let Some((scale, bias)) = line else { return Ok(vec![Stage::StepFunction]) };
        let overflow = if is_tanh && self.symmetric { Overflow::SatSym } else { Overflow::Sat };
        let format =
            if is_tanh { Format::signed(self.bits, 1) } else { Format::unsigned(self.bits, 0) };
        let cast = cast(self, format, overflow)?;
        let limit = Stage::AtLeast(exp2(self.lsb_power()));
        let limit = (!is_tanh && self.symmetric).then_some(limit);
        Ok(Stage::affine(scale, bias).into_iter().chain([cast]).chain(limit).collect())
    }

    fn training(&self) -> Option<&Training> {
        Some(&self.training)
    }

    fn values(&self) -> Option<Vec<f64>> {
        multiples(self.codes(), exp2(self.lsb_power()))
    }
}

impl fmt::Display for QuantizedSigmoid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, is_real) = self.shape.names();
        // QKeras' own text of a tanh omits the names, and would read symmetric as another attribute.
        f.write_str(&call(
            name,
            [
                Some(self.bits.to_string()),
                flag("symmetric", self.symmetric),
                flag(is_real, self.is_real),
                self.training.text(),
            ],
        ))
    }
}

/// QKeras' `quantized_ulaw`. With m = 2^(bits-1) and r = 2 · round(m · sigmoid(x / 2^integer)) / m - 1:
///
/// 2^integer · clip(sign(r) · ln(1 + u|r|) / ln(1 + u), -1, 1 - 1/m)
///
/// from -1 + 1/m if symmetric. The sigmoid is the one set for QKeras' module. There are at most m + 1
/// values, but logarithms are no multiples of an LSB: in hardware they are rounded to
/// [`QuantizedUlaw::FRACTION`] bits below 2^integer.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedUlaw {
    bits: u32,
    integer: i32,
    symmetric: bool,
    u: f32,
    pub(super) sigmoid: Sigmoid,
}

/// QKeras' default, the μ of telephony in North America and Japan.
const DEFAULT_U: f32 = 255.0;

impl QuantizedUlaw {
    /// Bits of a value, the sign bit included.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// Integer bits, without the sign bit.
    pub fn integer_bits(&self) -> i32 {
        self.integer
    }

    /// Bits of a value below 2^integer that hardware keeps.
    pub const FRACTION: u32 = 16;

    pub(super) fn new(arguments: &Arguments) -> Result<Self, ParseError> {
        let u = arguments.number("u")?.unwrap_or(DEFAULT_U);
        if u <= 0.0 {
            return Err(arguments.wrong("u", "a positive number"));
        }
        Ok(Self {
            bits: arguments.bits()?,
            integer: arguments.integer_bits()?,
            symmetric: arguments.flag("symmetric")?,
            u,
            sigmoid: Sigmoid::default(),
        })
    }

    /// The value of the level `code`, 0 to 2^(bits-1).
    fn value(&self, code: f64) -> f64 {
        let levels = exp2(self.bits as i32 - 1);
        let r = 2.0 * (code / levels) - 1.0;
        let u = f64::from(self.u);
        let magnitude = libm::log1p(u * r.abs()) / libm::log1p(u);
        let law = if r < 0.0 { -magnitude } else { magnitude };
        let low = f64::from(u8::from(self.symmetric)) / levels - 1.0;
        libm::ldexp(law.clamp(low, 1.0 - 1.0 / levels), self.integer)
    }
}

impl Definition for QuantizedUlaw {
    fn apply(&self, x: f64) -> f64 {
        let levels = exp2(self.bits as i32 - 1);
        let p = self.sigmoid.value(libm::ldexp(x, -self.integer)) * levels;
        self.value(p.round_ties_even())
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        let format = Format::signed(Self::FRACTION + 1, self.integer + 1);
        Ok(vec![Stage::StepFunction, cast(self, format, Overflow::Sat)?])
    }

    fn values(&self) -> Option<Vec<f64>> {
        if self.bits > Quantizer::MAX_VALUES.ilog2() {
            return None;
        }
        let levels = 1_u32 << (self.bits - 1);
        Some((0..=levels).map(|code| self.value(code.into())).collect())
    }
}

impl fmt::Display for QuantizedUlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let u = Some(self.u).filter(|u| *u != DEFAULT_U).map(|u| format!("{u:?}"));
        f.write_str(&call(
            "quantized_ulaw",
            [
                Some(format!("{},{}", self.bits, self.integer)),
                (self.symmetric || u.is_some()).then(|| u8::from(self.symmetric).to_string()),
                u,
            ],
        ))
    }
}

/// QKeras' `quantized_hswish`: [`QuantizedBits`] of x · clip(x + shift, 0, bound) / bound. It falls from
/// -shift to -shift/2 and rises above.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedHswish {
    bits: QuantizedBits,
    shift: i32,
    upper_bound: i32,
}

const DEFAULT_SHIFT: i32 = 3;
const DEFAULT_UPPER_BOUND: i32 = 6;
/// Maximum of shift and upper bound: exact in float32.
const MAX_ATTRIBUTE: i32 = 1 << 20;

impl QuantizedHswish {
    pub(super) fn new(arguments: &Arguments) -> Result<Self, ParseError> {
        if !arguments.flag("keep_negative")? {
            return Err(arguments.wrong("keep_negative", "True"));
        }
        Ok(Self {
            shift: arguments.whole("relu_shift", 1..=MAX_ATTRIBUTE)?,
            upper_bound: arguments.whole("relu_upper_bound", 1..=MAX_ATTRIBUTE)?,
            bits: QuantizedBits::new(arguments)?,
        })
    }

    /// The quantizer of its result.
    pub fn grid(&self) -> &QuantizedBits {
        &self.bits
    }

    /// The hard swish before quantization.
    fn hswish(&self, x: f64) -> f64 {
        let bound = f64::from(self.upper_bound);
        x * (x + f64::from(self.shift)).clamp(0.0, bound) / bound
    }

    /// The x of the minimum: the vertex of the parabola, or the upper bound below it.
    fn minimum(&self) -> f64 {
        let shift = f64::from(self.shift);
        (-shift / 2.0).min(f64::from(self.upper_bound) - shift)
    }
}

impl Definition for QuantizedHswish {
    fn move_to_kernel(&mut self) {
        self.bits.move_to_kernel();
    }

    fn set_scale(&mut self, scale: f32) {
        self.bits.set_scale(scale);
    }

    fn factored(&self, weights: &ArrayD<f32>) -> Result<Factored, QuantizerError> {
        self.bits.factored(&weights.mapv(|w| self.hswish(w.into()) as f32))
    }

    fn apply(&self, x: f64) -> f64 {
        self.bits.apply(self.hswish(x))
    }

    fn breakpoints(&self) -> Vec<f64> {
        vec![-f64::from(self.shift), self.minimum()]
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        // The errors of the fixed-point quantizer are errors of this one.
        self.bits.stages().map(|_| vec![Stage::StepFunction])
    }

    fn scales(&self) -> ChannelScales<'_> {
        let (scales, role) = self.bits.scales()?;
        Some((scales, if role == ScaleRole::Factor { role } else { ScaleRole::Inner }))
    }

    fn training(&self) -> Option<&Training> {
        self.bits.training()
    }

    fn values(&self) -> Option<Vec<f64>> {
        let mut values = self.bits.values()?;
        let (minimum, far) = (self.apply(self.minimum()), self.apply(f64::from(self.shift) * 1e9));
        values.retain(|value| if far < minimum { *value <= minimum } else { *value >= minimum });
        Some(values)
    }
}

impl fmt::Display for QuantizedHswish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let upper_bound = Some(self.upper_bound).filter(|bound| *bound != DEFAULT_UPPER_BOUND);
        f.write_str(&call(
            "quantized_hswish",
            [
                self.bits.arguments(),
                named("relu_shift", Some(self.shift).filter(|shift| *shift != DEFAULT_SHIFT)),
                named("relu_upper_bound", upper_bound),
            ],
        ))
    }
}

/// A function of QKeras' module of quantizers, stated by its bare name. All but the binary ones are
/// exact: they do not round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QkerasFunction {
    /// `hard_sigmoid`: clip(x/2 + ½, 0, 1). Not Keras' function of that name.
    HardSigmoid,
    /// `smooth_sigmoid`: clip(3x/16 + ½, 0, 1).
    SmoothSigmoid,
    /// `binary_sigmoid`: round(hard_sigmoid(x)), half to even: 1 for positive x, 0 for 0 and below.
    BinarySigmoid,
    /// `hard_tanh`: clip(x, -1, 1).
    HardTanh,
    /// `smooth_tanh`: clip(3x/8, -1, 1).
    SmoothTanh,
    /// `binary_tanh`: 2 · binary_sigmoid(x) - 1, so -1 for 0, where `binary` gives 1.
    BinaryTanh,
}

impl QkerasFunction {
    /// QKeras' name.
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

    /// Slope of the line between the limits, and true for a tanh, whose lower limit is -1.
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
        let Some((slope, is_tanh)) = self.line() else { return Ok(vec![Stage::StepFunction]) };
        let (bias, low) = if is_tanh { (0.0, -1.0) } else { (0.5, 0.0) };
        let limits = [Stage::AtLeast(low), Stage::AtMost(1.0)];
        Ok(Stage::affine(slope, bias).into_iter().chain(limits).collect())
    }

    fn values(&self) -> Option<Vec<f64>> {
        match self {
            Self::BinarySigmoid => Some(vec![0.0, 1.0]),
            Self::BinaryTanh => Some(vec![-1.0, 1.0]),
            _ => None,
        }
    }
}

impl From<QkerasFunction> for Quantizer {
    fn from(function: QkerasFunction) -> Self {
        Self::Function(function)
    }
}

impl fmt::Display for QkerasFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
