//! Step functions: comparators, lookup tables, or a binary search.

use ndarray::Array1;
use num_bigint::BigInt;
use serde::Serialize;

use super::{Body, Built, Structure};
use crate::fixed::{Codes, Format, FormatError, Range};
use crate::hls::build::{Builder, NodeContext};
use crate::hls::function::{FunctionForm, Index, ThresholdFunction};
use crate::hls::plan::Nest;
use crate::hls::{ConstantId, Cost, HlsError, Number, TypeId, form};
use crate::ir;

/// `output[n]` is the value of the last threshold that `input[n]` reaches: a comparator for each
/// threshold.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ComparatorKernel {
    /// Number of elements.
    pub elements: usize,
    /// Number of thresholds.
    pub comparisons: usize,
    /// Holds operand and thresholds.
    pub compared: TypeId,
    /// Ascending; absent if the function is constant.
    pub thresholds: Option<ConstantId>,
    /// One more than thresholds.
    pub values: ConstantId,
}

/// The same by binary search.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SearchKernel {
    /// Number of elements.
    pub elements: usize,
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
    /// Number of elements.
    pub elements: usize,
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
    /// The width of `offset` in bits.
    pub address_width: u32,
    /// One value for each index.
    pub values: ConstantId,
}

impl Structure for ComparatorKernel {
    fn nest(&self) -> Nest {
        Nest::new(&[self.elements, self.comparisons])
    }

    fn constants(&self) -> Vec<(ConstantId, Option<u64>)> {
        self.thresholds.into_iter().chain([self.values]).map(|id| (id, None)).collect()
    }
}

impl Structure for SearchKernel {
    fn nest(&self) -> Nest {
        Nest::new(&[self.elements, self.levels as usize])
    }
}

impl Structure for TableKernel {
    fn nest(&self) -> Nest {
        Nest::new(&[self.elements])
    }
}

pub(super) fn build(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    op: &ir::StepFunction,
) -> Result<Built, HlsError> {
    let element = builder.values_type(context);
    let (operand, result) = (&context.operand.tensor, &context.node.tensor);
    if op.values.codes.len() != op.thresholds.codes.len() + 1 {
        return Err(context.broken("values that are not one more than the thresholds"));
    }
    if op.thresholds.format.fractional_bits() != operand.format.fractional_bits()
        && !op.thresholds.codes.is_empty()
        || op.values.format.fractional_bits() != result.format.fractional_bits()
    {
        return Err(context.broken("thresholds or values with another LSB than operand and result"));
    }
    let most_entries = builder.options.table_sizes.of(&context.node.layer);
    let function = ThresholdFunction::of(op, operand, most_entries);
    let body = match &function.form {
        FunctionForm::Comparators => Body::Comparators(comparators(builder, context, &function)?),
        FunctionForm::Table(index) => Body::Table(table(builder, context, &function, index)?),
        FunctionForm::Search => Body::Search(search(builder, context, &function)?),
    };
    let size = function.size();
    let cost = Cost {
        hardware: vec![size.to_string()],
        functions: vec![size],
        table_bits: function.table_bits(),
        ..Cost::default()
    };
    let sign_power = form::sign_power(&op.values);
    Ok(Built { sign_power, ..Built::new(body, element, cost) })
}

fn comparators(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    function: &ThresholdFunction,
) -> Result<ComparatorKernel, HlsError> {
    let comparisons = function.thresholds.len();
    let compared = compared(builder, context, &function.thresholds)?;
    let thresholds = match comparisons {
        0 => None,
        _ => Some(thresholds(builder, context, compared, function.thresholds.clone())?),
    };
    let values = values(builder, context, "values", function.values.clone())?;
    Ok(ComparatorKernel {
        elements: context.node.tensor.len(),
        comparisons,
        compared,
        thresholds,
        values,
    })
}

fn search(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    function: &ThresholdFunction,
) -> Result<SearchKernel, HlsError> {
    let levels = function.levels();
    let compared = compared(builder, context, &function.thresholds)?;
    let padded = |codes: &[BigInt], count: usize| -> Vec<BigInt> {
        let last = codes.iter().last().into_iter().cycle();
        codes.iter().chain(last).take(count).cloned().collect()
    };
    let all = 1_usize << levels;
    let thresholds = thresholds(builder, context, compared, padded(&function.thresholds, all - 1))?;
    let values = values(builder, context, "values", padded(&function.values, all))?;
    let (elements, count) = (context.node.tensor.len(), function.thresholds.len());
    Ok(SearchKernel { elements, levels, count, compared, thresholds, values })
}

fn table(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    function: &ThresholdFunction,
    index: &Index,
) -> Result<TableKernel, HlsError> {
    let fraction = context.operand.tensor.format.fractional_bits();
    let limits: Vec<BigInt> = std::iter::once(&index.base).chain(&index.high).cloned().collect();
    let compared = compared(builder, context, &limits)?;
    let limit = |holds, code: &BigInt| builder.number(context, holds, compared, code.clone());
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
        .map_err(context.too_wide("the index of its table"))?;
    let indices = Range::new(0, index.entries - 1);
    let offset = builder.local_type(context, "offset", "table indices", format, indices);
    let entries = (0..index.entries).map(|entry| {
        let code = &index.base + (BigInt::from(entry) << index.dropped);
        function.at(&code).clone()
    });
    let values = values(builder, context, "values by index", entries.collect())?;
    Ok(TableKernel {
        elements: context.node.tensor.len(),
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

/// A type that holds both the operand and `codes`.
fn compared(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    codes: &[BigInt],
) -> Result<TypeId, HlsError> {
    let operand = &context.operand.tensor;
    let mut all = operand.format.codes();
    for code in codes {
        all = all.hull(&Range::point(code.clone()));
    }
    let format = Format::covering(&all, operand.format.fractional_bits())
        .map_err(context.too_wide("the comparison with its thresholds"))?;
    Ok(builder.local_type(context, "compare", "compared values", format, operand.range()))
}

fn thresholds(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    compared: TypeId,
    codes: Vec<BigInt>,
) -> Result<ConstantId, HlsError> {
    let codes = Codes::from_big(Array1::from(codes).into_dyn());
    builder.constant_of(context, "threshold", "thresholds", compared, codes)
}

fn values(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    holds: &'static str,
    codes: Vec<BigInt>,
) -> Result<ConstantId, HlsError> {
    let fraction = context.node.tensor.format.fractional_bits();
    let values = ir::Constant::of_codes(Array1::from(codes).into_dyn(), fraction)
        .map_err(context.too_wide("its values"))?;
    builder.constant(context, "value", holds, &values)
}
