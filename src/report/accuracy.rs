//! Outputs compared with labels, and with the outputs of another implementation.

use ndarray::{ArrayD, ArrayView1, Axis};
use serde::Serialize;

use super::layers::rounded;

/// Classes of an output compared with labels.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Classification {
    /// Samples whose largest output, the first of several equal ones, is that of their label.
    pub correct: usize,
    /// Number of samples.
    pub samples: usize,
    /// Area under the receiver operating characteristic of each class against all others; `None` if
    /// all or no samples are of the class.
    pub auc: Vec<Option<f64>>,
    /// Samples of each label by the class of their largest output: \[labels\]\[classes\].
    pub confusion: Vec<Vec<usize>>,
}

/// Differences of an output from the same output of another implementation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// Largest difference of a value.
    pub max_error: f64,
    /// Mean of the magnitudes of the differences.
    pub mean_error: f64,
    /// Samples with the largest value in the same place.
    pub same_argmax: usize,
    /// Number of samples.
    pub samples: usize,
}

impl Classification {
    /// Compares `outputs` \[samples, .., classes\] with `labels`, a class \[samples\] or an array like
    /// the outputs in which the label has the largest element. With a single output per sample, the
    /// classes are 0 and 1, and it is the score of 1 from 1/2 on.
    ///
    /// # Errors
    /// What does not fit.
    pub fn new(outputs: &ArrayD<f64>, labels: &ArrayD<f64>) -> Result<Self, String> {
        let samples = outputs.shape().first().copied().unwrap_or(0);
        let rows = rows(outputs);
        let width = rows.first().map_or(0, Vec::len);
        let scores: Vec<Vec<f64>> = match width {
            1 => rows.iter().map(|row| vec![1.0 - row[0], row[0]]).collect(),
            _ => rows,
        };
        let classes = width.max(2);
        let labels: Vec<usize> = if labels.len() == samples {
            let class = |label: &f64| {
                let is_class = label.fract() == 0.0 && (0.0..classes as f64).contains(label);
                is_class.then_some(*label as usize).ok_or(format!(
                    "label {label} is no class: there are {classes}, from 0 to {}",
                    classes - 1
                ))
            };
            labels.iter().map(class).collect::<Result<_, _>>()?
        } else if labels.len() == samples * width {
            self::rows(labels).iter().map(|row| argmax(row)).collect()
        } else {
            let (found, expected) = (labels.shape(), outputs.shape());
            return Err(format!(
                "labels of the shape {found:?} do not fit outputs of the shape {expected:?}"
            ));
        };
        let mut confusion = vec![vec![0; classes]; classes];
        for (label, scores) in labels.iter().zip(&scores) {
            // With one output, 1/2 is class 1.
            let class = if width == 1 { usize::from(scores[1] >= 0.5) } else { argmax(scores) };
            confusion[*label][class] += 1;
        }
        let correct = (0..classes).map(|class| confusion[class][class]).sum();
        let auc = (0..classes).map(|class| {
            let of_class = scores.iter().zip(&labels);
            area(of_class.map(|(scores, label)| (scores[class], *label == class)).collect())
        });
        Ok(Self { correct, samples, auc: auc.collect(), confusion })
    }

    /// The comparison in words and tables.
    pub fn text(&self) -> String {
        let share = 100.0 * self.correct as f64 / self.samples.max(1) as f64;
        let mut text = format!(
            "accuracy: {} of {} samples, {} %\nclass   AUC      predicted as 0, 1, ..\n",
            self.correct,
            self.samples,
            rounded(share)
        );
        for (class, (auc, row)) in self.auc.iter().zip(&self.confusion).enumerate() {
            let auc = auc.map_or_else(|| "-".to_owned(), |auc| format!("{auc:.5}"));
            let row: Vec<String> = row.iter().map(|count| format!("{count:>6}")).collect();
            text.push_str(&format!("{class:<7} {auc:<8} {}\n", row.join(" ")));
        }
        text
    }
}

impl Agreement {
    /// Compares `outputs` with `expected`.
    ///
    /// # Errors
    /// If their shapes differ.
    pub fn new(outputs: &ArrayD<f64>, expected: &ArrayD<f64>) -> Result<Self, String> {
        if outputs.shape() != expected.shape() {
            let (found, wanted) = (expected.shape(), outputs.shape());
            return Err(format!(
                "the reference has the shape {found:?}, the output has {wanted:?}"
            ));
        }
        let errors = || outputs.iter().zip(expected).map(|(a, b)| (a - b).abs());
        let rows = rows(outputs).into_iter().zip(rows(expected));
        Ok(Self {
            max_error: errors().fold(0.0, f64::max),
            mean_error: errors().sum::<f64>() / outputs.len().max(1) as f64,
            same_argmax: rows.filter(|(a, b)| argmax(a) == argmax(b)).count(),
            samples: outputs.shape().first().copied().unwrap_or(0),
        })
    }

