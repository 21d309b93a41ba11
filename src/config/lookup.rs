//! Which of the settings holds for a layer: `LayerName`, else `LayerType`, else `Model`.

use super::keys::{ACTIVATIONS, CLASSES};
use super::settings::{Scopes, Settings, Variable};
use super::{Config, ConfigError, Strategy};
use crate::fixed::Quantization;
use crate::function::Sigmoid;
use crate::naming::nearest;

/// What may be set for a softmax.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SoftmaxSettings {
    /// Entries of each table, a power of two from 2 to 65536.
    pub table_size: Option<usize>,
    /// The type of the exponentials.
    pub exp_table: Option<Quantization>,
    /// The type of the inverses.
    pub inv_table: Option<Quantization>,
    /// Whether it is left out.
    pub skip: Option<bool>,
}

impl Config {
    /// The type set for `variable` in a layer of this name and Keras class.
    ///
    /// As in hls4ml (`HLSConfig.get_precision`), each of `LayerName`, `LayerType` and `Model` is asked
    /// for the variable itself, then for `default`, before the next one is. Names and classes
    /// match in any letter case. Two things differ: an entry for `Dense` holds for `QDense` where
    /// none for `QDense` stands beside it, and `auto` counts as not written.
    pub fn precision_of(
        &self,
        layer: &str,
        class: &str,
        variable: Variable,
    ) -> Option<Quantization> {
        self.first(layer, class, |settings| settings.precision_of(variable))
    }

    /// As [`Config::precision_of`], leaving aside what `Model` sets for everything: the type that
    /// the user asked for even where the network's quantizers say something already.
    pub fn own_precision_of(
        &self,
        layer: &str,
        class: &str,
        variable: Variable,
    ) -> Option<Quantization> {
        let [name, class, float_class, _] = self.scopes(layer, class);
        let own = [name, class, float_class].into_iter().flatten();
        own.filter_map(|settings| settings.precision_of(variable))
            .next()
            .or_else(|| self.model.precision.get(&variable).copied())
    }

    /// The type that `Model` sets for whatever has none of its own.
    pub fn default_precision(&self) -> Option<Quantization> {
        self.model.precision_of(Variable::Default)
    }

    /// What QKeras' `set_internal_sigmoid` was given before the model was trained.
    pub fn internal_sigmoid(&self) -> Option<Sigmoid> {
        self.model.internal_sigmoid
    }

    /// The reuse factor set for a layer, at least 1.
    pub fn reuse_factor(&self, layer: &str, class: &str) -> Option<u64> {
        self.first(layer, class, |settings| settings.reuse_factor)
    }

    /// How a layer shares its multipliers.
    pub fn strategy(&self, layer: &str, class: &str) -> Option<Strategy> {
        self.first(layer, class, |settings| settings.strategy)
    }

    /// The most entries of the tables of functions in a layer, a power of two from 2 to 65536.
    /// hls4ml calls an activation inside of `layer` `layer_` and the activation's name.
    pub fn table_size(&self, layer: &str, class: &str) -> Option<usize> {
        let inside = self.layer_names.iter().filter(|(name, _)| {
            inner_activation(name, &[layer]).is_some_and(|(_, activation)| activation != "softmax")
        });
        let mut inside = inside.filter_map(|(_, settings)| settings.table_size);
        inside.next().or_else(|| self.first(layer, class, |settings| settings.table_size))
    }

    /// What is set for the softmax that layer `layer` is, or has inside. hls4ml gives every
    /// softmax the class `Softmax`, also one that Keras calls an `Activation`, and calls one inside
    /// of `layer` `layer_softmax`.
    pub fn softmax(&self, layer: &str) -> SoftmaxSettings {
        let class = "Softmax";
        let inside = format!("{layer}_softmax");
        let is_inside = find(&self.layer_names, &inside).is_some();
        let layer = if is_inside { inside.as_str() } else { layer };
        SoftmaxSettings {
            table_size: self.first(layer, class, |settings| settings.table_size),
            exp_table: self.precision_of(layer, class, Variable::ExpTable),
            inv_table: self.precision_of(layer, class, Variable::InvTable),
            skip: self.first(layer, class, |settings| settings.skip),
        }
    }

