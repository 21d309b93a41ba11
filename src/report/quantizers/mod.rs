//! The quantizers: the table of all kinds, one in detail, its plot.

mod detail;
mod plot;

pub use detail::{Detail, DetailError, DetailPiece, Interval, detail};
pub use plot::plot;

use std::fmt::Write;

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::back::{Tool, spelled};
use crate::fixed::{Overflow, Quantization, Rounding};
use crate::ir::Constant;
use crate::quantizer::{Kind, Quantizer, QuantizerError, Stage, kinds};

/// One kind of quantizer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Catalogued {
    /// QKeras' name.
    pub name: &'static str,
    /// The call with all parameters that act at inference at QKeras' defaults.
    pub signature: String,
    /// Parameters of a scale that is computed from a kernel.
    pub scaling: Vec<&'static str>,
    /// The parameters without effect on inference.
    pub inert: Vec<&'static str>,
    /// The values, by the parameters.
    pub values: &'static str,
    /// The operations in hardware, by the parameters.
    pub hardware: String,
    /// A call with typical parameters.
    pub example: &'static str,
    /// The type of the example.
    pub types: Option<Types>,
}

/// Every kind of quantizer.
pub fn catalogue() -> Vec<Catalogued> {
    let row = |kind: &Kind| Catalogued {
        name: kind.name,
        signature: kind.signature(),
        scaling: kind.scaling(),
        inert: kind.inert(),
        values: kind.values,
        hardware: kind.hardware(),
        example: kind.example(),
        types: Types::of_example(kind),
    };
    kinds().iter().map(row).collect()
}

const HEADER: [&str; 4] = ["quantizer and defaults", "values", "type, for example", "in hardware"];

impl Catalogued {
    fn types(&self) -> [&str; 2] {
        let types = self.types.as_ref();
        let name = |of: fn(&Types) -> &Option<String>| {
            types.and_then(|types| of(types).as_deref()).unwrap_or("-")
        };
        [name(|types| &types.ap_fixed), name(|types| &types.ac_fixed)]
    }
}

/// The table for a terminal of `width` columns.
pub fn table(rows: &[Catalogued], width: u16) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table.set_header(HEADER);
    for row in rows {
        let [ap_fixed, ac_fixed] = row.types();
        table.add_row([
            row.signature.clone(),
            row.values.to_owned(),
            format!("{}: {ap_fixed}, {ac_fixed}", row.example),
            row.hardware.clone(),
        ]);
    }
    table.to_string()
}

/// The table in Markdown.
pub fn markdown(rows: &[Catalogued]) -> String {
    // A bar ends a cell, even in code.
    let cell = |text: &str| text.replace('|', "\\|");
    let mut text = format!("| {} |\n|{}\n", HEADER.join(" | "), "---|".repeat(HEADER.len()));
    for row in rows {
        let [ap_fixed, ac_fixed] = row.types();
        text += &format!(
            "| `{}` | {} | `{}`: `{ap_fixed}`, `{ac_fixed}` | {} |\n",
            cell(&row.signature),
            cell(row.values),
            cell(row.example),
            cell(&row.hardware)
        );
    }
    text
}

/// The type of a result as each vendor spells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Types {
    /// For Vitis; `None` if `ap_fixed` has no such type.
    pub ap_fixed: Option<String>,
    /// For Catapult; `None` if `ac_fixed` has no such type.
    pub ac_fixed: Option<String>,
}

impl Types {
    /// The type of the values of `quantizer`: that of its last stage if it is a cast, otherwise the
    /// narrowest that holds every value; `None` if these are too many to list, or no type holds them.
    ///
    /// # Errors
    /// If its values depend on the data, or no type is wide enough.
    fn of(quantizer: &Quantizer) -> Result<Option<Self>, QuantizerError> {
        let stages = quantizer.stages()?;
        let plain = |format| Quantization::new(format, Rounding::Trn, Overflow::WRAP);
        let quantization = match (&stages[..], quantizer.values()) {
            ([.., Stage::Cast(to)], _) => Some(*to),
            // The cast before the shift has already rounded and saturated.
            ([.., Stage::Cast(to), Stage::Scale { power }], _) => {
                to.format.scaled(*power).ok().map(plain)
            }
            (_, Some(values)) => {
                let values = ndarray::Array1::from_vec(values).into_dyn();
                Constant::covering(values.view()).ok().map(|values| plain(values.format))
            }
            (_, None) => None,
        };
        Ok(quantization.map(|quantization| Self {
            ap_fixed: spelled(Tool::Vitis, &quantization),
            ac_fixed: spelled(Tool::Catapult, &quantization),
        }))
    }

    /// The type of a kind's example.
    fn of_example(kind: &Kind) -> Option<Self> {
        let example: Quantizer = kind.example().parse().expect("a test builds every example");
        Self::of(&example).expect("a test builds every example")
    }
}

/// All digits of a number, with an exponent instead of many zeros.
fn number(x: f64) -> String {
    const PLAIN: std::ops::Range<f64> = 1e-5..1e7;
    if x == 0.0 || PLAIN.contains(&x.abs()) { x.to_string() } else { format!("{x:e}") }
}

/// Lines of name and text, with the texts aligned.
fn lines(entries: &[(&str, String)]) -> String {
    let width = entries.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    entries.iter().fold(String::new(), |mut text, (name, entry)| {
        let _ = writeln!(text, "{name:width$}  {entry}");
        text
    })
}
