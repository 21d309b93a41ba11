//! Messages of Protocol Buffers: fields by number, without a schema.

use crate::front::error::Problem;

/// A message. Fields of types that are not read here are left out.
pub(super) struct Message<'a>(Vec<(u32, Field<'a>)>);

#[derive(Clone, Copy)]
enum Field<'a> {
    Varint(u64),
    /// Text, bytes or a message.
    Bytes(&'a [u8]),
}

impl<'a> Message<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Problem> {
        let parse = || {
            let mut reader = Reader(bytes);
            let mut fields = vec![];
            while !reader.0.is_empty() {
                let key = reader.varint()?;
                let number = u32::try_from(key >> 3).ok()?;
                match key & 7 {
                    0 => fields.push((number, Field::Varint(reader.varint()?))),
                    1 => drop(reader.take(8)?),
                    2 => {
                        let length = reader.length()?;
                        fields.push((number, Field::Bytes(reader.take(length)?)));
                    }
                    5 => drop(reader.take(4)?),
                    _ => return None,
                }
            }
            Some(Self(fields))
        };
        parse().ok_or_else(|| Problem::Damaged("a message is cut short".to_owned()))
    }

    fn fields(&self, number: u32) -> impl Iterator<Item = Field<'a>> {
        self.0.iter().filter(move |(found, _)| *found == number).map(|(_, field)| *field)
    }

    /// Returns an integer, 0 by default.
    pub(super) fn integer(&self, number: u32) -> u64 {
        let last = self.fields(number).last();
        last.map_or(0, |field| if let Field::Varint(value) = field { value } else { 0 })
    }

    /// Returns an index or a size, 0 by default.
    pub(super) fn size(&self, number: u32) -> Result<usize, Problem> {
        let size = usize::try_from(self.integer(number));
        size.map_err(|_| Problem::Damaged("a size is too large".to_owned()))
    }

    pub(super) fn bytes(&self, number: u32) -> Option<&'a [u8]> {
        self.all_bytes(number).last()
    }

    fn all_bytes(&self, number: u32) -> impl Iterator<Item = &'a [u8]> {
        self.fields(number).filter_map(|field| match field {
            Field::Bytes(bytes) => Some(bytes),
            Field::Varint(_) => None,
        })
    }

    pub(super) fn text(&self, number: u32) -> Result<Option<&'a str>, Problem> {
        let text = self.bytes(number).map(std::str::from_utf8).transpose();
        text.map_err(|_| Problem::Damaged("a text is not UTF-8".to_owned()))
    }

    /// Returns the messages of a repeated field.
    pub(super) fn messages(
        &self,
        number: u32,
    ) -> impl Iterator<Item = Result<Message<'a>, Problem>> {
        self.all_bytes(number).map(Message::parse)
    }
}

/// The bytes that are left.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    /// Reads an integer of 7 bits per byte, the least significant ones first.
    pub(super) fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for at in 0..10 {
            let byte = u64::from(*self.take(1)?.first()?);
            value |= (byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    pub(super) fn length(&mut self) -> Option<usize> {
        usize::try_from(self.varint()?).ok()
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.0.split_at_checked(length)?;
        self.0 = left;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_every_wire_type() {
        // 1: 300; 2: "ab"; 3: fixed64; 4: fixed32; 5: {1: 1}; 1 again: 7.
        let bytes =
            b"\x08\xac\x02\x12\x02ab\x19\0\0\0\0\0\0\0\0\x25\0\0\0\0\x2a\x02\x08\x01\x08\x07";
        let message = Message::parse(bytes).unwrap();
        assert_eq!((message.integer(1), message.integer(9)), (7, 0));
        assert_eq!(message.text(2).unwrap(), Some("ab"));
        assert_eq!((message.bytes(3), message.bytes(4)), (None, None));
        let inner: Vec<_> = message.messages(5).map(|inner| inner.unwrap().integer(1)).collect();
        assert_eq!(inner, [1]);
        for length in [1, 2, 4, 6, 12, 18, 22] {
            assert!(Message::parse(&bytes[..length]).is_err(), "{length}");
        }
        assert!(Message::parse(b"\x0b").is_err());
        assert!(Message::parse(&[0xff; 16]).is_err());
    }
}
