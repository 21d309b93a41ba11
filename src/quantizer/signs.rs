//! `binary` and `ternary`, and the stochastic quantizers that equal them at inference.

use std::fmt;

use ndarray::{ArrayD, Zip};

use super::arguments::{Arguments, Neutral, REAL_SIGMOID, ROUNDING, Training, TrainingNote};
use super::auto_scale::{ScaleGroups, ScaleRule, flush, nearest_po2};
use super::{
    Alpha, ChannelScales, Definition, Factored, ParseError, Quantizer, QuantizerError, ScaleRole,
    Stage,
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
    alpha: Alpha,
    rule: ScaleRule,
    training: Training,
}

/// The class of QKeras.
#[derive(Clone, Copy, Debug, PartialEq)]
enum BinaryClass {
    Binary,
    StochasticBinary,
    Bernoulli,
}

impl Binary {
    /// The attributes in the order of QKeras' constructor.
    pub(super) const ATTRIBUTES: &[&str] = &[
        "use_01",
        "alpha",
        "use_stochastic_rounding",
        "scale_axis",
        "elements_per_scale",
        "min_po2_exponent",
        "max_po2_exponent",
    ];

    /// The attributes of `stochastic_binary` and `bernoulli`.
    pub(super) const STOCHASTIC_ATTRIBUTES: &[&str] = &["alpha", "temperature", "use_real_sigmoid"];

    /// Temperature of the probabilities of signs.
    const TEMPERATURE: (&str, Neutral) = ("temperature", Neutral::Number(6.0));

    pub(super) fn new(arguments: &Arguments<'_>) -> Result<Self, ParseError> {
        let alpha = arguments.alpha()?;
        Ok(Self {
            class: BinaryClass::Binary,
            use_01: arguments.flag("use_01", false)?,
            rule: ScaleRule::new(arguments, &alpha)?,
            training: Training::new(arguments, &[ROUNDING])?,
            alpha,
        })
    }

    pub(super) fn stochastic(arguments: &Arguments<'_>) -> Result<Self, ParseError> {
        Self::drawn(arguments, BinaryClass::StochasticBinary)
    }

    pub(super) fn bernoulli(arguments: &Arguments<'_>) -> Result<Self, ParseError> {
        Self::drawn(arguments, BinaryClass::Bernoulli)
    }

    fn drawn(arguments: &Arguments<'_>, class: BinaryClass) -> Result<Self, ParseError> {
        Ok(Self {
            class,
            use_01: class == BinaryClass::Bernoulli,
            alpha: arguments.alpha()?,
            rule: ScaleRule::default(),
            training: Training::new(arguments, &[Self::TEMPERATURE, REAL_SIGMOID])?,
        })
    }

    /// The quantizer with `scale` as alpha.
    pub(super) fn with_scale(self, scale: f32) -> Self {
        Self { alpha: Alpha::Number(scale), ..self }
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
    fn in_kernel(&self) -> Quantizer {
        Quantizer::Binary(Self { alpha: self.alpha.in_kernel(), ..self.clone() })
    }

    fn factored(&self, weights: &ArrayD<f32>) -> Result<Factored, QuantizerError> {
        let signs = weights.mapv(|w| self.sign(w < 0.0));
        let scale = match self.alpha.of_weights(weights.shape(), self)? {
            Some(scale) => scale,
            None => {
                let groups = self.rule.groups(weights.shape(), self)?;
                let po2 = self.alpha == Alpha::AutoPo2;
                let scales = self.rule.least_squares(&groups, weights, &signs, po2);
                groups.scale_of_each(weights, &scales)
            }
        };
        Factored::new(signs.mapv(f64::from), &scale, self)
    }

    fn apply(&self, x: f64) -> f64 {
        f64::from(self.sign(x < 0.0)) * self.alpha.number().unwrap_or(f64::NAN)
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        self.alpha.of_activation(self).map(|_| vec![Stage::StepFunction])
    }

    fn scales(&self) -> ChannelScales<'_> {
        Some((self.alpha.several()?, ScaleRole::Factor))
    }

    fn training(&self) -> Option<&Training> {
        Some(&self.training)
    }

