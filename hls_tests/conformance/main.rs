//! The vendors' open headers, Bitkiln's stand-ins for them, and [`bitkiln::fixed`] compute the
//! same bits.
//!
//! C++ programs read codes, compute, and print; each is compiled against the real headers and
//! against the stand-ins. The output is cached under `target/tmp`, by a hash of program, headers and
//! input, so that only a change costs time.
//!
//! The real headers come from `hls_tests/fetch_headers.sh`. Without them these tests fail.
//!
//! # Coverage
//!
//! - Casts between small types: sources up to 6 bits, targets up to 5, both signednesses, every
//!   pair of rounding and overflow mode (with `ap_fixed`'s saturated bits 0 to W), every code, and
//!   every distance between the binary points that integer bits -2 to W + 2 on both sides give.
//!   Only the distance matters: the casts of both headers (`ap_fixed_base::operator=`,
//!   `ac_fixed`'s converting constructor) use the points only as F2 - F and in a comparison of
//!   I - S with I2 - S2, which for given widths is again one of F2 - F. So the target always is an
//!   integer type.
//! - g++ takes some 10 ms for each pair of types and there are 150 000, so an ordinary run takes
//!   all of one pair of widths (3 to 2 bits) and a fixed sample of the others.
//!   `BITKILN_EXHAUSTIVE=1` takes all of them, in half an hour or so.
//! - Casts of doubles: to every small type in every mode, every value of a small source
//!   at any distance. One program covers hundreds of types, so this is always complete.
//! - Casts between random types up to 64 and up to 128 bits, with near and distant binary points.
//! - `+`, `-`, `*`, unary `-`, shifts: formats and values of random types, against
//!   [`Format`](bitkiln::fixed::Format)'s; comparisons, bitwise operators, conversions to native
//!   types, division: the stand-ins against the real headers.
//! - Spelling: users' code.

mod arithmetic;
mod casts;
mod codes;
mod program;
mod spelling;
mod vendor;
