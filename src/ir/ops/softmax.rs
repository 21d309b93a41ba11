//! Softmax by lookup tables.

use ndarray::ArrayD;
use num_bigint::BigInt;
use num_traits::{Num, One, ToPrimitive};

use super::{Evaluate, OpError, Operand, Operation, Reciprocal, ensure, shaped, single};
use crate::fixed::{
    Format, FormatError, Overflow, Quantization, Range, Rounding, Word, cast, cast_range, fits,
};
use crate::ir::text::{Described, described};
use crate::ir::{Constant, Tensor};

/// Softmax along the last axis by lookup tables and multiplications, with the largest element
/// subtracted so that no exponential exceeds 1.
///
/// For each row of n elements:
/// 1. `d_i = max_j x_j - x_i`, exact, then cast to `difference`;
/// 2. `e_i ≈ exp(-d_i)`: the code of `d_i` is split into one address per table of `exp_tables`, the
///    first from its highest bits. The entries are multiplied one after the other, and each product
///    is cast to `exponential`;
/// 3. `s = Σ e_i`, exact in `sum`; at least 1, since one `d_i` is 0 and the first entry of each table
///    is 1;
/// 4. the norm shift `h` is the least that brings `s / 2^h` below 2; `m = s / 2^h`, exact;
/// 5. `r ≈ 1 / m`: the entry of `reciprocal_table` at the highest fractional bits of m;
///    `ε = 1 - m·r` cast to `error`, `c = ε + ε²` cast to `correction`, `q = r + r·c` cast to
///    `reciprocal` (two steps of Newton's series 1 / m = r · Σ ε^k, less the terms from ε³ on);
/// 6. `y_i = e_i · q / 2^h`, exact, then cast to `to`.
#[derive(Clone, Debug, PartialEq)]
pub struct Softmax {
    /// Type of a difference; unsigned, as wide as the addresses of `exp_tables` together.
    pub difference: Quantization,
    /// exp(-d) for the value d of each address; 2^n entries in the format of `exponential`.
    pub exp_tables: Vec<Constant>,
    /// Type of a product of entries of `exp_tables`.
    pub exponential: Quantization,
    /// Format of the sum of a row.
    pub sum: Format,
    /// Largest norm shift: s < 2^(`norm_shift` + 1).
    pub norm_shift: u32,
    /// Approximation of 1 / m for all m with the same highest fractional bits; 2^n entries.
    pub reciprocal_table: Constant,
    /// Type of 1 - m·r; holds its range.
    pub error: Quantization,
    /// Type of ε + ε²; holds its range.
    pub correction: Quantization,
    /// Type of r + r·c; holds its range.
    pub reciprocal: Quantization,
    /// Type of the probabilities.
    pub to: Quantization,
}

/// A range of codes and their fractional bits.
pub(crate) type RangeAt = (Range, i32);

described!(
    "softmax",
    Softmax {
        difference,
        exp_tables,
        exponential,
        sum,
        norm_shift,
        reciprocal_table,
        error,
        correction,
        reciprocal,
        to
    }
);

impl Operation for Softmax {
    fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError> {
        let x = single(self.name(), operands)?;
        self.check(x.channel_count())?;
        let probabilities = self.probabilities();
        let range = probabilities
            .ok_or(OpError::mismatch("its tables and types do not fit one another"))?;
        Ok(Tensor::new(x.shape.clone(), self.to.format, vec![range]))
    }
}

impl Evaluate for Softmax {
    fn evaluate<W: Word>(&self, operands: &[Operand<'_>], result: &Tensor) -> Option<ArrayD<W>> {
        let x = operands.first()?;
        let codes: Vec<BigInt> = x.codes.iter().collect();
        let reciprocals = self.normalized()?;
        let mut y = Vec::with_capacity(codes.len());
        for row in codes.chunks(x.tensor.channel_count()) {
            y.extend(self.row(x.tensor.format, &reciprocals, row)?);
        }
        let y = y.iter().map(W::from_big).collect::<Option<_>>()?;
        shaped(y, *x.codes.shape().first()?, result)
    }
}

impl Softmax {
    /// Address width of each of `exp_tables`; `None` if the length of a table is not a power of
    /// two.
    pub fn addresses(&self) -> Option<Vec<u32>> {
        self.exp_tables.iter().map(address).collect()
    }

