//! Bounded access to HDF5 files.
//!
//! The results of the HDF5 library are checked again here: a string or a dataset is never larger than
//! the file can hold, and a panic inside the library is an error.

use hdf5_reader::error::Error;
use hdf5_reader::messages::HdfMessage;
use hdf5_reader::messages::attribute::AttributeMessage;
use hdf5_reader::messages::dataspace::DataspaceType;
use hdf5_reader::messages::layout::DataLayout;
use hdf5_reader::object_header::ObjectHeader;
use hdf5_reader::{
    Dataset, Datatype, Hdf5File, OpenOptions, StringPadding, StringSize, VarLenKind,
};

use super::content::{MAX_EXPANSION, guarded};
use super::element::{Element, ElementKind};
use super::error::Problem;

/// Upper bound on the nesting of groups; files of Keras need far less.
const MAX_DEPTH: usize = 64;

/// A file in memory.
pub(super) struct Hdf5 {
    file: Hdf5File,
    size: usize,
}

/// A group of a file.
#[derive(Clone)]
pub(super) struct Group<'a> {
    inner: hdf5_reader::group::Group,
    file: &'a Hdf5,
}

/// A dataset of numbers before it is read.
pub(super) struct Numbers {
    inner: Dataset,
    /// Shape of the dataset.
    pub(super) shape: Vec<usize>,
}

/// The place of a dataset's numbers in a file.
pub(super) struct Place {
    /// Offset of the first byte.
    pub(super) offset: usize,
    /// Number of bytes.
    pub(super) length: usize,
    pub(super) element: Element,
    /// Shape of the dataset.
    pub(super) shape: Vec<usize>,
}

fn call<T>(call: impl FnOnce() -> Result<T, Error>) -> Result<T, Problem> {
    guarded(call).map_err(Problem::Damaged)?.map_err(|error| Problem::Damaged(error.to_string()))
}

/// As [`call`], but returns `None` for an object that does not exist.
fn find<T>(find: impl FnOnce() -> Result<T, Error>) -> Result<Option<T>, Problem> {
    match guarded(find).map_err(Problem::Damaged)? {
        Ok(found) => Ok(Some(found)),
        Err(Error::GroupNotFound(_) | Error::DatasetNotFound(_)) => Ok(None),
        Err(error) => Err(Problem::Damaged(error.to_string())),
    }
}

impl Hdf5 {
    pub(super) fn open(bytes: Vec<u8>) -> Result<Self, Problem> {
        let size = bytes.len();
        let most = size.saturating_mul(MAX_EXPANSION as usize);
        let options = OpenOptions::default()
            .with_chunk_cache_bytes(0)
            .with_max_chunk_bytes(most)
            .with_max_read_bytes(most)
            .with_max_object_header_bytes(size);
        Ok(Self { file: call(|| Hdf5File::from_vec_with_options(bytes, options))?, size })
    }

    pub(super) fn root(&self) -> Result<Group<'_>, Problem> {
        Ok(Group { inner: call(|| self.file.root_group())?, file: self })
    }
}

