//! Dot products of integer rows with a packed weight matrix, exact modulo 2^32.
//!
//! The rows are windows on one array, and may overlap: a convolution reads its windows where they lie.
//! A row is a list of segments of the array, the same offsets for every row. Weights are packed in
//! panels of 16 outputs: for each output the weights of the next 4 bytes or 2 words of the row, in 4
//! bytes, so that one instruction multiplies them for 16 outputs.
//!
//! Factors from -1 to 1 are bits, 32 of them in 4 bytes. With weights of -1 and 1, the products are as
//! many as the codes other than 0, and those that are negative are counted: `Σ x·w = n - 2·c`. A weight
//! from -1 to 1 is half the sum of two of -1 and 1, a line for each: `Σ x·w = n - c₁ - c₂`.

mod scalar;
#[cfg(target_arch = "x86_64")]
mod x86;

use super::Level;
use super::signs::{self, Signs};

/// Outputs of a panel.
const PANEL: usize = 16;

/// Bytes that one instruction takes of a row, and multiplies for each output.
const GROUP: usize = 4;

/// Elements after the last one of an array that a row may read; they are multiplied by 0.
pub(in crate::sim) const SLACK: usize = GROUP;

/// 4 bytes of weights for each output of a panel, the lowest first.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([[i8; GROUP]; PANEL]);

/// Types of the factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) enum Factors {
    /// Bytes of \[0, 255\] by bytes of \[-128, 127\]. A sum of two neighbouring products fits 16 bits.
    Bytes,
    /// The same, without the bound on sums: one instruction on no level below AVX-512.
    WideBytes,
    /// Words of 16 bits by words of 16 bits.
    Words,
    /// Codes from -1 to 1 by -1 and 1.
    Binary,
    /// Codes from -1 to 1 by -1, 0 and 1.
    Ternary,
}

impl Factors {
    /// Weights of a group.
    fn group(self) -> usize {
        match self {
            Self::Bytes | Self::WideBytes => 4,
            Self::Words => 2,
            Self::Binary | Self::Ternary => signs::GROUP,
        }
    }

    /// Elements of a group in the array of rows.
    fn elements(self) -> usize {
        match self {
            Self::Bytes | Self::WideBytes | Self::Words => self.group(),
            Self::Binary | Self::Ternary => 1,
        }
    }

    /// Lines of a group.
    pub(in crate::sim) fn lines(self) -> usize {
        match self {
            Self::Bytes | Self::WideBytes | Self::Words | Self::Binary => 1,
            Self::Ternary => 2,
        }
    }

    /// The part of a weight in a line of its group.
    fn bits(self, weight: i16, line: usize) -> u32 {
        match self {
            Self::Bytes | Self::WideBytes => u32::from(weight as u8),
            Self::Words => u32::from(weight.cast_unsigned()),
            // 0 is 1 in the first line, -1 in the second one.
            Self::Binary | Self::Ternary => u32::from(weight < line as i16),
        }
    }
}

/// A weight matrix, ready for dot products.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Matrix {
    factors: Factors,
    /// Offset of each segment of a row.
    segments: Vec<usize>,
    /// Groups of elements of a segment.
    groups: usize,
    /// \[panels\]\[segments\]\[groups\]\[lines of a group\].
    lines: Vec<Line>,
    /// For each output, and zeros up to a whole panel.
    bias: Vec<i32>,
    outputs: usize,
}

/// Rows of an array: the offset of each.
#[derive(Clone, Copy, Debug)]
pub(in crate::sim) enum Rows<'x> {
    /// Rows of [`Factors::Bytes`].
    Bytes(&'x [u8], &'x [usize]),
    /// Rows of [`Factors::Words`].
    Words(&'x [i16], &'x [usize]),
    /// Rows of [`Factors::Binary`] and [`Factors::Ternary`]; bits after the last of a segment are those
    /// of 0.
    Signs(&'x [Signs], &'x [usize]),
}

