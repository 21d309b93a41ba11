//! `bitkiln profile`: the table, the proposed configuration, every message.

use std::path::{Path, PathBuf};

use bitkiln::config::{Config, Pace, Variable};
use bitkiln::front::write_npz;
use bitkiln::model::LayerKind;
use ndarray::ArrayD;
use serde_json::Value;

use super::{Outcome, bitkiln, case, text};

/// A convolution with ReLU and a depthwise one, of plain Keras.
const PLAIN: &str = "conv2d_float";

/// `profile` of a reference case with its own samples and `more` arguments.
fn profile(name: &str, more: &[&str]) -> Result<std::process::Output, Box<dyn std::error::Error>> {
    let (model, samples) = (case(name, "model.h5"), case(name, "inputs.npz"));
    let mut arguments = vec!["profile".as_ref(), model.as_os_str()];
    arguments.extend(["--input".as_ref(), samples.as_os_str()]);
    arguments.extend(more.iter().map(std::ffi::OsStr::new));
    bitkiln(&arguments)
}

fn json(name: &str, more: &[&str]) -> Result<Value, Box<dyn std::error::Error>> {
    let output = profile(name, &[more, &["--json"]].concat())?;
    assert!(output.status.success(), "{}", text(&output));
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn path(folder: &tempfile::TempDir, name: &str) -> PathBuf {
    folder.path().join(name)
}

fn words(path: &Path) -> &str {
    path.to_str().expect("a path of the test is UTF-8")
}

#[test]
fn the_written_configuration_reaches_the_error() -> Outcome {
    let folder = tempfile::tempdir()?;
    let written = path(&folder, "c.yml");
    for (goal, value) in [("--max-error", "0.02"), ("--bits", "8"), ("--agreement", "0.9")] {
        let found = json(PLAIN, &[goal, value, "-o", words(&written)])?;
        let accuracy = &found["proposal"]["accuracy"];
        if goal == "--max-error" {
            assert!(accuracy["max_error"].as_f64().ok_or("no error")? <= 0.02);
        }
        // With these types nothing is left to propose, and they are as accurate as stated.
        let again = json(PLAIN, &["--config", words(&written)])?;
        assert_eq!(&again["accuracy"], accuracy, "{goal}");
        assert_eq!(again["proposal"], Value::Null);
        let config = Config::load(&written)?;
        for proposed in found["proposal"]["types"].as_array().ok_or("no types")? {
            let (entry, key) = (&proposed["entry"], &proposed["variable"]);
            let variable = match key.as_str() {
                Some("weight") => Variable::Weight,
                Some("bias") => Variable::Bias,
                _ => Variable::Result,
            };
            let own = config.layer_precision_of(entry.as_str().ok_or("no entry")?, "", variable);
            let own = own.map(|it| it.to_string());
            assert_eq!(own.as_deref(), proposed["type"].as_str(), "{entry} {key}");
        }
    }
    Ok(())
}

#[test]
fn fewer_errors_take_more_bits() -> Outcome {
    let bits = |error: &str| -> Result<u64, Box<dyn std::error::Error>> {
        let found = json(PLAIN, &["--max-error", error])?;
        let proposal = &found["proposal"];
        let of = |key: &str| proposal[key].as_u64().unwrap_or_default();
        Ok(of("parameter_bits") + of("result_bits"))
    };
    let (fine, coarse) = (bits("0.001")?, bits("0.1")?);
    assert!(coarse < fine, "{coarse} {fine}");
    Ok(())
}

#[test]
fn types_have_the_width_that_is_asked_or_are_exact() -> Outcome {
    let found = json(PLAIN, &["--bits", "9"])?;
    let types = found["proposal"]["types"].as_array().ok_or("no types")?;
    let names = |it: &Value| format!("{} {}", it["layer"], it["variable"]).replace('"', "");
    let all = [
        "input_1 input",
        "conv weight",
        "conv bias",
        "conv result",
        "dw weight",
        "dw bias",
        "dw result",
    ];
    assert_eq!(types.iter().map(names).collect::<Vec<_>>(), all);
    // Values that take fewer bits get fewer: weights are multiples of 1/2.
    let text = |at: usize| types[at]["type"].as_str().unwrap_or_default();
    let exact = ["fixed<8,1,RND_CONV,SAT>", "fixed<3,2,RND,SAT>", "fixed<2,1,RND,SAT>"];
    assert_eq!([0, 1, 2].map(text), exact);
    assert!([3, 6].iter().all(|at| text(*at).contains("fixed<9,")), "{types:?}");
    // Only a ReLU takes the sums of 'conv'.
    assert!(types[3]["type"].as_str().is_some_and(|it| it.starts_with("ufixed")));
    assert!(types[1]["range"] == "proven" || types[1]["range"] == "clipped");
    Ok(())
}

#[test]
fn the_table_names_values_types_and_accuracy() -> Outcome {
    let output = profile(PLAIN, &["--max-error", "0.02"])?;
    assert!(output.status.success());
    let notes = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        notes.starts_with("warning: 8 samples: types hold the range of these values"),
        "{notes}"
    );
    assert_eq!(notes.lines().count(), 1, "{notes}");
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    let widest = table.lines().map(|line| line.chars().count()).max();
    assert!(widest.is_some_and(|widest| widest <= 120), "{table}");
    let all = text(&output);
    for part in [
        "layer variable range octaves type clipped unused proposed range is",
        "conv weight [",
        "conv activation [0, ",
        "present types: largest error ",
        "proposed types: largest error ",
        "for an output error of at most 0.02: ",
        // Of 8 samples.
        " of 80 positions (",
    ] {
        assert!(all.contains(part), "{part}: {table}");
    }
    Ok(())
}

