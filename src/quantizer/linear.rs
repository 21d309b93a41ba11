//! `quantized_linear`: fixed point with a scale that also divides.

use std::fmt;

use ndarray::{ArrayD, Zip};

use super::arguments::{Arguments, Training, call};
use super::auto_scale::{EPSILON, MAX_FITS, ScaleRule, flush};
use super::bits::FixedPoint;
use super::rounding::{Ties, multiples, quotient};
use super::{
    Alpha, ChannelScales, Definition, Factored, ParseError, QuantizerError, ScaleRole, Stage, exp2,
};
use crate::fixed::power_of_two;

/// QKeras' `quantized_linear`: s · clip(round(x / s)), half to even, where s, the
/// `quantization_scale`, is alpha · 2^(integer-u), u = bits - keep_negative. Codes go from -2^u
/// (1-2^u if symmetric, 0 without keep_negative) to 2^u-1; with a sign bit alone they are -½ and ½, ½
/// for 0.
///
/// With alpha 'auto' s is the smallest number for which no weight of its group is clipped, at
/// least epsilon; with 'auto_po2' a power of two near it that fits them well.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedLinear {
    grid: FixedPoint,
    scale: ScaleRule,
    training: Training,
}

impl QuantizedLinear {
    pub(super) fn new(arguments: &Arguments) -> Result<Self, ParseError> {
        let quantizer = Self {
            grid: FixedPoint::new(arguments)?,
            scale: ScaleRule::new(arguments)?,
            training: Training::new(arguments)?,
        };
        let alpha = &quantizer.scale.alpha;
        if alpha.numbers().contains(&0.0) {
            return Err(arguments.wrong("alpha", "not 0: QKeras divides by it"));
        }
        arguments.exact_alpha(alpha, quantizer.grid.unsigned_bits().max(1))?;
        Ok(quantizer)
    }

    /// Bits of a value, the sign bit included.
    pub fn bits(&self) -> u32 {
        self.grid.bits
    }

    /// Integer bits, without the sign bit.
    pub fn integer_bits(&self) -> i32 {
        self.grid.integer
    }

    /// True for a type with a sign bit.
    pub fn is_signed(&self) -> bool {
        self.grid.keep_negative
    }

    /// The lowest and the highest code: QKeras' `get_clip_bounds`.
    fn codes(&self) -> (f64, f64) {
        if self.grid.is_sign() { (-0.5, 0.5) } else { self.grid.codes() }
    }

    /// The code of `x` in float32, as QKeras computes it. A negative number that vanishes beside ½ has
    /// the code of 0.
    fn float_code(&self, x: f32, scale: f32) -> f32 {
        let (low, high) = self.codes();
        let shift = if self.grid.is_sign() { 0.5 } else { 0.0 };
        ((x / scale).clamp(low as f32, high as f32) - shift).round_ties_even() + shift
    }

    /// QKeras' `_get_auto_quantization_scale`.
    fn computed_scale(&self, x: &ArrayD<f32>) -> Result<ArrayD<f32>, QuantizerError> {
        // Unlike in other quantizers, each element of a vector is a group.
        let groups = self.scale.axis_groups(x.shape(), self)?;
        let (low, high) = self.codes();
        let (low, high) = (low as f32, high as f32);
        let largest = if self.grid.keep_negative {
            groups.largest(x, |x| x.abs() * 2.0, 0.0)
        } else {
            groups.largest(x, |x| x, f32::NEG_INFINITY)
        };
        let covering = largest.into_iter().map(|largest| (largest / (high - low)).max(EPSILON));
        let fits = if self.grid.is_sign() { 1 } else { MAX_FITS };
        self.scale.fitted(x, &groups, covering, fits, |x, s| self.float_code(x, s), self)
    }
}

impl Definition for QuantizedLinear {
    fn move_to_kernel(&mut self) {
        self.grid.symmetric |= self.scale.alpha == Alpha::Unset;
        self.scale.move_to_kernel();
    }

    fn set_scale(&mut self, scale: f32) {
        self.scale.alpha = Alpha::Number(scale);
    }

    fn factored(&self, weights: &ArrayD<f32>) -> Result<Factored, QuantizerError> {
        let unit = exp2(self.grid.lsb_power()) as f32;
        let scale = match self.scale.alpha.of_weights(weights.shape(), self)? {
            Some(alpha) => alpha.mapv(|alpha| flush(alpha * unit)),
            None => self.computed_scale(weights)?,
        };
        let codes = Zip::from(weights).and(&scale).map_collect(|x, scale| {
            libm::ldexp(self.float_code(*x, *scale).into(), self.grid.lsb_power())
        });
        Factored::new(codes, &scale.mapv(|scale| scale / unit), self)
    }

    fn apply(&self, x: f64) -> f64 {
        let Some(alpha) = self.scale.alpha.number() else { return f64::NAN };
        let lsb = exp2(self.grid.lsb_power()) * alpha;
        if self.grid.is_sign() {
            let negative = x != 0.0 && (x < 0.0) != (lsb < 0.0);
            return if negative { -0.5 * lsb } else { 0.5 * lsb };
        }
        quotient(x, lsb, self.codes(), Ties::Even) * lsb
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        let alpha = self.scale.alpha.of_activation(self)?;
        match power_of_two(alpha).filter(|_| alpha > 0.0 && !self.grid.is_sign()) {
            Some(power) => Ok(vec![self.grid.cast(power, self)?]),
            None => Ok(vec![Stage::StepFunction]),
        }
    }

    fn scales(&self) -> ChannelScales<'_> {
        Some((self.scale.alpha.several()?, ScaleRole::Lsb))
    }

    fn training(&self) -> Option<&Training> {
        Some(&self.training)
    }

    fn values(&self) -> Option<Vec<f64>> {
        multiples(self.codes(), exp2(self.grid.lsb_power()) * self.scale.alpha.number()?)
    }
}

impl fmt::Display for QuantizedLinear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments = [Some(self.grid.to_string()), self.scale.text(), self.training.text()];
        f.write_str(&call("quantized_linear", arguments))
    }
}
