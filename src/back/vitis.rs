//! Vitis HLS: `ap_fixed`, `#pragma HLS`.

use askama::Template;

use super::dialect::{Dialect, Testbench, Vendor};
use super::files::File;
use super::text::rounded;
use super::{BackError, Tool};
use crate::fixed::{Overflow, Quantization, Rounding};
use crate::hls::{
    Access, Design, EdgeId, EdgeKind, EdgeRole, Flow, Kernel, Memory, Partition, Storage,
};

pub(super) struct Vitis;

/// Depth up to which every FIFO is of shift registers (UG1399, `config_storage fifo
/// -auto_srl_max_depth`).
const SHIFT_REGISTER_DEPTH: u64 = 2;

static VENDOR: Vendor = Vendor {
    tool: Tool::Vitis,
    types_header: "ap_fixed.h",
    source_headers: &[],
    stream_header: "hls_stream.h",
    stream: "hls::stream",
    before_process: &[],
    pragmas_before: false,
    pipelines_processes: false,
    testbench: Testbench {
        main: "int main(int argc, char **argv) {",
        leave: ("return ", ""),
        call: ("", ""),
        set_code: &[
            "ap_uint<128> bits = code.high;",
            "bits = (bits << 64) | ap_uint<128>(code.low);",
            "value.range(W - 1, 0) = ap_uint<W>(bits);",
        ],
        get_code: &[
            "const ap_uint<W> narrow = value.range(W - 1, 0);",
            "const ap_uint<128> bits = narrow;",
            "const Code code = {ap_uint<64>(bits >> 64).to_uint64(), \
             ap_uint<64>(bits).to_uint64()};",
            "return code;",
        ],
    },
    commands: &[
        ("Vitis HLS from 2024.1 on", "vitis-run --mode hls --tcl build_prj.tcl"),
        ("Vitis HLS before", "vitis_hls -f build_prj.tcl"),
    ],
};

#[derive(Template)]
#[template(path = "vitis/build_prj.tcl")]
struct BuildScript<'a> {
    design: &'a Design,
    uncertainty: String,
}

