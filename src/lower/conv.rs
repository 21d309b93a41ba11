//! Convolutions, their windows, and bilinear interpolation, which is a transposed convolution.

use ndarray::{ArrayD, Axis, IxDyn, Slice};
use petgraph::graph::NodeIndex;

use super::LowerError;
use super::activation::NodeScope;
use super::average::{self, Rational};
use super::builder::Builder;
use super::dense::{KernelScales, WeightedLayer, fold};
use super::parameters::exact;
use crate::fixed::Codes;
use crate::ir::{self, Constant, Gather, Linear, NodeId, Tensor, Window};
use crate::model::{Conv, Layer, Separable, WindowSpec};

pub(super) fn lower(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    conv: &Conv,
) -> Result<(), LowerError> {
    let operand = builder.operand(index)?;
    let node = convolve(builder, (index, &layer.name, ""), operand, conv)?;
    builder.result(index, node);
    Ok(())
}

/// A depthwise convolution, then a pointwise one, without rounding between them.
pub(super) fn separable(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    separable: &Separable,
) -> Result<(), LowerError> {
    let operand = builder.operand(index)?;
    let name = layer.name.as_str();
    let between = convolve(builder, (index, name, "depthwise"), operand, &separable.depthwise)?;
    let node = convolve(builder, (index, name, ""), between, &separable.pointwise)?;
    builder.result(index, node);
    Ok(())
}

