//! Sliding windows of convolutions and pooling.

use super::Tensor;

/// Windows that slide over the positions of a tensor \[height, width, channels\]. A tensor
/// \[width, channels\] has one row.
///
/// Each array is \[along the height, along the width\]. Tap `t` of window `o` has the position
/// `o · stride + t · dilation - pad_before` on the operand dilated by `input_dilation`. Positions
/// between its elements and beyond its borders are padding: such a tap is 0 in a sum and does not
/// count for a maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Window {
    /// Size of the operand.
    pub input: [usize; 2],
    /// Size of a window in taps.
    pub kernel: [usize; 2],
    /// Distance between windows.
    pub stride: [usize; 2],
    /// Distance between taps.
    pub dilation: [usize; 2],
    /// Padding before the operand.
    pub pad_before: [usize; 2],
    /// Distance between elements of the operand: the stride of a transposed convolution, else 1.
    pub input_dilation: [usize; 2],
    /// Number of windows.
    pub output: [usize; 2],
}

/// Windows in which a tap lies on the operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// In every window.
    Always,
    /// In some windows.
    Sometimes,
    /// In no window.
    Never,
}

impl Window {
    /// A single window over a whole tensor of size `input`.
    pub fn whole(input: [usize; 2]) -> Self {
        Self {
            input,
            kernel: input,
            stride: [1, 1],
            dilation: [1, 1],
            pad_before: [0, 0],
            input_dilation: [1, 1],
            output: [1, 1],
        }
    }

    /// True if it is a single window over the whole operand; its stride means nothing.
    pub fn is_whole(&self) -> bool {
        let Self { input, stride, .. } = *self;
        *self == Self { stride, ..Self::whole(input) }
    }

    /// Number of taps of a window.
    pub fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Number of windows.
    pub fn windows(&self) -> usize {
        self.output.iter().product()
    }

    /// The end, along an axis, of the positions that the taps of all windows have on the dilated
    /// operand: one behind the last, 0 if all lie before it.
    pub fn end(&self, axis: usize) -> usize {
        let windows = self.output[axis].saturating_sub(1) * self.stride[axis];
        let taps = self.kernel[axis].saturating_sub(1) * self.dilation[axis];
        (windows + taps + 1).saturating_sub(self.pad_before[axis])
    }

    /// True if a tap of some window lies on padding.
    pub fn is_padded(&self) -> bool {
        (0..self.taps()).any(|tap| self.presence(tap) != Presence::Always)
    }

    /// Row-major position on the operand of tap `tap` of window `window`; `None` on padding.
    pub fn source(&self, window: usize, tap: usize) -> Option<usize> {
        let row = self.along(0, window / self.output[1], tap / self.kernel[1])?;
        let column = self.along(1, window % self.output[1], tap % self.kernel[1])?;
        Some(row * self.input[1] + column)
    }

    fn along(&self, axis: usize, window: usize, tap: usize) -> Option<usize> {
        let position = window * self.stride[axis] + tap * self.dilation[axis];
        let position = position.checked_sub(self.pad_before[axis])?;
        let source = position / self.input_dilation[axis];
        (position % self.input_dilation[axis] == 0 && source < self.input[axis]).then_some(source)
    }

    /// Windows in which tap `tap` lies on the operand.
    pub fn presence(&self, tap: usize) -> Presence {
        let taps = [tap / self.kernel[1], tap % self.kernel[1]];
        let axes = [0, 1].map(|axis| {
            let is_present = |window: &usize| self.along(axis, *window, taps[axis]).is_some();
            match (0..self.output[axis]).filter(is_present).count() {
                0 => Presence::Never,
                all if all == self.output[axis] => Presence::Always,
                _ => Presence::Sometimes,
            }
        });
        match axes {
            [Presence::Never, _] | [_, Presence::Never] => Presence::Never,
            [Presence::Always, Presence::Always] => Presence::Always,
            _ => Presence::Sometimes,
        }
    }

    /// Number of taps of window `window` that lie on the operand.
    pub fn present(&self, window: usize) -> usize {
        let windows = [window / self.output[1], window % self.output[1]];
        let along = |axis: usize| {
            let is_present = |tap: &usize| self.along(axis, windows[axis], *tap).is_some();
            (0..self.kernel[axis]).filter(is_present).count()
        };
        along(0) * along(1)
    }

    /// True if the window has the size of `x`, and all its strides, dilations and sizes are
    /// positive.
    pub(super) fn fits(&self, x: &Tensor) -> bool {
        let positions = match x.shape[..] {
            [width, _] => [1, width],
            [height, width, _] => [height, width],
            _ => return false,
        };
        let counts = [self.kernel, self.stride, self.dilation, self.input_dilation, self.output];
        positions == self.input && counts.iter().flatten().all(|count| *count > 0)
    }

    /// The shape of a result with `channels`, for an operand with as many axes as `x`.
    pub(super) fn result_shape(&self, x: &Tensor, channels: usize) -> Vec<usize> {
        match x.shape.len() {
            2 => vec![self.windows(), channels],
            _ => vec![self.output[0], self.output[1], channels],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three taps with a stride of 2 over five columns, after a padding of `pad_before`.
    fn row(pad_before: usize, output: usize) -> Window {
        Window {
            input: [1, 5],
            kernel: [1, 3],
            stride: [1, 2],
            pad_before: [0, pad_before],
            output: [1, output],
            ..Window::whole([1, 5])
        }
    }

    fn sources(window: &Window) -> Vec<Vec<Option<usize>>> {
        let taps = |w| (0..window.taps()).map(|t| window.source(w, t)).collect();
        (0..window.windows()).map(taps).collect()
    }

    #[test]
    fn windows_slide() {
        let valid = [vec![Some(0), Some(1), Some(2)], vec![Some(2), Some(3), Some(4)]];
        assert_eq!(sources(&row(0, 2)), valid);
        assert!(!row(0, 2).is_padded());
        let same = [
            vec![None, Some(0), Some(1)],
            vec![Some(1), Some(2), Some(3)],
            vec![Some(3), Some(4), None],
        ];
        assert_eq!(sources(&row(1, 3)), same);
        assert!(row(1, 3).is_padded());
        let presence: Vec<_> = (0..3).map(|tap| row(1, 3).presence(tap)).collect();
        assert_eq!(presence, [Presence::Sometimes, Presence::Always, Presence::Sometimes]);
        assert_eq!((0..3).map(|w| row(1, 3).present(w)).collect::<Vec<_>>(), [2, 3, 2]);
    }

    #[test]
    fn dilated_operands_have_padding_between_elements() {
        let window = Window { input_dilation: [1, 2], output: [1, 4], ..row(2, 4) };
        let window = Window { stride: [1, 1], ..window };
        let expected = [
            vec![None, None, Some(0)],
            vec![None, Some(0), None],
            vec![Some(0), None, Some(1)],
            vec![None, Some(1), None],
        ];
        assert_eq!(sources(&window), expected);
    }

    #[test]
    fn a_tap_beyond_the_operand_is_never_present() {
        let window = Window { dilation: [1, 9], output: [1, 1], ..row(0, 1) };
        let presence: Vec<_> = (0..3).map(|tap| window.presence(tap)).collect();
        assert_eq!(presence, [Presence::Always, Presence::Never, Presence::Never]);
    }
}
