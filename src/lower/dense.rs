//! Dense layers, and the weights, scales and biases that they share with convolutions.
//!
//! A layer with weights quantizes kernel and bias, computes dot products, and applies an
//! activation. If the kernel's quantizer has a real-valued scale, the weights are the quantizer's
//! codes without it, as narrow as its bits. The scale then multiplies each dot product at full
//! precision, and the bias is added last. The pass `narrow_scales` finds the precision that
//! hardware needs.

use ndarray::{Array, Array1, ArrayD, ArrayViewD, Dimension};
use petgraph::graph::NodeIndex;

use super::activation::NodeScope;
use super::builder::Builder;
use super::channel_shifts::ChannelShifts;
use super::exact::{self, Reach};
use super::fold::{Fold, Line};
use super::parameters::{
    Parameter, SCALE, cast_shifted, cast_values, real_or_cast, vector, warn_if_overruled,
};
use super::result::{self, TypedResult};
use super::{LayerSettings, LowerError, TypedVariable, average};
use crate::config::WeightScale;
use crate::fixed::{Format, Quantization, Signedness};
use crate::ir::{Affine, Constant, Linear, NodeId};
use crate::model::{Activation, Dense, Folded, Layer};
use crate::quantizer::Quantizer;

pub(super) fn lower(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    dense: &Dense,
) -> Result<(), LowerError> {
    let operand = builder.operand(index)?;
    let name = layer.name.as_str();
    let inputs = builder.tensor(operand).channel_count();
    if dense.kernel.nrows() != inputs {
        let weights = dense.kernel.nrows();
        return Err(LowerError::Shape { layer: name.into(), inputs, weights });
    }
    let folded = dense.folded.as_ref();
    let folded = folded.map(|folded| fold(&dense.kernel, dense.bias.as_ref(), folded));
    let (kernel, bias) = match &folded {
        Some((kernel, bias)) => (kernel.view().into_dyn(), Some(bias.view().into_dyn())),
        None => (dense.kernel.view().into_dyn(), dense.bias.as_ref().map(|b| b.view().into_dyn())),
    };
    let weighted = WeightedLayer {
        index,
        layer: name,
        kernel,
        attribute: "kernel_quantizer",
        kernel_quantizer: dense.kernel_quantizer.as_ref(),
        bias,
        bias_quantizer: dense.bias_quantizer.as_ref(),
        folded: dense.folded.is_some(),
        outputs: dense.kernel.ncols(),
        scales: KernelScales::PerOutput,
        operand,
        norm: builder.folds.of_layer(index),
        part: "",
    };
    let mut parameters = weighted.quantize(builder)?;
    let bias = parameters.bias.take();
    let linear = Linear { weights: parameters.weights.clone(), bias };
    let node = builder.add(name, "", linear.clone(), operand)?;
    let node = average::rounded_sums(builder, name, node, (operand, &linear))?;
    let node = parameters.finish(builder, index, name, node, &dense.activation)?;
    builder.result(index, node);
    Ok(())
}

/// Kernel and bias with a batch normalisation folded into them, in float32 and in the order of
/// operations of QKeras' `QConv2DBatchnorm.call` and `QDenseBatchnorm.call`, which use the moving
/// statistics at inference in both folding modes.
pub(crate) fn fold<D: Dimension>(
    kernel: &Array<f32, D>,
    bias: Option<&Array1<f32>>,
    folded: &Folded,
) -> (Array<f32, D>, Array1<f32>) {
    // TensorFlow's rsqrt is the float32 number nearest to the exact value, or the next one.
    let rsqrt = |variance: f32| (1.0 / f64::from(variance + folded.epsilon).sqrt()) as f32;
    let mut inv = folded.variance.mapv(rsqrt);
    if let Some(gamma) = &folded.gamma {
        inv *= gamma;
    }
    let bias = match bias {
        Some(bias) => bias - &folded.mean,
        None => -&folded.mean,
    };
    let bias = &inv * &bias + &folded.beta;
    let mut kernel = kernel.clone();
    // The index of outputs varies fastest: over the last axis, or the last two of a depthwise
    // kernel.
    for (weight, inv) in kernel.iter_mut().zip(inv.iter().cycle()) {
        *weight *= inv;
    }
    (kernel, bias)
}

