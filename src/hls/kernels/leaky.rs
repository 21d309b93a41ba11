//! The leaky ReLU with a slope that is a power of two.

use num_bigint::BigInt;
use serde::Serialize;

use super::super::build::{Builder, Site};
use super::super::{ConstantId, HlsError};
use crate::fixed::Format;
use crate::ir;

/// x where x is not negative, x · slope elsewhere.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Leaky {
    /// How many elements.
    pub elements: usize,
    /// 2^-shift, as a number of one bit: the product with it is the operand's bits at another
    /// place, exact in any type.
    pub slope: ConstantId,
}

pub(super) fn build(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    shift: u32,
) -> Result<Leaky, HlsError> {
    let integer = i32::try_from(shift).map_or(i32::MIN, |shift| 1 - shift);
    let format = Format::unsigned(1, integer).map_err(site.too_wide("its slope"))?;
    let one = ndarray::arr1(&[BigInt::from(1)]).into_dyn();
    let slope = ir::Constant { codes: crate::fixed::Codes::from_big(one), format };
    let slope = builder.constant(site, "slope", "slope", &slope)?;
    Ok(Leaky { elements: site.node.tensor.len(), slope })
}
