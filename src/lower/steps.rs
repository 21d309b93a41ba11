//! Piecewise constant functions: their thresholds on the operand's grid.

use num_bigint::BigInt;

use super::LowerError;
use super::activation::Place;
use super::builder::Builder;
use super::parameters::list;
use super::result::{TypedResult, held, overflowing, unlimited};
use crate::fixed::{Quantization, Range, cast_real, ceil_code, changes, code_value};
use crate::ir::{Constant, NodeId, StepFunction};

/// The most steps of a function: one for each code of 16 bits.
pub(super) const MOST_STEPS: usize = 1 << 16;

/// A function of real numbers, to be tabulated.
pub(super) struct Curve<'f> {
    /// What it is called in messages.
    pub(super) name: String,
    /// Its value; a monotone function between two turns.
    pub(super) value: &'f dyn Fn(f64) -> f64,
    /// Ascending; see [`crate::quantizer::Quantizer::breakpoints`].
    pub(super) turns: Vec<f64>,
    /// What its values are cast to; `None` where they lie on a grid of their own.
    pub(super) to: Option<Quantization>,
}

/// `curve` of `x` as steps: their thresholds are those codes of `x` at which the function's value
/// changes, found by bisection over the codes that can occur, in each stretch between two turns.
pub(super) fn lower(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    part: &str,
    x: NodeId,
    curve: &Curve<'_>,
) -> Result<NodeId, LowerError> {
    let operand = builder.tensor(x).clone();
    let fraction = operand.format.fractional_bits();
    let grid = Grid { fraction, range: operand.range(), turns: &curve.turns };
    let value = |code: &BigInt| (curve.value)(code_value(code, fraction));
    let too_many = || LowerError::Steps {
        layer: place.layer.into(),
        function: curve.name.clone(),
        limit: MOST_STEPS,
    };
    let not_finite =
        |value| LowerError::NotFinite { layer: place.layer.into(), part: "activation", value };
    let mut overflow = None;
    let (thresholds, values) = match &curve.to {
        None => {
            let (thresholds, values) = grid.steps(value).ok_or_else(too_many)?;
            let values = ndarray::Array1::from_vec(values).into_dyn();
            let values =
                Constant::covering(values.view()).map_err(|error| place.constant_error(error))?;
            (thresholds, values)
        }
        Some(to) => {
            let unlimited = unlimited(to).map_err(place.format_error("activation"))?;
            // An exponential may exceed the doubles, and any type long before.
            let finite = |code: &BigInt| value(code).clamp(f64::MIN, f64::MAX);
            // What wraps around is not monotone: bisection goes by what is cast.
            let both = |code: &BigInt| {
                let value = finite(code);
                Some((cast_real(value, &unlimited)?, cast_real(value, to)?))
            };
            let (thresholds, codes) = grid.steps(both).ok_or_else(too_many)?;
            let codes: Option<Vec<_>> = codes.into_iter().collect();
            let codes = codes.ok_or_else(|| not_finite(f64::NAN))?;
            let exact = codes.iter().map(|(exact, _)| exact.clone());
            let starts = [grid.range.low().clone()].into_iter().chain(thresholds.iter().cloned());
            let held = held(to);
            let is_over = |code: &BigInt| code < held.low() || code > held.high();
            let over = overflowing(starts.zip(exact.clone()), grid.range.high(), is_over);
            let ends = exact.clone().min().zip(exact.max());
            let reached = ends.map(|(low, high)| Range::new(low, high));
            overflow = reached.map(|reached| (reached, over, to));
            let codes = codes.into_iter().map(|(_, code)| code);
            let (thresholds, codes) = merged(thresholds, codes);
            (thresholds, Constant { codes: list(codes), format: to.format })
        }
    };
    let thresholds = Constant { codes: list(thresholds), format: operand.format };
    let node = builder.add(place.layer, part, StepFunction { thresholds, values }, x)?;
    if let Some((reached, over, to)) = overflow {
        let entry = TypedResult::of_activation(builder, place, &curve.name);
        let entry = TypedResult { to: Some(*to), ..entry };
        entry.warn(builder, node, (&reached, to.format.fractional_bits()), over);
    }
    Ok(node)
}

/// StepFunction without those that change nothing.
fn merged(
    thresholds: Vec<BigInt>,
    mut values: impl Iterator<Item = BigInt>,
) -> (Vec<BigInt>, Vec<BigInt>) {
    let mut kept = (Vec::new(), Vec::from_iter(values.next()));
    for (threshold, value) in thresholds.into_iter().zip(values) {
        if kept.1.last() != Some(&value) {
            kept.0.push(threshold);
            kept.1.push(value);
        }
    }
    kept
}

/// The codes on which a function is asked.
struct Grid<'f> {
    fraction: i32,
    range: Range,
    turns: &'f [f64],
}

impl Grid<'_> {
    /// The thresholds of a function's steps and their values; `None` where they are too many.
    fn steps<V: PartialEq + Clone>(
        &self,
        value: impl Fn(&BigInt) -> V,
    ) -> Option<(Vec<BigInt>, Vec<V>)> {
        let (low, high) = (self.range.low(), self.range.high());
        let turns = self.turns.iter().filter_map(|turn| ceil_code(*turn, self.fraction));
        let mut starts: Vec<BigInt> = turns.filter(|code| code > low && code <= high).collect();
        starts.dedup();
        let ends = starts.iter().map(|start| start - BigInt::from(1)).chain([high.clone()]);
        let mut found = Found { thresholds: vec![], values: vec![value(low)] };
        for (start, end) in [low.clone()].iter().chain(&starts).zip(ends) {
            found.note(start, &value(start))?;
            for (code, value) in changes(start.clone(), end, MOST_STEPS, &value)? {
                found.note(&code, &value)?;
            }
        }
        Some((found.thresholds, found.values))
    }
}

/// StepFunction found so far.
struct Found<V> {
    thresholds: Vec<BigInt>,
    values: Vec<V>,
}

impl<V: PartialEq + Clone> Found<V> {
    /// From `code` on the value is this one; `None` when there are too many steps.
    fn note(&mut self, code: &BigInt, value: &V) -> Option<()> {
        if self.values.last() == Some(value) {
            return Some(());
        }
        self.thresholds.push(code.clone());
        self.values.push(value.clone());
        (self.values.len() <= MOST_STEPS).then_some(())
    }
}
