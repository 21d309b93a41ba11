//! `bitkiln types`, `energy`, `stats` and `export`, and what they do where QTools fails or contradicts
//! itself.

use std::fs::File;
use std::path::{Path, PathBuf};

use bitkiln::front::{Arrays, read_arrays};
use ndarray::ArrayD;
use ndarray_npy::NpzReader;
use serde_json::{Value, json};

use super::{Outcome, bitkiln, case, text};

fn run(
    command: &str,
    model: &Path,
    more: &[&str],
) -> Result<std::process::Output, Box<dyn std::error::Error>> {
    let mut arguments = vec![command.as_ref(), model.as_os_str()];
    arguments.extend(more.iter().map(std::ffi::OsStr::new));
    bitkiln(&arguments)
}

/// The JSON of a command.
fn data(command: &str, model: &Path, more: &[&str]) -> Result<Value, Box<dyn std::error::Error>> {
    let output = run(command, model, &[more, &["--json"]].concat())?;
    assert!(output.status.success(), "{}", text(&output));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// A functional model of layers without weights: class, name, attributes, names of the layers that it
/// reads. It is `folder/model.json`.
fn model(
    folder: &Path,
    inputs: &[(&str, &[usize])],
    layers: &[(&str, &str, Value, &[&str])],
) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let mut all: Vec<Value> = Vec::new();
    for (name, shape) in inputs {
        let mut batch = vec![Value::Null];
        batch.extend(shape.iter().map(|axis| json!(axis)));
        all.push(json!({
            "class_name": "InputLayer", "name": name, "inbound_nodes": [],
            "config": {"name": name, "batch_input_shape": batch},
        }));
    }
    for (class, name, attributes, sources) in layers {
        let mut config = attributes.clone();
        config["name"] = json!(name);
        let calls: Vec<Value> = sources.iter().map(|it| json!([it, 0, 0, {}])).collect();
        all.push(json!({
            "class_name": class, "name": name, "config": config, "inbound_nodes": [calls],
        }));
    }
    let last = layers.last().map(|(_, name, ..)| json!([name, 0, 0])).ok_or("no layers")?;
    let inputs: Vec<Value> = inputs.iter().map(|(name, _)| json!([name, 0, 0])).collect();
    let file = folder.join("model.json");
    let architecture = json!({
        "class_name": "Functional", "keras_version": "2.15.0",
        "config": {"name": "m", "layers": all, "input_layers": inputs, "output_layers": [last]},
    });
    std::fs::write(&file, architecture.to_string())?;
    Ok(file)
}

fn quantizer(call: &str) -> Value {
    json!({"activation": call})
}

#[test]
fn types_are_those_of_qtools_and_the_proven_ones() -> Outcome {
    let file = case("net_cnn", "model.h5");
    let mut found = data("types", &file, &["--source", "quantized_bits(8,0,1)"])?;
    let proven = found["conv0"]["proven"].clone();
    assert_eq!(proven["accumulator"], json!("fixed<15,5>"));
    assert_eq!(proven["saved_bits"]["accumulator"], json!(2));
    assert_eq!(found["relu0"]["proven"]["saved_bits"]["outputs"], json!(0));
    for (_, layer) in found.as_object_mut().ok_or("no layers")? {
        layer.as_object_mut().map(|layer| layer.shift_remove("proven"));
    }
    let qtools: Value = serde_json::from_reader(File::open(case("net_cnn", "qtools.json"))?)?;
    assert_eq!(found, qtools["data_type_map"]);
    // Without --source, it is the default of QTools or follows --input-type.
    let unstated = data("types", &file, &[])?;
    assert_eq!(unstated["source_quantizers"], found["source_quantizers"]);
    let typed = data("types", &file, &["--input-type", "ufixed<6,0>"])?;
    let expected =
        json!([{"quantizer_type": "quantized_bits", "bits": 6, "int_bits": 0, "is_signed": false}]);
    assert_eq!(typed["source_quantizers"], expected);
    let table = run("types", &file, &[])?;
    let words = text(&table);
    assert!(
        words.contains("conv0 QConv2D mul fixed<4,1> fixed<4,1> fixed<17,7> fixed<15,5>"),
        "{words}"
    );
    assert!(
        words.contains("proven types take 0 bits less of weights, 8 of accumulators"),
        "{words}"
    );
    Ok(())
}

