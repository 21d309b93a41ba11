//! The table of layers: types, proven range, and cost of the hardware.

use comfy_table::{CellAlignment, LineStyle, Table, presets};
use serde::Serialize;

use crate::fixed::{Format, Range};
use crate::hls::estimate::Resources;
use crate::hls::{Design, FunctionSize, Operations, Parallelism, Process};
use crate::ir::{Graph, NodeId};

/// A layer of the model in hardware.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerRow {
    /// The model's layer.
    pub layer: String,
    /// Its operations in topological order; none if it computes nothing.
    pub operations: Vec<&'static str>,
    /// The shape of one sample of its result.
    pub shape: Vec<usize>,
    /// The type of its weights.
    pub weight: Option<Format>,
    /// The type of its real-valued scales.
    pub scale: Option<Format>,
    /// The type of its biases.
    pub bias: Option<Format>,
    /// The type of its sums.
    pub accumulator: Option<Format>,
    /// The type of its result.
    pub result: Format,
    /// The proven range of its result, as codes.
    pub codes: Range,
    /// The proven range of its result, as values.
    pub range: (f64, f64),
    /// The forms of its operations in hardware, each once: `shift-add`, `table 64 x 6 bits`.
    pub hardware: String,
    /// Step functions and lookup tables.
    pub functions: Vec<FunctionSize>,
    /// Arithmetic operations for one sample.
    #[serde(flatten)]
    pub counts: Operations,
    /// Bits of its weights, scales and biases.
    pub weight_bits: usize,
    /// Multiplications with weights of 0, which come from a memory like any other.
    pub idle_multiplications: u64,
    /// Bits of its tables and thresholds.
    pub table_bits: usize,
    /// The arithmetic of its largest weight matrix in a clock cycle.
    pub parallelism: Option<Parallelism>,
    /// Clock cycles of its slowest kernel or process for a sample.
    pub cycles: u64,
    /// Clock cycles from its first operand to its last result, estimated.
    pub latency: u64,
    /// Largest number of multipliers.
    pub multipliers: u64,
    /// Estimated resources.
    #[serde(flatten)]
    pub resources: Resources,
}

/// A row for each layer of the model, in its order. Types and ranges of results are those of
/// `graph`; all else is read from the kernels of its `design`.
pub fn layers(graph: &Graph, design: &Design) -> Vec<LayerRow> {
    let order = graph.topological_order();
    let estimate = design.estimate();
    let present = graph.layers.iter().filter(|(_, node)| graph.nodes.contains_node(*node));
    let row = |(layer, result): &(String, NodeId)| {
        let row = row(graph, design, &order, layer, *result);
        match estimate.layers.iter().find(|it| it.layer == *layer) {
            Some(it) => {
                LayerRow { cycles: it.cycles, latency: it.latency, resources: it.resources, ..row }
            }
            None => row,
        }
    };
    present.map(row).collect()
}

fn row(graph: &Graph, design: &Design, order: &[NodeId], layer: &str, result: NodeId) -> LayerRow {
    let tensor = &graph[result].tensor;
    let codes = tensor.range();
    let nodes = order.iter().map(|id| &graph[*id]).filter(|node| node.layer == layer);
    let mut row = LayerRow {
        layer: layer.into(),
        operations: nodes.map(|node| node.op.name()).collect(),
        shape: tensor.shape.clone(),
        weight: None,
        scale: None,
        bias: None,
        accumulator: None,
        result: tensor.format,
        range: codes.values(tensor.format.fractional_bits()),
        codes,
        hardware: String::new(),
        functions: Vec::new(),
        counts: design.operations_of(|it| it == layer),
        idle_multiplications: 0,
        weight_bits: 0,
        table_bits: 0,
        parallelism: None,
        cycles: 0,
        latency: 0,
        multipliers: 0,
        resources: Resources::default(),
    };
    // A process that pools is before the kernels that scale its sums.
    let processes = design.processes.iter().filter(|process| process.layer == layer);
    let mut hardware: Vec<&str> = processes.filter_map(Process::hardware).collect();
    hardware.dedup();
    for kernel in design.kernels.iter().filter(|kernel| kernel.layer == layer) {
        let cost = &kernel.cost;
        for form in cost.hardware.iter().map(String::as_str) {
            if !hardware.contains(&form) {
                hardware.push(form);
            }
        }
        row.multipliers += kernel.multiplier_instances();
        row.functions.extend(cost.functions.iter().copied());
        row.scale = cost.scale.or(row.scale);
        // That of the products, not of a function after them.
        row.bias = row.bias.or(cost.bias);
        row.idle_multiplications += cost.idle_multiplications;
        row.weight_bits += cost.weight_bits;
        row.table_bits += cost.table_bits;
        if cost.weight.is_some() {
            row.weight = cost.weight;
            let sums = design[kernel.output].element;
            row.accumulator = Some(design[sums].quantization.format);
        }
    }
    let own = design.kernels.iter().filter(|kernel| kernel.layer == layer);
    let matrices = own.filter_map(|kernel| kernel.parallelism());
    row.parallelism = matrices.max_by_key(|it| it.pixels * it.simd * it.pe);
    row.hardware = hardware.join(", ");
    row
}