    /// Checks that every layer and class that the file names exists; `layers` are names and Keras
    /// classes. An activation inside of layer `fc` is a layer `fc_relu` to hls4ml, which writes an
    /// entry for it: such an entry passes if it sets no type.
    ///
    /// # Errors
    /// If `LayerName` has a name that `layers` does not have, or `LayerType` a class that neither
    /// `layers` nor hls4ml has.
    pub fn check_layers(&self, layers: &[(&str, &str)]) -> Result<(), ConfigError> {
        let names: Vec<&str> = layers.iter().map(|(name, _)| *name).collect();
        for (name, settings) in &self.layer_names {
            if is_in(name, &names) {
                continue;
            }
            let Some((layer, activation)) = inner_activation(name, &names) else {
                return Err(ConfigError::UnknownLayer {
                    name: name.clone(),
                    nearest: nearest(name, names.iter().copied()).map(str::to_owned),
                    known: names.join(", "),
                });
            };
            if activation != "softmax" && !settings.precision.is_empty() {
                return Err(ConfigError::Unsupported {
                    place: format!("LayerName.{name}.Precision"),
                    help: format!(
                        "quantize the activation in the model; LayerName.{layer} sets the type \
                         of the sum before it"
                    ),
                });
            }
        }
        let mut classes: Vec<&str> = layers.iter().map(|(_, class)| *class).collect();
        classes.sort_unstable();
        classes.dedup();
        let class_exists = |class: &str| is_in(class, &classes) || is_in(class, CLASSES);
        match self.layer_types.iter().find(|(class, _)| !class_exists(class)) {
            None => Ok(()),
            Some((class, _)) => Err(ConfigError::UnknownClass {
                class: class.clone(),
                nearest: nearest(class, classes.iter().chain(CLASSES).copied()).map(str::to_owned),
                known: classes.join(", "),
            }),
        }
    }

    /// The first answer of the settings that hold for a layer, the most specific ones first.
    fn first<T>(
        &self,
        layer: &str,
        class: &str,
        ask: impl Fn(&Settings) -> Option<T>,
    ) -> Option<T> {
        self.scopes(layer, class).into_iter().flatten().find_map(ask)
    }

    /// The settings that hold for a layer, the most specific ones first and `Model`'s last.
    fn scopes(&self, layer: &str, class: &str) -> [Option<&Settings>; 4] {
        [
            find(&self.layer_names, layer),
            find(&self.layer_types, class),
            find(&self.layer_types, float_class(class)),
            Some(&self.model),
        ]
    }
}

impl Settings {
    /// The type set for `variable`, else the one set for every variable.
    fn precision_of(&self, variable: Variable) -> Option<Quantization> {
        let default = variable.takes_default().then_some(&Variable::Default);
        self.precision.get(&variable).or_else(|| self.precision.get(default?)).copied()
    }
}

/// The entry for `word`: of several that differ in letter case alone, the one spelled the same.
fn find<'a>(scopes: &'a Scopes, word: &str) -> Option<&'a Settings> {
    let exact = scopes.iter().find(|(known, _)| known == word);
    exact
        .or_else(|| scopes.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)))
        .map(|(_, settings)| settings)
}

/// Whether `word` is one of `words`, in any letter case.
fn is_in(word: &str, words: &[&str]) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// The layer and the activation behind hls4ml's name of an activation inside of a layer:
/// `fc_relu`, or `fc_quantized_relu(6)`.
fn inner_activation<'a>(name: &'a str, layers: &[&'a str]) -> Option<(&'a str, &'a str)> {
    layers.iter().find_map(|layer| {
        let activation = name.strip_prefix(layer)?.strip_prefix('_')?;
        let bare = activation.split('(').next().unwrap_or(activation);
        ACTIVATIONS.contains(&bare).then_some((*layer, bare))
    })
}

/// hls4ml's class of a Keras class: `Dense` of `QDense`, `Input` of `InputLayer`.
fn float_class(class: &str) -> &str {
    if class == "InputLayer" {
        return "Input";
    }
    class
        .strip_prefix('Q')
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
        .unwrap_or(class)
}
