//! Dense and QDense.

use petgraph::graph::NodeIndex;

use super::builder::Builder;
use super::products::{Scales, Trained};
use super::{LowerError, average};
use crate::ir::Linear;
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
    let linear = Linear { weights: products.weights.clone(), bias };
    let node = builder.add(name, "", linear.clone(), operand)?;
    let node = average::rounded_sums(builder, name, node, (operand, &linear))?;
    let node = products.finish(builder, index, name, node, &dense.activation)?;
    builder.result(index, node);
    Ok(())
}
