//! The form of a step function in hardware: comparators, a lookup table, or a binary search.
//!
//! All three are exact: a table is narrowed by leaving out codes and low bits that do not change
//! the value, never by rounding an index.
//!
//! | | for | cost in LUTs of six inputs |
//! |---|---|---|
//! | comparators in parallel | up to [`MOST_COMPARATORS`] thresholds | (operand width + value width) / 2 each |
//! | lookup table | up to [`TableSizes`] entries | value width for each 64 entries, and the operand's width for each limit and for the subtraction of the first code |
//! | binary search, one comparison after another | any | log2 of the thresholds, each a comparator and a table of thresholds |
//!
//! A comparator takes a LUT for two bits of its operands, which share a carry chain; choosing
//! between two values takes one for two bits; 64 bits of a table take one.

#[cfg(test)]
mod tests;

use std::fmt;

use num_bigint::BigInt;
use num_traits::{One, ToPrimitive};
use serde::Serialize;

use crate::fixed::{Format, MAX_WIDTH, Range};
use crate::ir;

/// Largest number of thresholds that are compared in parallel.
pub const MOST_COMPARATORS: usize = 15;

/// A step function and its form. Codes outside the proven range are left out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ThresholdFunction {
    /// Ascending codes of the operand, at each of which the value changes.
    pub(super) thresholds: Vec<BigInt>,
    /// Codes of the result: before the first threshold, and from each on.
    pub(super) values: Vec<BigInt>,
    pub(super) form: FunctionForm,
    compared: u32,
    bits: u32,
}

/// The form of a [`ThresholdFunction`].
#[derive(Clone, Debug, PartialEq)]
pub(super) enum FunctionForm {
    /// A comparator for each threshold.
    Comparators,
    /// An entry for each index.
    Table(Index),
    /// A binary search.
    Search,
}

/// The size of a step function or lookup table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FunctionSize {
    /// One value.
    Constant,
    /// Comparators in parallel.
    Comparators {
        /// Number of comparators.
        comparators: usize,
    },
    /// A table.
    Table {
        /// Number of values.
        entries: usize,
        /// Bits of each.
        bits: u32,
    },
    /// A binary search.
    Search {
        /// Number of comparisons, one after another.
        comparators: usize,
        /// Number of thresholds.
        thresholds: usize,
        /// Bits of each.
        bits: u32,
    },
}

impl fmt::Display for FunctionSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant => f.write_str("constant"),
            Self::Comparators { comparators: 1 } => f.write_str("1 comparator"),
            Self::Comparators { comparators } => write!(f, "{comparators} comparators"),
            Self::Table { entries, bits } => write!(f, "table {entries} x {bits} bits"),
            Self::Search { thresholds, bits, .. } => write!(f, "search {thresholds} x {bits} bits"),
        }
    }
}

impl ThresholdFunction {
    /// The form of `steps` of `x`, with a table of at most `most_entries`.
    pub(super) fn of(steps: &ir::StepFunction, x: &ir::Tensor, most_entries: usize) -> Self {
        let range = x.range();
        let (thresholds, values) = reachable(steps, &range);
        let points = values.iter().map(|value| Range::point(value.clone()));
        let all = points.reduce(|all, value| all.hull(&value));
        let bits = all.map_or(1, |all| all.bits().1.clamp(1, MAX_WIDTH.into()) as u32);
        let compared = x.format.width();
        let mut function = Self { thresholds, values, form: FunctionForm::Search, compared, bits };
        let count = function.thresholds.len();
        let comparators = (count <= MOST_COMPARATORS).then(|| function.comparators(count));
        let table = Index::candidates(&function.thresholds, &range, x.format)
            .into_iter()
            .filter(|index| index.entries <= most_entries)
            .map(|index| (index.luts(compared, bits), index))
            .min_by_key(|(luts, _)| *luts);
        function.form = match (comparators, table) {
            (Some(comparators), Some((luts, _))) if comparators <= luts => {
                FunctionForm::Comparators
            }
            (_, Some((_, index))) => FunctionForm::Table(index),
            (Some(_), None) => FunctionForm::Comparators,
            (None, None) => FunctionForm::Search,
        };
        function
    }

    /// LUTs of `count` comparators, each with a choice between two values.
    fn comparators(&self, count: usize) -> u64 {
        count as u64 * u64::from(self.compared.div_ceil(2) + self.bits.div_ceil(2))
    }

    /// LUTs of the function.
    pub(super) fn luts(&self) -> u64 {
        match &self.form {
            FunctionForm::Comparators => self.comparators(self.thresholds.len()),
            FunctionForm::Table(index) => index.luts(self.compared, self.bits),
            FunctionForm::Search => {
                let tables = self.table_bits() as u64 / 64;
                tables + u64::from(self.levels() * self.compared.div_ceil(2))
            }
        }
    }

    /// The value at `code`.
    pub(super) fn at(&self, code: &BigInt) -> &BigInt {
        &self.values[self.thresholds.partition_point(|threshold| threshold <= code)]
    }

