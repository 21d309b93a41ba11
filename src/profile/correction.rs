//! Corrections of biases: the mean error of a layer's sums on the samples is taken off its bias.
//!
//! (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV
//! 2019, with samples in place of the statistics of batch normalizations.) Layers are corrected in
//! topological order, each behind those that are corrected already.

use std::collections::{BTreeMap, HashMap};

use ndarray::{ArrayD, Axis};
use petgraph::algo::toposort;
use petgraph::graph::NodeIndex;

use super::distribution::Distribution;
use super::observe::{batches, evaluate, evaluate_layer, layer_called};
use super::plan::Plan;
use super::search::Bits;
use super::trial::{BATCH, quantize_inputs};
use super::variables::{Role, finest};
use super::{ProfileError, Subject};
use crate::fixed::{Quantization, cast_real, code_value};
use crate::float::{Reference, Samples};
use crate::lower::TypedVariable;
use crate::model::{LayerKind, Matrix};
use crate::sim;

/// Numbers that are added to the biases of layers, one per output channel, by layer.
pub type Corrections = BTreeMap<String, Vec<f32>>;

/// Sums of values by channel, and their number.
#[derive(Default)]
struct Means {
    sums: Vec<f64>,
    count: f64,
}

impl Means {
    /// Adds `values`, whose channels lie along `axis`.
    fn add(&mut self, values: &ArrayD<f64>, axis: usize) {
        let channels = values.shape()[axis];
        self.sums.resize(channels, 0.0);
        for (sum, channel) in self.sums.iter_mut().zip(values.axis_iter(Axis(axis))) {
            *sum += channel.sum();
        }
        self.count += (values.len() / channels.max(1)) as f64;
    }

    fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.sums.iter().map(|sum| sum / self.count)
    }
}

/// `plan` and `bits` with a correction for each layer whose bias has an open type, from `samples`.
pub(super) fn corrected(
    subject: &Subject<'_>,
    (plan, bits): (&Plan, &[Bits]),
    samples: &[Samples],
) -> Result<(Plan, Vec<Bits>), ProfileError> {
    let (mut plan, mut bits) = (plan.clone(), bits.to_vec());
    let layers = open_biases(subject, &plan);
    let expected = expected(subject, &layers, samples)?;
    for (index, at) in layers {
        let name = &subject.model.graph[index].name;
        let Some(bias) = bias(subject, name) else { continue };
        let lowered = plan.lowered(subject, &bits)?;
        let Some(nodes) = lowered.sums.get(name) else { continue };
        let mut found = Means::default();
        for batch in batches(samples, BATCH) {
            let trace = sim::run(&lowered.graph, &quantize_inputs(&lowered.graph, &batch)?)?;
            for node in nodes {
                let tensor = &lowered.graph[*node].tensor;
                let Some(codes) = trace.of(*node) else { continue };
                found.add(&codes.to_values(tensor.format), tensor.shape.len());
            }
        }
        let Some(wanted) = expected.get(&index) else { continue };
        let errors = found.values().zip(wanted.values()).map(|(found, wanted)| found - wanted);
        let exact: Vec<f64> = bias.iter().zip(errors).map(|(bias, error)| bias - error).collect();
        if exact.len() != bias.len() {
            continue;
        }
        let variable = &mut plan.variables[at];
        let needed = Distribution::of(&exact).integer_bits(variable.signedness);
        let integer = bits[at].integer + (needed - variable.integer).max(0);
        variable.integer = variable.integer.max(needed);
        variable.finest = variable.finest.max(finest(&exact));
        let to = variable.precision(bits[at].width, integer)?;
        bits[at].integer = integer;
        let correction = whole_lsb(bias, &exact, &to);
        if correction.iter().any(|number| *number != 0.0) {
            plan.corrections.insert(name.clone(), correction);
        }
    }
    Ok((plan, bits))
}

/// The change of each code of `bias` in the type `to` that makes it that of `exact`.
fn whole_lsb(bias: &ArrayD<f64>, exact: &[f64], to: &Quantization) -> Vec<f32> {
    let code = |value: f64| cast_real(value, to).unwrap_or_default();
    let change = |(bias, exact): (&f64, &f64)| code(*exact) - code(*bias);
    let fraction = to.format.fractional_bits();
    bias.iter().zip(exact).map(|it| code_value(&change(it), fraction) as f32).collect()
}

/// The layers, in topological order, whose bias has an open type and no configured correction, each
/// with the position of that variable.
fn open_biases(subject: &Subject<'_>, plan: &Plan) -> Vec<(NodeIndex, usize)> {
    let model = subject.model;
    let is_free =
        |name: &str| subject.settings.layer(name).is_none_or(|own| own.bias_correction.is_empty());
    let position = |index: NodeIndex| {
        let name = &model.graph[index].name;
        let is_bias = Role::Typed(TypedVariable::Bias);
        let at = plan.variables.iter().position(|it| it.layer == *name && it.role == is_bias)?;
        is_free(name).then_some((index, at))
    };
    // A model has no cycles.
    let order = toposort(&model.graph, None).unwrap_or_default();
    order.into_iter().filter_map(position).collect()
}

/// The trained bias of `layer`, of one kernel.
fn bias<'a>(subject: &'a Subject<'_>, layer: &str) -> Option<&'a ArrayD<f64>> {
    let is_it =
        |it: &&crate::lower::Unquantized| it.layer == layer && it.variable == TypedVariable::Bias;
    match &subject.unquantized.iter().find(is_it)?.values[..] {
        [bias] => Some(bias),
        _ => None,
    }
}

/// The means of the sums of `layers` in the trained network.
fn expected(
    subject: &Subject<'_>,
    layers: &[(NodeIndex, usize)],
    samples: &[Samples],
) -> Result<HashMap<NodeIndex, Means>, ProfileError> {
    let mut means: HashMap<NodeIndex, Means> = HashMap::new();
    for batch in batches(samples, BATCH) {
        let values = evaluate(subject, &batch)?;
        for (index, _) in layers {
            let layer = &subject.model.graph[*index];
            // Kernel and bias of the integers are those of both layers.
            let folded = subject.folded.get(&layer.name);
            let norm = folded.and_then(|norm| layer_called(subject.model, norm));
            let sums = match norm.and_then(|norm| values.get(&norm)) {
                Some(sums) => sums.clone(),
                None => {
                    let reference = Reference { fused: false, ..Reference::TRAINED };
                    evaluate_layer(subject, &reference, *index, &values)?
                }
            };
            if let Some(axis) = channel_axis(&layer.kind, sums.ndim()) {
                means.entry(*index).or_default().add(&sums, axis);
            }
        }
    }
    Ok(means)
}

/// The axis of output channels in samples of the result of a layer with a weight matrix, with `axes`
/// axes; `None` if they have no axis of their own.
fn channel_axis(kind: &LayerKind, axes: usize) -> Option<usize> {
    match kind {
        LayerKind::TimeDistributed(inner) => Some(channel_axis(inner, axes - 1)? + 1),
        LayerKind::ChannelsFirst(inner) => inner.matrix().is_some().then_some(1),
        kind => match kind.matrix()? {
            Matrix::Dense(_) | Matrix::Conv(_) | Matrix::Separable(_) => Some(axes - 1),
            Matrix::Einsum(_) => None,
        },
    }
}
