//! Settings of the model, of a class of layers, and of one layer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::keys::{self, Level};
use super::notes::{NoteKind, Notes};
use super::tree::PlacedValue;
use crate::fixed::Quantization;
use crate::function::Sigmoid;

/// Sharing of multipliers in a kernel that multiplies with a matrix: hls4ml's `Strategy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The kernel is fully unrolled with an II of R, so that n multiplications need n / R
    /// multipliers. Weights are constants in logic.
    #[default]
    Latency,
    /// A loop of R iterations, each on 1 / R of the matrix. Weights are words of a memory.
    Resource,
}

/// The time that the arithmetic of a layer may take: hls4ml's `ReuseFactor` or `TargetCycles`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// Uses of one multiplier for a position of a sample.
    ReuseFactor(u64),
    /// Clock cycles between two samples.
    Interval(u64),
}

impl Strategy {
    /// Every strategy, by hls4ml's name.
    pub const ALL: [(&'static str, Self); 2] =
        [("Latency", Self::Latency), ("Resource", Self::Resource)];
}

/// Hardware of the steps of a recurrent layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recurrence {
    /// One cell, in a loop over the steps.
    #[default]
    Iterated,
    /// A copy of the cell for each step.
    Unrolled,
}

impl Recurrence {
    /// Every kind, by its name in a configuration.
    pub const ALL: [(&'static str, Self); 2] =
        [("Iterated", Self::Iterated), ("Unrolled", Self::Unrolled)];
}

/// Scale of weights without a quantizer, beside their type.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightScale {
    /// One LSB for all weights of a layer: that of their type.
    #[default]
    PerLayer,
    /// An LSB for each output channel: that of the type times a power of two of at most 1.
    PerChannel,
}

impl WeightScale {
    /// Every scale, by its name in a configuration.
    pub const ALL: [(&'static str, Self); 2] =
        [("per_layer", Self::PerLayer), ("per_channel", Self::PerChannel)];
}

/// A variable of a layer with a type of its own: hls4ml's keys under `Precision`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Variable {
    /// Every variable without a type of its own.
    Default,
    /// Result of the layer's operation.
    Result,
    /// Weights.
    Weight,
    /// Biases.
    Bias,
    /// Scales of sums: hls4ml's type in `ApplyAlpha` and `BatchNormalization`.
    Scale,
    /// Entries of the table of exponentials of softmax.
    ExpTable,
    /// Entries of the table of reciprocals of softmax.
    InvTable,
    /// Accumulators. Bitkiln proves their type.
    Accum,
    /// Sums of exponentials of softmax. Bitkiln proves their type.
    InvInp,
    /// Entries of the table of a function.
    Table,
    /// Weights of the depthwise part of a separable convolution.
    Depthwise,
    /// Weights of the pointwise part of a separable convolution.
    Pointwise,
    /// Accumulators of the depthwise part. Bitkiln proves their type.
    DepthwiseAccum,
    /// Accumulators of the pointwise part. Bitkiln proves their type.
    PointwiseAccum,
    /// Weights of the products with the state of a recurrent layer.
    RecurrentWeight,
    /// Biases of the products with the state of a recurrent layer.
    RecurrentBias,
    /// States of a recurrent layer.
    State,
    /// Weights of the forward layer of a bidirectional one, as those that follow.
    ForwardWeight,
    /// Its biases.
    ForwardBias,
    /// Its weights of the products with the state.
    ForwardRecurrentWeight,
    /// Its biases of the products with the state.
    ForwardRecurrentBias,
    /// Weights of the backward layer of a bidirectional one, as those that follow.
    BackwardWeight,
    /// Its biases.
    BackwardBias,
    /// Its weights of the products with the state.
    BackwardRecurrentWeight,
    /// Its biases of the products with the state.
    BackwardRecurrentBias,
}

impl Variable {
    /// The variables, by their keys.
    const KEYS: [(&'static str, Self); 25] = [
        ("default", Self::Default),
        ("result", Self::Result),
        ("weight", Self::Weight),
        ("bias", Self::Bias),
        ("scale", Self::Scale),
        ("exp_table", Self::ExpTable),
        ("inv_table", Self::InvTable),
        ("accum", Self::Accum),
        ("inv_inp", Self::InvInp),
        ("table", Self::Table),
        ("depthwise", Self::Depthwise),
        ("pointwise", Self::Pointwise),
        ("depthwise_accum", Self::DepthwiseAccum),
        ("pointwise_accum", Self::PointwiseAccum),
        ("recurrent_weight", Self::RecurrentWeight),
        ("recurrent_bias", Self::RecurrentBias),
        ("state", Self::State),
        ("forward_weight", Self::ForwardWeight),
        ("forward_bias", Self::ForwardBias),
        ("forward_recurrent_weight", Self::ForwardRecurrentWeight),
        ("forward_recurrent_bias", Self::ForwardRecurrentBias),
        ("backward_weight", Self::BackwardWeight),
        ("backward_bias", Self::BackwardBias),
        ("backward_recurrent_weight", Self::BackwardRecurrentWeight),
        ("backward_recurrent_bias", Self::BackwardRecurrentBias),
    ];

    fn from_key(key: &str) -> Option<Self> {
        let bare = keys::bare(key);
        Self::KEYS.into_iter().find(|(known, _)| *known == bare).map(|(_, variable)| variable)
    }

    /// The variable whose type holds in an entry without one for this variable. Scales, tables and
    /// proven types keep the width that their accuracy needs, states that of their quantizers.
    fn fallback(self) -> Option<Self> {
        match self {
            Self::Result | Self::Weight | Self::Bias => Some(Self::Default),
            Self::RecurrentWeight | Self::ForwardWeight | Self::BackwardWeight => {
                Some(Self::Weight)
            }
            Self::RecurrentBias | Self::ForwardBias | Self::BackwardBias => Some(Self::Bias),
            Self::ForwardRecurrentWeight | Self::BackwardRecurrentWeight => {
                Some(Self::RecurrentWeight)
            }
            Self::ForwardRecurrentBias | Self::BackwardRecurrentBias => Some(Self::RecurrentBias),
            Self::Default
            | Self::State
            | Self::Scale
            | Self::ExpTable
            | Self::InvTable
            | Self::Accum
            | Self::InvInp
            | Self::Table
            | Self::Depthwise
            | Self::Pointwise
            | Self::DepthwiseAccum
            | Self::PointwiseAccum => None,
        }
    }

    /// The variable and those whose types hold for it, in this order.
    pub(super) fn with_fallbacks(self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self), |variable| variable.fallback())
    }
}

/// Sections by the name or class in the file.
pub(super) type Sections = Vec<(String, Section)>;

/// The settings under `Model`, or in one entry of `LayerType` or `LayerName`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Section {
    /// Types, without those that are `auto`.
    pub precision: BTreeMap<Variable, Quantization>,
    /// True if the type of the result is `auto`.
    pub infers_result: bool,
    /// Uses of one multiplier for a sample.
    pub reuse_factor: Option<u64>,
    /// Clock cycles between two samples.
    pub target_cycles: Option<u64>,
    /// Uses of one multiplier of the products with the state of a recurrent layer.
    pub recurrent_reuse_factor: Option<u64>,
    /// Hardware of the steps of a recurrent layer.
    pub recurrence: Option<Recurrence>,
    /// Positions to compute at a time.
    pub parallelization: Option<u64>,
    /// Sharing of multipliers.
    pub strategy: Option<Strategy>,
    /// Entries of a table: a power of two, at least 2.
    pub table_size: Option<usize>,
    /// Removal of softmax.
    pub skip: Option<bool>,
    /// The sigmoid of QKeras' quantizers, for the whole model.
    pub internal_sigmoid: Option<Sigmoid>,
    /// Scale of weights without a quantizer.
    pub weight_scale: Option<WeightScale>,
    /// Numbers that are added to the biases of the layer, one per output channel.
    pub bias_correction: Option<Vec<f32>>,
}

/// The strategies that hls4ml has besides, in its spellings: the one that each is taken as, which
/// computes the same, and the reason.
const OTHER_STRATEGIES: &[(&str, Strategy, &str)] = &[
    ("ResourceUnrolled", Strategy::Resource, RESOURCE),
    ("resource_unrolled", Strategy::Resource, RESOURCE),
    ("Unrolled", Strategy::Resource, RESOURCE),
    ("Compressed", Strategy::Resource, RESOURCE),
    ("DistributedArithmetic", Strategy::Latency, LATENCY),
    ("distributed_arithmetic", Strategy::Latency, LATENCY),
    ("DA", Strategy::Latency, LATENCY),
];

const RESOURCE: &str = "Resource";
const LATENCY: &str = "Latency, whose weights are constants as well";

/// Implementations of softmax, which early versions of hls4ml read as a strategy.
const SOFTMAX: &[&str] = &["Stable", "argmax", "legacy"];

/// Words for the exact softmax with tables that differ from those of hls4ml anyway.
const OTHER_SOFTMAX: &[&str] = &["latency", "legacy"];

impl Section {
    /// Reads the settings of the whole model.
    pub fn of_model(node: &PlacedValue<'_>, notes: &mut Notes) -> Result<Self, ConfigError> {
        Self::read(node, Level::Model, Level::ModelPrecision, notes)
    }

