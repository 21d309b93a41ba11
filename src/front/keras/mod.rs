//! What Keras 2, Keras 3 and QKeras save.
//!
//! A model's configuration is JSON of the same form in every kind of file: [`architecture`] reads
//! who feeds whom, [`layers`] has one file a family of layers and a table of them all, and
//! [`attributes`] sees to it that nothing in a layer's configuration is dropped in silence.
//! [`weights`] finds the variables of a layer, by their full path in the file.

mod architecture;
mod assemble;
mod attributes;
mod functions;
mod layers;
mod quantizers;
mod weights;

use std::path::Path;

use serde_json::Value;

use super::ReadOptions;
use super::archive::Archive;
use super::content::Content;
use super::error::{FrontError, Located, Problem};
use super::hdf5::Hdf5;
use crate::model::Model;
use architecture::Architecture;
use functions::Generation;
use quantizers::Dialect;
use weights::{Origin, Store};

pub use quantizers::ConfigError;

/// Entries of a `.keras` archive.
const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.weights.h5";
const METADATA: &str = "metadata.json";

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

    /// The version of the Keras that wrote the file, where it is stated; `config` is its
    /// configuration.
    fn keras_version(&mut self, config: &Value) -> Result<Option<String>, Problem> {
        const KEY: &str = "keras_version";
        let stated = |value: &Value| value.get(KEY).and_then(Value::as_str).map(str::to_owned);
        Ok(match self {
            Self::Hdf5(file) => file.root()?.text(KEY)?,
            Self::Archive(archive) => match archive.entry(METADATA) {
                Ok(text) => stated(&json(METADATA, &text)?),
                Err(Problem::EntryMissing { .. }) => None,
                Err(problem) => return Err(problem),
            },
            Self::Json(_) => stated(config),
        })
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

pub(super) fn load(
    path: &Path,
    weights: Option<&Path>,
    options: &ReadOptions,
) -> Result<Model, FrontError> {
    let mut file = File::open(path, |found| Problem::NoModel { found })?;
    let config = file.config().located(path)?;
    let version = file.keras_version(&config).located(path)?;
    let dialect = Dialect {
        keras: Generation::of(version.as_deref()),
        sigmoid: options.sigmoid,
        ..Dialect::default()
    };
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
    assemble::model(&architecture, path, &store, dialect)
}
