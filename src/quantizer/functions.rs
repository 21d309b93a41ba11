//! Activation functions on fixed point: `quantized_tanh`, `quantized_sigmoid`, `quantized_ulaw`,
//! `quantized_hswish`, and the functions that QKeras accepts as quantizers.

use std::fmt;

use ndarray::ArrayD;

use super::arguments::{Arguments, ROUNDING, Training, flag_text};
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
enum Shape {
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
    /// The attributes of `quantized_sigmoid`.
    pub(super) const SIGMOID_ATTRIBUTES: &[&str] =
        &["bits", "symmetric", "use_real_sigmoid", "use_stochastic_rounding"];

    /// The attributes of `quantized_tanh`, in the order of QKeras' constructor.
    pub(super) const TANH_ATTRIBUTES: &[&str] =
        &["bits", "use_stochastic_rounding", "symmetric", "use_real_tanh"];

    pub(super) fn tanh(arguments: &Arguments<'_>) -> Result<Self, ParseError> {
        Self::new(arguments, Shape::Tanh)
    }

    pub(super) fn sigmoid(arguments: &Arguments<'_>) -> Result<Self, ParseError> {
        Self::new(arguments, Shape::Sigmoid)
    }

    fn new(arguments: &Arguments<'_>, shape: Shape) -> Result<Self, ParseError> {
        let (_, is_real) = shape.names();
        Ok(Self {
            shape,
            bits: arguments.bits()?,
            symmetric: arguments.flag("symmetric", false)?,
            is_real: arguments.flag(is_real, false)?,
            sigmoid: Sigmoid::default(),
            training: Training::new(arguments, &[ROUNDING])?,
        })
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
    fn in_kernel(&self) -> Quantizer {
        Quantizer::Sigmoid(self.clone())
    }

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
        let flags = [("symmetric", self.symmetric), (is_real, self.is_real)];
        write!(f, "{name}({}{}{})", self.bits, flag_text(&flags), self.training)
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
    /// The attributes in the order of QKeras' constructor.
    pub(super) const ATTRIBUTES: &[&str] = &["bits", "integer", "symmetric", "u"];

    /// Bits of a value below 2^integer that hardware keeps.
    pub const FRACTION: u32 = 16;

    pub(super) fn new(arguments: &Arguments<'_>) -> Result<Self, ParseError> {
        let u = arguments.number("u")?.unwrap_or(DEFAULT_U);
        if u <= 0.0 {
            return Err(arguments.wrong("u", "a positive number"));
        }
        Ok(Self {
            bits: arguments.bits()?,
            integer: arguments.integer_bits()?,
            symmetric: arguments.flag("symmetric", false)?,
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
    fn in_kernel(&self) -> Quantizer {
        Quantizer::Ulaw(self.clone())
    }

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
        write!(f, "quantized_ulaw({},{}", self.bits, self.integer)?;
        if self.symmetric || self.u != DEFAULT_U {
            write!(f, ",{}", u8::from(self.symmetric))?;
        }
        if self.u != DEFAULT_U {
            write!(f, ",{:?}", self.u)?;
        }
        f.write_str(")")
    }
}

/// QKeras' `quantized_hswish`: [`QuantizedBits`] of x · clip(x + shift, 0, bound) / bound. It falls from
/// -shift to -shift/2 and rises above.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedHswish {
    bits: QuantizedBits,
    shift: u32,
    upper_bound: u32,
}

const DEFAULT_SHIFT: i64 = 3;
const DEFAULT_UPPER_BOUND: i64 = 6;
/// Maximum of shift and upper bound: exact in float32.
const MAX_ATTRIBUTE: i64 = 1 << 20;

impl QuantizedHswish {
    /// The attributes, in the order of QKeras' constructor, then those that only its `get_config`
    /// writes. Those that are not read here or by [`QuantizedBits`] do not change the values.
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

    pub(super) fn new(arguments: &Arguments<'_>) -> Result<Self, ParseError> {
        if !arguments.flag("keep_negative", true)? {
            return Err(arguments.wrong("keep_negative", "True"));
        }
        let shift = arguments.whole("relu_shift", DEFAULT_SHIFT, 1..=MAX_ATTRIBUTE)?;
        let upper_bound =
            arguments.whole("relu_upper_bound", DEFAULT_UPPER_BOUND, 1..=MAX_ATTRIBUTE)?;
        Ok(Self {
            bits: QuantizedBits::new(arguments)?,
            shift: shift as u32,
            upper_bound: upper_bound as u32,
        })
    }

    /// The quantizer with `scale` in place of several.
    pub(super) fn with_scale(self, scale: f32) -> Self {
        Self { bits: self.bits.with_scale(scale), ..self }
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

impl fmt::Display for QkerasFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
