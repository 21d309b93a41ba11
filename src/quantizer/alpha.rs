//! The scale of a quantizer.

use std::fmt;

use super::QuantizerError;

/// QKeras' `alpha`: what the quantized values are multiplied by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Alpha {
    /// Not stated: 1, except on a kernel ([`super::Quantizer::in_kernel`]).
    Unset,
    /// A number.
    Number(f32),
    /// `'auto'`: for each output channel, what fits the weights best.
    Auto,
    /// `'auto_po2'`: for each output channel, a power of two that fits the weights well.
    AutoPo2,
}

impl Alpha {
    /// As it acts on a kernel.
    pub(super) fn in_kernel(self) -> Self {
        if self == Self::Unset { Self::AutoPo2 } else { self }
    }

    /// The number, where it does not depend on data.
    pub(super) fn number(self) -> Option<f64> {
        match self {
            Self::Unset => Some(1.0),
            Self::Number(alpha) => Some(alpha.into()),
            Self::Auto | Self::AutoPo2 => None,
        }
    }

    /// The number by which an activation scales. Errors name `quantizer`.
    pub(super) fn of_activation(self, quantizer: &dyn fmt::Display) -> Result<f64, QuantizerError> {
        let depends = || QuantizerError::DataDependent { quantizer: quantizer.to_string() };
        self.number().ok_or_else(depends)
    }

    /// `alpha=...` as QKeras writes it; `None` where it is not stated.
    pub(super) fn text(self) -> Option<String> {
        match self {
            Self::Unset => None,
            Self::Number(alpha) => Some(format!("alpha={alpha:?}")),
            Self::Auto => Some("alpha='auto'".into()),
            Self::AutoPo2 => Some("alpha='auto_po2'".into()),
        }
    }
}
