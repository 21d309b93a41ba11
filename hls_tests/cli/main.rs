//! The program as a user calls it: files in, files out, exit codes.

mod build;
mod color;
mod errors;
mod estimates;
mod hardware;
mod headers;
mod hls4ml;
mod paths;
mod pipes;
mod plain;
mod profile;
mod qtools;
mod quantizers;
mod report;
mod run;
mod signals;
mod synthesis;
mod tampered;
#[path = "../vendors/mod.rs"]
mod vendors;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;

type Outcome = Result<(), Box<dyn Error>>;

/// A file of a reference case.
fn case(name: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("hls_tests/reference").join(name).join(file)
}

/// Runs `bitkiln` with these arguments.
fn bitkiln<A: AsRef<std::ffi::OsStr>>(arguments: &[A]) -> Result<Output, Box<dyn Error>> {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("bitkiln"));
    // Words stay on one line, whatever terminal the test runs in.
    Ok(command.args(arguments).env("NO_COLOR", "1").env("COLUMNS", "1000").output()?)
}

/// The output of the program, errors last, white space folded: long messages are wrapped.
fn text(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    let all = String::from_utf8_lossy(&all).replace('│', " ");
    all.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Builds the project of a reference case.
fn build(
    case_name: &str,
    file: &str,
    project: &Path,
    more: &[&str],
) -> Result<Output, Box<dyn Error>> {
    let model = case(case_name, file);
    let mut arguments = vec!["build".as_ref(), model.as_os_str(), "-o".as_ref(), project.as_ref()];
    arguments.extend(more.iter().map(std::ffi::OsStr::new));
    let output = bitkiln(&arguments)?;
    if output.status.success() {
        assert_eq!(vendors::check(project)?, [""; 0], "{case_name}");
    }
    Ok(output)
}
