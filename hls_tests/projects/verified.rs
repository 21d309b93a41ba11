//! Written projects compute the simulated outputs with either set of headers.

use std::fs;
use std::path::Path;

use bitkiln::back::{Headers, Tool, VerifyError, WriteOptions, verify, write};
use bitkiln::fixed::{Format, Overflow, Quantization, Rounding};
use bitkiln::ir::Graph;
use tempfile::TempDir;

use crate::networks::*;
use crate::vendors;

/// Writes the project of `network` to a folder of its own.
pub fn build(network: &Network, backend: Tool) -> TempDir {
    let design = network.design(backend);
    let folder = tempfile::tempdir().unwrap();
    write(&design, backend, &network.vectors, folder.path(), &WriteOptions::default()).unwrap();
    assert_eq!(vendors::check(folder.path()).unwrap(), [""; 0], "{}", network.graph.name);
    folder
}

pub fn assert_exact_for(network: &Network, backend: Tool) {
    let project = build(network, backend);
    let values: usize = network.vectors.outputs.iter().map(|(_, codes)| codes.len()).sum();
    for headers in [Headers::Builtin, Headers::Vendor] {
        let case = format!("{} for {backend} with {headers:?} headers", network.graph.name);
        let verdict =
            verify(project.path(), headers).unwrap_or_else(|error| panic!("{case}: {error}"));
        assert!(verdict.is_exact(), "{case}: {:?}", verdict.details);
        assert_eq!(verdict.compared, values as u64, "{case}");
    }
}

pub fn assert_exact(network: &Network) {
    for backend in Tool::ALL {
        assert_exact_for(network, backend);
    }
}

#[test]
fn dense_layers_and_casts() {
    assert_exact(&tiny());
}

#[test]
fn every_operation_and_every_way_out() {
    assert_exact(&every_operation());
}

#[test]
fn windows_moves_and_merges() {
    assert_exact(&windows());
}

#[test]
fn kernels_that_keep_their_loops() {
    assert_exact(&large());
}

#[test]
fn every_shared_mode() {
    assert_exact(&every_mode());
}

#[test]
fn formats_at_the_ends() {
    assert_exact(&extreme_formats());
}

/// A million elements between two kernels, 8 bytes each with the stand-ins: more than the usual
/// stack of 8 MB.
#[test]
fn tensors_that_exceed_a_stack() {
    let mut graph = Graph::new("wide");
    let x = graph.add_input("x", vec![1 << 20], Format::signed(8, 1).unwrap());
    let [coarse, coarser] = [6, 4].map(|width| {
        Quantization::new(Format::signed(width, 1).unwrap(), Rounding::RndConv, Overflow::Sat)
    });
    let y = add_cast_to(&mut graph, "y", x, coarse);
    let z = add_cast_to(&mut graph, "z", y, coarser);
    graph.add_output("z", z);
    let network = Network::new(graph, 1, 1);
    for backend in Tool::ALL {
        let project = build(&network, backend);
        let verdict = verify(project.path(), Headers::Builtin).unwrap();
        assert_eq!((verdict.compared, verdict.mismatches), (1 << 20, 0));
    }
}

/// One cast to `to`.
fn one_cast(rounding: Rounding, overflow: Overflow) -> Network {
    let mut graph = Graph::new("one_cast");
    let x = graph.add_input("x", vec![64], Format::signed(9, 4).unwrap());
    let to = Quantization::new(Format::signed(5, 2).unwrap(), rounding, overflow);
    let y = add_cast_to(&mut graph, "y", x, to);
    graph.add_output("y", y);
    Network::new(graph, 10, 1)
}

#[test]
fn modes_of_one_vendor_alone() {
    let saturated_bits = one_cast(Rounding::Rnd, Overflow::Wrap { saturated_bits: 2 });
    assert_exact_for(&saturated_bits, Tool::Vitis);
    let halves_to_odd = one_cast(Rounding::RndConvOdd, Overflow::Sat);
    assert_exact_for(&halves_to_odd, Tool::Catapult);
}

