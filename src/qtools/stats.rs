//! Operations, weights and zeros of every layer: QKeras' `print_qstats`, and the table of quantizers of
//! `print_qmodel_summary`.
//!
//! Source: `estimate.py`, `get_model_sparsity` in `utils.py`, and `autoqkeras/utils.py` of QKeras (June
//! 2025).

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};

use super::QtoolsError;
use super::data_type::{DataType, Form};
use super::graph::{MatrixRule, Network, Node, Rule, Source, is_quantized};
use super::parameters::{Parameter, parameters};
use crate::ir::Graph;
use crate::model::{Activation, Conv, Layer, LayerKind, Matrix, Model};
use crate::quantizer::{Quantizer, QuantizerError};

/// Statistics of a model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Statistics {
    /// Operations of each layer of QKeras with a kernel: `extract_model_operations`.
    #[serde(serialize_with = "by_layer")]
    pub operations: Vec<LayerOperations>,
    /// Number of operations by their kind, sorted: `smult_4_8`.
    pub operation_types: BTreeMap<String, usize>,
    /// Bits of all weights and biases of these layers.
    pub total_bits: usize,
    /// Share of zeros among the quantized weights and biases of each layer of QKeras with a kernel.
    #[serde(serialize_with = "shares")]
    pub sparsity: Vec<(String, f64)>,
    /// The same of all of these layers.
    pub total_sparsity: f64,
    /// Quantizers of every layer that has some.
    pub summary: Vec<SummaryRow>,
}

/// Type of a quantizer in QKeras' statistics: mode, bits, and 1 for a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Row or column of the table of operations.
    pub form: Form,
    /// Bits.
    pub bits: i64,
    /// True if QKeras counts a sign.
    pub is_signed: bool,
}

/// Operations of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerOperations {
    /// Name of the layer.
    pub layer: String,
    /// Operation of a weight and an input: `mult`, `barrel`, `adder`, `mux`, `xor`, `fmult`.
    pub operation: &'static str,
    /// Types of a weight and of an input.
    pub types: [Mode; 2],
    /// Operations for one sample.
    pub number_of_operations: usize,
    /// Weights and their type; two kernels of a separable convolution.
    pub weights: Vec<(usize, Mode)>,
    /// Biases and their type.
    pub bias: (usize, Mode),
}

/// Quantizers of a layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SummaryRow {
    /// Name of the layer.
    pub layer: String,
    /// Class of the layer.
    pub class: String,
    /// Units or filters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outputs: Option<usize>,
    /// Quantizer of each parameter, by the name of its variable.
    pub quantizers: Vec<(&'static str, String)>,
    /// Other quantizers and the activation, as QKeras writes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation: Option<String>,
}

impl LayerOperations {
    /// QKeras' name of the operation with its bits: `smult_4_8`.
    pub fn name(&self) -> String {
        let [weight, x] = self.types;
        let sign = if weight.is_signed || x.is_signed { "s" } else { "u" };
        format!("{sign}{}_{}_{}", self.operation, weight.bits, x.bits)
    }

    /// Bits of weights and biases.
    pub fn bits(&self) -> usize {
        let all = self.weights.iter().chain([&self.bias]);
        all.map(|(count, mode)| count * usize::try_from(mode.bits).unwrap_or(0)).sum()
    }
}

impl Mode {
    const FLOAT: Self = Self { form: Form::Float, bits: 32, is_signed: true };
    /// QKeras' assumption about an input, `quantized_relu(8,0)`.
    const INPUT: Self = Self { form: Form::Fixed, bits: 8, is_signed: false };

