//! The interface of a back end, and HLS C++ as its one implementation.

use std::path::{Path, PathBuf};

use super::dialect::Dialect;
use super::files::{self, File};
use super::manifest::{Manifest, ModelSource};
use super::verify::{self, Verdict, VerifyError};
use super::{Headers, Vectors, catapult, vitis};
use crate::config;
use crate::fixed::Quantization;
use crate::hls::Design;
use crate::progress::Observer;

/// A back end: prints a design as the files of a project, and checks such a project.
pub trait Backend: Sync {
    /// Every file of the project of `design`, the manifest last.
    ///
    /// # Errors
    /// If `vectors` are not those of the design, or a type has a mode that the back end lacks.
    fn emit(
        &self,
        design: &Design,
        vectors: &Vectors,
        model: Option<&ModelSource>,
    ) -> Result<Vec<File>, BackError>;

    /// Runs the testbench of the written project `folder`, whose manifest is `manifest`, without a
    /// vendor's tool.
    ///
    /// # Errors
    /// See [`VerifyError`]. Mismatches are no error but a [`Verdict`].
    fn verify(
        &self,
        folder: &Path,
        manifest: &Manifest,
        headers: &Headers,
        observer: &Observer,
    ) -> Result<Verdict, VerifyError>;

    /// A type in the words of the back end: `ap_fixed<6, 3, AP_RND_CONV, AP_SAT>`; `None` if it has
    /// no such mode.
    fn spell(&self, quantization: &Quantization) -> Option<String>;
}

/// The back end that `choice` names.
pub fn backend(choice: config::Tool) -> &'static dyn Backend {
    match choice {
        config::Tool::Vitis => &HlsCpp { dialect: &vitis::Vitis },
        config::Tool::Catapult => &HlsCpp { dialect: &catapult::Catapult },
    }
}

/// The HLS C++ that `choice` names.
pub(super) fn dialect(choice: config::Tool) -> &'static dyn Dialect {
    match choice {
        config::Tool::Vitis => &vitis::Vitis,
        config::Tool::Catapult => &catapult::Catapult,
    }
}

/// HLS C++ in a vendor's dialect.
struct HlsCpp {
    dialect: &'static dyn Dialect,
}

impl Backend for HlsCpp {
    fn emit(
        &self,
        design: &Design,
        vectors: &Vectors,
        model: Option<&ModelSource>,
    ) -> Result<Vec<File>, BackError> {
        files::files(design, self.dialect, vectors, model)
    }

    fn verify(
        &self,
        folder: &Path,
        manifest: &Manifest,
        headers: &Headers,
        observer: &Observer,
    ) -> Result<Verdict, VerifyError> {
        verify::compile_and_run(folder, manifest, headers, observer)
    }

    fn spell(&self, quantization: &Quantization) -> Option<String> {
        self.dialect.spell(quantization)
    }
}

/// A design that a dialect cannot spell, or a project that cannot be written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum BackError {
    /// A rounding or overflow mode that the vendor's types lack.
    #[error("layer '{layer}': {backend} has no type that rounds and limits as {quantization}")]
    #[diagnostic(help("choose another mode for this layer, or the other back end"))]
    Mode {
        /// The layer.
        layer: String,
        /// The type, with its modes.
        quantization: String,
        /// The dialect.
        backend: &'static str,
    },
    /// Vectors that are not those of the design.
    #[error("the test vectors do not fit the network: {0}")]
    #[diagnostic(help("pass the inputs and outputs of one simulation of this very network"))]
    Vectors(String),
    /// The folder has contents that Bitkiln did not write.
    #[error("{} exists, and Bitkiln did not write it", .0.display())]
    #[diagnostic(help("choose another folder, or pass --force to write into this one"))]
    NotOurs(PathBuf),
    /// The folder is, or contains, the working directory, so that it cannot be replaced.
    #[error("{} is the working directory or contains it", .0.display())]
    #[diagnostic(help("name a folder inside it: -o prj"))]
    WorkingDirectory(PathBuf),
    /// No folder.
    #[error("{} exists and is no folder", .0.display())]
    #[diagnostic(help("choose another folder for the project"))]
    NotAFolder(PathBuf),
    /// An error of the file system.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// The file or folder to write.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A template failed: a defect of the program.
    #[error("cannot print the project: {0}")]
    Print(#[from] askama::Error),
    /// The manifest could not be printed: a defect of the program.
    #[error("cannot print the manifest: {0}")]
    Json(#[from] serde_json::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defects_say_what_failed() {
        let print = BackError::from(askama::Error::custom("no such value"));
        assert_eq!(print.to_string(), "cannot print the project: no such value");
        let json = serde_json::from_str::<u8>("x").map_err(BackError::from);
        let json = json.err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(json, "cannot print the manifest: expected value at line 1 column 1");
    }
}
