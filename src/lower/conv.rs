//! Convolutions, their windows, and bilinear interpolation, which is a transposed convolution.

use ndarray::{ArrayD, Axis, IxDyn, Slice};
use petgraph::graph::NodeIndex;

use super::LowerError;
use super::activation::NodeScope;
use super::average::{self, Rational};
use super::builder::Builder;
use super::dense::{KernelScales, WeightedLayer, fold};
use super::exact::{Reach, exact};
use crate::fixed::Codes;
use crate::ir::{self, Constant, Gather, Linear, NodeId, Tensor, Window};
use crate::model::{AxisResize, Conv, Layer, Separable, WindowSpec};

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
    // The activation follows the second one.
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
        index,
        layer,
        kernel,
        attribute: conv.kernel.attribute,
        kernel_quantizer: conv.kernel.quantizer.as_ref(),
        bias,
        bias_quantizer: conv.bias_quantizer.as_ref(),
        folded: conv.folded.is_some(),
        outputs: conv.outputs,
        scales: scales(conv),
        operand,
        norm: builder.folds.of_layer(index).filter(|_| part.is_empty()),
        part,
    };
    let parameters = weighted.quantize(builder)?;
    let inner = window.taps() * builder.tensor(operand).channel_count() / conv.groups.max(1);
    let weights = masked(builder, (layer, operand), &parameters.weights, conv)?;
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
        _ => KernelScales::PerOutput,
    }
}

