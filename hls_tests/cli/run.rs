//! `bitkiln run`.

use std::fs::File;
use std::path::Path;

use bitkiln::front::write_npz;
use ndarray::{Array2, ArrayD, array};
use ndarray_npy::{NpzReader, write_npy};

use super::{Outcome, bitkiln, case, text};

#[test]
fn a_name_that_asks_for_another_format_is_an_error() -> Outcome {
    let (model, inputs) = (case("dense_bits4", "model.h5"), case("dense_bits4", "inputs.npz"));
    for (command, output, message, help) in [
        (
            "run",
            "y.txt",
            "y.txt: outputs are written as .npz or .npy",
            "choose a name such as y.npz",
        ),
        ("run", "-", "-: outputs are written as .npz or .npy", "name a file; standard output is"),
        ("profile", "t.json", "t.json: types are written as .yml or .yaml", "such as t.yml"),
        ("profile", "-", "-: types are written as .yml or .yaml", "name a file"),
    ] {
        let output = bitkiln(&[
            command.as_ref(),
            model.as_os_str(),
            "--input".as_ref(),
            inputs.as_os_str(),
            "-o".as_ref(),
            output.as_ref(),
        ])?;
        let all = text(&output);
        assert_eq!(output.status.code(), Some(2), "{all}");
        assert!(all.contains(message) && all.contains(help), "{all}");
    }
    Ok(())
}

/// Labels and a reference need no file for the outputs.
#[test]
fn outputs_are_compared_with_labels_and_a_reference() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (model, inputs) = (case("dense_bits4", "model.h5"), case("dense_bits4", "inputs.npz"));
    let trace = case("dense_bits4", "trace.npz");
    let labels = folder.path().join("labels.npy");
    let run = |labels: &Path, reference: &Path, more: &[&str]| {
        let mut arguments = vec![
            "run".as_ref(),
            model.as_os_str(),
            "--input".as_ref(),
            inputs.as_os_str(),
            "--labels".as_ref(),
            labels.as_os_str(),
            "--reference".as_ref(),
            reference.as_os_str(),
        ];
        arguments.extend(more.iter().map(|word| std::ffi::OsStr::new(*word)));
        bitkiln(&arguments)
    };
    let samples = NpzReader::new(File::open(&inputs)?)?
        .by_index::<ndarray::OwnedRepr<f32>, ndarray::IxDyn>(0)?
        .shape()[0];
    write_npy(&labels, &ArrayD::<i64>::zeros(vec![samples]))?;
    let ran = text(&run(&labels, &trace, &[])?);
    assert!(ran.contains(&format!("of {samples} correct (")), "{ran}");
    assert!(ran.contains("label 0 1") && ran.contains("AUC"), "{ran}");
    assert!(ran.contains("values equal, largest error 0.0000e0, mean error 0.0000e0"), "{ran}");
    let json: serde_json::Value =
        serde_json::from_slice(&run(&labels, &trace, &["--json"])?.stdout)?;
    assert_eq!(json["accuracy"][0]["rows"], samples);
    assert_eq!(json["agreement"][0]["largest_error"], 0.0);
    write_npy(&labels, &ArrayD::<i64>::zeros(vec![samples + 1]))?;
    let ran = run(&labels, &trace, &[])?;
    assert_eq!(ran.status.code(), Some(2), "{}", text(&ran));
    assert!(text(&ran).contains("the labels have the shape"), "{}", text(&ran));
    Ok(())
}

