//! Tensors in the files of TensorFlow checkpoints: `variables.index` and `variables.data-*-of-*`.
//!
//! The index is a table of LevelDB, from the name of a tensor to its type, shape and place.
//! (`tensor_bundle.cc` and `tensor_bundle.proto`, `lib/io/table_format.txt` of TensorFlow.)

use std::collections::BTreeMap;
use std::path::Path;

use super::protobuf::{Message, Reader};
use crate::front::content::read_file;
use crate::front::element::{Element, ElementKind};
use crate::front::error::{FrontError, Located, Problem};

/// Last bytes of a table.
const MAGIC: [u8; 8] = 0xdb47_7524_8b80_fb57_u64.to_le_bytes();

/// Length of the end of a table: the places of two blocks, padded, and the magic number.
const FOOTER: usize = 48;

/// Upper bound on the length of a name.
const MAX_NAME: usize = 1024;

/// Upper bounds on the number of tensors and of data files.
const MAX_TENSORS: usize = 1 << 17;
const MAX_SHARDS: usize = 1 << 10;

/// The tensors of a checkpoint.
pub(in crate::front::keras) struct Bundle {
    tensors: BTreeMap<String, Entry>,
    /// Content of the data files.
    shards: Vec<Vec<u8>>,
}

/// Type, shape and place of a tensor.
struct Entry {
    data_type: u64,
    shape: Vec<usize>,
    shard: usize,
    offset: usize,
    size: usize,
}

/// A tensor before it is decoded.
pub(in crate::front::keras) struct Tensor<'a> {
    pub(in crate::front::keras) shape: &'a [usize],
    data_type: u64,
    bytes: &'a [u8],
}

impl Bundle {
    /// Reads the files whose names start with `prefix`.
    pub(super) fn open(prefix: &Path) -> Result<Self, FrontError> {
        let name = prefix.file_name().unwrap_or_default().to_string_lossy();
        let path = prefix.with_file_name(format!("{name}.index"));
        let (tensors, count) = index(&read_file(&path)?).located(&path)?;
        let shards = (0..count).map(|shard| {
            read_file(&prefix.with_file_name(format!("{name}.data-{shard:05}-of-{count:05}")))
        });
        Ok(Self { tensors, shards: shards.collect::<Result<_, _>>()? })
    }

    /// Returns a tensor; `None` if there is none of this name.
    pub(in crate::front::keras) fn tensor(
        &self,
        name: &str,
    ) -> Result<Option<Tensor<'_>>, Problem> {
        let Some(entry) = self.tensors.get(name) else { return Ok(None) };
        let &Entry { data_type, shard, offset, size, ref shape } = entry;
        let end = offset.checked_add(size);
        let bytes = end.and_then(|end| self.shards.get(shard)?.get(offset..end));
        let bytes =
            bytes.ok_or_else(|| Problem::Damaged(format!("tensor '{name}' is cut short")))?;
        Ok(Some(Tensor { shape, data_type, bytes }))
    }
}

impl<'a> Tensor<'a> {
    /// Returns the numbers, row-major, rounded to float32.
    pub(in crate::front::keras) fn read(&self) -> Result<Vec<f32>, Problem> {
        let kind = match self.data_type {
            1 => ElementKind::Float32,
            2 => ElementKind::Float64,
            3 => ElementKind::Signed(4),
            4 => ElementKind::Unsigned(1),
            5 => ElementKind::Signed(2),
            6 => ElementKind::Signed(1),
            9 => ElementKind::Signed(8),
            10 => ElementKind::Bool,
            17 => ElementKind::Unsigned(2),
            19 => ElementKind::Float16,
            22 => ElementKind::Unsigned(4),
            23 => ElementKind::Unsigned(8),
            14 => return Err(Problem::ElementType { name: "bfloat16".to_owned() }),
            other => return Err(Problem::ElementType { name: format!("{other} of TensorFlow") }),
        };
        let element = Element { kind, big_endian: false };
        let product = |all: usize, axis: &usize| all.checked_mul(*axis);
        if self.shape.iter().try_fold(element.size(), product) != Some(self.bytes.len()) {
            let held = self.bytes.len();
            let what = format!("a tensor has shape {:?}, but holds {held} bytes", self.shape);
            return Err(Problem::Damaged(what));
        }
        Ok(element.decode(self.bytes))
    }

