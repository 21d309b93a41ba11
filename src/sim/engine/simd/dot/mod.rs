//! Dot products of integer rows with a packed weight matrix, exact modulo 2^32.
//!
//! The rows are windows on one array, and may overlap: a convolution reads its windows where they lie.
//! A row is a list of segments of the array, the same offsets for every row. Weights are packed in
//! panels of 16 outputs: for each output the weights of the next 4 bytes or 2 words of the row, in 4
//! bytes, so that one instruction multiplies them for 16 outputs.

mod scalar;
#[cfg(target_arch = "x86_64")]
mod x86;

use super::Level;

/// Outputs of a panel.
const PANEL: usize = 16;

/// Bytes that one instruction takes of a row, and multiplies for each output.
const GROUP: usize = 4;

/// Elements after the last one of an array that a row may read; they are multiplied by 0.
pub(in crate::sim) const SLACK: usize = GROUP;

/// 4 bytes of weights for each output of a panel.
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
}

impl Factors {
    /// Elements in 4 bytes.
    fn group(self) -> usize {
        match self {
            Self::Bytes | Self::WideBytes => 4,
            Self::Words => 2,
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
    /// \[panels\]\[segments\]\[groups\].
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
}

impl Matrix {
    /// The matrix of `weight(input, output)`, whose inputs are the `length` elements of each of the
    /// `segments`, one after the other. There is a bias for each output.
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
        let mut lines = Vec::with_capacity(panels * segments.len() * groups);
        for panel in 0..panels {
            for segment in 0..segments.len() {
                for first in (0..length).step_by(group) {
                    let mut line = Line([[0; GROUP]; PANEL]);
                    for (column, bytes) in line.0.iter_mut().enumerate() {
                        let output = panel * PANEL + column;
                        for (at, part) in bytes.chunks_mut(GROUP / group).enumerate() {
                            if output < outputs && first + at < length {
                                let weight = weight(segment * length + first + at, output);
                                let bytes = weight.to_le_bytes().map(u8::cast_signed);
                                part.copy_from_slice(&bytes[..GROUP / group]);
                            }
                        }
                    }
                    lines.push(line);
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
        let (len, starts, is_words) = match rows {
            Rows::Bytes(array, starts) => (array.len(), starts, false),
            Rows::Words(array, starts) => (array.len(), starts, true),
        };
        assert_eq!(is_words, self.factors == Factors::Words, "rows of the matrix's type");
        assert_eq!(y.len(), starts.len() * self.outputs, "a result for each row and output");
        let reach =
            self.segments.iter().max().map_or(0, |last| last + self.groups * self.factors.group());
        let last = starts.iter().max().copied().unwrap_or(0);
        assert!(starts.is_empty() || last + reach <= len, "a row within its array");
        match level {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has the features of its level, and the rows, the results and the
            // packed weights have the sizes that were asserted.
            Level::Avx512 => unsafe { x86::dot512(self, rows, y) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Level::Avx2 if self.factors != Factors::WideBytes => unsafe {
                x86::dot256(self, rows, y)
            },
            _ => scalar::dot(self, rows, y),
        }
    }
}
