//! Tests of the simulation: each operation against its definition.

use ndarray::{ArrayD, IxDyn, array};
use num_bigint::BigInt;

use super::{SimError, run, vectors};
use crate::fixed::{Codes, Format, Overflow, Range, Rounding};
use crate::ir::{Affine, Constant, Graph, Leaky, Linear, NodeId, Op, Tensor};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn graph(shape: Vec<usize>, format: &str) -> Result<(Graph, NodeId), Box<dyn std::error::Error>> {
    let mut graph = Graph::new("g");
    let x = graph.add_input("x", Tensor::full(shape, format.parse()?));
    Ok((graph, x))
}

fn codes(shape: &[usize], codes: &[i64]) -> Result<Codes, ndarray::ShapeError> {
    ArrayD::from_shape_vec(IxDyn(shape), codes.to_vec()).map(Codes::Narrow)
}

#[test]
fn the_worked_network_of_the_ir() -> Outcome {
    let (mut graph, x) = graph(vec![2], "fixed<4,1>")?;
    let weights = Constant::covering(array![[0.75], [-0.5]].into_dyn().view())?;
    let fc = graph.add(
        "fc",
        Op::Linear(Linear { weights, bias: None }),
        &[x],
        Tensor {
            shape: vec![1],
            format: "fixed<7,2>".parse()?,
            channels: vec![Range::new(-38, 37)],
        },
    );
    let cast = Op::Cast { rounding: Rounding::RndConv, overflow: Overflow::Sat };
    let tensor =
        Tensor { shape: vec![1], format: "ufixed<2,1>".parse()?, channels: vec![Range::new(0, 2)] };
    let act = graph.add("act", cast, &[fc], tensor);
    graph.add_output("act", act);
    crate::ir::validate(&graph)?;
    let trace = run(&graph, &[codes(&[3, 2], &[7, -8, -8, 7, 4, 2])?])?;
    // 3·7 + 2·8, -3·8 - 2·7, 3·4 - 2·2.
    assert_eq!(trace.of(fc), Some(&codes(&[3, 1], &[37, -38, 8])?));
    assert_eq!(trace.of(act), Some(&codes(&[3, 1], &[2, 0, 0])?));
    Ok(())
}

/// A dense layer of one output over `count` inputs, all weights and inputs the largest of their
/// formats, computed in the word that the formats ask for.
fn extreme_sum(
    input: &str,
    weight: f64,
    count: usize,
) -> Result<BigInt, Box<dyn std::error::Error>> {
    let (mut graph, x) = graph(vec![count], input)?;
    let weights = ArrayD::from_elem(IxDyn(&[count, 1]), weight);
    let weights = Constant::covering(weights.view())?;
    let linear = Linear { weights, bias: None };
    let sums = linear.sums(&graph[x].tensor).ok_or("no sums")?;
    let format = Format::covering(&sums.partial, sums.fraction)?;
    let tensor = Tensor { shape: vec![1], format, channels: sums.channels };
    let y = graph.add("y", Op::Linear(linear), &[x], tensor);
    graph.add_output("y", y);
    crate::ir::validate(&graph)?;
    let largest = graph[x].tensor.format.codes().high().clone();
    let samples = ArrayD::from_elem(IxDyn(&[1, count]), largest);
    let trace = run(&graph, &[Codes::from_big(samples)])?;
    trace.of(y).and_then(|codes| codes.get(0)).ok_or_else(|| "no result".into())
}

#[test]
fn sums_beyond_64_bits_are_exact() -> Outcome {
    let largest = |width: u32| (BigInt::from(1) << width) - 1;
    // 63 bits times 3: narrow operands, a wide sum.
    assert_eq!(extreme_sum("ufixed<63,63>", 3.0, 5)?, largest(63) * 15);
    // An unsigned operand of 64 bits is wide itself.
    assert_eq!(extreme_sum("ufixed<64,0>", 1.0, 1)?, largest(64));
    assert_eq!(extreme_sum("ufixed<100,3>", -5.0, 7)?, largest(100) * -35);
    Ok(())
}

/// What an affine operation makes of `samples`, rows of two channels.
fn scaled(
    input: &str,
    affine: Affine,
    samples: &[i64],
) -> Result<Vec<BigInt>, Box<dyn std::error::Error>> {
    let (mut graph, x) = graph(vec![2], input)?;
    let y = affine.result(&graph[x].tensor)?;
    let y = graph.add("y", Op::Affine(affine), &[x], y);
    graph.add_output("y", y);
    crate::ir::validate(&graph)?;
    let trace = run(&graph, &[codes(&[samples.len() / 2, 2], samples)?])?;
    Ok(trace.of(y).ok_or("no result")?.iter().collect())
}

#[test]
fn an_affine_operation_acts_on_each_channel() -> Outcome {
    let constant = |v: &[f64]| Constant::covering(ndarray::aview1(v).into_dyn());
    let affine = Affine { scale: constant(&[0.75, -2.0])?, offset: Some(constant(&[0.5])?) };
    // In steps of 1/8: 6·x + 4 and -16·x + 4, the operand's steps being 1/2.
    let found = scaled("fixed<4,3>", affine.clone(), &[-8, 7, 3, -1])?;
    assert_eq!(found, [-20, -52, 13, 12].map(BigInt::from));
    // The same numbers where the operand's format is wide.
    let found = scaled("fixed<80,79>", affine, &[-8, 7, 3, -1])?;
    assert_eq!(found, [-20, -52, 13, 12].map(BigInt::from));
    // A result beyond 64 bits from narrow operands.
    let large = Affine { scale: constant(&[f64::exp2(60.0) + f64::exp2(8.0)])?, offset: None };
    let scale: BigInt = (BigInt::from(1) << 52) + 1;
    let found = scaled("fixed<40,40>", large, &[1 << 38, -1])?;
    assert_eq!(found, [&scale << 38, -scale]);
    Ok(())
}

