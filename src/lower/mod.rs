//! From the trained network to integer operations: the one place where real numbers become
//! integers.
//!
//! [`lower`] walks the model's layers in order. What a family of layers becomes stands in a file of
//! its own: [`dense`](self) in `dense.rs`, activations in `activation.rs`, functions of Keras in
//! `function.rs`, softmax in `softmax.rs`.
//! Formats follow from quantizers, weights and ranges; what they do not decide comes from
//! [`Settings`].

mod activation;
mod adaptive;
mod average;
#[cfg(test)]
mod average_tests;
mod bilinear;
mod builder;
mod conv;
mod dense;
mod error;
mod function;
#[cfg(test)]
mod function_tests;
mod layout;
mod merge;
mod normalization;
mod parameters;
mod pool;
mod products;
#[cfg(test)]
mod products_tests;
mod result;
mod scaled;
#[cfg(test)]
mod scaled_tests;
mod settings;
mod softmax;
#[cfg(test)]
mod softmax_tests;
mod steps;
#[cfg(test)]
mod tests;
mod training;
mod windows;

use std::collections::BTreeMap;

use petgraph::graph::NodeIndex;
use petgraph::visit::Topo;

use crate::function::Function;
use crate::ir::Graph;
use crate::model::{Layer, LayerKind, Model};

use builder::Builder;
pub use error::{LowerError, LowerWarning, PrecisionOverflow};
pub use settings::{LayerSettings, Settings, SoftmaxSettings};

/// A lowered network, and what its user should know about it.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// What the hardware computes.
    pub graph: Graph,
    /// Where the result is not what the trained network says.
    pub warnings: Vec<LowerWarning>,
    /// The layers that end with a function which the quantizers behind compute along with what
    /// they are, and that function. The graph's node of such a layer holds what the function takes.
    pub functions: BTreeMap<String, Function>,
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
        lower_kind(&mut builder, index, layer, &layer.kind)?;
    }
    for warning in training::warning(model).into_iter().chain(training::moving(model)) {
        builder.warn(warning);
    }
    builder.finish()
}

/// Lowers what `kind` says, as part of `layer`.
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
        LayerKind::Adaptive(adaptive) => adaptive::lower(builder, index, layer, adaptive),
        LayerKind::PRelu(alpha) => function::prelu(builder, index, layer, alpha),
        LayerKind::BatchNorm(norm) => normalization::batch_norm(builder, index, layer, norm),
        LayerKind::ScaleShift(shift) => normalization::scale_shift(builder, index, layer, shift),
        LayerKind::Flatten => layout::flatten(builder, index, layer),
        LayerKind::Identity => builder.identity(index),
        LayerKind::Layout(by) => layout::lower(builder, index, layer, by),
        LayerKind::Merge(function) => merge::lower(builder, index, layer, *function),
        LayerKind::MergeConstant(constant) => merge::constant(builder, index, layer, constant),
        LayerKind::Divide(by) => merge::divide(builder, index, layer, by),
        LayerKind::Square => merge::square(builder, index, layer),
        LayerKind::Clip { low, high } => merge::clip(builder, index, layer, [*low, *high]),
        LayerKind::Concatenate { axis } => layout::concatenate(builder, index, layer, *axis),
        LayerKind::Stack { axis } => layout::stack(builder, index, layer, *axis),
        LayerKind::Dot { axes } => merge::dot(builder, index, layer, *axes),
        LayerKind::Bilinear { factors } => bilinear::lower(builder, index, layer, *factors),
        LayerKind::TimeDistributed(kind) => layout::time_distributed(builder, index, layer, kind),
        LayerKind::ChannelsFirst(kind) => layout::channels_first(builder, index, layer, kind),
    }
}
