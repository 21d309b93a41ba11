//! Arrays in NumPy's files: samples in, results out.

mod npy;

use std::io::{BufWriter, Write};
use std::path::Path;

use ndarray::ArrayD;
use ndarray_npy::NpzWriter;

use super::archive::Archive;
use super::content::Content;
use super::error::{FrontError, Located, Problem};

/// The arrays in a file, as `float64` numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrays {
    /// What `numpy.save` writes: one array without a name.
    One(ArrayD<f64>),
    /// What `numpy.savez` writes: arrays by name, in the order of the file.
    Named(Vec<(String, ArrayD<f64>)>),
}

/// Reads `.npy` and `.npz` files of float16, float32, float64, integer and bool arrays. Which of
/// the two a file is, its content tells.
///
/// Integers beyond 2^53 are rounded to the nearest `float64`; all other numbers are exact.
///
/// # Errors
/// If the file cannot be read, is damaged, or holds something else.
pub fn read_arrays(path: &Path) -> Result<Arrays, FrontError> {
    match Content::read(path)? {
        Content::Npy(bytes) => npy::parse(&bytes).map(Arrays::One).located(path),
        Content::Zip(bytes) => archived(bytes).map(Arrays::Named).located(path),
        other => Err(Problem::NoArrays { found: other.name() }.at(path)),
    }
}

fn archived(bytes: Vec<u8>) -> Result<Vec<(String, ArrayD<f64>)>, Problem> {
    let mut archive = Archive::open(bytes)?;
    let mut arrays = vec![];
    for entry in archive.names()? {
        let array = npy::parse(&archive.entry(&entry)?);
        let array = array.map_err(|problem| problem.inside(&entry))?;
        // As numpy.load names them.
        let name = entry.strip_suffix(".npy").unwrap_or(&entry);
        arrays.push((name.to_owned(), array));
    }
    Ok(arrays)
}

/// Writes arrays as `numpy.savez` does. The file appears whole or not at all; one that was there
/// before is replaced.
///
/// # Errors
/// If the file cannot be written.
pub fn write_npz(path: &Path, arrays: &[(&str, ArrayD<f64>)]) -> Result<(), FrontError> {
    let write = || {
        // A link is followed; what is no file (a device, a pipe) is not replaced by one.
        let target = if path.exists() { path.canonicalize()? } else { path.to_owned() };
        if target.exists() && !target.is_file() {
            return Err(std::io::Error::other("it exists and is no regular file"));
        }
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
        let file = beside(folder.unwrap_or(Path::new(".")))?;
        let mut npz = NpzWriter::new(BufWriter::new(file));
        for (name, array) in arrays {
            npz.add_array(*name, array).map_err(std::io::Error::other)?;
        }
        let mut buffer = npz.finish().map_err(std::io::Error::other)?;
        buffer.flush()?;
        let file = buffer.into_inner().map_err(|error| error.into_error())?;
        file.persist(&target)?;
        Ok(())
    };
    write().map_err(|error: std::io::Error| Problem::Unwritable(error).at(path))
}

/// A temporary file in a folder, with the permissions of any new file.
fn beside(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}
