//! Arrays of files a part at a time: samples that need not fit in memory, and results as they come.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use ndarray::{ArrayD, IxDyn};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::arrays::{Arrays, MAGIC, layout, place, read_arrays};
use super::content::{ZIP, guarded};
use super::element::Element;
use super::error::{FrontError, Located, Problem};
use crate::temporary::Scratch;

/// Bytes of a file that is read as a whole.
const WHOLE: u64 = 64 << 20;

/// Longest header of an array: the largest that NumPy reads.
const HEADER: u64 = 64 << 10;

/// The rows of the arrays of a file, in their order.
pub struct Rows {
    source: Source,
    /// Rows that have been read.
    done: usize,
}

enum Source {
    /// All arrays.
    Whole(Arrays),
    /// The one array of a `.npy` file.
    One(RowReader),
    /// The arrays of a `.npz` file, with the path for messages.
    Named(Vec<(String, RowReader)>),
}

/// An array in a file, row-major, from its next row on.
struct RowReader {
    file: BufReader<File>,
    path: PathBuf,
    element: Element,
    shape: Vec<usize>,
}

impl Rows {
    /// Opens a `.npy` or `.npz` file. A large file is read a part at a time, unless its arrays are
    /// compressed, column-major, or of different lengths.
    ///
    /// # Errors
    /// As of [`read_arrays`].
    pub fn open(path: &Path) -> Result<Self, FrontError> {
        Self::open_larger(path, WHOLE)
    }

    /// As [`Self::open`]; a file is large if it has more than `whole` bytes.
    ///
    /// # Errors
    /// As of [`read_arrays`].
    pub fn open_larger(path: &Path, whole: u64) -> Result<Self, FrontError> {
        let metadata = std::fs::metadata(path).ok();
        let is_large = metadata.is_some_and(|it| it.is_file() && it.len() > whole);
        let parts = if is_large { parts(path).located(path)? } else { None };
        let source = parts.map_or_else(|| read_arrays(path).map(Source::Whole), Ok)?;
        Ok(Self { source, done: 0 })
    }

    /// Number of rows of the first array.
    pub fn len(&self) -> usize {
        let rows = |shape: &[usize]| shape.first().copied().unwrap_or(1);
        match &self.source {
            Source::Whole(Arrays::One(array)) => rows(array.shape()),
            Source::Whole(Arrays::Named(arrays)) => {
                arrays.first().map_or(0, |(_, array)| rows(array.shape()))
            }
            Source::One(array) => rows(&array.shape),
            Source::Named(arrays) => arrays.first().map_or(0, |(_, array)| rows(&array.shape)),
        }
    }

    /// True if the arrays have no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of a row of all arrays as float64; `None` if the file is in memory.
    pub fn row_bytes(&self) -> Option<usize> {
        match &self.source {
            Source::Whole(_) => None,
            Source::One(array) => Some(array.row_bytes()),
            Source::Named(arrays) => Some(arrays.iter().map(|(_, array)| array.row_bytes()).sum()),
        }
    }

    /// The next rows, `rows` at most, or all if the file is in memory; `None` after the last ones. A
    /// file without rows has one part.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn next(&mut self, rows: usize) -> Result<Option<Arrays>, FrontError> {
        let len = self.len();
        if self.done > 0 && self.done >= len {
            return Ok(None);
        }
        let count = rows.clamp(1, (len - self.done).max(1));
        let part = match &mut self.source {
            Source::Whole(arrays) => {
                self.done = len.max(1);
                let none = Arrays::Named(vec![]);
                return Ok(Some(std::mem::replace(arrays, none)));
            }
            Source::One(array) => Arrays::One(array.read(count)?),
            Source::Named(arrays) => {
                let read = |(name, array): &mut (String, RowReader)| {
                    array.read(count).map(|rows| (name.clone(), rows))
                };
                Arrays::Named(arrays.iter_mut().map(read).collect::<Result<_, _>>()?)
            }
        };
        self.done += count;
        Ok(Some(part))
    }
}

