//! Convolutions.

use ndarray::{ArrayD, Axis, IxDyn, Slice};
use petgraph::graph::NodeIndex;

use super::builder::Builder;
use super::products::{Scales, Trained};
use super::{LowerError, average, windows};
use crate::fixed::{Codes, FormatError};
use crate::ir::{self, Constant, ConstantError, Linear, NodeId};
use crate::model::{Conv, Folded, Layer, Separable};

pub(super) fn lower(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    conv: &Conv,
) -> Result<(), LowerError> {
    let operand = builder.operand(index)?;
    let node = convolve(builder, Site { index, layer: &layer.name, part: "" }, operand, conv)?;
    builder.result(index, node);
    Ok(())
}

/// A depthwise convolution, then a pointwise one. What is between them stays exact.
pub(super) fn separable(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    separable: &Separable,
) -> Result<(), LowerError> {
    let operand = builder.operand(index)?;
    let site = Site { index, layer: &layer.name, part: "depthwise" };
    let between = convolve(builder, site, operand, &separable.depthwise)?;
    let node = convolve(builder, Site { part: "", ..site }, between, &separable.pointwise)?;
    builder.result(index, node);
    Ok(())
}

/// The layer that a convolution belongs to, and which part of it it is; none if the result is the
/// layer's.
#[derive(Clone, Copy)]
struct Site<'a> {
    index: NodeIndex,
    layer: &'a str,
    part: &'static str,
}

fn convolve(
    builder: &mut Builder<'_>,
    site: Site<'_>,
    operand: NodeId,
    conv: &Conv,
) -> Result<NodeId, LowerError> {
    let layer = site.layer;
    let window = windows::place(layer, Some(&conv.window), builder.tensor(operand))?;
    let folded = conv.folded.as_ref().map(|folded| fold(conv, folded));
    let (kernel, bias) = match &folded {
        Some((kernel, bias)) => (kernel.view(), Some(bias.view())),
        None => (conv.kernel.values.view(), conv.bias.as_ref().map(|bias| bias.view().into_dyn())),
    };
    let trained = Trained {
        layer,
        kernel,
        attribute: conv.kernel.attribute,
        kernel_quantizer: conv.kernel.quantizer.as_ref(),
        bias,
        bias_quantizer: conv.bias_quantizer.as_ref(),
        folded: conv.folded.is_some(),
        scales: scales(conv),
        part: site.part,
    };
    let products = trained.quantized(builder)?;
    let inner = window.taps() * builder.tensor(operand).channel_count() / conv.groups.max(1);
    let weights = masked(&products.weights, conv).map_err(|error| LowerError::Format {
        layer: layer.into(),
        part: "kernel",
        error,
    })?;
    let weights = matrix(&weights, conv, [inner, conv.outputs]);
    let op = ir::Conv {
        window,
        groups: conv.groups,
        linear: Linear { weights, bias: products.bias.clone() },
    };
    let linear = op.linear.clone();
    let node = builder.add(layer, site.part, op, operand)?;
    let node = average::rounded_sums(builder, layer, node, (operand, &linear))?;
    products.finish(builder, site.index, layer, node, &conv.activation)
}

/// What is on the last axis of the kernel: outputs, or the multiplier of a depthwise kernel. That of
/// a transposed convolution has the channels of a group there, which are outputs only where each
/// has a group of its own and QKeras writes \[.., 1, channels\].
fn scales(conv: &Conv) -> Scales {
    let axes = conv.kernel.values.shape();
    let outputs_last = axes.last() == Some(&conv.outputs);
    match conv.window.transposed {
        Some(_) if !(outputs_last && conv.groups == conv.outputs) => Scales::OfTerms,
        _ => Scales::OfOutputs { outputs: conv.outputs },
    }
}

/// The kernel times its mask, which has a number for each tap.
fn masked(kernel: &Constant, conv: &Conv) -> Result<Constant, FormatError> {
    let Some(mask) = &conv.kernel.mask else { return Ok(kernel.clone()) };
    let mask = mask.mapv(f64::from).into_dyn();
    let mask = Constant::covering(mask.view()).map_err(|error| match error {
        ConstantError::Format(error) => error,
        ConstantError::NotFinite(_) => FormatError::Width(0),
    })?;
    let inside = kernel.codes.len().checked_div(mask.codes.len()).unwrap_or(0);
    let each = mask.codes.iter().flat_map(|tap| std::iter::repeat_n(tap, inside));
    let codes = kernel.codes.iter().zip(each).map(|(weight, tap)| weight * tap).collect();
    let codes = ArrayD::from_shape_vec(kernel.codes.shape(), codes);
    let fraction = kernel.format.fractional_bits().saturating_add(mask.format.fractional_bits());
    Constant::of_codes(codes.unwrap_or_default(), fraction)
}

/// The kernel as a matrix \[taps · channels of a group, outputs\].
///
/// A transposed convolution lays its kernel over each element of its operand, so that seen from
/// the result the taps come in the opposite order; and it has the outputs before the channels of
/// a group. A depthwise kernel \[.., channels, multiplier\] has one channel for each output, so that
/// its elements are in order as they are.
fn matrix(kernel: &Constant, conv: &Conv, shape: [usize; 2]) -> Constant {
    let codes = match &kernel.codes {
        Codes::Narrow(codes) => Codes::Narrow(rearranged(codes, conv, shape)),
        Codes::Wide(codes) => Codes::Wide(rearranged(codes, conv, shape)),
    };
    Constant { codes, format: kernel.format }
}

fn rearranged<T: Clone>(kernel: &ArrayD<T>, conv: &Conv, shape: [usize; 2]) -> ArrayD<T> {
    let mut kernel = kernel.view();
    if conv.window.transposed.is_some() {
        let axes = kernel.ndim();
        for axis in 0..axes.saturating_sub(2) {
            kernel.slice_axis_inplace(Axis(axis), Slice::new(0, None, -1));
        }
        if axes >= 2 {
            kernel.swap_axes(axes - 2, axes - 1);
        }
    }
    let elements: Vec<T> = kernel.iter().cloned().collect();
    let length = elements.len();
    // A kernel of another size keeps it: then the convolution does not fit and is refused.
    ArrayD::from_shape_vec(IxDyn(&shape), elements.clone())
        .or_else(|_| ArrayD::from_shape_vec(IxDyn(&[length]), elements))
        .unwrap_or_else(|_| kernel.to_owned())
}

/// Kernel and bias with a batch normalisation folded into them, in float32 and in the order in
/// which QKeras' `QConv2DBatchnorm.call` computes.
fn fold(conv: &Conv, folded: &Folded) -> (ArrayD<f32>, ArrayD<f32>) {
    // TensorFlow's rsqrt is the float32 number nearest to the exact one, or the next.
    let rsqrt = |variance: f32| (1.0 / f64::from(variance + folded.epsilon).sqrt()) as f32;
    let mut inv = folded.variance.mapv(rsqrt);
    if let Some(gamma) = &folded.gamma {
        inv *= gamma;
    }
    let bias = match &conv.bias {
        Some(bias) => bias - &folded.mean,
        None => -&folded.mean,
    };
    let bias = &inv * &bias + &folded.beta;
    let mut kernel = conv.kernel.values.clone();
    // The outputs' index runs fastest: over the last axis, or the last two of a depthwise kernel.
    for (weight, inv) in kernel.iter_mut().zip(inv.iter().cycle()) {
        *weight *= inv;
    }
    (kernel, bias.into_dyn())
}
