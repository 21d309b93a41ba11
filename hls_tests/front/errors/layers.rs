//! Classes and attributes of layers.

use bitkiln::front::{LayerProblem, Problem, ReadOptions, load, load_with};
use bitkiln::model::LayerKind;
use serde_json::{Value, json};

use super::{expect, layer, load_json, load_one, sequential, words};
use crate::{fixture, layer_problem};

#[test]
fn classes_of_layers() {
    let refused = "this class of layer is not supported";
    let pages = "docs/models.md lists the supported layers";
    let message = format!("model.json: layer 'x' (Conv9D): {refused}, did you mean 'Conv1D'?");
    expect(load_one("Conv9D", json!({})), &message, pages);
    let message = format!("model.json: layer 'x' (Wobble): {refused}");
    expect(load_one("Wobble", json!({})), &message, pages);
    let (_, help) = words(&load_one("Wobble", json!({})).unwrap_err());
    assert_eq!(help, pages);
    for (class, instead) in [
        ("LayerNormalization", "train with BatchNormalization"),
        ("MultiHeadAttention", "Dense, Dot and Softmax"),
        ("Conv3D", "use Conv2D"),
        ("Lambda", "operations on tensors (docs/graphs.md)"),
        ("ConvLSTM2D", "use Conv1D"),
        ("Discretization", "before the network"),
    ] {
        let message = format!("model.json: layer 'x' ({class}): {refused}");
        expect(load_one(class, json!({})), &message, instead);
        let (_, help) = words(&load_one(class, json!({})).unwrap_err());
        assert!(help.ends_with(&format!("; {pages}")) && help.lines().count() == 1, "{help}");
    }

    // The class comes before other problems: connections and input shapes of another form.
    let message =
        "k2_attention.h5: layer 'mha' (MultiHeadAttention): this class of layer is not supported";
    expect(load(&fixture("k2_attention.h5"), None), message, "Dense, Dot and Softmax");
    let message =
        "k2_layernorm.h5: layer 'ln' (LayerNormalization): this class of layer is not supported";
    expect(load(&fixture("k2_layernorm.h5"), None), message, "BatchNormalization");

    let with = |key: &str, value: &str| {
        let mut entry = layer("Dense", json!({"name": "x", "units": 2}));
        entry[key] = json!(value);
        load_json(&sequential(&[entry]), &fixture("weights.h5"))
    };
    let message =
        "model.json: layer 'x' (Dense): the class comes from 'my.layers', not from Keras or QKeras";
    expect(with("module", "my.layers"), message, "replace the layer with");
    expect(with("module", "keras.layersx"), &message.replace("my.layers", "keras.layersx"), "");
    expect(with("module", "keras.opsx"), &message.replace("my.layers", "keras.opsx"), "");
    let message = "model.json: layer 'x' (Dense): the operation 'Dense' is not supported";
    expect(with("module", "keras.src.ops.nn"), message, "docs/graphs.md");
    let message =
        "model.json: layer 'x' (Dense): the class comes from 'my.layers', not from Keras or QKeras";
    expect(with("registered_name", "mine>Dense"), &message.replace("my.layers", "mine>Dense"), "");
    let message =
        "model.json: layer 'x' (Dense): unknown attribute extra = \"1\" might change the result";
    expect(with("extra", "1"), message, "remove it");

    let one = layer("Flatten", json!({"name": "x"}));
    let message = "model.json: layer 'x' (Flatten): another layer has the same name";
    let twice = sequential(&[one.clone(), one]);
    expect(load_json(&twice, &fixture("weights.h5")), message, "a unique name");
    let nameless = sequential(&[layer("Flatten", json!({}))]);
    let message = "model.json: layer '' (Flatten): has no attribute 'name'";
    expect(load_json(&nameless, &fixture("weights.h5")), message, "save the model again");
    let message = "model.json: layer '' (): has no attribute 'config'";
    expect(load_json(&sequential(&[json!(3)]), &fixture("weights.h5")), message, "");
}

