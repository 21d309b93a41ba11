//! What is refused, and the words for it.

use std::path::{Path, PathBuf};

use bitkiln::front::{FrontError, LayerProblem, Problem, load};
use miette::Diagnostic;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{dense, fixture, project};

/// The message without the file's folder, and the help.
fn words(error: &FrontError) -> (String, String) {
    let folder = format!("{}/", error.path.parent().unwrap().display());
    let message = error.to_string();
    let message = message.strip_prefix(&folder).unwrap_or(&message).to_owned();
    (message, error.help().map(|help| help.to_string()).unwrap_or_default())
}

#[track_caller]
fn expect(result: Result<bitkiln::model::Model, FrontError>, message: &str, help: &str) {
    let (found, found_help) = words(&result.expect_err("an error"));
    assert_eq!(found, message);
    assert!(found_help.contains(help), "{found_help}");
}

/// A folder for files that a test writes.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

/// Loads a configuration, `model.json`, with weights.
fn load_json(config: &Value, weights: &Path) -> Result<bitkiln::model::Model, FrontError> {
    let folder = Folder::new();
    load(&folder.file("model.json", config.to_string()), Some(weights))
}

fn layer(class: &str, config: Value) -> Value {
    json!({"class_name": class, "config": config})
}

/// A Sequential model on samples of three elements.
fn sequential(layers: &[Value]) -> Value {
    let input = layer("InputLayer", json!({"name": "in", "batch_input_shape": [null, 3]}));
    let layers: Vec<&Value> = std::iter::once(&input).chain(layers).collect();
    json!({"class_name": "Sequential", "config": {"name": "m", "layers": layers}})
}

/// Loads a Sequential model of one layer, named `x`, on samples of three elements.
fn load_one(class: &str, config: Value) -> Result<bitkiln::model::Model, FrontError> {
    let mut config = config;
    config["name"] = json!("x");
    load_json(&sequential(&[layer(class, config)]), &fixture("weights.h5"))
}

/// Loads a Dense layer of the weights file whose layers each have a fault.
fn load_faulty(name: &str) -> Result<bitkiln::model::Model, FrontError> {
    let config = json!({"name": name, "units": 2, "activation": "linear", "use_bias": true});
    load_json(&sequential(&[layer("Dense", config)]), &fixture("weights.h5"))
}

#[test]
fn files_that_are_no_models() {
    let folder = Folder::new();
    let missing = folder.0.path().join("none.h5");
    let error = load(&missing, None).unwrap_err();
    assert!(matches!(*error.problem, Problem::Unreadable(_)), "{error}");
    assert!(words(&error).0.starts_with("none.h5: cannot be read: "), "{error}");
    let error = load(folder.0.path(), None).unwrap_err();
    assert!(error.to_string().ends_with("cannot be read: not a regular file"), "{error}");

    let empty = folder.file("empty.h5", "");
    expect(load(&empty, None), "empty.h5: is an empty file, and no model file", ".keras");
    let random = folder.file("random.h5", b"\x01ab\"");
    let message = "random.h5: is a file that begins with \"\\x01ab\\\"\", and no model file";
    expect(load(&random, None), message, ".keras");
    let array = fixture("one.npy");
    expect(load(&array, None), "one.npy: is a NumPy array, and no model file", ".keras");
    let json = folder.file("m.json", "{\"class_name\": ");
    let message =
        "m.json: the text is not valid JSON: EOF while parsing a value at line 1 column 15";
    expect(load(&json, None), message, "save the model again");
    let deep = folder.file("deep.json", "[".repeat(100_000));
    let error = load(&deep, None).unwrap_err();
    assert!(error.to_string().contains("recursion limit exceeded"), "{error}");
    let long = folder.file("long.json", format!("[{}]", " ".repeat(33 << 20)));
    expect(load(&long, None), "long.json: the text is too large", "exhaust memory");
}

#[test]
fn architecture_and_weights_apart() {
    let json = fixture("k2_branches.json");
    let message = "k2_branches.json: holds an architecture without weights";
    expect(load(&json, None), message, "--weights FILE");
    let weights = fixture("k2_branches_weights.h5");
    let message = "k2_branches_weights.h5: holds weights without an architecture";
    expect(load(&weights, None), message, "--weights");
    let message = "k2_branches.json: is JSON text, and holds no weights";
    expect(load(&json, Some(&json)), message, ".weights.h5");
    let message = "one.npy: is a NumPy array, and holds no weights";
    expect(load(&json, Some(&fixture("one.npy"))), message, ".weights.h5");
    let message = "other.h5: holds no weights of Keras: data";
    expect(load(&json, Some(&fixture("other.h5"))), message, "layer_names");
    let archive = fixture("types.npz");
    expect(load(&archive, None), "types.npz: the archive has no entry 'config.json'", "--weights");
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
    expect(load(&path, None), "bomb.keras: config.json is too large", "exhaust memory");
}

