//! The trained network and the network of integers on the same samples: statistics of every layer.

use std::collections::HashMap;

use ndarray::{ArrayD, Axis, Slice};
use petgraph::graph::NodeIndex;
use petgraph::visit::Topo;

use super::difference::Difference;
use super::distribution::{Distribution, TypeCounter};
use super::trial::{add_outputs, joined};
use super::{ProfileError, Subject};
use crate::fixed::{Overflow, Quantization, Rounding};
use crate::float::{Reference, Samples};
use crate::ir::{Graph, NodeId};
use crate::lower::TypedVariable;
use crate::model::Model;
use crate::progress::Activity;
use crate::sim::{Executor, Runner};

/// Most samples in one pass: the results of all layers for them are in memory at once.
const BATCH: usize = 32;

/// Most results of layers in memory.
const BATCH_VALUES: usize = 1 << 24;

/// Values of the trained network for some samples.
pub(super) struct Observed {
    /// The outputs, in the model's order, for all samples.
    pub outputs: Vec<Samples>,
    /// The outputs of the network of integers.
    pub simulated: Vec<Samples>,
    /// Results of layers.
    pub results: HashMap<NodeIndex, Distribution>,
    /// Results of layers before a fused activation, of layers whose result has no quantizer.
    pub sums: HashMap<NodeIndex, Distribution>,
    /// Use of the types that results have now.
    pub uses: HashMap<NodeIndex, TypeCounter>,
    /// Use of the types that [`Observed::sums`] have now.
    pub sum_uses: HashMap<NodeIndex, TypeCounter>,
    /// Simulated results against [`Observed::results`].
    pub differences: HashMap<NodeIndex, Difference>,
    /// Simulated results against stated ones.
    pub references: HashMap<NodeIndex, Difference>,
}

/// Runs `samples`, an array per input, through the trained network and through the network of
/// integers. `stated` are results of layers for the same samples, to compare with.
pub(super) fn observe(
    subject: &Subject<'_>,
    samples: &[Samples],
    stated: &[(NodeIndex, Samples)],
) -> Result<Observed, ProfileError> {
    let sums = summed_layers(subject);
    let mut observed = Observed {
        outputs: Vec::new(),
        simulated: Vec::new(),
        results: HashMap::new(),
        sums: HashMap::new(),
        uses: HashMap::new(),
        sum_uses: HashMap::new(),
        differences: HashMap::new(),
        references: HashMap::new(),
    };
    let mut outputs: Vec<Vec<Samples>> = vec![Vec::new(); subject.model.outputs.len()];
    let graph = subject.graph;
    let size = batch_size(graph);
    let mut simulated: Vec<Vec<Samples>> = vec![Vec::new(); graph.outputs.len()];
    let layers = graph.layers.iter().map(|(_, node)| *node);
    let nodes: Vec<NodeId> = layers.chain(graph.outputs.iter().map(|it| it.node)).collect();
    let runner = Runner::new(Executor::default(), graph, &nodes, &[], size);
    let task = subject.observer.begin(Activity::Simulation, Some(samples_of(samples)));
    for (at, batch) in batches(samples, size).enumerate() {
        // The simulation checks that the samples fit.
        let inputs = super::trial::quantize_inputs(subject.graph, &batch)?;
        let trace = runner.run(&inputs, |_| {})?;
        let values = evaluate(subject, &batch)?;
        for (index, precision) in &sums {
            let reference = Reference { fused: false, ..Reference::TRAINED };
            let sum = evaluate_layer(subject, &reference, *index, &values)?;
            observed.sums.entry(*index).or_default().extend(&sum);
            let counter =
                observed.sum_uses.entry(*index).or_insert_with(|| TypeCounter::new(*precision));
            counter.add_values(&sum);
            counter.cast_values(&sum);
        }
        for (index, values) in &values {
            observed.results.entry(*index).or_default().extend(values);
            // Its node holds the result of a batch normalization.
            if subject.folded.contains_key(&subject.model.graph[*index].name) {
                continue;
            }
            let node = subject.node(*index);
            let format = graph[node].tensor.format;
            let plain = Quantization::new(format, Rounding::Trn, Overflow::WRAP);
            let counter = observed.uses.entry(*index).or_insert_with(|| TypeCounter::new(plain));
            counter.add_values(values);
            let Some(codes) = trace.of(node) else { continue };
            counter.add_codes(codes);
            let mut simulated = codes.to_values(format);
            if let Some(function) = subject.functions.get(&subject.model.graph[*index].name) {
                simulated.mapv_inplace(|x| function.value(x));
            }
            let difference = observed.differences.entry(*index).or_default();
            difference.extend(&simulated, values);
            for (_, all) in stated.iter().filter(|(layer, _)| layer == index) {
                let first = at * size;
                let part = all.slice_axis(Axis(0), (first..first + simulated.shape()[0]).into());
                observed.references.entry(*index).or_default().extend(&simulated, &part);
            }
        }
        for (all, index) in outputs.iter_mut().zip(&subject.model.outputs) {
            all.extend(values.get(index).cloned());
        }
        add_outputs(&mut simulated, graph, &trace);
        task.add(samples_of(&batch));
    }
    observed.outputs = joined(&outputs)?;
    observed.simulated = joined(&simulated)?;
    Ok(observed)
}

