//! Connections between layers.

use bitkiln::front::{Problem, load};
use serde_json::{Value, json};

use super::{expect, layer, load_json, sequential};
use crate::fixture;

/// A Functional model: the input `in`, two Flatten layers `x` and `y`, and the outputs `y`.
fn functional(calls_of_x: Value, calls_of_y: Value) -> Value {
    let entry = |class: &str, name: &str, config: Value, calls: Value| json!({"class_name": class, "name": name, "config": config, "inbound_nodes": calls});
    json!({"class_name": "Functional", "config": {
        "name": "m",
        "layers": [
            entry("InputLayer", "in", json!({"name": "in", "batch_shape": [null, 3]}), json!([])),
            entry("Flatten", "x", json!({"name": "x"}), calls_of_x),
            entry("Flatten", "y", json!({"name": "y"}), calls_of_y),
        ],
        "input_layers": [["in", 0, 0]],
        "output_layers": [["y", 0, 0]],
    }})
}

#[test]
fn connections() {
    let weights = fixture("weights.h5");
    let y = json!([[["x", 0, 0, {}]]]);
    let tensor = |history: Value| json!({"class_name": "__keras_tensor__", "config": {"keras_history": history}});
    let cases = [
        (json!([[["in", 0, 0, {"mask": true}]]]), "call argument mask = true is not supported"),
        (json!([[["z", 0, 0, {}]]]), "its input 'z' is not a layer of the model"),
        (json!([[["in", 0, 1, {}]]]), "unsupported connection [\"in\",0,1,{}]"),
        (json!([[["in", 1, 0, {}]]]), "unsupported connection [\"in\",1,0,{}]"),
        (
            json!([[["_CONSTANT_VALUE", -1, 0, {}]]]),
            "unsupported connection [\"_CONSTANT_VALUE\",-1,0,{}]",
        ),
        (json!([[["in", 0, 0, {}, 7]]]), "unsupported connection [\"in\",0,0,{},7]"),
        (json!([[["in", 0, 0, {}], ["in", 0, 0, {}]]]), "expects 1 input(s), but has 2"),
        (json!([]), "its input shape is not stated"),
        (json!("in"), "unsupported connection \"in\""),
        (json!([3]), "unsupported connection 3"),
        (json!([[["y", 0, 0, {}]]]), "depends on its own result"),
        (
            json!([{"args": [tensor(json!(["in", 0, 0]))], "kwargs": {"training": true}}]),
            "call argument training = true is not supported",
        ),
        (
            json!([{"args": [tensor(json!(["z", 0, 0]))], "kwargs": {}}]),
            "its input 'z' is not a layer of the model",
        ),
        (json!([{"args": [2.5], "kwargs": {}}]), "unsupported connection 2.5"),
        (
            json!([{"args": [[tensor(json!(["in", 0, 0])), tensor(json!(["in", 0, 0]))]]}]),
            "expects 1 input(s), but has 2",
        ),
        (json!([{"more": 1}]), "unsupported connection 1"),
    ];
    for (calls, message) in cases {
        let message = format!("model.json: layer 'x' (Flatten): {message}");
        expect(load_json(&functional(calls, y.clone()), &weights), &message, "");
    }
    let masked = functional(json!([[["in", 0, 0, {"mask": [1]}]]]), y);
    let message = "model.json: layer 'x' (Flatten): call argument mask = [1] is not supported";
    expect(load_json(&masked, &weights), message, "build the model again with mask_zero=False");
    let message =
        "k2_training.h5: layer 'drop' (Dropout): call argument training = true is not supported";
    expect(load(&fixture("k2_training.h5"), None), message, "inputs only");
}

#[test]
fn ends_of_a_model() {
    let weights = fixture("weights.h5");
    let chain = |calls: &str| json!([[[calls, 0, 0, {}]]]);
    let with = |key: &str, value: Value| {
        let mut config = functional(chain("in"), chain("x"));
        config["config"][key] = value;
        load_json(&config, &weights)
    };
    for value in [json!([]), json!(null), json!([["z", 0, 0]]), json!([["y", 1, 0]]), json!([7])] {
        let message =
            format!("model.json: output_layers = {value} is not a list of the model's layers");
        expect(with("output_layers", value), &message, "save the model again");
    }
    let message = "model.json: the model's input 'x' is not an InputLayer";
    expect(with("input_layers", json!([["in", 0, 0], ["x", 0, 0]])), message, "");
    let message = "model.json: layer 'in' (InputLayer): is not an input of the model";
    expect(with("input_layers", json!(["x", 0, 0])), message, "list it");
    // All is well up to the weights: one output, and outputs by name in the order of their names.
    for value in [json!(["y", 0, 0]), json!({"b": ["y", 0, 0], "a": ["x", 0, 0]})] {
        let error = with("output_layers", value).unwrap_err();
        assert!(matches!(*error.problem, Problem::Surplus { .. }), "{error}");
    }

    let second = layer("InputLayer", json!({"name": "second", "batch_shape": [null, 3]}));
    let message = "model.json: layer 'second' (InputLayer): expects 0 input(s), but has 1";
    expect(load_json(&sequential(&[second]), &weights), message, "");
    let unbuilt = json!({"class_name": "Sequential", "config": {"layers": [
        layer("Dense", json!({"name": "fc", "units": 2}))
    ]}});
    let message = "model.json: layer 'fc_input' (InputLayer): its input shape is not stated";
    expect(load_json(&unbuilt, &weights), message, "add an Input layer");
}

/// Every attribute in which Keras states the input shape of a Sequential model without Input layer.
#[test]
fn shapes_of_models_without_input_layers() {
    let weights = fixture("weights_types.h5");
    let shape = json!([null, 3]);
    let with = |model: &str, outer: &str, entry: &str, config: &str| {
        let mut layer = layer("Dense", json!({"name": "<f2", "units": 2}));
        if !config.is_empty() {
            layer["config"][config] = shape.clone();
        }
        if !entry.is_empty() {
            layer[entry] = json!({"input_shape": shape});
        }
        let mut whole = json!({"class_name": "Sequential", "config": {"layers": [layer]}});
        if !model.is_empty() {
            whole["config"][model] = shape.clone();
        }
        if !outer.is_empty() {
            whole[outer] = json!({"input_shape": shape});
        }
        load_json(&whole, &weights).unwrap_err()
    };
    for error in [
        with("build_input_shape", "", "", ""),
        with("", "build_config", "", ""),
        with("", "", "build_config", ""),
        with("", "", "", "batch_input_shape"),
        with("", "", "", "batch_shape"),
    ] {
        assert!(matches!(*error.problem, Problem::Surplus { .. }), "{error}");
    }
    // Keras before 2.2 writes the list of layers alone.
    let input = layer("InputLayer", json!({"name": "in", "batch_input_shape": [null, 3]}));
    let bare = json!({"class_name": "Sequential", "config": [input]});
    let error = load_json(&bare, &weights).unwrap_err();
    assert!(matches!(*error.problem, Problem::Surplus { .. }), "{error}");
}
