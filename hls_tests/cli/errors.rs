//! Exit code 2, a message that says what to do, and nothing written.

use std::fs;
use std::path::Path;

use super::{Outcome, bitkiln, build, case, text};

/// Runs and expects exit code 2 with all of `words` in the message.
pub fn refused<A: AsRef<std::ffi::OsStr>>(arguments: &[A], words: &[&str]) -> Outcome {
    let output = bitkiln(arguments)?;
    let printed = text(&output);
    assert_eq!(output.status.code(), Some(2), "{printed}");
    for word in words {
        assert!(printed.contains(word), "no '{word}' in: {printed}");
    }
    assert!(!printed.contains("panicked"), "{printed}");
    Ok(())
}

#[test]
fn files_that_are_no_models() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("model.h5");
    let inspect = |words: &[&str]| refused(&["inspect".as_ref(), path.as_os_str()], words);
    inspect(&["model.h5"])?;
    fs::write(&path, "")?;
    inspect(&["model.h5"])?;
    fs::write(&path, "{\"class_name\": 3}")?;
    inspect(&["model.h5"])?;
    let whole = fs::read(case("dense_bits4", "model.h5"))?;
    fs::write(&path, &whole[..whole.len() / 2])?;
    inspect(&["model.h5"])?;
    refused(&["inspect".as_ref(), folder.path().as_os_str()], &[])
}

#[test]
fn words_that_the_command_line_does_not_know() -> Outcome {
    let model = case("dense_bits4", "model.h5");
    let model = model.as_os_str();
    let inspect = |more: &[&str], words: &[&str]| {
        let mut arguments = vec!["inspect".as_ref(), model];
        arguments.extend(more.iter().map(std::ffi::OsStr::new));
        refused(&arguments, words)
    };
    inspect(&["--input-type", "float32"], &["--input-type float32", "fixed<W,I>"])?;
    inspect(&["--input-type", "fixed<0,0>"], &["1 to 128 bits"])?;
    inspect(&["--input-type", "nope=fixed<8,1>"], &["no input 'nope'", "input_1"])?;
    inspect(&["--softmax", "fast"], &["stable", "skip"])?;
    inspect(&["--config", "does-not-exist.yml"], &["does-not-exist.yml"])?;
    refused(&["build".as_ref(), model], &["no folder", "-o"])?;
    refused(
        &[
            "build".as_ref(),
            model,
            "-o".as_ref(),
            "x".as_ref(),
            "--backend".as_ref(),
            "quartus".as_ref(),
        ],
        &["vitis", "catapult"],
    )?;
    assert!(!Path::new("x").exists());
    Ok(())
}

#[test]
fn samples_that_do_not_fit() -> Outcome {
    let folder = tempfile::tempdir()?;
    let (model, output) = (case("dense_bits4", "model.h5"), folder.path().join("y.npz"));
    let input = folder.path().join("x.npy");
    let run = |words: &[&str]| {
        refused(
            &[
                "run".as_ref(),
                model.as_os_str(),
                "--input".as_ref(),
                input.as_os_str(),
                "--output".as_ref(),
                output.as_os_str(),
            ],
            words,
        )
    };
    run(&["x.npy"])?;
    ndarray_npy::write_npy(&input, &ndarray::Array2::<f32>::zeros((2, 5)))?;
    run(&["input_1", "[12]", "[2, 5]"])?;
    ndarray_npy::write_npy(&input, &ndarray::Array2::<f32>::from_elem((2, 12), f32::NAN))?;
    run(&["NaN", "input_1"])?;
    let mut npz = ndarray_npy::NpzWriter::new(fs::File::create(&input)?);
    npz.add_array("x", &ndarray::Array2::<f32>::zeros((2, 12)))?;
    npz.finish()?;
    run(&["no array for input 'input_1'", "it has: x"])?;
    assert!(!output.exists());
    Ok(())
}

