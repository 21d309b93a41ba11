//! Functions and quantizers as graphs, on every code of small types.

use ndarray::{Array1, ArrayD, IxDyn, array};
use num_bigint::BigInt;

use super::tests::{Outcome, chain, message, nodes, settings};
use super::{LayerSettings, Settings, lower};
use crate::fixed::{Codes, Quantization, Range, cast_real};
use crate::function::{Function, Relu};
use crate::model::{Activation, LayerKind, Model};
use crate::quantizer::Quantizer;
use crate::sim;

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

fn function(function: Function) -> LayerKind {
    LayerKind::Activation(Activation::Function(function))
}

fn quantizer(call: &str) -> Fallible<LayerKind> {
    Ok(LayerKind::Activation(Activation::Quantizer(call.parse()?)))
}

/// Results of the last layer of `model` for every code of its input, whose type is small.
fn all_results(model: &Model, settings: &Settings) -> Fallible<Vec<(f64, f64)>> {
    let graph = lower(model, settings)?.graph;
    let format = settings.input;
    let codes = format.codes();
    let codes: Vec<BigInt> =
        std::iter::successors(Some(codes.low().clone()), |code| Some(code + 1))
            .take_while(|code| code <= codes.high())
            .collect();
    let samples = Codes::from_big(ArrayD::from_shape_vec(IxDyn(&[codes.len(), 1]), codes)?);
    let trace = sim::run(&graph, std::slice::from_ref(&samples))?;
    let output = graph.outputs[0].node;
    let results = trace.of(output).ok_or("no result")?.to_values(graph[output].tensor.format);
    let numbers = samples.to_values(format);
    Ok(numbers.iter().copied().zip(results.iter().copied()).collect())
}

const INPUTS: [&str; 5] = ["fixed<9,4>", "ufixed<7,3>", "fixed<8,-1>", "fixed<6,8>", "fixed<1,1>"];

fn rectifiers() -> Vec<Function> {
    let parts = [None, Some(0.0), Some(2.5)];
    let slopes = [0.0, 0.25, 0.625, -0.5, 2.0];
    let thresholds = [0.0, 1.0, 0.3, 4.0, -1.0];
    let mut all = vec![];
    for max_value in parts {
        for negative_slope in slopes {
            for threshold in thresholds {
                all.push(Function::Relu(Relu { max_value, negative_slope, threshold }));
            }
        }
    }
    all
}

fn tabulated_functions() -> Vec<Function> {
    vec![
        Function::Relu(Relu::leaky(0.3)),
        Function::Tanh,
        Function::Sigmoid,
        Function::HardSigmoid { inverse_slope: 5 },
        Function::HardSigmoid { inverse_slope: 6 },
        Function::Softplus,
        Function::Softsign,
        Function::Elu { alpha: 1.5 },
        Function::Elu { alpha: -1.0 },
        Function::Selu,
        Function::Exponential,
        Function::Silu,
        Function::HardSilu,
        Function::Gelu,
        Function::Mish,
        Function::LogSigmoid,
        Function::TanhShrink,
        Function::HardShrink,
        Function::SoftShrink,
        Function::Squareplus,
        Function::SparsePlus,
        Function::SparseSigmoid,
    ]
}

#[test]
fn exact_functions_keep_every_bit() -> Outcome {
    for kind in rectifiers().into_iter().chain([Function::HardTanh]) {
        for input in INPUTS {
            let model = chain(1, vec![("f", function(kind))]);
            let settings = settings(input)?;
            assert_eq!(lower(&model, &settings)?.warnings, [], "{kind}");
            for (x, y) in all_results(&model, &settings)? {
                assert_eq!(y, kind.value(x) + 0.0, "{kind} of {x} ({input})");
            }
        }
    }
    Ok(())
}

