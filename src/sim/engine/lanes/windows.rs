//! Windows over the channels of an operand: pooling and depthwise convolutions.

use std::ops::Range as Span;

use num_traits::ToPrimitive;

use super::super::kernel::Scratch;
use super::super::simd::{Level, Loop};
use super::super::storage::{Buffer, Stored, wide, with_elements};
use super::{Lane, Source, zip};
use crate::ir::{Conv, Pool, PoolKind, Tensor, Window};

/// The taps of every window that lie on the operand.
struct Taps {
    /// Elements of a sample.
    len: usize,
    /// For each window, its taps and the offsets of their channels in a sample.
    windows: Vec<Vec<(usize, usize)>>,
}

impl Taps {
    fn new(window: &Window, x: &Tensor) -> Self {
        let channels = x.channel_count();
        let taps = |at: usize| {
            let offset = |tap: usize| Some((tap, window.source(at, tap)? * channels));
            (0..window.taps()).filter_map(offset).collect()
        };
        Self { len: x.len(), windows: (0..window.windows()).map(taps).collect() }
    }

    /// The offset of the sample of `row`, and the taps of its window.
    #[inline(always)]
    fn of(&self, row: usize) -> (usize, &[(usize, usize)]) {
        let count = self.windows.len();
        (row / count * self.len, &self.windows[row % count])
    }
}

/// The largest element or the sum of each window.
pub(in crate::sim::engine) struct Pooling {
    level: Level,
    taps: Taps,
    kind: PoolKind,
    channels: usize,
}

impl Pooling {
    /// The source of the result of `pool` for operands `x`.
    pub(super) fn new(pool: &Pool, x: &Tensor, level: Level) -> Self {
        let (taps, channels) = (Taps::new(&pool.window, x), x.channel_count());
        Self { level, taps, kind: pool.kind, channels }
    }
}

impl<T: Lane> Source<T> for Pooling {
    fn fill(&self, operands: &[&Buffer], _: &mut Scratch, rows: Span<usize>, y: &mut [T]) {
        with_elements!(operands[0], x => self.level.run(PoolRows, (self, x, rows, y)), _ => {});
    }

    fn algorithm(&self) -> String {
        "pooling".to_owned()
    }
}

/// The windows of some rows.
struct PoolRows;

impl<S: Stored, T: Lane> Loop<(&Pooling, &[S], Span<usize>, &mut [T])> for PoolRows {
    type Result = ();

    #[inline(always)]
    fn run((pooling, x, rows, y): (&Pooling, &[S], Span<usize>, &mut [T])) {
        match pooling.kind {
            PoolKind::Max => {
                pool(pooling, x, rows, y, T::min_value(), |most: T, code: T| most.max(code));
            }
            PoolKind::Sum => {
                pool(pooling, x, rows, y, T::zero(), |sum: T, code: T| sum.wrapping_add(&code));
            }
        }
    }
}

#[inline(always)]
fn pool<S: Stored, T: Lane>(
    pooling: &Pooling,
    x: &[S],
    rows: Span<usize>,
    y: &mut [T],
    start: T,
    join: impl Fn(T, T) -> T,
) {
    for (row, y) in rows.zip(y.chunks_exact_mut(pooling.channels)) {
        y.fill(start);
        let (sample, taps) = pooling.taps.of(row);
        for (_, offset) in taps {
            zip(y, &x[sample + offset..][..pooling.channels], &join);
        }
    }
}

/// A convolution in which each output takes one channel.
pub(in crate::sim::engine) struct Depthwise<T> {
    level: Level,
    taps: Taps,
    /// \[taps\]\[outputs\].
    weights: Vec<T>,
    bias: Vec<T>,
    /// Outputs of a channel.
    multiplier: usize,
}

impl<T: Lane> Depthwise<T> {
    /// The source of the result of `conv` for operands `x`; `None` unless it has a group for each
    /// channel.
    pub(super) fn new(conv: &Conv, x: &Tensor, level: Level) -> Option<Self> {
        let channels = x.channel_count();
        if conv.groups != channels || channels == 1 {
            return None;
        }
        x.range().low().to_i64()?;
        let parameters = conv.linear.parameters::<i64>(x.format)?;
        let weights = parameters.weights.iter().map(|weight| T::of(*weight)).collect();
        let bias: Vec<T> = parameters.bias.iter().map(|bias| T::of(*bias)).collect();
        let multiplier = bias.len() / channels;
        Some(Self { level, taps: Taps::new(&conv.window, x), weights, bias, multiplier })
    }
}

impl<T: Lane> Source<T> for Depthwise<T> {
    fn fill(&self, operands: &[&Buffer], _: &mut Scratch, rows: Span<usize>, y: &mut [T]) {
        with_elements!(operands[0], x => self.level.run(DepthwiseRows, (self, x, rows, y)), _ => {});
    }

    fn macs(&self) -> usize {
        self.taps.windows.len() * self.weights.len()
    }

    fn algorithm(&self) -> String {
        "depthwise".to_owned()
    }
}

/// The results of some rows.
struct DepthwiseRows;

impl<S: Stored, T: Lane> Loop<(&Depthwise<T>, &[S], Span<usize>, &mut [T])> for DepthwiseRows {
    type Result = ();

    #[inline(always)]
    fn run((conv, x, rows, y): (&Depthwise<T>, &[S], Span<usize>, &mut [T])) {
        let outputs = conv.bias.len();
        for (row, y) in rows.zip(y.chunks_exact_mut(outputs)) {
            y.copy_from_slice(&conv.bias);
            let (sample, taps) = conv.taps.of(row);
            for (tap, offset) in taps {
                let x = &x[sample + offset..][..outputs / conv.multiplier];
                let weights = &conv.weights[tap * outputs..][..outputs];
                let product = |x: &S, weight: &T| T::of(wide(*x)).wrapping_mul(weight);
                if conv.multiplier == 1 {
                    for ((y, x), weight) in y.iter_mut().zip(x).zip(weights) {
                        *y = y.wrapping_add(&product(x, weight));
                    }
                } else {
                    let channels = y
                        .chunks_exact_mut(conv.multiplier)
                        .zip(weights.chunks_exact(conv.multiplier));
                    for ((y, weights), x) in channels.zip(x) {
                        for (y, weight) in y.iter_mut().zip(weights) {
                            *y = y.wrapping_add(&product(x, weight));
                        }
                    }
                }
            }
        }
    }
}
