//! Constant factors: products, shifts, or nothing.

use num_bigint::{BigInt, Sign};
use num_traits::Zero;

use super::{Operations, WIDEST_SUM};
use crate::fixed::{Format, Range, power_of_two_code};
use crate::ir::{Constant, Tensor};

/// A product with a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// 0: no term at all.
    Zero,
    /// ± 2^`exponent`: a shift.
    Power {
        /// Of the weight's value.
        exponent: i32,
    },
    /// A multiplication.
    Other,
}

impl Weight {
    /// The product with `code` · 2^-`fraction`.
    pub(super) fn new(code: &BigInt, fraction: i32) -> Self {
        if code.is_zero() {
            return Self::Zero;
        }
        let power = power_of_two_code(code).and_then(|power| i32::try_from(power).ok());
        let exponent = power.and_then(|power| power.checked_sub(fraction));
        exponent.map_or(Self::Other, |exponent| Self::Power { exponent })
    }
}

/// The p for which all `values` are 2^p or -2^p, both occurring; `None` if there is none.
pub(in crate::hls) fn sign_power(values: &Constant) -> Option<i32> {
    let fraction = values.format.fractional_bits();
    let mut powers = values.codes.iter().map(|code| Weight::new(&code, fraction));
    let Weight::Power { exponent } = powers.next()? else { return None };
    let range = values.codes.range()?;
    let both = (range.low() + range.high()).is_zero();
    (both && powers.all(|other| other == Weight::Power { exponent })).then_some(exponent)
}

/// Products of numbers with constants of their own, as in an [`ir::Affine`](crate::ir::Affine) and
/// an [`ir::Leaky`](crate::ir::Leaky).
#[derive(Clone, Debug, PartialEq)]
pub(in crate::hls) enum Scaling {
    /// Multiplications.
    Products,
    /// Factors are 0 or ± powers of two.
    Shifts(Shift),
}

impl Scaling {
    /// The products of `x` with `factors`.
    pub(in crate::hls) fn of(factors: &Constant, x: &Tensor) -> Self {
        let fraction = factors.format.fractional_bits();
        let exponents = factors.codes.iter().map(|code| match Weight::new(&code, fraction) {
            Weight::Zero => Some(None),
            Weight::Power { exponent } => Some(Some(exponent)),
            Weight::Other => None,
        });
        let exponents: Option<Vec<Option<i32>>> = exponents.collect();
        // Factors that are all 0 shift nothing.
        let exponents = exponents.filter(|exponents| exponents.iter().any(Option::is_some));
        let shift = exponents
            .and_then(|exponents| Shift::new(&x.range(), x.format.fractional_bits(), &exponents));
        shift.map_or(Self::Products, Self::Shifts)
    }

    /// Bits of `factors` in this form.
    pub(in crate::hls) fn factor_bits(&self, factors: &Constant) -> usize {
        let Self::Shifts(shift) = self else { return factors.bits() };
        let has = |sign: Sign| factors.codes.iter().any(|code| code.sign() == sign);
        let signs = [Sign::Minus, Sign::NoSign, Sign::Plus].into_iter().filter(|sign| has(*sign));
        let sign_bits = match (signs.count(), has(Sign::NoSign)) {
            (1, _) => 0,
            (_, false) => 1,
            (_, true) => 2,
        };
        factors.codes.len() * (sign_bits + shift.bits() as usize)
    }
}

/// Operations of `elements` numbers, each times the next of `factors` (repeated), plus a bias where
/// there `is_biased`.
pub(in crate::hls) fn scaling_operations(
    factors: &Constant,
    is_biased: bool,
    elements: usize,
) -> Operations {
    let fraction = factors.format.fractional_bits();
    let each = (elements / factors.codes.len().max(1)) as u64;
    let mut operations = Operations::default();
    for code in factors.codes.iter() {
        match Weight::new(&code, fraction) {
            Weight::Other => operations.multiplications += each,
            Weight::Power { exponent } if exponent != 0 => operations.shifts += each,
            Weight::Power { .. } | Weight::Zero => {}
        }
    }
    operations.additions = if is_biased { elements as u64 } else { 0 };
    operations
}

/// Numbers times powers of two: `number << left >> right`, in a type that loses nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::hls) struct Shift {
    /// Holds the number before, between and after the shifts.
    pub(in crate::hls) format: Format,
    /// Proven range of `number << left`, in codes of the format.
    pub(in crate::hls) range: Range,
    /// Left shift, the same for all.
    pub(in crate::hls) left: u32,
    /// Right shift of each; 0 for a factor of 0.
    pub(in crate::hls) right: Vec<u32>,
}

/// Largest total shift; beyond, the type would be too wide anyway.
const WIDEST_SHIFT: u32 = 100;

impl Shift {
    /// Numbers of `range` with LSB 2^-`fraction`, times 2^exponent each; `None` if no type is
    /// wide enough.
    pub(super) fn new(range: &Range, fraction: i32, exponents: &[Option<i32>]) -> Option<Self> {
        let present = || exponents.iter().flatten().copied();
        let left = present().max().unwrap_or(0).max(0).unsigned_abs();
        let below = present().min().unwrap_or(0).min(0).unsigned_abs();
        let bits = left.checked_add(below).filter(|bits| *bits <= WIDEST_SHIFT)?;
        let range = range.refined(bits);
        let fraction = fraction.checked_add_unsigned(below)?;
        let format = Format::covering(&range, fraction).ok()?;
        let right = exponents.iter().map(|exponent| match exponent {
            Some(exponent) => left.saturating_add_signed(-exponent),
            None => 0,
        });
        let right = right.collect();
        (format.width() <= WIDEST_SUM).then_some(Self { format, range, left, right })
    }

    /// The right shift, if it is the same for all.
    pub(in crate::hls) fn common(&self) -> Option<u32> {
        let first = *self.right.first()?;
        self.right.iter().all(|right| *right == first).then_some(first)
    }

    /// Number of products that are shifted at all, each made so many `times`.
    pub(super) fn nontrivial(&self, times: &[u64]) -> u64 {
        let products = self.right.iter().zip(times);
        products.filter(|(right, _)| **right != self.left).map(|(_, times)| times).sum()
    }

    /// Bits of a right shift; 0 if it is the same for all.
    pub(super) fn bits(&self) -> u32 {
        match self.common() {
            Some(_) => 0,
            None => {
                self.right.iter().map(|right| u32::BITS - right.leading_zeros()).max().unwrap_or(0)
            }
        }
    }
}
