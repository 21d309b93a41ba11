//! From an operand's code to a place in a table.

use num_bigint::BigInt;
use num_traits::{One, ToPrimitive};

use crate::fixed::{Format, Range};

/// The place of a code: its distance from `base`, without `dropped` low bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::hls) struct Index {
    /// Codes below `base` count as it.
    pub(in crate::hls) from_below: bool,
    /// The first code.
    pub(in crate::hls) base: BigInt,
    /// Codes above count as this one.
    pub(in crate::hls) high: Option<BigInt>,
    /// Low bits of the distance that make no difference.
    pub(in crate::hls) dropped: u32,
    /// Places.
    pub(in crate::hls) entries: usize,
    /// Whether the distance takes a subtraction: not from 0, nor from an operand's smallest code,
    /// which only inverts the sign.
    subtracts: bool,
}

/// The most places that are worth counting.
const MOST_ENTRIES: usize = 1 << 24;

impl Index {
    /// The ways to a table of a function that changes at `thresholds`, for operands of `format`
    /// inside of `range`; none where there is less than two thresholds.
    ///
    /// All thresholds lie at a multiple of 2^dropped from the first one, so that the places in
    /// between hold no threshold.
    pub(super) fn candidates(thresholds: &[BigInt], range: &Range, format: Format) -> Vec<Self> {
        let [first, rest @ .., last] = thresholds else { return Vec::new() };
        let distances = rest.iter().chain([last]).map(|threshold| threshold - first);
        let zeros = distances.filter_map(|distance| distance.trailing_zeros()).min();
        let Some(dropped) = zeros.and_then(|zeros| u32::try_from(zeros).ok()) else {
            return Vec::new();
        };
        let place = BigInt::one() << dropped;
        let smallest = format.codes().low().clone();
        let index = |base: BigInt, from_below: bool, high: Option<BigInt>| {
            let top = high.as_ref().unwrap_or(range.high());
            let entries = ((top - &base) >> dropped) + 1_u32;
            let entries = entries.to_usize().filter(|entries| *entries <= MOST_ENTRIES)?;
            let subtracts = base != BigInt::ZERO && (base != smallest || from_below);
            Some(Self { from_below, base, high, dropped, entries, subtracts })
        };
        // One place before the first threshold, one from the last one on.
        let before = first - &place;
        let below = *range.low() < before;
        let above = range.high() >= &(last + &place);
        let narrow = index(before, below, above.then(|| last.clone()));
        // All codes that occur; all codes of the format.
        let from_place = |code: &BigInt| {
            let places = (first - code + &place - 1_u32) >> dropped;
            first - (places << dropped)
        };
        let all = index(from_place(range.low()), false, None);
        let full = index(from_place(&smallest), false, None);
        [narrow, all, full].into_iter().flatten().collect()
    }

    /// LUTs of a table with values of `bits`, for an operand of `compared` bits.
    pub(super) fn luts(&self, compared: u32, bits: u32) -> u64 {
        let limits = u32::from(self.from_below) + u32::from(self.high.is_some());
        let arithmetic = compared * (limits + u32::from(self.subtracts));
        (self.entries as u64).div_ceil(64) * u64::from(bits) + u64::from(arithmetic)
    }

    /// The bits of a place.
    pub(in crate::hls) fn address_width(&self) -> u32 {
        (usize::BITS - (self.entries - 1).leading_zeros()).max(1)
    }
}
