//! Softmax by lookup tables: chooses the sizes, entries and types of a [`crate::ir::Softmax`].
//!
//! Exponentials have [`GUARD`] fractional bits more than probabilities. The error of an exponential
//! is half an LSB, and one LSB more for each table but the first; the reciprocal has a similar
//! error. Before rounding, a probability is off by some 2^-12 LSB. About one code in 4000 differs
//! from the exact one, by one LSB.

use std::collections::HashSet;

use petgraph::graph::NodeIndex;

use super::activation::NodeScope;
use super::builder::Builder;
use super::overflow::PrecisionOverflow;
use super::parameters::vector;
use super::{LowerError, LowerWarning, SoftmaxSettings};
use crate::fixed::{
    Format, FormatError, Overflow, Quantization, Range, Rounding, Signedness, cast_range,
    cast_real, fits,
};
use crate::ir::{Constant, NodeId, RangeAt, Softmax, Tensor, code_of_one, is_reciprocal};
use crate::model::{Activation, LayerKind, Model};

/// Format of probabilities by default.
const PROBABILITY: Format = Format::literal(Signedness::Unsigned, 16, 1);
/// Fractional bits of exponentials beyond those of probabilities.
const GUARD: i32 = 12;
/// Format of probabilities that other layers take: with all fractional bits of the exponentials,
/// only those layers' quantizers round.
const FINE: Format = Format::literal(Signedness::Unsigned, 28, 1);
/// Maximum number of fractional bits of table entries, close to what double precision holds.
const MAX_FRACTION: i32 = 48;
/// Maximum number of tables of an exponential. Differences x - max that need more are rounded.
const MAX_TABLES: u32 = 4;

pub(super) fn lower(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    x: NodeId,
) -> Result<NodeId, LowerError> {
    let settings = builder.settings.softmax_of(scope.layer).clone();
    if settings.skip {
        if !builder.model.outputs.contains(&scope.index) {
            return Err(LowerError::Skip { layer: scope.layer.into() });
        }
        builder.warn(LowerWarning::Skipped { layer: scope.layer.into() });
        return Ok(x);
    }
    let operand = builder.tensor(x).clone();
    let fine = is_computed_with(builder.model, scope.index);
    let result = settings.result.unwrap_or(rounded(if fine { FINE } else { PROBABILITY }));
    let softmax = tables(scope, &settings, result, &operand)?;
    let shown = settings.result.unwrap_or(rounded(PROBABILITY));
    let error = softmax.error_bound(operand.format.fractional_bits()) / shown.format.lsb();
    if error > 1.0 {
        let (layer, error_lsb) = (scope.layer.into(), error.ceil() as u64);
        builder.warn(LowerWarning::Coarse { layer, error_lsb, result: shown });
    }
    let node = builder.add(scope.layer, scope.suffix("softmax"), softmax.clone(), x)?;
    warn_of_overflow(builder, scope, node, &softmax, settings.result)?;
    Ok(node)
}

/// Warns if the configured type of the probabilities of `node` does not hold 0 to 1.
fn warn_of_overflow(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    node: NodeId,
    softmax: &Softmax,
    to: Option<Quantization>,
) -> Result<(), LowerError> {
    let (Some(precision), Some(one)) = (to, softmax.one()) else { return Ok(()) };
    let (range, fraction) = (Range::new(0, one), softmax.exponential.format.fractional_bits());
    if fits(&range, fraction, &precision) {
        return Ok(());
    }
    let unlimited = softmax.without_overflow().map_err(scope.format_error("softmax"))?;
    let above = Range::new(precision.held().high() + 1, unlimited.to.format.codes().high().clone());
    let layer = scope.layer.to_owned();
    let entry = if scope.is_fused { format!("{layer}_softmax") } else { layer.clone() };
    let nodes = vec![(builder.graph()[node].name.clone(), vec![above])];
    let variable = "result";
    let overflow = PrecisionOverflow { layer, entry, variable, precision, range, fraction, nodes };
    builder.warn_of_overflow(overflow);
    Ok(())
}

/// True if any layer computes with the result of layer `index`, directly or after layout
/// operations.
fn is_computed_with(model: &Model, index: NodeIndex) -> bool {
    // Branches that join again are visited once.
    let mut seen = HashSet::from([index]);
    let mut waiting = vec![index];
    while let Some(layer) = waiting.pop() {
        for reader in model.graph.neighbors(layer) {
            match &model.graph[reader].kind {
                LayerKind::Flatten
                | LayerKind::Identity
                | LayerKind::Layout(_)
                | LayerKind::Concatenate { .. }
                | LayerKind::Stack { .. }
                | LayerKind::Activation(Activation::Linear) => {
                    if seen.insert(reader) {
                        waiting.push(reader);
                    }
                }
                _ => return true,
            }
        }
    }
    false
}

