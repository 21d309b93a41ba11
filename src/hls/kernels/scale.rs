//! A power of two as a factor: the same bits with the binary point elsewhere.

use num_bigint::BigInt;
use serde::Serialize;

use super::super::build::{Builder, Site};
use super::super::{HlsError, Number};
use crate::fixed::{Format, FormatError, Interval};

/// `output[n] = input[n]` · factor.
#[derive(Clone, Debug, Serialize)]
pub struct Scale {
    /// How many elements.
    pub elements: usize,
    /// A power of two.
    pub factor: Number,
}

pub(super) fn build(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    power: i32,
) -> Result<Scale, HlsError> {
    let factor = power_of_two(builder, site, "factor", power)?;
    Ok(Scale { elements: site.node.tensor.len(), factor })
}

/// 2^`power` as a number of one bit: the product with it is the operand's bits at another place,
/// exact in any type.
pub(super) fn power_of_two(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    holds: &'static str,
    power: i32,
) -> Result<Number, HlsError> {
    let integer = power.checked_add(1).ok_or(FormatError::Position(power.into()));
    let format = integer.and_then(|integer| Format::unsigned(1, integer));
    let format = format.map_err(site.too_wide(holds))?;
    let element = builder.local_type(site, holds, holds, format, Interval::point(1));
    builder.number(site, holds, element, BigInt::from(1))
}
