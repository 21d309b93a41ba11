//! NumPy's `.npy` and `.npz` files: samples in, results out.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use ndarray::{Array, ArrayD, IxDyn, ShapeBuilder};
use ndarray_npy::{NpzWriter, WritableElement, WriteNpyExt};

use super::content::{Archive, Content};
use super::element::{Element, ElementKind};
use super::error::{FrontError, Located, Problem};
use crate::temporary::Scratch;

/// Arrays of a file, as float64.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrays {
    /// A file of `numpy.save`: one array without a name.
    One(ArrayD<f64>),
    /// A file of `numpy.savez`: named arrays, in the order of the file.
    Named(Vec<(String, ArrayD<f64>)>),
}

/// Reads a `.npy` or `.npz` file of float16, float32, float64, integer or bool arrays.
///
/// Integers beyond 2^53 are rounded to the nearest float64; all other numbers are exact.
///
/// # Errors
/// If the file cannot be read, is damaged, or holds other data.
pub fn read_arrays(path: &Path) -> Result<Arrays, FrontError> {
    match Content::read(path)? {
        Content::Npy(bytes) => parse(&bytes).map(Arrays::One).located(path),
        Content::Zip(bytes) => archived(bytes).map(Arrays::Named).located(path),
        other => Err(Problem::NoArrays { found: other.description() }.at(path)),
    }
}

fn archived(bytes: Vec<u8>) -> Result<Vec<(String, ArrayD<f64>)>, Problem> {
    let mut archive = Archive::open(bytes)?;
    let mut arrays = vec![];
    for entry in archive.names()? {
        let array = parse(&archive.entry(&entry)?);
        let array = array.map_err(|problem| problem.inside(&entry))?;
        // As numpy.load names them.
        let name = entry.strip_suffix(".npy").unwrap_or(&entry);
        arrays.push((name.to_owned(), array));
    }
    Ok(arrays)
}

/// Writes arrays as `numpy.savez` does. The file is replaced atomically: on failure the previous one
/// is left as it was.
///
/// # Errors
/// If the file cannot be written.
pub fn write_npz<T: WritableElement>(
    path: &Path,
    arrays: &[(&str, ArrayD<T>)],
) -> Result<(), FrontError> {
    replace(path, |file| {
        let mut npz = NpzWriter::new(file);
        for (name, array) in arrays {
            npz.add_array(*name, array).map_err(std::io::Error::other)?;
        }
        npz.finish().map(drop).map_err(std::io::Error::other)
    })
}

/// Writes an array as `numpy.save` does; else as [`write_npz`].
///
/// # Errors
/// If the file cannot be written.
pub fn write_npy(path: &Path, array: &ArrayD<f64>) -> Result<(), FrontError> {
    replace(path, |file| array.write_npy(file).map_err(std::io::Error::other))
}

/// Writes `value` as JSON; else as [`write_npz`].
///
/// # Errors
/// If the file cannot be written.
pub fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), FrontError> {
    replace(path, |file| serde_json::to_writer_pretty(file, value).map_err(std::io::Error::other))
}

/// The file that a write to `path` replaces, and its folder.
pub(super) fn place(path: &Path) -> std::io::Result<(PathBuf, PathBuf)> {
    // A link is followed; a device or a pipe is not replaced by a file.
    let target = if path.exists() { path.canonicalize()? } else { path.to_owned() };
    if target.exists() && !target.is_file() {
        return Err(std::io::Error::other("it exists and is no regular file"));
    }
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).to_owned();
    Ok((target, folder))
}

/// Replaces the file at `path` by what `write` writes, or leaves it as it was.
pub(super) fn replace(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> Result<(), FrontError> {
    let replace = || {
        let (target, folder) = place(path)?;
        let scratch = Scratch::inside(&folder)?;
        let held = scratch.held();
        let new = scratch.path().join("new");
        let mut file = BufWriter::new(File::create(&new)?);
        write(&mut file)?;
        file.into_inner().map_err(|error| error.into_error())?;
        std::fs::rename(&new, &target)?;
        drop(held);
        Ok(())
    };
    replace().map_err(|error: std::io::Error| Problem::Unwritable(error).at(path))
}

pub(super) const MAGIC: &[u8] = b"\x93NUMPY";

/// Upper bound on axes in NumPy.
const MAX_AXES: usize = 64;

/// Content of a header.
struct Header<'a> {
    descr: &'a str,
    fortran_order: bool,
    shape: Vec<usize>,
}

