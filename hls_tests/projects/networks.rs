//! Small networks for tests, each with vectors that a plain evaluator computed.

use bitkiln::back::Vectors;
use bitkiln::fixed::{Codes, Format, Interval, Overflow, Quantization, Rounding, cast};
use bitkiln::ir::{Constant, Graph, Linear, NodeId, Op, Softmax, Steps, Tensor};
use ndarray::{ArrayD, IxDyn};
use num_bigint::BigInt;
use num_traits::{One, Zero};

/// A row of pseudo-random numbers: the same on every machine.
pub struct Draw(u64);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A code of `format`; often one at the edge.
    pub fn code(&mut self, format: Format) -> BigInt {
        let range = format.codes();
        match self.next() % 8 {
            0 => range.low().clone(),
            1 => range.high().clone(),
            _ => {
                let wide = (BigInt::from(self.next()) << 64) + self.next();
                range.low() + wide % ((BigInt::one() << format.width()) as BigInt)
            }
        }
    }

    pub fn codes(&mut self, shape: &[usize], format: Format) -> Codes {
        let count = shape.iter().product();
        let codes = (0..count).map(|_| self.code(format)).collect();
        Codes::from_big(ArrayD::from_shape_vec(IxDyn(shape), codes).unwrap())
    }
}

pub fn format(text: &str) -> Format {
    text.parse().unwrap()
}

pub fn quantization(text: &str) -> Quantization {
    text.parse().unwrap()
}

/// Runs a network, one sample after another, as `ir::Op` documents each operation.
pub fn evaluate(graph: &Graph, inputs: &[(String, Codes)], samples: usize) -> Vectors {
    let order = graph.in_order();
    let mut results: Vec<Vec<BigInt>> = vec![Vec::new(); graph.outputs.len()];
    for sample in 0..samples {
        let mut values: std::collections::HashMap<NodeId, Vec<BigInt>> = Default::default();
        for node in &order {
            let this = &graph[*node];
            let operand = graph.operands(*node).first().copied();
            let result = match operand {
                None => {
                    let place = graph.inputs.iter().position(|input| input == node).unwrap();
                    let count = this.tensor.len();
                    inputs[place].1.iter().skip(sample * count).take(count).collect()
                }
                Some(operand) => {
                    let from = &graph[operand].tensor;
                    apply(&this.op, &values[&operand], from, &this.tensor)
                }
            };
            for (n, code) in result.iter().enumerate() {
                let channel = n % this.tensor.channel_count();
                let interval = this.tensor.interval_of(channel);
                assert!(
                    interval.contains(&Interval::point(code.clone())),
                    "{}: {code} is not in {interval}",
                    this.name
                );
            }
            values.insert(*node, result);
        }
        for (output, result) in graph.outputs.iter().zip(&mut results) {
            result.extend(values[&output.node].iter().cloned());
        }
    }
    let outputs = graph.outputs.iter().zip(results).map(|(output, codes)| {
        let mut shape = vec![samples];
        shape.extend(&graph[output.node].tensor.shape);
        let codes = ArrayD::from_shape_vec(IxDyn(&shape), codes).unwrap();
        (output.name.clone(), Codes::from_big(codes))
    });
    Vectors { inputs: inputs.to_vec(), outputs: outputs.collect() }
}

