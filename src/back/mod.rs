//! From a design to the files of a project, and the check of such a project.
//!
//! [`write()`] prints a [`Design`](crate::hls::Design) in a vendor's dialect; [`verify()`] compiles the
//! written project with a plain C++ compiler and compares every output with the vectors in it.
//! A kernel's body is one template below `templates/kernels`, shared by the dialects. What
//! differs between vendors stands in one file each: `vitis.rs` and `catapult.rs`, and the Tcl
//! scripts in the template folders of the same name.

mod catapult;
mod dialect;
mod error;
mod files;
mod headers;
mod kernel;
mod literal;
mod manifest;
pub mod standin;
mod text;
mod vectors;
mod verify;
mod vitis;
mod write;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use error::BackError;
pub use files::{File, files};
pub use headers::Headers;
pub use manifest::{Manifest, ModelFile, Port, TypeEntry};
pub use vectors::Vectors;
pub use verify::{Verdict, VerifyError, verify};
pub use write::{WriteOptions, write};

/// Whose tools a project is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// AMD's Vitis HLS.
    Vitis,
    /// Siemens' Catapult.
    Catapult,
}

impl Backend {
    /// Every back end.
    pub const ALL: [Self; 2] = [Self::Vitis, Self::Catapult];

    /// The name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vitis => "vitis",
            Self::Catapult => "catapult",
        }
    }

    /// The name in a sentence.
    pub fn title(self) -> &'static str {
        match self {
            Self::Vitis => "Vitis HLS",
            Self::Catapult => "Catapult",
        }
    }

    /// The part of a project for which none is chosen: hls4ml's choice.
    pub fn default_part(self) -> &'static str {
        match self {
            Self::Vitis => "xcvu13p-flga2577-2-e",
            Self::Catapult => "xcku115-flvb2104-2-i",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Backend {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|backend| backend.name() == text);
        known.ok_or_else(|| format!("'{text}' is no back end: choose vitis or catapult"))
    }
}
