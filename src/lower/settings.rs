//! Settings of lowering: what the model leaves open.

use std::collections::BTreeMap;

use ndarray::ArrayD;
use serde::Serialize;

use super::LowerError;
use crate::config::{Config, ConfigError, Variable, WeightScale};
use crate::fixed::{Format, Overflow, Quantization, Rounding, Signedness};
use crate::function::Function;
use crate::model::{Activation, Layer, LayerKind, Model};

/// The formats of inputs, the types of parameters and results without a quantizer, and the tables
/// of softmax.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Format of inputs that are not in `inputs`.
    pub input: Format,
    /// Formats of single inputs, by name.
    pub inputs: BTreeMap<String, Format>,
    /// Settings of single layers, by name.
    pub layers: BTreeMap<String, LayerSettings>,
    /// Layers with the settings of another one, whose results they are, by name.
    pub results: BTreeMap<String, String>,
    /// Type of parameters and results without a quantizer, for layers without one of their own.
    pub precision: Quantization,
    /// Softmax of layers without settings of their own.
    pub softmax: SoftmaxSettings,
}

/// Settings of one layer; `None` leaves the choice to the quantizers and to [`Settings`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerSettings {
    /// Type of a kernel without a quantizer.
    pub weight: Option<Quantization>,
    /// Type of the depthwise kernel of a separable convolution, before `weight`.
    pub depthwise: Option<Quantization>,
    /// Type of the pointwise kernel of a separable convolution, before `weight`.
    pub pointwise: Option<Quantization>,
    /// Scale of a kernel without a quantizer, beside its type.
    pub weight_scale: WeightScale,
    /// Type of a bias without a quantizer.
    pub bias: Option<Quantization>,
    /// Numbers that are added to the biases of a layer without quantizers, one per output channel;
    /// none for no correction.
    pub bias_correction: Vec<f32>,
    /// Type of the kernel's real-valued scale; by default it keeps the 24 bits of float32.
    pub scale: Option<Quantization>,
    /// Type of the result of the layer's own operation, before a fused activation.
    pub result: Option<Quantization>,
    /// Type of the result of a fused activation.
    pub activation: Option<Quantization>,
    /// Types of the cells of a recurrent layer, which is the forward one, and of those of the backward
    /// layer of a bidirectional one.
    pub cells: [CellSettings; 2],
    /// The layer's softmax.
    pub softmax: Option<SoftmaxSettings>,
    /// True if the type of the result is `auto`: hls4ml then keeps every bit of a result that the
    /// network returns.
    pub infers_result: bool,
    /// True if a type of the result is written for this layer or its class: no batch normalisation is
    /// folded into it, because that would remove the result.
    pub has_own_result: bool,
    /// True if a type of the scale or the bias is written for this layer or its class: a batch
    /// normalisation is not folded, because that would remove both.
    pub has_own_scale: bool,
}

/// Types of the cells of one direction, before those of the layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CellSettings {
    /// Type of a kernel without a quantizer.
    pub weight: Option<Quantization>,
    /// Type of a bias without a quantizer.
    pub bias: Option<Quantization>,
    /// Type of a recurrent kernel without a quantizer.
    pub recurrent_weight: Option<Quantization>,
    /// Type of a bias of the products with the state without a quantizer.
    pub recurrent_bias: Option<Quantization>,
    /// Type of the states without a quantizer.
    pub state: Option<Quantization>,
}

/// A variable of a layer with a type in [`LayerSettings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TypedVariable {
    /// The kernel.
    Weight,
    /// The bias.
    Bias,
    /// The scale of sums, or of a batch normalization.
    Scale,
    /// The result of the layer's own operation.
    Result,
    /// The result of the activation fused into the layer.
    Activation,
}

impl TypedVariable {
    /// Its key under `Precision` in a configuration.
    pub fn key(self) -> &'static str {
        match self {
            Self::Weight => "weight",
            Self::Bias => "bias",
            Self::Scale => "scale",
            Self::Result | Self::Activation => "result",
        }
    }
}