impl RowReader {
    /// The array whose file begins at `start` of the file at `path` and has `size` bytes; `None` if it
    /// has no rows one after the other.
    fn at(path: &Path, start: u64, size: u64) -> std::io::Result<Option<Self>> {
        let mut file = BufReader::new(File::open(path)?);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        (&mut file).take(size.min(HEADER)).read_to_end(&mut bytes)?;
        let Some((element, shape, header)) = layout(&bytes) else { return Ok(None) };
        let length = shape.iter().try_fold(element.size() as u64, |all, &axis| {
            all.checked_mul(u64::try_from(axis).ok()?)
        });
        let is_whole = length.and_then(|length| length.checked_add(header as u64)) == Some(size);
        if !is_whole || shape.is_empty() {
            return Ok(None);
        }
        file.seek(SeekFrom::Start(start + header as u64))?;
        Ok(Some(Self { file, path: path.to_owned(), element, shape }))
    }

    /// Elements of a row.
    fn row(&self) -> usize {
        self.shape[1..].iter().product()
    }

    /// Bytes of a row as float64.
    fn row_bytes(&self) -> usize {
        self.row().saturating_mul(size_of::<f64>())
    }

    /// The next rows.
    fn read(&mut self, rows: usize) -> Result<ArrayD<f64>, FrontError> {
        let rows = rows.min(self.shape[0]);
        let mut bytes = vec![0; rows * self.row() * self.element.size()];
        let read = self.file.read_exact(&mut bytes);
        read.map_err(|error| Problem::Unreadable(error).at(&self.path))?;
        let shape: Vec<usize> = [&[rows], &self.shape[1..]].concat();
        let array = ArrayD::from_shape_vec(IxDyn(&shape), self.element.decode(&bytes));
        Ok(array.expect("as many elements as the shape has"))
    }
}

/// The arrays of a file that can be read a part at a time; `None` if they cannot, or the file is
/// damaged, which reading it as a whole explains.
fn parts(path: &Path) -> Result<Option<Source>, Problem> {
    let parts = || {
        let mut file = File::open(path)?;
        let mut start = [0; MAGIC.len()];
        file.read_exact(&mut start)?;
        file.rewind()?;
        if start[..] == *MAGIC {
            let size = file.metadata()?.len();
            return Ok(RowReader::at(path, 0, size)?.map(Source::One));
        }
        match start.starts_with(ZIP) {
            true => stored(path, file),
            false => Ok(None),
        }
    };
    parts().map_err(Problem::Unreadable)
}

/// The arrays of an archive without compression, of one length.
fn stored(path: &Path, file: File) -> std::io::Result<Option<Source>> {
    let Ok(Ok(mut zip)) = guarded(|| ZipArchive::new(BufReader::new(file))) else {
        return Ok(None);
    };
    let mut arrays: Vec<(String, RowReader)> = Vec::new();
    for index in 0..zip.len() {
        let Ok(mut entry) = zip.by_index(index) else { return Ok(None) };
        let (size, name) = (entry.size(), entry.name().map(|name| name.into_owned()));
        let Some((start, name)) = entry.data_start().zip(name.ok()) else { return Ok(None) };
        let is_stored = entry.compression() == CompressionMethod::Stored;
        // The checksum is compared where the entry ends.
        if !is_stored || std::io::copy(&mut entry, &mut std::io::sink()).is_err() {
            return Ok(None);
        }
        let Some(array) = RowReader::at(path, start, size)? else { return Ok(None) };
        let name = name.strip_suffix(".npy").unwrap_or(&name).to_owned();
        arrays.push((name, array));
    }
    let lengths = arrays.iter().map(|(_, array)| array.shape[0]);
    let is_one = lengths.clone().min() == lengths.max();
    Ok((is_one && !arrays.is_empty()).then_some(Source::Named(arrays)))
}

/// A file of arrays that is written a part at a time. It replaces the one at its path when it is
/// finished; on failure the previous one is left as it was.
pub struct ArrayWriter {
    path: PathBuf,
    target: PathBuf,
    scratch: Scratch,
    /// Rows of each array.
    rows: usize,
    arrays: Vec<(String, BufWriter<File>)>,
}

