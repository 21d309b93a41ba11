//! The headers of the fixed-point types: the vendors' own, and the built-in ones.

use std::convert::Infallible;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

use super::Tool;

/// The headers that a project is compiled against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Headers {
    /// The built-in ones.
    Builtin,
    /// The vendor's own, searched for in the usual folders.
    Vendor,
    /// The headers in this folder, or in its subfolder `ap_types` or `ac_types`.
    Dir(PathBuf),
}

impl FromStr for Headers {
    type Err = Infallible;

    /// `builtin`, `vendor`, or a folder.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "builtin" => Self::Builtin,
            "vendor" => Self::Vendor,
            folder => Self::Dir(folder.into()),
        })
    }
}

/// A vendor's headers and the folders that may hold them.
struct Known {
    /// The header that the folder must have.
    header: &'static str,
    /// The folder's name where several vendors' headers are kept side by side.
    folder: &'static str,
    /// Environment variables of the vendor's installation, and the headers' folder below.
    installations: &'static [(&'static str, &'static str)],
    /// The headers' folder in the Python package hls4ml.
    in_hls4ml: &'static str,
}

const AP_TYPES: Known = Known {
    header: "ap_fixed.h",
    folder: "ap_types",
    installations: &[
        ("XILINX_HLS", "include"),
        ("XILINX_VITIS", "include"),
        ("XILINX_VITIS_HLS", "include"),
    ],
    in_hls4ml: "templates/vivado/ap_types",
};

const AC_TYPES: Known = Known {
    header: "ac_fixed.h",
    folder: "ac_types",
    installations: &[("MGC_HOME", "shared/include")],
    in_hls4ml: "templates/catapult/ac_types/include",
};

/// The environment variable that names a folder with vendors' headers.
const VARIABLE: &str = "BITKILN_VENDOR_HEADERS";

/// The folder of vendors' headers below the working directory.
const CACHE: &str = ".cache/vendor";

fn known(backend: Tool) -> &'static Known {
    match backend {
        Tool::Vitis => &AP_TYPES,
        Tool::Catapult => &AC_TYPES,
    }
}

/// The first of `places` with the header of `backend`; else the places searched.
fn first_of(
    backend: Tool,
    places: impl IntoIterator<Item = PathBuf>,
) -> Result<PathBuf, Vec<PathBuf>> {
    let mut missed = Vec::new();
    for place in places {
        if place.join(known(backend).header).is_file() {
            return Ok(place);
        }
        missed.push(place);
    }
    Err(missed)
}

/// A folder and its usual subfolders.
fn places_in(folder: &Path, backend: Tool) -> [PathBuf; 3] {
    let own = folder.join(known(backend).folder);
    [folder.to_owned(), own.clone(), own.join("include")]
}

/// The headers in `folder` or in one of its usual subfolders; else the folders searched.
pub(super) fn in_folder(folder: &Path, backend: Tool) -> Result<PathBuf, Vec<PathBuf>> {
    first_of(backend, places_in(folder, backend))
}

/// The vendor's headers; else the folders searched.
pub(super) fn search(backend: Tool) -> Result<PathBuf, Vec<PathBuf>> {
    if let Some(folder) = variable(VARIABLE) {
        // A folder that the user names is the only one searched.
        return in_folder(&folder, backend);
    }
    let known = known(backend);
    let installed = known.installations.iter();
    let installed = installed.filter_map(|(name, below)| Some(variable(name)?.join(below)));
    // Python runs only if nothing else is found.
    let package = std::iter::once_with(hls4ml_package).flatten();
    let package = package.map(|package| package.join(known.in_hls4ml));
    first_of(backend, installed.chain(places_in(Path::new(CACHE), backend)).chain(package))
}

/// The value of an environment variable, if it is set.
fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The folder of the Python package hls4ml, which is not imported.
fn hls4ml_package() -> Option<PathBuf> {
    let find = "import importlib.util as u; s = u.find_spec('hls4ml'); \
                print(s.submodule_search_locations[0] if s else '')";
    let output = Command::new("python3").args(["-c", find]).output().ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    Some(path.trim()).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The vendor's header in `folder`, if it has been precompiled there.
pub(super) fn precompiled(folder: &Path, backend: Tool) -> Option<&'static str> {
    let header = known(backend).header;
    folder.join(format!("{header}.gch")).is_file().then_some(header)
}

/// The help text of an error about missing headers.
pub(super) fn advice(backend: Tool) -> String {
    let known = known(backend);
    let variables: Vec<&str> = known.installations.iter().map(|(name, _)| *name).collect();
    format!(
        "set {VARIABLE} to a folder with {}, or {} to the vendor's installation, or install the \
         Python package hls4ml, or use the headers built in",
        known.header,
        variables.join(" or ")
    )
}

/// The built-in C++ headers, which replace the vendors' own.
///
/// They are C++17, need nothing but g++, keep numbers in native 64 and 128 bit words, and spell
/// everything as the vendors do: a project that compiles against them compiles against `ap_types`
/// or `ac_types` and computes the same bits. `hls_tests/conformance` tests them against both.
pub mod standin {
    /// Every header: its name, its text.
    pub const FILES: &[(&str, &str)] = &[
        ("bitkiln_fixed.h", include_str!("../../templates/standin/bitkiln_fixed.h")),
        ("ap_int.h", include_str!("../../templates/standin/ap_int.h")),
        ("ap_fixed.h", include_str!("../../templates/standin/ap_fixed.h")),
        ("ac_int.h", include_str!("../../templates/standin/ac_int.h")),
        ("ac_fixed.h", include_str!("../../templates/standin/ac_fixed.h")),
        ("bitkiln_stream.h", include_str!("../../templates/standin/bitkiln_stream.h")),
        ("bitkiln_network.h", include_str!("../../templates/standin/bitkiln_network.h")),
        ("hls_stream.h", include_str!("../../templates/standin/hls_stream.h")),
        ("ac_channel.h", include_str!("../../templates/standin/ac_channel.h")),
        ("mc_scverify.h", include_str!("../../templates/standin/mc_scverify.h")),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_precompiled_header_is_the_one_beside_the_vendors_own() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let folder = folder.path();
        assert_eq!(precompiled(folder, Tool::Vitis), None);
        std::fs::write(folder.join("ap_fixed.h.gch"), "")?;
        assert_eq!(precompiled(folder, Tool::Vitis), Some("ap_fixed.h"));
        assert_eq!(precompiled(folder, Tool::Catapult), None);
        Ok(())
    }
}
