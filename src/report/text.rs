//! Rows as a table for a terminal.

use comfy_table::{CellAlignment, Table, presets};

use super::LayerRow;

/// The table of layers, with a line of totals.
pub fn table(rows: &[LayerRow]) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header([
        "layer",
        "shape",
        "weights",
        "accumulator",
        "result",
        "proven interval",
        "mult.",
        "weight bits",
    ]);
    let or_dash = |format: Option<crate::fixed::Format>| {
        format.map_or_else(|| "-".to_string(), |format| format.to_string())
    };
    for row in rows {
        table.add_row([
            row.layer.clone(),
            shape(&row.shape),
            or_dash(row.weight),
            or_dash(row.accumulator),
            row.result.to_string(),
            format!("[{}, {}]", row.range.0, row.range.1),
            row.multiplications.to_string(),
            row.weight_bits.to_string(),
        ]);
    }
    let sum = |part: fn(&LayerRow) -> usize| rows.iter().map(part).sum::<usize>().to_string();
    table.add_row([
        "total".to_string(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        sum(|row| row.multiplications),
        sum(|row| row.weight_bits),
    ]);
    for column in [6, 7] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// `16x8x3`.
fn shape(shape: &[usize]) -> String {
    let axes: Vec<String> = shape.iter().map(usize::to_string).collect();
    axes.join("x")
}