impl ArrayWriter {
    /// A file at `path` for arrays of `rows` rows.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn create(path: &Path, rows: usize) -> Result<Self, FrontError> {
        let place =
            place(path).and_then(|(target, folder)| Ok((target, Scratch::inside(&folder)?)));
        let (target, scratch) = place.map_err(|error| Problem::Unwritable(error).at(path))?;
        Ok(Self { path: path.to_owned(), target, scratch, rows, arrays: vec![] })
    }

    /// Appends rows to each array; the first call names the arrays.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn append(&mut self, arrays: &[(String, ArrayD<f64>)]) -> Result<(), FrontError> {
        self.try_append(arrays).map_err(|error| Problem::Unwritable(error).at(&self.path))
    }

    fn try_append(&mut self, arrays: &[(String, ArrayD<f64>)]) -> std::io::Result<()> {
        if self.arrays.is_empty() {
            for (at, (name, array)) in arrays.iter().enumerate() {
                let mut file = BufWriter::new(File::create(self.part(at))?);
                file.write_all(&header(self.rows, &array.shape()[1..]))?;
                self.arrays.push((name.clone(), file));
            }
        }
        for ((_, file), (_, array)) in self.arrays.iter_mut().zip(arrays) {
            for value in array {
                file.write_all(&value.to_le_bytes())?;
            }
        }
        Ok(())
    }

    /// Puts the file in its place: an array without a name as `numpy.save` writes it if `is_npy`, else an
    /// archive as of `numpy.savez`. The names of the arrays.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn finish(mut self, is_npy: bool) -> Result<Vec<String>, FrontError> {
        let finished = self.try_finish(is_npy);
        finished.map_err(|error| Problem::Unwritable(error).at(&self.path))
    }

    fn try_finish(&mut self, is_npy: bool) -> std::io::Result<Vec<String>> {
        let arrays = std::mem::take(&mut self.arrays);
        let mut names = Vec::with_capacity(arrays.len());
        for (name, file) in arrays {
            file.into_inner().map_err(|error| error.into_error())?;
            names.push(name);
        }
        let held = self.scratch.held();
        let new = match (&names[..], is_npy) {
            ([_], true) => self.part(0),
            _ => {
                let new = self.scratch.path().join("archive");
                let mut zip = ZipWriter::new(BufWriter::new(File::create(&new)?));
                for (at, name) in names.iter().enumerate() {
                    let part = File::open(self.part(at))?;
                    let is_large = part.metadata()?.len() >= u64::from(u32::MAX);
                    let options = SimpleFileOptions::default()
                        .compression_method(CompressionMethod::Stored)
                        .large_file(is_large);
                    zip.start_file(format!("{name}.npy"), options)?;
                    std::io::copy(&mut BufReader::new(part), &mut zip)?;
                    std::fs::remove_file(self.part(at))?;
                }
                zip.finish()?.into_inner().map_err(|error| error.into_error())?;
                new
            }
        };
        std::fs::rename(&new, &self.target)?;
        drop(held);
        Ok(names)
    }

    /// The file of an array.
    fn part(&self, at: usize) -> PathBuf {
        self.scratch.path().join(at.to_string())
    }
}

