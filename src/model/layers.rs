//! Layers with parameters or windows.

use ndarray::{Array1, Array2, ArrayD};

use super::{Activation, LayerKind, Layout, WindowSpec};
use crate::quantizer::Quantizer;

/// A dense layer on the last axis: `activation(x · kernel + bias)`.
#[derive(Clone, Debug)]
pub struct Dense {
    /// Weights as trained, \[inputs, units\], before any quantizer.
    pub kernel: Array2<f32>,
    /// Biases as trained, \[units\]; `None` if the layer has none.
    pub bias: Option<Array1<f32>>,
    /// Quantizer of the kernel.
    pub kernel_quantizer: Option<Quantizer>,
    /// Quantizer of the bias.
    pub bias_quantizer: Option<Quantizer>,
    /// Batch normalization that is folded into kernel and bias before they are quantized.
    pub folded: Option<Folded>,
    /// Activation of the result.
    pub activation: Activation,
}

/// A convolution: `activation(Σ x · kernel + bias)` over windows.
///
/// The kernel is stored as in Keras, \[height, width, ..\] (\[width, ..\] in a 1D layer). Its last
/// two axes are
///
/// - \[channels per group, outputs\];
/// - \[channels, multiplier\] in a depthwise convolution, whose output c · multiplier + m depends
///   on channel c only;
/// - \[outputs, channels per group\] in a transposed convolution.
///
/// With the number of groups, the row-major order of the elements is the same description for all.
#[derive(Clone, Debug)]
pub struct Conv {
    /// Windows.
    pub window: WindowSpec,
    /// Number of groups of channels and outputs; an output depends on its own group only.
    pub groups: usize,
    /// Number of outputs.
    pub outputs: usize,
    /// Weights.
    pub kernel: Kernel,
    /// Biases as trained, \[outputs\]; `None` if the layer has none.
    pub bias: Option<Array1<f32>>,
    /// Quantizer of the bias.
    pub bias_quantizer: Option<Quantizer>,
    /// Batch normalization that is folded into kernel and bias before they are quantized.
    pub folded: Option<Folded>,
    /// Activation of the result.
    pub activation: Activation,
}

impl Conv {
    /// Returns the quantizers of its parameters.
    pub(super) fn parameter_quantizers(&self) -> impl Iterator<Item = &Quantizer> {
        [&self.kernel.quantizer, &self.bias_quantizer].into_iter().flatten()
    }
}

/// A depthwise convolution followed by a pointwise one.
#[derive(Clone, Debug)]
pub struct Separable {
    /// The first convolution, of each channel by itself.
    pub depthwise: Conv,
    /// The second convolution, across channels, with 1×1 windows.
    pub pointwise: Conv,
}

/// Weights of a convolution.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// Name in Keras and in messages: `kernel`, `depthwise_kernel`.
    pub name: &'static str,
    /// Weights as trained, before any quantizer.
    pub values: ArrayD<f32>,
    /// Name of the attribute that states the quantizer.
    pub attribute: &'static str,
    /// Quantizer of the weights.
    pub quantizer: Option<Quantizer>,
    /// Multipliers of the quantized weights, \[height, width\]; an attribute of QConv2D.
    pub mask: Option<Array2<f32>>,
}

/// The batch normalization in QDenseBatchnorm, QConv2DBatchnorm and QDepthwiseConv2DBatchnorm,
/// \[outputs\] each.
///
/// With `inv = gamma / √(variance + epsilon)`, the kernel is multiplied by `inv`, and the bias
/// becomes `inv · (bias - mean) + beta`.
#[derive(Clone, Debug, PartialEq)]
pub struct Folded {
    /// Scale as trained; `None` for 1.
    pub gamma: Option<Array1<f32>>,
    /// Bias as trained.
    pub beta: Array1<f32>,
    /// Moving mean.
    pub mean: Array1<f32>,
    /// Moving variance.
    pub variance: Array1<f32>,
    /// Addend of the variance.
    pub epsilon: f32,
}

/// Batch normalization at inference: `x · inv + (beta - mean · inv)` with
/// `inv = gamma / √(variance + epsilon)`, for each channel of the last axis. Keras'
/// BatchNormalization and QKeras' QBatchNormalization.
#[derive(Clone, Debug)]
pub struct BatchNorm {
    /// Scale as trained, \[channels\]; `None` for 1.
    pub gamma: Option<Array1<f32>>,
    /// Bias as trained, \[channels\]; `None` for 0.
    pub beta: Option<Array1<f32>>,
    /// Moving mean, \[channels\].
    pub mean: Array1<f32>,
    /// Moving variance, \[channels\].
    pub variance: Array1<f32>,
    /// Addend of the variance.
    pub epsilon: f32,
    /// Quantizers of the parameters.
    pub quantizers: BatchNormQuantizers,
}

