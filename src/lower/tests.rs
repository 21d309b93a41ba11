//! Tests of lowering: operations of layers, every message.

use std::error::Error;

use ndarray::{Array1, Array2, ArrayD, IxDyn, array};

use super::{LayerSettings, LowerError, Settings, lower};
use crate::fixed::Codes;
use crate::function::{Function, Relu};
use crate::ir::{Graph, Op};
use crate::model::{Activation, Dense, Layer, LayerKind, Merge, Model};
use crate::quantizer::{Adaptive, AdaptiveRule, Quantizer};
use crate::sim;

pub(super) type Outcome = Result<(), Box<dyn Error>>;

/// An input `x` of `inputs` elements and a chain of layers.
pub(super) fn chain(inputs: usize, layers: Vec<(&str, LayerKind)>) -> Model {
    let mut graph = petgraph::graph::DiGraph::new();
    let layer =
        |name: &str, kind| Layer { name: name.into(), class: "Any".into(), kind, origin: None };
    let input = graph.add_node(layer("x", LayerKind::Input { shape: vec![inputs] }));
    let mut last = input;
    for (name, kind) in layers {
        let next = graph.add_node(layer(name, kind));
        graph.add_edge(last, next, 0);
        last = next;
    }
    Model { name: "chain".into(), graph, inputs: vec![input], outputs: vec![last], notes: vec![] }
}

pub(super) fn plain_relu() -> Activation {
    Activation::Function(Function::Relu(Relu::default()))
}

fn quantizer(text: &str) -> Result<Option<Quantizer>, Box<dyn Error>> {
    Ok(Some(text.parse()?))
}

/// A dense layer; an empty quantizer is none.
pub(super) fn dense(
    kernel: Array2<f32>,
    bias: Option<Array1<f32>>,
    quantizers: [&str; 2],
) -> Dense {
    let parse = |text: &str| text.parse().ok();
    Dense {
        kernel,
        bias,
        kernel_quantizer: parse(quantizers[0]),
        bias_quantizer: parse(quantizers[1]),
        folded: None,
        activation: Activation::Linear,
    }
}

pub(super) fn settings(input: &str) -> Result<Settings, crate::fixed::FormatError> {
    Ok(Settings { input: input.parse()?, ..Settings::default() })
}

/// The message of the error of lowering, which must have a help text.
pub(super) fn message(model: &Model, settings: &Settings) -> String {
    match lower(model, settings) {
        Ok(_) => "none".into(),
        Err(error) => {
            assert!(miette::Diagnostic::help(&error).is_some(), "{error} without help");
            error.to_string()
        }
    }
}

/// Names and operations, in order.
pub(super) fn nodes(graph: &Graph) -> Vec<(String, &'static str)> {
    graph
        .topological_order()
        .iter()
        .map(|id| (graph[*id].name.clone(), graph[*id].op.name()))
        .collect()
}

#[test]
fn an_accumulator_is_as_wide_as_its_weights_need() -> Outcome {
    let kernel = array![[0.875, 0.5], [-0.875, 0.25]];
    let bits = "quantized_bits(4,0,1,alpha=1)";
    let layer = dense(kernel, Some(array![0.5, -0.5]), [bits, bits]);
    let model = chain(2, vec![("fc", LayerKind::Dense(layer))]);
    let lowered = lower(&model, &settings("fixed<4,1>")?)?;
    assert_eq!(lowered.warnings, []);
    let (name, fc) = &lowered.graph.layers[1];
    assert_eq!(name, "fc");
    let tensor = &lowered.graph[*fc].tensor;
    // LSB 1/64: 7·[-8, 7] - 7·[-8, 7] + 32 at most, 8 bits and a sign.
    assert_eq!(tensor.format, "fixed<9,3>".parse()?);
    assert_eq!(tensor.ranges[0], crate::fixed::Range::new(-105 + 32, 105 + 32));
    Ok(())
}

