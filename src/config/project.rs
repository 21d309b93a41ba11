//! Settings of the project: tool, device, clock, names.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::keys::{self, Level};
use super::section::Section;
use super::tree::PlacedValue;
use super::{Config, ConfigError, clock};

/// HLS tool that a project is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tool {
    /// AMD's Vitis HLS.
    Vitis,
    /// Siemens' Catapult.
    Catapult,
}

impl Tool {
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

    /// Default part: that of hls4ml.
    pub fn default_part(self) -> &'static str {
        match self {
            Self::Vitis => "xcvu13p-flga2577-2-e",
            Self::Catapult => "xcku115-flvb2104-2-i",
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The backends that hls4ml has besides.
const OTHER_BACKENDS: &[&str] = &[
    "Vivado",
    "VivadoAccelerator",
    "VitisAccelerator",
    "VitisUnified",
    "Quartus",
    "oneAPI",
    "SymbolicExpression",
    "Libero",
];

/// The whole file, or the part under `HLSConfig` alone.
pub(super) fn read(file: &Value) -> Result<Config, ConfigError> {
    let root = PlacedValue::root(file);
    if !file.is_object() {
        return Err(root.kind("a mapping"));
    }
    let without_effect = keys::inapplicable(Level::File, &root)?;
    let mut config = Config { without_effect, ..Config::default() };
    let entries = keys::read(Level::File, &root)?;
    let wrapped = entries.iter().any(|(key, _)| *key == "HLSConfig");
    for (key, node) in entries {
        match key {
            "Backend" => config.backend = Some(backend(&node)?),
            "Part" | XILINX_PART => {
                let part = plain_word(&node, "a part such as xcvu13p-flga2577-2-e")?;
                if config.part.replace(part).is_some() {
                    return Err(ConfigError::Twice {
                        first: "Part".into(),
                        second: XILINX_PART.into(),
                    });
                }
            }
            "ClockPeriod" => config.clock_period = Some(clock::period(&node)?),
            "ClockUncertainty" => config.clock_uncertainty = Some(clock::uncertainty(&node)?),
            "IOType" => {
                node.choice(&["io_parallel"], &["io_stream", "io_serial"])?;
            }
            "ProjectName" => config.project_name = Some(identifier(&node)?),
            "OutputDir" => config.output_dir = Some(PathBuf::from(node.text("a folder")?)),
            "WriterConfig" => {
                keys::read(Level::Writer, &node)?;
            }
            "HLSConfig" => {
                for (key, node) in keys::read(Level::Hls, &node)? {
                    read_hls(&mut config, key, &node)?;
                }
            }
            _ if wrapped => return Err(ConfigError::BesideHls(key.into())),
            _ => read_hls(&mut config, key, &node)?,
        }
    }
    Ok(config)
}

/// hls4ml's name of `Part` in its first versions.
const XILINX_PART: &str = "XilinxPart";

/// An entry of `HLSConfig`.
fn read_hls(config: &mut Config, key: &str, node: &PlacedValue<'_>) -> Result<(), ConfigError> {
    match key {
        "Model" => config.model = Section::of_model(node)?,
        "LayerType" => config.layer_types = Section::of_layers(node)?,
        _ => config.layer_names = Section::of_layers(node)?,
    }
    Ok(())
}

fn backend(node: &PlacedValue<'_>) -> Result<Tool, ConfigError> {
    match node.choice(&["Vitis", "Catapult"], OTHER_BACKENDS)? {
        "Catapult" => Ok(Tool::Catapult),
        _ => Ok(Tool::Vitis),
    }
}

/// A word that means itself in a Tcl script.
fn plain_word(node: &PlacedValue<'_>, expected: &'static str) -> Result<String, ConfigError> {
    let word = node.text(expected)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if word.is_empty() || !word.chars().all(plain) {
        return Err(node.kind(expected));
    }
    Ok(word.to_owned())
}

/// hls4ml names the top function after the project, so the name is one of C++.
fn identifier(node: &PlacedValue<'_>) -> Result<String, ConfigError> {
    let expected = "a name of letters, digits and _";
    let word = node.text(expected)?;
    let letters = word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !letters || !word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return Err(node.kind(expected));
    }
    Ok(word.to_owned())
}
