//! Layers that change the layout: padding, cropping, upsampling, reshaping.

use serde_json::{Value, json};

use super::{Built, Class, LayerReader};
use crate::front::error::FrontError;
use crate::front::keras::attributes::natural;
use crate::front::layer_problem::LayerProblem;
use crate::model::{AxisResize, AxisSlice, LayerKind, Layout};

pub(super) const CLASSES: &[Class] = &[
    ("ZeroPadding1D", |layer| pad(layer, 1)),
    ("ZeroPadding2D", |layer| pad(layer, 2)),
    ("Cropping1D", |layer| crop(layer, 1)),
    ("Cropping2D", |layer| crop(layer, 2)),
    ("UpSampling1D", |layer| repeat(layer, 1)),
    ("UpSampling2D", up_sampling_2d),
    ("Flatten", flatten),
    ("Reshape", reshape),
    ("Permute", permute),
    ("RepeatVector", repeat_vector),
];

fn pad(layer: &mut LayerReader<'_>, axes: usize) -> Result<Built, FrontError> {
    let by = layer.borders("padding", axes)?;
    layer.with_layout(vec![Layout::Pad(by)])
}

fn crop(layer: &mut LayerReader<'_>, axes: usize) -> Result<Built, FrontError> {
    let by = layer.borders("cropping", axes)?;
    let rest = |(length, [before, after]): (&usize, &[usize; 2])| AxisSlice {
        start: *before,
        step: 1,
        count: length.saturating_sub(before.saturating_add(*after)),
    };
    let ranges: Vec<AxisSlice> = layer.input()?.iter().zip(&by).map(rest).collect();
    if ranges.iter().any(|range| range.count == 0) {
        let value = layer.attributes.get("cropping").cloned().unwrap_or_default();
        return Err(layer.attributes.malformed(
            "cropping",
            &value,
            "less than the length of its input",
        ));
    }
    layer.with_layout(vec![Layout::Slice(ranges)])
}

fn repeat(layer: &mut LayerReader<'_>, axes: usize) -> Result<Built, FrontError> {
    let mut times = layer.counts("size", axes)?;
    times.push(1);
    layer.with_layout(vec![Layout::Repeat(times)])
}

fn up_sampling_2d(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    layer.attributes.only("interpolation", &[json!("nearest"), json!("bilinear")])?;
    if layer.attributes.get("interpolation") != Some(&json!("bilinear")) {
        return repeat(layer, 2);
    }
    let mut times = layer.counts("size", 2)?;
    let factors = [times[0], times[1]];
    times.push(1);
    let built = layer.with_layout(vec![Layout::Repeat(times)])?;
    Ok(Built { kind: LayerKind::Bilinear(factors.map(AxisResize::Up)), ..built })
}

fn flatten(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    layer.attributes.only("data_format", &[json!("channels_last")])?;
    layer.flattened()
}

fn reshape(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    let value = layer.attributes.require("target_shape")?;
    layer.reshaped("target_shape", value, value.as_array().map_or(&[][..], Vec::as_slice))
}

fn permute(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    let dims = layer.counts("dims", layer.input()?.len())?;
    let axes = dims.iter().map(|axis| axis - 1).collect();
    layer.with_layout(vec![Layout::Permute(axes)])
}

fn repeat_vector(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    let count = layer.attributes.count("n")?;
    match *layer.input()? {
        [length] => layer.with_layout(vec![Layout::Broadcast(vec![count, length])]),
        _ => Err(layer.layout_mismatch()),
    }
}

