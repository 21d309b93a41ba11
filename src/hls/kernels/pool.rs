//! Windows without weights.

use serde::Serialize;

use super::super::build::{Builder, Site};
use super::super::schedule::{Nest, Partition};
use super::super::{HlsError, Number, TypeId};
use crate::ir::{self, PoolKind};

/// The largest or the sum of each window's taps, for each channel.
#[derive(Clone, Debug, Serialize)]
pub struct Pool {
    /// How windows slide.
    pub window: ir::Window,
    /// Whether a tap can lie beyond the border, or between two elements.
    pub padded: bool,
    /// Channels of operand and result.
    pub channels: usize,
    /// The number that no element is below, for a maximum to begin with; none for a sum.
    pub lowest: Option<Number>,
    /// The elements' type in which they are put together.
    pub element: TypeId,
}

/// The most taps of a channel that are read one after the other within an iteration.
const MOST_READS: usize = 64;

impl Pool {
    /// How many elements of a channel, which is a bank where the operand is a memory, an iteration
    /// reads where `depth` loops stay.
    pub(super) fn reads_of_a_bank(&self, depth: usize) -> u64 {
        self.window.kernel.iter().skip(depth.saturating_sub(3)).product::<usize>() as u64
    }

    /// Its loops: over windows, over channels, over taps. Those over many taps of a memory stay.
    pub(super) fn nest(&self) -> Nest {
        let ([rows, columns], [tap_rows, tap_columns]) = (self.window.output, self.window.kernel);
        let nest = Nest::new(&[rows, columns, self.channels, tap_rows, tap_columns]);
        let operand = self.window.input[0] * self.window.input[1] * self.channels;
        let is_memory = Partition::of(operand, 1) != Partition::Complete;
        match is_memory && self.window.taps() > MOST_READS {
            false => nest.together(2),
            true => nest.keeping(5),
        }
    }
}

pub(super) fn build(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    op: &ir::Pool,
) -> Result<Pool, HlsError> {
    let (x, y) = (&site.operand.tensor, &site.node.tensor);
    let (suffix, holds) = match op.kind {
        PoolKind::Max => ("largest", "largest so far"),
        PoolKind::Sum => ("sum", "sums"),
    };
    let element = builder.local_type(site, suffix, holds, y.format, y.range());
    let lowest = match op.kind {
        PoolKind::Sum => None,
        PoolKind::Max => {
            Some(builder.number(site, "its lowest value", element, x.range().low().clone())?)
        }
    };
    let (window, channels) = (op.window, x.channel_count());
    Ok(Pool { window, padded: window.is_padded(), channels, lowest, element })
}
