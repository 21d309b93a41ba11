//! One quantizer: its values, and which real numbers give each.

use std::fmt;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::{Types, in_words, lines, number};
use crate::quantizer::{Edge, Owner, Quantizer, QuantizerError, Staircase, Step};

/// How many steps from either end an abbreviated list shows.
const FROM_EACH_END: usize = 8;

/// One quantizer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Detail {
    /// The call that constructs it.
    pub quantizer: String,
    /// The type of what it gives, where that is known.
    pub types: Option<Types>,
    /// What it is in hardware, stage by stage.
    pub hardware: Vec<String>,
    /// How many values it gives; `None` where they are too many to list.
    pub value_count: Option<usize>,
    /// Its steps from the left; an abbreviated list lacks those in the middle, and what keeps all bits
    /// of a number has none.
    pub steps: Vec<DetailStep>,
    /// How many of `steps` lie left of the gap; `None` where none is left out.
    pub gap_after: Option<usize>,
}

/// A value and the real numbers that give it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DetailStep {
    /// The value.
    pub value: f64,
    /// The real numbers that give it.
    pub from: Range,
}

/// A range of real numbers; an end that is `None` lies infinitely far away.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Range {
    /// The lower end.
    pub low: Option<f64>,
    /// Whether the lower end is inside.
    pub low_included: bool,
    /// Whether `low` is the end itself; the end is no binary number otherwise, and `low` the float64
    /// number next to it.
    pub low_exact: bool,
    /// The upper end.
    pub high: Option<f64>,
    /// Whether the upper end is inside.
    pub high_included: bool,
    /// As `low_exact`.
    pub high_exact: bool,
}

/// Steps that cannot be shown.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum StaircaseError {
    /// The steps cannot be found.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Quantizer(#[from] QuantizerError),
    /// More than are listed.
    #[error("{quantizer} has more than {} steps", Quantizer::MAX_VALUES)]
    #[diagnostic(help("leave --all out to see the first and the last of them"))]
    Steps {
        /// As QKeras writes it.
        quantizer: String,
    },
    /// A bug of Bitkiln.
    #[error("the picture: {0}")]
    #[diagnostic(help("this is a defect of Bitkiln: please report it with the quantizer"))]
    Picture(#[from] askama::Error),
}

/// `quantizer` in detail, with `all` steps or those at both ends.
///
/// # Errors
/// If its values depend on the data, or all steps are asked for and too many.
pub fn detail(quantizer: &Quantizer, all: bool) -> Result<Detail, StaircaseError> {
    let stages = quantizer.stages()?;
    let (steps, gap_after) = match Staircase::new(quantizer)? {
        None => (vec![], None),
        Some(staircase) if all => {
            let steps: Vec<Step> = staircase.from_left().take(Quantizer::MAX_VALUES + 1).collect();
            if steps.len() > Quantizer::MAX_VALUES {
                return Err(StaircaseError::Steps { quantizer: quantizer.to_string() });
            }
            (steps, None)
        }
        Some(staircase) => abbreviated(&staircase),
    };
    Ok(Detail {
        quantizer: quantizer.to_string(),
        types: Types::of(quantizer)?,
        hardware: stages.iter().map(in_words).collect(),
        value_count: quantizer.values().map(|values| values.len()),
        steps: steps.iter().map(DetailStep::from).collect(),
        gap_after,
    })
}

/// All steps, or those at both ends and how many lie left of the gap.
fn abbreviated(staircase: &Staircase<'_>) -> (Vec<Step>, Option<usize>) {
    let mut steps: Vec<Step> = staircase.from_left().take(2 * FROM_EACH_END + 1).collect();
    if steps.len() <= 2 * FROM_EACH_END {
        return (steps, None);
    }
    steps.truncate(FROM_EACH_END);
    let mut last: Vec<Step> = staircase.from_right().take(FROM_EACH_END).collect();
    last.reverse();
    steps.extend(last);
    (steps, Some(FROM_EACH_END))
}

impl From<&Step> for DetailStep {
    fn from(step: &Step) -> Self {
        let at = |edge: Option<Edge>| edge.map(|edge| edge.at);
        let is = |edge: Option<Edge>, owner| edge.is_some_and(|edge| edge.owner == owner);
        let from = Range {
            low: at(step.left),
            low_included: is(step.left, Owner::Right),
            low_exact: !is(step.left, Owner::Neither),
            high: at(step.right),
            high_included: is(step.right, Owner::Left),
            high_exact: !is(step.right, Owner::Neither),
        };
        Self { value: step.value, from }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |at: Option<f64>, exact: bool| {
            at.map(|at| format!("{}{}", if exact { "" } else { "≈" }, number(at)))
        };
        let low = end(self.low, self.low_exact).unwrap_or_else(|| "-∞".into());
        let high = end(self.high, self.high_exact).unwrap_or_else(|| "∞".into());
        let (open, close) =
            (if self.low_included { '[' } else { '(' }, if self.high_included { ']' } else { ')' });
        write!(f, "{open}{low}, {high}{close}")
    }
}

impl fmt::Display for Detail {
    /// For a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |of: fn(&Types) -> &Option<String>| {
            self.types.as_ref().and_then(|types| of(types).clone()).unwrap_or_else(|| "-".into())
        };
        let count = match self.value_count {
            Some(count) => count.to_string(),
            None if self.steps.is_empty() => "all numbers between its limits".into(),
            None => format!("more than {}", Quantizer::MAX_VALUES),
        };
        let head = [
            ("quantizer", self.quantizer.clone()),
            ("ap_fixed", name(|types| &types.ap_fixed)),
            ("ac_fixed", name(|types| &types.ac_fixed)),
            ("in hardware", self.hardware.join(", then ")),
            ("values", count),
        ];
        if self.steps.is_empty() {
            return f.write_str(lines(&head).trim_end());
        }
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header(["value", "given by x in"]);
        for (position, step) in self.steps.iter().enumerate() {
            if self.gap_after == Some(position) {
                table.add_row(["…", "…"]);
            }
            table.add_row([number(step.value), step.from.to_string()]);
        }
        if let Some(column) = table.column_mut(0) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let round = "[ and ] include the end; ≈ stands before an end that is no binary number";
        write!(f, "{}{table}\n{round}", lines(&head))
    }
}