    /// The code of 1 in the type of exponentials; `None` if it does not hold 1.
    pub fn one(&self) -> Option<BigInt> {
        code_of_one(self.exponential.format)
    }

    /// All tables.
    pub fn tables(&self) -> impl Iterator<Item = &Constant> {
        self.exp_tables.iter().chain([&self.reciprocal_table])
    }

    /// The same softmax, with the LSB and rounding of `to`, but room for every probability.
    ///
    /// # Errors
    /// If there is no such format.
    pub(crate) fn without_overflow(&self) -> Result<Self, FormatError> {
        let fraction = self.to.format.fractional_bits();
        // Rounding to a coarse LSB gives up to that LSB.
        let integer = 2.max(1 - fraction);
        let format = Format::unsigned((integer + fraction).unsigned_abs(), integer)?;
        let to = Quantization::new(format, self.to.rounding, Overflow::Sat);
        Ok(Self { to, ..self.clone() })
    }

    /// Number of multiplications per sample with result `y`.
    pub fn multiplications(&self, y: &Tensor) -> u64 {
        // One per further table, one with the reciprocal, and three per row: m·r, ε·ε, r·c.
        (y.len() * self.exp_tables.len() + y.rows() * 3) as u64
    }

    /// Type to which m - 1 is truncated for the address in `reciprocal_table`.
    ///
    /// # Errors
    /// If the table has a single entry: the address has no bits.
    pub fn reciprocal_index(&self) -> Result<Quantization, FormatError> {
        let format = Format::unsigned(address(&self.reciprocal_table).unwrap_or(0), 0)?;
        Ok(Quantization::new(format, Rounding::Trn, Overflow::WRAP))
    }

    /// Range of 1 - m·r for mantissas with `fraction` fractional bits.
    ///
    /// # Panics
    /// If the table is empty.
    pub(crate) fn errors(reciprocal_table: &Constant, fraction: i32) -> RangeAt {
        let lines = address(reciprocal_table).unwrap_or(0);
        let fraction = fraction.max(lines.cast_signed());
        let below = fraction.abs_diff(lines.cast_signed());
        let product = fraction + reciprocal_table.format.fractional_bits();
        let one = BigInt::one() << product.max(0).unsigned_abs();
        let words = reciprocal_table.codes.iter().map(|entry| entry.to_i64());
        let words: Option<Vec<i128>> = words.map(|entry| entry.map(i128::from)).collect();
        let products = match words.filter(|_| fraction < MACHINE_FRACTION) {
            Some(entries) => {
                let (low, high) = product_range(entries.into_iter(), lines, below);
                (low.into(), high.into())
            }
            None => product_range(reciprocal_table.codes.iter(), lines, below),
        };
        (Range::new(&one - products.1, &one - products.0), product)
    }

    /// Range of ε + ε² for `errors` above -1/2, where it is monotone.
    pub(crate) fn corrections((errors, fraction): &RangeAt) -> RangeAt {
        let at = |code: &BigInt| (code << fraction.max(&0).unsigned_abs()) + code * code;
        (Range::new(at(errors.low()), at(errors.high())), 2 * fraction)
    }

    /// Range of r + r·c for the given `corrections`.
    pub(crate) fn reciprocals(
        reciprocal_table: &Constant,
        (corrections, fraction): &RangeAt,
    ) -> RangeAt {
        let one = BigInt::one() << fraction.max(&0).unsigned_abs();
        let factors = [&one + corrections.low(), &one + corrections.high()];
        let entries = reciprocal_table.range();
        let [low, high] = factors.map(|factor| &entries * &factor);
        (low.hull(&high), fraction + reciprocal_table.format.fractional_bits())
    }

    /// First-order upper bound of the error of a probability before rounding, for operands with
    /// `fraction` fractional bits.
    pub(crate) fn error_bound(&self, fraction: i32) -> f64 {
        let half_lsb = |of: Quantization| of.format.lsb() / 2.0;
        // An error δ of a difference changes a probability by p (1 - p) δ, at most δ/4.
        let rounds = fraction > self.difference.format.fractional_bits();
        let differences = if rounds { half_lsb(self.difference) / 2.0 } else { 0.0 };
        // Rounding of each table and product, in the exponential and in the sum.
        let exponentials =
            (2 * self.exp_tables.len() - 1) as f64 * 2.0 * half_lsb(self.exponential);
        let (errors, product) = Self::errors(&self.reciprocal_table, self.mantissa_fraction());
        let (low, high) = errors.values(product);
        let series = low.abs().max(high.abs()).powi(3);
        let reciprocal = half_lsb(self.error) + half_lsb(self.correction);
        differences + exponentials + series + reciprocal + half_lsb(self.reciprocal)
    }

