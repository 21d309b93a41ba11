//! QTools' data type map: the worst-case types of every layer.
//!
//! Source: `generate_layer_data_type_map.py` and `qgraph.py` of QKeras (June 2025).

use std::collections::{HashMap, HashSet};

use super::data_type::{DataType, Sign};
use super::fused::{self, Exponents, Fused, FusedNorm};
use super::graph::{MatrixRule, MergeRule, Network, Node, Rule, Source, is_quantized};
use super::operators::{BatchNormOperators, Gate, accumulator, adder, merge, multiplier};
use super::{Options, Parameters, QtoolsError};
use crate::ir::Graph;
use crate::model::{BatchNorm, LayerKind, Merge, Model};
use crate::quantizer::Quantizer;

/// Types of every layer of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeMap {
    /// Types of the model's inputs.
    pub sources: Vec<DataType>,
    /// The layers in QTools' order.
    pub layers: Vec<LayerTypes>,
}

/// Types of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerTypes {
    /// Name of the layer.
    pub name: String,
    /// Class of the layer.
    pub class: String,
    /// Position in the model file.
    pub position: usize,
    /// Types of its operands.
    pub inputs: Vec<DataType>,
    /// Shapes of one sample of its operands.
    pub input_shapes: Vec<Vec<usize>>,
    /// Type of its result.
    pub output: DataType,
    /// Shape of one sample of its result.
    pub shape: Vec<usize>,
    /// Parameters and operators.
    pub operators: Operators,
    /// Operations for a sample, as QTools counts them.
    pub operation_count: usize,
    /// Reads an input of the model.
    pub is_input: bool,
    /// No layer reads its result.
    pub is_output: bool,
    /// False for a later call of a layer, which has the parameters of the first one.
    pub has_own_parameters: bool,
}

/// Parameters and operators of a layer.
#[allow(clippy::large_enum_variant, reason = "a network has few of them")]
#[derive(Clone, Debug, PartialEq)]
pub enum Operators {
    /// None.
    None,
    /// An element-wise function of several tensors.
    Merge(Gate),
    /// An average over windows.
    Average {
        /// Type of the reciprocal of the window's size.
        reciprocal: Option<DataType>,
        /// Sum of a window.
        sum: DataType,
        /// Product of sum and reciprocal.
        multiplier: Option<Gate>,
    },
    /// Batch normalization.
    BatchNorm {
        /// Scale.
        gamma: DataType,
        /// Offset.
        beta: DataType,
        /// Moving mean.
        mean: DataType,
        /// Moving variance.
        variance: DataType,
        /// Number of channels.
        channels: usize,
        /// Operators.
        operators: BatchNormOperators,
    },
    /// Products with a kernel.
    Matrix {
        /// Type of the kernel.
        weight: DataType,
        /// Shape of the kernel in Keras.
        weight_shape: Vec<usize>,
        /// Type of the biases; `None` for a layer without.
        bias: Option<DataType>,
        /// Multiplier of a weight and an input.
        multiplier: Gate,
        /// Sum of products and bias.
        accumulator: DataType,
        /// Batch normalization is folded into the kernel.
        is_folded: bool,
        /// The batch normalization that is fused into the layer.
        norm: Option<FusedNorm>,
        /// The accumulator with the scales of the weights as far as they are known, behind the fused batch
        /// normalization.
        fused_accumulator: DataType,
    },
}

