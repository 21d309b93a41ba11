//! Text of C++: layout, comments, and numbers as literals.

use num_bigint::BigInt;
use num_traits::{One, Signed, ToPrimitive};

use crate::hls::Operations;

/// Bits that a double holds exactly.
const DOUBLE_BITS: u64 = 53;

/// Tells whether [`literal`] writes a code as one literal, whatever its type.
pub(super) fn is_plain(code: &BigInt) -> bool {
    code.bits() <= DOUBLE_BITS
}

/// The value `code` · 2^-`fraction` as an exact C++ expression: a decimal literal that reads as
/// that double, or, where one double does not suffice, a sum of such literals in the fixed-point
/// type `type_name`, which holds each of them.
///
/// The LSB must be a normal double, and the type at least as wide as the code.
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
    let code = code.to_f64().expect("a double holds 53 bits");
    format!("{:?}", libm::ldexp(code, -fraction))
}

/// A line of a template that a dialect or a case leaves empty: [`indent`] drops it.
pub(super) const NO_LINE: &str = "\u{0}";

/// Lines of a template, or [`NO_LINE`] for none.
pub(super) fn whole_lines(lines: Vec<String>) -> String {
    if lines.is_empty() { NO_LINE.to_owned() } else { lines.join("\n") }
}

/// Indents C++ by its braces, four spaces a level. Drops every [`NO_LINE`], and blank lines that follow
/// an opening brace or another blank line.
pub(super) fn indent(code: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut depth = 0_usize;
    for line in code.lines().map(str::trim).filter(|line| *line != NO_LINE) {
        if line.is_empty() {
            if lines.last().is_some_and(|last| !last.is_empty() && !last.ends_with('{')) {
                lines.push(String::new());
            }
            continue;
        }
        let here = depth - usize::from(line.starts_with('}')).min(depth);
        lines.push(format!("{:width$}{line}", "", width = 4 * here));
        if !line.starts_with("//") {
            depth = (depth + line.matches('{').count()).saturating_sub(line.matches('}').count());
        }
    }
    lines.join("\n").trim_end().to_owned()
}

/// A name in a model, as text of a `//` comment: on one line, and without a backslash that would
/// take the next line in.
pub(super) fn comment(name: &str) -> String {
    name.chars().map(|c| if c.is_control() || c == '\\' { '_' } else { c }).collect()
}

/// The operations of a sample in a comment: `: 12 multiplications, 3 additions`; empty for none.
pub(super) fn operations(operations: &Operations) -> String {
    let parts = [
        (operations.multiplications, "multiplication", "multiplications"),
        (operations.xnors, "comparison of signs", "comparisons of signs"),
        (operations.additions, "addition", "additions"),
        (operations.shifts, "shift", "shifts"),
    ];
    let present = parts.iter().filter(|(count, ..)| *count > 0);
    let parts: Vec<String> = present
        .map(|(count, one, more)| format!("{count} {}", if *count == 1 { one } else { more }))
        .collect();
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
}

/// `number` rounded to six decimals.
pub(super) fn rounded(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

/// `1 token`, `3 tokens`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// `items`, with a comma after each, on as few lines of `width` characters as hold them.
pub(super) fn wrap(items: &[String], width: usize) -> Vec<String> {
    // As many items a line as the longest allow, spread evenly: no line of one item at the end.
    let longest = items.iter().map(String::len).max().unwrap_or(0) + 2;
    let most = (width / longest).max(1);
    let lines = items.len().div_ceil(most).max(1);
    let each = items.len().div_ceil(lines).max(1);
    items
        .chunks(each)
        .map(|line| line.iter().map(|item| format!("{item},")).collect::<Vec<_>>().join(" "))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn code_is_indented_by_its_braces() {
        let code = "void f() {\n\n#pragma X\n\u{0}\nfor (;;) {\nif (a) {\nb;\n} else {\nc;\n}\n}\n\n\nd;\n}\n";
        let expected = "void f() {\n    #pragma X\n    for (;;) {\n        if (a) {\n            b;\n        \
                        } else {\n            c;\n        }\n    }\n\n    d;\n}";
        assert_eq!(indent(code), expected);
    }

    #[test]
    fn comments_stay_on_their_line() {
        assert_eq!(comment("a\nb\\"), "a_b_");
        assert_eq!(comment("слой*/"), "слой*/");
    }

    #[test]
    fn decimals_lose_their_noise() {
        assert_eq!(rounded(0.07 * 100.0).to_string(), "7");
        assert_eq!(rounded(12.5).to_string(), "12.5");
    }

    #[test]
    fn lines_are_filled() {
        let items: Vec<String> = ["1", "22", "333"].iter().map(|s| s.to_string()).collect();
        assert_eq!(wrap(&items, 10), ["1, 22,", "333,"]);
        assert_eq!(wrap(&items, 1), ["1,", "22,", "333,"]);
    }

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