    /// Range of the probabilities, cast to the result's format. No exponential exceeds 1, so the
    /// largest reciprocal bounds them. `None` if tables and types do not fit one another.
    fn probabilities(&self) -> Option<Range> {
        let lines = address(&self.reciprocal_table)?;
        let fraction = self.mantissa_fraction().max(lines.cast_signed());
        let (errors, product) = Self::errors(&self.reciprocal_table, fraction);
        let errors = cast_range(&errors, product, &self.error);
        let (corrections, square) =
            Self::corrections(&(errors, self.error.format.fractional_bits()));
        let corrections = cast_range(&corrections, square, &self.correction);
        let correction_fraction = self.correction.format.fractional_bits();
        let one = BigInt::one() << u32::try_from(correction_fraction).ok()?;
        let product_fraction = self.reciprocal_table.format.fractional_bits() + correction_fraction;
        let reciprocal = Reciprocal::<BigInt>::at(self, fraction, 0)?;
        let mut largest = BigInt::ZERO;
        for (address, entry) in self.reciprocal_table.codes.iter().enumerate() {
            let most = (&one + corrections.high()) * entry;
            if cast(&most, product_fraction, &self.reciprocal) > largest {
                // The least mantissa with this address has the largest reciprocal.
                let least = BigInt::from((1_usize << lines) + address);
                let least = least << fraction.abs_diff(lines.cast_signed());
                largest = largest.max(reciprocal.of(&least)?);
            }
        }
        Some(cast_range(
            &Range::new(0, largest),
            self.reciprocal.format.fractional_bits(),
            &self.to,
        ))
    }

    /// Fractional bits of a mantissa.
    pub(crate) fn mantissa_fraction(&self) -> i32 {
        self.sum.fractional_bits() + self.norm_shift.cast_signed()
    }

    /// Checks that tables and types fit one another, for rows of `channels` elements.
    fn check(&self, channels: usize) -> Result<(), OpError> {
        let exponential = self.exponential.format;
        let one =
            self.one().ok_or(OpError::mismatch("the type of exponentials does not hold 1"))?;
        let lines = self.addresses().filter(|lines| !lines.is_empty());
        let lines: u32 = lines.ok_or(OpError::mismatch("a table has no address"))?.iter().sum();
        let difference = self.difference.format;
        let is_address = !difference.is_signed() && difference.width() == lines;
        ensure(is_address, "a difference does not have the width of the address")?;
        for table in &self.exp_tables {
            ensure(table.format == exponential, "an exponential has another type")?;
            ensure(table.code_at(0) == one, "exp(0) is not 1")?;
            let inside = Range::new(0, one.clone()).contains(&table.range());
            ensure(inside, "an exponential lies outside of [0, 1]")?;
        }
        let sum = &one * channels;
        let fraction = self.sum.fractional_bits() == exponential.fractional_bits();
        ensure(fraction, "the sum has other fractional bits")?;
        ensure(self.sum.codes().contains(&Range::point(sum.clone())), "the sum overflows")?;
        ensure(sum < one << (self.norm_shift + 1), "the sum needs a larger norm shift")?;

        ensure(address(&self.reciprocal_table).is_some(), "a table has no address")?;
        let exact = Self::errors(&self.reciprocal_table, self.mantissa_fraction());
        let near = is_reciprocal(&exact) && *self.reciprocal_table.range().low() > BigInt::ZERO;
        ensure(near, "an entry is far from a reciprocal")?;
        let held = |(codes, fraction): &RangeAt, to: &Quantization| {
            let held = fits(codes, *fraction, to);
            ensure(held, "the correction of a reciprocal exceeds its type")?;
            Ok((cast_range(codes, *fraction, to), to.format.fractional_bits()))
        };
        let errors = held(&exact, &self.error)?;
        ensure(is_reciprocal(&errors), "the correction of a reciprocal exceeds its type")?;
        let corrections = held(&Self::corrections(&errors), &self.correction)?;
        let reciprocals = Self::reciprocals(&self.reciprocal_table, &corrections);
        let (reciprocals, _) = held(&reciprocals, &self.reciprocal)?;
        ensure(*reciprocals.low() >= BigInt::ZERO, "a reciprocal is negative")
    }

