//! `quantized_linear`: fixed point with a scale that also divides.

use std::fmt;

use ndarray::{ArrayD, Zip};

use super::arguments::{Arguments, NOISE, ROUNDING, Training};
use super::auto_scale::{EPSILON, MAX_FITS, ScaleRule, flush, nearest_po2};
use super::bits::FixedPoint;
use super::rounding::{Ties, multiples, quotient};
use super::{
    Alpha, ChannelScales, Definition, Factored, ParseError, Quantizer, QuantizerError, ScaleRole,
    Stage, exp2,
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
    alpha: Alpha,
    rule: ScaleRule,
    training: Training,
}

impl QuantizedLinear {
    /// The attributes in the order of QKeras' constructor. Those that are not read do not change the
    /// values.
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
        "use_variables",
    ];

    pub(super) fn new(arguments: &Arguments<'_>) -> Result<Self, ParseError> {
        let alpha = arguments.alpha()?;
        let quantizer = Self {
            grid: FixedPoint::new(arguments, true)?,
            rule: ScaleRule::axis_only(arguments, &alpha)?,
            training: Training::new(arguments, &[NOISE, ROUNDING])?,
            alpha,
        };
        if quantizer.alpha.numbers().contains(&0.0) {
            return Err(arguments.wrong("alpha", "not 0: QKeras divides by it"));
        }
        arguments.exact_alpha(&quantizer.alpha, quantizer.grid.unsigned_bits().max(1))?;
        Ok(quantizer)
    }

    /// The quantizer with `scale` as alpha.
    pub(super) fn with_scale(self, scale: f32) -> Self {
        Self { alpha: Alpha::Number(scale), ..self }
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
        let groups = self.rule.axis_groups(x.shape(), self)?;
        let (low, high) = self.codes();
        let (low, high) = (low as f32, high as f32);
        let largest = if self.grid.keep_negative {
            groups.largest(x, |x| x.abs() * 2.0, 0.0)
        } else {
            groups.largest(x, |x| x, f32::NEG_INFINITY)
        };
        let covering = largest.into_iter().map(|largest| (largest / (high - low)).max(EPSILON));
        if self.alpha == Alpha::Auto {
            return Ok(groups.scale_of_each(x, &covering.collect::<Vec<_>>()));
        }
        // QKeras' `_po2_autoscale`.
        let powers: Vec<f32> = covering.map(nearest_po2).collect();
        let scale = groups.scale_of_each(x, &powers);
        let groups = self.rule.groups(x.shape(), self)?;
        let fits = if self.grid.is_sign() { 1 } else { MAX_FITS };
        Ok(self.rule.fitted(&groups, x, scale, fits, |x, s| self.float_code(x, s)))
    }
}

impl Definition for QuantizedLinear {
    fn in_kernel(&self) -> Quantizer {
        let grid = self.grid.symmetric_if(self.alpha == Alpha::Unset);
        Quantizer::Linear(Self { alpha: self.alpha.in_kernel(), grid, ..self.clone() })
    }

    fn factored(&self, weights: &ArrayD<f32>) -> Result<Factored, QuantizerError> {
        let unit = exp2(self.grid.lsb_power()) as f32;
        let scale = match self.alpha.of_weights(weights.shape(), self)? {
            Some(alpha) => alpha.mapv(|alpha| flush(alpha * unit)),
            None => self.computed_scale(weights)?,
        };
        let mut codes = ArrayD::zeros(weights.shape());
        Zip::from(&mut codes).and(weights).and(&scale).for_each(|code, x, scale| {
            *code = libm::ldexp(self.float_code(*x, *scale).into(), self.grid.lsb_power());
        });
        Factored::new(codes, &scale.mapv(|scale| scale / unit), self)
    }

    fn apply(&self, x: f64) -> f64 {
        let Some(alpha) = self.alpha.number() else { return f64::NAN };
        let lsb = exp2(self.grid.lsb_power()) * alpha;
        if self.grid.is_sign() {
            let negative = x != 0.0 && (x < 0.0) != (lsb < 0.0);
            return if negative { -0.5 * lsb } else { 0.5 * lsb };
        }
        quotient(x, lsb, self.codes(), Ties::Even) * lsb
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        let alpha = match self.alpha.number() {
            Some(alpha) => alpha,
            None => self.alpha.of_activation(self)?,
        };
        match power_of_two(alpha).filter(|_| alpha > 0.0 && !self.grid.is_sign()) {
            Some(power) => Ok(vec![self.grid.cast(power, self)?]),
            None => Ok(vec![Stage::StepFunction]),
        }
    }

    fn scales(&self) -> ChannelScales<'_> {
        Some((self.alpha.several()?, ScaleRole::Lsb))
    }

    fn training(&self) -> Option<&Training> {
        Some(&self.training)
    }

    fn values(&self) -> Option<Vec<f64>> {
        multiples(self.codes(), exp2(self.grid.lsb_power()) * self.alpha.number()?)
    }
}

impl fmt::Display for QuantizedLinear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "quantized_linear({}", self.grid)?;
        if let Some(alpha) = self.alpha.text() {
            write!(f, ",{alpha}")?;
        }
        write!(f, "{}{})", self.rule, self.training)
    }
}
