//! How multipliers are shared.

use serde::{Deserialize, Serialize};

/// How a kernel that multiplies with a matrix shares its multipliers: hls4ml's `Strategy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// All products are written out, and the tool shares multipliers: a kernel that multiplies n
    /// times may take R cycles a sample and then needs only n / R of them. Weights are wires.
    #[default]
    Latency,
    /// A loop of R iterations, each with a block of 1 / R of the matrix. Weights are words of a
    /// memory.
    Resource,
}

impl Strategy {
    /// Every strategy, by hls4ml's name.
    pub const ALL: [(&'static str, Self); 2] =
        [("Latency", Self::Latency), ("Resource", Self::Resource)];

    /// The strategy that hls4ml calls `name`.
    pub(super) fn called(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, strategy)| strategy)
    }
}
