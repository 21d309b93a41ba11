//! `quantized_bits`: fixed point, and the grid that `quantized_linear` shares with it.

use std::fmt;

use ndarray::{ArrayD, Zip, arr0};

use super::arguments::{Arguments, Training, call, listed, named};
use super::auto_scale::{MAX_FITS, ScaleGroups, ScaleRule, flush};
use super::rounding::{Ties, multiples, quotient};
use super::scale::{broadcast, list};
use super::{
    Alpha, ChannelScales, Definition, Factored, ParseError, QuantizerError, ScaleRole, Stage, cast,
    exp2,
};
use crate::fixed::{Format, Overflow, Quantization, Rounding, power_of_two};

/// A fixed-point grid: `bits`, `integer`, `symmetric` and `keep_negative`. `integer` does not count
/// the sign bit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct FixedPoint {
    pub(super) bits: u32,
    pub(super) integer: i32,
    pub(super) symmetric: bool,
    pub(super) keep_negative: bool,
}

impl FixedPoint {
    pub(super) fn new(arguments: &Arguments) -> Result<Self, ParseError> {
        Ok(Self {
            bits: arguments.bits()?,
            integer: arguments.integer_bits()?,
            symmetric: arguments.flag("symmetric")?,
            keep_negative: arguments.flag("keep_negative")?,
        })
    }

    /// Bits without the sign bit.
    pub(super) fn unsigned_bits(self) -> u32 {
        self.bits - u32::from(self.keep_negative)
    }

    /// True if a value is a sign only.
    pub(super) fn is_sign(self) -> bool {
        self.unsigned_bits() == 0
    }

    /// The LSB is 2 to this power: QKeras' `data_type_scale`.
    pub(super) fn lsb_power(self) -> i32 {
        self.integer - self.unsigned_bits() as i32
    }

    /// The lowest and the highest code of a grid that is more than a sign.
    pub(super) fn codes(self) -> (f64, f64) {
        let levels = exp2(self.unsigned_bits() as i32);
        let low = match (self.keep_negative, self.symmetric) {
            (false, _) => 0.0,
            (true, true) => 1.0 - levels,
            (true, false) => -levels,
        };
        (low, levels - 1.0)
    }

    /// The cast to the grid times 2^`power`, for `quantizer`.
    pub(super) fn cast(
        self,
        power: i32,
        quantizer: &dyn fmt::Display,
    ) -> Result<Stage, QuantizerError> {
        let integer = self.integer + power;
        if !self.keep_negative {
            return cast(quantizer, Format::unsigned(self.bits, integer), Overflow::Sat);
        }
        let overflow = if self.symmetric { Overflow::SatSym } else { Overflow::Sat };
        cast(quantizer, Format::signed(self.bits, integer + 1), overflow)
    }
}

impl fmt::Display for FixedPoint {
    /// The first arguments of a call.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{}", self.bits, self.integer, u8::from(self.symmetric))?;
        if self.keep_negative { Ok(()) } else { f.write_str(",keep_negative=False") }
    }
}

/// QKeras' `quantized_bits`: with u = bits - keep_negative,
/// alpha · 2^(integer-u) · clip(round(x · 2^(u-integer))), half to even; for u = 0 the sign,
/// with +1 for 0. `integer` does not count the sign bit.
///
/// A computed alpha makes it another function: scale · 2^integer · clip(round(x / (scale · 2^integer))),
/// half away from zero, and codes from -(2^(bits-1)-1) to 2^(bits-1)-1, negative ones also where
/// keep_negative is False. The scale is the group's largest magnitude over the largest code for
/// 'auto', a power of two near it for 'auto_po2', and `post_training_scale` / 2^u if that is stated.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedBits {
    pub(super) grid: FixedPoint,
    scale: ScaleRule,
    post_training_scale: Option<ArrayD<f32>>,
    /// The first stated attribute that QKeras accepts only with 'auto_po2'.
    po2_only: Option<&'static str>,
    training: Training,
}

impl QuantizedBits {
    pub(super) fn new(arguments: &Arguments) -> Result<Self, ParseError> {
        let mut po2_only =
            ["elements_per_scale", "min_po2_exponent", "max_po2_exponent"].into_iter();
        let mut quantizer = Self {
            grid: FixedPoint::new(arguments)?,
            scale: ScaleRule::new(arguments)?,
            post_training_scale: arguments.numbers("post_training_scale")?,
            po2_only: po2_only.find(|attribute| !arguments.is_none(attribute)),
            training: Training::new(arguments)?,
        };
        // QKeras computes scales for symmetric codes only.
        quantizer.grid.symmetric |= quantizer.scale.alpha.is_computed();
        arguments.exact_alpha(&quantizer.scale.alpha, quantizer.grid.unsigned_bits())?;
        quantizer.check(arguments)?;
        Ok(quantizer)
    }