    /// Reads the entries of `LayerType`.
    pub fn of_classes(node: &PlacedValue<'_>, notes: &mut Notes) -> Result<Sections, ConfigError> {
        let sections = Self::of_layers(node, notes)?;
        match sections.iter().find(|(_, section)| section.bias_correction.is_some()) {
            None => Ok(sections),
            Some((class, _)) => Err(ConfigError::Unsupported {
                place: format!("LayerType.{class}.BiasCorrection"),
                help: "move it to the entry of a layer in LayerName: it has a number for each \
                       output channel"
                    .into(),
            }),
        }
    }

    /// Reads the entries of `LayerName`.
    pub fn of_layers(node: &PlacedValue<'_>, notes: &mut Notes) -> Result<Sections, ConfigError> {
        let entries = node.entries()?.into_iter();
        entries
            .map(|(name, node)| {
                let section = Self::read(&node, Level::Layer, Level::LayerPrecision, notes)?;
                Ok((name.to_owned(), section))
            })
            .collect()
    }

    fn read(
        mapping: &PlacedValue<'_>,
        level: Level,
        types: Level,
        notes: &mut Notes,
    ) -> Result<Self, ConfigError> {
        let mut section = Self::default();
        let mut attributes = BTreeMap::new();
        let mut is_unrolled = false;
        for (key, node) in keys::read(level, mapping, notes)? {
            match key {
                "Precision" => section.read_precision(&node, types, notes)?,
                "ReuseFactor" => section.reuse_factor = Some(node.count()?),
                "RecurrentReuseFactor" => {
                    // hls4ml writes 1 for every recurrent layer and takes ReuseFactor.
                    let is_written = level == Level::Layer && node.value == 1;
                    section.recurrent_reuse_factor =
                        if is_written { None } else { Some(node.count()?) };
                }
                "Recurrence" => {
                    let name = node.choice(&Recurrence::ALL.map(|(name, _)| name), &[])?;
                    let known = Recurrence::ALL.into_iter().find(|(known, _)| *known == name);
                    section.recurrence = known.map(|(_, recurrence)| recurrence);
                }
                "Static" => is_unrolled = !node.boolean()?,
                "ParallelizationFactor" => section.parallelization = Some(node.count()?),
                "TargetCycles" if node.value.is_null() => {}
                "TargetCycles" => section.target_cycles = Some(node.count()?),
                "Strategy" => section.strategy = strategy(&node, mapping, level, notes)?,
                "Implementation" => {
                    let word = node.choice(&["stable", "latency", "legacy"], &["argmax"]);
                    let word = word.map_err(softmax_help)?;
                    if OTHER_SOFTMAX.contains(&word) {
                        let what = format!("Implementation: {word}");
                        notes.add(NoteKind::TakenAs, &what, mapping, "stable");
                    }
                }
                "TableSize" => section.table_size = Some(table_size(&node)?),
                "InternalSigmoid" => {
                    let names = Sigmoid::ALL.map(|(name, _)| name);
                    let name = node.choice(&names, &[])?;
                    let known = Sigmoid::ALL.into_iter().find(|(known, _)| *known == name);
                    section.internal_sigmoid = known.map(|(_, sigmoid)| sigmoid);
                }
                "Skip" => section.skip = Some(node.boolean()?),
                "WeightScale" => {
                    let name = node.choice(&WeightScale::ALL.map(|(name, _)| name), &[])?;
                    let known = WeightScale::ALL.into_iter().find(|(known, _)| *known == name);
                    section.weight_scale = known.map(|(_, scale)| scale);
                }
                "BiasCorrection" => section.bias_correction = Some(node.numbers()?),
                // `run --trace` gives the result of every layer in any case.
                "Trace" => {
                    node.boolean()?;
                }
                _ => attributes.extend(typed(key, &node)?),
            }
        }
        // hls4ml sets the attributes of a layer last: `exp_table_t` outranks `Precision: exp_table`.
        section.precision.extend(attributes);
        if is_unrolled && section.recurrence.is_none() {
            section.recurrence = Some(Recurrence::Unrolled);
            notes.add(NoteKind::TakenAs, "Static: false", mapping, "Recurrence: Unrolled");
        }
        Ok(section)
    }

