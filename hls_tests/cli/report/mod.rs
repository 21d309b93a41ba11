//! `bitkiln report`: the data, the page in a browser, and the project beside it.

mod browser;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use ndarray::Array2;
use serde_json::{Value, json};

use super::errors::refused;
use super::{Outcome, bitkiln, build, case, text};

const DIGITS: &str = "examples/digits";

/// The digits network with its images.
fn digits(more: &[&str]) -> Vec<String> {
    let file = |name: &str| format!("{}/{DIGITS}/{name}", env!("CARGO_MANIFEST_DIR"));
    let own = ["report", &file("model.h5"), "--input-type", "ufixed<4,0>"];
    let input = ["--input", &file("test.npz"), "--labels", &file("labels.npy")];
    own.iter().chain(&input).chain(more).map(|word| (*word).to_owned()).collect()
}

/// The page that these arguments write.
fn page(arguments: &[String]) -> Result<String, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("report.html");
    let mut arguments = arguments.to_vec();
    arguments.extend(["-o".to_owned(), file.display().to_string()]);
    let output = bitkiln(&arguments)?;
    assert!(output.status.success(), "{}", text(&output));
    Ok(fs::read_to_string(file)?)
}

fn data(arguments: &[String]) -> Result<Value, Box<dyn Error>> {
    let mut arguments = arguments.to_vec();
    arguments.push("--json".to_owned());
    let output = bitkiln(&arguments)?;
    assert!(output.status.success(), "{}", text(&output));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The structure of a page in a window of `width` pixels, which breaks no rule.
fn structure(html: &str, width: u32) -> Result<Value, Box<dyn Error>> {
    let found = browser::checks(html, include_str!("structure.js"), width)?;
    assert_eq!(found["error"], Value::Null);
    for name in ["repeated ids", "broken links", "external"] {
        assert_eq!(found[name], json!([]), "{name}");
    }
    let counts = [
        "unnamed pictures",
        "undescribed pictures",
        "tables without caption",
        "heads without scope",
        "uneven rows",
        "unlabelled regions",
        "unlabelled controls",
        "not numbers",
    ];
    for name in counts {
        assert_eq!(found[name], 0, "{name}");
    }
    assert_eq!(found["headings"], 1, "a level of headings is left out");
    assert_eq!(found["overflow"], false, "the page is wider than its window");
    Ok(found)
}

#[test]
fn a_page_shows_every_layer_and_type() -> Outcome {
    let html = page(&digits(&["--io", "stream"]))?;
    assert!(html.len() < 400_000, "{} bytes", html.len());
    let found = structure(&html, 500)?;
    let sections = [
        "overview",
        "graph",
        "layers",
        "ranges",
        "widths",
        "resources",
        "energy",
        "schedule",
        "accuracy",
        "notes",
    ];
    assert_eq!(found["sections"], json!(sections));
    let nodes =
        ["pixels", "hidden1", "relu1", "hidden2", "relu2", "scores", "logits", "probabilities"];
    assert_eq!(found["nodes"], json!(nodes));
    assert_eq!(found["layers"][1], "hidden1 QDense");
    assert_eq!(found["types"][2], "ufixed<5,1> 32");
    assert_eq!(found["edges"][1], "hidden1 to relu1: fixed<14,5> 32");
    assert_eq!(found["types off their edges"], json!([]));
    assert_eq!(found["overlapping boxes"], json!([]));
    for words in ["437 of 450 correct (97.11 %)", "Schedule of digits", "AUC 0.9978"] {
        assert!(html.contains(words), "{words}");
    }
    // Everything is there before any script.
    let before_script = &html[..html.rfind("<script>").ok_or("a script")?];
    let is_hidden = [" hidden>", " hidden "].iter().any(|word| before_script.contains(word));
    assert!(!is_hidden, "something needs the script");
    assert_eq!(before_script.matches("class=\"histogram\"").count(), 8 + 3 + 3);
    Ok(())
}

#[test]
fn layers_are_chosen_and_the_graph_is_moved() -> Outcome {
    let html = page(&digits(&[]))?;
    let found = browser::checks(&html, include_str!("behaviour.js"), 1200)?;
    let layer = |index: usize| json!([format!("layer-{index}")]);
    assert_eq!(found["error"], Value::Null);
    assert_eq!(found["at first"], json!([layer(0), 0]));
    assert_eq!(found["after a click"], json!([layer(2), 2, "#layer-2"]));
    assert_eq!(found["after an arrow key"], json!([layer(3), 3]));
    assert_eq!(found["after a link of a table"], json!([layer(0), "layer-0"]));
    assert_eq!(found["after a choice in the list"], layer(1));
    assert_eq!(found["larger"], 1.25);
    assert_eq!(found["as before"], 1);
    let by_wheel = found["smaller by the wheel"].as_f64().ok_or("a number")?;
    assert!((by_wheel - (-1.0_f64).exp()).abs() < 1e-3, "{by_wheel}");
    assert_eq!(found["not by scrolling"], by_wheel);
    assert_eq!((&found["natural size"], &found["fits"]), (&json!(true), &json!(true)));
    assert_eq!(found["dragged"], 80);
    assert_eq!((&found["fits again"], &found["tab stops"]), (&json!(true), &json!(1)));
    assert_eq!(found["tools"], "flex");
    Ok(())
}

/// On paper the graph is in parts, none of which cuts a layer or its type.
#[test]
fn a_long_graph_is_printed_in_parts() -> Outcome {
    let file = format!("{}/hls_tests/streams/mobilenet.h5", env!("CARGO_MANIFEST_DIR"));
    let words = ["report", &file, "--input-type", "ufixed<8,0>"].map(str::to_owned);
    let found = browser::checks(&page(&words)?, include_str!("parts.js"), 1200)?;
    assert_eq!(found["error"], Value::Null);
    assert!(found["parts"].as_u64() > Some(2), "{found}");
    assert_eq!(found["covers the drawing"], true);
    assert_eq!(found["cut boxes"], json!([]));
    assert_eq!(found["hidden on the screen"], true);
    assert!(found["tallest"].as_f64() < Some(1150.0), "{found}");
    Ok(())
}

#[test]
fn parameters_of_recurrent_layers_are_shown_by_gate() -> Outcome {
    let rows = |name: &str| -> Result<Vec<String>, Box<dyn Error>> {
        let model = case(name, "model.h5").display().to_string();
        let found = data(&["report".to_owned(), model])?;
        let layer = found["layers"].as_array().and_then(|it| it.get(1)).ok_or("a layer")?;
        let rows = layer["values"].as_array().ok_or("values")?.iter().map(|row| {
            let part = row["part"].as_str().unwrap_or("-");
            let count = &row["values"]["count"];
            format!("{} {part} {count}", row["variable"].as_str().unwrap_or_default())
        });
        Ok(rows.collect())
    };
    // Four inputs, five units.
    let gates = ["input gate", "forget gate", "candidate", "output gate"];
    let of = |direction: &str| {
        let parts: Vec<String> = gates.iter().map(|gate| format!("{direction}{gate}")).collect();
        let each = |variable: &str, count: u32| -> Vec<String> {
            parts.iter().map(|part| format!("{variable} {part} {count}")).collect()
        };
        [each("weight", 20), each("recurrent_weight", 25), each("bias", 5)].concat()
    };
    assert_eq!(rows("lstm")?, [of(""), vec!["result - 500".to_owned()]].concat());
    let both = [of("forward, "), of("backward, ")].concat();
    assert_eq!(rows("bidirectional")?[..24], both);
    let gru = rows("gru_reset_after")?;
    assert_eq!(gru[..3], ["weight update gate 20", "weight reset gate 20", "weight candidate 20"]);
    assert!(gru.contains(&"recurrent_bias candidate 5".to_owned()), "{gru:?}");
    let simple = rows("simple_rnn")?;
    assert_eq!(simple[..3], ["weight - 20", "recurrent_weight - 25", "bias - 5"]);
    Ok(())
}

#[test]
fn operations_without_energy_are_named() -> Outcome {
    let model = case("lstm", "model.h5").display().to_string();
    let html = page(&["report".to_owned(), model.clone()])?;
    assert!(html.contains("QTools gives no energy to the operations of rnn."));
    assert!(html.contains("counted by QTools, without the operations of a layer"));
    let output = bitkiln(&["energy", &model])?;
    assert!(text(&output).contains("QTools gives no energy to the operations of rnn"));
    Ok(())
}

#[test]
fn a_note_counts_samples_beyond_the_type_of_an_input() -> Outcome {
    let folder = tempfile::tempdir()?;
    let samples = folder.path().join("x.npy");
    let model = case("dense_bits4", "model.h5").display().to_string();
    let width = data(&["report".to_owned(), model.clone()])?["layers"][0]["hardware"]["shape"]
        .as_array()
        .and_then(|shape| shape.first()?.as_u64())
        .ok_or("a shape")?;
    ndarray_npy::write_npy(&samples, &Array2::from_elem((3, width as usize), 1e6))?;
    let words = ["report", &model, "--input", &samples.display().to_string()].map(str::to_owned);
    let found = data(&words)?["diagnostics"].to_string();
    assert!(found.contains(&format!("{} saturated", 3 * width)), "{found}");
    Ok(())
}

#[test]
fn references_that_do_not_fit() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = |name: &str| case("graph_parts", name).display().to_string();
    let words = |option: &str, file: &Path| {
        let (model, input) =
            (case("net_mlp_softmax", "model.h5"), case("net_mlp_softmax", "inputs.npz"));
        let paths = [model, input, file.to_owned()].map(|it| it.display().to_string());
        ["report", &paths[0], "--json", "--input", &paths[1], option, &paths[2]].map(str::to_owned)
    };
    let wrong = folder.path().join("y.npy");
    ndarray_npy::write_npy(&wrong, &Array2::from_elem((2, 2), f64::NAN))?;
    refused(&words("--reference", &wrong), &["y.npy", "not finite"])?;
    ndarray_npy::write_npy(&wrong, &Array2::from_elem((2, 2), 1.0))?;
    let help = "a reference has the values of the output, for all samples of --input";
    refused(&words("--reference", &wrong), &["the reference has the shape [2, 2]", help])?;
    refused(
        &words("--labels", &wrong),
        &["the labels have the shape [2, 2]", "labels are the numbers"],
    )?;
    let several = ["report", &file("model.h5"), "--json", "--input", &file("inputs.npz")];
    let several = |option: &str| {
        let more = [option, &wrong.display().to_string()].map(str::to_owned);
        [&several.map(str::to_owned)[..], &more].concat()
    };
    refused(&several("--labels"), &["y.npy: one array for", "by the names of the output layers"])
}

