//! Catapult: `ac_fixed`, `#pragma hls_`, SCVerify.

use askama::Template;

use super::dialect::{Dialect, Testbench, Vendor};
use super::files::File;
use super::text::rounded;
use super::{BackError, Tool};
use crate::fixed::{Overflow, Quantization, Rounding};
use crate::hls::{
    Access, Design, Edge, EdgeKind, EdgeRole, Flow, Kernel, Memory, Partition, Process,
    ProcessForm, Storage,
};

pub(super) struct Catapult;

/// Arrays with fewer elements become registers: as memories they would be LUTs (distributed memory, or a
/// choice of constants), see [`Storage`]. Longer ones are memories, but those that a pragma makes
/// registers.
const REGISTER_THRESHOLD: usize = 64;

/// The pragma that makes an array, or the lanes of a token, registers.
fn as_registers(variable: &str) -> String {
    format!(
        "#pragma hls_resource {variable}:rsc variables=\"{variable}\" map_to_module=\"[Register]\""
    )
}

static VENDOR: Vendor = Vendor {
    tool: Tool::Catapult,
    types_header: "ac_fixed.h",
    source_headers: &["mc_scverify.h"],
    stream_header: "ac_channel.h",
    stream: "ac_channel",
    before_process: &["#pragma hls_design block"],
    pragmas_before: true,
    pipelines_processes: true,
    testbench: Testbench {
        main: "CCS_MAIN(int argc, char *argv[]) {",
        leave: ("CCS_RETURN(", ")"),
        call: ("CCS_DESIGN(", ")"),
        set_code: &[
            "ac_int<128, false> bits = code.high;",
            "bits = (bits << 64) | ac_int<128, false>(code.low);",
            "value.set_slc(0, ac_int<W, false>(bits));",
        ],
        get_code: &[
            "const ac_int<W, false> narrow = value.template slc<W>(0);",
            "const ac_int<128, false> bits = narrow;",
            "const Code code = {bits.template slc<64>(64).to_uint64(), \
             bits.template slc<64>(0).to_uint64()};",
            "return code;",
        ],
    },
    commands: &[
        ("Catapult", "catapult -product ultra -shell -file build_prj.tcl"),
        (
            "Catapult with other steps",
            "catapult -product ultra -shell -file build_prj.tcl -eval 'set ::argv \"synth=1 \
             cosim=1\"'",
        ),
    ],
};

#[derive(Template)]
#[template(path = "catapult/build_prj.tcl")]
struct BuildScript<'a> {
    design: &'a Design,
    /// In nanoseconds.
    uncertainty: f64,
    /// Arrays with fewer elements become registers, others memories unless they are said to be registers.
    register_threshold: usize,
    /// Arrays of registers have fewer elements.
    register_limit: usize,
    /// Long constants of which every element is a register: their paths below the top function.
    register_constants: Vec<String>,
    is_asic: bool,
    /// Constants in memories with several elements in a word: their paths below the top function, and
    /// the width of a word in bits.
    words: Vec<(String, u64)>,
    /// Arrays of whole samples: their paths, and their memories.
    frames: Vec<(String, Memory)>,
    /// Array ports with several elements in a word, and the width of a word in bits.
    ports: Vec<(&'a str, u64)>,
    /// Streams inside the top function, and their depths.
    depths: Vec<(&'a str, u64)>,
    lines: Vec<LineMemory<'a>>,
}

impl BuildScript<'_> {
    /// The arrays of line buffers of which no element is read soon after it is written. A name stands
    /// for all that begin with it.
    fn apart(&self) -> Vec<&str> {
        let soon: Vec<&str> =
            self.lines.iter().filter(|it| !it.is_apart).map(LineMemory::array).collect();
        let apart = self.lines.iter().filter(|it| it.is_apart).map(LineMemory::array);
        apart.filter(|array| !soon.iter().any(|soon| soon.starts_with(array))).collect()
    }
}

/// The rows of an image, or the sums of a row of windows, in a process.
struct LineMemory<'a> {
    process: &'a str,
    memory: Memory,
    /// Set if no element is read soon after it is written.
    is_apart: bool,
}

impl LineMemory<'_> {
    fn array(&self) -> &str {
        &self.memory.name
    }
}

/// The arrays of processes that collect samples in memories: their paths below the top function, and their
/// memories.
fn frames(design: &Design) -> Vec<(String, Memory)> {
    let frames = design.processes.iter().filter(|process| process.form == ProcessForm::Frame);
    let arrays = frames.flat_map(|process| {
        let kernels = process.kernel.iter().map(|id| &design[*id]);
        kernels.flat_map(move |kernel| {
            let edges = kernel.inputs.iter().chain([&kernel.output]);
            let memories = edges.filter_map(|edge| design.frame_memory(kernel, &design[*edge]));
            memories.map(move |memory| (format!("{}/core/{}", process.name, memory.name), memory))
        })
    });
    arrays.collect()
}

