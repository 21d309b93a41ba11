//! Pooling over windows that do not overlap.

use serde::Serialize;

use super::lines::LONG_ROW;
use crate::hls::TypeId;
use crate::hls::plan::UNROLL_LIMIT;
use crate::ir::{PoolKind, Window};

/// Windows that do not overlap, with a running sum or maximum of each channel.
///
/// The process iterates over the pixels of the image. Along a row of a window, the sums so far are in
/// registers; from one row to the next, those of each window are kept. So an iteration has one
/// addition or comparison for each channel.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunningPool {
    /// The function.
    pub kind: PoolKind,
    /// The windows.
    pub window: Window,
    /// Lanes of a token.
    pub channels: usize,
    /// Type of a sum or maximum.
    #[serde(skip)]
    pub element: TypeId,
}

impl RunningPool {
    /// Tells whether no pixel is in two of the windows, and some window has several.
    pub(super) fn takes(window: &Window) -> bool {
        let is_apart = |axis: usize| {
            let is_dense = window.dilation[axis] == 1 || window.kernel[axis] == 1;
            let steps = window.stride[axis] >= window.kernel[axis] || window.output[axis] == 1;
            window.input_dilation[axis] == 1 && is_dense && steps
        };
        [0, 1].into_iter().all(is_apart) && [0, 1].iter().any(|axis| taps(window, *axis) > 1)
    }

    /// Pixels of a window along `axis` at most.
    pub fn taps(&self, axis: usize) -> usize {
        taps(&self.window, axis)
    }

    /// The first and the last pixel of each window along `axis`.
    pub fn ends(&self, axis: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let Window { input, kernel, stride, pad_before, output, .. } = self.window;
        (0..output[axis]).map(move |window| {
            let begin = window * stride[axis];
            let last = (begin + kernel[axis] - 1).saturating_sub(pad_before[axis]);
            (begin.saturating_sub(pad_before[axis]), last.min(input[axis] - 1))
        })
    }

    /// Windows whose sums are kept from one row to the next: those of a row. A single one stays in
    /// the registers.
    pub fn kept(&self) -> usize {
        let windows = self.window.output[1];
        if windows > 1 && self.taps(0) > 1 { windows } else { 0 }
    }

    /// Tells whether sums are in registers from one pixel to the next.
    pub fn is_running(&self) -> bool {
        self.kept() == 0 || self.taps(1) > 1
    }

    /// Tells whether the sums that are kept lie in a memory, with a word for each window; else they
    /// are a shift register.
    pub fn has_memory(&self) -> bool {
        let registers = (self.kept() * self.channels) as u64;
        self.kept() > 0 && (self.is_long() || registers > UNROLL_LIMIT)
    }

    /// Tells whether the iterations from the write of a word to its next read are more than the
    /// cycles from reading to writing it.
    pub fn is_long(&self) -> bool {
        self.distance() >= LONG_ROW
    }

    /// Iterations from the last pixel of a window in a row to its first one in the next, at least.
    pub fn distance(&self) -> usize {
        self.window.input[1] - self.taps(1) + 1
    }

    /// Elements that are kept from one pixel to the next.
    pub fn elements(&self) -> usize {
        (self.kept() + usize::from(self.is_running())) * self.channels
    }

    /// The registers: the sums of the current window, and those of a row of windows.
    pub(super) fn registers(&self) -> [usize; 2] {
        let kept = if self.has_memory() { 0 } else { self.kept() };
        [usize::from(self.is_running()), kept].map(|sums| sums * self.channels)
    }

    /// Additions for each channel of a sample.
    pub(super) fn additions(&self) -> usize {
        match self.kind {
            PoolKind::Sum => {
                let present = (0..self.window.windows()).map(|it| self.window.present(it));
                present.map(|taps| taps.saturating_sub(1)).sum()
            }
            PoolKind::Max => 0,
        }
    }

    /// The iterations of a sample: each reads a pixel; set is whether it writes a window.
    pub(super) fn steps(&self) -> impl Iterator<Item = (bool, bool)> {
        let gives = [0, 1].map(|axis| {
            let mut gives = vec![false; self.window.input[axis]];
            self.ends(axis).for_each(|(_, last)| gives[last] = true);
            gives
        });
        let [rows, columns] = gives;
        rows.into_iter().flat_map(move |row| {
            let of_row: Vec<_> = columns.iter().map(|column| (true, row && *column)).collect();
            of_row
        })
    }
}

fn taps(window: &Window, axis: usize) -> usize {
    window.kernel[axis].min(window.input[axis])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pool(window: Window) -> RunningPool {
        RunningPool { kind: PoolKind::Max, window, channels: 2, element: TypeId(0) }
    }

    #[test]
    fn windows_that_share_pixels_or_have_one_are_none() {
        let window = Window { kernel: [2, 3], stride: [2, 3], ..Window::whole([8, 9]) };
        let window = Window { output: [4, 3], ..window };
        assert!(RunningPool::takes(&window));
        assert!(RunningPool::takes(&Window { stride: [2, 1], output: [4, 1], ..window }));
        assert!(!RunningPool::takes(&Window { stride: [2, 2], ..window }));
        assert!(!RunningPool::takes(&Window { dilation: [2, 1], ..window }));
        assert!(!RunningPool::takes(&Window { input_dilation: [1, 2], ..window }));
        assert!(!RunningPool::takes(&Window { kernel: [1, 1], ..window }));
    }

    /// A word is read as many iterations after it was written as the rest of a row takes.
    #[test]
    fn sums_are_kept_where_no_word_is_read_too_soon() {
        let of = |[height, width]: [usize; 2], kernel: [usize; 2]| {
            let output = [height / kernel[0], width / kernel[1]];
            let window =
                Window { kernel, stride: kernel, output, ..Window::whole([height, width]) };
            let pool = pool(window);
            (pool.kept(), pool.has_memory(), pool.elements())
        };
        assert_eq!(of([32, 32], [32, 1]), (32, true, 64));
        assert_eq!(of([8, 9], [2, 2]), (4, true, 10));
        assert_eq!(of([8, 8], [2, 2]), (4, false, 10));
        assert_eq!(of([8, 8], [1, 2]), (0, false, 2));
        assert_eq!(of([8, 8], [2, 5]), (0, false, 2));
    }

    proptest! {
        /// Each window begins and ends at pixels of its own, which no other has.
        #[test]
        fn windows_begin_and_end_at_their_pixels(
            input in 1..20_usize,
            (kernel, gap) in (1..6_usize, 0..3_usize),
            pad_before in 0..6_usize,
            output in 1..9_usize,
        ) {
            let window = Window {
                kernel: [1, kernel],
                stride: [1, kernel + gap],
                pad_before: [0, pad_before % kernel],
                ..Window::whole([1, input])
            };
            // No window lies behind the row.
            let output = (0..output).take_while(|it| window.present(*it) > 0).count();
            let window = Window { output: [1, output], ..window };
            let pool = pool(window);
            for (number, (first, last)) in pool.ends(1).enumerate() {
                let pixels: Vec<usize> =
                    (0..kernel).filter_map(|tap| window.source(number, tap)).collect();
                prop_assert_eq!(pixels, (first..=last).collect::<Vec<_>>());
            }
            prop_assert_eq!(pool.steps().filter(|(_, gives)| *gives).count(), output);
        }
    }
}
