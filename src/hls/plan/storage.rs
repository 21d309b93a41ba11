//! The hardware of memories: LUTs or block RAMs.

use std::fmt;

use serde::Serialize;

use super::super::limits::WORD_BITS;

/// Most words of a memory of LUTs: a LUT holds 64 words of a bit (UG574). More words need multiplexers
/// behind the LUTs. At this depth, a block RAM of 18 Kbit is at most 36 x 64 bits: 36 LUTs of a
/// read-only memory, 72 of a FIFO of shift registers, where parts have 190 LUTs or more for a block RAM
/// (`estimate/parts.json`).
pub const LUT_WORDS: u64 = 64;

/// Most bits of a deeper memory of LUTs: what Vitis HLS makes of shift registers by itself (UG1399,
/// `config_storage fifo -auto_srl_max_bits`).
pub const LUT_BITS: u64 = 1024;

/// The hardware of a memory whose words are read one at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Storage {
    /// LUTs: distributed RAM, logic of constants, shift registers of a FIFO.
    Lut,
    /// Block RAMs.
    Block,
}

impl Storage {
    /// The hardware of `words` of `bits` bits.
    pub fn of(words: u64, bits: u64) -> Self {
        if words <= LUT_WORDS || words * bits <= LUT_BITS { Self::Lut } else { Self::Block }
    }
}

impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lut => "LUT",
            Self::Block => "BRAM",
        })
    }
}

/// The accesses to a memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Constants, of which a word is read at a time.
    Constants,
    /// Constants, of which several words are read at a time: each reader has a copy.
    CopiedConstants,
    /// At most a word is read, and another one written, at a time.
    ReadAndWrite,
    /// Written first, then two words are read at a time.
    TwoReads,
}

impl Access {
    /// That of a memory of which so many `words` are read at a time.
    pub fn of_reads(words: u64) -> Self {
        if words > 1 { Self::TwoReads } else { Self::ReadAndWrite }
    }
}

/// Memories of a process that have the same size.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Memory {
    /// The C++ name of the array.
    pub name: String,
    /// Their accesses.
    pub access: Access,
    /// Their number.
    pub count: u64,
    /// Words of each.
    pub words: u64,
    /// Bits of a word.
    pub bits: u64,
    /// Their hardware.
    pub storage: Storage,
}

impl Memory {
    /// `count` memories of `words` of `bits` bits.
    pub fn new(name: String, access: Access, [count, words, bits]: [u64; 3]) -> Self {
        Self { name, access, count, words, bits, storage: Storage::of(words, bits) }
    }

    /// `count` memories of `words` of `bits` bits whose words of the same address are accessed together:
    /// one memory with all of them in a word, where it is of the same hardware and no word is too wide. A
    /// block RAM has at least 512 words of 36 bits, of which several narrow memories leave more unused.
    pub fn joined(name: String, access: Access, [count, words, bits]: [u64; 3]) -> Self {
        let one = Self::new(name, access, [1, words, count * bits]);
        let is_same = one.storage == Storage::of(words, bits);
        match is_same && one.bits <= WORD_BITS {
            true => one,
            false => Self::new(one.name, access, [count, words, bits]),
        }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, words, bits, storage, .. } = self;
        match count {
            1 => write!(f, "{words} x {bits} {storage}"),
            _ => write!(f, "{count} of {words} x {bits} {storage}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shallow_and_small_memories_are_luts() {
        let of = |words, bits| Storage::of(words, bits);
        assert_eq!([of(64, 3072), of(65, 16)], [Storage::Lut, Storage::Block]);
        assert_eq!(
            [of(1024, 1), of(128, 8), of(128, 9)],
            [Storage::Lut, Storage::Lut, Storage::Block]
        );
    }

    #[test]
    fn memories_of_the_same_hardware_are_joined() {
        let joined = |size| {
            let memory = Memory::joined("rows".to_owned(), Access::ReadAndWrite, size);
            memory.to_string()
        };
        assert_eq!(joined([4, 128, 9]), "128 x 36 BRAM");
        assert_eq!(joined([4, 64, 9]), "64 x 36 LUT");
        // As one they would be a block RAM.
        assert_eq!(joined([4, 128, 8]), "4 of 128 x 8 LUT");
        assert_eq!(joined([1, 128, 8]), "128 x 8 LUT");
        // As one their words would be too wide.
        assert_eq!(joined([2, 128, 32_768]), "128 x 65536 BRAM");
        assert_eq!(joined([2, 128, 32_769]), "2 of 128 x 32769 BRAM");
    }
}
