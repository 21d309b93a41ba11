//! The scale of a quantizer, and parameters factored into codes and scale.

use std::fmt;

use ndarray::{Array1, ArrayD, ArrayViewD, Axis, Zip};

use super::QuantizerError;
use super::arguments::named;
use crate::fixed::power_of_two;

/// QKeras' `alpha`: the factor of the quantized values.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Alpha {
    /// Not stated: 1, except on a kernel ([`super::Quantizer::in_kernel`]).
    #[default]
    Unset,
    /// A number.
    Number(f32),
    /// Two or more numbers, broadcast over the parameters as NumPy does.
    Tensor(ArrayD<f32>),
    /// `'auto'`: for each output channel, the scale that fits the weights best.
    Auto,
    /// `'auto_po2'`: for each output channel, a power of two that fits the weights well.
    AutoPo2,
}

impl Alpha {
    /// True if it is computed from weights.
    pub(super) fn is_computed(&self) -> bool {
        matches!(self, Self::Auto | Self::AutoPo2)
    }

    /// The number; `None` for several, and for a scale computed from data.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Unset => Some(1.0),
            Self::Number(alpha) => Some((*alpha).into()),
            Self::Tensor(_) | Self::Auto | Self::AutoPo2 => None,
        }
    }

    /// The numbers of a tensor.
    pub(super) fn several(&self) -> Option<&ArrayD<f32>> {
        match self {
            Self::Tensor(alphas) => Some(alphas),
            Self::Unset | Self::Number(_) | Self::Auto | Self::AutoPo2 => None,
        }
    }

    /// Every number that the file states.
    pub(super) fn numbers(&self) -> Vec<f32> {
        match self {
            Self::Number(alpha) => vec![*alpha],
            Self::Tensor(alphas) => alphas.iter().copied().collect(),
            Self::Unset | Self::Auto | Self::AutoPo2 => vec![],
        }
    }

    /// The scale of each weight of `shape`; `None` if it is computed from them. Errors name
    /// `quantizer`.
    pub(super) fn of_weights(
        &self,
        shape: &[usize],
        quantizer: &dyn fmt::Display,
    ) -> Result<Option<ArrayD<f32>>, QuantizerError> {
        match self {
            Self::Unset => Ok(Some(ArrayD::ones(shape))),
            Self::Number(alpha) => Ok(Some(ArrayD::from_elem(shape, *alpha))),
            Self::Tensor(alphas) => broadcast(alphas, shape, "alpha", quantizer).map(Some),
            Self::Auto | Self::AutoPo2 => Ok(None),
        }
    }

    /// The factor of an activation. Errors name `quantizer`.
    pub(super) fn of_activation(
        &self,
        quantizer: &dyn fmt::Display,
    ) -> Result<f64, QuantizerError> {
        let quantizer = || quantizer.to_string();
        match (self, self.number()) {
            (Self::Tensor(_), _) => Err(QuantizerError::PerChannel { quantizer: quantizer() }),
            (_, None) => Err(QuantizerError::DataDependent { quantizer: quantizer() }),
            (_, Some(alpha)) => Ok(alpha),
        }
    }

    /// `alpha=...` as QKeras writes it; `None` if it is not stated.
    pub(super) fn text(&self) -> Option<String> {
        named(
            "alpha",
            match self {
                Self::Unset => None,
                Self::Number(alpha) => Some(format!("{alpha:?}")),
                Self::Tensor(alphas) => Some(list(&alphas.view())),
                Self::Auto => Some("'auto'".into()),
                Self::AutoPo2 => Some("'auto_po2'".into()),
            },
        )
    }
}

/// `numbers` broadcast to `shape` as NumPy does. Errors name `quantizer` and its `attribute`.
pub(super) fn broadcast(
    numbers: &ArrayD<f32>,
    shape: &[usize],
    attribute: &'static str,
    quantizer: &dyn fmt::Display,
) -> Result<ArrayD<f32>, QuantizerError> {
    numbers.broadcast(shape).map(|all| all.to_owned()).ok_or_else(|| {
        let own = numbers.shape();
        let reason =
            format!("{attribute} has the shape {own:?}, which does not broadcast to theirs");
        QuantizerError::scales(quantizer, shape, reason)
    })
}

/// Nested lists, as NumPy writes them.
pub(super) fn list(numbers: &ArrayViewD<'_, f32>) -> String {
    if numbers.ndim() == 0 {
        return numbers.iter().map(|number| format!("{number:?}")).collect();
    }
    let items: Vec<String> = numbers.outer_iter().map(|item| list(&item)).collect();
    format!("[{}]", items.join(" "))
}

/// Quantized parameters as few-bit values and a real scale:
/// weight\[.., o\] = `values`\[.., o\] · `scale`\[o\], exactly.
#[derive(Clone, Debug, PartialEq)]
pub struct Factored {
    /// Shaped like the parameters. With a scale, multiples of the LSB that the quantizer has for a
    /// scale of 1.
    pub values: ArrayD<f64>,
    /// \[outputs\], the last axis of the parameters; QKeras' `quantizer.scale`, float32 numbers. `None`
    /// if every scale is a power of two, or weights of one output have different scales: the values
    /// then include them.
    pub scale: Option<Array1<f64>>,
}

impl Factored {
    /// Parameters without a scale.
    pub(super) fn plain(values: ArrayD<f64>) -> Self {
        Self { values, scale: None }
    }

