//! Softmax by tables. What is computed stands at [`crate::ir::Softmax`]; here the tables are sized
//! and filled, and the types between them chosen.
//!
//! Exponentials have [`GUARD`] bits more behind the point than probabilities. Each is off by half a
//! step and one more for each table but the first, and so is the reciprocal: a probability is off by
//! some 2^-12 of its own step before it is rounded. That gives it another code than the true one about
//! once in 4000 times, the next one then.

use std::collections::HashSet;

use petgraph::graph::NodeIndex;

use super::activation::NodeScope;
use super::builder::Builder;
use super::error::PrecisionOverflow;
use super::parameters::vector;
use super::{LowerError, LowerWarning, SoftmaxSettings};
use crate::fixed::{
    Format, FormatError, Overflow, Quantization, Range, Rounding, Signedness, cast_range,
    cast_real, fits,
};
use crate::ir::{Constant, NodeId, RangeAt, Softmax, Tensor, code_of_one, is_reciprocal};
use crate::model::{Activation, LayerKind, Model};

/// Probabilities where nothing is said: 0 to 1, to 2^-15.
const PROBABILITY: Format = Format::literal(Signedness::Unsigned, 16, 1);
/// Bits of exponentials behind the last one of a probability.
const GUARD: i32 = 12;
/// Probabilities that other layers take, quantizers among them, which so are the only ones to round:
/// all bits that exponentials have.
const FINE: Format = Format::literal(Signedness::Unsigned, 28, 1);
/// The most bits behind the point of an exponential: double precision tells few more.
const FINEST: i32 = 48;
/// The most tables that an exponential is made of. Distances that need more are rounded.
const TABLES: u32 = 4;

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
    let fine = computes_behind(builder.model, scope.index);
    let result = settings.result.unwrap_or(rounded(if fine { FINE } else { PROBABILITY }));
    let softmax = tables(scope, &settings, result, &operand)?;
    let shown = settings.result.unwrap_or(rounded(PROBABILITY));
    let steps = softmax.error_bound(operand.format.fractional_bits()) / shown.format.lsb();
    if steps > 1.0 {
        let steps = steps.ceil() as u64;
        builder.warn(LowerWarning::Coarse { layer: scope.layer.into(), steps, result: shown });
    }
    warn_of_overflow(builder, scope, &softmax, settings.result);
    builder.add(scope.layer, scope.suffix("softmax"), softmax, x)
}

/// Warns if the configured type of the probabilities does not hold 0 to 1.
fn warn_of_overflow(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    softmax: &Softmax,
    to: Option<Quantization>,
) {
    let (Some(precision), Some(one)) = (to, softmax.one()) else { return };
    let (range, fraction) = (Range::new(0, one), softmax.exponential.format.fractional_bits());
    if fits(&range, fraction, &precision) {
        return;
    }
    let layer = scope.layer.to_owned();
    let entry = if scope.is_fused { format!("{layer}_softmax") } else { layer.clone() };
    let (variable, nodes) = ("result", Vec::new());
    let overflow = PrecisionOverflow { layer, entry, variable, precision, range, fraction, nodes };
    builder.warn_of_overflow(overflow);
}

