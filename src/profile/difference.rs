//! Differences between values that should be equal.

use serde::Serialize;

/// Difference of values from others, such as simulated results from those of the trained network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Difference {
    /// Number of values.
    pub count: u64,
    /// Number of values that are equal as float64.
    pub equal: u64,
    /// The largest absolute difference.
    pub largest: f64,
    /// The mean absolute difference, 0 without values.
    pub mean: f64,
    /// The mean of the squared differences.
    pub mean_square: f64,
    /// The mean of the squares of the expected values.
    pub expected_square: f64,
}

impl Difference {
    /// Adds `found` against `expected`.
    pub(super) fn extend<'v>(
        &mut self,
        found: impl IntoIterator<Item = &'v f64>,
        expected: impl IntoIterator<Item = &'v f64>,
    ) {
        let before = self.count as f64;
        let (mut sum, mut squares, mut power) = (0.0, 0.0, 0.0);
        for (found, expected) in found.into_iter().zip(expected) {
            let error = (found - expected).abs();
            self.count += 1;
            self.equal += u64::from(error == 0.0);
            self.largest = self.largest.max(error);
            sum += error;
            squares += error * error;
            power += expected * expected;
        }
        if self.count > 0 {
            let count = self.count as f64;
            self.mean = (self.mean * before + sum) / count;
            self.mean_square = (self.mean_square * before + squares) / count;
            self.expected_square = (self.expected_square * before + power) / count;
        }
    }

    /// Ratio of the power of the expected values to that of the differences in dB (SQNR); `None` if one of
    /// them is 0.
    pub fn decibels(&self) -> Option<f64> {
        let ratio = self.expected_square / self.mean_square;
        (ratio > 0.0 && ratio.is_finite()).then(|| 10.0 * ratio.log10())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_in_parts_are_those_of_all() {
        let (found, expected) = ([1.0, 2.0, 0.5, -1.0], [1.0, 2.5, 0.5, -2.0]);
        let mut parts = Difference::default();
        parts.extend(&found[..1], &expected[..1]);
        parts.extend(&found[1..], &expected[1..]);
        assert_eq!((parts.count, parts.equal, parts.largest, parts.mean), (4, 2, 1.0, 0.375));
        assert_eq!((parts.mean_square, parts.expected_square), (0.3125, 2.875));
        let decibels = parts.decibels().expect("a difference");
        assert!((decibels - 9.638).abs() < 1e-3, "{decibels}");
        assert_eq!(Difference::default().decibels(), None);
    }
}
