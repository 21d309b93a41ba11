//! `build_prj.tcl` of both vendors: every step, every option, and every way to fail.

use std::path::Path;

use bitkiln::back::Tool;
use bitkiln::config::IoType;
use bitkiln::ir::{Graph, Window};
use tempfile::TempDir;

use crate::networks::*;
use crate::resource::{large_tiles, small_tiles};
use crate::vendors::script::{Run, run};
use crate::verified::build;

/// Every combination of 1 and 0 for the options.
fn combinations(options: &[&str]) -> Vec<Vec<(String, bool)>> {
    let all = 0..1_usize << options.len();
    let bits = |all: usize| {
        let options = options.iter().enumerate();
        options.map(|(n, option)| ((*option).to_owned(), all >> n & 1 == 1)).collect()
    };
    all.map(bits).collect()
}

/// Runs the script with these options.
fn run_with(project: &Path, options: &[(String, bool)], environment: &[(&str, &str)]) -> Run {
    let words: Vec<String> =
        options.iter().map(|(name, on)| format!("{name}={}", u8::from(*on))).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    run(project, &words, environment)
}

fn is_on(options: &[(String, bool)], name: &str) -> bool {
    options.iter().any(|(known, on)| known == name && *on)
}

/// Each of the calls fails in turn: the script ends with 1, and says which step failed.
fn each_call_fails(project: &TempDir, words: &[&str], ignored: &str) {
    let good = run(project.path(), words, &[]);
    assert_eq!(good.code, Some(0), "{}", good.printed);
    let mut failed = 0;
    for call in good.calls() {
        let bad = run(project.path(), words, &[("FAIL", call)]);
        if call.starts_with(ignored) {
            assert_eq!(bad.code, Some(0), "{call}: {}", bad.printed);
            continue;
        }
        assert_eq!(bad.code, Some(1), "{call}: {}", bad.printed);
        assert!(bad.printed.contains("ERROR: "), "{call}: {}", bad.printed);
        assert_eq!(bad.calls().last(), Some(&call), "steps after one that failed");
        failed += 1;
    }
    assert!(failed >= 10, "only {failed} calls");
}

#[test]
fn vitis_takes_every_step_and_option() {
    let project = build(&tiny(), Tool::Vitis);
    for options in combinations(&["reset", "csim", "synth", "cosim", "export"]) {
        let on = |name: &str| is_on(&options, name);
        for earlier in [&[][..], &[("SYNTHESISED", "1")]] {
            let run = run_with(project.path(), &options, earlier);
            let needs = (on("cosim") || on("export")) && !on("synth") && earlier.is_empty();
            assert_eq!(run.code, Some(i32::from(needs)), "{options:?}: {}", run.printed);
            assert!(run.has_called("csim_design") == on("csim"), "{options:?}");
            assert!(run.has_called("csynth_design") == on("synth"), "{options:?}");
            if !needs {
                assert!(run.has_called("cosim_design") == on("cosim"), "{options:?}");
                assert!(run.has_called("export_design") == on("export"), "{options:?}");
            }
            assert!(run.has_called("open_project -reset") == on("reset"), "{options:?}");
        }
    }
}

#[test]
fn catapult_takes_every_step_and_option() {
    let project = build(&small_tiles(), Tool::Catapult);
    for options in combinations(&["reset", "csim", "synth", "cosim", "verilog", "vhdl"]) {
        let on = |name: &str| is_on(&options, name);
        let run = run_with(project.path(), &options, &[]);
        let bad = on("cosim") && (!on("synth") || !on("verilog") && !on("vhdl"));
        assert_eq!(run.code, Some(i32::from(bad)), "{options:?}: {}", run.printed);
        if bad {
            continue;
        }
        let simulates = |makefile: &str| {
            run.has_called(&format!("flow run /SCVerify/launch_make ./scverify/{makefile}"))
        };
        assert!(simulates("Verify_orig_cxx_osci.mk") == on("csim"), "{options:?}");
        assert!(simulates("Verify_rtl_v_msim.mk") == (on("cosim") && on("verilog")), "{options:?}");
        assert!(simulates("Verify_rtl_vhdl_msim.mk") == (on("cosim") && on("vhdl")), "{options:?}");
        assert!(run.has_called("go extract") == on("synth"), "{options:?}");
        let verilog = format!("options set Output/OutputVerilog {}", on("verilog"));
        assert!(run.has_called(&verilog), "{options:?}");
    }
}

