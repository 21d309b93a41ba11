//! `quantized_po2` and `quantized_relu_po2`: powers of two.

use std::fmt;

use super::arguments::{Arguments, Training, call, flag, named};
use super::auto_scale::EPSILON;
use super::rounding::{floor_log2, round_log2, round_log2_sqrt};
use super::{Definition, ParseError, QuantizerError, Stage, exp2};

/// QKeras' `quantized_po2` and `quantized_relu_po2`: 2^e with e near log2(x) for x ≥ 0; for x < 0 -2^e
/// with e near log2(-slope · x), or without a slope the smallest of the positive values. `quantized_po2`
/// has a slope of 1. A value is 0 only if the smallest power is below float32 (9 bits).
///
/// Exponents are integers between two bounds, after QKeras' `_clip_power_of_two`. The bounds are no
/// integers if no bit, or a part of one, is left for exponents: quantized_po2(1) has the bounds -2^-1 and
/// 2^-1 - 1, and √½ as its one value.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedPo2 {
    is_relu: bool,
    bits: f64,
    /// The negative slope is 2 to this power; `None` for 0.
    slope: Option<i32>,
    low: f64,
    high: f64,
    max_value: Option<f32>,
    quadratic: bool,
    floor: bool,
    training: Training,
}

/// Below this exponent float32 has no normal number, and TensorFlow gives 0.
const MIN_EXPONENT: f64 = -126.0;
/// Above this exponent QKeras gives infinity; no quantizer in hardware reaches it.
const MAX_EXPONENT: f64 = 127.0;

impl QuantizedPo2 {
    /// Bits of a value: those of the exponent, and of a signed one the sign bit. QKeras accepts a part
    /// of a bit.
    pub fn bits(&self) -> f64 {
        self.bits
    }

    /// True for `quantized_po2`.
    pub fn is_signed(&self) -> bool {
        !self.is_relu
    }

    /// The largest value that the file states; QKeras takes 0 as none.
    pub fn max_value(&self) -> Option<f32> {
        self.max_value.filter(|max| *max != 0.0)
    }

    /// `quantized_relu_po2` if `is_relu`, otherwise `quantized_po2`.
    pub(super) fn new(arguments: &Arguments, is_relu: bool) -> Result<Self, ParseError> {
        let bits = arguments.exponent_bits()?;
        let slope = if is_relu { arguments.negative_slope()? } else { Some(0) };
        let max_value = arguments.number("max_value")?;
        if max_value.is_some_and(|max| max < 0.0) {
            return Err(arguments.wrong("max_value", "None or not negative"));
        }
        // One bit is the sign of the value; an exponent that is never positive needs no sign bit.
        let is_signed = [!is_relu, max_value.is_none_or(|max| max > 1.0)];
        let bound = libm::exp2(bits - is_signed.map(u8::from).iter().sum::<u8>() as f64);
        let quadratic = arguments.flag("quadratic_approximation")?;
        let high = if quadratic { 2.0 * ((bound - 1.0) / 2.0).floor() } else { bound - 1.0 };
        let single = |exponent: f64| f64::from(exponent as f32);
        Ok(Self {
            is_relu,
            bits,
            slope,
            low: single(-bound),
            // Keras clips to the lower of two contradicting bounds.
            high: single(high.max(-bound)),
            max_value,
            quadratic,
            floor: arguments.floors_log2()?,
            training: Training::new(arguments)?,
        })
    }

    /// The power of two for `magnitude`, which is not negative.
    fn power_of_two(&self, magnitude: f64) -> f64 {
        if magnitude < EPSILON.into() {
            return power(self.low);
        }
        let x = self.max_value.map_or(magnitude, |max| magnitude.min(max.into())).min(f64::MAX);
        match x {
            0.0 => self.bounded(f64::NEG_INFINITY), // max_value is 0
            _ => self.bounded(self.log2(x).into()),
        }
    }

    /// log2 of `x`, or of its square root, rounded.
    fn log2(&self, x: f64) -> i32 {
        match (self.quadratic, self.floor) {
            (false, false) => round_log2(x),
            (false, true) => floor_log2(x),
            (true, false) => round_log2_sqrt(x),
            (true, true) => floor_log2(x).div_euclid(2),
        }
    }

    /// The power for an exponent, or for half of one, after it is clipped to the bounds.
    fn bounded(&self, log2: f64) -> f64 {
        let factor = if self.quadratic { 2.0 } else { 1.0 };
        power(factor * log2.clamp(self.low, self.high))
    }

    /// Every value of [`QuantizedPo2::power_of_two`].
    fn powers(&self) -> Vec<f64> {
        let epsilon = f64::from(EPSILON);
        let first = self.max_value.map_or(epsilon, |max| epsilon.min(max.into()));
        let last = self.max_value.map_or(f64::MAX, f64::from);
        let tiny = std::iter::once(power(self.low));
        if first == 0.0 {
            return tiny.chain([self.power_of_two(epsilon)]).collect();
        }
        let range = self.log2(first)..=self.log2(last.max(first));
        tiny.chain(range.map(|log2| self.bounded(log2.into()))).collect()
    }
}

impl Definition for QuantizedPo2 {
    fn apply(&self, x: f64) -> f64 {
        match self.slope {
            Some(power) if x < 0.0 => -self.power_of_two(-x * exp2(power)),
            _ => self.power_of_two(x.max(0.0)),
        }
    }

    /// QKeras doubles the exponents of a quadratic approximation, but not that of a magnitude below
    /// epsilon: there exponents drop.
    fn breakpoints(&self) -> Vec<f64> {
        if !self.quadratic {
            return vec![];
        }
        let rise = f64::from(EPSILON);
        let negative = self.slope.map(|power| libm::ldexp(-rise, -power).next_up());
        negative.into_iter().chain([rise]).collect()
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        Ok(vec![Stage::StepFunction])
    }

    fn training(&self) -> Option<&Training> {
        Some(&self.training)
    }

    fn values(&self) -> Option<Vec<f64>> {
        let powers = self.powers();
        let negative = powers.iter().filter(|_| self.slope.is_some()).map(|power| -power);
        Some(negative.chain(powers.iter().copied()).collect())
    }
}

impl fmt::Display for QuantizedPo2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.is_relu { "quantized_relu_po2" } else { "quantized_po2" };
        let slope = self.slope.filter(|_| self.is_relu).map(|power| format!("{:?}", exp2(power)));
        f.write_str(&call(
            name,
            [
                Some(self.bits.to_string()),
                named("negative_slope", slope),
                named("max_value", self.max_value),
                flag("quadratic_approximation", self.quadratic),
                named("log2_rounding", self.floor.then_some("'floor'")),
                self.training.text(),
            ],
        ))
    }
}

/// The float32 number that is 2 to `exponent`.
fn power(exponent: f64) -> f64 {
    if exponent < MIN_EXPONENT {
        0.0
    } else {
        f64::from(libm::exp2(exponent.min(MAX_EXPONENT)) as f32)
    }
}
