//! The operand of dot products as an array in which every window lies as rows of elements: padded,
//! dilated, and in the type of the factors.
//!
//! The channels of a position are a cell. Cells of bits are padded to whole groups.

use std::ops::Range as Span;

use super::super::simd::dot::SLACK;
use super::super::simd::signs::{self, Signs};
use super::super::simd::{Level, Loop};
use super::super::storage::{Buffer, Stored, wide, with_elements};
use crate::ir::{Tensor, Window};

/// Layout of an image: the same for each sample.
#[derive(Clone, Debug)]
pub(super) struct Image {
    /// Elements of a sample of the operand.
    from: usize,
    /// Elements of the image of a sample.
    pub(super) len: usize,
    /// Runs of elements, in the order of the image; others are padding.
    runs: Vec<Run>,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    from: usize,
    to: usize,
    len: usize,
}

/// A code as words of `bits` bits each: digits of base 2^`bits` from -2^(bits-1) on, the lowest
/// first. The highest digit holds what is left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Digits {
    pub(super) bits: u32,
    pub(super) count: usize,
}

impl Image {
    /// The positions of the operand, in cells of `cell` elements.
    pub(super) fn plain(x: &Tensor, cell: usize) -> Self {
        let mut image = Self { from: x.len(), len: x.rows() * cell, runs: vec![] };
        let channels = x.channel_count();
        (0..x.rows()).for_each(|at| image.push([at * channels, at * cell], channels));
        image
    }

    /// The positions that the windows reach, in rows of [`Self::size`], in cells of `cell` elements.
    pub(super) fn of(window: &Window, x: &Tensor, cell: usize) -> Self {
        let channels = x.channel_count();
        let [height, width] = Self::size(window);
        let mut image = Self { from: x.len(), len: height * width * cell, runs: vec![] };
        for row in 0..height {
            for column in 0..width {
                let Some(source) = source(window, [row, column]) else { continue };
                image.push([source * channels, (row * width + column) * cell], channels);
            }
        }
        image
    }

    /// Appends elements, to the last run if they follow it.
    fn push(&mut self, [from, to]: [usize; 2], len: usize) {
        match self.runs.last_mut() {
            Some(last) if [last.from + last.len, last.to + last.len] == [from, to] => {
                last.len += len;
            }
            _ => self.runs.push(Run { from, to, len }),
        }
    }

    /// Height and width of the image of `window`, in positions.
    pub(super) fn size(window: &Window) -> [usize; 2] {
        [0, 1].map(|axis| {
            (window.output[axis] - 1) * window.stride[axis]
                + (window.kernel[axis] - 1) * window.dilation[axis]
                + 1
        })
    }

    fn is_padded(&self) -> bool {
        self.runs.iter().map(|run| run.len).sum::<usize>() < self.len
    }

    /// The images of `samples` samples as bytes, `offset` added to each code and to padding.
    pub(super) fn bytes(
        &self,
        level: Level,
        x: &Buffer,
        samples: usize,
        offset: u8,
        image: &mut Vec<u8>,
    ) {
        image.resize(samples * self.len + SLACK, offset);
        if self.is_padded() {
            image.fill(offset);
        }
        with_elements!(x, x => level.run(WriteBytes, (self, samples, x, offset, &mut image[..])), _ => {});
    }

    /// The images of `samples` samples as words, one for each digit.
    pub(super) fn words(
        &self,
        level: Level,
        x: &Buffer,
        samples: usize,
        digits: Digits,
        images: &mut Vec<Vec<i16>>,
    ) {
        if images.len() < digits.count {
            images.resize(digits.count, Vec::new());
        }
        for (digit, image) in images.iter_mut().take(digits.count).enumerate() {
            image.resize(samples * self.len + SLACK, 0);
            if self.is_padded() {
                image.fill(0);
            }
            let part = (digits, digit);
            with_elements!(x, x => level.run(WriteWords, (self, samples, x, part, &mut image[..])), _ => {});
        }
    }

    /// The images of `samples` samples as bits, of codes from -1 to 1.
    pub(super) fn signs(&self, level: Level, x: &Buffer, samples: usize, image: &mut Vec<Signs>) {
        image.resize(samples * self.len / signs::GROUP, Signs::default());
        if self.is_padded() {
            image.fill(Signs::default());
        }
        // The type that holds their range.
        let Buffer::Bits8(x) = x else { return };
        self.each(samples, |from, to| {
            let groups = to.start / signs::GROUP..to.end.div_ceil(signs::GROUP);
            signs::pack(level, &x[from], &mut image[groups]);
        });
    }

    /// Calls `copy` with the elements of each run in the operand and in the images.
    #[inline(always)]
    fn each(&self, samples: usize, mut copy: impl FnMut(Span<usize>, Span<usize>)) {
        for sample in 0..samples {
            let (x, image) = (sample * self.from, sample * self.len);
            for Run { from, to, len } in &self.runs {
                copy(x + from..x + from + len, image + to..image + to + len);
            }
        }
    }
}

/// Images as bytes plus an offset.
struct WriteBytes;

impl<S: Stored> Loop<(&Image, usize, &[S], u8, &mut [u8])> for WriteBytes {
    type Result = ();

    #[inline(always)]
    fn run((images, samples, x, offset, bytes): (&Image, usize, &[S], u8, &mut [u8])) {
        images.each(samples, |from, to| {
            for (byte, code) in bytes[to].iter_mut().zip(&x[from]) {
                *byte = (wide(*code) as u8).wrapping_add(offset);
            }
        });
    }
}

/// A digit of images as words.
struct WriteWords;

impl<S: Stored> Loop<(&Image, usize, &[S], (Digits, usize), &mut [i16])> for WriteWords {
    type Result = ();

    #[inline(always)]
    fn run(
        (images, samples, x, (digits, digit), words): (
            &Image,
            usize,
            &[S],
            (Digits, usize),
            &mut [i16],
        ),
    ) {
        images.each(samples, |from, to| digits.write(digit, &x[from], &mut words[to]));
    }
}

impl Digits {
    #[inline(always)]
    fn write<S: Stored>(self, digit: usize, codes: &[S], words: &mut [i16]) {
        if self.count == 1 {
            for (word, code) in words.iter_mut().zip(codes) {
                *word = wide(*code) as i16;
            }
            return;
        }
        // Half a digit added to each makes all digits but the highest plain bits.
        let half = 1_i64 << (self.bits - 1);
        let halves = (0..self.count).fold(0, |all, at| all + (half << (self.bits * at as u32)));
        let shift = self.bits * digit as u32;
        let mask = match digit + 1 == self.count {
            true => -1,
            false => (1 << self.bits) - 1,
        };
        for (word, code) in words.iter_mut().zip(codes) {
            *word = (((wide(*code) + halves) >> shift & mask) - half) as i16;
        }
    }
}

/// The position of the operand at a position of the image; `None` for padding.
fn source(window: &Window, position: [usize; 2]) -> Option<usize> {
    let along = |axis: usize| {
        let position = position[axis].checked_sub(window.pad_before[axis])?;
        let source = position / window.input_dilation[axis];
        let is_element = position.is_multiple_of(window.input_dilation[axis]);
        (is_element && source < window.input[axis]).then_some(source)
    };
    Some(along(0)? * window.input[1] + along(1)?)
}
