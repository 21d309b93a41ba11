//! Operations on elements of several tensors.

use num_bigint::BigInt;

use super::Tensor;
use crate::fixed::{Format, Range};

/// What becomes of the elements that stand at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Merge {
    /// Their sum.
    Add,
    /// The first minus the second.
    Subtract,
    /// The product of two.
    Multiply,
    /// The largest.
    Maximum,
    /// The smallest.
    Minimum,
}

impl Merge {
    /// Its name, as tables and graphs show it.
    pub fn name(self) -> &'static str {
        match self {
            Merge::Add => "add",
            Merge::Subtract => "subtract",
            Merge::Multiply => "multiply",
            Merge::Maximum => "maximum",
            Merge::Minimum => "minimum",
        }
    }

    /// Whether it takes this many operands.
    pub fn takes(self, operands: usize) -> bool {
        match self {
            Merge::Subtract | Merge::Multiply => operands == 2,
            Merge::Add | Merge::Maximum | Merge::Minimum => operands >= 2,
        }
    }

    /// The exact result, in the narrowest format.
    ///
    /// # Errors
    /// If the operands differ in their shapes, or no format holds the result.
    pub fn result(self, operands: &[&Tensor]) -> Result<Tensor, String> {
        let [first, others @ ..] = operands else { return Err("it takes nothing".into()) };
        if others.iter().any(|other| other.shape != first.shape) {
            return Err("its operands differ in their shapes".into());
        }
        if !self.takes(operands.len()) {
            return Err(format!("{} does not take {} operands", self.name(), operands.len()));
        }
        let fractions = operands.iter().map(|x| i64::from(x.format.fraction()));
        let fraction: i64 = match self {
            Merge::Multiply => fractions.sum(),
            _ => fractions.max().unwrap_or_default(),
        };
        let fraction = i32::try_from(fraction).map_err(|_| "its binary point is out of reach")?;
        let channels = match operands.iter().all(|x| x.channels.len() == 1) {
            true => 1,
            false => first.channel_count(),
        };
        let of = |channel: usize| {
            let codes = |x: &&Tensor| {
                let own = x.range_of(channel);
                match self {
                    Merge::Multiply => own.clone(),
                    _ => own.refined(fraction.abs_diff(x.format.fraction())),
                }
            };
            operands.iter().map(codes).reduce(|a, b| self.range(&a, &b))
        };
        let channels: Vec<Range> = (0..channels).filter_map(of).collect();
        let shape = first.shape.clone();
        let mut tensor = Tensor { shape, format: first.format, channels };
        tensor.format = Format::covering(&tensor.range(), fraction)
            .map_err(|error| format!("its result fits no format: {error}"))?;
        Ok(tensor)
    }

    /// What two ranges at one binary point become.
    fn range(self, a: &Range, b: &Range) -> Range {
        let (low, high) = ((a.low(), b.low()), (a.high(), b.high()));
        match self {
            Merge::Add => a + b,
            Merge::Subtract => a + &-b,
            Merge::Maximum => Range::new(low.0.max(low.1).clone(), high.0.max(high.1).clone()),
            Merge::Minimum => Range::new(low.0.min(low.1).clone(), high.0.min(high.1).clone()),
            Merge::Multiply => {
                let corners: [BigInt; 4] =
                    [low.0 * low.1, low.0 * high.1, high.0 * low.1, high.0 * high.1];
                let [first, others @ ..] = corners;
                let point = Range::point(first);
                others.into_iter().fold(point, |all, corner| all.hull(&Range::point(corner)))
            }
        }
    }
}
