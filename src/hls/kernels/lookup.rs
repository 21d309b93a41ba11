//! Tables with a row for each index.

use serde::Serialize;

use super::{Body, Built, Structure};
use crate::fixed::{Codes, Format, Range};
use crate::hls::build::{Builder, NodeContext};
use crate::hls::function::FunctionSize;
use crate::hls::plan::Nest;
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
    /// Its width in bits.
    pub address_width: u32,
    /// Row-major.
    pub table: ConstantId,
}

impl Structure for LookupKernel {
    fn nest(&self) -> Nest {
        Nest::new(&[self.elements, self.columns])
    }

    /// A row is one word.
    fn constants(&self) -> Vec<(ConstantId, Option<u64>)> {
        vec![(self.table, Some(self.columns as u64))]
    }
}

pub(super) fn build(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    op: &ir::Lookup,
) -> Result<Built, HlsError> {
    let element = builder.values_type(context);
    let operand = &context.operand.tensor;
    let [rows, columns] = *op.table.codes.shape() else {
        return Err(context.broken("a table that is not a matrix"));
    };
    let address_width = (usize::BITS - (rows - 1).leading_zeros()).max(1);
    let format = Format::unsigned(address_width, address_width.cast_signed())
        .map_err(context.too_wide("the index of its table"))?;
    let index =
        builder.local_type(context, "index", "row indices", format, Range::new(0, rows - 1));
    let codes: Vec<_> = op.table.codes.iter().collect();
    let codes = Codes::from_big(ndarray::Array1::from(codes).into_dyn());
    let table = ir::Constant { codes, format: op.table.format };
    let bits = op.table.format.width() * u32::try_from(columns).unwrap_or(u32::MAX);
    let size = FunctionSize::Table { entries: rows, bits };
    let table = builder.constant(context, "row", "values by index", &table)?;
    let cost = Cost {
        hardware: vec![size.to_string()],
        functions: vec![size],
        table_bits: op.table.bits(),
        ..Cost::default()
    };
    let elements = operand.len();
    let body = LookupKernel { elements, rows, columns, index, address_width, table };
    Ok(Built::new(Body::Lookup(body), element, cost))
}
