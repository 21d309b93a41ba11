//! `quantized_relu`: ReLU on fixed point.

use std::fmt;

use super::arguments::{Arguments, Training, call, named};
use super::{Definition, ParseError, Quantizer, QuantizerError, Stage, cast, exp2};
use crate::fixed::{Format, Overflow};
use crate::function::Sigmoid;

/// QKeras' `quantized_relu`. With n = bits (one less with a slope), m = 2^n and
/// p = x · 2^(n-integer), rounding half to even:
///
/// 2^integer · (clip(round(p) / m, 0, 1 - 1/m) + slope · clip(round(slope · p) / (slope · m), -1, 0))
///
/// so the smallest value with a slope is -slope · 2^integer. With `use_sigmoid`, p is
/// m · sigmoid(x / 2^integer) and each quotient q becomes 2q - 1; the sigmoid is the one set for QKeras'
/// module, clip(x/2 + ½, 0, 1) by default.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedRelu {
    bits: u32,
    pub(super) integer: i32,
    use_sigmoid: bool,
    /// The negative slope is 2 to this power; `None` for 0.
    pub(super) slope: Option<i32>,
    pub(super) upper_bound: Option<f32>,
    is_quantized_clip: bool,
    training: Training,
    pub(super) sigmoid: Sigmoid,
}

impl QuantizedRelu {
    pub(super) fn new(arguments: &Arguments) -> Result<Self, ParseError> {
        let quantizer = Self {
            bits: arguments.bits()?,
            integer: arguments.integer_bits()?,
            use_sigmoid: arguments.flag("use_sigmoid")?,
            slope: arguments.negative_slope()?,
            upper_bound: arguments.number("relu_upper_bound")?,
            is_quantized_clip: arguments.flag("is_quantized_clip")?,
            training: Training::new(arguments)?,
            sigmoid: Sigmoid::default(),
        };
        let plain = !quantizer.use_sigmoid && quantizer.slope.is_none();
        if !plain || quantizer.bound().is_some() {
            // QKeras' fast path ignores these.
            arguments.must_not_be_set("enable_fast_inference")?;
        }
        Ok(quantizer)
    }

    /// Bits of a value; with a negative slope, one of them is the sign bit.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// Integer bits, without the sign bit.
    pub fn integer_bits(&self) -> i32 {
        self.integer
    }

    /// True with a negative slope.
    pub fn is_signed(&self) -> bool {
        self.slope.is_some()
    }

    /// Bits without the sign bit.
    pub(super) fn unsigned_bits(&self) -> i32 {
        self.bits as i32 - i32::from(self.slope.is_some())
    }

    /// The LSB is 2 to this power.
    fn lsb_power(&self) -> i32 {
        self.integer - self.unsigned_bits()
    }

    /// The upper bound in effect: QKeras ignores it with `is_quantized_clip`, and if it is 0.
    pub(super) fn bound(&self) -> Option<f64> {
        let bound = self.upper_bound.filter(|bound| !self.is_quantized_clip && *bound != 0.0);
        bound.map(f64::from)
    }

    /// The largest value without an upper bound.
    fn max_value(&self) -> f64 {
        exp2(self.integer) - exp2(self.lsb_power())
    }

    /// The value for `position`, the p of the definition.
    fn at(&self, position: f64) -> f64 {
        let levels = exp2(self.unsigned_bits());
        let part = |quotient: f64| if self.use_sigmoid { 2.0 * quotient - 1.0 } else { quotient };
        let mut y = part(position.round_ties_even() / levels).clamp(0.0, 1.0 - 1.0 / levels);
        if let Some(power) = self.slope {
            let slope = exp2(power);
            let quotient = (position * slope).round_ties_even() / (slope * levels);
            y += slope * part(quotient).clamp(-1.0, 0.0);
        }
        let y = y * exp2(self.integer);
        self.bound().map_or(y, |bound| y.min(bound))
    }

    /// The stages before the upper bound; `None` if only a step function computes the same.
    fn rectifier(&self) -> Result<Option<Vec<Stage>>, QuantizerError> {
        let signed = |integer| cast(self, Format::signed(self.bits, integer), Overflow::Sat);
        let unsigned = |integer| cast(self, Format::unsigned(self.bits, integer), Overflow::Sat);
        let integer = self.integer;
        Ok(Some(match (self.use_sigmoid, self.slope) {
            (false, None) => vec![unsigned(integer)?],
            // An LSB twice as large, then a cast for the largest value, which is an odd multiple of the
            // smaller LSB. The ½ · m that the sigmoid adds must be even, or ties would round the other way.
            (true, None) if self.bits >= 2 => {
                let Some(slope) = self.sigmoid.slope() else { return Ok(None) };
                let line = Stage::affine(2.0 * slope, 0.0);
                line.into_iter().chain([unsigned(integer + 1)?, unsigned(integer)?]).collect()
            }
            (false, Some(0)) => vec![signed(integer + 1)?],
            // The smallest value, -slope · 2^integer, must be a value of the type.
            (false, Some(power)) if (-self.unsigned_bits()..0).contains(&power) => vec![
                Stage::AtLeast(-exp2(integer)),
                Stage::Leaky { shift: power.unsigned_abs() },
                signed(integer + 1)?,
            ],
            _ => return Ok(None),
        }))
    }
}

impl Definition for QuantizedRelu {
    fn apply(&self, x: f64) -> f64 {
        self.at(if self.use_sigmoid {
            self.sigmoid.value(libm::ldexp(x, -self.integer)) * exp2(self.unsigned_bits())
        } else {
            libm::ldexp(x, -self.lsb_power())
        })
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        let Some(mut stages) = self.rectifier()? else { return Ok(vec![Stage::StepFunction]) };
        if let Some(bound) = self.bound().filter(|bound| *bound < self.max_value()) {
            let is_value = libm::ldexp(bound, -self.lsb_power()).fract() == 0.0;
            if bound < 0.0 || !is_value {
                return Ok(vec![Stage::StepFunction]);
            }
            stages.push(Stage::AtMost(bound));
        }
        Ok(stages)
    }

    fn training(&self) -> Option<&Training> {
        Some(&self.training)
    }

    fn values(&self) -> Option<Vec<f64>> {
        // Every value is taken at a multiple of a quarter LSB, or far outside.
        const SAMPLES: i32 = 4;
        let finer = SAMPLES << self.slope.map_or(0, |power| power.clamp(0, 16));
        let samples = exp2(self.unsigned_bits() + 1) * f64::from(finer);
        if samples > (64 * Quantizer::MAX_VALUES) as f64 {
            return None;
        }
        let half = (samples / 2.0) as i64;
        // A sigmoid is never negative, and never above its last level.
        let low = if self.use_sigmoid { 0 } else { -half };
        let inside = (low..=half).map(|k| self.at(k as f64 / f64::from(finer)));
        let outside = [f64::NEG_INFINITY, f64::INFINITY].map(|x| self.apply(x));
        Some(inside.chain(outside).collect())
    }
}

impl fmt::Display for QuantizedRelu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // QKeras' own text omits the names, and would read a slope as use_sigmoid.
        let slope = self.slope.map(|power| format!("{:?}", exp2(power)));
        f.write_str(&call(
            "quantized_relu",
            [
                Some(format!("{},{}", self.bits, self.integer)),
                self.use_sigmoid.then(|| "1".into()),
                named("negative_slope", slope),
                named("relu_upper_bound", self.upper_bound.map(|bound| format!("{bound:?}"))),
                named("is_quantized_clip", (!self.is_quantized_clip).then_some("False")),
                self.training.text(),
            ],
        ))
    }
}
