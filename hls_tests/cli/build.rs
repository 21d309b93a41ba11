//! `bitkiln build` and `bitkiln inspect`.

use std::fs;

use assert_cmd::Command;

use super::{Outcome, bitkiln, build, case, text};

#[test]
fn a_model_becomes_a_verified_project_for_both() -> Outcome {
    let folder = tempfile::tempdir()?;
    for backend in ["vitis", "catapult"] {
        let project = folder.path().join(backend);
        let inputs = case("net_mlp_softmax", "inputs.npz");
        let inputs = inputs.to_str().ok_or("path")?;
        let mut more = vec!["--backend", backend, "--verify", "--wide"];
        more.extend(["--input-type", "fixed<8,1>", "--input", inputs]);
        let output = build("net_mlp_softmax", "model.h5", &project, &more)?;
        let printed = text(&output);
        assert!(output.status.success(), "{printed}");
        // 16 samples of 5 classes.
        assert!(printed.contains("80 values compared, 0 mismatches"), "{printed}");
        assert!(printed.contains("proven range"), "{printed}");
        let manifest = fs::read_to_string(project.join("bitkiln.json"))?;
        let manifest: serde_json::Value = serde_json::from_str(&manifest)?;
        assert_eq!(manifest["backend"], backend);
        assert_eq!(manifest["model"]["file"], "model.h5");

        let again = bitkiln(&["verify".as_ref(), project.as_os_str(), "--json".as_ref()])?;
        let verdict: serde_json::Value = serde_json::from_slice(&again.stdout)?;
        assert_eq!(verdict["mismatches"], 0);
        assert_eq!(verdict["compared"], 80);
        assert!(again.status.success());
    }
    Ok(())
}

/// The declarations that synthesis sees, of weights above all, compute the same outputs.
#[test]
fn declarations_for_synthesis_match() -> Outcome {
    let folder = tempfile::tempdir()?;
    for (case_name, backend) in [
        ("net_mlp_softmax", "vitis"),
        ("net_mlp_softmax", "catapult"),
        ("net_cnn", "vitis"),
        ("act_relu_po2", "catapult"),
    ] {
        let project = folder.path().join(format!("{case_name}_{backend}"));
        let output = build(case_name, "model.h5", &project, &["--backend", backend])?;
        assert!(output.status.success(), "{}", text(&output));
        let verified = Command::new(assert_cmd::cargo::cargo_bin!("bitkiln"))
            .args(["verify".as_ref(), project.as_os_str()])
            .env("CXX", "g++ -D__SYNTHESIS__")
            .output()?;
        let printed = text(&verified);
        assert!(verified.status.success(), "{case_name} for {backend}: {printed}");
        assert!(printed.contains(", 0 mismatches"), "{case_name} for {backend}: {printed}");
    }
    Ok(())
}

#[test]
fn a_real_valued_scale_is_built_as_narrow_as_is_proven() -> Outcome {
    let folder = tempfile::tempdir()?;
    let line = "scales: fc ufixed<25,1> -> ufixed<21,1>, bias fixed<5,1>, proven on 1996 \
                thresholds";
    let more = ["--input-type", "fixed<8,1>"];
    let output = build("dense_bits4_auto", "model.h5", &folder.path().join("prj"), &more)?;
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains(line), "{}", text(&output));
    let types = fs::read_to_string(folder.path().join("prj/firmware/defines.h"))?;
    assert!(types.contains("using fc_scaled_scale_t = ap_ufixed<21, 1>;"), "{types}");

    let model = case("dense_bits4_auto", "model.h5");
    let arguments = ["inspect".as_ref(), model.as_os_str(), more[0].as_ref(), more[1].as_ref()];
    let output = bitkiln(&arguments)?;
    assert!(text(&output).contains(line), "{}", text(&output));
    let output = bitkiln(&[&arguments[..], &["--json".as_ref()]].concat())?;
    let all: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!(all["scales"][0]["after"]["scale"], "ufixed<21,1>");
    let proven = serde_json::json!({"kind": "proven", "thresholds": 1996});
    assert_eq!(all["scales"][0]["outcome"], proven);
    Ok(())
}

