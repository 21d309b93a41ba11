//! The forgiving factor of AutoQKeras: the accuracy that a model may lose for what it saves beside a
//! reference model.
//!
//! Source: `autoqkeras/forgiving_metrics` of QKeras (June 2025).

use serde::Serialize;

use super::QtoolsError;
use super::data_type::DataType;
use super::graph::{Network, Node, Rule, base, is_quantized};
use crate::function::Function;
use crate::ir::Graph;
use crate::model::{Activation, BatchNorm, LayerKind, Model};
use crate::quantizer::Quantizer;

/// Parameters of a forgiving factor.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Forgiveness {
    /// Accuracy in percent that a model `rate` times smaller than the reference may lose.
    pub delta_p: f64,
    /// Accuracy in percent that a model `rate` times larger must gain.
    pub delta_n: f64,
    /// Ratio of sizes for these accuracies.
    pub rate: f64,
    /// Factor of the size of the reference, for bits.
    pub stress: f64,
}

impl Default for Forgiveness {
    /// 8 % for half the size.
    fn default() -> Self {
        Self { delta_p: 8.0, delta_n: 8.0, rate: 2.0, stress: 1.0 }
    }
}

/// A model beside its reference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Size of the model: bits, or pJ.
    pub trial_size: f64,
    /// Size of the reference model.
    pub reference_size: f64,
    /// Accuracy that the model may lose, 0.08 for 8 %; negative for one that it must gain. `None` if a
    /// size is 0.
    pub delta: Option<f64>,
    /// (trial - reference) / reference; `None` for a reference of size 0.
    pub total_factor: Option<f64>,
}

impl Forgiveness {
    /// Compares two sizes.
    pub fn compare(&self, trial_size: f64, reference_size: f64) -> Comparison {
        let percent = if trial_size < reference_size { self.delta_p } else { self.delta_n };
        let delta = percent / 100.0 * (reference_size / trial_size).ln() / self.rate.ln();
        let total_factor = (trial_size - reference_size) / reference_size;
        let finite = |value: f64| value.is_finite().then_some(value);
        Comparison {
            trial_size,
            reference_size,
            delta: finite(delta),
            total_factor: finite(total_factor),
        }
    }
}

/// Bits that are not in the model file: AutoQKeras' `input_bits`, `output_bits` and `ref_bits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AssumedBits {
    /// Bits of an input of the model.
    pub input_bits: u64,
    /// Bits of a probability.
    pub output_bits: u64,
    /// Bits of every other value without a quantizer.
    pub ref_bits: u64,
}

impl Default for AssumedBits {
    fn default() -> Self {
        Self { input_bits: 8, output_bits: 8, ref_bits: 8 }
    }
}

/// Size of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bits {
    /// Bits of the parameters.
    pub parameters: u64,
    /// Bits of inputs and results of all layers.
    pub activations: u64,
}

impl Bits {
    /// Parameters and activations.
    pub fn total(self) -> u64 {
        self.parameters + self.activations
    }

    /// The size of a model, or if `is_reference` of the same model with layers of Keras in place of
    /// QKeras'. As in AutoQKeras, layers that it does not know count nothing.
    ///
    /// # Errors
    /// As [`super::TypeMap::new`].
    pub fn new(
        model: &Model,
        graph: &Graph,
        assumed: AssumedBits,
        is_reference: bool,
    ) -> Result<Self, QtoolsError> {
        let size = Size { assumed, is_reference };
        let mut bits = Self::default();
        for &input in &model.inputs {
            if let LayerKind::Input { shape } = &model.graph[input].kind {
                bits.activations += assumed.input_bits * elements(shape);
            }
        }
        for node in &Network::new(model, graph)?.layers {
            if node.has_own_parameters() {
                bits.parameters += size.parameters(node);
            }
            bits.activations += size.activations(node);
        }
        Ok(bits)
    }
}

fn elements(shape: &[usize]) -> u64 {
    shape.iter().product::<usize>() as u64
}

/// Layers with a kernel that AutoQKeras counts.
const COUNTED: [&str; 4] = ["Dense", "Conv2D", "Conv1D", "DepthwiseConv2D"];
/// End of the names of layers that batch normalization is folded into, which AutoQKeras does not count.
const FOLDED_SUFFIX: &str = "Batchnorm";
/// AutoQKeras' bits of scale and offset of a QBatchNormalization.
const SCALE_BITS: u64 = 6;
const OFFSET_BITS: u64 = 5;

struct Size {
    assumed: AssumedBits,
    is_reference: bool,
}

impl Size {
    /// The class without QKeras' `Q`. The reference of a folded layer is the layer of Keras that batch
    /// normalization follows.
    fn class<'m>(&self, node: &Node<'m>) -> &'m str {
        let class = base(&node.layer.class);
        let plain = class.strip_suffix(FOLDED_SUFFIX).filter(|_| self.is_reference);
        plain.unwrap_or(class)
    }

    fn quantizes(&self, node: &Node<'_>) -> bool {
        is_quantized(&node.layer.class) && !self.is_reference
    }

    /// Bits of a value with this quantizer; a function states none.
    fn bits(&self, quantizer: Option<&Quantizer>) -> u64 {
        let quantizer = quantizer.filter(|it| !matches!(it, Quantizer::Function(_)));
        let stated = quantizer.and_then(DataType::of_quantizer);
        stated.and_then(|it| u64::try_from(it.bits).ok()).unwrap_or(self.assumed.ref_bits)
    }

    fn parameters(&self, node: &Node<'_>) -> u64 {
        match node.rule() {
            Rule::Matrix(matrix) if COUNTED.contains(&self.class(node)) => {
                let of = |quantizer: Option<&Quantizer>| {
                    self.bits(quantizer.filter(|_| self.quantizes(node)))
                };
                // Scale and offset of the batch normalization that a folded layer of the reference has.
                let folded =
                    if matrix.is_folded { 2 * node.shape.last().copied().unwrap_or(1) } else { 0 };
                of(matrix.kernel_quantizer) * elements(&matrix.kernel)
                    + of(matrix.bias_quantizer) * matrix.biases as u64
                    + self.assumed.ref_bits * folded as u64
            }
            Rule::BatchNorm(BatchNorm { mean, beta, .. }) => {
                let (scale, offset) = match self.quantizes(node) {
                    true => (SCALE_BITS, OFFSET_BITS),
                    false => (self.assumed.ref_bits, self.assumed.ref_bits),
                };
                (scale + if beta.is_some() { offset } else { 0 }) * mean.len() as u64
            }
            Rule::Merge(_)
            | Rule::Shape
            | Rule::Average { .. }
            | Rule::Activation
            | Rule::Matrix(_)
            | Rule::Other => 0,
        }
    }

    fn activations(&self, node: &Node<'_>) -> u64 {
        let AssumedBits { output_bits, ref_bits, .. } = self.assumed;
        let class = self.class(node);
        let is_activation = class == "Activation";
        if !is_activation && !COUNTED.contains(&class) {
            return 0;
        }
        let of_keras = !is_activation && !self.quantizes(node);
        let bits = match node.layer.kind.inner().activation() {
            None | Some(Activation::Linear) => 0,
            Some(_) if of_keras => ref_bits,
            Some(Activation::Softmax) => output_bits,
            Some(Activation::Function(Function::Sigmoid)) if is_activation => output_bits,
            Some(Activation::Function(_)) => ref_bits,
            Some(Activation::Quantizer(_)) if self.is_reference => ref_bits,
            Some(Activation::Quantizer(quantizer)) => self.bits(Some(quantizer)),
        };
        bits * elements(&node.shape)
    }
}
