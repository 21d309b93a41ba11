//! Outputs against labels, and against those of the trained network.

use std::fmt::{self, Write as _};

use ndarray::{ArrayD, ArrayView2, Axis};
use serde::Serialize;

use crate::fixed::Range;

/// Most classes whose confusion is shown in text.
const MOST_SHOWN: usize = 20;

/// Classes that outputs choose, against labels.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Accuracy {
    /// The output layer.
    pub output: String,
    /// Rows of scores along the last axis: samples, times steps where a sample has several.
    pub rows: usize,
    /// Rows whose largest score is that of the label; of equal scores, the first one counts, as in
    /// `numpy.argmax`. A single score chooses class 1 above the threshold, else class 0.
    pub correct: usize,
    /// Share of these, 0 without rows.
    pub accuracy: f64,
    /// The threshold of a single score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Area under the ROC curve of each class against all others, ties counted half, as
    /// `sklearn.metrics.roc_auc_score`; `None` if all labels are that class, or none is.
    pub auc: Vec<Option<f64>>,
    /// Number of rows for each label, then for each class chosen.
    pub confusion: Vec<Vec<usize>>,
}

/// Outputs against others of the same network, such as those of the trained one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// The output layer.
    pub output: String,
    /// Values compared.
    pub values: usize,
    /// Values that are equal as float64.
    pub equal: usize,
    /// Largest absolute difference.
    pub largest_error: f64,
    /// Mean absolute difference, 0 without values.
    pub mean_error: f64,
    /// Rows of scores along the last axis.
    pub rows: usize,
    /// Rows that choose the same class, as [`Accuracy`] does.
    pub same_class: usize,
}

/// Labels or references that do not fit an output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccuracyError {
    /// Another number of labels.
    #[error("output '{output}' has the shape {scores:?}, the labels have the shape {labels:?}")]
    Labels {
        /// The output.
        output: String,
        /// Its shape, samples first.
        scores: Vec<usize>,
        /// Theirs.
        labels: Vec<usize>,
    },
    /// A label that is no class.
    #[error("output '{output}' has {classes} classes, label {label} is none of them")]
    Class {
        /// The output.
        output: String,
        /// Number of classes.
        classes: usize,
        /// The label.
        label: String,
    },
    /// A row of labels without a largest element.
    #[error("row {row} of the labels of output '{output}' has no largest element")]
    NoClass {
        /// The output.
        output: String,
        /// The row.
        row: usize,
    },
    /// A reference of another shape.
    #[error(
        "output '{output}' has the shape {outputs:?}, the reference has the shape {reference:?}"
    )]
    Reference {
        /// The output.
        output: String,
        /// Its shape, samples first.
        outputs: Vec<usize>,
        /// Its shape.
        reference: Vec<usize>,
    },
}

/// The scores of an output: a row for each choice.
pub(super) struct Scores<'a> {
    rows: ArrayView2<'a, f64>,
    /// Of a single score.
    threshold: f64,
}

impl AccuracyError {
    /// Advice for the user.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Labels { .. } | Self::Class { .. } | Self::NoClass { .. } => {
                "labels are the numbers of classes, one for each sample, or rows like those of the output"
            }
            Self::Reference { .. } => {
                "a reference has the values of the output, for all samples of --input"
            }
        }
    }
}

impl<'a> Scores<'a> {
    /// The values of an output, samples first. A single score whose proven range lies within 0 and 1 is a
    /// probability.
    pub(super) fn new(values: &'a ArrayD<f64>, is_probability: bool) -> Self {
        let width = if values.ndim() > 1 { values.shape()[values.ndim() - 1] } else { 1 };
        let rows = values.len().checked_div(width).unwrap_or(0);
        let rows = values.view().into_shape_with_order((rows, width));
        let rows = rows.expect("results are in standard order");
        Self { rows, threshold: if is_probability { 0.5 } else { 0.0 } }
    }

    pub(super) fn is_single(&self) -> bool {
        self.rows.ncols() == 1
    }

    pub(super) fn classes(&self) -> usize {
        if self.is_single() { 2 } else { self.rows.ncols() }
    }

