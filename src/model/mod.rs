//! The trained network in its own words.
//!
//! A [`Model`] holds layers, quantizers and float32 weights as the model file states them; nothing
//! is resolved or rounded. [`crate::ir::Graph`] holds the integer operations that hardware computes.

mod layers;
mod layout;
mod recurrent;
mod traits;
mod windows;

use ndarray::{Array2, ArrayD};
use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::diagnostic::Diagnostic;
use crate::function::Function;
use crate::quantizer::{Adaptive, Quantizer};

pub use layers::{
    AxisResize, BatchNorm, BatchNormQuantizers, Conv, Dense, Einsum, Folded, Kernel, Normalization,
    Pool, PoolWindows, Reduce, Reduction, Rescaling, ScaleShift, Separable,
};
pub use layout::{AxisSlice, Layout, broadcast};
pub use recurrent::{Bidirectional, Cell, CellKind, Directions, Recurrent, RecurrentResult};
pub use traits::{Matrix, Parameters, ResultKind, Traits};
pub use windows::{Padding, Placement, Transposed, WindowSpec};

/// A network: a graph of layers.
#[derive(Clone, Debug)]
pub struct Model {
    /// Name in the model file.
    pub name: String,
    /// One node per layer. An edge runs from a layer to a consumer of its result and carries the
    /// position among the consumer's inputs.
    pub graph: DiGraph<Layer, usize>,
    /// Input layers, in the model's order.
    pub inputs: Vec<NodeIndex>,
    /// Layers whose results the model returns, in the model's order.
    pub outputs: Vec<NodeIndex>,
    /// Facts about the file that its layers do not show.
    pub notes: Vec<Diagnostic>,
}

impl Model {
    /// Returns the name of the first of the results of the call of a layer that `layer` is another result
    /// of; its own name for any other layer.
    pub fn first_result<'a>(&'a self, layer: &'a Layer) -> &'a str {
        let Some(Origin::Result(call)) = &layer.origin else { return &layer.name };
        let is_result = |other: &&Layer| {
            other.name == *call || matches!(&other.origin, Some(Origin::Result(of)) if of == call)
        };
        let first = self.graph.node_weights().find(is_result);
        first.map_or(&layer.name, |first| &first.name)
    }

    /// Returns the producers of a layer's inputs, in the order of the inputs.
    pub fn sources(&self, layer: NodeIndex) -> Vec<NodeIndex> {
        let edges = self.graph.edges_directed(layer, Direction::Incoming);
        let mut sources: Vec<(usize, NodeIndex)> =
            edges.map(|edge| (*edge.weight(), edge.source())).collect();
        sources.sort_unstable();
        sources.into_iter().map(|(_, source)| source).collect()
    }

    /// True if only ReLUs take the result of the operation of `layer`: one fused into it, or the layers
    /// that follow. An unsigned type that saturates at 0 is such a ReLU.
    pub fn is_only_rectified(&self, layer: NodeIndex) -> bool {
        let kind = |layer: NodeIndex| &self.graph[layer].kind;
        if kind(layer).has_fused_activation() {
            return kind(layer).activation().is_some_and(Activation::is_relu);
        }
        let mut readers = self.graph.neighbors(layer).peekable();
        let is_relu = |reader: NodeIndex| matches!(kind(reader), LayerKind::Activation(activation) if activation.is_relu());
        readers.peek().is_some() && !self.outputs.contains(&layer) && readers.all(is_relu)
    }
}

/// A layer of the trained network.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Name in the model file; unique in the model.
    pub name: String,
    /// Class name in the model file, such as `QDense`. Configuration keys and reports use it.
    pub class: String,
    /// Computation of the layer.
    pub kind: LayerKind,
    /// Its relation to another layer; `None` for the first call of a layer of the file and its first
    /// result.
    pub origin: Option<Origin>,
}

/// A layer that is one with another layer of the file, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A later call of this layer.
    Call(String),
    /// A further result of this call of a layer.
    Result(String),
}

