//! Dot products: rows of an [`Image`] by a packed weight matrix.
//!
//! Factors that do not fit the instructions' types, or whose sums would not fit 32 bits, are split
//! into words: `Σ x·w = Σ_ij 2^(ij) Σ x_i·w_j`, each inner sum within 32 bits by the actual weights.
//! Long rows of factors from -1 to 1 are bits.

use std::ops::Range as Span;

use ndarray::{Array1, Array2, Axis, s};
use num_traits::ToPrimitive;

use super::super::kernel::Scratch;
use super::super::simd::dot::{Factors, Matrix, Rows};
use super::super::simd::signs::GROUP;
use super::super::simd::{Level, Loop};
use super::super::storage::Buffer;
use super::geometry::Geometry;
use super::image::Digits;
use super::{Lane, Source, zip};
use crate::ir::{Conv, Linear, Tensor};

/// Bits of a word of a weight that is split.
const WEIGHT_BITS: u32 = 15;

/// Most pairs of words of a product; more are left to the reference evaluation.
const MOST_PARTS: usize = 16;

/// `y[r, o] = Σ_i rows[r, i] · weights[i, o] + bias[o]`.
pub(super) struct Dot<T> {
    level: Level,
    geometry: Geometry,
    elements: Elements,
    parts: Vec<Part>,
    outputs: usize,
    /// Products of a row.
    products: usize,
    /// Bias of each output, unless the matrix has it.
    bias: Option<Vec<T>>,
}

/// Elements of the image.
#[derive(Clone, Copy, Debug)]
enum Elements {
    /// The code plus an offset.
    Bytes(u8),
    /// The digits of the code.
    Words(Digits),
    /// Groups of codes from -1 to 1.
    Signs,
}

/// Dot products of one digit of the codes with one word of the weights.
struct Part {
    digit: usize,
    /// Left shift of the sums.
    shift: u32,
    /// The first output.
    output: usize,
    matrix: Matrix,
}

impl<T: Lane> Dot<T> {
    /// The source of the result of `linear` for operands `x`; `None` if its factors are too wide.
    pub(super) fn linear(
        linear: &Linear,
        x: &Tensor,
        result: &Tensor,
        level: Level,
    ) -> Option<Self> {
        Self::new(linear, [x, result], |cell| Geometry::linear(x, cell), false, level)
    }

    /// The source of the result of `conv`.
    pub(super) fn conv(conv: &Conv, x: &Tensor, result: &Tensor, level: Level) -> Option<Self> {
        let group = conv.group_channels(x.channel_count())?;
        let geometry = |cell: usize| Geometry::conv(conv, group, x, cell);
        Self::new(&conv.linear, [x, result], geometry, conv.window.is_padded(), level)
    }