#[test]
fn attributes_that_change_the_result() {
    let cases = [
        ("Softmax", "axis", json!(0), "supported: axis = -1 or 1"),
        ("Softmax", "axis", json!([-1]), "supported: axis = -1 or 1"),
        ("Flatten", "data_format", json!("channels"), "\"channels_last\""),
        ("Dense", "lora_rank", json!(4), "without LoRA and copy the merged kernel"),
        ("Dense", "quantization_config", json!({"a": 1}), "before model.quantize()"),
        ("Flatten", "dtype", json!("float16"), "float32"),
        ("Flatten", "dtype", json!("float64"), "set_global_policy(\"float32\")"),
        ("Flatten", "dtype", json!("mixed_float16"), "new.set_weights(old.get_weights())"),
        ("Flatten", "dtype", json!({"class_name": "Odd"}), "float32"),
        ("LSTM", "stateful", json!(true), "build the model again with a batch of 1"),
        ("QGRU", "activation", json!("softmax"), "a function of each element"),
        ("GRU", "recurrent_activation", json!("softmax"), "a function of each element"),
    ];
    for (class, attribute, value, help) in cases {
        let message =
            format!("model.json: layer 'x' ({class}): {attribute} = {value} is not supported");
        expect(load_one(class, json!({attribute: value})), &message, help);
    }
    for class in ["Policy", "DTypePolicy", "FloatDTypePolicy"] {
        for name in ["bfloat16", "mixed_float16", "mixed_bfloat16", "float64"] {
            let policy = json!({"class_name": class, "config": {"name": name}});
            let message =
                format!("model.json: layer 'x' (Flatten): dtype = \"{name}\" is not supported");
            expect(load_one("Flatten", json!({"dtype": policy})), &message, "float32");
        }
    }
    let mut of_keras_2 = sequential(&[layer("QGRU", json!({"name": "x"}))]);
    of_keras_2["keras_version"] = json!("2.15.0");
    let message = "model.json: layer 'x' (QGRU): recurrent_quantizer = null is not supported";
    let found = load_json(&of_keras_2, &fixture("weights.h5"));
    expect(found, message, "multiplies the state by the kernel");
    let lstm = || layer("LSTM", json!({"name": "rnn", "units": 2}));
    let stacked = layer("StackedRNNCells", json!({"cells": [], "reverse_state_order": true}));
    let odd = || layer("OddCell", json!({}));
    let other = json!({"layer": lstm(), "merge_mode": "max"});
    for (class, config, found, help) in [
        ("RNN", json!({"cell": odd()}), "(RNN): cell = \"OddCell\"", "cells: SimpleRNNCell"),
        ("RNN", json!({"cell": lstm()}), "(RNN): cell = \"LSTM\"", "StackedRNNCells"),
        (
            "RNN",
            json!({"cell": stacked}),
            "(StackedRNNCells): reverse_state_order = true",
            "instead of cells",
        ),
        (
            "Bidirectional",
            json!({"layer": odd()}),
            "(Bidirectional): layer = \"OddCell\"",
            "put a SimpleRNN",
        ),
        ("QBidirectional", other, "(QBidirectional): merge_mode = \"max\"", "\"sum\" or \"mul\""),
    ] {
        let message = format!("model.json: layer 'x' {found} is not supported");
        expect(load_one(class, config), &message, help);
    }
    let message = "k3_half.keras: layer 'fc' (Dense): dtype = \"float16\" is not supported";
    expect(load(&fixture("k3_half.keras"), None), message, "float32");

    for attribute in ["sparse", "ragged", "optional"] {
        let input = json!({"name": "in", "batch_shape": [null, 3], attribute: true});
        let config = json!({"class_name": "Sequential", "config": {"name": "m", "layers": [
            layer("InputLayer", input)
        ]}});
        let message =
            format!("model.json: layer 'in' (InputLayer): {attribute} = true is not supported");
        expect(load_json(&config, &fixture("weights.h5")), &message, "= false");
    }
}

