//! The scale of a quantizer.

use std::fmt;

use ndarray::{ArrayD, ArrayViewD};

use super::QuantizerError;

/// QKeras' `alpha`: what the quantized values are multiplied by.
#[derive(Clone, Debug, PartialEq)]
pub enum Alpha {
    /// Not stated: 1, except on a kernel ([`super::Quantizer::in_kernel`]).
    Unset,
    /// A number.
    Number(f32),
    /// Numbers that spread over the parameters as NumPy broadcasts them; at least two.
    Tensor(ArrayD<f32>),
    /// `'auto'`: for each output channel, what fits the weights best.
    Auto,
    /// `'auto_po2'`: for each output channel, a power of two that fits the weights well.
    AutoPo2,
}

impl Alpha {
    /// As it acts on a kernel.
    pub(super) fn in_kernel(&self) -> Self {
        if *self == Self::Unset { Self::AutoPo2 } else { self.clone() }
    }

    /// Whether a file states the scale itself, so that no weight has a say in it.
    pub(super) fn is_stated(&self) -> bool {
        matches!(self, Self::Number(_) | Self::Tensor(_))
    }

    /// Whether it is computed from weights.
    pub(super) fn is_computed(&self) -> bool {
        matches!(self, Self::Auto | Self::AutoPo2)
    }

    /// The number, where it is one that does not depend on data.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Unset => Some(1.0),
            Self::Number(alpha) => Some((*alpha).into()),
            Self::Tensor(_) | Self::Auto | Self::AutoPo2 => None,
        }
    }

    /// The numbers, where they are several.
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

    /// The scale of each of the weights of `shape`; `None` where it is computed from them. Errors
    /// name `quantizer`.
    pub(super) fn of_weights(
        &self,
        shape: &[usize],
        quantizer: &dyn fmt::Display,
    ) -> Result<Option<ArrayD<f32>>, QuantizerError> {
        match self {
            Self::Unset => Ok(Some(ArrayD::ones(shape))),
            Self::Number(alpha) => Ok(Some(ArrayD::from_elem(shape, *alpha))),
            Self::Tensor(alphas) => spread(alphas, shape, "alpha", quantizer).map(Some),
            Self::Auto | Self::AutoPo2 => Ok(None),
        }
    }

    /// The number by which an activation scales. Errors name `quantizer`.
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

    /// `alpha=...` as QKeras writes it; `None` where it is not stated.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Unset => None,
            Self::Number(alpha) => Some(format!("alpha={alpha:?}")),
            Self::Tensor(alphas) => Some(format!("alpha={}", list(&alphas.view()))),
            Self::Auto => Some("alpha='auto'".into()),
            Self::AutoPo2 => Some("alpha='auto_po2'".into()),
        }
    }
}

/// `numbers` over weights of `shape`, as NumPy broadcasts them. Errors name `quantizer` and its
/// `attribute`.
pub(super) fn spread(
    numbers: &ArrayD<f32>,
    shape: &[usize],
    attribute: &'static str,
    quantizer: &dyn fmt::Display,
) -> Result<ArrayD<f32>, QuantizerError> {
    let spread = numbers.broadcast(shape).ok_or_else(|| QuantizerError::Scales {
        quantizer: quantizer.to_string(),
        shape: shape.to_vec(),
        reason: format!(
            "{attribute} has the shape {:?}, which does not spread over them",
            numbers.shape()
        ),
    })?;
    Ok(spread.to_owned())
}

/// Nested lists, as NumPy writes them.
pub(super) fn list(numbers: &ArrayViewD<'_, f32>) -> String {
    if numbers.ndim() == 0 {
        return numbers.iter().map(|number| format!("{number:?}")).collect();
    }
    let items: Vec<String> = numbers.outer_iter().map(|item| list(&item)).collect();
    format!("[{}]", items.join(" "))
}