    /// QKeras' `get_quant_mode`. Two bits with one integer bit are -1, 0 and 1. Quantizers that QKeras
    /// does not know there, and fails for, have the mode of their type.
    fn of(quantizer: Option<&Quantizer>) -> Self {
        let Some(of_type) = quantizer.and_then(DataType::of_quantizer) else { return Self::FLOAT };
        let is_two_bits = of_type.bits == 2 && of_type.int_bits == 1;
        match quantizer {
            Some(Quantizer::Bits(_) | Quantizer::Ulaw(_)) => Self {
                form: if is_two_bits { Form::Ternary } else { Form::Fixed },
                bits: of_type.bits,
                is_signed: true,
            },
            Some(Quantizer::Relu(_)) => {
                Self { form: of_type.form, bits: of_type.bits, is_signed: false }
            }
            // Only bernoulli counts as 0 and 1.
            Some(Quantizer::Binary(_)) if of_type.name != "bernoulli" => {
                Self { form: Form::Binary, bits: 1, is_signed: true }
            }
            Some(
                Quantizer::Linear(_)
                | Quantizer::Po2(_)
                | Quantizer::Ternary(_)
                | Quantizer::Binary(_)
                | Quantizer::Sigmoid(_)
                | Quantizer::Hswish(_)
                | Quantizer::Function(_),
            ) => {
                Self { form: of_type.form, bits: of_type.bits, is_signed: of_type.sign.is_signed() }
            }
            None => Self::FLOAT,
        }
    }

    fn number(self) -> u8 {
        match self.form {
            Form::Fixed => 0,
            Form::PowerOfTwo => 1,
            Form::Ternary => 2,
            Form::Binary => 3,
            Form::ZeroOne => 4,
            Form::Float => 5,
        }
    }
}

/// QKeras' `wx_table`.
fn operation(weight: Form, x: Form) -> &'static str {
    use Form::{Binary, Fixed, Float, PowerOfTwo, Ternary, ZeroOne};
    match (weight, x) {
        (Float, _) | (_, Float) => "fmult",
        (Fixed, Fixed) => "mult",
        (Fixed, PowerOfTwo) | (PowerOfTwo, Fixed) => "barrel",
        (PowerOfTwo, PowerOfTwo) => "adder",
        (PowerOfTwo, Binary) | (Binary, PowerOfTwo) => "xor",
        (Fixed | PowerOfTwo, Ternary | Binary | ZeroOne)
        | (Ternary | Binary | ZeroOne, Fixed | PowerOfTwo)
        | (Ternary, Ternary | Binary)
        | (Binary, Ternary) => "mux",
        (Ternary, ZeroOne) | (ZeroOne, Ternary) => "xor",
        (Binary | ZeroOne, Binary | ZeroOne) => "xor",
    }
}

impl Statistics {
    /// The statistics of `model`. Shapes are those of its layers' results in `graph`.
    ///
    /// # Errors
    /// As [`super::TypeMap::new`], and if a quantizer cannot act on weights.
    pub fn new(model: &Model, graph: &Graph) -> Result<Self, QtoolsError> {
        let network = Network::new(model, graph)?;
        let mut modes: HashMap<usize, Mode> = HashMap::new();
        let mut operations: HashMap<usize, LayerOperations> = HashMap::new();
        for &position in &network.order {
            let node = &network.layers[position];
            let x = match node.sources.first() {
                Some(Source::Layer(producer)) => {
                    modes.get(producer).copied().unwrap_or(Mode::FLOAT)
                }
                Some(Source::Input(_)) | None => Mode::INPUT,
            };
            modes.insert(position, result_mode(node, x));
            if let Some(found) = layer_operations(node, x) {
                operations.insert(position, found);
            }
        }
        let mut in_order: Vec<(usize, LayerOperations)> = operations.into_iter().collect();
        in_order.sort_by_key(|(position, _)| *position);
        // A later call of a layer has the parameters of the first one.
        let has_own = |position: usize| network.layers[position].has_own_parameters();
        let own = in_order.iter().filter(|(position, _)| has_own(*position));
        let total_bits = own.map(|(_, operations)| operations.bits()).sum();
        let operations: Vec<LayerOperations> = in_order.into_iter().map(|(_, it)| it).collect();
        let mut operation_types = BTreeMap::new();
        for layer in operations.iter().filter(|it| it.number_of_operations > 0) {
            *operation_types.entry(layer.name()).or_insert(0) += layer.number_of_operations;
        }
        let is_counted =
            |node: &&Node<'_>| node.has_own_parameters() && is_sparse(&node.layer.class);
        let counts = network.layers.iter().filter(is_counted);
        let counts: Vec<(String, Zeros)> =
            counts.map(|node| Zeros::of(node.layer)).collect::<Result<_, _>>()?;
        let counts: Vec<_> = counts.into_iter().filter(|(_, zeros)| zeros.all > 0).collect();
        let total = counts.iter().fold(Zeros::default(), |sum, (_, zeros)| Zeros {
            zeros: sum.zeros + zeros.zeros,
            all: sum.all + zeros.all,
        });
        Ok(Self {
            total_bits,
            operations,
            operation_types,
            sparsity: counts.into_iter().map(|(name, zeros)| (name, zeros.share())).collect(),
            total_sparsity: total.share(),
            summary: network.layers.iter().filter_map(summary).collect(),
        })
    }
}

