//! Small networks for tests, each with random samples and their simulated outputs.

use bitkiln::back::{Tool, Vectors};
use bitkiln::fixed::{Codes, Format, Overflow, Quantization, Rounding};
use bitkiln::hls::{Design, Options};
use bitkiln::ir::{
    Affine, Cast, Clamp, Concat, Constant, Conv, Described, Elementwise, Gather, Graph, Leaky,
    Linear, Lookup, NodeId, Pool, PoolKind, Reshape, Scale, Softmax, StepFunction, Window,
    validate,
};
use bitkiln::sim;
use ndarray::{Array1, ArrayD, IxDyn};
use num_bigint::BigInt;
use num_traits::{One, Zero};

/// Pseudo-random numbers, the same on every machine.
pub struct Draw(u64);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A code of `format`; often one at an end of its range.
    fn code(&mut self, format: Format) -> BigInt {
        let range = format.codes();
        match self.next() % 8 {
            0 => range.low().clone(),
            1 => range.high().clone(),
            _ => {
                let wide = (BigInt::from(self.next()) << 64) + self.next();
                range.low() + wide % (BigInt::one() << format.width())
            }
        }
    }

    fn codes(&mut self, shape: &[usize], format: Format) -> Codes {
        let count = shape.iter().product();
        let codes = (0..count).map(|_| self.code(format)).collect();
        Codes::from_big(ArrayD::from_shape_vec(IxDyn(shape), codes).unwrap())
    }
}

pub fn format(text: &str) -> Format {
    text.parse().unwrap()
}

fn quantization(text: &str) -> Quantization {
    text.parse().unwrap()
}

/// A network with samples and their outputs.
pub struct Network {
    pub graph: Graph,
    pub vectors: Vectors,
    /// Choices for its hardware, except the part.
    pub options: Options,
}

impl Network {
    /// `graph` on `samples` random samples.
    pub fn new(graph: Graph, samples: usize, seed: u64) -> Self {
        validate(&graph).unwrap();
        let mut draw = Draw::new(seed);
        let inputs: Vec<Codes> = graph
            .inputs
            .iter()
            .map(|node| {
                let tensor = &graph[*node].tensor;
                draw.codes(&[&[samples][..], &tensor.shape].concat(), tensor.format)
            })
            .collect();
        Self::on(graph, inputs)
    }

    /// `graph`, whose inputs have one element, on every code of the first one.
    pub fn exhaustive(graph: Graph) -> Self {
        validate(&graph).unwrap();
        let all = |format: Format| {
            let codes = format.codes();
            let count = 1_i64 << format.width();
            let codes = (0..count).map(|n| codes.low() + n).collect();
            ArrayD::from_shape_vec(IxDyn(&[count as usize, 1]), codes).unwrap()
        };
        let formats = graph.inputs.iter().map(|node| graph[*node].tensor.format);
        let inputs = formats.map(|format| Codes::from_big(all(format))).collect();
        Self::on(graph, inputs)
    }

    fn on(graph: Graph, inputs: Vec<Codes>) -> Self {
        let trace = sim::run(&graph, &inputs).unwrap();
        assert!(trace.out_of_range(&graph).is_none(), "{:?}", trace.out_of_range(&graph));
        let outputs = trace.outputs(&graph);
        let names = graph.inputs.iter().map(|node| graph[*node].name.clone());
        let inputs = names.zip(inputs).collect();
        let options = Options::new(graph.name.as_str(), "");
        Self { graph, vectors: Vectors { inputs, outputs }, options }
    }

    /// Hardware for the default part of `backend`.
    pub fn design(&self, backend: Tool) -> Design {
        let options = Options { part: backend.default_part().into(), ..self.options.clone() };
        Design::new(&self.graph, &options).unwrap()
    }
}

