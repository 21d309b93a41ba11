//! Windows without weights.

use serde::Serialize;

use super::{Body, Built};
use crate::hls::build::NodeBuilder;
use crate::hls::plan::{LocalArray, Nest, Partition, Reads};
use crate::hls::{HlsError, Number, TypeId};
use crate::ir::{self, PoolKind};

/// The largest element or the sum of each window, for each channel.
#[derive(Clone, Debug, Serialize)]
pub struct PoolKernel {
    /// The windows.
    pub window: ir::Window,
    /// Channels of operand and result.
    pub channels: usize,
    /// The least code of the operand, the value of padding and the initial maximum; none for a sum.
    pub lowest: Option<Number>,
    /// The type of the intermediate maximum or sum.
    pub element: TypeId,
}

impl PoolKernel {
    /// The levels of a balanced tree of comparisons over the taps of a channel: the pairs of each, and
    /// the distance from the first to the second of a pair.
    pub fn levels(&self) -> Vec<(usize, usize)> {
        let taps = std::iter::successors(Some(self.window.taps()), |left| Some(left.div_ceil(2)));
        taps.take_while(|left| *left > 1).map(|left| (left / 2, left.div_ceil(2))).collect()
    }
}

/// The most taps of a channel that one iteration reads in sequence.
const MOST_READS: usize = 64;

pub(super) fn build(cx: &mut NodeBuilder<'_>, op: &ir::Pool) -> Result<Built, HlsError> {
    let result = cx.values_type();
    let (x, y) = (&cx.operand.tensor, &cx.node.tensor);
    let (window, channels) = (op.window, x.channel_count());
    let mut cost = cx.cost();
    let (suffix, holds) = match op.kind {
        PoolKind::Max => ("largest", "largest so far"),
        PoolKind::Sum => ("sum", "sums"),
    };
    let element = cx.local_type(suffix, holds, y.format, y.range());
    let lowest = match op.kind {
        PoolKind::Sum => {
            let additions = |w| window.present(w).saturating_sub(1);
            let additions: usize = (0..window.windows()).map(additions).sum();
            cost.operations.additions = (additions * channels) as u64;
            None
        }
        PoolKind::Max => Some(cx.number("its lowest value", element, x.range().low().clone())?),
    };
    let kernel = PoolKernel { window, channels, lowest, element };
    // Windows, channels, taps. Loops over many taps of a memory are rolled.
    let ([rows, columns], [tap_rows, tap_columns]) = (window.output, window.kernel);
    let nest = Nest::new(&[rows, columns, channels, tap_rows, tap_columns]);
    let kept = Partition::new(x.len(), 1) != Partition::Complete && window.taps() > MOST_READS;
    let nest = Nest { least: if kept { 5 } else { 2 }, kept, ..nest };
    let mut built = Built::new(cx, Body::Pool(kernel), nest, result);
    // A bank is a channel.
    built.structure.reads = Reads::OneBank(3);
    if op.kind == PoolKind::Max && !kept {
        built.structure.arrays = vec![LocalArray::new("taps", window.taps(), window.taps())];
    }
    Ok(Built { cost, ..built })
}