impl<'a> Group<'a> {
    /// Opens the group at a path below this one; a name that contains `/` is a path itself.
    pub(super) fn group(&self, path: &[&str]) -> Result<Option<Group<'a>>, Problem> {
        let mut inner = self.inner.clone();
        for name in names(path)? {
            match find(|| inner.group(name))? {
                Some(below) => inner = below,
                None => return Ok(None),
            }
        }
        Ok(Some(Group { inner, file: self.file }))
    }

    /// Opens the dataset at a path below this group.
    pub(super) fn numbers(&self, path: &[&str]) -> Result<Option<Numbers>, Problem> {
        let names = names(path)?;
        let Some((last, groups)) = names.split_last() else { return Ok(None) };
        let Some(group) = self.group(groups)? else { return Ok(None) };
        let Some(inner) = find(|| group.inner.dataset(last))? else { return Ok(None) };
        let shape = inner.shape().iter().map(|&axis| usize::try_from(axis));
        let shape: Result<_, _> = shape.collect();
        let shape =
            shape.map_err(|_| Problem::Damaged(format!("dataset '{last}' is too large")))?;
        Ok(Some(Numbers { inner, shape }))
    }

    /// Finds the place in the file of the numbers in a dataset at a path below this group.
    ///
    /// # Errors
    /// Also if the numbers are not in one piece, as they are: they are compressed, or in the header.
    pub(super) fn place(&self, path: &[&str]) -> Result<Option<Place>, Problem> {
        let Some(numbers) = self.numbers(path)? else { return Ok(None) };
        let dataset = || path.join("/");
        let header = call(|| {
            let group = &self.inner;
            let (offsets, lengths) = (group.offset_size(), group.length_size());
            let address = numbers.inner.address();
            ObjectHeader::parse_at_storage(group.storage(), address, offsets, lengths)
        })?;
        let bytes = call(|| numbers.inner.read_raw_bytes())?;
        let is_whole = |message: &HdfMessage| match message {
            HdfMessage::DataLayout(layout) => match layout.layout {
                DataLayout::Contiguous { address, .. } => usize::try_from(address).ok(),
                DataLayout::Compact { .. } | DataLayout::Chunked { .. } => None,
            },
            _ => None,
        };
        let offset = header.messages.iter().find_map(is_whole);
        let offset = offset.ok_or_else(|| Problem::Scattered { dataset: dataset() })?;
        // A file may start with bytes of another format, which move all addresses.
        let stored = call(|| self.inner.storage().read_range(offset as u64, bytes.len()))?;
        if stored.as_ref() != bytes.as_slice() {
            return Err(Problem::Scattered { dataset: dataset() });
        }
        let (element, shape) = (numbers.element()?, numbers.shape);
        Ok(Some(Place { offset, length: bytes.len(), element, shape }))
    }

    /// Returns the names of the groups and of the datasets in this group.
    pub(super) fn members(&self) -> Result<(Vec<String>, Vec<String>), Problem> {
        call(|| self.inner.member_names())
    }

    /// Address of the group in the file; equal for two links to one group.
    pub(super) fn address(&self) -> u64 {
        self.inner.address()
    }

    /// Reads an attribute that holds one string.
    pub(super) fn text(&self, attribute: &str) -> Result<Option<String>, Problem> {
        let Some(mut texts) = self.texts(attribute)? else { return Ok(None) };
        match (texts.pop(), texts.len()) {
            (Some(text), 0) => Ok(Some(text)),
            (last, before) => Err(Problem::Damaged(format!(
                "attribute '{attribute}' holds {} strings, not one",
                before + usize::from(last.is_some())
            ))),
        }
    }

    /// Reads an attribute that holds strings.
    ///
    /// An empty list of NumPy is stored as float64, so its type is not checked.
    pub(super) fn texts(&self, attribute: &str) -> Result<Option<Vec<String>>, Problem> {
        let attributes = call(|| self.inner.raw_attributes())?;
        match attributes.into_iter().find(|found| found.name() == attribute) {
            Some(found) => self.decode_texts(&found.into_parts().0).map(Some),
            None => Ok(None),
        }
    }

    fn decode_texts(&self, message: &AttributeMessage) -> Result<Vec<String>, Problem> {
        let damaged = |what: &str| Problem::Damaged(format!("attribute '{}' {what}", message.name));
        let count = match message.dataspace.dataspace_type {
            DataspaceType::Null => 0,
            DataspaceType::Scalar => 1,
            DataspaceType::Simple => {
                message.dataspace.num_elements().map_err(|_| damaged("is too large"))?
            }
        };
        if count == 0 {
            return Ok(vec![]);
        }
        let (width, padding, referenced) = match &message.datatype {
            Datatype::String { size: StringSize::Fixed(width), padding, .. } => {
                (*width as usize, *padding, false)
            }
            Datatype::String { size: StringSize::Variable, padding, .. }
            | Datatype::VarLen { kind: VarLenKind::String, padding, .. } => {
                (usize::from(self.inner.offset_size()) + 8, *padding, true)
            }
            _ => return Err(damaged("holds no strings")),
        };
        let needed = usize::try_from(count).ok().and_then(|count| count.checked_mul(width));
        let Some(bytes) = needed.and_then(|needed| message.raw_data.get(..needed)) else {
            return Err(damaged("is cut short"));
        };
        if width == 0 {
            return Err(damaged("holds strings of length 0"));
        }
        // Strings do not overlap, so their total length is bounded by the file's.
        let mut budget = self.file.size;
        let mut texts = Vec::new();
        for item in bytes.chunks_exact(width) {
            let text = match referenced {
                true => call(|| self.inner.resolve_vlen_reference_bytes(item, 1))?,
                false => item.to_vec(),
            };
            budget = budget.checked_sub(text.len()).ok_or_else(|| damaged("overlaps itself"))?;
            let text = String::from_utf8(unpadded(text, padding));
            texts.push(text.map_err(|_| damaged("is not UTF-8"))?);
        }
        Ok(texts)
    }
}

