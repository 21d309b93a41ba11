//! Where a cast takes a range.

use super::{Format, Overflow, Quantization, Range, cast};

/// The smallest range that holds what the codes of `range`, with `from_fraction` bits behind
/// the point, become in `to`; all of the format where codes wrap around.
pub fn cast_range(range: &Range, from_fraction: i32, to: &Quantization) -> Range {
    let into = |to: &Quantization| {
        let end = |code| cast(code, from_fraction, to);
        Range::new(end(range.low()), end(range.high()))
    };
    // Saturation, like every rounding mode, keeps the order of numbers, so the ends decide.
    let saturated = into(&Quantization { overflow: Overflow::Sat, ..*to });
    match to.overflow {
        Overflow::Sat => saturated,
        Overflow::SatSym => into(to),
        Overflow::Wrap { .. } | Overflow::SatZero => {
            if fits(range, from_fraction, to) {
                saturated
            } else {
                to.format.codes()
            }
        }
    }
}

/// Whether every code of `range`, rounded as `to` says, lies in its format, so that its overflow
/// mode does not matter.
pub(crate) fn fits(range: &Range, from_fraction: i32, to: &Quantization) -> bool {
    // The same rounding into the widest format with these steps shows what overflows.
    let widest = Format::signed(super::MAX_WIDTH, 128 - to.format.fraction());
    widest.is_ok_and(|format| {
        let widest = Quantization::new(format, to.rounding, Overflow::Sat);
        let end = |code| cast(code, from_fraction, &widest);
        let rounded = Range::new(end(range.low()), end(range.high()));
        to.format.codes().contains(&rounded)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_cast_is_that_of_all_its_codes() -> Result<(), super::super::FormatError> {
        for text in [
            "fixed<4,2,RND_CONV,SAT>",
            "fixed<4,2,RND_INF,SAT_SYM>",
            "ufixed<3,1,TRN_ZERO,SAT>",
            "fixed<4,3>",
            "fixed<5,3,RND,SAT_ZERO>",
            "ufixed<8,6,RND,WRAP,2>",
        ] {
            let to: Quantization = text.parse()?;
            for low in -40..40_i64 {
                for high in low..40 {
                    let range = cast_range(&Range::new(low, high), 3, &to);
                    let reached: Vec<_> = (low..=high).map(|c| cast(&c, 3, &to)).collect();
                    let hull = reached.iter().min().zip(reached.iter().max());
                    let hull = hull.map(|(a, b)| Range::new(a.clone(), b.clone()));
                    let hull = hull.unwrap_or_else(|| Range::point(0));
                    assert!(range.contains(&hull), "{text} of [{low}, {high}]");
                    assert!(range == hull || range == to.format.codes(), "{text}: [{low}, {high}]");
                }
            }
        }
        Ok(())
    }
}
