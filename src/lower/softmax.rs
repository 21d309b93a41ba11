//! Softmax by tables. What is computed stands at [`crate::ir::Softmax`]; here the tables are sized
//! and filled.
//!
//! With the default sizes a difference is known to 2^-9, which moves a probability by at most
//! 2^-9 / 3, an inverse to 2^-11 of itself, and entries to 2^-18: together below 2^-9.

use num_bigint::BigInt;

use super::activation::Place;
use super::builder::Builder;
use super::parameters::list;
use super::{LowerError, SoftmaxSettings, Warning};
use crate::fixed::{Codes, Format, Interval, Overflow, Quantization, Rounding, cast};
use crate::ir::{Constant, NodeId, Op, Softmax, Tensor, one_code};

/// Beyond this difference, 2^4, an exponential is below half a step of any sensible table.
const DIFFERENCE_BITS: i32 = 4;

pub(super) fn lower(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    x: NodeId,
) -> Result<NodeId, LowerError> {
    let settings = builder.settings.softmax_of(place.layer).clone();
    if settings.skip {
        if !builder.model.outputs.contains(&place.index) {
            return Err(LowerError::Skip { layer: place.layer.into() });
        }
        builder.warn(Warning::Skipped { layer: place.layer.into() });
        return Ok(x);
    }
    let operand = builder.tensor(x).clone();
    let softmax = tables(place, &settings, &operand)?;
    let one = cast(&BigInt::from(1), 0, &settings.result);
    let tensor = Tensor {
        shape: operand.shape,
        format: settings.result.format,
        channels: vec![Interval::new(0, one)],
    };
    Ok(builder.add(place.layer, place.part("softmax"), Op::Softmax(softmax), x, tensor))
}

fn tables(place: Place<'_>, settings: &SoftmaxSettings, x: &Tensor) -> Result<Softmax, LowerError> {
    let no_one = |name, table| LowerError::Table { layer: place.layer.into(), name, table };
    let error = place.format_error("softmax");

    let exp_index = exp_index(settings.exp_address, x).map_err(&error)?;
    let exp = |d: f64| libm::exp(-d);
    let exp_table = table(exp_index.format, settings.exp_table, exp);
    let Some(one) = one_code(settings.exp_table.format) else {
        return Err(no_one("exp_table", settings.exp_table));
    };

    let row = Interval::new(0, one * x.channel_count());
    let sum = Format::covering(&row, settings.exp_table.format.fraction()).map_err(&error)?;

    let index = Format::unsigned(settings.inverse_address, 0).map_err(&error)?;
    let inverse_index = Quantization::new(index, Rounding::Rnd, Overflow::Sat);
    let inverse = |f: f64| 1.0 / (1.0 + f);
    let inverse_table = table(index, settings.inverse_table, inverse);
    if one_code(settings.inverse_table.format).is_none() {
        return Err(no_one("inv_table", settings.inverse_table));
    }
    Ok(Softmax {
        exp_index,
        exp_table,
        sum,
        halvings: x.channel_count().ilog2(),
        inverse_index,
        inverse_table,
        rounding: settings.result.rounding,
        overflow: settings.result.overflow,
    })
}

/// The type that differences are cast to: as fine as the table allows, no finer than they are.
fn exp_index(address: u32, x: &Tensor) -> Result<Quantization, crate::fixed::FormatError> {
    let fraction = x.format.fraction();
    let interval = x.interval();
    let largest = Interval::new(0, interval.high() - interval.low());
    let needed = Format::covering(&largest, fraction)?.integer();
    let integer = needed.min(DIFFERENCE_BITS).max(1 - fraction);
    let finest = address.cast_signed() - integer;
    let width = integer + fraction.min(finest);
    let format = Format::unsigned(width.max(1).unsigned_abs(), integer)?;
    Ok(Quantization::new(format, Rounding::Rnd, Overflow::Sat))
}

/// `f` of every number of `index`, in type `entry`.
fn table(index: Format, entry: Quantization, f: impl Fn(f64) -> f64) -> Constant {
    let entries = (0..1_u64 << index.width()).map(|code| {
        // Doubles have 53 significant bits: as codes with 80 bits behind the point they are exact
        // wherever an entry can tell.
        let exact = f(code as f64 * index.lsb());
        let scaled = ndarray::arr0((libm::ldexp(exact, 80)).round()).into_dyn();
        let code = Codes::from_values(&scaled.view(), 0);
        let code = code.and_then(|codes| codes.iter().next()).unwrap_or_default();
        cast(&code, 80, &entry)
    });
    Constant { codes: list(entries.collect()), format: entry.format }
}
