//! Piecewise constant functions.

use ndarray::Array1;
use num_bigint::BigInt;
use serde::Serialize;

use super::super::build::{Builder, Site};
use super::super::function::{Function, FunctionForm, Index};
use super::super::{ConstantId, HlsError, Number, TypeId};
use super::Body;
use crate::fixed::{Codes, Format, Range};
use crate::ir;

/// `output[n]` is the value behind the last threshold that `input[n]` reaches: a comparator for
/// each threshold.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Steps {
    /// How many elements.
    pub elements: usize,
    /// How many thresholds.
    pub comparisons: usize,
    /// Holds operand and thresholds.
    pub compared: TypeId,
    /// Ascending; absent if the function is constant.
    pub thresholds: Option<ConstantId>,
    /// One more than thresholds.
    pub values: ConstantId,
}

/// The same, found by halving the thresholds that are left.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Search {
    /// How many elements.
    pub elements: usize,
    /// How many comparisons, one after another.
    pub levels: u32,
    /// How many thresholds the function has.
    pub count: usize,
    /// Holds operand and thresholds.
    pub compared: TypeId,
    /// Ascending, 2^levels - 1: the last one stands as often as that takes.
    pub thresholds: ConstantId,
    /// 2^levels.
    pub values: ConstantId,
}

/// `output[n] = values[place of input[n]]`.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// How many elements.
    pub elements: usize,
    /// How many values.
    pub entries: usize,
    /// Holds the operand and its limits.
    pub compared: TypeId,
    /// Values below count as this one, if any lie below.
    pub low: Option<Number>,
    /// Values above count as this one, if any lie above.
    pub high: Option<Number>,
    /// What the first value is for; absent if that is 0.
    pub base: Option<Number>,
    /// Holds the distance from there. Bits that make no difference are none of its.
    pub offset: TypeId,
    /// Bits that make no difference.
    pub dropped: u32,
    /// The width of `offset` in bits.
    pub address_width: u32,
    /// One value for each place.
    pub values: ConstantId,
}

pub(super) fn build(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    op: &ir::StepFunction,
) -> Result<Body, HlsError> {
    let (operand, result) = (&site.operand.tensor, &site.node.tensor);
    if op.values.codes.len() != op.thresholds.codes.len() + 1 {
        return Err(site.broken("steps whose values are not one more than their thresholds"));
    }
    if op.thresholds.format.fraction() != operand.format.fraction()
        && !op.thresholds.codes.is_empty()
        || op.values.format.fraction() != result.format.fraction()
    {
        return Err(site.broken("steps counted in other units than operand and result"));
    }
    let most_entries = builder.options.table_sizes.of(&site.node.layer);
    let function = Function::of(op, operand, most_entries);
    match &function.form {
        FunctionForm::Comparators => comparators(builder, site, &function).map(Body::Steps),
        FunctionForm::Table(index) => table(builder, site, &function, index).map(Body::Table),
        FunctionForm::Search => search(builder, site, &function).map(Body::Search),
    }
}

fn comparators(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    function: &Function,
) -> Result<Steps, HlsError> {
    let comparisons = function.thresholds.len();
    let compared = compared(builder, site, &function.thresholds)?;
    let thresholds = match comparisons {
        0 => None,
        _ => Some(thresholds(builder, site, compared, function.thresholds.clone())?),
    };
    let values = values(builder, site, "values of steps", function.values.clone())?;
    Ok(Steps { elements: site.node.tensor.len(), comparisons, compared, thresholds, values })
}

fn search(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    function: &Function,
) -> Result<Search, HlsError> {
    let levels = function.levels();
    let compared = compared(builder, site, &function.thresholds)?;
    let padded = |codes: &[BigInt], count: usize| -> Vec<BigInt> {
        let last = codes.iter().last().into_iter().cycle();
        codes.iter().chain(last).take(count).cloned().collect()
    };
    let all = 1_usize << levels;
    let thresholds = thresholds(builder, site, compared, padded(&function.thresholds, all - 1))?;
    let values = values(builder, site, "values of steps", padded(&function.values, all))?;
    let (elements, count) = (site.node.tensor.len(), function.thresholds.len());
    Ok(Search { elements, levels, count, compared, thresholds, values })
}

fn table(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    function: &Function,
    index: &Index,
) -> Result<Table, HlsError> {
    let fraction = site.operand.tensor.format.fraction();
    let limits: Vec<BigInt> = std::iter::once(&index.base).chain(&index.high).cloned().collect();
    let compared = compared(builder, site, &limits)?;
    let limit = |holds, code: &BigInt| builder.number(site, holds, compared, code.clone());
    let low = index.from_below.then(|| limit("lower limit", &index.base)).transpose()?;
    let high = index.high.as_ref().map(|high| limit("upper limit", high)).transpose()?;
    let base = (index.base != BigInt::ZERO).then(|| limit("first place", &index.base));
    let base = base.transpose()?;

    let address_width = index.address_width();
    let format = i32::try_from(i64::from(address_width) + i64::from(index.dropped))
        .ok()
        .and_then(|places| places.checked_sub(fraction))
        .map_or(Err(crate::fixed::FormatError::Position(fraction.into())), |integer| {
            Format::unsigned(address_width, integer)
        })
        .map_err(site.too_wide("a place in its table"))?;
    let places = Range::new(0, index.entries - 1);
    let offset = builder.local_type(site, "offset", "places in the table", format, places);
    let entries = (0..index.entries).map(|place| {
        let code = &index.base + (BigInt::from(place) << index.dropped);
        function.at(&code).clone()
    });
    let values = values(builder, site, "values by place", entries.collect())?;
    Ok(Table {
        elements: site.node.tensor.len(),
        entries: index.entries,
        compared,
        low,
        high,
        base,
        offset,
        dropped: index.dropped,
        address_width,
        values,
    })
}

/// The type that holds the operand and `codes` beside it.
fn compared(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    codes: &[BigInt],
) -> Result<TypeId, HlsError> {
    let operand = &site.operand.tensor;
    let mut all = operand.format.codes();
    for code in codes {
        all = all.hull(&Range::point(code.clone()));
    }
    let format = Format::covering(&all, operand.format.fraction())
        .map_err(site.too_wide("the comparison with its thresholds"))?;
    Ok(builder.local_type(site, "compare", "values as compared", format, operand.range()))
}

fn thresholds(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    compared: TypeId,
    codes: Vec<BigInt>,
) -> Result<ConstantId, HlsError> {
    let codes = Codes::from_big(Array1::from(codes).into_dyn());
    builder.constant_of(site, "threshold", "thresholds of steps", compared, codes)
}

fn values(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    holds: &'static str,
    codes: Vec<BigInt>,
) -> Result<ConstantId, HlsError> {
    let fraction = site.node.tensor.format.fraction();
    let values = ir::Constant::of_codes(Array1::from(codes).into_dyn(), fraction)
        .map_err(site.too_wide("its values"))?;
    builder.constant(site, "value", holds, &values)
}
