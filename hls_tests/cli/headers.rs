//! The search for the vendors' headers.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

use super::{Outcome, build, text};

/// Environment variables that name folders of headers.
const VARIABLES: [&str; 6] = [
    "BITKILN_VENDOR_HEADERS",
    "XILINX_HLS",
    "XILINX_VITIS",
    "XILINX_VITIS_HLS",
    "MGC_HOME",
    "PYTHONPATH",
];

/// A project, and a compiler that records its arguments and fails.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        for backend in ["vitis", "catapult"] {
            let project = folder.path().join(backend);
            let built = build("act_bits", "model.h5", &project, &["--backend", backend])?;
            assert!(built.status.success(), "{}", text(&built));
        }
        let script = "printf '%s\\n' \"$@\" > arguments\nexit 1\n";
        fs::write(folder.path().join("compiler.sh"), script)?;
        Ok(Self { folder })
    }

    /// A folder for headers below `home`, with the header that identifies one.
    fn headers(
        &self,
        home: &str,
        below: &str,
        header: &str,
    ) -> Result<(PathBuf, PathBuf), Box<dyn std::error::Error>> {
        let home = self.folder.path().join(home);
        let place = home.join(below);
        fs::create_dir_all(&place)?;
        fs::write(place.join(header), "")?;
        Ok((home, place))
    }

    /// Verifies the project of a back end with the vendor's headers.
    fn verify(&self, backend: &str) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("bitkiln"));
        command.args(["verify", backend, "--headers", "vendor"]).current_dir(self.folder.path());
        for variable in VARIABLES {
            command.env_remove(variable);
        }
        let compiler = self.folder.path().join("compiler.sh");
        command.env("CXX", format!("sh {}", compiler.display()));
        command.env("NO_COLOR", "1");
        command
    }

    /// The include folder among the compiler's arguments.
    fn included(&self) -> Result<PathBuf, Box<dyn std::error::Error>> {
        let noted = self.folder.path().join("arguments");
        let arguments = fs::read_to_string(&noted)?;
        fs::remove_file(noted)?;
        let place = arguments.lines().skip_while(|line| *line != "-I").nth(1);
        Ok(Path::new(place.ok_or("no -I")?).to_owned())
    }
}

#[test]
fn installations_and_packages_are_searched() -> Outcome {
    let bench = Bench::new()?;
    let (ap, ac) = ("ap_fixed.h", "ac_fixed.h");
    for (number, (backend, variable, below, header)) in [
        ("vitis", "BITKILN_VENDOR_HEADERS", "", ap),
        ("vitis", "BITKILN_VENDOR_HEADERS", "ap_types", ap),
        ("catapult", "BITKILN_VENDOR_HEADERS", "ac_types", ac),
        ("catapult", "BITKILN_VENDOR_HEADERS", "ac_types/include", ac),
        ("vitis", "XILINX_HLS", "include", ap),
        ("vitis", "XILINX_VITIS", "include", ap),
        ("vitis", "XILINX_VITIS_HLS", "include", ap),
        ("catapult", "MGC_HOME", "shared/include", ac),
        ("vitis", "PYTHONPATH", "hls4ml/templates/vivado/ap_types", ap),
        ("catapult", "PYTHONPATH", "hls4ml/templates/catapult/ac_types/include", ac),
    ]
    .into_iter()
    .enumerate()
    {
        let (home, place) = bench.headers(&format!("home{number}"), below, header)?;
        if variable == "PYTHONPATH" {
            fs::write(home.join("hls4ml/__init__.py"), "raise ImportError('found, not loaded')")?;
        }
        let ran = bench.verify(backend).env(variable, &home).output()?;
        assert_eq!(ran.status.code(), Some(2), "{}", text(&ran));
        assert_eq!(bench.included()?, place.canonicalize()?, "{variable}, {below}");
    }
    Ok(())
}

/// A named folder is the only one searched; an installation comes before the working directory.
#[test]
fn what_is_named_comes_first() -> Outcome {
    let bench = Bench::new()?;
    let header = "ap_fixed.h";
    let (_, cached) = bench.headers(".cache/vendor", "ap_types", header)?;
    bench.verify("vitis").output()?;
    assert_eq!(bench.included()?, cached.canonicalize()?);
    let (home, installed) = bench.headers("xilinx", "include", header)?;
    bench.verify("vitis").env("XILINX_HLS", &home).output()?;
    assert_eq!(bench.included()?, installed.canonicalize()?);
    // An installation without headers and an empty variable are skipped.
    bench.verify("vitis").env("XILINX_HLS", "nowhere").env("XILINX_VITIS", "").output()?;
    assert_eq!(bench.included()?, cached.canonicalize()?);
    let named = bench.verify("vitis").env("BITKILN_VENDOR_HEADERS", "nowhere").output()?;
    assert_eq!(named.status.code(), Some(2));
    assert!(text(&named).contains("no headers of Vitis HLS found"), "{}", text(&named));
    Ok(())
}

#[test]
fn every_place_is_named_where_there_are_none() -> Outcome {
    let bench = Bench::new()?;
    // No Python either, which may have the package.
    let ran = bench.verify("catapult").env("MGC_HOME", "gone").env("PATH", "nowhere").output()?;
    assert_eq!(ran.status.code(), Some(2));
    for word in ["gone/shared/include", ".cache/vendor/ac_types", "BITKILN_VENDOR_HEADERS"] {
        let folded = text(&ran).replace(' ', "");
        assert!(folded.contains(word), "no '{word}' in: {folded}");
    }
    Ok(())
}

#[test]
fn a_folder_for_scratch_is_needed() -> Outcome {
    let bench = Bench::new()?;
    let (home, _) = bench.headers("home", "", "ap_fixed.h")?;
    let mut command = bench.verify("vitis");
    let ran = command.env("BITKILN_VENDOR_HEADERS", home).env("TMPDIR", "nowhere").output()?;
    assert_eq!(ran.status.code(), Some(2));
    assert!(text(&ran).contains("cannot use the folder nowhere"), "{}", text(&ran));
    Ok(())
}