/// The kernel times its mask, which has one value per tap.
fn masked(
    builder: &mut Builder<'_>,
    (layer, operand): (&str, NodeId),
    kernel: &Constant,
    conv: &Conv,
) -> Result<Constant, LowerError> {
    let Some(mask) = &conv.kernel.mask else { return Ok(kernel.clone()) };
    let mask = mask.mapv(f64::from).into_dyn();
    let mask = exact(builder, layer, "mask", &mask, Reach::Weights(operand))?;
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
/// `half_pixel_centers`): result o mixes the two elements next to its position by their distances.
/// That is a convolution with weights of its own along each axis; see [`Interpolation`].
pub(super) fn bilinear(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    axes: [AxisResize; 2],
) -> Result<(), LowerError> {
    let wrong = |rule: String| LowerError::Operation { layer: layer.name.clone(), rule };
    let operand = builder.operand(index)?;
    let x = builder.tensor(operand);
    let [height, width, channels] = x.shape[..] else {
        return Err(wrong(
            "it takes samples of another shape than [height, width, channels]".into(),
        ));
    };
    let rows = Interpolation::new(height, axes[0]);
    let columns = Interpolation::new(width, axes[1]);
    let positions =
        rows.elements.iter().flat_map(|row| columns.elements.iter().map(move |c| (row, c)));
    let indices = positions.flat_map(|(row, column)| {
        (0..channels).map(move |channel| Some((row * width + column) * channels + channel))
    });
    let input = [rows.elements.len(), columns.elements.len()];
    let gather = Gather { shape: vec![input[0], input[1], channels], indices: indices.collect() };
    let elements = builder.add(&layer.name, "borders", gather, operand)?;

    let taps = rows.taps.iter().flat_map(|row| columns.taps.iter().map(move |tap| row * tap));
    let weights: Vec<f64> = taps.flat_map(|tap| std::iter::repeat_n(tap, channels)).collect();
    let kernel = [rows.taps.len(), columns.taps.len()];
    let shape = [kernel[0] * kernel[1], channels];
    let weights = ArrayD::from_shape_vec(IxDyn(&shape), weights).expect("a weight per tap");
    let weights = exact(builder, &layer.name, "kernel", &weights, Reach::Weights(elements))?;
    let window = Window {
        input,
        kernel,
        stride: [rows.stride, columns.stride],
        dilation: [1, 1],
        pad_before: [rows.pad_before, columns.pad_before],
        input_dilation: [rows.input_dilation, columns.input_dilation],
        output: [rows.output, columns.output],
    };
    let conv = ir::Conv { window, groups: channels, linear: Linear { weights, bias: None } };
    let sums = builder.add(&layer.name, "sums", conv, elements)?;
    let factor = Rational::ratio(1, (rows.unit * columns.unit) as u64);
    let scope = NodeScope::layer(index, &layer.name);
    let node = average::multiply(builder, scope, sums, &[factor])?;
    builder.finished(index, layer, node)
}

/// Bilinear interpolation along one axis.
struct Interpolation {
    /// Elements of the operand that windows slide over.
    elements: Vec<usize>,
    /// Weights of a window in multiples of 1 / `unit`.
    taps: Vec<f64>,
    unit: usize,
    /// See [`Window`].
    stride: usize,
    pad_before: usize,
    input_dilation: usize,
    output: usize,
}

impl Interpolation {
    fn new(length: usize, by: AxisResize) -> Self {
        match by {
            AxisResize::Up(1) | AxisResize::Down(1) => Self::pick((0..length).collect()),
            AxisResize::Up(factor) => Self::up(length, factor),
            AxisResize::Down(factor) => Self::down(length, factor),
        }
    }

    /// One element for each result.
    fn pick(elements: Vec<usize>) -> Self {
        let output = elements.len();
        let (stride, pad_before, input_dilation) = (1, 0, 1);
        Self { elements, taps: vec![1.0], unit: 1, stride, pad_before, input_dilation, output }
    }

    /// Result o lies at (o + 1/2) / f - 1/2; the borders are repeated. That is a transposed
    /// convolution with a triangular kernel of width 2 f, on an operand with its outermost elements
    /// repeated once.
    fn up(length: usize, factor: usize) -> Self {
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
        let inside = |position: usize| position.saturating_sub(1).min(length.saturating_sub(1));
        Self {
            elements: (0..length + 2).map(inside).collect(),
            taps,
            unit,
            stride: 1,
            pad_before: first.unsigned_abs(),
            input_dilation: factor,
            output: length * factor,
        }
    }

    /// Result o lies at (o + 1/2) f - 1/2: on an element, or in the middle of two.
    fn down(length: usize, factor: usize) -> Self {
        let output = length / factor;
        let middle = |o: usize| o * factor + factor / 2;
        if !factor.is_multiple_of(2) {
            return Self::pick((0..output).map(middle).collect());
        }
        let pairs = (0..output).flat_map(|o| [middle(o) - 1, middle(o)]);
        Self {
            elements: pairs.collect(),
            taps: vec![1.0; 2],
            unit: 2,
            stride: 2,
            pad_before: 0,
            input_dilation: 1,
            output,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Interpolation;
    use crate::model::AxisResize::{Down, Up};

    #[test]
    fn weights_decrease_with_the_distance() {
        let two = Interpolation::new(2, Up(2));
        assert_eq!((two.taps, two.unit, two.pad_before), (vec![1.0, 3.0, 3.0, 1.0], 4, 0));
        let three = Interpolation::new(2, Up(3));
        assert_eq!(
            (three.taps, three.unit, three.pad_before),
            (vec![1.0, 2.0, 3.0, 2.0, 1.0], 3, 0)
        );
        let four = Interpolation::new(2, Up(4));
        assert_eq!(four.taps, [1.0, 3.0, 5.0, 7.0, 7.0, 5.0, 3.0, 1.0]);
        assert_eq!((four.unit, four.pad_before, four.elements), (8, 1, vec![0, 0, 1, 1]));
    }

    #[test]
    fn a_shorter_axis_has_middle_elements() {
        let four = Interpolation::new(8, Down(4));
        assert_eq!((four.elements, four.taps, four.unit), (vec![1, 2, 5, 6], vec![1.0; 2], 2));
        let three = Interpolation::new(6, Down(3));
        assert_eq!((three.elements, three.taps, three.unit), (vec![1, 4], vec![1.0], 1));
    }
}