/// Adds a weight matrix of random codes of type `weights`, with biases of type `bias` if given.
pub fn add_linear(
    graph: &mut Graph,
    name: &str,
    from: NodeId,
    (outputs, weights, bias): (usize, &str, Option<&str>),
) -> NodeId {
    let mut draw = Draw::new(graph.nodes.node_count() as u64);
    let tensor = graph[from].tensor.clone();
    let mut random = |shape: &[usize], text: &str| {
        let format = format(text);
        Constant { codes: draw.codes(shape, format), format }
    };
    let weights = random(&[tensor.channel_count(), outputs], weights);
    let bias = bias.map(|bias| random(&[outputs], bias));
    add_matrix(graph, name, from, Linear { weights, bias })
}

/// Constants of a shape with `fraction` fractional bits.
pub fn constant(shape: &[usize], codes: &[i64], fraction: i32) -> Constant {
    let codes = codes.iter().map(|code| BigInt::from(*code)).collect();
    let codes = ArrayD::from_shape_vec(IxDyn(shape), codes).unwrap();
    Constant::of_codes(codes, fraction).unwrap()
}

/// Adds a weight matrix.
pub fn add_matrix(graph: &mut Graph, name: &str, from: NodeId, linear: Linear) -> NodeId {
    graph.add(name, linear, &[from]).unwrap()
}

/// Adds random scales, and biases if given: a format each, and `true` for one number per channel.
pub fn add_affine(
    graph: &mut Graph,
    name: &str,
    from: NodeId,
    scale: (&str, bool),
    bias: Option<(&str, bool)>,
) -> NodeId {
    let mut draw = Draw::new(graph.nodes.node_count() as u64);
    let tensor = graph[from].tensor.clone();
    let mut random = |(text, by_channel): (&str, bool)| {
        let format = format(text);
        let count = if by_channel { tensor.channel_count() } else { 1 };
        Constant { codes: draw.codes(&[count], format), format }
    };
    let affine = Affine { scale: random(scale), bias: bias.map(random) };
    graph.add(name, affine, &[from]).unwrap()
}

/// Adds a cast to `to`, modes included.
pub fn add_cast(graph: &mut Graph, name: &str, from: NodeId, to: &str) -> NodeId {
    add_cast_to(graph, name, from, quantization(to))
}

pub fn add_cast_to(graph: &mut Graph, name: &str, from: NodeId, to: Quantization) -> NodeId {
    graph.add(name, Cast::from(to), &[from]).unwrap()
}

/// Adds limits.
pub fn add_clamp(
    graph: &mut Graph,
    name: &str,
    from: NodeId,
    low: Option<i64>,
    high: Option<i64>,
) -> NodeId {
    let (low, high) = (low.map(BigInt::from), high.map(BigInt::from));
    graph.add(name, Clamp { low, high }, &[from]).unwrap()
}

/// Adds a leaky ReLU of slope 2^-`shift`.
pub fn add_leaky(graph: &mut Graph, name: &str, from: NodeId, shift: u32) -> NodeId {
    let slopes = constant(&[1], &[1], shift as i32);
    graph.add(name, Leaky { threshold: BigInt::zero(), slopes, bias: None }, &[from]).unwrap()
}

/// Adds a scale of 2^`power`.
pub fn add_scale(graph: &mut Graph, name: &str, from: NodeId, power: i32) -> NodeId {
    graph.add(name, Scale { power }, &[from]).unwrap()
}

/// Adds the same elements in another shape.
pub fn add_reshape(graph: &mut Graph, name: &str, from: NodeId, shape: &[usize]) -> NodeId {
    graph.add(name, Reshape { shape: shape.to_vec() }, &[from]).unwrap()
}

/// Adds a step function: `values[k]` from `thresholds[k - 1]` on, with `fraction` fractional bits.
pub fn add_steps(
    graph: &mut Graph,
    name: &str,
    from: NodeId,
    (thresholds, values, fraction): (&[i64], &[i64], i32),
) -> NodeId {
    let big = |codes: &[i64]| codes.iter().map(|c| BigInt::from(*c)).collect::<Array1<_>>();
    let at = graph[from].tensor.format.fractional_bits();
    let values = Constant::of_codes(big(values).into_dyn(), fraction).unwrap();
    let thresholds = Constant::of_codes(big(thresholds).into_dyn(), at).unwrap();
    graph.add(name, StepFunction { thresholds, values }, &[from]).unwrap()
}