#[test]
fn models_that_are_not_understood() {
    let weights = fixture("weights.h5");
    let cases = [
        (json!({"layers": []}), "has no class_name: it is no model"),
        (json!([1]), "has no class_name: it is no model"),
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
    let mut config = sequential(&[]);
    config["config"]["dtype"] = json!("mixed_float16");
    let message = "model.json: layer 'm' (Sequential): dtype = \"mixed_float16\" is not supported";
    expect(load_json(&config, &weights), message, "float32");
    let mut config = sequential(&[]);
    config["config"]["magic"] = json!(1);
    let message = "model.json: layer 'm' (Sequential): the attribute magic = 1 is not known, so it might change the result";
    expect(load_json(&config, &weights), message, "without it");
}

#[test]
fn classes_of_layers() {
    let message = "model.json: layer 'x' (Conv9D): this class of layer is not supported";
    expect(load_one("Conv9D", json!({})), message, "InputLayer, Dense, QDense, Activation");

    let with = |key: &str, value: &str| {
        let mut entry = layer("Dense", json!({"name": "x", "units": 2}));
        entry[key] = json!(value);
        load_json(&sequential(&[entry]), &fixture("weights.h5"))
    };
    let message =
        "model.json: layer 'x' (Dense): the class comes from 'my.layers', not from Keras or QKeras";
    expect(with("module", "my.layers"), message, "replace the layer");
    expect(with("module", "keras.layersx"), &message.replace("my.layers", "keras.layersx"), "");
    expect(with("module", "keras.ops"), &message.replace("my.layers", "keras.ops"), "");
    expect(with("registered_name", "mine>Dense"), &message.replace("my.layers", "mine>Dense"), "");
    let message = "model.json: layer 'x' (Dense): the attribute extra = \"1\" is not known, so it might change the result";
    expect(with("extra", "1"), message, "without it");

    let message =
        "k3_nested.keras: layer 'inner' (Sequential): a model inside a model is not supported yet";
    expect(load(&fixture("k3_nested.keras"), None), message, "outer one");
    let one = layer("Flatten", json!({"name": "x"}));
    let message = "model.json: layer 'x' (Flatten): two layers have this name";
    let twice = sequential(&[one.clone(), one]);
    expect(load_json(&twice, &fixture("weights.h5")), message, "a name of its own");
    let nameless = sequential(&[layer("Flatten", json!({}))]);
    let message = "model.json: layer '' (Flatten): has no attribute 'name'";
    expect(load_json(&nameless, &fixture("weights.h5")), message, "save the model again");
    let message = "model.json: layer '' (): has no attribute 'config'";
    expect(load_json(&sequential(&[json!(3)]), &fixture("weights.h5")), message, "");
}

#[test]
fn attributes_that_change_the_result() {
    let cases = [
        ("ReLU", "max_value", json!(6), "leave max_value out"),
        ("ReLU", "negative_slope", json!(0.1), "supported is negative_slope = 0"),
        ("ReLU", "threshold", json!(-1), "supported is threshold = 0"),
        ("Softmax", "axis", json!(0), "supported is axis = -1 or 1"),
        ("Softmax", "axis", json!([-1]), "supported is axis = -1 or 1"),
        ("Flatten", "data_format", json!("channels_first"), "\"channels_last\""),
        ("Dense", "lora_rank", json!(4), "leave lora_rank out"),
        ("Dense", "quantization_config", json!({"a": 1}), "leave quantization_config out"),
        ("Flatten", "dtype", json!("float16"), "float32"),
        ("Flatten", "dtype", json!({"class_name": "Odd"}), "float32"),
    ];
    for (class, attribute, value, help) in cases {
        let message =
            format!("model.json: layer 'x' ({class}): {attribute} = {value} is not supported");
        expect(load_one(class, json!({attribute: value})), &message, help);
    }
    let policy = json!({"class_name": "DTypePolicy", "config": {"name": "bfloat16"}});
    let message = "model.json: layer 'x' (Flatten): dtype = \"bfloat16\" is not supported";
    expect(load_one("Flatten", json!({"dtype": policy})), message, "float32");
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
        ("Dense", json!({"units": 0}), "units = 0 is not a number from 1"),
        ("Dense", json!({"units": -2}), "units = -2 is not a number from 1"),
        ("Dense", json!({"units": "2"}), "units = \"2\" is not a number from 1"),
        ("Dense", json!({}), "has no attribute 'units'"),
        ("Dense", json!({"units": 2, "use_bias": 1}), "use_bias = 1 is not true or false"),
        ("Activation", json!({}), "has no attribute 'activation'"),
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
    for shape in [json!([]), json!([null, null]), json!([null, 0]), json!(3), json!([null, -1])] {
        let message = format!(
            "model.json: layer 'in' (InputLayer): batch_shape = {shape} is not a batch axis and then lengths from 1"
        );
        expect(with(shape), &message, "");
    }
    let message = "model.json: layer 'in' (InputLayer): the shape of its input is stated nowhere";
    expect(with(Value::Null), message, "build the model");
}

#[test]
fn unknown_attributes() {
    let message = "model.json: layer 'x' (Flatten): the attribute magic = true is not known, so it might change the result";
    expect(load_one("Flatten", json!({"magic": true})), message, "without it");
    // A plain Dense has no quantizer.
    let dense = json!({"name": "<f2", "units": 2, "kernel_quantizer": "binary"});
    let config = sequential(&[layer("Dense", dense)]);
    let message = "model.json: layer '<f2' (Dense): the attribute kernel_quantizer = \"binary\" is not known, so it might change the result";
    expect(load_json(&config, &fixture("weights_types.h5")), message, "without it");
    // None is how Keras writes an option that was not taken.
    let error = load_one("Flatten", json!({"magic": null})).unwrap_err();
    assert!(matches!(*error.problem, Problem::Surplus { .. }), "{error}");
    let error = load_one("Flatten", json!({"magic": "long ".repeat(50)})).unwrap_err();
    assert!(error.to_string().contains("long… is not known"), "{error}");
}

#[test]
fn quantizers_and_activations() {
    let quantizer = json!({"units": 2, "kernel_quantizer": "no_quantizer(3)"});
    let error = load_one("QDense", quantizer).unwrap_err();
    let (message, help) = words(&error);
    assert!(message.starts_with("model.json: layer 'x' (QDense): kernel_quantizer: "), "{message}");
    assert!(message.contains("no_quantizer") && !help.is_empty(), "{message} {help}");
    let message = "model.json: layer 'x' (Activation): activation: the activation 'tanh' is known to Keras, but not supported yet by Bitkiln";
    expect(load_one("Activation", json!({"activation": "tanh"})), message, "softmax");
}

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
        (
            json!([[["in", 0, 0, {"mask": true}]]]),
            "the call's argument mask = true is not supported",
        ),
        (json!([[["z", 0, 0, {}]]]), "takes the result of 'z', which the model does not have"),
        (json!([[["in", 0, 1, {}]]]), "its connection [\"in\",0,1,{}] is not understood"),
        (json!([[["in", 1, 0, {}]]]), "its connection [\"in\",1,0,{}] is not understood"),
        (
            json!([[["_CONSTANT_VALUE", -1, 0, {}]]]),
            "its connection [\"_CONSTANT_VALUE\",-1,0,{}] is not understood",
        ),
        (json!([[["in", 0, 0, {}, 7]]]), "its connection [\"in\",0,0,{},7] is not understood"),
        (json!([[["in", 0, 0, {}], ["in", 0, 0, {}]]]), "takes 1 input(s), but is connected to 2"),
        (
            json!([[["in", 0, 0, {}]], [["in", 0, 0, {}]]]),
            "the layer is called 2 times; a layer with several calls is not supported yet",
        ),
        (json!([]), "the shape of its input is stated nowhere"),
        (json!("in"), "its connection \"in\" is not understood"),
        (json!([3]), "its connection 3 is not understood"),
        (json!([[["y", 0, 0, {}]]]), "depends on its own result"),
        (
            json!([{"args": [tensor(json!(["in", 0, 0]))], "kwargs": {"training": true}}]),
            "the call's argument training = true is not supported",
        ),
        (
            json!([{"args": [tensor(json!(["z", 0, 0]))], "kwargs": {}}]),
            "takes the result of 'z', which the model does not have",
        ),
        (json!([{"args": [2.5], "kwargs": {}}]), "its connection 2.5 is not understood"),
        (
            json!([{"args": [[tensor(json!(["in", 0, 0])), tensor(json!(["in", 0, 0]))]]}]),
            "takes 1 input(s), but is connected to 2",
        ),
        (json!([{"more": 1}]), "its connection 1 is not understood"),
    ];
    for (calls, message) in cases {
        let message = format!("model.json: layer 'x' (Flatten): {message}");
        expect(load_json(&functional(calls, y.clone()), &weights), &message, "");
    }
    let message = "k3_twice.keras: layer 'shared' (Dense): the layer is called 2 times; a layer with several calls is not supported yet";
    expect(load(&fixture("k3_twice.keras"), None), message, "a layer of its own for each call");
    let message = "k2_training.h5: layer 'drop' (Dropout): the call's argument training = true is not supported";
    expect(load(&fixture("k2_training.h5"), None), message, "inputs alone");
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
        let message = format!("model.json: output_layers = {value} names no layers of the model");
        expect(with("output_layers", value), &message, "save the model again");
    }
    let message = "model.json: the model's input 'x' is no InputLayer";
    expect(with("input_layers", json!([["in", 0, 0], ["x", 0, 0]])), message, "");
    let message = "model.json: layer 'in' (InputLayer): is not among the model's inputs";
    expect(with("input_layers", json!(["x", 0, 0])), message, "name it");
    // All is well up to the weights: one output, and outputs by name in the order of their names.
    for value in [json!(["y", 0, 0]), json!({"b": ["y", 0, 0], "a": ["x", 0, 0]})] {
        let error = with("output_layers", value).unwrap_err();
        assert!(matches!(*error.problem, Problem::Surplus { .. }), "{error}");
    }

    let second = layer("InputLayer", json!({"name": "second", "batch_shape": [null, 3]}));
    let message =
        "model.json: layer 'second' (InputLayer): takes 0 input(s), but is connected to 1";
    expect(load_json(&sequential(&[second]), &weights), message, "");
    let unbuilt = json!({"class_name": "Sequential", "config": {"layers": [
        layer("Dense", json!({"name": "fc", "units": 2}))
    ]}});
    let message = "model.json: layer 'fc' (Dense): the shape of its input is stated nowhere";
    expect(load_json(&unbuilt, &weights), message, "add an Input layer");
}

