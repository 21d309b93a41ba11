//! Options of the hardware.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::HlsError;
use crate::config::{IoType, Pace, Recurrence, Strategy};

/// Clock period in nanoseconds where none is given: that of hls4ml.
pub const CLOCK_PERIOD: f64 = 5.0;

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
    /// Uses of one multiplier for the products with the state of single recurrent layers, by the
    /// layer's name; take precedence over their pace.
    #[serde(default)]
    pub layer_recurrent_reuse_factors: BTreeMap<String, u64>,
    /// Hardware of the steps of recurrent layers; default of `layer_recurrences`.
    #[serde(default)]
    pub recurrence: Recurrence,
    /// Hardware of the steps of single recurrent layers, by the layer's name.
    #[serde(default)]
    pub layer_recurrences: BTreeMap<String, Recurrence>,
    /// Clock cycles between two samples that every layer must reach; takes precedence over
    /// `reuse_factor`.
    #[serde(default)]
    pub target_interval: Option<u64>,
    /// Clock cycles between two samples that single layers must reach, by the layer's name; take
    /// precedence over `layer_reuse_factors`.
    #[serde(default)]
    pub layer_target_intervals: BTreeMap<String, u64>,
    /// Positions of the result that the process of a layer computes at a time, by the layer's name:
    /// hls4ml's `ParallelizationFactor`. Without one, the planner takes as many as a target interval
    /// needs.
    #[serde(default)]
    pub layer_parallelization_factors: BTreeMap<String, u64>,
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
            clock_period: CLOCK_PERIOD,
            clock_uncertainty: 0.27,
            reuse_factor: 1,
            layer_reuse_factors: BTreeMap::new(),
            layer_recurrent_reuse_factors: BTreeMap::new(),
            recurrence: Recurrence::Iterated,
            layer_recurrences: BTreeMap::new(),
            target_interval: None,
            layer_target_intervals: BTreeMap::new(),
            layer_parallelization_factors: BTreeMap::new(),
            strategy: Strategy::Latency,
            layer_strategies: BTreeMap::new(),
            table_sizes: TableSizes::default(),
            io: IoType::default(),
        }
    }

    /// The time for the arithmetic of `layer`: its own, else that of the model.
    pub fn pace_of(&self, layer: &str) -> Pace {
        let target = |interval: &u64| Pace::Interval(*interval);
        let own = self.layer_target_intervals.get(layer).map(target);
        let own = own.or_else(|| {
            self.layer_reuse_factors.get(layer).map(|factor| Pace::ReuseFactor(*factor))
        });
        own.or(self.target_interval.as_ref().map(target))
            .unwrap_or(Pace::ReuseFactor(self.reuse_factor))
    }

    /// The time for the products with the state of the recurrent layer `layer`.
    pub fn recurrent_pace_of(&self, layer: &str) -> Pace {
        let own = self.layer_recurrent_reuse_factors.get(layer);
        own.map_or_else(|| self.pace_of(layer), |factor| Pace::ReuseFactor(*factor))
    }

    /// The hardware of the steps of the recurrent layer `layer`.
    pub fn recurrence_of(&self, layer: &str) -> Recurrence {
        self.layer_recurrences.get(layer).copied().unwrap_or(self.recurrence)
    }

    /// The shortest target of the model or a layer.
    pub(super) fn shortest_target(&self) -> Option<u64> {
        self.layer_target_intervals.values().copied().chain(self.target_interval).min()
    }

    /// The same options with `target` in place of the shortest target of the model or a layer, and of
    /// all that are below it.
    pub(super) fn with_targets(&self, target: u64) -> Self {
        let shortest = self.shortest_target();
        let other = |own: u64| if Some(own) == shortest { target } else { own.max(target) };
        let layers = self.layer_target_intervals.iter();
        Self {
            target_interval: self.target_interval.map(other),
            layer_target_intervals: layers
                .map(|(layer, own)| (layer.clone(), other(*own)))
                .collect(),
            ..self.clone()
        }
    }

    /// The options of a step of the recurrent `layer`.
    pub(super) fn of_steps(&self, layer: &str) -> Self {
        let mut options = self.clone();
        if let Pace::ReuseFactor(factor) = self.recurrent_pace_of(layer) {
            options.layer_target_intervals.remove(layer);
            options.layer_reuse_factors.insert(layer.to_owned(), factor);
        }
        options
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
        if !(0.1..=1e6).contains(&self.clock_period) {
            return Err(HlsError::ClockPeriod(self.clock_period));
        }
        if !(0.0..1.0).contains(&self.clock_uncertainty) {
            return Err(HlsError::ClockUncertainty(self.clock_uncertainty));
        }
        let zero = |layers: &BTreeMap<String, u64>, model: u64| {
            let is_of_all = layers.len() > 1 && layers.values().all(|number| *number == 0);
            if model == 0 || is_of_all {
                return Some("the model".to_owned());
            }
            let layer = layers.iter().find(|(_, number)| **number == 0);
            layer.map(|(layer, _)| format!("layer '{layer}'"))
        };
        if let Some(of) = zero(&self.layer_reuse_factors, self.reuse_factor) {
            return Err(HlsError::ReuseFactor(of));
        }
        if let Some(of) = zero(&self.layer_recurrent_reuse_factors, 1) {
            return Err(HlsError::RecurrentReuseFactor(of));
        }
        if let Some(of) = zero(&self.layer_target_intervals, self.target_interval.unwrap_or(1)) {
            let fastest = (1e9 / self.clock_period).round();
            return Err(HlsError::TargetInterval { of, fastest });
        }
        match zero(&self.layer_parallelization_factors, 1) {
            Some(of) => Err(HlsError::ParallelizationFactor(of)),
            None => Ok(()),
        }
    }
}