    /// `codes` times `scale`, element by element. The product is exact: codes are short enough to leave
    /// room for the scale's bits in an f64. Errors name `quantizer`.
    pub(super) fn new(
        mut codes: ArrayD<f64>,
        scale: &ArrayD<f32>,
        quantizer: &dyn fmt::Display,
    ) -> Result<Self, QuantizerError> {
        if scale.iter().any(|s| !s.is_finite()) {
            return Err(QuantizerError::Scale { quantizer: quantizer.to_string() });
        }
        // A scale of 0 leaves no weights to store.
        Zip::from(&mut codes).and(scale).for_each(|code, s| {
            if *s == 0.0 {
                *code = 0.0;
            }
        });
        match of_outputs(&codes, scale) {
            Some(scale) if !scale.iter().all(|s| is_shift(*s)) => {
                Ok(Self { values: codes, scale: Some(scale.mapv(f64::from)) })
            }
            _ => {
                let mut values = codes;
                Zip::from(&mut values).and(scale).for_each(|v, s| *v *= f64::from(*s));
                Ok(Self::plain(values))
            }
        }
    }

    /// The parameters themselves.
    pub(super) fn product(self) -> ArrayD<f64> {
        match self.scale {
            Some(scale) => self.values * scale,
            None => self.values,
        }
    }
}

/// The scale of each output; `None` if an output has several. An output whose weights are all 0 has a
/// scale of 1.
fn of_outputs(codes: &ArrayD<f64>, scale: &ArrayD<f32>) -> Option<Array1<f32>> {
    let outputs = codes.shape().last().copied()?;
    let mut found = Array1::from_elem(outputs, 1.0);
    let last = Axis(codes.ndim() - 1);
    for ((codes, scale), found) in codes.axis_iter(last).zip(scale.axis_iter(last)).zip(&mut found)
    {
        let mut acting = codes.iter().zip(scale).filter(|(code, _)| **code != 0.0).map(|(_, s)| *s);
        if let Some(first) = acting.next() {
            if acting.any(|s| s != first) {
                return None;
            }
            *found = first;
        }
    }
    Some(found)
}

/// True if a product with `x` is a shift, or 0.
fn is_shift(x: f32) -> bool {
    x == 0.0 || x.is_normal() && power_of_two(x.into()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr1, arr2};

    fn factored(codes: [[f64; 2]; 2], scale: [[f32; 2]; 2]) -> Factored {
        Factored::new(arr2(&codes).into_dyn(), &arr2(&scale).into_dyn(), &"test").unwrap()
    }

    #[test]
    fn a_real_scale_of_each_output_stays_apart() {
        let found = factored([[1.0, -3.0], [2.0, 5.0]], [[0.3, 0.7], [0.3, 0.7]]);
        assert_eq!(found.values, arr2(&[[1.0, -3.0], [2.0, 5.0]]).into_dyn());
        assert_eq!(found.scale, Some(arr1(&[0.3_f32, 0.7].map(f64::from))));
        let product = found.product();
        assert_eq!(product[[1, 1]], 5.0 * f64::from(0.7_f32));
    }

    #[test]
    fn powers_of_two_go_into_the_values() {
        let found = factored([[1.0, -3.0], [2.0, 5.0]], [[0.5, -2.0], [0.5, 4.0]]);
        assert_eq!(found, Factored::plain(arr2(&[[0.5, 6.0], [1.0, 20.0]]).into_dyn()));
        // Also beside a real scale of weights that are all 0.
        let found = factored([[1.0, 0.0], [2.0, 0.0]], [[0.5, 0.3], [0.5, 0.3]]);
        assert_eq!(found, Factored::plain(arr2(&[[0.5, 0.0], [1.0, 0.0]]).into_dyn()));
    }

    #[test]
    fn several_scales_of_an_output_go_into_the_values() {
        let found = factored([[1.0, -3.0], [2.0, 5.0]], [[0.3, 0.3], [0.7, 0.7]]);
        let [a, b] = [0.3_f32, 0.7].map(f64::from);
        assert_eq!(found, Factored::plain(arr2(&[[a, -3.0 * a], [2.0 * b, 5.0 * b]]).into_dyn()));
    }

    #[test]
    fn a_weight_of_zero_has_any_scale() {
        let found = factored([[0.0, 0.0], [2.0, 0.0]], [[0.1, 0.2], [0.7, 0.3]]);
        assert_eq!(found.scale, Some(arr1(&[f64::from(0.7_f32), 1.0])));
    }

    #[test]
    fn a_scale_of_zero_leaves_no_weight() {
        let found = factored([[1.0, -3.0], [2.0, 5.0]], [[0.3, 0.0], [0.3, 0.0]]);
        assert_eq!(found.values, arr2(&[[1.0, 0.0], [2.0, 0.0]]).into_dyn());
        assert_eq!(found.scale, Some(arr1(&[f64::from(0.3_f32), 1.0])));
    }

    #[test]
    fn only_normal_powers_of_two_count_as_such() {
        for x in [0.0, -0.0, 1.0, -0.25, 8.0, f32::MIN_POSITIVE] {
            assert!(is_shift(x), "{x}");
        }
        for x in [0.3, 1.0_f32.next_up(), 1.0_f32.next_down(), 3.0, f32::NAN, f32::INFINITY] {
            assert!(!is_shift(x), "{x}");
        }
    }

    #[test]
    fn refuses_a_scale_that_is_no_number() {
        let [codes, scale] = [arr1(&[0.0]), arr1(&[1.0])].map(|a| a.into_dyn());
        let infinite = scale.mapv(|s: f64| s as f32 / 0.0);
        assert!(Factored::new(codes.clone(), &infinite, &"test").is_err());
        assert!(Factored::new(codes, &scale.mapv(|s| s as f32), &"test").is_ok());
    }
}
