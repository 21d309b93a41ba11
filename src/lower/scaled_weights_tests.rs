//! Tests of scales per channel of weights without a quantizer, and of corrections of biases.

use ndarray::{ArrayD, array};

use super::tests::{Outcome, chain, dense, message, nodes, settings};
use super::{LayerSettings, Lowered, Settings, lower};
use crate::config::{Config, WeightScale};
use crate::fixed::Codes;
use crate::ir::Op;
use crate::model::{LayerKind, Model};
use crate::sim;

/// `fc` with weights of two sizes.
fn model() -> Model {
    let kernel = array![[0.9, 0.11], [-0.3, 0.01]];
    chain(2, vec![("fc", LayerKind::Dense(dense(kernel, Some(array![0.25, -0.5]), ["", ""])))])
}

fn own(change: impl FnOnce(&mut LayerSettings)) -> Result<Settings, Box<dyn std::error::Error>> {
    let mut settings = settings("fixed<4,1>")?;
    let mut own = LayerSettings {
        weight: Some("fixed<8,1,RND,SAT>".parse()?),
        bias: Some("fixed<8,1,RND,SAT>".parse()?),
        result: Some("fixed<24,4>".parse()?),
        ..LayerSettings::default()
    };
    change(&mut own);
    settings.layers.insert("fc".into(), own);
    Ok(settings)
}

/// The outputs for the samples (1/8, 0) and (0, 1/8).
fn outputs(lowered: &Lowered) -> Result<ArrayD<f64>, Box<dyn std::error::Error>> {
    let graph = &lowered.graph;
    let x = Codes::Narrow(array![[1_i64, 0], [0, 1]].into_dyn());
    let trace = sim::run(graph, &[x])?;
    let output = graph.outputs[0].node;
    Ok(trace.of(output).ok_or("no output")?.to_values(graph[output].tensor.format))
}

#[test]
fn weights_of_a_channel_have_an_lsb_of_their_own() -> Outcome {
    let model = model();
    let plain = lower(&model, &own(|_| {})?)?;
    let scaled = lower(&model, &own(|own| own.weight_scale = WeightScale::PerChannel)?)?;
    assert_eq!(plain.warnings, scaled.warnings);
    let expected =
        [("x", "input"), ("fc", "linear"), ("fc_scaled", "affine"), ("fc_result", "cast")];
    assert_eq!(nodes(&scaled.graph), expected.map(|(name, op)| (name.to_string(), op)));
    let linear = scaled.graph.nodes.node_weights().find_map(|node| match &node.op {
        Op::Linear(linear) => Some(linear),
        _ => None,
    });
    // Words of 8 bits: 0.9 · 2^7, and 0.11 · 2^3 · 2^7.
    let weights = &linear.ok_or("no sum")?.weights;
    assert_eq!(weights.format, "fixed<8,1>".parse()?);
    assert_eq!(weights.codes, Codes::Narrow(array![[115_i64, 113], [-38, 10]].into_dyn()));
    let rows = |second: [f64; 2]| {
        let first = [115.0 / 128.0, -38.0 / 128.0];
        array![
            [first[0] / 8.0 + 0.25, second[0] / 8.0 - 0.5],
            [first[1] / 8.0 + 0.25, second[1] / 8.0 - 0.5]
        ]
        .into_dyn()
    };
    assert_eq!(outputs(&scaled)?, rows([113.0 / 1024.0, 10.0 / 1024.0]));
    assert_eq!(outputs(&plain)?, rows([14.0 / 128.0, 1.0 / 128.0]));
    // What a profile shows are the trained weights.
    assert_eq!(plain.unquantized, scaled.unquantized);
    Ok(())
}

#[test]
fn a_type_of_the_scale_is_not_that_of_channel_scales() -> Outcome {
    let model = model();
    let scaled = own(|own| own.weight_scale = WeightScale::PerChannel)?;
    let mut typed = scaled.clone();
    typed.layers.get_mut("fc").ok_or("no fc")?.scale = Some("ufixed<2,0>".parse()?);
    assert_eq!(outputs(&lower(&model, &scaled)?)?, outputs(&lower(&model, &typed)?)?);
    Ok(())
}

#[test]
fn a_correction_is_added_before_the_bias_is_cast() -> Outcome {
    let model = model();
    // 0.25 + 0.002 rounds back to 0.25.
    let corrected = lower(&model, &own(|own| own.bias_correction = vec![0.002, 0.25])?)?;
    let plain = lower(&model, &own(|_| {})?)?;
    assert_eq!(outputs(&corrected)?, outputs(&plain)? + array![0.0, 0.25].into_dyn());
    let notes: Vec<String> = corrected.warnings.iter().map(ToString::to_string).collect();
    let note = "layer 'fc': biases are those of the model plus BiasCorrection";
    assert!(notes.iter().any(|it| it == note), "{notes:?}");
    // A layer without a bias gets one.
    let kernel = array![[0.5, 0.25]];
    let no_bias = chain(1, vec![("fc", LayerKind::Dense(dense(kernel, None, ["", ""])))]);
    let corrected = lower(&no_bias, &own(|own| own.bias_correction = vec![0.5, -0.25])?)?;
    let Some(Op::Linear(linear)) = corrected.graph.nodes.node_weights().map(|it| &it.op).nth(1)
    else {
        return Err("no sum".into());
    };
    let bias = linear.bias.as_ref().ok_or("no bias")?;
    assert_eq!(bias.codes.to_values(bias.format), array![0.5, -0.25].into_dyn());
    Ok(())
}

#[test]
fn corrections_that_fit_no_bias_are_errors() -> Outcome {
    let text = |model: &Model, numbers: &str| -> Result<String, Box<dyn std::error::Error>> {
        let config = format!("LayerName: {{fc: {{BiasCorrection: {numbers}}}}}");
        Ok(message(model, &Settings::configured(&Config::parse(&config)?, model)?))
    };
    let error = text(&model(), "[0.5]")?;
    assert_eq!(error, "layer 'fc': BiasCorrection has 1 numbers for 2 output channels");
    for quantizers in [["quantized_bits(4,0,1,alpha=1)", ""], ["", "quantized_bits(4,0,1,alpha=1)"]]
    {
        let fc = dense(array![[0.5], [0.5]], Some(array![0.25]), quantizers);
        let error = text(&chain(2, vec![("fc", LayerKind::Dense(fc))]), "[0.5]")?;
        let expected =
            "layer 'fc': BiasCorrection cannot be used with a quantizer of the kernel or the bias";
        assert_eq!(error, expected);
    }
    let error = text(&chain(2, vec![("fc", LayerKind::Flatten)]), "[0.5]")?;
    assert!(error.starts_with("layer 'fc': BiasCorrection has no effect: a "), "{error}");
    Ok(())
}
