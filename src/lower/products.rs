//! Layers that sum products with a kernel: what they have in common.
//!
//! Such a layer quantizes its kernel and its bias, sums products in an operation of its own, and ends
//! in an activation. Where the kernel's quantizer has a real-valued scale, the sum runs over the
//! codes before the scale, which are as narrow as the quantizer's bits, and the scale multiplies
//! the sum, once an output, at its full precision; the bias is added behind it. What hardware needs
//! of that precision is found by a pass, when the operations behind are known.

use ndarray::ArrayViewD;
use petgraph::graph::NodeIndex;

use super::activation::Place;
use super::builder::Builder;
use super::normalization;
use super::parameters::{self, Key, Parameter, SCALE, list};
use super::result::{self, TypedResult};
use super::{LayerSettings, LowerError, LowerWarning};
use crate::fixed::{Format, Quantization, Signedness};
use crate::ir::{Affine, Constant, NodeId};
use crate::model::Activation;
use crate::quantizer::Quantizer;

/// That of the number 1.
const ONE: Format = Format::literal(Signedness::Unsigned, 1, 1);

/// A layer's kernel and bias as they were trained.
pub(super) struct Trained<'a> {
    pub(super) layer: &'a str,
    /// As the file has it.
    pub(super) kernel: ArrayViewD<'a, f32>,
    /// The attribute that states the kernel's quantizer.
    pub(super) attribute: &'static str,
    pub(super) kernel_quantizer: Option<&'a Quantizer>,
    /// \[outputs\].
    pub(super) bias: Option<ArrayViewD<'a, f32>>,
    pub(super) bias_quantizer: Option<&'a Quantizer>,
    /// Whether a batch normalisation is folded into both. A bias without a quantizer is then no
    /// number that someone chose: it stays as it is, as a batch normalisation's summand does.
    pub(super) folded: bool,
    pub(super) scales: Scales,
    /// The part of the layer that it is, none for the one that gives the layer's result.
    pub(super) part: &'static str,
}

/// What a kernel's scales, one for each place on its last axis, are to the sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scales {
    /// There are outputs on that axis, and so often as it takes to have all of them: a scale
    /// multiplies its sums.
    OfOutputs {
        /// How many outputs there are.
        outputs: usize,
    },
    /// A sum has terms with different scales, so that weights are multiplied by them.
    OfTerms,
}

/// The constants of a sum of products, and what follows it.
pub(super) struct Products {
    /// Shaped like the kernel.
    pub(super) weights: Constant,
    /// \[outputs\], what the sum begins with; none where the bias follows a scale.
    pub(super) bias: Option<Constant>,
    scaling: Option<Affine>,
    /// The type of the result without a configured one; exact if there is none either.
    default: Option<Quantization>,
    /// True if the products are the layer's result, not a part of its computation.
    whole: bool,
}

