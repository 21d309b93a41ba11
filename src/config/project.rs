//! Settings of the project: tool, device, clock, names.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::keys::{self, Level};
use super::notes::{NoteKind, Notes};
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

/// Connection of layers in hardware: hls4ml's `IOType`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IoType {
    /// Arrays of all elements: `io_parallel`.
    #[default]
    Parallel,
    /// FIFOs of positions, one after the other: `io_stream`.
    Stream,
}

impl IoType {
    /// Every kind, by hls4ml's name.
    const ALL: [(&'static str, Self); 2] =
        [("io_parallel", Self::Parallel), ("io_stream", Self::Stream)];
}

/// A kind of early versions of hls4ml: one element after the other.
const IO_SERIAL: &str = "io_serial";

/// The backends of hls4ml for the same vendors, each taken as another one.
const TAKEN_BACKENDS: [&str; 4] =
    ["Vivado", "VivadoAccelerator", "VitisAccelerator", "VitisUnified"];

/// The backends that hls4ml has besides.
const OTHER_BACKENDS: &[&str] = &["Quartus", "oneAPI", "SymbolicExpression", "Libero"];

/// The whole file, or the part under `HLSConfig` alone.
pub(super) fn read(file: &Value) -> Result<Config, ConfigError> {
    let root = PlacedValue::root(file);
    if !file.is_object() {
        return Err(root.kind("a mapping"));
    }
    let mut config = Config::default();
    let mut notes = Notes::default();
    let mut xilinx_part = None;
    let entries = keys::read(Level::File, &root, &mut notes)?;
    let wrapped = entries.iter().any(|(key, _)| *key == "HLSConfig");
    for (key, node) in entries {
        match key {
            "Backend" => config.backend = Some(backend(&node, &root, &mut notes)?),
            "Part" => config.part = Some(part(&node)?),
            XILINX_PART => xilinx_part = Some(part(&node)?),
            "ClockPeriod" => config.clock_period = Some(clock::period(&node)?),
            "ClockUncertainty" => config.clock_uncertainty = Some(clock::uncertainty(&node)?),
            "IOType" => config.io_type = Some(io_type(&node, &root, &mut notes)?),
            "ProjectName" => config.project_name = Some(identifier(&node)?),
            "OutputDir" => config.output_dir = Some(PathBuf::from(node.text("a folder")?)),
            "WriterConfig" => {
                keys::read(Level::Writer, &node, &mut notes)?;
            }
            "HLSConfig" => {
                for (key, node) in keys::read(Level::Hls, &node, &mut notes)? {
                    read_hls(&mut config, key, &node, &mut notes)?;
                }
            }
            _ if wrapped => return Err(ConfigError::BesideHls(key.into())),
            _ => read_hls(&mut config, key, &node, &mut notes)?,
        }
    }
    match (&config.part, xilinx_part) {
        (None, old) => config.part = old,
        // Files of several versions of hls4ml have both.
        (Some(part), Some(old)) if *part != old => {
            notes.add(NoteKind::WithoutEffect, XILINX_PART, &root, "Part takes precedence");
        }
        (Some(_), _) => {}
    }
    config.notes = notes.0;
    Ok(config)
}

/// hls4ml's name of `Part` in its first versions.
const XILINX_PART: &str = "XilinxPart";

/// An entry of `HLSConfig`.
fn read_hls(
    config: &mut Config,
    key: &str,
    node: &PlacedValue<'_>,
    notes: &mut Notes,
) -> Result<(), ConfigError> {
    match key {
        "Model" => config.model = Section::of_model(node, notes)?,
        "LayerType" => config.layer_types = Section::of_classes(node, notes)?,
        _ => config.layer_names = Section::of_layers(node, notes)?,
    }
    Ok(())
}

fn backend(
    node: &PlacedValue<'_>,
    file: &PlacedValue<'_>,
    notes: &mut Notes,
) -> Result<Tool, ConfigError> {
    let is_it = |name: &&str| node.value.as_str().is_some_and(|it| it.eq_ignore_ascii_case(name));
    if let Some(name) = TAKEN_BACKENDS.iter().find(|name| is_it(name)) {
        notes.add(NoteKind::TakenAs, &format!("Backend: {name}"), file, "Vitis");
        return Ok(Tool::Vitis);
    }
    match node.choice(&["Vitis", "Catapult"], OTHER_BACKENDS)? {
        "Catapult" => Ok(Tool::Catapult),
        _ => Ok(Tool::Vitis),
    }
}

fn io_type(
    node: &PlacedValue<'_>,
    file: &PlacedValue<'_>,
    notes: &mut Notes,
) -> Result<IoType, ConfigError> {
    if node.value.as_str().is_some_and(|it| it.eq_ignore_ascii_case(IO_SERIAL)) {
        notes.add(NoteKind::TakenAs, &format!("IOType: {IO_SERIAL}"), file, "io_stream");
        return Ok(IoType::Stream);
    }
    let name = node.choice(&IoType::ALL.map(|(name, _)| name), &[])?;
    let known = IoType::ALL.into_iter().find(|(known, _)| *known == name);
    Ok(known.map(|(_, io_type)| io_type).unwrap_or_default())
}

/// A part: a word that means itself in a Tcl script.
fn part(node: &PlacedValue<'_>) -> Result<String, ConfigError> {
    let expected = "a part such as xcvu13p-flga2577-2-e";
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
