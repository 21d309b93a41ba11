//! Pooling of the largest element, on the codes as they are stored.

use super::super::kernel::{Kernel, Scratch};
use super::super::simd::{Level, Loop};
use super::super::storage::{Buffer, Stored};
use crate::ir::{Pool, Tensor};

/// The largest element of each channel of each window.
pub(super) struct Extremes {
    level: Level,
    channels: usize,
    /// Elements of a sample of the operand.
    len: usize,
    /// For each window, the offsets in a sample of its positions on the operand, at least one.
    windows: Vec<Vec<usize>>,
}

impl Extremes {
    /// The kernel of the largest elements of `pool` for operands `x`; `None` if a window has none.
    pub(super) fn new(pool: &Pool, x: &Tensor) -> Option<Self> {
        let (window, channels) = (&pool.window, x.channel_count());
        let positions = |at: usize| {
            let offset = |tap: usize| Some(window.source(at, tap)? * channels);
            (0..window.taps()).filter_map(offset).collect()
        };
        let windows: Vec<Vec<usize>> = (0..window.windows()).map(positions).collect();
        let has_all = windows.iter().all(|positions| !positions.is_empty());
        has_all.then(|| Self { level: Level::detect(), channels, len: x.len(), windows })
    }

    /// The largest elements of `N` channels from `channel` on, of the windows of a sample.
    #[inline(always)]
    fn channels<S: Stored, const N: usize>(&self, x: &[S], y: &mut [S], channel: usize) {
        for (window, y) in self.windows.iter().zip(y.chunks_exact_mut(self.channels)) {
            let mut most = [S::default(); N];
            most.copy_from_slice(&x[window[0] + channel..][..N]);
            for offset in &window[1..] {
                let other = &x[offset + channel..][..N];
                for at in 0..N {
                    most[at] = most[at].max(other[at]);
                }
            }
            y[channel..][..N].copy_from_slice(&most);
        }
    }
}

/// All windows of all samples.
struct Largest;

impl<S: Stored> Loop<(&Extremes, &[S], &mut Vec<S>)> for Largest {
    type Result = ();

    #[inline(always)]
    fn run((pool, x, y): (&Extremes, &[S], &mut Vec<S>)) {
        let result = pool.windows.len() * pool.channels;
        for (x, y) in x.chunks_exact(pool.len).zip(y.chunks_exact_mut(result)) {
            let mut channel = 0;
            while channel < pool.channels {
                match pool.channels - channel {
                    64.. => {
                        pool.channels::<S, 64>(x, y, channel);
                        channel += 64;
                    }
                    16.. => {
                        pool.channels::<S, 16>(x, y, channel);
                        channel += 16;
                    }
                    4.. => {
                        pool.channels::<S, 4>(x, y, channel);
                        channel += 4;
                    }
                    _ => {
                        pool.channels::<S, 1>(x, y, channel);
                        channel += 1;
                    }
                }
            }
        }
    }
}

impl Kernel for Extremes {
    fn run(
        &self,
        operands: &[&Buffer],
        result: &mut Buffer,
        _: usize,
        _: &mut Scratch,
    ) -> Option<()> {
        // The result has the range of the operand, and so its type.
        match (operands.first()?, result) {
            (Buffer::Bits8(x), Buffer::Bits8(y)) => self.level.run(Largest, (self, &x[..], y)),
            (Buffer::Bits16(x), Buffer::Bits16(y)) => self.level.run(Largest, (self, &x[..], y)),
            (Buffer::Bits32(x), Buffer::Bits32(y)) => self.level.run(Largest, (self, &x[..], y)),
            (Buffer::Bits64(x), Buffer::Bits64(y)) => self.level.run(Largest, (self, &x[..], y)),
            _ => return None,
        }
        Some(())
    }

    fn algorithm(&self) -> String {
        "largest elements".to_owned()
    }
}