    fn new(
        linear: &Linear,
        [x, result]: [&Tensor; 2],
        geometry: impl Fn(usize) -> Geometry,
        is_padded: bool,
        level: Level,
    ) -> Option<Self> {
        let parameters = linear.parameters::<i64>(x.format)?;
        let (mut weights, bias) = (parameters.weights, parameters.bias);
        let zeros = weights.iter().map(|weight| weight.trailing_zeros()).min()?.min(63);
        weights.mapv_inplace(|weight| weight >> zeros);
        let range = if is_padded { x.range().with_zero() } else { x.range() };
        let (low, high) = (range.low().to_i64()?, range.high().to_i64()?);
        let outputs = weights.ncols();
        let is_narrow = <i32 as Lane>::holds(&result.range());

        let mut words = words(&weights);
        let sums = words.iter().map(most).collect::<Option<Vec<i64>>>()?;
        let largest = low.unsigned_abs().max(high.unsigned_abs());
        let channels = x.channel_count();
        let mut places = geometry(channels);
        let groups = places.segments.len();
        let is_single = is_narrow && zeros == 0 && words.len() * groups == 1;
        // A sum within 32 bits; or one modulo 2^32 that is a result which fits them, or a part of one.
        let fits = |x: u64| {
            T::BITS == 32
                || is_single
                || sums.iter().all(|sum| sum.unsigned_abs().saturating_mul(x) < 1 << 31)
        };
        let holds = |low: i64, high: i64, from: i64, to: i64| from <= low && high <= to;
        let are_bytes = weights.iter().all(|weight| i8::try_from(*weight).is_ok())
            && (holds(low, high, 0, 255) || holds(low, high, -128, 127))
            && fits(256);
        let offset: u8 = if low < 0 { 128 } else { 0 };
        let heaviest = weights.iter().map(|weight| weight.unsigned_abs()).max()?;
        let most_byte = (high + i64::from(offset)).unsigned_abs();
        let bits = match heaviest {
            0 | 1 if weights.iter().all(|weight| *weight != 0) => Some(Factors::Binary),
            0 | 1 => Some(Factors::Ternary),
            _ => None,
        };
        let bits = bits.filter(|bits| {
            holds(low, high, -1, 1) && fits(1) && places.is_faster_in_bits(level, bits.lines())
        });
        let (factors, elements) = if let Some(bits) = bits {
            let cell = channels.next_multiple_of(GROUP);
            places = geometry(cell).in_groups();
            words = vec![in_cells(&words[0], channels, cell)];
            (bits, Elements::Signs)
        } else if are_bytes && 2 * heaviest * most_byte <= 32767 {
            (Factors::Bytes, Elements::Bytes(offset))
        } else if are_bytes && level != Level::Avx2 {
            (Factors::WideBytes, Elements::Bytes(offset))
        } else if words.len() == 1
            && holds(low, high, i16::MIN.into(), i16::MAX.into())
            && fits(largest)
        {
            (Factors::Words, Elements::Words(Digits { bits: 16, count: 1 }))
        } else {
            (Factors::Words, Elements::Words(digits(&range, &sums)?))
        };
        let digits = match elements {
            Elements::Bytes(_) | Elements::Signs => Digits { bits: 0, count: 1 },
            Elements::Words(digits) => digits,
        };
        if words.len() * digits.count > MOST_PARTS {
            return None;
        }
        let is_direct = is_single && digits.count == 1;
        let each = outputs / groups;
        let mut parts = Vec::new();
        for (word, weights) in words.iter().enumerate() {
            for digit in 0..digits.count {
                let shift = zeros + WEIGHT_BITS * word as u32 + digits.bits * digit as u32;
                if shift >= T::BITS {
                    // Only bits that the lane does not hold.
                    continue;
                }
                for (group, segments) in places.segments.iter().enumerate() {
                    let first = group * each;
                    let own: Vec<i32> = (first..first + each)
                        .map(|output| {
                            let bias = if is_direct { bias[output] } else { 0 };
                            let sum: i64 =
                                weights.column(output).iter().map(|w| i64::from(*w)).sum();
                            let offset = match elements {
                                Elements::Bytes(offset) => i64::from(offset),
                                Elements::Words(_) | Elements::Signs => 0,
                            };
                            bias.wrapping_sub(offset * sum) as i32
                        })
                        .collect();
                    let weight = |input: usize, output: usize| weights[[input, first + output]];
                    let matrix =
                        Matrix::new(factors, segments.clone(), places.length, &own, weight);
                    parts.push(Part { digit, shift, output: first, matrix });
                }
            }
        }
        let bias = (!is_direct).then(|| bias.iter().map(|bias| T::of(*bias)).collect());
        let products = weights.len();
        Some(Self { level, geometry: places, elements, parts, outputs, products, bias })
    }
}

impl<T: Lane> Source<T> for Dot<T> {
    fn prepare(&self, operands: &[&Buffer], samples: usize, scratch: &mut Scratch) {
        let image = &self.geometry.image;
        match self.elements {
            Elements::Bytes(offset) => {
                image.bytes(self.level, operands[0], samples, offset, &mut scratch.bytes);
            }
            Elements::Words(digits) => {
                image.words(self.level, operands[0], samples, digits, &mut scratch.words);
            }
            Elements::Signs => {
                image.signs(self.level, operands[0], samples, &mut scratch.signs);
            }
        }
    }

    fn fill(&self, _: &[&Buffer], scratch: &mut Scratch, rows: Span<usize>, y: &mut [T]) {
        let Scratch { bytes, words, signs, starts, sums, .. } = scratch;
        let Geometry { len, rows: own, .. } = &self.geometry;
        starts.clear();
        if let [row] = own[..] {
            starts.extend(rows.clone().map(|sample| sample * len + row));
        } else {
            let (mut sample, first) = (rows.start / own.len(), rows.start % own.len());
            let mut of_sample = own[first..].iter();
            while starts.len() < rows.len() {
                let left = rows.len() - starts.len();
                starts.extend(of_sample.take(left).map(|row| sample * len + row));
                sample += 1;
                of_sample = own.iter();
            }
        }
        let rows = |part: &Part| match self.elements {
            Elements::Bytes(_) => Rows::Bytes(bytes, starts),
            Elements::Words(_) => Rows::Words(&words[part.digit], starts),
            Elements::Signs => Rows::Signs(signs, starts),
        };
        match &self.bias {
            Some(bias) => {
                for y in y.chunks_exact_mut(self.outputs) {
                    y.copy_from_slice(bias);
                }
            }
            None => {
                if let (Some(y), [part]) = (T::as_i32(y), &self.parts[..]) {
                    part.matrix.dot(self.level, rows(part), y);
                    return;
                }
                y.fill(T::zero());
            }
        }
        for part in &self.parts {
            let outputs = part.matrix.outputs();
            sums.resize(starts.len() * outputs, 0);
            part.matrix.dot(self.level, rows(part), sums);
            self.level.run(AddShifted, (part, &mut *y, self.outputs, &sums[..]));
        }
    }

