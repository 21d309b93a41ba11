//! Layers of a model in a configuration: which entry is that of which layer.

use super::keys::{BIAS_CORRECTION, CLASSES, is_fused};
use super::lookup::find;
use super::section::{Section, Sections, Variable};
use super::{Config, ConfigError};
use crate::naming::nearest;

/// Start of the names of pruned layers: tfmot's `PruneLowMagnitude`.
const PRUNED: &str = "prune_low_magnitude_";

/// The relation of a layer to another one, by name, whose entry holds for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shared<'a> {
    /// A later call of this layer.
    Call(&'a str),
    /// A further result of this call of a layer.
    Result(&'a str),
}

impl Config {
    /// Checks that every layer and class in the file exists; `layers` are names and Keras classes.
    ///
    /// # Errors
    /// If `LayerName` has a name that is neither in `layers` nor that of a fused activation, or
    /// `LayerType` a class that neither `layers` nor hls4ml has.
    pub fn check_layers(&self, layers: &[(&str, &str)]) -> Result<(), ConfigError> {
        let names: Vec<&str> = layers.iter().map(|(name, _)| *name).collect();
        check_spellings("LayerName", &self.layer_names, &names)?;
        let classes: Vec<&str> = layers.iter().map(|(_, class)| *class).collect();
        check_spellings("LayerType", &self.layer_types, &classes)?;
        for (name, section) in &self.layer_names {
            let part = fused_activation(name, &names).map(|(layer, _)| layer);
            let part = part.or_else(|| separable(name, layers).map(|(layer, _)| layer));
            if let Some(layer) = part.filter(|_| !is_in(name, &names))
                && section.bias_correction.is_some()
            {
                return Err(ConfigError::Unsupported {
                    place: format!("LayerName.{name}.{BIAS_CORRECTION}"),
                    help: format!("move it to LayerName.{layer}, whose biases it corrects"),
                });
            }
            if is_in(name, &names) || fused_activation(name, &names).is_some() {
                continue;
            }
            if let Some((layer, key)) = separable(name, layers) {
                self.check_copy(name, section, layer, key)?;
                continue;
            }
            // hls4ml has a layer for the scale of a kernel, and gives it an entry in its projects.
            let scaled = name.strip_suffix("_alpha").filter(|layer| is_in(layer, &names));
            match scaled {
                Some(_) if section.precision.is_empty() => {}
                Some(layer) => {
                    return Err(ConfigError::Unsupported {
                        place: format!("LayerName.{name}.Precision"),
                        help: format!("set 'scale' in LayerName.{layer}.Precision"),
                    });
                }
                None => {
                    return Err(ConfigError::UnknownLayer {
                        name: name.clone(),
                        nearest: nearest(name, names.iter().copied()).map(str::to_owned),
                        known: names.join(", "),
                    });
                }
            }
        }
        let mut known: Vec<&str> = layers.iter().map(|(_, class)| *class).collect();
        known.sort_unstable();
        known.dedup();
        let all: Vec<&str> = known.iter().copied().chain(CLASSES.split(' ')).collect();
        match self.layer_types.iter().find(|(class, _)| !is_in(class, &all)) {
            None => Ok(()),
            Some((class, _)) => Err(ConfigError::UnknownClass {
                class: class.clone(),
                nearest: nearest(class, all).map(str::to_owned),
                known: known.join(", "),
            }),
        }
    }

    /// Refuses types in `section`, the entry `name` of one convolution of the separable one `layer`,
    /// that are not those of its own entry: hls4ml writes copies of that one into its projects.
    fn check_copy(
        &self,
        name: &str,
        section: &Section,
        layer: &str,
        key: Variable,
    ) -> Result<(), ConfigError> {
        let of = |variable| find(&self.layer_names, layer)?.precision.get(&variable).copied();
        for (variable, precision) in &section.precision {
            let original = match variable {
                Variable::Weight => of(key).or_else(|| of(Variable::Weight)),
                // Not used in any layer.
                Variable::Accum | Variable::DepthwiseAccum | Variable::PointwiseAccum => continue,
                Variable::Result if key == Variable::Depthwise => None,
                other => of(*other),
            };
            if original != Some(*precision) {
                return Err(ConfigError::Unsupported {
                    place: format!("LayerName.{name}.Precision"),
                    help: format!(
                        "set 'depthwise', 'pointwise', 'bias' and 'result' in LayerName.{layer}.Precision"
                    ),
                });
            }
        }
        Ok(())
    }

    /// The same configuration with an entry for each of `layers` that is one with another: a later call of a
    /// layer has the entry of the first one unless it has its own; all results of a call have the same.
    ///
    /// # Errors
    /// If two results of a call have entries.
    pub fn with_shared_names(
        &self,
        layers: &[(&str, Option<Shared<'_>>)],
    ) -> Result<Self, ConfigError> {
        let mut config = self.clone();
        let entry = |config: &Self, name: &str| find(&config.layer_names, name).cloned();
        for (layer, shared) in layers {
            let Some(Shared::Result(call)) = shared else { continue };
            match (entry(&config, call), entry(&config, layer)) {
                (Some(_), Some(_)) => {
                    let place = |name: &str| format!("LayerName.{name}");
                    let (first, second) = (place(call), place(layer));
                    return Err(ConfigError::Twice { first, second });
                }
                (None, Some(section)) => config.layer_names.push(((*call).to_owned(), section)),
                (_, None) => {}
            }
        }
        for (layer, shared) in layers {
            let Some(Shared::Call(other) | Shared::Result(other)) = shared else { continue };
            if let (Some(section), None) = (entry(&config, other), entry(&config, layer)) {
                config.layer_names.push(((*layer).to_owned(), section));
            }
        }
        // A call may have no result but further ones.
        let is_missing = |name: &str| {
            layers.iter().any(|(_, shared)| *shared == Some(Shared::Result(name)))
                && !layers.iter().any(|(layer, _)| *layer == name)
        };
        config.layer_names.retain(|(name, _)| !is_missing(name));
        Ok(config)
    }

    /// The same configuration with the names that pruned layers have in the model: an entry `fc1` is one
    /// for `prune_low_magnitude_fc1` if the model has no layer `fc1`. tfmot's `strip_pruning` gives the
    /// layers these names.
    ///
    /// # Errors
    /// If both names have an entry.
    pub fn with_pruned_names(&self, layers: &[&str]) -> Result<Self, ConfigError> {
        let stripped: Vec<(String, &str)> =
            layers.iter().filter_map(|layer| Some((stripped(layer)?, *layer))).collect();
        let names: Vec<&str> = stripped.iter().map(|(name, _)| name.as_str()).collect();
        let names_layer = |entry: &str, names: &[&str]| {
            is_in(entry, names) || fused_activation(entry, names).is_some()
        };
        let mut config = self.clone();
        for (entry, _) in &mut config.layer_names {
            if names_layer(entry, layers) || !names_layer(entry, &names) {
                continue;
            }
            let is_it = |(name, _): &&(String, &str)| names_layer(entry, &[name]);
            let Some((name, layer)) = stripped.iter().find(is_it) else { continue };
            let pruned = format!("{layer}{}", &entry[name.len()..]);
            if find(&self.layer_names, &pruned).is_some() {
                let place = |name: &str| format!("LayerName.{name}");
                let (first, second) = (place(entry), place(&pruned));
                return Err(ConfigError::Twice { first, second });
            }
            *entry = pruned;
        }
        Ok(config)
    }
}

/// The name of a pruned layer without its wrapper, `inner/fc1` of `inner/prune_low_magnitude_fc1`;
/// `None` for another layer.
fn stripped(layer: &str) -> Option<String> {
    let (outer, name) = layer.rsplit_once('/').unzip();
    let name = name.unwrap_or(layer).strip_prefix(PRUNED)?;
    Some(outer.map_or_else(|| name.to_owned(), |outer| format!("{outer}/{name}")))
}

/// Refuses two entries of `sections` that name the same of `known` in different letter cases.
fn check_spellings(place: &str, sections: &Sections, known: &[&str]) -> Result<(), ConfigError> {
    for (at, (word, _)) in sections.iter().enumerate() {
        let is_same = |(other, _): &&(String, Section)| other.eq_ignore_ascii_case(word);
        let Some((other, _)) = sections[..at].iter().find(is_same) else { continue };
        // Layers may differ in letter case alone.
        if !known.contains(&word.as_str()) || !known.contains(&other.as_str()) {
            let name = |word: &str| format!("{place}.{word}");
            return Err(ConfigError::Twice { first: name(other), second: name(word) });
        }
    }
    Ok(())
}

/// True if `word` is one of `words`, in any letter case.
fn is_in(word: &str, words: &[&str]) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// The layer and the activation in hls4ml's name of a fused activation: `fc1_relu`,
/// `fc1_quantized_relu(6)`.
pub(super) fn fused_activation<'a>(
    name: &'a str,
    layers: &[&'a str],
) -> Option<(&'a str, &'a str)> {
    layers.iter().find_map(|layer| {
        let activation = name.strip_prefix(layer)?.strip_prefix('_')?;
        let bare = activation.split_once('(').map_or(activation, |(bare, _)| bare);
        is_fused(bare).then_some((*layer, bare))
    })
}

/// The separable convolution in `layers` that hls4ml splits into the layer `name` and another one,
/// and the key of the weights of `name`.
fn separable<'a>(name: &str, layers: &[(&'a str, &str)]) -> Option<(&'a str, Variable)> {
    let parts = [("_depthwise", Variable::Depthwise), ("_pointwise", Variable::Pointwise)];
    parts.into_iter().find_map(|(suffix, key)| {
        let layer = name.strip_suffix(suffix)?;
        let is_it = |known: &&(&str, &str)| {
            known.0.eq_ignore_ascii_case(layer) && known.1.contains("Separable")
        };
        layers.iter().find(is_it).map(|(layer, _)| (*layer, key))
    })
}
