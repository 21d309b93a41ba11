//! Layers that move elements: padding, cropping, repetition, shapes.

use serde_json::{Value, json};

use super::{Built, Class, Site};
use crate::front::error::FrontError;
use crate::front::keras::attributes::Owner;
use crate::front::layer_problem::LayerProblem;
use crate::model::{AxisSlice, LayerKind, Layout};

pub(super) const CLASSES: &[Class] = &[
    ("ZeroPadding1D", |site| pad(site, 1)),
    ("ZeroPadding2D", |site| pad(site, 2)),
    ("Cropping1D", |site| crop(site, 1)),
    ("Cropping2D", |site| crop(site, 2)),
    ("UpSampling1D", |site| repeat(site, 1)),
    ("UpSampling2D", up_sampling_2d),
    ("Reshape", reshape),
    ("Permute", permute),
    ("RepeatVector", repeat_vector),
];

fn pad(site: &mut Site<'_>, axes: usize) -> Result<Built, FrontError> {
    let by = site.borders("padding", axes)?;
    site.moved(vec![Layout::Pad(by)])
}

fn crop(site: &mut Site<'_>, axes: usize) -> Result<Built, FrontError> {
    let by = site.borders("cropping", axes)?;
    let rest = |(length, [before, after]): (&usize, &[usize; 2])| AxisSlice {
        start: *before,
        step: 1,
        count: length.saturating_sub(before.saturating_add(*after)),
    };
    let ranges: Vec<AxisSlice> = site.input()?.iter().zip(&by).map(rest).collect();
    if ranges.iter().any(|range| range.count == 0) {
        let value = site.attributes.get("cropping").cloned().unwrap_or_default();
        return Err(site.attributes.malformed("cropping", &value, "less than its input has"));
    }
    site.moved(vec![Layout::Slice(ranges)])
}

fn repeat(site: &mut Site<'_>, axes: usize) -> Result<Built, FrontError> {
    let mut times = site.counts("size", axes)?;
    times.push(1);
    site.moved(vec![Layout::Repeat(times)])
}

fn up_sampling_2d(site: &mut Site<'_>) -> Result<Built, FrontError> {
    site.attributes.only("interpolation", &[json!("nearest"), json!("bilinear")])?;
    if site.attributes.get("interpolation") != Some(&json!("bilinear")) {
        return repeat(site, 2);
    }
    let mut times = site.counts("size", 2)?;
    let factors = [times[0], times[1]];
    times.push(1);
    let built = site.moved(vec![Layout::Repeat(times)])?;
    Ok(Built { kind: LayerKind::Bilinear { factors }, ..built })
}

fn reshape(site: &mut Site<'_>) -> Result<Built, FrontError> {
    let value = site.attributes.get("target_shape").cloned();
    let value = value.ok_or_else(|| site.attributes.missing("target_shape"))?;
    let lengths = value.as_array().map(Vec::as_slice).unwrap_or_default();
    site.reshaped("target_shape", &value, lengths)
}

fn permute(site: &mut Site<'_>) -> Result<Built, FrontError> {
    let dims = site.counts("dims", site.input()?.len())?;
    let axes = dims.iter().map(|axis| axis - 1).collect();
    site.moved(vec![Layout::Permute(axes)])
}

fn repeat_vector(site: &mut Site<'_>) -> Result<Built, FrontError> {
    let count = site.attributes.count("n")?;
    match *site.input()? {
        [length] => site.moved(vec![Layout::Broadcast(vec![count, length])]),
        _ => Err(site.attributes_do_not_fit()),
    }
}

impl Site<'_> {
    /// A layer of moves, which must fit its only input.
    pub(in crate::front::keras) fn moved(&self, moves: Vec<Layout>) -> Result<Built, FrontError> {
        let mut shape = self.input()?.to_vec();
        for by in &moves {
            shape = by.result_shape(&shape).ok_or_else(|| self.attributes_do_not_fit())?;
        }
        Ok(Built { kind: LayerKind::Layout(moves), shape })
    }

    /// The input in another shape, of which one length may be -1, for what is left.
    pub(in crate::front::keras) fn reshaped(
        &self,
        name: &str,
        value: &Value,
        lengths: &[Value],
    ) -> Result<Built, FrontError> {
        let input = self.input()?;
        let wrong = || self.attributes.malformed(name, value, "a shape of as many elements");
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
            Some(_) => self.moved(vec![Layout::Reshape(shape)]),
            None => Err(wrong()),
        }
    }

    /// `axes` counts from 1, or one for all.
    fn counts(&mut self, name: &'static str, axes: usize) -> Result<Vec<usize>, FrontError> {
        let value = self.attributes.get(name).ok_or_else(|| self.attributes.missing(name))?;
        let count = |value: &Value| {
            let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
            count.filter(|count| *count > 0)
        };
        let counts = match value.as_array() {
            Some(values) => values.iter().map(count).collect::<Option<Vec<usize>>>(),
            None => count(value).map(|count| vec![count; axes]),
        };
        let counts = counts.filter(|counts| counts.len() == axes);
        counts
            .ok_or_else(|| self.attributes.malformed(name, value, "a number from 1 for each axis"))
    }

    /// What lies before and after the elements along each of `axes` axes, and nothing along that
    /// of the channels: a number, one for each axis, or two for each axis.
    fn borders(&mut self, name: &'static str, axes: usize) -> Result<Vec<[usize; 2]>, FrontError> {
        let value = self.attributes.get(name).ok_or_else(|| self.attributes.missing(name))?;
        let number = |value: &Value| value.as_u64().and_then(|count| usize::try_from(count).ok());
        let pair = |value: &Value| match value.as_array().map(Vec::as_slice) {
            Some([before, after]) => Some([number(before)?, number(after)?]),
            Some(_) => None,
            None => number(value).map(|both| [both, both]),
        };
        let borders = match value.as_array() {
            // The one axis of a layer 1D has its pair without a list around.
            Some(_) if axes == 1 => pair(value).map(|pair| vec![pair]),
            Some(values) => values.iter().map(pair).collect::<Option<Vec<_>>>(),
            None => pair(value).map(|pair| vec![pair; axes]),
        };
        let borders = borders.filter(|borders| borders.len() == axes);
        let mut borders = borders.ok_or_else(|| {
            self.attributes.malformed(name, value, "a number from 0 before and after each axis")
        })?;
        borders.push([0, 0]);
        Ok(borders)
    }

    fn attributes_do_not_fit(&self) -> FrontError {
        let shape = self.inputs.first().cloned().unwrap_or_default();
        self.owner.wrong(LayerProblem::Unfit { shape })
    }

    /// Refuses a result that is beyond all measure.
    pub(in crate::front::keras) fn check_size(&self, shape: &[usize]) -> Result<(), FrontError> {
        check_size(self.owner, shape)
    }
}

/// Refuses a result that is beyond all measure.
pub(super) fn check_size(owner: Owner<'_>, shape: &[usize]) -> Result<(), FrontError> {
    let fits = Layout::Reshape(shape.to_vec()).result_shape(shape).is_some();
    if fits { Ok(()) } else { Err(owner.wrong(LayerProblem::TooLarge)) }
}
