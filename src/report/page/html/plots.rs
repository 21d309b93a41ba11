//! Scatter plots, ROC curves and confusions.

use super::text::{count, number, percent, pixels};
use crate::report::axis::{Axis, Tick};
use crate::report::page::{Against, Classification, Comparison, Roc};

/// The square of a plot, in pixels.
const LEFT: f64 = 76.0;
const SIDE: f64 = 288.0;
const TOP: f64 = 10.0;

/// Most classes of a confusion matrix that is shown whole.
const MOST_CLASSES: usize = 20;

/// Most confusions in a list.
const MOST_CONFUSIONS: usize = 20;

/// Patterns of lines that are told apart without color.
const DASHES: [&str; 5] = ["none", "8 3", "3 3", "10 3 2 3", "1 3"];

/// The axes of a square plot.
pub(super) struct Square {
    pub x_ticks: Vec<Tick>,
    pub y_ticks: Vec<Tick>,
    pub x_title: String,
    pub y_title: String,
}

impl Square {
    fn new(axis: [&Axis; 2], titles: [&str; 2]) -> Self {
        Self {
            x_ticks: axis[0].ticks(5.0, number),
            y_ticks: axis[1].ticks(5.0, number),
            x_title: titles[0].to_owned(),
            y_title: titles[1].to_owned(),
        }
    }
}

/// Horizontal and vertical axis from `low` to `high`.
fn axes(low: f64, high: f64) -> [Axis; 2] {
    [Axis { low, high, pixels: (LEFT, LEFT + SIDE) }, Axis { low, high, pixels: (TOP + SIDE, TOP) }]
}

