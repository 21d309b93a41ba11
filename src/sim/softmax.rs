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
    let reciprocal = reciprocal(op, &sum, op.sum.fraction() + halvings.cast_signed())?;

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

/// The reciprocal of `mantissa`, which has `fraction` bits behind the point and lies from 1 to
/// below 2.
fn reciprocal(op: &Softmax, mantissa: &BigInt, fraction: i32) -> Option<BigInt> {
    let one = |fraction: i32| Some(BigInt::one() << u32::try_from(fraction).ok()?);
    let address = cast(&(mantissa - one(fraction)?), fraction, &op.seed_index().ok()?);
    let seed = entry(&op.seeds, &address)?;
    let seed_fraction = op.seeds.format.fraction();

    let product = fraction + seed_fraction;
    let error = cast(&(one(product)? - mantissa * &seed), product, &op.error);
    let error_fraction = op.error.format.fraction();
    let correction = (&error << u32::try_from(error_fraction).ok()?) + &error * &error;
    let correction = cast(&correction, 2 * error_fraction, &op.correction);
    let correction_fraction = op.correction.format.fraction();
    let refined = &seed * (one(correction_fraction)? + correction);
    Some(cast(&refined, seed_fraction + correction_fraction, &op.reciprocal))
}

fn entry(table: &Constant, index: &BigInt) -> Option<BigInt> {
    table.codes.get(index.to_usize()?)
}
