//! Tables with a row for each index.

use ndarray::Array1;
use serde::Serialize;

use super::{Body, Built};
use crate::fixed::{Codes, Format, Range};
use crate::hls::build::NodeBuilder;
use crate::hls::function::FunctionSize;
use crate::hls::plan::{Nest, Reads};
use crate::hls::{ConstantId, Cost, HlsError, TypeId};
use crate::ir;

/// `output[n, c] = table[input[n], c]`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct LookupKernel {
    /// Number of elements of the operand.
    pub elements: usize,
    /// Rows of the table.
    pub rows: usize,
    /// Columns of the table.
    pub columns: usize,
    /// Holds an index.
    pub index: TypeId,
    /// Row-major.
    pub table: ConstantId,
}

pub(super) fn build(cx: &mut NodeBuilder<'_>, op: &ir::Lookup) -> Result<Built, HlsError> {
    let element = cx.values_type();
    let [rows, columns] = *op.table.codes.shape() else {
        return Err(cx.broken("a table that is not a matrix"));
    };
    let indices = Range::new(0, rows.saturating_sub(1));
    let format = Format::covering(&indices, 0).map_err(cx.too_wide("the index of its table"))?;
    let index = cx.local_type("index", "row indices", format, indices);
    let codes: Vec<_> = op.table.codes.iter().collect();
    let codes = Codes::from_big(Array1::from(codes).into_dyn());
    let table = ir::Constant { codes, format: op.table.format };
    let table = cx.constant("row", "values by index", &table)?;
    let size = FunctionSize::Table {
        entries: rows,
        bits: op.table.format.width().saturating_mul(u32::try_from(columns).unwrap_or(u32::MAX)),
    };
    let cost = Cost {
        hardware: vec![size.to_string()],
        functions: vec![size],
        table_bits: op.table.bits(),
        ..Cost::default()
    };
    let elements = cx.operand.tensor.len();
    let body = Body::Lookup(LookupKernel { elements, rows, columns, index, table });
    let mut built = Built::new(cx, body, Nest::new(&[elements, columns]), element);
    built.structure.reads = Reads::Spread(1);
    // A row is one word.
    built.structure.constants = vec![(table, Some(columns as u64))];
    Ok(Built { cost, ..built })
}
