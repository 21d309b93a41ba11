//! Statistics of values, and the use that they make of a type.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use num_traits::{Signed, Zero};
use serde::Serialize;

use super::histogram::Histogram;
use crate::fixed::{Caster, Codes, Format, Quantization, Range, Signedness, cast_real, exp2};

/// Fractional bits of a real value beyond those of the type that it is cast to.
const GUARD: i32 = 20;

/// Range and distribution of values.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Distribution {
    /// Number of values.
    pub count: u64,
    /// Number of zeros.
    pub zeros: u64,
    /// The smallest value.
    pub low: f64,
    /// The largest value.
    pub high: f64,
    /// The mean.
    pub mean: f64,
    /// The mean of the squares.
    pub mean_square: f64,
    /// Number of values with a magnitude from 2^k to below 2^(k + 1), by k.
    pub octaves: BTreeMap<i32, u64>,
    /// Numbers of values in bins of one width.
    pub histogram: Histogram,
}

impl Default for Distribution {
    fn default() -> Self {
        Self {
            count: 0,
            zeros: 0,
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
            mean: 0.0,
            mean_square: 0.0,
            octaves: BTreeMap::new(),
            histogram: Histogram::default(),
        }
    }
}

impl Distribution {
    /// The distribution of `values`.
    pub fn of<'v>(values: impl IntoIterator<Item = &'v f64>) -> Self {
        let mut all = Self::default();
        all.extend(values);
        all
    }

    /// Adds `values`.
    pub fn extend<'v>(&mut self, values: impl IntoIterator<Item = &'v f64>) {
        let (mut sum, mut squares, before) = (0.0, 0.0, self.count as f64);
        for value in values {
            self.count += 1;
            self.low = self.low.min(*value);
            self.high = self.high.max(*value);
            sum += value;
            squares += value * value;
            self.histogram.add(*value);
            match *value {
                0.0 => self.zeros += 1,
                value => *self.octaves.entry(libm::ilogb(value)).or_default() += 1,
            }
        }
        if self.count > 0 {
            let count = self.count as f64;
            self.mean = (self.mean * before + sum) / count;
            self.mean_square = (self.mean_square * before + squares) / count;
        }
    }

    /// Integer bits that hold every value without the last LSB: -2^(i - 1) ≤ x < 2^(i - 1), or
    /// 0 ≤ x < 2^i without a sign.
    pub fn integer_bits(&self, signedness: Signedness) -> i32 {
        // The least k with |x| < 2^k, and with |x| ≤ 2^k.
        let below = |x: f64| if x > 0.0 { libm::ilogb(x) + 1 } else { i32::MIN };
        let within = |x: f64| match x {
            x if x <= 0.0 => i32::MIN,
            x if libm::ldexp(1.0, libm::ilogb(x)) == x => libm::ilogb(x),
            x => libm::ilogb(x) + 1,
        };
        let magnitude = match signedness {
            Signedness::Unsigned => below(self.high),
            Signedness::Signed => below(self.high).max(within(-self.low)).saturating_add(1),
        };
        // Zeros alone need no bits: any type holds them.
        if magnitude < -Format::MAX_POSITION { 1 } else { magnitude }
    }
}

/// Use of a type by values that it is applied to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TypeUse {
    /// The type.
    #[serde(rename = "type")]
    pub precision: Quantization,
    /// Number of values that lie beyond it by an LSB or more.
    pub clipped: u64,
    /// Number of integer bits that no value needs.
    pub unused_high: u32,
    /// Number of fractional bits that are 0 in every code.
    pub unused_low: u32,
}

/// Collects the [`TypeUse`] of a type.
#[derive(Clone, Debug)]
pub(super) struct TypeCounter {
    precision: Quantization,
    clipped: u64,
    codes: Option<Range>,
    /// The bits that are set in the magnitude of any code.
    bits: BigInt,
}

impl TypeCounter {
    pub fn new(precision: Quantization) -> Self {
        Self { precision, clipped: 0, codes: None, bits: BigInt::zero() }
    }

