//! What the hardware computes: a small closed set of integer operations.
//!
//! A [`Graph`] is a petgraph of [`Node`]s. Each node is one operation ([`Op`]) with one result, a
//! [`Tensor`]: its shape, the fixed-point [`Format`](crate::fixed::Format) of its elements, and for each
//! channel the [`Range`](crate::fixed::Range) that its codes provably stay in. An edge runs from the
//! producer of a tensor to a node that takes it and carries the operand's position.
//!
//! There are no real numbers here, no layers, no quantizers, and no choice left open: whoever
//! executes a graph (simulation, generated C++) computes the same integers. [`validate`] states
//! what every module may rely on.
//!
//! # One worked network
//!
//! Two inputs, `QDense(1, kernel_quantizer=quantized_bits(3,0,1,alpha=1))` with the weights
//! 0.75 and -0.5, then `quantized_relu(2,1)`, on an input of `fixed<4,1>`:
//!
//! | node | op | format | codes |
//! |---|---|---|---|
//! | `x` | `Input` | `fixed<4,1>`: steps of 1/8 | \[-8, 7\] |
//! | `fc` | `Linear`, codes 3 and -2 of `fixed<3,1>` (steps of 1/4) | `fixed<7,2>`: steps of 1/32 | 3·\[-8, 7\] - 2·\[-8, 7\] = \[-38, 37\] |
//! | `act` | `Cast`, halves to even, saturating | `ufixed<2,1>`: steps of 1/2 | \[0, 2\] |
//!
//! A product has the fractions of both factors, 3 + 2 bits, so the sum counts in steps of 1/32.
//! With these weights no input drives it out of \[-38, 37\], hence seven bits suffice: that is the
//! proof of the accumulator. The cast divides by 16, 37/16 rounds to 2, and the third code of
//! `ufixed<2,1>` is never reached.
//!
//! ```
//! use bitkiln::fixed::{Format, Range, Overflow, Rounding};
//! use bitkiln::ir::{Constant, Graph, Linear, Op, Tensor};
//! use ndarray::array;
//!
//! let mut graph = Graph::new("worked");
//! let x = graph.add_input("x", Tensor::full(vec![2], "fixed<4,1>".parse()?));
//! let weights = Constant::covering(array![[0.75], [-0.5]].into_dyn().view())?;
//! let fc = graph.add("fc", Op::Linear(Linear { weights, bias: None }), &[x], Tensor {
//!     shape: vec![1],
//!     format: "fixed<7,2>".parse()?,
//!     channels: vec![Range::new(-38, 37)],
//! });
//! let cast = Op::Cast { rounding: Rounding::RndConv, overflow: Overflow::Sat };
//! let act = graph.add("act", cast, &[fc], Tensor {
//!     shape: vec![1],
//!     format: "ufixed<2,1>".parse()?,
//!     channels: vec![Range::new(0, 2)],
//! });
//! graph.add_output("act", act);
//! bitkiln::ir::validate(&graph)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod affine;
mod conv;
mod dot;
mod graph;
mod layout;
mod leaky;
mod merge;
mod op;
mod pool;
mod softmax;
mod sums;
mod tensor;
#[cfg(test)]
mod tests;
mod validate;
mod window;

pub use affine::Affine;
pub(crate) use affine::Units;
pub use conv::Conv;
pub use dot::to_dot;
pub use graph::{Graph, Node, NodeId, Output};
pub use layout::{Gather, concatenated};
pub use leaky::Leaky;
pub(crate) use leaky::Lines;
pub use merge::Merge;
pub use op::{Linear, Op, StepFunction};
pub use pool::{Pool, PoolKind};
pub use softmax::Softmax;
pub(crate) use softmax::{is_seed, one_code};
pub use sums::Sums;
pub use tensor::{Constant, ConstantError, Tensor};
pub(crate) use validate::clamped;
pub use validate::{Invalid, validate};
pub use window::{Presence, Window};