impl TypeMap {
    /// The types of `model`. Shapes are those of its layers' results in `graph`.
    ///
    /// # Errors
    /// If types of inputs are stated for another number of inputs, or a layer has no result.
    pub fn new(model: &Model, graph: &Graph, options: &Options) -> Result<Self, QtoolsError> {
        let network = Network::new(model, graph)?;
        let (sources, inputs) = (&options.sources, model.inputs.len());
        if sources.len() != inputs {
            return Err(QtoolsError::Sources { found: sources.len(), inputs });
        }
        let is_fused = options.is_fused && !options.is_reference;
        let fused = if is_fused { fused::pairs(&network) } else { HashMap::new() };
        let norms: HashSet<usize> = fused.values().copied().collect();
        let mut outputs: Vec<Option<DataType>> = vec![None; network.layers.len()];
        let mut layers = Vec::new();
        for &position in &network.order {
            let node = &network.layers[position];
            let input = |source: &Source| match source {
                Source::Input(input) => sources.get(*input).cloned(),
                Source::Layer(producer) => outputs[*producer].clone(),
            };
            let inputs: Vec<DataType> = node.sources.iter().filter_map(input).collect();
            let fusing = if norms.contains(&position) {
                Fusing::Norm
            } else {
                Fusing::Layer(fused.get(&position).map(|norm| &network.layers[*norm]))
            };
            let types = Typing { node, options, inputs, fusing }.types(position)?;
            outputs[position] = Some(types.output.clone());
            layers.push(types);
        }
        Ok(Self { sources: sources.clone(), layers })
    }
}

/// A layer whose types are derived.
struct Typing<'a, 'm> {
    node: &'a Node<'m>,
    options: &'a Options,
    inputs: Vec<DataType>,
    fusing: Fusing<'a, 'm>,
}

/// The part of a layer in fusing.
enum Fusing<'a, 'm> {
    /// A batch normalization that is fused into the layer before it.
    Norm,
    /// Any other layer, with the batch normalization that is fused into it.
    Layer(Option<&'a Node<'m>>),
}

impl Typing<'_, '_> {
    fn types(self, position: usize) -> Result<LayerTypes, QtoolsError> {
        let node = self.node;
        let name = node.layer.name.clone();
        let Some(first) = self.inputs.first() else {
            return Err(QtoolsError::NoOperand { layer: name });
        };
        let rule = node.rule();
        let (operators, derived) = match &rule {
            Rule::Merge(merge) => self.merge(*merge)?,
            Rule::Shape => (Operators::None, first.clone()),
            Rule::Average { window, quantizer } => self.average(first, window, *quantizer),
            Rule::Activation => (Operators::None, self.options.accumulator.clone()),
            Rule::BatchNorm(_) if matches!(self.fusing, Fusing::Norm) => {
                (Operators::None, first.clone())
            }
            Rule::BatchNorm(norm) => self.batch_norm(first, norm),
            Rule::Matrix(matrix) => self.matrix(first, matrix)?,
            Rule::Other if self.options.is_reference && !node.is_input => {
                (Operators::None, self.options.accumulator.clone())
            }
            Rule::Other => (Operators::None, first.clone()),
        };
        let stated = node.output_quantizer().filter(|_| !self.options.is_reference);
        let output = stated.as_ref().and_then(DataType::of_quantizer).unwrap_or(derived);
        Ok(LayerTypes {
            name,
            class: node.layer.class.clone(),
            position,
            operation_count: node.operation_count(&rule),
            inputs: self.inputs,
            input_shapes: node.input_shapes.clone(),
            output,
            shape: node.shape.clone(),
            operators,
            is_input: node.is_input,
            is_output: node.is_output,
            has_own_parameters: node.has_own_parameters(),
        })
    }

    /// True if the layer has the types of the options, not those of quantizers: a layer of Keras, and
    /// every one of the reference model.
    fn is_plain(&self) -> bool {
        self.options.is_reference || !is_quantized(&self.node.layer.class)
    }

    /// The type of a parameter with this quantizer; that of QTools' default without one.
    fn parameter(&self, quantizer: Option<&Quantizer>) -> DataType {
        if self.is_plain() {
            return self.options.parameter.clone();
        }
        quantizer.and_then(DataType::of_quantizer).unwrap_or_else(default_type)
    }

