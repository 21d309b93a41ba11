//! From a design to the files of a project, and the check of such a project.
//!
//! A [`backend::Backend`] emits a [`Design`] as files and verifies a written
//! project. Its one implementation is HLS C++ in a vendor's dialect: a kernel is one template in
//! `templates/kernels`, shared by the dialects; the differences between vendors are in one file
//! each, `vitis.rs` and `catapult.rs`, and in the template folders of the same name. [`write()`] and
//! [`verify()`] work on folders.

pub mod backend;
mod catapult;
mod dialect;
mod files;
mod headers;
mod kernels;
mod manifest;
mod processes;
mod text;
mod vectors;
mod verify;
mod vitis;
mod write;

pub use crate::config::Tool;
pub use backend::BackError;
pub use files::File;
pub use headers::{Headers, standin};
pub use manifest::{Manifest, ModelSource, Port, ProcessEntry, StreamEntry, TypeEntry};
pub use vectors::Vectors;
pub use verify::{
    Comparison, Depths, NetworkTest, NetworkVerdict, Verdict, VerifyError, find_headers,
    read_manifest, verify, verify_observed,
};
pub use write::{WriteOptions, write};

use crate::fixed::Quantization;
use crate::hls::Design;

/// Every file of the project of `design`, the manifest last.
///
/// # Errors
/// If `vectors` are not those of the design, or a type has a mode that the back end lacks.
pub fn files(
    design: &Design,
    backend: Tool,
    vectors: &Vectors,
    model: Option<&ModelSource>,
) -> Result<Vec<File>, BackError> {
    backend::backend(backend).emit(design, vectors, model)
}

/// A type in the words of `backend`: `ap_fixed<6, 3, AP_RND_CONV, AP_SAT>`; `None` if it has no such
/// mode.
pub fn spelled(backend: Tool, quantization: &Quantization) -> Option<String> {
    backend::backend(backend).spell(quantization)
}
