//! Which weights share a computed scale, and how large a power of two it may be.

use std::fmt;

use ndarray::ArrayD;

use super::parameters::Parameters;
use super::scales::{Groups, nearest_po2};
use super::{Alpha, ParseError, QuantizerError};

/// A whole number, or several.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Whole {
    One(i64),
    Many(Vec<i64>),
}

/// QKeras' `scale_axis`, `elements_per_scale`, `min_po2_exponent` and `max_po2_exponent`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ScaleRule {
    axis: Option<Whole>,
    elements: Option<Whole>,
    min_exponent: Option<f64>,
    max_exponent: Option<f64>,
}

impl ScaleRule {
    /// What acts of these attributes beside `alpha`: nothing where that is no computed scale, and
    /// cannot become one in a kernel.
    pub(super) fn new(parameters: &Parameters<'_>, alpha: &Alpha) -> Result<Self, ParseError> {
        let rule = Self {
            axis: parameters.whole_numbers("scale_axis", i64::MIN)?,
            elements: parameters.whole_numbers("elements_per_scale", 1)?,
            min_exponent: parameters.exponent("min_po2_exponent")?,
            max_exponent: parameters.exponent("max_po2_exponent")?,
        };
        if alpha.is_stated() {
            return Ok(Self::default());
        }
        let expected = match (&rule.axis, &rule.elements) {
            (None, Some(_)) => "None where there is no scale_axis",
            (Some(Whole::One(_)), Some(Whole::Many(_))) => "one number, as scale_axis is",
            (Some(Whole::Many(axes)), Some(Whole::Many(elements)))
                if axes.len() != elements.len() =>
            {
                "as many numbers as scale_axis has"
            }
            (Some(Whole::Many(axes)), Some(_)) if !axes.is_sorted_by(|a, b| a < b) => {
                return Err(parameters.wrong("scale_axis", "ascending beside elements_per_scale"));
            }
            _ => return Ok(rule),
        };
        Err(parameters.wrong("elements_per_scale", expected))
    }

    /// Those of a quantizer that has no such attributes but `scale_axis`.
    pub(super) fn axis_only(
        parameters: &Parameters<'_>,
        alpha: &Alpha,
    ) -> Result<Self, ParseError> {
        let axis = parameters.whole_numbers("scale_axis", i64::MIN)?;
        Ok(Self { axis: axis.filter(|_| !alpha.is_stated()), ..Self::default() })
    }

    /// The first of the attributes which QKeras' `quantized_bits` takes beside 'auto_po2' only.
    pub(super) fn of_po2_only(&self) -> Option<&'static str> {
        let stated = [
            ("elements_per_scale", self.elements.is_some()),
            ("min_po2_exponent", self.min_exponent.is_some()),
            ("max_po2_exponent", self.max_exponent.is_some()),
        ];
        stated.iter().find(|(_, stated)| *stated).map(|(name, _)| *name)
    }

    /// Groups along the scale axes, each position a group: QKeras' `_get_scaling_axis`. Without a
    /// scale_axis, along the last axis. Errors name `quantizer`.
    pub(super) fn axis_groups(
        &self,
        shape: &[usize],
        quantizer: &dyn fmt::Display,
    ) -> Result<Groups, QuantizerError> {
        let axes = match &self.axis {
            None => vec![shape.len().saturating_sub(1)],
            Some(Whole::One(axis)) => match usize::try_from(*axis) {
                Ok(axis) if axis < shape.len() => vec![axis],
                _ => {
                    return Err(self.refused(shape, quantizer, format!("there is no axis {axis}")));
                }
            },
            // QKeras asks of each axis whether it is listed, so others do no harm.
            Some(Whole::Many(axes)) => {
                (0..shape.len()).filter(|axis| axes.contains(&(*axis as i64))).collect()
            }
        };
        let kept: Vec<(usize, usize)> = axes.into_iter().map(|axis| (axis, 1)).collect();
        Ok(Groups::along(shape, &kept))
    }

    /// Groups of QKeras' `_get_least_squares_scale`: each element of a vector, else along the scale
    /// axes, `elements_per_scale` positions together.
    pub(super) fn groups(
        &self,
        shape: &[usize],
        quantizer: &dyn fmt::Display,
    ) -> Result<Groups, QuantizerError> {
        if shape.len() < 2 {
            return Ok(Groups::along(shape, &[(0, 1)]));
        }
        let pairs: Vec<(i64, i64)> = match (&self.axis, &self.elements) {
            (Some(Whole::One(axis)), Some(Whole::One(elements))) => vec![(*axis, *elements)],
            (Some(Whole::Many(axes)), Some(Whole::One(elements))) => {
                axes.iter().map(|axis| (*axis, *elements)).collect()
            }
            (Some(Whole::Many(axes)), Some(Whole::Many(elements))) => {
                axes.iter().copied().zip(elements.iter().copied()).collect()
            }
            _ => return self.axis_groups(shape, quantizer),
        };
        let mut kept = vec![];
        for (axis, elements) in pairs {
            let place = usize::try_from(axis).ok().filter(|axis| *axis < shape.len());
            let Some(place) = place else {
                return Err(self.refused(shape, quantizer, format!("there is no axis {axis}")));
            };
            match usize::try_from(elements) {
                Ok(elements) if elements > 0 && shape[place].is_multiple_of(elements) => {
                    kept.push((place, elements));
                }
                _ => {
                    let reason = format!("axis {axis} does not divide into {elements} elements");
                    return Err(self.refused(shape, quantizer, reason));
                }
            }
        }
        Ok(Groups::along(shape, &kept))
    }

    fn refused(
        &self,
        shape: &[usize],
        quantizer: &dyn fmt::Display,
        reason: String,
    ) -> QuantizerError {
        QuantizerError::Scales { quantizer: quantizer.to_string(), shape: shape.to_vec(), reason }
    }

    /// The scales that fit `x` best where it is quantized to `q`, powers of two if `po2`: QKeras'
    /// `_get_least_squares_scale`.
    pub(super) fn least_squares(
        &self,
        groups: &Groups,
        x: &ArrayD<f32>,
        q: &ArrayD<f32>,
        po2: bool,
    ) -> Vec<f32> {
        let mut scales = groups.least_squares(x, q);
        if po2 {
            scales.iter_mut().for_each(|scale| *scale = self.clip(nearest_po2(*scale)));
        }
        scales
    }

    /// QKeras' `_clip_po2_scale`. Where the bounds contradict each other, the lower one holds. An
    /// exponent that is no whole number bounds by what is no power of two, and is then the scale.
    fn clip(&self, scale: f32) -> f32 {
        let power = |exponent: f64| libm::exp2(exponent) as f32;
        let low = self.min_exponent.map_or(f32::NEG_INFINITY, power);
        let high = self.max_exponent.map_or(f32::INFINITY, power);
        scale.clamp(low, high.max(low))
    }
}

impl fmt::Display for ScaleRule {
    /// Each attribute with a comma before it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, whole) in [("scale_axis", &self.axis), ("elements_per_scale", &self.elements)] {
            if let Some(whole) = whole {
                write!(f, ",{name}={whole}")?;
            }
        }
        for (name, exponent) in
            [("min_po2_exponent", self.min_exponent), ("max_po2_exponent", self.max_exponent)]
        {
            if let Some(exponent) = exponent {
                write!(f, ",{name}={exponent}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Whole {
    /// QKeras reads a list with spaces, and none with commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(number) => write!(f, "{number}"),
            Self::Many(numbers) => {
                let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
                write!(f, "[{}]", numbers.join(" "))
            }
        }
    }
}