#[test]
fn names_of_layers_are_text() -> Outcome {
    let folder = tempfile::tempdir()?;
    let whole = case("net_mlp_softmax", "model.h5");
    let config = hdf5_reader::Hdf5File::open(&whole)?.root_group()?.attribute("model_config")?;
    // As JSON has it.
    let name = r#"</title></script><img src=x onerror='check(1, 1)'> & \"quotes\" {{ 7 }}"#;
    let long = "a_layer_whose_name_has_sixty_characters_is_shortened_in_a_box";
    let config = config.read_string()?.replace("\"relu1\"", &format!("\"{name}\""));
    let model = folder.path().join("model.json");
    fs::write(&model, config.replace("\"relu2\"", &format!("\"{long}\"")))?;
    let weights = ["--weights".to_owned(), whole.display().to_string()];
    let html = page(&[&["report".to_owned(), model.display().to_string()][..], &weights].concat())?;
    let found = structure(&html, 1200)?;
    let name = name.replace("\\\"", "\"");
    assert_eq!(found["layers"][2], format!("{name} QActivation"));
    assert_eq!(found["nodes"][2], "</title></script><img src…");
    assert_eq!(found["layers"][4], format!("{long} QActivation"));
    assert!(!html.contains("<img"));
    Ok(())
}

