//! A network of random layers.

use bitkiln::function::{Function, Relu};
use bitkiln::lower::{Settings, lower};
use bitkiln::model::{
    Activation, AxisSlice, BatchNorm, BatchNormQuantizers, Cell, CellKind, Conv, Dense, Kernel,
    Layer, LayerKind, Layout, Merge, Model, Padding, Pool, PoolWindows, Recurrent, RecurrentResult,
    Reduce, Reduction, Transposed, WindowSpec,
};
use bitkiln::quantizer::Quantizer;
use ndarray::{Array1, Array2, ArrayD, IxDyn};
use petgraph::graph::{DiGraph, NodeIndex};

use super::draw::Draw;

/// No tensor of a network has more elements.
const MOST_ELEMENTS: usize = 200;

/// No type of a network is wider, as in real designs.
const WIDEST: u32 = 48;

const KERNELS: &[&str] = &[
    "quantized_bits(4,0,1,alpha=1)",
    "quantized_bits(3,1,0,alpha=0.5)",
    "quantized_bits(5,0,1,alpha='auto_po2')",
    "quantized_po2(4)",
    "ternary(alpha=1)",
    "binary(alpha=1)",
    "ternary(alpha='auto_po2')",
];

const BIASES: &[&str] = &["quantized_bits(5,1,0,alpha=1)", "quantized_po2(4)"];

const ACTIVATIONS: &[&str] = &[
    "quantized_relu(4,1)",
    "quantized_relu(5,2,negative_slope=0.25)",
    "quantized_bits(5,1,0,alpha=1)",
    "quantized_bits(4,2,1,alpha=1)",
    "quantized_bits(1,0,1,alpha=1)",
    "quantized_po2(4)",
    "quantized_relu_po2(4)",
    "ternary(alpha=1)",
    "binary(alpha=1)",
    "quantized_tanh(5)",
    "quantized_bits(4,0,1,alpha=0.3)",
];

const STATES: &[&str] = &[
    "quantized_bits(5,1,1,alpha=1)",
    "quantized_bits(4,2,0,alpha=1)",
    "quantized_po2(4)",
    "ternary(alpha=1)",
    "binary(alpha=1)",
];

const GATES: &[&str] = &[
    "quantized_tanh(5)",
    "quantized_sigmoid(4)",
    "quantized_bits(4,0,1,alpha=1)",
    "quantized_relu(4,1)",
    "binary(alpha=1)",
];

const FUNCTIONS: &[Function] =
    &[Function::Tanh, Function::Sigmoid, Function::Elu { alpha: 1.0 }, Function::Gelu];

/// A network while it is drawn: every layer's result, with its shape.
struct Network<'d> {
    draw: &'d mut Draw,
    model: Model,
    shapes: Vec<Vec<usize>>,
}

/// A network of four to nine layers after one or two inputs.
pub fn network(draw: &mut Draw) -> Model {
    let model = Model {
        name: "network".into(),
        graph: DiGraph::new(),
        inputs: vec![],
        outputs: vec![],
        notes: vec![],
    };
    let mut network = Network { draw, model, shapes: vec![] };
    let shape = match network.draw.number(0, 3) {
        0 => vec![network.draw.number(1, 8)],
        1 => vec![network.draw.number(3, 9), network.draw.number(1, 4)],
        _ => vec![network.draw.number(3, 6), network.draw.number(3, 6), network.draw.number(1, 3)],
    };
    for _ in 0..network.draw.number(1, 2) {
        let input = network.add(LayerKind::Input { shape: shape.clone() }, &[]);
        network.model.inputs.extend(input);
    }
    let layers = network.draw.number(4, 9);
    let mut tries = 0;
    while network.model.graph.node_count() < network.model.inputs.len() + layers && tries < 100 {
        tries += 1;
        network.layer();
    }
    let graph = &network.model.graph;
    let unread = graph.node_indices().filter(|node| graph.neighbors(*node).count() == 0);
    network.model.outputs = unread.collect();
    network.model
}

