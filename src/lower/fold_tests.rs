//! Tests of folded batch normalisations, of those that stay apart, and of negligible parameters.

use ndarray::{Array1, array};

use super::tests::{Outcome, chain, dense, nodes, plain_relu, settings};
use super::{LayerSettings, LowerWarning, Settings, lower};
use crate::config::Config;
use crate::ir::{Graph, Op};
use crate::model::{Activation, BatchNorm, BatchNormQuantizers, Layer, LayerKind, Model};

/// `2 x + 0.5` in each of `channels` channels.
fn norm(channels: usize) -> LayerKind {
    let all = |value: f32| Array1::from_elem(channels, value);
    LayerKind::BatchNorm(BatchNorm {
        gamma: None,
        beta: Some(all(0.5)),
        mean: all(0.0),
        variance: all(0.125),
        epsilon: 0.125,
        quantizers: BatchNormQuantizers::default(),
    })
}

fn plain() -> LayerKind {
    LayerKind::Dense(dense(array![[0.25, -1.0], [0.5, 0.75]], Some(array![0.25, -0.5]), ["", ""]))
}

fn quantized() -> Result<LayerKind, Box<dyn std::error::Error>> {
    Ok(LayerKind::Activation(Activation::Quantizer("quantized_relu(4,2)".parse()?)))
}

fn warnings(model: &Model, settings: &Settings) -> Result<Vec<String>, super::LowerError> {
    Ok(lower(model, settings)?.warnings.iter().map(ToString::to_string).collect())
}

/// Names of the affine operations.
fn scales(graph: &Graph) -> Vec<&str> {
    let nodes = graph.nodes.node_weights();
    nodes.filter(|node| matches!(node.op, Op::Affine(_))).map(|node| node.name.as_str()).collect()
}

const FOLDED: &str = "folded batch normalizations: 'bn' into 'fc'; a trace has the result of both under \
                      the name of the first";

#[test]
fn a_folded_normalisation_scales_kernel_and_bias() -> Outcome {
    let model = chain(2, vec![("fc", plain()), ("bn", norm(2)), ("relu", relu())]);
    let lowered = lower(&model, &settings("fixed<4,1>")?)?;
    let graph = &lowered.graph;
    let expected = [("x", "input"), ("fc", "linear"), ("fc_result", "cast"), ("relu", "clamp")];
    assert_eq!(nodes(graph), expected.map(|(name, op)| (name.to_string(), op)));
    let linear = graph.nodes.node_weights().find_map(|node| match &node.op {
        Op::Linear(linear) => Some(linear),
        _ => None,
    });
    let linear = linear.ok_or("no sum")?;
    let weights = linear.weights.codes.to_values(linear.weights.format);
    assert_eq!(weights, array![[0.5, -2.0], [1.0, 1.5]].into_dyn());
    let bias = linear.bias.as_ref().ok_or("no bias")?;
    assert_eq!(bias.codes.to_values(bias.format), array![1.0, -0.5].into_dyn());
    // Both layers have the node of the result, whose type is that of the batch normalisation.
    assert_eq!(graph.layers[1].1, graph.layers[2].1);
    assert_eq!(lowered.folded, [("fc".to_owned(), "bn".to_owned())].into());
    let float = "layer 'fc': no quantizer for kernel, bias and result; quantized to fixed<16,6>, so \
                 results differ from the trained network. Find types with `bitkiln profile \
                 MODEL --input x.npz -o config.yml`, or train with QKeras.";
    assert_eq!(warnings(&model, &settings("fixed<4,1>")?)?, [FOLDED, float]);
    Ok(())
}

fn relu() -> LayerKind {
    LayerKind::Activation(plain_relu())
}

