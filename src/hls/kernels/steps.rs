//! Step functions: comparators, lookup tables, or a binary search.

use ndarray::Array1;
use num_bigint::BigInt;
use serde::Serialize;

use super::{Body, Built};
use crate::fixed::{Codes, Format, FormatError, Range};
use crate::hls::build::NodeBuilder;
use crate::hls::function::{FunctionForm, Index, ThresholdFunction};
use crate::hls::plan::{Nest, Reads};
use crate::hls::{ConstantId, Cost, HlsError, Number, TypeId, form};
use crate::ir;

/// `output[n]` is the value of the last threshold that `input[n]` reaches: a comparator for each
/// threshold.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ComparatorKernel {
    /// Number of thresholds.
    pub comparisons: usize,
    /// Absent if the function is constant.
    pub thresholds: Option<Thresholds>,
    /// One more than thresholds.
    pub values: ConstantId,
}

/// The thresholds of a [`ComparatorKernel`].
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Thresholds {
    /// Holds operand and thresholds.
    pub compared: TypeId,
    /// Ascending.
    pub constant: ConstantId,
}

/// The same by binary search.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SearchKernel {
    /// Number of comparisons, one after another.
    pub levels: u32,
    /// Number of thresholds of the function.
    pub count: usize,
    /// Holds operand and thresholds.
    pub compared: TypeId,
    /// Ascending, 2^levels - 1: the last one is repeated.
    pub thresholds: ConstantId,
    /// 2^levels.
    pub values: ConstantId,
}

/// `output[n] = values[index of input[n]]`.
#[derive(Clone, Debug, Serialize)]
pub struct TableKernel {
    /// Number of values.
    pub entries: usize,
    /// Holds the operand and its limits.
    pub compared: TypeId,
    /// Values below count as this one, if any lie below.
    pub low: Option<Number>,
    /// Values above count as this one, if any lie above.
    pub high: Option<Number>,
    /// The operand of the first value; absent if that is 0.
    pub base: Option<Number>,
    /// Holds the operand minus `base`, without the dropped bits.
    pub offset: TypeId,
    /// Low bits that do not change the value.
    pub dropped: u32,
    /// One value for each index.
    pub values: ConstantId,
}

/// The number that needs a type for operand and thresholds.
const COMPARISON: &str = "the comparison with its thresholds";

pub(super) fn build(cx: &mut NodeBuilder<'_>, op: &ir::StepFunction) -> Result<Built, HlsError> {
    let element = cx.values_type();
    let (operand, result) = (&cx.operand.tensor, &cx.node.tensor);
    if op.values.codes.len() != op.thresholds.codes.len() + 1 {
        return Err(cx.broken("values that are not one more than the thresholds"));
    }
    if op.thresholds.format.fractional_bits() != operand.format.fractional_bits()
        && !op.thresholds.codes.is_empty()
        || op.values.format.fractional_bits() != result.format.fractional_bits()
    {
        return Err(cx.broken("thresholds or values with another LSB than operand and result"));
    }
    let most_entries = cx.options.table_sizes.of(&cx.node.layer);
    let function = ThresholdFunction::of(op, operand, most_entries);
    let elements = result.len();
    let (body, nest) = match &function.form {
        FunctionForm::Comparators => {
            let nest = Nest::new(&[elements, function.thresholds.len()]);
            (Body::Comparators(comparators(cx, &function)?), nest)
        }
        FunctionForm::Table(index) => {
            (Body::Table(table(cx, &function, index)?), Nest::new(&[elements]))
        }
        FunctionForm::Search => {
            let nest = Nest::new(&[elements, function.levels() as usize]);
            (Body::Search(search(cx, &function)?), nest)
        }
    };
    let size = function.size();
    let cost = Cost {
        hardware: vec![size.to_string()],
        functions: vec![size],
        table_bits: function.table_bits(),
        ..Cost::default()
    };
    let mut built = Built::new(cx, body, nest, element);
    built.structure.reads = Reads::Spread(1);
    if function.form != FunctionForm::Comparators {
        built.structure.constants.clear();
    }
    Ok(Built { cost, sign_power: form::sign_power(&op.values), ..built })
}