/// Inputs of few bits.
pub fn settings() -> Settings {
    Settings { input: "fixed<6,2>".parse().unwrap(), ..Settings::default() }
}

/// The layers, for a message.
pub fn text(model: &Model) -> String {
    let layer = |node: NodeIndex| {
        let sources: Vec<usize> = model.sources(node).iter().map(|s| s.index()).collect();
        format!("{} of {sources:?}: {:?}", node.index(), model.graph[node].kind)
    };
    model.graph.node_indices().map(layer).collect::<Vec<_>>().join("\n")
}

impl Network<'_> {
    /// Adds a layer if it fits; returns its node.
    fn add(&mut self, kind: LayerKind, sources: &[NodeIndex]) -> Option<NodeIndex> {
        self.add_up_to(WIDEST, kind, sources)
    }

    /// Adds a layer whose result a quantizer takes, if both fit.
    fn add_quantized(&mut self, kind: LayerKind, source: NodeIndex) {
        let before = (self.model.clone(), self.shapes.clone());
        let quantizer = LayerKind::Activation(Activation::Quantizer(self.quantizer(ACTIVATIONS)));
        let node = self.add_up_to(bitkiln::fixed::MAX_WIDTH, kind, &[source]);
        if node.and_then(|node| self.add(quantizer, &[node])).is_none() {
            (self.model, self.shapes) = before;
        }
    }

    /// Adds a layer if it fits and no type is wider than `widest`.
    fn add_up_to(
        &mut self,
        widest: u32,
        kind: LayerKind,
        sources: &[NodeIndex],
    ) -> Option<NodeIndex> {
        let before = self.model.clone();
        let name = format!("layer_{}", self.model.graph.node_count());
        let layer = Layer { name, class: "Layer".into(), kind, origin: None };
        let node = self.model.graph.add_node(layer);
        for (position, source) in sources.iter().enumerate() {
            self.model.graph.add_edge(*source, node, position);
        }
        match self.shape_of(node, widest) {
            Some(shape) if shape.iter().product::<usize>() <= MOST_ELEMENTS => {
                self.shapes.push(shape);
                Some(node)
            }
            _ => {
                self.model = before;
                None
            }
        }
    }

    /// The shape of `node`'s result; `None` if the network has no hardware, or only that of types
    /// wider than `widest`.
    fn shape_of(&self, node: NodeIndex, widest: u32) -> Option<Vec<usize>> {
        let mut model = self.model.clone();
        if let LayerKind::Input { shape } = &model.graph[node].kind {
            return Some(shape.clone());
        }
        model.outputs = vec![node];
        let graph = lower(&model, &settings()).ok()?.graph;
        let (graph, _) = bitkiln::passes::for_hardware(&graph).ok()?;
        let narrow = graph.nodes.node_weights().all(|n| n.tensor.format.width() <= widest);
        narrow.then(|| graph[graph.outputs[0].node].tensor.shape.clone())
    }

    /// A layer's result; late ones more often.
    fn source(&mut self) -> NodeIndex {
        let last = self.model.graph.node_count() - 1;
        NodeIndex::new(if self.draw.chance(60) { last } else { self.draw.number(0, last) })
    }

    fn quantizer(&mut self, among: &[&str]) -> Quantizer {
        self.draw.of(among).parse().unwrap()
    }

    fn activation(&mut self) -> Activation {
        match self.draw.number(0, 3) {
            0 => Activation::Linear,
            1 => Activation::Function(Function::Relu(Relu {
                max_value: self.draw.chance(30).then_some(1.5),
                negative_slope: if self.draw.chance(30) { 0.25 } else { 0.0 },
                threshold: 0.0,
            })),
            _ => Activation::Quantizer(self.quantizer(ACTIVATIONS)),
        }
    }

    fn layer(&mut self) {
        let source = self.source();
        let shape = self.shapes[source.index()].clone();
        let channels = *shape.last().unwrap();
        let kind = match self.draw.number(0, 19) {
            0 | 1 => LayerKind::Activation(Activation::Quantizer(self.quantizer(ACTIVATIONS))),
            2 => self.dense(channels),
            3..=5 if shape.len() > 1 => self.conv(&shape),
            6 | 14 if shape.len() > 1 => self.pool(&shape),
            7 => {
                let batch_norm = self.batch_norm(channels);
                return self.add_quantized(batch_norm, source);
            }
            8 | 9 => return self.merge(source),
            10 => LayerKind::Layout(vec![self.movement(&shape)]),
            11 => LayerKind::Activation(Activation::Softmax),
            12 | 15 if shape.len() > 1 => {
                let averages = self.averages(&shape);
                return self.add_quantized(averages, source);
            }
            13 => LayerKind::Activation(Activation::Function(*self.draw.of(FUNCTIONS))),
            16 => self.reduction(shape.len()),
            17 => self.quotient(channels),
            18 => LayerKind::Square,
            19 if shape.len() == 2 => self.recurrent(channels),
            _ if shape.len() == 1 => self.dense(channels),
            _ => LayerKind::Flatten,
        };
        self.add(kind, &[source]);
    }

    fn dense(&mut self, channels: usize) -> LayerKind {
        let units = self.draw.number(1, 4);
        let kernel = self.draw.weights(channels * units);
        LayerKind::Dense(Dense {
            kernel: Array2::from_shape_vec([channels, units], kernel).unwrap(),
            bias: self.draw.chance(70).then(|| Array1::from(self.draw.weights(units))),
            kernel_quantizer: Some(self.quantizer(KERNELS)),
            bias_quantizer: Some(self.quantizer(BIASES)),
            folded: None,
            activation: self.activation(),
        })
    }

    /// A recurrent layer over rows of so many `inputs`.
    fn recurrent(&mut self, inputs: usize) -> LayerKind {
        let reset_after = self.draw.chance(50);
        let kinds = [CellKind::Simple, CellKind::Lstm, CellKind::Gru { reset_after }];
        let kind = *self.draw.of(&kinds);
        let units = self.draw.number(1, 3);
        let columns = kind.gates() * units;
        let mut matrix = |rows: usize| {
            let weights = self.draw.weights(rows * columns);
            Array2::from_shape_vec([rows, columns], weights).unwrap()
        };
        let biases = if kind == (CellKind::Gru { reset_after: true }) { 2 } else { 1 };
        let (kernel, recurrent_kernel, bias) = (matrix(inputs), matrix(units), matrix(biases));
        let recurrent_activation = match kind {
            CellKind::Simple => Activation::Linear,
            CellKind::Lstm | CellKind::Gru { .. } => Activation::Quantizer(self.quantizer(GATES)),
        };
        let cell = Cell {
            kind,
            kernel,
            recurrent_kernel,
            bias: self.draw.chance(70).then_some(bias),
            kernel_quantizer: Some(self.quantizer(KERNELS)),
            recurrent_quantizer: Some(self.quantizer(KERNELS)),
            bias_quantizer: Some(self.quantizer(BIASES)),
            state_quantizer: Some(self.quantizer(STATES)),
            activation: Activation::Quantizer(self.quantizer(GATES)),
            recurrent_activation,
        };
        LayerKind::Recurrent(Recurrent {
            cells: vec![cell],
            go_backwards: self.draw.chance(30),
            return_sequences: self.draw.chance(50),
            stateful: self.draw.chance(20),
            result: RecurrentResult::Output,
        })
    }

    fn window_spec(&mut self, shape: &[usize]) -> WindowSpec {
        let is_row = shape.len() == 2;
        let mut along = |high| {
            let height = if is_row { 1 } else { self.draw.number(1, high) };
            [height, self.draw.number(1, high)]
        };
        let (kernel, strides, dilation) = (along(3), along(2), along(2));
        let padding = match self.draw.number(0, 2) {
            0 => Padding::Valid,
            1 if is_row => Padding::Causal,
            _ => Padding::Same,
        };
        // TensorFlow has no layer with both.
        let dilation = if strides == [1, 1] { dilation } else { [1, 1] };
        WindowSpec { kernel, strides, dilation, padding, transposed: None }
    }

    fn conv(&mut self, shape: &[usize]) -> LayerKind {
        let channels = *shape.last().unwrap();
        let mut spec = self.window_spec(shape);
        let kind = self.draw.number(0, 3);
        let (groups, outputs, last) = match kind {
            0 => {
                let multiplier = self.draw.number(1, 2);
                (channels, channels * multiplier, [channels, multiplier])
            }
            1 if channels.is_multiple_of(2) => {
                let outputs = 2 * self.draw.number(1, 2);
                (2, outputs, [channels / 2, outputs])
            }
            2 => {
                // Strides and kernels need not divide each other.
                let (strides, kernel) = ([1; 2].map(|_| self.draw.number(1, 3)), &mut spec.kernel);
                let is_row = shape.len() == 2;
                *kernel = kernel.map(|_| self.draw.number(1, 4));
                let along = |axes: [usize; 2]| if is_row { [1, axes[1]] } else { axes };
                (spec.strides, spec.kernel) = (along(strides), along(spec.kernel));
                spec.transposed = Some(Transposed { output_padding: None });
                spec.dilation = [1, 1];
                if spec.padding == Padding::Causal {
                    spec.padding = Padding::Valid;
                }
                match self.draw.number(0, 2) {
                    // Groups as in QDepthwiseConv2DTranspose.
                    0 => {
                        let group = if channels.is_multiple_of(2) { 2 } else { 1 };
                        (channels / group, channels, [channels, group])
                    }
                    _ => {
                        let outputs = self.draw.number(1, 3);
                        (1, outputs, [outputs, channels])
                    }
                }
            }
            _ => {
                let outputs = self.draw.number(1, 3);
                (1, outputs, [channels, outputs])
            }
        };
        let axes = if shape.len() == 2 { &spec.kernel[1..] } else { &spec.kernel[..] };
        let kernel = [axes, &last[..]].concat();
        let values = self.draw.weights(kernel.iter().product());
        LayerKind::Conv(Conv {
            window: spec,
            groups,
            outputs,
            kernel: Kernel {
                name: "kernel",
                values: ArrayD::from_shape_vec(IxDyn(&kernel), values).unwrap(),
                attribute: "kernel_quantizer",
                quantizer: Some(self.quantizer(KERNELS)),
                mask: None,
            },
            bias: self.draw.chance(60).then(|| Array1::from(self.draw.weights(outputs))),
            bias_quantizer: Some(self.quantizer(BIASES)),
            folded: None,
            activation: self.activation(),
        })
    }

    fn pool(&mut self, shape: &[usize]) -> LayerKind {
        let mut spec = self.window_spec(shape);
        spec.dilation = [1, 1];
        if spec.padding == Padding::Causal {
            spec.padding = Padding::Valid;
        }
        let spec = self.draw.chance(75).then_some(spec);
        let kind = self.together();
        let global = PoolWindows::Global { keep_axes: self.draw.chance(50) };
        let windows = spec.map_or(global, PoolWindows::Sliding);
        LayerKind::Pool(Pool { windows, kind, activation: self.activation() })
    }

    /// Averages with 'same' padding, where a window covers fewer elements than it has taps.
    fn averages(&mut self, shape: &[usize]) -> LayerKind {
        let mut spec = self.window_spec(shape);
        spec.dilation = [1, 1];
        spec.padding = Padding::Same;
        LayerKind::Pool(Pool {
            windows: PoolWindows::Sliding(spec),
            kind: Reduction::Average,
            activation: Activation::Linear,
        })
    }

    fn together(&mut self) -> Reduction {
        match self.draw.number(0, 4) {
            0 => Reduction::Average,
            1 => Reduction::QuantizedAverage("quantized_bits(6,0,1,alpha=1)".parse().unwrap()),
            2 => Reduction::Sum,
            3 => Reduction::Min,
            _ => Reduction::Max,
        }
    }

    fn reduction(&mut self, axes: usize) -> LayerKind {
        let mut some: Vec<usize> = (0..axes).filter(|_| self.draw.chance(50)).collect();
        if some.is_empty() {
            some.push(axes - 1);
        }
        let keep_axes = some.len() == axes || self.draw.chance(50);
        LayerKind::Reduce(Reduce { axes: some, kind: self.together(), keep_axes })
    }

    fn quotient(&mut self, channels: usize) -> LayerKind {
        let count = if self.draw.chance(50) { channels } else { 1 };
        let by = (0..count).map(|_| *self.draw.of(&[3.0, -0.7, 0.75, 8.0, 5.0])).collect();
        LayerKind::Divide(Array1::from_vec(by).into_dyn())
    }

    fn batch_norm(&mut self, channels: usize) -> LayerKind {
        let mut numbers = || Array1::from(self.draw.weights(channels));
        let (gamma, beta, mean) = (numbers(), numbers(), numbers());
        let variance = numbers().mapv(|number| number.abs() + 0.1);
        let quantizers = match self.draw.chance(70) {
            false => BatchNormQuantizers::default(),
            true => BatchNormQuantizers {
                gamma: Some("quantized_relu_po2(5,4)".parse().unwrap()),
                beta: Some("quantized_bits(6,2,alpha=1)".parse().unwrap()),
                mean: Some("quantized_po2(5)".parse().unwrap()),
                variance: None,
                inverse: None,
            },
        };
        LayerKind::BatchNorm(BatchNorm {
            gamma: Some(gamma),
            beta: Some(beta),
            mean,
            variance,
            epsilon: 1e-3,
            quantizers,
        })
    }

    /// Merges `source` with others of its shape.
    fn merge(&mut self, source: NodeIndex) {
        let shape = self.shapes[source.index()].clone();
        let alike: Vec<NodeIndex> = (0..self.shapes.len())
            .filter(|node| self.shapes[*node] == shape)
            .map(NodeIndex::new)
            .collect();
        let mut sources = vec![source];
        for _ in 0..self.draw.number(1, 2) {
            sources.push(*self.draw.of(&alike));
        }
        let all = [Merge::Add, Merge::Multiply, Merge::Maximum, Merge::Minimum, Merge::Average];
        let kind = match self.draw.number(0, 7) {
            7 => LayerKind::Stack { axis: self.draw.number(0, shape.len()) },
            0 => LayerKind::Concatenate { axis: self.draw.number(0, shape.len() - 1) },
            1 => {
                sources.truncate(2);
                LayerKind::Merge(Merge::Subtract)
            }
            _ => LayerKind::Merge(*self.draw.of(&all)),
        };
        self.add(kind, &sources);
    }

    fn movement(&mut self, shape: &[usize]) -> Layout {
        let axes = shape.len();
        let choice = self.draw.number(0, 4);
        let (axis, count) = (self.draw.number(0, axes - 1), self.draw.number(1, 6));
        let places = (0..count).map(|_| self.draw.number(0, shape[axis] - 1)).collect();
        let mut each =
            |low, high| (0..axes).map(|_| self.draw.number(low, high)).collect::<Vec<usize>>();
        match choice {
            0 => {
                let (before, after) = (each(0, 2), each(0, 1));
                Layout::Pad(before.into_iter().zip(after).map(|(b, a)| [b, a]).collect())
            }
            1 => Layout::Repeat(each(1, 2)),
            3 => Layout::Take { axis, indices: places },
            2 => Layout::Permute((0..axes).rev().collect()),
            _ => {
                let (starts, ends) = (each(0, 1), each(0, 2));
                let range = |(length, (start, end)): (&usize, (usize, usize))| {
                    let start = start.min(length - 1);
                    AxisSlice { start, step: 1, count: (length - start).saturating_sub(end).max(1) }
                };
                let ranges = shape.iter().zip(starts.into_iter().zip(ends)).map(range);
                Layout::Slice(ranges.collect())
            }
        }
    }
}
