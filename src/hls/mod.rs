//! From a graph of integer operations to a hardware design, free of any vendor.
//!
//! A [`Design`] has everything that the generated C++ says: names, types, constants, kernels,
//! the arrays between them, and the schedule. [`crate::back`] writes it down in a vendor's
//! dialect and decides nothing about numbers. Each operation of [`crate::ir::Op`] becomes a kernel in a
//! file of its own below `kernels`.

mod build;
mod design;
mod error;
mod form;
mod function;
mod kernels;
mod names;
mod options;
mod parts;
mod preflight;
mod reuse;
mod schedule;
#[cfg(test)]
mod tests;

pub use design::{
    Constant, ConstantId, Design, Edge, EdgeId, EdgeKind, EdgeRole, Kernel, Multipliers, Number,
    Schedule, Type, TypeId,
};
pub use error::HlsError;
pub use form::{Form, Operations, Scaling, Uses};
pub use function::{Function, FunctionSize, MOST_COMPARATORS};
pub use kernels::{
    Affine, Body, Clamp, Concat, Convert, Down, FactorSigns, Factors, Gather, Leaky, Linear, Merge,
    MovedSums, Numbers, Offsets, Part, Places, Pool, Powers, Products, Scale, Search, Shifts,
    SignCodes, Signs, Slopes, Softmax, Steps, Table, Terms, Windows, Xnor,
};
pub use names::Names;
pub use options::{Options, TableSizes};
pub use parts::dsp_slices;
pub use preflight::{Finding, Obstacle, UNROLL_LIMIT};
pub use reuse::Blocks;
pub use schedule::{Flow, Loops, Partition};
