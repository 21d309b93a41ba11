//! Maximum or sum of windows.

use ndarray::ArrayD;
use num_bigint::BigInt;
use num_traits::Signed;

use super::{Effect, Evaluate, OpError, Operand, Operation, ensure, flat, shaped, single};
use crate::fixed::{Format, Range, Word};
use crate::ir::text::{Attributes, Described, Parse, Printer, TextError};
use crate::ir::{Tensor, Window};

/// `y[w, c] = max_t x[tap t of window w, c]`, or the sum over t. Taps on padding do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Windows over the operand.
    pub window: Window,
    /// Function of the taps of a window.
    pub kind: PoolKind,
}

/// Function of the taps of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolKind {
    /// The largest tap.
    Max,
    /// The sum of the taps.
    Sum,
}

impl PoolKind {
    /// The name of pooling by this function.
    pub fn name(self) -> &'static str {
        match self {
            Self::Max => "max_pool",
            Self::Sum => "sum_pool",
        }
    }
}

impl Operation for Pool {
    fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError> {
        let x = single(self.name(), operands)?;
        ensure(self.window.fits(x), "its windows do not fit the shape of its operand")?;
        let present = (0..self.window.windows()).map(|window| self.window.present(window));
        let counts = present.clone().min().zip(present.max());
        let counts = counts.filter(|(fewest, _)| *fewest > 0);
        let (fewest, most) = counts.ok_or(OpError::mismatch("a window is empty"))?;
        let shape = self.window.result_shape(x, x.channel_count());
        let mut ranges: Vec<Range> = match x.ranges.len() {
            1 => x.ranges.clone(),
            _ => (0..x.channel_count()).map(|c| x.channel_range(c).into_owned()).collect(),
        };
        if self.kind == PoolKind::Max {
            return Ok(Tensor::new(shape, x.format, ranges));
        }
        let times = |code: &BigInt, is_low: bool| {
            code * if code.is_negative() == is_low { most } else { fewest }
        };
        for range in &mut ranges {
            *range = Range::new(times(range.low(), true), times(range.high(), false));
        }
        let mut sums = Tensor::new(shape, x.format, ranges);
        // Partial sums start at 0.
        sums.format = Format::covering(&sums.range().with_zero(), x.format.fractional_bits())
            .map_err(OpError::format("accumulator"))?;
        Ok(sums)
    }

    fn effect(&self, _: usize) -> Effect {
        match self.kind {
            PoolKind::Max => Effect::Selects,
            PoolKind::Sum => Effect::Sums { terms: self.window.taps() },
        }
    }
}

impl Evaluate for Pool {
    fn evaluate<W: Word>(&self, operands: &[Operand<'_>], result: &Tensor) -> Option<ArrayD<W>> {
        let x = operands.first()?;
        let codes = W::view(x.codes)?;
        let channels = x.tensor.channel_count();
        let (codes, samples) = flat(&codes, x.tensor)?;
        let mut y = Vec::with_capacity(samples * result.len());
        for sample in codes.chunks(x.tensor.len()) {
            for window in 0..self.window.windows() {
                for channel in 0..channels {
                    let taps = (0..self.window.taps()).filter_map(|tap| {
                        sample.get(self.window.source(window, tap)? * channels + channel).cloned()
                    });
                    y.push(match self.kind {
                        PoolKind::Max => taps.max()?,
                        PoolKind::Sum => taps.fold(W::zero(), |sum, tap| sum + tap),
                    });
                }
            }
        }
        shaped(y, samples, result)
    }
}

impl Described for Pool {
    fn name(&self) -> &'static str {
        self.kind.name()
    }

    fn print(&self, printer: &mut Printer<'_>) {
        printer.attribute("window", &self.window);
    }
}

impl Parse for Pool {
    const NAMES: &'static [&'static str] = &["max_pool", "sum_pool"];

    fn parse(name: &str, attributes: &mut Attributes<'_>) -> Result<Self, TextError> {
        let kind = if name == "max_pool" { PoolKind::Max } else { PoolKind::Sum };
        Ok(Self { window: attributes.attribute("window")?, kind })
    }
}
