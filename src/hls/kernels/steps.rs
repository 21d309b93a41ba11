//! Piecewise constant functions.

use ndarray::ArrayD;
use num_bigint::BigInt;
use serde::Serialize;

use super::super::build::{Builder, Site};
use super::super::{ConstantId, HlsError, TypeId};
use super::Body;
use crate::fixed::Format;
use crate::ir;

/// Up to so many boundaries a comparator for each is smaller than a table.
const FEW_BOUNDARIES: usize = 15;

/// The widest operand, in bits, that a table is addressed by.
const WIDEST_ADDRESS: u32 = 12;

/// `output[n]` is the value behind the last boundary that `input[n]` reaches.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Steps {
    /// How many elements.
    pub elements: usize,
    /// How many boundaries.
    pub comparisons: usize,
    /// Holds operand and boundaries.
    pub compared: TypeId,
    /// Ascending; absent if the function is constant.
    pub boundaries: Option<ConstantId>,
    /// One more than boundaries.
    pub values: ConstantId,
}

/// `output[n] = values[code of input[n]]`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Table {
    /// How many elements.
    pub elements: usize,
    /// The operand's width in bits.
    pub address_width: u32,
    /// One value for each code: from 0 up, behind them the negative codes from the smallest up,
    /// as the code's bits count when read as an address.
    pub values: ConstantId,
}

pub(super) fn build(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    op: &ir::Steps,
) -> Result<Body, HlsError> {
    let boundaries: Vec<BigInt> = op.boundaries.codes.iter().collect();
    let steps: Vec<BigInt> = op.values.codes.iter().collect();
    if steps.len() != boundaries.len() + 1 {
        return Err(site.broken("steps whose values are not one more than their boundaries"));
    }
    let (operand, result) = (site.operand.tensor.format, &site.node.tensor);
    let elements = result.len();
    if op.boundaries.format.fraction() != operand.fraction() && !boundaries.is_empty()
        || op.values.format.fraction() != result.format.fraction()
    {
        return Err(site.broken("steps counted in other units than operand and result"));
    }
    let values_of = |codes: Vec<BigInt>| -> Result<ir::Constant, HlsError> {
        ir::Constant::of_codes(codes_array(codes), result.format.fraction())
            .map_err(site.too_wide("its values"))
    };

    if boundaries.len() > FEW_BOUNDARIES && operand.width() <= WIDEST_ADDRESS {
        let by_address: Vec<BigInt> = addresses(operand)
            .map(|code| steps[boundaries.partition_point(|b| *b <= code)].clone())
            .collect();
        let table = values_of(by_address)?;
        let values = builder.constant(site, "value", "values by code", &table)?;
        return Ok(Body::Table(Table { elements, address_width: operand.width(), values }));
    }

    let all = op.boundaries.codes.interval().map_or(operand.codes(), |b| operand.codes().hull(&b));
    let format = Format::covering(&all, operand.fraction())
        .map_err(site.too_wide("the comparison with its boundaries"))?;
    let occurring = site.operand.tensor.interval();
    let compared = builder.local_type(site, "compare", "values as compared", format, occurring);
    let comparisons = boundaries.len();
    let codes = op.boundaries.codes.clone();
    let boundaries = match comparisons {
        0 => None,
        _ => {
            Some(builder.constant_of(site, "threshold", "boundaries of steps", compared, codes)?)
        }
    };
    let values = builder.constant(site, "value", "values of steps", &values_of(steps)?)?;
    Ok(Body::Steps(Steps { elements, comparisons, compared, boundaries, values }))
}

/// One dimension around `codes`.
fn codes_array(codes: Vec<BigInt>) -> ArrayD<BigInt> {
    ndarray::Array1::from(codes).into_dyn()
}

/// The codes of a format in the order of their bits read as an unsigned number.
fn addresses(format: Format) -> impl Iterator<Item = BigInt> {
    let negative = BigInt::from(u8::from(format.is_signed())) << (format.width() - 1);
    let all: BigInt = BigInt::from(1) << format.width();
    let positive = &all - &negative;
    num_iter(BigInt::from(0), positive).chain(num_iter(-negative, BigInt::from(0)))
}

/// The integers from `low` up to below `high`.
fn num_iter(low: BigInt, high: BigInt) -> impl Iterator<Item = BigInt> {
    std::iter::successors(Some(low), |n| Some(n + 1)).take_while(move |n| *n < high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_the_bits_of_the_codes() {
        let signed: Vec<String> =
            addresses(Format::signed(3, 0).unwrap()).map(|c| c.to_string()).collect();
        assert_eq!(signed, ["0", "1", "2", "3", "-4", "-3", "-2", "-1"]);
        let unsigned: Vec<String> =
            addresses(Format::unsigned(2, 5).unwrap()).map(|c| c.to_string()).collect();
        assert_eq!(unsigned, ["0", "1", "2", "3"]);
        let bit: Vec<String> =
            addresses(Format::signed(1, 1).unwrap()).map(|c| c.to_string()).collect();
        assert_eq!(bit, ["0", "-1"]);
    }
}
