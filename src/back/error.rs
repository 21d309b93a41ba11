//! What keeps a project from being written.

use std::path::PathBuf;

/// A design that a dialect cannot say, or a project that cannot be written.
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
    /// The folder has something in it that is not ours.
    #[error("{} exists, and Bitkiln did not write it", .0.display())]
    #[diagnostic(help("choose another folder, or pass --force to write into this one"))]
    NotOurs(PathBuf),
    /// The folder cannot be exchanged for a new one while the program works in it.
    #[error("{} is the working directory, or one around it", .0.display())]
    #[diagnostic(help("name a folder inside of it: -o prj"))]
    WorkingDirectory(PathBuf),
    /// Not a folder at all.
    #[error("{} exists and is no folder", .0.display())]
    #[diagnostic(help("choose another place for the project"))]
    NotAFolder(PathBuf),
    /// The file system refused.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// What was to be written.
        path: PathBuf,
        /// What the system says.
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
