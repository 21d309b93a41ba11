//! Pooling.

use super::{Activation, Sliding};
use crate::quantizer::Quantizer;

/// `activation` of what the elements of each window have together, for each channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// The windows; `None` for one over all positions.
    pub sliding: Option<Sliding>,
    /// What elements have together.
    pub kind: PoolKind,
    /// Whether the result of the window over all positions has axes of length 1 for them.
    pub keep_axes: bool,
    /// What is applied to it.
    pub activation: Activation,
}

/// What the elements along some axes of a sample have together.
#[derive(Clone, Debug, PartialEq)]
pub struct Reduce {
    /// The axes, ascending.
    pub axes: Vec<usize>,
    /// What elements have together.
    pub kind: PoolKind,
    /// Whether the result has axes of length 1 for them.
    pub keep_axes: bool,
}

/// What the elements of a window have together. Places beyond the borders are no elements.
#[allow(clippy::large_enum_variant, reason = "a network has few of them")]
#[derive(Clone, Debug, PartialEq)]
pub enum PoolKind {
    /// The largest.
    Max,
    /// The smallest.
    Min,
    /// Their sum.
    Sum,
    /// Their average.
    Average,
    /// Their average, times the number of a window's places, times what the quantizer makes of one
    /// divided by that number: QKeras' averages. At a border, where a window has fewer elements
    /// than places, the average is still one over the elements.
    QuantizedAverage(Quantizer),
}