fn tables(
    scope: NodeScope<'_>,
    settings: &SoftmaxSettings,
    result: Quantization,
    x: &Tensor,
) -> Result<Softmax, LowerError> {
    let wrong =
        |name, table, fault| LowerError::Table { layer: scope.layer.into(), name, table, fault };
    let error = scope.format_error("softmax");

    let fraction = match settings.result {
        Some(own) => (own.format.fractional_bits() + GUARD).clamp(GUARD, MAX_FRACTION),
        None => FINE.fractional_bits(),
    };
    let exponential = settings.exp_table.map_or_else(|| up_to_one(fraction), Ok);
    let exponential = exponential.map_err(&error)?;
    let Some(one) = code_of_one(exponential.format) else {
        return Err(wrong("exp_table", exponential, "cannot hold 1"));
    };
    let fraction = exponential.format.fractional_bits();
    if fraction > MAX_FRACTION {
        return Err(wrong("exp_table", exponential, "has more than 48 fractional bits"));
    }
    let address = settings.exp_address;
    let difference = difference(address, fraction, x).map_err(&error)?;

    let row = Range::new(0, one * x.channel_count());
    let sum = Format::covering(&row, fraction).map_err(&error)?;
    let norm_shift = x.channel_count().ilog2();

    let lines = settings.inverse_address;
    // The precision of the address, and two bits for the rounding of the entry.
    let entry = up_to_one(lines.cast_signed() + 2).map_err(&error)?;
    let entry = settings.inverse_table.unwrap_or(entry);
    if entry.format.fractional_bits() > MAX_FRACTION {
        return Err(wrong("inv_table", entry, "has more than 48 fractional bits"));
    }
    // The reciprocal of the middle of all mantissas with this address.
    let reciprocal_table =
        table(lines, entry, |address| 1.0 / (1.0 + libm::ldexp(address + 0.5, -(lines as i32))));
    let errors = Softmax::errors(&reciprocal_table, fraction + norm_shift.cast_signed());
    if !is_reciprocal(&errors) {
        return Err(wrong("inv_table", entry, "is too coarse for reciprocals from 1/2 to 1"));
    }
    // One fractional bit more than exponentials, because a reciprocal can be as small as 1/2.
    let covering = |(codes, from): &RangeAt| {
        let widest = Format::signed(128, 127 - fraction)?;
        let codes = cast_range(codes, *from, &rounded(widest));
        let format = Format::covering(&codes, widest.fractional_bits())?;
        Ok((codes, Quantization::new(format, Rounding::Rnd, Overflow::WRAP)))
    };
    let refine = || {
        let (errors, error) = covering(&errors)?;
        let corrections = Softmax::corrections(&(errors, error.format.fractional_bits()));
        let (corrections, correction) = covering(&corrections)?;
        let corrections = (corrections, correction.format.fractional_bits());
        let (_, reciprocal) = covering(&Softmax::reciprocals(&reciprocal_table, &corrections))?;
        Ok([error, correction, reciprocal])
    };
    let [error, correction, reciprocal] = refine().map_err(&error)?;
    Ok(Softmax {
        difference,
        exp_tables: exp_tables(address, difference.format, exponential),
        exponential,
        sum,
        norm_shift,
        reciprocal_table,
        error,
        correction,
        reciprocal,
        to: result,
    })
}

/// Rounds half up and saturates.
fn rounded(format: Format) -> Quantization {
    Quantization::new(format, Rounding::Rnd, Overflow::Sat)
}

/// Type of values from 0 to 1, rounded half up.
fn up_to_one(fraction: i32) -> Result<Quantization, FormatError> {
    let format = Format::unsigned((fraction + 1).max(1).unsigned_abs(), 1)?;
    Ok(Quantization::new(format, Rounding::Rnd, Overflow::WRAP))
}

/// Type of the differences x - max: exact within the address width of the tables. It saturates
/// where exponentials of `fraction` fractional bits are below half an LSB.
fn difference(address: u32, fraction: i32, x: &Tensor) -> Result<Quantization, FormatError> {
    let range = x.range();
    let largest = Range::new(0, range.high() - range.low());
    let needed = Format::covering(&largest, x.format.fractional_bits())?.integer_bits();
    let vanishing = f64::from(fraction + 1) * std::f64::consts::LN_2;
    let useful = libm::ilogb(vanishing.max(1.0)) + 1;
    let finest = x.format.fractional_bits().min(fraction + 1);
    let integer = needed.min(useful).max(1 - finest);
    let width = (integer + finest).unsigned_abs().clamp(1, MAX_TABLES * address);
    let format = Format::unsigned(width, integer)?;
    let exact = needed <= integer && x.format.fractional_bits() <= format.fractional_bits();
    let unrounded = Quantization::new(format, Rounding::Trn, Overflow::WRAP);
    Ok(if exact { unrounded } else { rounded(format) })
}

/// Tables whose product is exp(-d) for each value d of the format `difference`. As many as an
/// address width of `address` bits needs, all of about the same size.
fn exp_tables(address: u32, difference: Format, exponential: Quantization) -> Vec<Constant> {
    let count = difference.width().div_ceil(address);
    let mut below = difference.width();
    let table = |part: u32| {
        let lines = difference.width() / count + u32::from(part < difference.width() % count);
        below -= lines;
        let lsb = libm::ldexp(difference.lsb(), below.cast_signed());
        table(lines, exponential, |address| libm::exp(-address * lsb))
    };
    (0..count).map(table).collect()
}

/// The table of `f` over all addresses of `lines` bits, with entries of type `entry`.
fn table(lines: u32, entry: Quantization, f: impl Fn(f64) -> f64) -> Constant {
    let entries = (0..1_u64 << lines).map(|address| {
        cast_real(f(address as f64), &entry).expect("exponentials and reciprocals are finite")
    });
    Constant { codes: vector(entries.collect()), format: entry.format }
}