#[test]
fn a_layer_that_qtools_fails_for_has_types() -> Outcome {
    let folder = tempfile::tempdir()?;
    let relu = || quantizer("quantized_relu(4,1)");
    let file = model(
        folder.path(),
        &[("a", &[2, 3]), ("b", &[2, 3])],
        &[
            ("QActivation", "x", relu(), &["a"]),
            ("QActivation", "y", relu(), &["b"]),
            ("Subtract", "difference", json!({}), &["x", "y"]),
            ("Dot", "products", json!({"axes": [2, 2], "normalize": false}), &["x", "y"]),
            ("Reshape", "flat", json!({"target_shape": [4]}), &["products"]),
            ("QActivation", "s", quantizer("quantized_sigmoid(6)"), &["flat"]),
            ("QActivation", "h", quantizer("hard_tanh"), &["s"]),
        ],
    )?;
    let found = data("types", &file, &[])?;
    let difference = &found["difference"]["Subtract_quantizer"];
    assert_eq!([&difference["bits"], &difference["is_signed"]], [&json!(6), &json!(1)]);
    // Three products of 8 bits, 2 of them integer bits.
    let products = &found["products"]["Dot_quantizer"];
    assert_eq!([&products["bits"], &products["int_bits"]], [&json!(10), &json!(4)]);
    let sigmoid = &found["s"]["output_quantizer"];
    assert_eq!(sigmoid["quantizer_type"], json!("quantized_sigmoid"));
    assert_eq!([&sigmoid["bits"], &sigmoid["int_bits"]], [&json!(6), &json!(0)]);
    assert_eq!(found["h"]["output_quantizer"]["quantizer_type"], json!("floating_point"));
    Ok(())
}

/// QTools keeps one edge between two layers, and an unordered set of the others.
#[test]
fn every_operand_has_a_type_in_its_place() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = model(
        folder.path(),
        &[("a", &[3]), ("b", &[3])],
        &[
            ("Add", "inputs", json!({}), &["a", "b"]),
            ("QActivation", "x", quantizer("quantized_relu(5,1)"), &["inputs"]),
            ("Multiply", "square", json!({}), &["x", "x"]),
            ("Concatenate", "all", json!({"axis": -1}), &["square", "x", "a"]),
        ],
    )?;
    let sources = ["--source", "a=quantized_bits(8,0,1)", "--source", "b=quantized_relu(3)"];
    let found = data("types", &file, &sources)?;
    let bits = |layer: &str| -> Vec<u64> {
        let all = found[layer]["input_quantizer_list"].as_array();
        all.into_iter().flatten().filter_map(|it| it["bits"].as_u64()).collect()
    };
    assert_eq!(bits("inputs"), [8, 3]);
    assert_eq!(bits("square"), [5, 5]);
    assert_eq!(bits("all"), [10, 5, 8]);
    assert_eq!(found["square"]["Multiply_quantizer"]["op_type"], json!("mul"));
    Ok(())
}

/// QTools turns these types into stochastic_ternary where a layer passes them on.
#[test]
fn types_pass_through_layers_unchanged() -> Outcome {
    let folder = tempfile::tempdir()?;
    for call in ["quantized_tanh(5)", "quantized_ulaw(5,1)", "bernoulli", "stochastic_binary"] {
        let file = model(
            folder.path(),
            &[("a", &[2, 3])],
            &[
                ("QActivation", "x", quantizer(call), &["a"]),
                ("Flatten", "flat", json!({}), &["x"]),
                ("Dropout", "drop", json!({"rate": 0.5}), &["flat"]),
                ("QActivation", "y", quantizer("quantized_relu(4)"), &["drop"]),
            ],
        )?;
        let found = data("types", &file, &[])?;
        let mut flat = found["flat"]["output_quantizer"].clone();
        flat["shape"] = found["x"]["output_quantizer"]["shape"].clone();
        assert_eq!(flat, found["x"]["output_quantizer"], "{call}");
        assert_eq!(found["drop"], Value::Null);
        assert_eq!(found["y"]["input_quantizer_list"], found["flat"]["input_quantizer_list"]);
    }
    Ok(())
}