/// Whether anything computes with what layer `index` gives: all readers do but those that only move
/// numbers, whose own readers then count.
fn computes_behind(model: &Model, index: NodeIndex) -> bool {
    // Branches that meet again are walked once.
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
        Some(own) => (own.format.fractional_bits() + GUARD).clamp(GUARD, FINEST),
        None => FINE.fractional_bits(),
    };
    let exponential = settings.exp_table.map_or_else(|| up_to_one(fraction), Ok);
    let exponential = exponential.map_err(&error)?;
    let Some(one) = code_of_one(exponential.format) else {
        return Err(wrong("exp_table", exponential, "cannot hold 1"));
    };
    let fraction = exponential.format.fractional_bits();
    if fraction > FINEST {
        return Err(wrong("exp_table", exponential, "has more than 48 bits behind the point"));
    }
    let address = settings.exp_address;
    let difference = difference(address, fraction, x).map_err(&error)?;

    let row = Range::new(0, one * x.channel_count());
    let sum = Format::covering(&row, fraction).map_err(&error)?;
    let norm_shift = x.channel_count().ilog2();

    let lines = settings.inverse_address;
    // As many bits as the place of a seed tells, and two for its own rounding.
    let seed = up_to_one(lines.cast_signed() + 2).map_err(&error)?;
    let seed = settings.inverse_table.unwrap_or(seed);
    if seed.format.fractional_bits() > FINEST {
        return Err(wrong("inv_table", seed, "has more than 48 bits behind the point"));
    }
    // The middle of all mantissas that begin with these bits.
    let reciprocal_table =
        table(lines, seed, |address| 1.0 / (1.0 + libm::ldexp(address + 0.5, -(lines as i32))));
    let errors = Softmax::errors(&reciprocal_table, fraction + norm_shift.cast_signed());
    if !is_reciprocal(&errors) {
        return Err(wrong("inv_table", seed, "is too coarse for reciprocals from 1/2 to 1"));
    }
    // One bit more than exponentials, which a reciprocal from 1/2 on multiplies.
    let holding = |(codes, from): &RangeAt| {
        let widest = Format::signed(128, 127 - fraction)?;
        let codes = cast_range(codes, *from, &rounded(widest));
        let format = Format::covering(&codes, widest.fractional_bits())?;
        Ok((codes, Quantization::new(format, Rounding::Rnd, Overflow::WRAP)))
    };
    let refine = || {
        let (errors, error) = holding(&errors)?;
        let corrections = Softmax::corrections(&(errors, error.format.fractional_bits()));
        let (corrections, correction) = holding(&corrections)?;
        let corrections = (corrections, correction.format.fractional_bits());
        let (_, reciprocal) = holding(&Softmax::reciprocals(&reciprocal_table, &corrections))?;
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

/// Numbers from 0 to 1, rounded half up.
fn up_to_one(fraction: i32) -> Result<Quantization, FormatError> {
    let format = Format::unsigned((fraction + 1).max(1).unsigned_abs(), 1)?;
    Ok(Quantization::new(format, Rounding::Rnd, Overflow::WRAP))
}

/// The type that distances are cast to: as fine as they are, as far as the tables tell. Where
/// exponentials of `fraction` bits are below half a step, it saturates.
fn difference(address: u32, fraction: i32, x: &Tensor) -> Result<Quantization, FormatError> {
    let range = x.range();
    let largest = Range::new(0, range.high() - range.low());
    let needed = Format::covering(&largest, x.format.fractional_bits())?.integer_bits();
    let vanishing = f64::from(fraction + 1) * std::f64::consts::LN_2;
    let told = libm::ilogb(vanishing.max(1.0)) + 1;
    let finest = x.format.fractional_bits().min(fraction + 1);
    let integer = needed.min(told).max(1 - finest);
    let width = (integer + finest).unsigned_abs().clamp(1, TABLES * address);
    let format = Format::unsigned(width, integer)?;
    let exact = needed <= integer && x.format.fractional_bits() <= format.fractional_bits();
    let exactly = Quantization::new(format, Rounding::Trn, Overflow::WRAP);
    Ok(if exact { exactly } else { rounded(format) })
}

/// Exponentials of minus each code of `distance`, as products of tables of at most `address` lines
/// that are as small as their number allows.
fn exp_tables(address: u32, difference: Format, exponential: Quantization) -> Vec<Constant> {
    let count = difference.width().div_ceil(address);
    let mut below = difference.width();
    let table = |part: u32| {
        let lines = difference.width() / count + u32::from(part < difference.width() % count);
        below -= lines;
        let step = libm::ldexp(difference.lsb(), below.cast_signed());
        table(lines, exponential, |address| libm::exp(-address * step))
    };
    (0..count).map(table).collect()
}

/// `f` of each address, in type `entry`.
fn table(lines: u32, entry: Quantization, f: impl Fn(f64) -> f64) -> Constant {
    let entries = (0..1_u64 << lines).map(|address| {
        cast_real(f(address as f64), &entry).expect("exponentials and reciprocals are finite")
    });
    Constant { codes: vector(entries.collect()), format: entry.format }
}
