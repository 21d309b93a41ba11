//! Rectifiers: a line below some number.

use serde::Serialize;

use super::super::build::{Builder, Site};
use super::super::form::Scaling;
use super::super::{HlsError, Multipliers, Number, Operations, TypeId};
use super::powers::{Factors, factors};
use crate::fixed::{Format, Range};
use crate::ir;

/// `output[n] = input[n]` from `threshold` on, `input[n] · slope + offset` below.
#[derive(Clone, Debug, Serialize)]
pub struct Leaky {
    /// How many elements.
    pub elements: usize,
    /// Holds operand and threshold.
    pub compared: TypeId,
    /// The smallest value that passes.
    pub threshold: Number,
    /// The slopes.
    pub slopes: Factors,
    /// Which of them is that of element `n`.
    pub by: Slopes,
    /// What is added below the threshold.
    pub offset: Option<Number>,
    /// What a sample takes.
    pub operations: Operations,
}

/// How many slopes there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Slopes {
    /// One.
    One,
    /// One for each of so many channels, the last axis.
    Channels(usize),
    /// One for each element.
    Elements,
}

pub(super) fn build(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    op: &ir::Leaky,
) -> Result<(Leaky, Option<Multipliers>), HlsError> {
    let (operand, result) = (&site.operand.tensor, &site.node.tensor);
    let elements = result.len();
    let by = match op.slopes.codes.len() {
        1 => Slopes::One,
        n if n == elements => Slopes::Elements,
        n if n == result.channel_count() => Slopes::Channels(n),
        _ => return Err(site.broken("another number of slopes than of elements or channels")),
    };

    // A threshold that no code reaches compares as the nearest one beyond them does.
    let codes = operand.format.codes();
    let from = op.threshold.clone().clamp(codes.low().clone(), codes.high() + 1);
    let held = codes.hull(&Range::point(from.clone()));
    let format = Format::covering(&held, operand.format.fraction())
        .map_err(site.too_wide("the comparison with its threshold"))?;
    let compared =
        builder.local_type(site, "compare", "values as compared", format, operand.range());
    let threshold = builder.number(site, "threshold", compared, from)?;

    let slopes = factors(builder, site, ("slope", "slopes"), &op.slopes)?;
    let offset = match &op.bias {
        None => None,
        Some(offset) => {
            let code = offset.codes.get(0).unwrap_or_default();
            let range = Range::point(code.clone());
            let element = builder.local_type(site, "offset", "offset", offset.format, range);
            Some(builder.number(site, "offset", element, code)?)
        }
    };

    let operations = Scaling::operations_of_leaky(op, result);
    let multipliers = (operations.multiplications > 0).then_some(Multipliers {
        products: elements as u64,
        nontrivial_products: operations.multiplications,
        reuse_factor: 1,
        limit: elements as u64,
        operand_width: operand.format.width(),
        constant_width: op.slopes.format.width(),
    });
    let leaky = Leaky { elements, compared, threshold, slopes, by, offset, operations };
    Ok((leaky, multipliers))
}