/// QTools fails for the energy of an average.
#[test]
fn an_average_costs_additions() -> Outcome {
    let folder = tempfile::tempdir()?;
    let pool = json!({
        "pool_size": [2, 2], "strides": [2, 2], "padding": "valid", "data_format": "channels_last",
    });
    let file =
        model(folder.path(), &[("a", &[4, 4, 3])], &[("AveragePooling2D", "pool", pool, &["a"])])?;
    let found = data("types", &file, &[])?;
    assert_eq!(found["pool"]["pool_sum_accumulator"]["bits"], json!(10));
    assert_eq!(found["pool"]["operation_count"], json!(12));
    let energy = data("energy", &file, &["--weights-memory", "fixed"])?;
    // 12 additions of 10 bits.
    assert_eq!(energy["per_layer"]["pool"]["energy"]["op_cost"], json!(0.38));
    Ok(())
}

/// QTools fails for a dense layer on several rows, and multiplies each channel with each group.
#[test]
fn operations_are_counted_as_computed() -> Outcome {
    let count = |name: &str, layer: &str| -> Result<Value, Box<dyn std::error::Error>> {
        let found = data("types", &case(name, "model.h5"), &[])?;
        let class = |it: &Value| it["layer_type"].as_str().is_some_and(|it| it.contains(layer));
        let layers = found.as_object().ok_or("no layers")?;
        let layer = layers.values().find(|it| class(it)).ok_or("no such layer")?;
        let shape = layer["output_quantizer"]["shape"].as_array().ok_or("no shape")?;
        let outputs: i64 = shape.iter().skip(1).filter_map(Value::as_i64).product();
        let kernel = layer["weight_quantizer"]["shape"].as_array().ok_or("no kernel")?;
        let inputs = kernel.iter().rev().skip(1).filter_map(Value::as_i64).product::<i64>();
        assert_eq!(layer["operation_count"], json!(outputs * inputs), "{name}");
        Ok(layer["operation_count"].clone())
    };
    count("conv2d_groups", "Conv2D")?;
    count("conv2d_valid", "Conv2D")?;
    count("dense_bits4", "Dense")?;
    Ok(())
}

#[test]
fn energy_of_a_model_beside_its_reference() -> Outcome {
    let file = case("net_cnn", "model.h5");
    let memories = ["--weights-memory", "sram", "--rd-wr-on-io"];
    let reference = ["--reference", "int8", "--reference-accumulator", "int32"];
    let found = data("energy", &file, &[&memories[..], &reference[..]].concat())?;
    // ForgivingFactorPower of QKeras.
    let energy = &found["forgiving_factor"]["energy"];
    assert_eq!(
        [&energy["trial_size"], &energy["reference_size"]],
        [&json!(430537.0), &json!(2288479.0)]
    );
    let delta = energy["delta"].as_f64().ok_or("no delta")?;
    assert!((delta - 0.192_814).abs() < 1e-6, "{delta}");
    // ForgivingFactorBits: 8760 bits of parameters, 8 bits for each input, 4 for each result.
    let bits = &found["forgiving_factor"]["bits"];
    assert_eq!(bits["trial_size"], json!(26456.0));
    let table = text(&run("energy", &file, &[&memories[..], &reference[..]].concat())?);
    assert!(table.contains("energy (pJ) 430537 2288479 -81.19 % 19.28 %"), "{table}");
    assert!(table.contains("counted by QTools: 430537 pJ a sample"), "{table}");
    Ok(())
}

#[test]
fn a_process_is_a_file_of_polynomials() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("process.json");
    let flat = |value: f64| json!([value]);
    let mut process = json!({
        "fpm_add": flat(0.0), "fpm_mul": flat(2.0), "fp16_add": flat(0.0), "fp16_mul": flat(0.0),
        "fp32_add": flat(0.0), "fp32_mul": flat(0.0), "sram_rd": flat(1.0), "dram_rd": flat(0.0),
    });
    std::fs::write(&file, process.to_string())?;
    let model = case("net_cnn", "model.h5");
    let argument = file.to_str().ok_or("no text")?;
    let found = data("energy", &model, &["--process", argument])?;
    assert_eq!(found["per_layer"]["conv0"]["energy"]["op_cost"], json!(2.0 * 55296.0));
    process["fpm_mul"] = json!("2");
    std::fs::write(&file, process.to_string())?;
    let words = text(&run("energy", &model, &["--process", argument])?);
    assert!(words.contains("process.json is not a process: invalid type"), "{words}");
    assert!(words.contains("state fpm_add, fpm_mul"), "{words}");
    process["fpm_mul"] = json!([]);
    std::fs::write(&file, process.to_string())?;
    let words = text(&run("energy", &model, &["--process", argument])?);
    assert!(words.contains("a list without coefficients"), "{words}");
    let words = text(&run("energy", &model, &["--process", "none.json"])?);
    assert!(
        words.contains("none.json: No such file") && words.contains("or 'horowitz'"),
        "{words}"
    );
    Ok(())
}