impl Rows<'_> {
    /// The offset of each row, and the elements of the array.
    fn extent(&self) -> (&[usize], usize) {
        match self {
            Self::Bytes(array, starts) => (starts, array.len()),
            Self::Words(array, starts) => (starts, array.len()),
            Self::Signs(array, starts) => (starts, array.len()),
        }
    }

    /// True if a matrix of these factors takes the rows.
    fn are_of(&self, factors: Factors) -> bool {
        match factors {
            Factors::Bytes | Factors::WideBytes => matches!(self, Self::Bytes(..)),
            Factors::Words => matches!(self, Self::Words(..)),
            Factors::Binary | Factors::Ternary => matches!(self, Self::Signs(..)),
        }
    }
}

impl Matrix {
    /// The matrix of `weight(input, output)`, whose inputs are the `length` elements of each of the
    /// `segments`, one after the other. Segments are offsets in the array of rows. There is a bias for each
    /// output.
    pub(in crate::sim) fn new(
        factors: Factors,
        segments: Vec<usize>,
        length: usize,
        bias: &[i32],
        weight: impl Fn(usize, usize) -> i16,
    ) -> Self {
        let (group, outputs) = (factors.group(), bias.len());
        let groups = length.div_ceil(group);
        let panels = outputs.div_ceil(PANEL);
        let width = u32::BITS as usize / group;
        let mut lines = Vec::with_capacity(panels * segments.len() * groups * factors.lines());
        for panel in 0..panels {
            for segment in 0..segments.len() {
                for first in (0..length).step_by(group) {
                    for at in 0..factors.lines() {
                        let mut line = Line([[0; GROUP]; PANEL]);
                        for (column, own) in line.0.iter_mut().enumerate() {
                            let output = panel * PANEL + column;
                            if output >= outputs {
                                break;
                            }
                            let mut word = 0;
                            for (place, input) in (first..length.min(first + group)).enumerate() {
                                let weight = weight(segment * length + input, output);
                                word |= factors.bits(weight, at) << (place * width);
                            }
                            *own = word.to_le_bytes().map(u8::cast_signed);
                        }
                        lines.push(line);
                    }
                }
            }
        }
        let mut bias = bias.to_vec();
        bias.resize(panels * PANEL, 0);
        Self { factors, segments, groups, lines, bias, outputs }
    }

    /// Number of outputs.
    pub(in crate::sim) fn outputs(&self) -> usize {
        self.outputs
    }

    /// `y[r, o] = bias[o] + Σ_i rows[r, i] · weights[i, o]` modulo 2^32, row-major.
    ///
    /// # Panics
    /// If a row exceeds its array, which has [`SLACK`] elements after the last one, if `y` has another
    /// size, or if the rows are of another type than the matrix.
    pub(in crate::sim) fn dot(&self, level: Level, rows: Rows<'_>, y: &mut [i32]) {
        let (starts, len) = rows.extent();
        assert!(rows.are_of(self.factors), "rows of the matrix's type");
        assert_eq!(y.len(), starts.len() * self.outputs, "a result for each row and output");
        let segment = self.groups * self.factors.elements();
        let reach = self.segments.iter().max().map_or(0, |last| last + segment);
        let last = starts.iter().max().copied().unwrap_or(0);
        assert!(starts.is_empty() || last + reach <= len, "a row within its array");
        match (level, self.factors) {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has the features of its level, and the rows, the results and the
            // packed weights have the sizes that were asserted.
            (Level::Avx512Popcount, _)
            | (Level::Avx512, Factors::Bytes | Factors::WideBytes | Factors::Words) => unsafe {
                x86::dot512(self, rows, y)
            },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            (Level::Avx2, Factors::Bytes | Factors::Words)
            | (Level::Avx2 | Level::Avx512, Factors::Binary | Factors::Ternary) => unsafe {
                x86::dot256(self, rows, y)
            },
            _ => scalar::dot(self, rows, y),
        }
    }
}