/// Adds a softmax with small tables, of which `addresses` share a 6-bit x - max.
pub fn add_softmax(
    graph: &mut Graph,
    name: &str,
    from: NodeId,
    (addresses, to): (&[u32], &str),
) -> NodeId {
    let to = quantization(to);
    let columns = graph[from].tensor.channel_count();
    let table = |lines: u32, of: &str, function: &dyn Fn(f64) -> f64| {
        let format = format(of);
        let codes = (0..1_u32 << lines)
            .map(|place| BigInt::from((function(f64::from(place)) / format.lsb()).round() as i64));
        let codes = Codes::from_big(codes.collect::<Array1<_>>().into_dyn());
        Constant { codes, format }
    };
    let mut below = 6;
    let exp_tables = addresses.iter().map(|lines| {
        below -= lines;
        let step = f64::from(1 << below) / 8.0;
        table(*lines, "ufixed<11,1>", &|place| (-place * step).exp())
    });
    // The sum of so many ones is below 2^(norm_shift + 1).
    let norm_shift = usize::BITS - columns.leading_zeros() - 1;
    let softmax = Softmax {
        difference: quantization("ufixed<6,3,RND,SAT>"),
        exp_tables: exp_tables.collect(),
        exponential: quantization("ufixed<11,1,RND_CONV>"),
        sum: Format::unsigned(11 + norm_shift, 1 + norm_shift as i32).unwrap(),
        norm_shift,
        reciprocal_table: table(4, "ufixed<8,1>", &|place| 1.0 / (1.0 + (place + 0.5) / 16.0)),
        error: quantization("fixed<9,-2,RND>"),
        correction: quantization("fixed<10,-2,TRN>"),
        reciprocal: quantization("ufixed<12,1,RND_ZERO>"),
        to,
    };
    graph.add(name, softmax, &[from]).unwrap()
}

/// Two dense layers between quantizers, 6-5-3: the network of most tests.
pub fn tiny() -> Network {
    let mut graph = Graph::new("tiny");
    let x = graph.add_input("input_1", vec![6], format("fixed<8,1>"));
    let fc1 = add_linear(&mut graph, "fc1", x, (5, "fixed<6,1>", Some("fixed<6,1>")));
    let relu1 = add_cast(&mut graph, "relu1", fc1, "ufixed<6,0,RND_CONV,SAT>");
    let fc2 = add_linear(&mut graph, "fc2", relu1, (3, "fixed<4,1>", None));
    let out = add_cast(&mut graph, "scores", fc2, "fixed<8,3,RND,SAT_SYM>");
    graph.add_output("scores", out);
    Network::new(graph, 32, 3)
}

