//! `binary` and `ternary`, and the stochastic quantizers that equal them at inference.

use std::fmt;

use ndarray::{ArrayD, Zip};

use super::arguments::{Arguments, Training, TrainingNote, call, flag, named};
use super::auto_scale::{ScaleGroups, ScaleRule, flush, nearest_po2};
use super::{
    Alpha, ChannelScales, Definition, Factored, ParseError, QuantizerError, ScaleRole, Stage,
};

/// QKeras' `binary`: alpha times the sign of x, +1 for 0; with `use_01`, 0 instead of -1. A computed
/// alpha is the least-squares fit to the weights.
///
/// QKeras' `stochastic_binary` draws signs in training only, and is the same at inference. Its
/// `bernoulli` always draws 0 or 1 with probability sigmoid(temperature · x); here it gives the more
/// likely value, 1 for 0, with which QKeras computes alpha too.
#[derive(Clone, Debug, PartialEq)]
pub struct Binary {
    class: BinaryClass,
    use_01: bool,
    scale: ScaleRule,
    training: Training,
}

/// The class of QKeras.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum BinaryClass {
    Binary,
    StochasticBinary,
    Bernoulli,
}

impl Binary {
    pub(super) fn new(arguments: &Arguments, class: BinaryClass) -> Result<Self, ParseError> {
        let use_01 = match class {
            BinaryClass::Binary => arguments.flag("use_01")?,
            BinaryClass::StochasticBinary => false,
            BinaryClass::Bernoulli => true,
        };
        let training = Training::new(arguments)?;
        Ok(Self { class, use_01, scale: ScaleRule::new(arguments)?, training })
    }

    /// True if the values are 0 and 1, not -1 and 1.
    pub fn is_zero_one(&self) -> bool {
        self.use_01
    }

    /// The value before alpha.
    fn sign(&self, is_negative: bool) -> f32 {
        match (is_negative, self.use_01) {
            (false, _) => 1.0,
            (true, false) => -1.0,
            (true, true) => 0.0,
        }
    }
}

impl Definition for Binary {
    fn move_to_kernel(&mut self) {
        self.scale.move_to_kernel();
    }

    fn set_scale(&mut self, scale: f32) {
        self.scale.alpha = Alpha::Number(scale);
    }

    fn factored(&self, weights: &ArrayD<f32>) -> Result<Factored, QuantizerError> {
        let signs = weights.mapv(|w| self.sign(w < 0.0));
        let scale = match self.scale.alpha.of_weights(weights.shape(), self)? {
            Some(scale) => scale,
            None => {
                let groups = self.scale.groups(weights.shape(), self)?;
                groups.scale_of_each(weights, &self.scale.least_squares(&groups, weights, &signs))
            }
        };
        Factored::new(signs.mapv(f64::from), &scale, self)
    }

    fn apply(&self, x: f64) -> f64 {
        f64::from(self.sign(x < 0.0)) * self.scale.alpha.number().unwrap_or(f64::NAN)
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        self.scale.alpha.of_activation(self).map(|_| vec![Stage::StepFunction])
    }

    fn scales(&self) -> ChannelScales<'_> {
        Some((self.scale.alpha.several()?, ScaleRole::Factor))
    }

    fn training(&self) -> Option<&Training> {
        Some(&self.training)
    }

    fn training_notes(&self) -> Vec<TrainingNote> {
        let random = (self.class == BinaryClass::Bernoulli).then_some(TrainingNote::Random);
        random.into_iter().chain(self.training.notes()).collect()
    }

    fn values(&self) -> Option<Vec<f64>> {
        let alpha = self.scale.alpha.number()?;
        Some([true, false].map(|negative| f64::from(self.sign(negative)) * alpha).to_vec())
    }
}

impl fmt::Display for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.class {
            BinaryClass::Binary => "binary",
            BinaryClass::StochasticBinary => "stochastic_binary",
            BinaryClass::Bernoulli => "bernoulli",
        };
        let use_01 = flag("use_01", self.use_01 && self.class == BinaryClass::Binary);
        f.write_str(&call(name, [use_01, self.scale.text(), self.training.text()]))
    }
}

/// QKeras' `ternary`: alpha times the sign of x if |x| ≥ threshold, else 0. A computed alpha has a
/// threshold of half of it; the two are iterated (after arXiv:1605.04711). QKeras'
/// `stochastic_ternary` draws values in training only, and is the same at inference.
#[derive(Clone, Debug, PartialEq)]
pub struct Ternary {
    is_stochastic: bool,
    scale: ScaleRule,
    threshold: Option<f32>,
    unrolls: i32,
    training: Training,
}

