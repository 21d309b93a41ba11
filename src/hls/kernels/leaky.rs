//! The leaky ReLU with a slope that is a power of two.

use num_bigint::BigInt;
use serde::Serialize;

use super::super::build::{Builder, Site};
use super::super::{HlsError, Number};
use crate::fixed::{Format, Interval};

/// x where x is not negative, x · slope elsewhere.
#[derive(Clone, Debug, Serialize)]
pub struct Leaky {
    /// How many elements.
    pub elements: usize,
    /// 2^-shift, as a number of one bit: the product with it is the operand's bits at another
    /// place, exact in any type.
    pub slope: Number,
}

pub(super) fn build(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    shift: u32,
) -> Result<Leaky, HlsError> {
    let integer = i32::try_from(shift).map_or(i32::MIN, |shift| 1 - shift);
    let format = Format::unsigned(1, integer).map_err(site.too_wide("its slope"))?;
    let element = builder.local_type(site, "slope", "slope", format, Interval::point(1));
    let slope = builder.number(site, "slope", element, BigInt::from(1))?;
    Ok(Leaky { elements: site.node.tensor.len(), slope })
}
