//! From the trained network to integer operations: the one place where real numbers become
//! integers.
//!
//! [`lower`] walks the model's layers in order. What a family of layers becomes stands in a file of
//! its own: [`dense`](self) in `dense.rs`, activations in `activation.rs`, functions of Keras in
//! `function.rs`, softmax in `softmax.rs`.
//! Formats follow from quantizers, weights and intervals; what they do not decide comes from
//! [`Settings`].

mod activation;
mod adaptive;
mod builder;
mod configure;
mod dense;
mod error;
mod function;
mod parameters;
mod settings;
mod shape;
mod softmax;
mod steps;
#[cfg(test)]
mod tests;

use petgraph::visit::Topo;

use crate::ir::Graph;
use crate::model::{LayerKind, Model};

use builder::Builder;
pub use error::{LowerError, Warning};
pub use settings::{LayerSettings, Settings, SoftmaxSettings};

/// A lowered network, and what its user should know about it.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// What the hardware computes.
    pub graph: Graph,
    /// Where the result is not what the trained network says.
    pub warnings: Vec<Warning>,
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
        match &layer.kind {
            LayerKind::Input { .. } => {}
            LayerKind::Dense(dense) => dense::lower(&mut builder, index, layer, dense)?,
            LayerKind::Activation(function) => {
                activation::lower(&mut builder, index, layer, function)?;
            }
            LayerKind::PRelu(alpha) => function::prelu(&mut builder, index, layer, alpha)?,
            LayerKind::Adaptive(adaptive) => {
                adaptive::lower(&mut builder, index, layer, adaptive)?;
            }
            LayerKind::Flatten => shape::flatten(&mut builder, index, layer)?,
            LayerKind::Identity => builder.identity(index)?,
        }
    }
    builder.finish()
}