#[test]
fn a_quantized_model_has_nothing_but_its_input_to_type() -> Outcome {
    let found = json("dense_bits4", &[])?;
    let types = found["proposal"]["types"].as_array().ok_or("no types")?;
    assert_eq!(types.len(), 1);
    assert_eq!(types[0]["variable"], "input");
    let output = profile("dense_bits4", &["--input-type", "fixed<8,1>"])?;
    assert!(output.status.success());
    let all = text(&output);
    assert!(all.contains("note: nothing to propose"), "{all}");
    assert!(!all.contains("proposed"), "{all}");
    let folder = tempfile::tempdir()?;
    let written = path(&folder, "c.yml");
    let output = profile("dense_bits4", &["--input-type", "fixed<8,1>", "-o", words(&written)])?;
    assert_eq!(output.status.code(), Some(2));
    let all = text(&output);
    assert!(all.contains("nothing to propose: every parameter, result and input has"), "{all}");
    assert!(all.contains("remove types from --config or --input-type"), "{all}");
    assert!(!written.exists());
    Ok(())
}

#[test]
fn a_configuration_keeps_its_keys_and_its_types() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (base, written) = (path(&folder, "base.yml"), path(&folder, "c.yml"));
    std::fs::write(
        &base,
        "Backend: Catapult\nHLSConfig:\n  Model: {Precision: 'fixed<12,4>', ReuseFactor: 3}\n  \
         LayerName: {conv: {Precision: {weight: 'fixed<7,1>'}}}\n",
    )?;
    let more = [
        "--config",
        words(&base),
        "--input-type",
        "fixed<8,1>",
        "-o",
        words(&written),
        "--bits",
        "10",
    ];
    let found = json(PLAIN, &more)?;
    let types = found["proposal"]["types"].as_array().ok_or("no types")?;
    let is = |it: &Value, layer: &str, variable: &str| {
        it["layer"] == layer && it["variable"] == variable
    };
    assert!(!types.iter().any(|it| is(it, "conv", "weight") || is(it, "input_1", "input")));
    let config = Config::load(&written)?;
    assert_eq!(config.backend, Some(bitkiln::config::Tool::Catapult));
    assert_eq!(config.pace("conv", "Conv2D"), Some(Pace::ReuseFactor(3)));
    let weight = config.layer_precision_of("conv", "Conv2D", Variable::Weight);
    assert_eq!(weight, Some("fixed<7,1>".parse()?));
    // The types of the command line are part of the file.
    let input = config.layer_precision_of("input_1", "InputLayer", Variable::Result);
    assert_eq!(input, Some("fixed<8,1>".parse()?));
    Ok(())
}

