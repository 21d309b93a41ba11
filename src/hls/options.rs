//! Options of the hardware.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::HlsError;
use crate::config::{IoType, Strategy};

/// Options of the hardware.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// The project's name, in any spelling; the top function is named after it.
    pub name: String,
    /// The device, as the vendor's tool spells it: `xcvu13p-flga2577-2-e`.
    pub part: String,
    /// In nanoseconds.
    pub clock_period: f64,
    /// The part of the clock period that synthesis leaves to placement and routing, 0 to 1.
    pub clock_uncertainty: f64,
    /// Uses of one multiplier for a sample; default of `layer_reuse_factors`.
    pub reuse_factor: u64,
    /// Reuse factors of single layers, by the layer's name.
    pub layer_reuse_factors: BTreeMap<String, u64>,
    /// Strategy for sharing multipliers; default of `layer_strategies`.
    #[serde(default)]
    pub strategy: Strategy,
    /// Strategies of single layers, by the layer's name.
    #[serde(default)]
    pub layer_strategies: BTreeMap<String, Strategy>,
    /// Largest lookup tables.
    #[serde(default)]
    pub table_sizes: TableSizes,
    /// Arrays or streams between layers.
    #[serde(default)]
    pub io: IoType,
}

/// The most entries of a lookup table; a larger function becomes comparisons with thresholds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSizes {
    /// Default of `layers`.
    pub entries: usize,
    /// Of single layers, by the layer's name.
    pub layers: BTreeMap<String, usize>,
}

impl Default for TableSizes {
    /// 4096 entries: with values of up to 9 bits, one block RAM of 36 Kibit.
    fn default() -> Self {
        Self { entries: 4096, layers: BTreeMap::new() }
    }
}

impl TableSizes {
    /// The most entries for `layer`.
    pub fn of(&self, layer: &str) -> usize {
        self.layers.get(layer).copied().unwrap_or(self.entries)
    }
}

impl Options {
    /// hls4ml's defaults: a clock of 5 ns with 27 % uncertainty, every multiplier used once.
    pub fn new(name: impl Into<String>, part: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            part: part.into(),
            clock_period: 5.0,
            clock_uncertainty: 0.27,
            reuse_factor: 1,
            layer_reuse_factors: BTreeMap::new(),
            strategy: Strategy::Latency,
            layer_strategies: BTreeMap::new(),
            table_sizes: TableSizes::default(),
            io: IoType::default(),
        }
    }

    /// The reuse factor asked for `layer`.
    pub fn reuse_factor_of(&self, layer: &str) -> u64 {
        self.layer_reuse_factors.get(layer).copied().unwrap_or(self.reuse_factor)
    }

    /// The strategy for `layer`.
    pub fn strategy_of(&self, layer: &str) -> Strategy {
        self.layer_strategies.get(layer).copied().unwrap_or(self.strategy)
    }

    /// Checks the ranges of options.
    pub(super) fn check(&self) -> Result<(), HlsError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if self.part.is_empty() || !self.part.chars().all(plain) {
            return Err(HlsError::Part(self.part.clone()));
        }
        if !(1e-3..=1e6).contains(&self.clock_period) {
            return Err(HlsError::ClockPeriod(self.clock_period));
        }
        if !(0.0..1.0).contains(&self.clock_uncertainty) {
            return Err(HlsError::ClockUncertainty(self.clock_uncertainty));
        }
        let zero = self.layer_reuse_factors.iter().find(|(_, reuse)| **reuse == 0);
        match (zero, self.reuse_factor) {
            (Some((layer, _)), _) => Err(HlsError::ReuseFactor(format!("layer '{layer}'"))),
            (None, 0) => Err(HlsError::ReuseFactor("the model".into())),
            _ => Ok(()),
        }
    }
}
