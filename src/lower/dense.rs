//! Dense and QDense.

use petgraph::graph::NodeIndex;

use super::activation::{Place, activate, cast};
use super::builder::Builder;
use super::function::warn_of_overflow;
use super::parameters::Parameter;
use super::{LowerError, Warning};
use crate::fixed::Format;
use crate::ir::{Linear, NodeId, Op, Tensor};
use crate::model::{Dense, Layer};

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

    let chosen = builder.settings.layer(name).cloned().unwrap_or_default();
    let default = builder.settings.precision;
    let kernel = Parameter {
        layer: name,
        part: "kernel",
        attribute: "kernel_quantizer",
        values: dense.kernel.view().into_dyn(),
    };
    let kernel_quantizer = dense.kernel_quantizer.as_ref().map(|q| q.in_kernel());
    let weights = kernel.constant(kernel_quantizer.as_ref(), &chosen.weight.unwrap_or(default))?;
    let bias = match &dense.bias {
        None => None,
        Some(values) => {
            let bias = Parameter {
                layer: name,
                part: "bias",
                attribute: "bias_quantizer",
                values: values.view().into_dyn(),
            };
            let precision = chosen.bias.unwrap_or(default);
            Some(bias.constant(dense.bias_quantizer.as_ref(), &precision)?)
        }
    };
    let mut node = sum(builder, name, operand, Linear { weights, bias })?;

    let float_kernel = dense.kernel_quantizer.is_none();
    let float_bias = dense.bias.is_some() && dense.bias_quantizer.is_none();
    let float = float_kernel && (float_bias || dense.bias.is_none());
    if float_kernel || float_bias {
        let (parts, precision) = match (float_kernel, float_bias) {
            (true, false) => ("the kernel", chosen.weight),
            (false, _) => ("the bias", chosen.bias),
            (true, true) => ("kernel, bias and result", chosen.weight),
        };
        builder.warn(Warning::Float {
            layer: name.into(),
            parts: parts.into(),
            precision: precision.unwrap_or(default),
        });
    }
    // A layer without any quantizer has no type of its own for its result, so it gets one, as
    // hls4ml gives it; any other layer's sum stays exact unless a type is asked for.
    if let Some(precision) = chosen.result.or(float.then_some(default)) {
        warn_of_overflow(builder, name, node, &precision);
        node = cast(builder, name, "result", node, &precision);
    }
    let node = activate(builder, Place::inside(index, name), node, &dense.activation)?;
    builder.result(index, node);
    Ok(())
}

/// The sum of products with an accumulator that its weights prove wide enough.
fn sum(
    builder: &mut Builder<'_>,
    layer: &str,
    operand: NodeId,
    linear: Linear,
) -> Result<NodeId, LowerError> {
    let too_wide = |error| LowerError::Format { layer: layer.into(), part: "accumulator", error };
    let x = builder.tensor(operand);
    let sums = linear.sums(x).ok_or_else(|| {
        too_wide(crate::fixed::FormatError::Position(i64::from(linear.weights.format.fraction())))
    })?;
    let format = Format::covering(&sums.partial, sums.fraction).map_err(too_wide)?;
    let mut shape = x.shape.clone();
    if let (Some(last), Some(outputs)) = (shape.last_mut(), linear.weights.codes.shape().get(1)) {
        *last = *outputs;
    }
    let tensor = Tensor { shape, format, channels: sums.channels };
    Ok(builder.add(layer, "", Op::Linear(linear), operand, tensor))
}