#[test]
fn goals_that_make_no_sense_or_are_not_reached_are_errors() -> Outcome {
    for (more, message, help) in [
        (["--bits", "40"], "types of 40 bits: the width is not in 2 to 24", "choose a width"),
        (["--max-error", "-1"], "the output error -1 is not a positive number", "--max-error 0.01"),
        (["--agreement", "1.5"], "the agreement 1.5 is not above 0", "--agreement 0.999"),
    ] {
        let output = profile(PLAIN, &more)?;
        let all = text(&output);
        assert_eq!(output.status.code(), Some(2), "{all}");
        assert!(all.contains(message) && all.contains(help), "{all}");
        // The model is not read for that.
        let absent = ["profile", "absent.h5", "--input", "absent.npz"];
        let all = text(&bitkiln(&[&absent[..], &more].concat())?);
        assert!(all.contains(message), "{all}");
    }
    let folder = tempfile::tempdir()?;
    let missing = path(&folder, "missing/types.yml");
    let absent = ["profile", "absent.h5", "--input", "absent.npz", "-o"];
    let all = text(&bitkiln(&[&absent[..], &[words(&missing)]].concat())?);
    assert!(all.contains("choose a file that can be written"), "{all}");
    // Weights of 1/2 are lost whatever the other types are.
    let folder = tempfile::tempdir()?;
    let base = path(&folder, "base.yml");
    std::fs::write(&base, "LayerName: {conv: {Precision: {weight: 'fixed<2,2>'}}}")?;
    let output = profile(PLAIN, &["--config", words(&base), "--max-error", "0.01"])?;
    let all = text(&output);
    assert_eq!(output.status.code(), Some(2), "{all}");
    let message =
        "an output error of at most 0.01 is not reached: with 24 bits for each type it is ";
    assert!(all.contains(message) && all.contains("allow a larger error"), "{all}");
    let output = profile(PLAIN, &["--bits", "8", "--max-error", "0.1"])?;
    assert!(text(&output).contains("cannot be used with"), "{}", text(&output));
    Ok(())
}

/// Functions that become tables take operands of at most 16 bits; everything else is as wide as asked.
#[test]
fn operands_of_tables_are_limited_and_others_widen() -> Outcome {
    let found = json("keras2_functions", &["--bits", "24"])?;
    let types = found["proposal"]["types"].as_array().ok_or("no types")?;
    let limited: Vec<&Value> = types.iter().filter(|it| it["limit"] == 16).collect();
    assert!(!limited.is_empty(), "{types:?}");
    let has_width =
        |it: &&Value, width: &str| it["type"].as_str().is_some_and(|it| it.contains(width));
    assert!(limited.iter().all(|it| has_width(it, "fixed<16,")), "{limited:?}");
    assert!(types.iter().any(|it| has_width(&it, "fixed<24,")), "{types:?}");
    let output = profile("keras2_functions", &["--bits", "24"])?;
    let line = "fewer bits, because a function becomes a table of all values: result of inside 16";
    assert!(text(&output).contains(line), "{}", text(&output));
    // The limit is stated with the accuracy that it leaves.
    let output = profile("keras2_functions", &["--max-error", "1e-12"])?;
    let all = text(&output);
    assert_eq!(output.status.code(), Some(2), "{all}");
    let message =
        "with 24 bits for each type (at most 16 for operands of tables of functions) it is ";
    assert!(all.contains(message), "{all}");
    Ok(())
}

