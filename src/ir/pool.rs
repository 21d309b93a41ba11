//! Windows without weights.

use num_traits::Signed;

use super::{Tensor, Window};
use crate::fixed::{Format, Range};

/// For each channel, what the taps of a window give together. Taps that lie on nothing do not
/// count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The windows.
    pub window: Window,
    /// What becomes of their taps.
    pub kind: PoolKind,
}

/// What becomes of the taps of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolKind {
    /// The largest.
    Max,
    /// Their sum.
    Sum,
}

impl Pool {
    /// The exact result, in the narrowest format.
    ///
    /// # Errors
    /// If the windows do not fit `x`, one of them is empty, or no format holds the sums.
    pub fn result(&self, x: &Tensor) -> Result<Tensor, String> {
        if !self.window.fits(x) {
            return Err("its windows do not slide over its operand".into());
        }
        let present = (0..self.window.windows()).map(|window| self.window.present(window));
        let counts = present.clone().min().zip(present.max());
        let (fewest, most) = counts.filter(|(fewest, _)| *fewest > 0).ok_or("a window is empty")?;
        let mut tensor = x.clone();
        tensor.shape = self.window.result_shape(x, x.channel_count());
        if self.kind == PoolKind::Max {
            return Ok(tensor);
        }
        let times = |code: &num_bigint::BigInt, down: bool| {
            code * if code.is_negative() == down { most } else { fewest }
        };
        for range in &mut tensor.channels {
            *range = Range::new(times(range.low(), true), times(range.high(), false));
        }
        let all = tensor.range().with_zero();
        tensor.format = Format::covering(&all, x.format.fraction())
            .map_err(|error| format!("its sums fit no format: {error}"))?;
        Ok(tensor)
    }
}
