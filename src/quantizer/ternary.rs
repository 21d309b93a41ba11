//! `ternary`: -1, 0 and 1, scaled.

use std::fmt;

use ndarray::ArrayD;

use super::channels::{Channels, nearest_po2};
use super::parameters::Parameters;
use super::{Alpha, Definition, ParseError, Quantizer, QuantizerError, Stage};

/// QKeras' `ternary`: alpha times the sign of x where |x| ≥ threshold, 0 elsewhere. With a computed
/// alpha the threshold is half of it, found in turns (after arXiv:1605.04711).
#[derive(Clone, Debug, PartialEq)]
pub struct Ternary {
    alpha: Alpha,
    threshold: Option<f32>,
    unrolls: u32,
}

/// The attributes, in the order of QKeras' constructor. What is not read below acts in training
/// only.
pub(super) const ATTRIBUTES: &[&str] =
    &["alpha", "threshold", "use_stochastic_rounding", "number_of_unrolls"];

/// QKeras' `default_threshold`, a float32 number as all that it is compared with.
const DEFAULT_THRESHOLD: f32 = 0.33;
const DEFAULT_UNROLLS: u32 = 5;
const MAX_UNROLLS: i64 = 1000;

impl Ternary {
    pub(super) fn new(parameters: &Parameters<'_>) -> Result<Self, ParseError> {
        let alpha = parameters.alpha()?;
        let threshold = parameters.number("threshold")?;
        if threshold.is_some() && alpha.number().is_none() {
            return Err(parameters.wrong("threshold", "None where alpha is computed"));
        }
        let unrolls =
            parameters.whole("number_of_unrolls", DEFAULT_UNROLLS.into(), 1..=MAX_UNROLLS)?;
        Ok(Self { alpha, threshold, unrolls: unrolls as u32 })
    }

    fn quantize_po2(&self, weights: &ArrayD<f32>) -> ArrayD<f64> {
        let channels = Channels::new(weights.clone());
        let sign = |x: f32, scale: f32| {
            let rounded = scale * (x / scale).round_ties_even();
            if x != 0.0 && rounded.abs() >= scale / 2.0 { x.signum() } else { 0.0 }
        };
        let first = |largest: f32| nearest_po2(2.0 * largest / 3.0);
        let mut scales: Vec<f32> = channels.largest().into_iter().map(first).collect();
        let mut signs = ArrayD::zeros(weights.raw_dim());
        for _ in 0..self.unrolls {
            signs = channels.map(&scales, sign);
            scales = channels.least_squares_po2(&signs);
        }
        // The last scale multiplies the signs of the one before.
        Channels::new(signs).map(&scales, |sign, scale| f64::from(sign) * f64::from(scale))
    }
}

impl Definition for Ternary {
    fn in_kernel(&self) -> Quantizer {
        Quantizer::Ternary(Self { alpha: self.alpha.in_kernel(), ..self.clone() })
    }

    fn quantize(&self, weights: &ArrayD<f32>) -> Result<ArrayD<f64>, QuantizerError> {
        let quantizer = || self.to_string();
        match self.alpha {
            Alpha::Unset | Alpha::Number(_) => Ok(weights.mapv(|w| self.apply(w.into()))),
            // A kernel's alpha is computed even where a threshold stands beside it.
            _ if self.threshold.is_some() => {
                Err(QuantizerError::Threshold { quantizer: quantizer() })
            }
            Alpha::Auto => Err(QuantizerError::RealScale { quantizer: quantizer() }),
            Alpha::AutoPo2 => Ok(self.quantize_po2(weights)),
        }
    }

    fn apply(&self, x: f64) -> f64 {
        let alpha = self.alpha.number().unwrap_or(f64::NAN);
        let threshold = f64::from(self.threshold.unwrap_or(DEFAULT_THRESHOLD));
        if x == 0.0 || x.abs() < threshold { 0.0 * alpha } else { alpha * x.signum() }
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        self.alpha.of_activation(self).map(|_| vec![Stage::Steps])
    }

    fn values(&self) -> Option<Vec<f64>> {
        self.alpha.number().map(|alpha| vec![-alpha, 0.0, alpha])
    }
}

impl fmt::Display for Ternary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threshold = self.threshold.map(|threshold| format!("threshold={threshold:?}"));
        let unrolls = (self.unrolls != DEFAULT_UNROLLS)
            .then(|| format!("number_of_unrolls={}", self.unrolls));
        let stated: Vec<String> =
            [self.alpha.text(), threshold, unrolls].into_iter().flatten().collect();
        write!(f, "ternary({})", stated.join(","))
    }
}
