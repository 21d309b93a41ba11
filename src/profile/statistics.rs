//! Statistics of every layer without a proposal.

use petgraph::graph::NodeIndex;
use serde::Serialize;

use super::observe::{layer_called, observe};
use super::rows::{ProfileRow, rows};
use super::trial::Accuracy;
use super::{ProfileError, Subject};
use crate::float::Samples;
use crate::ir::Output;

/// The values of every layer for some samples, in the trained network and in simulation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Statistics {
    /// Number of samples.
    pub samples: usize,
    /// Parameters and results, in the model's order.
    pub rows: Vec<ProfileRow>,
    /// The outputs in simulation against those of the trained network.
    pub accuracy: Accuracy,
    /// The outputs, in the model's order.
    #[serde(skip)]
    pub outputs: Vec<OutputPair>,
}

/// An output for all samples, which the first axis counts.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputPair {
    /// The output layer.
    pub name: String,
    /// In simulation.
    pub simulated: Samples,
    /// In the trained network, in float64.
    pub trained: Samples,
}

/// The statistics of `subject` for `samples`, an array per input whose first axis counts at least one sample.
/// `stated` are results of layers for the same samples, by name; those of a layer without a result of its
/// own are left aside.
pub(crate) fn statistics(
    subject: &Subject<'_>,
    samples: &[Samples],
    stated: &[(String, Samples)],
) -> Result<Statistics, ProfileError> {
    let by_index = |(name, values): &(String, Samples)| {
        layer_called(subject.model, name).map(|index| (index, values.clone()))
    };
    let stated: Vec<(NodeIndex, Samples)> = stated.iter().filter_map(by_index).collect();
    let mut observed = observe(subject, samples, &stated)?;
    let simulated = std::mem::take(&mut observed.simulated);
    let accuracy = Accuracy::of(&simulated, &observed.outputs);
    let pair = |((output, simulated), trained): ((&Output, _), &Samples)| OutputPair {
        name: output.name.clone(),
        simulated,
        trained: trained.clone(),
    };
    let pairs = subject.graph.outputs.iter().zip(simulated).zip(&observed.outputs).map(pair);
    Ok(Statistics {
        samples: accuracy.samples,
        outputs: pairs.collect(),
        rows: rows(subject, observed),
        accuracy,
    })
}
