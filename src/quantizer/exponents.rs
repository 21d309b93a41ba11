//! How `quantized_po2` and `quantized_relu_po2` choose a power of two.

use super::parameters::Parameters;
use super::scales::EPSILON;
use super::training::{NOISE, ROUNDING, Training};
use super::{ParseError, exp2, log2};

/// The range and rounding of exponents: QKeras' `_clip_power_of_two` and what it is called with.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Exponents {
    low: i32,
    high: i32,
    max_value: Option<f32>,
    quadratic: bool,
    floor: bool,
    pub(super) training: Training,
}

/// Below this exponent float32 has no normal number, and TensorFlow gives 0.
const SMALLEST: i32 = -126;

impl Exponents {
    /// Reads what both quantizers have in common; `bits` of an exponent with its sign.
    pub(super) fn new(parameters: &Parameters<'_>, bits: i32) -> Result<Self, ParseError> {
        let max_value = parameters.number("max_value")?;
        if max_value.is_some_and(|max| max < 0.0) {
            return Err(parameters.wrong("max_value", "None or not negative"));
        }
        // An exponent that is never positive needs no sign bit.
        let magnitude_bits = bits - i32::from(max_value.is_none_or(|max| max > 1.0));
        if !(0..=7).contains(&magnitude_bits) {
            let expected = "such that exponents have 1 to 8 bits, as in float32";
            return Err(parameters.wrong("bits", expected));
        }
        let quadratic = parameters.flag("quadratic_approximation", false)?;
        let high = (1 << magnitude_bits) - 1;
        Ok(Self {
            low: -(1 << magnitude_bits),
            high: if quadratic { high / 2 * 2 } else { high },
            max_value,
            quadratic,
            floor: parameters.floors_log2()?,
            training: Training::new(parameters, &[NOISE, ROUNDING])?,
        })
    }

    /// The power of two for `magnitude`, which is not negative.
    pub(super) fn power_of_two(&self, magnitude: f64) -> f64 {
        power(self.exponent(magnitude))
    }

    fn exponent(&self, magnitude: f64) -> i32 {
        if magnitude < EPSILON.into() {
            return self.low;
        }
        let x = self.max_value.map_or(magnitude, |max| magnitude.min(max.into())).min(f64::MAX);
        let factor = if self.quadratic { 2 } else { 1 };
        if x == 0.0 {
            return factor * self.low; // max_value is 0
        }
        let log2 = match (self.quadratic, self.floor) {
            (false, false) => log2::round_log2(x),
            (false, true) => log2::floor_log2(x),
            (true, false) => log2::round_log2_sqrt(x),
            (true, true) => log2::floor_log2(x).div_euclid(2),
        };
        factor * log2.clamp(self.low, self.high)
    }

    /// Every value of [`Exponents::power_of_two`].
    pub(super) fn powers(&self) -> Vec<f64> {
        let range = self.exponent(EPSILON.into())..=self.exponent(f64::MAX);
        let step = if self.quadratic { 2 } else { 1 };
        std::iter::once(self.low).chain(range.step_by(step)).map(power).collect()
    }

    /// From which magnitude on exponents rise again, if they fall there: QKeras doubles those of a
    /// quadratic approximation, but not that of a magnitude below epsilon.
    pub(super) fn dip(&self) -> Option<f64> {
        self.quadratic.then(|| EPSILON.into())
    }

    /// The attributes in common, as far as they are not the default, each with a comma before it.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        if let Some(max) = self.max_value {
            text += &format!(",max_value={max}");
        }
        if self.quadratic {
            text += ",quadratic_approximation=1";
        }
        if self.floor {
            text += ",log2_rounding='floor'";
        }
        text + &self.training.to_string()
    }
}

fn power(exponent: i32) -> f64 {
    if exponent < SMALLEST { 0.0 } else { exp2(exponent) }
}