/// QKeras' `default_threshold`, a float32 number.
const DEFAULT_THRESHOLD: f32 = 0.33;
const DEFAULT_UNROLLS: i32 = 5;
const MAX_UNROLLS: i32 = 1000;

impl Ternary {
    pub(super) fn new(arguments: &Arguments, is_stochastic: bool) -> Result<Self, ParseError> {
        let quantizer = Self {
            is_stochastic,
            scale: ScaleRule::new(arguments)?,
            threshold: arguments.number("threshold")?,
            unrolls: arguments.whole("number_of_unrolls", 1..=MAX_UNROLLS)?,
            training: Training::new(arguments)?,
        };
        let expected = match quantizer.threshold {
            Some(_) if quantizer.scale.alpha.is_computed() => "None if alpha is computed",
            Some(1.0) if is_stochastic => "not 1, which QKeras rejects",
            _ => return Ok(quantizer),
        };
        Err(arguments.wrong("threshold", expected))
    }

    /// The value before a stated alpha.
    fn sign(&self, x: f64) -> f64 {
        let threshold = f64::from(self.threshold.unwrap_or(DEFAULT_THRESHOLD));
        if x == 0.0 || x.abs() < threshold { 0.0 } else { x.signum() }
    }

    /// QKeras' branch for a computed alpha.
    fn factored_by_weights(&self, x: &ArrayD<f32>) -> Result<Factored, QuantizerError> {
        let shape = x.shape();
        let groups = self.scale.groups(shape, self)?;
        // QKeras groups all elements of a vector here, and none when it fits scales.
        let first = if shape.len() < 2 { &ScaleGroups::one(shape) } else { &groups };
        let start = first.largest(x, f32::abs, 0.0).into_iter().map(|largest| {
            let scale = flush(2.0 * largest / 3.0);
            if self.scale.alpha == Alpha::AutoPo2 { nearest_po2(scale) } else { scale }
        });
        let mut scale = first.scale_of_each(x, &start.collect::<Vec<_>>());
        let mut signs = ArrayD::zeros(shape);
        for _ in 0..self.unrolls {
            Zip::from(&mut signs).and(x).and(&scale).for_each(|sign, x, scale| {
                let rounded = scale * (x / scale).round_ties_even();
                *sign = if *x != 0.0 && rounded.abs() >= scale / 2.0 { x.signum() } else { 0.0 };
            });
            scale = groups.scale_of_each(x, &self.scale.least_squares(&groups, x, &signs));
        }
        // The last scale multiplies the signs of the previous one.
        Factored::new(signs.mapv(f64::from), &scale, self)
    }
}

impl Definition for Ternary {
    fn move_to_kernel(&mut self) {
        self.scale.move_to_kernel();
    }

    fn set_scale(&mut self, scale: f32) {
        self.scale.alpha = Alpha::Number(scale);
    }

    fn factored(&self, weights: &ArrayD<f32>) -> Result<Factored, QuantizerError> {
        match self.scale.alpha.of_weights(weights.shape(), self)? {
            Some(scale) => Factored::new(weights.mapv(|w| self.sign(w.into())), &scale, self),
            // A kernel's alpha is computed even if a threshold is stated.
            None if self.threshold.is_some() => {
                Err(QuantizerError::Threshold { quantizer: self.to_string() })
            }
            None => self.factored_by_weights(weights),
        }
    }

    fn apply(&self, x: f64) -> f64 {
        self.sign(x) * self.scale.alpha.number().unwrap_or(f64::NAN)
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        self.scale.alpha.of_activation(self).map(|_| vec![Stage::StepFunction])
    }

    fn scales(&self) -> ChannelScales<'_> {
        Some((self.scale.alpha.several()?, ScaleRole::Factor))
    }

    fn training(&self) -> Option<&Training> {
        Some(&self.training)
    }

    fn values(&self) -> Option<Vec<f64>> {
        self.scale.alpha.number().map(|alpha| vec![-alpha, 0.0, alpha])
    }
}

impl fmt::Display for Ternary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.is_stochastic { "stochastic_ternary" } else { "ternary" };
        let unrolls = Some(self.unrolls).filter(|unrolls| *unrolls != DEFAULT_UNROLLS);
        f.write_str(&call(
            name,
            [
                self.scale.text(),
                named("threshold", self.threshold.map(|threshold| format!("{threshold:?}"))),
                named("number_of_unrolls", unrolls),
                self.training.text(),
            ],
        ))
    }
}