    fn merge(&self, rule: MergeRule) -> Result<(Operators, DataType), QtoolsError> {
        let inputs = &self.inputs;
        let product = || {
            let layer = || self.node.layer.name.clone();
            merge::multiply(inputs).ok_or_else(|| QtoolsError::OneOperand { layer: layer() })
        };
        let mut gate = match rule {
            MergeRule::Elementwise(Merge::Add) => merge::add(inputs),
            MergeRule::Elementwise(Merge::Subtract) => merge::subtract(inputs),
            MergeRule::Elementwise(Merge::Multiply) => product()?,
            MergeRule::Elementwise(Merge::Maximum | Merge::Minimum) => merge::select(inputs),
            MergeRule::Elementwise(Merge::Average) => merge::average(inputs),
            MergeRule::Concatenate => merge::concatenate(inputs),
            MergeRule::Dot { terms } => {
                let gate = product()?;
                let output = accumulator(terms, &gate.output, false);
                gate.with_output(&output)
            }
        };
        if self.options.is_reference {
            gate.output = self.options.accumulator.clone();
        }
        let output = gate.output.clone();
        Ok((Operators::Merge(gate), output))
    }

    fn average(
        &self,
        x: &DataType,
        window: &[usize],
        quantizer: Option<&Quantizer>,
    ) -> (Operators, DataType) {
        let mut sum = accumulator(window.iter().product(), x, false);
        let is_quantized = is_quantized(&self.node.layer.class);
        let reciprocal = is_quantized
            .then(|| quantizer.and_then(DataType::of_quantizer).unwrap_or_else(default_type));
        let mut product = reciprocal.as_ref().map(|reciprocal| multiplier(&sum, reciprocal));
        if self.options.is_reference {
            sum = self.options.accumulator.clone();
            product = product.map(|gate| gate.with_output(&sum));
        }
        let output = product.as_ref().map_or(&sum, |gate| &gate.output).clone();
        (Operators::Average { reciprocal, sum, multiplier: product }, output)
    }

    /// The types of offset and mean of a batch normalization: that of `x` for one without a quantizer.
    fn offsets(&self, x: &DataType, norm: &BatchNorm) -> [DataType; 2] {
        let quantizers = &norm.quantizers;
        [&quantizers.beta, &quantizers.mean].map(|quantizer| match quantizer.as_ref() {
            None if !self.is_plain() => x.clone(),
            quantizer => self.parameter(quantizer),
        })
    }

    /// The batch normalization that is fused into this layer with the operand `x`.
    fn fused_norm(&self, x: &DataType) -> Result<Option<Fused>, QtoolsError> {
        let Fusing::Layer(Some(node)) = self.fusing else { return Ok(None) };
        let LayerKind::BatchNorm(norm) = node.layer.kind.inner() else { return Ok(None) };
        let [beta, mean] = self.offsets(x, norm);
        let inverse = self.parameter(norm.quantizers.inverse.as_ref());
        let types = FusedNorm { beta, mean, inverse };
        Fused::new(types, node.layer, norm).map(Some)
    }

    fn batch_norm(&self, x: &DataType, norm: &BatchNorm) -> (Operators, DataType) {
        let quantizers = &norm.quantizers;
        let mut gamma = self.parameter(quantizers.gamma.as_ref());
        let [beta, mean] = self.offsets(x, norm);
        let mut variance = self.parameter(quantizers.variance.as_ref());
        if let Some(values) = &norm.gamma {
            self.count(&mut gamma, quantizers.gamma.as_ref(), values.iter());
        }
        self.count(&mut variance, quantizers.variance.as_ref(), norm.variance.iter());
        let mut operators = BatchNormOperators::new(
            x,
            norm.gamma.is_some().then_some(&gamma),
            norm.beta.is_some().then_some(&beta),
            &variance,
        );
        if self.is_plain() {
            operators = operators.with_output(&self.options.accumulator);
        }
        let output = operators.output().clone();
        let channels = norm.mean.len();
        (Operators::BatchNorm { gamma, beta, mean, variance, channels, operators }, output)
    }