#[test]
fn wrong_arguments_are_explained() -> Outcome {
    let model = case("net_cnn", "model.h5");
    for (command, arguments, expected) in [
        ("types", ["--source", "quantised_bits(8)"], "did you mean 'quantized_bits'?"),
        ("types", ["--source", "hard_tanh"], "hard_tanh does not quantize"),
        ("types", ["--source", "x=quantized_bits(8)"], "has no input 'x'"),
        ("types", ["--keras-quantizer", "fp64"], "write fp16, fp32, int8, int16, int32"),
        ("energy", ["--rate", "2"], "required arguments were not provided: --reference"),
        ("energy", ["--reference-accumulator", "int32"], "--reference <TYPE>"),
        ("energy", ["--weights-memory", "hbm"], "possible values: sram, dram, fixed"),
    ] {
        let output = run(command, &model, &arguments)?;
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output).contains(expected), "{}", text(&output));
    }
    let words = text(&run("energy", &model, &["--reference", "fp16", "--rate", "1"])?);
    assert!(words.contains("--rate 1: the ratio of two different sizes"), "{words}");
    Ok(())
}

#[test]
fn statistics_are_those_of_qkeras() -> Outcome {
    let file = case("net_cnn", "model.h5");
    let found = data("stats", &file, &[])?;
    let qtools: Value = serde_json::from_reader(File::open(case("net_cnn", "qtools.json"))?)?;
    assert_eq!(found["operations"], qtools["operations"]);
    assert_eq!(found["operation_types"], json!({"smult_4_4": 32184, "smult_4_8": 55296}));
    assert_eq!(found["total_bits"], json!(8760));
    // get_model_sparsity of QKeras.
    let share = found["total_sparsity"].as_f64().ok_or("no share")?;
    assert!((share - 0.108_675_799).abs() < 1e-9, "{share}");
    let words = text(&run("stats", &file, &[])?);
    assert!(words.contains("conv0 smult_4_8 55296 216 4 8 4 896 8.93 %"), "{words}");
    assert!(
        words.contains("8760 bits of weights and biases, 10.87 % of all weights are 0"),
        "{words}"
    );
    assert!(words.contains("kernel quantized_bits(4,0,1,alpha=1.0)"), "{words}");
    Ok(())
}

fn arrays(
    folder: &Path,
    file: &str,
    name: &str,
) -> Result<ArrayD<f64>, Box<dyn std::error::Error>> {
    let Arrays::Named(all) = read_arrays(&folder.join(file))? else {
        return Err("one array".into());
    };
    let found = all.into_iter().find(|(it, _)| it == name);
    Ok(found.ok_or("no such array")?.1)
}

