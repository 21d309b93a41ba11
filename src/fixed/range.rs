//! Ranges of codes, and the codes at which a function changes.

use std::fmt;
use std::ops::{Add, Mul, Neg};

use num_bigint::BigInt;
use num_traits::{Signed, Zero};
use serde::{Deserialize, Serialize};

use super::{Signedness, Word, code_value};

/// A closed range of codes, never empty. The LSB is that of its owner.
#[derive(Clone, PartialEq, Eq, Debug, Hash, Serialize, Deserialize)]
pub struct Range {
    #[serde(with = "decimal")]
    low: BigInt,
    #[serde(with = "decimal")]
    high: BigInt,
}

impl Range {
    /// The range between two codes, in either order.
    pub fn new(a: impl Into<BigInt>, b: impl Into<BigInt>) -> Self {
        let (a, b) = (a.into(), b.into());
        if a <= b { Self { low: a, high: b } } else { Self { low: b, high: a } }
    }

    /// One code.
    pub fn point(code: impl Into<BigInt>) -> Self {
        let code = code.into();
        Self { low: code.clone(), high: code }
    }

    /// The smallest code.
    pub fn low(&self) -> &BigInt {
        &self.low
    }

    /// The largest code.
    pub fn high(&self) -> &BigInt {
        &self.high
    }

    /// True if every code of `other` is in this range.
    pub fn contains(&self, other: &Self) -> bool {
        self.low <= other.low && other.high <= self.high
    }

    /// The smallest range that contains both.
    #[must_use]
    pub fn hull(&self, other: &Self) -> Self {
        Self {
            low: self.low.clone().min(other.low.clone()),
            high: self.high.clone().max(other.high.clone()),
        }
    }

    /// The smallest range that contains this one and 0: the range of a term in a partial sum, which may
    /// not include the term yet.
    #[must_use]
    pub fn with_zero(&self) -> Self {
        self.hull(&Self::point(0))
    }

    /// The codes of the same values with `bits` more fractional bits.
    #[must_use]
    pub fn refined(&self, bits: u32) -> Self {
        Self { low: &self.low << bits, high: &self.high << bits }
    }

    /// Bits that hold every code, in two's complement if any is negative; 0 for the code 0 alone.
    pub fn bits(&self) -> (Signedness, u64) {
        if self.low.is_negative() {
            // -2^k needs k + 1 bits: count the bits of -1 - low instead.
            let low: BigInt = -1 - &self.low;
            let high = if self.high.is_negative() { 0 } else { self.high.bits() };
            (Signedness::Signed, low.bits().max(high) + 1)
        } else {
            (Signedness::Unsigned, self.high.bits())
        }
    }

    /// The range of the values, for display: the ends times 2^-`fraction`.
    pub fn values(&self, fraction: i32) -> (f64, f64) {
        (code_value(&self.low, fraction), code_value(&self.high, fraction))
    }
}

impl Add for &Range {
    type Output = Range;
    fn add(self, other: Self) -> Range {
        Range { low: &self.low + &other.low, high: &self.high + &other.high }
    }
}

impl Neg for &Range {
    type Output = Range;
    fn neg(self) -> Range {
        Range { low: -&self.high, high: -&self.low }
    }
}

impl Mul<&BigInt> for &Range {
    type Output = Range;
    fn mul(self, factor: &BigInt) -> Range {
        if factor.is_zero() {
            return Range::point(0);
        }
        Range::new(&self.low * factor, &self.high * factor)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}]", self.low, self.high)
    }
}

/// Codes in JSON are decimal strings: they may exceed what a JSON number holds exactly.
mod decimal {
    use num_bigint::BigInt;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(code: &BigInt, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&code.to_string())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<BigInt, D::Error> {
        String::deserialize(input)?.parse().map_err(D::Error::custom)
    }
}