#[test]
fn a_step_that_fails_ends_the_script() {
    let vitis = build(&tiny(), Tool::Vitis);
    each_call_fails(&vitis, &["reset=1", "export=1"], "config_array_partition");
    let catapult = build(&large_tiles(), Tool::Catapult);
    each_call_fails(&catapult, &["cosim=1", "vhdl=1"], "nothing");
}

#[test]
fn unknown_options_end_the_script() {
    for backend in Tool::ALL {
        let project = build(&tiny(), backend);
        for word in ["csin=1", "csim=maybe", "csim="] {
            let run = run(project.path(), &[word], &[]);
            assert_eq!(run.code, Some(1), "{}", run.printed);
            let complaint = format!("ERROR: no option '{word}': the options are cosim csim");
            assert!(run.printed.contains(&complaint), "{}", run.printed);
            assert_eq!(run.calls(), [""; 0]);
        }
        // Catapult's users write all options as one word.
        let run = run(project.path(), &["csim=0 synth=yes cosim=off"], &[]);
        assert_eq!(run.code, Some(0), "{}", run.printed);
    }
}

#[test]
fn catapult_finds_the_library_of_a_part() {
    let project = build(&tiny(), Tool::Catapult);
    let found = run(project.path(), &[], &[]);
    let call = "solution library add mgc_Xilinx-KINTEX-u-2_beh -- -rtlsyntool Vivado -vendor Xilinx \
                -family KINTEX-u -speed -2 -part xcku115-flvb2104-2-i";
    assert!(found.has_called(call), "{}", found.printed);
    let elsewhere = run(project.path(), &[], &[("LIBRARY_PATH", "/OTHER/PARAMETERS/Vivado")]);
    assert_eq!(elsewhere.code, Some(0), "{}", elsewhere.printed);
    let unknown = run(project.path(), &[], &[("LIBRARY", "")]);
    assert_eq!(unknown.code, Some(1), "{}", unknown.printed);
    let complaint = "ERROR: C synthesis: Catapult has no library for part 'xcku115-flvb2104-2-i'";
    assert!(unknown.printed.contains(complaint), "{}", unknown.printed);
}

/// The rows of an image are a memory with their pixels in a word, unless they are short. Ones that are read soon
/// after they are written, as they are too large for registers, keep the order of accesses.
#[test]
fn catapult_maps_line_buffers_to_memories() {
    for (columns, channels, kept) in
        [(8, 3, Some("apart")), (7, 300, Some("in order")), (7, 3, None)]
    {
        let mut graph = Graph::new("rows");
        let x = graph.add_input("image", vec![6, columns, channels], format("fixed<5,2>"));
        let window = Window { kernel: [3, 1], output: [4, columns], ..Window::whole([6, columns]) };
        let sums = add_conv(&mut graph, "conv", x, (window, 1, 1));
        graph.add_output("conv", sums);
        let mut network = Network::new(graph, 1, 4);
        network.options.io = IoType::Stream;
        let run = run(build(&network, Tool::Catapult).path(), &[], &[]);
        let lines = "directive set /rows/conv/core/conv_lines";
        for directive in [
            // Two rows.
            format!("{lines} -WORD_WIDTH {}", 2 * 5 * channels),
            format!("{lines}:rsc -MAP_TO_MODULE Xilinx_RAMS.BLOCK_1R1W_RBW"),
        ] {
            assert_eq!(run.has_called(&directive), kept.is_some(), "{}", run.printed);
        }
        let ignored = "ignore_memory_precedences -from *write_mem(conv_lines* \
                       -to *read_mem(conv_lines*";
        assert_eq!(run.has_called(ignored), kept == Some("apart"), "{}", run.printed);
    }
}

#[test]
fn catapult_loads_the_project_of_an_earlier_run() {
    let project = build(&tiny(), Tool::Catapult);
    for (words, earlier, opening) in [
        ("reset=0", "tiny", "project new -name tiny_prj"),
        ("reset=1", "other", "project new -name tiny_prj"),
        ("reset=1", "tiny", "project load tiny_prj.ccs"),
    ] {
        let run = run(project.path(), &[words], &[("PROJECT", earlier)]);
        assert_eq!(run.code, Some(0), "{}", run.printed);
        assert!(run.has_called(opening), "{words}: {}", run.printed);
    }
}

