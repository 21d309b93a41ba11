//! Lowers the trained network to integer operations: the only module in which real numbers become
//! integers.
//!
//! [`lower`] walks the model's layers in topological order. Each family of layers has a file: dense
//! layers `dense.rs`, activations `activation.rs`, functions of Keras `function.rs`, softmax
//! `softmax.rs`. Formats follow from quantizers, weights and ranges; [`Settings`] decides the rest.

mod activation;
mod average;
#[cfg(test)]
mod average_tests;
mod builder;
mod channel_shifts;
mod conv;
mod dense;
#[cfg(test)]
mod dense_tests;
mod embedding;
mod error;
mod exact;
mod fold;
#[cfg(test)]
mod fold_tests;
mod function;
#[cfg(test)]
mod function_tests;
mod layout;
mod masking;
mod merge;
mod normalization;
mod overflow;
mod parameters;
mod per_channel;
#[cfg(test)]
mod per_channel_tests;
mod pool;
mod recurrent;
#[cfg(test)]
mod recurrent_tests;
mod rescaling;
mod result;
#[cfg(test)]
mod scaled_weights_tests;
mod settings;
mod softmax;
#[cfg(test)]
mod softmax_tests;
mod state;
mod step_function;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use petgraph::graph::NodeIndex;
use petgraph::visit::Topo;

use crate::function::Function;
use crate::ir::{Graph, NodeId};
use crate::model::{Layer, LayerKind, Model};

use builder::Builder;
pub(crate) use dense::fold as fold_normalization;
pub use error::{LowerError, LowerWarning};
pub(crate) use normalization::inverse as batch_norm_inverse;
pub use overflow::{PrecisionOverflow, SATURATES, saturation_note};
pub use settings::{
    CellSettings, LayerSettings, Settings, SoftmaxSettings, TypedVariable, Unquantized,
};

/// A lowered network and its warnings.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// The integer operations.
    pub graph: Graph,
    /// Differences from the trained network.
    pub warnings: Vec<LowerWarning>,
    /// Parameters and results that have a type because they have no quantizer, in topological order
    /// of their layers.
    pub unquantized: Vec<Unquantized>,
    /// Layers whose function is merged into the quantizers that follow, by name. The graph's node
    /// of such a layer holds the operand of the function.
    pub functions: BTreeMap<String, Function>,
    /// Layers without a result of their own, and the batch normalisation folded into them, by name.
    /// The graph's node of such a layer holds the result of the batch normalisation.
    pub folded: BTreeMap<String, String>,
    /// The nodes of sums with bias, before the type of the result, of layers without quantizers, by
    /// name. Each has the channels last; a TimeDistributed layer has a node for each step.
    pub sums: BTreeMap<String, Vec<NodeId>>,
}

/// Lowers `model`. The graph is valid.
///
/// # Errors
/// If a layer has no exact form within 128 bits, or `settings` name what the model lacks.
pub fn lower(model: &Model, settings: &Settings) -> Result<Lowered, LowerError> {
    settings.check(model)?;
    let mut builder = Builder::new(model, settings);
    // Inputs first and in the model's order, whatever the order of its layers.
    for input in &model.inputs {
        let layer = &model.graph[*input];
        if let LayerKind::Input { shape } = &layer.kind {
            builder.input(*input, &layer.name, shape);
        }
    }
    let mut order = Topo::new(&model.graph);
    while let Some(index) = order.next(&model.graph) {
        let layer = &model.graph[index];
        if builder.folds.contains(index) {
            builder.result(index, builder.operand(index)?);
        } else {
            lower_kind(&mut builder, index, layer, &layer.kind)?;
        }
    }
    let warnings = training_only(model).into_iter().chain(moving_averages(model));
    let warnings = warnings.chain(corrected(model, settings));
    warnings.for_each(|warning| builder.warn(warning));
    builder.finish()
}