/// Computation of a layer. Shapes and axes are those of one sample: they leave out the batch axis.
#[allow(clippy::large_enum_variant, reason = "a network has few of them")]
#[derive(Clone, Debug)]
pub enum LayerKind {
    /// An input of the network.
    Input {
        /// Shape of one sample.
        shape: Vec<usize>,
    },
    /// A dense layer: Keras' Dense and QKeras' QDense.
    Dense(Dense),
    /// A convolution of any kind: Keras' Conv1D, DepthwiseConv2D, Conv2DTranspose and so on.
    Conv(Conv),
    /// A depthwise convolution followed by a pointwise one: Keras' SeparableConv2D and so on.
    Separable(Separable),
    /// Pooling over windows, or over all positions.
    Pool(Pool),
    /// A reduction along axes.
    Reduce(Reduce),
    /// A function of each element; softmax acts on each row along the last axis.
    Activation(Activation),
    /// Batch normalization with the moving statistics of training.
    BatchNorm(BatchNorm),
    /// One scale and one bias for the whole tensor.
    ScaleShift(ScaleShift),
    /// x for x ≥ 0, `alpha` · x otherwise: Keras' PReLU. Holds the slopes as trained, with the axes
    /// of a sample; an axis along which a slope is shared has length 1.
    PRelu(ArrayD<f32>),
    /// A quantizer whose integer bits cover the ranges seen in training: QKeras'
    /// QAdaptiveActivation.
    Adaptive(Adaptive),
    /// All axes of a sample in one, row-major.
    Flatten,
    /// The input unchanged: Dropout and other layers that act in training only.
    Identity,
    /// Layout operations, applied in order.
    Layout(Vec<Layout>),
    /// An element-wise function of several tensors, which are broadcast to one shape.
    Merge(Merge),
    /// An element-wise function of a tensor and constants.
    MergeConstant(MergeConstant),
    /// Division by constants, whose shape broadcasts to the tensor's; none of them is 0.
    Divide(ArrayD<f32>),
    /// The square of each element.
    Square,
    /// Elements clipped to \[low, high\].
    Clip {
        /// Lower limit.
        low: f32,
        /// Upper limit.
        high: f32,
    },
    /// Tensors concatenated along an axis.
    Concatenate {
        /// The axis.
        axis: usize,
    },
    /// Tensors of one shape stacked along a new axis.
    Stack {
        /// The new axis of the result.
        axis: usize,
    },
    /// Dot products of two tensors along one axis of each.
    Dot {
        /// Axis of the first tensor, axis of the second.
        axes: [usize; 2],
    },
    /// Another size of \[height, width, channels\] by bilinear interpolation with half-pixel centers,
    /// without antialiasing: \[along the height, along the width\].
    Bilinear([AxisResize; 2]),
    /// A dense layer between layout operations: Keras' EinsumDense.
    Einsum(Einsum),
    /// A scale and an offset: Keras' Rescaling.
    Rescaling(Rescaling),
    /// Standardization with constant statistics: Keras' Normalization.
    Normalization(Normalization),
    /// The row of a table \[rows, columns\] that each element is the index of: Keras' Embedding. The
    /// columns are a new last axis.
    Embedding(Array2<f32>),
    /// Steps, the rows along the last axis, that layers after it skip where all values are `value`; such
    /// steps become 0.
    Masking {
        /// The value.
        value: f32,
        /// The first layer after it that skips steps; `None` if there is none.
        user: Option<String>,
    },
    /// A cell with a state, applied to one time step after the other.
    Recurrent(Recurrent),
    /// Two recurrent layers, one in each direction of time: Keras' Bidirectional.
    Bidirectional(Box<Bidirectional>),
    /// The inner layer, applied to each element along the first axis of a sample.
    TimeDistributed(Box<LayerKind>),
    /// The inner layer, which is stated with channels last; inputs and result have channels first.
    ChannelsFirst(Box<LayerKind>),
}

/// An activation function.
#[allow(clippy::large_enum_variant, reason = "a network has few of them")]
#[derive(Clone, Debug, PartialEq)]
pub enum Activation {
    /// x.
    Linear,
    /// A function of Keras, applied to each element.
    Function(Function),
    /// exp(x_i) / Σ exp(x_j) along the last axis.
    Softmax,
    /// A quantizer of QKeras.
    Quantizer(Quantizer),
}

impl Activation {
    /// True for a ReLU with slope 0 below a threshold of 0, with or without a largest value.
    pub fn is_relu(&self) -> bool {
        match self {
            Self::Function(Function::Relu(relu)) => {
                relu.negative_slope == 0.0 && relu.threshold == 0.0
            }
            Self::Function(_) | Self::Linear | Self::Softmax | Self::Quantizer(_) => false,
        }
    }

    /// Returns the quantizer of [`Activation::Quantizer`].
    pub fn quantizer(&self) -> Option<&Quantizer> {
        match self {
            Self::Quantizer(quantizer) => Some(quantizer),
            Self::Linear | Self::Function(_) | Self::Softmax => None,
        }
    }
}

/// An element-wise function of several tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// The sum.
    Add,
    /// The first minus the second.
    Subtract,
    /// The product.
    Multiply,
    /// The maximum.
    Maximum,
    /// The minimum.
    Minimum,
    /// The sum divided by the number of tensors.
    Average,
}

/// An element-wise function of a tensor and constants of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct MergeConstant {
    /// The function.
    pub merge: Merge,
    /// The constants; their shape broadcasts to the tensor's.
    pub values: ArrayD<f32>,
    /// The constants are the first operand: `1 - x`.
    pub is_first: bool,
}
