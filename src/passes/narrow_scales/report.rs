//! The types of scales before and after the pass.

use std::fmt;

use serde::Serialize;

use crate::fixed::Format;
use crate::ir::Affine;

/// Types of one real-valued scale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scale {
    /// The model's layer.
    pub layer: String,
    /// The graph's node.
    pub node: String,
    /// Types of the exact constants.
    pub before: ScaleTypes,
    /// Types in hardware.
    pub after: ScaleTypes,
    /// Reason for the types.
    pub outcome: Outcome,
}

/// The types of an affine operation's constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ScaleTypes {
    /// Type of the scale.
    pub scale: Format,
    /// Type of the bias, if there is one.
    pub bias: Option<Format>,
}

/// Reason for the width of a scale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// The scale gives the exact result for every operand; no narrower candidate does.
    Proven {
        /// Number of thresholds over all channels; the results are equal on both sides of each.
        thresholds: usize,
    },
    /// Kept exact: not every use of the result is quantized.
    NotQuantized {
        /// Name of the node or output that takes the result unquantized.
        by: String,
    },
    /// Kept exact: a cast after it wraps.
    Wraps {
        /// The cast.
        node: String,
    },
    /// Kept exact: the proof has too many thresholds.
    TooMany {
        /// Maximum number of thresholds.
        limit: usize,
    },
    /// Kept exact: its codes are too wide.
    TooWide,
}

impl ScaleTypes {
    pub(super) fn of(affine: &Affine) -> Self {
        Self { scale: affine.scale.format, bias: affine.bias.as_ref().map(|bias| bias.format) }
    }
}

impl Scale {
    /// True if the scale is kept exact by a limit of Bitkiln, not by the network.
    pub fn is_limited(&self) -> bool {
        matches!(self.outcome, Outcome::TooMany { .. } | Outcome::TooWide)
    }
}

impl fmt::Display for Scale {
    /// `scales: fc1 ufixed<24,-1> -> ufixed<9,-1>, bias fixed<4,1>, proven on 1234 thresholds`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let change = |f: &mut fmt::Formatter<'_>, before: &str, after: &str| {
            if before == after { write!(f, "{before}") } else { write!(f, "{before} -> {after}") }
        };
        write!(f, "scales: {} ", self.layer)?;
        change(f, &self.before.scale.to_string(), &self.after.scale.to_string())?;
        if let Some(before) = self.before.bias {
            let after = self.after.bias.map_or("none".into(), |bias| bias.to_string());
            f.write_str(", bias ")?;
            change(f, &before.to_string(), &after)?;
        }
        match &self.outcome {
            Outcome::Proven { thresholds } => write!(f, ", proven on {thresholds} thresholds"),
            Outcome::NotQuantized { by } => write!(f, ", exact: '{by}' takes it unquantized"),
            Outcome::Wraps { node } => write!(f, ", exact: '{node}' wraps"),
            Outcome::TooMany { limit } => {
                write!(f, ", exact: its result has more than {limit} values")
            }
            Outcome::TooWide => f.write_str(", exact: too wide to narrow"),
        }
    }
}