#[test]
fn all_three_kinds_of_files_build() -> Outcome {
    let folder = tempfile::tempdir()?;
    let keras = folder.path().join("v3");
    assert!(build("v3_mlp", "model.keras", &keras, &[])?.status.success());

    // A whole model holds both: its architecture alone, and its weights.
    let whole = case("dense_bits4", "model.h5");
    let config = hdf5_reader::Hdf5File::open(&whole)?.root_group()?.attribute("model_config")?;
    let json = folder.path().join("model.json");
    fs::write(&json, config.read_string()?)?;
    let arguments = |more: &[&std::ffi::OsStr]| {
        let mut all = vec!["inspect".as_ref(), json.as_os_str()];
        all.extend(more);
        bitkiln(&all)
    };
    let without = arguments(&[])?;
    assert_eq!(without.status.code(), Some(2));
    assert!(text(&without).contains("--weights"), "{}", text(&without));
    let with = arguments(&["--weights".as_ref(), whole.as_os_str()])?;
    assert!(with.status.success(), "{}", text(&with));
    Ok(())
}

#[test]
fn inspect_shows_types_as_table_json_and_graph() -> Outcome {
    let folder = tempfile::tempdir()?;
    let dot = folder.path().join("graph.dot");
    let model = case("dense_bits4", "model.h5");
    let output = bitkiln(&[
        "inspect".as_ref(),
        model.as_os_str(),
        "--input-type".as_ref(),
        "fixed<8,1>".as_ref(),
        "--json".as_ref(),
        "--dot".as_ref(),
        dot.as_os_str(),
    ])?;
    assert!(output.status.success(), "{}", text(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!(json["layers"][1]["layer"], "fc");
    assert_eq!(json["layers"][2]["result"], "fixed<9,4>");
    let hardware = |layer: &serde_json::Value| layer["hardware"].as_str().map(str::to_owned);
    assert_eq!(hardware(&json["layers"][1]).as_deref(), Some("multiply-add"));
    assert!(
        json["layers"][1]["additions"].as_u64() > json["layers"][1]["multiplications"].as_u64()
    );
    assert!(fs::read_to_string(dot)?.contains("fc\\nlinear [7]"));

    // Columns that only repeat the result's type or are exact numbers take --wide.
    let table = |more: &[&std::ffi::OsStr]| {
        bitkiln(&[&["inspect".as_ref(), model.as_os_str()], more].concat())
    };
    let (narrow, wide) = (text(&table(&[])?), text(&table(&["--wide".as_ref()])?));
    assert!(narrow.contains("weights") && !narrow.contains("accumulator"), "{narrow}");
    assert!(wide.contains("accumulator") && wide.contains("shift"), "{wide}");
    Ok(())
}

#[test]
fn inspect_prints_the_graph_after_each_pass() -> Outcome {
    let model = case("net_mlp_softmax", "model.h5");
    let model = model.to_str().ok_or("path")?;
    let ir = |more: &[&str]| bitkiln(&[&["inspect", model, "--ir"], more].concat());
    for more in [&[][..], &["--after", "lower"], &["--after", "narrow_scales", "--wide"]] {
        let output = ir(more)?;
        assert!(output.status.success(), "{}", text(&output));
        let printed = String::from_utf8(output.stdout)?;
        assert!(
            printed.contains("\nfc1 = linear input_1 weights=fixed<6,1>[16, 32]{"),
            "{printed}"
        );
        assert!(printed.contains("\noutput softmax"), "{printed}");
        // Only with all numbers is it a graph again.
        assert_eq!(bitkiln::ir::text::parse(&printed).is_ok(), more.contains(&"--wide"));
    }
    let refused = ir(&["--after", "narow_scales"])?;
    assert_eq!(refused.status.code(), Some(2));
    let expected = "there is no pass 'narow_scales', did you mean 'narrow_scales'? help: the passes, \
                    in their order: lower, drop_noops,";
    assert!(text(&refused).contains(expected), "{}", text(&refused));
    Ok(())
}

#[test]
fn inspect_shows_the_form_of_matrices_and_functions() -> Outcome {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("config.yml");
    let inspect =
        |name: &str, more: &[&str]| -> Result<serde_json::Value, Box<dyn std::error::Error>> {
            let model = case(name, "model.h5");
            let model = model.to_str().ok_or("path")?;
            let arguments = ["inspect", model, "--json", "--input-type", "fixed<8,3>"];
            let output = bitkiln(&[&arguments[..], more].concat())?;
            assert!(output.status.success(), "{}", text(&output));
            let mut json: serde_json::Value = serde_json::from_slice(&output.stdout)?;
            let layers = json["layers"].as_array_mut().ok_or("no layers")?;
            // The layer after the input.
            Ok(layers.swap_remove(1))
        };
    let find = |name: &str| inspect(name, &[]);
    for (name, hardware) in [
        ("dense_ternary", "add-subtract"),
        ("dense_po2_4", "shift-add"),
        ("act_relu_po2", "table 92 x 11 bits"),
    ] {
        assert_eq!(find(name)?["hardware"], hardware, "{name}");
    }
    fs::write(&config, "LayerType: {QActivation: {TableSize: 2}}")?;
    let config = config.to_str().ok_or("path")?;
    let layer = inspect("act_relu_po2", &["--config", config])?;
    assert_eq!(layer["functions"][0]["kind"], "comparators");
    Ok(())
}

#[test]
fn a_failed_build_leaves_nothing_and_nothing_foreign_is_overwritten() -> Outcome {
    let folder = tempfile::tempdir()?;
    let project = folder.path().join("prj");
    let output = build("dense_bits4", "model.h5", &project, &["--part", "no such; part"])?;
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(fs::read_dir(folder.path())?.count(), 0);

    fs::create_dir(&project)?;
    fs::write(project.join("thesis.tex"), "years of work")?;
    let output = build("dense_bits4", "model.h5", &project, &[])?;
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("--force"), "{}", text(&output));
    assert_eq!(fs::read_to_string(project.join("thesis.tex"))?, "years of work");
    assert_eq!(fs::read_dir(folder.path())?.count(), 1);

    assert!(build("dense_bits4", "model.h5", &project, &["--force"])?.status.success());
    // Bitkiln replaces a project of its own without --force.
    assert!(build("dense_bits6_2", "model.h5", &project, &[])?.status.success());
    Ok(())
}

/// Options for the whole model take precedence over the file's, its entries for layers over them.
#[test]
fn options_replace_the_values_of_the_whole_model() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (config, project) = (folder.path().join("config.yml"), folder.path().join("prj"));
    fs::write(
        &config,
        "ClockPeriod: 4\nHLSConfig:\n  Model: {Strategy: Latency, ReuseFactor: 1}\n  LayerName:\n    \
         fc1: {Strategy: Latency, ReuseFactor: 4}\n",
    )?;
    let config = config.to_str().ok_or("path")?;
    let mut more = vec!["--config", config, "--reuse-factor", "2", "--strategy", "Resource"];
    more.extend(["--io", "parallel", "--clock-period", "400MHz"]);
    let output = build("net_mlp_softmax", "model.h5", &project, &more)?;
    assert!(output.status.success(), "{}", text(&output));
    let manifest = fs::read_to_string(project.join("bitkiln.json"))?;
    let manifest: serde_json::Value = serde_json::from_str(&manifest)?;
    let options = &manifest["options"];
    assert_eq!(options["clock_period"], 2.5);
    for (layer, strategy) in [("fc1", "latency"), ("fc2", "resource")] {
        assert_eq!(options["layer_strategies"][layer], strategy);
    }
    assert_eq!(options["reuse_factor"], 2);
    assert_eq!(options["layer_reuse_factors"], serde_json::json!({"fc1": 4}));

    let model = case("net_mlp_softmax", "model.h5");
    let inspect = |more: &[&str]| {
        let mut arguments = vec!["inspect".as_ref(), model.as_os_str()];
        arguments.extend(more.iter().map(std::ffi::OsStr::new));
        bitkiln(&arguments)
    };
    let own = text(&inspect(&["--config", config, "--target-interval", "2", "--io", "stream"])?);
    let overridden =
        "layer 'fc1': with a pace of its own it takes 4 cycles for a sample, which all";
    assert!(own.contains(overridden), "{own}");
    let shared = text(&inspect(&["--reuse-factor", "3", "--strategy", "resource"])?);
    assert!(shared.contains("layer 'fc2': a reuse factor of 3 does not divide"), "{shared}");
    let missed = text(&inspect(&["--target-rate", "200MHz", "--io", "stream"])?);
    assert!(!missed.contains("miss the target"), "{missed}");
    let impossible = inspect(&["--target-rate", "201MHz"])?;
    assert!(text(&impossible).contains("a target interval below 1 clock cycle"));
    assert!(text(&impossible).contains("200000000 samples a second"), "{}", text(&impossible));
    let folder = tempfile::tempdir()?;
    let mut dash = Command::new(assert_cmd::cargo::cargo_bin!("bitkiln"));
    dash.arg("build").arg(&model).args(["--input-type", "fixed<8,1>", "-o", "-"]);
    let refused = dash.current_dir(&folder).output()?;
    assert!(text(&refused).contains("-: a project is a folder of files"), "{}", text(&refused));
    assert!(folder.path().read_dir()?.next().is_none());
    // A separable convolution has two matrices, whose reuse factors differ.
    let separable = case("separable2d", "model.h5");
    let halves = ["--io", "stream", "--reuse-factor", "7", "--strategy", "resource"];
    let mut arguments = vec!["inspect".as_ref(), separable.as_os_str()];
    arguments.extend(["--input-type", "fixed<8,1>"].iter().map(std::ffi::OsStr::new));
    arguments.extend(halves.iter().map(std::ffi::OsStr::new));
    let halves = text(&bitkiln(&arguments)?);
    let message =
        "warning: layer 'sep': a reuse factor of 7 does not divide its 9 x 3 and 3 x 5 products";
    assert!(halves.contains(message) && halves.contains("9 and 5 are used"), "{halves}");
    assert!(halves.contains("Set TargetCycles for 'sep'"), "{halves}");
    assert_eq!(halves.matches("warning: layer 'sep'").count(), 1, "{halves}");
    let help = inspect(&["--help"])?;
    assert!(text(&help).contains("catapult: Catapult, C++"), "{}", text(&help));
    Ok(())
}