impl Dialect for Vitis {
    fn vendor(&self) -> &'static Vendor {
        &VENDOR
    }

    fn spell(&self, quantization: &Quantization) -> Option<String> {
        let Quantization { format, rounding, overflow } = quantization;
        let u = if format.is_signed() { "" } else { "u" };
        if *rounding == Rounding::RndConvOdd {
            return None;
        }
        let mut text = format!("ap_{u}fixed<{}, {}", format.width(), format.integer_bits());
        if (*rounding, *overflow) != (Rounding::Trn, Overflow::WRAP) {
            text += &format!(", AP_{}, AP_{}", rounding.name(), overflow.name());
        }
        if let Overflow::Wrap { saturated_bits: bits @ 1.. } = overflow {
            text += &format!(", {bits}");
        }
        Some(text + ">")
    }

    fn integer(&self, width: u32, signed: bool) -> String {
        let u = if signed { "" } else { "u" };
        format!("ap_{u}int<{width}>")
    }

    fn bits(&self, variable: &str, low: u32, width: u32) -> String {
        format!("{variable}.range({}, {low})", low + width - 1)
    }

    fn top(&self, name: &str) -> String {
        name.to_owned()
    }

    fn before_top(&self, _: &Design) -> Vec<String> {
        Vec::new()
    }

    fn in_top(&self, design: &Design) -> Vec<String> {
        let mut lines = Vec::new();
        for edge in &design.edges {
            let name = &edge.name;
            let EdgeKind::Array(partition) = edge.kind else {
                if matches!(edge.role, EdgeRole::Input | EdgeRole::Output) {
                    lines.push(format!("#pragma HLS INTERFACE axis port={name}"));
                }
                continue;
            };
            match (edge.role, partition) {
                (EdgeRole::Input, Partition::Complete) if design.is_one_word(edge) => {
                    lines.push(format!("#pragma HLS ARRAY_RESHAPE variable={name} complete dim=0"));
                }
                (EdgeRole::Input | EdgeRole::Output, _) => {
                    lines.extend(self.at_array(name, edge.len(), partition));
                }
                (EdgeRole::Internal | EdgeRole::Local(_), _) => {}
            }
        }
        // Ports that are memories have a protocol of their own.
        let is_wires = |edge: &&EdgeId| design[**edge].kind == EdgeKind::Array(Partition::Complete);
        let ports = design.inputs.iter().chain(&design.outputs).filter(is_wires);
        let ports: Vec<&str> = ports.map(|edge| design[*edge].name.as_str()).collect();
        if !ports.is_empty() {
            lines.push(format!("#pragma HLS INTERFACE ap_vld port={}", ports.join(",")));
        }
        match design.schedule.flow {
            Flow::Pipeline => lines.push(self.pipeline(design.schedule.initiation_interval)),
            Flow::Dataflow => lines.push("#pragma HLS DATAFLOW".to_owned()),
        }
        lines
    }

    fn at_array(&self, name: &str, _: usize, partition: Partition) -> Vec<String> {
        match partition {
            Partition::Complete => {
                vec![format!("#pragma HLS ARRAY_PARTITION variable={name} complete dim=0")]
            }
            Partition::Cyclic { factor: 1 } | Partition::Reshape { elements: 1 } => Vec::new(),
            Partition::Cyclic { factor } => {
                vec![format!("#pragma HLS ARRAY_PARTITION variable={name} cyclic factor={factor}")]
            }
            Partition::Reshape { elements } => {
                vec![format!("#pragma HLS ARRAY_RESHAPE variable={name} cyclic factor={elements}")]
            }
        }
    }

    fn at_token(&self, _: &str, _: usize) -> Vec<String> {
        // The lanes of a stream's token are one word.
        Vec::new()
    }

    fn in_kernel(&self, design: &Design, kernel: &Kernel) -> Vec<String> {
        let plan = &kernel.plan;
        let mut lines = Vec::new();
        if plan.inlined {
            lines.extend(self.inlined());
        } else if plan.is_unrolled() {
            lines.push(self.pipeline(plan.initiation_interval));
        }
        for (constant, partition) in &plan.constants {
            let (name, len) = (&design[*constant].name, design[*constant].codes.len());
            lines.extend(self.at_array(name, len, *partition));
            let memory = design.constant_memory(kernel, *constant, *partition);
            lines.extend(memory.iter().flat_map(|memory| self.at_memory(memory)));
        }
        if let Some(limit) = plan.multiplier_limit {
            lines.push(format!("#pragma HLS ALLOCATION operation instances=mul limit={limit}"));
        }
        lines
    }

    fn declare_stream(
        &self,
        name: &str,
        token: &str,
        (depth, storage): (u64, Storage),
    ) -> Vec<String> {
        let mut lines = vec![
            format!("{}<{token}> {name}(\"{name}\");", VENDOR.stream),
            format!("#pragma HLS STREAM variable={name} depth={depth}"),
        ];
        // Shallower ones are shift registers whatever their width.
        if depth > SHIFT_REGISTER_DEPTH {
            let hardware = match storage {
                Storage::Lut => "srl",
                Storage::Block => "bram",
            };
            let bind =
                format!("#pragma HLS BIND_STORAGE variable={name} type=fifo impl={hardware}");
            lines.push(bind);
        }
        lines
    }

    fn at_memory(&self, memory: &Memory) -> Vec<String> {
        let kind = match memory.access {
            Access::Constants => "rom_1p",
            Access::CopiedConstants => "rom_np",
            Access::ReadAndWrite => "ram_s2p",
            Access::TwoReads => "ram_2p",
        };
        let hardware = match memory.storage {
            Storage::Lut => "lutram",
            Storage::Block => "bram",
        };
        let name = &memory.name;
        vec![format!("#pragma HLS BIND_STORAGE variable={name} type={kind} impl={hardware}")]
    }

    fn at_lines(&self, memory: &Memory, distance: usize) -> Vec<String> {
        let name = &memory.name;
        let rows = if memory.count > 1 { "ARRAY_PARTITION" } else { "ARRAY_RESHAPE" };
        vec![
            format!("#pragma HLS {rows} variable={name} complete dim=2"),
            format!("#pragma HLS ARRAY_RESHAPE variable={name} complete dim=3"),
            // Without it, the tool assumes that the next iteration may read what this one writes:
            // the column is a variable, or no longer the counter of the loop that both loops become.
            format!(
                "#pragma HLS DEPENDENCE variable={name} type=inter direction=RAW \
                 distance={distance} dependent=true"
            ),
        ]
    }

    fn inlined(&self) -> Vec<String> {
        vec!["#pragma HLS INLINE".to_owned()]
    }

    fn pipeline(&self, interval: u64) -> String {
        format!("#pragma HLS PIPELINE II={interval}")
    }

    fn flushed_pipeline(&self, interval: u64) -> Vec<String> {
        vec![format!("{} style=flp", self.pipeline(interval))]
    }

    fn frame_pipeline(&self, interval: u64) -> Vec<String> {
        // UG1399, "Rewinding Pipelined Loops for Performance": successive calls of the outermost loop of
        // a dataflow process overlap.
        vec![format!("{} rewind style=flp", self.pipeline(interval))]
    }

    fn unroll(&self, factor: Option<u64>) -> String {
        let factor = factor.map_or_else(String::new, |factor| format!(" factor={factor}"));
        format!("#pragma HLS UNROLL{factor}")
    }

    fn at_static(&self, name: &str) -> Vec<String> {
        // By default, registers of control logic alone are reset.
        vec![format!("#pragma HLS RESET variable={name}")]
    }

    fn scripts(&self, design: &Design) -> Result<Vec<File>, BackError> {
        let uncertainty = format!("{}%", rounded(design.options.clock_uncertainty * 100.0));
        let script = BuildScript { design, uncertainty };
        Ok(vec![File::new("build_prj.tcl", script.render()?)])
    }
}