    /// Number of comparisons of a binary search.
    pub(super) fn levels(&self) -> u32 {
        usize::BITS - self.thresholds.len().leading_zeros()
    }

    /// The function's size.
    pub(super) fn size(&self) -> FunctionSize {
        match &self.form {
            _ if self.thresholds.is_empty() => FunctionSize::Constant,
            FunctionForm::Comparators => {
                FunctionSize::Comparators { comparators: self.thresholds.len() }
            }
            FunctionForm::Table(index) => {
                FunctionSize::Table { entries: index.entries, bits: self.bits }
            }
            FunctionForm::Search => FunctionSize::Search {
                comparators: self.levels() as usize,
                thresholds: self.thresholds.len(),
                bits: self.compared,
            },
        }
    }

    /// Bits of its tables and thresholds.
    pub(super) fn table_bits(&self) -> usize {
        match &self.form {
            FunctionForm::Table(index) => index.entries * self.bits as usize,
            _ => {
                self.thresholds.len() * self.compared as usize
                    + self.values.len() * self.bits as usize
            }
        }
    }
}

/// The thresholds inside `range`, and the values around them.
fn reachable(steps: &ir::StepFunction, range: &Range) -> (Vec<BigInt>, Vec<BigInt>) {
    let mut thresholds = Vec::new();
    let mut values: Vec<BigInt> = steps.values.codes.iter().take(1).collect();
    for (threshold, value) in steps.thresholds.codes.iter().zip(steps.values.codes.iter().skip(1)) {
        if threshold <= *range.low() {
            values = vec![value];
        } else if threshold <= *range.high() && values.last() != Some(&value) {
            thresholds.push(threshold);
            values.push(value);
        }
    }
    (thresholds, values)
}

/// From an operand's code to the index of a table: (code - `base`) >> `dropped`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Index {
    /// Set if codes below `base` are clamped to it.
    pub(super) from_below: bool,
    /// The first code.
    pub(super) base: BigInt,
    /// Codes above are clamped to this one.
    pub(super) high: Option<BigInt>,
    /// Low bits of the difference that do not change the value.
    pub(super) dropped: u32,
    /// Number of entries.
    pub(super) entries: usize,
    /// Set if the difference takes a subtraction: not for a base of 0, nor for the operand's
    /// smallest code, which only inverts the sign.
    subtracts: bool,
}

/// Largest table that is considered at all.
const MOST_ENTRIES: usize = 1 << 24;

impl Index {
    /// The tables of a function that changes at `thresholds`, for operands of `format` inside
    /// `range`; none with less than two thresholds.
    ///
    /// All thresholds lie at a multiple of 2^dropped from the first one, so that there is none
    /// between two entries.
    fn candidates(thresholds: &[BigInt], range: &Range, format: Format) -> Vec<Self> {
        let [first, rest @ .., last] = thresholds else { return Vec::new() };
        let distances = rest.iter().chain([last]).map(|threshold| threshold - first);
        let zeros = distances.filter_map(|distance| distance.trailing_zeros()).min();
        let Some(dropped) = zeros.and_then(|zeros| u32::try_from(zeros).ok()) else {
            return Vec::new();
        };
        let entry = BigInt::one() << dropped;
        let smallest = format.codes().low().clone();
        let index = |base: BigInt, from_below: bool, high: Option<BigInt>| {
            let top = high.as_ref().unwrap_or(range.high());
            let entries = ((top - &base) >> dropped) + 1_u32;
            let entries = entries.to_usize().filter(|entries| *entries <= MOST_ENTRIES)?;
            let subtracts = base != BigInt::ZERO && (base != smallest || from_below);
            Some(Self { from_below, base, high, dropped, entries, subtracts })
        };
        // One entry before the first threshold, one from the last one on.
        let before = first - &entry;
        let below = *range.low() < before;
        let above = range.high() >= &(last + &entry);
        let narrow = index(before, below, above.then(|| last.clone()));
        // All codes of the range; all codes of the format.
        let base = |code: &BigInt| {
            let entries = (first - code + &entry - 1_u32) >> dropped;
            first - (entries << dropped)
        };
        let all = index(base(range.low()), false, None);
        let full = index(base(&smallest), false, None);
        [narrow, all, full].into_iter().flatten().collect()
    }

    /// LUTs of a table with values of `bits`, for an operand of `compared` bits.
    fn luts(&self, compared: u32, bits: u32) -> u64 {
        let limits = u32::from(self.from_below) + u32::from(self.high.is_some());
        let arithmetic = compared * (limits + u32::from(self.subtracts));
        (self.entries as u64).div_ceil(64) * u64::from(bits) + u64::from(arithmetic)
    }

    /// Bits of an index.
    pub(super) fn address_width(&self) -> u32 {
        (usize::BITS - (self.entries - 1).leading_zeros()).max(1)
    }
}
