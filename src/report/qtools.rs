//! Tables of QTools' types and energies.

use comfy_table::{CellAlignment, Table};

use super::layers::narrow_style;
use crate::fixed::Format;
use crate::qtools::{
    Bits, Comparison, Costs, DataType, Energy, Form, Operators, Proven, ProvenMap, Saved,
    Statistics, SummaryRow,
};

/// A table in the style of the others, with the columns from `numbers` on aligned right.
fn table(titles: &[&str], rows: Vec<Vec<String>>, numbers: usize) -> String {
    let mut table = Table::new();
    table.load_style(narrow_style());
    table.set_header(titles);
    table.add_rows(rows);
    for (position, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 1));
        if position >= numbers {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// A type of QTools as `fixed<8,1>`, `po2<4>`, `ternary`, `-1 or 1`, `float32`.
fn type_name(of: &DataType) -> String {
    let sign = if of.sign.is_signed() { "" } else { "u" };
    match of.form {
        Form::Fixed => format!("{sign}fixed<{},{}>", of.bits, of.int_bits + of.sign.bit()),
        Form::PowerOfTwo => format!("{sign}po2<{}>", of.bits),
        Form::Ternary => "ternary".to_owned(),
        Form::Binary => "-1 or 1".to_owned(),
        Form::ZeroOne => "0 or 1".to_owned(),
        Form::Float => format!("float{}", of.bits),
    }
}

/// QTools' types of every layer beside the proven ones, and the bits saved.
pub fn types(map: &ProvenMap) -> String {
    let titles = [
        "layer",
        "class",
        "operator",
        "weights",
        "proven",
        "accumulator",
        "proven",
        "result",
        "proven",
        "operations",
    ];
    let rows = map.types.layers.iter().zip(&map.proven).map(|(layer, proven)| {
        let ours = |of: fn(&Proven) -> Option<Format>| {
            let format = proven.as_ref().and_then(of);
            format.map_or_else(|| "-".to_owned(), |format| format.to_string())
        };
        let theirs = |of: Option<&DataType>| of.map_or_else(|| "-".to_owned(), type_name);
        let (weight, operator) = match &layer.operators {
            Operators::None => (None, "-"),
            Operators::Merge(gate) => (None, gate.operation.name()),
            Operators::Average { multiplier, .. } => {
                (None, multiplier.as_ref().map_or("add", |gate| gate.operation.name()))
            }
            Operators::BatchNorm { operators, .. } => {
                let gate = operators.multiplier.as_ref().unwrap_or(&operators.divider);
                (None, gate.operation.name())
            }
            Operators::Matrix { weight, multiplier, .. } => {
                (Some(weight), multiplier.operation.name())
            }
        };
        vec![
            layer.name.clone(),
            layer.class.clone(),
            operator.to_owned(),
            theirs(weight),
            ours(|it| it.weight),
            theirs(layer.sum()),
            ours(|it| it.accumulator),
            type_name(&layer.output),
            ours(|it| Some(it.output)),
            layer.operation_count.to_string(),
        ]
    });
    let Saved { weights, accumulator, outputs } = map.saved();
    format!(
        "{}\nproven types take {weights} bits less of weights, {accumulator} of accumulators (one a layer), \
         {outputs} of results of a sample",
        table(&titles, rows.collect(), titles.len() - 1)
    )
}

/// Energy of every layer, in pJ.
pub fn energy(energy: &Energy) -> String {
    let titles = ["layer", "class", "inputs", "outputs", "parameters", "operations", "counted"];
    let cells = |name: &str, class: &str, costs: Costs, total: f64| {
        let numbers = [costs.inputs, costs.outputs, costs.parameters, costs.op_cost, total];
        let numbers = numbers.iter().map(|cost| format!("{cost:.2}"));
        [name.to_owned(), class.to_owned()].into_iter().chain(numbers).collect::<Vec<String>>()
    };
    let rows =
        energy.layers.iter().map(|it| cells(&it.name, &it.class_name, it.energy, it.total()));
    let uncounted = match &energy.uncounted[..] {
        [] => String::new(),
        layers => format!("\nQTools gives no energy to the operations of {}", layers.join(", ")),
    };
    format!(
        "{}\ncounted by QTools: {} pJ a sample; all costs: {} pJ{uncounted}",
        table(&titles, rows.collect(), 2),
        energy.total(),
        energy.total_cost
    )
}

/// The model beside its reference: energy and bits.
pub fn forgiving(energy: &Comparison, bits: &Comparison, [trial, reference]: [Bits; 2]) -> String {
    let percent = |value: Option<f64>| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{:.2} %", 100.0 * value))
    };
    let line = |what: &str, it: &Comparison| {
        vec![
            what.to_owned(),
            it.trial_size.to_string(),
            it.reference_size.to_string(),
            percent(it.total_factor),
            percent(it.delta),
        ]
    };
    let part = |what: &str, trial: u64, reference: u64| {
        let dash = || "-".to_owned();
        vec![what.to_owned(), trial.to_string(), reference.to_string(), dash(), dash()]
    };
    let rows = vec![
        line("energy (pJ)", energy),
        line("bits", bits),
        part("bits of parameters", trial.parameters, reference.parameters),
        part("bits of activations", trial.activations, reference.activations),
    ];
    table(&["", "model", "reference", "difference", "forgiving factor"], rows, 1)
}

