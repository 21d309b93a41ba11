//! What the model does not decide.

use std::collections::BTreeMap;

use super::LowerError;
use crate::fixed::{Format, Overflow, Quantization, Rounding, Signedness};
use crate::model::Model;

/// What the model does not decide: the formats of its inputs, types for what has no quantizer, and
/// the tables of softmax.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The format of inputs that `inputs` does not name.
    pub input: Format,
    /// The formats of single inputs, by name.
    pub inputs: BTreeMap<String, Format>,
    /// Settings of single layers, by name.
    pub layers: BTreeMap<String, LayerSettings>,
    /// The type of parameters and results without a quantizer, where a layer has none of its own.
    pub precision: Quantization,
    /// Softmax tables where a layer has none of its own.
    pub softmax: SoftmaxSettings,
}

/// Settings of one layer; `None` leaves the choice to the quantizers and to [`Settings`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerSettings {
    /// The type of a kernel without a quantizer.
    pub weight: Option<Quantization>,
    /// The type of a bias without a quantizer.
    pub bias: Option<Quantization>,
    /// The type of the kernel's real-valued scale, which else keeps the 24 bits of float32.
    pub scale: Option<Quantization>,
    /// The type of the layer's sum or result.
    pub result: Option<Quantization>,
    /// The layer's softmax.
    pub softmax: Option<SoftmaxSettings>,
}

/// How softmax is computed.
#[derive(Clone, Debug, PartialEq)]
pub struct SoftmaxSettings {
    /// Leave it out: the network's output is what softmax would have taken.
    pub skip: bool,
    /// The most address lines of a table of exponentials.
    pub exp_address: u32,
    /// Address lines of the table of reciprocals.
    pub inverse_address: u32,
    /// The type of exponentials, which else have 12 bits more than probabilities.
    pub exp_table: Option<Quantization>,
    /// The type of reciprocals in the table, before they are refined.
    pub inverse_table: Option<Quantization>,
    /// The type of the probabilities: 16 bits if nothing is said, more where other layers take them.
    pub result: Option<Quantization>,
}

/// hls4ml's default type.
const DEFAULT: Format = Format::literal(Signedness::Signed, 16, 6);

impl Default for Settings {
    /// Inputs of `fixed<16,6>`, floats cut to `fixed<16,6>` as hls4ml's, and softmax tables of 1024
    /// entries at most.
    fn default() -> Self {
        Self {
            input: DEFAULT,
            inputs: BTreeMap::new(),
            layers: BTreeMap::new(),
            precision: Quantization::new(DEFAULT, Rounding::Trn, Overflow::WRAP),
            softmax: SoftmaxSettings {
                skip: false,
                exp_address: 10,
                inverse_address: 10,
                exp_table: None,
                inverse_table: None,
                result: None,
            },
        }
    }
}

impl Settings {
    /// The format of input `name`.
    pub fn input_format(&self, name: &str) -> Format {
        self.inputs.get(name).copied().unwrap_or(self.input)
    }

    /// The settings of layer `name`, if it has any.
    pub fn layer(&self, name: &str) -> Option<&LayerSettings> {
        self.layers.get(name)
    }

    /// How the softmax of layer `name` is computed.
    pub fn softmax_of(&self, name: &str) -> &SoftmaxSettings {
        self.layer(name).and_then(|layer| layer.softmax.as_ref()).unwrap_or(&self.softmax)
    }

    /// Refuses formats for inputs that `model` lacks.
    pub(super) fn check(&self, model: &Model) -> Result<(), LowerError> {
        let known: Vec<&str> = model.inputs.iter().map(|i| model.graph[*i].name.as_str()).collect();
        match self.inputs.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => {
                Err(LowerError::UnknownInput { name: name.clone(), known: known.join(", ") })
            }
            None => Ok(()),
        }
    }
}