/// Constants in memories with several elements in a word: their paths below the top function, and the
/// width of a word in bits. The memory belongs to the block that reads it. A table that is read several
/// times at a time is not one memory.
fn words(design: &Design) -> Vec<(String, u64)> {
    let words = blocks(design).into_iter().flat_map(|(block, kernel)| {
        let long = kernel.plan.constants.iter().filter(|(id, partition)| {
            *partition != Partition::Reshape { elements: 1 }
                && design[*id].codes.len() >= REGISTER_THRESHOLD
        });
        let memories = long.filter_map(|(id, it)| design.constant_memory(kernel, *id, *it));
        let single = memories.filter(|memory| memory.access == Access::Constants);
        single.map(move |memory| (format!("{block}{}", memory.name), memory.bits))
    });
    words.collect()
}

/// Array ports with several elements in a word, and the width of a word in bits.
fn ports(design: &Design) -> Vec<(&str, u64)> {
    let ports = design.inputs.iter().chain(&design.outputs).map(|port| &design[*port]);
    let width = |port: &Edge| match port.kind {
        EdgeKind::Array(Partition::Reshape { elements }) => {
            Some(elements * u64::from(design[port.element].quantization.format.width()))
        }
        EdgeKind::Array(Partition::Complete | Partition::Cyclic { .. }) | EdgeKind::Stream(_) => {
            None
        }
    };
    ports.filter_map(|port| Some((port.name.as_str(), width(port)?))).collect()
}

/// The memories of line buffers, and of the sums of windows.
fn line_memories(design: &Design) -> Vec<LineMemory<'_>> {
    let memories = design.processes.iter().filter_map(|process| {
        let memory = process.line_memory(design)?;
        let is_apart = process.has_long_lines();
        Some(LineMemory { process: &process.name, memory, is_apart })
    });
    memories.collect()
}

/// Streams inside the top function, and their depths.
fn depths(design: &Design) -> Vec<(&str, u64)> {
    let internal = design.edges.iter().filter(|edge| edge.role == EdgeRole::Internal);
    let depth = |edge: &'_ Edge| match edge.kind {
        EdgeKind::Stream(stream) => Some(stream.depth),
        EdgeKind::Array(_) => None,
    };
    let fifos = internal.filter_map(|edge| Some((edge, depth(edge)?)));
    fifos.flat_map(|(edge, depth)| edge.names().map(move |name| (name, depth))).collect()
}

/// One more element than the longest array of which every element is a register: an edge, a
/// constant, the lanes of a token, or an array inside a kernel or a process.
fn register_limit(design: &Design) -> usize {
    let edges = design.edges.iter().map(|edge| match edge.kind {
        EdgeKind::Array(partition) => (edge.len(), partition),
        EdgeKind::Stream(stream) => (design[stream.token].lanes, Partition::Complete),
    });
    let plans = || design.kernels.iter().map(|kernel| &kernel.plan);
    let constants = plans().flat_map(|plan| &plan.constants);
    let constants = constants.map(|(id, partition)| (design[*id].codes.len(), *partition));
    let arrays = plans().flat_map(|plan| &plan.arrays).map(|it| (it.len, it.partition));
    let registers = design.processes.iter().flat_map(Process::registers);
    let registers = registers.map(|(_, len)| (len, Partition::Complete));
    let all = edges.chain(constants).chain(arrays).chain(registers);
    let complete = all.filter(|(_, partition)| *partition == Partition::Complete);
    complete.map(|(len, _)| len).max().unwrap_or(0) + 1
}

/// Constants of which every element is a register, though there are as many as in a memory: their
/// paths below the top function.
fn register_constants(design: &Design) -> Vec<String> {
    let constants = blocks(design).into_iter().flat_map(|(block, kernel)| {
        let constants = kernel.plan.constants.iter();
        let long = constants.filter(|(id, partition)| {
            *partition == Partition::Complete && design[*id].codes.len() >= REGISTER_THRESHOLD
        });
        long.map(move |(id, _)| format!("{block}{}", design[*id].name))
    });
    constants.collect()
}

/// The kernels, each with the path below the top function of the block that has its constants.
fn blocks(design: &Design) -> Vec<(String, &Kernel)> {
    if design.schedule.flow == Flow::Pipeline {
        return design.kernels.iter().map(|kernel| (String::new(), kernel)).collect();
    }
    let of = |process: &Process| {
        let path = format!("{}/", process.name);
        process.kernels().into_iter().map(move |id| (path.clone(), &design[id]))
    };
    design.processes.iter().flat_map(of).collect()
}

