//! The leaky ReLU with a slope that is a power of two.

use serde::Serialize;

use super::super::build::{Builder, Site};
use super::super::{HlsError, Number};
use super::scale::power_of_two;

/// x where x is not negative, x · slope elsewhere.
#[derive(Clone, Debug, Serialize)]
pub struct Leaky {
    /// How many elements.
    pub elements: usize,
    /// 2^-shift.
    pub slope: Number,
}

pub(super) fn build(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    shift: u32,
) -> Result<Leaky, HlsError> {
    let power = i32::try_from(shift).map_or(i32::MIN, |shift| -shift);
    let slope = power_of_two(builder, site, "slope", power)?;
    Ok(Leaky { elements: site.node.tensor.len(), slope })
}
