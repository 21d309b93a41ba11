//! From a configuration file to settings.

use super::{LayerSettings, Settings, SoftmaxSettings};
use crate::config::{Config, ConfigError, Variable};
use crate::fixed::{Overflow, Quantization, Rounding};
use crate::model::{LayerKind, Model};

impl Settings {
    /// The settings that `config` makes for `model`.
    ///
    /// A precision for all layers (`Model`) is what parameters and results without a quantizer are
    /// cut to. Only one for a layer or its class changes what a quantizer or a softmax decides.
    ///
    /// # Errors
    /// If `config` names a layer that `model` lacks, or modes for an input that samples do not follow.
    pub fn configured(config: &Config, model: &Model) -> Result<Self, ConfigError> {
        let named: Vec<(&str, &str)> = model
            .graph
            .node_weights()
            .map(|layer| (layer.name.as_str(), layer.class.as_str()))
            .collect();
        config.check_layers(&named)?;
        let mut settings = Self::default();
        if let Some(precision) = config.default_precision() {
            settings.precision = precision;
        }
        for layer in model.graph.node_weights() {
            let (name, class) = (layer.name.as_str(), layer.class.as_str());
            let own = |variable| config.own_precision_of(name, class, variable);
            if let LayerKind::Input { .. } = layer.kind {
                if let Some(precision) = own(Variable::Result) {
                    check_modes(name, &precision)?;
                    settings.inputs.insert(name.into(), precision.format);
                }
                continue;
            }
            let softmax = settings.softmax.with(config, name, own(Variable::Result));
            settings.layers.insert(
                name.into(),
                LayerSettings {
                    weight: own(Variable::Weight),
                    bias: own(Variable::Bias),
                    scale: own(Variable::Scale),
                    result: own(Variable::Result),
                    softmax: (softmax != settings.softmax).then_some(softmax),
                },
            );
        }
        Ok(settings)
    }
}

/// Refuses a type whose modes are others than those by which samples become numbers of it. A type
/// without modes has ap_fixed's own, TRN and WRAP, and says nothing by them.
fn check_modes(layer: &str, precision: &Quantization) -> Result<(), ConfigError> {
    match (precision.rounding, precision.overflow) {
        (Rounding::Trn, Overflow::WRAP) | (Rounding::RndConv, Overflow::Sat) => Ok(()),
        (rounding, overflow) => Err(ConfigError::InputModes {
            layer: layer.into(),
            modes: format!("{} and {}", rounding.name(), overflow.name()),
        }),
    }
}

impl SoftmaxSettings {
    /// What `config` says of the softmax of `layer`, these settings elsewhere.
    fn with(&self, config: &Config, layer: &str, result: Option<Quantization>) -> Self {
        let said = config.softmax(layer);
        let address = |size: usize| size.ilog2();
        Self {
            skip: said.skip.unwrap_or(self.skip),
            exp_address: said.table_size.map_or(self.exp_address, address),
            inverse_address: said.table_size.map_or(self.inverse_address, address),
            exp_table: said.exp_table.or(self.exp_table),
            inverse_table: said.inv_table.or(self.inverse_table),
            result: result.or(self.result),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Outcome, chain};
    use super::*;

    #[test]
    fn an_input_has_no_modes_but_its_own() -> Outcome {
        let model = chain(2, vec![("flat", LayerKind::Flatten)]);
        let configured = |precision: &str| -> Result<Settings, ConfigError> {
            let text = format!("LayerName: {{x: {{Precision: '{precision}'}}}}");
            Settings::configured(&Config::parse(&text)?, &model)
        };
        for precision in ["fixed<8,3>", "fixed<8,3,RND_CONV,SAT>"] {
            assert_eq!(configured(precision)?.inputs["x"], "fixed<8,3>".parse()?);
        }
        let message = "the type of input 'x': samples are rounded half to even and saturated, not as \
                       RND and SAT say";
        let error = configured("fixed<8,3,RND,SAT>").err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some(message));
        Ok(())
    }
}
