//! Softmax by tables and multiplications.

use num_bigint::BigInt;
use num_traits::{One, ToPrimitive};

use super::validate::RANGE;
use super::{Constant, Tensor};
use crate::fixed::{
    Format, FormatError, Overflow, Quantization, Range, Rounding, cast, cast_range, fits,
};

/// Softmax by tables and multiplications, shifted by the largest element so that no exponential
/// exceeds 1.
///
/// For each row of n elements:
/// 1. `d_i = max_j x_j - x_i`, exact, then cast to `distance`;
/// 2. `e_i`, near to exp(-d_i): the code of `d_i` is cut into as many addresses as there are
///    `exponents`, the first being its highest bits. The entries there are multiplied, one after
///    the other, and each product is cast to `exponential`;
/// 3. `s = Σ e_i`, exact in `sum`; at least 1, since one `d_i` is 0 and every first entry is 1;
/// 4. `h` = the number of halvings that bring `s` below 2; `m = s / 2^h`, exact;
/// 5. `r`, near to 1 / m: the entry of `seeds` at the highest bits behind the point of m;
///    `ε = 1 - m·r` cast to `error`, `c = ε + ε²` cast to `correction`, `q = r + r·c` cast to
///    `reciprocal`. As 1 / m = r / (1 - ε), this leaves out a part of ε³;
/// 6. `y_i = e_i · q / 2^h`, exact, then cast to the result's format with `rounding` and
///    `overflow`.
#[derive(Clone, Debug, PartialEq)]
pub struct Softmax {
    /// The type that a difference is cast to; unsigned, as many bits as `exponents` have address
    /// lines together.
    pub distance: Quantization,
    /// exp(-d) for each number d that the bits of one address stand for; a power of two of entries
    /// in the format of `exponential`.
    pub exponents: Vec<Constant>,
    /// The type of a product of `exponents`.
    pub exponential: Quantization,
    /// Holds the sum of a row.
    pub sum: Format,
    /// How often a sum may need halving: s < 2^(`halvings` + 1).
    pub halvings: u32,
    /// About 1 / m for all m with the same highest bits behind the point; a power of two of
    /// entries.
    pub seeds: Constant,
    /// The type of 1 - m·r, and holds it.
    pub error: Quantization,
    /// The type of ε + ε², and holds it.
    pub correction: Quantization,
    /// The type of r + r·c, and holds it.
    pub reciprocal: Quantization,
    /// What happens to the bits below the result's format.
    pub rounding: Rounding,
    /// What happens to the bits above the result's format.
    pub overflow: Overflow,
}

/// Codes and how many bits behind the point they have.
pub(crate) type Codes = (Range, i32);

impl Softmax {
    /// The address lines of each of `exponents`; `None` for a table that is not a power of two.
    pub fn addresses(&self) -> Option<Vec<u32>> {
        self.exponents.iter().map(address).collect()
    }

    /// The code of 1 among exponentials; `None` if their type lacks it.
    pub fn one(&self) -> Option<BigInt> {
        one_code(self.exponential.format)
    }

    /// All tables.
    pub fn tables(&self) -> impl Iterator<Item = &Constant> {
        self.exponents.iter().chain([&self.seeds])
    }

    /// How many products a sample with result `y` takes.
    pub fn multiplications(&self, y: &Tensor) -> u64 {
        // With an exponential's further tables and the reciprocal; m·r, ε·ε and r·c.
        (y.len() * self.exponents.len() + y.rows() * 3) as u64
    }

    /// The type that m - 1 is cut to for the address of its seed.
    ///
    /// # Errors
    /// If there is but one seed: such an address has no bits.
    pub fn seed_index(&self) -> Result<Quantization, FormatError> {
        let format = Format::unsigned(address(&self.seeds).unwrap_or(0), 0)?;
        Ok(Quantization::new(format, Rounding::Trn, Overflow::WRAP))
    }

    /// What 1 - m·r can be for mantissas of `fraction` bits behind the point.
    pub(crate) fn errors(seeds: &Constant, fraction: i32) -> Codes {
        let lines = address(seeds).unwrap_or(0);
        let fraction = fraction.max(lines.cast_signed());
        let below = fraction.abs_diff(lines.cast_signed());
        let product = fraction + seeds.format.fraction();
        let one = BigInt::one() << product.max(0).unsigned_abs();
        let ends = seeds.codes.iter().enumerate().flat_map(|(place, seed)| {
            let low = (BigInt::from((1_usize << lines) + place)) << below;
            let high = &low + (BigInt::one() << below) - 1;
            [&one - low * &seed, &one - high * &seed]
        });
        let ends: Vec<BigInt> = ends.collect();
        let zero = BigInt::ZERO;
        let low = ends.iter().min().unwrap_or(&zero);
        (Range::new(low.clone(), ends.iter().max().unwrap_or(&zero).clone()), product)
    }