#[test]
fn exported_weights_are_quantized_and_their_model_computes_the_same() -> Outcome {
    for (name, file) in
        [("dense_po2_4", "model.h5"), ("v3_mlp", "model.keras"), ("lstm", "model.h5")]
    {
        let folder = tempfile::tempdir()?;
        let out = folder.path();
        let output = run("export", &case(name, file), &["-o", out.to_str().ok_or("no text")?])?;
        assert!(output.status.success(), "{}", text(&output));
        let written = out.join(format!("quantized_{file}"));
        assert!(text(&output).contains("the model with quantized weights"), "{}", text(&output));
        let predictions = |model: &Path| -> Result<ArrayD<f64>, Box<dyn std::error::Error>> {
            let (input, y) = (case(name, "inputs.npz"), out.join("y.npz"));
            let arguments = [
                "run".as_ref(),
                model.as_os_str(),
                "--input".as_ref(),
                input.as_os_str(),
                "--output".as_ref(),
                y.as_os_str(),
            ];
            let ran = bitkiln(&arguments)?;
            assert!(ran.status.success(), "{}", text(&ran));
            let mut all = NpzReader::new(File::open(&y)?)?;
            Ok(all.by_index(0)?)
        };
        assert_eq!(predictions(&written)?, predictions(&case(name, file))?, "{name}");
        // Exported again, its weights are the same.
        let again = tempfile::tempdir()?;
        let target = again.path().to_str().ok_or("no text")?;
        let output = run("export", &written, &["-o", target, "--json"])?;
        assert!(output.status.success(), "{}", text(&output));
        let json: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let file = std::fs::read(again.path().join("export.json"))?;
        assert_eq!(json, serde_json::from_slice::<serde_json::Value>(&file)?);
        let [first, second] = [out, again.path()].map(|it| std::fs::read(it.join("weights.npz")));
        assert_eq!(
            read_arrays(&out.join("weights.npz"))?,
            read_arrays(&again.path().join("weights.npz"))?
        );
        assert!(first?.len() == second?.len());
    }
    Ok(())
}

#[test]
fn powers_of_two_are_exported_as_signs_and_exponents() -> Outcome {
    let folder = tempfile::tempdir()?;
    let out = folder.path();
    let output =
        run("export", &case("dense_po2_4", "model.h5"), &["-o", out.to_str().ok_or("no text")?])?;
    assert!(output.status.success(), "{}", text(&output));
    let values = arrays(out, "weights.npz", "fc/kernel")?;
    let sign = arrays(out, "integers.npz", "fc/kernel/sign")?;
    let exponent = arrays(out, "integers.npz", "fc/kernel/exponent")?;
    assert_eq!(sign * exponent.mapv(f64::exp2), values);
    let index = arrays(out, "integers.npz", "fc/kernel/index")?;
    let codebook = arrays(out, "scales.npz", "fc/kernel/codebook")?;
    assert_eq!(index.mapv(|index| codebook[[index as usize]]), values);
    let stated: Value = serde_json::from_reader(File::open(out.join("export.json"))?)?;
    assert_eq!(stated["layers"][0]["parameters"][0]["integers"]["form"], json!("powers_of_two"));
    Ok(())
}

#[test]
fn what_cannot_be_written_is_explained() -> Outcome {
    let folder = tempfile::tempdir()?;
    let out = folder.path().to_str().ok_or("no text")?;
    // QKeras makes 1 of a 0 that it quantizes once more.
    let output = run("export", &case("dense_binary01", "model.h5"), &["-o", out])?;
    assert!(output.status.success());
    let words = text(&output);
    assert!(
        words.contains("fc/kernel: binary(use_01=1,alpha=1.0) quantizes the quantized values"),
        "{words}"
    );
    let output = run("export", &case("saved_model", "model"), &["-o", out])?;
    assert!(output.status.success(), "{}", text(&output));
    let words = text(&output);
    assert!(
        words.contains("weights in a folder cannot be replaced, so that no model is written"),
        "{words}"
    );
    let compressed =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("hls_tests/front/fixtures/compressed.h5");
    let output = run("export", &compressed, &["-o", out])?;
    assert_eq!(output.status.code(), Some(2));
    let words = text(&output);
    assert!(words.contains("is compressed or stored in pieces"), "{words}");
    assert!(words.contains("load and save the model again with Keras"), "{words}");
    let output = run(
        "export",
        &case("net_cnn", "model.h5"),
        &["-o", compressed.to_str().ok_or("no text")?],
    )?;
    assert!(text(&output).contains("choose a folder that can be written"), "{}", text(&output));
    Ok(())
}

#[test]
fn shells_and_man_know_every_command() -> Outcome {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = bitkiln(&["completions", shell])?;
        assert!(output.status.success());
        for word in ["types", "min-sram-size"] {
            assert!(text(&output).contains(word), "{shell}");
        }
    }
    let page = text(&bitkiln(&["man"])?);
    assert!(page.contains(".TH bitkiln") && page.contains("energy"), "{page}");
    let page = text(&bitkiln(&["man", "energy"])?);
    assert!(page.contains("min\\-sram\\-size"), "{page}");
    let output = bitkiln(&["man", "bild"])?;
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("no command 'bild'"), "{}", text(&output));
    Ok(())
}