/// A column of the table: its title, its cells, and their total where they are counts.
struct Column {
    title: &'static str,
    cells: Vec<String>,
    total: Option<u64>,
}

/// Columns of numbers without a total.
const RIGHT: [&str; 6] = ["pixels", "SIMD", "PE", "reuse", "cycles", "latency"];

/// Longest line of the column `hardware` in a narrow table.
const NARROW: usize = 15;

/// `rows` as a table for a terminal, with a line of totals.
///
/// Unless it is `wide`, the table takes some 100 columns: ranges are rounded, tables are
/// abbreviated to `table 64x6b`, and columns without entries are left out, as are scales, biases,
/// accumulators, shifts, table bits, parallelism, latencies and resources.
pub fn table(rows: &[LayerRow], wide: bool) -> String {
    let text = |title, cell: &dyn Fn(&LayerRow) -> String| Column {
        title,
        cells: rows.iter().map(cell).collect(),
        total: None,
    };
    let count = |title, cell: &dyn Fn(&LayerRow) -> u64| Column {
        title,
        cells: rows.iter().map(|row| dash_for_zero(cell(row))).collect(),
        total: Some(rows.iter().map(cell).sum()),
    };
    let format = |format: Option<Format>| format.map_or_else(String::new, |it| it.to_string());
    let value = |value: f64| if wide { value.to_string() } else { rounded(value) };
    let range = |row: &LayerRow| format!("[{}, {}]", value(row.range.0), value(row.range.1));
    let hardware = |row: &LayerRow| match wide {
        true => row.hardware.clone(),
        false => wrapped(&row.hardware),
    };
    let mut columns = vec![
        text("layer", &|row| row.layer.clone()),
        text("shape", &|row| shape(&row.shape)),
        text("weights", &|row| format(row.weight)),
    ];
    if wide {
        columns.push(text("scale", &|row| format(row.scale)));
        columns.push(text("bias", &|row| format(row.bias)));
        columns.push(text("accumulator", &|row| format(row.accumulator)));
    }
    columns.extend([
        text("result", &|row| row.result.to_string()),
        text("proven range", &range),
        text("hardware", &hardware),
        count("mult.", &|row| row.counts.multiplications),
        count("add.", &|row| row.counts.additions),
    ]);
    if wide {
        columns.push(count("idle\nmult.", &|row| row.idle_multiplications));
        columns.push(count("shift", &|row| row.counts.shifts));
    }
    columns.push(count("xnor", &|row| row.counts.xnors));
    columns.push(count("weight\nbits", &|row| row.weight_bits as u64));
    if wide {
        columns.push(count("table\nbits", &|row| row.table_bits as u64));
    }
    if wide {
        let of = |row: &LayerRow, number: &dyn Fn(Parallelism) -> u64| {
            row.parallelism.map_or_else(String::new, |it| number(it).to_string())
        };
        columns.push(text("pixels", &|row| of(row, &|it| it.pixels)));
        columns.push(text("SIMD", &|row| of(row, &|it| it.simd)));
        columns.push(text("PE", &|row| of(row, &|it| it.pe)));
        columns.push(text("reuse", &|row| of(row, &|it| it.reuse_factor)));
    }
    // A cycle for a sample goes without saying.
    columns.push(text("cycles", &|row| match row.cycles {
        0 | 1 => String::new(),
        cycles => cycles.to_string(),
    }));
    if wide {
        columns.push(text("latency", &|row| dash_for_zero(row.latency)));
        columns.push(count("DSP", &|row| row.resources.dsp));
        columns.push(count("LUT", &|row| row.resources.lut));
        columns.push(count("FF", &|row| row.resources.ff));
        columns.push(count("BRAM\n18", &|row| row.resources.bram18));
    } else {
        columns.retain(|column| column.cells.iter().any(|cell| !cell.is_empty()));
    }

    let mut table = Table::new();
    table.load_style(match wide {
        true => presets::UTF8_FULL_CONDENSED,
        false => narrow_style(),
    });
    table.set_header(columns.iter().map(|column| column.title));
    for position in 0..rows.len() {
        let cell = |column: &Column| match column.cells[position].as_str() {
            "" => "-".to_owned(),
            text => text.to_owned(),
        };
        table.add_row(columns.iter().map(cell));
    }
    table.add_row(columns.iter().map(|column| match (column.title, column.total) {
        ("layer", _) => "total".to_owned(),
        (_, total) => total.map_or_else(String::new, |total| total.to_string()),
    }));
    for (position, column) in columns.iter().enumerate() {
        let shown = table.column_mut(position).expect("the table has every column");
        if column.total.is_some() || RIGHT.contains(&column.title) {
            shown.set_cell_alignment(CellAlignment::Right);
        }
        if !wide {
            shown.set_padding((0, 1));
        }
    }
    table.to_string()
}

