//! Paths that `bitkiln` writes to, and checks that come before it writes.

use std::fs;
use std::process::Command;

use super::{Outcome, bitkiln, build, case, text};

#[test]
fn headers_are_looked_for_before_anything_is_written() -> Outcome {
    let folder = tempfile::tempdir()?;
    let project = folder.path().join("prj");
    let nowhere = folder.path().join("nowhere");
    let headers = nowhere.to_str().ok_or("path")?;
    let output = build("dense_bits4", "model.h5", &project, &["--verify", "--headers", headers])?;
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("no headers of Vitis HLS found"), "{}", text(&output));
    assert!(!project.exists());
    Ok(())
}

#[test]
fn the_working_directory_is_not_exchanged() -> Outcome {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("mine.txt"), "")?;
    for place in [".", ".."] {
        let inside = folder.path().join("inside");
        fs::create_dir_all(&inside)?;
        let output = Command::new(assert_cmd::cargo::cargo_bin!("bitkiln"))
            .current_dir(&inside)
            .arg("build")
            .arg(case("dense_bits4", "model.h5"))
            .args(["-o", place, "--force"])
            .output()?;
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output).contains("is the working directory"), "{}", text(&output));
    }
    assert!(folder.path().join("mine.txt").exists());
    Ok(())
}

#[test]
fn what_is_read_is_not_overwritten() -> Outcome {
    let folder = tempfile::tempdir()?;
    let model = folder.path().join("model.h5");
    let input = folder.path().join("x.npz");
    fs::copy(case("dense_bits4", "model.h5"), &model)?;
    fs::copy(case("dense_bits4", "inputs.npz"), &input)?;
    for output in [&model, &input] {
        let ran = bitkiln(&[
            "run".as_ref(),
            model.as_os_str(),
            "--input".as_ref(),
            input.as_os_str(),
            "--output".as_ref(),
            output.as_os_str(),
        ])?;
        assert_eq!(ran.status.code(), Some(2));
        assert!(text(&ran).contains("which is read"), "{}", text(&ran));
    }
    let ran = bitkiln(&["inspect".as_ref(), model.as_os_str(), "--dot".as_ref(), model.as_ref()])?;
    assert_eq!(ran.status.code(), Some(2));
    assert!(text(&ran).contains("which is read"), "{}", text(&ran));
    assert_eq!(fs::read(&model)?, fs::read(case("dense_bits4", "model.h5"))?);
    Ok(())
}

#[test]
fn compilers_that_fail_are_named() -> Outcome {
    let folder = tempfile::tempdir()?;
    let project = folder.path().join("prj");
    assert!(build("dense_bits4", "model.h5", &project, &[])?.status.success());
    for (compiler, words) in [
        ("/no/such/compiler", "cannot run the C++ compiler '/no/such/compiler'"),
        ("false", "and said nothing"),
    ] {
        let output = Command::new(assert_cmd::cargo::cargo_bin!("bitkiln"))
            .env("CXX", compiler)
            .arg("verify")
            .arg(&project)
            .output()?;
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output).contains(words), "{}", text(&output));
    }
    Ok(())
}

#[test]
fn arrays_of_no_input_are_named() -> Outcome {
    let folder = tempfile::tempdir()?;
    let input = folder.path().join("x.npz");
    let mut npz = ndarray_npy::NpzWriter::new(fs::File::create(&input)?);
    npz.add_array("input_1", &ndarray::Array2::<f64>::zeros((2, 12)))?;
    npz.add_array("labels", &ndarray::Array1::<f64>::zeros(2))?;
    npz.finish()?;
    let ran = bitkiln(&[
        "run".as_ref(),
        case("dense_bits4", "model.h5").as_os_str(),
        "--input".as_ref(),
        input.as_os_str(),
        "--output".as_ref(),
        folder.path().join("y.npz").as_os_str(),
    ])?;
    assert!(ran.status.success(), "{}", text(&ran));
    assert!(text(&ran).contains("'labels' is no input and is left aside"), "{}", text(&ran));
    Ok(())
}