    /// The time for the layer; a target outranks a reuse factor, as in hls4ml.
    pub fn pace(&self) -> Option<Pace> {
        let target = self.target_cycles.map(Pace::Interval);
        target.or(self.reuse_factor.map(Pace::ReuseFactor))
    }

    /// A type for every variable, or a mapping of types.
    fn read_precision(
        &mut self,
        node: &PlacedValue<'_>,
        level: Level,
        notes: &mut Notes,
    ) -> Result<(), ConfigError> {
        if node.value.is_string() {
            return self.set_type("default", node);
        }
        if !node.value.is_object() {
            return Err(node.kind("a type such as fixed<16,6>, or a mapping of types"));
        }
        let mut entries = node.entries()?.into_iter();
        self.infers_result = entries.any(|(key, node)| {
            Variable::from_key(key) == Some(Variable::Result) && node.value == "auto"
        });
        for (key, node) in keys::read(level, node, notes)? {
            self.set_type(key, &node)?;
        }
        Ok(())
    }

    /// Sets the type of the variable that `key` names. A second key for it is an error.
    fn set_type(&mut self, key: &str, node: &PlacedValue<'_>) -> Result<(), ConfigError> {
        let Some((variable, quantization)) = typed(key, node)? else { return Ok(()) };
        if self.precision.insert(variable, quantization).is_some() {
            let bare = keys::bare(key);
            let other = if bare == key { format!("{key}_t") } else { bare.to_owned() };
            return Err(ConfigError::Twice { first: node.place.clone(), second: other });
        }
        Ok(())
    }
}

/// The value of `Strategy`; `None` for an implementation of softmax.
fn strategy(
    node: &PlacedValue<'_>,
    mapping: &PlacedValue<'_>,
    level: Level,
    notes: &mut Notes,
) -> Result<Option<Strategy>, ConfigError> {
    let is = |word: &str| node.value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(word));
    if level == Level::Layer
        && let Some(word) = SOFTMAX.iter().find(|word| is(word))
    {
        if *word != "Stable" {
            let what = format!("Strategy: {word}");
            notes.add(
                NoteKind::WithoutEffect,
                &what,
                mapping,
                "the key of softmax is Implementation",
            );
        }
        return Ok(None);
    }
    if let Some((word, strategy, taken)) = OTHER_STRATEGIES.iter().find(|(word, ..)| is(word)) {
        notes.add(NoteKind::TakenAs, &format!("Strategy: {word}"), mapping, taken);
        return Ok(Some(*strategy));
    }
    let name = node.choice(&Strategy::ALL.map(|(name, _)| name), &[])?;
    let known = Strategy::ALL.into_iter().find(|(known, _)| *known == name);
    Ok(known.map(|(_, strategy)| strategy))
}

/// The error for `Implementation: argmax`, with what gives the same class.
fn softmax_help(error: ConfigError) -> ConfigError {
    match error {
        ConfigError::Unsupported { place, .. } => ConfigError::Unsupported {
            place,
            help: "supported: stable; Skip: true leaves the operand of softmax, whose largest \
                   element is the same"
                .into(),
        },
        other => other,
    }
}

/// The variable that `key` names and its type; none for a type that is `auto`.
fn typed(
    key: &str,
    node: &PlacedValue<'_>,
) -> Result<Option<(Variable, Quantization)>, ConfigError> {
    let Some(variable) = Variable::from_key(key) else { return Ok(None) };
    Ok(node.precision()?.map(|quantization| (variable, quantization)))
}

/// Entries of a table. Its index is a whole number of bits.
fn table_size(node: &PlacedValue<'_>) -> Result<usize, ConfigError> {
    let expected = "a power of two from 2 to 65536";
    let size = node.value.as_u64().filter(|n| n.is_power_of_two() && (2..=1 << 16).contains(n));
    size.map(|n| n as usize).ok_or_else(|| node.kind(expected))
}