impl Dialect for Catapult {
    fn vendor(&self) -> &'static Vendor {
        &VENDOR
    }

    fn spell(&self, quantization: &Quantization) -> Option<String> {
        let Quantization { format, rounding, overflow } = quantization;
        if matches!(overflow, Overflow::Wrap { saturated_bits: 1.. }) {
            return None;
        }
        let (width, integer, signed) = (format.width(), format.integer_bits(), format.is_signed());
        let mut text = format!("ac_fixed<{width}, {integer}, {signed}");
        if (*rounding, *overflow) != (Rounding::Trn, Overflow::WRAP) {
            text += &format!(", AC_{}, AC_{}", rounding.name(), overflow.name());
        }
        Some(text + ">")
    }

    fn integer(&self, width: u32, signed: bool) -> String {
        format!("ac_int<{width}, {signed}>")
    }

    fn bits(&self, variable: &str, low: u32, width: u32) -> String {
        format!("{variable}.slc<{width}>({low})")
    }

    fn top(&self, name: &str) -> String {
        format!("CCS_BLOCK({name})")
    }

    fn before_top(&self, design: &Design) -> Vec<String> {
        let mut lines = vec!["#pragma hls_design top".to_owned()];
        for (edges, module) in [(&design.inputs, "ccs_in_wait"), (&design.outputs, "ccs_out_wait")]
        {
            for edge in edges {
                let Edge { name, kind, .. } = &design[*edge];
                // Others are memories, whose module Catapult takes from its libraries.
                if *kind != EdgeKind::Array(Partition::Complete) {
                    continue;
                }
                lines.push(format!(
                    "#pragma hls_resource {name}:rsc variables=\"{name}\" \
                     map_to_module=\"ccs_ioport.{module}\""
                ));
            }
        }
        if design.schedule.flow == Flow::Pipeline {
            lines.push(self.pipeline(design.schedule.initiation_interval));
        }
        lines
    }

    fn in_top(&self, _: &Design) -> Vec<String> {
        Vec::new()
    }

    fn at_array(&self, name: &str, len: usize, partition: Partition) -> Vec<String> {
        match partition {
            Partition::Complete if len >= REGISTER_THRESHOLD => vec![as_registers(name)],
            // The script has the threshold, and says how memories are split.
            Partition::Complete | Partition::Cyclic { .. } | Partition::Reshape { .. } => {
                Vec::new()
            }
        }
    }

    fn at_token(&self, name: &str, lanes: usize) -> Vec<String> {
        self.at_array(&format!("{name}.lanes"), lanes, Partition::Complete)
    }

    fn in_kernel(&self, _: &Design, _: &Kernel) -> Vec<String> {
        // Kernels become part of the top function's pipeline; its interval shares their operators.
        Vec::new()
    }

    fn declare_stream(&self, name: &str, token: &str, (depth, _): (u64, Storage)) -> Vec<String> {
        // The script sets the depth.
        vec![format!("static {}<{token}> {name}; // depth {depth}", VENDOR.stream)]
    }

    fn inlined(&self) -> Vec<String> {
        // Catapult inlines every function that is no block.
        Vec::new()
    }

    fn at_memory(&self, _: &Memory) -> Vec<String> {
        // The script maps memories to modules.
        Vec::new()
    }

    fn at_lines(&self, _: &Memory, _: usize) -> Vec<String> {
        // The script has the memories of line buffers.
        Vec::new()
    }

    fn pipeline(&self, interval: u64) -> String {
        format!("#pragma hls_pipeline_init_interval {interval}")
    }

    fn flushed_pipeline(&self, interval: u64) -> Vec<String> {
        vec![self.pipeline(interval), "#pragma hls_pipeline_stall_mode flush".to_owned()]
    }

    fn unroll(&self, factor: Option<u64>) -> String {
        let factor = factor.map_or("yes".to_owned(), |factor| factor.to_string());
        format!("#pragma hls_unroll {factor}")
    }

    fn at_static(&self, _: &str) -> Vec<String> {
        // The tool resets static variables.
        Vec::new()
    }

    fn scripts(&self, design: &Design) -> Result<Vec<File>, BackError> {
        let script = BuildScript {
            design,
            uncertainty: rounded(design.options.clock_period * design.options.clock_uncertainty),
            register_threshold: REGISTER_THRESHOLD,
            register_limit: register_limit(design).max(REGISTER_THRESHOLD),
            register_constants: register_constants(design),
            words: words(design),
            frames: frames(design),
            ports: ports(design),
            depths: depths(design),
            lines: line_memories(design),
            // An ASIC library is named after its behavioural models.
            is_asic: design.options.part.ends_with("_beh"),
        };
        Ok(vec![File::new("build_prj.tcl", script.render()?)])
    }
}