/// The choices of `profile` are no news to whoever takes its configuration.
#[test]
fn the_written_configuration_is_taken_without_warnings() -> Outcome {
    let folder = tempfile::tempdir()?;
    let plain = Path::new(env!("CARGO_MANIFEST_DIR")).join("hls_tests/plain_keras");
    let files = [
        (case(PLAIN, "model.h5"), case(PLAIN, "inputs.npz")),
        (plain.join("autoencoder.h5"), plain.join("inputs.npz")),
    ];
    for (model, samples) in files {
        let (written, outputs) = (path(&folder, "c.yml"), path(&folder, "y.npz"));
        let given = [model.as_os_str(), "--input".as_ref(), samples.as_os_str()];
        let bits = ["--bits".as_ref(), "6".as_ref(), "-o".as_ref(), written.as_os_str()];
        let output = bitkiln(&[&["profile".as_ref()], &given[..], &bits].concat())?;
        assert!(output.status.success(), "{}", text(&output));
        let config = ["--config".as_ref(), written.as_os_str()];
        let to = ["-o".as_ref(), outputs.as_os_str()];
        let output = bitkiln(&[&["run".as_ref()], &given[..], &config, &to].concat())?;
        assert!(output.status.success(), "{}", text(&output));
        let notes = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!notes.contains("warning:"), "{notes}");
        let notes: Vec<&str> = notes.lines().filter(|it| it.contains("configured type")).collect();
        assert!(notes.len() <= 1, "{notes:?}");
    }
    Ok(())
}

#[test]
fn samples_that_carry_no_proposal_are_warned_of() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (model, samples) = (case(PLAIN, "model.h5"), path(&folder, "x.npz"));
    for (count, message) in [
        (1, "warning: 1 sample: types hold the range of these values"),
        (40, "warning: input 'input_1' has the same values in all 40 samples"),
    ] {
        write_npz(&samples, &[("input_1", ArrayD::from_elem(vec![count, 6, 5, 2], 0.25))])?;
        let all = ["profile".as_ref(), model.as_os_str(), "--input".as_ref(), samples.as_os_str()];
        let output = bitkiln(&[&all[..], &["--json".as_ref()]].concat())?;
        assert!(output.status.success(), "{}", text(&output));
        let notes = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(notes.starts_with(message), "{notes}");
        let found: Value = serde_json::from_slice(&output.stdout)?;
        assert_eq!(found["warnings"].as_array().map(Vec::len), Some(1));
    }
    Ok(())
}

/// A network with a weight of 1e38 has no types; the weight is the reason.
#[test]
fn a_weight_beyond_all_types_is_named() -> Outcome {
    let mut bytes = std::fs::read(case(PLAIN, "model.h5"))?;
    let model = bitkiln::front::load(&case(PLAIN, "model.h5"), None)?;
    let kernel = model.graph.node_weights().find_map(|layer| match &layer.kind {
        LayerKind::Conv(conv) if layer.name == "conv" => Some(conv.kernel.values.clone()),
        _ => None,
    });
    let kernel: Vec<u8> =
        kernel.ok_or("no kernel")?.iter().flat_map(|weight| weight.to_le_bytes()).collect();
    let at = bytes.windows(kernel.len()).position(|it| it == kernel).ok_or("no weights")?;
    bytes[at..at + 4].copy_from_slice(&1e38_f32.to_le_bytes());
    let folder = tempfile::tempdir()?;
    let huge = path(&folder, "huge.h5");
    std::fs::write(&huge, bytes)?;
    let samples = case(PLAIN, "inputs.npz");
    let arguments = ["profile".as_ref(), huge.as_os_str(), "--input".as_ref(), samples.as_os_str()];
    let output = bitkiln(&arguments)?;
    let all = text(&output);
    assert_eq!(output.status.code(), Some(2), "{all}");
    assert!(all.contains("layer 'conv': its weight has a value of 1.000e38: layer '"), "{all}");
    assert!(all.contains("set this value to 0"), "{all}");
    Ok(())
}

