//! What a piecewise constant function is in hardware: comparators, a table, or a search.
//!
//! All three are exact: a table is narrowed by leaving out codes and low bits that make no
//! difference, never by rounding an index. Kernels and reports ask here, so that they tell the
//! same.
//!
//! | | for | costs, in look-up tables of six inputs (LUTs) |
//! |---|---|---|
//! | comparators, side by side | up to [`MOST_COMPARATORS`] thresholds | (operand width + value width) / 2 each |
//! | table | up to [`TableSizes`] entries | value width for each 64 entries, and the operand's width for each limit and for the distance from the first entry |
//! | search, one comparison after another | any | log2 of the thresholds, each a comparator and a table of thresholds |
//!
//! A comparator takes a LUT for two bits of its operands, which share a carry chain; choosing
//! between two values takes one for two bits; 64 bits of a table take one.

mod index;
#[cfg(test)]
mod tests;

use std::fmt;

use num_bigint::BigInt;
use serde::Serialize;

use crate::fixed::{MAX_WIDTH, Range};
use crate::ir;

pub(super) use index::Index;

/// Up to so many thresholds, comparators stand side by side.
pub const MOST_COMPARATORS: usize = 15;

/// A piecewise constant function and its form. Codes that cannot occur are left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Ascending codes of the operand, at each of which the value changes.
    pub(super) thresholds: Vec<BigInt>,
    /// Codes of the result: before the first threshold, and from each on.
    pub(super) values: Vec<BigInt>,
    pub(super) form: FunctionForm,
    compared: u32,
    bits: u32,
}

/// How a [`Function`] is computed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum FunctionForm {
    /// A comparator for each threshold.
    Comparators,
    /// An entry for each place of the index.
    Table(Index),
    /// Comparisons one after another, each with half of the thresholds left.
    Search,
}

/// A function's size, as tables show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FunctionSize {
    /// One value.
    Constant,
    /// Comparators side by side.
    Comparators {
        /// How many.
        comparators: usize,
    },
    /// A table.
    Table {
        /// How many values.
        entries: usize,
        /// Bits of each.
        bits: u32,
    },
    /// Comparisons one after another.
    Search {
        /// How many.
        comparators: usize,
        /// How many thresholds they choose from.
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

impl Function {
    /// The form of `steps` of `x`, with a table of at most `most_entries`.
    pub fn of(steps: &ir::StepFunction, x: &ir::Tensor, most_entries: usize) -> Self {
        let range = x.range();
        let (thresholds, values) = reachable(steps, &range);
        let points = values.iter().map(|value| Range::point(value.clone()));
        let all = points.reduce(|all, value| all.hull(&value));
        let bits = all.map_or(1, |all| all.bits().1.clamp(1, MAX_WIDTH.into()) as u32);
        let compared = x.format.width();
        let mut function = Self { thresholds, values, form: FunctionForm::Search, compared, bits };
        let count = function.thresholds.len();
        let comparators = (count <= MOST_COMPARATORS)
            .then(|| count as u64 * u64::from(compared.div_ceil(2) + bits.div_ceil(2)));
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

    /// The value at `code`.
    pub(super) fn at(&self, code: &BigInt) -> &BigInt {
        &self.values[self.thresholds.partition_point(|threshold| threshold <= code)]
    }

    /// How many comparisons a search takes, one after another.
    pub(super) fn levels(&self) -> u32 {
        usize::BITS - self.thresholds.len().leading_zeros()
    }

    /// The function's size.
    pub fn size(&self) -> FunctionSize {
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

    /// The bits of its tables and thresholds.
    pub fn table_bits(&self) -> usize {
        match &self.form {
            FunctionForm::Table(index) => index.entries * self.bits as usize,
            _ => {
                self.thresholds.len() * self.compared as usize
                    + self.values.len() * self.bits as usize
            }
        }
    }
}

/// The thresholds that codes of `range` can lie on both sides of, and the values that they get.
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
