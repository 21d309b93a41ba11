//! Numbers as C++ literals.

use num_bigint::BigInt;
use num_traits::{One, Signed, ToPrimitive};

/// Bits that a double holds exactly.
const DOUBLE_BITS: u64 = 53;

/// Whether [`literal`] writes a code as one literal, whatever its type.
pub(super) fn is_plain(code: &BigInt) -> bool {
    code.bits() <= DOUBLE_BITS
}

/// The value of `code`, in steps of 2^-`fraction`, as an expression of C++ that is exact: a
/// decimal literal that stands for the very double, or, where one double does not suffice, a sum
/// of such literals in the fixed-point type `type_name`, which holds each of them.
///
/// The step itself must be a normal double, and the type at least as wide as the code.
pub(super) fn literal(code: &BigInt, fraction: i32, type_name: &str) -> String {
    if is_plain(code) {
        return double(code, fraction);
    }
    let mut parts = Vec::new();
    let mut rest = code.clone();
    let mut position = 0;
    // The lower parts are not negative, whatever the sign of the number.
    while rest.bits() > DOUBLE_BITS {
        let part = &rest & ((BigInt::one() << DOUBLE_BITS) - 1);
        rest >>= DOUBLE_BITS;
        parts.push(double(&part, fraction - position));
        position += DOUBLE_BITS as i32;
    }
    parts.push(double(&rest, fraction - position));
    let parts = parts.iter().rev().filter(|part| *part != "0.0");
    let parts: Vec<String> = parts.map(|part| format!("{type_name}({part})")).collect();
    parts.join(" + ")
}

/// A number of up to 53 bits. The shortest decimal that reads back as the same double, which is
/// what the standards of Rust and C++ agree on.
fn double(code: &BigInt, fraction: i32) -> String {
    debug_assert!(code.abs().bits() <= DOUBLE_BITS);
    let code = code.to_f64().unwrap_or(f64::NAN);
    format!("{:?}", libm::ldexp(code, -fraction))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_read_as_people_write_them() {
        assert_eq!(literal(&BigInt::from(3), 2, "t"), "0.75");
        assert_eq!(literal(&BigInt::from(-1), 0, "t"), "-1.0");
        assert_eq!(literal(&BigInt::from(5), -3, "t"), "40.0");
        assert_eq!(literal(&BigInt::from(1), 20, "t"), "9.5367431640625e-7");
        assert_eq!(literal(&BigInt::from(0), 7, "t"), "0.0");
    }

    #[test]
    fn wide_values_are_sums() {
        let wide: BigInt = (BigInt::one() << 100) + 3;
        assert_eq!(literal(&wide, 0, "t"), "t(1.2676506002282294e30) + t(3.0)");
        assert_eq!(literal(&-BigInt::from(1_u64 << 60), 60, "t"), "t(-1.0)");
    }

    proptest! {
        #[test]
        fn the_parts_add_up(high: i64, low: u64, shift in 0_u32..64, fraction in -200..200_i32) {
            let code = ((BigInt::from(high) << 64_u32) + low) >> shift;
            let text = literal(&code, fraction, "t");
            let mut sum = BigInt::from(0);
            for part in text.split(" + ") {
                let digits = part.trim_start_matches("t(").trim_end_matches(')');
                let value: f64 = digits.parse().unwrap();
                let scaled = libm::ldexp(value, fraction);
                prop_assert_eq!(scaled, scaled.trunc());
                sum += num_traits::FromPrimitive::from_f64(scaled).unwrap_or(BigInt::from(0));
            }
            prop_assert_eq!(sum, code);
        }
    }
}
