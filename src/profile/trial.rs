//! A trial: the network with some types, simulated and compared with the trained network.

use std::collections::BTreeSet;

use ndarray::{ArrayD, ArrayView1, Axis};
use serde::Serialize;

use super::ProfileError;
use super::observe::{batches, samples_of};
use crate::fixed::Codes;
use crate::float::Samples;
use crate::ir::{Graph, NodeId};
use crate::progress::{Activity, Observer};
use crate::sim::{self, Executor, Kept, Runner};

/// Samples that are simulated at once.
pub(super) const BATCH: usize = 64;

/// Difference of a network's outputs from those of the trained network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Accuracy {
    /// Number of samples.
    pub samples: usize,
    /// The largest absolute error of an output.
    pub max_error: f64,
    /// The mean absolute error of an output.
    pub mean_error: f64,
    /// The mean of the squared errors.
    pub mean_square: f64,
    /// Number of rows of outputs along the last axis with more than one element: classifications.
    pub decisions: usize,
    /// Number of them in which another element is the largest.
    pub disagreements: usize,
}

impl Accuracy {
    /// The share of classifications that agree; `None` if there are none.
    pub fn agreement(&self) -> Option<f64> {
        let agree = self.decisions.checked_sub(self.disagreements)?;
        (self.decisions > 0).then(|| agree as f64 / self.decisions as f64)
    }

    /// Compares outputs.
    pub(super) fn of(outputs: &[Samples], expected: &[Samples]) -> Self {
        let mut all = Self {
            samples: samples_of(expected),
            max_error: 0.0,
            mean_error: 0.0,
            mean_square: 0.0,
            decisions: 0,
            disagreements: 0,
        };
        let mut count = 0.0_f64;
        for (found, wanted) in outputs.iter().zip(expected) {
            for (found, wanted) in found.iter().zip(wanted) {
                let error = (found - wanted).abs();
                all.max_error = all.max_error.max(error);
                all.mean_error += error;
                all.mean_square += error * error;
                count += 1.0;
            }
            let Some(axis) = classes(wanted) else { continue };
            for (found, wanted) in found.lanes(axis).into_iter().zip(wanted.lanes(axis)) {
                all.decisions += 1;
                all.disagreements += usize::from(largest(found) != largest(wanted));
            }
        }
        all.mean_error /= count.max(1.0);
        all.mean_square /= count.max(1.0);
        all
    }
}

/// The axis of classes: the last one, if it is longer than 1 and not that of samples.
pub(super) fn classes(outputs: &Samples) -> Option<Axis> {
    let (last, before) = outputs.shape().split_last()?;
    (*last > 1 && !before.is_empty()).then_some(Axis(before.len()))
}

/// Index of the largest element, the first of several.
fn largest(row: ArrayView1<'_, f64>) -> usize {
    let mut best = 0;
    for (at, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = at;
        }
    }
    best
}

/// The outputs of `graph` for `samples`.
pub(super) fn outputs(
    graph: &Graph,
    samples: &[Samples],
    observer: &Observer,
) -> Result<Vec<Samples>, ProfileError> {
    let task = observer.begin(Activity::Simulation, Some(samples_of(samples)));
    let mut all: Vec<Vec<Samples>> = vec![Vec::new(); graph.outputs.len()];
    let nodes: Vec<NodeId> = graph.outputs.iter().map(|output| output.node).collect();
    let runner = Runner::new(Executor::default(), graph, &nodes, &[], BATCH);
    for batch in batches(samples, BATCH) {
        let trace = runner.run(&quantize_inputs(graph, &batch)?, |_| {})?;
        add_outputs(&mut all, graph, &trace);
        task.add(samples_of(&batch));
    }
    joined(&all)
}

/// Adds the outputs in `trace` to the parts of each.
pub(super) fn add_outputs(parts: &mut [Vec<Samples>], graph: &Graph, trace: &Kept) {
    for (parts, output) in parts.iter_mut().zip(&graph.outputs) {
        let format = graph[output.node].tensor.format;
        parts.extend(trace.of(output.node).map(|codes| codes.to_values(format)));
    }
}