/// Adds a convolution as `part` of a layer; `part` is empty for the layer's result.
fn convolve(
    builder: &mut Builder<'_>,
    (index, layer, part): (NodeIndex, &str, &'static str),
    operand: NodeId,
    conv: &Conv,
) -> Result<NodeId, LowerError> {
    let window = window(layer, Some(&conv.window), builder.tensor(operand))?;
    let folded = conv.folded.as_ref();
    let folded = folded.map(|folded| fold(&conv.kernel.values, conv.bias.as_ref(), folded));
    let (kernel, bias) = match &folded {
        Some((kernel, bias)) => (kernel.view(), Some(bias.view().into_dyn())),
        None => (conv.kernel.values.view(), conv.bias.as_ref().map(|bias| bias.view().into_dyn())),
    };
    let weighted = WeightedLayer {
        layer,
        kernel,
        attribute: conv.kernel.attribute,
        kernel_quantizer: conv.kernel.quantizer.as_ref(),
        bias,
        bias_quantizer: conv.bias_quantizer.as_ref(),
        folded: conv.folded.is_some(),
        scales: scales(conv),
        part,
    };
    let parameters = weighted.quantize(builder)?;
    let inner = window.taps() * builder.tensor(operand).channel_count() / conv.groups.max(1);
    let weights = masked(layer, &parameters.weights, conv)?;
    let wrong = || LowerError::Shape {
        layer: layer.into(),
        inputs: inner,
        weights: weights.codes.len() / conv.outputs.max(1),
    };
    let weights = matrix(&weights, conv, [inner, conv.outputs]).ok_or_else(wrong)?;
    let op = ir::Conv {
        window,
        groups: conv.groups,
        linear: Linear { weights, bias: parameters.bias.clone() },
    };
    let linear = op.linear.clone();
    let node = builder.add(layer, part, op, operand)?;
    let node = average::rounded_sums(builder, layer, node, (operand, &linear))?;
    parameters.finish(builder, index, layer, node, &conv.activation)
}

/// Meaning of the last axis of the kernel: outputs, or the multiplier of a depthwise kernel. A
/// transposed convolution has the channels of a group there. These are outputs only if each has a
/// group of its own and QKeras writes \[.., 1, channels\].
fn scales(conv: &Conv) -> KernelScales {
    let axes = conv.kernel.values.shape();
    let outputs_last = axes.last() == Some(&conv.outputs);
    match conv.window.transposed {
        Some(_) if !(outputs_last && conv.groups == conv.outputs) => KernelScales::PerInput,
        _ => KernelScales::PerOutput { outputs: conv.outputs },
    }
}

/// The kernel times its mask, which has one value per tap.
fn masked(layer: &str, kernel: &Constant, conv: &Conv) -> Result<Constant, LowerError> {
    let Some(mask) = &conv.kernel.mask else { return Ok(kernel.clone()) };
    let mask = exact(layer, "mask", &mask.mapv(f64::from).into_dyn())?;
    let (weights, taps) = (kernel.codes.len(), mask.codes.len());
    if taps == 0 || !weights.is_multiple_of(taps) {
        return Err(LowerError::Shape { layer: layer.into(), inputs: taps, weights });
    }
    let each = mask.codes.iter().flat_map(|tap| std::iter::repeat_n(tap, weights / taps));
    let codes = kernel.codes.iter().zip(each).map(|(weight, tap)| weight * tap).collect();
    let codes = ArrayD::from_shape_vec(kernel.codes.shape(), codes).expect("a code per weight");
    let fraction = kernel.format.fractional_bits().saturating_add(mask.format.fractional_bits());
    Constant::of_codes(codes, fraction).map_err(|error| LowerError::Format {
        layer: layer.into(),
        part: "kernel",
        error,
    })
}

/// The weight matrix \[taps · channels of a group, outputs\]; `None` if the kernel has another
/// size.
///
/// A transposed convolution applies its kernel to each element of its operand: for a result, the
/// taps come in reverse order. Its kernel has the outputs before the channels of a group. A
/// depthwise kernel \[.., channels, multiplier\] has one channel per output and so needs no
/// reordering.
fn matrix(kernel: &Constant, conv: &Conv, shape: [usize; 2]) -> Option<Constant> {
    let codes = match &kernel.codes {
        Codes::Narrow(codes) => Codes::Narrow(rearranged(codes, conv, shape)?),
        Codes::Wide(codes) => Codes::Wide(rearranged(codes, conv, shape)?),
    };
    Some(Constant { codes, format: kernel.format })
}

fn rearranged<T: Clone>(kernel: &ArrayD<T>, conv: &Conv, shape: [usize; 2]) -> Option<ArrayD<T>> {
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
    ArrayD::from_shape_vec(IxDyn(&shape), kernel.iter().cloned().collect()).ok()
}

/// The windows of `spec` over `x`; a single window over all positions if there is no `spec`.
pub(super) fn window(
    layer: &str,
    spec: Option<&WindowSpec>,
    x: &Tensor,
) -> Result<Window, LowerError> {
    let misfit = || LowerError::Operation {
        layer: layer.into(),
        rule: format!("its windows do not fit samples of the shape {:?}", x.shape),
    };
    let input = match x.shape[..] {
        [width, _] => [1, width],
        [height, width, _] => [height, width],
        _ => return Err(misfit()),
    };
    let Some(spec) = spec else { return Ok(Window::whole(input)) };
    let placement = spec.place(input).ok_or_else(misfit)?;
    // Strides of a transposed convolution dilate its operand.
    let (stride, input_dilation) = match spec.transposed {
        None => (spec.strides, [1, 1]),
        Some(_) => ([1, 1], spec.strides),
    };
    Ok(Window {
        input,
        kernel: spec.kernel,
        stride,
        dilation: spec.dilation,
        pad_before: placement.pad_before,
        input_dilation,
        output: placement.output,
    })
}

/// Bilinear interpolation, computed as in TensorFlow since 2.0 (`ResizeBilinear` with
/// `half_pixel_centers`).
///
/// Result o lies at (o + 1/2) / f - 1/2 among the operand's elements and mixes the two next to it
/// by their distances; the borders are repeated. That is a transposed convolution with a triangular
/// kernel of width 2 f, on an operand with its outermost elements repeated once.
pub(super) fn bilinear(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    factors: [usize; 2],
) -> Result<(), LowerError> {
    let wrong = |rule: String| LowerError::Operation { layer: layer.name.clone(), rule };
    let operand = builder.operand(index)?;
    let x = builder.tensor(operand);
    let [height, width, channels] = x.shape[..] else {
        return Err(wrong(
            "it takes samples of another shape than [height, width, channels]".into(),
        ));
    };
    let triangles = factors.map(Triangle::new);
    let input = [height, width];
    let padded = [0, 1].map(|axis| input[axis] + 2 * triangles[axis].repeated);
    let inside = |axis: usize, position: usize| {
        position.saturating_sub(triangles[axis].repeated).min(input[axis] - 1)
    };
    let indices = (0..padded[0] * padded[1] * channels).map(|element| {
        let (position, channel) = (element / channels, element % channels);
        let row = inside(0, position / padded[1]);
        let column = inside(1, position % padded[1]);
        Some((row * width + column) * channels + channel)
    });
    let gather = Gather { shape: vec![padded[0], padded[1], channels], indices: indices.collect() };
    let edges = builder.add(&layer.name, "borders", gather, operand)?;

    let [rows, columns] = &triangles;
    let taps = rows.taps.iter().flat_map(|row| columns.taps.iter().map(move |tap| row * tap));
    let weights: Vec<f64> = taps.flat_map(|tap| std::iter::repeat_n(tap, channels)).collect();
    let kernel = [rows.taps.len(), columns.taps.len()];
    let shape = [kernel[0] * kernel[1], channels];
    let weights = ArrayD::from_shape_vec(IxDyn(&shape), weights).expect("a weight per tap");
    let weights = exact(&layer.name, "kernel", &weights)?;
    let window = Window {
        input: padded,
        kernel,
        stride: [1, 1],
        dilation: [1, 1],
        pad_before: triangles.each_ref().map(|triangle| triangle.pad_before),
        input_dilation: factors,
        output: [height * factors[0], width * factors[1]],
    };
    let conv = ir::Conv { window, groups: channels, linear: Linear { weights, bias: None } };
    let sums = builder.add(&layer.name, "sums", conv, edges)?;
    let factor = Rational::ratio(1, (rows.unit * columns.unit) as u64);
    let scope = NodeScope::layer(index, &layer.name);
    let node = average::multiply(builder, scope, sums, &[factor])?;
    builder.finished(index, layer, node)
}

/// Weights of bilinear interpolation along one axis.
struct Triangle {
    /// Weights in multiples of 1 / `unit`.
    taps: Vec<f64>,
    unit: usize,
    /// Number of repetitions of the outermost elements.
    repeated: usize,
    /// See [`Window::pad_before`].
    pad_before: usize,
}

impl Triangle {
    fn new(factor: usize) -> Self {
        if factor == 1 {
            return Self { taps: vec![1.0], unit: 1, repeated: 0, pad_before: 0 };
        }
        // Tap d has the offset d from the result's position. Element i of the operand, with one
        // more in front, has the position (i + 1) f, and its centre lies (f + 1) / 2 before it.
        // Weights fall from 1 at the centre to 0 at a distance of f.
        let halves = if factor.is_multiple_of(2) { 2 } else { 1 };
        let (width, unit) = (factor as f64, halves * factor);
        let first = 1 - (factor / 2).cast_signed();
        let count = 2 * factor.cast_signed() - if halves == 2 { 0 } else { 1 };
        let tap = |d: isize| {
            let distance = ((width + 1.0) / 2.0 - d as f64).abs();
            halves as f64 * (width - distance)
        };
        let taps = (first..first + count).map(tap).collect();
        Self { taps, unit, repeated: 1, pad_before: first.unsigned_abs() }
    }
}

#[cfg(test)]
mod tests {
    use super::Triangle;

    #[test]
    fn weights_decrease_with_the_distance() {
        let two = Triangle::new(2);
        assert_eq!((two.taps, two.unit, two.pad_before), (vec![1.0, 3.0, 3.0, 1.0], 4, 0));
        let three = Triangle::new(3);
        assert_eq!(
            (three.taps, three.unit, three.pad_before),
            (vec![1.0, 2.0, 3.0, 2.0, 1.0], 3, 0)
        );
        let four = Triangle::new(4);
        assert_eq!(four.taps, [1.0, 3.0, 5.0, 7.0, 7.0, 5.0, 3.0, 1.0]);
        assert_eq!((four.unit, four.pad_before, four.repeated), (8, 1, 1));
    }
}