/// Zeros among weights.
#[derive(Clone, Copy, Debug, Default)]
struct Zeros {
    zeros: usize,
    all: usize,
}

impl Zeros {
    /// The zeros among the quantized parameters of `layer`. Those that batch normalization is folded into
    /// are counted before their quantizers, as in QKeras.
    fn of(layer: &Layer) -> Result<(String, Self), QtoolsError> {
        let mut count = Self::default();
        for Parameter { values, quantizer, is_stored, variable } in parameters(layer) {
            count.all += values.len();
            let zeros = match quantizer.filter(|_| is_stored) {
                None => values.iter().filter(|value| **value == 0.0).count(),
                Some(quantizer) => {
                    let refused = |error: QuantizerError| QtoolsError::Quantizer {
                        layer: layer.name.clone(),
                        variable,
                        error: Box::new(error),
                    };
                    let quantized = quantizer.quantize(&values.view()).map_err(refused)?;
                    quantized.iter().filter(|value| **value == 0.0).count()
                }
            };
            count.zeros += zeros;
        }
        Ok((layer.name.clone(), count))
    }

    fn share(self) -> f64 {
        if self.all == 0 { 0.0 } else { self.zeros as f64 / self.all as f64 }
    }
}

/// True for a class whose zeros QKeras counts.
fn is_sparse(class: &str) -> bool {
    const CLASSES: [&str; 14] = [
        "QDense",
        "QConv1D",
        "QConv2D",
        "QDepthwiseConv2D",
        "QSeparableConv1D",
        "QSeparableConv2D",
        "QOctaveConv2D",
        "QSimpleRNN",
        "QLSTM",
        "QGRU",
        "QConv2DTranspose",
        "QConv2DBatchnorm",
        "QDepthwiseConv2DBatchnorm",
        "QDenseBatchnorm",
    ];
    CLASSES.contains(&class)
}

/// The mode of a layer's result: QKeras' `create_activation_cache`.
fn result_mode(node: &Node<'_>, x: Mode) -> Mode {
    match node.rule() {
        Rule::Activation if node.layer.class != "Activation" => {
            Mode::of(node.output_quantizer().as_ref())
        }
        Rule::Matrix(_) if is_quantized(&node.layer.class) && !is_transposed(node) => {
            Mode::of(node.output_quantizer().as_ref())
        }
        Rule::Activation
        | Rule::Matrix(_)
        | Rule::Merge(_)
        | Rule::Shape
        | Rule::Average { .. }
        | Rule::BatchNorm(_)
        | Rule::Other => x,
    }
}

fn is_transposed(node: &Node<'_>) -> bool {
    node.layer.class.ends_with("Transpose")
}