/// Replaces the first `from` in a file of the project by `to`.
fn edit(project: &Path, file: &str, from: &str, to: &str) {
    let path = project.join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} lacks {from}:\n{text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// The stand-ins' verdict on a project after `change`.
fn verdict_on(backend: Tool, change: impl Fn(&Path)) -> Result<u64, VerifyError> {
    let project = build(&tiny(), backend);
    change(project.path());
    verify(project.path(), Headers::Builtin).map(|verdict| {
        assert_eq!(verdict.is_exact(), verdict.mismatches == 0);
        assert!(verdict.details.len() as u64 <= verdict.mismatches.min(5));
        verdict.mismatches
    })
}

#[test]
fn a_changed_weight_is_found() {
    for backend in Tool::ALL {
        let mismatches = verdict_on(backend, |project| {
            edit(project, "firmware/weights/fc2_weights.h", "#endif\n    ", "#endif\n    0.125 + ");
        });
        assert!(mismatches.unwrap() > 0, "{backend}");
    }
}

#[test]
fn a_changed_rounding_mode_is_found() {
    for (backend, from, to) in
        [(Tool::Vitis, "AP_RND,", "AP_TRN,"), (Tool::Catapult, "AC_RND,", "AC_TRN,")]
    {
        let mismatches =
            verdict_on(backend, |project| edit(project, "firmware/defines.h", from, to));
        assert!(mismatches.unwrap() > 0, "{backend}");
    }
}

#[test]
fn a_changed_expectation_is_found() {
    let project = build(&tiny(), Tool::Vitis);
    let path = project.path().join("tb_data/scores_out.dat");
    let text = fs::read_to_string(&path).unwrap();
    let (first, rest) = text.split_once(' ').unwrap();
    let digits = first.len();
    let first = u64::from_str_radix(first, 16).unwrap();
    fs::write(&path, format!("{:x} {rest}", first ^ 1)).unwrap();
    let verdict = verify(project.path(), Headers::Builtin).unwrap();
    assert_eq!((verdict.compared, verdict.mismatches), (96, 1));
    let (wrong, right) = (first ^ 1, first);
    let expected =
        format!("sample 0, scores_out[0]: got {right:0digits$x}, expected {wrong:0digits$x}");
    assert_eq!(verdict.details, [expected]);
}

#[test]
fn vectors_that_are_not_complete_give_no_verdict() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 11] = [
        ("cannot read input_1.dat", |project| {
            fs::remove_file(project.join("tb_data/input_1.dat")).unwrap();
        }),
        ("has 3 of 32 samples", |project| {
            let path = project.join("tb_data/scores_out.dat");
            let text = fs::read_to_string(&path).unwrap();
            let lines: Vec<&str> = text.lines().take(3).collect();
            fs::write(&path, lines.join("\n")).unwrap();
        }),
        ("line 1: 4 values instead of 3", |project| {
            edit(project, "tb_data/scores_out.dat", " ", " 7 ");
        }),
        ("line 1: 'x' is no code of 8 bits", |project| {
            edit(project, "tb_data/scores_out.dat", " ", " x ");
        }),
        ("line 1: '000000000000000000000000000000000' is no code of 8 bits", |project| {
            edit(project, "tb_data/scores_out.dat", " ", &format!(" {} ", "0".repeat(50)));
        }),
        // 2^128 more than a code that fits.
        ("'100000000000000000000000000000001' is no code of 8 bits", |project| {
            let wide = format!(" 1{}1 ", "0".repeat(31));
            edit(project, "tb_data/scores_out.dat", " ", &wide);
        }),
        ("line 1: '-1' is no code of 8 bits", |project| {
            edit(project, "tb_data/scores_out.dat", " ", " -1 ");
        }),
        ("line 1: 'x' is no code of 8 bits", |project| {
            edit(project, "tb_data/scores_out.dat", " ", " x\0 ");
        }),
        ("scores_out.dat has more than 32 samples", |project| {
            let path = project.join("tb_data/scores_out.dat");
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, text + "1 2 3\n").unwrap();
        }),
        ("cannot read input_1.dat", |project| {
            let path = project.join("tb_data/input_1.dat");
            fs::remove_file(&path).unwrap();
            fs::create_dir(path).unwrap();
        }),
        ("input_1.dat, line 1: '100' is no code of 8 bits", |project| {
            let path = project.join("tb_data/input_1.dat");
            let text = fs::read_to_string(&path).unwrap();
            let (_, rest) = text.split_once(' ').unwrap();
            fs::write(&path, format!("100 {rest}")).unwrap();
        }),
    ];
    for (complaint, change) in changes {
        let error = verdict_on(Tool::Catapult, change).unwrap_err();
        assert!(matches!(error, VerifyError::NoVerdict { .. }), "{error}");
        assert!(error.to_string().contains(complaint), "{error}");
    }
}

