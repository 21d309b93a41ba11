//! Numbers as a page shows them.

use crate::report::layers::rounded;
use crate::report::profile;

/// A number with four significant digits, in scientific notation if it is small or large.
pub(super) fn number(value: f64) -> String {
    profile::number(value)
}

/// A count with narrow spaces between groups of three digits.
pub(super) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// `1 cycle`, `12 cycles`.
pub(super) fn clock_cycles(value: u64) -> String {
    format!("{} {}", count(value), if value == 1 { "cycle" } else { "cycles" })
}

/// A count, or a dash for none.
pub(super) fn count_or_dash(value: u64) -> String {
    if value == 0 { "–".to_owned() } else { count(value) }
}

/// A share of 0 to 1 in percent, with two decimals unless it is exact without.
pub(super) fn percent(share: f64) -> String {
    match (share * 1e4).round() / 100.0 {
        0.0 if share > 0.0 => "<0.01 %".to_owned(),
        percent => format!("{percent} %"),
    }
}

/// A time in nanoseconds with a unit that fits.
pub(super) fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ns if ns < 1e3 => format!("{} ns", rounded(ns)),
        ns if ns < 1e6 => format!("{} µs", rounded(ns / 1e3)),
        ns => format!("{} ms", rounded(ns / 1e6)),
    }
}

/// A rate per second with a prefix that fits.
pub(super) fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate < 1e3 => rounded(rate),
        rate if rate < 1e6 => format!("{} k", rounded(rate / 1e3)),
        rate => format!("{} M", rounded(rate / 1e6)),
    }
}

/// An energy in pJ with a unit that fits.
pub(super) fn energy(picojoules: f64) -> String {
    match picojoules {
        pj if pj < 1e3 => format!("{} pJ", rounded(pj)),
        pj if pj < 1e6 => format!("{} nJ", rounded(pj / 1e3)),
        pj => format!("{} µJ", rounded(pj / 1e6)),
    }
}

/// `16 × 8 × 3`.
pub(super) fn shape(shape: &[usize]) -> String {
    let axes: Vec<String> = shape.iter().map(usize::to_string).collect();
    axes.join(" × ")
}

/// A coordinate in pixels.
pub(super) fn pixels(at: f64) -> String {
    let text = format!("{at:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// At most `most` characters of `text`, the last of them an ellipsis if some are left out.
pub(super) fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units_and_groups() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(count),
            ["0", "999", "1\u{202f}000", "1\u{202f}234\u{202f}567"]
        );
        assert_eq!([1, 1200].map(clock_cycles), ["1 cycle", "1\u{202f}200 cycles"]);
        assert_eq!([5.0, 4500.0, 1.25e6].map(time), ["5 ns", "4.5 µs", "1.25 ms"]);
        assert_eq!([12.0, 2.2e5, 2e8].map(rate), ["12", "220 k", "200 M"]);
        assert_eq!([1.65, 11050.0, 3.2e6].map(energy), ["1.65 pJ", "11.05 nJ", "3.2 µJ"]);
        assert_eq!([0.0, 1e-6, 0.5, 0.97111].map(percent), ["0 %", "<0.01 %", "50 %", "97.11 %"]);
        assert_eq!([12.0, 3.25, -0.04].map(pixels), ["12", "3.2", "-0"]);
        assert_eq!((short("conv", 4), short("conv1", 4)), ("conv".to_owned(), "con…".to_owned()));
    }
}