/// Every place in which Keras states the shape of a Sequential model without an Input layer.
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

#[test]
fn faults_of_weights() {
    let kernel = |name: &str| format!("kernel at '{name}/{name}/v0:0'");
    let cases = [
        ("nan", format!("{} is NaN at index [1, 1]", kernel("nan")), "other weights"),
        ("inf", "bias at 'inf/inf/v1:0' is -inf at index [0]".to_owned(), "other weights"),
        ("overflow", format!("{} is inf at index [1, 1]", kernel("overflow")), "other weights"),
        (
            "shape",
            "kernel should have the shape [3, 2], but 'shape/shape/v0:0' has [2, 3]".to_owned(),
            "the weights of this model",
        ),
        (
            "count",
            "has kernel, bias as weights, but at 'count' lie count/count/v0:0".to_owned(),
            "same version of Keras",
        ),
        (
            "three",
            "has kernel, bias as weights, but at 'three' lie three/three/v0:0, three/three/v1:0, three/three/v2:0".to_owned(),
            "same version of Keras",
        ),
    ];
    for (name, message, help) in cases {
        let message = format!("weights.h5: layer '{name}' (Dense): {message}");
        expect(load_faulty(name), &message, help);
    }
    let message =
        "weights.h5: layer 'absent' (Dense): its weights (kernel, bias) are missing at 'absent'";
    expect(load_faulty("absent"), message, "nan, overflow, shape");
    let message = "weights.h5: is damaged: 'listed/listed/v1:0' is listed, but not there";
    expect(load_faulty("listed"), message, "again");
    for name in ["complex", "bfloat"] {
        let error = load_faulty(name).unwrap_err();
        let (message, help) = words(&error);
        let start =
            format!("weights.h5: layer '{name}' (Dense): {} has elements of type ", kernel(name));
        assert!(message.starts_with(&start), "{message}");
        assert!(help.contains("float16, float32"), "{help}");
    }
    let message = "weights.h5: holds weights that no layer of the model has: bfloat";
    expect(load_one("Flatten", json!({})), message, "another model");
    // A layer without weights must not find any.
    let config = sequential(&[layer("Flatten", json!({"name": "nan"}))]);
    let message = "weights.h5: layer 'nan' (Flatten): has nothing as weights, but at 'nan' lie nan/nan/v0:0, nan/nan/v1:0";
    expect(load_json(&config, &fixture("weights.h5")), message, "");
}

