//! What may be set for the model, for a class of layers, and for one layer.

use std::collections::BTreeMap;

use super::keys::{self, Level};
use super::node::Node;
use super::{ConfigError, Strategy};
use crate::fixed::Quantization;
use crate::function::Sigmoid;

/// Something in a layer that has a type of its own: hls4ml's keys under `Precision`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Variable {
    /// Whatever has no type of its own.
    Default,
    /// The layer's output.
    Result,
    /// Weights.
    Weight,
    /// Biases.
    Bias,
    /// The scales that multiply sums: hls4ml's type in `ApplyAlpha` and `BatchNormalization`.
    Scale,
    /// The entries of softmax' table of exponentials.
    ExpTable,
    /// The entries of softmax' table of inverses.
    InvTable,
}

impl Variable {
    /// The variable behind a key of `Precision`.
    fn from_key(key: &str) -> Option<Self> {
        Some(match key.strip_suffix("_t").unwrap_or(key) {
            "default" => Self::Default,
            "result" => Self::Result,
            "weight" => Self::Weight,
            "bias" => Self::Bias,
            "scale" => Self::Scale,
            "exp_table" => Self::ExpTable,
            "inv_table" => Self::InvTable,
            _ => return None,
        })
    }

    /// Whether the variable takes the type under `default` where it has none of its own. Scales and
    /// tables do not: they keep the size and type that their accuracy asks for.
    pub(super) fn takes_default(self) -> bool {
        !matches!(self, Self::Scale | Self::ExpTable | Self::InvTable)
    }
}

/// Settings of layers, by the name or class in the file.
pub(super) type Scopes = Vec<(String, Settings)>;

/// The settings under `Model`, or in one entry of `LayerType` or `LayerName`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Settings {
    /// Types; those left open with `auto` are not in here.
    pub precision: BTreeMap<Variable, Quantization>,
    /// How often one multiplier is used for a sample.
    pub reuse_factor: Option<u64>,
    /// How multipliers are shared.
    pub strategy: Option<Strategy>,
    /// Entries of a table: a power of two, at least 2.
    pub table_size: Option<usize>,
    /// Whether softmax is left out.
    pub skip: Option<bool>,
    /// The sigmoid of QKeras' quantizers, for the whole model.
    pub internal_sigmoid: Option<Sigmoid>,
}

impl Settings {
    /// Reads the settings of the whole model.
    pub fn of_model(node: &Node<'_>) -> Result<Self, ConfigError> {
        Self::read(node, Level::Model, Level::ModelPrecision)
    }

    /// Reads the entries of `LayerType` or `LayerName`.
    pub fn of_layers(node: &Node<'_>) -> Result<Scopes, ConfigError> {
        let entries = node.entries()?.into_iter();
        entries
            .map(|(name, node)| {
                let settings = Self::read(&node, Level::Layer, Level::LayerPrecision)?;
                Ok((name.to_owned(), settings))
            })
            .collect()
    }

    fn read(node: &Node<'_>, level: Level, types: Level) -> Result<Self, ConfigError> {
        let mut settings = Self::default();
        for (key, node) in keys::read(level, node)? {
            match key {
                "Precision" => settings.read_precision(&node, types)?,
                "ReuseFactor" => settings.reuse_factor = Some(node.count()?),
                "Strategy" => {
                    let names = Strategy::ALL.map(|(name, _)| name);
                    settings.strategy = Strategy::called(node.choice(&names, OTHER_STRATEGIES)?);
                }
                "Implementation" => {
                    node.choice(&["stable"], &["latency", "argmax", "legacy"])?;
                }
                "TableSize" => settings.table_size = Some(table_size(&node)?),
                "InternalSigmoid" => {
                    let names = Sigmoid::ALL.map(|(name, _)| name);
                    settings.internal_sigmoid = node.choice(&names, &[])?.parse().ok();
                }
                "Skip" => settings.skip = Some(node.boolean()?),
                // Every layer's output is on record by `run --trace`, asked for or not.
                "Trace" => {
                    node.boolean()?;
                }
                _ => settings.set_type(key, &node)?,
            }
        }
        Ok(settings)
    }

    /// A type for everything, or a mapping of types.
    fn read_precision(&mut self, node: &Node<'_>, level: Level) -> Result<(), ConfigError> {
        if node.value.is_string() {
            return self.set_type("default", node);
        }
        if !node.value.is_object() {
            return Err(node.kind("a type such as fixed<16,6>, or a mapping of types"));
        }
        for (key, node) in keys::read(level, node)? {
            self.set_type(key, &node)?;
        }
        Ok(())
    }

    /// The type of the variable that `key` names.
    fn set_type(&mut self, key: &str, node: &Node<'_>) -> Result<(), ConfigError> {
        let Some(variable) = Variable::from_key(key) else { return Ok(()) };
        let Some(quantization) = node.precision()? else { return Ok(()) };
        if self.precision.insert(variable, quantization).is_some() {
            let other = match key.strip_suffix("_t") {
                Some(bare) => bare.to_owned(),
                None => format!("{key}_t"),
            };
            return Err(ConfigError::Twice { first: node.place.clone(), second: other });
        }
        Ok(())
    }
}

/// The strategies that hls4ml has besides, in its spellings.
const OTHER_STRATEGIES: &[&str] = &[
    "ResourceUnrolled",
    "resource_unrolled",
    "Unrolled",
    "Compressed",
    "DistributedArithmetic",
    "distributed_arithmetic",
    "DA",
];

/// How many entries a table has: its index is a whole number of bits.
fn table_size(node: &Node<'_>) -> Result<usize, ConfigError> {
    let expected = "a power of two from 2 to 65536";
    let size = node.value.as_u64().filter(|n| n.is_power_of_two() && (2..=1 << 16).contains(n));
    size.map(|n| n as usize).ok_or_else(|| node.kind(expected))
}
