//! What is read, which setting holds where, and every message.

mod lookups;
mod messages;
mod shapes;
mod unreasonable;

use super::{Config, ConfigError};

/// The configuration behind a text that is known to be right.
fn config(text: &str) -> Config {
    Config::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The error behind a text that is known to be wrong.
fn error(text: &str) -> ConfigError {
    match Config::parse(text) {
        Ok(config) => panic!("accepted as {config:?}:\n{text}"),
        Err(error) => error,
    }
}
