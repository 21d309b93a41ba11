//! One row of softmax, step by step as [`crate::ir::Softmax`] numbers them.

use num_bigint::BigInt;
use num_traits::ToPrimitive;

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
    let exponentials: Option<Vec<BigInt>> = x
        .iter()
        .map(|x| entry(&op.exp_table, &cast(&(highest - x), from.fraction(), &op.exp_index)))
        .collect();
    let exponentials = exponentials?;

    let sum: BigInt = exponentials.iter().sum();
    let fraction = op.exp_table.format.fraction();
    let one = BigInt::from(1) << u32::try_from(fraction).ok()?;
    let halvings = (0..=op.halvings).find(|h| sum < &one << (h + 1))?;
    // m - 1 with as many further bits as m = sum / 2^halvings has.
    let rest = &sum - (&one << halvings);
    let rest_fraction = fraction + halvings.cast_signed();
    let inverse = entry(&op.inverse_table, &cast(&rest, rest_fraction, &op.inverse_index))?;

    let product_fraction = fraction + op.inverse_table.format.fraction() + halvings.cast_signed();
    Some(exponentials.iter().map(|e| cast(&(e * &inverse), product_fraction, to)).collect())
}

fn entry(table: &Constant, index: &BigInt) -> Option<BigInt> {
    table.codes.get(index.to_usize()?)
}