#[test]
fn models_of_every_sort_have_a_page() -> Outcome {
    // Recurrent layers, several inputs and outputs, one bit, floats, embeddings, folded layers.
    let cases = [
        ("lstm", "model.h5"),
        ("graph_parts", "model.h5"),
        ("merges", "model.h5"),
        ("dense_bits1", "model.h5"),
        ("dense_binary", "model.h5"),
        ("conv2d_float", "model.h5"),
        ("embedding", "model.h5"),
        ("batchnorm_after_conv", "model.h5"),
        ("act_scales", "model.h5"),
    ];
    for (name, file) in cases {
        let html = page(&["report".to_owned(), case(name, file).display().to_string()])?;
        assert!(html.contains("100 random samples"), "{name}");
        let numbers = html[..html.rfind("<script>").ok_or("a script")?].to_owned();
        assert!(!numbers.contains("NaN") && !numbers.contains("[inf"), "{name}");
    }
    Ok(())
}

/// The data of a network of three layers, with random samples.
#[test]
fn data_of_a_small_network() -> Outcome {
    let model = case("dense_bits4", "model.h5").display().to_string();
    let mut found = data(&["report".to_owned(), model])?;
    found["version"] = "-".into();
    for layer in found["layers"].as_array_mut().ok_or("layers")? {
        for values in layer["values"].as_array_mut().ok_or("values")? {
            // One number a line.
            let counts = values["values"]["histogram"]["counts"].to_string();
            values["values"]["histogram"]["counts"] = counts.into();
        }
    }
    let scatter = found["comparisons"][0]["scatter"]["counts"].to_string();
    found["comparisons"][0]["scatter"]["counts"] = scatter.into();
    insta::assert_snapshot!(serde_json::to_string_pretty(&found)?);
    Ok(())
}

