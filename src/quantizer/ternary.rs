//! `ternary`: -1, 0 and 1, scaled; and what `stochastic_ternary` is at inference.

use std::fmt;

use ndarray::{ArrayD, Zip};

use super::parameters::Parameters;
use super::rule::ScaleRule;
use super::scales::{Groups, flush, nearest_po2};
use super::training::{Neutral, REAL_SIGMOID, ROUNDING, Training};
use super::{
    Alpha, Definition, Factored, ParseError, Quantizer, QuantizerError, Role, Several, Stage,
};

/// QKeras' `ternary`: alpha times the sign of x where |x| ≥ threshold, 0 elsewhere. With a computed
/// alpha the threshold is half of it, found in turns (after arXiv:1605.04711). QKeras'
/// `stochastic_ternary` draws values in training only, and is the same at inference.
#[derive(Clone, Debug, PartialEq)]
pub struct Ternary {
    stochastic: bool,
    alpha: Alpha,
    threshold: Option<f32>,
    unrolls: u32,
    training: Training,
}

/// The attributes, in the order of QKeras' constructor.
pub(super) const ATTRIBUTES: &[&str] =
    &["alpha", "threshold", "use_stochastic_rounding", "number_of_unrolls"];

/// Those of `stochastic_ternary`.
pub(super) const STOCHASTIC_ATTRIBUTES: &[&str] =
    &["alpha", "threshold", "temperature", "use_real_sigmoid", "number_of_unrolls"];

/// Shapes the probabilities of values.
const TEMPERATURE: (&str, Neutral) = ("temperature", Neutral::Number(8.0));

/// QKeras' `default_threshold`, a float32 number as all that it is compared with.
const DEFAULT_THRESHOLD: f32 = 0.33;
const DEFAULT_UNROLLS: u32 = 5;
const MAX_UNROLLS: i64 = 1000;

impl Ternary {
    pub(super) fn new(parameters: &Parameters<'_>) -> Result<Self, ParseError> {
        Self::read(parameters, false, Training::new(parameters, &[ROUNDING])?)
    }

    pub(super) fn stochastic(parameters: &Parameters<'_>) -> Result<Self, ParseError> {
        let training = Training::new(parameters, &[TEMPERATURE, REAL_SIGMOID])?;
        let quantizer = Self::read(parameters, true, training)?;
        if quantizer.threshold == Some(1.0) {
            return Err(parameters.wrong("threshold", "another than 1, which QKeras refuses"));
        }
        Ok(quantizer)
    }

    fn read(
        parameters: &Parameters<'_>,
        stochastic: bool,
        training: Training,
    ) -> Result<Self, ParseError> {
        let alpha = parameters.alpha()?;
        let threshold = parameters.number("threshold")?;
        if threshold.is_some() && alpha.is_computed() {
            return Err(parameters.wrong("threshold", "None where alpha is computed"));
        }
        let unrolls =
            parameters.whole("number_of_unrolls", DEFAULT_UNROLLS.into(), 1..=MAX_UNROLLS)?;
        Ok(Self { stochastic, alpha, threshold, unrolls: unrolls as u32, training })
    }

    /// The same with the number `scale` as alpha.
    pub(super) fn with_scale(self, scale: f32) -> Self {
        Self { alpha: Alpha::Number(scale), ..self }
    }

    /// The value before alpha, where alpha is not computed.
    fn sign(&self, x: f64) -> f64 {
        let threshold = f64::from(self.threshold.unwrap_or(DEFAULT_THRESHOLD));
        if x == 0.0 || x.abs() < threshold { 0.0 } else { x.signum() }
    }

    /// QKeras' branch for a computed alpha.
    fn factored_by_weights(&self, x: &ArrayD<f32>) -> Result<Factored, QuantizerError> {
        let shape = x.shape();
        let po2 = self.alpha == Alpha::AutoPo2;
        let rule = ScaleRule::default();
        let groups = rule.groups(shape, self)?;
        // QKeras takes the elements of a vector together here, and apart when it fits scales.
        let first = if shape.len() < 2 { &Groups::one(shape) } else { &groups };
        let start = first.largest(x, f32::abs, 0.0).into_iter().map(|largest| {
            let scale = flush(2.0 * largest / 3.0);
            if po2 { nearest_po2(scale) } else { scale }
        });
        let mut scale = first.scale_of_each(x, &start.collect::<Vec<_>>());
        let mut signs = ArrayD::zeros(shape);
        for _ in 0..self.unrolls {
            Zip::from(&mut signs).and(x).and(&scale).for_each(|sign, x, scale| {
                let rounded = scale * (x / scale).round_ties_even();
                *sign = if *x != 0.0 && rounded.abs() >= scale / 2.0 { x.signum() } else { 0.0 };
            });
            let scales = rule.least_squares(&groups, x, &signs, po2);
            scale = groups.scale_of_each(x, &scales);
        }
        // The last scale multiplies the signs of the one before.
        Factored::new(signs.mapv(f64::from), &scale, self)
    }
}

impl Definition for Ternary {
    fn in_kernel(&self) -> Quantizer {
        Quantizer::Ternary(Self { alpha: self.alpha.in_kernel(), ..self.clone() })
    }

    fn factored(&self, weights: &ArrayD<f32>) -> Result<Factored, QuantizerError> {
        match self.alpha.of_weights(weights.shape(), self)? {
            Some(scale) => Factored::new(weights.mapv(|w| self.sign(w.into())), &scale, self),
            // A kernel's alpha is computed even where a threshold stands beside it.
            None if self.threshold.is_some() => {
                Err(QuantizerError::Threshold { quantizer: self.to_string() })
            }
            None => self.factored_by_weights(weights),
        }
    }

    fn apply(&self, x: f64) -> f64 {
        self.sign(x) * self.alpha.number().unwrap_or(f64::NAN)
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        self.alpha.of_activation(self).map(|_| vec![Stage::Steps])
    }

    fn several_scales(&self) -> Several<'_> {
        Some((self.alpha.several()?, Role::Factor))
    }

    fn training(&self) -> Option<&Training> {
        Some(&self.training)
    }

    fn values(&self) -> Option<Vec<f64>> {
        self.alpha.number().map(|alpha| vec![-alpha, 0.0, alpha])
    }
}

impl fmt::Display for Ternary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.stochastic { "stochastic_ternary" } else { "ternary" };
        let alpha = self.alpha.text().map(|alpha| format!(",{alpha}"));
        let threshold = self.threshold.map(|threshold| format!(",threshold={threshold:?}"));
        let unrolls = (self.unrolls != DEFAULT_UNROLLS)
            .then(|| format!(",number_of_unrolls={}", self.unrolls));
        let stated: String = [alpha, threshold, unrolls].into_iter().flatten().collect();
        write!(f, "{name}({})", format!("{stated}{}", self.training).trim_start_matches(','))
    }
}
