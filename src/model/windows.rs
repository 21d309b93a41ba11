//! Windows of convolutions and pooling, placed as TensorFlow places them.

/// Windows over \[height, width, channels\] as a layer states them. Each array is \[along the height,
/// along the width\]; a layer on \[width, channels\] has height 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSpec {
    /// Size of a window.
    pub kernel: [usize; 2],
    /// Distance between windows; in a transposed convolution, between the elements of the dilated
    /// input.
    pub strides: [usize; 2],
    /// Distance between the taps of a window.
    pub dilation: [usize; 2],
    /// Padding at the borders.
    pub padding: Padding,
    /// Parameters of a transposed convolution; `None` for any other layer.
    pub transposed: Option<Transposed>,
}

/// Padding at the borders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// No padding: windows lie inside the input.
    Valid,
    /// Padding for ⌈input / stride⌉ windows, half of it before the input; an odd element comes
    /// after.
    Same,
    /// Padding before the input only: the last tap of a window lies on the window's own position.
    Causal,
}

/// Parameters of a transposed convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transposed {
    /// Additional positions at the end of the result; `None` for Keras' default.
    pub output_padding: Option<[usize; 2]>,
}

/// Number and offset of windows, \[along the height, along the width\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Number of windows.
    pub output: [usize; 2],
    /// Padding before the input. In a transposed convolution, before the input dilated by the
    /// strides.
    pub pad_before: [usize; 2],
}

impl WindowSpec {
    /// Windows of a single tap.
    pub const POINTWISE: Self = Self {
        kernel: [1, 1],
        strides: [1, 1],
        dilation: [1, 1],
        padding: Padding::Valid,
        transposed: None,
    };

    /// Places the windows on `input` positions; `None` if no window fits or sizes overflow.
    ///
    /// Follows `conv_output_length` and `deconv_output_length` in Keras' `utils/conv_utils.py`, and
    /// TensorFlow's `GetWindowedOutputSizeVerbose`. A transposed convolution has the padding of the
    /// convolution whose gradient it is.
    pub fn place(&self, input: [usize; 2]) -> Option<Placement> {
        let [rows, columns] = [0, 1].map(|axis| {
            let along = Along {
                kernel: self.kernel[axis],
                stride: self.strides[axis],
                dilation: self.dilation[axis],
                padding: self.padding,
            };
            match self.transposed {
                None => along.place(input[axis]),
                Some(Transposed { output_padding }) => {
                    along.place_transposed(input[axis], output_padding.map(|by| by[axis]))
                }
            }
        });
        let ((rows, above), (columns, left)) = rows.zip(columns)?;
        Some(Placement { output: [rows, columns], pad_before: [above, left] })
    }
}

/// Windows along one axis.
#[derive(Clone, Copy)]
struct Along {
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: Padding,
}

impl Along {
    /// Length of a window with its dilation: (kernel - 1) · dilation + 1.
    fn reach(&self) -> Option<usize> {
        self.kernel.checked_sub(1)?.checked_mul(self.dilation)?.checked_add(1)
    }

    /// Returns the number of windows and the padding before the input.
    fn place(&self, input: usize) -> Option<(usize, usize)> {
        let reach = self.reach()?;
        let least = if self.padding == Padding::Valid { reach } else { 1 };
        let room = input.checked_sub(least)?;
        let output = room.checked_add(self.stride)?.checked_div(self.stride)?;
        let padding = self.padding(output, input)?;
        Some((
            output,
            match self.padding {
                Padding::Valid => 0,
                Padding::Causal => reach - 1,
                Padding::Same => padding / 2,
            },
        ))
    }

    /// Total padding of `output` windows on `input` positions.
    fn padding(&self, output: usize, input: usize) -> Option<usize> {
        let span = output.checked_sub(1)?.checked_mul(self.stride)?.checked_add(self.reach()?)?;
        Some(span.saturating_sub(input))
    }

    /// As [`Along::place`], for a transposed convolution.
    fn place_transposed(
        &self,
        input: usize,
        output_padding: Option<usize>,
    ) -> Option<(usize, usize)> {
        let reach = self.reach()?;
        let same = self.padding == Padding::Same;
        let output = match output_padding {
            None => {
                let more = if same { 0 } else { reach.saturating_sub(self.stride) };
                input.checked_mul(self.stride)?.checked_add(more)?
            }
            Some(more) => {
                let less = if same { reach / 2 * 2 } else { 0 };
                let all = input.checked_sub(1)?.checked_mul(self.stride)?.checked_add(reach)?;
                all.checked_add(more)?.checked_sub(less)?
            }
        };
        // The convolution whose gradient this is has `input` windows over `output` positions.
        let windows = self.place(output).map(|(windows, _)| windows);
        let forward_padding = if same { self.padding(input, output)? } else { 0 };
        let pad_before = (reach - 1).checked_sub(forward_padding / 2)?;
        (windows == Some(input)).then_some((output, pad_before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn along(kernel: usize, stride: usize, dilation: usize, padding: Padding) -> Along {
        Along { kernel, stride, dilation, padding }
    }

    #[test]
    fn windows_are_placed_as_in_tensorflow() {
        use Padding::{Causal, Same, Valid};
        for (windows, input, expected) in [
            (along(3, 1, 1, Valid), 9, Some((7, 0))),
            (along(3, 2, 1, Valid), 8, Some((3, 0))),
            (along(3, 1, 4, Valid), 9, Some((1, 0))),
            (along(3, 1, 4, Valid), 8, None),
            (along(3, 1, 1, Same), 9, Some((9, 1))),
            // One position of padding, which comes after.
            (along(3, 2, 1, Same), 8, Some((4, 0))),
            (along(3, 2, 1, Same), 9, Some((5, 1))),
            (along(2, 3, 1, Same), 9, Some((3, 0))),
            (along(3, 1, 2, Same), 5, Some((5, 2))),
            (along(3, 1, 2, Causal), 5, Some((5, 4))),
            (along(3, 2, 1, Causal), 6, Some((3, 2))),
            (along(3, 1, 1, Same), 0, None),
            (along(usize::MAX, 1, 2, Same), 5, None),
        ] {
            assert_eq!(windows.place(input), expected);
        }
    }

    #[test]
    fn transposed_windows_are_placed_as_in_tensorflow() {
        use Padding::{Same, Valid};
        for (windows, input, more, expected) in [
            (along(3, 2, 1, Valid), 5, None, Some((11, 2))),
            (along(2, 3, 1, Valid), 5, None, Some((15, 1))),
            (along(3, 2, 1, Same), 5, None, Some((10, 2))),
            (along(4, 2, 1, Same), 5, None, Some((10, 2))),
            (along(3, 1, 2, Same), 5, None, Some((5, 2))),
            (along(3, 2, 1, Same), 5, Some(0), Some((9, 1))),
            (along(3, 2, 1, Same), 5, Some(1), Some((10, 2))),
            (along(3, 2, 1, Valid), 5, Some(1), Some((12, 2))),
            // With this output padding the forward convolution would have one window more.
            (along(3, 2, 1, Valid), 5, Some(2), None),
            (along(3, 2, 1, Same), usize::MAX, None, None),
        ] {
            assert_eq!(windows.place_transposed(input, more), expected);
        }
    }
}