#[test]
fn results_of_other_layers_are_compared() -> Outcome {
    let file = |name: &str| case("net_cnn", name).display().to_string();
    let model = file("model.h5");
    let mut arguments = vec!["report".to_owned(), model];
    let inputs = ["--input", &file("inputs.npz"), "--reference", &file("trace.npz")];
    arguments.extend(inputs.map(str::to_owned));
    let found = data(&arguments)?;
    assert_eq!(found["comparisons"][0]["against"], "reference");
    let layers = found["layers"].as_array().ok_or("layers")?;
    let stated = layers.iter().flat_map(|layer| layer["values"].as_array().into_iter().flatten());
    let stated: Vec<&Value> =
        stated.map(|row| &row["reference"]).filter(|it| !it.is_null()).collect();
    assert!(stated.len() > 3, "{stated:?}");
    // QKeras' results are those of the simulation, up to float32.
    for difference in stated {
        assert!(difference["largest"].as_f64().ok_or("a number")? < 1e-5, "{difference}");
    }
    Ok(())
}

#[test]
fn the_first_samples_are_enough_for_statistics() -> Outcome {
    let found = data(&digits(&["--samples", "20"]))?;
    assert_eq!(found["samples"]["count"], 450);
    assert_eq!(found["samples"]["statistics"], 20);
    assert_eq!(found["layers"][0]["values"][0]["values"]["count"], 20 * 64);
    // Labels are for all.
    assert_eq!(found["classifications"][0]["accuracy"]["rows"], 450);
    Ok(())
}

/// A project of a reference case, with streams.
fn project(folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let project = folder.join("prj");
    let more = ["--io", "stream", "--input-type", "fixed<8,3>", "--clock-period", "4"];
    let output = build("dense_bits4", "model.h5", &project, &more)?;
    assert!(output.status.success(), "{}", text(&output));
    Ok(project)
}