/// An output against another one.
pub(super) struct ScatterView {
    pub output: String,
    pub label: String,
    pub square: Square,
    pub dots: Vec<Dot>,
    pub facts: Vec<(&'static str, String)>,
}

/// A bin with pairs.
pub(super) struct Dot {
    pub x: String,
    pub y: String,
    pub size: String,
    pub opacity: String,
    pub title: String,
}

impl ScatterView {
    pub(super) fn new(comparison: &Comparison) -> Self {
        let Comparison { against, agreement, scatter } = comparison;
        let other = match against {
            Against::Trained => "trained network in float64",
            Against::Reference => "reference",
        };
        let [x, y] = &axes(scatter.low, scatter.high);
        let most = scatter.counts.iter().map(|(.., count)| *count).max().unwrap_or(1);
        let size = SIDE / scatter.bins as f64;
        let dot = |(expected, found, number): &(usize, usize, u64)| Dot {
            x: pixels(LEFT + *expected as f64 * size),
            y: pixels(TOP + SIDE - (*found as f64 + 1.0) * size),
            size: pixels(size),
            // Logarithmic: single pairs beside thousands are seen.
            opacity: format!(
                "{:.2}",
                0.3 + 0.7 * (*number as f64 + 1.0).ln() / (most as f64 + 1.0).ln()
            ),
            title: format!("{} values", count(*number)),
        };
        let share = |part: usize, all: usize| {
            let of = percent(part as f64 / all.max(1) as f64);
            format!("{} of {} ({of})", count(part as u64), count(all as u64))
        };
        let mut facts = vec![
            ("equal values", share(agreement.equal, agreement.values)),
            ("largest error", number(agreement.largest_error)),
            ("mean error", number(agreement.mean_error)),
        ];
        if agreement.rows < agreement.values {
            facts.push(("same argmax", share(agreement.same_class, agreement.rows)));
        }
        Self {
            output: agreement.output.clone(),
            label: format!(
                "Scatter plot of '{}' in simulation over the {other}: values from {} to {}",
                agreement.output,
                number(scatter.low),
                number(scatter.high)
            ),
            square: Square::new([x, y], [other, "simulation"]),
            dots: scatter.counts.iter().map(dot).collect(),
            facts,
        }
    }
}

/// The accuracy of an output for labels.
pub(super) struct ClassificationView {
    pub output: String,
    pub summary: String,
    /// Number of classes, and the rows of the confusion matrix, if it is shown.
    pub confusion: Option<Confusion>,
    /// The most frequent confusions: label, choice, number of rows.
    pub confusions: Vec<(usize, usize, String)>,
    pub roc: Option<RocView>,
}

/// A confusion matrix.
pub(super) struct Confusion {
    pub classes: Vec<usize>,
    pub rows: Vec<ConfusionRow>,
}

/// A label.
pub(super) struct ConfusionRow {
    pub label: usize,
    /// Text, share of the row, true on the diagonal.
    pub cells: Vec<(String, String, bool)>,
    pub auc: String,
}

/// ROC curves.
pub(super) struct RocView {
    pub label: String,
    pub square: Square,
    pub curves: Vec<CurveView>,
    /// Number of classes beyond those with a curve.
    pub rest: usize,
}

/// A curve and its entry in the legend.
pub(super) struct CurveView {
    pub points: String,
    pub dash: &'static str,
    /// A number of a color.
    pub color: usize,
    pub title: String,
}

impl ClassificationView {
    pub(super) fn new(classification: &Classification) -> Self {
        let accuracy = &classification.accuracy;
        let threshold = accuracy
            .threshold
            .map_or_else(String::new, |threshold| format!("; class 1 above {}", number(threshold)));
        let classes = accuracy.confusion.len();
        let row = |(label, row): (usize, &Vec<usize>)| {
            let all = row.iter().sum::<usize>().max(1);
            let cell = |(choice, number): (usize, &usize)| {
                let share = format!("{:.3}", *number as f64 / all as f64);
                (count(*number as u64), share, choice == label)
            };
            let auc = accuracy.auc.get(label).copied().flatten();
            ConfusionRow {
                label,
                cells: row.iter().enumerate().map(cell).collect(),
                auc: auc.map_or_else(|| "–".to_owned(), |auc| format!("{auc:.4}")),
            }
        };
        let confusion = (classes <= MOST_CLASSES).then(|| Confusion {
            classes: (0..classes).collect(),
            rows: accuracy.confusion.iter().enumerate().map(row).collect(),
        });
        let mut confusions = Vec::new();
        if confusion.is_none() {
            let rows = accuracy.confusion.iter().enumerate();
            let all = rows.flat_map(|(label, row)| {
                row.iter().enumerate().map(move |(choice, number)| (label, choice, *number))
            });
            let mut wrong: Vec<_> =
                all.filter(|(label, choice, number)| label != choice && *number > 0).collect();
            wrong.sort_by_key(|(.., number)| std::cmp::Reverse(*number));
            wrong.truncate(MOST_CONFUSIONS);
            confusions =
                wrong.into_iter().map(|(a, b, number)| (a, b, count(number as u64))).collect();
        }
        Self {
            output: accuracy.output.clone(),
            summary: format!(
                "{} of {} correct ({}){threshold}",
                count(accuracy.correct as u64),
                count(accuracy.rows as u64),
                percent(accuracy.accuracy)
            ),
            confusion,
            confusions,
            roc: (!classification.roc.is_empty()).then(|| RocView::new(classification)),
        }
    }
}

impl RocView {
    fn new(classification: &Classification) -> Self {
        let Classification { accuracy, roc } = classification;
        let output = &accuracy.output;
        let areas = accuracy.auc.iter().flatten().count();
        let [x, y] = &axes(0.0, 1.0);
        let curve = |(at, curve): (usize, &Roc)| {
            let point = |(wrong, found): &(f64, f64)| {
                format!("{},{}", pixels(x.pixel(*wrong)), pixels(y.pixel(*found)))
            };
            CurveView {
                points: curve.points.iter().map(point).collect::<Vec<_>>().join(" "),
                // No two of ten have color and pattern in common, nor similar colors one pattern.
                dash: DASHES[(at + at / DASHES.len()) % DASHES.len()],
                color: at % 10,
                title: format!("class {}: AUC {:.4}", curve.class, curve.auc),
            }
        };
        Self {
            label: format!(
                "ROC curves of '{output}': true positive rate over false positive rate of {} classes",
                roc.len()
            ),
            square: Square::new([x, y], ["false positive rate", "true positive rate"]),
            curves: roc.iter().enumerate().map(curve).collect(),
            // A single score has one curve for both classes.
            rest: if accuracy.threshold.is_some() { 0 } else { areas - roc.len() },
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{ArrayD, IxDyn};

    use super::*;
    use crate::fixed::Range;
    use crate::report::page::classification;

    #[test]
    fn many_classes_have_a_list_of_confusions() {
        // Row k chooses class k, but for the last two, which choose class 0.
        let classes = 25;
        let at = |index: IxDyn| {
            let chosen = if index[0] >= 23 { 0 } else { index[0] };
            f64::from(u8::from(index[1] == chosen))
        };
        let values = ArrayD::from_shape_fn(IxDyn(&[classes, classes]), at);
        let labels = ArrayD::from_shape_fn(IxDyn(&[classes]), |index| index[0] as f64);
        let range = Range::new(0, 1);
        let found = classification("y", &values, (&range, 1.0), &labels).expect("labels that fit");
        let view = ClassificationView::new(&found);
        assert!(view.confusion.is_none());
        assert_eq!(view.confusions, [(23, 0, "1".to_owned()), (24, 0, "1".to_owned())]);
        assert_eq!(view.roc.map(|roc| (roc.curves.len(), roc.rest)), Some((10, 15)));
    }
}