/// Quantizers of a batch normalization.
#[derive(Clone, Debug, Default)]
pub struct BatchNormQuantizers {
    /// Quantizer of `gamma`.
    pub gamma: Option<Quantizer>,
    /// Quantizer of `beta`.
    pub beta: Option<Quantizer>,
    /// Quantizer of `mean`.
    pub mean: Option<Quantizer>,
    /// Quantizer of `variance`.
    pub variance: Option<Quantizer>,
    /// Quantizer of `inv`.
    pub inverse: Option<Quantizer>,
}

impl BatchNormQuantizers {
    /// Returns the quantizers that are stated.
    pub(super) fn stated(&self) -> impl Iterator<Item = &Quantizer> {
        let all = [&self.gamma, &self.beta, &self.mean, &self.variance, &self.inverse];
        all.into_iter().flatten()
    }

    /// True if no parameter has a quantizer.
    pub fn is_empty(&self) -> bool {
        self.stated().next().is_none()
    }
}

/// `activation(x · weight + bias)` with one weight and one bias for the tensor: QKeras'
/// QScaleShift.
#[derive(Clone, Debug)]
pub struct ScaleShift {
    /// Scale as trained.
    pub weight: f32,
    /// Bias as trained; `None` if the layer has none.
    pub bias: Option<f32>,
    /// Quantizer of the scale.
    pub weight_quantizer: Option<Quantizer>,
    /// Quantizer of the bias.
    pub bias_quantizer: Option<Quantizer>,
    /// Activation of the result.
    pub activation: Activation,
}

/// Pooling: a reduction of each window, channel by channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// Windows.
    pub windows: PoolWindows,
    /// Reduction of a window.
    pub kind: Reduction,
    /// Activation of the result.
    pub activation: Activation,
}

/// Windows of a pooling layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolWindows {
    /// Sliding windows; the result keeps the axes of the input.
    Sliding(WindowSpec),
    /// One window over all positions.
    Global {
        /// The result keeps the axes of the positions, with length 1.
        keep_axes: bool,
    },
}

impl PoolWindows {
    /// Returns the sliding windows; `None` for a global one.
    pub fn sliding(&self) -> Option<&WindowSpec> {
        match self {
            Self::Sliding(spec) => Some(spec),
            Self::Global { .. } => None,
        }
    }
}

/// A reduction along some axes of a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Reduce {
    /// Reduced axes, ascending.
    pub axes: Vec<usize>,
    /// The reduction.
    pub kind: Reduction,
    /// The result keeps the reduced axes, with length 1.
    pub keep_axes: bool,
}

/// A reduction of several elements to one. Padding is not among the elements.
#[allow(clippy::large_enum_variant, reason = "a network has few of them")]
#[derive(Clone, Debug, PartialEq)]
pub enum Reduction {
    /// The maximum.
    Max,
    /// The minimum.
    Min,
    /// The sum.
    Sum,
    /// The average.
    Average,
    /// QKeras' average: the average, times the area of the kernel, times the quantized reciprocal of
    /// the area. A window that overlaps padding averages its own elements, but is multiplied by the
    /// whole area.
    QuantizedAverage(Quantizer),
}

impl Reduction {
    /// Returns the quantizer of [`Reduction::QuantizedAverage`].
    pub fn quantizer(&self) -> Option<&Quantizer> {
        match self {
            Self::QuantizedAverage(quantizer) => Some(quantizer),
            Self::Max | Self::Min | Self::Sum | Self::Average => None,
        }
    }
}

/// `x · scale + offset`; both broadcast to the samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Rescaling {
    /// Scale, in float32 as Keras casts it.
    pub scale: ArrayD<f32>,
    /// Offset.
    pub offset: ArrayD<f32>,
}

/// `(x - mean) / max(√variance, 10^-7)`, or its inverse. Both have the axes of a sample; an axis
/// along which they do not differ has length 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalization {
    /// Mean.
    pub mean: ArrayD<f32>,
    /// Variance, not negative.
    pub variance: ArrayD<f32>,
    /// The inverse: `mean + x · max(√variance, 10^-7)`.
    pub invert: bool,
}

/// Change of the length of one axis by an integer factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AxisResize {
    /// So many times longer.
    Up(usize),
    /// So many times shorter.
    Down(usize),
}

impl AxisResize {
    /// Returns the change from one length to another; `None` without an integer factor.
    pub fn new(from: usize, to: usize) -> Option<Self> {
        match (to.checked_rem(from)?, from.checked_rem(to)?) {
            (0, _) => Some(Self::Up(to / from)),
            (_, 0) => Some(Self::Down(from / to)),
            _ => None,
        }
    }
}

/// A contraction of axes of a sample with axes of a kernel.
#[derive(Clone, Debug)]
pub struct Einsum {
    /// Layout operations to \[rows, groups · inputs\].
    pub before: Vec<Layout>,
    /// A dense layer, or a pointwise convolution with a group for each axis that sample, kernel and
    /// result share.
    pub product: Box<LayerKind>,
    /// Layout operations from \[rows, groups · units\] to the axes of the result.
    pub after: Vec<Layout>,
}