    fn training_notes(&self) -> Vec<TrainingNote> {
        let random = (self.class == BinaryClass::Bernoulli).then_some(TrainingNote::Random);
        random.into_iter().chain(self.training.notes()).collect()
    }

    fn values(&self) -> Option<Vec<f64>> {
        let alpha = self.alpha.number()?;
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
        let use_01 =
            (self.use_01 && self.class == BinaryClass::Binary).then(|| ",use_01=1".to_owned());
        let alpha = self.alpha.text().map(|alpha| format!(",{alpha}"));
        let stated: String = use_01.into_iter().chain(alpha).collect();
        let stated = format!("{stated}{}{}", self.rule, self.training);
        write!(f, "{name}({})", stated.trim_start_matches(','))
    }
}

/// QKeras' `ternary`: alpha times the sign of x if |x| ≥ threshold, else 0. A computed alpha has a
/// threshold of half of it; the two are iterated (after arXiv:1605.04711). QKeras'
/// `stochastic_ternary` draws values in training only, and is the same at inference.
#[derive(Clone, Debug, PartialEq)]
pub struct Ternary {
    stochastic: bool,
    alpha: Alpha,
    threshold: Option<f32>,
    unrolls: u32,
    training: Training,
}

/// QKeras' `default_threshold`, a float32 number.
const DEFAULT_THRESHOLD: f32 = 0.33;
const DEFAULT_UNROLLS: u32 = 5;
const MAX_UNROLLS: i64 = 1000;

impl Ternary {
    /// The attributes in the order of QKeras' constructor.
    pub(super) const ATTRIBUTES: &[&str] =
        &["alpha", "threshold", "use_stochastic_rounding", "number_of_unrolls"];

    /// The attributes of `stochastic_ternary`.
    pub(super) const STOCHASTIC_ATTRIBUTES: &[&str] =
        &["alpha", "threshold", "temperature", "use_real_sigmoid", "number_of_unrolls"];

    /// Temperature of the probabilities of values.
    const TEMPERATURE: (&str, Neutral) = ("temperature", Neutral::Number(8.0));

    pub(super) fn new(arguments: &Arguments<'_>) -> Result<Self, ParseError> {
        Self::read(arguments, false, Training::new(arguments, &[ROUNDING])?)
    }

    pub(super) fn stochastic(arguments: &Arguments<'_>) -> Result<Self, ParseError> {
        let training = Training::new(arguments, &[Self::TEMPERATURE, REAL_SIGMOID])?;
        let quantizer = Self::read(arguments, true, training)?;
        if quantizer.threshold == Some(1.0) {
            return Err(arguments.wrong("threshold", "not 1, which QKeras rejects"));
        }
        Ok(quantizer)
    }

    fn read(
        arguments: &Arguments<'_>,
        stochastic: bool,
        training: Training,
    ) -> Result<Self, ParseError> {
        let alpha = arguments.alpha()?;
        let threshold = arguments.number("threshold")?;
        if threshold.is_some() && alpha.is_computed() {
            return Err(arguments.wrong("threshold", "None if alpha is computed"));
        }
        let unrolls =
            arguments.whole("number_of_unrolls", DEFAULT_UNROLLS.into(), 1..=MAX_UNROLLS)?;
        Ok(Self { stochastic, alpha, threshold, unrolls: unrolls as u32, training })
    }

    /// The quantizer with `scale` as alpha.
    pub(super) fn with_scale(self, scale: f32) -> Self {
        Self { alpha: Alpha::Number(scale), ..self }
    }

    /// The value before a stated alpha.
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
        // QKeras groups all elements of a vector here, and none when it fits scales.
        let first = if shape.len() < 2 { &ScaleGroups::one(shape) } else { &groups };
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
        // The last scale multiplies the signs of the previous one.
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
            // A kernel's alpha is computed even if a threshold is stated.
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
        self.alpha.of_activation(self).map(|_| vec![Stage::StepFunction])
    }

    fn scales(&self) -> ChannelScales<'_> {
        Some((self.alpha.several()?, ScaleRole::Factor))
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
