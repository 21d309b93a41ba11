//! Which of the settings holds for a layer: `LayerName`, else `LayerType`, else `Model`.

use super::error::nearest;
use super::keys::CLASSES;
use super::settings::{Scopes, Settings, Variable};
use super::{Config, ConfigError};
use crate::fixed::Quantization;

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
        self.first(layer, class, |settings| {
            let default = variable.takes_default().then_some(&Variable::Default);
            let precision = &settings.precision;
            precision.get(&variable).or_else(|| precision.get(default?)).copied()
        })
    }

    /// The type set for `variable` by its own key, no `default` counted in: what the user asked for
    /// even where the model's quantizers say something already.
    pub fn explicit_precision_of(
        &self,
        layer: &str,
        class: &str,
        variable: Variable,
    ) -> Option<Quantization> {
        self.first(layer, class, |settings| settings.precision.get(&variable).copied())
    }

    /// The reuse factor set for a layer, at least 1.
    pub fn reuse_factor(&self, layer: &str, class: &str) -> Option<u64> {
        self.first(layer, class, |settings| settings.reuse_factor)
    }

    /// What is set for a softmax. hls4ml gives every softmax the class `Softmax`, also one that
    /// Keras calls an `Activation`.
    pub fn softmax(&self, layer: &str) -> SoftmaxSettings {
        let class = "Softmax";
        SoftmaxSettings {
            table_size: self.first(layer, class, |settings| settings.table_size),
            exp_table: self.precision_of(layer, class, Variable::ExpTable),
            inv_table: self.precision_of(layer, class, Variable::InvTable),
            skip: self.first(layer, class, |settings| settings.skip),
        }
    }

    /// Checks that every layer and class that the file names exists.
    ///
    /// `layers` are names and Keras classes. The activation inside of a layer is one more layer
    /// to hls4ml, `fc1_relu` for example: name it here where it can be set.
    ///
    /// # Errors
    /// If `LayerName` has a name that `layers` does not have, or `LayerType` a class that neither
    /// `layers` nor hls4ml has.
    pub fn check_layers(&self, layers: &[(&str, &str)]) -> Result<(), ConfigError> {
        let known = |word: &str, words: &[&str]| words.iter().any(|w| w.eq_ignore_ascii_case(word));
        let names: Vec<&str> = layers.iter().map(|(name, _)| *name).collect();
        if let Some((name, _)) = self.layer_names.iter().find(|(name, _)| !known(name, &names)) {
            return Err(ConfigError::UnknownLayer {
                name: name.clone(),
                nearest: nearest(name, names.iter().copied()).map(str::to_owned),
                known: names.join(", "),
            });
        }
        let mut classes: Vec<&str> = layers.iter().map(|(_, class)| *class).collect();
        classes.sort_unstable();
        classes.dedup();
        let class_exists = |class: &str| known(class, &classes) || known(class, CLASSES);
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
        let scopes = [
            find(&self.layer_names, layer),
            find(&self.layer_types, class),
            find(&self.layer_types, float_class(class)),
            Some(&self.model),
        ];
        scopes.into_iter().flatten().find_map(ask)
    }
}

/// The entry for `word`: of several that differ in letter case alone, the one spelled the same.
fn find<'a>(scopes: &'a Scopes, word: &str) -> Option<&'a Settings> {
    let exact = scopes.iter().find(|(known, _)| known == word);
    exact
        .or_else(|| scopes.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)))
        .map(|(_, settings)| settings)
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
