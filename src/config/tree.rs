//! The file as a tree of values, each with its place for messages.
//!
//! A configuration is small; a file that is not one is refused before it takes memory or time.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;
use serde_saphyr::{NonFiniteFloatPolicy, UserMessageFormatter};

use super::ConfigError;
use crate::fixed::Quantization;
use crate::naming::nearest;

/// The largest file that is read, in bytes. hls4ml's own configurations with an entry for every
/// layer stay below a hundredth of it.
const MAX_BYTES: u64 = 1 << 20;

/// A configuration nests five levels deep.
const MAX_DEPTH: usize = 16;

/// The text of the file.
pub(super) fn read(path: &Path) -> Result<String, ConfigError> {
    let failed = |reason| ConfigError::Read { file: path.to_owned(), reason };
    let mut text = String::new();
    let mut file = File::open(path).map_err(failed)?.take(MAX_BYTES + 1);
    let bytes = file.read_to_string(&mut text);
    if file.limit() == 0 {
        return Err(ConfigError::TooLarge { file: path.to_owned(), limit: MAX_BYTES });
    }
    bytes.map_err(failed)?;
    Ok(text)
}

/// The text as a tree. Keys keep their order; no key stands twice in a mapping.
pub(super) fn parse(text: &str) -> Result<Value, ConfigError> {
    let options = serde_saphyr::options! {
        // hls4ml writes stamps without quotes. One such as 66e85333 is a number in YAML 1.2 only.
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: 100_000,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 10_000,
            max_replay_stack_depth: MAX_DEPTH,
        },
    };
    serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| ConfigError::Syntax(error.render_with_formatter(&UserMessageFormatter)))
}

/// A value and its place.
#[derive(Clone)]
pub(super) struct PlacedValue<'a> {
    /// The keys that lead here, joined by dots; empty at the top of the file.
    pub place: String,
    /// The value.
    pub value: &'a Value,
}

impl<'a> PlacedValue<'a> {
    /// The whole file.
    pub fn root(value: &'a Value) -> Self {
        Self { place: String::new(), value }
    }

    /// The entries of a mapping, in the file's order. A key without a value is an empty mapping.
    pub fn entries(&self) -> Result<Vec<(&'a str, PlacedValue<'a>)>, ConfigError> {
        match self.value {
            Value::Null => Ok(Vec::new()),
            Value::Object(map) => {
                Ok(map.iter().map(|(k, v)| (k.as_str(), self.at(k, v))).collect())
            }
            _ => Err(self.kind("a mapping")),
        }
    }

    /// The value of `key` in this mapping.
    fn at(&self, key: &str, value: &'a Value) -> PlacedValue<'a> {
        let place = match self.place.as_str() {
            "" => key.to_owned(),
            above => format!("{above}.{key}"),
        };
        PlacedValue { place, value }
    }

    /// A text.
    pub fn text(&self, expected: &'static str) -> Result<&'a str, ConfigError> {
        self.value.as_str().ok_or_else(|| self.kind(expected))
    }

    /// true or false.
    pub fn boolean(&self) -> Result<bool, ConfigError> {
        self.value.as_bool().ok_or_else(|| self.kind("true or false"))
    }

    /// A positive whole number.
    pub fn count(&self) -> Result<u64, ConfigError> {
        let count = self.value.as_u64().filter(|n| *n > 0);
        count.ok_or_else(|| self.kind("a whole number from 1 on"))
    }

    /// A list of finite numbers, each the nearest float32.
    pub fn numbers(&self) -> Result<Vec<f32>, ConfigError> {
        let list = self.value.as_array().ok_or_else(|| self.kind("a list of numbers"))?;
        let number = |(at, value): (usize, &'a Value)| {
            let number = value.as_f64().map(|number| number as f32);
            number.filter(|number| number.is_finite()).ok_or_else(|| {
                let place = format!("{}[{at}]", self.place);
                PlacedValue { place, value }.kind("a finite number of float32")
            })
        };
        list.iter().enumerate().map(number).collect()
    }

    /// A type; `None` for `auto`, with which hls4ml infers the type.
    pub fn precision(&self) -> Result<Option<Quantization>, ConfigError> {
        match self.text("a type such as fixed<16,6>")? {
            "auto" => Ok(None),
            text => match text.parse() {
                Ok(quantization) => Ok(Some(quantization)),
                Err(source) => Err(ConfigError::Type { place: self.place.clone(), source }),
            },
        }
    }

    /// One of the texts `supported`, in any letter case; `other` are those that hls4ml has besides.
    pub fn choice(
        &self,
        supported: &[&'static str],
        other: &[&'static str],
    ) -> Result<&'static str, ConfigError> {
        let value = self.text("a text")?;
        let find =
            |words: &[&'static str]| words.iter().find(|w| w.eq_ignore_ascii_case(value)).copied();
        if let Some(word) = find(supported) {
            return Ok(word);
        }
        let known = supported.join(", ");
        match find(other) {
            Some(word) => Err(ConfigError::Unsupported {
                place: format!("{}: {word}", self.place),
                help: format!("supported: {known}"),
            }),
            None => Err(ConfigError::UnknownValue {
                place: self.place.clone(),
                value: value.to_owned(),
                nearest: nearest(value, supported.iter().chain(other).copied()),
                known,
            }),
        }
    }

    /// The error that this value is not what is `expected`.
    pub fn kind(&self, expected: &'static str) -> ConfigError {
        let found = match self.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(b) => b.to_string(),
            Value::Number(n) => n.to_string(),
            Value::String(s) => format!("the text '{}'", s.chars().take(40).collect::<String>()),
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "a mapping".to_owned(),
        };
        let place = if self.place.is_empty() { "the file".into() } else { self.place.clone() };
        ConfigError::Kind { place, expected, found }
    }
}
