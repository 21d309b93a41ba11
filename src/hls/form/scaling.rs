//! Numbers times factors: scales of channels, slopes of elements.

use num_bigint::Sign;

use super::power::{Weight, weight};
use super::{Operations, Shift};
use crate::ir::{self, Constant, Tensor};

/// What products of single numbers with factors are in hardware: those of an [`ir::Affine`] and of an
/// [`ir::Leaky`].
#[derive(Clone, Debug, PartialEq)]
pub enum Scaling {
    /// Products.
    Products,
    /// Factors are 0 or ± powers of two: numbers move.
    Shifts(Shift),
}

impl Scaling {
    /// That of products of `x` with `factors`.
    pub fn of(factors: &Constant, x: &Tensor) -> Self {
        let fraction = factors.format.fraction();
        let exponents = factors.codes.iter().map(|code| match weight(&code, fraction) {
            Weight::Zero => Some(None),
            Weight::Power { exponent } => Some(Some(exponent)),
            Weight::Other => None,
        });
        let exponents: Option<Vec<Option<i32>>> = exponents.collect();
        // Numbers that are all multiplied by 0 move nowhere.
        let exponents = exponents.filter(|exponents| exponents.iter().any(Option::is_some));
        let shift =
            exponents.and_then(|exponents| Shift::new(&x.range(), x.format.fraction(), &exponents));
        shift.map_or(Self::Products, Self::Shifts)
    }

    /// The bits that `factors` take, kept as this says.
    pub fn factor_bits(&self, factors: &Constant) -> usize {
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

    /// What `op` takes for a sample whose result is `result`.
    pub fn operations_of_affine(op: &ir::Affine, result: &Tensor) -> Operations {
        operations(&op.scale, op.bias.is_some(), result.len())
    }

    /// What `op` takes for a sample whose result is `result`.
    pub fn operations_of_leaky(op: &ir::Leaky, result: &Tensor) -> Operations {
        operations(&op.slopes, op.bias.is_some(), result.len())
    }
}

/// What `elements` numbers take, each times the next of `factors`, which begin again at the end, and
/// plus a summand if there `is_sum`.
fn operations(factors: &Constant, is_sum: bool, elements: usize) -> Operations {
    let fraction = factors.format.fraction();
    let each = (elements / factors.codes.len().max(1)) as u64;
    let mut operations = Operations::default();
    for code in factors.codes.iter() {
        match weight(&code, fraction) {
            Weight::Other => operations.multiplications += each,
            Weight::Power { exponent } if exponent != 0 => operations.shifts += each,
            Weight::Power { .. } | Weight::Zero => {}
        }
    }
    operations.additions = if is_sum { elements as u64 } else { 0 };
    operations
}
