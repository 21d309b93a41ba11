//! Positions side by side in a token, which a process computes at a time.

use serde::Serialize;

use super::axis::{Axis, Spacing};
use super::lines;
use crate::config::Pace;
use crate::hls::Options;
use crate::hls::plan::UNROLL_LIMIT;
use crate::ir::{Tensor, Window};

/// The speed that is asked of a layer's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Demand {
    /// Clock cycles for a sample.
    pub(super) target: Option<u64>,
    /// Positions of the result at a time: hls4ml's `ParallelizationFactor`.
    pub(super) positions: Option<u64>,
}

impl Demand {
    /// The speed that `options` ask of `layer`.
    pub(super) fn of(options: &Options, layer: &str) -> Self {
        let target = match options.pace_of(layer) {
            Pace::Interval(target) => Some(target),
            Pace::ReuseFactor(_) => None,
        };
        Self { target, positions: options.layer_parallelization_factors.get(layer).copied() }
    }

    /// The positions in a token of a process that computes each of `all` positions alike, at most
    /// `most` of them: as many as are asked for, or the fewest that meet the target; at least as many
    /// as `arrive` in a token, where they divide the positions.
    pub(super) fn of_rows(&self, all: usize, arrive: usize, most: usize) -> usize {
        let divisors = || (1..=most.min(all)).filter(|copies| all.is_multiple_of(*copies));
        let least = match (self.positions, self.target) {
            (Some(asked), _) => divisors().min_by_key(|it| (*it as u64).abs_diff(asked)),
            (None, Some(target)) => {
                divisors().find(|copies| (all / copies) as u64 <= target).or(divisors().next_back())
            }
            (None, None) => None,
        };
        let arrive = divisors().find(|copies| *copies == arrive);
        least.max(arrive).unwrap_or(1)
    }

    /// The fewest of `all` equal parts of a sample, at most `most`, that meet the target together.
    pub(super) fn of_parts(&self, all: usize, most: usize) -> usize {
        Self { positions: None, ..*self }.of_rows(all, 1, most)
    }
}

/// The most positions in a token of each of `tensors`: as many as a process can hold in registers.
pub(super) fn most_positions<'t>(tensors: impl IntoIterator<Item = &'t Tensor>) -> usize {
    let most = |tensor: &Tensor| {
        let channels = tensor.channel_count() as u64;
        UNROLL_LIMIT / channels.max(1)
    };
    let least = tensors.into_iter().map(most).min().unwrap_or(1);
    least.max(1) as usize
}

/// Pixels of a row side by side in a token, and the windows that end at them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PixelGroup {
    /// Pixels of a token that is read.
    pub pixels: usize,
    /// Windows of an iteration: pixels of a token that is written.
    pub windows: usize,
    /// Pixels from one window to the next.
    pub stride: usize,
    /// The column of the first pixel of the first window, counted from the first column in
    /// registers; negative if the window begins with padding, which is in no register.
    pub first: isize,
}

impl PixelGroup {
    /// One pixel in a token.
    pub const ONE: Self = Self { pixels: 1, windows: 1, stride: 1, first: 0 };

    /// Tells whether a token is one pixel.
    pub fn is_one(&self) -> bool {
        self.pixels == 1
    }

    /// All groups of pixels that `window` can take, from the smallest to the largest: those that
    /// divide the rows of the image and of the result alike, and whole rows. Only single pixels
    /// where windows end between two pixels.
    fn all(window: &Window) -> Vec<Self> {
        let ([_, width], [_, outputs], [_, stride]) = (window.input, window.output, window.stride);
        let before = window.pad_before[1] as isize;
        if window.input_dilation != [1, 1] {
            return vec![Self::ONE];
        }
        let divided = (2..width).filter(|pixels| width.is_multiple_of(*pixels));
        let divided = divided.filter_map(|pixels| {
            let windows = match (pixels.is_multiple_of(stride), stride.is_multiple_of(pixels)) {
                (true, _) => pixels / stride,
                (false, true) => 1,
                (false, false) => return None,
            };
            let first = (-before).rem_euclid(pixels as isize);
            outputs.is_multiple_of(windows).then_some(Self { pixels, windows, stride, first })
        });
        let row = Self { pixels: width, windows: outputs, stride, first: -before };
        let row = (width > 1).then_some(row);
        [Self::ONE].into_iter().chain(divided).chain(row).collect()
    }