#[test]
fn attributes_of_the_wrong_form() {
    let cases = [
        ("Dense", json!({"units": 0}), "units = 0 is not a positive integer"),
        ("Dense", json!({"units": -2}), "units = -2 is not a positive integer"),
        ("Dense", json!({"units": "2"}), "units = \"2\" is not a positive integer"),
        ("Dense", json!({}), "has no attribute 'units'"),
        ("Dense", json!({"units": 2, "use_bias": 2}), "use_bias = 2 is not true or false"),
        ("Activation", json!({}), "has no attribute 'activation'"),
        ("ReLU", json!({"max_value": -1}), "max_value = -1 is not a non-negative number"),
        ("ReLU", json!({"negative_slope": "x"}), "negative_slope = \"x\" is not a number"),
        ("ReLU", json!({"threshold": -0.5}), "threshold = -0.5 is not a non-negative number"),
        ("LeakyReLU", json!({"alpha": [0.3]}), "alpha = [0.3] is not a number"),
        ("ThresholdedReLU", json!({"theta": -1}), "theta = -1 is not a non-negative number"),
        ("ELU", json!({"alpha": 1e99}), "alpha = 1e+99 is not a number"),
        (
            "PReLU",
            json!({"shared_axes": [0]}),
            "shared_axes = [0] is not a list of axes from 1 to 1",
        ),
        ("PReLU", json!({"shared_axes": 1}), "shared_axes = 1 is not a list of axes from 1 to 1"),
    ];
    for (class, config, message) in cases {
        let message = format!("model.json: layer 'x' ({class}): {message}");
        expect(load_one(class, config), &message, "save the model again");
    }
    let with = |shape: Value| {
        let input = layer("InputLayer", json!({"name": "in", "batch_shape": shape}));
        let config =
            json!({"class_name": "Sequential", "config": {"name": "m", "layers": [input]}});
        load_json(&config, &fixture("weights.h5"))
    };
    for shape in [json!([]), json!([null, "N"]), json!([null, 0]), json!(3), json!([null, -1])] {
        let message = format!(
            "model.json: layer 'in' (InputLayer): batch_shape = {shape} is not a batch axis and positive lengths"
        );
        expect(with(shape), &message, "");
    }
    let message = "model.json: layer 'in' (InputLayer): its input shape is not stated";
    expect(with(Value::Null), message, "build the model");
}

#[test]
fn unknown_attributes() {
    let message =
        "model.json: layer 'x' (Flatten): unknown attribute magic = true might change the result";
    expect(load_one("Flatten", json!({"magic": true})), message, "remove it");
    // A plain Dense has no quantizer.
    let dense = json!({"name": "<f2", "units": 2, "kernel_quantizer": "binary"});
    let config = sequential(&[layer("Dense", dense)]);
    let message = "model.json: layer '<f2' (Dense): unknown attribute kernel_quantizer = \"binary\" might change the result";
    expect(load_json(&config, &fixture("weights_types.h5")), message, "remove it");
    // None is how Keras writes an option that was not taken.
    let error = load_one("Flatten", json!({"magic": null})).unwrap_err();
    assert!(matches!(*error.problem, Problem::Surplus { .. }), "{error}");
    let error = load_one("Flatten", json!({"magic": "long ".repeat(50)})).unwrap_err();
    assert!(error.to_string().contains("long… might change the result"), "{error}");
}

#[test]
fn quantizers_and_activations() {
    let quantizer = json!({"units": 2, "kernel_quantizer": "no_quantizer(3)"});
    let error = load_one("QDense", quantizer).unwrap_err();
    let (message, help) = words(&error);
    assert!(message.starts_with("model.json: layer 'x' (QDense): kernel_quantizer: "), "{message}");
    assert!(message.contains("no_quantizer") && !help.is_empty(), "{message} {help}");
    let message = "model.json: layer 'x' (Activation): activation: the Keras activation 'glu' is not supported yet";
    expect(load_one("Activation", json!({"activation": "glu"})), message, "docs/models.md");
}

#[test]
fn equations_of_einsum_dense() {
    for (more, message, help) in [
        (
            json!({"equation": "ab,bc->a"}),
            "equation = \"ab,bc->a\" is not supported",
            "abc,cd->abd",
        ),
        (json!({"equation": 3}), "equation = 3 is not supported", "abc,cd->abd"),
        (json!({"equation": null}), "has no attribute 'equation'", ""),
        (
            json!({"output_shape": [2, 3]}),
            "output_shape = [2,3] is not a length for each of 1 axes",
            "",
        ),
        (json!({"output_shape": null}), "has no attribute 'output_shape'", ""),
        (json!({"bias_axes": "b"}), "bias_axes = \"b\" is not axes of the output", ""),
        (
            json!({"equation": "ab,bcd->acd", "output_shape": [2, 2], "activation": "softmax"}),
            "activation = \"softmax\" is not supported",
            "a separate activation layer",
        ),
    ] {
        let mut config = json!({"equation": "ab,bc->ac", "output_shape": 2});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let message = format!("model.json: layer 'x' (EinsumDense): {message}");
        expect(load_one("EinsumDense", config), &message, help);
    }
}

