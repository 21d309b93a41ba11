//! Layers.

use ndarray::{Array1, Array2, ArrayD};

use super::{BatchNorm, Constant, Conv, Layout, Merge, Pool, Reduce, ScaleShift, Separable};
use crate::function::Function;
use crate::quantizer::{Adaptive, Quantizer};

/// A layer of the trained network.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The name that the file gives; unique in the model.
    pub name: String,
    /// Its class in the words of the file it comes from, by which users set types and reports
    /// name it: `QDense`.
    pub class: String,
    /// What it computes.
    pub kind: LayerKind,
}

/// What a layer computes.
#[allow(clippy::large_enum_variant, reason = "a network has few of them")]
#[derive(Clone, Debug)]
pub enum LayerKind {
    /// A place where samples enter. Shape without the batch axis.
    Input {
        /// Elements along each axis of one sample.
        shape: Vec<usize>,
    },
    /// `activation(x · kernel + bias)` on the last axis: Keras' Dense and QKeras' QDense.
    Dense(Dense),
    /// A convolution: Keras' Conv1D, DepthwiseConv2D, Conv2DTranspose and their like.
    Conv(Conv),
    /// A depthwise convolution, then a pointwise one: Keras' SeparableConv2D and its like.
    Separable(Separable),
    /// The largest, the sum or the like of windows.
    Pool(Pool),
    /// The same of whole axes.
    Reduce(Reduce),
    /// A function applied to each element (softmax: to each row along the last axis).
    Activation(Activation),
    /// A factor and a summand for each channel, from the statistics of training.
    BatchNorm(BatchNorm),
    /// One factor and one summand.
    ScaleShift(ScaleShift),
    /// x where x is not negative, `alpha` · x elsewhere: Keras' PReLU. Slopes as trained, with the axes
    /// of a sample; an axis whose elements share a slope has length 1.
    PRelu(ArrayD<f32>),
    /// A quantizer whose integer bits cover the values seen in training: QKeras' QAdaptiveActivation.
    Adaptive(Adaptive),
    /// All axes of a sample in one, row-major.
    Flatten,
    /// Nothing, once trained: Dropout and its like.
    Identity,
    /// Elements in other places, by one move after the other.
    Layout(Vec<Layout>),
    /// One tensor of several, element by element.
    Merge(Merge),
    /// One tensor and numbers, element by element.
    Constant(Constant),
    /// A tensor divided by numbers, whose shape broadcasts to its own; none of them is 0.
    Divide(ArrayD<f32>),
    /// Each element times itself.
    Square,
    /// Numbers below and above two limits become these.
    Clip {
        /// The lower limit.
        low: f32,
        /// The upper limit.
        high: f32,
    },
    /// Tensors one behind the other along an axis of a sample.
    Concatenate {
        /// The axis.
        axis: usize,
    },
    /// Tensors of one shape one behind the other along an axis that their samples lack.
    Stack {
        /// The axis of the result.
        axis: usize,
    },
    /// Products of the elements of two tensors, summed along one axis of a sample of each.
    Dot {
        /// The first tensor's axis, and the second's.
        axes: [usize; 2],
    },
    /// Elements between those of \[height, width, channels\], by linear interpolation with
    /// half-pixel centres.
    Bilinear {
        /// How many elements for one, along the height and along the width.
        factors: [usize; 2],
    },
    /// What is said, for each element along the first axis of a sample.
    TimeDistributed(Box<LayerKind>),
    /// What is said, its tensors' channels being last, while those that it takes and gives have
    /// them along the first axis of a sample.
    ChannelsFirst(Box<LayerKind>),
}

/// A dense layer. `kernel` is \[inputs, units\], `bias` \[units\].
#[derive(Clone, Debug)]
pub struct Dense {
    /// Weights as trained, before any quantizer.
    pub kernel: Array2<f32>,
    /// Biases as trained; `None` if the layer has none.
    pub bias: Option<Array1<f32>>,
    /// The kernel's quantizer as the file states it.
    pub kernel_quantizer: Option<Quantizer>,
    /// The bias' quantizer as the file states it.
    pub bias_quantizer: Option<Quantizer>,
    /// What is applied to the sum.
    pub activation: Activation,
}

/// A function between layers.
#[allow(clippy::large_enum_variant, reason = "a network has few of them")]
#[derive(Clone, Debug, PartialEq)]
pub enum Activation {
    /// x.
    Linear,
    /// A function of Keras, of each element by itself.
    Function(Function),
    /// exp(x_i) / Σ exp(x_j) along the last axis.
    Softmax,
    /// A quantizer of QKeras.
    Quantizer(Quantizer),
}

impl Activation {
    /// The quantizer that it is, if it is one.
    pub fn quantizer(&self) -> Option<&Quantizer> {
        match self {
            Self::Quantizer(quantizer) => Some(quantizer),
            Self::Linear | Self::Function(_) | Self::Softmax => None,
        }
    }
}
