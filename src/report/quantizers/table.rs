//! All quantizers.

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use super::Types;
use crate::quantizer::{Quantizer, kinds};

/// One kind of quantizer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Catalogued {
    /// QKeras' name.
    pub name: &'static str,
    /// The call with all parameters that act at inference at QKeras' defaults.
    pub signature: String,
    /// Parameters by which a scale is computed from a kernel.
    pub scaling: &'static [&'static str],
    /// The parameters that leave inference alone.
    pub inert: Vec<&'static str>,
    /// The values that it gives.
    pub values: &'static str,
    /// What it is in hardware.
    pub hardware: &'static str,
    /// A call with typical parameters.
    pub example: &'static str,
    /// The example's type.
    pub types: Option<Types>,
}

/// Every kind of quantizer.
pub fn catalogue() -> Vec<Catalogued> {
    let row = |kind: &crate::quantizer::Kind| Catalogued {
        name: kind.name,
        signature: kind.signature(),
        scaling: kind.scaling,
        inert: kind.inert(),
        values: kind.values,
        hardware: kind.hardware,
        example: kind.example,
        types: kind.example.parse::<Quantizer>().ok().and_then(|q| Types::of(&q).ok().flatten()),
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
            row.hardware.to_owned(),
        ]);
    }
    table.to_string()
}

/// The table in Markdown.
pub fn markdown(rows: &[Catalogued]) -> String {
    // A bar ends a cell, even within code.
    let cell = |text: &str| text.replace('|', "\\|");
    let mut text = format!("| {} |\n|{}\n", HEADER.join(" | "), "---|".repeat(HEADER.len()));
    for row in rows {
        let [ap_fixed, ac_fixed] = row.types();
        text += &format!(
            "| `{}` | {} | `{}`: `{ap_fixed}`, `{ac_fixed}` | {} |\n",
            cell(&row.signature),
            cell(row.values),
            cell(row.example),
            cell(row.hardware)
        );
    }
    text
}