#[test]
fn a_project_gives_the_settings_and_its_testbench_runs() -> Outcome {
    let folder = tempfile::tempdir()?;
    let place = project(folder.path())?.display().to_string();
    let model = case("dense_bits4", "model.h5").display().to_string();
    let words = |more: &[&str]| {
        let own = ["report", &model, "--project", &place];
        own.iter().chain(more).map(|word| (*word).to_owned()).collect::<Vec<_>>()
    };
    let found = data(&words(&["--verify"]))?;
    let state = &found["project"];
    assert_eq!((&state["differences"], &state["same_model"]), (&json!([]), &json!(true)));
    assert_eq!(state["verification"]["run"]["mismatches"], 0);
    assert_eq!(found["layers"][0]["hardware"]["result"], "fixed<8,3>");
    assert!(!found["schedule"].is_null());
    let html = page(&words(&[]))?;
    assert!(html.contains("4 ns, 27 % uncertainty"));
    assert!(html.contains("not run for this report (--verify runs it)"));
    // Another model with the same input, and one with others.
    let other = |model: &Path| {
        ["report", &model.display().to_string(), "--project", &place].map(str::to_owned)
    };
    let warning = "the project was built from model.h5, which is another file";
    let found = data(&other(&case("dense_bits6_2", "model.h5")))?["diagnostics"].to_string();
    assert!(found.contains(warning), "{found}");
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join(DIGITS).join("model.h5");
    refused(&[&other(&digits)[..], &["--json".to_owned()]].concat(), &[warning])?;
    // Other types of the inputs than those of the project.
    let other = data(&words(&["--input-type", "fixed<6,3>"]))?;
    let differences = other["project"]["differences"].to_string();
    assert!(
        differences.contains("fixed<8,3>") && differences.contains("fixed<6,3>"),
        "{differences}"
    );
    refused(&words(&["--io", "parallel", "--json"]), &["--project", "--io"])
}

#[test]
fn a_changed_project_is_a_mismatch() -> Outcome {
    let folder = tempfile::tempdir()?;
    let project = project(folder.path())?;
    let expected = project.join("tb_data/act_out.dat");
    let mut codes = fs::read(&expected)?;
    let end = codes.iter().position(u8::is_ascii_whitespace).ok_or("no code")?;
    codes[end - 1] = if codes[end - 1] == b'0' { b'1' } else { b'0' };
    fs::write(&expected, codes)?;
    let model = case("dense_bits4", "model.h5");
    let page = folder.path().join("report.html");
    let arguments = [
        "report".as_ref(),
        model.as_os_str(),
        "--project".as_ref(),
        project.as_os_str(),
        "--verify".as_ref(),
        "-o".as_ref(),
        page.as_os_str(),
    ];
    let output = bitkiln(&arguments)?;
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let warning = "warning: C simulation of the project differs in 1 of ";
    assert!(text(&output).contains(warning), "{}", text(&output));
    let html = fs::read_to_string(page)?;
    for words in
        ["values compared, 1 mismatch", warning, "<dt>C simulation</dt><dd><strong>differs"]
    {
        assert!(html.contains(words), "{words}");
    }
    Ok(())
}

#[test]
fn arguments_that_do_not_fit() -> Outcome {
    let model = case("dense_bits4", "model.h5").display().to_string();
    let words = |more: &[&str]| {
        ["report", &model].iter().chain(more).map(|it| (*it).to_owned()).collect::<Vec<_>>()
    };
    refused(&words(&[]), &["--output"])?;
    refused(&words(&["-o", "report.pdf"]), &["a report is written as .html or .htm"])?;
    refused(&words(&["-o", "r.html", "--labels", "y.npy"]), &["--input"])?;
    refused(&words(&["-o", "r.html", "--verify"]), &["--project"])?;
    refused(&words(&["--json", "--samples", "0"]), &["--samples"])?;
    refused(&words(&["--json", "--project", "src"]), &["src/bitkiln.json", "bitkiln build"])?;
    refused(&words(&["-o", "no/such/r.html"]), &["no/such/r.html"])
}
