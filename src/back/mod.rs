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

pub use crate::config::Backend;
pub use error::BackError;
pub use files::{File, files};
pub use headers::Headers;
pub use manifest::{Manifest, ModelFile, Port, TypeEntry};
pub use vectors::Vectors;
pub use verify::{Verdict, VerifyError, find_headers, verify};
pub use write::{WriteOptions, write};

use crate::fixed::Quantization;

/// A type in the words of `backend`: `ap_fixed<6, 3, AP_RND_CONV, AP_SAT>`; `None` if it has no such
/// mode.
pub fn spelled(backend: Backend, quantization: &Quantization) -> Option<String> {
    files::dialect(backend).spell(quantization)
}
