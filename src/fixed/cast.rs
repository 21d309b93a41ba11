//! From one format to another.

use num_bigint::BigInt;
use num_traits::{One, Signed, Zero};

use super::{Format, Overflow, Quantization, Rounding, Word};

/// The code that `code`, a number with `from_fraction` bits behind the point, becomes in `to`.
pub fn cast<W: Word>(code: &W, from_fraction: i32, to: &Quantization) -> BigInt {
    let rounded = round(code.to_big(), from_fraction - to.format.fraction(), to.rounding);
    overflow(rounded, to.format, to.overflow)
}

/// `code` / 2^`dropped`, to an integer.
fn round(code: BigInt, dropped: i32, mode: Rounding) -> BigInt {
    if dropped <= 0 {
        return code << dropped.unsigned_abs();
    }
    let dropped = dropped.unsigned_abs();
    let floor: BigInt = &code >> dropped;
    let rest: BigInt = &code - (&floor << dropped);
    if rest.is_zero() {
        return floor;
    }
    let half: BigInt = BigInt::one() << (dropped - 1);
    let tie_up = match mode {
        Rounding::Trn => return floor,
        Rounding::TrnZero => return if code.is_negative() { floor + 1 } else { floor },
        Rounding::Rnd => true,
        Rounding::RndZero => code.is_negative(),
        Rounding::RndInf => !code.is_negative(),
        Rounding::RndMinInf => false,
        Rounding::RndConv => floor.bit(0),
        Rounding::RndConvOdd => !floor.bit(0),
    };
    if rest > half || (rest == half && tie_up) { floor + 1 } else { floor }
}

/// `code` brought into the codes of `format`.
fn overflow(code: BigInt, format: Format, mode: Overflow) -> BigInt {
    let range = format.codes();
    if *range.low() <= code && code <= *range.high() {
        return code;
    }
    match mode {
        Overflow::Sat if code < *range.low() => range.low().clone(),
        _ => range.high().clone(),
    }
}