    /// Returns the only element of a tensor of strings: lengths, a checksum, the strings.
    pub(super) fn only_string(&self) -> Option<&'a [u8]> {
        const STRING: u64 = 7;
        let mut reader = Reader(self.bytes);
        let length = reader.length().filter(|_| self.data_type == STRING)?;
        reader.take(4)?;
        reader.take(length).filter(|_| reader.0.is_empty())
    }
}

/// Reads an index: the tensors, and the number of data files.
fn index(bytes: &[u8]) -> Result<(BTreeMap<String, Entry>, usize), Problem> {
    let mut tensors = BTreeMap::new();
    let mut shards = None;
    for (name, value) in table(bytes)? {
        let message = Message::parse(value)?;
        // The first entry describes the files.
        if name.is_empty() {
            const BIG_ENDIAN: u64 = 1;
            if message.integer(2) == BIG_ENDIAN {
                return Err(Problem::ElementType { name: "of big-endian order".to_owned() });
            }
            shards = Some(message.size(1)?).filter(|shards| (1..=MAX_SHARDS).contains(shards));
            continue;
        }
        let name = String::from_utf8(name);
        let name = name.map_err(|_| Problem::Damaged("a name is not UTF-8".to_owned()))?;
        tensors.insert(name, entry(&message)?);
    }
    let shards = shards.ok_or_else(|| Problem::Damaged("the index has no header".to_owned()))?;
    Ok((tensors, shards))
}

fn entry(message: &Message<'_>) -> Result<Entry, Problem> {
    let mut shape = vec![];
    for stated in message.messages(2) {
        for axis in stated?.messages(2) {
            shape.push(axis?.size(1)?);
        }
    }
    let (shard, offset, size) = (message.size(3)?, message.size(4)?, message.size(5)?);
    Ok(Entry { data_type: message.integer(1), shape, shard, offset, size })
}

/// A name and a value. Values stay in place, since several blocks of a hostile table may share them.
type Pair<'a> = (Vec<u8>, &'a [u8]);

/// Reads the entries of a table, in order.
fn table(bytes: &[u8]) -> Result<Vec<Pair<'_>>, Problem> {
    let damaged = || Problem::Damaged("the table is cut short".to_owned());
    let footer = bytes.len().checked_sub(FOOTER).map(|start| &bytes[start..]);
    let footer = footer.filter(|footer| footer.ends_with(&MAGIC)).ok_or_else(damaged)?;
    let mut places = Reader(footer);
    let _metaindex = block_place(&mut places).ok_or_else(damaged)?;
    let index = block_place(&mut places).ok_or_else(damaged)?;
    let mut all = vec![];
    for (_, place) in block(bytes, index)? {
        let place = block_place(&mut Reader(place)).ok_or_else(damaged)?;
        all.extend(block(bytes, place)?);
        if all.len() > MAX_TENSORS {
            return Err(Problem::TooLarge { what: "the table".to_owned() });
        }
    }
    Ok(all)
}

/// Offset and size of a block.
fn block_place(reader: &mut Reader<'_>) -> Option<(usize, usize)> {
    Some((reader.length()?, reader.length()?))
}

