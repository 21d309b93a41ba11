//! The quantizers of QKeras: their parameters, the exact values they give at inference, and what
//! they are in fixed-point hardware.
//!
//! Each lives in a file of its own. A quantizer acts in two places: on parameters, once, when a
//! network is lowered ([`Quantizer::quantize`]), and on values that flow ([`Quantizer::apply`],
//! [`Quantizer::stages`]).

use ndarray::{ArrayD, ArrayViewD};

use crate::fixed::Quantization;

/// A quantizer as a model file states it.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantizer {}

/// One step of an activation quantizer in hardware.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// The value in another type.
    Cast(Quantization),
    /// Values below become this one.
    AtLeast(f64),
    /// Values above become this one.
    AtMost(f64),
    /// x where x is not negative, x · 2^-`shift` elsewhere.
    Leaky {
        /// Minus the slope's power of two.
        shift: u32,
    },
    /// The whole quantizer as a monotone, piecewise constant function: its boundaries are found by
    /// bisection with [`Quantizer::apply`]. Always the only stage.
    Steps,
}

/// A quantizer that cannot do what is asked of it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum QuantizerError {}

impl Quantizer {
    /// The quantizer as it acts on a layer's kernel: QKeras' `_set_trainable_parameter`.
    #[must_use]
    pub fn in_kernel(&self) -> Self {
        self.clone()
    }

    /// The exact values of parameters, the scale included. Kernels have the output channels last.
    ///
    /// # Errors
    /// If a value is not finite, or the quantizer does not act on parameters.
    pub fn quantize(&self, weights: &ArrayViewD<'_, f32>) -> Result<ArrayD<f64>, QuantizerError> {
        Ok(weights.mapv(f64::from))
    }

    /// The value that a flowing `x` becomes, in exact arithmetic.
    pub fn apply(&self, x: f64) -> f64 {
        x
    }

    /// What [`Quantizer::apply`] is in hardware: stages one after another.
    ///
    /// # Errors
    /// If the quantizer's scale depends on the data, or a type is too wide.
    pub fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        Ok(vec![])
    }
}