/// The samples of the parts of each output.
pub(super) fn joined(outputs: &[Vec<Samples>]) -> Result<Vec<Samples>, ProfileError> {
    let one = |parts: &Vec<Samples>| {
        let parts: Vec<_> = parts.iter().map(|part| part.view()).collect();
        ndarray::concatenate(Axis(0), &parts)
    };
    let all: Result<Vec<_>, _> = outputs.iter().map(one).collect();
    all.map_err(|error| ProfileError::Layer { layer: "outputs".into(), error: error.into() })
}

/// `samples` as codes of the inputs of `graph`.
pub(super) fn quantize_inputs(
    graph: &Graph,
    samples: &[ArrayD<f64>],
) -> Result<Vec<Codes>, ProfileError> {
    let quantize = |(id, values): (&NodeId, &ArrayD<f64>)| {
        let node = &graph[*id];
        let quantized = match values.iter().all(|value| value.is_finite()) {
            true => sim::quantize(&values.view(), node.tensor.format),
            false => None,
        };
        Ok(quantized.ok_or_else(|| ProfileError::NotFinite(node.name.clone()))?.codes)
    };
    graph.inputs.iter().zip(samples).map(quantize).collect()
}

/// Indices of `count` samples spread evenly over `all` of them.
pub(super) fn spread(all: usize, count: usize) -> Vec<usize> {
    let count = count.min(all);
    (0..count).map(|at| at * all / count.max(1)).collect()
}

/// Indices, ascending, of the `count` samples in which the two largest elements of an output lie
/// nearest to each other: those that change first.
pub(super) fn closest(expected: &[Samples], count: usize) -> Vec<usize> {
    let all = samples_of(expected);
    let mut margins = vec![f64::INFINITY; all];
    for outputs in expected {
        let Some(axis) = classes(outputs) else { continue };
        let rows = outputs.len() / outputs.shape()[axis.0] / all.max(1);
        for (at, row) in outputs.lanes(axis).into_iter().enumerate() {
            let mut sorted: Vec<f64> = row.to_vec();
            sorted.sort_by(f64::total_cmp);
            if let [.., second, first] = sorted[..] {
                let margin = &mut margins[at / rows.max(1)];
                *margin = margin.min(first - second);
            }
        }
    }
    let mut order: Vec<usize> = (0..all).collect();
    order.sort_by(|a, b| margins[*a].total_cmp(&margins[*b]));
    order.into_iter().take(count).collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn accuracy_counts_errors_and_decisions() {
        let expected = [array![[1.0, 2.0], [3.0, 0.0], [0.5, 0.25]].into_dyn()];
        let found = [array![[1.0, 2.5], [1.0, 1.0], [0.25, 0.5]].into_dyn()];
        let accuracy = Accuracy::of(&found, &expected);
        assert_eq!((accuracy.samples, accuracy.max_error), (3, 2.0));
        assert!((accuracy.mean_error - (0.5 + 2.0 + 1.0 + 0.25 + 0.25) / 6.0).abs() < 1e-15);
        // Of two equal ones the first is the largest.
        assert_eq!((accuracy.decisions, accuracy.disagreements), (3, 1));
        assert_eq!(accuracy.agreement(), Some(2.0 / 3.0));
        let one = [array![[1.0], [2.0]].into_dyn()];
        assert_eq!(Accuracy::of(&one, &one).agreement(), None);
    }

    #[test]
    fn samples_with_the_least_margin_come_first() {
        let outputs = [array![[1.0, 2.0], [3.0, 0.0], [0.5, 0.25], [0.0, 9.0]].into_dyn()];
        assert_eq!(closest(&outputs, 2), [0, 2]);
        assert_eq!(closest(&outputs, 9), [0, 1, 2, 3]);
        assert_eq!((spread(10, 4), spread(3, 8)), (vec![0, 2, 5, 7], vec![0, 1, 2]));
    }
}