/// Parses one array in NumPy's own format (`numpy/lib/format.py`): a magic number, a version, the
/// length of the header, the header as a Python dictionary, and the elements.
fn parse(bytes: &[u8]) -> Result<ArrayD<f64>, Problem> {
    let (header, elements) = split(bytes).ok_or_else(|| damaged("has no NumPy header"))?;
    let header = std::str::from_utf8(header).ok().and_then(|text| Text(text).header());
    let header = header.ok_or_else(|| damaged("has an unsupported header"))?;
    let element = element(header.descr)?;
    let length = header.shape.iter().try_fold(element.size(), |all, &axis| all.checked_mul(axis));
    if length != Some(elements.len()) {
        let held = elements.len();
        return Err(damaged(&format!("has shape {:?}, but holds {held} bytes", header.shape)));
    }
    let shape = IxDyn(&header.shape).set_f(header.fortran_order);
    Array::from_shape_vec(shape, element.decode(elements))
        .map_err(|_| damaged("has a shape that is too large"))
}

fn damaged(what: &str) -> Problem {
    Problem::Damaged(format!("the array {what}"))
}

/// Type and shape of a row-major array, and the bytes before its elements; `None` if `bytes` are the start
/// of another file.
pub(super) fn layout(bytes: &[u8]) -> Option<(Element, Vec<usize>, usize)> {
    let (header, elements) = split(bytes)?;
    let header = Text(std::str::from_utf8(header).ok()?).header()?;
    let element = element(header.descr).ok()?;
    (!header.fortran_order).then_some((element, header.shape, bytes.len() - elements.len()))
}

