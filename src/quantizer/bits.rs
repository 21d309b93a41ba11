//! `quantized_bits`: fixed point.

use std::fmt;

use ndarray::ArrayD;

use super::channels::{Channels, nearest_po2};
use super::parameters::{MAX_BITS, Parameters};
use super::{Alpha, Definition, ParseError, Quantizer, QuantizerError, Stage, cast, exp2, log2};
use crate::fixed::{Format, Overflow};

/// QKeras' `quantized_bits`: with u = bits - keep_negative,
/// alpha · 2^(integer-u) · clip(round(x · 2^(u-integer))), halves to even; for u = 0 the sign,
/// with that of 0 being +1. `integer` counts no sign bit.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedBits {
    bits: u32,
    integer: i32,
    symmetric: bool,
    keep_negative: bool,
    alpha: Alpha,
}

/// The attributes, in the order of QKeras' constructor. What is not read below acts in training
/// only.
pub(super) const ATTRIBUTES: &[&str] = &[
    "bits",
    "integer",
    "symmetric",
    "keep_negative",
    "alpha",
    "use_stochastic_rounding",
    "scale_axis",
    "qnoise_factor",
    "var_name",
    "use_ste",
    "use_variables",
    "elements_per_scale",
    "min_po2_exponent",
    "max_po2_exponent",
    "post_training_scale",
];

/// Iterations of QKeras' search for the best power of two.
const SCALE_ITERATIONS: usize = 5;

impl QuantizedBits {
    pub(super) fn new(parameters: &Parameters<'_>) -> Result<Self, ParseError> {
        parameters.full_quantization_noise()?;
        let alpha = parameters.alpha()?;
        parameters.default_scale_axis(alpha)?;
        for scale in
            ["elements_per_scale", "min_po2_exponent", "max_po2_exponent", "post_training_scale"]
        {
            parameters.unstated(scale)?;
        }
        let symmetric = parameters.flag("symmetric", false)?;
        let quantizer = Self {
            bits: parameters.bits()?,
            integer: parameters.integer_bits()?,
            // QKeras computes scales for the symmetric case only.
            symmetric: symmetric || matches!(alpha, Alpha::Auto | Alpha::AutoPo2),
            keep_negative: parameters.flag("keep_negative", true)?,
            alpha,
        };
        quantizer.alpha_is_exact(parameters)?;
        Ok(quantizer)
    }

    /// Values are f64: a code times a float32 number needs the bits of both.
    fn alpha_is_exact(&self, parameters: &Parameters<'_>) -> Result<(), ParseError> {
        let Alpha::Number(alpha) = self.alpha else { return Ok(()) };
        let significant = match alpha {
            0.0 => 0,
            _ => 24 - (alpha.to_bits() | 1 << 23).trailing_zeros(),
        };
        if self.unsigned_bits() + significant.saturating_sub(1) <= MAX_BITS {
            return Ok(());
        }
        Err(parameters.wrong("alpha", format!("shorter, to be exact with bits={}", self.bits)))
    }

    /// The same with other integer bits.
    pub(super) fn with_integer(self, integer: i32) -> Self {
        Self { integer, ..self }
    }

    /// Whether there are negative numbers.
    pub(super) fn is_signed(&self) -> bool {
        self.keep_negative
    }

    /// Bits without the sign.
    pub(super) fn unsigned_bits(&self) -> u32 {
        self.bits - u32::from(self.keep_negative)
    }

    /// The power of two of the step between two values, before `alpha`.
    fn step(&self) -> i32 {
        self.integer - self.unsigned_bits() as i32
    }

    /// The lowest and the highest code; not for one bit and a sign.
    fn codes(&self) -> (f64, f64) {
        let levels = exp2(self.unsigned_bits() as i32);
        let low = match (self.keep_negative, self.symmetric) {
            (false, _) => 0.0,
            (true, true) => 1.0 - levels,
            (true, false) => -levels,
        };
        (low, levels - 1.0)
    }

