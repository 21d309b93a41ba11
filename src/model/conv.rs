//! Convolutions.

use ndarray::{Array1, Array2, ArrayD};

use super::{Activation, Sliding};
use crate::quantizer::Quantizer;

/// `activation(Σ x · kernel + bias)` over windows.
///
/// The kernel is stored as Keras does, \[height, width, ..\] (without the height where a layer
/// has one row), and its last two axes are one of
///
/// - \[channels of a group, outputs\];
/// - \[channels, multiplier\] of a depthwise convolution, whose output c · multiplier + m sees
///   channel c alone;
/// - \[outputs, channels of a group\] of a transposed convolution.
///
/// So the order of its elements says all once the number of groups is known.
#[derive(Clone, Debug)]
pub struct Conv {
    /// The windows.
    pub sliding: Sliding,
    /// How many groups channels and outputs fall into, each output seeing its own group alone.
    pub groups: usize,
    /// How many outputs there are.
    pub outputs: usize,
    /// The weights.
    pub kernel: Kernel,
    /// Biases as trained, \[outputs\]; `None` if the layer has none.
    pub bias: Option<Array1<f32>>,
    /// The bias' quantizer as the file states it.
    pub bias_quantizer: Option<Quantizer>,
    /// A batch normalisation that is folded into kernel and bias before they are quantized.
    pub folded: Option<Folded>,
    /// What is applied to the sum.
    pub activation: Activation,
}

/// A convolution for each channel, then one that mixes them.
#[derive(Clone, Debug)]
pub struct Separable {
    /// What comes first.
    pub depthwise: Conv,
    /// What comes then, with windows of one tap.
    pub pointwise: Conv,
}

/// The weights of a convolution.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// What the weights are called, in Keras and in messages: `kernel`, `depthwise_kernel`.
    pub name: &'static str,
    /// Weights as trained, before any quantizer.
    pub values: ArrayD<f32>,
    /// The attribute that states the quantizer.
    pub attribute: &'static str,
    /// The quantizer as the file states it.
    pub quantizer: Option<Quantizer>,
    /// What quantized weights are multiplied with, \[height, width\]; QConv2D alone has it.
    pub mask: Option<Array2<f32>>,
}

/// The batch normalisation in QConv2DBatchnorm and its like, one element an output.
///
/// With `inv = gamma / √(variance + epsilon)`, the kernel is multiplied by `inv`, and the bias
/// becomes `inv · (bias - mean) + beta`.
#[derive(Clone, Debug, PartialEq)]
pub struct Folded {
    /// The factor; `None` for 1.
    pub gamma: Option<Array1<f32>>,
    /// The summand.
    pub beta: Array1<f32>,
    /// The moving mean.
    pub mean: Array1<f32>,
    /// The moving variance.
    pub variance: Array1<f32>,
    /// What is added to the variance.
    pub epsilon: f32,
}