    /// What ε + ε² can be for `errors` above -1/2, where it ascends.
    pub(crate) fn corrections((errors, fraction): &Codes) -> Codes {
        let at = |code: &BigInt| (code << fraction.max(&0).unsigned_abs()) + code * code;
        (Range::new(at(errors.low()), at(errors.high())), 2 * fraction)
    }

    /// What r + r·c can be for the given `corrections`.
    pub(crate) fn reciprocals(seeds: &Constant, (corrections, fraction): &Codes) -> Codes {
        let one = BigInt::one() << fraction.max(&0).unsigned_abs();
        let factors = [&one + corrections.low(), &one + corrections.high()];
        let seed = seeds.codes.range().unwrap_or_else(|| Range::point(0));
        let [low, high] = factors.map(|factor| &seed * &factor);
        (low.hull(&high), fraction + seeds.format.fraction())
    }

    /// How far a probability may be from the true one before it is rounded, for operands of `fraction`
    /// bits behind the point; an estimate from above, in first order.
    pub(crate) fn error_bound(&self, fraction: i32) -> f64 {
        let half_step = |of: Quantization| of.format.lsb() / 2.0;
        // Distances that are off by δ move probabilities by δ/4 each way: p (1 - p) is 1/4 at most.
        let rounds = fraction > self.distance.format.fraction();
        let distances = if rounds { half_step(self.distance) / 2.0 } else { 0.0 };
        // Each table and each product of two, in the exponential and in the sum.
        let exponentials =
            (2 * self.exponents.len() - 1) as f64 * 2.0 * half_step(self.exponential);
        let (errors, product) = Self::errors(&self.seeds, self.mantissa_fraction());
        let (low, high) = errors.values(product);
        let seed = low.abs().max(high.abs()).powi(3);
        let reciprocal = half_step(self.error) + half_step(self.correction);
        distances + exponentials + seed + reciprocal + half_step(self.reciprocal)
    }

    /// The code of q for the mantissa `m`, which has `fraction` bits behind the point and lies from 1
    /// to below 2; `None` if a seed is missing or numbers do not fit one another.
    pub(crate) fn reciprocal_of(&self, m: &BigInt, fraction: i32) -> Option<BigInt> {
        let one = |fraction: i32| Some(BigInt::one() << u32::try_from(fraction).ok()?);
        let address = cast(&(m - one(fraction)?), fraction, &self.seed_index().ok()?);
        let seed = self.seeds.codes.get(address.to_usize()?)?;
        let seed_fraction = self.seeds.format.fraction();

        let product = fraction + seed_fraction;
        let error = cast(&(one(product)? - m * &seed), product, &self.error);
        let error_fraction = self.error.format.fraction();
        let correction = (&error << u32::try_from(error_fraction).ok()?) + &error * &error;
        let correction = cast(&correction, 2 * error_fraction, &self.correction);
        let correction_fraction = self.correction.format.fraction();
        let refined = &seed * (one(correction_fraction)? + correction);
        Some(cast(&refined, seed_fraction + correction_fraction, &self.reciprocal))
    }

    /// What a probability can be, cast to the result's format: no exponential is above 1, so at most
    /// the largest reciprocal. `None` if numbers do not fit one another.
    pub(crate) fn probabilities(&self, format: Format) -> Option<Range> {
        let lines = address(&self.seeds)?;
        let fraction = self.mantissa_fraction().max(lines.cast_signed());
        let (errors, product) = Self::errors(&self.seeds, fraction);
        let errors = cast_range(&errors, product, &self.error);
        let (corrections, square) = Self::corrections(&(errors, self.error.format.fraction()));
        let corrections = cast_range(&corrections, square, &self.correction);
        let correction_fraction = self.correction.format.fraction();
        let one = BigInt::one() << u32::try_from(correction_fraction).ok()?;
        let product_fraction = self.seeds.format.fraction() + correction_fraction;
        let mut largest = BigInt::ZERO;
        for (place, seed) in self.seeds.codes.iter().enumerate() {
            let most = (&one + corrections.high()) * seed;
            if cast(&most, product_fraction, &self.reciprocal) > largest {
                // The least mantissa with this seed has the largest reciprocal.
                let least = BigInt::from((1_usize << lines) + place);
                let least = least << fraction.abs_diff(lines.cast_signed());
                largest = largest.max(self.reciprocal_of(&least, fraction)?);
            }
        }
        let to = Quantization::new(format, self.rounding, self.overflow);
        Some(cast_range(&Range::new(0, largest), self.reciprocal.format.fraction(), &to))
    }

