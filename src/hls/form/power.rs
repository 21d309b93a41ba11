//! One weight.

use num_bigint::BigInt;
use num_traits::Zero;

/// What a product with a constant takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// Nothing.
    Zero,
    /// ± 2^`exponent`: the other factor's bits at another place.
    Power {
        /// Of the weight's value.
        exponent: i32,
    },
    /// A multiplier.
    Other,
}

/// What a product with `code` · 2^-`fraction` takes.
pub(super) fn weight(code: &BigInt, fraction: i32) -> Weight {
    let magnitude = code.magnitude();
    if code.is_zero() {
        return Weight::Zero;
    }
    let place = magnitude.trailing_zeros().and_then(|place| i32::try_from(place).ok());
    match (magnitude.count_ones(), place.and_then(|place| place.checked_sub(fraction))) {
        (1, Some(exponent)) => Weight::Power { exponent },
        _ => Weight::Other,
    }
}
