//! Windows over the rows of an image.

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use super::axis::{Axis, Spacing, Take};
use super::group::PixelGroup;
use crate::hls::plan::UNROLL_LIMIT;
use crate::hls::{KernelId, Number, TypeId};
use crate::ir::Window;

/// Iterations between two accesses to a word from which on they are further apart than the cycles from
/// reading to writing it.
pub(super) const LONG_ROW: usize = 8;

/// The rows of an image that windows cover, and the window in registers.
///
/// The process iterates over a grid: its rows are the steps along the height, its columns those along
/// the width. An iteration in which both take a pixel reads one; an iteration in which both give a
/// window writes its result.
#[derive(Clone, Debug, PartialEq)]
pub struct LineBuffer {
    /// Steps along the height and along the width, where a step takes a token.
    pub axes: [Axis; 2],
    /// The pixels of a token; what is said of pixels holds for these groups of them.
    pub group: PixelGroup,
    /// Lanes of a token.
    pub channels: usize,
    /// Value of padding.
    pub padding: Number,
    /// Type of a lane.
    pub element: TypeId,
    /// The kernels of windows; none where a window is one pixel that is passed on as it is.
    pub kernels: Vec<WindowKernel>,
    /// The turns of the kernels, where each selects other lanes.
    pub turns: Option<Turns>,
}

/// The turns of kernels that select lanes from tokens of several positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turns {
    /// Positions of a token that is written.
    pub positions: usize,
    /// The kernel that runs at each step along the width that gives a window.
    pub kernels: Vec<usize>,
}

/// The windows at the same distance from the pixel before their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowKernel {
    /// Steps along each axis since a pixel was taken.
    pub steps: [usize; 2],
    /// Pixels of a window along each axis that are operands.
    pub taps: [Taps; 2],
    /// Computes the result of a window.
    pub kernel: KernelId,
}

/// Pixels along an axis of a window that are operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taps {
    /// Their number.
    pub count: usize,
    /// The first one.
    pub first: usize,
    /// Distance from one to the next.
    pub distance: usize,
}

impl Serialize for LineBuffer {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut fields = out.serialize_struct("LineBuffer", 7)?;
        fields.serialize_field("input", &self.input())?;
        fields.serialize_field("span", &self.span())?;
        fields.serialize_field("grid", &self.grid())?;
        fields.serialize_field("group", &self.group)?;
        fields.serialize_field("channels", &self.channels)?;
        fields.serialize_field("rows", &self.rows())?;
        fields.serialize_field("kernels", &self.kernels.len())?;
        fields.end()
    }
}

impl LineBuffer {
    /// Rows and columns of the image.
    pub fn input(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.axes[axis].pixels)
    }

    /// Rows and columns that a window spans.
    pub fn span(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.axes[axis].span)
    }

    /// Rows and columns of the grid.
    pub fn grid(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.axes[axis].steps.len())
    }

    /// Rows that are kept: those that a window spans besides the current one, and the current one if it
    /// is used again.
    pub fn rows(&self) -> usize {
        self.axes[0].span - usize::from(!self.axes[0].has_repeats())
    }

    /// Tells whether rows lie in memories. A short row is a shift register, whose oldest pixel is that
    /// above the current one: a memory is not written before the next iterations read it.
    pub fn has_memories(&self) -> bool {
        let registers = (self.stored() * self.channels) as u64;
        self.rows() > 0 && (self.is_long() || registers > UNROLL_LIMIT)
    }

    /// Tells whether accesses to a word of a row are further apart than the cycles from reading to
    /// writing it.
    pub fn is_long(&self) -> bool {
        self.axes[1].pixels >= LONG_ROW
    }

    /// Windows of a sample.
    pub fn windows(&self) -> usize {
        let given = |axis: &Axis| axis.steps.iter().filter(|step| step.gives).count();
        self.axes.iter().map(given).product()
    }

    /// Windows of a row.
    pub(in crate::hls) fn windows_of_row(&self) -> usize {
        let given = self.axes[1].steps.iter().filter(|step| step.gives).count();
        let positions = self.turns.as_ref().map_or(self.group.windows, |turns| turns.positions);
        given * positions
    }

    /// Pixels of a row of the image.
    pub(in crate::hls) fn pixels_of_row(&self) -> usize {
        self.axes[1].pixels * self.group.pixels
    }

    /// Tells whether the pixel that an iteration reads is the whole window, so that nothing is kept.
    pub fn passes_pixels(&self) -> bool {
        let reads = |axis: &Axis| axis.steps.iter().all(|step| step.takes == Take::Pixel);
        self.group.is_one() && self.span() == [1, 1] && self.axes.iter().all(reads)
    }

    /// Elements in registers.
    pub fn registers(&self) -> usize {
        if self.passes_pixels() { 0 } else { self.span().iter().product::<usize>() * self.channels }
    }

    /// Pixels of the rows that are kept.
    pub fn stored(&self) -> usize {
        self.rows() * self.axes[1].pixels
    }

    /// Elements of the rows that are kept, and of the window in registers.
    pub fn elements(&self) -> usize {
        self.stored() * self.channels + self.registers()
    }

    /// The iterations of a sample: whether each reads a pixel, and writes a window.
    pub(super) fn steps(&self) -> impl Iterator<Item = (bool, bool)> + '_ {
        let [rows, columns] = &self.axes;
        rows.steps.iter().flat_map(|row| {
            columns.steps.iter().map(|column| {
                let reads = row.takes == Take::Pixel && column.takes == Take::Pixel;
                (reads, row.gives && column.gives)
            })
        })
    }
}

/// The steps of `window` along `axis`.
pub(super) fn along(window: &Window, axis: usize) -> Axis {
    let scale = window.input_dilation[axis];
    let reach = (window.kernel[axis] - 1) * window.dilation[axis];
    let end = reach as isize - window.pad_before[axis] as isize;
    let positions = Spacing { scale, stride: window.stride[axis], end };
    Axis::of_positions(window.input[axis], reach / scale + 1, positions, window.output[axis])
}

/// The taps of `window` along `axis` on pixels, and those pixels, for windows that end `step` positions
/// behind one. The others lie between pixels.
pub(super) fn taps(window: &Window, axis: usize, step: usize) -> (Vec<usize>, Taps) {
    let (scale, dilation) = (window.input_dilation[axis], window.dilation[axis]);
    let reach = (window.kernel[axis] - 1) * dilation;
    let on_pixel = |tap: &usize| {
        let behind = (reach - tap * dilation).checked_sub(step);
        behind.is_some_and(|behind| behind.is_multiple_of(scale))
    };
    let taps: Vec<usize> = (0..window.kernel[axis]).filter(on_pixel).collect();
    let pixel = |tap: usize| (reach / scale) - (reach - tap * dilation - step) / scale;
    let first = taps.first().map_or(reach / scale, |tap| pixel(*tap));
    let distance = match taps[..] {
        [one, other, ..] => pixel(other) - pixel(one),
        _ => 1,
    };
    let count = taps.len();
    (taps, Taps { count, first, distance })
}
