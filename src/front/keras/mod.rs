//! What Keras 2, Keras 3 and QKeras save.
//!
//! A model's configuration is JSON of the same form in every kind of file: [`architecture`] reads
//! who feeds whom, [`layers`] has one file a family of layers and a table of them all, and
//! [`attributes`] sees to it that nothing in a layer's configuration is dropped in silence.
//! [`weights`] finds the variables of a layer, by their full path in the file.

mod architecture;
mod assemble;
mod attributes;
mod layers;
mod operations;
mod quantizers;
mod weights;

use std::path::Path;

use serde_json::Value;

use super::archive::Archive;
use super::content::Content;
use super::error::{FrontError, Located, Problem};
use super::hdf5::Hdf5;
use crate::model::Model;
use architecture::Architecture;
use weights::{Origin, Store};

pub use quantizers::ConfigError;

/// Entries of a `.keras` archive.
const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.weights.h5";

/// The longest configuration that is parsed: a network of ten thousand layers has less.
const LONGEST_CONFIG: usize = 32 << 20;

/// A model's file, by what it holds.
enum File {
    /// A group of weights and perhaps the configuration.
    Hdf5(Hdf5),
    Archive(Archive),
    Json(Vec<u8>),
}

impl File {
    fn open(path: &Path, unknown: fn(String) -> Problem) -> Result<Self, FrontError> {
        match Content::read(path)? {
            Content::Hdf5(bytes) => Hdf5::open(bytes).map(Self::Hdf5).located(path),
            Content::Zip(bytes) => Archive::open(bytes).map(Self::Archive).located(path),
            Content::Json(bytes) => Ok(Self::Json(bytes)),
            other => Err(unknown(other.name()).at(path)),
        }
    }

    fn config(&mut self) -> Result<Value, Problem> {
        match self {
            Self::Hdf5(file) => {
                let text = file.root()?.text("model_config")?.ok_or(Problem::WeightsAlone)?;
                json("model_config", text.as_bytes())
            }
            Self::Archive(archive) => json(CONFIG, &archive.entry(CONFIG)?),
            Self::Json(text) => json("the text", text),
        }
    }

    fn weights(self) -> Result<Hdf5, Problem> {
        match self {
            Self::Hdf5(file) => Ok(file),
            Self::Archive(mut archive) => Hdf5::open(archive.entry(WEIGHTS)?),
            Self::Json(_) => Err(Problem::WeightsNeeded),
        }
    }
}

/// Parses a configuration. The parser itself refuses what nests deeper than 128.
fn json(what: &str, text: &[u8]) -> Result<Value, Problem> {
    if text.len() > LONGEST_CONFIG {
        return Err(Problem::TooLarge { what: what.to_owned() });
    }
    serde_json::from_slice(text)
        .map_err(|error| Problem::Json { what: what.to_owned(), error: error.to_string() })
}

pub(super) fn load(path: &Path, weights: Option<&Path>) -> Result<Model, FrontError> {
    let mut file = File::open(path, |found| Problem::NoModel { found })?;
    let config = file.config().located(path)?;
    let architecture = Architecture::read(&config, path)?;
    let (path_of_weights, origin, file) = match weights {
        None => (path, Origin::SameFile, file),
        Some(weights) => {
            let file = File::open(weights, |found| Problem::NoWeights { found })?;
            if matches!(file, File::Json(_)) {
                return Err(Problem::NoWeights { found: "JSON text".to_owned() }.at(weights));
            }
            (weights, Origin::OtherFile, file)
        }
    };
    let file = file.weights().located(path_of_weights)?;
    let store = Store::open(&file, path_of_weights, origin)?;
    assemble::model(&architecture, path, store)
}
