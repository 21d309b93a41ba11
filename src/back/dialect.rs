//! What differs between vendors.

use crate::fixed::Quantization;
use crate::hls::{Design, Kernel};

use super::files::File;
use super::{BackError, Backend};

/// A vendor's way to say what a [`Design`] holds. Whatever the vendors share stands in the
/// templates; whatever they do not, in one implementation of this trait.
pub(super) trait Dialect: Sync {
    /// Whose dialect it is.
    fn backend(&self) -> Backend;

    /// The header that declares the fixed-point types, for an `#include`.
    fn types_header(&self) -> &'static str;

    /// Headers that only the design's source and its testbench need.
    fn source_headers(&self) -> &'static [&'static str];

    /// A fixed-point type; `None` if the vendor's types have no such mode.
    fn spell(&self, quantization: &Quantization) -> Option<String>;

    /// An integer type.
    fn integer(&self, width: u32, signed: bool) -> String;

    /// The code of the fixed-point `variable` of `width` bits, as bits.
    fn code(&self, variable: &str, width: u32) -> String;

    /// The top function's name, where it is defined.
    fn top(&self, name: &str) -> String;

    /// Lines before the top function.
    fn before_top(&self, design: &Design) -> Vec<String>;

    /// Lines that begin the top function's body.
    fn in_top(&self, design: &Design) -> Vec<String>;

    /// Lines behind the declarations of the arrays between kernels.
    fn at_arrays(&self, names: &[&str]) -> Vec<String>;

    /// Lines that begin a kernel's body. `constants` are read all at once.
    fn in_kernel(&self, kernel: &Kernel, constants: &[&str]) -> Vec<String>;

    /// Lines behind the declaration of an array inside of a kernel.
    fn at_local_array(&self, name: &str) -> Vec<String>;

    /// Lines before a loop that becomes as many copies of its body.
    fn before_loop(&self) -> &'static [&'static str];

    /// Lines that begin the body of such a loop.
    fn in_loop(&self) -> &'static [&'static str];

    /// What the testbench is made of.
    fn testbench(&self) -> Testbench;

    /// Scripts for the vendor's tools.
    fn scripts(&self, design: &Design) -> Result<Vec<File>, BackError>;

    /// How to run the scripts: a sentence and a command each.
    fn commands(&self) -> &'static [(&'static str, &'static str)];
}

/// A vendor's parts of a testbench.
pub(super) struct Testbench {
    /// The line that opens the main function with `argc` and `argv`.
    pub(super) main: &'static str,
    /// What stands before a returned expression, and behind.
    pub(super) leave: (&'static str, &'static str),
    /// What stands before the top function's name in a call, and behind.
    pub(super) call: (&'static str, &'static str),
    /// Statements that make the `W` bits of `code` those of `value`.
    pub(super) set_code: &'static [&'static str],
    /// Statements that return the `W` bits of `value` as a `Code`.
    pub(super) get_code: &'static [&'static str],
}
