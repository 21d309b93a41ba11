//! Softmax by lookup tables.

use serde::Serialize;

use super::{Body, Built};
use crate::fixed::{Format, Quantization, Range, Signedness};
use crate::hls::build::NodeBuilder;
use crate::hls::plan::{LocalArray, Nest};
use crate::hls::{ConstantId, Cost, FunctionSize, HlsError, TypeId};
use crate::ir;

/// The six steps of [`ir::Softmax`]. The norm shift is applied to the reciprocal of a row, not to
/// each product.
#[derive(Clone, Debug, Serialize)]
pub struct SoftmaxKernel {
    /// Number of independent rows.
    pub rows: usize,
    /// Elements of a row.
    pub columns: usize,
    /// The type of max - x.
    pub difference: TypeId,
    /// The tables whose product is an exponential, for the highest bits of a difference first.
    pub exp_tables: Vec<ExpTable>,
    /// The type of their entries and products.
    pub exp: TypeId,
    /// Holds the sum of a row.
    pub sum: TypeId,
    /// Holds a sum at each norm shift.
    pub mantissa: TypeId,
    /// Largest norm shift.
    pub norm_shift: u32,
    /// The type of the index of the reciprocal table: a truncated mantissa minus one.
    pub index: TypeId,
    /// The reciprocals, rounded, of one plus each code of `index`.
    pub reciprocal_table: ConstantId,
    /// The type of one minus the product of mantissa and estimate.
    pub error: TypeId,
    /// The type of an error plus its square.
    pub correction: TypeId,
    /// The type of a corrected estimate.
    pub reciprocal: TypeId,
    /// Holds a reciprocal at each norm shift.
    pub factor: TypeId,
}

/// Exponentials of minus some bits of a difference.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ExpTable {
    /// The lowest of these bits.
    pub low: u32,
    /// Number of these bits.
    pub width: u32,
    /// The value for each of them.
    pub table: ConstantId,
}

pub(super) fn build(cx: &mut NodeBuilder<'_>, op: &ir::Softmax) -> Result<Built, HlsError> {
    let tensor = &cx.node.tensor;
    let result = Quantization::new(tensor.format, op.to.rounding, op.to.overflow);
    let element = cx.result_type("probabilities", result);
    let columns = tensor.channel_count();
    let any = |quantization: Quantization| quantization.format.codes();

    let difference = cx.add_type("difference", "max - x", op.difference, any(op.difference));
    let one = Range::new(0, op.one().ok_or_else(|| cx.broken("has no 1"))?);
    let exp = cx.add_type("exp", "exponentials", op.exponential, one.clone());
    let index = op.reciprocal_index().map_err(cx.too_wide("the index of its reciprocal table"))?;
    let index = cx.add_type("index", "mantissas minus one", index, any(index));
    let error = cx.add_type("error", "errors of estimated reciprocals", op.error, any(op.error));
    let correction = cx.add_type(
        "correction",
        "corrections of estimated reciprocals",
        op.correction,
        any(op.correction),
    );
    let reciprocal = cx.add_type("reciprocal", "reciprocals", op.reciprocal, any(op.reciprocal));

    // The LSB of the sum is at most that of the tables.
    let refine =
        (op.sum.fractional_bits() - op.exponential.format.fractional_bits()).max(0).unsigned_abs();
    let sums = (&one * &columns.into()).refined(refine);
    let sum = cx.local_type("sum", "sums of exponentials", op.sum, sums.clone());

    // A shift by I - sign - 1 brings any number below 2^(I - sign) below 2.
    let above = op.sum.integer_bits() - i32::from(op.sum.is_signed()) - 1;
    let norm_shift = op.norm_shift.min(u32::try_from(above).unwrap_or(0));
    let shifted = |format: Format| {
        let signedness = if format.is_signed() { Signedness::Signed } else { Signedness::Unsigned };
        Format::new(signedness, format.width() + norm_shift, format.integer_bits())
    };
    let wide = shifted(op.sum).map_err(cx.too_wide("the shifted sum"))?;
    let mantissa = cx.local_type("mantissa", "shifted sums", wide, sums.refined(norm_shift));
    Format::unsigned(wide.width() + op.reciprocal_table.format.width(), 0)
        .map_err(cx.too_wide("the product of a sum and an estimated reciprocal"))?;
    let wide = shifted(op.reciprocal.format).map_err(cx.too_wide("the shifted reciprocal"))?;
    Format::unsigned(wide.width() + op.exponential.format.width(), 0)
        .map_err(cx.too_wide("the product of an exponential and a reciprocal"))?;
    let range = any(op.reciprocal).refined(norm_shift);
    let factor = cx.local_type("factor", "shifted reciprocals", wide, range);

    let holds = "estimated reciprocals";
    let reciprocal_table = cx.constant("estimate", holds, &op.reciprocal_table)?;
    let rule = "tables that do not cover the difference";
    let lines = op.addresses().ok_or_else(|| cx.broken(rule))?;
    let mut low = op.difference.format.width();
    let mut exp_tables = Vec::new();
    for (position, (table, width)) in op.exp_tables.iter().zip(&lines).enumerate() {
        low = low.checked_sub(*width).ok_or_else(|| cx.broken(rule))?;
        let suffix = if lines.len() == 1 { "exp".into() } else { format!("exp_{}", position + 1) };
        let codes = table.codes.clone();
        let table = cx.constant_of(&suffix, "exponentials", exp, codes)?;
        exp_tables.push(ExpTable { low, width: *width, table });
    }
    let mut cost = Cost::default();
    cost.operations.multiplications = op.multiplications(tensor);
    for table in op.tables() {
        let size = FunctionSize::Table { entries: table.codes.len(), bits: table.format.width() };
        cost.hardware.push(size.to_string());
        cost.functions.push(size);
        cost.table_bits += table.bits();
    }
    let kernel = SoftmaxKernel {
        rows: tensor.rows(),
        columns,
        difference,
        exp_tables,
        exp,
        sum,
        mantissa,
        norm_shift,
        index,
        reciprocal_table,
        error,
        correction,
        reciprocal,
        factor,
    };
    // The maximum, then the exponentials, then the probabilities.
    let nest = Nest { sequence: 3, ..Nest::new(&[tensor.rows(), columns]) };
    let mut built = Built::new(cx, Body::Softmax(kernel), nest, element);
    built.structure.constants.clear();
    built.structure.arrays = vec![LocalArray::new("exponentials", columns, 1)];
    Ok(Built { cost, ..built })
}