fn apply(op: &Op, x: &[BigInt], from: &Tensor, to: &Tensor) -> Vec<BigInt> {
    match op {
        Op::Input | Op::Reshape => x.to_vec(),
        Op::Linear(linear) => linear_of(linear, x, from, to),
        Op::Cast { rounding, overflow } => {
            let target = Quantization::new(to.format, *rounding, *overflow);
            x.iter().map(|code| cast(code, from.format.fraction(), &target)).collect()
        }
        Op::Clamp { low, high } => {
            let at_least =
                |code: BigInt| low.as_ref().map_or(code.clone(), |low| code.max(low.clone()));
            let at_most =
                |code: BigInt| high.as_ref().map_or(code.clone(), |high| code.min(high.clone()));
            x.iter().map(|code| at_most(at_least(code.clone()))).collect()
        }
        Op::Leaky { shift } => {
            let leak =
                |code: &BigInt| if *code < BigInt::zero() { code.clone() } else { code << *shift };
            x.iter().map(leak).collect()
        }
        Op::Steps(steps) => {
            let boundaries: Vec<BigInt> = steps.boundaries.codes.iter().collect();
            let values: Vec<BigInt> = steps.values.codes.iter().collect();
            x.iter().map(|code| values[boundaries.partition_point(|b| b <= code)].clone()).collect()
        }
        Op::Softmax(softmax) => {
            let rows = x.chunks(from.channel_count());
            rows.flat_map(|row| softmax_of(softmax, row, from.format, to.format)).collect()
        }
    }
}

fn linear_of(linear: &Linear, x: &[BigInt], from: &Tensor, to: &Tensor) -> Vec<BigInt> {
    let (inputs, outputs) = (linear.weights.codes.shape()[0], linear.weights.codes.shape()[1]);
    let weights: Vec<BigInt> = linear.weights.codes.iter().collect();
    let biases: Option<Vec<BigInt>> = linear.bias.as_ref().map(|b| b.codes.iter().collect());
    let product = from.format.fraction() + linear.weights.format.fraction();
    let up = |code: BigInt, fraction: i32| {
        code << u32::try_from(to.format.fraction() - fraction).unwrap()
    };
    let mut result = Vec::new();
    for row in x.chunks(inputs) {
        for o in 0..outputs {
            let sum: BigInt = (0..inputs).map(|i| &row[i] * &weights[i * outputs + o]).sum();
            let mut sum = up(sum, product);
            if let (Some(codes), Some(bias)) = (&biases, &linear.bias) {
                sum += up(codes[o].clone(), bias.format.fraction());
            }
            result.push(sum);
        }
    }
    result
}

fn softmax_of(softmax: &Softmax, row: &[BigInt], from: Format, to: Format) -> Vec<BigInt> {
    let look = |table: &Constant, code: BigInt| {
        table.codes.iter().nth(usize::try_from(code).unwrap()).unwrap()
    };
    let largest = row.iter().max().unwrap();
    let exponentials: Vec<BigInt> = row
        .iter()
        .map(|x| {
            look(&softmax.exp_table, cast(&(largest - x), from.fraction(), &softmax.exp_index))
        })
        .collect();
    let sum: BigInt = exponentials.iter().sum();
    let fraction = softmax.exp_table.format.fraction();
    let mut halvings = 0;
    while sum >= BigInt::one() << (fraction + 1 + halvings) {
        halvings += 1;
    }
    let rest = &sum - (BigInt::one() << (fraction + halvings));
    let index = cast(&rest, fraction + halvings, &softmax.inverse_index);
    let inverse = look(&softmax.inverse_table, index);
    let product = fraction + softmax.inverse_table.format.fraction() + halvings;
    let target = Quantization::new(to, softmax.rounding, softmax.overflow);
    exponentials.iter().map(|e| cast(&(e * &inverse), product, &target)).collect()
}

/// A network with random samples and what it makes of them.
pub struct Network {
    pub graph: Graph,
    pub vectors: Vectors,
}

impl Network {
    /// `graph` on `samples` random samples.
    pub fn new(graph: Graph, samples: usize, seed: u64) -> Self {
        let mut draw = Draw::new(seed);
        let inputs: Vec<(String, Codes)> = graph
            .inputs
            .iter()
            .map(|node| {
                let tensor = &graph[*node].tensor;
                let mut shape = vec![samples];
                shape.extend(&tensor.shape);
                (graph[*node].name.clone(), draw.codes(&shape, tensor.format))
            })
            .collect();
        let vectors = evaluate(&graph, &inputs, samples);
        Self { graph, vectors }
    }
}