#[test]
fn other_functions_get_the_configured_type() -> Outcome {
    for kind in tabulated_functions() {
        for precision in
            ["fixed<16,6>", "fixed<7,2>", "ufixed<8,4,RND,SAT>", "fixed<6,2,RND_CONV,SAT_ZERO>"]
        {
            let precision: Quantization = precision.parse()?;
            for input in INPUTS {
                let model = chain(1, vec![("f", function(kind))]);
                let settings = Settings { precision, ..settings(input)? };
                for (x, y) in all_results(&model, &settings)? {
                    let code = cast_real(kind.value(x), &precision).ok_or("not finite")?;
                    let code: Vec<BigInt> = vec![code];
                    let code = Codes::from_big(Array1::from_vec(code).into_dyn());
                    let expected = code.to_values(precision.format)[[0]];
                    assert_eq!(y, expected, "{kind} of {x} ({input}) as {precision}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn non_monotone_quantizers_are_step_functions() -> Outcome {
    let calls = [
        "quantized_hswish(5,1)",
        "quantized_hswish(6,2,relu_shift=4,relu_upper_bound=3)",
        "quantized_hswish(6,2,relu_shift=4,relu_upper_bound=1)",
        "quantized_hswish(6,2,alpha=-0.75)",
        "quantized_po2(4,quadratic_approximation=1)",
        "quantized_relu_po2(3,quadratic_approximation=1)",
        "quantized_relu_po2(3,negative_slope=0.5,quadratic_approximation=1)",
        "binary(alpha=-1)",
        "ternary(alpha=-0.3)",
        "quantized_bits(4,1,alpha=-0.5)",
        "quantized_tanh(5,use_real_tanh=1)",
        "quantized_tanh(1,symmetric=1)",
        "quantized_sigmoid(5,symmetric=1)",
        "binary_tanh",
        "binary_sigmoid",
        "smooth_sigmoid",
        "smooth_tanh",
        "hard_sigmoid",
    ];
    // Codes with an LSB of 2^-30 lie on both sides of epsilon.
    for input in INPUTS.into_iter().chain(["fixed<9,-21>"]) {
        for call in calls {
            let model = chain(1, vec![("a", quantizer(call)?)]);
            let quantizer: Quantizer = call.parse()?;
            for (x, y) in all_results(&model, &settings(input)?)? {
                assert_eq!(y, quantizer.apply(x), "{call} of {x} ({input})");
            }
        }
    }
    Ok(())
}

#[test]
fn logarithms_are_rounded_to_sixteen_bits() -> Outcome {
    let call = "quantized_ulaw(6,1)";
    let quantizer_of: Quantizer = call.parse()?;
    let model = chain(1, vec![("a", quantizer(call)?)]);
    let lowered = lower(&model, &settings("fixed<9,4>")?)?;
    assert_eq!(lowered.warnings, []);
    assert_eq!(nodes(&lowered.graph)[1].1, "step_function");
    for (x, y) in all_results(&model, &settings("fixed<9,4>")?)? {
        let exact = quantizer_of.apply(x);
        assert!((y - exact).abs() <= 2.0_f64.powi(-16), "{y} of {x}, not {exact}");
    }
    Ok(())
}

#[test]
fn a_function_before_a_quantizer_is_merged_into_it() -> Outcome {
    for call in
        ["quantized_bits(8,0,alpha=1)", "quantized_relu(4,1)", "binary", "quantized_ulaw(4)"]
    {
        for kind in [Function::Tanh, Function::Silu, Function::Exponential] {
            let model = chain(1, vec![("f", function(kind)), ("q", quantizer(call)?)]);
            let settings = settings("fixed<9,4>")?;
            let lowered = lower(&model, &settings)?;
            assert_eq!(lowered.warnings, []);
            assert_eq!(
                nodes(&lowered.graph),
                [("x".into(), "input"), ("q".into(), "step_function")]
            );
            let quantizer: Quantizer = call.parse()?;
            for (x, y) in all_results(&model, &settings)? {
                let exact = quantizer.apply(kind.value(x));
                assert!((y - exact).abs() <= 2.0_f64.powi(-17), "{call} of {kind} of {x}: {y}");
            }
        }
    }
    // A linear piece needs no table: its product is exact.
    let leaky = Function::Relu(Relu::leaky(0.3));
    let call = "quantized_bits(6,2,alpha=1)";
    let model = chain(1, vec![("f", function(leaky)), ("q", quantizer(call)?)]);
    let lowered = lower(&model, &settings("fixed<9,4>")?)?;
    assert_eq!(lowered.warnings, []);
    let quantizer_of: Quantizer = call.parse()?;
    for (x, y) in all_results(&model, &settings("fixed<9,4>")?)? {
        assert_eq!(y, quantizer_of.apply(leaky.value(x)));
    }
    Ok(())
}

/// A nested layer leaves its function to the quantizer after the outer layer.
#[test]
fn a_nested_function_is_merged_into_the_next_quantizer() -> Outcome {
    let call = "quantized_bits(8,0,alpha=1)";
    for wrap in [LayerKind::ChannelsFirst, LayerKind::TimeDistributed] {
        let inside = wrap(Box::new(function(Function::Tanh)));
        let mut model = chain(1, vec![("f", inside), ("q", quantizer(call)?)]);
        let input = model.inputs[0];
        model.graph[input].kind = LayerKind::Input { shape: vec![2, 3] };
        let lowered = lower(&model, &settings("fixed<9,4>")?)?;
        assert_eq!(lowered.functions, [("f".to_string(), Function::Tanh)].into());
        let codes = vec![-200_i64, -31, -7, 5, 19, 180];
        let x = Codes::Narrow(ArrayD::from_shape_vec(IxDyn(&[1, 2, 3]), codes)?);
        let numbers = x.to_values("fixed<9,4>".parse()?);
        let trace = sim::run(&lowered.graph, &[x])?;
        let value = |layer: &str| -> Fallible<ArrayD<f64>> {
            let found = lowered.graph.layers.iter().find(|(name, _)| name == layer);
            let node = found.ok_or("no such layer")?.1;
            let codes = trace.of(node).ok_or("no result")?;
            Ok(codes.to_values(lowered.graph[node].tensor.format))
        };
        let quantizer: Quantizer = call.parse()?;
        assert_eq!(value("f")?, numbers);
        assert_eq!(value("q")?, numbers.mapv(|x| quantizer.apply(Function::Tanh.value(x))));
    }
    Ok(())
}

#[test]
fn a_function_with_other_uses_keeps_its_own_type() -> Outcome {
    let tanh = || function(Function::Tanh);
    let kinds = |model: &Model, settings: &Settings| -> Fallible<Vec<(String, &'static str)>> {
        let mut graph = lower(model, settings)?.graph;
        crate::passes::run(&mut graph)?;
        Ok(nodes(&graph))
    };
    let expected = [("x", "input"), ("f", "step_function"), ("q", "cast")];
    let expected = expected.map(|(name, op)| (name.to_string(), op));
    let q = || quantizer("quantized_bits(4,0,alpha=1)");

    // Its result is an output of the model.
    let mut model = chain(1, vec![("f", tanh()), ("q", q()?)]);
    let f = model.sources(model.outputs[0])[0];
    model.outputs.push(f);
    assert_eq!(kinds(&model, &settings("fixed<9,4>")?)?, expected);
    // The user chose its type.
    let model = chain(1, vec![("f", tanh()), ("q", q()?)]);
    let mut chosen = settings("fixed<9,4>")?;
    let result = Some("fixed<8,1,RND,SAT>".parse()?);
    chosen.layers.insert("f".into(), LayerSettings { result, ..LayerSettings::default() });
    assert_eq!(kinds(&model, &chosen)?, expected);
    // A layer without a quantizer takes it.
    let model = chain(1, vec![("f", tanh()), ("g", LayerKind::Flatten), ("q", q()?)]);
    assert_eq!(kinds(&model, &settings("fixed<9,4>")?)?[1], ("f".into(), "step_function"));
    Ok(())
}

#[test]
fn prelu_has_slopes_per_element_or_channel() -> Outcome {
    let mut model = chain(1, vec![]);
    let input = model.inputs[0];
    model.graph[input].kind = LayerKind::Input { shape: vec![2, 3] };
    let shapes: [(&[usize], usize); 4] = [(&[2, 3], 6), (&[1, 3], 3), (&[2, 1], 6), (&[1, 1], 1)];
    for (shape, count) in shapes {
        let mut model = model.clone();
        let slopes: usize = shape.iter().product();
        let slope = |n: usize| n as f32 / 8.0 - 0.25;
        let alpha = ArrayD::from_shape_vec(IxDyn(shape), (0..slopes).map(slope).collect())?;
        let kind = LayerKind::PRelu(alpha.clone());
        let layer =
            crate::model::Layer { name: "p".into(), class: "PReLU".into(), kind, origin: None };
        let layer = model.graph.add_node(layer);
        model.graph.add_edge(input, layer, 0);
        model.outputs = vec![layer];
        let lowered = lower(&model, &settings("fixed<6,3>")?)?;
        let text = lowered.warnings.iter().map(|warning| warning.to_string()).collect::<String>();
        assert!(text.contains("no quantizer for alpha and result"), "{text}");
        let bends = lowered.graph.nodes.node_weights().filter_map(|node| match &node.op {
            crate::ir::Op::Leaky(leaky) => Some(leaky.slopes.codes.len()),
            _ => None,
        });
        assert_eq!(bends.collect::<Vec<_>>(), [count]);
        let codes = array![[[-8_i64, -4, -1], [-6, 3, -7]]].into_dyn();
        let trace = sim::run(&lowered.graph, &[Codes::Narrow(codes.clone())])?;
        let output = lowered.graph.outputs[0].node;
        let found = trace.of(output).ok_or("no result")?;
        let found = found.to_values(lowered.graph[output].tensor.format);
        let alpha = alpha.broadcast(IxDyn(&[1, 2, 3])).ok_or("no broadcast")?.to_owned();
        for ((code, alpha), y) in codes.iter().zip(&alpha).zip(&found) {
            let x = *code as f64 / 8.0;
            assert_eq!(*y, if x < 0.0 { x * f64::from(*alpha) } else { x });
        }
    }
    Ok(())
}

/// Values beyond a type that saturates are not steps: exp(31) in units of 1/512 has far more than a
/// table.
#[test]
fn values_beyond_a_type_that_saturates_do_not_count() -> Outcome {
    let model = chain(1, vec![("f", function(Function::Exponential))]);
    let input = settings("fixed<18,6>")?;
    let saturates = Settings { precision: "fixed<12,3,RND,SAT>".parse()?, ..input.clone() };
    let lowered = lower(&model, &saturates)?;
    let output = lowered.graph.outputs[0].node;
    assert_eq!(lowered.graph[output].tensor.range(), Range::new(0, 2047));
    let codes = array![[-131072_i64], [0], [4096], [131071]].into_dyn();
    let trace = sim::run(&lowered.graph, &[Codes::Narrow(codes)])?;
    let found: Vec<String> =
        trace.of(output).ok_or("no result")?.iter().map(|code| code.to_string()).collect();
    // e^-32, 1, e and e^32 in units of 1/512.
    assert_eq!(found, ["0", "512", "1392", "2047"]);
    let wraps = Settings { precision: "fixed<12,3,RND>".parse()?, ..input };
    assert_eq!(message(&model, &wraps), "layer 'f': 'exponential' has more than 65536 values here");
    Ok(())
}

#[test]
fn every_message_of_a_function() -> Outcome {
    let wide = Settings { precision: "fixed<40,10>".parse()?, ..settings("fixed<24,6>")? };
    let model = chain(1, vec![("f", function(Function::Softplus))]);
    assert_eq!(message(&model, &wide), "layer 'f': 'softplus' has more than 65536 values here");
    let prelu = LayerKind::PRelu(array![0.25_f32, 0.5].into_dyn());
    let text = message(&chain(3, vec![("p", prelu)]), &Settings::default());
    assert_eq!(text, "layer 'p' has weights for 2 inputs, its operand has 3");

    // Exponentials exceed every type.
    let model = chain(1, vec![("f", function(Function::Exponential))]);
    let lowered = lower(&model, &settings("fixed<12,11>")?)?;
    let warnings: Vec<String> = lowered.warnings.iter().map(ToString::to_string).collect();
    let [cut, overflow] = &warnings[..] else { return Err(format!("{warnings:?}").into()) };
    assert!(
        cut.starts_with("layer 'f': no quantizer for the result of exponential; quantized to ")
    );
    let start = "layer 'f': result precision fixed<16,6> cannot hold the range [0, ";
    assert!(overflow.starts_with(start), "{overflow}");
    assert!(overflow.ends_with("; values wrap. Set overflow SAT."), "{overflow}");
    Ok(())
}
