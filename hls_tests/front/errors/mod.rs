//! Error messages.

mod adaptive;
mod connections;
mod files;
mod graphs;
mod layers;
mod weights;
mod windows;

use std::path::{Path, PathBuf};

use bitkiln::front::{FrontError, load};
use bitkiln::model::Model;
use miette::Diagnostic;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture;

/// Returns the message without the folder of the file, and the help.
fn words(error: &FrontError) -> (String, String) {
    let folder = format!("{}/", error.path.parent().unwrap().display());
    let message = error.to_string();
    let message = message.strip_prefix(&folder).unwrap_or(&message).to_owned();
    (message, error.help().map(|help| help.to_string()).unwrap_or_default())
}

/// Expects a message, and a part of the help.
#[track_caller]
fn expect(result: Result<Model, FrontError>, message: &str, help: &str) {
    let (found, found_help) = words(&result.expect_err("an error"));
    assert_eq!(found, message);
    assert!(found_help.contains(help), "{found_help}");
}

/// A folder for files that a test writes.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

/// Loads a configuration, `model.json`, with weights.
fn load_json(config: &Value, weights: &Path) -> Result<Model, FrontError> {
    let folder = Folder::new();
    load(&folder.file("model.json", config.to_string()), Some(weights))
}

fn layer(class: &str, config: Value) -> Value {
    json!({"class_name": class, "config": config})
}

/// A Sequential model on samples of three elements.
fn sequential(layers: &[Value]) -> Value {
    let input = layer("InputLayer", json!({"name": "in", "batch_input_shape": [null, 3]}));
    let layers: Vec<&Value> = std::iter::once(&input).chain(layers).collect();
    json!({"class_name": "Sequential", "config": {"name": "m", "layers": layers}})
}

/// Loads a Sequential model of one layer, named `x`, on samples of three elements.
fn load_one(class: &str, mut config: Value) -> Result<Model, FrontError> {
    config["name"] = json!("x");
    load_json(&sequential(&[layer(class, config)]), &fixture("weights.h5"))
}