/// Splits a path into names.
fn names<'p>(path: &[&'p str]) -> Result<Vec<&'p str>, Problem> {
    let names = path.iter().flat_map(|part| part.split('/'));
    let names: Vec<&str> = names.filter(|name| !name.is_empty() && *name != ".").collect();
    if names.len() > MAX_DEPTH {
        return Err(Problem::Damaged(format!("a path of {} nested groups", names.len())));
    }
    Ok(names)
}

/// Describes an element type that is not supported.
fn type_name(datatype: &Datatype) -> String {
    match datatype {
        Datatype::FloatingPoint { size, .. } => {
            format!("non-IEEE float{}", u32::from(*size) * 8)
        }
        Datatype::FixedPoint { size, .. } => format!("int{}", u32::from(*size) * 8),
        // Keras 3 stores the bytes of ml_dtypes' numbers as they are.
        Datatype::Opaque { size: 2, .. } => "bfloat16".into(),
        Datatype::Compound { .. } => "compound, such as complex numbers".into(),
        _ => "other than floats and integers".into(),
    }
}

fn unpadded(mut text: Vec<u8>, padding: StringPadding) -> Vec<u8> {
    if let Some(end) = text.iter().position(|&byte| byte == 0) {
        text.truncate(end);
    }
    if padding == StringPadding::SpacePad {
        text.truncate(text.trim_ascii_end().len());
    }
    text
}

impl Numbers {
    /// Reads all numbers, row-major, and rounds them to float32, as Keras does on assignment.
    pub(super) fn read(&self) -> Result<Vec<f32>, Problem> {
        let element = self.element()?;
        let bytes = call(|| self.inner.read_raw_bytes())?;
        Ok(element.decode(&bytes))
    }

    fn element(&self) -> Result<Element, Problem> {
        let unsupported = || Problem::ElementType { name: type_name(self.inner.dtype()) };
        let (kind, byte_order) = match self.inner.dtype() {
            Datatype::FloatingPoint { size, byte_order } => {
                (self.ieee(*size).ok_or_else(unsupported)?, byte_order)
            }
            Datatype::FixedPoint { size: size @ (1 | 2 | 4 | 8), signed, byte_order } => {
                let size = usize::from(*size);
                let kind =
                    if *signed { ElementKind::Signed(size) } else { ElementKind::Unsigned(size) };
                (kind, byte_order)
            }
            _ => return Err(unsupported()),
        };
        Ok(Element { kind, big_endian: *byte_order == hdf5_reader::ByteOrder::BigEndian })
    }

    /// Returns the IEEE 754 type of a size; `None` for another type of that size, such as bfloat16.
    /// The bytes of the datatype distinguish them: position and width of the exponent, position and
    /// width of the fraction, bias of the exponent.
    fn ieee(&self, size: u8) -> Option<ElementKind> {
        let raw = self.inner.raw_datatype().ok()?;
        let stated = raw.get(12..20)?;
        let (kind, layout): (_, [u8; 8]) = match size {
            2 => (ElementKind::Float16, [10, 5, 0, 10, 15, 0, 0, 0]),
            4 => (ElementKind::Float32, [23, 8, 0, 23, 127, 0, 0, 0]),
            8 => (ElementKind::Float64, [52, 11, 0, 52, 255, 3, 0, 0]),
            _ => return None,
        };
        (stated == layout).then_some(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keras 3 stores bfloat16 as bytes without a type.
    #[test]
    fn types_that_are_not_read_have_names() {
        let opaque = |size| type_name(&Datatype::Opaque { size, tag: String::new() });
        assert_eq!(opaque(2), "bfloat16");
        assert_eq!(opaque(3), "other than floats and integers");
    }
}
