//! `binary`: -1 and 1 (or 0 and 1), scaled.

use std::fmt;

use ndarray::ArrayD;

use super::channels::Channels;
use super::parameters::Parameters;
use super::{Alpha, Definition, ParseError, Quantizer, QuantizerError, Stage};

/// QKeras' `binary`: alpha times the sign of x, that of 0 being +1; with `use_01`, 0 in place of
/// -1.
#[derive(Clone, Debug, PartialEq)]
pub struct Binary {
    use_01: bool,
    alpha: Alpha,
}

/// The attributes, in the order of QKeras' constructor. What is not read below acts in training
/// only.
pub(super) const ATTRIBUTES: &[&str] = &[
    "use_01",
    "alpha",
    "use_stochastic_rounding",
    "scale_axis",
    "elements_per_scale",
    "min_po2_exponent",
    "max_po2_exponent",
];

impl Binary {
    pub(super) fn new(parameters: &Parameters<'_>) -> Result<Self, ParseError> {
        let alpha = parameters.alpha()?;
        parameters.default_scale_axis(alpha)?;
        if !matches!(alpha, Alpha::Number(_)) {
            for scale in ["elements_per_scale", "min_po2_exponent", "max_po2_exponent"] {
                parameters.unstated(scale)?;
            }
        }
        Ok(Self { use_01: parameters.flag("use_01", false)?, alpha })
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

    fn quantize(&self, weights: &ArrayD<f32>) -> Result<ArrayD<f64>, QuantizerError> {
        match self.alpha {
            Alpha::Unset | Alpha::Number(_) => Ok(weights.mapv(|w| self.apply(w.into()))),
            Alpha::Auto => Err(QuantizerError::RealScale { quantizer: self.to_string() }),
            Alpha::AutoPo2 => {
                let signs = weights.mapv(|w| self.sign(w < 0.0));
                let scales = Channels::new(weights.clone()).least_squares_po2(&signs);
                let scaled = |sign: f32, scale: f32| f64::from(sign) * f64::from(scale);
                Ok(Channels::new(signs).map(&scales, scaled))
            }
        }
    }

    fn apply(&self, x: f64) -> f64 {
        f64::from(self.sign(x < 0.0)) * self.alpha.number().unwrap_or(f64::NAN)
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        self.alpha.of_activation(self).map(|_| vec![Stage::Steps])
    }

    fn values(&self) -> Option<Vec<f64>> {
        let alpha = self.alpha.number()?;
        Some([true, false].map(|negative| f64::from(self.sign(negative)) * alpha).to_vec())
    }
}

impl fmt::Display for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let use_01 = self.use_01.then(|| "use_01=1".to_owned());
        let stated: Vec<String> = [use_01, self.alpha.text()].into_iter().flatten().collect();
        write!(f, "binary({})", stated.join(","))
    }
}
