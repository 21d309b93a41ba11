//! One quantizer: its values, and the interval of real numbers that gives each.

use std::fmt;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::{Types, lines, number};
use crate::quantizer::{
    Piece, Quantizer, QuantizerError, RealStepFunction, Side, Stage, Threshold,
};

/// Pieces that an abbreviated list shows from either end.
const FROM_EACH_END: usize = 8;

/// One quantizer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Detail {
    /// The call that constructs it.
    pub quantizer: String,
    /// The type of its values, if it is known.
    pub types: Option<Types>,
    /// Its stages in hardware.
    pub hardware: Vec<String>,
    /// Number of values; `None` if they are too many to list.
    pub value_count: Option<usize>,
    /// Its pieces in ascending order, some of the middle omitted in an abbreviated list; empty for a
    /// function that does not round.
    #[serde(rename = "steps")]
    pub pieces: Vec<DetailPiece>,
    /// Number of pieces before the omitted ones; `None` if none is omitted.
    pub gap_after: Option<usize>,
}

/// A value and the interval that gives it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DetailPiece {
    /// The value.
    pub value: f64,
    /// The interval that gives it.
    pub from: Interval,
}

/// An interval of real numbers; an end of `None` is infinite.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The lower end.
    pub low: Option<f64>,
    /// True if the lower end is inside.
    pub low_included: bool,
    /// True if `low` is the end itself; otherwise the end is no binary number, and `low` is the float64
    /// number next to it.
    pub low_exact: bool,
    /// The upper end.
    pub high: Option<f64>,
    /// True if the upper end is inside.
    pub high_included: bool,
    /// True if `high` is the end itself.
    pub high_exact: bool,
}

/// A quantizer that cannot be shown in detail.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum DetailError {
    /// The quantizer has no step function.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Quantizer(#[from] QuantizerError),
    /// More pieces than are listed.
    #[error("{quantizer} has more than {} steps", Quantizer::MAX_VALUES)]
    #[diagnostic(help("remove --all to see the first and the last of them"))]
    TooMany {
        /// As QKeras writes it.
        quantizer: String,
    },
    /// An internal error.
    #[error("internal error: plot: {0}")]
    #[diagnostic(help("please report this with the quantizer"))]
    Picture(#[from] askama::Error),
}

/// `quantizer` in detail, with `all` pieces or those at both ends.
///
/// # Errors
/// If its values depend on the data, or there are too many pieces to list `all`.
pub fn detail(quantizer: &Quantizer, all: bool) -> Result<Detail, DetailError> {
    let stages = quantizer.stages()?;
    let (pieces, gap_after) = match RealStepFunction::new(quantizer)? {
        None => (vec![], None),
        Some(function) if all => {
            let pieces: Vec<Piece> = function.ascending().take(Quantizer::MAX_VALUES + 1).collect();
            if pieces.len() > Quantizer::MAX_VALUES {
                return Err(DetailError::TooMany { quantizer: quantizer.to_string() });
            }
            (pieces, None)
        }
        Some(function) => abbreviated(&function),
    };
    Ok(Detail {
        quantizer: quantizer.to_string(),
        types: Types::of(quantizer)?,
        hardware: stages.iter().map(Stage::to_string).collect(),
        value_count: quantizer.values().map(|values| values.len()),
        pieces: pieces.iter().map(DetailPiece::from).collect(),
        gap_after,
    })
}

/// All pieces, or those at both ends and the number before the omitted ones.
fn abbreviated(function: &RealStepFunction<'_>) -> (Vec<Piece>, Option<usize>) {
    let mut pieces: Vec<Piece> = function.ascending().take(2 * FROM_EACH_END + 1).collect();
    if pieces.len() <= 2 * FROM_EACH_END {
        return (pieces, None);
    }
    pieces.truncate(FROM_EACH_END);
    let mut last: Vec<Piece> = function.descending().take(FROM_EACH_END).collect();
    last.reverse();
    pieces.extend(last);
    (pieces, Some(FROM_EACH_END))
}

impl From<&Piece> for DetailPiece {
    fn from(piece: &Piece) -> Self {
        let at = |end: Option<Threshold>| end.map(|end| end.at);
        let is = |end: Option<Threshold>, side| end.is_some_and(|end| end.side == side);
        let from = Interval {
            low: at(piece.low),
            low_included: is(piece.low, Side::Above),
            low_exact: !is(piece.low, Side::Neither),
            high: at(piece.high),
            high_included: is(piece.high, Side::Below),
            high_exact: !is(piece.high, Side::Neither),
        };
        Self { value: piece.value, from }
    }
}

impl fmt::Display for Interval {
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
    /// The text for a terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |of: fn(&Types) -> &Option<String>| {
            self.types.as_ref().and_then(|types| of(types).clone()).unwrap_or_else(|| "-".into())
        };
        let count = match self.value_count {
            Some(count) => count.to_string(),
            None if self.pieces.is_empty() => "all numbers between its limits".into(),
            None => format!("more than {}", Quantizer::MAX_VALUES),
        };
        let head = [
            ("quantizer", self.quantizer.clone()),
            ("ap_fixed", name(|types| &types.ap_fixed)),
            ("ac_fixed", name(|types| &types.ac_fixed)),
            ("in hardware", self.hardware.join(", then ")),
            ("values", count),
        ];
        if self.pieces.is_empty() {
            return f.write_str(lines(&head).trim_end());
        }
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header(["value", "given by x in"]);
        for (position, piece) in self.pieces.iter().enumerate() {
            if self.gap_after == Some(position) {
                table.add_row(["…", "…"]);
            }
            table.add_row([number(piece.value), piece.from.to_string()]);
        }
        if let Some(column) = table.column_mut(0) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let round = "[ and ] include the end; ≈ marks an end that is no binary number";
        write!(f, "{}{table}\n{round}", lines(&head))
    }
}
