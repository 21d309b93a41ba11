//! Products with constants, summed.

use num_bigint::BigInt;
use num_traits::Zero;
use serde::Serialize;

use super::super::build::{Builder, Site};
use super::super::{
    ConstantId, Finding, HlsError, Multipliers, Obstacle, nearest_legal_reuse_factor,
};
use crate::ir;

/// `output[r, o] = bias[o] + Σ_i input[r, i] · weights[i, o]`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Linear {
    /// How often the matrix is applied to a sample.
    pub rows: usize,
    /// Elements of a row of the operand.
    pub inputs: usize,
    /// Elements of a row of the result.
    pub outputs: usize,
    /// \[inputs, outputs\].
    pub weights: ConstantId,
    /// \[outputs\].
    pub biases: Option<ConstantId>,
}

pub(super) fn build(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    op: &ir::Linear,
) -> Result<(Linear, Multipliers), HlsError> {
    let [inputs, outputs] = *op.weights.codes.shape() else {
        return Err(site.broken("weights that are no matrix"));
    };
    let (operand, result) = (&site.operand.tensor, &site.node.tensor);
    if operand.channel_count() != inputs || result.channel_count() != outputs {
        return Err(site.broken("weights of another shape than operand and result"));
    }
    if op.bias.as_ref().is_some_and(|bias| bias.codes.len() != outputs) {
        return Err(site.broken("another number of biases than of outputs"));
    }
    let rows = result.rows();
    let (weights, biases) = parameters(builder, site, op)?;
    let multipliers = multipliers(builder, site, op, rows);
    Ok((Linear { rows, inputs, outputs, weights, biases }, multipliers))
}

/// Weights and biases as constants of the design.
pub(super) fn parameters(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    op: &ir::Linear,
) -> Result<(ConstantId, Option<ConstantId>), HlsError> {
    let weights = builder.constant(site, "weight", "weights", &op.weights)?;
    let biases = match &op.bias {
        Some(bias) => Some(builder.constant(site, "bias", "biases", bias)?),
        None => None,
    };
    Ok((weights, biases))
}

/// The multipliers of products with the weights of `op`, `rows` times a sample.
pub(super) fn multipliers(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    op: &ir::Linear,
    rows: usize,
) -> Multipliers {
    let weights = op.weights.codes.len();
    let products = (rows * weights) as u64;
    let proper = op.weights.codes.iter().filter(|code| !is_wire(code)).count() * rows;
    let asked = builder.options.reuse_factor_of(&site.node.layer);
    let reuse_factor = nearest_legal_reuse_factor(weights as u64, asked);
    if reuse_factor != asked {
        builder.findings.push(Finding {
            layer: site.node.layer.clone(),
            obstacle: Obstacle::ReuseFactorMoved { asked, used: reuse_factor, products },
        });
    }
    Multipliers {
        products,
        proper_products: proper as u64,
        reuse_factor,
        limit: products.div_ceil(reuse_factor),
        operand_width: site.operand.tensor.format.width(),
        constant_width: op.weights.format.width(),
    }
}

/// Whether a product with this constant is a shift or nothing at all.
fn is_wire(code: &BigInt) -> bool {
    code.is_zero() || code.magnitude().count_ones() == 1
}
