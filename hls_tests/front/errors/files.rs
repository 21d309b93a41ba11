//! Files and configurations that are not models.

use std::path::Path;

use bitkiln::front::{Problem, load, read_arrays};
use serde_json::json;

use super::{Folder, expect, layer, load_json, sequential, words};
use crate::{fixture, project};

#[test]
fn files_that_are_no_models() {
    let folder = Folder::new();
    let missing = folder.0.path().join("none.h5");
    let error = load(&missing, None).unwrap_err();
    assert!(matches!(*error.problem, Problem::Unreadable(_)), "{error}");
    assert!(words(&error).0.starts_with("none.h5: cannot be read: "), "{error}");
    let error = load(folder.0.path(), None).unwrap_err();
    assert!(error.to_string().ends_with("not a recognised model file (a folder)"), "{error}");
    let error = read_arrays(folder.0.path()).unwrap_err();
    assert!(error.to_string().ends_with("not a recognised array file (a folder)"), "{error}");
    let device = Path::new("/dev/null");
    if device.exists() {
        expect(load(device, None), "null: cannot be read: not a regular file", "an existing file");
    }

    // A hole of a terabyte, which takes no room on the disk.
    let huge = folder.file("huge.h5", "");
    std::fs::File::options().write(true).open(&huge).unwrap().set_len(1 << 40).unwrap();
    expect(load(&huge, None), "huge.h5: the file is too large", "malicious");

    let empty = folder.file("empty.h5", "");
    expect(load(&empty, None), "empty.h5: not a recognised model file (empty)", ".keras");
    let random = folder.file("random.h5", b"\x01ab\"");
    let message = "random.h5: not a recognised model file (starts with \"\\x01ab\\\"\")";
    expect(load(&random, None), message, ".keras");
    let array = fixture("one.npy");
    expect(load(&array, None), "one.npy: not a recognised model file (a NumPy array)", ".keras");
    let json = folder.file("m.json", "{\"class_name\": ");
    let message =
        "m.json: the text is not valid JSON: EOF while parsing a value at line 1 column 15";
    expect(load(&json, None), message, "save the model again");
    let deep = folder.file("deep.json", "[".repeat(100_000));
    let error = load(&deep, None).unwrap_err();
    assert!(error.to_string().contains("recursion limit exceeded"), "{error}");
    let long = folder.file("long.json", format!("[{}]", " ".repeat(33 << 20)));
    expect(load(&long, None), "long.json: the text is too large", "malicious");
}

#[test]
fn architecture_and_weights_apart() {
    let json = fixture("k2_branches.json");
    let message = "k2_branches.json: holds an architecture without weights";
    expect(load(&json, None), message, "--weights FILE");
    let weights = fixture("k2_branches_weights.h5");
    let message = "k2_branches_weights.h5: holds weights without an architecture";
    expect(load(&weights, None), message, "--weights");
    let message = "k2_branches.json: not a recognised weights file (JSON text)";
    expect(load(&json, Some(&json)), message, ".weights.h5");
    let message = "one.npy: not a recognised weights file (a NumPy array)";
    expect(load(&json, Some(&fixture("one.npy"))), message, ".weights.h5");
    let message = "other.h5: holds no Keras weights; its root holds data";
    expect(load(&json, Some(&fixture("other.h5"))), message, "layer_names");
    let archive = fixture("types.npz");
    expect(load(&archive, None), "types.npz: the archive has no entry 'config.json'", "--weights");
    let message =
        "k2_checkpoint.index: is a TensorFlow checkpoint: weights without an architecture";
    expect(load(&fixture("k2_checkpoint.index"), None), message, "this prefix with --weights");
    let folder = Folder::new();
    let map = json!({"metadata": {}, "weight_map": {"/layers/dense/vars": ["w_00000.weights.h5"]}});
    let sharded = folder.file("w.weights.json", map.to_string());
    let message = "w.weights.json: lists weights in several files";
    expect(load(&json, Some(&sharded)), message, "without max_shard_size");
    expect(load(&sharded, None), message, "without max_shard_size");
    // An index without its data.
    let index = folder.0.path().join("c.index");
    std::fs::copy(fixture("k2_checkpoint.index"), &index).unwrap();
    let error = load(&json, Some(&folder.0.path().join("c"))).unwrap_err();
    let (message, _) = words(&error);
    assert!(message.starts_with("c.data-00000-of-00001: cannot be read: "), "{message}");
}

#[test]
fn damaged_containers() {
    let folder = Folder::new();
    let reference = project("hls_tests/reference");
    let h5 = std::fs::read(reference.join("net_mlp_softmax/model.h5")).unwrap();
    let archive = std::fs::read(reference.join("v3_mlp/model.keras")).unwrap();
    for (name, bytes) in [("m.h5", &h5), ("m.keras", &archive)] {
        let error = load(&folder.file(name, &bytes[..bytes.len() / 2]), None).unwrap_err();
        assert!(words(&error).0.starts_with(&format!("{name}: is damaged: ")), "{error}");
        assert_eq!(words(&error).1, "save or copy the file again");
    }
}

