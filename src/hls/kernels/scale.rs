//! A power of two as a factor: the same bits with the binary point elsewhere.

use num_bigint::BigInt;
use serde::Serialize;

use super::super::HlsError;
use super::super::build::{Builder, Site};
use super::powers::{Factors, factors};
use crate::fixed::{Codes, Format, FormatError};
use crate::ir;

/// `output[n] = input[n]` · factor.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Scale {
    /// How many elements.
    pub elements: usize,
    /// A power of two.
    pub factor: Factors,
}

pub(super) fn build(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    power: i32,
) -> Result<Scale, HlsError> {
    // 2^power as a number of one bit: even a product with it is exact in any type.
    let integer = power.checked_add(1).ok_or(FormatError::Position(power.into()));
    let format = integer.and_then(|integer| Format::unsigned(1, integer));
    let format = format.map_err(site.too_wide("factor"))?;
    let one = ndarray::arr1(&[BigInt::from(1)]).into_dyn();
    let constant = ir::Constant { codes: Codes::from_big(one), format };
    let factor = factors(builder, site, ("factor", "a power of two"), &constant)?;
    Ok(Scale { elements: site.node.tensor.len(), factor })
}