    /// The class that each row chooses.
    fn choices(&self) -> Vec<usize> {
        let choice = |row: ndarray::ArrayView1<'_, f64>| {
            if row.len() == 1 {
                return usize::from(row[0] > self.threshold);
            }
            let first_largest =
                |best: usize, at: usize| if row[at] > row[best] { at } else { best };
            (0..row.len()).fold(0, first_largest)
        };
        self.rows.axis_iter(Axis(0)).map(choice).collect()
    }

    /// The class of each row by `labels` of the output `name`, whose values these are.
    pub(super) fn labels(
        &self,
        name: &str,
        values: &ArrayD<f64>,
        labels: &ArrayD<f64>,
    ) -> Result<Vec<usize>, AccuracyError> {
        let classes = self.classes();
        if labels.len() == self.rows.nrows() {
            let class = |label: &f64| {
                let class = (*label >= 0.0 && label.fract() == 0.0).then_some(*label as usize);
                class.filter(|class| *class < classes).ok_or_else(|| AccuracyError::Class {
                    output: name.to_owned(),
                    classes,
                    label: label.to_string(),
                })
            };
            labels.iter().map(class).collect()
        } else if labels.shape() == values.shape() {
            let rows = labels.as_standard_layout().into_owned();
            let rows = Scores::new(&rows, true);
            let is_even = |row: ndarray::ArrayView1<'_, f64>| row.iter().all(|it| *it == row[0]);
            if let Some(row) = rows.rows.axis_iter(Axis(0)).position(is_even) {
                return Err(AccuracyError::NoClass { output: name.to_owned(), row });
            }
            Ok(rows.choices())
        } else {
            Err(AccuracyError::Labels {
                output: name.to_owned(),
                scores: values.shape().to_vec(),
                labels: labels.shape().to_vec(),
            })
        }
    }

    /// The score of `class` in each row.
    pub(super) fn of_class(&self, class: usize) -> Vec<f64> {
        match self.is_single() {
            true if class == 0 => self.rows.column(0).iter().map(|score| -score).collect(),
            true => self.rows.column(0).to_vec(),
            false => self.rows.column(class).to_vec(),
        }
    }
}

/// Compares the `values` of the output `name`, samples first, with `labels`: a class for each row of
/// scores, or a row of the values' shape whose largest element is the class. `range` is the proven range of
/// the codes of the output, whose LSB is `lsb`.
///
/// # Errors
/// If the labels do not fit the output.
pub fn accuracy(
    name: &str,
    values: &ArrayD<f64>,
    (range, lsb): (&Range, f64),
    labels: &ArrayD<f64>,
) -> Result<Accuracy, AccuracyError> {
    let scores = Scores::new(values, is_probability(range, lsb));
    let classes = scores.classes();
    let rows = scores.rows.nrows();
    let labels = scores.labels(name, values, labels)?;
    let choices = scores.choices();
    let mut confusion = vec![vec![0; classes]; classes];
    for (label, choice) in labels.iter().zip(&choices) {
        confusion[*label][*choice] += 1;
    }
    let correct = (0..classes).map(|class| confusion[class][class]).sum();
    let auc = (0..classes).map(|class| {
        let is_class: Vec<bool> = labels.iter().map(|label| *label == class).collect();
        area(&scores.of_class(class), &is_class)
    });
    Ok(Accuracy {
        output: name.to_owned(),
        rows,
        correct,
        accuracy: share(correct, rows),
        threshold: scores.is_single().then_some(scores.threshold),
        auc: auc.collect(),
        confusion,
    })
}

/// Compares the `values` of the output `name` with `reference`, as [`accuracy`] does.
///
/// # Errors
/// If the reference has another shape.
pub fn agreement(
    name: &str,
    values: &ArrayD<f64>,
    (range, lsb): (&Range, f64),
    reference: &ArrayD<f64>,
) -> Result<Agreement, AccuracyError> {
    if values.shape() != reference.shape() {
        return Err(AccuracyError::Reference {
            output: name.to_owned(),
            outputs: values.shape().to_vec(),
            reference: reference.shape().to_vec(),
        });
    }
    let reference = reference.as_standard_layout().into_owned();
    let errors: Vec<f64> = values.iter().zip(&reference).map(|(a, b)| (a - b).abs()).collect();
    let choices = |values| Scores::new(values, is_probability(range, lsb)).choices();
    let (own, others) = (choices(values), choices(&reference));
    Ok(Agreement {
        output: name.to_owned(),
        values: errors.len(),
        equal: errors.iter().filter(|error| **error == 0.0).count(),
        largest_error: errors.iter().copied().fold(0.0, f64::max),
        mean_error: errors.iter().sum::<f64>() / errors.len().max(1) as f64,
        rows: own.len(),
        same_class: own.iter().zip(&others).filter(|(a, b)| a == b).count(),
    })
}