fn comparators(
    cx: &mut NodeBuilder<'_>,
    function: &ThresholdFunction,
) -> Result<ComparatorKernel, HlsError> {
    let comparisons = function.thresholds.len();
    let thresholds = match comparisons {
        0 => None,
        _ => {
            let compared = cx.compared_type(COMPARISON, &function.thresholds)?;
            let constant = thresholds(cx, compared, function.thresholds.clone())?;
            Some(Thresholds { compared, constant })
        }
    };
    let values = values(cx, "values", function.values.clone())?;
    Ok(ComparatorKernel { comparisons, thresholds, values })
}

fn search(
    cx: &mut NodeBuilder<'_>,
    function: &ThresholdFunction,
) -> Result<SearchKernel, HlsError> {
    let levels = function.levels();
    let compared = cx.compared_type(COMPARISON, &function.thresholds)?;
    let padded = |codes: &[BigInt], count: usize| -> Vec<BigInt> {
        let last = codes.iter().last().into_iter().cycle();
        codes.iter().chain(last).take(count).cloned().collect()
    };
    let all = 1_usize << levels;
    let thresholds = thresholds(cx, compared, padded(&function.thresholds, all - 1))?;
    let values = values(cx, "values", padded(&function.values, all))?;
    let count = function.thresholds.len();
    Ok(SearchKernel { levels, count, compared, thresholds, values })
}

fn table(
    cx: &mut NodeBuilder<'_>,
    function: &ThresholdFunction,
    index: &Index,
) -> Result<TableKernel, HlsError> {
    let fraction = cx.operand.tensor.format.fractional_bits();
    let limits = std::iter::once(&index.base).chain(&index.high);
    let compared = cx.compared_type(COMPARISON, limits)?;
    let limit = |holds, code: &BigInt| cx.number(holds, compared, code.clone());
    let low = index.from_below.then(|| limit("lower limit", &index.base)).transpose()?;
    let high = index.high.as_ref().map(|high| limit("upper limit", high)).transpose()?;
    let base =
        (index.base != BigInt::ZERO).then(|| limit("operand of the first value", &index.base));
    let base = base.transpose()?;

    let address_width = index.address_width();
    let format = i32::try_from(i64::from(address_width) + i64::from(index.dropped))
        .ok()
        .and_then(|bits| bits.checked_sub(fraction))
        .map_or(Err(FormatError::Position(fraction.into())), |integer| {
            Format::unsigned(address_width, integer)
        })
        .map_err(cx.too_wide("the index of its table"))?;
    let indices = Range::new(0, index.entries - 1);
    let offset = cx.local_type("offset", "table indices", format, indices);
    let entries = (0..index.entries).map(|entry| {
        let code = &index.base + (BigInt::from(entry) << index.dropped);
        function.at(&code).clone()
    });
    let values = values(cx, "values by index", entries.collect())?;
    Ok(TableKernel {
        entries: index.entries,
        compared,
        low,
        high,
        base,
        offset,
        dropped: index.dropped,
        values,
    })
}

fn thresholds(
    cx: &mut NodeBuilder<'_>,
    compared: TypeId,
    codes: Vec<BigInt>,
) -> Result<ConstantId, HlsError> {
    let codes = Codes::from_big(Array1::from(codes).into_dyn());
    cx.constant_of("threshold", "thresholds", compared, codes)
}

fn values(
    cx: &mut NodeBuilder<'_>,
    holds: &'static str,
    codes: Vec<BigInt>,
) -> Result<ConstantId, HlsError> {
    let fraction = cx.node.tensor.format.fractional_bits();
    let values = ir::Constant::of_codes(Array1::from(codes).into_dyn(), fraction)
        .map_err(cx.too_wide("its values"))?;
    cx.constant("value", holds, &values)
}