    /// The group for a process with `window`, whose pixels `arrive` so many in a token: the one
    /// whose windows are nearest to those asked for, or the smallest that meets the target. Without
    /// either, a process without arithmetic by constants, which `is_free`, takes tokens as they
    /// come. Those that neither registers for the operand `x` nor for the `result` can hold are left out.
    pub(super) fn chosen(
        window: &Window,
        demand: Demand,
        (arrive, is_free): (usize, bool),
        [x, result]: [&Tensor; 2],
    ) -> Self {
        let rows = (window.kernel[0] - 1) * window.dilation[0] + 1;
        let fits = |group: &Self| {
            // Pixels of a window are in registers.
            let columns = group.along(window).span * group.pixels;
            let registers = (rows * columns * x.channel_count()) as u64;
            let is_held = registers <= UNROLL_LIMIT && group.pixels <= most_positions([x]);
            group.is_one() || is_held && group.windows <= most_positions([result])
        };
        let all: Vec<Self> = Self::all(window).into_iter().filter(fits).collect();
        let cycles = |group: &Self| {
            let axes = group.axes(window);
            axes.iter().map(|axis| axis.steps.len() as u64).product::<u64>()
        };
        let chosen = match (demand.positions, demand.target) {
            (Some(asked), _) => {
                all.iter().min_by_key(|group| (group.windows as u64).abs_diff(asked))
            }
            (None, Some(target)) => all
                .iter()
                .find(|group| cycles(group) <= target)
                .or_else(|| all.iter().min_by_key(|group| cycles(group))),
            (None, None) if is_free => all.iter().find(|group| group.pixels == arrive),
            (None, None) => None,
        };
        chosen.copied().unwrap_or(Self::ONE)
    }

    /// The steps of `window` along the height and along the width, in groups.
    pub(super) fn axes(&self, window: &Window) -> [Axis; 2] {
        [lines::along(window, 0), self.along(window)]
    }