impl LayerReader<'_> {
    /// Returns a layer that flattens its only input.
    pub(in crate::front::keras) fn flattened(&self) -> Result<Built, FrontError> {
        let elements = self.input()?.iter().try_fold(1_usize, |all, &axis| all.checked_mul(axis));
        let elements = elements.ok_or_else(|| self.owner.wrong(LayerProblem::TooLarge))?;
        Ok(Built { kind: LayerKind::Flatten, shape: vec![elements] })
    }

    /// Returns a layer of layout operations, which must apply to its only input.
    pub(in crate::front::keras) fn with_layout(
        &self,
        operations: Vec<Layout>,
    ) -> Result<Built, FrontError> {
        let mut shape = self.input()?.to_vec();
        for operation in &operations {
            shape = operation.result_shape(&shape).ok_or_else(|| self.layout_mismatch())?;
        }
        Ok(Built { kind: LayerKind::Layout(operations), shape })
    }

    /// Returns a layer that reshapes its only input. One length may be -1 and follows from the others.
    pub(in crate::front::keras) fn reshaped(
        &self,
        name: &str,
        value: &Value,
        lengths: &[Value],
    ) -> Result<Built, FrontError> {
        let input = self.input()?;
        let wrong =
            || self.attributes.malformed(name, value, "a shape with as many elements as its input");
        let length = |length: &Value| match length.as_i64() {
            Some(-1) => Some(None),
            Some(length) => usize::try_from(length).ok().filter(|length| *length > 0).map(Some),
            None => None,
        };
        let lengths: Vec<Option<usize>> =
            lengths.iter().map(length).collect::<Option<_>>().ok_or_else(wrong)?;
        let times = |all: usize, length: &usize| all.checked_mul(*length);
        let all = input.iter().try_fold(1, times).ok_or_else(wrong)?;
        let known = lengths.iter().flatten().try_fold(1, times).ok_or_else(wrong)?;
        if lengths.iter().filter(|length| length.is_none()).count() > 1 {
            return Err(wrong());
        }
        let shape: Vec<usize> =
            lengths.iter().map(|length| length.unwrap_or(all / known)).collect();
        match Layout::Reshape(shape.clone()).result_shape(input) {
            Some(_) => self.with_layout(vec![Layout::Reshape(shape)]),
            None => Err(wrong()),
        }
    }

    /// Reads a positive integer per axis, or one for all.
    fn counts(&mut self, name: &'static str, axes: usize) -> Result<Vec<usize>, FrontError> {
        let value = self.attributes.require(name)?;
        let count = |value: &Value| natural(value).filter(|count| *count > 0);
        let counts = match value.as_array() {
            Some(values) => values.iter().map(count).collect::<Option<Vec<usize>>>(),
            None => count(value).map(|count| vec![count; axes]),
        };
        let counts = counts.filter(|counts| counts.len() == axes);
        counts.ok_or_else(|| self.attributes.malformed(name, value, "a positive integer per axis"))
    }

    /// Reads \[before, after\] for each of `axes` axes: a number, one per axis, or two per axis. Appends
    /// zeros for the channels.
    fn borders(&mut self, name: &'static str, axes: usize) -> Result<Vec<[usize; 2]>, FrontError> {
        let value = self.attributes.require(name)?;
        let pair = |value: &Value| match value.as_array().map(Vec::as_slice) {
            Some([before, after]) => Some([natural(before)?, natural(after)?]),
            Some(_) => None,
            None => natural(value).map(|both| [both, both]),
        };
        let borders = match value.as_array() {
            // A layer of one dimension states its pair without an outer list.
            Some(_) if axes == 1 => pair(value).map(|pair| vec![pair]),
            Some(values) => values.iter().map(pair).collect::<Option<Vec<_>>>(),
            None => pair(value).map(|pair| vec![pair; axes]),
        };
        let borders = borders.filter(|borders| borders.len() == axes);
        let mut borders = borders.ok_or_else(|| {
            self.attributes.malformed(
                name,
                value,
                "a non-negative integer before and after each axis",
            )
        })?;
        borders.push([0, 0]);
        Ok(borders)
    }

    /// Error: the layout operations do not apply to the input.
    fn layout_mismatch(&self) -> FrontError {
        let shape = self.inputs.first().cloned().unwrap_or_default();
        self.owner.wrong(LayerProblem::Unfit { shape })
    }
}