impl LayerSettings {
    /// The type of `variable`.
    pub fn precision_mut(&mut self, variable: TypedVariable) -> &mut Option<Quantization> {
        match variable {
            TypedVariable::Weight => &mut self.weight,
            TypedVariable::Bias => &mut self.bias,
            TypedVariable::Scale => &mut self.scale,
            TypedVariable::Result => &mut self.result,
            TypedVariable::Activation => &mut self.activation,
        }
    }
}

/// A parameter or result without a quantizer, which has the type of its settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Unquantized {
    /// The layer.
    pub layer: String,
    /// Its name in a configuration: that of the layer, or of an activation fused into it.
    pub entry: String,
    /// Its variable.
    pub variable: TypedVariable,
    /// Its type.
    pub precision: Quantization,
    /// Its values before the type is applied, an array per kernel or bias of the layer; none for a
    /// result.
    pub values: Vec<ArrayD<f64>>,
}

/// Tables and types of a softmax.
#[derive(Clone, Debug, PartialEq)]
pub struct SoftmaxSettings {
    /// Removes softmax: the output of the network is its operand.
    pub skip: bool,
    /// Maximum address width of a table of exponentials.
    pub exp_address: u32,
    /// Address width of the table of reciprocals.
    pub inverse_address: u32,
    /// Type of exponentials; by default 12 bits more than probabilities have.
    pub exp_table: Option<Quantization>,
    /// Type of the table of reciprocals, before they are refined.
    pub inverse_table: Option<Quantization>,
    /// Type of the probabilities; by default 16 bits, more where other layers take them.
    pub result: Option<Quantization>,
}

/// The variables of the parameters of a recurrent layer: kernel, bias, those of the state.
const ONLY: [Variable; 4] =
    [Variable::Weight, Variable::Bias, Variable::RecurrentWeight, Variable::RecurrentBias];

/// Those of the forward layer of a bidirectional one.
const FORWARD: [Variable; 4] = [
    Variable::ForwardWeight,
    Variable::ForwardBias,
    Variable::ForwardRecurrentWeight,
    Variable::ForwardRecurrentBias,
];

/// Those of the backward layer of a bidirectional one.
const BACKWARD: [Variable; 4] = [
    Variable::BackwardWeight,
    Variable::BackwardBias,
    Variable::BackwardRecurrentWeight,
    Variable::BackwardRecurrentBias,
];

/// hls4ml's default type.
const DEFAULT: Format = Format::literal(Signedness::Signed, 16, 6);