    /// The steps of `window` along the width, in groups.
    fn along(&self, window: &Window) -> Axis {
        let (width, outputs) = (window.input[1], window.output[1]);
        if self.is_one() {
            return lines::along(window, 1);
        }
        if self.pixels == width {
            let positions = Spacing { scale: 1, stride: 1, end: 0 };
            return Axis::of_positions(1, 1, positions, 1);
        }
        let group = self.pixels as isize;
        let before = window.pad_before[1] as isize;
        let reach = (window.kernel[1] - 1) * window.dilation[1];
        let last = ((self.windows - 1) * self.stride + reach) as isize - before;
        let [begin, end] = [-before, last].map(|pixel| pixel.div_euclid(group));
        let stride = (self.windows * self.stride) / self.pixels;
        let positions = Spacing { scale: 1, stride, end };
        let span = (end - begin + 1) as usize;
        Axis::of_positions(width / self.pixels, span, positions, outputs / self.windows)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixed::Format;
    use crate::hls::stream::Take;

    /// `output` windows of three pixels in a row of `input`, with padding before them.
    fn window(input: usize, stride: usize, before: usize, output: usize) -> Window {
        Window {
            kernel: [1, 3],
            stride: [1, stride],
            pad_before: [0, before],
            output: [1, output],
            ..Window::whole([1, input])
        }
    }

    fn groups(window: &Window) -> Vec<(usize, usize)> {
        PixelGroup::all(window).iter().map(|group| (group.pixels, group.windows)).collect()
    }

    #[test]
    fn groups_divide_both_rows_or_are_whole_rows() {
        assert_eq!(
            groups(&window(12, 1, 1, 12)),
            [(1, 1), (2, 2), (3, 3), (4, 4), (6, 6), (12, 12)]
        );
        assert_eq!(groups(&window(12, 2, 0, 6)), [(1, 1), (2, 1), (4, 2), (6, 3), (12, 6)]);
        // 7 windows in a row of 9 pixels.
        assert_eq!(groups(&window(9, 1, 0, 7)), [(1, 1), (9, 7)]);
        // A window every four pixels.
        assert_eq!(groups(&window(16, 4, 0, 4)), [(1, 1), (2, 1), (4, 1), (8, 2), (16, 4)]);
    }

    /// Values of eight bits.
    fn tensor(shape: &[usize]) -> Tensor {
        Tensor::full(shape.to_vec(), Format::signed(8, 1).expect("a format"))
    }

    #[test]
    fn the_smallest_group_meets_a_target() {
        let same =
            Window { kernel: [3, 3], pad_before: [1, 1], output: [8, 8], ..Window::whole([8, 8]) };
        let of_channels = |channels: usize, demand: Demand, arrives: (usize, bool)| {
            let x = tensor(&[8, 8, channels]);
            PixelGroup::chosen(&same, demand, arrives, [&x, &x]).pixels
        };
        let pixels = |demand: Demand, arrive: usize, is_free: bool| {
            of_channels(1, demand, (arrive, is_free))
        };
        let within = |target: u64| Demand { target: Some(target), positions: None };
        // Nine rows of nine, five and three steps with the padding behind; whole rows have none.
        let targets = [81, 80, 45, 44, 27, 26, 9, 1];
        assert_eq!(targets.map(|it| pixels(within(it), 1, false)), [1, 2, 2, 4, 4, 8, 8, 8]);
        let asked = |positions: u64| Demand { target: Some(1), positions: Some(positions) };
        assert_eq!([1, 3, 4, 100].map(|it| pixels(asked(it), 1, false)), [1, 2, 4, 8]);
        let nothing = Demand { target: None, positions: None };
        assert_eq!([pixels(nothing, 4, true), pixels(nothing, 4, false)], [4, 1]);
        assert_eq!(pixels(nothing, 3, true), 1);
        // Three groups of 3 x 4 pixels of 200 channels are too many registers.
        assert_eq!(of_channels(200, within(1), (1, false)), 2);
    }

    proptest! {
        /// Whatever the group, each window of a row has its own pixels, those of padding are none,
        /// and each pixel is taken once.
        #[test]
        fn windows_of_a_group_have_their_pixels(
            (input, kernel, dilation, stride) in
                (1..13_usize, 1..5_usize, 1..3_usize, 1..4_usize),
            pad_before in 0..6_usize,
            output in 1..13_usize,
        ) {
            let window = Window {
                kernel: [1, kernel],
                dilation: [1, dilation],
                ..window(input, stride, pad_before, output)
            };
            for group in PixelGroup::all(&window) {
                let axis = group.along(&window);
                let mut taken: Vec<Option<usize>> = vec![None; (axis.span - 1) * group.pixels];
                let (mut next, mut given) = (0, 0);
                for step in &axis.steps {
                    let pixels = next..next + group.pixels;
                    match step.takes {
                        Take::Nothing => {}
                        Take::Pixel => {
                            next = pixels.end;
                            taken.extend(pixels.map(Some));
                        }
                        Take::Padding => taken.extend(pixels.map(|_| None)),
                    }
                    if !step.gives {
                        continue;
                    }
                    let registers = &taken[taken.len() - axis.span * group.pixels..];
                    for number in 0..group.windows {
                        for tap in 0..kernel {
                            let at = (number * group.stride + tap * dilation) as isize + group.first;
                            let at = if group.is_one() { (tap * dilation) as isize } else { at };
                            let register = usize::try_from(at).ok();
                            let pixel = register.and_then(|at| *registers.get(at)?);
                            prop_assert_eq!(pixel, window.source(given + number, tap));
                        }
                    }
                    given += group.windows;
                }
                prop_assert_eq!((next, given), (input, output), "{:?}", group);
            }
        }
    }

    #[test]
    fn rows_meet_a_target_or_stay_as_they_come() {
        let of = |target, positions| Demand { target, positions };
        assert_eq!([12, 6, 5, 1].map(|it| of(Some(it), None).of_rows(12, 1, 64)), [1, 2, 3, 12]);
        assert_eq!(of(None, Some(5)).of_rows(12, 1, 64), 4);
        assert_eq!([4, 5, 0].map(|it| of(None, None).of_rows(12, it, 64)), [4, 1, 1]);
        assert_eq!(of(Some(12), None).of_rows(12, 3, 64), 3);
        assert_eq!(of(Some(1), None).of_rows(12, 3, 5), 4);
    }
}