#[test]
fn preprocessing_layers() {
    let three = "[3]";
    for (class, config, message, help) in [
        ("Rescaling", json!({}), "has no attribute 'scale'".to_owned(), ""),
        (
            "Rescaling",
            json!({"scale": [1, 2]}),
            format!("scale = [1,2] is not a number, or an array that broadcasts to {three}"),
            "save the model again",
        ),
        (
            "Rescaling",
            json!({"scale": 2, "offset": "x"}),
            format!("offset = \"x\" is not a number, or an array that broadcasts to {three}"),
            "",
        ),
        (
            "Normalization",
            json!({"axis": 2}),
            "axis = 2 is not an axis of its samples".to_owned(),
            "",
        ),
        ("Normalization", json!({"mean": 1}), "has no attribute 'variance'".to_owned(), ""),
        (
            "Normalization",
            json!({"axis": -1, "mean": [1, 2], "variance": 1}),
            "mean = [1,2] is not numbers of the shape [3]".to_owned(),
            "",
        ),
        (
            "Normalization",
            json!({"mean": 1, "variance": -1}),
            "variance = -1.0 is not a variance".to_owned(),
            "",
        ),
        (
            "Normalization",
            json!({"variance": 1}),
            "variance = 1 is not supported".to_owned(),
            "remove",
        ),
    ] {
        expect(
            load_one(class, config),
            &format!("model.json: layer 'x' ({class}): {message}"),
            help,
        );
    }
    let resized = |more: Value| {
        let shape = json!({"name": "r", "target_shape": [1, 3, 1]});
        let mut config = json!({"name": "x", "height": 2, "width": 6});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let layers = [layer("Reshape", shape), layer("Resizing", config)];
        load_json(&sequential(&layers), &fixture("weights.h5"))
    };
    for (more, message, help) in [
        (json!({"interpolation": "bicubic"}), "interpolation = \"bicubic\"", "\"nearest\""),
        (json!({"antialias": true}), "antialias = true", "= false"),
        (
            json!({"crop_to_aspect_ratio": true, "width": 3}),
            "crop_to_aspect_ratio = true",
            "= false",
        ),
        (json!({"width": 5}), "[height, width] = [2,5]", "any size for nearest interpolation"),
    ] {
        let message = format!("model.json: layer 'x' (Resizing): {message} is not supported");
        expect(resized(more), &message, help);
    }
    // The aspect ratio is that of the input.
    let error = resized(json!({"crop_to_aspect_ratio": true})).unwrap_err();
    assert!(matches!(*error.problem, Problem::Surplus { .. }), "{error}");
}

/// A mask changes the result of some layers after an Embedding.
#[test]
fn masks_of_embeddings() {
    let with = |mask_zero: bool, class: &str| {
        let table = json!({"name": "x", "input_dim": 4, "output_dim": 2, "mask_zero": mask_zero});
        let user = layer(class, json!({"name": "user", "units": 2}));
        load_json(&sequential(&[layer("Embedding", table), user]), &fixture("weights.h5"))
    };
    let message = "model.json: layer 'x' (Embedding): mask_zero = true is not supported";
    for class in ["GlobalAveragePooling1D", "LSTM", "QGRU", "SimpleRNN", "RNN", "Bidirectional"] {
        let help = format!("layer 'user' ({class}) uses the mask");
        expect(with(true, class), message, &help);
    }
    // Dense passes the mask on and does not use it.
    for (mask_zero, class) in [(false, "LSTM"), (true, "Dense")] {
        let error = with(mask_zero, class).unwrap_err();
        assert!(matches!(layer_problem(&error), LayerProblem::WeightsMissing { .. }), "{error}");
    }
}