#[test]
fn samples_that_do_not_fit_are_errors() -> Outcome {
    let model = case(PLAIN, "model.h5");
    let output = bitkiln(&["profile".as_ref(), model.as_os_str()])?;
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("--input <FILE>"), "{}", text(&output));
    let folder = tempfile::tempdir()?;
    let samples = path(&folder, "x.npz");
    let nan = ArrayD::from_elem(vec![2, 6, 5, 2], f64::INFINITY);
    for (name, shape, message) in [
        ("input_1", vec![2, 6, 5, 2], "a value of 'input_1' is not finite"),
        ("other", vec![2, 6, 5, 2], "has no array for input 'input_1'"),
        ("input_1", vec![2, 6, 5], "takes samples of the shape [6, 5, 2]"),
        ("input_1", vec![0, 6, 5, 2], "has no samples"),
    ] {
        let array = match shape.len() {
            4 if shape[0] > 0 => nan.clone(),
            _ => ArrayD::zeros(shape),
        };
        write_npz(&samples, &[(name, array)])?;
        let arguments =
            ["profile".as_ref(), model.as_os_str(), "--input".as_ref(), samples.as_os_str()];
        let output = bitkiln(&arguments)?;
        let all = text(&output);
        assert_eq!(output.status.code(), Some(2), "{all}");
        assert!(all.contains(message), "{all}");
    }
    let output = profile(PLAIN, &["-o", words(&model)])?;
    assert!(text(&output).contains("would overwrite"), "{}", text(&output));
    Ok(())
}

/// `profile --json` of the plain autoencoder with `more` arguments.
fn autoencoder(more: &[&str]) -> Result<Value, Box<dyn std::error::Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("hls_tests/plain_keras");
    let (model, samples) = (folder.join("autoencoder.h5"), folder.join("inputs.npz"));
    let mut arguments = vec!["profile".as_ref(), model.as_os_str()];
    arguments.extend(["--input".as_ref(), samples.as_os_str(), "--json".as_ref()]);
    arguments.extend(more.iter().map(std::ffi::OsStr::new));
    let output = bitkiln(&arguments)?;
    assert!(output.status.success(), "{}", text(&output));
    Ok(serde_json::from_slice(&output.stdout)?)
}

#[test]
fn scales_per_channel_and_corrections_lower_the_error_and_are_written() -> Outcome {
    let folder = tempfile::tempdir()?;
    let off = ["--no-channel-scales", "--no-bias-correction"];
    let scaled = |it: &Value| -> usize {
        let types = it["proposal"]["types"].as_array().into_iter().flatten();
        types.filter(|it| it["per_channel"] == true).count()
    };
    let corrected = |it: &Value| it["proposal"]["corrections"].as_object().map_or(0, |it| it.len());
    let of = |it: &Value, key: &str| it["proposal"]["accuracy"][key].as_f64().ok_or("no number");
    let square = |it: &Value| of(it, "mean_square");
    let names = ["none.yml", "scales.yml", "corrections.yml", "both.yml"];
    let written = names.map(|name| path(&folder, name));
    let [none, scales, corrections, both] = [&off[..], &off[1..], &off[..1], &[]];
    let asked = [none, scales, corrections, both].into_iter().zip(&written);
    let found: Vec<Value> = asked
        .map(|(off, file)| autoencoder(&[&["--bits", "8", "-o", words(file)], off].concat()))
        .collect::<Result<_, _>>()?;
    let [none, scales, corrections, both] = &found[..] else { return Err("four".into()) };
    assert_eq!([none, scales].map(scaled).map(|count| count > 0), [false, true]);
    assert_eq!([none, corrections].map(corrected).map(|count| count > 0), [false, true]);
    assert!(square(scales)? < square(none)? && square(corrections)? < square(none)?);
    // Both together cost a class here, so that one of them is left out.
    assert!(scaled(both) > 0 && corrected(both) == 0);
    assert!(square(both)? <= square(scales)?);
    for it in &found {
        let plain = it["proposal"]["plain"]["disagreements"].as_f64().ok_or("no plain types")?;
        assert!(of(it, "disagreements")? <= plain);
    }
    // The file states them, and the network that it makes is as accurate as the proposal.
    for ((file, found), key) in
        written.iter().zip(&found).skip(1).zip(["WeightScale: per_channel", "BiasCorrection:"])
    {
        assert!(std::fs::read_to_string(file)?.contains(key), "{key}");
        let again = autoencoder(&["--config", words(file)])?;
        assert_eq!(again["accuracy"], found["proposal"]["accuracy"]);
        assert_eq!(again["proposal"], Value::Null);
    }
    Ok(())
}
