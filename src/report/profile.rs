//! The table of a profile: values, types and proposed types.

use comfy_table::{CellAlignment, Table};

use super::layers::{narrow_style, rounded};
use crate::profile::{Accuracy, Distribution, Profile, ProfileRow, Proposal, RangeBasis};

/// Octaves of a distribution, from the largest one down.
const OCTAVES: i32 = 10;

/// The least number in scientific notation.
const LARGE: f64 = 1e7;

/// The bars of a distribution, by height.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// `profile` as a table of some 100 columns, and the accuracy of present and proposed types.
pub fn table(profile: &Profile) -> String {
    let proposal = profile.proposal.as_ref();
    let mut titles = vec!["layer", "variable", "range", "octaves", "type", "clipped", "unused"];
    if proposal.is_some() {
        titles.extend(["proposed", "range is"]);
    }
    let mut table = Table::new();
    table.load_style(narrow_style());
    table.set_header(titles);
    for row in &profile.rows {
        table.add_row(cells(row, proposal));
    }
    for (position, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 0));
        if position == 5 || position == 6 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = format!("{table}\n");
    text.push_str(&format!(
        "\n{} samples, compared with the trained network in float64:\n",
        profile.samples
    ));
    text.push_str(&format!("present types:  {}\n", accuracy(&profile.accuracy)));
    if let Some(proposal) = proposal {
        let has_extras = !proposal.corrections.is_empty()
            || proposal.types.iter().any(|it| it.per_channel || it.range == RangeBasis::Clipped);
        if let Some(plain) = proposal.plain.as_ref().filter(|_| has_extras) {
            text.push_str(&format!("{} alone: {}\n", proposal.goal, accuracy(plain)));
        }
        text.push_str(&format!("proposed types: {}\n", accuracy(&proposal.accuracy)));
        text.push_str(&format!(
            "for {}: {} bits of parameters, {} bits of inputs and results of a sample\n",
            proposal.goal, proposal.parameter_bits, proposal.result_bits,
        ));
        let limited = proposal
            .types
            .iter()
            .filter_map(|it| Some(format!("{} of {} {}", it.variable, it.layer, it.limit?)));
        let limited: Vec<String> = limited.collect();
        if !limited.is_empty() {
            text.push_str(&format!(
                "fewer bits, because a function becomes a table of all values: {}\n",
                limited.join(", ")
            ));
        }
        let scaled = proposal.types.iter().filter(|it| it.per_channel);
        let scaled: Vec<&str> = scaled.map(|it| it.layer.as_str()).collect();
        if !scaled.is_empty() {
            text.push_str(&format!("weights with a scale per channel: {}\n", scaled.join(", ")));
        }
        if !proposal.corrections.is_empty() {
            let corrected: Vec<&str> = proposal.corrections.keys().map(String::as_str).collect();
            text.push_str(&format!("corrected biases: {}\n", corrected.join(", ")));
        }
        text.push_str(&format!(
            "found in {} simulations of {} samples\n",
            proposal.trials, proposal.trial_samples
        ));
    }
    text
}

/// The cells of a row. A proposed type rounds and saturates, as the page on profiles says.
fn cells(row: &ProfileRow, proposal: Option<&Proposal>) -> Vec<String> {
    let Distribution { low, high, .. } = row.values;
    let usage = &row.usage;
    let mut cells = vec![
        row.layer.clone(),
        row.title(),
        format!("[{}, {}]", number(low), number(high)),
        bars(&row.values),
        usage.precision.format.to_string(),
        share(usage.clipped, row.values.count),
        match (usage.unused_high, usage.unused_low) {
            (0, 0) => "-".into(),
            (high, low) => format!("{high}+{low}"),
        },
    ];
    if let Some(proposal) = proposal {
        let proposed = proposal.type_of(&row.layer, row.variable);
        let cell = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        cells.push(cell(proposed.map(|it| it.precision.format.to_string())));
        cells.push(cell(proposed.map(|it| it.range.to_string())));
    }
    cells
}

/// A bar for each of the [`OCTAVES`] up to the largest value.
fn bars(values: &Distribution) -> String {
    let Some(top) = values.octaves.keys().next_back() else { return "-".into() };
    let counts = || (0..OCTAVES).rev().map(|down| values.octaves.get(&(top - down)).copied());
    let most = counts().flatten().max().unwrap_or(1).max(1);
    let bar = |count: Option<u64>| match count {
        None => ' ',
        Some(count) => BARS[((count * 8).div_ceil(most).max(1) - 1).min(7) as usize],
    };
    counts().map(bar).collect()
}

/// A bound with four significant digits, in scientific notation if it is small or large.
pub(super) fn number(value: f64) -> String {
    match value {
        // Not -0.
        0.0 => "0".to_owned(),
        value if value.abs() < 1e-3 => format!("{value:.1e}"),
        value if value.is_finite() && value.abs() >= LARGE => {
            let text = format!("{value:.3e}");
            let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            format!("{}e{exponent}", digits.trim_end_matches('0').trim_end_matches('.'))
        }
        value => rounded(value),
    }
}

/// A share in percent.
pub(super) fn share(count: u64, all: u64) -> String {
    match 100.0 * count as f64 / all.max(1) as f64 {
        _ if count == 0 => "-".into(),
        percent if percent < 0.01 => "<0.01 %".into(),
        percent => format!("{percent:.2} %"),
    }
}

/// An accuracy in words.
fn accuracy(accuracy: &Accuracy) -> String {
    let agreement = match accuracy.agreement() {
        None => String::new(),
        Some(share) => format!(
            ", argmax agrees in {} of {} {} ({:.2} %)",
            accuracy.decisions - accuracy.disagreements,
            accuracy.decisions,
            // An output has a class for each of its positions.
            if accuracy.decisions == accuracy.samples { "samples" } else { "positions" },
            100.0 * share
        ),
    };
    format!(
        "largest error {}, mean error {}{agreement}",
        number(accuracy.max_error),
        number(accuracy.mean_error)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_show_octaves_up_to_the_largest_value() {
        let values = [1.5, 1.25, 0.75, 0.002, 0.0, -1.0, 1.0];
        assert_eq!(bars(&Distribution::of(&values)), "▂       ▂█");
        assert_eq!(bars(&Distribution::of(&[0.0])), "-");
    }

    #[test]
    fn numbers_and_shares_are_short() {
        let all = [-0.0, -9.75, 0.00012345, 1234.5].map(number);
        assert_eq!(all, ["0", "-9.75", "1.2e-4", "1235"]);
        let large = [2_097_152.0, -16_777_216.0, 1e30, f64::INFINITY].map(number);
        assert_eq!(large, ["2097152", "-1.678e7", "1e30", "inf"]);
        assert_eq!([share(0, 5), share(1, 3), share(1, 1 << 20)], ["-", "33.33 %", "<0.01 %"]);
    }
}
