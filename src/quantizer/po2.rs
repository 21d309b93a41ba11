//! `quantized_po2` and `quantized_relu_po2`: powers of two.

use std::fmt;

use super::arguments::{Arguments, NOISE, ROUNDING, Training};
use super::auto_scale::EPSILON;
use super::rounding::{floor_log2, round_log2, round_log2_sqrt};
use super::{Definition, ParseError, Quantizer, QuantizerError, Stage, exp2};

/// QKeras' `quantized_po2`: ±2^e with the sign of x, + for 0, and e near log2|x|. It is 0 only if the
/// smallest power is below float32 (9 bits).
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedPo2 {
    bits: f64,
    exponents: Po2Exponents,
}

impl QuantizedPo2 {
    /// The attributes in the order of QKeras' constructor. Those that are not read act in training
    /// only.
    pub(super) const ATTRIBUTES: &[&str] = &[
        "bits",
        "max_value",
        "use_stochastic_rounding",
        "quadratic_approximation",
        "log2_rounding",
        "qnoise_factor",
        "var_name",
        "use_ste",
        "use_variables",
    ];

    pub(super) fn new(arguments: &Arguments<'_>) -> Result<Self, ParseError> {
        let bits = arguments.exponent_bits()?;
        // One bit is the sign of the value.
        Ok(Self { bits, exponents: Po2Exponents::new(arguments, bits - 1.0)? })
    }
}

impl Definition for QuantizedPo2 {
    fn in_kernel(&self) -> Quantizer {
        Quantizer::Po2(self.clone())
    }

    fn apply(&self, x: f64) -> f64 {
        let power = self.exponents.power_of_two(x.abs());
        if x < 0.0 { -power } else { power }
    }

    fn breakpoints(&self) -> Vec<f64> {
        let rise = self.exponents.breakpoint();
        rise.map_or_else(Vec::new, |rise| vec![(-rise).next_up(), rise])
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        Ok(vec![Stage::StepFunction])
    }

    fn training(&self) -> Option<&Training> {
        Some(&self.exponents.training)
    }

    fn values(&self) -> Option<Vec<f64>> {
        Some(self.exponents.powers().into_iter().flat_map(|power| [-power, power]).collect())
    }
}

impl fmt::Display for QuantizedPo2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "quantized_po2({}{})", self.bits, self.exponents.text())
    }
}

/// QKeras' `quantized_relu_po2`: 2^e with e near log2(x) for x ≥ 0; for x < 0 the smallest of these
/// powers, or -2^e with e near log2(-slope · x) if there is a slope.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedReluPo2 {
    bits: f64,
    /// The negative slope is 2 to this power; `None` for 0.
    slope: Option<i32>,
    exponents: Po2Exponents,
}

impl QuantizedReluPo2 {
    /// The attributes in the order of QKeras' constructor. Those that are not read act in training
    /// only.
    pub(super) const ATTRIBUTES: &[&str] = &[
        "bits",
        "max_value",
        "negative_slope",
        "use_stochastic_rounding",
        "quadratic_approximation",
        "log2_rounding",
        "qnoise_factor",
        "var_name",
        "use_ste",
        "use_variables",
    ];

    pub(super) fn new(arguments: &Arguments<'_>) -> Result<Self, ParseError> {
        let bits = arguments.exponent_bits()?;
        let slope = arguments.negative_slope()?;
        Ok(Self { bits, slope, exponents: Po2Exponents::new(arguments, bits)? })
    }
}

impl Definition for QuantizedReluPo2 {
    fn in_kernel(&self) -> Quantizer {
        Quantizer::ReluPo2(self.clone())
    }

    fn apply(&self, x: f64) -> f64 {
        match self.slope {
            Some(power) if x < 0.0 => -self.exponents.power_of_two(-x * exp2(power)),
            _ => self.exponents.power_of_two(x.max(0.0)),
        }
    }

    fn breakpoints(&self) -> Vec<f64> {
        let Some(rise) = self.exponents.breakpoint() else { return vec![] };
        let negative = self.slope.map(|power| libm::ldexp(-rise, -power).next_up());
        negative.into_iter().chain([rise]).collect()
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        Ok(vec![Stage::StepFunction])
    }

    fn training(&self) -> Option<&Training> {
        Some(&self.exponents.training)
    }

    fn values(&self) -> Option<Vec<f64>> {
        let mut values = self.exponents.powers();
        if self.slope.is_some() {
            let negative: Vec<f64> = values.iter().map(|power| -power).collect();
            values.extend(negative);
        }
        Some(values)
    }
}

impl fmt::Display for QuantizedReluPo2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "quantized_relu_po2({}", self.bits)?;
        if let Some(power) = self.slope {
            write!(f, ",negative_slope={:?}", exp2(power))?;
        }
        write!(f, "{})", self.exponents.text())
    }
}

/// The range and rounding of exponents: QKeras' `_clip_power_of_two` and its arguments.
///
/// Exponents are integers between two bounds. The bounds are no integers if no bit, or a part of one, is
/// left for exponents: quantized_po2(1) has the bounds -2^-1 and 2^-1 - 1, and √½ as its one value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Po2Exponents {
    low: f64,
    high: f64,
    max_value: Option<f32>,
    quadratic: bool,
    floor: bool,
    pub(super) training: Training,
}

/// Below this exponent float32 has no normal number, and TensorFlow gives 0.
const MIN_EXPONENT: f64 = -126.0;
/// Above this exponent QKeras gives infinity; no quantizer in hardware reaches it.
const MAX_EXPONENT: f64 = 127.0;

impl Po2Exponents {
    /// Reads the attributes of both quantizers; `bits` of an exponent, its sign included.
    pub(super) fn new(arguments: &Arguments<'_>, bits: f64) -> Result<Self, ParseError> {
        let max_value = arguments.number("max_value")?;
        if max_value.is_some_and(|max| max < 0.0) {
            return Err(arguments.wrong("max_value", "None or not negative"));
        }
        // An exponent that is never positive needs no sign bit.
        let has_sign = max_value.is_none_or(|max| max > 1.0);
        let bound = libm::exp2(bits - f64::from(u8::from(has_sign)));
        let quadratic = arguments.flag("quadratic_approximation", false)?;
        let high = if quadratic { 2.0 * ((bound - 1.0) / 2.0).floor() } else { bound - 1.0 };
        let single = |exponent: f64| f64::from(exponent as f32);
        Ok(Self {
            low: single(-bound),
            // Keras clips to the lower of two contradicting bounds.
            high: single(high.max(-bound)),
            max_value,
            quadratic,
            floor: arguments.floors_log2()?,
            training: Training::new(arguments, &[NOISE, ROUNDING])?,
        })
    }

    /// The power of two for `magnitude`, which is not negative.
    pub(super) fn power_of_two(&self, magnitude: f64) -> f64 {
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

    /// Every value of [`Po2Exponents::power_of_two`].
    pub(super) fn powers(&self) -> Vec<f64> {
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

    /// The magnitude at which exponents drop: QKeras doubles those of a quadratic approximation, but
    /// not that of a magnitude below epsilon. `None` if they are monotone.
    fn breakpoint(&self) -> Option<f64> {
        self.quadratic.then(|| EPSILON.into())
    }

    /// The attributes that are not the default, each with a comma before it.
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

/// The float32 number that is 2 to `exponent`.
fn power(exponent: f64) -> f64 {
    if exponent < MIN_EXPONENT {
        0.0
    } else {
        f64::from(libm::exp2(exponent.min(MAX_EXPONENT)) as f32)
    }
}
