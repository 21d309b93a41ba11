//! Weights: missing, superfluous, or of a wrong shape, type or value.

use bitkiln::front::{FrontError, load};
use bitkiln::model::Model;
use serde_json::{Value, json};

use super::{Folder, expect, layer, load_json, load_one, sequential, words};
use crate::{dense, fixture};

/// Loads a Dense layer of the weights file whose layers each have a fault.
fn load_faulty(name: &str) -> Result<Model, FrontError> {
    let config = json!({"name": name, "units": 2, "activation": "linear", "use_bias": true});
    load_json(&sequential(&[layer("Dense", config)]), &fixture("weights.h5"))
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
            "kernel must have shape [3, 2], but 'shape/shape/v0:0' has [2, 3]".to_owned(),
            "the weights of this model",
        ),
        (
            "count",
            "'count' holds count/count/v0:0, but the layer has kernel, bias".to_owned(),
            "same version of Keras",
        ),
        (
            "three",
            "'three' holds three/three/v0:0, three/three/v1:0, three/three/v2:0, but the layer has kernel, bias".to_owned(),
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
    let message = "weights.h5: is damaged: 'listed/listed/v1:0' is listed, but missing";
    expect(load_faulty("listed"), message, "again");
    for name in ["complex", "bfloat"] {
        let error = load_faulty(name).unwrap_err();
        let (message, help) = words(&error);
        let start = format!(
            "weights.h5: layer '{name}' (Dense): {} has unsupported element type ",
            kernel(name)
        );
        assert!(message.starts_with(&start), "{message}");
        assert!(help.contains("float16, float32"), "{help}");
    }
    // Three gigabytes that the file states, but cannot hold.
    let config = json!({"name": "huge", "units": 1 << 28});
    let result = load_json(&sequential(&[layer("Dense", config)]), &fixture("weights.h5"));
    let (message, _) = words(&result.unwrap_err());
    assert!(message.starts_with("weights.h5: is damaged: "), "{message}");
    assert!(message.contains("resource limit"), "{message}");
    let message = "weights.h5: holds weights that match no layer of the model: bfloat";
    expect(load_one("Flatten", json!({})), message, "the weights of this model");
    // A layer without weights must not find any.
    let config = sequential(&[layer("Flatten", json!({"name": "nan"}))]);
    let message = "weights.h5: layer 'nan' (Flatten): 'nan' holds nan/nan/v0:0, nan/nan/v1:0, but the layer has no weights";
    expect(load_json(&config, &fixture("weights.h5")), message, "");
}

/// Groups of an archive are named after classes; the layer names stored in them must match.
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
    let message = "renamed.keras: layer 'other' (Dense): the weights at 'layers/dense' belong to layer 'alpha'";
    expect(load(&path, None), message, "save the model again");
    // Names that Keras made up differ between instances of one model: apart from it, they are not compared.
    let model = load(&path, Some(&fixture("k3_branches.weights.h5"))).unwrap();
    assert_eq!(dense(&model, "other").kernel[[0, 0]], 100.0);
}

/// Numbers of other types are converted to float32, as Keras does on assignment.
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
