//! Tests of quantizers with several scales: every code of every channel against the quantizer that
//! has that channel's scale alone.

use ndarray::{ArrayD, IxDyn};

use super::tests::{Outcome, chain, message, nodes, settings};
use super::{Settings, lower};
use crate::fixed::Codes;
use crate::function::Function;
use crate::ir::Graph;
use crate::model::{Activation, LayerKind, Model};
use crate::quantizer::Quantizer;
use crate::sim;

const INPUT: &str = "fixed<7,3>";

fn act(call: &str) -> Result<LayerKind, Box<dyn std::error::Error>> {
    Ok(LayerKind::Activation(Activation::Quantizer(call.parse()?)))
}

/// A model whose samples have `shape`.
fn shaped(shape: &[usize], layers: Vec<(&str, LayerKind)>) -> Model {
    let mut model = chain(1, layers);
    if let LayerKind::Input { shape: axes } = &mut model.graph[model.inputs[0]].kind {
        *axes = shape.to_vec();
    }
    model
}

/// Compares the results of `model` for every code with `call` of `before` of it, element by
/// element.
#[track_caller]
fn check(
    model: &Model,
    call: &str,
    before: &dyn Fn(f64) -> f64,
) -> Result<Graph, Box<dyn std::error::Error>> {
    let mut graph = lower(model, &settings(INPUT)?)?.graph;
    let tensor = &graph[graph.inputs[0]].tensor;
    let (format, shape) = (tensor.format, tensor.shape.clone());
    let quantizer: Quantizer = call.parse()?;
    let scales = quantizer.scaled().ok_or("one scale")?.over(&shape)?;
    let numbers: Vec<i64> = (-64..64).flat_map(|code| vec![code; scales.len()]).collect();
    let axes = [&[128], shape.as_slice()].concat();
    let samples = Codes::Narrow(ArrayD::from_shape_vec(IxDyn(&axes), numbers)?);
    for _ in 0..2 {
        let trace = sim::run(&graph, std::slice::from_ref(&samples))?;
        let output = graph.outputs[0].node;
        let found = trace.of(output).ok_or("no result")?.to_values(graph[output].tensor.format);
        let scaled = quantizer.scaled().ok_or("one scale")?;
        let all = samples.to_values(format);
        for ((x, y), scale) in all.iter().zip(&found).zip(scales.iter().cycle()) {
            assert_eq!(*y, scaled.with(*scale).apply(before(*x)), "{call} of {x}, scale {scale}");
        }
        // Again after the passes.
        crate::passes::run(&mut graph)?;
    }
    Ok(graph)
}

fn ops(graph: &Graph) -> Vec<&'static str> {
    nodes(graph).iter().skip(1).map(|(_, op)| *op).collect()
}

const CALLS: [&str; 12] = [
    "quantized_bits(4,1,1,alpha=[0.5 1.0 3.0])",
    "quantized_bits(4,1,0,alpha=[0.7 -0.25 0.0])",
    "quantized_bits(1,0,1,alpha=[0.5 1.0 3.0])",
    "quantized_bits(4,1,1,alpha='auto',post_training_scale=[0.5 1.0 2.0])",
    "quantized_bits(4,1,1,alpha='auto',post_training_scale=[0.3 1.0 0.3])",
    "quantized_linear(4,1,1,alpha=[0.5 1.0 4.0])",
    "quantized_linear(4,1,0,alpha=[0.7 -1.0 3.0])",
    "quantized_linear(1,1,alpha=[0.5 -1.0 0.7])",
    "binary(alpha=[0.5 1.0 3.0])",
    "ternary(alpha=[0.5 1.0 3.0],threshold=0.6)",
    "quantized_hswish(4,1,alpha=[0.5 1.0 3.0])",
    "quantized_hswish(4,1,alpha='auto',post_training_scale=[0.5 1.0 2.0])",
];

#[test]
fn each_channel_equals_the_quantizer_with_its_scale() -> Outcome {
    for call in CALLS {
        check(&shaped(&[2, 3], vec![("act", act(call)?)]), call, &|x| x)?;
        // Through a function.
        let layers = vec![("f", LayerKind::Activation(Activation::Function(Function::Tanh)))];
        let layers = layers.into_iter().chain([("act", act(call)?)]).collect();
        check(&shaped(&[3], layers), call, &|x| Function::Tanh.value(x))?;
    }
    Ok(())
}

#[test]
fn multiplying_scales_follow_a_common_quantizer() -> Outcome {
    let model =
        |call: &str| Ok::<_, Box<dyn std::error::Error>>(shaped(&[3], vec![("act", act(call)?)]));
    let graph = check(&model(CALLS[0])?, CALLS[0], &|x| x)?;
    let expected = [("x", "input"), ("act_activation", "cast"), ("act", "affine")];
    assert_eq!(nodes(&graph), expected.map(|(name, op)| (name.to_string(), op)));
    // Only powers of two divide the operand.
    let graph = check(&model(CALLS[5])?, CALLS[5], &|x| x)?;
    assert_eq!(ops(&graph), ["affine", "cast", "affine"]);
    let graph = check(&model(CALLS[4])?, CALLS[4], &|x| x)?;
    let groups = ["gather", "step_function", "gather", "cast", "cast", "cast", "concat", "gather"];
    assert_eq!(ops(&graph).iter().filter(|op| **op == "gather").count(), 3, "{:?}", ops(&graph));
    assert!(ops(&graph).iter().all(|op| groups.contains(op)));
    // Equal scales are a single one.
    let same = "quantized_bits(4,1,1,alpha=[2.0 2.0 2.0])";
    assert_eq!(ops(&check(&model(same)?, same, &|x| x)?), ["cast", "scale"]);
    Ok(())
}

#[test]
fn scales_may_differ_along_other_axes() -> Outcome {
    for call in [
        "quantized_bits(4,1,1,alpha=[[0.5] [3.0]])",
        "quantized_linear(4,1,1,alpha=[[0.5 1.0 3.0] [1.0 0.5 0.7]])",
        "binary(alpha=[[[0.5] [3.0]]])",
    ] {
        check(&shaped(&[2, 3], vec![("act", act(call)?)]), call, &|x| x)?;
    }
    Ok(())
}

#[test]
fn scales_of_another_shape_are_an_error() -> Outcome {
    let model = shaped(&[2, 2], vec![("act", act("quantized_bits(4,1,1,alpha=[0.5 1.0 3.0])")?)]);
    assert_eq!(
        message(&model, &Settings::default()),
        "layer 'act', activation: quantized_bits(4,1,1,alpha=[0.5 1.0 3.0]) on samples of shape \
         [2, 2]: its scales have the shape [3], which does not broadcast to theirs"
    );
    Ok(())
}
