//! Pooling.

use petgraph::graph::NodeIndex;

use super::activation::{Place, activate};
use super::builder::Builder;
use super::{LowerError, windows};
use crate::ir::{self, NodeId, Op, Tensor};
use crate::model::{Layer, Pool, PoolKind};

pub(super) fn lower(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    pool: &Pool,
) -> Result<(), LowerError> {
    let operand = builder.operand(index)?;
    let name = layer.name.as_str();
    let window = windows::place(name, pool.sliding.as_ref(), builder.tensor(operand))?;
    let kind = match pool.kind {
        PoolKind::Max => ir::PoolKind::Max,
        PoolKind::Average | PoolKind::QuantizedAverage(_) => ir::PoolKind::Sum,
    };
    let op = ir::Pool { window, kind };
    let tensor = op
        .result(builder.tensor(operand))
        .map_err(|rule| LowerError::Unfit { layer: name.into(), rule })?;
    let mut node = builder.add(name, "", Op::Pool(op), operand, tensor);
    if !pool.keep_axes {
        node = without_positions(builder, name, node);
    }
    let node = activate(builder, Place::inside(index, name), node, &pool.activation)?;
    builder.result(index, node);
    Ok(())
}

/// The channels of the only position.
fn without_positions(builder: &mut Builder<'_>, layer: &str, node: NodeId) -> NodeId {
    let x = builder.tensor(node);
    let flat = Tensor { shape: vec![x.channel_count()], ..x.clone() };
    builder.add(layer, "channels", Op::Reshape, node, flat)
}
