//! `binary`: -1 and 1 (or 0 and 1), scaled; and what `stochastic_binary` and `bernoulli` are at
//! inference.

use std::fmt;

use ndarray::ArrayD;

use super::parameters::Parameters;
use super::rule::ScaleRule;
use super::training::{Neutral, REAL_SIGMOID, ROUNDING, Training, TrainingNote};
use super::{
    Alpha, Definition, Factored, ParseError, Quantizer, QuantizerError, Role, Several, Stage,
};

/// QKeras' `binary`: alpha times the sign of x, that of 0 being +1; with `use_01`, 0 in place of
/// -1. A computed alpha is the one that fits the weights best.
///
/// QKeras' `stochastic_binary` draws signs in training only, and is the same at inference. Its
/// `bernoulli` draws 0 or 1 with probability sigmoid(temperature · x) always; here it has the value
/// that is more likely, 1 for 0, which is also the one that QKeras computes alpha with.
#[derive(Clone, Debug, PartialEq)]
pub struct Binary {
    class: Class,
    use_01: bool,
    alpha: Alpha,
    rule: ScaleRule,
    training: Training,
}

/// The class of QKeras that it is stated as.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Class {
    Binary,
    StochasticBinary,
    Bernoulli,
}

/// The attributes, in the order of QKeras' constructor.
pub(super) const ATTRIBUTES: &[&str] = &[
    "use_01",
    "alpha",
    "use_stochastic_rounding",
    "scale_axis",
    "elements_per_scale",
    "min_po2_exponent",
    "max_po2_exponent",
];

/// Those of `stochastic_binary` and `bernoulli`.
pub(super) const STOCHASTIC_ATTRIBUTES: &[&str] = &["alpha", "temperature", "use_real_sigmoid"];

/// Shapes the probabilities of signs.
const TEMPERATURE: (&str, Neutral) = ("temperature", Neutral::Number(6.0));

impl Binary {
    pub(super) fn new(parameters: &Parameters<'_>) -> Result<Self, ParseError> {
        let alpha = parameters.alpha()?;
        Ok(Self {
            class: Class::Binary,
            use_01: parameters.flag("use_01", false)?,
            rule: ScaleRule::new(parameters, &alpha)?,
            training: Training::new(parameters, &[ROUNDING])?,
            alpha,
        })
    }

    pub(super) fn stochastic(parameters: &Parameters<'_>) -> Result<Self, ParseError> {
        Self::drawn(parameters, Class::StochasticBinary)
    }

    pub(super) fn bernoulli(parameters: &Parameters<'_>) -> Result<Self, ParseError> {
        Self::drawn(parameters, Class::Bernoulli)
    }

    fn drawn(parameters: &Parameters<'_>, class: Class) -> Result<Self, ParseError> {
        Ok(Self {
            class,
            use_01: class == Class::Bernoulli,
            alpha: parameters.alpha()?,
            rule: ScaleRule::default(),
            training: Training::new(parameters, &[TEMPERATURE, REAL_SIGMOID])?,
        })
    }

    /// The same with the number `scale` as alpha.
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
        self.alpha.of_activation(self).map(|_| vec![Stage::Steps])
    }

    fn several_scales(&self) -> Several<'_> {
        Some((self.alpha.several()?, Role::Factor))
    }

    fn training(&self) -> Option<&Training> {
        Some(&self.training)
    }

    fn training_notes(&self) -> Vec<TrainingNote> {
        let random = (self.class == Class::Bernoulli).then_some(TrainingNote::Random);
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
            Class::Binary => "binary",
            Class::StochasticBinary => "stochastic_binary",
            Class::Bernoulli => "bernoulli",
        };
        let use_01 = (self.use_01 && self.class == Class::Binary).then(|| ",use_01=1".to_owned());
        let alpha = self.alpha.text().map(|alpha| format!(",{alpha}"));
        let stated: String = use_01.into_iter().chain(alpha).collect();
        let stated = format!("{stated}{}{}", self.rule, self.training);
        write!(f, "{name}({})", stated.trim_start_matches(','))
    }
}
