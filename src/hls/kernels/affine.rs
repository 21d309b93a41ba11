//! A factor and a summand for each channel.

use serde::Serialize;

use super::super::build::{Builder, Site};
use super::super::reuse::reuse_factor_up_to;
use super::super::{ConstantId, HlsError, Multipliers};
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
    /// \[channels\], or one for all.
    pub offsets: Option<Factors>,
}

/// The numbers of the channels.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Factors {
    /// The numbers.
    pub constant: ConstantId,
    /// Whether there is one for each channel.
    pub by_channel: bool,
}

pub(super) fn build(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    op: &ir::Affine,
) -> Result<(Affine, Multipliers), HlsError> {
    let (operand, result) = (&site.operand.tensor, &site.node.tensor);
    let (rows, channels) = (result.rows(), result.channel_count());
    let mut factors = |suffix, holds, constant: &ir::Constant| {
        let by_channel = constant.codes.len() == channels;
        if !by_channel && constant.codes.len() != 1 {
            return Err(site.broken(format!("another number of {holds} than of channels")));
        }
        let constant = builder.constant(site, suffix, holds, constant)?;
        Ok(Factors { constant, by_channel })
    };
    let scales = factors("scale", "scales", &op.scale)?;
    let offset = op.offset.as_ref();
    let offsets = offset.map(|offset| factors("offset", "offsets", offset)).transpose()?;

    // The layer's sums decide how fast it is: its scales share multipliers as far as that leaves
    // time for.
    let products = (rows * channels) as u64;
    let asked = builder.options.reuse_factor_of(&site.node.layer);
    let reuse_factor = reuse_factor_up_to(asked, channels);
    let multipliers = Multipliers {
        products,
        proper_products: (rows * op.multiplications(channels)) as u64,
        reuse_factor,
        limit: products.div_ceil(reuse_factor),
        operand_width: operand.format.width(),
        constant_width: op.scale.format.width(),
    };
    Ok((Affine { rows, channels, scales, offsets }, multipliers))
}