impl Trained<'_> {
    /// Quantizes kernel and bias; says on the way what has no quantizer.
    pub(super) fn quantized(&self, builder: &mut Builder<'_>) -> Result<Products, LowerError> {
        let chosen = builder.settings.layer(self.layer).cloned().unwrap_or_default();
        let default = builder.settings.precision;
        let (weights, scale) = self.kernel(builder, &chosen.weight.unwrap_or(default))?;
        let keeps_bias = self.keeps_bias(&chosen);
        let bias = match &self.bias {
            Some(bias) if keeps_bias => {
                let bias = bias.iter().map(|b| f64::from(*b)).collect();
                Some(normalization::constant(self.layer, "bias", bias)?)
            }
            _ => self.bias(builder, &chosen.bias.unwrap_or(default))?,
        };
        if self.kernel_quantizer.is_some() {
            let key = Key { name: "weight", attribute: self.attribute, asked: chosen.weight };
            key.warn_if_overruled(builder, self.layer, &weights)?;
        }
        if let (Some(_), Some(bias)) = (self.bias_quantizer, &bias) {
            let key = Key { name: "bias", attribute: "bias_quantizer", asked: chosen.bias };
            key.warn_if_overruled(builder, self.layer, bias)?;
        }
        let scale = scale
            .map(|exact| parameters::cut_as_asked(builder, self.layer, SCALE, exact, chosen.scale))
            .transpose()?;
        // Apart from the sum, hardware may have fewer bits of it.
        let one = || Constant { codes: list(vec![1.into()]), format: ONE };
        let (bias, scaling) = match scale.or_else(|| keeps_bias.then(one)) {
            None => (bias, None),
            Some(scale) => (None, Some(Affine { scale, bias })),
        };
        // A layer without any quantizer has no type of its own for its result, so it gets one, as
        // hls4ml gives it; any other layer's sum stays exact unless a type is asked for.
        let float = self.warn_of_floats(builder, &chosen);
        let default = float.then_some(default);
        Ok(Products { weights, bias, scaling, default, whole: self.part.is_empty() })
    }

    /// The kernel's codes, and what the sums of their products are multiplied by.
    fn kernel(
        &self,
        builder: &mut Builder<'_>,
        precision: &Quantization,
    ) -> Result<(Constant, Option<Constant>), LowerError> {
        let kernel = Parameter {
            layer: self.layer,
            part: "kernel",
            attribute: self.attribute,
            values: self.kernel.view(),
        };
        let Some(quantizer) = self.kernel_quantizer.map(Quantizer::in_kernel) else {
            return Ok((kernel.constant(builder, None, precision)?, None));
        };
        match (kernel.factored(&quantizer)?, self.scales) {
            ((values, Some(scale)), Scales::OfOutputs { outputs }) if scale.codes.len() > 1 => {
                let codes = scale.codes.iter().collect::<Vec<_>>().into_iter().cycle();
                let codes = list(codes.take(outputs).collect());
                Ok((values, Some(Constant { codes, format: scale.format })))
            }
            ((_, Some(scale)), Scales::OfTerms) if scale.codes.len() > 1 => {
                Ok((kernel.constant(builder, Some(&quantizer), precision)?, None))
            }
            (factored, _) => Ok(factored),
        }
    }

    fn bias(
        &self,
        builder: &mut Builder<'_>,
        precision: &Quantization,
    ) -> Result<Option<Constant>, LowerError> {
        let Some(values) = &self.bias else { return Ok(None) };
        let bias = Parameter {
            layer: self.layer,
            part: "bias",
            attribute: "bias_quantizer",
            values: values.view(),
        };
        bias.constant(builder, self.bias_quantizer, precision).map(Some)
    }

    /// Whether the bias stays the number that it is, though it has no quantizer.
    fn keeps_bias(&self, chosen: &LayerSettings) -> bool {
        let alone = self.kernel_quantizer.is_some() && self.bias_quantizer.is_none();
        self.folded && alone && chosen.bias.is_none()
    }

    /// Says which of kernel and bias have no quantizer; whether all that there are have none.
    fn warn_of_floats(&self, builder: &mut Builder<'_>, chosen: &LayerSettings) -> bool {
        let float_kernel = self.kernel_quantizer.is_none();
        let unquantized = self.bias.is_some() && self.bias_quantizer.is_none();
        let float_bias = unquantized && !self.keeps_bias(chosen);
        if float_kernel || float_bias {
            let (parts, precision) = match (float_kernel, float_bias) {
                (true, false) => ("the kernel", chosen.weight),
                (false, _) => ("the bias", chosen.bias),
                (true, true) => ("kernel, bias and result", chosen.weight),
            };
            let precision = precision.unwrap_or(builder.settings.precision);
            let layer = self.layer.into();
            builder.warn(LowerWarning::Float { layer, parts: parts.into(), precision });
        }
        float_kernel && (float_bias || self.bias.is_none())
    }
}

impl Products {
    /// What comes of the sums that `node` holds: scaled, in the type that is asked for, activated.
    pub(super) fn finish(
        self,
        builder: &mut Builder<'_>,
        index: NodeIndex,
        layer: &str,
        node: NodeId,
        activation: &Activation,
    ) -> Result<NodeId, LowerError> {
        let mut node = node;
        if let Some(affine) = self.scaling {
            node = builder.add(layer, "scaled", affine, node)?;
        }
        let entry = TypedResult::of_layer(builder, layer);
        let to = entry.to.filter(|_| self.whole).or(self.default);
        node = TypedResult { to, ..entry }.apply(builder, "result", node)?;
        result::fused(builder, Place::fused(index, layer), node, activation)
    }
}
