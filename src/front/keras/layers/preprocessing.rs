//! Preprocessing of samples inside of a model: Rescaling, Normalization, Resizing.

use ndarray::{ArrayD, Axis, IxDyn};
use serde_json::{Value, json};

use super::windows::Dimensions::Two;
use super::{Built, Class, LayerReader, check_size};
use crate::front::error::FrontError;
use crate::front::keras::attributes::list;
use crate::front::keras::operations::numbers;
use crate::front::layer_problem::LayerProblem;
use crate::model::{AxisResize, LayerKind, Layout, Normalization, Rescaling};

pub(super) const CLASSES: &[Class] =
    &[("Rescaling", rescaling), ("Normalization", normalization), ("Resizing", resizing)];

fn rescaling(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    layer.attributes.require("scale")?;
    let scale = layer.constants("scale", 1.0)?;
    let offset = layer.constants("offset", 0.0)?;
    layer.same_shape(LayerKind::Rescaling(Rescaling { scale, offset }))
}

/// Mean and variance are attributes, or variables that `adapt` computed.
fn normalization(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    let invert = layer.attributes.flag("invert", false)?;
    let shape = layer.input()?.to_vec();
    let kept = match layer.attributes.get("axis") {
        None => vec![],
        Some(value) => {
            let axes = list(value).iter().map(|axis| layer.axis("axis", axis));
            let mut axes = axes.collect::<Result<Vec<_>, _>>()?;
            axes.sort_unstable();
            axes.dedup();
            axes
        }
    };
    let own: Vec<usize> = kept.iter().map(|axis| shape[*axis]).collect();
    let [mean, variance] = match layer.attributes.get("mean") {
        Some(_) => {
            layer.attributes.require("variance")?;
            let stated = ["mean", "variance"].map(|name| layer.broadcast_numbers(name, &own));
            let [mean, variance] = stated;
            [mean?, variance?]
        }
        None => {
            layer.attributes.only("variance", &[])?;
            let mut variables = layer.weights.variables(&["mean", "variance", "count"])?;
            let (mean, variance) = (variables.next(IxDyn(&own))?, variables.next(IxDyn(&own))?);
            // The number of samples that were counted.
            variables.next(())?;
            [mean, variance]
        }
    };
    if let Some(negative) = variance.iter().find(|variance| **variance < 0.0) {
        return Err(layer.attributes.malformed("variance", &json!(negative), "a variance"));
    }
    // An axis of length 1 for each one that is not kept.
    let mut wide = vec![1; shape.len()];
    kept.iter().for_each(|axis| wide[*axis] = shape[*axis]);
    let too_large = |_| layer.owner.wrong(LayerProblem::TooLarge);
    let mean = mean.into_shape_with_order(IxDyn(&wide)).map_err(too_large)?;
    let variance = variance.into_shape_with_order(IxDyn(&wide)).map_err(too_large)?;
    layer.same_shape(LayerKind::Normalization(Normalization { mean, variance, invert }))
}

fn resizing(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    let image = layer.image(Two)?;
    let target = [layer.attributes.count("height")?, layer.attributes.count("width")?];
    layer.require_channels_last()?;
    layer.attributes.inert(&["fill_mode", "fill_value"]);
    for name in ["crop_to_aspect_ratio", "pad_to_aspect_ratio"] {
        // The same aspect ratio needs neither.
        let [height, width] = image.size;
        let same = height.checked_mul(target[1]) == target[0].checked_mul(width);
        let allowed: &[Value] = if same { &[json!(false), json!(true)] } else { &[json!(false)] };
        layer.attributes.only(name, allowed)?;
    }
    layer.attributes.only("antialias", &[json!(false)])?;
    layer.attributes.only("interpolation", &[json!("bilinear"), json!("nearest")])?;
    let nearest = layer.attributes.get("interpolation") == Some(&json!("nearest"));
    let resized = layer.resized(target, nearest)?;
    resized.ok_or_else(|| {
        let value = json!(target);
        layer.attributes.unsupported("[height, width]", &value, RESIZE_HELP.to_owned())
    })
}

