//! Configurations with further types, as YAML.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Config, ConfigError, tree};
use crate::fixed::Quantization;

/// A value of an entry in `LayerName`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ConfiguredValue<'a> {
    /// A type under `Precision`.
    Type {
        /// Its key.
        key: &'static str,
        /// The type.
        precision: Quantization,
    },
    /// `WeightScale: per_channel`.
    ScalePerChannel,
    /// `BiasCorrection`.
    BiasCorrection(&'a [f32]),
}

/// The text of the configuration in the file `base`, or of an empty one, with each of `values` in its
/// entry in `LayerName`. Everything else stays.
///
/// # Errors
/// If the file cannot be read or is no configuration.
pub(crate) fn with_values(
    base: Option<&Path>,
    values: &[(&str, ConfiguredValue<'_>)],
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
    for (entry, value) in values {
        // Names match in any letter case.
        let known = layers.keys().find(|known| known.eq_ignore_ascii_case(entry)).cloned();
        let entry = known.unwrap_or_else(|| (*entry).to_owned());
        let layer = mapping(layers.entry(entry).or_insert(Value::Null));
        match value {
            ConfiguredValue::Type { key, precision } => {
                let types = layer.entry("Precision").or_insert(Value::Null);
                if let Value::String(all) = types {
                    *types = json!({"default": *all});
                }
                mapping(types).insert((*key).to_owned(), precision.to_string().into());
            }
            ConfiguredValue::ScalePerChannel => {
                layer.insert("WeightScale".to_owned(), "per_channel".into());
            }
            ConfiguredValue::BiasCorrection(numbers) => {
                layer.insert("BiasCorrection".to_owned(), json!(numbers));
            }
        }
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
    use super::super::WeightScale;
    use super::*;
    use crate::config::Pace;
    use crate::fixed::FormatError;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn types_are_added_to_what_a_file_has() -> Outcome {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("c.yml");
        let text = "Backend: Catapult\nHLSConfig:\n  Model: {ReuseFactor: 2}\n  LayerName:\n    \
                    FC1: {Precision: 'fixed<9,3>', ReuseFactor: 4}\n    empty:\n";
        std::fs::write(&path, text)?;
        let of = |key, precision: &str| -> Result<_, FormatError> {
            Ok(ConfiguredValue::Type { key, precision: precision.parse()? })
        };
        let values = [
            ("fc1", of("weight", "fixed<8,1,RND,SAT>")?),
            ("fc1", of("result", "fixed<8,4,RND,SAT>")?),
            ("fc1", ConfiguredValue::ScalePerChannel),
            ("fc1", ConfiguredValue::BiasCorrection(&[0.25, 0.0, -1.5])),
            ("other", of("result", "ufixed<8,4,RND,SAT>")?),
        ];
        let written = with_values(Some(&path), &values)?;
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
      WeightScale: per_channel
      BiasCorrection:
      - 0.25
      - 0.0
      - -1.5
    empty: null
    other:
      Precision:
        result: ufixed<8,4,RND,SAT>
";
        assert_eq!(written, expected);
        let config = Config::parse(&written)?;
        assert_eq!(config.pace("fc1", "Dense"), Some(Pace::ReuseFactor(4)));
        assert_eq!(config.weight_scale("fc1", "Dense"), Some(WeightScale::PerChannel));
        assert_eq!(config.bias_correction("fc1"), Some(&[0.25, 0.0, -1.5][..]));
        let alone = with_values(None, &values[4..])?;
        assert!(alone.starts_with("Model:\n  Precision: fixed<16,6>\n  ReuseFactor: 1\n"));
        assert_eq!(Config::parse(&alone)?.default_precision(), Some("fixed<16,6>".parse()?));
        assert!(with_values(Some(&folder.path().join("none.yml")), &values).is_err());
        Ok(())
    }
}