/// Number of samples of `arrays`.
pub(super) fn samples_of(arrays: &[Samples]) -> usize {
    arrays.first().and_then(|first| first.shape().first()).copied().unwrap_or(0)
}

/// Samples in one pass.
fn batch_size(graph: &Graph) -> usize {
    let values: usize = graph.layers.iter().map(|(_, node)| graph[*node].tensor.len()).sum();
    (BATCH_VALUES / values.max(1)).clamp(1, BATCH)
}

/// `samples` in parts of up to `count` samples.
pub(super) fn batches(
    samples: &[Samples],
    count: usize,
) -> impl Iterator<Item = Vec<Samples>> + '_ {
    let all = samples_of(samples);
    (0..all).step_by(count.max(1)).map(move |start| {
        let part = |x: &Samples| {
            let end = (start + count).min(x.shape()[0]).cast_signed();
            x.slice_axis(Axis(0), Slice::from(start.cast_signed()..end)).to_owned()
        };
        samples.iter().map(part).collect()
    })
}

/// The layers whose result has no quantizer and is the operand of a fused activation, each with the
/// type of that result.
fn summed_layers(subject: &Subject<'_>) -> Vec<(NodeIndex, Quantization)> {
    let results = subject.unquantized.iter().filter(|it| it.variable == TypedVariable::Result);
    let with_index =
        results.filter_map(|it| Some((layer_called(subject.model, &it.layer)?, it.precision)));
    with_index.filter(|(index, _)| !subject.is_whole(*index, TypedVariable::Result)).collect()
}

/// The result of every layer of the trained network.
pub(super) fn evaluate(
    subject: &Subject<'_>,
    inputs: &[Samples],
) -> Result<HashMap<NodeIndex, Samples>, ProfileError> {
    let model = subject.model;
    let mut values: HashMap<NodeIndex, Samples> =
        model.inputs.iter().copied().zip(inputs.iter().cloned()).collect();
    let mut order = Topo::new(&model.graph);
    while let Some(index) = order.next(&model.graph) {
        if !values.contains_key(&index) {
            let result = evaluate_layer(subject, &Reference::TRAINED, index, &values)?;
            values.insert(index, result);
        }
    }
    Ok(values)
}

/// The result of layer `index` for the results of the layers before it.
pub(super) fn evaluate_layer(
    subject: &Subject<'_>,
    reference: &Reference<'_>,
    index: NodeIndex,
    values: &HashMap<NodeIndex, Samples>,
) -> Result<Samples, ProfileError> {
    let (model, layer) = (subject.model, &subject.model.graph[index]);
    let sources = model.sources(index);
    let x: Vec<Samples> = sources.iter().filter_map(|it| values.get(it).cloned()).collect();
    let count = x.first().map_or(0, |x| x.shape()[0]);
    let shape: Vec<usize> =
        [count].iter().chain(&subject.graph[subject.node(index)].tensor.shape).copied().collect();
    reference
        .layer(&layer.kind, &x, &shape)
        .map_err(|error| ProfileError::Layer { layer: layer.name.clone(), error })
}

impl Subject<'_> {
    /// The node that holds the result of layer `index`.
    pub(super) fn node(&self, index: NodeIndex) -> NodeId {
        // Lowering lists the layers in the order of the model's nodes.
        self.graph.layers[index.index()].1
    }

    /// True if `variable` of layer `index` is the layer's result, not the operand of a fused
    /// activation.
    pub(super) fn is_whole(&self, index: NodeIndex, variable: TypedVariable) -> bool {
        match variable {
            TypedVariable::Activation => true,
            TypedVariable::Result => !self.model.graph[index].kind.has_fused_activation(),
            TypedVariable::Weight | TypedVariable::Bias | TypedVariable::Scale => false,
        }
    }
}

/// The layer called `name`.
pub(super) fn layer_called(model: &Model, name: &str) -> Option<NodeIndex> {
    model.graph.node_indices().find(|index| model.graph[*index].name == name)
}

/// The samples at `indices` of each array.
pub(super) fn selected(samples: &[ArrayD<f64>], indices: &[usize]) -> Vec<ArrayD<f64>> {
    samples.iter().map(|array| array.select(Axis(0), indices)).collect()
}