#[test]
fn the_result_has_the_type_of_the_normalisation() -> Outcome {
    let model = chain(2, vec![("fc", plain()), ("bn", norm(2)), ("relu", relu())]);
    let mut settings = settings("fixed<4,1>")?;
    let result = Some("fixed<5,2,RND,SAT>".parse()?);
    settings.layers.insert("bn".into(), LayerSettings { result, ..LayerSettings::default() });
    let lowered = lower(&model, &settings)?;
    let result = &lowered.graph[lowered.graph.layers[2].1];
    assert_eq!(result.tensor.format, "fixed<5,2>".parse()?);
    let text = warnings(&model, &settings)?;
    assert!(text[1].contains("no quantizer for kernel and bias; "), "{text:?}");
    assert!(text[2].starts_with("layer 'bn': result precision fixed<5,2,RND,SAT>"), "{text:?}");
    Ok(())
}

#[test]
fn a_quantizer_takes_the_exact_result_of_both() -> Outcome {
    let model = chain(2, vec![("fc", plain()), ("bn", norm(2)), ("act", quantized()?)]);
    let lowered = lower(&model, &settings("fixed<4,1>")?)?;
    let expected = [("x", "input"), ("fc", "linear"), ("act", "cast")];
    assert_eq!(nodes(&lowered.graph), expected.map(|(name, op)| (name.to_string(), op)));
    let text = warnings(&model, &settings("fixed<4,1>")?)?;
    assert!(text[1].contains("no quantizer for kernel and bias; "), "{text:?}");
    Ok(())
}

/// Only a layer without quantizers and activation, whose result nothing else takes, has a batch
/// normalisation folded into it.
#[test]
fn other_normalisations_are_not_folded() -> Outcome {
    let bits = "quantized_bits(4,0,1,alpha=1)";
    let weights = || array![[0.25, -1.0], [0.5, 0.75]];
    let of = |quantizers| dense(weights(), Some(array![0.25, -0.5]), quantizers);
    let mut rectified = of(["", ""]);
    rectified.activation = plain_relu();
    for before in [of([bits, bits]), of([bits, ""]), of(["", bits]), rectified] {
        let name = format!("{before:?}");
        let model = chain(2, vec![("fc", LayerKind::Dense(before)), ("bn", norm(2))]);
        assert_eq!(scales(&lower(&model, &settings("fixed<4,1>")?)?.graph), ["bn"], "{name}");
    }
    let layers = || vec![("fc", plain()), ("bn", norm(2)), ("other", relu())];
    let mut returned = chain(2, layers());
    returned.outputs.push(returned.outputs[0]);
    returned.outputs[0] = petgraph::graph::NodeIndex::new(1);
    let mut read_twice = chain(2, layers());
    let name = "reader".to_owned();
    let reader =
        read_twice.graph.add_node(Layer { name, class: "Any".into(), kind: relu(), origin: None });
    read_twice.graph.add_edge(petgraph::graph::NodeIndex::new(1), reader, 0);
    for model in [returned, read_twice, chain(2, vec![("fc", relu()), ("bn", norm(2))])] {
        assert_eq!(scales(&lower(&model, &settings("fixed<4,1>")?)?.graph), ["bn"]);
    }
    Ok(())
}

#[test]
fn configured_types_that_folding_removes_keep_a_normalisation() -> Outcome {
    let model = chain(2, vec![("fc", plain()), ("bn", norm(2)), ("relu", relu())]);
    let layers = |text: &str| -> Result<(Vec<String>, bool), Box<dyn std::error::Error>> {
        let settings = Settings::configured(&Config::parse(text)?, &model)?;
        let lowered = lower(&model, &settings)?;
        let notes = lowered.warnings.iter().filter(|warning| {
            matches!(warning, LowerWarning::Folded { .. } | LowerWarning::NotFolded { .. })
        });
        Ok((notes.map(ToString::to_string).collect(), lowered.folded.is_empty()))
    };
    let apart = "batch normalizations that are not folded, because the configuration has types for what \
                 folding removes: 'bn' into 'fc'. To fold one, remove the result type of the layer before \
                 it, and the types of its scale and bias.";
    for text in [
        "LayerName: {fc: {Precision: {result: 'fixed<16,6>'}}}",
        "LayerName: {fc: {Precision: 'fixed<16,6>'}}",
        "LayerName: {fc_linear: {Precision: {result: 'fixed<16,6>'}}}",
        "LayerType: {Any: {Precision: {result: 'fixed<16,6>'}}}",
        "LayerName: {bn: {Precision: {scale: 'fixed<16,6>'}}}",
        "LayerName: {bn: {Precision: {bias: 'fixed<16,6>'}}}",
    ] {
        assert_eq!(layers(text)?, (vec![apart.to_owned()], true), "{text}");
    }
    for text in [
        "Model: {Precision: 'fixed<16,6>'}",
        "Model: {Precision: {default: 'fixed<16,6>', result: 'fixed<20,8>'}}",
        "LayerName: {fc: {Precision: {weight: 'fixed<8,2>', bias: 'fixed<8,2>', result: auto}}}",
        "LayerName: {fc_linear: {Precision: {result: auto}}, bn: {Precision: {scale: auto, bias: auto}}}",
        "LayerName: {bn: {Precision: 'fixed<20,8>'}}",
    ] {
        assert_eq!(layers(text)?, (vec![FOLDED.to_owned()], false), "{text}");
    }
    Ok(())
}

