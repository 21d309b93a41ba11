//! The kernels: an operation of the graph becomes the body of a C++ function.
//!
//! A kernel is a struct with what its template prints, a function that builds it, and its
//! [`Structure`], from which the planner decides how it runs. A new operation takes a file here,
//! an arm of [`Body`], of its `structure` and of [`build`], a line in `back/kernels.rs`, and a
//! template.

mod elementwise;
mod linear;
mod lookup;
mod pool;
mod scaling;
mod softmax;
mod steps;

use serde::Serialize;

pub use elementwise::{
    CastKernel, ChannelCastKernel, ClampKernel, ConcatKernel, ConcatOperand, ElementwiseKernel,
    GatherKernel,
};
pub use linear::{
    LinearKernel, ProductTerms, ShiftTerms, ShiftedSums, SignTerms, Terms, Windows, XnorTerms,
};
pub use lookup::LookupKernel;
pub use pool::PoolKernel;
pub use scaling::{
    AffineKernel, Bias, FactorArray, FactorSigns, Factors, LeakyKernel, PowerFactors, RightShift,
    ScaleKernel, Shifter, SignCodes, Slopes,
};
pub use softmax::{ExpTable, SoftmaxKernel};
pub use steps::{ComparatorKernel, SearchKernel, TableKernel};

use super::build::{Builder, NodeContext};
use super::plan::{LocalArray, Nest};
use super::{ConstantId, Cost, HlsError, Multipliers, TypeId};
use crate::ir::Op;

/// The computation of a kernel. Templates print it and decide nothing.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// A weight matrix, applied to rows or windows.
    Linear(LinearKernel),
    /// A scale and a bias.
    Affine(AffineKernel),
    /// A cast.
    Cast(CastKernel),
    /// A cast to a type per channel.
    ChannelCast(ChannelCastKernel),
    /// A clamp.
    Clamp(ClampKernel),
    /// A leaky ReLU.
    Leaky(LeakyKernel),
    /// A factor that is a power of two.
    Scale(ScaleKernel),
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

/// The parts of a kernel that the planner decides about.
pub(super) trait Structure {
    /// Its loops.
    fn nest(&self) -> Nest;

    /// Elements of one bank of the first operand, which is split into `banks`, that an iteration
    /// reads where `depth` loops are rolled.
    fn bank_reads(&self, _depth: usize, _banks: u64) -> u64 {
        1
    }

    /// The constants to partition, each with the elements of a word where it is to be reshaped.
    /// Lookup tables are none of them: they are memories.
    fn constants(&self) -> Vec<(ConstantId, Option<u64>)> {
        Vec::new()
    }

    /// The arrays that the function declares.
    fn arrays(&self) -> Vec<LocalArray> {
        Vec::new()
    }

    /// Elements of a window that is copied to registers before it is read; 0 for none.
    fn window_len(&self) -> usize {
        0
    }

    /// Tells whether the size of an iteration follows from a reuse factor.
    fn is_tiled(&self) -> bool {
        false
    }
}

impl Body {
    /// The parts that the planner decides about.
    pub(super) fn structure(&self) -> &dyn Structure {
        match self {
            Self::Linear(kernel) => kernel,
            Self::Affine(kernel) => kernel,
            Self::Cast(kernel) => kernel,
            Self::ChannelCast(kernel) => kernel,
            Self::Clamp(kernel) => kernel,
            Self::Leaky(kernel) => kernel,
            Self::Scale(kernel) => kernel,
            Self::Comparators(kernel) => kernel,
            Self::Table(kernel) => kernel,
            Self::Search(kernel) => kernel,
            Self::Lookup(kernel) => kernel,
            Self::Softmax(kernel) => kernel,
            Self::Pool(kernel) => kernel,
            Self::Gather(kernel) => kernel,
            Self::Concat(kernel) => kernel,
            Self::Elementwise(kernel) => kernel,
        }
    }
}

/// A kernel before it is planned.
pub(super) struct Built {
    pub(super) body: Body,
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
    /// A kernel without multipliers by constants.
    pub(super) fn new(body: Body, element: TypeId, cost: Cost) -> Self {
        Self { body, element, cost, multipliers: None, interval: 1, sign_power: None }
    }
}

/// Tells whether `op` is no kernel but another name of its operand's array.
pub(super) fn is_alias(op: &Op) -> bool {
    matches!(op, Op::Reshape(_))
}

/// The kernel that computes `op`.
pub(super) fn build(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    op: &Op,
) -> Result<Built, HlsError> {
    match op {
        Op::Linear(op) => linear::build(builder, context, op),
        Op::Conv(op) => linear::build_windows(builder, context, op),
        Op::Affine(op) => scaling::build_affine(builder, context, op),
        Op::Leaky(op) => scaling::build_leaky(builder, context, op),
        Op::Scale(op) => scaling::build_scale(builder, context, op),
        Op::Cast(op) => elementwise::build_cast(builder, context, op),
        Op::Clamp(op) => elementwise::build_clamp(builder, context, op),
        Op::Elementwise(op) => elementwise::build_elementwise(builder, context, *op),
        Op::Gather(op) => Ok(elementwise::build_gather(builder, context, op)),
        Op::Concat(op) => Ok(elementwise::build_concat(builder, context, op)),
        Op::StepFunction(op) => steps::build(builder, context, op),
        Op::Lookup(op) => lookup::build(builder, context, op),
        Op::Softmax(op) => softmax::build(builder, context, op),
        Op::Pool(op) => pool::build(builder, context, op),
        Op::Input(_) | Op::Reshape(_) => Err(context.broken("is no operation that computes")),
    }
}
