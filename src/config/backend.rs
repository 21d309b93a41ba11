//! Whose tools a project is for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Whose tools a project is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// AMD's Vitis HLS.
    Vitis,
    /// Siemens' Catapult.
    Catapult,
}

impl Backend {
    /// Every back end.
    pub const ALL: [Self; 2] = [Self::Vitis, Self::Catapult];

    /// The name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vitis => "vitis",
            Self::Catapult => "catapult",
        }
    }

    /// The name in a sentence.
    pub fn title(self) -> &'static str {
        match self {
            Self::Vitis => "Vitis HLS",
            Self::Catapult => "Catapult",
        }
    }

    /// The part of a project for which none is chosen: hls4ml's choice.
    pub fn default_part(self) -> &'static str {
        match self {
            Self::Vitis => "xcvu13p-flga2577-2-e",
            Self::Catapult => "xcku115-flvb2104-2-i",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Backend {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|backend| backend.name().eq_ignore_ascii_case(text));
        known.ok_or_else(|| format!("'{text}' is no back end: choose vitis or catapult"))
    }
}
