//! Tensors on the edges of a graph, and constants.

use std::borrow::Cow;

use ndarray::{ArrayD, ArrayViewD};
use num_bigint::BigInt;

use crate::fixed::{Codes, Format, FormatError, Range, Word, fractional_bits, nearest_code};

/// The result of a node: one sample's shape, the elements' format, and their proven ranges.
///
/// Codes of all elements count the LSB of one format. Where elements have types of their own, as
/// after a [`Cast`](super::Cast) by channel, the format holds all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Elements along each axis of one sample; the last axis holds the channels.
    pub shape: Vec<usize>,
    /// Format of every element.
    pub format: Format,
    /// Proven ranges of codes: one for all elements, one per channel, or one per element
    /// (row-major). Element i has `ranges[i % ranges.len()]`.
    pub ranges: Vec<Range>,
}

impl Tensor {
    /// A tensor whose elements may take any code of `format`.
    pub fn full(shape: Vec<usize>, format: Format) -> Self {
        Self { shape, format, ranges: vec![format.codes()] }
    }

    /// A tensor with these ranges, merged if possible: equal ranges to one, rows with the same
    /// ranges to one range per channel.
    pub(crate) fn new(shape: Vec<usize>, format: Format, ranges: Vec<Range>) -> Self {
        let mut tensor = Self { shape, format, ranges };
        let channels = tensor.channel_count();
        let repeats = |period: usize| {
            (period..tensor.ranges.len())
                .all(|element| tensor.ranges[element] == tensor.ranges[element % period])
        };
        if repeats(1) {
            tensor.ranges.truncate(1);
        } else if tensor.ranges.len() > channels && repeats(channels) {
            tensor.ranges.truncate(channels);
        }
        tensor
    }

    /// The narrowest format that holds the ranges of all of `tensors`, of which there is one at least.
    ///
    /// # Errors
    /// If no format holds them.
    pub(crate) fn common_format<'t>(
        tensors: impl Iterator<Item = &'t Self> + Clone,
    ) -> Result<Format, FormatError> {
        let fractions = tensors.clone().map(|x| x.format.fractional_bits());
        let fraction = fractions.max().expect("there is a tensor");
        let refined =
            tensors.map(|x| x.range().refined(fraction.abs_diff(x.format.fractional_bits())));
        let range = refined.reduce(|one, other| one.hull(&other)).expect("there is a tensor");
        Format::covering(&range, fraction)
    }

    /// A tensor with these ranges in the narrowest format with `fraction` fractional bits.
    ///
    /// # Errors
    /// If that takes more than 128 bits.
    pub(crate) fn covering(
        shape: Vec<usize>,
        fraction: i32,
        ranges: Vec<Range>,
    ) -> Result<Self, FormatError> {
        let format = Format::covering(&hull(&ranges), fraction)?;
        Ok(Self::new(shape, format, ranges))
    }

    /// Number of elements of one sample.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// True if a sample has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Length of the last axis; 1 for a tensor without axes.
    pub fn channel_count(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// Number of rows of channels in one sample.
    pub fn rows(&self) -> usize {
        self.shape.split_last().map_or(1, |(_, rest)| rest.iter().product())
    }

    /// Range of codes of element `element`, row-major.
    pub fn range_at(&self, element: usize) -> &Range {
        &self.ranges[element % self.ranges.len()]
    }

    /// Range of codes of all elements of channel `channel`.
    pub fn channel_range(&self, channel: usize) -> Cow<'_, Range> {
        let channels = self.channel_count();
        if self.ranges.len() <= channels {
            return Cow::Borrowed(self.range_at(channel));
        }
        let own = self.ranges.iter().skip(channel).step_by(channels);
        Cow::Owned(hull(own))
    }

    /// Range of codes of all elements.
    pub fn range(&self) -> Range {
        hull(&self.ranges)
    }

    /// Checks that this tensor holds every value of `other`: the same shape and fractional bits, a
    /// format and ranges that contain those of `other`.
    pub(crate) fn contains(&self, other: &Self) -> Result<(), &'static str> {
        let count = self.ranges.len().max(other.ranges.len());
        let inside = |element| self.range_at(element).contains(other.range_at(element));
        if self.shape != other.shape {
            Err("its shape differs from the inferred one")
        } else if self.format.fractional_bits() != other.format.fractional_bits() {
            Err("its fractional bits differ from the inferred ones")
        } else if !self.format.codes().contains(&other.format.codes()) {
            Err("its format is narrower than the inferred one")
        } else if !(0..count).all(inside) {
            Err("its range does not contain the inferred one")
        } else {
            Ok(())
        }
    }
}