#[test]
fn a_configuration_sets_types_and_reuse() -> Outcome {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("config.yml");
    fs::write(
        &config,
        "Backend: Catapult\nClockPeriod: 4\nHLSConfig:\n  Model: {Precision: 'fixed<16,6>', \
         ReuseFactor: 1}\n  LayerName:\n    input_1: {Precision: 'fixed<8,1>'}\n    fc1: \
         {ReuseFactor: 4}\n    softmax: {TableSize: 256}\n",
    )?;
    let project = folder.path().join("prj");
    let config = config.to_str().ok_or("path")?;
    let output = build("net_mlp_softmax", "model.h5", &project, &["--config", config, "--verify"])?;
    assert!(output.status.success(), "{}", text(&output));
    let manifest = fs::read_to_string(project.join("bitkiln.json"))?;
    let manifest: serde_json::Value = serde_json::from_str(&manifest)?;
    assert_eq!(manifest["backend"], "catapult");
    assert_eq!(manifest["options"]["clock_period"], 4.0);
    assert_eq!(manifest["inputs"][0]["type"], "fixed<8,1>");
    assert_eq!(manifest["initiation_interval"], 4);

    fs::write(
        config,
        "Model: {Strategy: Resource, ReuseFactor: 3}\nLayerName:\n  fc1: {Strategy: Latency}\n",
    )?;
    let output = build("net_mlp_softmax", "model.h5", &project, &["--config", config, "--verify"])?;
    assert!(output.status.success(), "{}", text(&output));
    let manifest = fs::read_to_string(project.join("bitkiln.json"))?;
    let manifest: serde_json::Value = serde_json::from_str(&manifest)?;
    assert_eq!(manifest["options"]["layer_strategies"]["fc1"], "latency");
    assert_eq!(manifest["options"]["layer_strategies"]["fc2"], "resource");
    let expected = "layer 'fc2': a reuse factor of 3 does not divide its";
    assert!(text(&output).contains(expected), "{}", text(&output));

    fs::write(config, "ProjectName: int\n")?;
    let output = build("net_mlp_softmax", "model.h5", &project, &["--config", config])?;
    let expected = "ProjectName: 'int' cannot name a top function; it is 'int_network' here";
    assert!(text(&output).contains(expected), "{}", text(&output));

    fs::write(config, "HLSConfig:\n  Model: {Precison: 'fixed<16,6>'}\n")?;
    let output = build("net_mlp_softmax", "model.h5", &project, &["--config", config])?;
    assert_eq!(output.status.code(), Some(2));
    let printed = text(&output);
    assert!(printed.contains("Precison") && printed.contains("Precision"), "{printed}");
    Ok(())
}

/// A project names the folder that it was built from, and the hash of the files in it.
#[test]
fn a_folder_is_a_model() -> Outcome {
    let folder = tempfile::tempdir()?;
    let project = folder.path().join("prj");
    let model = case("saved_model", "model");
    let built =
        bitkiln(&["build".as_ref(), model.as_os_str(), "-o".as_ref(), project.as_os_str()])?;
    assert!(built.status.success(), "{}", text(&built));
    let manifest = std::fs::read_to_string(project.join("bitkiln.json"))?;
    let manifest: serde_json::Value = serde_json::from_str(&manifest)?;
    assert_eq!(manifest["model"]["file"], "model");
    let files = ["keras_metadata.pb", "saved_model.pb", "variables/variables.data-00000-of-00001"];
    let mut hash = sha2::Sha256::default();
    for file in files.iter().chain(&["variables/variables.index"]) {
        sha2::Digest::update(&mut hash, std::fs::read(model.join(file))?);
    }
    let hash = sha2::Digest::finalize(hash);
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(manifest["model"]["sha256"], hash);
    Ok(())
}
