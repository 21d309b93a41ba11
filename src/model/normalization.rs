//! Layers that scale and shift.

use ndarray::Array1;

use super::Activation;
use crate::quantizer::Quantizer;

/// Batch normalisation as it acts once trained: `x · inv + (beta - mean · inv)` with
/// `inv = gamma / √(variance + epsilon)`, a number for each channel of the last axis.
/// Keras' BatchNormalization and QKeras' QBatchNormalization.
#[derive(Clone, Debug)]
pub struct BatchNorm {
    /// \[channels\]; `None` stands for ones.
    pub gamma: Option<Array1<f32>>,
    /// \[channels\]; `None` stands for zeros.
    pub beta: Option<Array1<f32>>,
    /// \[channels\], the moving mean.
    pub mean: Array1<f32>,
    /// \[channels\], the moving variance.
    pub variance: Array1<f32>,
    /// Keeps the root off zero.
    pub epsilon: f32,
    /// What quantizes the numbers above.
    pub quantizers: BatchNormQuantizers,
}

/// The quantizers of a batch normalisation, as the file states them.
#[derive(Clone, Debug, Default)]
pub struct BatchNormQuantizers {
    /// Of `gamma`.
    pub gamma: Option<Quantizer>,
    /// Of `beta`.
    pub beta: Option<Quantizer>,
    /// Of `mean`.
    pub mean: Option<Quantizer>,
    /// Of `variance`.
    pub variance: Option<Quantizer>,
    /// Of `inv`.
    pub inverse: Option<Quantizer>,
}

/// `activation(x · weight + bias)` with one number each: QKeras' QScaleShift.
#[derive(Clone, Debug)]
pub struct ScaleShift {
    /// The factor as trained.
    pub weight: f32,
    /// The summand as trained; `None` if the layer has none.
    pub bias: Option<f32>,
    /// The factor's quantizer as the file states it.
    pub weight_quantizer: Option<Quantizer>,
    /// The summand's quantizer as the file states it.
    pub bias_quantizer: Option<Quantizer>,
    /// What is applied to the sum.
    pub activation: Activation,
}