#[test]
fn layers_as_activations() {
    let with = |object: Value| load_one("Dense", json!({"units": 2, "activation": object}));
    let cases = [
        (
            layer("PReLU", json!({})),
            "Dense",
            "activation = \"PReLU\" is not supported",
            "a separate PReLU",
        ),
        (
            layer("BatchNormalization", json!({})),
            "Dense",
            "activation = \"BatchNormalization\" is not supported",
            "use a separate BatchNormalization layer after this one",
        ),
        (layer("Softmax", json!({"axis": 0})), "Softmax", "axis = 0 is not supported", "-1 or 1"),
        (
            layer("ReLU", json!({"slope": 2})),
            "ReLU",
            "unknown attribute slope = 2 might change the result",
            "remove it",
        ),
        (layer("Activation", json!({})), "Activation", "has no attribute 'activation'", "save"),
        (
            json!({"class_name": "ReLU", "config": 3}),
            "Dense",
            "activation = {\"class_name\":\"ReLU\",\"config\":3} is not a layer with class_name and config",
            "save the model again",
        ),
        (
            json!({"class_name": "ReLU", "config": {}, "module": "mine"}),
            "ReLU",
            "the class comes from 'mine', not from Keras or QKeras",
            "replace the layer",
        ),
        (
            layer("LeakyRelu", json!({})),
            "Dense",
            "activation: unknown activation 'LeakyRelu', did you mean 'leaky_relu'?",
            "docs/models.md",
        ),
    ];
    for (object, class, message, help) in cases {
        expect(with(object), &format!("model.json: layer 'x' ({class}): {message}"), help);
    }
    let object = layer("Activation", json!({"activation": layer("ELU", json!({"alpha": "x"}))}));
    let message = "model.json: layer 'x' (ELU): alpha = \"x\" is not a number";
    expect(with(object), message, "save the model again");
}

#[test]
fn samples_of_odd_shapes() {
    let with = |shape: Value, class: &str, config: Value| {
        let input = layer("InputLayer", json!({"name": "in", "batch_shape": shape}));
        let config = json!({"class_name": "Sequential", "config": {"name": "m", "layers": [
            input, layer(class, config)
        ]}});
        load_json(&config, &fixture("weights.h5"))
    };
    let message = "model.json: layer 'fc' (Dense): its input has no axis besides the batch";
    expect(with(json!([null]), "Dense", json!({"name": "fc", "units": 2})), message, "one axis");
    let large = json!([null, 1_u64 << 40, 1_u64 << 40]);
    let message = "model.json: layer 'x' (Flatten): a sample has too many elements";
    expect(with(large, "Flatten", json!({"name": "x"})), message, "shape of the model's input");
    let error =
        with(json!([null, 9]), "Dense", json!({"name": "nan", "units": 1_u64 << 60})).unwrap_err();
    assert!(matches!(layer_problem(&error), LayerProblem::WeightShape { .. }), "{error}");
}

/// Wrappers of tfmot and others that compute something else than their layer.
#[test]
fn wrappers() {
    let inner = layer("Dense", json!({"name": "fc", "units": 2}));
    let module = "tensorflow_model_optimization.python.core";
    for (class, help) in [
        ("ClusterWeights", "save tfmot.clustering.keras.strip_clustering(model)"),
        (
            "QuantizeWrapperV2",
            "before tfmot.quantization.keras.quantize_apply, or train with QKeras",
        ),
        ("QuantizeWrapper", "before tfmot.quantization.keras.quantize_apply, or train with QKeras"),
        ("QuantizeAnnotate", "before tfmot.quantization.keras.quantize_annotate_layer"),
        ("SpectralNormalization", "replace the wrapper by its layer"),
        ("Addons>SpectralNormalization", "replace the wrapper by its layer"),
        ("WeightNormalization", "replace the wrapper by a layer with the kernel"),
    ] {
        let mut entry = layer(class, json!({"name": "x", "layer": inner}));
        entry["module"] = json!(module);
        let message =
            format!("model.json: layer 'x' ({class}): this wrapper of a layer is not supported");
        expect(load_json(&sequential(&[entry]), &fixture("weights.h5")), &message, help);
    }
    let message = "model.json: layer 'x' (QuantizeLayer): this wrapper of a layer is not supported";
    expect(load_one("QuantizeLayer", json!({"quantizer": null})), message, "quantize_apply");

    // A pruned layer in a wrapper, a model in a pruned layer.
    let pruned = layer("PruneLowMagnitude", json!({"name": "p", "layer": inner}));
    let message =
        "model.json: layer 'x' (PruneLowMagnitude): this wrapper of a layer is not supported";
    let help = "save tfmot.sparsity.keras.strip_pruning(model)";
    expect(load_one("TimeDistributed", json!({"layer": pruned})), message, help);
    let model = layer("Sequential", json!({"name": "m", "layers": [inner]}));
    let message = "model.json: layer 'x' (Sequential): this wrapper of a layer is not supported";
    expect(load_one("PruneLowMagnitude", json!({"layer": model})), message, help);

    let message = "model.json: layer 'x' (PruneLowMagnitude): unknown attribute extra = 1 might change the result";
    expect(load_one("PruneLowMagnitude", json!({"layer": inner, "extra": 1})), message, "");
    let message = "model.json: layer 'x' (PruneLowMagnitude): layer = 3 is not a layer";
    expect(load_one("PruneLowMagnitude", json!({"layer": 3})), message, "");
    let message = "model.json: layer 'x' (PruneLowMagnitude): has no attribute 'layer'";
    expect(load_one("PruneLowMagnitude", json!({})), message, "");
    let message = "model.json: layer 'x' (Conv9D): this class of layer is not supported, did you mean 'Conv1D'?";
    let unknown = layer("Conv9D", json!({"name": "c"}));
    expect(load_one("PruneLowMagnitude", json!({"layer": unknown})), message, "docs/models.md");
    let message = "model.json: layer 'x' (Custom>Mine): the class comes from 'Custom>Mine', not from Keras or QKeras";
    expect(load_one("Custom>Mine", json!({})), message, "replace the layer with");
}

