//! The speed of the simulation as text.

use comfy_table::{CellAlignment, Table};

use super::layers::{narrow_style, rounded};
use crate::sim::Benchmark;

/// Samples per second, and a table of the steps.
pub fn benchmark(found: &Benchmark) -> String {
    let threads = match found.threads {
        1 => "1 thread".to_owned(),
        count => format!("{count} threads"),
    };
    let mut text = format!("{threads}; {} multiply-accumulate operations a sample\n\n", found.macs);
    let mut rates = Table::new();
    rates.load_style(narrow_style()).set_header(["batch", "samples/s", "GMAC/s"]);
    for rate in &found.batches {
        let macs = rate.rate * found.macs as f64 / 1e9;
        rates.add_row([rate.samples.to_string(), rounded(rate.rate), rounded(macs)]);
    }
    let mut steps = Table::new();
    let header = ["step", "algorithm", "us/sample", "share", "of the peak"];
    steps.load_style(narrow_style()).set_header(header);
    let total: f64 = found.steps.iter().map(|step| step.microseconds).sum();
    for step in &found.steps {
        let peak = step.macs as f64 / step.microseconds * 1e6 / found.peak;
        steps.add_row([
            step.node.clone(),
            step.algorithm.clone(),
            rounded(step.microseconds),
            percent(step.microseconds / total),
            if step.macs > 0 { percent(peak) } else { String::new() },
        ]);
    }
    for (table, numbers) in [(&mut rates, 0..3), (&mut steps, 2..5)] {
        for column in numbers {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        text.push_str(&format!("{table}\n\n"));
    }
    let peak = rounded(found.peak / 1e9);
    text.push_str(&format!("on one thread; peak of 8-bit dot products: {peak} GMAC/s"));
    text
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}
