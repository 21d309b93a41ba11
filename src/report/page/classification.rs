//! Outputs against labels: the accuracy, and the ROC curve of each class.

use ndarray::ArrayD;
use serde::Serialize;

use crate::fixed::Range;
use crate::report::accuracy::{Accuracy, AccuracyError, Scores, accuracy, is_probability};

/// Most classes with a curve: more cannot be told apart.
const MOST_CURVES: usize = 10;

/// Points beyond which a curve is thinned to this least distance of two points along an axis.
const MOST_POINTS: usize = 512;
const RESOLUTION: f64 = 1.0 / 128.0;

/// An output as a classifier.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Classification {
    /// Right choices, confusion, and areas under the curves.
    pub accuracy: Accuracy,
    /// The curves of the first ten classes with one; that of class 1 for a single score.
    pub roc: Vec<Roc>,
}

/// Share of rows of a class that are found, over the share of other rows that are taken for it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Roc {
    /// The class.
    pub class: usize,
    /// The area under the curve.
    pub auc: f64,
    /// False positive rate and true positive rate, for falling thresholds.
    pub points: Vec<(f64, f64)>,
}

/// Compares the `values` of the output `name` with `labels`, as [`accuracy`] does.
///
/// # Errors
/// If the labels do not fit the output.
pub fn classification(
    name: &str,
    values: &ArrayD<f64>,
    types: (&Range, f64),
    labels: &ArrayD<f64>,
) -> Result<Classification, AccuracyError> {
    let accuracy = accuracy(name, values, types, labels)?;
    let scores = Scores::new(values, is_probability(types.0, types.1));
    let labels = scores.labels(name, values, labels)?;
    // The curve of class 0 of a single score is that of class 1 turned around.
    let classes = if scores.is_single() { 1..2 } else { 0..scores.classes() };
    let curve = |class: usize| {
        let auc = accuracy.auc.get(class).copied().flatten()?;
        let is_class = labels.iter().map(|label| *label == class);
        let rows = scores.of_class(class).into_iter().zip(is_class).collect();
        Some(Roc { class, auc, points: points(rows) })
    };
    let roc = classes.filter_map(curve).take(MOST_CURVES).collect();
    Ok(Classification { accuracy, roc })
}

/// The points of a curve for scores, each with true for the class. Both kinds occur.
fn points(mut rows: Vec<(f64, bool)>) -> Vec<(f64, f64)> {
    rows.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let inside = rows.iter().filter(|(_, is_class)| *is_class).count() as f64;
    let outside = rows.len() as f64 - inside;
    // Other rows and rows of the class at or above a threshold: the ends of straight parts.
    let mut corners: Vec<(usize, usize)> = vec![(0, 0)];
    let (mut found, mut wrong) = (0, 0);
    for equal in rows.chunk_by(|(a, _), (b, _)| a == b) {
        let own = equal.iter().filter(|(_, is_class)| *is_class).count();
        found += own;
        wrong += equal.len() - own;
        if let [.., start, middle] = corners[..] {
            let (one, next) = ((middle.0 - start.0, middle.1 - start.1), (wrong, found));
            if one.0 * (next.1 - middle.1) == one.1 * (next.0 - middle.0) {
                corners.pop();
            }
        }
        corners.push((wrong, found));
    }
    let points = corners.iter().map(|at| (at.0 as f64 / outside, at.1 as f64 / inside));
    match corners.len() > MOST_POINTS {
        true => thinned(points),
        false => points.collect(),
    }
}

/// The points that are apart from one another, and the last one.
fn thinned(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut all: Vec<(f64, f64)> = Vec::new();
    for point in points {
        let is_apart = all
            .last()
            .is_none_or(|last: &(f64, f64)| (point.0 - last.0).max(point.1 - last.1) >= RESOLUTION);
        if is_apart || point == (1.0, 1.0) {
            all.push(point);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use ndarray::{arr1, arr2};

    use super::*;

    #[test]
    fn a_curve_steps_at_each_score() {
        let rows = vec![(0.9, true), (0.5, false), (0.5, true), (0.1, false)];
        assert_eq!(points(rows), [(0.0, 0.0), (0.0, 0.5), (0.5, 1.0), (1.0, 1.0)]);
    }

    #[test]
    fn a_single_score_has_one_curve() {
        let values = arr2(&[[0.25], [0.75], [0.5]]).into_dyn();
        let labels = arr1(&[0.0, 1.0, 1.0]).into_dyn();
        let range = Range::new(0, 8);
        let found =
            classification("y", &values, (&range, 0.125), &labels).expect("labels that fit");
        let points = vec![(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)];
        assert_eq!(found.roc, [Roc { class: 1, auc: 1.0, points }]);
    }

    #[test]
    fn a_curve_keeps_its_corners() {
        // A row of the class after 30 others each, 200 times: steps finer than the plot.
        let rows = (0..6200).map(|at| (-f64::from(at), at % 31 == 30)).collect();
        let points = points(rows);
        assert_eq!(points.len(), 401);
        let area = |pair: &[(f64, f64)]| (pair[1].0 - pair[0].0) * (pair[1].1 + pair[0].1) / 2.0;
        let area: f64 = points.windows(2).map(area).sum();
        assert!((area - 0.4975).abs() < 1e-9, "{area}");
    }

    #[test]
    fn a_curve_of_many_scores_is_thinned() {
        let rows = (0..10_000).map(|at| (f64::from(at), at % 3 == 0)).collect();
        let points = points(rows);
        assert!(points.len() < 300, "{}", points.len());
        assert_eq!(points.last(), Some(&(1.0, 1.0)));
    }
}
