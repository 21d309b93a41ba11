//! Fixed-point formats and arithmetic: the mirror of `ap_fixed` and `ac_fixed`.
//!
//! A number is an integer *code* times 2^-fraction. A [`Format`] says which codes exist, a
//! [`Quantization`] adds what happens to values that the format cannot hold, an [`Interval`]
//! says which codes can occur, and [`Codes`] are tensors of them.

mod arithmetic;
mod cast;
mod codes;
mod format;
mod interval;
mod quantization;
mod range;

pub use cast::{Caster, cast};
pub use codes::{Codes, Word};
pub use format::{Format, FormatError, MAX_WIDTH, Signedness};
pub use interval::Interval;
pub use quantization::{Overflow, Quantization, Rounding};
pub use range::cast_interval;