    fn macs(&self) -> usize {
        self.geometry.rows.len() * self.products
    }

    fn algorithm(&self) -> String {
        let of = match self.elements {
            Elements::Bytes(_) => "8-bit",
            Elements::Words(_) => "16-bit",
            Elements::Signs => "1-bit",
        };
        match self.parts.len() {
            1 => format!("{of} dot products"),
            parts => format!("{of} dot products in {parts} parts"),
        }
    }
}

/// Adds the shifted sums of a part to rows of so many outputs.
struct AddShifted;

impl<T: Lane> Loop<(&Part, &mut [T], usize, &[i32])> for AddShifted {
    type Result = ();

    #[inline(always)]
    fn run((part, y, outputs, sums): (&Part, &mut [T], usize, &[i32])) {
        let own = part.matrix.outputs();
        let shifted = |sum: T| sum.wrapping_shl(part.shift);
        if own == outputs {
            return zip(y, sums, |y: T, sum| y.wrapping_add(&shifted(sum)));
        }
        for (y, sums) in y.chunks_exact_mut(outputs).zip(sums.chunks_exact(own)) {
            zip(&mut y[part.output..][..own], sums, |y: T, sum| y.wrapping_add(&shifted(sum)));
        }
    }
}

/// The weights as words, the lowest first: themselves if they fit, else digits of base
/// 2^[`WEIGHT_BITS`].
fn words(weights: &Array2<i64>) -> Vec<Array2<i16>> {
    let mut rest = weights.clone();
    let mut words = Vec::new();
    while rest.iter().any(|weight| i16::try_from(*weight).is_err()) {
        // The lowest bits, with the highest of them as a sign.
        let low = rest.mapv(|weight| (weight << (64 - WEIGHT_BITS)) >> (64 - WEIGHT_BITS));
        rest.zip_mut_with(&low, |rest, low| {
            *rest = ((i128::from(*rest) - i128::from(*low)) >> WEIGHT_BITS) as i64;
        });
        words.push(low.mapv(|word| word as i16));
    }
    words.push(rest.mapv(|word| word as i16));
    words
}

/// The weights with zeros after those of each position, `channels` of them in a cell of `cell`.
fn in_cells(weights: &Array2<i16>, channels: usize, cell: usize) -> Array2<i16> {
    let mut padded = Array2::zeros((weights.nrows() / channels * cell, weights.ncols()));
    let cells = padded.axis_chunks_iter_mut(Axis(0), cell);
    for (mut cell, weights) in cells.zip(weights.axis_chunks_iter(Axis(0), channels)) {
        cell.slice_mut(s![..channels, ..]).assign(&weights);
    }
    padded
}

/// The largest sum of magnitudes of the weights of an output.
fn most(weights: &Array2<i16>) -> Option<i64> {
    let sum = |column: ndarray::ArrayView1<'_, i16>| {
        column.iter().map(|w| i64::from(w.unsigned_abs())).sum()
    };
    let sums: Array1<i64> = weights.columns().into_iter().map(sum).collect();
    sums.iter().max().copied()
}

/// Digits of the codes of `range` whose sums fit 32 bits, for weights with these sums of magnitudes;
/// `None` if there are none.
fn digits(range: &crate::fixed::Range, sums: &[i64]) -> Option<Digits> {
    let largest = sums.iter().max()?.unsigned_abs().max(1);
    // sum · 2^(bits - 1) < 2^31; a digit and its sign fit a word.
    let bits = (((1_u64 << 31) - 1) / largest).checked_ilog2()?.saturating_add(1).min(15);
    let width = u32::try_from(range.with_zero().bits().1).ok()? + 1;
    // Halves are added to codes within 64 bits.
    (bits > 2 && width < 62).then(|| Digits { bits, count: width.div_ceil(bits).max(1) as usize })
}