#[test]
fn a_normalisation_has_the_configured_types_unless_a_quantizer_takes_it() -> Outcome {
    let formats = |layers: Vec<(&str, LayerKind)>| -> Result<_, Box<dyn std::error::Error>> {
        let mut all = vec![("bn", norm(2))];
        all.extend(layers);
        let lowered = lower(&chain(2, all), &settings("fixed<4,1>")?)?;
        let is_float =
            lowered.warnings.iter().any(|w| w.to_string().contains("scale, bias and result"));
        Ok((lowered.graph[lowered.graph.layers[1].1].tensor.format.to_string(), is_float))
    };
    let typed = ("fixed<16,6>".to_owned(), true);
    // 2 x + 0.5 of x from -1 to 7/8.
    let exact = ("fixed<5,3>".to_owned(), false);
    assert_eq!(formats(vec![])?, typed);
    assert_eq!(formats(vec![("relu", relu())])?, typed);
    assert_eq!(formats(vec![("fc", plain()), ("act", quantized()?)])?, typed);
    let softmax = LayerKind::Activation(Activation::Softmax);
    assert_eq!(formats(vec![("softmax", softmax)])?, typed);
    assert_eq!(formats(vec![("act", quantized()?)])?, exact);
    let between = vec![("relu", relu()), ("flat", LayerKind::Flatten), ("act", quantized()?)];
    assert_eq!(formats(between)?, exact);
    assert_eq!(formats(vec![("again", norm(2)), ("act", quantized()?)])?, exact);
    Ok(())
}

/// A parameter that is cast is rounded once, however far its values lie apart.
#[test]
fn parameters_are_cut_before_their_width_counts() -> Outcome {
    let tiny = f32::from_bits(1);
    let kernel = || array![[4.8e-33, -1.25], [tiny, -tiny]];
    let layer = dense(kernel(), Some(array![4.8e-33, -0.25]), ["", ""]);
    let alpha = LayerKind::PRelu(array![4.8e-33_f32, 1.5].into_dyn());
    let mut scaled = norm(2);
    if let LayerKind::BatchNorm(norm) = &mut scaled {
        norm.gamma = Some(array![4.8e-33, 1.0]);
    }
    for kind in [LayerKind::Dense(layer), alpha, scaled] {
        let name = format!("{kind:?}");
        let lowered = lower(&chain(2, vec![("it", kind)]), &settings("fixed<4,1>")?)?;
        assert!(lowered.warnings.len() == 1, "{name}: {:?}", lowered.warnings);
    }
    Ok(())
}