/// QKeras' `print_qstats`: operations, weights and zeros of every layer.
pub fn statistics(statistics: &Statistics) -> String {
    let share = |share: f64| format!("{:.2} %", 100.0 * share);
    let titles = [
        "layer",
        "operation",
        "operations",
        "weights",
        "bits",
        "biases",
        "bits",
        "total bits",
        "zeros",
    ];
    let layers = statistics.operations.iter().map(|it| {
        let list = |all: Vec<String>| all.join(" + ");
        let sparsity = statistics.sparsity.iter().find(|(layer, _)| *layer == it.layer);
        vec![
            it.layer.clone(),
            it.name(),
            it.number_of_operations.to_string(),
            list(it.weights.iter().map(|(count, _)| count.to_string()).collect()),
            list(it.weights.iter().map(|(_, mode)| mode.bits.to_string()).collect()),
            it.bias.0.to_string(),
            it.bias.1.bits.to_string(),
            it.bits().to_string(),
            sparsity.map_or_else(|| "-".to_owned(), |(_, it)| share(*it)),
        ]
    });
    let mut text = table(&titles, layers.collect(), 2);
    let kinds = statistics.operation_types.iter();
    let kinds = kinds.map(|(name, count)| vec![name.clone(), count.to_string()]);
    text.push_str(&format!("\n\n{}", table(&["operation", "number"], kinds.collect(), 1)));
    text.push_str(&format!(
        "\n\n{} bits of weights and biases, {} of all weights are 0",
        statistics.total_bits,
        share(statistics.total_sparsity)
    ));
    let known = |layer: &str| statistics.operations.iter().any(|it| it.layer == layer);
    let others: Vec<String> = statistics
        .sparsity
        .iter()
        .filter(|(layer, _)| !known(layer))
        .map(|(layer, it)| format!("{layer} {}", share(*it)))
        .collect();
    if !others.is_empty() {
        text.push_str(&format!("; of other layers: {}", others.join(", ")));
    }
    text.push_str(&format!("\n\n{}", summary(&statistics.summary)));
    text
}

/// QKeras' `print_qmodel_summary`.
fn summary(rows: &[SummaryRow]) -> String {
    let cells = rows.iter().map(|row| {
        let quantizers = row.quantizers.iter().map(|(name, call)| format!("{name} {call}"));
        vec![
            row.layer.clone(),
            row.class.clone(),
            row.outputs.map_or_else(|| "-".to_owned(), |outputs| outputs.to_string()),
            quantizers.collect::<Vec<_>>().join("\n"),
            row.activation.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    });
    let titles = ["layer", "class", "outputs", "quantizers", "activation"];
    table(&titles, cells.collect(), usize::MAX)
}