#[test]
fn a_testbench_that_crashes_is_no_lack_of_vectors() {
    let error = verdict_on(Tool::Vitis, |project| {
        edit(
            project,
            "tiny_test.cpp",
            "    const long mismatches",
            "    __builtin_trap();\n    const long mismatches",
        );
    });
    let error = error.unwrap_err();
    assert!(error.to_string().starts_with("the testbench came to no verdict (signal"), "{error}");
    let help = miette::Diagnostic::help(&error).unwrap().to_string();
    assert!(help.starts_with("it crashed: an index lies outside of its array, or"), "{help}");
}

/// An element behind an array may have the right value by chance.
#[test]
fn an_index_outside_of_an_array_ends_the_testbench() {
    let error = verdict_on(Tool::Catapult, |project| {
        edit(
            project,
            "tiny_test.cpp",
            "    const long mismatches",
            "    static int inside[2];
    volatile int behind = 2;
    inside[behind] = 1;
    const long mismatches",
        );
    });
    let error = error.unwrap_err();
    assert!(error.to_string().starts_with("the testbench came to no verdict (signal"), "{error}");
}

#[test]
fn more_samples_than_the_manifest_says_are_found() {
    let error = verdict_on(Tool::Vitis, |project| {
        edit(project, "bitkiln.json", "\"samples\": 32", "\"samples\": 31");
    });
    let error = error.unwrap_err().to_string();
    assert_eq!(error, "the testbench compared 96 values, the manifest says 93");
}

#[test]
fn a_manifest_that_was_edited_is_refused() {
    for (from, to, complaint) in [
        ("\"generator\": \"bitkiln\"", "\"generator\": \"x\"", "it was written by 'x'"),
        ("\"layout\": 1", "\"layout\": 2", "its layout is 2, known is 1"),
        ("\"backend\": \"vitis\"", "\"backend\": \"vitus\"", "unknown variant `vitus`"),
        ("\"name\": \"tiny\"", "\"name\": \"../tiny\"", "'../tiny' is no name of a project"),
        ("{", "[", "at line"),
    ] {
        let error = verdict_on(Tool::Vitis, |project| edit(project, "bitkiln.json", from, to));
        let error = error.unwrap_err();
        assert!(matches!(error, VerifyError::Manifest { .. }), "{error}");
        assert!(error.to_string().contains("bitkiln.json"), "{error}");
        assert!(error.to_string().contains(complaint), "{error}");
    }
}

#[test]
fn a_folder_without_a_manifest_is_no_project() {
    let folder = tempfile::tempdir().unwrap();
    let error = verify(folder.path(), Headers::Builtin).unwrap_err();
    assert!(error.to_string().contains("bitkiln.json: No such file"), "{error}");
}

#[test]
fn a_project_that_does_not_compile_shows_the_log() {
    let error = verdict_on(Tool::Vitis, |project| {
        edit(project, "firmware/tiny.cpp", "fc1_acc_t sum", "fc1_ack_t sum");
    });
    let error = error.unwrap_err();
    assert!(matches!(error, VerifyError::Compile { .. }));
    assert!(error.to_string().contains("fc1_ack_t"), "{error}");
}

#[test]
fn missing_headers_say_where_they_are_not() {
    let project = build(&tiny(), Tool::Catapult);
    let empty = tempfile::tempdir().unwrap();
    let error = verify(project.path(), Headers::Dir(empty.path().to_owned())).unwrap_err();
    let text = error.to_string();
    let place = empty.path().join("ac_types/include");
    assert!(text.starts_with("no headers of Catapult found; looked in "), "{text}");
    assert!(text.contains(&*place.to_string_lossy()), "{text}");
    let help = miette::Diagnostic::help(&error).unwrap().to_string();
    assert!(help.contains("BITKILN_VENDOR_HEADERS") && help.contains("MGC_HOME"), "{help}");
}

#[test]
fn headers_are_found_in_a_named_folder() {
    let project = build(&tiny(), Tool::Vitis);
    let folder = tempfile::tempdir().unwrap();
    let types = folder.path().join("ap_types");
    fs::create_dir(&types).unwrap();
    for (name, text) in bitkiln::back::standin::FILES {
        fs::write(types.join(name), text).unwrap();
    }
    for place in [folder.path(), &types] {
        let verdict = verify(project.path(), Headers::Dir(place.to_owned())).unwrap();
        assert!(verdict.is_exact());
        assert_eq!(verdict.headers, types.canonicalize().unwrap().display().to_string());
    }
}
