//! QTools' view of a model: its layers without inputs and dropout, each with its class in QTools' rules.

use std::collections::HashMap;

use ndarray::ArrayViewD;
use petgraph::graph::NodeIndex;

use super::QtoolsError;
use crate::ir::Graph;
use crate::model::{Activation, BatchNorm, Layer, LayerKind, Merge, Model, Recurrent};
use crate::quantizer::Quantizer;

/// A producer of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Index of an input of the model.
    Input(usize),
    /// Index in [`Network::layers`].
    Layer(usize),
}

/// A layer as QTools sees it.
#[derive(Debug)]
pub(super) struct Node<'m> {
    pub(super) layer: &'m Layer,
    pub(super) sources: Vec<Source>,
    /// Shapes of one sample of the operands.
    pub(super) input_shapes: Vec<Vec<usize>>,
    /// Shape of one sample of the result.
    pub(super) shape: Vec<usize>,
    /// Reads an input of the model.
    pub(super) is_input: bool,
    /// No layer reads its result.
    pub(super) is_output: bool,
}

/// The layers of a model.
#[derive(Debug)]
pub(super) struct Network<'m> {
    /// In the order of the model file.
    pub(super) layers: Vec<Node<'m>>,
    /// Topological order of `layers`, QTools' order of output.
    pub(super) order: Vec<usize>,
}

impl<'m> Network<'m> {
    /// The layers of `model`, whose shapes are those of the results in `graph`.
    pub(super) fn new(model: &'m Model, graph: &Graph) -> Result<Self, QtoolsError> {
        let shapes: HashMap<&str, &[usize]> = graph
            .layers
            .iter()
            .map(|(name, node)| (name.as_str(), graph[*node].tensor.shape.as_slice()))
            .collect();
        let shape_of = |layer: NodeIndex| {
            let name = &model.graph[layer].name;
            let shape = shapes.get(name.as_str()).map(|shape| shape.to_vec());
            shape.ok_or_else(|| QtoolsError::NoResult { layer: name.clone() })
        };
        let kept: Vec<NodeIndex> =
            model.graph.node_indices().filter(|it| !is_removed(&model.graph[*it])).collect();
        let positions: HashMap<NodeIndex, usize> =
            kept.iter().enumerate().map(|(position, layer)| (*layer, position)).collect();
        let mut layers = Vec::new();
        for &index in &kept {
            let mut sources = Vec::new();
            let mut input_shapes = Vec::new();
            for mut source in model.sources(index) {
                input_shapes.push(shape_of(source)?);
                // A removed layer has one operand.
                while !positions.contains_key(&source)
                    && let Some(before) = model.sources(source).first()
                {
                    source = *before;
                }
                let input = model.inputs.iter().position(|input| *input == source);
                let layer = positions.get(&source).copied().map(Source::Layer);
                sources.extend(layer.or(input.map(Source::Input)));
            }
            layers.push(Node {
                layer: &model.graph[index],
                is_input: sources.iter().any(|it| matches!(it, Source::Input(_))),
                sources,
                input_shapes,
                shape: shape_of(index)?,
                is_output: true,
            });
        }
        let read: Vec<usize> = layers
            .iter()
            .flat_map(|node| node.sources.iter().copied().filter_map(position))
            .collect();
        for source in read {
            layers[source].is_output = false;
        }
        let order = generations(&layers, model.inputs.len());
        Ok(Self { layers, order })
    }
}

/// True for a layer that QTools removes from its graph.
fn is_removed(layer: &Layer) -> bool {
    matches!(layer.kind, LayerKind::Input { .. }) || layer.class == "Dropout"
}

fn position(source: Source) -> Option<usize> {
    match source {
        Source::Layer(position) => Some(position),
        Source::Input(_) => None,
    }
}