/// Adds a matrix of random codes of `weights`, with biases of `bias` if given.
pub fn add_linear(
    graph: &mut Graph,
    name: &str,
    from: NodeId,
    outputs: usize,
    weights: &str,
    bias: Option<&str>,
    seed: u64,
) -> NodeId {
    let mut draw = Draw::new(seed);
    let tensor = graph[from].tensor.clone();
    let inputs = tensor.channel_count();
    let weights = Constant {
        codes: draw.codes(&[inputs, outputs], format(weights)),
        format: format(weights),
    };
    let bias = bias
        .map(|bias| Constant { codes: draw.codes(&[outputs], format(bias)), format: format(bias) });
    let product = tensor.format.fraction() + weights.format.fraction();
    let fraction = bias.as_ref().map_or(product, |b| b.format.fraction().max(product));
    let refine =
        |interval: Interval, at: i32| interval.refined(u32::try_from(fraction - at).unwrap());

    let codes: Vec<BigInt> = weights.codes.iter().collect();
    let biases: Option<Vec<BigInt>> = bias.as_ref().map(|b| b.codes.iter().collect());
    let mut channels = Vec::new();
    let mut holds = Interval::point(0);
    for o in 0..outputs {
        let mut sum = Interval::point(0);
        let mut partial = Interval::point(0);
        let mut term = |interval: Interval| {
            sum = &sum + &interval;
            partial = &partial + &interval.with_zero();
        };
        for i in 0..inputs {
            term(refine(tensor.interval_of(i) * &codes[i * outputs + o], product));
        }
        if let (Some(biases), Some(bias)) = (&biases, &bias) {
            term(refine(Interval::point(biases[o].clone()), bias.format.fraction()));
        }
        holds = holds.hull(&partial);
        channels.push(sum);
    }
    let mut shape = tensor.shape.clone();
    *shape.last_mut().unwrap() = outputs;
    let format = Format::covering(&holds, fraction).unwrap();
    let op = Op::Linear(Linear { weights, bias });
    graph.add(name, op, &[from], Tensor { shape, format, channels })
}

/// Adds a cast to `to`, which says its modes.
pub fn add_cast(graph: &mut Graph, name: &str, from: NodeId, to: &str) -> NodeId {
    let to = quantization(to);
    let shape = graph[from].tensor.shape.clone();
    let op = Op::Cast { rounding: to.rounding, overflow: to.overflow };
    graph.add(name, op, &[from], Tensor::full(shape, to.format))
}

/// Adds limits.
pub fn add_clamp(
    graph: &mut Graph,
    name: &str,
    from: NodeId,
    low: Option<i64>,
    high: Option<i64>,
) -> NodeId {
    let tensor = graph[from].tensor.clone();
    let limit = |code: &BigInt| {
        let code = low.map_or(code.clone(), |low| code.clone().max(low.into()));
        high.map_or(code.clone(), |high| code.min(high.into()))
    };
    let all = tensor.interval();
    let codes = Interval::new(limit(all.low()), limit(all.high()));
    let format = Format::covering(&codes, tensor.format.fraction()).unwrap();
    let op = Op::Clamp { low: low.map(BigInt::from), high: high.map(BigInt::from) };
    graph.add(name, op, &[from], Tensor { shape: tensor.shape, format, channels: vec![codes] })
}

/// Adds a leaky ReLU of slope 2^-`shift`.
pub fn add_leaky(graph: &mut Graph, name: &str, from: NodeId, shift: u32) -> NodeId {
    let tensor = graph[from].tensor.clone();
    let all = tensor.interval();
    let leak = |code: &BigInt| if *code < BigInt::zero() { code.clone() } else { code << shift };
    let codes = Interval::new(leak(all.low()), leak(all.high()));
    let fraction = tensor.format.fraction() + shift as i32;
    let format = Format::covering(&codes, fraction).unwrap();
    let tensor = Tensor { shape: tensor.shape, format, channels: vec![codes] };
    graph.add(name, Op::Leaky { shift }, &[from], tensor)
}

