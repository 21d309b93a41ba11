//! Bilinear interpolation.
//!
//! As TensorFlow computes it since 2.0, centres of pixels half a step inside (`ResizeBilinear` with
//! `half_pixel_centers`): result o stands at (o + 1/2) / f - 1/2 among the operand's elements and
//! mixes the two beside it by their distances; beyond the borders, the outermost elements go on.
//! That is a transposed convolution by a triangle, 2 f wide, of an operand whose outermost elements
//! stand twice.

use petgraph::graph::NodeIndex;

use super::LowerError;
use super::activation::Place;
use super::average::{self, Factor};
use super::builder::Builder;
use crate::ir::{Constant, Conv, Gather, Linear, Window};
use crate::model::Layer;

pub(super) fn lower(
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
            "it takes samples of another form than [height, width, channels]".into(),
        ));
    };
    let triangles = factors.map(Triangle::new);
    let input = [height, width];
    let padded = [0, 1].map(|axis| input[axis] + 2 * triangles[axis].repeated);
    let inside = |axis: usize, place: usize| {
        place.saturating_sub(triangles[axis].repeated).min(input[axis] - 1)
    };
    let places = (0..padded[0] * padded[1] * channels).map(|place| {
        let (position, channel) = (place / channels, place % channels);
        let row = inside(0, position / padded[1]);
        let column = inside(1, position % padded[1]);
        Some((row * width + column) * channels + channel)
    });
    let gather = Gather { shape: vec![padded[0], padded[1], channels], indices: places.collect() };
    let edges = builder.add(&layer.name, "borders", gather, operand)?;

    let [rows, columns] = &triangles;
    let taps = rows.taps.iter().flat_map(|row| columns.taps.iter().map(move |tap| row * tap));
    let weights: Vec<f64> = taps.flat_map(|tap| std::iter::repeat_n(tap, channels)).collect();
    let kernel = [rows.taps.len(), columns.taps.len()];
    let shape = [kernel[0] * kernel[1], channels];
    let weights = ndarray::Array2::from_shape_vec(shape, weights);
    let weights = weights.map_err(|error| wrong(error.to_string()))?;
    let weights = Constant::covering(weights.view().into_dyn());
    let weights = weights.map_err(|error| wrong(error.to_string()))?;
    let window = Window {
        input: padded,
        kernel,
        stride: [1, 1],
        dilation: [1, 1],
        pad_before: triangles.each_ref().map(|triangle| triangle.pad_before),
        input_dilation: factors,
        output: [height * factors[0], width * factors[1]],
    };
    let conv = Conv { window, groups: channels, linear: Linear { weights, bias: None } };
    let sums = builder.add(&layer.name, "sums", conv, edges)?;
    let factor = Factor::ratio(1, (rows.unit * columns.unit) as u64);
    let place = Place::alone(index, &layer.name);
    let node = average::multiply(builder, place, sums, &[factor])?;
    builder.finished(index, layer, node)
}

/// The weights along one axis.
struct Triangle {
    /// In steps of 1 / `unit`.
    taps: Vec<f64>,
    unit: usize,
    /// How often the outermost elements stand once more.
    repeated: usize,
    /// Places by which the first window begins pad_before the operand.
    pad_before: usize,
}

impl Triangle {
    fn new(factor: usize) -> Self {
        if factor == 1 {
            return Self { taps: vec![1.0], unit: 1, repeated: 0, pad_before: 0 };
        }
        // Tap d lies d places behind the result's; element i, once more in front, stands in place
        // (i + 1) f, and its centre (f + 1) / 2 pad_before that. Weights fall from 1 there to 0 at a
        // distance of f.
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
    fn weights_fall_with_the_distance() {
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
