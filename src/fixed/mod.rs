//! Fixed-point formats and arithmetic: the mirror of `ap_fixed` and `ac_fixed`.
//!
//! A value is an integer *code* times the LSB, 2^-f with f fractional bits. A [`Format`] is a set of
//! codes with an LSB, a [`Quantization`] adds rounding and overflow modes, a [`Range`] bounds the codes
//! that occur, and [`Codes`] are tensors of them. [`cast`] and [`Caster`] convert a code from one format
//! to another, [`cast_real`] and its like convert real numbers.
//!
//! # Common ground and differences of the vendors
//!
//! `ap_fixed<W, I, Q, O, N>` (AMD, `ap_types`) and `ac_fixed<W, I, S, Q, O>` (Siemens, `ac_types`
//! 4.8) agree on every value of a cast in the modes that both have, and on the formats and values
//! of `+`, `-`, `*` and unary `-`. `hls_tests/conformance` runs their open headers and compares.
//! Common to both, and easily missed:
//!
//! - Only the difference of the operands' binary points matters.
//! - Rounding precedes overflow: `SAT` applies to a value that rounding has carried out of the range.
//! - `SAT_SYM` on an unsigned type is `SAT`. On a signed type the smallest code becomes minus the
//!   largest, except on `fixed<1,I>`, which keeps the code -1.
//! - `SAT_ZERO` on an unsigned type also sets values above the range to 0.
//! - Shifts by an integer keep the type of the left operand and ignore its modes: `<<` drops high
//!   bits, `>>` low bits. Negative amounts shift the other way.
//! - A difference is signed even if both operands are unsigned. Next to a signed operand an unsigned
//!   one counts with one more bit, so `+` and `-` of mixed signs are wider than expected.
//!
//! | | `ap_fixed` | `ac_fixed` |
//! |---|---|---|
//! | `RND_CONV_ODD` | does not exist | rounds half to odd |
//! | `WRAP` with N > 0 | N top bits saturate: the sign is kept and the next N - 1 bits become its opposite; on an unsigned type they become ones, also for negative values | does not exist |
//! | `WRAP_SM` | sign-magnitude wrap; not mirrored here | does not exist |
//! | `to_int()` of negative numbers | to zero; without integer bits -1, 0 or neither | to minus infinity |
//! | to an integer type | implicitly, to zero (to a fixed-point type without fraction: to minus infinity) | only by `to_ac_int()`, to minus infinity |
//! | `~` of an unsigned number | same type | one bit more, signed |
//! | `++` of a fixed-point number | adds 1 | adds one LSB |
//! | `<`, `==` of a signed and an unsigned number | as in C once either, aligned to the other's fraction, has 32 bits: `ap_uint<32>(0) > ap_int<32>(-1)` is false | by value |
//! | `/`, `%` of a signed and an unsigned integer | wrong where the unsigned one is wider: -1 / (2^40 - 1) is 2 | by value |
//! | a rounding cast that drops more bits than the source has | an assertion fails unless `NDEBUG` is defined; the value is right | fine |
//!
//! The last row matters for generated code: C simulation with AMD's headers aborts on
//! `ap_fixed<4, 0, AP_RND> y = x` for an `ap_fixed<2, -6>` x, since four bits are dropped and x has two.

mod cast;
mod codes;
mod format;
mod quantization;
mod range;
mod real;

pub use cast::{Caster, cast, cast_range};
pub(crate) use cast::{Conversion, fits, rescale};
pub(crate) use codes::Wide;
pub use codes::{Codes, Word};
pub use format::{Format, FormatError, MAX_WIDTH, Signedness};
pub use quantization::{Overflow, Quantization, Rounding};
pub use range::Range;
pub(crate) use range::changes;
pub use real::{cast_real, ceil_code, exact_code, fractional_bits, nearest_code};
pub(crate) use real::{code_value, exp2, power_of_two, power_of_two_code, significant_bits};
