//! Piecewise constant functions: their boundaries on the operand's grid.

use num_bigint::BigInt;
use num_traits::ToPrimitive;

use super::LowerError;
use super::activation::Place;
use super::builder::Builder;
use super::parameters::list;
use crate::ir::{Constant, ConstantError, NodeId, Op, Steps, Tensor};
use crate::quantizer::Quantizer;

/// The most steps: those of a quantizer of 16 bits. Each takes an entry of a table or a boundary.
pub(super) const MOST_STEPS: usize = 1 << 16;

/// `quantizer` of `x` as steps: their boundaries are those codes of `x` at which the function's
/// value changes, found by bisection over the codes that can occur.
pub(super) fn lower(
    builder: &mut Builder<'_>,
    place: Place<'_>,
    part: &str,
    x: NodeId,
    quantizer: &Quantizer,
) -> Result<NodeId, LowerError> {
    let operand = builder.tensor(x).clone();
    let fraction = operand.format.fraction();
    let interval = operand.interval();
    let value =
        |code: &BigInt| quantizer.apply(libm::ldexp(code.to_f64().unwrap_or(f64::NAN), -fraction));
    let mut steps = Bisection { value: &value, boundaries: vec![], values: vec![] };
    let (low, high) = (interval.low().clone(), interval.high().clone());
    let (first, last) = (value(&low), value(&high));
    steps.values.push(first);
    let found = steps.search((low, first), (high, last));
    let too_many = || LowerError::Steps {
        layer: place.layer.into(),
        quantizer: quantizer.to_string(),
        limit: MOST_STEPS,
    };
    found.ok_or_else(too_many)?;

    let values = ndarray::Array1::from_vec(steps.values).into_dyn();
    let values = Constant::covering(values.view()).map_err(|error| match error {
        ConstantError::NotFinite(value) => {
            LowerError::NotFinite { layer: place.layer.into(), part: "activation", value }
        }
        ConstantError::Format(error) => place.format_error("activation")(error),
    })?;
    let boundaries = Constant { codes: list(steps.boundaries), format: operand.format };
    let reached = values.codes.interval().unwrap_or_else(|| values.format.codes());
    let tensor = Tensor { shape: operand.shape, format: values.format, channels: vec![reached] };
    Ok(builder.add(place.layer, part, Op::Steps(Steps { boundaries, values }), x, tensor))
}

struct Bisection<'f> {
    value: &'f dyn Fn(&BigInt) -> f64,
    boundaries: Vec<BigInt>,
    values: Vec<f64>,
}

impl Bisection<'_> {
    /// Notes every code after `low` up to `high` at which a monotone function changes; `None` when
    /// there are too many.
    fn search(&mut self, low: (BigInt, f64), high: (BigInt, f64)) -> Option<()> {
        // A stack instead of recursion: the left half is searched first, so boundaries ascend.
        let mut waiting = vec![(low, high)];
        while let Some((low, high)) = waiting.pop() {
            if low.1 == high.1 {
                continue;
            }
            let distance: BigInt = &high.0 - &low.0;
            if distance == BigInt::from(1) {
                if self.values.len() == MOST_STEPS {
                    return None;
                }
                self.boundaries.push(high.0);
                self.values.push(high.1);
                continue;
            }
            let middle: BigInt = &low.0 + (distance >> 1u32);
            let middle = (middle.clone(), (self.value)(&middle));
            waiting.push((middle.clone(), high));
            waiting.push((low, middle));
        }
        Some(())
    }
}