impl Default for Settings {
    /// Inputs of `fixed<16,6>`, floats truncated to `fixed<16,6>` as in hls4ml, and softmax tables
    /// of at most 1024 entries.
    fn default() -> Self {
        Self {
            input: DEFAULT,
            inputs: BTreeMap::new(),
            layers: BTreeMap::new(),
            results: BTreeMap::new(),
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
    /// The settings in `config` for `model`.
    ///
    /// The `Precision` of `Model` is the type of parameters and results without a quantizer. A
    /// precision of a layer or its class takes precedence over quantizers and softmax.
    ///
    /// # Errors
    /// If `config` names a layer that `model` lacks, or a type for the table of a function.
    pub fn configured(config: &Config, model: &Model) -> Result<Self, ConfigError> {
        let layers = || model.graph.node_weights();
        let named: Vec<(&str, &str)> =
            layers().map(|layer| (layer.name.as_str(), layer.class.as_str())).collect();
        config.check_layers(&named)?;
        let mut settings = Self::default();
        if let Some(precision) = config.default_precision() {
            settings.precision = precision;
        }
        for layer in layers() {
            let (name, class) = (layer.name.as_str(), layer.class.as_str());
            if let LayerKind::Input { .. } = layer.kind {
                if let Some(precision) = config.own_precision_of(name, class, Variable::Result) {
                    settings.inputs.insert(name.into(), precision.format);
                }
                continue;
            }
            let first = model.first_result(layer);
            if first != name {
                settings.results.insert(name.into(), first.into());
                continue;
            }
            check_table(config, layer)?;
            let own = settings.of(config, layer);
            settings.layers.insert(name.into(), own);
        }
        Ok(settings)
    }

    fn of(&self, config: &Config, layer: &Layer) -> LayerSettings {
        let own = |variable| config.own_precision_of(&layer.name, &layer.class, variable);
        let result = own(Variable::Result);
        let activation = config.activation_precision_of(&layer.name, layer.kind.is_linear());
        // A layer that is nothing but an activation has its result under its own name.
        let is_activation = matches!(layer.kind, LayerKind::Activation(_));
        let probabilities = if is_activation { result } else { activation };
        let softmax = self.softmax.with(config, &layer.name, probabilities);
        let is_stated = |variable| config.states_precision(&layer.name, &layer.class, variable);
        let directions = match layer.kind.recurrent() {
            [_, _] => [FORWARD, BACKWARD],
            _ => [ONLY; 2],
        };
        LayerSettings {
            weight: own(Variable::Weight),
            depthwise: own(Variable::Depthwise),
            pointwise: own(Variable::Pointwise),
            weight_scale: config.weight_scale(&layer.name, &layer.class).unwrap_or_default(),
            bias: own(Variable::Bias),
            bias_correction: config.bias_correction(&layer.name).unwrap_or_default().to_vec(),
            scale: own(Variable::Scale),
            result,
            activation,
            softmax: (softmax != self.softmax).then_some(softmax),
            cells: directions.map(|[weight, bias, recurrent_weight, recurrent_bias]| {
                CellSettings {
                    weight: own(weight),
                    bias: own(bias),
                    recurrent_weight: own(recurrent_weight),
                    recurrent_bias: own(recurrent_bias),
                    state: own(Variable::State),
                }
            }),
            infers_result: config.infers_result(&layer.name, &layer.class),
            has_own_result: config.has_own_result(&layer.name, &layer.class),
            has_own_scale: is_stated(Variable::Scale) || is_stated(Variable::Bias),
        }
    }

    /// The format of input `name`.
    pub fn input_format(&self, name: &str) -> Format {
        self.inputs.get(name).copied().unwrap_or(self.input)
    }

    /// The settings of layer `name`, if it has any.
    pub fn layer(&self, name: &str) -> Option<&LayerSettings> {
        self.layers.get(self.results.get(name).map_or(name, String::as_str))
    }

    /// The settings of layer `name` for the kernel with the quantizer `attribute`: hls4ml has keys of
    /// their own for the two kernels of a separable convolution.
    pub(super) fn of_kernel(&self, name: &str, attribute: &str) -> LayerSettings {
        let mut settings = self.layer(name).cloned().unwrap_or_default();
        let own = match attribute {
            "depthwise_quantizer" => settings.depthwise,
            "pointwise_quantizer" => settings.pointwise,
            _ => None,
        };
        settings.weight = own.or(settings.weight);
        settings
    }

    /// The settings of the softmax in layer `name`.
    pub fn softmax_of(&self, name: &str) -> &SoftmaxSettings {
        self.layer(name).and_then(|layer| layer.softmax.as_ref()).unwrap_or(&self.softmax)
    }

    /// Refuses formats for inputs that `model` lacks, and corrections of layers without a weight
    /// matrix.
    pub(super) fn check(&self, model: &Model) -> Result<(), LowerError> {
        let is_corrected = |layer: &&Layer| {
            self.layer(&layer.name).is_some_and(|own| !own.bias_correction.is_empty())
        };
        for layer in model.graph.node_weights().filter(is_corrected) {
            if layer.kind.matrix().is_none() {
                let fault = format!("has no effect: a {} has no weight matrix", layer.class);
                return Err(LowerError::Correction { layer: layer.name.clone(), fault });
            }
        }
        let known: Vec<&str> = model.inputs.iter().map(|i| model.graph[*i].name.as_str()).collect();
        match self.inputs.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => {
                Err(LowerError::UnknownInput { name: name.clone(), known: known.join(", ") })
            }
            None => Ok(()),
        }
    }
}

/// Refuses a type of the table of a function that hls4ml reads from a table, since it would change
/// the result. In other layers hls4ml does not use it.
fn check_table(config: &Config, layer: &Layer) -> Result<(), ConfigError> {
    let is_table = |activation: &Activation| match activation {
        Activation::Function(function) => !matches!(
            function,
            Function::Relu(_) | Function::HardTanh | Function::HardSigmoid { .. }
        ),
        Activation::Linear | Activation::Softmax | Activation::Quantizer(_) => false,
    };
    let cells = layer.kind.recurrent().iter().flat_map(|layer| &layer.cells);
    let mut functions = cells.flat_map(|cell| [&cell.activation, &cell.recurrent_activation]);
    let has_table = layer.kind.activation().is_some_and(is_table) || functions.any(is_table);
    let name = layer.name.as_str();
    let of = |name: &str, class: &str| config.own_precision_of(name, class, Variable::Table);
    let fused = || config.fused(name).find(|it| of(it.entry, "Activation").is_some());
    let entry = match of(name, &layer.class) {
        Some(_) => Some(name),
        None => fused().map(|it| it.entry),
    };
    match entry.filter(|_| has_table) {
        Some(entry) => Err(ConfigError::Unsupported {
            place: format!("Precision table of layer '{entry}'"),
            help: "remove the key: a table has the exact values of the function, in the type of \
                   'result'"
                .into(),
        }),
        None => Ok(()),
    }
}

impl SoftmaxSettings {
    /// The settings in `config` for the softmax of `layer`, and these where it has none.
    fn with(&self, config: &Config, layer: &str, result: Option<Quantization>) -> Self {
        let keys = config.softmax(layer);
        let address = |size: usize| size.ilog2();
        Self {
            skip: keys.skip.unwrap_or(self.skip),
            exp_address: keys.table_size.map_or(self.exp_address, address),
            inverse_address: keys.table_size.map_or(self.inverse_address, address),
            exp_table: keys.exp_table.or(self.exp_table),
            inverse_table: keys.inv_table.or(self.inverse_table),
            result: result.or(self.result),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Outcome, chain};
    use super::*;

    #[test]
    fn an_input_has_the_format_of_its_type_whatever_the_modes() -> Outcome {
        let model = chain(2, vec![("flat", LayerKind::Flatten)]);
        for text in [
            "LayerName: {x: {Precision: 'fixed<8,3>'}}",
            "LayerName: {x: {Precision: 'fixed<8,3,RND_CONV,SAT>'}}",
            "LayerName: {x: {Precision: {result: 'fixed<8,3,RND,SAT>'}}}",
            "Model: {Precision: {result: 'fixed<8,3,RND,SAT>'}}",
        ] {
            let settings = Settings::configured(&Config::parse(text)?, &model)?;
            assert_eq!(settings.inputs["x"], "fixed<8,3>".parse()?, "{text}");
        }
        Ok(())
    }

    #[test]
    fn the_type_of_a_functions_table_is_refused() -> Outcome {
        let tanh = LayerKind::Activation(Activation::Function(Function::Tanh));
        let hard = LayerKind::Activation(Activation::Function(Function::HardTanh));
        let model = chain(2, vec![("t", tanh), ("h", hard)]);
        let configured = |text: &str| -> Result<Settings, ConfigError> {
            Settings::configured(&Config::parse(text)?, &model)
        };
        configured("LayerName: {h: {Precision: {table: 'fixed<9,3>'}}}")?;
        configured("LayerName: {t: {Precision: {table: 'fixed<18,8,TRN,WRAP,0>'}}}")?;
        let message = "Precision table of layer 't' is not supported";
        for text in [
            "LayerName: {t: {Precision: {table: 'fixed<9,3>'}}}",
            "Model: {Precision: {table_t: 'fixed<9,3>'}}",
        ] {
            let error = configured(text).err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), Some(message), "{text}");
        }
        Ok(())
    }
}
