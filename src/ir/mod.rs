//! The graph of integer operations that hardware computes.
//!
//! A [`Graph`] is a petgraph of [`Node`]s. Each node is one operation ([`Op`]) with one result, a
//! [`Tensor`]: its shape, the fixed-point [`Format`](crate::fixed::Format) of its elements, and the
//! [`Range`](crate::fixed::Range) of codes that each channel or element provably stays in. An edge
//! runs from the producer of a tensor to a user of it and carries the operand's position.
//!
//! A graph has no real numbers, no layers and no quantizers, and leaves no choice open: simulation
//! and generated C++ compute the same integers. Only [`Op::infer`] computes shapes, formats and
//! ranges; [`validate`](validate()) compares every stored result with it. [`ops`] has a file for
//! each operation, [`text`] prints and parses graphs.
//!
//! # Example
//!
//! Two inputs, `QDense(1, kernel_quantizer=quantized_bits(3,0,1,alpha=1))` with the weights
//! 0.75 and -0.5, then `quantized_relu(2,1)`, on an input of `fixed<4,1>`:
//!
//! | node | op | format | codes |
//! |---|---|---|---|
//! | `x` | `Input` | `fixed<4,1>`: LSB 1/8 | \[-8, 7\] |
//! | `fc` | `Linear`, codes 3 and -2 of `fixed<3,1>` (LSB 1/4) | `fixed<7,2>`: LSB 1/32 | 3·\[-8, 7\] - 2·\[-8, 7\] = \[-38, 37\] |
//! | `act` | `Cast`, RND_CONV and SAT | `ufixed<2,1>`: LSB 1/2 | \[0, 2\] |
//!
//! A product has the fractional bits of both factors, 3 + 2, so the LSB of the sum is 1/32. With
//! these weights the sum stays in \[-38, 37\] for every input, so a 7-bit accumulator cannot
//! overflow. The cast divides by 16; 37/16 rounds to 2, so code 3 of `ufixed<2,1>` does not occur.
//!
//! ```
//! let graph = bitkiln::ir::text::parse("
//!     graph example
//!     x = input shape=[2] format=fixed<4,1>
//!     fc = linear x weights=fixed<3,1>[2, 1]{3, -2}
//!     act = cast fc to=ufixed<2,1,RND_CONV,SAT>
//!     output act
//! ")?;
//! bitkiln::ir::validate(&graph)?;
//! let text = bitkiln::ir::text::print(&graph, None);
//! assert!(text.contains("fc = linear x weights=fixed<3,1>[2, 1]{3, -2} : [1] fixed<7,2> [-38, 37]"));
//! assert!(text.contains("act = cast fc to=ufixed<2,1,RND_CONV,SAT> : [1] ufixed<2,1> [0, 2]"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub(crate) mod analysis;
mod dot;
mod graph;
pub mod ops;
mod strides;
mod tensor;
#[cfg(test)]
mod tests;
pub mod text;
mod validate;
mod window;

pub use dot::to_dot;
pub use graph::{Graph, Node, NodeId, Output};
pub use ops::*;
pub(crate) use ops::{LeakyAlignment, RangeAt, Reciprocal, code_of_one, is_reciprocal, row_of};
pub use strides::{StridedAxis, Strides};
pub use tensor::{Constant, ConstantError, Tensor};
pub use text::Described;
use validate::validate_body;
pub use validate::{Inferences, Invalid, validate};
pub use window::{Presence, Window};