/// The start of a file of float64 in rows of a shape (`numpy/lib/format.py`, version 1).
fn header(rows: usize, row: &[usize]) -> Vec<u8> {
    let axes: String = [&[rows], row].concat().iter().map(|axis| format!("{axis}, ")).collect();
    let text = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({axes}), }}");
    // Magic number, version and length take 10 bytes; the elements begin at a multiple of 64.
    let padding = 63 - (MAGIC.len() + 4 + text.len()) % 64;
    let text = format!("{text}{}\n", " ".repeat(padding));
    let length = u16::try_from(text.len()).expect("64 axes of 20 digits");
    [MAGIC, &[1, 0], &length.to_le_bytes(), text.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use ndarray::Array;
    use ndarray::Axis;

    use super::*;
    use crate::front::{write_npy, write_npz};

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    /// All parts of a file that is read `chunk` rows at a time, joined, and the rows of each.
    fn joined(path: &Path, whole: u64, chunk: usize) -> Result<(Arrays, Vec<usize>), FrontError> {
        let mut rows = Rows::open_larger(path, whole)?;
        let (mut all, mut counts) = (vec![], vec![]);
        while let Some(part) = rows.next(chunk)? {
            let part = match part {
                Arrays::One(array) => vec![(String::new(), array)],
                Arrays::Named(arrays) => arrays,
            };
            counts.push(part[0].1.shape()[0]);
            if all.is_empty() {
                all = part;
            } else {
                for ((_, all), (_, part)) in all.iter_mut().zip(part) {
                    all.append(Axis(0), part.view()).expect("parts of one array");
                }
            }
        }
        let arrays = match &mut all[..] {
            [(name, array)] if name.is_empty() => Arrays::One(std::mem::take(array)),
            _ => Arrays::Named(all),
        };
        Ok((arrays, counts))
    }

    #[test]
    fn a_file_larger_than_its_budget_is_read_in_parts() -> Outcome {
        let folder = Scratch::temporary()?;
        let (one, named) = (folder.path().join("x.npy"), folder.path().join("x.npz"));
        let array = Array::from_shape_fn((7, 2, 3), |(a, b, c)| (100 * a + 10 * b + c) as f64);
        let array = array.into_dyn();
        let other = Array::from_shape_fn((7, 1), |(a, _)| -(a as f64)).into_dyn();
        write_npy(&one, &array)?;
        write_npz(&named, &[("a", array.clone()), ("b", other.clone())])?;
        for (file, expected) in [
            (&one, Arrays::One(array.clone())),
            (&named, Arrays::Named(vec![("a".into(), array.clone()), ("b".into(), other)])),
        ] {
            for (whole, chunk, parts) in
                [(0, 3, vec![3, 3, 1]), (0, 7, vec![7]), (0, 50, vec![7]), (1 << 20, 3, vec![7])]
            {
                assert_eq!(joined(file, whole, chunk)?, (expected.clone(), parts));
            }
        }
        // Column-major arrays, and arrays of different lengths, are read as a whole.
        let (columns, mixed) = (folder.path().join("t.npy"), folder.path().join("m.npz"));
        write_npy(&columns, &array.clone().reversed_axes())?;
        assert_eq!(joined(&columns, 0, 1)?.1, [3]);
        let short = array.slice_axis(Axis(0), (..2).into()).to_owned();
        write_npz(&mixed, &[("a", array), ("b", short)])?;
        assert_eq!(Rows::open_larger(&mixed, 0)?.row_bytes(), None);
        Ok(())
    }

    #[test]
    fn a_damaged_archive_is_an_error() -> Outcome {
        let folder = Scratch::temporary()?;
        let file = folder.path().join("x.npz");
        write_npz(&file, &[("a", ArrayD::from_elem(vec![40, 3], 1.5))])?;
        let mut bytes = std::fs::read(&file)?;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&file, bytes)?;
        let error = Rows::open_larger(&file, 0).err().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.contains("damaged")));
        Ok(())
    }

    #[test]
    fn parts_are_written_as_one_file() -> Outcome {
        let folder = Scratch::temporary()?;
        let array = Array::from_shape_fn((5, 2), |(a, b)| a as f64 - 0.25 * b as f64).into_dyn();
        let named = |from: usize, to: usize| {
            let part = array.slice_axis(Axis(0), (from..to).into()).to_owned();
            vec![("y".to_owned(), part)]
        };
        for (name, is_npy) in [("y.npy", true), ("y.npz", false)] {
            let path = folder.path().join(name);
            std::fs::write(&path, "previous")?;
            let mut writer = ArrayWriter::create(&path, 5)?;
            for (from, to) in [(0, 2), (2, 2), (2, 5)] {
                writer.append(&named(from, to))?;
            }
            assert_eq!(std::fs::read(&path)?, b"previous");
            assert_eq!(writer.finish(is_npy)?, ["y"]);
            let expected = match is_npy {
                true => Arrays::One(array.clone()),
                false => Arrays::Named(named(0, 5)),
            };
            assert_eq!(read_arrays(&path)?, expected);
        }
        Ok(())
    }
}