fn layer_operations(node: &Node<'_>, x: Mode) -> Option<LayerOperations> {
    let class = node.layer.class.as_str();
    let kind = node.layer.kind.inner();
    let positions: usize = node.shape.iter().rev().skip(1).product();
    let (number_of_operations, weights, bias) = if let Rule::Matrix(matrix) = node.rule() {
        if !is_quantized(class) || is_transposed(node) {
            return None;
        }
        let MatrixRule { kernel, kernel_quantizer, bias_quantizer, biases, .. } = &matrix;
        let elements: usize = kernel.iter().product();
        let outputs = node.shape.last().copied().unwrap_or(1);
        // QKeras counts the weights of a depthwise kernel as those of a full one.
        let (operations, weights) = match matrix.is_depthwise {
            true => {
                (positions * matrix.taps * matrix.channels, matrix.taps * matrix.channels * outputs)
            }
            false => (positions * outputs * matrix.taps * matrix.channels, elements),
        };
        let weights = vec![(weights, Mode::of(*kernel_quantizer))];
        (operations, weights, (*biases, Mode::of(*bias_quantizer)))
    } else if let Some(Matrix::Separable(pair)) = kind.matrix()
        && ["QSeparableConv1D", "QSeparableConv2D"].contains(&class)
    {
        let depthwise = pair.depthwise.kernel.values.len();
        let outputs = pair.pointwise.outputs;
        let mode = |conv: &Conv| Mode::of(conv.kernel.quantizer.as_ref());
        let weights = vec![
            (depthwise, mode(&pair.depthwise)),
            (pair.pointwise.kernel.values.len(), mode(&pair.pointwise)),
        ];
        let biases = pair.pointwise.bias.as_ref().map_or(0, |bias| bias.len());
        let bias = (biases, Mode::of(pair.pointwise.bias_quantizer.as_ref()));
        // QKeras counts one operation for an output of the pointwise kernel.
        (positions * depthwise + positions * outputs, weights, bias)
    } else {
        return None;
    };
    let weight = weights.first()?.1;
    Some(LayerOperations {
        layer: node.layer.name.clone(),
        operation: operation(weight.form, x.form),
        types: [weight, x],
        number_of_operations,
        weights,
        bias,
    })
}

fn summary(node: &Node<'_>) -> Option<SummaryRow> {
    let layer = node.layer;
    let kind = layer.kind.inner();
    let stated = parameters(layer).into_iter();
    let quantizers: Vec<(&'static str, String)> =
        stated.filter_map(|it| Some((it.variable, it.quantizer?.to_string()))).collect();
    let activation = if let LayerKind::Adaptive(adaptive) = kind {
        Some(adaptive.initial().to_string())
    } else if let Some(quantizer) = node.output_quantizer() {
        Some(quantizer.to_string())
    } else {
        match kind.activation() {
            None | Some(Activation::Linear | Activation::Quantizer(_)) => None,
            Some(Activation::Softmax) => Some("softmax".to_owned()),
            Some(Activation::Function(function)) => Some(function.to_string()),
        }
    };
    let outputs = match node.rule() {
        Rule::Matrix(matrix) if !matrix.is_depthwise => node.shape.last().copied(),
        Rule::Matrix(_)
        | Rule::Merge(_)
        | Rule::Shape
        | Rule::Average { .. }
        | Rule::Activation
        | Rule::BatchNorm(_)
        | Rule::Other => None,
    };
    let is_stated = !quantizers.is_empty() || activation.is_some();
    is_stated.then(|| SummaryRow {
        layer: layer.name.clone(),
        class: layer.class.clone(),
        outputs,
        quantizers,
        activation,
    })
}

impl Serialize for Mode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = serializer.serialize_seq(Some(3))?;
        all.serialize_element(&self.number())?;
        all.serialize_element(&self.bits)?;
        all.serialize_element(&u8::from(self.is_signed))?;
        all.end()
    }
}

impl Serialize for LayerOperations {
    /// QKeras' entry of `extract_model_operations`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde_json::{Value, json};
        let [weight, x] = self.types;
        let signs = [weight, x].map(|mode| u8::from(mode.is_signed));
        let counts: Vec<usize> = self.weights.iter().map(|(count, _)| *count).collect();
        let modes: Vec<Mode> = self.weights.iter().map(|(_, mode)| *mode).collect();
        let (counts, modes): (Value, Value) = match (&counts[..], &modes[..]) {
            ([count], [mode]) => (json!(count), json!(mode)),
            _ => (json!(counts), json!(modes)),
        };
        json!({
            "type": (
                self.operation, [weight.number(), x.number()], [weight.bits, x.bits], signs
            ),
            "number_of_operations": self.number_of_operations,
            "number_of_weights": counts,
            "number_of_bias": self.bias.0,
            "type_of_weights": modes,
            "type_of_bias": self.bias.1,
        })
        .serialize(serializer)
    }
}

fn by_layer<S: Serializer>(all: &[LayerOperations], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(all.iter().map(|it| (&it.layer, it)))
}

fn shares<S: Serializer>(all: &[(String, f64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(all.iter().map(|(layer, share)| (layer, share)))
}
