//! Exit codes and files do not depend on who reads standard output and standard error.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Outcome, build, case, text};

/// A pipe that nobody reads.
fn closed() -> std::io::Result<Stdio> {
    let (reader, writer) = std::io::pipe()?;
    drop(reader);
    Ok(writer.into())
}

/// A device that takes nothing.
#[cfg(target_os = "linux")]
fn full() -> std::io::Result<Stdio> {
    Ok(File::options().write(true).open("/dev/full")?.into())
}

/// The exit code of `bitkiln` with these arguments and streams.
fn code(
    arguments: &[&OsStr],
    stdout: Stdio,
    stderr: Stdio,
) -> Result<Option<i32>, Box<dyn std::error::Error>> {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("bitkiln"));
    Ok(command.args(arguments).stdout(stdout).stderr(stderr).status()?.code())
}

/// The files below `folder`, by their paths in it.
fn files(folder: &Path) -> std::io::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = PathBuf::from(path.file_name().unwrap_or_default());
        if path.is_dir() {
            all.extend(files(&path)?.into_iter().map(|(below, text)| (name.join(below), text)));
        } else {
            all.insert(name, fs::read(&path)?);
        }
    }
    Ok(all)
}

#[test]
fn a_mismatch_is_one_whoever_reads() -> Outcome {
    let folder = tempfile::tempdir()?;
    let project = folder.path().join("prj");
    let built = build("act_bits", "model.h5", &project, &[])?;
    assert!(built.status.success(), "{}", text(&built));
    let verify = ["verify".as_ref(), project.as_os_str()];
    assert_eq!(code(&verify, closed()?, closed()?)?, Some(0));

    let expected = project.join("tb_data/act_out.dat");
    let text = fs::read_to_string(&expected)?;
    let (first, rest) = text.split_once(' ').ok_or("one value")?;
    let wrong = u64::from_str_radix(first, 16)? ^ 1;
    fs::write(&expected, format!("{wrong:x} {rest}"))?;
    for more in [&[][..], &["--json".as_ref()]] {
        let verify = [&verify[..], more].concat();
        assert_eq!(code(&verify, closed()?, Stdio::null())?, Some(1));
        assert_eq!(code(&verify, closed()?, closed()?)?, Some(1));
        #[cfg(target_os = "linux")]
        assert_eq!(code(&verify, full()?, Stdio::null())?, Some(1));
    }
    Ok(())
}

#[test]
fn a_project_is_written_whoever_reads() -> Outcome {
    let folder = tempfile::tempdir()?;
    let model = case("act_bits", "model.h5");
    let [read, unread] = ["read", "unread"].map(|name| folder.path().join(name).join("prj"));
    let options: [&[&str]; 4] = [&[], &["--json"], &["--wide"], &["--verify"]];
    for more in options {
        let arguments = |project: &Path| {
            let mut all = vec!["build".into(), model.clone().into_os_string(), "-o".into()];
            all.push(project.as_os_str().to_owned());
            all.extend(more.iter().map(|word| word.into()));
            all
        };
        let built = super::bitkiln(&arguments(&read))?;
        assert!(built.status.success(), "{}", text(&built));
        let expected = files(&read)?;
        let arguments = arguments(&unread);
        let arguments: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).collect();
        assert_eq!(code(&arguments, closed()?, closed()?)?, Some(0), "{more:?}");
        assert_eq!(files(&unread)?, expected, "{more:?}");
        fs::remove_dir_all(&unread)?;

        // A device that is full is an error, of printing only.
        #[cfg(target_os = "linux")]
        {
            assert_eq!(code(&arguments, full()?, closed()?)?, Some(2), "{more:?}");
            assert_eq!(files(&unread)?, expected, "{more:?}");
        }
    }
    Ok(())
}

#[test]
fn every_command_ends_as_if_it_were_read() -> Outcome {
    let folder = tempfile::tempdir()?;
    let output = folder.path().join("y.npz");
    let [model, input] = ["model.h5", "inputs.npz"].map(|file| case("act_bits", file));
    let run = |more: &[&'static str]| {
        let mut all: Vec<&OsStr> = vec!["run".as_ref(), model.as_ref(), "--input".as_ref()];
        all.extend([input.as_os_str(), "-o".as_ref(), output.as_ref()]);
        all.extend(more.iter().map(|word| AsRef::<OsStr>::as_ref(*word)));
        all
    };
    let inspect = |more: &'static str| vec!["inspect".as_ref(), model.as_os_str(), more.as_ref()];
    let words = |words: &'static [&'static str]| words.iter().map(AsRef::as_ref).collect();
    let commands: [(Vec<&OsStr>, i32); 14] = [
        (run(&[]), 0),
        (run(&["--json"]), 0),
        (run(&["--trace"]), 0),
        (inspect("--wide"), 0),
        (inspect("--json"), 0),
        (inspect("--ir"), 0),
        (words(&["quantizers"]), 0),
        (words(&["quantizers", "--json"]), 0),
        (words(&["quantizers", "quantized_relu(4,2)"]), 0),
        (words(&["--help"]), 0),
        (words(&["build", "--help"]), 0),
        (words(&["--version"]), 0),
        (words(&["verify"]), 2),
        (words(&["verify", "nothing"]), 2),
    ];
    for (arguments, expected) in commands {
        assert_eq!(code(&arguments, closed()?, closed()?)?, Some(expected), "{arguments:?}");
        if arguments[0] == "run" {
            fs::remove_file(&output)?;
        }
        #[cfg(target_os = "linux")]
        assert_eq!(code(&arguments, full()?, full()?)?, Some(2), "{arguments:?}");
    }
    Ok(())
}
