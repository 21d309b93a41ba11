//! Codes as bits, the input and output of the programs.

use std::fmt::Write as _;

use bitkiln::fixed::Format;
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
