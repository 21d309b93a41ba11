//! The places of the rows of a weight matrix in an [`Image`].

use super::super::simd::Level;
use super::super::simd::signs::GROUP;
use super::image::Image;
use crate::ir::{Conv, Tensor};

/// Fewest products of a row that are faster as bits than as bytes, packing included: measured.
const BIT_PRODUCTS: usize = 128;

/// Bytes of factors that are multiplied in the time of a line of bits, at most: measured.
const LINE_BYTES: usize = 12;

/// The places of rows and of their segments.
pub(super) struct Geometry {
    pub(super) image: Image,
    /// Elements of the image of a position.
    cell: usize,
    /// Elements of the image of a sample.
    pub(super) len: usize,
    /// Offset of each row of a sample in its image.
    pub(super) rows: Vec<usize>,
    /// Offsets of the segments of a row, for each group of outputs.
    pub(super) segments: Vec<Vec<usize>>,
    /// Elements of a segment.
    pub(super) length: usize,
}

impl Geometry {
    /// Each row of the operand `x`, in cells of `cell` elements.
    pub(super) fn linear(x: &Tensor, cell: usize) -> Self {
        let rows = (0..x.rows()).map(|row| row * cell).collect();
        Self::new(Image::plain(x, cell), cell, rows, vec![vec![0]], cell)
    }

    /// The windows of a convolution of `group` channels of `x` for each output.
    pub(super) fn conv(conv: &Conv, group: usize, x: &Tensor, cell: usize) -> Self {
        let window = &conv.window;
        let [_, width] = Image::size(window);
        let offset = |row: usize, column: usize| (row * width + column) * cell;
        let rows = (0..window.windows()).map(|at| {
            let [row, column] = [at / window.output[1], at % window.output[1]];
            offset(row * window.stride[0], column * window.stride[1])
        });
        // Neighbouring taps of all channels are one segment.
        let is_joined = window.dilation[1] == 1 && conv.groups == 1;
        let [height, taps] = window.kernel;
        let (segments, length) = if is_joined {
            let rows = (0..height).map(|row| offset(row * window.dilation[0], 0)).collect();
            (vec![rows], taps * cell)
        } else {
            let of_group = |at: usize| {
                let all = (0..height).flat_map(|row| (0..taps).map(move |column| (row, column)));
                all.map(|(row, column)| {
                    offset(row * window.dilation[0], column * window.dilation[1]) + at * group
                })
                .collect()
            };
            let length = if conv.groups == 1 { cell } else { group };
            ((0..conv.groups).map(of_group).collect(), length)
        };
        Self::new(Image::of(window, x, cell), cell, rows.collect(), segments, length)
    }

    fn new(
        image: Image,
        cell: usize,
        rows: Vec<usize>,
        segments: Vec<Vec<usize>>,
        length: usize,
    ) -> Self {
        Self { len: image.len, image, cell, rows, segments, length }
    }

    /// True if dot products with `lines` lines of bits for each group are faster than with bytes, packing
    /// included.
    pub(super) fn is_faster_in_bits(&self, level: Level, lines: usize) -> bool {
        // These processors multiply bytes in 512 bits, and count bits in 256.
        if level == Level::Avx512 {
            return false;
        }
        let [segments] = &self.segments[..] else { return false };
        let products = segments.len() * self.length;
        let lines = products / self.cell * self.cell.div_ceil(GROUP) * lines;
        products >= BIT_PRODUCTS && lines * LINE_BYTES <= products
    }

    /// The same with offsets in groups of bits.
    pub(super) fn in_groups(mut self) -> Self {
        let offsets = self.rows.iter_mut().chain(self.segments.iter_mut().flatten());
        offsets.chain([&mut self.len]).for_each(|offset| *offset /= GROUP);
        self
    }
}