/// Reads the entries of a block. A name states how many bytes it shares with the one before.
fn block(bytes: &[u8], (offset, size): (usize, usize)) -> Result<Vec<Pair<'_>>, Problem> {
    let damaged = || Problem::Damaged("a block of the table is cut short".to_owned());
    let end = offset.checked_add(size).ok_or_else(damaged)?;
    let content = bytes.get(offset..end).ok_or_else(damaged)?;
    if *bytes.get(end).ok_or_else(damaged)? != 0 {
        return Err(Problem::Damaged("the table is compressed, which is not supported".to_owned()));
    }
    let parse = || {
        // The places of restarts, which a search would use, and their number.
        let (_, count) = content.split_last_chunk::<4>()?;
        let restarts = usize::try_from(u32::from_le_bytes(*count)).ok()?.checked_mul(4)?;
        let mut reader = Reader(content.get(..content.len().checked_sub(4 + restarts)?)?);
        let mut pairs = vec![];
        let mut name: Vec<u8> = vec![];
        while !reader.0.is_empty() {
            let (shared, own, value) = (reader.length()?, reader.length()?, reader.length()?);
            let length = shared.checked_add(own)?;
            if shared > name.len() || length > MAX_NAME || pairs.len() == MAX_TENSORS {
                return None;
            }
            name.truncate(shared);
            name.extend(reader.take(own)?);
            pairs.push((name.clone(), reader.take(value)?));
        }
        Some(pairs)
    };
    parse().ok_or_else(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of one block with the names `ab` and `ac`.
    fn small() -> Vec<u8> {
        let data = b"\0\x02\x01abX\x01\x01\x02cYZ\0\0\0\0\x01\0\0\0";
        let index = b"\0\x01\x02b\0\x14\0\0\0\0\x01\0\0\0";
        let trailer = [0; 5];
        let mut bytes = [&data[..], &trailer, index, &trailer].concat();
        let mut footer = vec![0, 0, data.len() as u8 + 5, index.len() as u8];
        footer.resize(FOOTER - MAGIC.len(), 0);
        bytes.extend(footer.iter().chain(&MAGIC));
        bytes
    }

    #[test]
    fn names_share_their_beginnings() {
        let bytes = small();
        let pairs = table(&bytes).unwrap();
        let expected = [(b"ab".to_vec(), &b"X"[..]), (b"ac".to_vec(), &b"YZ"[..])];
        assert_eq!(pairs, expected);
    }

    #[test]
    fn damaged_tables_are_refused() {
        let bytes = small();
        for length in 0..bytes.len() {
            assert!(table(&bytes[..length]).is_err(), "{length}");
        }
        let mut compressed = bytes.clone();
        compressed[20] = 1;
        let error = table(&compressed).unwrap_err().to_string();
        assert_eq!(error, "is damaged: the table is compressed, which is not supported");
        let mut shared = bytes.clone();
        shared[6] = 3;
        assert!(table(&shared).is_err());
    }

    #[test]
    fn a_tensor_never_exceeds_its_file() {
        let entry = |data_type, shape: &[usize], size| Entry {
            data_type,
            shape: shape.to_vec(),
            shard: 0,
            offset: 4,
            size,
        };
        let tensors = [
            ("f", entry(1, &[2], 8)),
            ("short", entry(1, &[3], 8)),
            ("long", entry(1, &[3], 12)),
            ("odd", entry(8, &[], 8)),
            ("huge", entry(1, &[usize::MAX, 8], 8)),
        ];
        let tensors = tensors.map(|(name, entry)| (name.to_owned(), entry)).into();
        let shard = [[0; 4], 1.5_f32.to_le_bytes(), (-2_f32).to_le_bytes()].concat();
        let bundle = Bundle { tensors, shards: vec![shard] };
        let read = |name| bundle.tensor(name)?.map(|tensor| tensor.read()).transpose();
        assert_eq!(read("f").unwrap(), Some(vec![1.5, -2.0]));
        assert_eq!(read("other").unwrap(), None);
        for (name, message) in [
            ("short", "is damaged: a tensor has shape [3], but holds 8 bytes"),
            ("long", "is damaged: tensor 'long' is cut short"),
            ("odd", "unsupported element type 8 of TensorFlow"),
        ] {
            assert_eq!(read(name).unwrap_err().to_string(), message);
        }
        assert!(read("huge").is_err());
    }
}
