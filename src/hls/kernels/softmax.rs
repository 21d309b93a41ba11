//! Softmax by tables.

use serde::Serialize;

use super::super::build::{Builder, Site};
use super::super::{ConstantId, HlsError, TypeId};
use crate::fixed::{Format, Interval, Signedness};
use crate::ir;

/// The five steps of [`ir::Softmax`]. The reciprocal is halved once a row instead of each product.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Softmax {
    /// How many independent rows.
    pub rows: usize,
    /// Elements of a row.
    pub columns: usize,
    /// What a difference from the largest element is cast to.
    pub exp_index: TypeId,
    /// Its width in bits.
    pub exp_address_width: u32,
    /// Exponentials of minus each code of `exp_index`.
    pub exp_table: ConstantId,
    /// The elements' type of `exp_table`.
    pub exp: TypeId,
    /// Holds the sum of a row.
    pub sum: TypeId,
    /// Holds a sum and all its halves.
    pub mantissa: TypeId,
    /// How often a sum may be halved.
    pub halvings: u32,
    /// The width in bits of a number from 0 to `halvings`.
    pub count_width: u32,
    /// What a mantissa minus one is cast to.
    pub inverse_index: TypeId,
    /// Its width in bits.
    pub inverse_address_width: u32,
    /// Reciprocals of one plus each code of `inverse_index`.
    pub inverse_table: ConstantId,
    /// Holds a reciprocal and all its halves.
    pub factor: TypeId,
}

pub(super) fn build(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    op: &ir::Softmax,
) -> Result<Softmax, HlsError> {
    for (index, table) in [(&op.exp_index, &op.exp_table), (&op.inverse_index, &op.inverse_table)] {
        let width = index.format.width();
        if index.format.is_signed() || width > 24 || table.codes.len() != 1 << width {
            return Err(site.broken(format!("a table of {} by {index}", table.codes.len())));
        }
    }
    let tensor = &site.node.tensor;
    let name = &site.node.layer;

    let wanted = format!("{}_exp_index_t", site.stem);
    let codes = op.exp_index.format.codes();
    let exp_index = builder.add_type(&wanted, name, "differences", op.exp_index, codes);
    let exp_table = builder.constant(site, "exp", "exponentials", &op.exp_table)?;
    let exp = builder.constants[exp_table.0].element;

    let largest = op.exp_table.codes.interval().unwrap_or_else(|| Interval::point(0));
    let columns = tensor.channel_count();
    // The sum counts in steps at least as fine as the table's.
    let refine = (op.sum.fraction() - op.exp_table.format.fraction()).max(0).unsigned_abs();
    let sums = (&largest * &columns.into()).refined(refine);
    let sum = builder.local_type(site, "sum", "sums of exponentials", op.sum, sums.clone());

    // Numbers below 2^(I - sign) need I - sign - 1 halvings at most to come below 2.
    let above = op.sum.integer() - i32::from(op.sum.is_signed()) - 1;
    let halvings = op.halvings.min(u32::try_from(above).unwrap_or(0));
    let with_halves = |format: Format, what| {
        let signedness = if format.is_signed() { Signedness::Signed } else { Signedness::Unsigned };
        Format::new(signedness, format.width() + halvings, format.integer())
            .map_err(site.too_wide(what))
    };
    let wide = with_halves(op.sum, "the halved sum")?;
    let mantissa =
        builder.local_type(site, "mantissa", "halved sums", wide, sums.refined(halvings));

    let wanted = format!("{}_inverse_index_t", site.stem);
    let codes = op.inverse_index.format.codes();
    let inverse_index =
        builder.add_type(&wanted, name, "mantissas minus one", op.inverse_index, codes);
    let inverse_table = builder.constant(site, "inverse", "reciprocals", &op.inverse_table)?;
    let wide = with_halves(op.inverse_table.format, "the halved reciprocal")?;
    let inverses = op.inverse_table.codes.interval().unwrap_or_else(|| Interval::point(0));
    let factor =
        builder.local_type(site, "factor", "halved reciprocals", wide, inverses.refined(halvings));

    Ok(Softmax {
        rows: tensor.rows(),
        columns,
        exp_index,
        exp_address_width: op.exp_index.format.width(),
        exp_table,
        exp,
        sum,
        mantissa,
        halvings,
        count_width: (u32::BITS - halvings.leading_zeros()).max(1),
        inverse_index,
        inverse_address_width: op.inverse_index.format.width(),
        inverse_table,
        factor,
    })
}