    /// Codes of the probabilities of one row of codes of the format `from`; `None` if tables and
    /// types do not fit one another.
    fn row(
        &self,
        from: Format,
        reciprocals: &[Reciprocal<BigInt>],
        x: &[BigInt],
    ) -> Option<Vec<BigInt>> {
        let highest = x.iter().max()?;
        let exponentials: Option<Vec<BigInt>> =
            x.iter().map(|x| self.exponential(&(highest - x), from)).collect();
        let exponentials = exponentials?;

        let sum: BigInt = exponentials.iter().sum();
        let one = BigInt::one() << u32::try_from(self.sum.fractional_bits()).ok()?;
        let shift = (0..reciprocals.len()).find(|shift| sum < &one << (shift + 1))?;
        let reciprocal = reciprocals[shift].of(&sum)?;
        let probability = |e: &BigInt| reciprocals[shift].probability(e, &reciprocal);
        Some(exponentials.iter().map(probability).collect())
    }

    /// exp(-d) for the exact difference `x` of codes of the format `from`.
    pub(crate) fn exponential(&self, x: &BigInt, from: Format) -> Option<BigInt> {
        self.exp(&cast(x, from.fractional_bits(), &self.difference))
    }

    /// The reciprocals for each norm shift, from 0 on.
    fn normalized(&self) -> Option<Vec<Reciprocal<BigInt>>> {
        (0..=self.norm_shift).map(|shift| Reciprocal::new(self, shift)).collect()
    }

    /// exp(-d) for the code `d` of a difference.
    fn exp(&self, d: &BigInt) -> Option<BigInt> {
        let fraction = self.exponential.format.fractional_bits();
        let mut below = self.difference.format.width();
        let mut product = None;
        for (table, lines) in self.exp_tables.iter().zip(self.addresses()?) {
            below = below.checked_sub(lines)?;
            let address: BigInt = (d >> below) & ((BigInt::one() << lines) - 1);
            let entry = table.codes.get(address.to_usize()?)?;
            product = Some(match product {
                None => entry,
                Some(product) => cast(&(entry * product), 2 * fraction, &self.exponential),
            });
        }
        product
    }
}

/// Address width of a table; `None` if its length is not a power of two above 1.
pub(crate) fn address(table: &Constant) -> Option<u32> {
    let entries = table.codes.len();
    (table.codes.shape().len() == 1 && entries.is_power_of_two() && entries > 1)
        .then(|| entries.ilog2())
}

/// Products of entries of 64 bits and mantissas with fewer fractional bits fit in 128 bits.
const MACHINE_FRACTION: i32 = 62;

/// The least and the greatest product of an entry and a mantissa at its address. A mantissa has `lines`
/// bits of address and `below` bits after those.
///
/// # Panics
/// If there are no entries.
fn product_range<T>(entries: impl Iterator<Item = T>, lines: u32, below: u32) -> (T, T)
where
    T: Num + Ord + Clone + From<u64> + std::ops::Shl<u32, Output = T>,
{
    let last = (T::one() << below) - T::one();
    let ends = entries.zip((1_u64 << lines)..).map(|(entry, leading)| {
        let first = T::from(leading) << below;
        let high = (first.clone() + last.clone()) * entry.clone();
        let low = first * entry;
        if low <= high { (low, high) } else { (high, low) }
    });
    let wider = |a: (T, T), b: (T, T)| (a.0.min(b.0), a.1.max(b.1));
    ends.reduce(wider).expect("a table has entries")
}

/// True if all errors are below 1/2 in magnitude, so that the correction converges.
pub(crate) fn is_reciprocal((errors, fraction): &RangeAt) -> bool {
    let half = BigInt::one() << (fraction - 1).max(0).unsigned_abs();
    *fraction > 0 && -&half < *errors.low() && *errors.high() < half
}

/// The code of 1; `None` if the format does not hold it.
pub(crate) fn code_of_one(format: Format) -> Option<BigInt> {
    let fraction = u32::try_from(format.fractional_bits()).ok()?;
    let one = BigInt::one() << fraction;
    format.codes().contains(&Range::point(one.clone())).then_some(one)
}

#[cfg(test)]
mod tests {
    use crate::fixed::Codes;
    use crate::ir::text::parse;