/// True if all values of a range of codes lie within 0 and 1.
pub(super) fn is_probability(range: &Range, lsb: f64) -> bool {
    let end = |code: &num_bigint::BigInt| num_traits::ToPrimitive::to_f64(code).map(|it| it * lsb);
    end(range.low()).is_some_and(|low| low >= 0.0) && end(range.high()).is_some_and(|it| it <= 1.0)
}

fn share(part: usize, all: usize) -> f64 {
    part as f64 / all.max(1) as f64
}

/// The share of pairs, of a row of the class and another one, in which the row of the class has the higher
/// score; equal scores count half.
fn area(scores: &[f64], is_class: &[bool]) -> Option<f64> {
    let inside = is_class.iter().filter(|it| **it).count();
    let outside = scores.len() - inside;
    if inside == 0 || outside == 0 {
        return None;
    }
    let mut rows: Vec<(f64, bool)> = scores.iter().copied().zip(is_class.iter().copied()).collect();
    rows.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    // Twice the number of pairs.
    let (mut pairs, mut below) = (0, 0);
    for equal in rows.chunk_by(|(a, _), (b, _)| a == b) {
        let own = equal.iter().filter(|(_, is_class)| *is_class).count();
        let others = equal.len() - own;
        pairs += own * (2 * below + others);
        below += others;
    }
    Some(pairs as f64 / (2 * inside * outside) as f64)
}

