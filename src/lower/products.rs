//! Layers that sum products with a kernel: what they have in common.

use ndarray::ArrayViewD;
use petgraph::graph::NodeIndex;

use super::activation::{Place, activate, cast};
use super::builder::Builder;
use super::parameters::Parameter;
use super::{LayerSettings, LowerError, Warning};
use crate::fixed::{Format, Quantization};
use crate::ir::{Constant, NodeId};
use crate::model::Activation;
use crate::quantizer::Quantizer;

/// A layer's kernel and bias as they were trained.
pub(super) struct Trained<'a> {
    pub(super) layer: &'a str,
    /// Output channels last.
    pub(super) kernel: ArrayViewD<'a, f32>,
    pub(super) kernel_attribute: &'static str,
    pub(super) kernel_quantizer: Option<&'a Quantizer>,
    /// \[outputs\].
    pub(super) bias: Option<ArrayViewD<'a, f32>>,
    pub(super) bias_quantizer: Option<&'a Quantizer>,
    pub(super) is_last: bool,
}

/// The constants of a sum of products, and what follows it.
pub(super) struct Products {
    /// Shaped like the kernel.
    pub(super) weights: Constant,
    /// \[outputs\], what the sum begins with; none where the bias follows a scale.
    pub(super) bias: Option<Constant>,
    result: Option<Quantization>,
}

impl Trained<'_> {
    /// Quantizes kernel and bias; says on the way what has no quantizer.
    pub(super) fn quantized(&self, builder: &mut Builder<'_>) -> Result<Products, LowerError> {
        let chosen = builder.settings.layer(self.layer).cloned().unwrap_or_default();
        let default = builder.settings.precision;
        let kernel = Parameter {
            layer: self.layer,
            part: "kernel",
            attribute: self.kernel_attribute,
            values: self.kernel.view(),
        };
        let quantizer = self.kernel_quantizer.map(|q| q.in_kernel());
        let weights = kernel.constant(quantizer.as_ref(), &chosen.weight.unwrap_or(default))?;
        let bias = match &self.bias {
            None => None,
            Some(values) => {
                let bias = Parameter {
                    layer: self.layer,
                    part: "bias",
                    attribute: "bias_quantizer",
                    values: values.view(),
                };
                let precision = chosen.bias.unwrap_or(default);
                Some(bias.constant(self.bias_quantizer, &precision)?)
            }
        };
        let float = self.warn_of_floats(builder, &chosen);
        let asked = chosen.result.filter(|_| self.is_last);
        let result = asked.or(float.then_some(default));
        Ok(Products { weights, bias, result })
    }

    /// Says which of kernel and bias have no quantizer; whether all that there are have none.
    fn warn_of_floats(&self, builder: &mut Builder<'_>, chosen: &LayerSettings) -> bool {
        let float_kernel = self.kernel_quantizer.is_none();
        let float_bias = self.bias.is_some() && self.bias_quantizer.is_none();
        if float_kernel || float_bias {
            let (parts, precision) = match (float_kernel, float_bias) {
                (true, false) => ("the kernel", chosen.weight),
                (false, _) => ("the bias", chosen.bias),
                (true, true) => ("kernel, bias and result", chosen.weight),
            };
            let precision = precision.unwrap_or(builder.settings.precision);
            let layer = self.layer.into();
            builder.warn(Warning::Float { layer, parts: parts.into(), precision });
        }
        float_kernel && (float_bias || self.bias.is_none())
    }
}

impl Products {
    pub(super) fn finish(
        self,
        builder: &mut Builder<'_>,
        index: NodeIndex,
        layer: &str,
        node: NodeId,
        activation: &Activation,
    ) -> Result<NodeId, LowerError> {
        let mut node = node;
        if let Some(precision) = self.result {
            warn_of_overflow(builder, layer, node, &precision);
            node = cast(builder, layer, "result", node, &precision);
        }
        activate(builder, Place::inside(index, layer), node, activation)
    }
}

fn warn_of_overflow(builder: &mut Builder<'_>, layer: &str, node: NodeId, to: &Quantization) {
    let x = builder.tensor(node);
    let Ok(needed) = Format::covering(&x.interval(), x.format.fraction()) else { return };
    let integer = |format: Format| format.integer() - i32::from(format.is_signed());
    let negative = needed.is_signed() && !to.format.is_signed();
    if negative || integer(needed) > integer(to.format) {
        builder.warn(Warning::MayOverflow { layer: layer.into(), precision: *to, needed });
    }
}
