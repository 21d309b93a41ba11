//! What a file is, seen from its first bytes.

use std::io::Read;
use std::path::Path;

use super::error::{FrontError, Located, Problem};

/// The largest file that is read: everything is read into memory.
const LARGEST: u64 = 16 << 30;

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
        Self::bytes(path).map(Self::of).located(path)
    }

    fn bytes(path: &Path) -> Result<Vec<u8>, Problem> {
        // A device may never end, and a pipe not even open.
        let about = std::fs::metadata(path).map_err(Problem::Unreadable)?;
        if !about.is_file() {
            return Err(Problem::Unreadable(std::io::Error::other("not a regular file")));
        }
        if about.len() > LARGEST {
            return Err(Problem::TooLarge { what: "the file".to_owned() });
        }
        let file = std::fs::File::open(path).map_err(Problem::Unreadable)?;
        let mut bytes = Vec::new();
        // A file that grows meanwhile is read to a bound all the same.
        file.take(LARGEST).read_to_end(&mut bytes).map_err(Problem::Unreadable)?;
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