#[test]
fn names_of_intermediate_nodes_avoid_those_of_layers() -> Outcome {
    let relu = || LayerKind::Activation(plain_relu());
    let mut layer = dense(array![[1.0], [1.0]], None, ["", ""]);
    layer.activation = plain_relu();
    let kind = LayerKind::Dense(layer);
    let model = chain(2, vec![("fc", kind), ("fc_relu", relu()), ("fc_result", relu())]);
    let lowered = lower(&model, &Settings::default())?;
    let expected = [
        ("x", "input"),
        ("fc", "linear"),
        ("fc_result_2", "cast"),
        ("fc_relu_2", "clamp"),
        ("fc_relu", "clamp"),
        ("fc_result", "clamp"),
    ];
    assert_eq!(nodes(&lowered.graph), expected.map(|(name, op)| (name.to_string(), op)));
    assert!(lowered.graph.nodes.node_weights().filter(|n| n.layer == "fc").count() == 3);
    Ok(())
}

#[test]
fn activation_quantizers_equal_their_definition_on_every_code() -> Outcome {
    let quantizers = [
        "quantized_bits(5,1,0,alpha=1)",
        "quantized_bits(5,1,1,alpha=1)",
        "quantized_bits(1,0,1,alpha=1)",
        "quantized_bits(4,2,0,alpha=0.5)",
        "quantized_bits(3,0,0,alpha=0.3)",
        "quantized_bits(4,4,0,alpha=1)",
        "quantized_relu(6,2)",
        "quantized_relu(6,2,negative_slope=0.25)",
        "quantized_relu(4,1,negative_slope=0.0625)",
        "quantized_relu(6,2,1)",
        "quantized_po2(4)",
        "quantized_relu_po2(4,max_value=2)",
        "ternary(alpha=1)",
        "ternary(alpha=2,threshold=0.5)",
        "binary(alpha=1)",
        "binary(use_01=1,alpha=1)",
    ];
    for text in quantizers {
        for input in ["fixed<10,4>", "ufixed<8,1>", "fixed<6,8>", "fixed<8,-1>"] {
            let quantizer = quantizer(text)?.ok_or("none")?;
            let activation = Activation::Quantizer(quantizer.clone());
            let model = chain(1, vec![("act", LayerKind::Activation(activation))]);
            let graph = lower(&model, &settings(input)?)?.graph;
            let format = graph[graph.inputs[0]].tensor.format;
            let all: Vec<i64> = {
                use num_traits::ToPrimitive;
                let range = format.codes();
                let ends = range.low().to_i64().zip(range.high().to_i64());
                let (low, high) = ends.ok_or("too wide")?;
                (low..=high).collect()
            };
            let samples = ArrayD::from_shape_vec(IxDyn(&[all.len(), 1]), all.clone())?;
            let trace = sim::run(&graph, &[Codes::Narrow(samples)])?;
            let act = graph.layers[1].1;
            let found = trace.of(act).ok_or("no result")?.to_values(graph[act].tensor.format);
            for (code, found) in all.iter().zip(found.iter()) {
                let x = *code as f64 * format.lsb();
                assert_eq!(*found, quantizer.apply(x), "{text} of {x}, {input}");
            }
        }
    }
    Ok(())
}