/// The smallest range around all of `ranges`, of which there is at least one.
fn hull<'r>(ranges: impl IntoIterator<Item = &'r Range>) -> Range {
    let mut ranges = ranges.into_iter();
    let first = ranges.next().expect("a tensor has at least one range").clone();
    ranges.fold(first, |all, range| all.hull(range))
}

/// A constant tensor: weights, biases, thresholds, table entries.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// The codes.
    pub codes: Codes,
    /// Format of the codes.
    pub format: Format,
}

/// Values that cannot be a constant.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConstantError {
    /// NaN or infinite.
    #[error("{0} is not a finite number")]
    NotFinite(f64),
    /// No format holds all values.
    #[error(transparent)]
    Format(#[from] FormatError),
}

impl Constant {
    /// Exact `values` in the narrowest format that holds all of them.
    ///
    /// # Errors
    /// If a value is not finite, or no format of 128 bits holds all of them.
    pub fn covering(values: ArrayViewD<'_, f64>) -> Result<Self, ConstantError> {
        if let Some(bad) = values.iter().find(|v| !v.is_finite()) {
            return Err(ConstantError::NotFinite(*bad));
        }
        // The value with the lowest set bit decides; zeros have none.
        let fraction = values.iter().filter_map(|v| fractional_bits(*v)).max().unwrap_or(0);
        let codes = Codes::from_values(&values, fraction)
            .expect("every value has at most these fractional bits");
        let range = codes.range().unwrap_or_else(|| Range::point(0));
        Ok(Self { format: Format::covering(&range, fraction)?, codes })
    }

    /// `values` rounded to nearest, with an LSB that gives the largest of them `significant` bits.
    ///
    /// # Errors
    /// If a value is not finite, or no format has this LSB.
    pub fn nearest(values: ArrayViewD<'_, f64>, significant: u32) -> Result<Self, ConstantError> {
        if let Some(bad) = values.iter().find(|v| !v.is_finite()) {
            return Err(ConstantError::NotFinite(*bad));
        }
        let largest = values.iter().fold(0.0_f64, |largest, v| largest.max(v.abs()));
        let integer = if largest == 0.0 { 0 } else { libm::ilogb(largest) + 1 };
        let fraction = significant as i32 - integer;
        let codes = values.mapv(|value| nearest_code(value, fraction).expect("a finite value"));
        Ok(Self::of_codes(codes, fraction)?)
    }

    /// `codes` with `fraction` fractional bits, in the narrowest format that holds them.
    ///
    /// # Errors
    /// If that takes more than 128 bits.
    pub fn of_codes(codes: ArrayD<BigInt>, fraction: i32) -> Result<Self, FormatError> {
        let codes = Codes::from_big(codes);
        let range = codes.range().unwrap_or_else(|| Range::point(0));
        Ok(Self { format: Format::covering(&range, fraction)?, codes })
    }

    /// The code of element `index`, with a constant of one element or one per channel repeated.
    ///
    /// # Panics
    /// If the constant is empty.
    pub(crate) fn code_at(&self, index: usize) -> BigInt {
        self.codes.get(index % self.codes.len()).expect("an index below the number of codes")
    }

    /// The codes times 2^`bits`; `None` if one does not fit the word. i64 words wrap modulo 2^64:
    /// where results fit them, bits that the shift loses do not matter.
    pub(crate) fn shifted<W: Word>(&self, bits: u32) -> Option<ArrayD<W>> {
        Some(W::view(&self.codes)?.map(|code| code.shifted_left(bits)))
    }

    /// Range of the codes; \[0, 0\] if there are none.
    pub fn range(&self) -> Range {
        self.codes.range().unwrap_or_else(|| Range::point(0))
    }

    /// Size in bits.
    pub fn bits(&self) -> usize {
        self.codes.len() * self.format.width() as usize
    }
}