/// Gates in place of an FPGA, and the directives of memories.
#[test]
fn other_designs_have_legal_scripts() {
    let mut gates = tiny();
    gates.options.part = "nangate-45nm_beh".into();
    let design = bitkiln::hls::Design::new(&gates.graph, &gates.options).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let options = bitkiln::back::WriteOptions::default();
    bitkiln::back::write(&design, Tool::Catapult, &gates.vectors, folder.path(), &options).unwrap();
    let gates = run(folder.path(), &[], &[]);
    assert_eq!(gates.code, Some(0), "{}", gates.printed);
    assert!(gates.has_called("solution library add nangate-45nm_beh"), "{}", gates.printed);

    let memories = run(build(&large(), Tool::Catapult).path(), &[], &[]);
    assert_eq!(memories.code, Some(0), "{}", memories.printed);
    let directive = "directive set /large_network/image -WORD_WIDTH 30";
    assert!(memories.has_called(directive), "{}", memories.printed);
    let words = run(build(&small_tiles(), Tool::Catapult).path(), &[], &[]);
    assert!(words.has_called("directive set /blocks/"), "{}", words.printed);
}

/// The stand-ins refuse what the tools do not have.
#[test]
fn illegal_commands_are_refused() {
    let complaint = |backend, from: &str, to: &str| {
        let project = build(&tiny(), backend);
        let path = project.path().join("build_prj.tcl");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let run = run(project.path(), &["cosim=1", "synth=1"], &[]);
        assert_ne!(run.code, Some(0), "{to}");
        run.printed
    };
    for (from, to, expected) in [
        ("set_top $project_name", "set_tops x", "invalid command name \"set_tops\""),
        ("{csim_design}", "{csim_design -fast}", "csim_design has no option '-fast'"),
        ("{cosim_design}", "{cosim_design -rtl chisel}", "cosim_design -rtl cannot be 'chisel'"),
        ("-period $clock_period", "-period fast", "create_clock -period cannot be 'fast'"),
        ("-tb tb_data", "-tb vectors", "add_files cannot be 'vectors'"),
        ("set_part $part", "", "csim_design comes before part"),
        ("exit 0", "", "NO EXIT"),
        ("step \"project\" {", "nonsense\nstep \"project\" {", "UNCAUGHT"),
    ] {
        let printed = complaint(Tool::Vitis, from, to);
        assert!(printed.contains(expected), "{to}: {printed}");
    }
    for (from, to, expected) in [
        ("go architect", "go architecture", "no stage is called 'architecture'"),
        ("        go allocate\n", "", "go schedule: the design is at 'architect'"),
        ("{c++17}", "{c++98}", "cannot be 'c++98'"),
        ("-RESET_CLEARS_ALL_REGS no", "-RESET_CLEARS_REGS no", "cannot be '-RESET_CLEARS_REGS'"),
        ("-CLOCK_EDGE rising", "-CLOCK_EDGE up", "the clock's -CLOCK_EDGE cannot be 'up'"),
        (
            "go architect",
            "directive set /tiny/fc1_out:rsc -FIFO_DEPTH 2\ngo architect",
            "directive set -FIFO_DEPTH: '/tiny/fc1_out:rsc' is no channel",
        ),
        (
            "go architect",
            "directive set /tiny/fc1_out:cns -INTERLEAVE 2\ngo architect",
            "directive set -INTERLEAVE: '/tiny/fc1_out:cns' is a channel",
        ),
        (
            "go architect",
            "directive set /tiny/fc1_out:cns -FIFO_DEPTH deep\ngo architect",
            "directive set -FIFO_DEPTH cannot be 'deep'",
        ),
        (
            "Verify_rtl_v_msim.mk",
            "Verify_rtl_v_vcs.mk",
            "nothing writes './scverify/Verify_rtl_v_vcs.mk'",
        ),
        ("exit 0", "", "NO EXIT"),
    ] {
        let printed = complaint(Tool::Catapult, from, to);
        assert!(printed.contains(expected), "{to}: {printed}");
    }
}