/// Format of the constant 1.
const ONE: Format = Format::literal(Signedness::Unsigned, 1, 1);

/// A layer's kernel and bias as they were trained.
pub(super) struct WeightedLayer<'a> {
    pub(super) index: NodeIndex,
    pub(super) layer: &'a str,
    /// Values of the file, in its shape.
    pub(super) kernel: ArrayViewD<'a, f32>,
    /// The attribute that states the kernel's quantizer.
    pub(super) attribute: &'static str,
    pub(super) kernel_quantizer: Option<&'a Quantizer>,
    /// \[outputs\].
    pub(super) bias: Option<ArrayViewD<'a, f32>>,
    pub(super) bias_quantizer: Option<&'a Quantizer>,
    /// True if a batch normalisation is folded into both. A bias without a quantizer then stays
    /// exact, like the bias of a batch normalisation.
    pub(super) folded: bool,
    /// Number of outputs.
    pub(super) outputs: usize,
    pub(super) scales: KernelScales,
    /// The node that the kernel multiplies.
    pub(super) operand: NodeId,
    /// A batch normalisation folded into a layer without quantizers.
    pub(super) norm: Option<Fold<'a>>,
    /// Suffix of the node; empty for the node of the layer's result.
    pub(super) part: &'static str,
}

/// Meaning of a kernel's last axis, along which its scales differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KernelScales {
    /// Outputs, repeated up to their number: a scale multiplies the dot products of its outputs.
    PerOutput,
    /// Inputs: terms of one dot product have different scales, so weights include them.
    PerInput,
}

/// Constants of a dot product, and the operations that follow it.
pub(super) struct QuantizedWeights {
    /// Shaped like the kernel.
    pub(super) weights: Constant,
    /// \[outputs\]; `None` if the bias is added after a scale.
    pub(super) bias: Option<Constant>,
    scaling: Option<Scaling>,
    /// The layer whose configured type the result has: a batch normalisation that is folded, or the
    /// layer itself.
    entry: String,
    /// Type of the result by default; exact if `None`.
    default: Option<Quantization>,
    /// True if the dot products are the layer's result, not an intermediate one.
    whole: bool,
    /// True if neither kernel nor bias has a quantizer.
    is_float: bool,
}

/// The scale and the bias that follow dot products.
struct Scaling {
    scale: Factor,
    bias: Option<Constant>,
}

/// The factor of dot products.
enum Factor {
    /// 1.
    One,
    /// Real values of a quantizer, one per output or a single one.
    Real(ArrayD<f64>),
    /// Powers of two, one per output: the LSB of its weights in LSB of their type.
    Powers(ArrayD<f64>),
}