/// Lowers `kind`, the layer itself or the layer inside of it, as part of `layer`.
fn lower_kind(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    kind: &LayerKind,
) -> Result<(), LowerError> {
    match kind {
        LayerKind::Input { .. } => Ok(()),
        LayerKind::Dense(dense) => dense::lower(builder, index, layer, dense),
        LayerKind::Conv(conv) => conv::lower(builder, index, layer, conv),
        LayerKind::Separable(pair) => conv::separable(builder, index, layer, pair),
        LayerKind::Pool(pool) => pool::lower(builder, index, layer, pool),
        LayerKind::Reduce(reduce) => pool::reduce(builder, index, layer, reduce),
        LayerKind::Activation(function) => activation::lower(builder, index, layer, function),
        LayerKind::Adaptive(adaptive) => per_channel::adaptive(builder, index, layer, adaptive),
        LayerKind::PRelu(alpha) => function::prelu(builder, index, layer, alpha),
        LayerKind::BatchNorm(norm) => normalization::batch_norm(builder, index, layer, norm),
        LayerKind::ScaleShift(shift) => normalization::scale_shift(builder, index, layer, shift),
        LayerKind::Flatten => layout::flatten(builder, index, layer),
        LayerKind::Identity => builder.identity(index),
        LayerKind::Layout(by) => layout::lower(builder, index, layer, by),
        LayerKind::Merge(function) => merge::lower(builder, index, layer, *function),
        LayerKind::MergeConstant(constant) => merge::constant(builder, index, layer, constant),
        LayerKind::Divide(by) => merge::divide(builder, index, layer, by),
        LayerKind::Masking { value, user } => {
            masking::lower(builder, index, layer, (*value, user.as_deref()))
        }
        LayerKind::Square => merge::square(builder, index, layer),
        LayerKind::Clip { low, high } => merge::clip(builder, index, layer, [*low, *high]),
        LayerKind::Concatenate { axis } => layout::concatenate(builder, index, layer, *axis),
        LayerKind::Stack { axis } => layout::stack(builder, index, layer, *axis),
        LayerKind::Dot { axes } => merge::dot(builder, index, layer, *axes),
        LayerKind::Bilinear(axes) => conv::bilinear(builder, index, layer, *axes),
        LayerKind::Einsum(einsum) => layout::einsum(builder, index, layer, einsum),
        LayerKind::Rescaling(by) => rescaling::rescale(builder, index, layer, by),
        LayerKind::Normalization(by) => rescaling::normalize(builder, index, layer, by),
        LayerKind::Embedding(table) => embedding::lower(builder, index, layer, table),
        LayerKind::Recurrent(recurrent) => recurrent::lower(builder, index, layer, recurrent),
        LayerKind::Bidirectional(both) => recurrent::bidirectional(builder, index, layer, both),
        LayerKind::TimeDistributed(kind) => layout::time_distributed(builder, index, layer, kind),
        LayerKind::ChannelsFirst(kind) => layout::channels_first(builder, index, layer, kind),
    }
}

/// One warning for all quantizers with noise or stochastic rounding, each with its layers; `None`
/// if there are none.
fn training_only(model: &Model) -> Option<LowerWarning> {
    let mut quantizers: Vec<(String, Vec<String>)> = vec![];
    let mut differences: Vec<&'static str> = vec![];
    for layer in model.graph.node_weights() {
        for quantizer in layer.kind.quantizers() {
            let notes = quantizer.training_notes();
            if notes.is_empty() {
                continue;
            }
            for difference in notes.iter().filter_map(|note| note.difference()) {
                if !differences.contains(&difference) {
                    differences.push(difference);
                }
            }
            let call = quantizer.to_string();
            match quantizers.iter_mut().find(|(known, _)| *known == call) {
                Some((_, layers)) if layers.last() == Some(&layer.name) => {}
                Some((_, layers)) => layers.push(layer.name.clone()),
                None => quantizers.push((call, vec![layer.name.clone()])),
            }
        }
    }
    (!quantizers.is_empty()).then_some(LowerWarning::Training { quantizers, differences })
}

/// One note for all layers with configured corrections of their biases; `None` if there are none.
fn corrected(model: &Model, settings: &Settings) -> Option<LowerWarning> {
    let names = model.graph.node_weights().map(|layer| &layer.name);
    let is_corrected =
        |name: &&String| settings.layer(name).is_some_and(|own| !own.bias_correction.is_empty());
    let layers: Vec<String> = names.filter(is_corrected).cloned().collect();
    (!layers.is_empty()).then_some(LowerWarning::Corrected { layers })
}

/// One warning for all layers whose averages QKeras updates at inference; `None` if there are none.
fn moving_averages(model: &Model) -> Option<LowerWarning> {
    let layers = model.graph.node_weights().filter(|layer| is_moving(&layer.kind));
    let layers: Vec<String> = layers.map(|layer| layer.name.clone()).collect();
    (!layers.is_empty()).then_some(LowerWarning::MovingAverage { layers })
}

fn is_moving(kind: &LayerKind) -> bool {
    matches!(kind.inner(), LayerKind::Adaptive(adaptive) if adaptive.is_moving())
}