/// An error is all that is printed: no table of a project that is not built.
#[test]
fn nothing_is_built_of_what_is_wrong() -> Outcome {
    let folder = tempfile::tempdir()?;
    let project = folder.path().join("prj");
    let input = folder.path().join("x.npy");
    ndarray_npy::write_npy(&input, &ndarray::Array2::<f32>::zeros((2, 5)))?;
    let input = input.to_str().ok_or("path")?;
    let empty = folder.path().join("empty.npy");
    ndarray_npy::write_npy(&empty, &ndarray::Array2::<f32>::zeros((0, 12)))?;
    let empty = empty.to_str().ok_or("path")?;
    for (more, words) in [
        (["--input", empty], ["empty.npy has no samples", "at least one"]),
        (["--input", input], ["takes samples of the shape [12]", "[2, 5]"]),
        (["--input", "nothing.npy"], ["nothing.npy", ""]),
        (
            ["--clock-period", "-3"],
            ["a clock period of -3 ns", "a number of nanoseconds from 0.001 to 1000000"],
        ),
        (
            ["--clock-period", "0"],
            ["a clock period of 0 ns", "a number of nanoseconds from 0.001 to 1000000"],
        ),
        (["--clock-period", "fast"], ["invalid value 'fast'", "a frequency (200MHz)"]),
        (["--clock-period", "0MHz"], ["invalid value '0MHz'", "a time (5ns, 800ps)"]),
        (["--io", "io_serial"], ["invalid value 'io_serial'", "parallel, stream"]),
        (["--io", "fast"], ["invalid value 'fast'", "parallel, stream"]),
        (["--reuse-factor", "0"], ["invalid value '0'", "--reuse-factor <N>"]),
        (["--strategy", "stable"], ["invalid value 'stable'", "latency, resource"]),
    ] {
        let output = build("dense_bits4", "model.h5", &project, &more)?;
        let printed = text(&output);
        assert_eq!(output.status.code(), Some(2), "{printed}");
        assert!(output.stdout.is_empty(), "{printed}");
        assert!(words.iter().all(|word| printed.contains(word)), "{words:?} not in: {printed}");
        assert!(!project.exists());
    }
    Ok(())
}

#[test]
fn projects_that_are_none() -> Outcome {
    let folder = tempfile::tempdir()?;
    refused(&["verify".as_ref(), folder.path().as_os_str()], &["bitkiln build"])?;
    let project = folder.path().join("prj");
    assert!(build("act_bits", "model.h5", &project, &[])?.status.success());
    let empty = folder.path().join("headers");
    fs::create_dir(&empty)?;
    let arguments =
        ["verify".as_ref(), project.as_os_str(), "--headers".as_ref(), empty.as_os_str()];
    refused(&arguments, &["headers"])?;
    Ok(())
}

#[test]
#[cfg(target_os = "linux")]
fn output_that_cannot_be_written() -> Outcome {
    let model = case("dense_bits4", "model.h5");
    let full = || fs::OpenOptions::new().write(true).open("/dev/full");
    let status = std::process::Command::new(assert_cmd::cargo::cargo_bin!("bitkiln"))
        .args(["inspect".as_ref(), model.as_os_str()])
        .stdout(full()?)
        .stderr(std::process::Stdio::null())
        .status()?;
    assert_eq!(status.code(), Some(2));

    // A device is not replaced by a file.
    let inputs = case("dense_bits4", "inputs.npz");
    let arguments = [
        "run".as_ref(),
        model.as_os_str(),
        "--input".as_ref(),
        inputs.as_os_str(),
        "--output".as_ref(),
        "/dev/null".as_ref(),
    ];
    refused(&arguments, &["no regular file"])?;
    assert!(!fs::metadata("/dev/null")?.is_file());
    Ok(())
}

/// The value of the mask is one of the input's type, so that steps may be skipped.
#[test]
fn masks_that_may_skip_steps_name_their_user() -> Outcome {
    let model = case("rnn_masks", "model.h5");
    let arguments =
        ["inspect".as_ref(), model.as_os_str(), "--input-type".as_ref(), "fixed<8,3>".as_ref()];
    refused(&arguments, &["'mask'", "'rnn' skips each step", "-2", "mask_value"])
}

#[test]
fn layers_of_classes_that_are_not_supported_are_named() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("model.json");
    let layers = r#"{"class_name": "Functional", "config": {"name": "m", "layers": [
        {"class_name": "InputLayer", "config": {"name": "x", "batch_input_shape": [null, 2]},
         "name": "x", "inbound_nodes": []},
        {"class_name": "Conv3D", "config": {"name": "conv", "filters": 1},
         "name": "conv", "inbound_nodes": [[["x", 0, 0, {}]]]}],
        "input_layers": [["x", 0, 0]], "output_layers": [["conv", 0, 0]]}}"#;
    fs::write(&path, layers)?;
    let weights = case("dense_bits4", "model.h5");
    let arguments =
        ["inspect".as_ref(), path.as_os_str(), "--weights".as_ref(), weights.as_os_str()];
    refused(&arguments, &["conv", "Conv3D", "Conv2D", "docs/models.md"])
}
