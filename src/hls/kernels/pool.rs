//! Windows without weights.

use serde::Serialize;

use super::{Body, Built, Structure};
use crate::hls::build::{Builder, NodeContext};
use crate::hls::plan::{Nest, Partition};
use crate::hls::{HlsError, Number, TypeId};
use crate::ir::{self, PoolKind};

/// The largest element or the sum of each window, for each channel.
#[derive(Clone, Debug, Serialize)]
pub struct PoolKernel {
    /// The windows.
    pub window: ir::Window,
    /// Set if a tap may lie in the padding, or between two elements.
    pub padded: bool,
    /// Channels of operand and result.
    pub channels: usize,
    /// The least code of the operand, the initial maximum; none for a sum.
    pub lowest: Option<Number>,
    /// The type of the intermediate maximum or sum.
    pub element: TypeId,
}

/// The most taps of a channel that one iteration reads in sequence.
const MOST_READS: usize = 64;

impl Structure for PoolKernel {
    /// Windows, channels, taps. Loops over many taps of a memory are rolled.
    fn nest(&self) -> Nest {
        let ([rows, columns], [tap_rows, tap_columns]) = (self.window.output, self.window.kernel);
        let nest = Nest::new(&[rows, columns, self.channels, tap_rows, tap_columns]);
        let operand = self.window.input[0] * self.window.input[1] * self.channels;
        let is_memory = Partition::new(operand, 1) != Partition::Complete;
        match is_memory && self.window.taps() > MOST_READS {
            false => nest.together(2),
            true => nest.keeping(5),
        }
    }

    /// A bank is a channel.
    fn bank_reads(&self, depth: usize, _banks: u64) -> u64 {
        self.window.kernel.iter().skip(depth.saturating_sub(3)).product::<usize>() as u64
    }
}

pub(super) fn build(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    op: &ir::Pool,
) -> Result<Built, HlsError> {
    let result = builder.values_type(context);
    let (x, y) = (&context.operand.tensor, &context.node.tensor);
    let (window, channels) = (op.window, x.channel_count());
    let mut cost = context.cost();
    let (suffix, holds) = match op.kind {
        PoolKind::Max => ("largest", "largest so far"),
        PoolKind::Sum => ("sum", "sums"),
    };
    let element = builder.local_type(context, suffix, holds, y.format, y.range());
    let lowest = match op.kind {
        PoolKind::Sum => {
            let additions = |w| window.present(w).saturating_sub(1);
            let additions: usize = (0..window.windows()).map(additions).sum();
            cost.operations.additions = (additions * channels) as u64;
            None
        }
        PoolKind::Max => {
            Some(builder.number(context, "its lowest value", element, x.range().low().clone())?)
        }
    };
    let kernel = PoolKernel { window, padded: window.is_padded(), channels, lowest, element };
    Ok(Built::new(Body::Pool(kernel), result, cost))
}