    /// Bits behind the point of a mantissa.
    pub(crate) fn mantissa_fraction(&self) -> i32 {
        self.sum.fraction() + self.halvings.cast_signed()
    }

    /// Checks the operation with operand `x` and result `y`.
    pub(super) fn check(&self, x: &Tensor, y: &Tensor) -> Result<(), String> {
        let ensure = |holds: bool, rule: &str| if holds { Ok(()) } else { Err(rule.to_owned()) };
        let exponential = self.exponential.format;
        let one = self.one().ok_or("1 is no number of the type of exponentials")?;
        let lines = self.addresses().filter(|lines| !lines.is_empty());
        let lines: u32 = lines.ok_or("a table has no address")?.iter().sum();
        let distance = self.distance.format;
        ensure(!distance.is_signed() && distance.width() == lines, "a distance is no address")?;
        for table in &self.exponents {
            ensure(table.format == exponential, "an exponential has another type")?;
            ensure(table.codes.iter().next().as_ref() == Some(&one), "exp(0) is not 1")?;
            let range = Range::new(0, one.clone());
            let inside = table.codes.range().is_some_and(|codes| range.contains(&codes));
            ensure(inside, "an exponential lies outside of 0 to 1")?;
        }
        let sum = &one * x.channel_count();
        ensure(self.sum.fraction() == exponential.fraction(), "the sum has another fraction")?;
        ensure(self.sum.codes().contains(&Range::point(sum.clone())), "the sum overflows")?;
        ensure(sum < one << (self.halvings + 1), "the sum needs more halvings")?;

        ensure(address(&self.seeds).is_some(), "a table has no address")?;
        let seeds = self.seeds.codes.range().unwrap_or_else(|| Range::point(0));
        ensure(self.seeds.format.codes().contains(&seeds), "a constant leaves its format")?;
        let exact = Self::errors(&self.seeds, self.mantissa_fraction());
        ensure(is_seed(&exact) && *seeds.low() > BigInt::ZERO, "a seed is far from a reciprocal")?;
        let held = |(codes, fraction): &Codes, to: &Quantization| {
            let cast = cast_range(codes, *fraction, to);
            fits(codes, *fraction, to).then(|| (cast, to.format.fraction()))
        };
        let narrow = "what corrects a reciprocal leaves its type";
        let errors = held(&exact, &self.error).filter(is_seed).ok_or(narrow)?;
        let corrections = held(&Self::corrections(&errors), &self.correction).ok_or(narrow)?;
        let reciprocals = Self::reciprocals(&self.seeds, &corrections);
        let (reciprocals, _) = held(&reciprocals, &self.reciprocal).ok_or(narrow)?;
        ensure(*reciprocals.low() >= BigInt::ZERO, "a reciprocal is negative")?;
        let probabilities = self.probabilities(y.format).ok_or("a number has no code")?;
        ensure(y.range().contains(&probabilities), RANGE)
    }
}

/// The address lines of a table; `None` if it has no entry for each address, or but one entry.
pub(crate) fn address(table: &Constant) -> Option<u32> {
    let entries = table.codes.len();
    (table.codes.shape().len() == 1 && entries.is_power_of_two() && entries > 1)
        .then(|| entries.ilog2())
}

/// Whether all errors are below 1/2 in magnitude, so that a correction brings a seed nearer.
pub(crate) fn is_seed((errors, fraction): &Codes) -> bool {
    let half = BigInt::one() << (fraction - 1).max(0).unsigned_abs();
    *fraction > 0 && -&half < *errors.low() && *errors.high() < half
}

/// The code of 1; `None` if the format lacks it.
pub(crate) fn one_code(format: Format) -> Option<BigInt> {
    let fraction = u32::try_from(format.fraction()).ok()?;
    let one = BigInt::one() << fraction;
    format.codes().contains(&Range::point(one.clone())).then_some(one)
}

#[cfg(test)]
mod tests {
    use ndarray::Array1;

    use super::super::{Graph, Op, Tensor, validate};
    use super::*;
    use crate::fixed::Codes;

    type Change<'a> = &'a dyn Fn(&mut Softmax);