/// The layers generation by generation, as networkx sorts them: a layer follows its last producer, and
/// readers of one layer have the order of the file.
fn generations(layers: &[Node<'_>], inputs: usize) -> Vec<usize> {
    let mut open: Vec<usize> = layers.iter().map(|node| node.sources.len()).collect();
    let readers = |source: Source| {
        let reads = move |node: &Node<'_>| node.sources.iter().filter(|it| **it == source).count();
        let all = layers.iter().map(reads).enumerate();
        all.filter(|(_, count)| *count > 0).collect::<Vec<(usize, usize)>>()
    };
    let mut order = Vec::new();
    let mut generation: Vec<Source> = (0..inputs).map(Source::Input).collect();
    while !generation.is_empty() {
        let mut next = Vec::new();
        for source in generation {
            order.extend(position(source));
            for (reader, count) in readers(source) {
                open[reader] -= count;
                if open[reader] == 0 {
                    next.push(Source::Layer(reader));
                }
            }
        }
        generation = next;
    }
    order
}

/// The rule of QTools for a class of layers.
#[derive(Clone, Debug)]
pub(super) enum Rule<'m> {
    /// An element-wise function, or concatenation.
    Merge(MergeRule),
    /// The type passes through, and elements are counted.
    Shape,
    /// An average over windows.
    Average {
        /// Height and width of the window.
        window: Vec<usize>,
        /// Quantizer of the reciprocal; `None` for a layer of Keras.
        quantizer: Option<&'m Quantizer>,
    },
    /// An activation or a quantizer by itself.
    Activation,
    /// Batch normalization.
    BatchNorm(&'m BatchNorm),
    /// Products with a kernel.
    Matrix(MatrixRule<'m>),
    /// Anything else: the type passes through, and nothing is counted.
    Other,
}

/// A function of several tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MergeRule {
    Elementwise(Merge),
    Concatenate,
    /// Dot products of so many terms.
    Dot {
        terms: usize,
    },
}

/// A layer with a kernel.
#[derive(Clone, Debug)]
pub(super) struct MatrixRule<'m> {
    /// Shape of the kernel in Keras.
    pub(super) kernel: Vec<usize>,
    /// Weights as trained.
    pub(super) weights: ArrayViewD<'m, f32>,
    pub(super) kernel_quantizer: Option<&'m Quantizer>,
    pub(super) bias_quantizer: Option<&'m Quantizer>,
    /// Number of biases; 0 for a layer without.
    pub(super) biases: usize,
    /// Each output depends on one channel.
    pub(super) is_depthwise: bool,
    /// Batch normalization is folded into the kernel.
    pub(super) is_folded: bool,
    /// Taps of a window, each of which is multiplied for every channel that an output depends on; 1 in a
    /// dense layer.
    pub(super) taps: usize,
    /// Channels that an output depends on.
    pub(super) channels: usize,
}

impl MatrixRule<'_> {
    /// Products that QTools adds: the whole kernel of an output. It takes every channel of a folded
    /// depthwise kernel, and the outputs of a transposed one.
    pub(super) fn terms(&self) -> usize {
        let axes = if self.is_depthwise && !self.is_folded { 2 } else { 1 };
        self.kernel.iter().rev().skip(axes).product()
    }
}

const AVERAGES: [&str; 6] = [
    "AveragePooling2D",
    "AvgPool2D",
    "GlobalAvgPool2D",
    "GlobalAveragePooling2D",
    "QAveragePooling2D",
    "QGlobalAveragePooling2D",
];
const ACTIVATIONS: [&str; 3] = ["QActivation", "QAdaptiveActivation", "Activation"];
const MERGES: [&str; 8] =
    ["Add", "Multiply", "Subtract", "Average", "Maximum", "Minimum", "Concatenate", "Dot"];
/// Layers of Keras with a kernel, which QTools knows; those of QKeras have a `Q` before.
pub(super) const MATRICES: [&str; 5] =
    ["Dense", "Conv1D", "Conv2D", "DepthwiseConv2D", "Conv2DTranspose"];
/// Layers that batch normalization is folded into.
const FOLDED: [&str; 3] = ["QDenseBatchnorm", "QConv2DBatchnorm", "QDepthwiseConv2DBatchnorm"];

/// Layers whose operations and parameters QTools does not know.
pub(super) const RECURRENT: [&str; 4] = ["SimpleRNN", "LSTM", "GRU", "Bidirectional"];

/// True for a layer of QKeras, which states quantizers.
pub(super) fn is_quantized(class: &str) -> bool {
    class.starts_with('Q')
}

/// The name without QKeras' `Q`.
pub(super) fn base(class: &str) -> &str {
    class.strip_prefix('Q').unwrap_or(class)
}

impl<'m> Node<'m> {
    /// False for a later call of a layer, which has the parameters of the first one.
    pub(super) fn has_own_parameters(&self) -> bool {
        self.layer.origin.is_none()
    }

