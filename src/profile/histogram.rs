//! Counts of values in bins of one width, found in one pass without knowing the range.

use serde::Serialize;

/// A bin is 2^-5 of the power of two at or below the largest magnitude, so that each sign has at most
/// 64 bins.
const FINENESS: i32 = 5;

/// The exponent of the smallest float64: the width of bins before any value but 0.
const FINEST: i32 = -1074;

/// Counts of values in bins whose width is a power of two, with a bin that begins at 0. The bins follow from
/// the values alone, not from their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Histogram {
    /// The width of a bin is 2^`exponent`.
    pub exponent: i32,
    /// The first bin begins at `first` widths.
    pub first: i64,
    /// Number of values in each bin, its lower end included.
    pub counts: Vec<u64>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { exponent: FINEST, first: 0, counts: Vec::new() }
    }
}

impl Histogram {
    /// Adds a value; one that is not finite has no bin.
    pub(super) fn add(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        if value != 0.0 {
            self.coarsen((libm::ilogb(value) - FINENESS).max(FINEST));
        }
        let bin = libm::floor(libm::ldexp(value, -self.exponent)) as i64;
        if self.counts.is_empty() {
            self.first = bin;
        }
        if bin < self.first {
            let more = (self.first - bin).unsigned_abs() as usize;
            self.counts.splice(0..0, std::iter::repeat_n(0, more));
            self.first = bin;
        }
        let at = (bin - self.first).unsigned_abs() as usize;
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] += 1;
    }

    /// The same values in bins of at least 2^`exponent`, such as the LSB of a type.
    #[must_use]
    pub fn at_least(&self, exponent: i32) -> Self {
        let mut wider = self.clone();
        wider.coarsen(exponent);
        wider
    }

    /// Joins bins until they are as wide as 2^`exponent`.
    fn coarsen(&mut self, exponent: i32) {
        if exponent <= self.exponent {
            return;
        }
        // All bits but the sign are shifted out.
        let shift = (exponent - self.exponent).min(i64::BITS.cast_signed() - 1);
        let first = self.first >> shift;
        let mut counts = Vec::new();
        for (bin, count) in (self.first..).zip(&self.counts) {
            let at = ((bin >> shift) - first).unsigned_abs() as usize;
            counts.resize(at + 1, 0);
            counts[at] += count;
        }
        *self = Self { exponent, first, counts };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Histogram {
        let mut all = Histogram::default();
        values.iter().for_each(|value| all.add(*value));
        all
    }

    #[test]
    fn bins_do_not_depend_on_the_order() {
        let values = [0.0, 1.0, -0.5, 1e-9, 63.0, -1.0 / 64.0, 1.0];
        let (forth, mut reversed) = (of(&values), values);
        reversed.reverse();
        assert_eq!(forth, of(&reversed));
        // 63 is in [2^5, 2^6): bins of width 1.
        assert_eq!((forth.exponent, forth.first, forth.counts.len()), (0, -1, 65));
        assert_eq!((&forth.counts[..3], forth.counts[64]), (&[2, 2, 2][..], 1));
    }

    #[test]
    fn zeros_and_single_values_have_one_bin() {
        assert_eq!(of(&[0.0, 0.0]), Histogram { counts: vec![2], ..Histogram::default() });
        assert_eq!(of(&[-0.75]), Histogram { exponent: -6, first: -48, counts: vec![1] });
        let smallest = f64::from_bits(1);
        assert_eq!(
            of(&[smallest]),
            Histogram { first: 1, counts: vec![1], ..Histogram::default() }
        );
        assert_eq!(of(&[f64::NAN, f64::INFINITY]), Histogram::default());
    }

    #[test]
    fn bins_are_joined_up_to_the_lsb() {
        let fine = of(&[-0.75, -0.5, 0.25, 0.5]);
        assert_eq!(fine.exponent, -6);
        let wide = fine.at_least(-1);
        assert_eq!(wide, Histogram { exponent: -1, first: -2, counts: vec![1, 1, 1, 1] });
        assert_eq!(wide.at_least(-3), wide);
    }
}
