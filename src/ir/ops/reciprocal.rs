//! The reciprocal of a [`Softmax`]'s mantissa, over integers of one type.

use num_bigint::BigInt;
use num_traits::{One, ToPrimitive};

use super::Softmax;
use crate::fixed::{Conversion, Quantization, Range, Wide};

/// An integer type for the arithmetic of a softmax.
pub(crate) trait Arithmetic: Wide {
    /// The number in this type; `None` if it does not fit.
    fn of(number: &BigInt) -> Option<Self>;

    /// The cast of the codes of `range`; `None` if an intermediate result may not fit.
    fn conversion(from: i32, to: &Quantization, range: &Range) -> Option<Conversion<Self>>;

    /// The number as an index; `None` if it is negative.
    fn index(&self) -> Option<usize>;
}

impl Arithmetic for BigInt {
    fn of(number: &BigInt) -> Option<Self> {
        Some(number.clone())
    }

    fn conversion(from: i32, to: &Quantization, _: &Range) -> Option<Conversion<Self>> {
        Some(Conversion::exact(from, to))
    }

    fn index(&self) -> Option<usize> {
        self.to_usize()
    }
}

impl Arithmetic for i64 {
    fn of(number: &BigInt) -> Option<Self> {
        number.to_i64()
    }

    fn conversion(from: i32, to: &Quantization, range: &Range) -> Option<Conversion<Self>> {
        Conversion::within(from, to, range)
    }

    fn index(&self) -> Option<usize> {
        usize::try_from(*self).ok()
    }
}

/// `q ≈ 1 / m` for mantissas m with some number of fractional bits, and the probabilities `e · q`: steps
/// 5 and 6 of [`Softmax`].
#[derive(Clone, Debug)]
pub(crate) struct Reciprocal<T> {
    /// 1 as a mantissa.
    one: T,
    /// 1 as a product of a mantissa and an entry.
    product_one: T,
    /// 1 as a correction.
    correction_one: T,
    /// Fractional bits of an error.
    error_fraction: u32,
    entries: Vec<T>,
    address: Conversion<T>,
    error: Conversion<T>,
    correction: Conversion<T>,
    reciprocal: Conversion<T>,
    probability: Conversion<T>,
}

impl<T: Arithmetic> Reciprocal<T> {
    /// The reciprocals of mantissas that have the norm shift `shift`; `None` if the tables and types of
    /// `softmax` do not fit one another, or intermediate results may not fit `T`.
    pub(crate) fn new(softmax: &Softmax, shift: u32) -> Option<Self> {
        Self::at(softmax, softmax.sum.fractional_bits() + shift.cast_signed(), shift.cast_signed())
    }

    /// The same for mantissas with `fraction` fractional bits.
    pub(super) fn at(softmax: &Softmax, fraction: i32, shift: i32) -> Option<Self> {
        let one = |fraction: i32| Some(BigInt::one() << u32::try_from(fraction).ok()?);
        let table = &softmax.reciprocal_table;
        let entry_fraction = table.format.fractional_bits();
        let entries = table.range();
        let product = fraction + entry_fraction;
        let mantissas: BigInt = (one(fraction)? << 1) - 1;
        let products = &mantissas * entries.high();
        T::of(&products)?;
        let address = Range::new(0, &mantissas - one(fraction)?);
        let errors = Range::new(one(product)? - products, one(product)?);

        let error = softmax.error.format;
        let error_fraction = u32::try_from(error.fractional_bits()).ok()?;
        let codes = error.codes();
        let squares = (codes.low() * codes.low()).max(codes.high() * codes.high());
        let corrections =
            Range::new(codes.low() << error_fraction, (codes.high() << error_fraction) + squares);
        let correction_fraction = softmax.correction.format.fractional_bits();
        let correction_one = one(correction_fraction)?;
        let factors = softmax.correction.format.codes();
        let most = (&correction_one + factors.high()).max(-(&correction_one + factors.low()));
        let refined: BigInt = entries.high() * most;
        let refined = Range::new(-&refined, refined);
        let probability = softmax.exponential.format.fractional_bits()
            + softmax.reciprocal.format.fractional_bits()
            + shift;
        let probabilities =
            Range::new(0, softmax.one()? * softmax.reciprocal.format.codes().high());
        Some(Self {
            one: T::of(&one(fraction)?)?,
            product_one: T::of(&one(product)?)?,
            correction_one: T::of(&correction_one)?,
            error_fraction,
            entries: table.codes.iter().map(|entry| T::of(&entry)).collect::<Option<_>>()?,
            address: T::conversion(fraction, &softmax.reciprocal_index().ok()?, &address)?,
            error: T::conversion(product, &softmax.error, &errors)?,
            correction: T::conversion(
                2 * error.fractional_bits(),
                &softmax.correction,
                &corrections,
            )?,
            reciprocal: T::conversion(
                entry_fraction + correction_fraction,
                &softmax.reciprocal,
                &refined,
            )?,
            probability: T::conversion(probability, &softmax.to, &probabilities)?,
        })
    }

    /// The code of q for the mantissa `m`, 1 ≤ m < 2; `None` if tables and types do not fit one
    /// another.
    pub(crate) fn of(&self, m: &T) -> Option<T> {
        let address = self.address.apply(m.clone() - self.one.clone());
        let entry = self.entries.get(address.index()?)?;
        let error = self.error.apply(self.product_one.clone() - m.clone() * entry.clone());
        let correction = (error.clone() << self.error_fraction) + error.clone() * error;
        let correction = self.correction.apply(correction);
        let refined = entry.clone() * (self.correction_one.clone() + correction);
        Some(self.reciprocal.apply(refined))
    }

    /// The code of the probability for the codes of an exponential and of q.
    pub(crate) fn probability(&self, exponential: &T, reciprocal: &T) -> T {
        self.probability.apply(exponential.clone() * reciprocal.clone())
    }
}