#[test]
fn floats_are_truncated_as_in_hls4ml_with_a_warning() -> Outcome {
    let layer = dense(array![[0.7], [-0.7]], Some(array![0.0]), ["", ""]);
    let model = chain(2, vec![("fc", LayerKind::Dense(layer.clone()))]);
    let lowered = lower(&model, &Settings::default())?;
    let warnings: Vec<String> = lowered.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "layer 'fc': no quantizer for kernel, bias and result; quantized to fixed<16,6>, so results \
             differ from the trained network. Find types with `bitkiln profile MODEL --input x.npz -o \
             config.yml`, or train with QKeras.",
            "layer 'fc': result precision fixed<16,6> cannot hold the range [-44.78056621551514, \
             44.78056716918945]; values wrap. Use fixed<17,7> or set overflow SAT.",
        ]
    );
    // 0.7 truncates to 716/1024, -0.7 to -717/1024.
    let fc = lowered.graph.topological_order()[1];
    let Op::Linear(linear) = &lowered.graph[fc].op else { return Err("no sum".into()) };
    assert_eq!(linear.weights.codes.iter().collect::<Vec<_>>(), [716.into(), (-717).into()]);

    let mut settings = Settings::default();
    let precision = Some("fixed<8,2,RND,SAT>".parse()?);
    let own = LayerSettings { weight: precision, result: precision, ..LayerSettings::default() };
    settings.layers.insert("fc".into(), own);
    let graph = lower(&model, &settings)?.graph;
    assert_eq!(graph[graph.layers[1].1].tensor.format, "fixed<8,2>".parse()?);

    // Only variables without a configured type are warned of.
    let bias = Some("fixed<9,2,RND,SAT>".parse()?);
    let named = |weight, bias, result| -> Result<Option<String>, LowerError> {
        let own = LayerSettings { weight, bias, result, ..LayerSettings::default() };
        let layers = [("fc".to_owned(), own)].into();
        let lowered = lower(&model, &Settings { layers, ..Settings::default() })?;
        let texts = lowered.warnings.iter().map(ToString::to_string);
        let named = texts.filter_map(|it| Some(it.split_once("no quantizer for ")?.1.to_owned()));
        Ok(named.filter_map(|it| Some(it.split_once(',')?.0.to_owned())).next())
    };
    let the_bias = "the bias; quantized to fixed<16";
    assert_eq!(named(precision, None, precision)?.as_deref(), Some(the_bias));
    let both = named(None, bias, None)?;
    assert_eq!(both.as_deref(), Some("kernel and result; quantized to fixed<16"));
    assert_eq!(named(precision, bias, precision)?, None);

    let half = dense(array![[0.7]], Some(array![0.3]), ["quantized_bits(4,0,1,alpha=1)", ""]);
    let lowered = lower(&chain(1, vec![("fc", LayerKind::Dense(half))]), &Settings::default())?;
    assert!(lowered.warnings[0].to_string().starts_with("layer 'fc': no quantizer for the bias;"));
    assert_eq!(lowered.graph.nodes.node_count(), 2);
    Ok(())
}