/// Each code after `low`, up to `high`, at which `f` differs from its value at the code before, with the
/// new value, ascending; `None` if there are more than `most`. `f` must be constant between two codes
/// of the same value, as a monotone function is: then bisection finds every change.
pub(crate) fn changes<W: Word, V: Clone + PartialEq>(
    low: W,
    high: W,
    most: usize,
    f: impl Fn(&W) -> V,
) -> Option<Vec<(W, V)>> {
    let mut found = Vec::new();
    let ends = [low, high].map(|code| {
        let value = f(&code);
        (code, value)
    });
    let [low, high] = ends;
    // A stack instead of recursion. The lower half comes first, so codes ascend.
    let mut waiting = vec![(low, high)];
    while let Some((low, high)) = waiting.pop() {
        if low.1 == high.1 {
            continue;
        }
        if low.0.clone() + W::one() == high.0 {
            if found.len() == most {
                return None;
            }
            found.push(high);
            continue;
        }
        let middle = low.0.average_floor(&high.0);
        let middle = (middle.clone(), f(&middle));
        waiting.push((middle.clone(), high));
        waiting.push((low, middle));
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use num_traits::One;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ends_come_in_either_order() {
        assert_eq!(Range::new(7, -3), Range::new(-3, 7));
        assert_eq!(Range::point(4), Range::new(4, 4));
    }

    #[test]
    fn hulls_and_zero() {
        let a = Range::new(2, 5);
        assert_eq!(a.hull(&Range::new(-1, 3)), Range::new(-1, 5));
        assert_eq!(a.with_zero(), Range::new(0, 5));
        assert_eq!(Range::new(-5, -2).with_zero(), Range::new(-5, 0));
        assert!(a.contains(&Range::new(2, 4)) && !a.contains(&Range::new(2, 6)));
        assert!(!a.contains(&Range::new(1, 4)));
    }

    #[test]
    fn bits_hold_both_ends() {
        for (low, high, signedness, bits) in [
            (0, 0, Signedness::Unsigned, 0),
            (1, 1, Signedness::Unsigned, 1),
            (0, 255, Signedness::Unsigned, 8),
            (-1, -1, Signedness::Signed, 1),
            (-1, 0, Signedness::Signed, 1),
            (-1, 1, Signedness::Signed, 2),
            (-128, 127, Signedness::Signed, 8),
            (-129, 0, Signedness::Signed, 9),
            (-1, 128, Signedness::Signed, 9),
        ] {
            assert_eq!(Range::new(low, high).bits(), (signedness, bits), "[{low}, {high}]");
        }
    }

    #[test]
    fn print_and_json() {
        let wide = Range::new(-1, BigInt::one() << 70);
        assert_eq!(wide.to_string(), "[-1, 1180591620717411303424]");
        let json = serde_json::to_string(&wide).unwrap();
        assert_eq!(json, r#"{"low":"-1","high":"1180591620717411303424"}"#);
        assert_eq!(serde_json::from_str::<Range>(&json).unwrap(), wide);
        assert!(serde_json::from_str::<Range>(r#"{"low":"x","high":"1"}"#).is_err());
        assert_eq!(Range::new(-3, 6).values(2), (-0.75, 1.5));
    }

    #[test]
    fn every_change_is_found_in_order() {
        let found = changes(-9, 7, 9, |x: &i64| x.div_euclid(4)).unwrap();
        assert_eq!(found, [(-8, -2), (-4, -1), (0, 0), (4, 1)]);
        assert_eq!(changes(-9, 7, 3, |x: &i64| x.div_euclid(4)), None);
        assert_eq!(changes(3, 3, 0, |x: &i64| *x), Some(vec![]));
        let big = changes(BigInt::from(0), BigInt::from(1) << 90, 1, |x: &BigInt| x.bits() > 80);
        assert_eq!(big, Some(vec![(BigInt::from(1) << 80, true)]));
    }

    #[test]
    fn the_whole_word_can_be_searched() {
        for at in [i64::MIN + 1, -1, 0, 1, 2, i64::MAX] {
            assert_eq!(changes(i64::MIN, i64::MAX, 1, |x| *x >= at), Some(vec![(at, true)]));
        }
    }

    proptest! {
        #[test]
        fn arithmetic_holds_every_result(
            a: i32, b: i32, c: i32, d: i32, factor: i32, at in 0.0..=1.0, at2 in 0.0..=1.0,
        ) {
            let within = |x: i32, y: i32, t: f64| {
                let (low, high) = (i64::from(x.min(y)), i64::from(x.max(y)));
                low + ((high - low) as f64 * t) as i64
            };
            let (x, y) = (within(a, b, at), within(c, d, at2));
            let (i, j) = (Range::new(a, b), Range::new(c, d));
            prop_assert!((&i + &j).contains(&Range::point(x + y)));
            prop_assert!((-&i).contains(&Range::point(-x)));
            let product = i128::from(x) * i128::from(factor);
            prop_assert!((&i * &BigInt::from(factor)).contains(&Range::point(product)));
            prop_assert!(i.refined(3).contains(&Range::point(x * 8)));
            prop_assert!(i.hull(&j).contains(&i) && i.hull(&j).contains(&j));
        }
    }
}
