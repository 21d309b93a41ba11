//! From a graph of integer operations to a hardware design, independent of a vendor.
//!
//! A [`Design`] holds all that the generated C++ states: names, types, constants, kernels, the
//! arrays between them, and how each kernel runs. [`crate::back`] prints it in a vendor's dialect
//! and decides nothing. Each operation of [`crate::ir::Op`] becomes a kernel in `kernels`; `plan`
//! decides about loops, initiation intervals and partitions.

mod build;
mod design;
mod error;
pub mod estimate;
mod fit;
mod form;
mod function;
mod kernels;
pub mod limits;
mod missed;
mod names;
pub mod network;
mod options;
mod pipeline;
mod plan;
mod stream;
mod target;
#[cfg(test)]
mod tests;
mod unroll;
mod warnings;

pub use design::{
    ConstantArray, ConstantId, Cost, Design, Edge, EdgeId, EdgeKind, EdgeRole, Kernel, KernelId,
    Multipliers, Number, Parallelism, Schedule, Stream, Token, TokenId, TokenPart, Type, TypeId,
};
pub use error::HlsError;
pub use form::Operations;
pub use function::{FunctionSize, MOST_COMPARATORS};
pub use kernels::*;
pub use missed::MissReason;
pub use names::Names;
pub use options::{CLOCK_PERIOD, Options, TableSizes};
pub use plan::{
    Access, Flow, LUT_BITS, LUT_WORDS, LocalArray, Loop, Memory, Partition, Plan, Storage, Tiles,
    UNROLL_LIMIT,
};
pub use stream::{
    Axis, LineBuffer, PixelGroup, Process, ProcessForm, Recurrence, Repack, RunningPool, Start,
    State, Step, Take, Taps, Turns, WindowKernel,
};
pub use warnings::{DesignWarning, DesignWarningKind, FactorReason, UsedReuseFactor};