#[test]
fn every_message() -> Outcome {
    let default = Settings::default();
    let bits = "quantized_bits(4,0,1,alpha=1)";
    let kind = LayerKind::Dense;

    let model = chain(3, vec![("fc", kind(dense(array![[1.0], [1.0]], None, [bits, ""])))]);
    assert_eq!(message(&model, &default), "layer 'fc' has weights for 2 inputs, its operand has 3");

    let mut alone = chain(1, vec![("f", LayerKind::Flatten)]);
    alone.graph.clear_edges();
    assert_eq!(message(&alone, &default), "layer 'f' needs exactly one operand");

    let auto = quantizer("quantized_bits(4,0,1,alpha='auto_po2')")?.ok_or("none")?;
    let model = chain(1, vec![("a", LayerKind::Activation(Activation::Quantizer(auto)))]);
    let text = message(&model, &default);
    assert!(text.starts_with("layer 'a', activation: "), "{text}");

    let nan = dense(array![[f32::NAN]], None, ["", ""]);
    let text = message(&chain(1, vec![("fc", kind(nan))]), &default);
    assert_eq!(text, "layer 'fc', kernel: NaN is not a finite number");

    let wide = dense(array![[1.0, 1e-30]], None, ["", ""]);
    let fine = Settings { precision: "fixed<128,8>".parse()?, ..Settings::default() };
    let text = message(&chain(1, vec![("fc", kind(wide.clone()))]), &fine);
    assert_eq!(text, "layer 'fc': its accumulator takes 136 bits; at most 128 are supported");

    let odd = quantizer("quantized_bits(18,2,0,alpha=0.3)")?.ok_or("none")?;
    let model = chain(1, vec![("a", LayerKind::Activation(Activation::Quantizer(odd)))]);
    let wide = Settings { input: "fixed<24,6>".parse()?, ..Settings::default() };
    let text = message(&model, &wide);
    assert_eq!(
        text,
        "layer 'a': 'quantized_bits(18,2,0,alpha=0.3)' has more than 65536 values here"
    );
    // A quantizer of 16 bits has 65536 values.
    let sixteen = quantizer("quantized_bits(16,2,0,alpha=0.3)")?.ok_or("none")?;
    let model = chain(1, vec![("a", LayerKind::Activation(Activation::Quantizer(sixteen)))]);
    assert_eq!(message(&model, &wide), "none");

    let mut small = Settings::default();
    small.softmax.exp_table = "ufixed<8,0>".parse().ok();
    let softmax = chain(2, vec![("s", LayerKind::Activation(Activation::Softmax))]);
    let text = message(&softmax, &small);
    assert_eq!(text, "layer 's': the type ufixed<8,0> of the table 'exp_table' cannot hold 1");
    let mut small = Settings::default();
    small.softmax.exp_table = "ufixed<60,1>".parse().ok();
    let text = message(&softmax, &small);
    let fault = "has more than 48 fractional bits";
    assert_eq!(text, format!("layer 's': the type ufixed<60,1> of the table 'exp_table' {fault}"));
    let mut small = Settings::default();
    small.softmax.inverse_table = "ufixed<60,1>".parse().ok();
    let text = message(&softmax, &small);
    assert_eq!(text, format!("layer 's': the type ufixed<60,1> of the table 'inv_table' {fault}"));
    small.softmax.inverse_table = "fixed<8,-1>".parse().ok();
    let text = message(&softmax, &small);
    let fault = "is too coarse for reciprocals from 1/2 to 1";
    assert_eq!(text, format!("layer 's': the type fixed<8,-1> of the table 'inv_table' {fault}"));

    let mut unknown = Settings::default();
    unknown.inputs.insert("y".into(), "fixed<8,1>".parse()?);
    assert_eq!(message(&softmax, &unknown), "the model has no input 'y'; its inputs are: x");

    let defect = LowerError::from(crate::ir::Invalid { node: "n".into(), rule: "r".into() });
    assert_eq!(defect.to_string(), "node 'n' of the graph: r");
    Ok(())
}

/// Every average of `count` inputs rounds like the exact quotient, ties included, to an LSB of half
/// the operand's and to coarser ones.
#[test]
fn quotients_round_as_the_exact_ones() -> Outcome {
    for count in [3, 5, 6, 7, 12, 100] {
        for quantizer in ["quantized_bits(9,4,0,alpha=1)", "quantized_bits(5,3,0,alpha=1)"] {
            let activation = Activation::Quantizer(quantizer.parse()?);
            let kind = LayerKind::Activation(activation);
            let mut model =
                chain(1, vec![("avg", LayerKind::Merge(Merge::Average)), ("act", kind)]);
            let (x, avg) = (model.inputs[0], petgraph::graph::NodeIndex::new(1));
            // The other operands are the same tensor, an input of one code.
            let zero = Layer {
                name: "zero".into(),
                class: "Any".into(),
                kind: LayerKind::Input { shape: vec![1] },
                origin: None,
            };
            let zero = model.graph.add_node(zero);
            model.inputs.push(zero);
            for position in 1..count {
                model.graph.add_edge(zero, avg, position);
            }
            assert_eq!(model.sources(avg)[0], x);
            let graph = lower(&model, &settings("fixed<9,6>")?)?.graph;
            let all: Vec<i64> = (-256..256).collect();
            let samples = ArrayD::from_shape_vec(IxDyn(&[all.len(), 1]), all.clone())?;
            let zeros = ArrayD::zeros(IxDyn(&[all.len(), 1]));
            let trace = sim::run(&graph, &[Codes::Narrow(samples), Codes::Narrow(zeros)])?;
            let act = graph.outputs[0].node;
            let format = graph[act].tensor.format;
            let found = trace.of(act).ok_or("no result")?.to_values(format);
            for (code, found) in all.iter().zip(found.iter()) {
                // code / 8 / count in LSB of the result, rounded half to even, saturated.
                let (up, down) = ((2 * code) << format.fractional_bits(), 8 * count as i64);
                let floor = up.div_euclid(2 * down);
                let rest = up.rem_euclid(2 * down) - down;
                let rounded = floor + i64::from(rest > 0 || rest == 0 && floor % 2 != 0);
                let range = format.codes().values(format.fractional_bits());
                let expected = (rounded as f64 * format.lsb()).clamp(range.0, range.1);
                assert_eq!(*found, expected, "{code}/8 by {count}, {quantizer}");
            }
        }
    }
    Ok(())
}