#[test]
fn leaky_clamp_and_scale_are_what_they_say() -> Outcome {
    let (mut graph, x) = graph(vec![1], "fixed<4,4>")?;
    let tensor = |format: &str, low: i64, high: i64| -> Result<Tensor, crate::fixed::FormatError> {
        let channels = vec![Range::new(low, high)];
        Ok(Tensor { shape: vec![1], format: format.parse()?, channels })
    };
    let clamp = Op::Clamp { low: Some((-3).into()), high: Some(5.into()) };
    let clamp = graph.add("clamp", clamp, &[x], tensor("fixed<4,4>", -3, 5)?);
    let slopes = Constant::covering(array![0.25].into_dyn().view())?;
    let leaky = Leaky { from: 0.into(), slopes, offset: None };
    let leaky = graph.add("leaky", Op::Leaky(leaky), &[clamp], tensor("fixed<6,4>", -3, 20)?);
    let scale = Op::Scale { power: 3 };
    let scale = graph.add("scale", scale, &[leaky], tensor("fixed<6,7>", -3, 20)?);
    graph.add_output("scale", scale);
    crate::ir::validate(&graph)?;
    let all: Vec<i64> = (-8..8).collect();
    let trace = run(&graph, &[codes(&[16, 1], &all)?])?;
    let values = trace.of(scale).map(|codes| codes.to_values(graph[scale].tensor.format));
    let values = values.ok_or("no result")?;
    for (x, y) in all.iter().zip(values.iter()) {
        let clamped = (*x as f64).clamp(-3.0, 5.0);
        let expected = 8.0 * if clamped < 0.0 { clamped / 4.0 } else { clamped };
        assert_eq!(*y, expected, "of {x}");
    }
    Ok(())
}

#[test]
fn samples_that_do_not_fit_are_refused() -> Outcome {
    let (mut graph, x) = graph(vec![2], "fixed<4,1>")?;
    let second = graph.add_input("z", Tensor::full(vec![1], "fixed<4,1>".parse()?));
    graph.add_output("x", x);
    graph.add_output("z", second);
    let good = || codes(&[1, 2], &[7, -8]);
    let cases = [
        (vec![good()?], "the network has 2 inputs, not 1"),
        (
            vec![codes(&[2], &[1, 1])?, codes(&[1, 1], &[0])?],
            "input 'x' takes samples of the shape [2] behind an axis that counts them; the array has \
             the shape [2]",
        ),
        (
            vec![good()?, codes(&[3, 1], &[0, 0, 0])?],
            "input 'z' has 3 samples, the first input has 1",
        ),
        (
            vec![codes(&[1, 2], &[8, 0])?, codes(&[1, 1], &[0])?],
            "input 'x' holds a code beyond its format",
        ),
    ];
    for (inputs, message) in cases {
        let error: Option<SimError> = run(&graph, &inputs).err();
        assert_eq!(error.map(|e| e.to_string()).as_deref(), Some(message));
    }
    Ok(())
}

#[test]
fn a_broken_graph_is_an_error() -> Outcome {
    let (mut graph, x) = graph(vec![2], "fixed<4,1>")?;
    let tensor = graph[x].tensor.clone();
    graph.add("lost", Op::Reshape, &[], tensor);
    let error = run(&graph, &[codes(&[1, 2], &[0, 0])?]).err().map(|e| e.to_string());
    let message = "node 'lost' cannot be computed: the graph is not valid";
    assert_eq!(error.as_deref(), Some(message));
    Ok(())
}

#[test]
fn made_up_samples_reach_both_ends_and_repeat() -> Outcome {
    for format in ["fixed<8,1>", "ufixed<3,0>", "fixed<1,1>", "ufixed<128,64>"] {
        let (graph, x) = graph(vec![3], format)?;
        let samples = vectors(&graph, 20);
        assert_eq!(samples, vectors(&graph, 20));
        let range = graph[x].tensor.format.codes();
        assert_eq!(samples[0].range(), Some(range), "{format}");
        assert_eq!(samples[0].shape(), [20, 3]);
        let distinct: std::collections::HashSet<BigInt> = samples[0].iter().collect();
        assert!(distinct.len() > 1);
    }
    Ok(())
}

#[test]
fn quantizing_rounds_halves_to_even_and_counts() -> Outcome {
    let format = "fixed<4,2>".parse()?;
    let values = array![0.125, 0.375, -0.125, 1.75, 5.0, -2.0, -2.1, f64::INFINITY, 1e-320, -1e300];
    let found = super::quantize(&values.into_dyn().view(), format).ok_or("NaN")?;
    let expected = codes(&[10], &[0, 2, 0, 7, 7, -8, -8, 7, 0, -8])?;
    assert_eq!(found.codes, expected);
    assert_eq!((found.rounded, found.saturated), (4, 4));
    assert_eq!(super::quantize(&array![f64::NAN].into_dyn().view(), format), None);
    Ok(())
}