    fn table(codes: &[i64], format: Format) -> Constant {
        let codes: Array1<BigInt> = codes.iter().map(|code| BigInt::from(*code)).collect();
        Constant { codes: Codes::from_big(codes.into_dyn()), format }
    }

    /// The rule that a softmax of three numbers breaks after `change`.
    fn broken(
        change: impl Fn(&mut Softmax, &mut Tensor),
    ) -> Result<String, Box<dyn std::error::Error>> {
        let entry = Format::unsigned(5, 1)?;
        let mut softmax = Softmax {
            distance: "ufixed<3,3,TRN,SAT>".parse()?,
            exponents: vec![table(&[16, 0], entry), table(&[16, 6, 2, 1], entry)],
            exponential: "ufixed<5,1,RND>".parse()?,
            sum: "ufixed<6,2>".parse()?,
            halvings: 1,
            seeds: table(&[13, 9], entry),
            error: "fixed<6,0,RND>".parse()?,
            correction: "fixed<6,0,RND>".parse()?,
            reciprocal: "ufixed<6,1,RND>".parse()?,
            rounding: Rounding::Rnd,
            overflow: Overflow::Sat,
        };
        let mut graph = Graph::new("g");
        let x = graph.add_input("x", Tensor::full(vec![3], Format::signed(4, 4)?));
        let mut y = Tensor::full(vec![3], Format::unsigned(4, 0)?);
        change(&mut softmax, &mut y);
        let y = graph.add("y", Op::Softmax(softmax), &[x], y);
        graph.add_output("y", y);
        Ok(validate(&graph).err().map_or_else(|| "none".into(), |error| error.rule))
    }

    #[test]
    fn every_rule_is_checked() -> Result<(), Box<dyn std::error::Error>> {
        assert_eq!(broken(|_, _| {})?, "none");
        let entry = Format::unsigned(5, 1)?;
        let wide = Format::unsigned(6, 2)?;
        let below_one = Format::unsigned(4, 0)?;
        let signed = Format::signed(4, 0)?;
        let changes: [(&str, Change<'_>); 13] = [
            ("1 is no number of the type of exponentials", &|s| s.exponential.format = below_one),
            ("a table has no address", &|s| s.exponents[0] = table(&[16, 1, 0], entry)),
            ("a table has no address", &|s| s.exponents.clear()),
            ("a distance is no address", &|s| s.distance.format = below_one),
            ("an exponential has another type", &|s| s.exponents[0] = table(&[16, 0], wide)),
            ("exp(0) is not 1", &|s| s.exponents[0] = table(&[15, 0], entry)),
            ("an exponential lies outside of 0 to 1", &|s| {
                s.exponents[0] = table(&[16, 17], entry);
            }),
            ("the sum has another fraction", &|s| s.sum = wide.scaled(1).unwrap_or(wide)),
            ("the sum overflows", &|s| s.sum = entry),
            ("the sum needs more halvings", &|s| s.halvings = 0),
            ("a table has no address", &|s| s.seeds = table(&[13], entry)),
            ("a seed is far from a reciprocal", &|s| s.seeds = table(&[13, 3], entry)),
            ("what corrects a reciprocal leaves its type", &|s| {
                s.error.format = s.error.format.scaled(-3).unwrap_or(s.error.format);
            }),
        ];
        for (rule, change) in changes {
            assert_eq!(broken(|softmax, _| change(softmax))?, rule);
        }
        let seeds = broken(|softmax, _| softmax.seeds = table(&[13, 32], entry))?;
        assert_eq!(seeds, "a constant leaves its format");
        let missed = broken(|softmax, y| {
            y.format = signed;
            y.channels = vec![Range::new(0, 7)];
            softmax.overflow = Overflow::WRAP;
        })?;
        assert_eq!(missed, "its range misses codes that the operation can give");
        Ok(())
    }

    #[test]
    fn an_error_is_what_a_seed_leaves() -> Result<(), Box<dyn std::error::Error>> {
        // 13/16 for mantissas from 1 to 23/16, and 9/16 for those from 3/2 to 31/16.
        let seeds = table(&[13, 9], Format::unsigned(5, 1)?);
        let (errors, fraction) = Softmax::errors(&seeds, 4);
        let ends = [(16, 13), (23, 13), (24, 9), (31, 9)].map(|(m, r)| 256 - m * r);
        let (low, high) = (ends.iter().min(), ends.iter().max());
        assert_eq!(Some((errors, fraction)), low.zip(high).map(|(l, h)| (Range::new(*l, *h), 8)));
        Ok(())
    }
}