impl WeightedLayer<'_> {
    /// Quantizes kernel and bias, and warns if they have no quantizer.
    pub(super) fn quantize(
        &self,
        builder: &mut Builder<'_>,
    ) -> Result<QuantizedWeights, LowerError> {
        let chosen = builder.settings.of_kernel(self.layer, self.attribute);
        let default = builder.settings.precision;
        let norm = self.norm.as_ref().map(|fold| fold.line()).transpose()?;
        let (weights, scale) =
            self.kernel(builder, norm.as_ref(), &chosen, &chosen.weight.unwrap_or(default))?;
        let keeps_bias = self.keeps_bias(&chosen);
        let correction = self.correction(&chosen)?;
        let bias = match &self.bias {
            Some(bias) if keeps_bias => {
                let bias = bias.mapv(f64::from);
                Some(exact::real(builder, self.layer, "bias", &bias, Reach::Bias)?)
            }
            _ => {
                let precision = chosen.bias.unwrap_or(default);
                self.bias(builder, norm.as_ref(), correction, &precision)?
            }
        };
        if self.kernel_quantizer.is_some() {
            let keys = ["weight", self.attribute];
            warn_if_overruled(builder, self.layer, keys, chosen.weight, &weights)?;
        }
        if let (Some(_), Some(bias)) = (self.bias_quantizer, &bias) {
            let keys = ["bias", "bias_quantizer"];
            warn_if_overruled(builder, self.layer, keys, chosen.bias, bias)?;
        }
        // As an operation of its own, the bias can be narrowed for hardware.
        let (bias, scaling) = match (scale, keeps_bias) {
            (Factor::One, false) => (bias, None),
            (scale, _) => (None, Some(Scaling { scale, bias })),
        };
        let entry = self.norm.as_ref().map_or(self.layer, |fold| fold.name).to_owned();
        let whole = self.part.is_empty();
        // As in hls4ml, a layer without any quantizer gets the default type for its result. Any
        // other layer's result stays exact unless a type is configured.
        let default = match self.norm {
            _ if !whole => Some(default),
            Some(fold) if fold.is_quantized => None,
            Some(fold) => builder.default_result(fold.index),
            None => builder.default_result(self.index),
        };
        let result = builder.settings.layer(&entry).and_then(|chosen| chosen.result).or(default);
        let is_float = self.warn_of_floats(builder, &chosen, result);
        let default = default.filter(|_| is_float);
        Ok(QuantizedWeights { weights, bias, scaling, entry, default, whole, is_float })
    }

    /// The kernel's weights without its scale, and the scale that multiplies the dot products.
    fn kernel(
        &self,
        builder: &mut Builder<'_>,
        norm: Option<&Line>,
        chosen: &LayerSettings,
        precision: &Quantization,
    ) -> Result<(Constant, Factor), LowerError> {
        let Some(quantizer) = self.kernel_quantizer.map(Quantizer::in_kernel) else {
            let mut values = self.kernel.mapv(f64::from);
            if let Some(norm) = norm {
                for (element, weight) in values.iter_mut().enumerate() {
                    *weight *= norm.scale[self.output(element) % norm.scale.len()];
                }
            }
            let shifts = match chosen.weight_scale {
                WeightScale::PerLayer => ChannelShifts::none(self.outputs),
                WeightScale::PerChannel => {
                    let elements = values.iter().enumerate();
                    let elements = elements.map(|(at, value)| (self.output(at), *value));
                    ChannelShifts::of(self.outputs, elements, precision)
                }
            };
            let names = ("kernel", TypedVariable::Weight);
            let shift = |element| shifts.of_output(self.output(element));
            let kernel = cast_shifted(builder, self.layer, names, &values, precision, shift)?;
            return Ok((kernel, shifts.factors().map_or(Factor::One, Factor::Powers)));
        };
        let kernel = Parameter {
            layer: self.layer,
            part: "kernel",
            attribute: self.attribute,
            values: self.kernel.view(),
            reach: Reach::Weights(self.operand),
        };
        match (kernel.factored(builder, &quantizer)?, self.scales) {
            ((values, Some(scale)), KernelScales::PerOutput) if scale.len() > 1 => {
                let scale = scale.iter().copied().cycle().take(self.outputs);
                Ok((values, Factor::Real(Array1::from_iter(scale).into_dyn())))
            }
            ((_, Some(scale)), KernelScales::PerInput) if scale.len() > 1 => {
                Ok((kernel.quantized(builder, &quantizer)?, Factor::One))
            }
            ((values, scale), _) => {
                Ok((values, scale.map_or(Factor::One, |scale| Factor::Real(scale.into_dyn()))))
            }
        }
    }

    /// The output whose dot products element `element` of the kernel is part of.
    fn output(&self, element: usize) -> usize {
        let element = match self.scales {
            KernelScales::PerOutput => element,
            KernelScales::PerInput => {
                element / self.kernel.shape().last().copied().unwrap_or(1).max(1)
            }
        };
        element % self.outputs.max(1)
    }

    /// The configured correction of the biases, \[outputs\].
    fn correction(&self, chosen: &LayerSettings) -> Result<Option<ArrayD<f64>>, LowerError> {
        let correction = &chosen.bias_correction;
        if correction.is_empty() || !self.part.is_empty() {
            return Ok(None);
        }
        let fault = if self.kernel_quantizer.is_some() || self.bias_quantizer.is_some() {
            "cannot be used with a quantizer of the kernel or the bias".to_owned()
        } else if correction.len() != self.outputs {
            let (count, outputs) = (correction.len(), self.outputs);
            format!("has {count} numbers for {outputs} output channels")
        } else {
            let correction = correction.iter().map(|number| f64::from(*number));
            return Ok(Some(Array1::from_iter(correction).into_dyn()));
        };
        Err(LowerError::Correction { layer: self.layer.to_owned(), fault })
    }

    fn bias(
        &self,
        builder: &mut Builder<'_>,
        norm: Option<&Line>,
        correction: Option<ArrayD<f64>>,
        precision: &Quantization,
    ) -> Result<Option<Constant>, LowerError> {
        if let (Some(values), Some(quantizer)) = (&self.bias, self.bias_quantizer) {
            let (part, attribute, reach) = ("bias", "bias_quantizer", Reach::Bias);
            let values = values.view();
            let bias = Parameter { layer: self.layer, part, attribute, values, reach };
            return bias.quantized(builder, quantizer).map(Some);
        }
        let bias = self.bias.as_ref().map(|bias| bias.mapv(f64::from));
        let bias = match norm {
            None => bias,
            Some(norm) => Some(norm.folded_bias(bias)),
        };
        let bias = match (bias, correction) {
            (None, None) => return Ok(None),
            (Some(bias), None) | (None, Some(bias)) => bias,
            (Some(bias), Some(correction)) => bias + correction,
        };
        cast_values(builder, self.layer, ("bias", TypedVariable::Bias), &bias, precision).map(Some)
    }

    /// True if a bias without a quantizer stays exact.
    fn keeps_bias(&self, chosen: &LayerSettings) -> bool {
        let alone = self.kernel_quantizer.is_some() && self.bias_quantizer.is_none();
        self.folded && alone && chosen.bias.is_none()
    }

    /// Warns if kernel or bias have no quantizer; `result` is the type of the result of a layer without
    /// any. True if no parameter has one.
    fn warn_of_floats(
        &self,
        builder: &mut Builder<'_>,
        chosen: &LayerSettings,
        result: Option<Quantization>,
    ) -> bool {
        let float_kernel = self.kernel_quantizer.is_none();
        let is_corrected = self.part.is_empty() && !chosen.bias_correction.is_empty();
        let has_bias = self.bias.is_some() || self.norm.is_some() || is_corrected;
        let unquantized = has_bias && self.bias_quantizer.is_none();
        let float_bias = unquantized && !self.keeps_bias(chosen);
        let is_float = float_kernel && (float_bias || !has_bias);
        let result_of = self.norm.map_or(self.layer, |fold| fold.name);
        let configured = builder.settings.layer(result_of).and_then(|own| own.result);
        let variables = [
            (float_kernel, "kernel", chosen.weight),
            (float_bias, "bias", chosen.bias),
            (float_kernel && float_bias && result.is_some(), "result", configured),
        ];
        let variables = variables.into_iter().filter(|(is_float, ..)| *is_float);
        let variables: Vec<_> = variables.map(|(_, name, to)| (name, to)).collect();
        builder.warn_of_floats(self.layer, &variables);
        if let Some(to) = result.filter(|_| is_float && self.part.is_empty()) {
            builder.unquantized((result_of, result_of), TypedVariable::Result, to, None);
        }
        is_float
    }
}