/// Splits a file into the text of the header and the bytes of the elements.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (version, rest) = bytes.strip_prefix(MAGIC)?.split_at_checked(2)?;
    let (length, rest) = match version[0] {
        1 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        }
        2 | 3 => {
            let (length, rest) = rest.split_first_chunk()?;
            (u32::from_le_bytes(*length) as usize, rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// Parses a NumPy type: byte order, kind, bytes.
fn element(descr: &str) -> Result<Element, Problem> {
    let unsupported = || Problem::ElementType { name: descr.to_owned() };
    let mut letters = descr.chars();
    let big_endian = match letters.next() {
        Some('>') => true,
        Some('<' | '|' | '=') => false,
        _ => return Err(unsupported()),
    };
    let kind = match letters.as_str() {
        "f2" => ElementKind::Float16,
        "f4" => ElementKind::Float32,
        "f8" => ElementKind::Float64,
        "i1" => ElementKind::Signed(1),
        "i2" => ElementKind::Signed(2),
        "i4" => ElementKind::Signed(4),
        "i8" => ElementKind::Signed(8),
        "u1" => ElementKind::Unsigned(1),
        "u2" => ElementKind::Unsigned(2),
        "u4" => ElementKind::Unsigned(4),
        "u8" => ElementKind::Unsigned(8),
        "b1" => ElementKind::Bool,
        _ => return Err(unsupported()),
    };
    Ok(Element { kind, big_endian })
}

/// The remaining text of a Python literal.
struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    /// `{'descr': '<f4', 'fortran_order': False, 'shape': (16, 5), }`, the keys in any order.
    fn header(mut self) -> Option<Header<'a>> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        self.take("{")?;
        while self.take("}").is_none() {
            let key = self.quoted()?;
            self.take(":")?;
            match key {
                "descr" => descr = Some(self.quoted()?),
                "fortran_order" => fortran_order = Some(self.boolean()?),
                "shape" => shape = Some(self.tuple()?),
                _ => return None,
            }
            if self.take(",").is_none() {
                self.take("}")?;
                break;
            }
        }
        Some(Header { descr: descr?, fortran_order: fortran_order?, shape: shape? })
    }

    /// Skips blanks, then `word` if it is next.
    fn take(&mut self, word: &str) -> Option<()> {
        let rest = self.0.trim_ascii_start().strip_prefix(word)?;
        self.0 = rest;
        Some(())
    }

    fn quoted(&mut self) -> Option<&'a str> {
        let text = self.0.trim_ascii_start();
        let quote = text.chars().next().filter(|letter| matches!(letter, '\'' | '"'))?;
        let (inside, rest) = text[1..].split_once(quote)?;
        self.0 = rest;
        Some(inside)
    }

    fn boolean(&mut self) -> Option<bool> {
        match self.take("True") {
            Some(()) => Some(true),
            None => self.take("False").map(|()| false),
        }
    }

    fn tuple(&mut self) -> Option<Vec<usize>> {
        let mut axes = vec![];
        self.take("(")?;
        while self.take(")").is_none() {
            let text = self.0.trim_ascii_start();
            let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
            let (digits, rest) = text.split_at(end);
            axes.push(digits.parse().ok()?);
            // Long integers of Python 2.
            self.0 = rest.strip_prefix('L').unwrap_or(rest);
            if axes.len() > MAX_AXES {
                return None;
            }
            if self.take(",").is_none() {
                self.take(")")?;
                break;
            }
        }
        Some(axes)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;

    /// Returns a file of version 1 with a header.
    fn file(header: &str, elements: &[u8]) -> Vec<u8> {
        let length = (header.len() as u16).to_le_bytes();
        [MAGIC, &[1, 0], &length, header.as_bytes(), elements].concat()
    }

    fn header(descr: &str, fortran: &str, shape: &str) -> String {
        format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}   \n")
    }

    fn problem(file: &[u8]) -> String {
        parse(file).unwrap_err().to_string()
    }

    #[test]
    fn row_major_and_column_major_arrays() {
        let elements = [1, 2, 3, 4, 5, 6];
        let rows = arr2(&[[1., 2., 3.], [4., 5., 6.]]).into_dyn();
        assert_eq!(parse(&file(&header("|u1", "False", "(2, 3)"), &elements)).unwrap(), rows);
        let columns = arr2(&[[1., 3., 5.], [2., 4., 6.]]).into_dyn();
        assert_eq!(parse(&file(&header("|u1", "True", "(2, 3)"), &elements)).unwrap(), columns);
    }

    #[test]
    fn shapes_of_no_and_of_one_axis() {
        let scalar = parse(&file(&header("<f2", "False", "()"), &[0, 0x3c])).unwrap();
        assert_eq!(scalar, ArrayD::from_elem(IxDyn(&[]), 1.0));
        let one = parse(&file(&header(">i2", "False", "(2,)"), &[0, 1, 0xff, 0xfe])).unwrap();
        assert_eq!(one, ndarray::arr1(&[1.0, -2.0]).into_dyn());
        let none = parse(&file(&header("<f8", "False", "(0, 7)"), &[])).unwrap();
        assert_eq!(none.shape(), [0, 7]);
    }

    #[test]
    fn later_versions_have_a_longer_length() {
        let text = header("|b1", "False", "(2,)");
        let length = (text.len() as u32).to_le_bytes();
        let file = [MAGIC, &[2, 0], &length, text.as_bytes(), &[1, 0]].concat();
        assert_eq!(parse(&file).unwrap(), ndarray::arr1(&[1.0, 0.0]).into_dyn());
    }

    #[test]
    fn a_shape_never_exceeds_the_file() {
        for shape in ["(3,)", "(18446744073709551615,)", "(4294967296, 4294967296, 2)"] {
            let text = problem(&file(&header("<f4", "False", shape), &[0; 8]));
            assert!(text.contains("but holds 8 bytes"), "{text}");
        }
        let axes = format!("({})", "1, ".repeat(65));
        assert!(
            problem(&file(&header("|u1", "False", &axes), &[0])).contains("unsupported header")
        );
        // No elements, but the product of the other axes overflows.
        let text = problem(&file(&header("|u1", "False", "(0, 4294967296, 4294967296)"), &[]));
        assert!(text.contains("too large"), "{text}");
    }

    #[test]
    fn other_content_is_refused() {
        let text = problem(b"\x93NUMPX");
        assert_eq!(text, "is damaged: the array has no NumPy header");
        assert!(problem(&file("{'descr': '<f4'}", &[])).contains("unsupported header"));
        assert!(problem(&file("{'shape': (1", &[])).contains("unsupported header"));
        let text = problem(&file(&header("<c8", "False", "(1,)"), &[0; 8]));
        assert_eq!(text, "unsupported element type <c8");
        let text = problem(&file(&header("é", "False", "(1,)"), &[0; 8]));
        assert_eq!(text, "unsupported element type é");
    }
}
