//! One row of softmax, step by step as [`crate::ir::Softmax`] numbers them.

use num_bigint::BigInt;
use num_traits::{One, ToPrimitive};

use crate::fixed::{Format, Quantization, cast};
use crate::ir::{Constant, Softmax};

/// The codes of the probabilities in `to` for a row `x` of codes of `from`; `None` if a table lacks
/// an entry or its numbers do not fit one another.
pub(super) fn softmax(
    op: &Softmax,
    from: Format,
    x: &[BigInt],
    to: &Quantization,
) -> Option<Vec<BigInt>> {
    let highest = x.iter().max()?;
    let distances = x.iter().map(|x| cast(&(highest - x), from.fraction(), &op.distance));
    let exponentials: Option<Vec<BigInt>> = distances.map(|d| exponential(op, &d)).collect();
    let exponentials = exponentials?;

    let sum: BigInt = exponentials.iter().sum();
    let one = BigInt::one() << u32::try_from(op.sum.fraction()).ok()?;
    let halvings = (0..=op.halvings).find(|h| sum < &one << (h + 1))?;
    let reciprocal = op.reciprocal_of(&sum, op.sum.fraction() + halvings.cast_signed())?;

    let fraction =
        op.exponential.format.fraction() + op.reciprocal.format.fraction() + halvings.cast_signed();
    Some(exponentials.iter().map(|e| cast(&(e * &reciprocal), fraction, to)).collect())
}

/// exp(-d) for the code `d` of a distance.
fn exponential(op: &Softmax, d: &BigInt) -> Option<BigInt> {
    let fraction = op.exponential.format.fraction();
    let mut below = op.distance.format.width();
    let mut product = None;
    for (table, lines) in op.exponents.iter().zip(op.addresses()?) {
        below = below.checked_sub(lines)?;
        let address = (d >> below) & ((BigInt::one() << lines) - 1);
        let factor = entry(table, &address)?;
        product = Some(match product {
            None => factor,
            Some(product) => cast(&(factor * product), 2 * fraction, &op.exponential),
        });
    }
    product
}

fn entry(table: &Constant, index: &BigInt) -> Option<BigInt> {
    table.codes.get(index.to_usize()?)
}
