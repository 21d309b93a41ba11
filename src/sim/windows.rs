//! Operations on windows.

use std::borrow::Cow;

use ndarray::{ArrayD, IxDyn};

use super::reference::{Parameters, parameters};
use crate::fixed::Word;
use crate::ir::{Conv, Pool, PoolKind, Tensor};

/// See [`Conv`]; `x` has the format and channels of `from`, samples first.
pub(super) fn conv<W: Word>(
    op: &Conv,
    from: &Tensor,
    x: &ArrayD<W>,
    to: &Tensor,
) -> Option<ArrayD<W>> {
    let Parameters { weights, bias } = parameters::<W>(&op.linear, from.format, to.format)?;
    let channels = from.channel_count();
    let group_channels = op.group_channels(channels)?;
    let (outputs, windows) = (weights.ncols(), op.window.windows());
    let group_outputs = outputs.checked_div(op.groups)?.max(1);
    let (x, samples) = flat(x, from)?;
    let mut y = Vec::with_capacity(samples * windows * outputs);
    for sample in x.chunks(from.len()) {
        for window in 0..windows {
            let mut sums = bias.to_vec();
            for tap in 0..op.window.taps() {
                let Some(position) = op.window.source(window, tap) else { continue };
                let values = sample.get(position * channels..(position + 1) * channels)?;
                let rows = weights.outer_iter().skip(tap * group_channels);
                for (channel, weights) in rows.take(group_channels).enumerate() {
                    for (output, weight) in weights.iter().enumerate() {
                        let group = output / group_outputs;
                        sums[output].add_product(&values[group * group_channels + channel], weight);
                    }
                }
            }
            y.extend(sums);
        }
    }
    shaped(y, samples, to)
}

/// See [`Pool`].
pub(super) fn pool<W: Word>(
    op: &Pool,
    from: &Tensor,
    x: &ArrayD<W>,
    to: &Tensor,
) -> Option<ArrayD<W>> {
    let channels = from.channel_count();
    let (x, samples) = flat(x, from)?;
    let mut y = Vec::with_capacity(samples * to.len());
    for sample in x.chunks(from.len()) {
        for window in 0..op.window.windows() {
            for channel in 0..channels {
                let taps = (0..op.window.taps()).filter_map(|tap| {
                    sample.get(op.window.source(window, tap)? * channels + channel).cloned()
                });
                y.push(match op.kind {
                    PoolKind::Max => taps.max()?,
                    PoolKind::Sum => taps.fold(W::zero(), |sum, tap| sum + tap),
                });
            }
        }
    }
    shaped(y, samples, to)
}

/// All samples' elements, row-major, and how many samples they are.
fn flat<'x, W: Word>(x: &'x ArrayD<W>, tensor: &Tensor) -> Option<(Cow<'x, [W]>, usize)> {
    let samples = *x.shape().first()?;
    let flat = match x.as_slice() {
        Some(slice) => Cow::Borrowed(slice),
        None => Cow::Owned(x.iter().cloned().collect()),
    };
    (flat.len() == samples * tensor.len() && !tensor.is_empty()).then_some((flat, samples))
}

fn shaped<W: Word>(elements: Vec<W>, samples: usize, like: &Tensor) -> Option<ArrayD<W>> {
    let shape: Vec<usize> = std::iter::once(samples).chain(like.shape.iter().copied()).collect();
    ArrayD::from_shape_vec(IxDyn(&shape), elements).ok()
}
