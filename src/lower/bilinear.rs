//! Bilinear interpolation.
//!
//! As TensorFlow computes it since 2.0, centres of pixels half a step inside (`ResizeBilinear` with
//! `half_pixel_centers`): result o stands at (o + 1/2) / f - 1/2 among the operand's elements and
//! mixes the two beside it by their distances; beyond the borders, the outermost elements go on.
//! That is a transposed convolution by a triangle, 2 f wide, of an operand whose outermost elements
//! stand twice.

use petgraph::graph::NodeIndex;

use super::LowerError;
use super::builder::Builder;
use crate::ir::{Constant, Conv, Gather, Linear, Op, Window};
use crate::model::Layer;

pub(super) fn lower(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    factors: [usize; 2],
) -> Result<(), LowerError> {
    let wrong = |rule: String| LowerError::Operation { layer: layer.name.clone(), rule };
    if let Some(count) = factors.into_iter().find(|factor| !factor.is_power_of_two()) {
        return Err(LowerError::Average { layer: layer.name.clone(), count });
    }
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
    let gather = Gather { places: places.collect() };
    let tensor = gather.result(x, &[padded[0], padded[1], channels]).map_err(wrong)?;
    let edges = builder.add(&layer.name, "borders", Op::Gather(gather), operand, tensor);

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
        before: triangles.each_ref().map(|triangle| triangle.before),
        spread: factors,
        output: [height * factors[0], width * factors[1]],
    };
    let conv = Conv { window, groups: channels, linear: Linear { weights, bias: None } };
    let tensor = conv.result(builder.tensor(edges)).map_err(wrong)?;
    let node = builder.add(&layer.name, "", Op::Conv(conv), edges, tensor);
    builder.finished(index, layer, node);
    Ok(())
}

/// The weights along one axis.
struct Triangle {
    taps: Vec<f64>,
    /// How often the outermost elements stand once more.
    repeated: usize,
    /// Places by which the first window begins before the operand.
    before: usize,
}

impl Triangle {
    fn new(factor: usize) -> Self {
        if factor == 1 {
            return Self { taps: vec![1.0], repeated: 0, before: 0 };
        }
        // Tap d lies d places behind the result's; element i, once more in front, stands in place
        // (i + 1) f, and its centre (f + 1) / 2 before that.
        let width = factor as f64;
        let first = 1 - (factor / 2).cast_signed();
        let tap = |d: isize| 1.0 - ((width + 1.0) / 2.0 - d as f64).abs() / width;
        let taps = (first..first + 2 * factor.cast_signed()).map(tap).collect();
        Self { taps, repeated: 1, before: first.unsigned_abs() }
    }
}

#[cfg(test)]
mod tests {
    use super::Triangle;

    #[test]
    fn weights_are_distances() {
        assert_eq!(Triangle::new(2).taps, [0.25, 0.75, 0.75, 0.25]);
        let four = Triangle::new(4);
        assert_eq!(four.taps, [0.125, 0.375, 0.625, 0.875, 0.875, 0.625, 0.375, 0.125]);
        assert_eq!((four.before, four.repeated), (1, 1));
    }
}
