//! Limits.

use num_bigint::BigInt;
use serde::Serialize;

use super::super::build::{Builder, Site};
use super::super::{HlsError, Number, TypeId};
use crate::fixed::{Format, Range};

/// Values below the lower limit become it, values above the upper limit become that.
#[derive(Clone, Debug, Serialize)]
pub struct Clamp {
    /// How many elements.
    pub elements: usize,
    /// Holds operand and limits.
    pub compared: TypeId,
    /// The smallest value that passes, if any operand lies below it.
    pub low: Option<Number>,
    /// The largest value that passes, if any operand lies above it.
    pub high: Option<Number>,
}

pub(super) fn build(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    low: &Option<BigInt>,
    high: &Option<BigInt>,
) -> Result<Clamp, HlsError> {
    let operand = site.operand.tensor.format;
    let all = operand.codes();
    // A limit that no code of the operand's type reaches needs no comparison.
    let low = low.as_ref().filter(|low| *low > all.low());
    let high = high.as_ref().filter(|high| *high < all.high());
    let mut codes = all;
    for limit in low.iter().chain(&high) {
        codes = codes.hull(&Range::point((*limit).clone()));
    }
    let format = Format::covering(&codes, operand.fraction())
        .map_err(site.too_wide("the comparison with its limits"))?;
    let occurring = site.operand.tensor.range();
    let compared = builder.local_type(site, "compare", "values as compared", format, occurring);
    let limit = |holds, code: &BigInt| builder.number(site, holds, compared, code.clone());
    Ok(Clamp {
        elements: site.node.tensor.len(),
        compared,
        low: low.map(|code| limit("lower limit", code)).transpose()?,
        high: high.map(|code| limit("upper limit", code)).transpose()?,
    })
}