/// Every operation on tensors of several axes. Outputs are results as they are, reshaped, twice,
/// read by other operations, too, and an input itself. Names are awkward.
pub fn every_operation() -> Network {
    let mut graph = Graph::new("every/operation");
    let x = graph.add_input("class", vec![2, 3, 4], format("fixed<7,2>"));
    let z = graph.add_input("Class", vec![3], format("ufixed<3,0>"));
    let fc = add_linear(&mut graph, "fc", x, (5, "fixed<5,0>", Some("ufixed<9,-2>")));
    let clamp = add_clamp(&mut graph, "fc/clamp", fc, Some(-700), Some(900));
    let floor = add_clamp(&mut graph, "floor", fc, Some(0), None);
    let ceiling = add_clamp(&mut graph, "ceiling", fc, None, Some(-5));
    let leaky = add_leaky(&mut graph, "leaky", clamp, 3);
    let scale = add_scale(&mut graph, "scale", leaky, -4);
    let few = add_steps(&mut graph, "few steps", scale, (&[-90, 0, 50], &[-2, -1, 1, 2], 1));
    let flat = add_reshape(&mut graph, "flatten", x, &[24]);
    let thresholds: Vec<i64> = (-30..30).step_by(3).collect();
    let values: Vec<i64> = (0..21).map(|n| n * n - 60).collect();
    let many = add_steps(&mut graph, "many", flat, (&thresholds, &values, 6));
    let scaled =
        add_affine(&mut graph, "scaled", fc, ("fixed<12,1>", true), Some(("fixed<5,3>", true)));
    let scaled = add_affine(&mut graph, "scaled again", scaled, ("ufixed<3,0>", false), None);
    let shifted =
        add_affine(&mut graph, "shifted", z, ("fixed<24,-1>", false), Some(("ufixed<40,2>", true)));
    let constant = add_steps(&mut graph, "constant", z, (&[], &[5], 3));
    let narrow = add_cast(&mut graph, "narrow", fc, "fixed<9,3,RND,SAT>");
    let rows = add_softmax(&mut graph, "softmax", narrow, (&[2, 4], "ufixed<8,0,RND,SAT>"));
    let alone = add_softmax(&mut graph, "alone", many, (&[6], "ufixed<12,0,TRN,SAT>"));
    let last = add_reshape(&mut graph, "index", rows, &[30]);
    for (name, node) in [
        ("Class", z),
        ("few steps", few),
        ("floor", floor),
        ("ceiling", ceiling),
        ("many", many),
        ("scaled again", scaled),
        ("shifted", shifted),
        ("constant", constant),
        ("index", last),
        ("alone", alone),
        ("twice", alone),
    ] {
        graph.add_output(name, node);
    }
    Network::new(graph, 24, 5)
}

/// One input cast with every pair of modes that both vendors have.
pub fn every_mode() -> Network {
    let mut graph = Graph::new("every_mode");
    let x = graph.add_input("x", vec![40], format("fixed<9,4>"));
    let target = format("fixed<5,2>");
    for rounding in Rounding::ALL.into_iter().filter(|mode| *mode != Rounding::RndConvOdd) {
        for overflow in Overflow::ALL {
            let name = format!("{}_{}", rounding.name(), overflow.name());
            let to = Quantization::new(target, rounding, overflow);
            let node = add_cast_to(&mut graph, &name, x, to);
            graph.add_output(name, node);
        }
    }
    Network::new(graph, 10, 7)
}

/// Formats at the limits: one bit, 128 bits, integer bits below zero and beyond the width; weights
/// that no double holds.
pub fn extreme_formats() -> Network {
    let mut graph = Graph::new("extreme_formats");
    let wide = graph.add_input("wide", vec![3], format("fixed<128,64>"));
    let natural = graph.add_input("natural", vec![3], format("ufixed<128,-5>"));
    let bit = graph.add_input("bit", vec![8], format("fixed<1,1>"));
    let far = graph.add_input("far", vec![4], format("fixed<20,60>"));
    let tiny = graph.add_input("tiny", vec![4], format("ufixed<9,-40>"));
    let mut outputs = vec![
        add_cast(&mut graph, "wide_cut", wide, "fixed<70,30,RND_CONV,SAT>"),
        add_cast(&mut graph, "wide_low", wide, "ufixed<65,3,RND,WRAP>"),
        add_cast(&mut graph, "wide_bit", wide, "ufixed<1,1,TRN,SAT>"),
        add_cast(&mut graph, "natural_cut", natural, "fixed<64,-6,RND_INF,SAT_SYM>"),
        add_cast(&mut graph, "natural_whole", natural, "ufixed<127,-6,TRN,SAT>"),
        add_cast(&mut graph, "far_cut", far, "fixed<12,58,RND_MIN_INF,SAT_ZERO>"),
        add_cast(&mut graph, "tiny_cut", tiny, "fixed<4,-42,RND_ZERO,SAT>"),
        add_linear(&mut graph, "sign_products", bit, (4, "ufixed<1,0>", Some("fixed<1,-3>"))),
        add_linear(&mut graph, "far_products", far, (2, "fixed<90,3>", Some("fixed<100,50>"))),
        add_linear(&mut graph, "tiny_products", tiny, (2, "ufixed<66,-60>", None)),
        add_scale(&mut graph, "far_scaled", far, -90),
        add_leaky(&mut graph, "bit_leaky", bit, 30),
    ];
    outputs.extend([wide, natural]);
    for node in outputs {
        let name = graph[node].name.clone();
        graph.add_output(name, node);
    }
    Network::new(graph, 20, 11)
}

