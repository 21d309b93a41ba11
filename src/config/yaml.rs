//! Text to a tree, with bounds: a configuration is small, and a file that is not one is refused
//! before it takes memory or time.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;
use serde_saphyr::UserMessageFormatter;

use super::ConfigError;

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
