//! The differences between vendors' HLS C++.

use super::files::File;
use super::{BackError, Tool};
use crate::fixed::Quantization;
use crate::hls::{Design, Kernel, Loop, Partition};

/// A vendor's HLS C++: types, pragmas, testbench macros and scripts. A dialect spells what the
/// [`Design`] has decided; the templates hold all that the vendors share.
pub(super) trait Dialect: Sync {
    /// The back end of this dialect.
    fn backend(&self) -> Tool;

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

    /// Lines after the declaration of an array.
    fn at_array(&self, name: &str, partition: Partition) -> Vec<String>;

    /// Lines that begin a kernel's body.
    fn in_kernel(&self, design: &Design, kernel: &Kernel) -> Vec<String>;

    /// Lines before a loop.
    fn before_loop(&self, plan: Loop) -> Vec<String>;

    /// Lines that begin the body of a loop.
    fn in_loop(&self, plan: Loop) -> Vec<String>;

    /// The header that declares streams, for an `#include`.
    fn stream_header(&self) -> &'static str;

    /// The type of a stream of tokens.
    fn stream(&self, token: &str) -> String;

    /// The declaration of a stream inside the top function.
    fn declare_stream(&self, name: &str, token: &str, depth: u64) -> Vec<String>;

    /// Lines before the function of a process.
    fn before_process(&self) -> Vec<String>;

    /// Lines after the declaration of a line buffer `\[rows\]\[columns\]\[channels\]`.
    fn at_lines(&self, name: &str) -> Vec<String>;

    /// The vendor's parts of the testbench.
    fn testbench(&self) -> Testbench;

    /// Scripts for the vendor's tools.
    fn scripts(&self, design: &Design) -> Result<Vec<File>, BackError>;

    /// The commands that run the scripts: a description and a command each.
    fn commands(&self) -> &'static [(&'static str, &'static str)];
}

/// A vendor's parts of a testbench.
pub(super) struct Testbench {
    /// The line that opens the main function with `argc` and `argv`.
    pub(super) main: &'static str,
    /// The text before a returned expression, and after it.
    pub(super) leave: (&'static str, &'static str),
    /// The text before the top function's name in a call, and after it.
    pub(super) call: (&'static str, &'static str),
    /// Statements that make the `W` bits of `code` those of `value`.
    pub(super) set_code: &'static [&'static str],
    /// Statements that return the `W` bits of `value` as a `Code`.
    pub(super) get_code: &'static [&'static str],
}