    /// Rejects combinations that QKeras rejects or turns into NaN.
    fn check(&self, arguments: &Arguments) -> Result<(), ParseError> {
        if let Some(scale) = &self.post_training_scale {
            if !self.scale.alpha.is_computed() {
                let expected = "None unless alpha is 'auto' or 'auto_po2'";
                return Err(arguments.wrong("post_training_scale", expected));
            }
            if !scale.iter().all(|s| *s > 0.0 && s.is_normal()) {
                return Err(arguments.wrong("post_training_scale", "positive"));
            }
        } else if self.scale.alpha == Alpha::Auto && self.grid.bits == 1 {
            return Err(
                arguments.wrong("alpha", "set otherwise for 1 bit, which leaves no value but 0")
            );
        }
        match self.po2_only {
            Some(attribute) if !matches!(self.scale.alpha, Alpha::AutoPo2 | Alpha::Unset) => {
                Err(arguments.wrong(attribute, "None unless alpha is 'auto_po2'"))
            }
            _ => Ok(()),
        }
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

    /// The arguments of the call.
    pub(super) fn arguments(&self) -> Option<String> {
        let scale = self.post_training_scale.as_ref().map(|scale| list(&scale.view()));
        listed([
            Some(self.grid.to_string()),
            self.scale.text(),
            named("post_training_scale", scale),
            self.training.text(),
        ])
    }

    /// The value before `alpha`.
    fn unscaled(&self, x: f64) -> f64 {
        if self.grid.is_sign() {
            return if x < 0.0 { -1.0 } else { 1.0 };
        }
        let (low, high) = self.grid.codes();
        let code = libm::ldexp(x, -self.grid.lsb_power()).round_ties_even().clamp(low, high);
        libm::ldexp(code, self.grid.lsb_power())
    }

    /// The largest code of a computed alpha.
    fn max_code(&self) -> f32 {
        (exp2(self.grid.bits as i32 - 1) - 1.0) as f32
    }

    /// The code of `x` for a computed alpha; always 0 for one bit.
    fn symmetric_code(&self, x: f32, scale: f32) -> f32 {
        if x == 0.0 {
            return 0.0;
        }
        let code = (x.abs() / scale + 0.5).floor();
        (if code < self.max_code() { code } else { self.max_code() }).copysign(x)
    }

    /// QKeras' `quantizer.scale` for these weights, one for each, if alpha is `'auto_po2'`.
    pub(super) fn auto_po2_scales(
        &self,
        weights: &ArrayD<f32>,
    ) -> Result<Option<ArrayD<f32>>, QuantizerError> {
        let scales = || self.scales_of(&self.over_unit(weights));
        (self.scale.alpha == Alpha::AutoPo2).then(scales).transpose()
    }

    /// `weights` / 2^integer.
    fn over_unit(&self, weights: &ArrayD<f32>) -> ArrayD<f32> {
        let unit = exp2(self.grid.integer) as f32;
        weights.mapv(|w| flush(w / unit))
    }

    /// Number of codes that make 1.
    fn levels(&self) -> f32 {
        exp2(self.grid.unsigned_bits() as i32) as f32
    }

    /// The scale of each of the weights `x` / 2^integer, for values up to 1.
    fn scales_of(&self, x: &ArrayD<f32>) -> Result<ArrayD<f32>, QuantizerError> {
        match &self.post_training_scale {
            Some(scale) => broadcast(scale, x.shape(), "post_training_scale", self),
            None => Ok(self.computed_scale(x)?.mapv(|scale| scale * self.levels())),
        }
    }

    /// QKeras' branch for a computed alpha.
    fn factored_by_weights(&self, weights: &ArrayD<f32>) -> Result<Factored, QuantizerError> {
        let x = self.over_unit(weights);
        let (scale, levels) = (self.scales_of(&x)?, self.levels());
        let codes = Zip::from(&x).and(&scale).map_collect(|x, scale| {
            libm::ldexp(self.symmetric_code(*x, *scale / levels).into(), self.grid.lsb_power())
        });
        Factored::new(codes, &scale, self)
    }

    /// The scale of each of the weights `x` / 2^integer.
    fn computed_scale(&self, x: &ArrayD<f32>) -> Result<ArrayD<f32>, QuantizerError> {
        // QKeras groups all elements of a vector here, and none when it fits scales.
        let first = match x.ndim() {
            0 | 1 => ScaleGroups::one(x.shape()),
            _ => self.scale.axis_groups(x.shape(), self)?,
        };
        let largest = first.largest(x, f32::abs, 0.0).into_iter();
        let covering = largest.map(|largest| flush(largest * 2.0 / (self.max_code() * 2.0)));
        self.scale.fitted(x, &first, covering, MAX_FITS, |x, s| self.symmetric_code(x, s), self)
    }

    /// A `post_training_scale` that all channels share, which replaces a computed alpha.
    fn frozen(&self) -> Option<f64> {
        let scales = self.post_training_scale.as_ref()?;
        scales.first().filter(|_| scales.len() == 1).copied().map(f64::from)
    }

    /// The stages for a frozen scale: it sets the LSB, and rounding is half away from zero.
    fn frozen_stages(&self, scale: f64) -> Result<Vec<Stage>, QuantizerError> {
        let power = power_of_two(scale).filter(|_| self.grid.bits > 1);
        let Some(power) = power else { return Ok(vec![Stage::StepFunction]) };
        let bits = self.grid.bits;
        let integer = self.grid.lsb_power() + power + bits as i32;
        let format = Format::signed(bits, integer)
            .map_err(|source| QuantizerError::Format { quantizer: self.to_string(), source })?;
        let cast = Quantization::new(format, Rounding::RndInf, Overflow::SatSym);
        Ok(vec![Stage::Cast(cast)])
    }

    /// QKeras rejects these attributes without a stated alpha, except in a kernel.
    fn check_outside_of_kernels(&self) -> Result<(), QuantizerError> {
        match self.po2_only {
            Some(attribute) if self.scale.alpha == Alpha::Unset => {
                Err(QuantizerError::Po2Only { quantizer: self.to_string(), attribute })
            }
            _ => Ok(()),
        }
    }
}

impl Definition for QuantizedBits {
    fn move_to_kernel(&mut self) {
        self.grid.symmetric |= self.scale.alpha == Alpha::Unset;
        self.scale.move_to_kernel();
    }