impl QuantizedWeights {
    /// Adds scale, result type and activation to the dot products in `node`.
    pub(super) fn finish(
        self,
        builder: &mut Builder<'_>,
        index: NodeIndex,
        layer: &str,
        node: NodeId,
        activation: &Activation,
    ) -> Result<NodeId, LowerError> {
        let mut node = node;
        if let Some(Scaling { scale, bias }) = self.scaling {
            let scale = match scale {
                Factor::One => Constant { codes: vector(vec![1.into()]), format: ONE },
                Factor::Powers(scale) => {
                    exact::exact(builder, layer, SCALE, &scale, Reach::Scale(node))?
                }
                Factor::Real(scale) => {
                    let chosen = builder.settings.layer(layer).and_then(|chosen| chosen.scale);
                    real_or_cast(builder, (layer, SCALE), &scale, chosen, Reach::Scale(node))?
                }
            };
            node = builder.add(layer, "scaled", Affine { scale, bias }, node)?;
        }
        if self.whole && self.is_float {
            builder.sum(layer, node);
        }
        let entry = TypedResult::of_folded(builder, layer, &self.entry);
        let to = entry.to.filter(|_| self.whole).or(self.default);
        node = TypedResult { to, ..entry }.apply(builder, "result", node)?;
        match self.whole {
            true => result::fused(builder, NodeScope::fused(index, layer), node, activation),
            // The entry of a fused activation is that of the last part.
            false => Ok(node),
        }
    }
}
