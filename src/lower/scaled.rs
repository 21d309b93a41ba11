//! Activation quantizers with several scales: one for each channel, or for each element.
//!
//! A scale that multiplies leaves one quantizer for all channels, and a factor for each behind it. One
//! that divides first does so too where it is a power of two, by a factor before it. Where it is
//! not, x / s is no number of hardware: then channels of one scale go through a quantizer of
//! their own.

use ndarray::{Array1, ArrayD};

use super::LowerError;
use super::activation::Place;
use super::builder::Builder;
use super::layout::{concat, gather};
use crate::fixed::power_of_two;
use crate::ir::{Affine, Constant, Gather, NodeId};
use crate::model::Layout;
use crate::quantizer::{Quantizer, ScaleRole, Scaled};

/// Adds what a quantizer with one scale makes of a node; it is called as the place says.
pub(super) type One<'f> =
    dyn Fn(&mut Builder<'_>, Place<'_>, NodeId, &Quantizer) -> Result<NodeId, LowerError> + 'f;

/// What is quantized: a node, by way of a function or as it is.
#[derive(Clone, Copy)]
pub(super) struct Quantized<'f> {
    pub(super) x: NodeId,
    /// How it is quantized with one scale.
    pub(super) one: &'f One<'f>,
    /// Whether the quantizer sees x itself.
    pub(super) direct: bool,
}

/// The node that holds `scaled` of what is quantized.
pub(super) fn lower(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    quantized: Quantized<'_>,
    scaled: &Scaled<'_>,
) -> Result<NodeId, LowerError> {
    let shape = builder.tensor(quantized.x).shape.clone();
    let scales = scaled.over(&shape).map_err(place.quantizer_error())?;
    let Some(first) = scales.first().copied() else { return Ok(quantized.x) };
    if scales.iter().all(|scale| *scale == first) {
        return (quantized.one)(builder, place, quantized.x, &scaled.with(first));
    }
    let channels = shape.last().copied().unwrap_or(1);
    let row: Vec<f32> = scales.iter().take(channels).copied().collect();
    if scales.iter().zip(row.iter().cycle()).all(|(scale, of_channel)| scale == of_channel) {
        return by_channel(builder, place, quantized, scaled, &row);
    }
    // Along other axes too: then each element is a channel.
    let each = [Layout::Reshape(vec![scales.len()])];
    let x = gather(builder, place.layer, "flat", quantized.x, &each)?;
    let flat = Quantized { x, ..quantized };
    let all: Vec<f32> = scales.into_iter().collect();
    let node = by_channel(builder, place.within(), flat, scaled, &all)?;
    gather(builder, place.layer, place.part("activation"), node, &[Layout::Reshape(shape)])
}

/// With the scale of each channel.
fn by_channel(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    quantized: Quantized<'_>,
    scaled: &Scaled<'_>,
    scales: &[f32],
) -> Result<NodeId, LowerError> {
    let factors: Vec<f64> = scales.iter().map(|scale| f64::from(*scale)).collect();
    let unit = scaled.with(1.0);
    let last = place.part("activation");
    match scaled.role() {
        ScaleRole::Factor => {
            let node = (quantized.one)(builder, place.within(), quantized.x, &unit)?;
            scale(builder, place, last, node, &factors)
        }
        ScaleRole::Lsb
            if quantized.direct && factors.iter().all(|s| power_of_two(*s).is_some()) =>
        {
            let down: Vec<f64> = factors.iter().map(|factor| factor.recip()).collect();
            let node = scale(builder, place, "scaled", quantized.x, &down)?;
            let node = (quantized.one)(builder, place.within(), node, &unit)?;
            scale(builder, place, last, node, &factors)
        }
        ScaleRole::Lsb | ScaleRole::Inner => by_groups(builder, place, quantized, scaled, scales),
    }
}

/// Channels of one scale apart from others, each through a quantizer of its own.
fn by_groups(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    quantized: Quantized<'_>,
    scaled: &Scaled<'_>,
    scales: &[f32],
) -> Result<NodeId, LowerError> {
    let shape = builder.tensor(quantized.x).shape.clone();
    let mut different: Vec<f32> = vec![];
    for scale in scales {
        if !different.contains(scale) {
            different.push(*scale);
        }
    }
    let mut order = vec![];
    let mut results = vec![];
    for (number, scale) in different.iter().enumerate() {
        let channels: Vec<usize> = (0..scales.len()).filter(|c| scales[*c] == *scale).collect();
        let part = |what: &str| format!("{what}{}", number + 1);
        let x = pick(builder, place, &part("channels"), quantized.x, &shape, &channels)?;
        results.push((quantized.one)(builder, place.within(), x, &scaled.with(*scale))?);
        order.extend(channels);
    }
    let joined = concat(builder, place.layer, "joined", &results, shape.len().saturating_sub(1))?;
    let mut back = vec![0; order.len()];
    for (now, channel) in order.iter().enumerate() {
        back[*channel] = now;
    }
    pick(builder, place, place.part("activation"), joined, &shape, &back)
}

/// The channels of `x`, which has the axes of `shape`, that `channels` names.
fn pick(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    part: &str,
    x: NodeId,
    shape: &[usize],
    channels: &[usize],
) -> Result<NodeId, LowerError> {
    let tensor = builder.tensor(x);
    let (rows, among) = (tensor.rows(), tensor.channel_count());
    let row = |row: usize| channels.iter().map(move |channel| Some(row * among + channel));
    let indices = (0..rows).flat_map(row).collect();
    let mut shape = shape.to_vec();
    if let Some(last) = shape.last_mut() {
        *last = channels.len();
    }
    builder.add(place.layer, part, Gather { shape, indices }, x)
}

/// Each channel of `x` times its factor.
pub(super) fn scale(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    part: &str,
    x: NodeId,
    factors: &[f64],
) -> Result<NodeId, LowerError> {
    let factors: ArrayD<f64> = Array1::from(factors.to_vec()).into_dyn();
    let scale = Constant::covering(factors.view()).map_err(|error| place.constant_error(error))?;
    builder.add(place.layer, part, Affine { scale, bias: None }, x)
}