#[test]
fn classes_come_before_their_calls() {
    let message = "mha.h5: layer 'mha' (MultiHeadAttention): this class of layer is not supported";
    let (found, _) = words(&load(&fixture("mha.h5"), None).unwrap_err());
    assert_eq!(found, message);
}

/// Inputs whose shape the file leaves open.
#[test]
fn open_shapes() {
    let with = |file: &str, shapes: &[&str]| {
        let input_shapes = shapes.iter().map(|shape| shape.parse().unwrap()).collect();
        let options = ReadOptions { input_shapes, ..ReadOptions::default() };
        load_with(&fixture(file), None, &options)
    };
    let open = "layer 'in' (InputLayer): its shape [None, 4] leaves the length of an axis open";
    let help = "pass --input-shape N,4 with a number for N, or --input-shape in=N,4 for one of";
    expect(load(&fixture("none1d.h5"), None), &format!("none1d.h5: {open}"), help);
    let message = "none2d.h5: layer 'in' (InputLayer): its shape [None, None, 3] leaves the length of an axis open";
    expect(with("none2d.h5", &[]), message, "--input-shape in=N,N,3");
    for (shapes, given) in
        [(&["6,5"][..], "[6, 5]"), (&["6,4", "4"], "[4]"), (&["in=6,4,1"], "[6, 4, 1]")]
    {
        let message = format!(
            "none1d.h5: layer 'in' (InputLayer): its shape is [None, 4] in the file, not {given}"
        );
        expect(with("none1d.h5", shapes), &message, "--input-shape NAME=128,6");
    }
    let message = "none1d.h5: has no input 'x', whose shape is stated";
    expect(with("none1d.h5", &["x=6,4"]), message, "inputs: in");
    for (file, shapes, shape) in [
        ("none1d.h5", &["6,4"][..], vec![6, 4]),
        ("none1d.h5", &["4", "in=7,4"], vec![7, 4]),
        ("none2d.h5", &["in=8,9,3"], vec![8, 9, 3]),
    ] {
        let model = with(file, shapes).unwrap();
        let is = LayerKind::Input { shape };
        assert_eq!(format!("{:?}", crate::layer(&model, "in").kind), format!("{is:?}"));
    }
}

#[test]
fn crops_that_keras_resizes() {
    let crop = |class: &str, height: usize| {
        let input = layer("InputLayer", json!({"name": "in", "batch_shape": [null, 6, 5, 2]}));
        let crop = layer(class, json!({"name": "x", "height": height, "width": 5}));
        let config =
            json!({"class_name": "Sequential", "config": {"name": "m", "layers": [input, crop]}});
        load_json(&config, &fixture("weights.h5"))
    };
    let message = "model.json: layer 'x' (RandomCrop): [height, width] = [4,5] is not supported";
    expect(crop("RandomCrop", 4), message, "supported: [6, 5], the size of its input");
    let message = "model.json: layer 'x' (CenterCrop): [height, width] = [7,5] is not supported";
    expect(crop("CenterCrop", 7), message, "use Resizing before it");
}
