//! Operations of a layer for one sample.
//!
//! Source: `get_operation_count` in `qtools_util.py`.

use super::graph::{Node, Rule};

/// Operations of a layer, as QTools counts them: multiplications of a layer with a kernel, additions of
/// an average, elements of the largest operand of other layers, 0 for layers without a rule.
///
/// QTools counts a dense layer on several rows not at all (it fails), and every channel for each output
/// of a grouped convolution; here both are counted as computed.
pub(super) fn operation_count(node: &Node<'_>, rule: &Rule<'_>) -> usize {
    let class = node.layer.class.as_str();
    let elements = |shape: &[usize]| shape.iter().product::<usize>();
    let positions = |shape: &[usize]| shape.iter().rev().skip(1).product::<usize>();
    let largest = || node.input_shapes.iter().map(|shape| elements(shape)).max().unwrap_or(0);
    match rule {
        Rule::Shape if class.contains("UpSampling") => elements(&node.shape),
        Rule::Merge(_) | Rule::Shape | Rule::Activation | Rule::BatchNorm(_) => largest(),
        // QTools does not know the layer of QKeras over windows.
        Rule::Average { .. } if class == "QAveragePooling2D" => 0,
        Rule::Average { window, .. } => {
            let channels = node.shape.last().copied().unwrap_or(1);
            channels * elements(window)
        }
        // Nor those with a depthwise or a dense kernel that batch normalization is folded into.
        Rule::Matrix(matrix) if matrix.is_folded && class != "QConv2DBatchnorm" => 0,
        // Nor the multiplier of a depthwise kernel.
        Rule::Matrix(matrix) if matrix.is_depthwise => {
            positions(&node.shape) * matrix.taps * matrix.channels
        }
        Rule::Matrix(matrix) => elements(&node.shape) * matrix.taps * matrix.channels,
        Rule::Other => 0,
    }
}