    fn matrix(
        &self,
        x: &DataType,
        matrix: &MatrixRule<'_>,
    ) -> Result<(Operators, DataType), QtoolsError> {
        let mut weight = self.parameter(matrix.kernel_quantizer);
        self.count(&mut weight, matrix.kernel_quantizer, matrix.weights.iter());
        let mut gate = multiplier(&weight, x);
        let norm = self.fused_norm(x)?;
        let exponents = match self.options.is_fused && !self.is_plain() {
            true => Exponents::of_kernel(self.node.layer)?,
            false => Exponents::default(),
        };
        let scaled = exponents.scale(&gate.output);
        // QTools has the scales in the product or, of a layer by itself, in the fused accumulator alone.
        if matrix.is_folded || norm.is_some() {
            gate = gate.with_output(&scaled);
        }
        let (bias, mut sum, mut fused) = if matrix.is_folded {
            let (bias, sum) = self.folded_sum(matrix, &gate.output);
            (bias, sum.clone(), sum)
        } else {
            let bias = (matrix.biases > 0).then(|| self.parameter(matrix.bias_quantizer));
            let biased = |product: &DataType| {
                let sum = accumulator(matrix.terms(), product, false);
                bias.as_ref().map(|bias| adder(&sum, bias)).unwrap_or(sum)
            };
            let (sum, fused) = (biased(&gate.output), biased(&scaled));
            (bias, sum, fused)
        };
        if self.is_plain() {
            sum = self.options.accumulator.clone();
            gate = gate.with_output(&sum);
            fused = sum.clone();
        }
        let mut output = sum.clone();
        if let Some(norm) = &norm {
            let products = accumulator(matrix.terms(), &gate.output, false);
            fused = norm.accumulator(&products, bias.as_ref());
            output = fused.clone();
        }
        let operators = Operators::Matrix {
            weight,
            weight_shape: matrix.kernel.clone(),
            bias,
            multiplier: gate,
            accumulator: sum,
            is_folded: matrix.is_folded,
            norm: norm.map(|norm| norm.types),
            fused_accumulator: fused,
        };
        Ok((operators, output))
    }

    /// Bias and sum of a layer into which batch normalization is folded: a bias without a quantizer has
    /// the type of the products' sum.
    fn folded_sum(
        &self,
        matrix: &MatrixRule<'_>,
        product: &DataType,
    ) -> (Option<DataType>, DataType) {
        let stated = self.is_plain() || matrix.bias_quantizer.is_some();
        let mut sum = accumulator(matrix.terms(), product, stated);
        if stated {
            return (Some(self.parameter(matrix.bias_quantizer)), sum);
        }
        let bias = sum.clone();
        if !sum.is_float() {
            sum.bits += 1;
            sum.int_bits += 1;
        }
        (Some(bias), sum)
    }

    /// Counts the values of trained powers of two, which are constants at inference.
    fn count<'v>(
        &self,
        of: &mut DataType,
        quantizer: Option<&Quantizer>,
        values: impl Iterator<Item = &'v f32>,
    ) {
        if self.options.parameters == Parameters::Trained
            && of.is_po2()
            && let Some(quantizer) = quantizer
        {
            let quantized = values.map(|value| quantizer.apply(f64::from(*value)).to_bits());
            of.distinct = Some(quantized.collect::<HashSet<u64>>().len());
        }
    }
}

/// QTools' `default_interm_quantizer`, `quantized_bits(8, 0, 1)`.
fn default_type() -> DataType {
    DataType::fixed(8, 0, Sign::Flag(true))
}

impl LayerTypes {
    /// The sum of its products, of its operands, or of a window; `None` without one, and for floating
    /// point.
    pub fn sum(&self) -> Option<&DataType> {
        let sum = match &self.operators {
            Operators::None => None,
            Operators::Merge(gate) => Some(&gate.output),
            Operators::Average { sum, .. } => Some(sum),
            Operators::BatchNorm { operators, .. } => Some(operators.output()),
            Operators::Matrix { accumulator, .. } => Some(accumulator),
        };
        sum.filter(|sum| !sum.is_float())
    }
}