    /// Whether only the sign is left.
    fn is_sign(&self) -> bool {
        self.unsigned_bits() == 0
    }

    /// The values before `alpha`.
    fn cast(&self) -> Result<Stage, QuantizerError> {
        if self.keep_negative {
            let overflow = if self.symmetric { Overflow::SatSym } else { Overflow::Sat };
            cast(self, Format::signed(self.bits, self.integer + 1), overflow)
        } else {
            cast(self, Format::unsigned(self.bits, self.integer), Overflow::Sat)
        }
    }

    /// QKeras' branch for alpha='auto_po2': halves away from zero, and a scale that fits each
    /// channel. One bit leaves no level but 0.
    fn quantize_po2(&self, weights: &ArrayD<f32>) -> ArrayD<f64> {
        let unit = exp2(self.integer);
        let top = (exp2(self.bits as i32 - 1) - 1.0) as f32;
        let channels = Channels::new(weights.mapv(|w| w / unit as f32));
        let code = |x: f32, scale: f32| {
            let code = (x.abs() / scale + 0.5).floor();
            let code = if code < top { code } else { top };
            if x < 0.0 {
                -code
            } else if x > 0.0 {
                code
            } else {
                0.0
            }
        };
        let first = |largest: f32| nearest_po2(largest * 2.0 / (top * 2.0));
        let mut scales: Vec<f32> = channels.largest().into_iter().map(first).collect();
        for _ in 0..SCALE_ITERATIONS {
            scales = channels.least_squares_po2(&channels.map(&scales, code));
        }
        channels.map(&scales, |x, scale| f64::from(code(x, scale)) * f64::from(scale) * unit)
    }
}

impl Definition for QuantizedBits {
    fn in_kernel(&self) -> Quantizer {
        let symmetric = self.symmetric || self.alpha == Alpha::Unset;
        Quantizer::Bits(Self { alpha: self.alpha.in_kernel(), symmetric, ..self.clone() })
    }

    fn quantize(&self, weights: &ArrayD<f32>) -> Result<ArrayD<f64>, QuantizerError> {
        match self.alpha {
            Alpha::Auto => Err(QuantizerError::RealScale { quantizer: self.to_string() }),
            Alpha::AutoPo2 => Ok(self.quantize_po2(weights)),
            Alpha::Unset | Alpha::Number(_) => Ok(weights.mapv(|w| self.apply(w.into()))),
        }
    }

    fn apply(&self, x: f64) -> f64 {
        let alpha = self.alpha.number().unwrap_or(f64::NAN);
        if self.is_sign() {
            return if x < 0.0 { -alpha } else { alpha };
        }
        let (low, high) = self.codes();
        let code = libm::ldexp(x, -self.step()).round_ties_even().clamp(low, high);
        libm::ldexp(code, self.step()) * alpha
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        let alpha = self.alpha.of_activation(self)?;
        if self.is_sign() || alpha == 0.0 || exp2(log2::floor_log2(alpha)) != alpha {
            return Ok(vec![Stage::Steps]);
        }
        Ok(match log2::floor_log2(alpha) {
            0 => vec![self.cast()?],
            power => vec![self.cast()?, Stage::Scale { power }],
        })
    }

    fn values(&self) -> Option<Vec<f64>> {
        let alpha = self.alpha.number()?;
        if self.is_sign() {
            return Some(vec![-alpha, alpha]);
        }
        if self.bits > Quantizer::MAX_VALUES.ilog2() {
            return None;
        }
        let (low, high) = self.codes();
        let codes = low as i64..=high as i64;
        Some(codes.map(|code| libm::ldexp(code as f64, self.step()) * alpha).collect())
    }
}

impl fmt::Display for QuantizedBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "quantized_bits({},{},{}", self.bits, self.integer, u8::from(self.symmetric))?;
        if !self.keep_negative {
            f.write_str(",keep_negative=False")?;
        }
        if let Some(alpha) = self.alpha.text() {
            write!(f, ",{alpha}")?;
        }
        f.write_str(")")
    }
}
