//! Dense and QDense.

use petgraph::graph::NodeIndex;

use super::builder::Builder;
use super::products::{Scales, Trained};
use super::{LowerError, quotients};
use crate::fixed::{Format, FormatError};
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
    let trained = Trained {
        layer: name,
        kernel: dense.kernel.view().into_dyn(),
        attribute: "kernel_quantizer",
        kernel_quantizer: dense.kernel_quantizer.as_ref(),
        bias: dense.bias.as_ref().map(|bias| bias.view().into_dyn()),
        bias_quantizer: dense.bias_quantizer.as_ref(),
        folded: false,
        scales: Scales::OfOutputs { outputs: dense.kernel.ncols() },
        part: "",
    };
    let mut products = trained.quantized(builder)?;
    let bias = products.bias.take();
    let node = sum(builder, name, operand, Linear { weights: products.weights.clone(), bias })?;
    let node = products.finish(builder, index, name, node, &dense.activation)?;
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
    // Where products and biases lie too far apart to be counted, the bits between them tell.
    let sums = linear.sums(x).ok_or_else(|| {
        let product = i64::from(x.format.fraction()) + i64::from(linear.weights.format.fraction());
        let bias = linear.bias.as_ref().map_or(product, |bias| bias.format.fraction().into());
        too_wide(FormatError::Width(product.abs_diff(bias).cast_signed()))
    })?;
    let format = Format::covering(&sums.partial, sums.fraction).map_err(too_wide)?;
    let mut shape = x.shape.clone();
    if let (Some(last), Some(outputs)) = (shape.last_mut(), linear.weights.codes.shape().get(1)) {
        *last = *outputs;
    }
    let tensor = Tensor { shape, format, channels: sums.channels };
    let node = builder.add(layer, "", Op::Linear(linear.clone()), operand, tensor);
    quotients::settled(builder, layer, node, (operand, &linear))
}
