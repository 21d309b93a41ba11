//! What other modules decide by a kind of layer: one classification of all kinds.

use super::{Activation, BatchNorm, Conv, Dense, Einsum, LayerKind, Recurrent, Separable};
use crate::quantizer::Quantizer;

/// Facts about a kind of layer.
#[derive(Debug)]
pub struct Traits<'a> {
    /// Its trained parameters.
    pub parameters: Parameters<'a>,
    /// The result before an activation, without a quantizer and a configured type.
    pub result: ResultKind,
    /// Quantizers before the activation.
    pub(super) quantizers: Vec<&'a Quantizer>,
    /// The activation of the result; `None` for a kind without one.
    pub(super) activation: Option<&'a Activation>,
}

/// Trained parameters that a configuration may type.
#[derive(Clone, Copy, Debug)]
pub enum Parameters<'a> {
    /// None, or constants that are no parameters.
    None,
    /// A weight matrix and biases.
    Matrix(Matrix<'a>),
    /// A scale and a bias of each channel.
    BatchNorm(&'a BatchNorm),
    /// Numbers of elements or channels, or rows of a table.
    Elements,
}

/// A layer with a weight matrix.
#[derive(Clone, Copy, Debug)]
pub enum Matrix<'a> {
    /// A dense layer.
    Dense(&'a Dense),
    /// A convolution.
    Conv(&'a Conv),
    /// Two convolutions.
    Separable(&'a Separable),
    /// A dense layer or a convolution between layout operations.
    Einsum(&'a Einsum),
}

/// The result of a layer without a quantizer and a configured type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultKind {
    /// Exact if a quantizer takes it.
    Exact,
    /// Quantized.
    Quantized,
    /// Of the type of the configuration, or as wide as its dot products.
    Typed,
}

impl LayerKind {
    /// The computation without the layers that apply it to steps or to another order of axes.
    pub fn inner(&self) -> &Self {
        match self {
            Self::TimeDistributed(kind) | Self::ChannelsFirst(kind) => kind.inner(),
            kind => kind,
        }
    }

    /// True for a layer with a state from step to step.
    pub fn is_recurrent(&self) -> bool {
        !self.recurrent().is_empty()
    }

    /// The recurrent layers that a layer is: one, or one in each direction; none for another kind.
    pub fn recurrent(&self) -> &[Recurrent] {
        if let Self::Recurrent(layer) = self.inner() {
            std::slice::from_ref(layer)
        } else if let Self::Bidirectional(both) = self.inner() {
            &both.directions
        } else {
            &[]
        }
    }

    /// The facts of this kind, those of the inner layer for a layer around another one.
    pub fn traits(&self) -> Traits<'_> {
        let of = |parameters, result| Traits {
            parameters,
            result,
            quantizers: vec![],
            activation: None,
        };
        let plain = |result| of(Parameters::None, result);
        match self {
            Self::Dense(dense) => Traits {
                quantizers: stated(&[&dense.kernel_quantizer, &dense.bias_quantizer]),
                activation: Some(&dense.activation),
                ..of(Parameters::Matrix(Matrix::Dense(dense)), ResultKind::Typed)
            },
            Self::Conv(conv) => Traits {
                quantizers: conv.parameter_quantizers().collect(),
                activation: Some(&conv.activation),
                ..of(Parameters::Matrix(Matrix::Conv(conv)), ResultKind::Typed)
            },
            Self::Separable(pair) => {
                let Separable { depthwise, pointwise } = pair;
                let first =
                    depthwise.parameter_quantizers().chain(depthwise.activation.quantizer());
                Traits {
                    quantizers: first.chain(pointwise.parameter_quantizers()).collect(),
                    activation: Some(&pointwise.activation),
                    ..of(Parameters::Matrix(Matrix::Separable(pair)), ResultKind::Typed)
                }
            }
            Self::Einsum(einsum) => Traits {
                parameters: Parameters::Matrix(Matrix::Einsum(einsum)),
                ..einsum.product.traits()
            },
            Self::BatchNorm(norm) => Traits {
                quantizers: norm.quantizers.stated().collect(),
                ..of(Parameters::BatchNorm(norm), ResultKind::Exact)
            },
            Self::ScaleShift(shift) => Traits {
                quantizers: stated(&[&shift.weight_quantizer, &shift.bias_quantizer]),
                activation: Some(&shift.activation),
                ..of(Parameters::Elements, ResultKind::Exact)
            },
            Self::PRelu(_) | Self::Embedding(_) => of(Parameters::Elements, ResultKind::Typed),
            Self::Pool(pool) => Traits {
                quantizers: pool.kind.quantizer().into_iter().collect(),
                activation: Some(&pool.activation),
                ..plain(ResultKind::Exact)
            },
            Self::Reduce(reduce) => Traits {
                quantizers: reduce.kind.quantizer().into_iter().collect(),
                ..plain(ResultKind::Exact)
            },
            Self::Activation(activation) => {
                Traits { activation: Some(activation), ..plain(ResultKind::Exact) }
            }
            Self::Recurrent(recurrent) => Traits {
                quantizers: recurrent.quantizers().collect(),
                ..of(Parameters::Elements, ResultKind::Typed)
            },
            Self::Bidirectional(both) => Traits {
                quantizers: both.directions.iter().flat_map(Recurrent::quantizers).collect(),
                ..of(Parameters::Elements, ResultKind::Typed)
            },
            Self::TimeDistributed(kind) | Self::ChannelsFirst(kind) => kind.traits(),
            Self::Adaptive(_) => plain(ResultKind::Quantized),
            Self::Input { .. } | Self::Dot { .. } => plain(ResultKind::Typed),
            Self::Flatten
            | Self::Identity
            | Self::Masking { .. }
            | Self::Layout(_)
            | Self::Merge(_)
            | Self::MergeConstant(_)
            | Self::Divide(_)
            | Self::Square
            | Self::Clip { .. }
            | Self::Concatenate { .. }
            | Self::Stack { .. }
            | Self::Bilinear(_)
            | Self::Rescaling(_)
            | Self::Normalization(_) => plain(ResultKind::Exact),
        }
    }

    /// True unless an activation function is applied to the layer's result.
    pub fn is_linear(&self) -> bool {
        self.activation().is_none_or(|activation| *activation == Activation::Linear)
    }

    /// True if the activation function is applied to the result of an operation of the layer.
    pub fn has_fused_activation(&self) -> bool {
        !self.is_linear() && !matches!(self, Self::Activation(_))
    }

    /// Returns the quantizers that the layer states, those of its parameters first.
    pub fn quantizers(&self) -> Vec<&Quantizer> {
        let Traits { mut quantizers, activation, .. } = self.traits();
        quantizers.extend(activation.and_then(Activation::quantizer));
        quantizers
    }

    /// Returns the activation of the layer's result; `None` for a kind without one.
    pub fn activation(&self) -> Option<&Activation> {
        self.traits().activation
    }

    /// The weight matrix; `None` for a kind without one.
    pub fn matrix(&self) -> Option<Matrix<'_>> {
        match self.traits().parameters {
            Parameters::Matrix(matrix) => Some(matrix),
            Parameters::None | Parameters::BatchNorm(_) | Parameters::Elements => None,
        }
    }
}

impl<'a> Matrix<'a> {
    /// Number of outputs of a layer without quantizers and without an activation; `None` for any other
    /// one.
    pub fn plain_outputs(self) -> Option<usize> {
        let of_conv = |conv: &Conv| {
            let is_plain = conv.parameter_quantizers().next().is_none() && conv.folded.is_none();
            (is_plain && conv.activation == Activation::Linear).then_some(conv.outputs)
        };
        match self {
            Self::Dense(dense) => {
                let is_quantized =
                    dense.kernel_quantizer.is_some() || dense.bias_quantizer.is_some();
                let is_plain = !is_quantized && dense.folded.is_none();
                let outputs = dense.kernel.ncols();
                (is_plain && dense.activation == Activation::Linear).then_some(outputs)
            }
            Self::Conv(conv) => of_conv(conv),
            Self::Separable(pair) => of_conv(&pair.pointwise),
            Self::Einsum(_) => None,
        }
    }

    /// True if a kernel has no quantizer.
    pub fn has_free_kernel(self) -> bool {
        match self {
            Self::Dense(dense) => dense.kernel_quantizer.is_none(),
            Self::Conv(conv) => conv.kernel.quantizer.is_none(),
            Self::Separable(pair) => [&pair.depthwise, &pair.pointwise]
                .iter()
                .any(|conv| conv.kernel.quantizer.is_none()),
            Self::Einsum(einsum) => einsum.product.matrix().is_some_and(Self::has_free_kernel),
        }
    }
}

fn stated<'a>(quantizers: &[&'a Option<Quantizer>]) -> Vec<&'a Quantizer> {
    quantizers.iter().filter_map(|quantizer| quantizer.as_ref()).collect()
}
