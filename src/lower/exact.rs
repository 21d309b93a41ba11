//! Exact constants of real-valued parameters that no type cuts, and values too small to matter.
//!
//! Training leaves numbers such as 4.8e-33 in the weights of a dead unit. Next to a weight of 1 an
//! exact constant with both would be 130 bits wide. Values below 2^-[`NEGLIGIBLE`] of the largest are
//! then taken as 0, with a warning that bounds the effect. A parameter that is cast to a type needs
//! none of this: see [`cast_values`](super::parameters::cast_values).

use ndarray::ArrayD;

use super::builder::Builder;
use super::parameters::constant_error;
use super::{LowerError, LowerWarning};
use crate::fixed::{MAX_WIDTH, exp2};
use crate::ir::{Constant, ConstantError, NodeId};

/// Significant bits of real values without a shorter form: a float32 number of 24 bits that is
/// 2^[`NEGLIGIBLE`] times smaller than the largest keeps all of them, which is more than any
/// quantizer after it resolves.
pub(super) const SIGNIFICANT: u32 = 64;

/// A value is negligible if it is less than 2^-40 of the largest one.
const NEGLIGIBLE: i32 = 40;

/// Operand of a parameter.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reach {
    /// Nothing: it is added to the result.
    Bias,
    /// The result of a node; one value per channel, or a single one.
    Scale(NodeId),
    /// Any elements of the result of a node; the products of a dot product are added.
    Weights(NodeId),
}

impl Reach {
    /// Bound of the change of a result if the values `dropped` become 0.
    fn bound(self, builder: &Builder<'_>, dropped: &ArrayD<f64>) -> f64 {
        let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
        let magnitude = |node: NodeId, channel: Option<usize>| {
            let x = builder.tensor(node);
            let range = channel.map_or_else(|| x.range(), |c| x.channel_range(c).into_owned());
            let (low, high) = range.values(x.format.fractional_bits());
            low.abs().max(high.abs())
        };
        match self {
            Self::Bias => largest(&mut dropped.iter().map(|value| value.abs())),
            Self::Scale(node) => {
                let by_channel = dropped.len() > 1;
                let effect = |(channel, value): (usize, &f64)| {
                    value.abs() * magnitude(node, by_channel.then_some(channel))
                };
                largest(&mut dropped.iter().enumerate().map(effect))
            }
            // A kernel may have its outputs along any axis, so all values count.
            Self::Weights(node) => {
                magnitude(node, None) * dropped.iter().map(|value| value.abs()).sum::<f64>()
            }
        }
    }
}

/// `values` of `part` of `layer`, exact. Only if that takes more than 128 bits, negligible ones are
/// taken as 0.
pub(super) fn exact(
    builder: &mut Builder<'_>,
    layer: &str,
    part: &'static str,
    values: &ArrayD<f64>,
    reach: Reach,
) -> Result<Constant, LowerError> {
    let wide = |kept: &ArrayD<f64>| Constant::covering(kept.view());
    within(builder, (layer, part), values, reach, (MAX_WIDTH, &wide))
}

/// Real `values` of `part` of `layer`: exact if that takes at most [`SIGNIFICANT`] bits. Else
/// negligible ones are taken as 0, and the others are rounded to so many bits of the largest.
pub(super) fn real(
    builder: &mut Builder<'_>,
    layer: &str,
    part: &'static str,
    values: &ArrayD<f64>,
    reach: Reach,
) -> Result<Constant, LowerError> {
    let rounded = |kept: &ArrayD<f64>| Constant::nearest(kept.view(), SIGNIFICANT);
    within(builder, (layer, part), values, reach, (SIGNIFICANT, &rounded))
}

/// Makes a constant of values that are too wide to be exact.
type Wide<'f> = dyn Fn(&ArrayD<f64>) -> Result<Constant, ConstantError> + 'f;

/// `values`, exact if that takes at most `widest` bits, if need be without negligible ones; else `wide`
/// of the others.
fn within(
    builder: &mut Builder<'_>,
    (layer, part): (&str, &'static str),
    values: &ArrayD<f64>,
    reach: Reach,
    (widest, wide): (u32, &Wide<'_>),
) -> Result<Constant, LowerError> {
    let fits = |constant: &Constant| constant.format.width() <= widest;
    let constant = match Constant::covering(values.view()) {
        Ok(constant) if fits(&constant) => Ok(constant),
        Err(ConstantError::NotFinite(value)) => Err(ConstantError::NotFinite(value)),
        Ok(_) | Err(ConstantError::Format(_)) => {
            let kept = without_negligible(builder, (layer, part), values, reach);
            match Constant::covering(kept.view()) {
                Ok(constant) if fits(&constant) => Ok(constant),
                Ok(_) | Err(_) => wide(&kept),
            }
        }
    };
    constant.map_err(|error| constant_error(layer, part, error))
}

/// `values` with 0 for negligible ones, and a warning if there are any.
fn without_negligible(
    builder: &mut Builder<'_>,
    (layer, part): (&str, &'static str),
    values: &ArrayD<f64>,
    reach: Reach,
) -> ArrayD<f64> {
    let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let limit = largest * exp2(-NEGLIGIBLE);
    let dropped = values.mapv(|value| if value.abs() < limit { value } else { 0.0 });
    let count = dropped.iter().filter(|value| **value != 0.0).count();
    if count > 0 {
        let largest = dropped.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        // Two digits are shown, and the bound must stay one.
        let bound = reach.bound(builder, &dropped) * 1.05;
        let result = builder.settings.layer(layer).and_then(|settings| settings.result);
        let in_lsb = result.map(|to| (bound / to.format.lsb(), to));
        builder.warn(LowerWarning::Negligible {
            layer: layer.to_owned(),
            part,
            count,
            largest: format!("{largest:.1e}"),
            bound: match in_lsb {
                None => format!("{bound:.1e}"),
                Some((lsb, to)) => format!("{bound:.1e}, {lsb:.1e} LSB of {to}"),
            },
        });
    }
    values - &dropped
}