    /// Counts the real `values` that the type does not hold.
    pub fn add_values<'v>(&mut self, values: impl IntoIterator<Item = &'v f64>) {
        let format = self.precision.format;
        let (low, high) = format.codes().values(format.fractional_bits());
        let beyond = |x: &&f64| **x <= low - format.lsb() || **x >= high + format.lsb();
        self.clipped += values.into_iter().filter(beyond).count() as u64;
    }

    /// Adds codes of the type.
    pub fn add_codes(&mut self, codes: &Codes) {
        let Some(range) = codes.range() else { return };
        self.codes = Some(self.codes.as_ref().map_or(range.clone(), |all| all.hull(&range)));
        match codes {
            Codes::Narrow(codes) => {
                let bits = codes.iter().fold(0, |bits, code| bits | code.unsigned_abs());
                self.bits = &self.bits | BigInt::from(bits);
            }
            Codes::Wide(codes) => codes.iter().for_each(|code| self.bits |= code.abs()),
        }
    }

    /// Adds real `values`, cast to the type. Those within 2^-20 LSB of a rounding threshold may round
    /// to either side.
    pub fn cast_values<'v>(&mut self, values: impl IntoIterator<Item = &'v f64>) {
        let fraction = self.precision.format.fractional_bits() + GUARD;
        let caster = Caster::<i64>::new(fraction, &self.precision);
        let scale = exp2(fraction);
        let one = |value: &f64| {
            let scaled = (value * scale).round();
            match &caster {
                Some(caster) if scaled.abs() < exp2(62) => {
                    Some(caster.apply(&(scaled as i64)).into())
                }
                Some(_) | None => cast_real(*value, &self.precision),
            }
        };
        let codes: Vec<BigInt> = values.into_iter().filter_map(one).collect();
        self.add_codes(&Codes::from_big(ndarray::Array1::from_vec(codes).into_dyn()));
    }

    /// The use of the type by all values and codes so far.
    pub fn finish(self) -> TypeUse {
        let format = self.precision.format;
        let needed = self.codes.map_or(0, |range| {
            let (signedness, bits) = range.bits();
            bits + u64::from(format.is_signed() && signedness == Signedness::Unsigned)
        });
        let needed = u32::try_from(needed).unwrap_or(u32::MAX);
        let zeros = self.bits.trailing_zeros().unwrap_or(0);
        TypeUse {
            precision: self.precision,
            clipped: self.clipped,
            unused_high: format.width().saturating_sub(needed),
            unused_low: u32::try_from(zeros).unwrap_or(u32::MAX).min(format.width()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn a_distribution_in_parts_is_that_of_all() {
        let values = [0.0, -3.0, 0.75, 0.5, 1.0, -0.1];
        let mut parts = Distribution::default();
        parts.extend(&values[..2]);
        parts.extend(&values[2..]);
        let all = Distribution::of(&values);
        assert_eq!((parts.count, parts.zeros, parts.low, parts.high), (6, 1, -3.0, 1.0));
        assert_eq!(parts.octaves, BTreeMap::from([(-4, 1), (-1, 2), (0, 1), (1, 1)]));
        assert!((parts.mean - all.mean).abs() < 1e-15 && (all.mean + 0.85 / 6.0).abs() < 1e-15);
        assert!((parts.mean_square - all.mean_square).abs() < 1e-15);
    }

    #[test]
    fn integer_bits_hold_the_range() {
        let bits = |low: f64, high: f64, signedness| {
            Distribution { low, high, ..Distribution::default() }.integer_bits(signedness)
        };
        use Signedness::{Signed, Unsigned};
        assert_eq!(bits(-1.0, 0.99, Signed), 1);
        assert_eq!(bits(-1.0, 1.0, Signed), 2);
        assert_eq!(bits(-1.01, 0.0, Signed), 2);
        assert_eq!(bits(-0.2, 0.1, Signed), -1);
        assert_eq!(bits(0.0, 1.0, Unsigned), 1);
        assert_eq!(bits(0.0, 0.99, Unsigned), 0);
        assert_eq!(bits(0.0, 0.0, Signed), 1);
        assert_eq!(bits(0.0, 0.0, Unsigned), 1);
        assert_eq!(bits(2.0, 5.0, Signed), 4);
    }

    #[test]
    fn unused_bits_and_clipped_values() -> Outcome {
        let mut counter = TypeCounter::new("fixed<8,4,RND,SAT>".parse()?);
        // LSB 1/16, from -8 to 127/16.
        let values = [1.5, -2.0, 0.25, 7.99, 8.0];
        counter.add_values(&values);
        counter.cast_values(&values[..3]);
        let found = counter.clone().finish();
        // -2 takes three bits with its sign, 1/4 is 4/16.
        assert_eq!((found.clipped, found.unused_high, found.unused_low), (1, 2, 2));
        counter.cast_values(&values);
        let found = counter.finish();
        assert_eq!((found.unused_high, found.unused_low), (0, 0));
        let unsigned = TypeCounter::new("ufixed<8,4>".parse()?);
        let (mut some, mut none) = (unsigned.clone(), unsigned);
        some.add_codes(&Codes::Narrow(ndarray::array![0_i64, 6, 20].into_dyn()));
        none.add_codes(&Codes::Narrow(ndarray::array![0_i64].into_dyn()));
        assert_eq!((some.finish().unused_high, none.finish().unused_high), (3, 8));
        Ok(())
    }
}
