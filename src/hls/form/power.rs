//! One weight.

use num_bigint::BigInt;
use num_traits::Zero;

use crate::fixed::power_of_two_code;

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
    if code.is_zero() {
        return Weight::Zero;
    }
    let power = power_of_two_code(code).and_then(|power| i32::try_from(power).ok());
    let exponent = power.and_then(|power| power.checked_sub(fraction));
    exponent.map_or(Weight::Other, |exponent| Weight::Power { exponent })
}