/// In an archive the places go by class, and the names that stand there must agree.
#[test]
fn weights_of_another_layer() {
    let folder = Folder::new();
    let mut bytes = std::fs::read(fixture("k3_branches.keras")).unwrap();
    // The names in the configuration alone; the entry's checksum goes out of use with them.
    let config = bytes.windows(8).position(|window| window == b"\"alpha\",").unwrap();
    bytes[config + 1] = b'o';
    let error = load(&folder.file("m.keras", &bytes), None).unwrap_err();
    assert!(error.to_string().contains("config.json"), "{error}");

    let mut archive =
        zip::ZipArchive::new(std::fs::File::open(fixture("k3_branches.keras")).unwrap()).unwrap();
    let path = folder.0.path().join("renamed.keras");
    let mut out = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    for entry in ["config.json", "model.weights.h5"] {
        let mut content = vec![];
        std::io::Read::read_to_end(&mut archive.by_name(entry).unwrap(), &mut content).unwrap();
        if entry == "config.json" {
            content =
                String::from_utf8(content).unwrap().replace("\"alpha\"", "\"other\"").into_bytes();
        }
        out.start_file(entry, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut out, &content).unwrap();
    }
    out.finish().unwrap();
    let message = "renamed.keras: layer 'other' (Dense): the weights at 'layers/dense' are those of a layer 'alpha'";
    expect(load(&path, None), message, "save the model again");
    // Names that Keras made up differ between instances of one model: apart from it, they are not compared.
    let model = load(&path, Some(&fixture("k3_branches.weights.h5"))).unwrap();
    assert_eq!(dense(&model, "other").kernel[[0, 0]], 100.0);
}

