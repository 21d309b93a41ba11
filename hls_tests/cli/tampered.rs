//! A project that was changed after it was written does not verify.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Outcome, bitkiln, build, case, text};

/// Exit code of `verify`.
fn verify(project: &Path) -> Result<(Option<i32>, String), Box<dyn Error>> {
    let output = bitkiln(&["verify".as_ref(), project.as_os_str()])?;
    Ok((output.status.code(), text(&output)))
}

/// Builds, changes one thing in one file, and expects a mismatch.
fn caught(backend: &str, file: &str, change: impl Fn(&str) -> Option<String>) -> Outcome {
    let folder = tempfile::tempdir()?;
    let project = folder.path().join("prj");
    let inputs = case("dense_bits4", "inputs.npz");
    let inputs = inputs.to_str().ok_or("path")?;
    let more = ["--backend", backend, "--input-type", "fixed<8,1>", "--input", inputs];
    let built = build("dense_bits4", "model.h5", &project, &more)?;
    assert!(built.status.success(), "{}", text(&built));
    let (code, printed) = verify(&project)?;
    assert_eq!(code, Some(0), "{printed}");

    let path = find(&project, file)?.ok_or_else(|| format!("no {file}"))?;
    let before = fs::read_to_string(&path)?;
    let after = change(&before).ok_or_else(|| format!("nothing to change in {before}"))?;
    assert_ne!(before, after);
    fs::write(&path, after)?;
    let (code, printed) = verify(&project)?;
    assert_eq!(code, Some(1), "{backend}, {file}: {printed}");
    assert!(!printed.contains(" 0 mismatches"), "{printed}");
    Ok(())
}

/// The file whose name ends in `end`, anywhere in `folder`.
fn find(folder: &Path, end: &str) -> Result<Option<PathBuf>, Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if let Some(found) = find(&path, end)? {
                return Ok(Some(found));
            }
        } else if path.to_string_lossy().ends_with(end) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

#[test]
fn one_weight() -> Outcome {
    for backend in ["vitis", "catapult"] {
        caught(backend, "fc_weights.h", |text| {
            // The list follows the choice between two declarations.
            let start = text.find("#endif")? + "#endif".len();
            let end = start + text[start..].find(',')?;
            Some(format!("{}\n    0.0625{}", &text[..start], &text[end..]))
        })?;
    }
    Ok(())
}

#[test]
fn one_rounding_mode() -> Outcome {
    caught("vitis", "defines.h", |text| Some(text.replacen("AP_RND_CONV", "AP_TRN", 1)))?;
    caught("catapult", "defines.h", |text| Some(text.replacen("AC_RND_CONV", "AC_TRN", 1)))
}

#[test]
fn one_expected_value() -> Outcome {
    for backend in ["vitis", "catapult"] {
        caught(backend, "act_out.dat", |text| {
            let (first, rest) = text.split_once(' ')?;
            let code = u64::from_str_radix(first, 16).ok()?;
            Some(format!("{:x} {rest}", code ^ 1))
        })?;
    }
    Ok(())
}
