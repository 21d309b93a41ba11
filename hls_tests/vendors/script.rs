//! Runs a project's `build_prj.tcl` under plain tclsh, with stand-ins for the vendor's commands that
//! check arguments and order.

use std::path::Path;
use std::process::Command;

/// The end of a script.
#[derive(Debug)]
pub struct Run {
    /// The exit code that the script chose.
    pub code: Option<i32>,
    pub printed: String,
}

impl Run {
    /// The vendor's commands in their order.
    pub fn calls(&self) -> Vec<&str> {
        self.printed.lines().filter_map(|line| line.strip_prefix("CALL ")).collect()
    }

    pub fn has_called(&self, command: &str) -> bool {
        self.calls().iter().any(|call| call.starts_with(command))
    }
}

/// Runs the script of `project` with `words` in `::argv`, from another folder.
///
/// # Panics
/// If there is no tclsh, or the manifest names another vendor.
pub fn run(project: &Path, words: &[&str], environment: &[(&str, &str)]) -> Run {
    let manifest = std::fs::read_to_string(project.join("bitkiln.json")).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("a manifest");
    let stand_in = manifest["backend"].as_str().expect("a back end");
    let stand_in = format!("{}/hls_tests/vendors/{stand_in}.tcl", env!("CARGO_MANIFEST_DIR"));
    let elsewhere = tempfile::tempdir().expect("a folder");
    let output = Command::new("tclsh")
        .arg(stand_in)
        .arg(project.join("build_prj.tcl"))
        .args(words)
        .env("LIBRARY", "mgc_Xilinx-KINTEX-u-2_beh")
        .env(
            "LIBRARY_PATH",
            "/CONFIG/PARAMETERS/Vivado/PARAMETERS/Xilinx/PARAMETERS/KINTEX-u/PARAMETERS/-2/PARAMETERS/\
             xcku115-flvb2104-2-i/LIBRARIES/mgc_Xilinx-KINTEX-u-2_beh/NAME",
        )
        .env_remove("FAIL")
        .env_remove("SYNTHESISED")
        .envs(environment.iter().copied())
        .current_dir(elsewhere.path())
        .output()
        .unwrap_or_else(|error| panic!("tclsh, which Debian has in its package tcl: {error}"));
    let printed = [&output.stdout[..], &output.stderr[..]].concat();
    Run { code: output.status.code(), printed: String::from_utf8_lossy(&printed).into_owned() }
}
