//! Pooling.

use petgraph::graph::NodeIndex;

use super::activation::{Place, activate};
use super::average::{self, Factor};
use super::builder::Builder;
use super::parameters::Parameter;
use super::{LowerError, windows};
use crate::ir::{self, NodeId, Op, Tensor, Window};
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
        .map_err(|rule| LowerError::Operation { layer: name.into(), rule })?;
    let place = Place::inside(index, name);
    let mut node = builder.add(name, "", Op::Pool(op), operand, tensor);
    if let Some(factors) = factors(builder, name, pool, &window)? {
        node = average::multiply(builder, place, node, &factors)?;
    }
    if !pool.keep_axes {
        node = without_positions(builder, name, node);
    }
    let node = activate(builder, place, node, &pool.activation)?;
    builder.finished(index, layer, node);
    Ok(())
}

/// What the sum of each window is multiplied by; `None` where nothing is summed.
fn factors(
    builder: &Builder<'_>,
    layer: &str,
    pool: &Pool,
    window: &Window,
) -> Result<Option<Vec<Factor>>, LowerError> {
    let precision = builder.settings.precision;
    let places = window.taps() as u64;
    let present = (0..window.windows()).map(|at| window.present(at) as u64);
    match &pool.kind {
        PoolKind::Max => Ok(None),
        PoolKind::Average => Ok(Some(present.map(|count| Factor::ratio(1, count)).collect())),
        PoolKind::QuantizedAverage(quantizer) => {
            let inverse = ndarray::arr0((1.0 / places as f64) as f32).into_dyn();
            let quantized = Parameter {
                layer,
                part: "average",
                attribute: "average_quantizer",
                values: inverse.view(),
            };
            let inverse = quantized.constant(Some(quantizer), &precision)?;
            let code = inverse.codes.get(0).unwrap_or_default();
            let fraction = inverse.format.fraction();
            Ok(Some(
                present.map(|count| Factor::ratio(places, count).times(&code, fraction)).collect(),
            ))
        }
    }
}

/// The channels of the only position.
fn without_positions(builder: &mut Builder<'_>, layer: &str, node: NodeId) -> NodeId {
    let x = builder.tensor(node);
    let flat = Tensor { shape: vec![x.channel_count()], ..x.clone() };
    builder.add(layer, "channels", Op::Reshape, node, flat)
}