    fn set_scale(&mut self, scale: f32) {
        match &mut self.post_training_scale {
            Some(several) => *several = arr0(scale).into_dyn(),
            None => self.scale.alpha = Alpha::Number(scale),
        }
    }

    fn factored(&self, weights: &ArrayD<f32>) -> Result<Factored, QuantizerError> {
        self.check_outside_of_kernels()?;
        match self.scale.alpha.of_weights(weights.shape(), self)? {
            Some(scale) => Factored::new(weights.mapv(|w| self.unscaled(w.into())), &scale, self),
            None => self.factored_by_weights(weights),
        }
    }

    fn apply(&self, x: f64) -> f64 {
        match self.frozen() {
            Some(scale) => {
                let (lsb, top) = (scale * exp2(self.grid.lsb_power()), f64::from(self.max_code()));
                quotient(x, lsb, (-top, top), Ties::Away) * lsb
            }
            None => self.unscaled(x) * self.scale.alpha.number().unwrap_or(f64::NAN),
        }
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        self.check_outside_of_kernels()?;
        if let Some(scale) = self.frozen() {
            return self.frozen_stages(scale);
        }
        if self.post_training_scale.is_some() {
            return Err(QuantizerError::PerChannel { quantizer: self.to_string() });
        }
        let alpha = self.scale.alpha.of_activation(self)?;
        Ok(match power_of_two(alpha).filter(|_| alpha > 0.0 && !self.grid.is_sign()) {
            None => vec![Stage::StepFunction],
            Some(0) => vec![self.grid.cast(0, self)?],
            Some(power) => vec![self.grid.cast(0, self)?, Stage::Scale { power }],
        })
    }

    fn scales(&self) -> ChannelScales<'_> {
        match &self.post_training_scale {
            Some(scales) => (scales.len() > 1).then_some((scales, ScaleRole::Lsb)),
            None => Some((self.scale.alpha.several()?, ScaleRole::Factor)),
        }
    }

    fn training(&self) -> Option<&Training> {
        Some(&self.training)
    }

    fn values(&self) -> Option<Vec<f64>> {
        let scale = self.frozen().or_else(|| self.scale.alpha.number())?;
        let codes = match self.frozen() {
            Some(_) => (-f64::from(self.max_code()), f64::from(self.max_code())),
            None if self.grid.is_sign() => return Some(vec![-scale, scale]),
            None => self.grid.codes(),
        };
        multiples(codes, exp2(self.grid.lsb_power()) * scale)
    }
}

impl fmt::Display for QuantizedBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&call("quantized_bits", [self.arguments()]))
    }
}
