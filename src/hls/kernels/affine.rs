//! A factor and a summand for each channel.

use serde::Serialize;

use super::super::build::{Builder, Site};
use super::super::form::Scaling;
use super::super::reuse::reuse_factor_up_to;
use super::super::{ConstantId, Finding, HlsError, Multipliers, Obstacle, Operations};
use super::powers::{Factors, factors};
use crate::ir;

/// `output[r, c] = input[r, c] · scales[c] + offsets[c]`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Affine {
    /// How many rows of channels a sample has.
    pub rows: usize,
    /// Elements of a row.
    pub channels: usize,
    /// \[channels\], or one for all.
    pub scales: Factors,
    /// Whether there is a scale for each channel.
    pub by_channel: bool,
    /// \[channels\], or one for all.
    pub offsets: Option<Offsets>,
    /// What a sample takes.
    pub operations: Operations,
}

/// What is added.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Offsets {
    /// The numbers.
    pub constant: ConstantId,
    /// Whether there is one for each channel.
    pub by_channel: bool,
}

pub(super) fn build(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    op: &ir::Affine,
) -> Result<(Affine, Option<Multipliers>), HlsError> {
    let (operand, result) = (&site.operand.tensor, &site.node.tensor);
    let (rows, channels) = (result.rows(), result.channel_count());
    let by_channel = |holds: &str, constant: &ir::Constant| match constant.codes.len() {
        n if n == channels => Ok(true),
        1 => Ok(false),
        _ => Err(site.broken(format!("another number of {holds} than of channels"))),
    };
    let scale_by_channel = by_channel("scales", &op.scale)?;
    let scales = factors(builder, site, ("scale", "scales"), &op.scale)?;
    let offsets = match &op.bias {
        None => None,
        Some(offset) => {
            let by_channel = by_channel("offsets", offset)?;
            let constant = builder.constant(site, "offset", "offsets", offset)?;
            Some(Offsets { constant, by_channel })
        }
    };

    // Where a layer has sums, these decide how fast it is, and its scales share multipliers as far as
    // that leaves time for.
    let operations = Scaling::operations_of_affine(op, result);
    let products = (rows * channels) as u64;
    let asked = builder.options.reuse_factor_of(&site.node.layer);
    let reuse_factor = reuse_factor_up_to(asked, channels);
    let sums = |node: &ir::Node| matches!(node.op, ir::Op::Linear(_) | ir::Op::Conv(_));
    let layer = &site.node.layer;
    let alone = !builder.graph.nodes.node_weights().any(|it| it.layer == *layer && sums(it));
    if alone && operations.multiplications > 0 && reuse_factor != asked {
        let obstacle =
            Obstacle::ReuseFactorMoved { asked, used: reuse_factor, inputs: 1, outputs: channels };
        builder.findings.push(Finding { layer: layer.clone(), obstacle });
    }
    let multipliers = (operations.multiplications > 0).then(|| Multipliers {
        products,
        nontrivial_products: operations.multiplications,
        reuse_factor,
        limit: products.div_ceil(reuse_factor),
        operand_width: operand.format.width(),
        constant_width: op.scale.format.width(),
    });
    let by_channel = scale_by_channel;
    Ok((Affine { rows, channels, scales, by_channel, offsets, operations }, multipliers))
}
