//! Softmax by tables.

use serde::Serialize;

use super::super::build::{Builder, Site};
use super::super::{ConstantId, HlsError, TypeId};
use crate::fixed::{Format, Quantization, Range, Signedness};
use crate::ir;

/// The six steps of [`ir::Softmax`]. The reciprocal is halved once a row instead of each product.
#[derive(Clone, Debug, Serialize)]
pub struct Softmax {
    /// How many independent rows.
    pub rows: usize,
    /// Elements of a row.
    pub columns: usize,
    /// What a difference from the largest element is cast to.
    pub distance: TypeId,
    /// The tables whose product is an exponential, for the highest bits of a distance first.
    pub exponents: Vec<Exponents>,
    /// The type of their entries and products.
    pub exp: TypeId,
    /// Holds the sum of a row.
    pub sum: TypeId,
    /// Holds a sum and all its halves.
    pub mantissa: TypeId,
    /// How often a sum may be halved.
    pub halvings: u32,
    /// The width in bits of a number from 0 to `halvings`.
    pub count_width: u32,
    /// What a mantissa minus one is cut to.
    pub seed_index: TypeId,
    /// Its width in bits.
    pub seed_address_width: u32,
    /// About the reciprocals of one plus each code of `seed_index`.
    pub seeds: ConstantId,
    /// The type of their entries.
    pub seed: TypeId,
    /// What one minus the product of mantissa and seed is cast to.
    pub error: TypeId,
    /// What an error and its square are cast to.
    pub correction: TypeId,
    /// What a corrected seed is cast to.
    pub reciprocal: TypeId,
    /// Holds a reciprocal and all its halves.
    pub factor: TypeId,
}

/// Exponentials of minus some bits of a distance.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Exponents {
    /// The lowest of these bits.
    pub low: u32,
    /// How many they are.
    pub width: u32,
    /// The value for each of them.
    pub table: ConstantId,
}

pub(super) fn build(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    op: &ir::Softmax,
) -> Result<Softmax, HlsError> {
    let tensor = &site.node.tensor;
    let columns = tensor.channel_count();
    let mut local = |suffix, holds, quantization: Quantization, interval| {
        let wanted = format!("{}_{suffix}_t", site.stem);
        builder.add_type(&wanted, &site.node.layer, holds, quantization, interval)
    };
    let any = |quantization: Quantization| quantization.format.codes();

    let distance =
        local("distance", "distances from the largest", op.difference, any(op.difference));
    let one = Range::new(0, op.one().ok_or_else(|| site.broken("has no 1"))?);
    let exp = local("exp", "exponentials", op.exponential, one.clone());
    let seed_index = op.reciprocal_index().map_err(site.too_wide("the index of a reciprocal"))?;
    let index = local("seed_index", "mantissas minus one", seed_index, any(seed_index));
    let error = local("error", "errors of rough reciprocals", op.error, any(op.error));
    let correction =
        local("correction", "corrections of rough reciprocals", op.correction, any(op.correction));
    let reciprocal = local("reciprocal", "reciprocals", op.reciprocal, any(op.reciprocal));

    // The sum counts in steps at least as fine as the table's.
    let refine = (op.sum.fraction() - op.exponential.format.fraction()).max(0).unsigned_abs();
    let sums = (&one * &columns.into()).refined(refine);
    let sum = builder.local_type(site, "sum", "sums of exponentials", op.sum, sums.clone());

    // Numbers below 2^(I - sign) need I - sign - 1 halvings at most to come below 2.
    let above = op.sum.integer() - i32::from(op.sum.is_signed()) - 1;
    let halvings = op.norm_shift.min(u32::try_from(above).unwrap_or(0));
    let with_halves = |format: Format, what| {
        let signedness = if format.is_signed() { Signedness::Signed } else { Signedness::Unsigned };
        Format::new(signedness, format.width() + halvings, format.integer())
            .map_err(site.too_wide(what))
    };
    let wide = with_halves(op.sum, "the halved sum")?;
    let mantissa =
        builder.local_type(site, "mantissa", "halved sums", wide, sums.refined(halvings));
    Format::unsigned(wide.width() + op.reciprocal_table.format.width(), 0)
        .map_err(site.too_wide("the product of a sum and a rough reciprocal"))?;
    let wide = with_halves(op.reciprocal.format, "the halved reciprocal")?;
    Format::unsigned(wide.width() + op.exponential.format.width(), 0)
        .map_err(site.too_wide("the product of an exponential and a reciprocal"))?;
    let halves = any(op.reciprocal).refined(halvings);
    let factor = builder.local_type(site, "factor", "halved reciprocals", wide, halves);

    let seeds = builder.constant(site, "seed", "rough reciprocals", &op.reciprocal_table)?;
    let seed = builder.constants[seeds.0].element;
    let broken = || site.broken("has tables that are none");
    let lines = op.addresses().ok_or_else(broken)?;
    let mut low = op.difference.format.width();
    let mut exponents = Vec::new();
    for (place, (table, width)) in op.exp_tables.iter().zip(&lines).enumerate() {
        low = low.checked_sub(*width).ok_or_else(broken)?;
        let suffix = if lines.len() == 1 { "exp".into() } else { format!("exp_{}", place + 1) };
        let codes = table.codes.clone();
        let table = builder.constant_of(site, &suffix, "exponentials", exp, codes)?;
        exponents.push(Exponents { low, width: *width, table });
    }
    Ok(Softmax {
        rows: tensor.rows(),
        columns,
        distance,
        exponents,
        exp,
        sum,
        mantissa,
        halvings,
        count_width: (u32::BITS - halvings.leading_zeros()).max(1),
        seed_index: index,
        seed_address_width: seed_index.format.width(),
        seeds,
        seed,
        error,
        correction,
        reciprocal,
        factor,
    })
}
