//! The kernels: an operation of the graph becomes the body of a C++ function.
//!
//! A kernel is a struct with what its template prints, and a function that builds it and its
//! [`Structure`], from which the planner decides how it runs. A new operation takes a file here,
//! an arm of [`Body`] and of [`build`], an arm in `back/kernels.rs`, and a template.

mod accumulate;
mod elementwise;
mod linear;
mod lookup;
mod phases;
mod pool;
mod scaling;
mod softmax;
mod steps;

use serde::Serialize;

pub use accumulate::AccumulateKernel;
pub use elementwise::{
    ChannelCastKernel, ClampKernel, ConcatKernel, ConcatOperand, ElementwiseKernel, GatherKernel,
};
pub use linear::{LinearKernel, ShiftedSums, Terms, Windows};
pub use lookup::LookupKernel;
pub use pool::PoolKernel;
pub use scaling::{
    AffineKernel, Bias, FactorSigns, Factors, LeakyKernel, RightShift, Shifter, SignCodes, Slopes,
};
pub use softmax::{ExpTable, SoftmaxKernel};
pub use steps::{ComparatorKernel, SearchKernel, TableKernel, Thresholds};

use super::build::NodeBuilder;
use super::plan::{Nest, Structure, Tiles};
use super::{Cost, HlsError, Multipliers, TypeId};
use crate::ir::Op;

/// The computation of a kernel. Templates print it and decide nothing.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// A weight matrix, applied to rows or windows.
    Linear(LinearKernel),
    /// A weight matrix whose inputs come some at a time.
    Accumulate(AccumulateKernel),
    /// A scale and a bias.
    Affine(AffineKernel),
    /// `output[n] = input[n]`, rounded and limited by the output's type.
    Cast,
    /// A cast to a type per channel.
    ChannelCast(ChannelCastKernel),
    /// A clamp.
    Clamp(ClampKernel),
    /// A leaky ReLU.
    Leaky(LeakyKernel),
    /// `output[n] = input[n]` · factor, a power of two: the same bits with another binary point.
    Scale(Factors),
    /// A step function, as comparators.
    Comparators(ComparatorKernel),
    /// A step function, as a lookup table.
    Table(TableKernel),
    /// A step function, as a binary search.
    Search(SearchKernel),
    /// Rows of a table by index.
    Lookup(LookupKernel),
    /// Softmax by lookup tables.
    Softmax(SoftmaxKernel),
    /// The largest element or the sum of windows.
    Pool(PoolKernel),
    /// Elements by index.
    Gather(GatherKernel),
    /// Concatenated operands.
    Concat(ConcatKernel),
    /// Arithmetic of several operands, element by element.
    Elementwise(ElementwiseKernel),
}

impl Body {
    /// The inputs and outputs of a tile of its weight matrix, and the tiles; `None` without one.
    pub fn tiles(&self) -> Option<(usize, usize, Tiles)> {
        match self {
            Self::Linear(it) => Some((it.tile_inputs(), it.tile_outputs(), it.tiles)),
            Self::Accumulate(it) => Some((it.tile_inputs(), it.tile_outputs(), it.tiles)),
            Self::Affine(_)
            | Self::Cast
            | Self::ChannelCast(_)
            | Self::Clamp(_)
            | Self::Leaky(_)
            | Self::Scale(_)
            | Self::Comparators(_)
            | Self::Table(_)
            | Self::Search(_)
            | Self::Lookup(_)
            | Self::Pool(_)
            | Self::Softmax(_)
            | Self::Gather(_)
            | Self::Concat(_)
            | Self::Elementwise(_) => None,
        }
    }
}

/// A kernel before it is planned.
pub(super) struct Built {
    pub(super) body: Body,
    pub(super) structure: Structure,
    /// The type of its result.
    pub(super) element: TypeId,
    pub(super) cost: Cost,
    pub(super) multipliers: Option<Multipliers>,
    /// Clock cycles of an iteration, in which operators may be shared.
    pub(super) interval: u64,
    /// The p for which every element of the result is ± 2^p, both occurring.
    pub(super) sign_power: Option<i32>,
}

impl Built {
    /// A kernel with these loops and without multipliers by constants, which reads a row of its
    /// operand at most in an iteration and partitions its constants.
    pub(super) fn new(cx: &mut NodeBuilder<'_>, body: Body, nest: Nest, element: TypeId) -> Self {
        let constants = cx.constants().map(|(id, _)| (id, None)).collect();
        let structure = Structure { constants, ..Structure::new(nest) };
        let cost = cx.cost();
        Self { body, structure, element, cost, multipliers: None, interval: 1, sign_power: None }
    }
}

/// Tells whether `op` is no kernel but another name of its operand's array.
pub(super) fn is_alias(op: &Op) -> bool {
    matches!(op, Op::Reshape(_))
}

pub(super) use accumulate::build as build_accumulate;
pub(super) use elementwise::{gather_partitions, run_of_banks};
pub(super) use phases::{Phases, build as build_phases};

/// The kernel that computes `op`.
pub(super) fn build(cx: &mut NodeBuilder<'_>, op: &Op) -> Result<Built, HlsError> {
    match op {
        Op::Linear(op) => linear::build(cx, op),
        Op::Conv(op) => linear::build_windows(cx, op),
        Op::Affine(op) => scaling::build_affine(cx, op),
        Op::Leaky(op) => scaling::build_leaky(cx, op),
        Op::Scale(op) => scaling::build_scale(cx, op),
        Op::Cast(op) => elementwise::build_cast(cx, op),
        Op::Clamp(op) => elementwise::build_clamp(cx, op),
        Op::Elementwise(op) => elementwise::build_elementwise(cx, *op),
        Op::Gather(op) => Ok(elementwise::build_gather(cx, op)),
        Op::Concat(op) => Ok(elementwise::build_concat(cx, op)),
        Op::StepFunction(op) => steps::build(cx, op),
        Op::Lookup(op) => lookup::build(cx, op),
        Op::Softmax(op) => softmax::build(cx, op),
        Op::Pool(op) => pool::build(cx, op),
        // A recurrent layer is a process of several kernels.
        Op::Input(_) | Op::Reshape(_) | Op::Scan(_) => {
            Err(cx.broken("is no operation that computes"))
        }
    }
}
