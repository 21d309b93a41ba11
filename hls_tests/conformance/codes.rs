//! Codes as bits, the input and output of the programs, and random ones.

use std::fmt::Write as _;

use bitkiln::fixed::{Format, Signedness};
use num_bigint::BigInt;

/// The code of `bits` in `format`.
pub fn code(bits: u128, format: Format) -> BigInt {
    let width = format.width();
    if format.is_signed() {
        BigInt::from((bits << (128 - width)) as i128 >> (128 - width))
    } else {
        BigInt::from(bits)
    }
}

/// The bits of `code` in `format`; the caller ensures that it fits.
pub fn bits(code: &BigInt, format: Format) -> u128 {
    let mask = (BigInt::from(1) << format.width()) - 1;
    u128::try_from(code & mask).unwrap()
}

/// A list of codes as the programs read it.
pub fn input(codes: &[u128]) -> String {
    let mut text = format!("{:x}\n", codes.len());
    for code in codes {
        writeln!(text, "{:x} {:x}", code >> 64, *code as u64).unwrap();
    }
    text
}

/// The results on a line.
pub fn results(line: &str) -> Vec<u128> {
    line.split_whitespace().map(|text| u128::from_str_radix(text, 16).unwrap()).collect()
}

/// Random numbers by SplitMix64, the same in every run.
pub struct Draw(u64);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: i32, high: i32) -> i32 {
        let count = u64::from(high.abs_diff(low)) + 1;
        low + (self.word() % count) as i32
    }

    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[(self.word() % all.len() as u64) as usize]
    }

    pub fn signedness(&mut self) -> Signedness {
        self.one_of(&[Signedness::Unsigned, Signedness::Signed])
    }

    pub fn format(&mut self, widest: i32) -> Format {
        let width = self.between(1, widest);
        let integer = self.between(-4, width + 4);
        Format::new(self.signedness(), width.unsigned_abs(), integer).unwrap()
    }

    /// Up to `most` codes of `format`, as their bits: all of them if they are no more, otherwise the
    /// ends of the range and random codes of every magnitude.
    pub fn codes(&mut self, format: Format, most: usize) -> Vec<u128> {
        let width = format.width();
        if width < 32 && 1 << width <= most {
            return (0..1 << width).collect();
        }
        let mask = u128::MAX >> (128 - width);
        let top = 1 << (width - 1);
        let mut codes = vec![0, 1, mask, top, top - 1, top + 1, mask - 1];
        while codes.len() < most {
            let any = (u128::from(self.word()) << 64) | u128::from(self.word());
            let small = (any & mask) >> (self.word() % u64::from(width));
            codes.push(match codes.len() % 5 {
                0 => any & mask,
                1 => small,
                2 => mask - small,
                3 => (top ^ small) & mask,
                // Low bits are 0: often half-way between two values of a coarser type.
                _ => (any << (self.word() % u64::from(width))) & mask,
            });
        }
        codes
    }
}
