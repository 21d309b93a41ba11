//! The quantizers: the table of all, one in detail, its plot.

mod detail;
mod plot;
mod table;

pub use detail::{Detail, DetailStep, Range, StaircaseError, detail};
pub use plot::plot;
pub use table::{Catalogued, catalogue, markdown, table};

use std::fmt::Write;

use serde::Serialize;

use crate::back::{Backend, spelled};
use crate::fixed::{Overflow, Quantization, Rounding};
use crate::ir::Constant;
use crate::quantizer::{Quantizer, QuantizerError, Stage};

/// The type of a result in both vendors' words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Types {
    /// For Vitis; `None` where `ap_fixed` has no such type.
    pub ap_fixed: Option<String>,
    /// For Catapult; `None` where `ac_fixed` has no such type.
    pub ac_fixed: Option<String>,
}

impl Types {
    /// The type of what `quantizer` gives: that of its cast where it is one, else the narrowest that
    /// holds every value; `None` where these are too many to list.
    ///
    /// # Errors
    /// If its values depend on the data, or no type is wide enough.
    fn of(quantizer: &Quantizer) -> Result<Option<Self>, QuantizerError> {
        let stages = quantizer.stages()?;
        let plain = |format| Quantization::new(format, Rounding::Trn, Overflow::WRAP);
        let quantization = match (&stages[..], quantizer.values()) {
            ([.., Stage::Cast(to)], _) => Some(*to),
            // Rounding and limits lie behind it: they are not this type's.
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
            ap_fixed: spelled(Backend::Vitis, &quantization),
            ac_fixed: spelled(Backend::Catapult, &quantization),
        }))
    }
}

/// A stage of hardware, in words.
fn in_words(stage: &Stage) -> String {
    match stage {
        Stage::Cast(to) => format!("cast to {to}"),
        Stage::Scale { power } => format!("times 2^{power}: the binary point moves"),
        Stage::Affine { scale, offset: 0.0 } => format!("times {scale}"),
        Stage::Affine { scale, offset } => format!("times {scale}, plus {offset}"),
        Stage::AtLeast(low) => format!("{low} where it is below"),
        Stage::AtMost(high) => format!("{high} where it is above"),
        Stage::Leaky { shift } => format!("negative numbers shifted down by {shift}"),
        Stage::Steps => "comparators on step thresholds, or a table".into(),
    }
}

/// A number for people: all its digits, with an exponent where it has many zeros.
fn number(x: f64) -> String {
    const PLAIN: std::ops::Range<f64> = 1e-5..1e7;
    if x == 0.0 || PLAIN.contains(&x.abs()) { x.to_string() } else { format!("{x:e}") }
}

/// Lines of `name: text`, the texts below one another.
fn lines(entries: &[(&str, String)]) -> String {
    let width = entries.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    entries.iter().fold(String::new(), |mut text, (name, entry)| {
        let _ = writeln!(text, "{name:width$}  {entry}");
        text
    })
}