#[test]
fn traces_hold_every_layer_and_outputs_only_the_outputs() -> Outcome {
    let folder = tempfile::tempdir()?;
    let output = folder.path().join("y.npz");
    let model = case("net_mlp_softmax", "model.h5");
    let inputs = case("net_mlp_softmax", "inputs.npz");
    let mut arguments = vec![
        "run".as_ref(),
        model.as_os_str(),
        "--input".as_ref(),
        inputs.as_os_str(),
        "--output".as_ref(),
        output.as_os_str(),
        "--input-type".as_ref(),
        "input_1=fixed<8,1>".as_ref(),
    ];
    let ran = bitkiln(&arguments)?;
    assert!(ran.status.success(), "{}", text(&ran));
    assert_eq!(NpzReader::new(File::open(&output)?)?.names()?, ["softmax"]);

    arguments.push("--trace".as_ref());
    let ran = bitkiln(&arguments)?;
    assert!(ran.status.success(), "{}", text(&ran));
    let mut trace = NpzReader::new(File::open(&output)?)?;
    let mut expected = NpzReader::new(File::open(case("net_mlp_softmax", "trace.npz"))?)?;
    let names = trace.names()?;
    for layer in ["fc1", "relu1", "fc2", "relu2", "fc3", "logits", "softmax"] {
        let file = layer.to_string();
        assert!(names.contains(&file), "{names:?}");
        let found: ArrayD<f64> = trace.by_name(&file)?;
        let expected: ArrayD<f32> = expected.by_name(&file)?;
        assert_eq!(found.shape(), expected.shape());
        let near = found.iter().zip(&expected).all(|(a, b)| (a - f64::from(*b)).abs() < 2e-3);
        assert!(near, "{layer}");
    }
    Ok(())
}

/// The trace of a function that is fused into the following quantizer has the function's own values.
#[test]
fn traces_show_functions_before_quantizers() -> Outcome {
    let folder = tempfile::tempdir()?;
    let output = folder.path().join("y.npz");
    let [model, inputs, trace] =
        ["model.h5", "inputs.npz", "trace.npz"].map(|file| case("functions_quantized", file));
    let ran = bitkiln(&[
        "run".as_ref(),
        model.as_os_str(),
        "--input".as_ref(),
        inputs.as_os_str(),
        "--output".as_ref(),
        output.as_os_str(),
        "--input-type".as_ref(),
        "fixed<10,4>".as_ref(),
        "--trace".as_ref(),
    ])?;
    assert!(ran.status.success(), "{}", text(&ran));
    let mut found = NpzReader::new(File::open(&output)?)?;
    let mut expected = NpzReader::new(File::open(&trace)?)?;
    for layer in ["tanh.npy", "swish.npy", "inside.npy"] {
        let found: ArrayD<f64> = found.by_name(layer)?;
        let expected: ArrayD<f32> = expected.by_name(layer)?;
        let near = |(a, b): (&f64, &f32)| (a - f64::from(*b)).abs() < 1e-6;
        assert!(found.iter().zip(&expected).all(near), "{layer}");
    }
    Ok(())
}

/// The case was trained after `set_internal_sigmoid("smooth")`, which its file does not state.
#[test]
fn the_sigmoid_of_qkeras_is_an_option() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (output, config) = (folder.path().join("y.npz"), folder.path().join("c.yml"));
    std::fs::write(&config, "Model: {InternalSigmoid: smooth}")?;
    let model = case("sigmoid_smooth", "model.h5");
    let input = case("sigmoid_smooth", "inputs.npz");
    let mut expected = NpzReader::new(File::open(case("sigmoid_smooth", "trace.npz"))?)?;
    let expected: ArrayD<f32> = expected.by_name("a0.npy")?;
    let config = config.to_string_lossy();
    let cases: [(&[&str], bool); 4] = [
        (&["--sigmoid", "smooth"], true),
        (&["--config", &config], true),
        (&["--config", &config, "--sigmoid", "hard"], false),
        (&[], false),
    ];
    for (options, is_same) in cases {
        let mut arguments = vec!["run".as_ref(), model.as_os_str()];
        arguments.extend(["--input".as_ref(), input.as_os_str()]);
        arguments.extend(["--output".as_ref(), output.as_os_str()]);
        arguments.extend(["--input-type", "fixed<10,4>"].map(std::ffi::OsStr::new));
        arguments.extend(options.iter().map(std::ffi::OsStr::new));
        let ran = bitkiln(&arguments)?;
        assert!(ran.status.success(), "{}", text(&ran));
        let found: ArrayD<f64> = NpzReader::new(File::open(&output)?)?.by_name("a0.npy")?;
        let near = |(a, b): (&f64, &f32)| (a - f64::from(*b)).abs() < 1e-3;
        assert_eq!(found.iter().zip(&expected).all(near), is_same, "{options:?}");
    }
    Ok(())
}

