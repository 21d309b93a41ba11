//! Outputs against others: counts, and a scatter plot in bins.

use ndarray::ArrayD;
use serde::Serialize;

use crate::fixed::Range;
use crate::profile::OutputPair;
use crate::report::{AccuracyError, Agreement, agreement};

/// Bins along each axis of a scatter plot.
const BINS: usize = 48;

/// An output against another one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The other one.
    pub against: Against,
    /// Equal values, errors and choices.
    #[serde(flatten)]
    pub agreement: Agreement,
    /// Pairs of values.
    pub scatter: Scatter,
}

/// Values that an output is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// The trained network in float64.
    Trained,
    /// The file that the user stated.
    Reference,
}

/// Pairs of an expected and a simulated value in square bins from `low` to `high` along both axes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scatter {
    /// The smallest value.
    pub low: f64,
    /// The largest value.
    pub high: f64,
    /// Bins along each axis.
    pub bins: usize,
    /// Bin of the expected value, bin of the simulated value, number of pairs: those with any.
    pub counts: Vec<(usize, usize, u64)>,
}

impl Scatter {
    fn new(simulated: &ArrayD<f64>, expected: &ArrayD<f64>) -> Self {
        let all = || simulated.iter().chain(expected).filter(|value| value.is_finite());
        let low = all().copied().fold(f64::INFINITY, f64::min);
        let high = all().copied().fold(f64::NEG_INFINITY, f64::max);
        // One value, or none at all, still has a square around it.
        let (low, high) = match (low < high, low.is_finite()) {
            (true, _) => (low, high),
            (false, true) => (low - 0.5, low + 0.5),
            (false, false) => (0.0, 1.0),
        };
        let bin = |value: f64| {
            let share = (value - low) / (high - low);
            ((share * BINS as f64) as usize).min(BINS - 1)
        };
        let mut grid = vec![0_u64; BINS * BINS];
        let pairs = simulated.iter().zip(expected);
        for (found, wanted) in pairs.filter(|(a, b)| a.is_finite() && b.is_finite()) {
            grid[bin(*wanted) * BINS + bin(*found)] += 1;
        }
        let counts = grid.iter().enumerate().filter(|(_, count)| **count > 0);
        let counts = counts.map(|(at, count)| (at / BINS, at % BINS, *count)).collect();
        Self { low, high, bins: BINS, counts }
    }
}

/// Compares the `values` of the output `name` with `reference`, as [`agreement`] does.
///
/// # Errors
/// If the reference has another shape.
pub fn comparison(
    name: &str,
    values: &ArrayD<f64>,
    types: (&Range, f64),
    reference: &ArrayD<f64>,
) -> Result<Comparison, AccuracyError> {
    Ok(Comparison {
        against: Against::Reference,
        agreement: agreement(name, values, types, reference)?,
        scatter: Scatter::new(values, reference),
    })
}

/// Compares an output in simulation with that of the trained network, as [`agreement`] does.
///
/// # Errors
/// If they differ in shape.
pub(crate) fn trained_comparison(
    pair: &OutputPair,
    types: (&Range, f64),
) -> Result<Comparison, AccuracyError> {
    let found = comparison(&pair.name, &pair.simulated, types, &pair.trained)?;
    Ok(Comparison { against: Against::Trained, ..found })
}

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use super::*;

    #[test]
    fn pairs_fall_into_bins() {
        let (found, wanted) = (arr1(&[0.0, 1.0, 1.0, f64::NAN]), arr1(&[0.0, 1.0, 0.5, 0.0]));
        let scatter = Scatter::new(&found.into_dyn(), &wanted.into_dyn());
        assert_eq!((scatter.low, scatter.high), (0.0, 1.0));
        assert_eq!(scatter.counts, [(0, 0, 1), (24, 47, 1), (47, 47, 1)]);
    }

    #[test]
    fn one_value_has_a_square_around_it() {
        let one = arr1(&[3.0, 3.0]).into_dyn();
        let scatter = Scatter::new(&one, &one);
        assert_eq!((scatter.low, scatter.high), (2.5, 3.5));
        assert_eq!(scatter.counts, [(24, 24, 2)]);
        let none = arr1(&[]).into_dyn();
        assert_eq!(Scatter::new(&none, &none).counts, []);
    }
}
