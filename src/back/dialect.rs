//! The differences between vendors' HLS C++.

use super::files::File;
use super::text::{NO_LINE, whole_lines};
use super::{BackError, Tool};
use crate::fixed::Quantization;
use crate::hls::{Design, Kernel, Loop, Memory, Partition, Storage};

/// A vendor's HLS C++: types, pragmas, testbench macros and scripts. A dialect spells what the
/// [`Design`] has decided; the templates hold all that the vendors share.
pub(super) trait Dialect: Sync {
    /// The fixed text of the dialect.
    fn vendor(&self) -> &'static Vendor;

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

    /// Lines that begin the top function's body.
    fn in_top(&self, design: &Design) -> Vec<String>;

    /// The pragmas of an array of `len` elements.
    fn at_array(&self, name: &str, len: usize, partition: Partition) -> Vec<String>;

    /// The pragmas of a variable for a token with `lanes` elements.
    fn at_token(&self, name: &str, lanes: usize) -> Vec<String>;

    /// Lines that begin a kernel's body.
    fn in_kernel(&self, design: &Design, kernel: &Kernel) -> Vec<String>;

    /// Lines that begin the body of a function without hardware of its own.
    fn inlined(&self) -> Vec<String>;

    /// The pragma of a loop that is pipelined.
    fn pipeline(&self, interval: u64) -> String;

    /// The pragmas of a pipelined loop that goes on while its input is empty.
    fn flushed_pipeline(&self, interval: u64) -> Vec<String>;

    /// As [`Dialect::flushed_pipeline`], of a process that is a single loop or nest of loops: frames
    /// follow one another without a pause.
    fn frame_pipeline(&self, interval: u64) -> Vec<String> {
        self.flushed_pipeline(interval)
    }

    /// The pragma of a loop that is unrolled by `factor`, or fully.
    fn unroll(&self, factor: Option<u64>) -> String;

    /// The declaration of a stream inside the top function.
    fn declare_stream(&self, name: &str, token: &str, stream: (u64, Storage)) -> Vec<String>;

    /// The pragmas that choose the hardware of an array that is a memory.
    fn at_memory(&self, memory: &Memory) -> Vec<String>;

    /// The pragmas of a line buffer `\[columns\]\[rows\]\[channels\]` in `memory`, of which an element is
    /// read at least `distance` iterations after it is written.
    fn at_lines(&self, memory: &Memory, distance: usize) -> Vec<String>;

    /// The type of a variable that counts from 0 to `most`. Tools find the width of the counter of a
    /// loop with a constant bound, not that of a variable that loops carry.
    fn counter(&self, most: usize) -> String {
        self.integer((usize::BITS - most.leading_zeros()).max(1), false)
    }

    /// The pragmas of a loop, before it or inside; see [`Vendor::pragmas_before`].
    fn loop_pragmas(&self, plan: Loop) -> Vec<String> {
        match plan {
            Loop::Unroll => vec![self.unroll(None)],
            Loop::Sequential => Vec::new(),
            Loop::Pipeline { interval, unroll: 1 } => vec![self.pipeline(interval)],
            Loop::Pipeline { interval, unroll } => {
                vec![self.pipeline(interval), self.unroll(Some(unroll))]
            }
        }
    }

    /// The pragmas of a loop over tokens. Its pipeline goes on with the tokens inside while an input
    /// is empty: otherwise a branch would keep tokens that the other branch waits for, and least
    /// depths of FIFOs would depend on latencies.
    fn token_pragmas(&self, plan: Loop) -> Vec<String> {
        match plan {
            Loop::Pipeline { interval, unroll: 1 } => self.flushed_pipeline(interval),
            Loop::Pipeline { .. } | Loop::Unroll | Loop::Sequential => self.loop_pragmas(plan),
        }
    }

    /// As [`Dialect::token_pragmas`], of the loop that is all that a process does.
    fn frame_pragmas(&self, plan: Loop) -> Vec<String> {
        match plan {
            Loop::Pipeline { interval, unroll: 1 } => self.frame_pipeline(interval),
            Loop::Pipeline { .. } | Loop::Unroll | Loop::Sequential => self.loop_pragmas(plan),
        }
    }

    /// The pragmas before a loop, a line each.
    fn before_loop(&self, plan: Loop) -> String {
        self.before(self.loop_pragmas(plan))
    }

    /// The pragmas that begin the body of a loop.
    fn in_loop(&self, plan: Loop) -> String {
        self.inside(self.loop_pragmas(plan))
    }

    /// `declaration` of a variable with its pragmas.
    fn declare(&self, declaration: String, mut pragmas: Vec<String>) -> String {
        match self.vendor().pragmas_before {
            true => pragmas.push(declaration),
            false => pragmas.insert(0, declaration),
        }
        pragmas.join("\n")
    }

    /// The declaration of an array `name[sizes[0]][sizes[1]]...` with its pragmas.
    fn declare_array(&self, ty: &str, name: &str, sizes: &[usize], pragmas: Vec<String>) -> String {
        let brackets: String = sizes.iter().map(|size| format!("[{size}]")).collect();
        self.declare(format!("{ty} {name}{brackets};"), pragmas)
    }

    /// The declaration of an array of registers.
    fn declare_registers(&self, ty: &str, name: &str, sizes: &[usize]) -> String {
        let pragmas = self.at_array(name, sizes.iter().product(), Partition::Complete);
        self.declare_array(ty, name, sizes, pragmas)
    }

    /// The lines of `pragmas` before a loop, if they stand there.
    fn before(&self, pragmas: Vec<String>) -> String {
        match self.vendor().pragmas_before {
            true => pragmas.into_iter().map(|line| line + "\n").collect(),
            false => String::new(),
        }
    }

    /// The lines of `pragmas` at the begin of a loop's body, if they stand there.
    fn inside(&self, pragmas: Vec<String>) -> String {
        match self.vendor().pragmas_before {
            true => NO_LINE.to_owned(),
            false => whole_lines(pragmas),
        }
    }

    /// Pragmas after the declaration of a static variable, which a reset of the hardware sets to its
    /// initial value.
    fn at_static(&self, name: &str) -> Vec<String>;

    /// Scripts for the vendor's tools.
    fn scripts(&self, design: &Design) -> Result<Vec<File>, BackError>;
}

/// The text of a dialect that is the same for all designs.
pub(super) struct Vendor {
    /// The back end.
    pub(super) tool: Tool,
    /// The header that declares the fixed-point types, for an `#include`.
    pub(super) types_header: &'static str,
    /// Headers that only the design's source and its testbench need.
    pub(super) source_headers: &'static [&'static str],
    /// The header that declares streams, for an `#include`.
    pub(super) stream_header: &'static str,
    /// The class template of streams.
    pub(super) stream: &'static str,
    /// Lines before the function of a process.
    pub(super) before_process: &'static [&'static str],
    /// Set if pragmas stand before the loop or the variable that they mean; else they begin the loop's
    /// body, or follow the variable's declaration.
    pub(super) pragmas_before: bool,
    /// Set if the function of a process is pipelined, which makes one pipeline of the loops in it; else
    /// the innermost loop is, and becomes one with those around it.
    pub(super) pipelines_processes: bool,
    /// The vendor's parts of the testbench.
    pub(super) testbench: Testbench,
    /// The commands that run the scripts: a description and a command each.
    pub(super) commands: &'static [(&'static str, &'static str)],
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