    /// QTools' rule for the layer.
    pub(super) fn rule(&self) -> Rule<'m> {
        let (class, kind) = (self.layer.class.as_str(), self.layer.kind.inner());
        if MERGES.contains(&class)
            && let Some(merge) = self.merge()
        {
            return Rule::Merge(merge);
        }
        if ["MaxPool", "Reshape", "Flatten", "UpSampling"].iter().any(|it| class.contains(it)) {
            return Rule::Shape;
        }
        if AVERAGES.contains(&class)
            && let LayerKind::Pool(pool) = kind
        {
            let window = match pool.windows.sliding() {
                Some(windows) => windows.kernel.to_vec(),
                None => self.positions().to_vec(),
            };
            return Rule::Average { window, quantizer: pool.kind.quantizer() };
        }
        if ACTIVATIONS.contains(&class) {
            return Rule::Activation;
        }
        if let LayerKind::BatchNorm(norm) = kind
            && base(class) == "BatchNormalization"
        {
            return Rule::BatchNorm(norm);
        }
        let is_folded = FOLDED.contains(&class);
        if is_folded || MATRICES.contains(&base(class)) {
            return self.matrix(is_folded).map_or(Rule::Other, Rule::Matrix);
        }
        Rule::Other
    }

    fn merge(&self) -> Option<MergeRule> {
        let kind = self.layer.kind.inner();
        if let LayerKind::Merge(merge) = kind {
            Some(MergeRule::Elementwise(*merge))
        } else if let LayerKind::Concatenate { .. } = kind {
            Some(MergeRule::Concatenate)
        } else if let LayerKind::Dot { axes } = kind {
            let terms = self.input_shapes.first()?.get(axes[0])?;
            Some(MergeRule::Dot { terms: *terms })
        } else {
            None
        }
    }

    fn matrix(&self, is_folded: bool) -> Option<MatrixRule<'m>> {
        let kind = self.layer.kind.inner();
        if let LayerKind::Dense(dense) = kind {
            return Some(MatrixRule {
                kernel: dense.kernel.shape().to_vec(),
                weights: dense.kernel.view().into_dyn(),
                kernel_quantizer: dense.kernel_quantizer.as_ref(),
                bias_quantizer: dense.bias_quantizer.as_ref(),
                biases: dense.bias.as_ref().map_or(0, |bias| bias.len()),
                is_depthwise: false,
                is_folded,
                taps: 1,
                channels: dense.kernel.nrows(),
            });
        }
        let LayerKind::Conv(conv) = kind else { return None };
        let kernel = conv.kernel.values.shape().to_vec();
        let is_depthwise = self.layer.class.contains("Depthwise");
        // Channels that an output depends on; a transposed kernel has them last.
        let from_last = if conv.window.transposed.is_some() { 0 } else { 1 };
        let channels = kernel.iter().rev().nth(from_last).copied().unwrap_or(1);
        let taps: usize = conv.window.kernel.iter().product();
        Some(MatrixRule {
            kernel,
            weights: conv.kernel.values.view(),
            kernel_quantizer: conv.kernel.quantizer.as_ref(),
            bias_quantizer: conv.bias_quantizer.as_ref(),
            biases: conv.bias.as_ref().map_or(0, |bias| bias.len()),
            is_depthwise,
            is_folded,
            taps,
            channels,
        })
    }

    /// Operations of a layer, as QTools counts them: multiplications of a layer with a kernel, additions of
    /// an average, elements of the largest operand of other layers, 0 for layers without a rule.
    ///
    /// QTools counts a dense layer on several rows not at all (it fails), and every channel for each output
    /// of a grouped convolution; here both are counted as computed. Source: `get_operation_count` in
    /// `qtools_util.py`.
    pub(super) fn operation_count(&self, rule: &Rule<'_>) -> usize {
        let class = self.layer.class.as_str();
        let elements = |shape: &[usize]| shape.iter().product::<usize>();
        let positions = |shape: &[usize]| shape.iter().rev().skip(1).product::<usize>();
        let largest = || self.input_shapes.iter().map(|shape| elements(shape)).max().unwrap_or(0);
        match rule {
            Rule::Shape if class.contains("UpSampling") => elements(&self.shape),
            Rule::Merge(_) | Rule::Shape | Rule::Activation | Rule::BatchNorm(_) => largest(),
            // QTools does not know the layer of QKeras over windows.
            Rule::Average { .. } if class == "QAveragePooling2D" => 0,
            Rule::Average { window, .. } => {
                let channels = self.shape.last().copied().unwrap_or(1);
                channels * elements(window)
            }
            // Nor those with a depthwise or a dense kernel that batch normalization is folded into.
            Rule::Matrix(matrix) if matrix.is_folded && class != "QConv2DBatchnorm" => 0,
            // Nor the multiplier of a depthwise kernel.
            Rule::Matrix(matrix) if matrix.is_depthwise => {
                positions(&self.shape) * matrix.taps * matrix.channels
            }
            Rule::Matrix(matrix) => elements(&self.shape) * matrix.taps * matrix.channels,
            Rule::Other => 0,
        }
    }

    /// Axes of positions of the first operand.
    pub(super) fn positions(&self) -> &[usize] {
        let shape = self.input_shapes.first().map_or(&[][..], Vec::as_slice);
        shape.split_last().map_or(&[], |(_, positions)| positions)
    }

    /// The quantizer of the result that the layer states: QTools' `layer.activation`.
    pub(super) fn output_quantizer(&self) -> Option<Quantizer> {
        let kind = self.layer.kind.inner();
        if let LayerKind::Adaptive(adaptive) = kind {
            // QTools reads the layer of a model that was just loaded.
            return Some(adaptive.initial().clone());
        }
        let cell = |layer: &'m Recurrent| match &layer.cells[..] {
            [cell] if self.layer.class != "RNN" => Some(&cell.activation),
            _ => None,
        };
        let activation = if let LayerKind::Recurrent(layer) = kind {
            cell(layer)
        } else if let LayerKind::Bidirectional(both) = kind {
            is_quantized(&self.layer.class).then(|| cell(&both.directions[0])).flatten()
        } else {
            kind.activation()
        };
        activation.and_then(Activation::quantizer).cloned()
    }
}
