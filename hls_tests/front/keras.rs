//! Models in all file formats of Keras 2 and Keras 3; see `fixtures/generate.py`.

use bitkiln::front::{LayerProblem, load};
use bitkiln::model::{Activation, Dense, LayerKind, Model};
use ndarray::{Array1, Array2};
use petgraph::graph::NodeIndex;
use serde_json::json;

use crate::{dense, fixture, layer, layer_problem, names, relu};

/// Expects the weights that `generate.py` assigns to layer `number` with weights, counted from 1.
fn expect_rule(dense: &Dense, number: usize, [inputs, units]: [usize; 2]) {
    let kernel = Array2::from_shape_fn((inputs, units), |(input, unit)| {
        100.0 * number as f32 + (input * units + unit) as f32 / 8.0
    });
    assert_eq!(dense.kernel, kernel);
    if let Some(bias) = &dense.bias {
        let rule = Array1::from_shape_fn(units, |unit| -(number as f32) - unit as f32 / 4.0);
        assert_eq!(bias, rule);
    }
}

fn sources(model: &Model, name: &str) -> Vec<String> {
    let is_named = |node: &NodeIndex| model.graph[*node].name == name;
    let node = model.graph.node_indices().find(is_named).unwrap();
    model.sources(node).into_iter().map(|source| model.graph[source].name.clone()).collect()
}

fn expect_branches(model: &Model) {
    assert_eq!(model.name, "branches");
    assert_eq!(names(model), ["b", "alpha", "a", "drop", "zeta", "mid"]);
    let nodes = |nodes: &[NodeIndex]| -> Vec<String> {
        nodes.iter().map(|&node| model.graph[node].name.clone()).collect()
    };
    assert_eq!(nodes(&model.inputs), ["b", "a"]);
    assert_eq!(nodes(&model.outputs), ["zeta", "mid", "drop"]);
    for (name, expected) in
        [("b", ""), ("alpha", "b"), ("drop", "alpha"), ("zeta", "a"), ("mid", "drop")]
    {
        assert_eq!(sources(model, name).join(" "), expected, "{name}");
    }
    expect_rule(dense(model, "alpha"), 1, [4, 5]);
    expect_rule(dense(model, "zeta"), 2, [3, 2]);
    expect_rule(dense(model, "mid"), 3, [5, 2]);
    assert!(dense(model, "alpha").bias.is_none() && dense(model, "zeta").bias.is_some());
    assert_eq!(dense(model, "mid").activation, relu());
    assert!(matches!(layer(model, "drop").kind, LayerKind::Identity));
}

#[test]
fn one_network_in_every_form() {
    for (model, weights) in [
        ("k2_branches.h5", None),
        ("k2_branches.json", Some("k2_branches_weights.h5")),
        ("k2_archive.keras", None),
        ("k3_branches.keras", None),
        ("k3_branches.h5", None),
        ("long.h5", None),
        ("k3_branches.json", Some("k3_branches.weights.h5")),
        // A checkpoint by its prefix, its index and its data.
        ("k2_branches.json", Some("k2_checkpoint")),
        ("k2_branches.json", Some("k2_checkpoint.index")),
        ("k3_branches.json", Some("k2_checkpoint.data-00000-of-00001")),
        // Weights of either generation, from a file of weights or of a whole model.
        ("k2_branches.json", Some("k3_branches.weights.h5")),
        ("k2_branches.json", Some("k3_branches.keras")),
        ("k3_branches.json", Some("k2_branches.h5")),
        ("k3_branches.keras", Some("k2_branches_weights.h5")),
    ] {
        let weights_path = weights.map(fixture);
        match load(&fixture(model), weights_path.as_deref()) {
            Ok(model) => expect_branches(&model),
            Err(error) => panic!("{model} with {weights:?}: {error}"),
        }
    }
}

/// Weights of another file replace those of the model file.
#[test]
fn passed_weights_replace_the_files_own() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.weights.h5");
    let mut bytes = std::fs::read(fixture("k2_branches_weights.h5")).unwrap();
    // The first element of alpha's kernel, 100, becomes 7.
    let at = bytes.windows(8).position(|window| {
        window == [100.0_f32.to_le_bytes(), 100.125_f32.to_le_bytes()].as_flattened()
    });
    let at = at.unwrap();
    bytes[at..at + 4].copy_from_slice(&7.0_f32.to_le_bytes());
    std::fs::write(&other, bytes).unwrap();
    for model in ["k2_branches.h5", "k3_branches.keras"] {
        let model = load(&fixture(model), Some(&other)).unwrap();
        assert_eq!(dense(&model, "alpha").kernel[[0, 0]], 7.0);
    }
}

