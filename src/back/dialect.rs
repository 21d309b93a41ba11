//! What differs between vendors.

use crate::fixed::Quantization;
use crate::hls::{Design, Kernel, Partition};

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

    /// The `width` bits of the fixed-point `variable` from bit `low` of its code on.
    fn bits(&self, variable: &str, low: u32, width: u32) -> String;

    /// The top function's name, where it is defined.
    fn top(&self, name: &str) -> String;

    /// Lines before the top function.
    fn before_top(&self, design: &Design) -> Vec<String>;

    /// Clock cycles between two samples.
    fn interval(&self, design: &Design) -> u64 {
        design.schedule.initiation_interval
    }

    /// Lines that begin the top function's body.
    fn in_top(&self, design: &Design) -> Vec<String>;

    /// Lines behind the declaration of an array.
    fn at_array(&self, name: &str, partition: Partition) -> Vec<String>;

    /// Lines that begin a kernel's body.
    fn in_kernel(&self, design: &Design, kernel: &Kernel) -> Vec<String>;

    /// Lines before a loop that runs as `run` says.
    fn before_loop(&self, run: Run) -> Vec<String>;

    /// Lines that begin the body of such a loop.
    fn in_loop(&self, run: Run) -> Vec<String>;

    /// What the testbench is made of.
    fn testbench(&self) -> Testbench;

    /// Scripts for the vendor's tools.
    fn scripts(&self, design: &Design) -> Result<Vec<File>, BackError>;

    /// How to run the scripts: a sentence and a command each.
    fn commands(&self) -> &'static [(&'static str, &'static str)];
}

/// How one loop runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// As copies of its body.
    Unrolled,
    /// As a loop around one that is pipelined.
    Around,
    /// As a pipeline.
    Pipelined {
        /// Clock cycles between two iterations.
        interval: u64,
        /// How many copies of the body are one iteration.
        parallel: u64,
    },
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