#[test]
fn moving_averages_warn_once() -> Outcome {
    let layer = |moving: bool| {
        let rule = AdaptiveRule { symmetric: true, po2_rounding: false };
        let adaptive = Adaptive::new(&"quantized_relu(4)".parse()?, rule, vec![(0.0, 3.0)]);
        let adaptive = adaptive.ok_or("no range")?.moving(moving);
        Ok::<_, Box<dyn Error>>(LayerKind::Adaptive(adaptive))
    };
    let lowered = lower(
        &chain(1, vec![("a", layer(true)?), ("b", layer(false)?), ("c", layer(true)?)]),
        &settings("fixed<8,4>")?,
    )?;
    let warnings: Vec<String> = lowered.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "layers 'a', 'c': QKeras updates the averages of QAdaptiveActivation at inference, so its \
          results depend on earlier samples; here the stored averages are used. QKeras stops if \
          training went beyond ema_freeze_delay, or with trainable=False."
        ]
    );
    Ok(())
}

#[test]
fn training_only_quantizers_warn_once() -> Outcome {
    let noisy = "quantized_bits(4,0,1,alpha=1.0,qnoise_factor=0.5)";
    let random = "quantized_relu(4,0,use_stochastic_rounding=True)";
    let mut first = dense(array![[0.5]], Some(array![0.25]), [noisy, noisy]);
    first.activation = Activation::Quantizer(random.parse()?);
    let second = dense(array![[0.5]], None, [noisy, ""]);
    let third = LayerKind::Activation(Activation::Quantizer("bernoulli".parse()?));
    let layers =
        vec![("a", LayerKind::Dense(first)), ("b", LayerKind::Dense(second)), ("c", third)];
    let lowered = lower(&chain(1, layers), &settings("fixed<4,1>")?)?;
    let warnings: Vec<String> = lowered.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["noise and stochastic rounding apply in training only, inference is deterministic: \
          quantized_bits(4,0,1,alpha=1.0,qnoise_factor=0.5) in layers 'a', 'b'; \
          quantized_relu(4,0,use_stochastic_rounding=True) in layer 'a'; bernoulli() in layer 'c'. \
          QKeras' own inference mixes unquantized values in where qnoise_factor is not 1. \
          QKeras' own inference draws random numbers for bernoulli."]
    );
    Ok(())
}