pub fn add_conv(
    graph: &mut Graph,
    name: &str,
    from: NodeId,
    (window, groups, outputs): (Window, usize, usize),
) -> NodeId {
    let mut draw = Draw::new(1 + graph.nodes.node_count() as u64);
    let inputs = window.taps() * graph[from].tensor.channel_count() / groups;
    let mut random = |shape: &[usize], text: &str| {
        let format = format(text);
        Constant { codes: draw.codes(shape, format), format }
    };
    let weights = random(&[inputs, outputs], "fixed<4,1>");
    let linear = Linear { weights, bias: Some(random(&[outputs], "fixed<6,2>")) };
    graph.add(name, Conv { window, groups, linear }, &[from]).unwrap()
}

/// Convolutions with padding, stride, dilation, input dilation and groups; pooling; layout
/// operations; merges.
pub fn windows() -> Network {
    let mut graph = Graph::new("windows");
    let whole = Window::whole([5, 4]);
    let x = graph.add_input("image", vec![5, 4, 2], format("fixed<6,3>"));
    let narrow = Window { kernel: [3, 2], output: [3, 3], ..whole };
    let same = Window { stride: [2, 1], pad_before: [1, 0], output: [3, 4], ..narrow };
    let spread = Window {
        pad_before: [2, 1],
        input_dilation: [2, 2],
        dilation: [1, 2],
        output: [9, 6],
        ..narrow
    };
    let conv = add_conv(&mut graph, "narrow", x, (narrow, 1, 3));
    graph.add_output("narrow", conv);
    let conv = add_conv(&mut graph, "same", x, (same, 1, 2));
    graph.add_output("same", conv);
    let conv = add_conv(&mut graph, "groups", x, (same, 2, 4));
    let conv = add_cast(&mut graph, "rounded", conv, "fixed<6,3,RND_CONV,SAT>");
    let doubled = graph.add("twice", Elementwise::Add, &[conv, conv, conv]).unwrap();
    graph.add_output("twice", doubled);
    let conv = add_conv(&mut graph, "spread", x, (spread, 1, 1));
    graph.add_output("spread", conv);

    for (name, kind) in [("largest", PoolKind::Max), ("sums", PoolKind::Sum)] {
        let op = Pool { window: same, kind };
        let pool = graph.add(name, op, &[x]).unwrap();
        graph.add_output(name, pool);
        let op = Pool { window: whole, kind };
        let pool = graph.add(format!("{name}_of_all"), op, &[x]).unwrap();
        graph.add_output(format!("{name}_of_all"), pool);
    }

    let other = graph.add_input("other", vec![5, 4, 2], format("ufixed<5,0>"));
    use Elementwise::{Add, Maximum, Minimum, Multiply, Subtract};
    for merge in [Add, Subtract, Multiply, Maximum, Minimum] {
        let merged = graph.add(merge.name(), merge, &[x, other]).unwrap();
        graph.add_output(merge.name(), merged);
    }
    let same_type = add_cast(&mut graph, "same_type", other, "fixed<6,3,RND,SAT>");
    for axis in 0..3 {
        let name = format!("side_by_side_{axis}");
        let both = [x, same_type, x];
        let concat = graph.add(&name, Concat { axis }, &both).unwrap();
        graph.add_output(name, concat);
    }
    let types =
        ["fixed<3,2,RND_CONV,SAT>", "ufixed<4,1,TRN,SAT>", "fixed<3,2,RND_CONV,SAT>", "fixed<5,5>"];
    let types: Vec<Quantization> = types.map(quantization).to_vec();
    let by_channel = Cast::by_channel(types[..2].to_vec());
    let by_channel = graph.add("by_channel", by_channel, &[x]).unwrap();
    graph.add_output("by_channel", by_channel);
    let by_row = Cast { to: ArrayD::from_shape_vec(IxDyn(&[4, 1]), types).unwrap() };
    let by_row = graph.add("by_row", by_row, &[x]).unwrap();
    graph.add_output("by_row", by_row);
    let places = (0..40).rev().map(|place| (place % 7 != 0).then_some(place)).collect();
    let gather = Gather { shape: vec![4, 10], indices: places };
    let gather = graph.add("mirror", gather, &[x]).unwrap();
    graph.add_output("mirror", gather);
    let tokens = graph.add_input("tokens", vec![2, 3], format("ufixed<3,3>"));
    let rows = add_lookup(&mut graph, "rows", tokens, [8, 5]);
    graph.add_output("rows", rows);
    let column = add_lookup(&mut graph, "column", tokens, [9, 1]);
    graph.add_output("column", column);
    Network::new(graph, 12, 5)
}