#[test]
fn values_off_the_grid_are_counted() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (input, output) = (folder.path().join("x.npy"), folder.path().join("y.npz"));
    // LSB 1/64: 0.01 is rounded, 9 and -9 saturate, one zero and 12 others lie on the grid.
    let mut samples = Array2::<f32>::zeros((1, 16));
    samples.row_mut(0).slice_mut(ndarray::s![..4]).assign(&array![0.01, 9.0, -9.0, 0.5]);
    write_npy(&input, &samples)?;
    let model = case("act_relu6", "model.h5");
    let ran = bitkiln(&[
        "run".as_ref(),
        model.as_os_str(),
        "--input".as_ref(),
        input.as_os_str(),
        "--output".as_ref(),
        output.as_os_str(),
        "--input-type".as_ref(),
        "fixed<10,4>".as_ref(),
    ])?;
    assert!(ran.status.success(), "{}", text(&ran));
    let note = "of 16 values, 1 were rounded to fixed<10,4> and 2 saturated";
    assert!(text(&ran).contains(note), "{}", text(&ran));
    let mut written = NpzReader::new(File::open(&output)?)?;
    let y: ArrayD<f64> = written.by_name("act.npy")?;
    assert_eq!(y.iter().take(4).copied().collect::<Vec<_>>(), [0.0, 3.9375, 0.0, 0.5]);
    Ok(())
}

#[test]
fn results_beyond_float64_are_named() -> Outcome {
    let folder = tempfile::tempdir()?;
    let ran = |width: &str| {
        bitkiln(&[
            "run".as_ref(),
            case("dense_bits4", "model.h5").as_os_str(),
            "--input".as_ref(),
            case("dense_bits4", "inputs.npz").as_os_str(),
            "--output".as_ref(),
            folder.path().join("y.npz").as_os_str(),
            "--trace".as_ref(),
            "--input-type".as_ref(),
            width.as_ref(),
        ])
    };
    let words = "float64 holds its values to 53 bits only";
    assert!(text(&ran("fixed<60,4>")?).contains(words), "{}", text(&ran("fixed<60,4>")?));
    assert!(!text(&ran("fixed<16,4>")?).contains(words));
    Ok(())
}

#[test]
fn nobody_need_read_the_messages() -> Outcome {
    let (reader, writer) = std::io::pipe()?;
    drop(reader);
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("bitkiln"));
    let status = command.args(["inspect", "nothing.h5"]).stderr(writer).status()?;
    assert_eq!(status.code(), Some(2));
    Ok(())
}

/// Types that are too small for their results warn, with the number of values that wrap.
#[test]
fn results_that_wrap_are_counted() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (config, output) = (folder.path().join("c.yml"), folder.path().join("y.npz"));
    std::fs::write(&config, "LayerType: {Add: {Precision: {result: 'fixed<4,2>'}}}")?;
    let [model, input] = ["model.h5", "inputs.npz"].map(|file| case("net_resnet", file));
    let mut arguments = vec!["run".as_ref(), model.as_os_str(), "--input".as_ref()];
    arguments.extend([input.as_os_str(), "--output".as_ref(), output.as_os_str()]);
    arguments.extend(["--config".as_ref(), config.as_os_str()]);
    let ran = bitkiln(&arguments)?;
    assert!(ran.status.success(), "{}", text(&ran));
    let warning = "warning: layer 'add1': result precision fixed<4,2> cannot hold the range \
                   [-38.9501953125, 37.5322265625]; values wrap; 14185 of 18432 values do so in these \
                   samples. Use fixed<9,7> or set overflow SAT.";
    assert!(text(&ran).contains(warning), "{}", text(&ran));

    arguments.push("--json".as_ref());
    let ran = bitkiln(&arguments)?;
    let json: serde_json::Value = serde_json::from_slice(&ran.stdout)?;
    assert_eq!(json["samples"], 16);
    let diagnostic = |key: &str| json["diagnostics"][0][key].as_str().map(str::to_owned);
    assert_eq!(diagnostic("severity").as_deref(), Some("warning"));
    assert_eq!(diagnostic("layer").as_deref(), Some("add1"));
    assert_eq!(diagnostic("code").as_deref(), Some("result-overflow"));
    assert_eq!(diagnostic("help").as_deref(), Some("Use fixed<9,7> or set overflow SAT."));
    Ok(())
}