/// Adds a function that is `values[k]` from `boundaries[k - 1]` on.
pub fn add_steps(
    graph: &mut Graph,
    name: &str,
    from: NodeId,
    boundaries: &[i64],
    values: &[i64],
    fraction: i32,
) -> NodeId {
    let big = |codes: &[i64]| {
        codes.iter().map(|c| BigInt::from(*c)).collect::<ndarray::Array1<_>>().into_dyn()
    };
    let tensor = graph[from].tensor.clone();
    let values = Constant::of_codes(big(values), fraction).unwrap();
    let boundaries = Constant::of_codes(big(boundaries), tensor.format.fraction()).unwrap();
    let format = values.format;
    let codes = values.codes.interval().unwrap();
    let tensor = Tensor { shape: tensor.shape, format, channels: vec![codes] };
    graph.add(name, Op::Steps(Steps { boundaries, values }), &[from], tensor)
}

/// Adds a softmax with tables of 2^`index` and 2^`inverse` entries.
pub fn add_softmax(graph: &mut Graph, name: &str, from: NodeId, to: &str) -> NodeId {
    let to = quantization(to);
    let shape = graph[from].tensor.shape.clone();
    let columns = graph[from].tensor.channel_count();
    let exp_index = quantization("ufixed<6,3,RND,SAT>");
    let inverse_index = quantization("ufixed<6,0,RND,SAT>");
    let exp = quantization("ufixed<11,1,RND,SAT>");
    let inverse = quantization("ufixed<10,1,RND,SAT>");
    let table = |index: Quantization, of: Quantization, function: fn(f64) -> f64| {
        let codes = (0..1_u32 << index.format.width()).map(|code| {
            let value = function(f64::from(code) * index.format.lsb());
            BigInt::from((value / of.format.lsb()).round() as i64)
                .min(of.format.codes().high().clone())
        });
        let codes = codes.collect::<ndarray::Array1<_>>().into_dyn();
        Constant { codes: Codes::from_big(codes), format: of.format }
    };
    let halvings = usize::BITS - columns.leading_zeros();
    let softmax = Softmax {
        exp_index,
        exp_table: table(exp_index, exp, |d| (-d).exp()),
        sum: Format::unsigned(11 + halvings, 1 + halvings as i32).unwrap(),
        halvings,
        inverse_index,
        inverse_table: table(inverse_index, inverse, |f| 1.0 / (1.0 + f)),
        rounding: to.rounding,
        overflow: to.overflow,
    };
    graph.add(name, Op::Softmax(softmax), &[from], Tensor::full(shape, to.format))
}

/// Two dense layers between quantizers, 6-5-3: what most tests look at.
pub fn small() -> Network {
    let mut graph = Graph::new("tiny");
    let x = graph.add_input("input_1", Tensor::full(vec![6], format("fixed<8,1>")));
    let fc1 = add_linear(&mut graph, "fc1", x, 5, "fixed<6,1>", Some("fixed<6,1>"), 1);
    let relu1 = add_cast(&mut graph, "relu1", fc1, "ufixed<6,0,RND_CONV,SAT>");
    let fc2 = add_linear(&mut graph, "fc2", relu1, 3, "fixed<4,1>", None, 2);
    let out = add_cast(&mut graph, "scores", fc2, "fixed<8,3,RND,SAT_SYM>");
    graph.add_output("scores", out);
    Network::new(graph, 32, 3)
}

/// Overflow of a mode that ap_fixed and ac_fixed share.
pub const SHARED_OVERFLOWS: [Overflow; 4] =
    [Overflow::WRAP, Overflow::Sat, Overflow::SatZero, Overflow::SatSym];

/// Rounding of a mode that ap_fixed and ac_fixed share.
pub const SHARED_ROUNDINGS: [Rounding; 7] = [
    Rounding::Trn,
    Rounding::TrnZero,
    Rounding::Rnd,
    Rounding::RndZero,
    Rounding::RndInf,
    Rounding::RndMinInf,
    Rounding::RndConv,
];
