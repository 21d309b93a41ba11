//! Bounded access to the content of files: the container format, zip archives, guarded parsers.

use std::cell::Cell;
use std::io::{Cursor, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::error::{FrontError, Located, Problem};

/// Largest file that is read; files are read into memory.
const MAX_FILE_BYTES: u64 = 16 << 30;

/// Largest expansion by deflate, the densest compression that is supported.
pub(super) const MAX_EXPANSION: u64 = 1032;

/// Upper bound on the decompressed bytes of an archive.
const MAX_ARCHIVE_BYTES: u64 = 8 << 30;

const HDF5: &[u8] = b"\x89HDF\r\n\x1a\n";
pub(super) const ZIP: &[u8] = b"PK\x03\x04";
const NPY: &[u8] = b"\x93NUMPY";
const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// The bytes of a file, by container format. The format follows from the first bytes.
pub enum Content {
    /// An HDF5 file.
    Hdf5(Vec<u8>),
    /// A zip archive.
    Zip(Vec<u8>),
    /// A NumPy array.
    Npy(Vec<u8>),
    /// Text that starts with a JSON object or array, without a byte order mark.
    Json(Vec<u8>),
    /// A folder, which may be a SavedModel or an unpacked archive.
    Folder(PathBuf),
    /// The prefix of the files of a TensorFlow checkpoint: PREFIX.index and PREFIX.data-*-of-*.
    Checkpoint(PathBuf),
    /// Any other file.
    Other(Vec<u8>),
}

impl Content {
    /// Reads a regular file, or finds a folder or a checkpoint.
    pub(super) fn read(path: &Path) -> Result<Self, FrontError> {
        if path.is_dir() {
            Ok(Self::Folder(path.to_owned()))
        } else if let Some(prefix) = checkpoint(path) {
            Ok(Self::Checkpoint(prefix))
        } else {
            read_file(path).map(Self::of)
        }
    }

    fn bytes(path: &Path) -> Result<Vec<u8>, Problem> {
        // A device may never end, and opening a pipe may block.
        let metadata = std::fs::metadata(path).map_err(Problem::Unreadable)?;
        if !metadata.is_file() {
            return Err(Problem::Unreadable(std::io::Error::other("not a regular file")));
        }
        if metadata.len() > MAX_FILE_BYTES {
            return Err(Problem::TooLarge { what: "the file".to_owned() });
        }
        let file = std::fs::File::open(path).map_err(Problem::Unreadable)?;
        let mut bytes = Vec::new();
        // The file may grow while it is read.
        file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(Problem::Unreadable)?;
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
        let text = bytes.strip_prefix(UTF8_BOM).unwrap_or(&bytes).trim_ascii_start();
        match text.first() {
            Some(b'{' | b'[') => Self::Json(text.to_vec()),
            _ => Self::Other(bytes),
        }
    }

    /// Describes the content for a message about an unexpected format.
    pub(super) fn description(&self) -> String {
        match self {
            Self::Hdf5(_) => "an HDF5 file".to_owned(),
            Self::Zip(_) => "a zip archive".to_owned(),
            Self::Npy(_) => "a NumPy array".to_owned(),
            Self::Json(_) => "JSON text".to_owned(),
            Self::Folder(_) => "a folder".to_owned(),
            Self::Checkpoint(_) => "a TensorFlow checkpoint".to_owned(),
            Self::Other(bytes) if bytes.is_empty() => "empty".to_owned(),
            Self::Other(bytes) => {
                let start = &bytes[..bytes.len().min(8)];
                format!("starts with \"{}\"", start.escape_ascii())
            }
        }
    }
}

/// The prefix of the checkpoint that `path` names: the prefix itself, which is no file, or its index or
/// one of its data files.
fn checkpoint(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let prefix = match name.strip_suffix(".index") {
        Some(prefix) => prefix,
        None => match name.rsplit_once(".data-") {
            Some((prefix, _)) => prefix,
            None if path.exists() => return None,
            None => name,
        },
    };
    let index = path.with_file_name(format!("{prefix}.index"));
    index.is_file().then(|| path.with_file_name(prefix))
}

/// Reads a regular file.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, FrontError> {
    Content::bytes(path).located(path)
}

/// Reads the bytes of a model: its file, or all files of its folder in the order of their paths.
///
/// # Errors
/// If a file cannot be read.
pub fn model_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    if !path.is_dir() {
        return std::fs::read(path);
    }
    let mut bytes = vec![];
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    entries.sort();
    for entry in entries {
        // A link could lead back here.
        let is_link = entry.symlink_metadata()?.is_symlink();
        if !is_link || entry.is_file() {
            bytes.extend(model_bytes(&entry)?);
        }
    }
    Ok(bytes)
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Returns true while the current thread runs a third-party parser whose panics [`load`](super::load)
/// and [`read_arrays`](super::read_arrays) turn into errors.
///
/// A program may install a panic hook that ignores these panics; the library installs none.
pub fn is_guarded() -> bool {
    GUARDED.try_with(Cell::get).unwrap_or(false)
}

