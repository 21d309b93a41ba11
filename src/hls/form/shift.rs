//! Numbers that move by powers of two.

use crate::fixed::{Format, Range};

/// Numbers times powers of two: `number << up >> down`, in a type that loses nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Holds the number, and the number at each place.
    pub format: Format,
    /// What the number is once it moved up, in steps of the format.
    pub range: Range,
    /// Places up, for all.
    pub up: u32,
    /// Then places down, for each; 0 where there is nothing to move.
    pub down: Vec<u32>,
}

/// The most places; further apart, the type would be too wide anyway.
const MOST_PLACES: u32 = 100;

impl Shift {
    /// Numbers of `range` in steps of 2^-`fraction`, times 2^exponent each; `None` if no type is
    /// wide enough.
    pub(super) fn new(range: &Range, fraction: i32, exponents: &[Option<i32>]) -> Option<Self> {
        let present = || exponents.iter().flatten().copied();
        let up = present().max().unwrap_or(0).max(0).unsigned_abs();
        let below = present().min().unwrap_or(0).min(0).unsigned_abs();
        let places = up.checked_add(below).filter(|places| *places <= MOST_PLACES)?;
        let range = range.refined(places);
        let fraction = fraction.checked_add_unsigned(below)?;
        let format = Format::covering(&range, fraction).ok()?;
        let down = exponents.iter().map(|exponent| match exponent {
            Some(exponent) => up.saturating_add_signed(-exponent),
            None => 0,
        });
        let down = down.collect();
        (format.width() <= super::WIDEST_SUM).then_some(Self { format, range, up, down })
    }

    /// The places down, if they are the same for all.
    pub fn common(&self) -> Option<u32> {
        let first = *self.down.first()?;
        self.down.iter().all(|down| *down == first).then_some(first)
    }

    /// How many of the numbers end up at another place.
    pub(super) fn moving(&self) -> u64 {
        self.down.iter().filter(|down| **down != self.up).count() as u64
    }

    /// The bits of a number of places down; 0 if it need not be kept.
    pub(super) fn bits(&self) -> u32 {
        match self.common() {
            Some(_) => 0,
            None => {
                self.down.iter().map(|down| u32::BITS - down.leading_zeros()).max().unwrap_or(0)
            }
        }
    }
}