/// An input shape that the file leaves open, and the sparsity of a pruned model.
#[test]
fn shapes_and_notes_of_files() -> Outcome {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("hls_tests/front/fixtures/none1d.h5");
    let inspect = |shape: &[&str]| {
        let mut arguments = vec!["inspect", model.to_str().ok_or("a path")?];
        arguments.extend(shape);
        bitkiln(&arguments)
    };
    let open = inspect(&[])?;
    assert_eq!(open.status.code(), Some(2));
    assert!(text(&open).contains("pass --input-shape N,4 with a number for N"), "{}", text(&open));
    let closed = inspect(&["--input-shape", "128,4"])?;
    assert!(closed.status.success(), "{}", text(&closed));
    assert!(text(&closed).contains("128x4"), "{}", text(&closed));
    let wrong = inspect(&["--input-shape", "128x4"])?;
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong).contains("'128x4' is not a shape"), "{}", text(&wrong));

    let pruned = bitkiln(&["inspect".as_ref(), case("pruned_nested", "model.h5").as_os_str()])?;
    assert!(text(&pruned).contains("note: pruned layers: "), "{}", text(&pruned));
    Ok(())
}

#[test]
fn one_output_is_written_as_npy() -> Outcome {
    let folder = tempfile::tempdir()?;
    let run = |name: &str, more: &[&str]| {
        let [model, inputs] = ["model.h5", "inputs.npz"].map(|file| case(name, file));
        let output = folder.path().join("y.npy");
        let mut arguments = vec!["run".as_ref(), model.as_os_str(), "--input".as_ref()];
        arguments.extend([inputs.as_os_str(), "-o".as_ref(), output.as_os_str()]);
        arguments.extend(more.iter().map(std::ffi::OsStr::new));
        bitkiln(&arguments)
    };
    let ran = run("act_relu6", &["--input-type", "fixed<10,4>"])?;
    assert!(ran.status.success(), "{}", text(&ran));
    let y: ArrayD<f64> = ndarray_npy::read_npy(folder.path().join("y.npy"))?;
    assert_eq!(y.ndim(), 2);
    std::fs::remove_file(folder.path().join("y.npy"))?;

    let several = ".npy holds one array, not those of a model with 2 outputs";
    for (name, more, words) in [
        ("pool_mix", &[][..], several),
        ("act_relu6", &["--trace"][..], ".npy holds one array, not those of --trace"),
    ] {
        let ran = run(name, more)?;
        assert_eq!(ran.status.code(), Some(2), "{}", text(&ran));
        assert!(text(&ran).contains(words) && text(&ran).contains(".npz"), "{}", text(&ran));
        assert!(!folder.path().join("y.npy").exists());
    }
    Ok(())
}

/// A shape that does not fit is all that is said of the samples.
#[test]
fn samples_of_another_shape_are_not_counted() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (input, output) = (folder.path().join("x.npy"), folder.path().join("y.npz"));
    write_npy(&input, &Array2::from_elem((3, 5), 0.3f32))?;
    let model = case("dense_bits4", "model.h5");
    let mut arguments = vec!["run".as_ref(), model.as_os_str(), "--input".as_ref()];
    arguments.extend([input.as_os_str(), "--output".as_ref(), output.as_os_str()]);
    let ran = bitkiln(&arguments)?;
    assert!(text(&ran).contains("has the shape [3, 5]"), "{}", text(&ran));
    assert!(!text(&ran).contains("rounded"), "{}", text(&ran));
    Ok(())
}