/// The content decides on the format.
#[test]
fn file_names_do_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let copy = |from: &str, to: &str| {
        let to = folder.path().join(to);
        std::fs::copy(fixture(from), &to).unwrap();
        to
    };
    expect_branches(&load(&copy("k3_branches.keras", "a.h5"), None).unwrap());
    expect_branches(&load(&copy("k2_branches.h5", "b.json"), None).unwrap());
    let weights = copy("k2_branches_weights.h5", "c.npz");
    expect_branches(&load(&copy("k2_branches.json", "d"), Some(&weights)).unwrap());
}

/// A `.keras` archive that was unpacked.
#[test]
fn a_folder_with_the_files_of_an_archive() {
    let folder = tempfile::tempdir().unwrap();
    for archive in ["k2_archive.keras", "k3_branches.keras"] {
        let bytes = std::fs::read(fixture(archive)).unwrap();
        zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap().extract(folder.path()).unwrap();
        expect_branches(&load(folder.path(), None).unwrap());
        expect_branches(&load(&fixture("k3_branches.json"), Some(folder.path())).unwrap());
    }
    std::fs::remove_file(folder.path().join("metadata.json")).unwrap();
    expect_branches(&load(folder.path(), None).unwrap());
    std::fs::remove_file(folder.path().join("model.weights.h5")).unwrap();
    let error = load(folder.path(), None).unwrap_err();
    assert!(error.to_string().ends_with("the folder has no file 'model.weights.h5'"), "{error}");
    let weights = fixture("k2_checkpoint");
    expect_branches(&load(folder.path(), Some(&weights)).unwrap());
}

/// The variables of cells, and of layers in layers.
#[test]
fn a_checkpoint_holds_the_weights_of_the_file() {
    let kinds = |model: &Model| -> Vec<String> {
        model.graph.node_weights().map(|layer| format!("{:?}", layer.kind)).collect()
    };
    let file = load(&fixture("k2_cells.h5"), None).unwrap();
    let checkpoint = load(&fixture("k2_cells.json"), Some(&fixture("k2_cells"))).unwrap();
    assert_eq!(kinds(&file), kinds(&checkpoint));
}

#[test]
fn layers_without_effect() {
    for (file, input) in [("k2_inert.h5", "input_"), ("k3_inert.keras", "input_layer")] {
        let model = load(&fixture(file), None).unwrap();
        let kinds: Vec<String> = model
            .graph
            .node_weights()
            .map(|layer| match &layer.kind {
                LayerKind::Input { shape } => format!("input {shape:?}"),
                LayerKind::Dense(dense) => format!("dense {:?}", dense.kernel.dim()),
                LayerKind::Activation(Activation::Function(function)) => function.to_string(),
                LayerKind::Flatten => "flatten".to_owned(),
                LayerKind::PRelu(_) => "prelu".to_owned(),
                LayerKind::Identity => "identity".to_owned(),
                other => format!("{other:?}"),
            })
            .collect();
        let mut expected = vec!["input [3, 2]"];
        expected.extend(["identity"; 6]);
        expected.extend(["dense (2, 2)", "flatten", "dense (6, 4)", "relu", "Activation(Softmax)"]);
        assert_eq!(kinds, expected, "{file}");
        assert!(names(&model)[0].starts_with(input), "{file}");
        expect_rule(dense(&model, "rows"), 1, [2, 2]);
        expect_rule(dense(&model, "fc"), 2, [6, 4]);
    }
}

#[test]
fn a_sequential_model_without_an_input_layer() {
    for file in ["k2_unbuilt.h5", "k3_unbuilt.keras"] {
        let model = load(&fixture(file), None).unwrap();
        expect_rule(dense(&model, "first"), 1, [4, 3]);
        expect_rule(dense(&model, "second"), 2, [3, 2]);
    }
}

/// Keras 2 allows `/` in a name, which becomes a path of groups.
#[test]
fn names_with_slashes() {
    let model = load(&fixture("k2_slash.h5"), None).unwrap();
    assert_eq!(names(&model), ["in", "block/fc", "block/fc/inner"]);
    expect_rule(dense(&model, "block/fc"), 1, [3, 3]);
    expect_rule(dense(&model, "block/fc/inner"), 2, [3, 2]);
}

