//! QAdaptiveActivation.

use std::path::{Path, PathBuf};

use bitkiln::front::FrontError;
use bitkiln::model::{LayerKind, Model};
use serde_json::{Value, json};

use super::{expect, layer, load_json};

fn weights() -> PathBuf {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("hls_tests/reference");
    reference.join("adaptive_bits_per_channel/model.h5")
}

/// The layer of that file, with an attribute of another value.
fn load_with(attribute: &str, value: Value) -> Result<Model, FrontError> {
    load_with_all(&[(attribute, value)])
}

/// The layer of that file, with attributes of other values.
fn load_with_all(attributes: &[(&str, Value)]) -> Result<Model, FrontError> {
    let mut config = json!({
        "name": "act", "activation": "quantized_bits", "total_bits": 5, "current_step": -1,
        "symmetric": true, "quantization_delay": 1, "ema_freeze_delay": null, "ema_decay": 0.9999,
        "per_channel": true, "po2_rounding": false, "relu_neg_slope": 0.0
    });
    for (attribute, value) in attributes {
        config[*attribute] = value.clone();
    }
    let input = layer("InputLayer", json!({"name": "x", "batch_input_shape": [null, 6]}));
    let dense = json!({"name": "fc", "units": 3, "use_bias": false});
    let layers = [input, layer("QAdaptiveActivation", config), layer("QDense", dense)];
    load_json(
        &json!({"class_name": "Sequential", "config": {"name": "m", "layers": layers}}),
        &weights(),
    )
}

#[test]
fn attributes_of_adaptive_activations() {
    let place = "model.json: layer 'act' (QAdaptiveActivation): ";
    let refused = |attribute: &str, value: Value, message: &str, help: &str| {
        expect(load_with(attribute, value), &format!("{place}{message}"), help);
    };
    let message = "activation = \"quantized_po2\" is not supported";
    refused("activation", json!("quantized_po2"), message, "\"quantized_relu\"");
    let message = "activation = \"quantized_bits(4)\" is not supported";
    refused("activation", json!("quantized_bits(4)"), message, "without parentheses");
    refused("activation", Value::Null, "has no attribute 'activation'", "");
    refused("total_bits", Value::Null, "has no attribute 'total_bits'", "");
    let message = "activation: quantized_bits: bits=60, but it must be a whole number, 1 to 52";
    refused("total_bits", json!(60), message, "");
    refused("per_channel", json!("no"), "per_channel = \"no\" is not true or false", "");
    refused("symmetric", json!(2), "symmetric = 2 is not true or false", "");
    let message = "unknown attribute momentum = 1 might change the result";
    refused("momentum", json!(1), message, "");
}

/// As QKeras' `call` with `training=False`, after a training that ended with step -1: the averages
/// move where `will_ema_freeze`, and the step is not beyond the delay.
#[test]
fn averages_move_at_inference_where_qkeras_moves_them() {
    let moves = |attributes: &[(&str, Value)]| {
        let model = load_with_all(attributes).unwrap();
        let mut kinds = model.graph.node_weights().map(|layer| &layer.kind);
        kinds.any(|kind| matches!(kind, LayerKind::Adaptive(adaptive) if adaptive.is_moving()))
    };
    let delay = |steps: i32| ("ema_freeze_delay", json!(steps));
    assert!(moves(&[delay(100)]));
    assert!(moves(&[delay(-1)]));
    assert!(!moves(&[delay(-2)]), "the step is beyond it");
    assert!(!moves(&[delay(0)]), "0 is as None to Python");
    assert!(!moves(&[("ema_freeze_delay", Value::Null)]));
    assert!(!moves(&[delay(100), ("trainable", json!(false))]));
}

#[test]
fn slopes_of_adaptive_rectifiers() {
    let input = layer("InputLayer", json!({"name": "x", "batch_input_shape": [null, 6]}));
    let config = json!({
        "name": "act", "activation": "quantized_relu", "total_bits": 5, "per_channel": true,
        "relu_neg_slope": 0.3
    });
    let dense = layer("QDense", json!({"name": "fc", "units": 3, "use_bias": false}));
    let layers = [input, layer("QAdaptiveActivation", config), dense];
    let config = json!({"class_name": "Sequential", "config": {"name": "m", "layers": layers}});
    let message = "model.json: layer 'act' (QAdaptiveActivation): activation: quantized_relu: \
                   negative_slope=0.3, but it must be 0 or a power of two";
    expect(load_json(&config, &weights()), message, "");
}

#[test]
fn averages_of_another_shape() {
    let result = load_with("per_channel", json!(false));
    let message = result.expect_err("an error").to_string();
    assert!(message.contains("ema_min must have shape [1], but"), "{message}");
    // 1 stands for true, as in Python.
    let model = load_with("per_channel", json!(1)).unwrap();
    let is_adaptive = |kind: &LayerKind| matches!(kind, LayerKind::Adaptive(adaptive) if adaptive.integer_bits() == [0, 3, 1, 2, 4, 4]);
    assert!(model.graph.node_weights().any(|layer| is_adaptive(&layer.kind)));
}