/// Runs a third-party parser; a panic inside becomes the text of an error.
///
/// The parsers are written to return errors. A defect of theirs must not abort a user's process.
pub(super) fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    let outer = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(outer);
    result.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        format!("its parser failed ({})", text.unwrap_or("no message"))
    })
}

/// An archive in memory, or a folder with the files of one.
pub(super) struct Archive {
    source: Source,
    /// Remaining bytes that may be decompressed; entries that share their data share this budget.
    budget: u64,
}

enum Source {
    Zip(ZipArchive<Cursor<Vec<u8>>>),
    Folder(PathBuf),
}

impl Archive {
    pub(super) fn open(bytes: Vec<u8>) -> Result<Self, Problem> {
        let budget = (bytes.len() as u64).saturating_mul(MAX_EXPANSION).min(MAX_ARCHIVE_BYTES);
        let zip = guarded(|| ZipArchive::new(Cursor::new(bytes))).map_err(Problem::Damaged)?;
        let zip = zip.map_err(|error| Problem::Damaged(error.to_string()))?;
        Ok(Self { source: Source::Zip(zip), budget })
    }

    /// The archive that was unpacked into `folder`.
    pub(super) fn unpacked(folder: PathBuf) -> Self {
        Self { source: Source::Folder(folder), budget: MAX_ARCHIVE_BYTES }
    }

    /// Returns the names of the entries, in the archive's order; none of a folder.
    pub(super) fn names(&self) -> Result<Vec<String>, Problem> {
        let Source::Zip(zip) = &self.source else { return Ok(vec![]) };
        let names = zip.file_names().map(|name| name.map(|name| name.into_owned()));
        names.collect::<Result<_, _>>().map_err(|error| Problem::Damaged(error.to_string()))
    }

    /// Reads the entry with exactly this name.
    pub(super) fn entry(&mut self, name: &str) -> Result<Vec<u8>, Problem> {
        let budget = self.budget;
        let zip = match &mut self.source {
            Source::Folder(folder) => {
                let path = folder.join(name);
                return match path.exists() {
                    true => Content::bytes(&path),
                    false => Err(Problem::FileMissing { entry: name.to_owned() }),
                };
            }
            Source::Zip(zip) => zip,
        };
        let read = guarded(|| {
            let entry = zip.by_name(name)?;
            let mut bytes = Vec::new();
            // The size stated by the entry is not trusted, not even as a capacity.
            entry.take(budget.saturating_add(1)).read_to_end(&mut bytes)?;
            Ok(bytes)
        });
        let bytes = read.map_err(Problem::Damaged)?.map_err(|error| match error {
            ZipError::FileNotFound => Problem::EntryMissing { entry: name.to_owned() },
            other => Problem::Damaged(format!("entry '{name}': {other}")),
        })?;
        self.budget = budget
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| Problem::TooLarge { what: format!("entry '{name}'") })?;
        Ok(bytes)
    }
}

/// Returns the zip archive `bytes` with another content of the entry `name`, compressed as before. Other
/// entries are copied as they are.
pub(super) fn with_entry(bytes: Vec<u8>, name: &str, content: &[u8]) -> Result<Vec<u8>, Problem> {
    let copied = guarded(|| {
        let mut from = ZipArchive::new(Cursor::new(bytes))?;
        let mut to = ZipWriter::new(Cursor::new(Vec::new()));
        for index in 0..from.len() {
            let entry = from.by_index_raw(index)?;
            if entry.name()? != name {
                to.raw_copy_file(entry)?;
                continue;
            }
            let options = SimpleFileOptions::default().compression_method(entry.compression());
            to.start_file(name, options)?;
            to.write_all(content)?;
        }
        to.finish()
    });
    let written = copied.map_err(Problem::Damaged)?;
    Ok(written.map_err(|error| Problem::Damaged(error.to_string()))?.into_inner())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::CompressionMethod;
    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;

    #[test]
    fn a_panic_becomes_a_text() {
        assert_eq!(guarded(|| 3), Ok(3));
        let text = guarded(|| -> u8 {
            assert!(is_guarded());
            panic!("index {}", 7)
        });
        assert_eq!(text, Err("its parser failed (index 7)".to_owned()));
        assert!(!is_guarded());
    }

    /// Two entries that share their data are tested by reading one entry twice.
    #[test]
    fn entries_share_one_budget() {
        let mut zip = ZipWriter::new(Cursor::new(vec![]));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        zip.start_file("zeros", options).unwrap();
        zip.write_all(&[0; 1 << 20]).unwrap();
        let mut archive = Archive::open(zip.finish().unwrap().into_inner()).unwrap();
        assert_eq!(archive.names().unwrap(), ["zeros"]);
        assert_eq!(archive.entry("zeros").unwrap().len(), 1 << 20);
        let error = archive.entry("zeros").unwrap_err();
        assert_eq!(error.to_string(), "entry 'zeros' is too large");
        assert!(matches!(archive.entry("ones"), Err(Problem::EntryMissing { .. })));
    }
}