/// Supported sizes of a resized image.
pub(in crate::front::keras) const RESIZE_HELP: &str = "supported: integer multiples and fractions of the size of [height, width, channels], any size for nearest interpolation";

/// Positions that nearest interpolation selects: `ResizeNearestNeighbor` with `half_pixel_centers`, in
/// float32 as in TensorFlow.
fn nearest(from: usize, to: usize) -> Vec<usize> {
    let scale = from as f32 / to as f32;
    let position = |at: usize| ((at as f32 + 0.5) * scale).floor() as usize;
    (0..to).map(|at| position(at).min(from.saturating_sub(1))).collect()
}

impl LayerReader<'_> {
    /// Returns a layer that resizes its only input, \[height, width, channels\], without
    /// antialiasing; `None` for an unsupported size.
    pub(in crate::front::keras) fn resized(
        &self,
        [height, width]: [usize; 2],
        is_nearest: bool,
    ) -> Result<Option<Built>, FrontError> {
        let image = self.image(Two)?;
        let [rows, columns] = image.size;
        if height == 0 || width == 0 {
            return Ok(None);
        }
        let shape = vec![height, width, image.channels];
        check_size(self.owner, &shape)?;
        if is_nearest {
            let take = |axis, from, to| Layout::Take { axis, indices: nearest(from, to) };
            return self
                .with_layout(vec![take(0, rows, height), take(1, columns, width)])
                .map(Some);
        }
        let axes = AxisResize::new(rows, height).zip(AxisResize::new(columns, width));
        Ok(axes.map(|(rows, columns)| Built { kind: LayerKind::Bilinear([rows, columns]), shape }))
    }

    /// Reads a number, or an array that broadcasts to the only input.
    fn constants(&mut self, name: &'static str, default: f32) -> Result<ArrayD<f32>, FrontError> {
        let shape = self.input()?.to_vec();
        let Some(value) = self.attributes.get(name) else {
            return Ok(ArrayD::from_elem(IxDyn(&[]), default));
        };
        let expected = format!("a number, or an array that broadcasts to {shape:?}");
        let malformed = || self.attributes.malformed(name, value, &expected);
        let mut values = numbers(value).ok_or_else(malformed)?;
        // A leading axis of length 1 may be the batch's.
        while values.ndim() > shape.len() && values.shape()[0] == 1 {
            values = values.index_axis_move(Axis(0), 0);
        }
        let fits = values.broadcast(IxDyn(&shape)).is_some();
        let finite = values.iter().all(|value| value.is_finite());
        if fits && finite { Ok(values) } else { Err(malformed()) }
    }

    /// Reads numbers that broadcast to `shape`.
    fn broadcast_numbers(
        &mut self,
        name: &'static str,
        shape: &[usize],
    ) -> Result<ArrayD<f32>, FrontError> {
        let value = self.attributes.require(name)?;
        let values = numbers(value).filter(|all| all.iter().all(|value| value.is_finite()));
        let wide = values.as_ref().and_then(|values| {
            // Keras drops axes of length 1: those of a state with all axes of a sample.
            match values.broadcast(IxDyn(shape)) {
                Some(wide) => Some(wide.to_owned()),
                None => values.clone().into_shape_with_order(IxDyn(shape)).ok(),
            }
        });
        let expected = format!("numbers of the shape {shape:?}");
        wide.ok_or_else(|| self.attributes.malformed(name, value, &expected))
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    /// The positions are those of `tf.image.resize(.., method="nearest")`.
    #[test]
    fn nearest_positions_are_those_of_tensorflow() {
        assert_eq!(nearest(3, 6), [0, 0, 1, 1, 2, 2]);
        assert_eq!(nearest(6, 3), [1, 3, 5]);
        assert_eq!(nearest(9, 3), [1, 4, 7]);
        assert_eq!(nearest(5, 7), [0, 1, 1, 2, 3, 3, 4]);
        assert_eq!(nearest(7, 5), [0, 2, 3, 4, 6]);
    }
}