/// The scale of a dead output: its bias remains.
#[test]
fn negligible_scales_are_dropped_with_a_bound() -> Outcome {
    let quantizers = ["quantized_bits(4,0,1,alpha='auto')", "quantized_bits(4,0,1,alpha=1)"];
    let kernel = array![[0.9, 4.8e-33], [-0.45, 4.8e-33]];
    let fc = LayerKind::Dense(dense(kernel, Some(array![0.25, -0.5]), quantizers));
    let model = chain(2, vec![("fc", fc), ("act", quantized()?)]);
    let text = warnings(&model, &settings("fixed<4,1>")?)?;
    assert_eq!(
        text,
        [
            "layer 'fc': 1 value of the scale, of at most 5.5e-33, below 2^-40 of the largest, taken as 0; \
          results change by at most 1.0e-32. Set such values to 0, or quantize them."
        ]
    );
    let mut settings = settings("fixed<4,1>")?;
    let result = Some("fixed<8,2>".parse()?);
    settings.layers.insert("fc".into(), LayerSettings { result, ..LayerSettings::default() });
    let text = warnings(&model, &settings)?;
    assert!(text[0].contains("by at most 1.0e-32, 6.5e-31 LSB of fixed<8,2>"), "{text:?}");
    // A configured type cuts the scale, so that nothing is dropped.
    let scale = Some("ufixed<16,1>".parse()?);
    settings.layers.insert("fc".into(), LayerSettings { scale, ..LayerSettings::default() });
    let text = warnings(&model, &settings)?;
    assert!(
        text.len() == 1 && text[0].contains("the scale is quantized to ufixed<16,1>"),
        "{text:?}"
    );
    Ok(())
}

/// A quantized kernel is exact as long as any format holds it.
#[test]
fn negligible_weights_are_dropped_if_no_format_holds_the_kernel() -> Outcome {
    let quantizers = ["quantized_po2(8)", "quantized_bits(4,0,1,alpha=1)"];
    // A weight of 0 becomes the least power of two, 2^-64.
    let model = |largest: f32| {
        let kernel = array![[largest], [-largest], [0.0]];
        let fc = dense(kernel, Some(array![0.25]), quantizers);
        chain(3, vec![("fc", LayerKind::Dense(fc))])
    };
    assert_eq!(warnings(&model(4.0), &settings("fixed<4,1>")?)?, [""; 0]);
    assert_eq!(
        warnings(&model(2.0_f32.powi(63)), &settings("fixed<4,1>")?)?,
        [
            "layer 'fc': 1 value of the kernel, of at most 5.4e-20, below 2^-40 of the largest, taken as 0; \
          results change by at most 5.7e-20. Set such values to 0, or quantize them."
        ]
    );
    Ok(())
}

/// hls4ml infers a type that keeps every bit of the result of a layer with weights.
#[test]
fn an_inferred_result_of_the_network_stays_exact() -> Outcome {
    let fraction =
        |layers: Vec<(&str, LayerKind)>, text: &str| -> Result<i32, Box<dyn std::error::Error>> {
            let model = chain(2, layers);
            let mut settings = Settings::configured(&Config::parse(text)?, &model)?;
            settings.input = "fixed<4,1>".parse()?;
            let graph = lower(&model, &settings)?.graph;
            Ok(graph[graph.outputs[0].node].tensor.format.fractional_bits())
        };
    let auto = |layer: &str| format!("LayerName: {{{layer}: {{Precision: {{result: auto}}}}}}");
    let folded = || vec![("fc", plain()), ("bn", norm(2))];
    // Three fractional bits of the input, ten of the weights.
    let exact = 13;
    assert_eq!(fraction(vec![("fc", plain())], &auto("fc"))?, exact);
    assert_eq!(fraction(folded(), &auto("bn"))?, exact);
    assert_eq!(fraction(vec![("bn", norm(2))], &auto("bn"))?, exact);
    let default = 10;
    assert_eq!(fraction(vec![("fc", plain())], "Model: {Precision: 'fixed<16,6>'}")?, default);
    assert_eq!(fraction(folded(), &auto("fc"))?, default);
    // A result inside of the network keeps the default type.
    assert_eq!(fraction(vec![("fc", plain()), ("relu", relu())], &auto("fc"))?, default);
    let stated =
        "LayerType: {Any: {Precision: {result: auto}}}\nLayerName: {fc: {Precision: 'fixed<9,4>'}}";
    assert_eq!(fraction(vec![("fc", plain())], stated)?, 5);
    Ok(())
}