/// Adds a table of random rows, of which each element of `from` is an index.
pub fn add_lookup(graph: &mut Graph, name: &str, from: NodeId, shape: [usize; 2]) -> NodeId {
    let (mut draw, format) = (Draw::new(shape[1] as u64), format("fixed<6,2>"));
    let table = Constant { codes: draw.codes(&shape, format), format };
    graph.add(name, Lookup { table }, &[from]).unwrap()
}

/// Kernels too large to be unrolled fully: their outermost loops are pipelined.
pub fn large() -> Network {
    let mut graph = Graph::new("large");
    let whole = Window::whole([30, 30]);
    let x = graph.add_input("image", vec![30, 30, 5], format("fixed<6,3>"));
    let window = Window { kernel: [3, 3], output: [28, 28], ..whole };
    let conv = add_conv(&mut graph, "conv", x, (window, 1, 6));
    let relu = add_cast(&mut graph, "relu", conv, "ufixed<6,3,RND_CONV,SAT>");
    let window =
        Window { input: [28, 28], kernel: [2, 2], stride: [2, 2], output: [14, 14], ..whole };
    let op = Pool { window, kind: PoolKind::Max };
    let pool = graph.add("pool", op, &[relu]).unwrap();
    let dense = add_linear(&mut graph, "dense", pool, (8, "fixed<4,1>", Some("fixed<6,2>")));
    graph.add_output("dense", dense);
    let flat = graph.add("flat", Reshape { shape: vec![14 * 14 * 6] }, &[pool]).unwrap();
    let wide = add_linear(&mut graph, "wide", flat, (5, "fixed<4,1>", Some("fixed<6,2>")));
    graph.add_output("wide", wide);

    // A single window, or a single row of channels.
    let op = Pool { window: whole, kind: PoolKind::Sum };
    let sums = graph.add("sums", op, &[x]).unwrap();
    graph.add_output("sums", sums);
    let conv = add_conv(&mut graph, "whole", x, (whole, 1, 2));
    graph.add_output("whole", conv);
    let flat = graph.add("flat_image", Reshape { shape: vec![30 * 30 * 5] }, &[x]).unwrap();
    let norm =
        add_affine(&mut graph, "norm", flat, ("fixed<5,1>", true), Some(("fixed<6,3>", true)));
    graph.add_output("norm", norm);
    let twice = graph.add("twice", Concat { axis: 0 }, &[flat, flat]).unwrap();
    graph.add_output("twice", twice);
    let words = graph.add_input("words", vec![90], format("ufixed<6,6>"));
    let rows = add_lookup(&mut graph, "rows", words, [64, 50]);
    graph.add_output("rows", rows);
    Network::new(graph, 4, 6)
}
