//! A value of the file together with its place, for messages.

use serde_json::Value;

use super::ConfigError;
use crate::fixed::Quantization;
use crate::naming::nearest;

/// A value and where it stands.
#[derive(Clone)]
pub(super) struct Node<'a> {
    /// The keys that lead here, joined by dots; empty at the top of the file.
    pub place: String,
    /// What the file says.
    pub value: &'a Value,
}

impl<'a> Node<'a> {
    /// The whole file.
    pub fn root(value: &'a Value) -> Self {
        Self { place: String::new(), value }
    }

    /// The entries of a mapping, in the file's order. A key without a value is an empty mapping.
    pub fn entries(&self) -> Result<Vec<(&'a str, Node<'a>)>, ConfigError> {
        match self.value {
            Value::Null => Ok(Vec::new()),
            Value::Object(map) => {
                Ok(map.iter().map(|(k, v)| (k.as_str(), self.at(k, v))).collect())
            }
            _ => Err(self.kind("a mapping")),
        }
    }

    /// The value of `key` in this mapping.
    fn at(&self, key: &str, value: &'a Value) -> Node<'a> {
        let place = match self.place.as_str() {
            "" => key.to_owned(),
            above => format!("{above}.{key}"),
        };
        Node { place, value }
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

    /// A type; `None` for `auto`, hls4ml's word for a type that is left open.
    pub fn precision(&self) -> Result<Option<Quantization>, ConfigError> {
        match self.text("a type such as fixed<16,6>")? {
            "auto" => Ok(None),
            text => match text.parse() {
                Ok(quantization) => Ok(Some(quantization)),
                Err(source) => Err(ConfigError::Type { place: self.place.clone(), source }),
            },
        }
    }

    /// One of a few texts, in any letter case; `later` are those that hls4ml knows besides.
    pub fn choice(
        &self,
        supported: &[&'static str],
        later: &[&'static str],
    ) -> Result<&'static str, ConfigError> {
        let value = self.text("a text")?;
        let find =
            |words: &[&'static str]| words.iter().find(|w| w.eq_ignore_ascii_case(value)).copied();
        if let Some(word) = find(supported) {
            return Ok(word);
        }
        let known = supported.join(", ");
        match find(later) {
            Some(word) => Err(ConfigError::Unsupported {
                place: format!("{}: {word}", self.place),
                help: format!("supported today: {known}"),
            }),
            None => Err(ConfigError::UnknownValue {
                place: self.place.clone(),
                value: value.to_owned(),
                nearest: nearest(value, supported.iter().chain(later).copied())
                    .and_then(|word| supported.iter().chain(later).copied().find(|w| *w == word)),
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