/// Numbers in other types become float32, as Keras assigns them.
#[test]
fn types_of_weights() {
    let weights = fixture("weights_types.h5");
    let names = ["<f2", "<f8", ">f4", ">f8", "<i1", ">i2", "<i4", "<i8", "gzip"];
    let input = json!({"class_name": "InputLayer", "name": "in", "inbound_nodes": [],
        "config": {"name": "in", "batch_shape": [null, 3]}});
    let fc = |name: &&str| {
        json!({"class_name": "Dense", "name": name, "inbound_nodes": [[["in", 0, 0, {}]]],
        "config": {"name": name, "units": 2}})
    };
    let layers: Vec<Value> = std::iter::once(input).chain(names.iter().map(fc)).collect();
    let config = json!({"class_name": "Functional", "config": {"name": "m", "layers": layers,
        "input_layers": ["in", 0, 0], "output_layers": [["gzip", 0, 0]]}});
    let model = load_json(&config, &weights).unwrap();
    for name in names {
        let whole = name.contains('i') && name != "gzip";
        let dense = dense(&model, name);
        for (at, &value) in dense.kernel.iter().enumerate() {
            let exact = 100.0 + at as f32 / 8.0;
            let expected = match name {
                _ if whole => exact.trunc(),
                // Half precision has steps of 1/16 here.
                _ => exact,
            };
            assert_eq!(value, expected, "{name} {at}");
        }
        let bias = dense.bias.as_ref().unwrap();
        assert_eq!(bias.to_vec(), if whole { [-1.0, -1.0] } else { [-1.0, -1.25] }, "{name}");
    }
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
    let message = "model.json: layer 'fc' (Dense): takes samples without axes";
    expect(with(json!([null]), "Dense", json!({"name": "fc", "units": 2})), message, "one axis");
    let large = json!([null, 1_u64 << 40, 1_u64 << 40]);
    let message = "model.json: layer 'x' (Flatten): a sample has too many elements";
    expect(with(large, "Flatten", json!({"name": "x"})), message, "shape of the model's input");
    let error =
        with(json!([null, 9]), "Dense", json!({"name": "nan", "units": 1_u64 << 60})).unwrap_err();
    assert!(matches!(crate::layer_problem(&error), LayerProblem::WeightShape { .. }), "{error}");
}
