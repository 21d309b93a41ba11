//! How windows slide, as TensorFlow places them.

/// Windows that slide over the rows and columns of \[height, width, channels\], as a layer states
/// them: each array is \[along the height, along the width\]. A layer on \[width, channels\] slides
/// along one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sliding {
    /// Taps of a window.
    pub kernel: [usize; 2],
    /// Positions from a window to the next; in a transposed convolution, from an element of the
    /// operand to the next.
    pub strides: [usize; 2],
    /// Positions from a tap to the next.
    pub dilation: [usize; 2],
    /// What happens at the borders.
    pub padding: Padding,
    /// Whether the windows are those of a transposed convolution.
    pub transposed: Option<Transposed>,
}

/// What windows do at the borders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// They stay inside.
    Valid,
    /// As many as positions, divided by the stride and rounded up; they leave the borders by as
    /// much before as behind, or by one more behind.
    Same,
    /// The last tap lies on the window's own position, the others before.
    Causal,
}

/// What only a transposed convolution has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transposed {
    /// Positions behind those that windows reach; `None` leaves it to Keras.
    pub output_padding: Option<[usize; 2]>,
}

/// Where windows lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// How many windows.
    pub output: [usize; 2],
    /// Positions before the operand at which the first begins. A transposed convolution's operand
    /// counts with the gaps that its strides make.
    pub before: [usize; 2],
}

impl Sliding {
    /// Windows of one tap.
    pub const POINTWISE: Self = Self {
        kernel: [1, 1],
        strides: [1, 1],
        dilation: [1, 1],
        padding: Padding::Valid,
        transposed: None,
    };

    /// Where windows lie over `input` positions; `None` if there are none, or too many to count.
    ///
    /// The arithmetic is that of `conv_output_length` and `deconv_output_length` in Keras'
    /// `utils/conv_utils.py`, and of TensorFlow's `GetWindowedOutputSizeVerbose`. Padding of a
    /// transposed convolution is that of the convolution whose gradient it is.
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
        Some(Placement { output: [rows, columns], before: [above, left] })
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
    /// Positions from a window's first tap to its last, both counted.
    fn reach(&self) -> Option<usize> {
        self.kernel.checked_sub(1)?.checked_mul(self.dilation)?.checked_add(1)
    }

    /// How many windows there are, and how far before the operand the first begins.
    fn place(&self, input: usize) -> Option<(usize, usize)> {
        let reach = self.reach()?;
        let some = |length: usize| length.checked_add(self.stride)?.checked_div(self.stride);
        match self.padding {
            Padding::Valid => Some((some(input.checked_sub(reach)?)?, 0)),
            Padding::Causal => {
                let output = some(input.checked_sub(1)?)?;
                self.outside(output, input)?;
                Some((output, reach - 1))
            }
            Padding::Same => {
                let output = some(input.checked_sub(1)?)?;
                Some((output, self.outside(output, input)? / 2))
            }
        }
    }

    /// The positions outside of `input` ones that `output` windows need together.
    fn outside(&self, output: usize, input: usize) -> Option<usize> {
        let all = output.checked_sub(1)?.checked_mul(self.stride)?.checked_add(self.reach()?)?;
        Some(all.saturating_sub(input))
    }

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
        let forward = Self { padding: self.padding, ..*self };
        let windows = forward.place(output).map(|(windows, _)| windows);
        let outside = if same { self.outside(input, output)? } else { 0 };
        let before = (reach - 1).checked_sub(outside / 2)?;
        (windows == Some(input)).then_some((output, before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn along(kernel: usize, stride: usize, dilation: usize, padding: Padding) -> Along {
        Along { kernel, stride, dilation, padding }
    }

    #[test]
    fn windows_lie_where_tensorflow_puts_them() {
        use Padding::{Causal, Same, Valid};
        for (windows, input, expected) in [
            (along(3, 1, 1, Valid), 9, Some((7, 0))),
            (along(3, 2, 1, Valid), 8, Some((3, 0))),
            (along(3, 1, 4, Valid), 9, Some((1, 0))),
            (along(3, 1, 4, Valid), 8, None),
            (along(3, 1, 1, Same), 9, Some((9, 1))),
            // One position is outside, and it lies behind.
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
    fn transposed_windows_lie_where_tensorflow_puts_them() {
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
            // So much behind that the convolution backwards would have another window.
            (along(3, 2, 1, Valid), 5, Some(2), None),
            (along(3, 2, 1, Same), usize::MAX, None, None),
        ] {
            assert_eq!(windows.place_transposed(input, more), expected);
        }
    }
}
