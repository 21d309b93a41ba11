//! What is said of a scale.

use std::fmt;

use serde::Serialize;

use crate::fixed::Format;
use crate::ir::Affine;

/// What became of one real-valued scale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scale {
    /// The model's layer.
    pub layer: String,
    /// The graph's node.
    pub node: String,
    /// The types of the exact numbers.
    pub before: ScaleTypes,
    /// The types that hardware has.
    pub after: ScaleTypes,
    /// Why they suffice, or are as they were.
    pub outcome: Outcome,
}

/// The types of an affine operation's constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ScaleTypes {
    /// Of the scale.
    pub scale: Format,
    /// Of the bias, if there is one.
    pub bias: Option<Format>,
}

/// Why a scale is as wide as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// It gives the exact result for every operand, and no narrower one that was tried does.
    Proven {
        /// The places, over all channels, at which the result changes: it was compared on both
        /// sides of each.
        thresholds: usize,
    },
    /// No quantizer follows everywhere, so it is kept exact.
    NotQuantized {
        /// What takes the result as it is: a node, or an output of the network.
        by: String,
    },
    /// A cast behind it wraps around, so it is kept exact.
    Wraps {
        /// The cast.
        node: String,
    },
    /// The result takes too many values for a proof, so it is kept exact.
    TooMany {
        /// The most thresholds that are looked at.
        limit: usize,
    },
    /// Its codes are too wide to be narrowed, so it is kept exact.
    TooWide,
}

impl ScaleTypes {
    pub(super) fn of(affine: &Affine) -> Self {
        Self { scale: affine.scale.format, bias: affine.bias.as_ref().map(|bias| bias.format) }
    }
}

impl Scale {
    /// Whether it is a limit of Bitkiln, not the network, that leaves the scale wider than need be.
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
            Outcome::Wraps { node } => write!(f, ", exact: '{node}' wraps around"),
            Outcome::TooMany { limit } => {
                write!(f, ", exact: its result takes more than {limit} values")
            }
            Outcome::TooWide => f.write_str(", exact: too wide to be narrowed"),
        }
    }
}
