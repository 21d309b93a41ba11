//! Layers that move elements.

use petgraph::graph::NodeIndex;

use super::LowerError;
use super::builder::Builder;
use crate::ir::{Op, Tensor};
use crate::model::Layer;

/// Flatten: all axes of a sample in one.
pub(super) fn flatten(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
) -> Result<(), LowerError> {
    let operand = builder.operand(index)?;
    let x = builder.tensor(operand);
    let channels = match x.channels.len() {
        1 => x.channels.clone(),
        // Row after row, each with all channels.
        _ => x.channels.iter().cycle().take(x.len()).cloned().collect(),
    };
    let flat = Tensor { shape: vec![x.len()], format: x.format, channels };
    let node = builder.add(&layer.name, "", Op::Reshape, operand, flat);
    builder.result(index, node);
    Ok(())
}
