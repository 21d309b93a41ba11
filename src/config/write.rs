//! Configurations with further types, as YAML.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Config, ConfigError, tree};
use crate::fixed::Quantization;

/// The text of the configuration in the file `base`, or of an empty one, with a type for each of
/// `types`: entry in `LayerName`, key under `Precision`, type. Everything else stays.
///
/// # Errors
/// If the file cannot be read or is no configuration.
pub(crate) fn with_types(
    base: Option<&Path>,
    types: &[(&str, &str, Quantization)],
) -> Result<String, ConfigError> {
    let mut file = match base {
        Some(path) => {
            Config::load(path)?;
            tree::parse(&tree::read(path)?)?
        }
        // hls4ml requires both.
        None => json!({"Model": {"Precision": "fixed<16,6>", "ReuseFactor": 1}}),
    };
    let root = mapping(&mut file);
    let layers = match root.contains_key("HLSConfig") {
        true => mapping(mapping(&mut root["HLSConfig"]).entry("LayerName").or_insert(Value::Null)),
        false => mapping(root.entry("LayerName").or_insert(Value::Null)),
    };
    for (entry, key, to) in types {
        // Names match in any letter case.
        let known = layers.keys().find(|known| known.eq_ignore_ascii_case(entry)).cloned();
        let entry = known.unwrap_or_else(|| (*entry).to_owned());
        let layer = mapping(layers.entry(entry).or_insert(Value::Null));
        let precision = layer.entry("Precision").or_insert(Value::Null);
        if let Value::String(all) = precision {
            *precision = json!({"default": *all});
        }
        mapping(precision).insert((*key).to_owned(), to.to_string().into());
    }
    Ok(serde_saphyr::to_string(&file).expect("a tree of JSON is YAML"))
}

/// A value as a mapping; an empty one if it is none.
fn mapping(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it is a mapping")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Pace;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn types_are_added_to_what_a_file_has() -> Outcome {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("c.yml");
        let text = "Backend: Catapult\nHLSConfig:\n  Model: {ReuseFactor: 2}\n  LayerName:\n    \
                    FC1: {Precision: 'fixed<9,3>', ReuseFactor: 4}\n    empty:\n";
        std::fs::write(&path, text)?;
        let types = [
            ("fc1", "weight", "fixed<8,1,RND,SAT>".parse()?),
            ("fc1", "result", "fixed<8,4,RND,SAT>".parse()?),
            ("other", "result", "ufixed<8,4,RND,SAT>".parse()?),
        ];
        let written = with_types(Some(&path), &types)?;
        let expected = "\
Backend: Catapult
HLSConfig:
  Model:
    ReuseFactor: 2
  LayerName:
    FC1:
      Precision:
        default: fixed<9,3>
        weight: fixed<8,1,RND,SAT>
        result: fixed<8,4,RND,SAT>
      ReuseFactor: 4
    empty: null
    other:
      Precision:
        result: ufixed<8,4,RND,SAT>
";
        assert_eq!(written, expected);
        let config = Config::parse(&written)?;
        assert_eq!(config.pace("fc1", "Dense"), Some(Pace::ReuseFactor(4)));
        let alone = with_types(None, &types[2..])?;
        assert!(alone.starts_with("Model:\n  Precision: fixed<16,6>\n  ReuseFactor: 1\n"));
        assert_eq!(Config::parse(&alone)?.default_precision(), Some("fixed<16,6>".parse()?));
        assert!(with_types(Some(&folder.path().join("none.yml")), &types).is_err());
        Ok(())
    }
}