/// Keras 3 counts calls of a nested model from 1 in the outputs, and from 0 elsewhere.
#[test]
fn outputs_of_a_model_that_is_called_twice() {
    for (folder, file) in [("graph_nested", "model.h5"), ("graph3_nested", "model.keras")] {
        let path = crate::project("hls_tests/reference").join(folder).join(file);
        let model = load(&path, None).unwrap();
        let outputs = model.outputs.iter().map(|output| model.graph[*output].name.as_str());
        assert_eq!(outputs.collect::<Vec<_>>(), ["add", "cat", "inner/h_act"], "{folder}");
    }
}

/// The kernels of a pruned layer are multiplied by their masks; the note counts the zeros.
#[test]
fn sparsity_of_pruned_layers() {
    let folder = crate::project("hls_tests/reference");
    let notes = |file: &str| {
        let model = load(&folder.join(file), None).unwrap();
        let notes: Vec<String> = model.notes.iter().map(ToString::to_string).collect();
        (model, notes)
    };
    let (model, found) = notes("prune_low_magnitude_wrapped/model.h5");
    let expected = "note: pruned layers: 126 of 252 weights of their kernels are 0 (50 %): \
                    prune_low_magnitude_fc1 50 %, prune_low_magnitude_fc2 50 %";
    assert_eq!(found, [expected]);
    assert_eq!(layer(&model, "prune_low_magnitude_fc1").class, "QDense");
    let (model, found) = notes("pruned_nested/model.h5");
    assert!(found[0].contains("prune_low_magnitude_last"), "{found:?}");
    assert!(found[0].contains("inner/prune_low_magnitude_second"), "{found:?}");
    let kernel = &dense(&model, "inner/prune_low_magnitude_second").kernel;
    assert!(kernel.iter().any(|weight| *weight == 0.0));
    assert_eq!(notes("keras2131_seq_keras/model.keras").1, [""; 0]);
}

/// An architecture needs weights only for layers that have some.
#[test]
fn an_architecture_without_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.json");
    let config = r#"{"class_name": "Sequential", "config": {"name": "m", "layers": [
        {"class_name": "InputLayer", "config": {"name": "in", "batch_input_shape": [null, 4]}},
        {"class_name": "Flatten", "config": {"name": "flat"}}]}}"#;
    std::fs::write(&path, config).unwrap();
    assert_eq!(names(&load(&path, None).unwrap()), ["in", "flat"]);
}

/// A file of Keras 3.2: both inputs of `sum` are the first call of `flat`.
#[test]
fn calls_that_nothing_uses() {
    let tensor = |layer: &str, call: usize| json!({"class_name": "__keras_tensor__", "config": {"keras_history": [layer, call, 0]}});
    let input = |name: &str| {
        json!({"class_name": "InputLayer", "name": name, "inbound_nodes": [],
            "config": {"name": name, "batch_shape": [null, 4]}})
    };
    let model = |second: usize| {
        let calls = ["a", "b"].map(|name| json!({"args": [tensor(name, 0)], "kwargs": {}}));
        let operands = [tensor("flat", 0), tensor("flat", second)];
        let config = json!({"class_name": "Functional", "config": {"name": "m", "layers": [
            input("a"), input("b"),
            {"class_name": "Flatten", "name": "flat", "config": {"name": "flat"},
                "inbound_nodes": calls},
            {"class_name": "Add", "name": "sum", "config": {"name": "sum", "trainable": true},
                "inbound_nodes": [{"args": [operands], "kwargs": {}}]}],
            "input_layers": [["a", 0, 0], ["b", 0, 0]], "output_layers": ["sum", 0, 0]}});
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.json");
        std::fs::write(&path, config.to_string()).unwrap();
        load(&path, None)
    };
    assert_eq!(model(1).unwrap().notes, []);
    let error = model(0).unwrap_err();
    assert!(matches!(layer_problem(&error), LayerProblem::UnusedCall), "{error}");
    let message = "layer 'flat_1' (Flatten): nothing uses the result of this call";
    assert!(error.to_string().contains(message), "{error}");
    let help = miette::Diagnostic::help(&error).unwrap().to_string();
    assert!(help.contains("save the model with Keras 3.3 or later"), "{help}");
}