/// The style of a narrow table: a line below its titles.
pub(super) fn narrow_style() -> comfy_table::TableStyle {
    presets::NOTHING.header_separator(LineStyle::none().fill('─').junction('─'))
}

/// `value` with four significant digits, all of an integer.
pub(super) fn rounded(value: f64) -> String {
    let magnitude = value.abs().log10().floor();
    let decimals = if magnitude.is_finite() { (3.0 - magnitude).clamp(0.0, 300.0) } else { 0.0 };
    let scale = f64::powi(10.0, decimals as i32);
    ((value * scale).round() / scale).to_string()
}

fn dash_for_zero(count: u64) -> String {
    if count == 0 { String::new() } else { count.to_string() }
}

/// `16x8x3`.
fn shape(shape: &[usize]) -> String {
    let axes: Vec<String> = shape.iter().map(usize::to_string).collect();
    axes.join("x")
}

/// The forms of a list on as many lines as they need, tables as `table 64x6b`.
fn wrapped(list: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for form in list.split(", ") {
        let form = match form.starts_with("table ") {
            true => form.replace(" x ", "x").replace(" bits", "b"),
            false => form.to_owned(),
        };
        match lines.last_mut() {
            Some(line) if line.len() + form.len() + 2 <= NARROW => {
                line.push_str(", ");
                line.push_str(&form);
            }
            _ => lines.push(form),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_rounded_to_four_digits() {
        let all = [0.0, -9.75, 11.255859375, 0.000123456789, -123456.0, 1.0 / 3.0].map(rounded);
        assert_eq!(all, ["0", "-9.75", "11.26", "0.0001235", "-123456", "0.3333"]);
    }

    #[test]
    fn forms_are_wrapped() {
        assert_eq!(wrapped("xnor, cast"), "xnor, cast");
        assert_eq!(wrapped("multiply-add, cast"), "multiply-add\ncast");
        assert_eq!(wrapped("cast, table 64 x 6 bits"), "cast\ntable 64x6b");
        assert_eq!(wrapped("multiply-add, scale and bias"), "multiply-add\nscale and bias");
        assert_eq!(wrapped(""), "");
    }
}