    use super::*;

    const SOFTMAX: &str = "x = input shape=[3] format=fixed<4,4>
        y = softmax x difference=ufixed<3,3,TRN,SAT> exp_tables=(ufixed<5,1>[2]{16, 0}, \
        ufixed<5,1>[4]{16, 6, 2, 1}) exponential=ufixed<5,1,RND> sum=ufixed<6,2> norm_shift=1 \
        reciprocal_table=ufixed<5,1>[2]{13, 9} error=fixed<6,0,RND> correction=fixed<6,0,RND> \
        reciprocal=ufixed<6,1,RND> to=ufixed<4,0,RND,SAT>
        output y";

    #[test]
    fn every_rule_is_checked() -> Result<(), Box<dyn std::error::Error>> {
        let graph = parse(SOFTMAX)?;
        assert_eq!(graph[graph.outputs[0].node].tensor.range(), Range::new(0, 15));
        for (change, to, rule) in [
            (
                "exponential=ufixed<5,1",
                "exponential=ufixed<4,0",
                "the type of exponentials does not hold 1",
            ),
            ("[2]{16, 0}", "[3]{16, 1, 0}", "a table has no address"),
            (
                "difference=ufixed<3,3",
                "difference=ufixed<4,0",
                "a difference does not have the width of the address",
            ),
            ("ufixed<5,1>[2]{16, 0}", "ufixed<6,2>[2]{16, 0}", "an exponential has another type"),
            ("{16, 0}", "{15, 0}", "exp(0) is not 1"),
            ("{16, 0}", "{16, 17}", "an exponential lies outside of [0, 1]"),
            ("sum=ufixed<6,2>", "sum=ufixed<6,3>", "the sum has other fractional bits"),
            ("sum=ufixed<6,2>", "sum=ufixed<5,1>", "the sum overflows"),
            ("norm_shift=1", "norm_shift=0", "the sum needs a larger norm shift"),
            ("[2]{13, 9}", "[1]{13}", "a table has no address"),
            ("{13, 9}", "{13, 3}", "an entry is far from a reciprocal"),
            (
                "error=fixed<6,0",
                "error=fixed<6,-3",
                "the correction of a reciprocal exceeds its type",
            ),
            ("{13, 9}", "{13, 32}", "a constant exceeds its format"),
        ] {
            let error = parse(&SOFTMAX.replace(change, to)).err().map(|error| error.message);
            assert_eq!(error, Some(format!("node 'y': {rule}")), "{to}");
        }
        Ok(())
    }

    #[test]
    fn errors_of_table_entries_are_exact() -> Result<(), Box<dyn std::error::Error>> {
        // 13/16 for mantissas from 1 to 23/16, and 9/16 for those from 3/2 to 31/16.
        let codes = ndarray::arr1(&[13, 9]).mapv(BigInt::from).into_dyn();
        let table = Constant { codes: Codes::from_big(codes), format: "ufixed<5,1>".parse()? };
        let (errors, fraction) = Softmax::errors(&table, 4);
        let ends = [(16, 13), (23, 13), (24, 9), (31, 9)].map(|(m, r)| 256 - m * r);
        let (low, high) = (ends.iter().min(), ends.iter().max());
        assert_eq!(Some((errors, fraction)), low.zip(high).map(|(l, h)| (Range::new(*l, *h), 8)));
        Ok(())
    }

    #[test]
    fn errors_in_machine_words_are_those_in_big_integers() {
        let entries = [13_i64, -9, i64::MAX, i64::MIN, 0, 1, -1, 7];
        for below in [0, 1, 30, 58] {
            let words = product_range(entries.iter().map(|it| i128::from(*it)), 3, below);
            let big = product_range(entries.iter().map(|it| BigInt::from(*it)), 3, below);
            assert_eq!((BigInt::from(words.0), BigInt::from(words.1)), big, "{below}");
        }
    }
}
