//! SavedModel folders that Keras 2 writes: `model.save("folder")`.
//!
//! `keras_metadata.pb` holds the configuration as JSON, `variables/` the weights. Folders without it,
//! such as those of `model.export`, hold TensorFlow's operations, but not Keras' layers.
//! (`SavedMetadata` in `protobuf/saved_metadata.proto` of Keras 2.)

mod bundle;
mod objects;
mod protobuf;

use std::path::Path;

use serde_json::{Map, Value};

use crate::front::content::read_file;
use crate::front::error::{FrontError, Located, Problem};
use protobuf::Message;

pub(super) use bundle::{Bundle, Tensor};
pub(super) use objects::{Object, Objects};

/// The file that makes a folder a SavedModel.
const MODEL: &str = "saved_model.pb";
const METADATA: &str = "keras_metadata.pb";
const VARIABLES: &str = "variables/variables";

/// Returns true for the folder of a SavedModel.
pub(super) fn is_saved_model(folder: &Path) -> bool {
    folder.join(MODEL).is_file()
}

/// Reads the metadata of the outermost model: its class, its configuration and the version of Keras.
pub(super) fn metadata(folder: &Path) -> Result<Value, FrontError> {
    let path = folder.join(METADATA);
    if !path.is_file() {
        return Err(Problem::NoKerasMetadata.at(folder));
    }
    root_metadata(&read_file(&path)?).located(&path)
}

fn root_metadata(bytes: &[u8]) -> Result<Value, Problem> {
    const NODES: u32 = 1;
    const PATH: u32 = 3;
    const JSON: u32 = 5;
    for node in Message::parse(bytes)?.messages(NODES) {
        let node = node?;
        if node.text(PATH)? == Some("root") {
            let value = super::json("the metadata", node.bytes(JSON).unwrap_or_default())?;
            return Ok(plain(value));
        }
    }
    Err(Problem::Damaged("the metadata have no root".to_owned()))
}

/// Returns a value with lists in place of tuples and shapes, which the metadata tell apart.
fn plain(value: Value) -> Value {
    match value {
        Value::Object(mut object) => {
            let class = object.get("class_name").and_then(Value::as_str);
            let is_list = matches!(class, Some("__tuple__" | "TensorShape"));
            if let Some(items) = object.get_mut("items").filter(|_| is_list) {
                return plain(items.take());
            }
            let entries = object.into_iter().map(|(key, value)| (key, plain(value)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(plain).collect()),
        value => value,
    }
}

/// The variables of a SavedModel, and the objects that own them.
pub(super) struct Variables {
    pub(super) bundle: Bundle,
    pub(super) objects: Objects,
}

/// Reads the variables of a SavedModel.
pub(super) fn variables(folder: &Path) -> Result<Variables, FrontError> {
    checkpoint(&folder.join(VARIABLES))
}

/// Reads the variables of a checkpoint: `model.save_weights("prefix")` of Keras 2.
pub(super) fn checkpoint(prefix: &Path) -> Result<Variables, FrontError> {
    let bundle = Bundle::open(prefix)?;
    let objects = Objects::read(&bundle).located(prefix)?;
    Ok(Variables { bundle, objects })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tuples_and_shapes_become_lists() {
        let tuple = json!({"class_name": "__tuple__", "items": [null, {"class_name": "TensorShape", "items": [3]}]});
        let value = json!({"a": tuple, "items": [tuple], "class_name": "X"});
        let expected = json!({"a": [null, [3]], "items": [[null, [3]]], "class_name": "X"});
        assert_eq!(plain(value), expected);
    }

    #[test]
    fn metadata_of_the_root() {
        // Two nodes, `root.layer-0` and `root`.
        let node = |path: &str, text: &str| {
            let field =
                |key: u8, text: &str| [&[key << 3 | 2, text.len() as u8], text.as_bytes()].concat();
            let node = [vec![2 << 3, 0], field(3, path), field(5, text)].concat();
            [vec![1 << 3 | 2, node.len() as u8], node].concat()
        };
        let bytes = [node("root.layer-0", "[1]"), node("root", "{\"a\": 2}")].concat();
        assert_eq!(root_metadata(&bytes).unwrap(), json!({"a": 2}));
        let error = root_metadata(&node("root.layer-0", "[1]")).unwrap_err();
        assert_eq!(error.to_string(), "is damaged: the metadata have no root");
        assert!(root_metadata(&bytes[..bytes.len() - 1]).is_err());
        assert!(root_metadata(&node("root", "{")).is_err());
    }
}
