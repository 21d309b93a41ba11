//! Limits from below and above.

use ndarray::ArrayD;
use num_bigint::BigInt;

use super::{Effect, Evaluate, OpError, Operand, Operation, ensure, limit_as_word, single};
use crate::fixed::{Range, Word};
use crate::ir::Tensor;
use crate::ir::text::{Described, described};

/// `y = min(max(x, low), high)`, with the fractional bits of x. A side without a limit is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clamp {
    /// Smallest code of the result.
    pub low: Option<BigInt>,
    /// Largest code of the result.
    pub high: Option<BigInt>,
}

described!("clamp", Clamp { low, high });

impl Operation for Clamp {
    fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError> {
        let x = single(self.name(), operands)?;
        let limits = self.low.as_ref().zip(self.high.as_ref());
        ensure(
            limits.is_none_or(|(low, high)| low <= high),
            "its lower limit exceeds its upper one",
        )?;
        let limited = |code: &BigInt| {
            let code = self.low.as_ref().map_or(code, |low| code.max(low));
            self.high.as_ref().map_or(code, |high| code.min(high)).clone()
        };
        let ranges = x.ranges.iter().map(|x| Range::new(limited(x.low()), limited(x.high())));
        Tensor::covering(x.shape.clone(), x.format.fractional_bits(), ranges.collect())
            .map_err(OpError::format("limited result"))
    }

    fn is_uniform(&self) -> bool {
        true
    }

    fn effect(&self, _: usize) -> Effect {
        Effect::Selects
    }
}

impl Evaluate for Clamp {
    fn evaluate<W: Word>(&self, operands: &[Operand<'_>], _: &Tensor) -> Option<ArrayD<W>> {
        let x = operands.first()?;
        let low = limit_as_word(self.low.as_ref())?;
        let high = limit_as_word(self.high.as_ref())?;
        Some(W::view(x.codes)?.map(|code: &W| {
            let code = low.as_ref().map_or(code, |low| code.max(low));
            high.as_ref().map_or(code, |high| code.min(high)).clone()
        }))
    }
}
