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
        "proven range",
        "hardware",
        "mult.",
        "add.",
        "shift",
        "weight bits",
    ]);
    let or_dash = |format: Option<crate::fixed::Format>| {
        format.map_or_else(|| "-".to_string(), |format| format.to_string())
    };
    let or_text = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    for row in rows {
        table.add_row([
            row.layer.clone(),
            shape(&row.shape),
            or_dash(row.weight),
            or_dash(row.accumulator),
            row.result.to_string(),
            format!("[{}, {}]", row.range.0, row.range.1),
            or_text(&row.hardware),
            row.counts.multiplications.to_string(),
            row.counts.additions.to_string(),
            row.counts.shifts.to_string(),
            row.weight_bits.to_string(),
        ]);
    }
    let sum = |part: fn(&LayerRow) -> u64| rows.iter().map(part).sum::<u64>().to_string();
    table.add_row([
        "total".to_string(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        sum(|row| row.counts.multiplications),
        sum(|row| row.counts.additions),
        sum(|row| row.counts.shifts),
        sum(|row| row.weight_bits as u64),
    ]);
    for column in 7..=10 {
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