/// `numpy.savez(file, a, b)` names its arrays by their positions.
#[test]
fn arrays_without_names_are_the_inputs_in_order() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("positional.npz");
    let run =
        |file: &Path| -> Result<(std::process::Output, ArrayD<f64>), Box<dyn std::error::Error>> {
            let output = folder.path().join("y.npz");
            let model = case("net_mlp_softmax", "model.h5");
            let arguments =
                ["run".as_ref(), model.as_os_str(), "--input".as_ref(), file.as_os_str()];
            let ran = bitkiln(&[&arguments[..], &["-o".as_ref(), output.as_os_str()]].concat())?;
            assert!(ran.status.success(), "{}", text(&ran));
            Ok((ran, NpzReader::new(File::open(&output)?)?.by_name("softmax")?))
        };
    let named = case("net_mlp_softmax", "inputs.npz");
    let samples: ArrayD<f32> = NpzReader::new(File::open(&named)?)?.by_name("input_1")?;
    write_npz(&file, &[("arr_0", samples.mapv(f64::from))])?;
    let (ran, found) = run(&file)?;
    assert!(!text(&ran).contains("is no input"), "{}", text(&ran));
    assert_eq!(found, run(&named)?.1);
    Ok(())
}

#[test]
fn the_speed_of_every_step_is_measured() -> Outcome {
    let model = case("act_relu6", "model.h5");
    let bench = |more: &[&str]| {
        let mut arguments = vec!["bench".as_ref(), model.as_os_str(), "--seconds".as_ref()];
        arguments
            .extend(["0.001".as_ref()].into_iter().chain(more.iter().map(std::ffi::OsStr::new)));
        bitkiln(&arguments)
    };
    let table = bench(&[])?;
    assert!(table.status.success(), "{}", text(&table));
    assert!(text(&table).contains("samples/s"), "{}", text(&table));
    for more in [&["--json", "--batch", "3"][..], &["--json", "--batch", "3", "--reference"]] {
        let found = bench(more)?;
        let found: serde_json::Value = serde_json::from_slice(&found.stdout)?;
        assert_eq!(found["batches"][0]["samples"], 3);
        assert!(found["batches"][0]["rate"].as_f64().is_some_and(|rate| rate > 0.0));
    }
    Ok(())
}

/// A file that is run a few samples at a time gives the same results, comparisons and notes.
#[test]
fn parts_of_a_file_give_the_results_of_the_whole() -> Outcome {
    let folder = tempfile::tempdir()?;
    for (name, more) in
        [("net_mlp_softmax", &[][..]), ("rnn_stateful", &[]), ("merges", &["--trace"])]
    {
        let files = ["model.h5", "inputs.npz", "trace.npz"].map(|file| case(name, file));
        let run = |file: &str, chunk: &[&str]| {
            let path = folder.path().join(file);
            let mut arguments = vec![
                "run".as_ref(),
                files[0].as_os_str(),
                "--input".as_ref(),
                files[1].as_os_str(),
                "--reference".as_ref(),
                files[2].as_os_str(),
                "-o".as_ref(),
                path.as_os_str(),
            ];
            arguments.extend(more.iter().chain(chunk).map(|word| std::ffi::OsStr::new(*word)));
            let output = bitkiln(&arguments)?;
            assert!(output.status.success(), "{}", text(&output));
            let said = text(&output).replace(file, "FILE");
            Ok::<_, Box<dyn std::error::Error>>((said, bitkiln::front::read_arrays(&path)?))
        };
        let whole = run("whole.npz", &[])?;
        for chunk in ["1", "7"] {
            assert_eq!(run("parts.npz", &["--chunk", chunk, "--quiet"])?, whole, "{name}");
        }
    }
    Ok(())
}