impl fmt::Display for Accuracy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { output, rows, correct, accuracy, .. } = self;
        write!(f, "'{output}': {correct} of {rows} correct ({:.2} %)", accuracy * 100.0)?;
        if let Some(threshold) = self.threshold {
            write!(f, ", class 1 above {threshold}")?;
        }
        let auc = |auc: &Option<f64>| auc.map_or("-".to_owned(), |auc| format!("{auc:.4}"));
        let classes = self.confusion.len();
        if classes > MOST_SHOWN {
            let known: Vec<f64> = self.auc.iter().copied().flatten().collect();
            let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
            return write!(f, ", mean AUC {mean:.4} of {} classes", known.len());
        }
        let most = self.confusion.iter().flatten().max().copied().unwrap_or(0);
        let width = most.to_string().len().max(classes.to_string().len()) + 2;
        let mut table = format!("\n{:>7}", "label");
        for class in 0..classes {
            let _ = write!(table, "{class:>width$}");
        }
        let _ = write!(table, "{:>9}", "AUC");
        for (class, row) in self.confusion.iter().enumerate() {
            let _ = write!(table, "\n{class:>7}");
            for count in row {
                let _ = write!(table, "{count:>width$}");
            }
            let _ = write!(table, "{:>9}", auc(&self.auc[class]));
        }
        f.write_str(&table)
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { output, values, equal, largest_error, mean_error, rows, same_class } = self;
        write!(
            f,
            "'{output}' and the reference: {equal} of {values} values equal, largest error \
             {largest_error:.4e}, mean error {mean_error:.4e}; argmax agrees in {same_class} of {rows} rows \
             ({:.2} %)",
            share(*same_class, *rows) * 100.0
        )
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{arr1, arr2};

    use super::*;

    /// Codes of 0 to 1 in steps of 1/8, and of -1 to 1.
    fn types() -> [(Range, f64); 2] {
        [(0, 8), (-8, 8)].map(|(low, high)| (Range::new(low, high), 0.125))
    }

    fn of(
        values: &ArrayD<f64>,
        at: usize,
        labels: &ArrayD<f64>,
    ) -> Result<Accuracy, AccuracyError> {
        let (range, lsb) = &types()[at];
        accuracy("y", values, (range, *lsb), labels)
    }

    #[test]
    fn the_first_of_equal_scores_is_chosen() {
        let values = arr2(&[[0.5, 0.5, 0.0], [0.0, 0.25, 0.75], [0.5, 0.125, 0.5]]).into_dyn();
        let found = of(&values, 0, &arr1(&[1.0, 2.0, 0.0]).into_dyn()).expect("labels that fit");
        assert_eq!((found.rows, found.correct, found.threshold), (3, 2, None));
        assert_eq!(found.confusion, [[1, 0, 0], [1, 0, 0], [0, 0, 1]]);
        // Class 0 has 0.5 against 0.5 and 0; class 1 has 0.5 against 0.25 and 0.125.
        assert_eq!(found.auc, [Some(0.75), Some(1.0), Some(1.0)]);
        // One row of the labels' shape for each.
        let rows = arr2(&[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]).into_dyn();
        assert_eq!(of(&values, 0, &rows), Ok(found.clone()));
        let text = "'y': 2 of 3 correct (66.67 %)\n  label  0  1  2      AUC\n      0  1  0  0   \
                    0.7500\n      1  1  0  0   1.0000\n      2  0  0  1   1.0000";
        assert_eq!(found.to_string(), text);
    }

    #[test]
    fn a_single_score_has_a_threshold_by_its_range() {
        let values = arr2(&[[0.25], [0.75], [0.5], [0.125]]).into_dyn();
        let labels = arr2(&[[0.0], [1.0], [1.0], [0.0]]).into_dyn();
        let probability = of(&values, 0, &labels).expect("labels that fit");
        assert_eq!((probability.correct, probability.threshold), (3, Some(0.5)));
        assert_eq!(probability.auc, [Some(1.0), Some(1.0)]);
        let logit = of(&values, 1, &labels).expect("labels that fit");
        assert_eq!((logit.correct, logit.threshold), (2, Some(0.0)));
        assert!(logit.to_string().starts_with("'y': 2 of 4 correct (50.00 %), class 1 above 0\n"));
    }

    #[test]
    fn a_class_that_all_rows_or_none_have_has_no_area() {
        let values = arr2(&[[0.5, 0.0, 0.0], [0.0, 0.5, 0.0]]).into_dyn();
        let found = of(&values, 0, &arr1(&[0.0, 0.0]).into_dyn()).expect("labels that fit");
        assert_eq!(found.auc, [None; 3]);
    }

    #[test]
    fn labels_that_do_not_fit_are_errors() {
        let values = arr2(&[[0.5, 0.0, 0.0], [0.0, 0.5, 0.0]]).into_dyn();
        for (labels, expected) in [
            (
                arr1(&[0.0]).into_dyn(),
                "output 'y' has the shape [2, 3], the labels have the shape [1]",
            ),
            (arr1(&[0.0, 3.0]).into_dyn(), "output 'y' has 3 classes, label 3 is none of them"),
            (arr1(&[0.0, -1.0]).into_dyn(), "output 'y' has 3 classes, label -1 is none of them"),
            (arr1(&[0.5, 0.0]).into_dyn(), "output 'y' has 3 classes, label 0.5 is none of them"),
            (
                arr2(&[[0.0, 1.0, 0.0], [0.0; 3]]).into_dyn(),
                "row 1 of the labels of output 'y' has no largest element",
            ),
        ] {
            let error = of(&values, 0, &labels).expect_err("labels that do not fit");
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn agreement_counts_values_and_choices() {
        let values = arr2(&[[0.5, 0.25], [0.0, 0.5]]).into_dyn();
        let reference = arr2(&[[0.5, 0.75], [0.0, 0.375]]).into_dyn();
        let (range, lsb) = &types()[0];
        let found = agreement("y", &values, (range, *lsb), &reference).expect("of one shape");
        assert_eq!((found.values, found.equal, found.rows, found.same_class), (4, 2, 2, 1));
        assert_eq!((found.largest_error, found.mean_error), (0.5, 0.15625));
        let text = "'y' and the reference: 2 of 4 values equal, largest error 5.0000e-1, mean error \
                    1.5625e-1; argmax agrees in 1 of 2 rows (50.00 %)";
        assert_eq!(found.to_string(), text);
        let error = agreement("y", &values, (range, *lsb), &arr1(&[1.0]).into_dyn());
        let text = "output 'y' has the shape [2, 2], the reference has the shape [1]";
        assert_eq!(error.map_err(|error| error.to_string()), Err(text.to_owned()));
    }
}
