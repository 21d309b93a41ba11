//! Layers.

use ndarray::{Array1, Array2, ArrayD};

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
#[derive(Clone, Debug)]
pub enum LayerKind {
    /// A place where samples enter. Shape without the batch axis.
    Input {
        /// Elements along each axis of one sample.
        shape: Vec<usize>,
    },
    /// `activation(x · kernel + bias)` on the last axis: Keras' Dense and QKeras' QDense.
    Dense(Dense),
    /// A function applied to each element (softmax: to each row along the last axis).
    Activation(Activation),
    /// x where x is not negative, `alpha` · x elsewhere: Keras' PReLU. Slopes as trained, with the axes
    /// of a sample; an axis whose elements share a slope has length 1.
    PRelu(ArrayD<f32>),
    /// A quantizer whose integer bits cover the values seen in training: QKeras' QAdaptiveActivation.
    Adaptive(Adaptive),
    /// All axes of a sample in one, row-major.
    Flatten,
    /// Nothing, once trained: Dropout and its like.
    Identity,
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