/// A small archive whose configuration decompresses to far more than any real one.
#[test]
fn a_configuration_of_blanks() {
    use std::io::Write;
    let folder = Folder::new();
    let path = folder.0.path().join("bomb.keras");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    let options = options.compression_method(zip::CompressionMethod::Deflated);
    zip.start_file("config.json", options).unwrap();
    zip.write_all(&vec![b' '; 40 << 20]).unwrap();
    zip.finish().unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() < 1 << 20);
    expect(load(&path, None), "bomb.keras: config.json is too large", "malicious");
}

#[test]
fn models_that_are_not_understood() {
    let weights = fixture("weights.h5");
    let cases = [
        (json!({"layers": []}), "is not a model: it has no class_name"),
        (json!([1]), "is not a model: it has no class_name"),
        (json!({"class_name": "Sequential"}), "the Sequential model has no list of layers"),
        (
            json!({"class_name": "Sequential", "config": {"layers": []}}),
            "the Sequential model has no layers",
        ),
        (
            json!({"class_name": "Mine", "config": {"layers": [
                layer("Dense", json!({"name": "fc"}))
            ]}}),
            "the model is of the class Mine, which is not supported",
        ),
    ];
    for (config, message) in cases {
        expect(load_json(&config, &weights), &format!("model.json: {message}"), "");
    }
    // Keras saves the arguments of a subclassed model, not its layers.
    let subclassed = json!({"class_name": "Mine", "config": {"units": 4}});
    let message = "model.json: the model is of the class Mine, which is not supported";
    expect(load_json(&subclassed, &weights), message, "model.call(x)).save(\"model.keras\")");
    let mut config = sequential(&[]);
    config["config"]["dtype"] = json!("mixed_float16");
    let message = "model.json: layer 'm' (Sequential): dtype = \"mixed_float16\" is not supported";
    expect(load_json(&config, &weights), message, "float32");
    let mut config = sequential(&[]);
    config["config"]["magic"] = json!(1);
    let message =
        "model.json: layer 'm' (Sequential): unknown attribute magic = 1 might change the result";
    expect(load_json(&config, &weights), message, "remove it");
}

/// Folders that TensorFlow writes.
#[test]
fn saved_models() {
    let folder = Folder::new();
    let path = |name: &str| folder.0.path().join(name);
    folder.file("saved_model.pb", "");
    let error = load(folder.0.path(), None).unwrap_err();
    let (message, help) = words(&error);
    let expected = "is a SavedModel without Keras' layers: it has no keras_metadata.pb";
    assert!(message.ends_with(expected), "{message}");
    assert!(help.contains("load_model(FOLDER).save(\"model.h5\")"), "{help}");

    let message = "saved_model.pb: is one file of a SavedModel";
    let file = path("saved_model.pb");
    expect(load(&file, None), message, &format!("pass its folder: {}", folder.0.path().display()));
    let lists = Folder::new();
    let listed = lists.file("checkpoint", "model_checkpoint_path: \"best\"\nall_model: \"best\"\n");
    let message =
        "checkpoint: lists TensorFlow checkpoints, which hold weights without an architecture";
    let prefix = lists.0.path().join("best");
    expect(load(&listed, None), message, &format!("--weights {}", prefix.display()));

    let original = crate::project("hls_tests/reference/saved_model/model");
    let copy = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = std::fs::read(original.join(name)).unwrap();
        change(&mut bytes);
        folder.file(name, bytes);
    };
    std::fs::create_dir(path("variables")).unwrap();
    copy("keras_metadata.pb", &|_| {});
    let error = load(folder.0.path(), None).unwrap_err();
    assert!(words(&error).0.starts_with("variables.index: cannot be read: "), "{error}");
    copy("variables/variables.index", &|_| {});
    copy("variables/variables.data-00000-of-00001", &|_| {});
    let full = load(folder.0.path(), None).unwrap();

    // The weights of a folder also go with an architecture of another file.
    let config = serde_json::json!({"class_name": "Sequential", "config": {"name": "m", "layers": [
        {"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [null, 3]}}]}});
    let error = super::load_json(&config, folder.0.path()).unwrap_err();
    assert!(matches!(*error.problem, Problem::Surplus { .. }), "{error}");

    // Damaged files are errors, or models of the same layers.
    for name in [
        "keras_metadata.pb",
        "variables/variables.index",
        "variables/variables.data-00000-of-00001",
    ] {
        let length = std::fs::metadata(original.join(name)).unwrap().len() as usize;
        for at in (0..length).step_by((length / 40).max(1)) {
            for change in [0x01, 0xff] {
                copy(name, &|bytes| bytes[at] ^= change);
                if let Ok(model) = load(folder.0.path(), None) {
                    assert_eq!(model.graph.node_count(), full.graph.node_count());
                }
            }
            copy(name, &|bytes| bytes.truncate(at));
            let cut = load(folder.0.path(), None);
            // The metadata of the model precede those of its layers.
            assert!(cut.is_err() || name == "keras_metadata.pb", "{name} {at}");
        }
        copy(name, &|_| {});
    }
}