    /// The comparison in words.
    pub fn text(&self, output: &str) -> String {
        format!(
            "'{output}' and the reference: largest error {}, mean error {}; the same largest value in {} \
             of {} samples\n",
            rounded(self.max_error),
            rounded(self.mean_error),
            self.same_argmax,
            self.samples
        )
    }
}

/// The values of each sample.
fn rows(values: &ArrayD<f64>) -> Vec<Vec<f64>> {
    if values.ndim() == 0 {
        return Vec::new();
    }
    values.axis_iter(Axis(0)).map(|sample| sample.iter().copied().collect()).collect()
}

/// The first of the largest values.
fn argmax(row: &[f64]) -> usize {
    let row = ArrayView1::from(row);
    let better =
        |best: usize, (at, value): (usize, &f64)| if *value > row[best] { at } else { best };
    row.iter().enumerate().fold(0, better)
}

/// The area under the curve of true over false positives: the share of pairs of a positive and a
/// negative sample of which the positive one has the larger score, equal ones counting half.
fn area(mut scores: Vec<(f64, bool)>) -> Option<f64> {
    scores.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positive = scores.iter().filter(|(_, is_positive)| *is_positive).count();
    let negative = scores.len() - positive;
    let (mut wins, mut below) = (0.0, 0);
    for equal in scores.chunk_by(|a, b| a.0 == b.0) {
        let own = equal.iter().filter(|(_, is_positive)| *is_positive).count();
        let others = equal.len() - own;
        wins += own as f64 * (below as f64 + others as f64 / 2.0);
        below += others;
    }
    (positive > 0 && negative > 0).then(|| wins / (positive as f64 * negative as f64))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn classes_are_counted() -> Result<(), String> {
        let outputs =
            array![[0.5, 0.25, 0.25], [0.0, 1.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.25, 0.75]];
        let found = Classification::new(
            &outputs.clone().into_dyn(),
            &array![0.0, 1.0, 1.0, 1.0].into_dyn(),
        )?;
        assert_eq!((found.correct, found.samples), (2, 4));
        assert_eq!(found.confusion, [vec![1, 0, 0], vec![1, 1, 1], vec![0, 0, 0]]);
        // 0.5 against 0, 0.5, 0: two pairs and a half of three; class 2 has no samples.
        assert_eq!(found.auc[0], Some(2.5 / 3.0));
        assert_eq!(found.auc[1], Some(2.5 / 3.0));
        assert_eq!(found.auc[2], None);
        let one_hot = array![[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]];
        assert_eq!(Classification::new(&outputs.clone().into_dyn(), &one_hot.into_dyn())?, found);
        for (labels, message) in [
            (
                array![3.0, 0.0, 0.0, 0.0].into_dyn(),
                "label 3 is no class: there are 3, from 0 to 2",
            ),
            (
                array![0.0, 0.0].into_dyn(),
                "labels of the shape [2] do not fit outputs of the shape [4, 3]",
            ),
        ] {
            let error = Classification::new(&outputs.clone().into_dyn(), &labels).err();
            assert_eq!(error.as_deref(), Some(message));
        }
        Ok(())
    }

    #[test]
    fn one_output_is_a_score() -> Result<(), String> {
        let outputs = array![[0.5], [0.25], [0.75]].into_dyn();
        let found = Classification::new(&outputs, &array![1.0, 0.0, 0.0].into_dyn())?;
        assert_eq!((found.correct, found.auc), (2, vec![Some(0.5), Some(0.5)]));
        Ok(())
    }

    #[test]
    fn outputs_are_compared_with_a_reference() -> Result<(), String> {
        let outputs = array![[0.5, 0.25], [0.0, 1.0]].into_dyn();
        let expected = array![[0.25, 0.5], [0.0, 1.0]].into_dyn();
        let found = Agreement::new(&outputs, &expected)?;
        let wanted = Agreement { max_error: 0.25, mean_error: 0.125, same_argmax: 1, samples: 2 };
        assert_eq!(found, wanted);
        let error = Agreement::new(&outputs, &array![0.0].into_dyn()).err();
        let message = "the reference has the shape [1], the output has [2, 2]";
        assert_eq!(error.as_deref(), Some(message));
        Ok(())
    }
}
