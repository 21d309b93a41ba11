//! The fast engine: a graph compiled once, and run on any number of samples.
//!
//! [`Plan`] fixes everything that does not depend on the samples: the order of the steps, the integer
//! type of each tensor ([`storage`], from its proven range), the memory of each result
//! ([`schedule`], by liveness), and a [`kernel`] for each step. Several nodes may be one step. A node
//! without a kernel of its own runs through its reference evaluation, so that every graph has a plan.
//!
//! Samples run in blocks that fit the cache; threads take blocks in turn.

mod kernel;
mod kernels;
mod lanes;
mod plan;
mod schedule;
mod simd;
mod storage;
#[cfg(test)]
mod tests;

pub use plan::{Plan, Threads};
pub(super) use simd::{Level, dot};
