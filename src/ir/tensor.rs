//! What flows along an edge, and constants.

use ndarray::{ArrayD, ArrayViewD};
use num_bigint::BigInt;

use crate::fixed::{Codes, Format, FormatError, Range, fractional_bits, nearest_code};

/// The result of a node: one sample's shape, the elements' format, and what they can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Elements along each axis of one sample; the last axis holds the channels.
    pub shape: Vec<usize>,
    /// The format of every element.
    pub format: Format,
    /// The codes that each channel can take, or one range for all channels.
    pub channels: Vec<Range>,
}

impl Tensor {
    /// A tensor whose elements may take any code of `format`.
    pub fn full(shape: Vec<usize>, format: Format) -> Self {
        Self { shape, format, channels: vec![format.codes()] }
    }

    /// How many elements one sample has.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether a sample has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The length of the last axis; 1 for a tensor without axes.
    pub fn channel_count(&self) -> usize {
        self.shape.last().copied().unwrap_or(1)
    }

    /// How many rows of channels one sample has.
    pub fn rows(&self) -> usize {
        self.shape.split_last().map_or(1, |(_, rest)| rest.iter().product())
    }

    /// The codes that channel `channel` can take.
    pub fn range_of(&self, channel: usize) -> &Range {
        &self.channels[if self.channels.len() == 1 { 0 } else { channel }]
    }

    /// One range for all channels, where all have the same.
    pub(super) fn merge_equal_channels(&mut self) {
        if self.channels.windows(2).all(|pair| pair[0] == pair[1]) {
            self.channels.truncate(1);
        }
    }

    /// The codes that any element can take.
    pub fn range(&self) -> Range {
        let mut all = self.channels[0].clone();
        for channel in &self.channels[1..] {
            all = all.hull(channel);
        }
        all
    }
}

/// Numbers that are part of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// The numbers, counted in steps of the format.
    pub codes: Codes,
    /// Their format.
    pub format: Format,
}

/// Numbers that cannot be a constant.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConstantError {
    /// NaN or infinite.
    #[error("{0} is not a finite number")]
    NotFinite(f64),
    /// The numbers are too far apart for one format.
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
        // The lowest set bit of any value decides the fraction.
        let fraction = values.iter().filter_map(|v| fractional_bits(*v)).max().unwrap_or(0);
        let codes = Codes::from_values(&values, fraction).expect("the fraction holds every value");
        let range = codes.range().unwrap_or_else(|| Range::point(0));
        Ok(Self { format: Format::covering(&range, fraction)?, codes })
    }

    /// `values` on the grid that gives the largest of them `significant` bits, rounded to nearest.
    ///
    /// # Errors
    /// If a value is not finite, or the grid lies out of reach.
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

    /// `codes` with `fraction` bits behind the point, in the narrowest format that holds them.
    ///
    /// # Errors
    /// If that takes more than 128 bits.
    pub fn of_codes(codes: ArrayD<BigInt>, fraction: i32) -> Result<Self, FormatError> {
        let codes = Codes::from_big(codes);
        let range = codes.range().unwrap_or_else(|| Range::point(0));
        Ok(Self { format: Format::covering(&range, fraction)?, codes })
    }

    /// How many bits storing it takes.
    pub fn bits(&self) -> usize {
        self.codes.len() * self.format.width() as usize
    }
}