/// As in hls4ml: `result` of `fc` is the type of its sum, that of `fc_relu` the one of its relu.
#[test]
fn a_fused_activation_has_a_result_type_of_its_own() -> Outcome {
    let mut layer =
        dense(array![[0.5], [-0.5]], Some(array![0.25]), ["quantized_bits(4,0,1,alpha=1)"; 2]);
    layer.activation = plain_relu();
    let model = chain(2, vec![("fc", LayerKind::Dense(layer))]);
    let types = |text: &str| -> Result<Vec<String>, Box<dyn Error>> {
        let config = crate::config::Config::parse(text)?;
        let mut settings = Settings::configured(&config, &model)?;
        settings.input = "fixed<6,3>".parse()?;
        let lowered = lower(&model, &settings)?;
        let order = lowered.graph.topological_order().into_iter().skip(1);
        let node = |id| format!("{} {}", lowered.graph[id].name, lowered.graph[id].tensor.format);
        let warnings = lowered.warnings.iter().map(ToString::to_string);
        Ok(order.map(node).chain(warnings).collect())
    };
    let exact = ["fc fixed<8,4>", "fc_relu ufixed<7,3>"];
    assert_eq!(types("{}")?, exact);
    assert_eq!(
        types("LayerName: {fc: {Precision: {result: 'fixed<10,5>'}}}")?,
        ["fc fixed<8,4>", "fc_result fixed<10,5>", "fc_relu ufixed<8,3>"]
    );
    assert_eq!(
        types("LayerName: {fc_relu: {Precision: {result: 'ufixed<4,1,RND,SAT>'}}}")?,
        [
            exact[0],
            exact[1],
            "fc_result ufixed<4,1>",
            "layer 'fc_relu': result precision ufixed<4,1,RND,SAT> cannot hold the range [0, 4.1875]; \
             values saturate. Use ufixed<6,3,RND,SAT>.",
        ]
    );
    Ok(())
}

/// Each family of layers applies the type of its result, and warns if it is too small.
#[test]
fn every_family_warns_of_a_result_that_overflows() -> Outcome {
    let quantized = || quantizer("quantized_relu(4,2)").map(Option::unwrap);
    let norm = crate::model::BatchNorm {
        gamma: None,
        beta: None,
        mean: array![0.0],
        variance: array![0.75],
        epsilon: 0.25,
        quantizers: crate::model::BatchNormQuantizers::default(),
    };
    let kinds = [
        LayerKind::Dense(dense(array![[2.0]], None, ["quantized_bits(4,2,1,alpha=1)", ""])),
        LayerKind::Activation(Activation::Quantizer(quantized()?)),
        LayerKind::Activation(plain_relu()),
        LayerKind::Activation(Activation::Function(Function::Exponential)),
        LayerKind::PRelu(array![0.5_f32].into_dyn()),
        LayerKind::BatchNorm(norm),
        LayerKind::Flatten,
        LayerKind::Identity,
        LayerKind::Square,
        LayerKind::Clip { low: -1.0, high: 3.0 },
        LayerKind::TimeDistributed(Box::new(LayerKind::Square)),
    ];
    for kind in kinds {
        let name = format!("{kind:?}");
        let model = chain(1, vec![("it", kind)]);
        let mut settings = settings("fixed<6,3>")?;
        let result = Some("fixed<3,1>".parse()?);
        settings.layers.insert("it".into(), LayerSettings { result, ..LayerSettings::default() });
        let lowered = lower(&model, &settings)?;
        assert_eq!(lowered.graph[lowered.graph.layers[1].1].tensor.format, "fixed<3,1>".parse()?);
        let start = "layer 'it': result precision fixed<3,1> cannot hold the range [";
        let warnings = lowered.warnings.iter().filter(|w| w.to_string().starts_with(start)).count();
        assert_eq!(warnings, 1, "{name}: {:?}", lowered.warnings);
    }
    Ok(())
}

#[test]
fn weights_that_their_type_cannot_hold_are_named() -> Outcome {
    let layer = dense(array![[1.75], [-0.5]], Some(array![0.25]), ["", ""]);
    let model = chain(2, vec![("fc", LayerKind::Dense(layer))]);
    let mut settings = settings("fixed<4,1>")?;
    let weight = Some("fixed<4,1>".parse()?);
    settings.layers.insert("fc".into(), LayerSettings { weight, ..LayerSettings::default() });
    let warnings = lower(&model, &settings)?.warnings;
    assert_eq!(
        warnings[0].to_string(),
        "layer 'fc': weight precision fixed<4,1> cannot hold the range [-0.5, 1.75]; values wrap. Use \
         fixed<5,2> or set overflow SAT."
    );
    assert_eq!(warnings[0].diagnostic().code, "parameter-overflow");
    Ok(())
}
