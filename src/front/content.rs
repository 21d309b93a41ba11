//! What a file is, seen from its first bytes.

use std::io::Read;
use std::path::Path;

use super::error::{FrontError, Problem};

const HDF5: &[u8] = b"\x89HDF\r\n\x1a\n";
const ZIP: &[u8] = b"PK\x03\x04";
const NPY: &[u8] = b"\x93NUMPY";
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// A file's bytes, by format.
pub(super) enum Content {
    Hdf5(Vec<u8>),
    Zip(Vec<u8>),
    Npy(Vec<u8>),
    /// Text that begins as a JSON object or list does.
    Json(Vec<u8>),
    Other(Vec<u8>),
}

impl Content {
    /// Reads a file whole.
    pub(super) fn read(path: &Path) -> Result<Self, FrontError> {
        Self::bytes(path).map(Self::of).map_err(|error| Problem::Unreadable(error).at(path))
    }

    fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(path)?;
        let about = file.metadata()?;
        // A device or a pipe may never end.
        if !about.is_file() {
            return Err(std::io::Error::other("not a regular file"));
        }
        let mut bytes = Vec::new();
        // One byte more than stated: a file that grows meanwhile is read to a bound all the same.
        file.by_ref().take(about.len().saturating_add(1)).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn of(bytes: Vec<u8>) -> Self {
        if bytes.starts_with(HDF5) {
            return Self::Hdf5(bytes);
        }
        if bytes.starts_with(ZIP) {
            return Self::Zip(bytes);
        }
        if bytes.starts_with(NPY) {
            return Self::Npy(bytes);
        }
        let text = bytes.strip_prefix(UTF8_MARK).unwrap_or(&bytes).trim_ascii_start();
        match text.first() {
            Some(b'{' | b'[') => Self::Json(text.to_vec()),
            _ => Self::Other(bytes),
        }
    }

    /// What it is, for a message that expected something else.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Hdf5(_) => "an HDF5 file".to_owned(),
            Self::Zip(_) => "a zip archive".to_owned(),
            Self::Npy(_) => "a NumPy array".to_owned(),
            Self::Json(_) => "JSON text".to_owned(),
            Self::Other(bytes) if bytes.is_empty() => "an empty file".to_owned(),
            Self::Other(bytes) => {
                let start = &bytes[..bytes.len().min(8)];
                format!("a file that begins with \"{}\"", start.escape_ascii())
            }
        }
    }
}
