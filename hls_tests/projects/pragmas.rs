//! The lint over generated code knows the vendors' rules: it takes what they document and refuses
//! everything else.

use std::fs;

use bitkiln::back::Tool;

use crate::factors::small_factors;
use crate::forms::{random_forms, small_forms, small_functions};
use crate::networks::*;
use crate::resource::{large_tiles, small_tiles};
use crate::vendors::registers::{self, Registers};
use crate::vendors::{Source, Text, Vendor, complaints};
use crate::verified::build;

/// A design for Vitis with these lines at the start of a kernel, of its loop, and of the top function.
fn vitis([kernel, in_loop, top]: [&str; 3]) -> Vec<String> {
    let text = format!(
        "static const w_t weights[12] = {{1, 2}};
static const w_t other[4] = {{1, 2}};
static void kernel(const x_t input[6], y_t output[6]) {{
    {kernel}
    y_t sums[4];
    rows: for (int row = 0; row < 6; row++) {{
        {in_loop}
        sums[0] = weights[row] * input[row];
        output[row] = sums[0];
    }}
}}
void design(const x_t x[6], y_t y[6], y_t scalar) {{
    {top}
    kernel(x, y);
}}
"
    );
    complaints(Vendor::Vitis, "design", &[Text { path: "design.cpp", contents: &text }])
}

/// A design for Catapult with these lines before a kernel, its loop, an array, and the top function.
fn catapult([kernel, before_loop, array, top]: [&str; 4]) -> Vec<String> {
    let text = format!(
        "{kernel}
static void kernel(const x_t input[6], y_t output[6]) {{
    {array}
    y_t sums[4];
    {before_loop}
    rows: for (int row = 0; row < 6; row++) {{
        output[row] = input[row];
    }}
}}
{top}
void CCS_BLOCK(design)(const x_t x[6], y_t y[6]) {{
    kernel(x, y);
}}
"
    );
    complaints(Vendor::Catapult, "design", &[Text { path: "design.cpp", contents: &text }])
}

#[test]
fn documented_pragmas_of_vitis_pass() {
    for lines in [
        ["#pragma HLS PIPELINE", "", ""],
        ["#pragma HLS pipeline II=2 style=flp", "#pragma HLS unroll", ""],
        ["#pragma HLS INLINE off", "#pragma HLS PIPELINE II=1 rewind", "#pragma HLS DATAFLOW"],
        [
            "",
            "#pragma HLS PIPELINE II=1\n#pragma HLS UNROLL factor=6",
            "#pragma HLS TOP name=design",
        ],
        ["#pragma HLS ARRAY_PARTITION variable=weights complete dim=0", "", ""],
        ["#pragma HLS ARRAY_RESHAPE variable=weights type=block factor=12 dim=1", "", ""],
        ["#pragma HLS ALLOCATION operation instances=mul,add limit=2", "", ""],
        ["#pragma HLS BIND_STORAGE variable=weights type=ROM_1P impl=LUTRAM latency=2", "", ""],
        ["", "#pragma HLS LOOP_TRIPCOUNT min=6 max=6", ""],
        ["", "#pragma HLS DEPENDENCE variable=sums inter false", ""],
        ["", "#pragma HLS ARRAY_PARTITION variable=sums cyclic factor=2 \\\n dim=1", ""],
        [
            "",
            "",
            "#pragma HLS ARRAY_RESHAPE variable=x complete dim=0\n#pragma HLS ARRAY_PARTITION \
             variable=y complete\n#pragma HLS INTERFACE mode=ap_vld port=x, y,scalar\n#pragma HLS \
             INTERFACE ap_ctrl_none port=return",
        ],
        ["", "", "#pragma HLS INTERFACE bram port=x\n#pragma HLS INTERFACE s_axilite port=return"],
    ] {
        assert_eq!(vitis(lines), [""; 0], "{lines:?}");
    }
}

#[test]
fn other_pragmas_of_vitis_are_refused() {
    for (lines, complaint) in [
        (["#pragma HLS PIPELINES", "", ""], "no pragma is called 'pipelines'"),
        (["#pragma hls_unroll yes", "", ""], "no pragma of Vitis HLS"),
        (["#pragma once", "", ""], "no pragma of Vitis HLS"),
        (["#pragma HLS PIPELINE II=0", "", ""], "'ii' cannot be '0'"),
        (["#pragma HLS PIPELINE II=one", "", ""], "'ii' cannot be 'one'"),
        (["#pragma HLS PIPELINE interval=1", "", ""], "no argument 'interval'"),
        (["#pragma HLS PIPELINE II=1 II=2", "", ""], "'ii' twice"),
        (["#pragma HLS PIPELINE II=1 style=deep", "", ""], "'style' cannot be 'deep'"),
        (["#pragma HLS PIPELINE\n#pragma HLS PIPELINE", "", ""], "line 4 says the same"),
        (["#pragma HLS UNROLL", "", ""], "not at the start of a loop"),
        (["", "sums[1] = 0;\n#pragma HLS UNROLL", ""], "not at the start of a loop"),
        (["", "#pragma HLS UNROLL factor=7", ""], "the loop has 6 iterations"),
        (["", "#pragma HLS UNROLL\n#pragma HLS PIPELINE", ""], "unrolled fully is no pipeline"),
        (["", "#pragma HLS PIPELINE\n#pragma HLS UNROLL", ""], "is not unrolled fully"),
        (["#pragma HLS PIPELINE", "#pragma HLS PIPELINE", ""], "inside of the pipeline of line 4"),
        (["#pragma HLS DATAFLOW\n#pragma HLS PIPELINE", "", ""], "dataflow and pipeline"),
        (
            ["", "if (row) {\n#pragma HLS PIPELINE\n}", ""],
            "not at the start of a function or a loop",
        ),
        (["#pragma HLS ARRAY_PARTITION variable=window complete", "", ""], "declares no 'window'"),
        // Declared, but behind the pragma.
        (["#pragma HLS ARRAY_PARTITION variable=sums complete", "", ""], "declares no 'sums'"),
        // Declared in another function.
        (["", "", "#pragma HLS ARRAY_PARTITION variable=input complete"], "declares no 'input'"),
        (["#pragma HLS ARRAY_PARTITION variable=other complete", "", ""], "does not use 'other'"),
        (["#pragma HLS ARRAY_PARTITION complete dim=0", "", ""], "'variable' is missing"),
        (["#pragma HLS ARRAY_PARTITION variable=weights dim=0", "", ""], "'type' is missing"),
        (["#pragma HLS ARRAY_PARTITION variable=weights cyclic", "", ""], "'factor' is missing"),
        (
            ["#pragma HLS ARRAY_PARTITION variable=weights complete factor=2", "", ""],
            "'complete' takes no factor",
        ),
        (
            ["#pragma HLS ARRAY_PARTITION variable=weights cyclic factor=13", "", ""],
            "'weights' has 12 elements",
        ),
        (
            ["#pragma HLS ARRAY_RESHAPE variable=weights complete dim=2", "", ""],
            "'weights' has 1 axes",
        ),
        (
            [
                "#pragma HLS ARRAY_RESHAPE variable=weights complete\n#pragma HLS ARRAY_PARTITION \
                 variable=weights complete",
                "",
                "",
            ],
            "line 4 says the same or the contrary",
        ),
        (["", "", "#pragma HLS ARRAY_PARTITION variable=scalar complete"], "'scalar' is no array"),
        (
            ["#pragma HLS ALLOCATION operation instances=mul limit=0", "", ""],
            "'limit' cannot be '0'",
        ),
        (
            ["#pragma HLS ALLOCATION operation instances=multiply limit=1", "", ""],
            "'instances' cannot be 'multiply'",
        ),
        (["#pragma HLS ALLOCATION instances=mul limit=1", "", ""], "'type' is missing"),
        (
            ["#pragma HLS ALLOCATION instances=mul operation limit=1", "", ""],
            "'operation' or 'function' must come first",
        ),
        (["#pragma HLS INTERFACE ap_none port=input", "", ""], "not in the top function"),
        (["", "", "#pragma HLS INTERFACE ap_none port=z"], "declares no 'z'"),
        (["", "", "#pragma HLS INTERFACE ap_wire port=scalar"], "no argument 'ap_wire'"),
        (["", "", "#pragma HLS INTERFACE ap_vld port=x"], "'x' is an array, neither partitioned"),
        (["", "", "#pragma HLS INTERFACE port=x"], "'mode' is missing"),
        (["#pragma HLS STREAM variable=input depth=0", "", ""], "'depth' cannot be '0'"),
        (
            ["#pragma HLS BIND_STORAGE variable=input type=rom_3p", "", ""],
            "'type' cannot be 'rom_3p'",
        ),
        (["}\n#pragma HLS PIPELINE\nvoid g() {", "", ""], "outside of every function"),
    ] {
        let found = vitis(lines);
        assert!(found.iter().any(|found| found.contains(complaint)), "{lines:?}: {found:?}");
    }
}

#[test]
fn documented_pragmas_of_catapult_pass() {
    let top = "#pragma hls_design top";
    let resource = "#pragma hls_design top\n#pragma hls_resource x:rsc variables=\"x\" \
                    map_to_module=\"ccs_ioport.ccs_in_wait\"\n#pragma hls_pipeline_init_interval 1";
    for lines in [
        ["", "", "", top],
        ["", "", "", resource],
        ["#pragma hls_design ccore", "#pragma hls_unroll yes", "", top],
        ["", "#pragma hls_pipeline_init_interval 2\n#pragma hls_unroll 3", "", top],
        ["", "#pragma hls_preserve_loop yes", "", top],
        [
            "",
            "",
            "#pragma hls_resource sums:rsc variables=\"sums\" map_to_module=\"[Register]\"",
            top,
        ],
    ] {
        assert_eq!(catapult(lines), [""; 0], "{lines:?}");
    }
}

#[test]
fn other_pragmas_of_catapult_are_refused() {
    let top = "#pragma hls_design top";
    for (lines, complaint) in [
        (["#pragma HLS PIPELINE", "", "", top], "no pragma of Catapult"),
        (["#pragma hls_pipeline 1", "", "", top], "no pragma of Catapult"),
        (["", "", "", ""], "0 functions are the design's top"),
        (["#pragma hls_design top", "", "", top], "not before 'design'"),
        (["#pragma hls_design", "#pragma hls_design block", "", top], "not before a function"),
        (["#pragma hls_design inner", "", "", top], "it cannot be 'inner'"),
        (["#pragma hls_unroll yes", "", "", top], "not before a loop"),
        (["", "", "#pragma hls_unroll yes", top], "not before a loop"),
        (["", "#pragma hls_unroll maybe", "", top], "it cannot be 'maybe'"),
        (["", "#pragma hls_unroll 1", "", top], "it cannot be '1'"),
        (["", "#pragma hls_unroll 7", "", top], "the loop has 6 iterations"),
        (["", "#pragma hls_unroll yes\n#pragma hls_unroll 2", "", top], "line 5 says the same"),
        (["", "#pragma hls_pipeline_init_interval 0", "", top], "it cannot be '0'"),
        (["", "#pragma hls_pipeline_init_interval", "", top], "it cannot be ''"),
        (
            [
                "#pragma hls_pipeline_init_interval 1",
                "#pragma hls_pipeline_init_interval 1",
                "",
                top,
            ],
            "inside of the pipeline of line 1",
        ),
        (
            ["#pragma hls_resource x:rsc variables=\"x\" map_to_module=\"a.b\"", "", "", top],
            "'x' is not declared there",
        ),
        (
            ["", "", "#pragma hls_resource sum:rsc variables=\"sum\" map_to_module=\"a.b\"", top],
            "'sum' is not declared there",
        ),
        (
            ["", "", "#pragma hls_resource sums variables=\"sums\" map_to_module=\"a.b\"", top],
            "the resource of 'sums' is 'sums:rsc'",
        ),
        (
            ["", "", "#pragma hls_resource sums:rsc variables=\"sums\" map_to_module=\"RAM\"", top],
            "'RAM' is no library.module",
        ),
        (["", "", "#pragma hls_resource sums:rsc variables=\"sums\"", top], "not NAME:rsc"),
        (
            ["", "", "#pragma hls_resource sums:rsc variables=sums map_to_module=\"a.b\"", top],
            "its variable is not quoted",
        ),
    ] {
        let found = catapult(lines);
        assert!(found.iter().any(|found| found.contains(complaint)), "{lines:?}: {found:?}");
    }
}

/// Each of the lint's test networks has the arrays and loops that make its rules bite.
#[test]
fn the_lint_reads_generated_code() {
    let project = build(&small_tiles(), Tool::Vitis);
    let text = fs::read_to_string(project.path().join("firmware/blocks.cpp")).unwrap();
    let source = Source::read(&text);
    let pragmas = text.lines().filter(|line| line.trim_start().starts_with("#pragma")).count();
    assert_eq!(source.pragmas.len(), pragmas);
    let array = |name: &str| source.arrays.iter().filter(|array| array.name == name).count();
    assert_eq!((array("window"), array("image"), array("sums")), (2, 1, 10));
}

/// Arrays that Vitis is told to partition completely are registers in Catapult, too: weights and
/// arrays inside of kernels as well as tensors between them.
#[test]
fn catapult_keeps_the_same_arrays_in_registers() {
    for network in [
        tiny(),
        large(),
        windows(),
        every_operation(),
        small_tiles(),
        large_tiles(),
        small_factors(),
        small_forms(),
        small_functions(),
        random_forms(2),
    ] {
        let vitis = build(&network, Tool::Vitis);
        let catapult = build(&network, Tool::Catapult);
        let script = fs::read_to_string(catapult.path().join("build_prj.tcl")).unwrap();
        let threshold = |option: &str| -> u64 {
            let line = script.lines().find(|line| line.contains(option)).unwrap();
            line.split_whitespace().next_back().unwrap().parse().unwrap()
        };
        let registers = threshold("Architectural/DefaultRegisterThreshold");
        let mut sources = vec![];
        for folder in ["firmware/weights", "firmware"] {
            let Ok(entries) = fs::read_dir(vitis.path().join(folder)) else { continue };
            let paths = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
            sources.extend(paths.map(|path| Source::read(&fs::read_to_string(path).unwrap())));
        }
        let globals: Vec<_> = sources.iter().flat_map(|source| &source.globals).collect();
        let mut complete = 0;
        for pragma in sources.iter().flat_map(|source| &source.pragmas) {
            let Some((_, rest)) = pragma.text.split_once("variable=") else { continue };
            let mut words = rest.split_whitespace();
            let name = words.next().unwrap();
            // Line buffers are registers along some axes only.
            if words.next() != Some("complete") || words.next() != Some("dim=0") {
                continue;
            }
            let local = pragma.visible.iter().rev().find(|array| array.name == name);
            let array = local.or(globals.iter().copied().find(|array| array.name == name)).unwrap();
            let length: u64 = array.axes.iter().product();
            assert!(length < registers, "{}: {name} has {length}", network.graph.name);
            complete += 1;
        }
        assert!(complete > 0, "{}", network.graph.name);
    }
}

/// An array of registers may be indexed by constants and by variables of unrolled loops alone.
#[test]
fn registers_at_an_index_that_varies_are_refused() {
    let complaints = |index: &str, unroll: &str| {
        let text = format!(
            "static void kernel(const x_t input[6], y_t output[6]) {{
    rows: for (int row = 0; row < 6; row++) {{
        {unroll}
        lanes: for (int c = 0; c < 6; c++) {{
            #pragma HLS UNROLL
            output[{index}] = other_values[row] + input[c];
        }}
    }}
}}
void design(const x_t x[6], y_t y[6]) {{
    y_t values[6];
    #pragma HLS ARRAY_PARTITION variable=values complete dim=0
    kernel(x, values);
}}
"
        );
        registers::complaints(&text, &Registers::Partitioned)
    };
    let varies = ["line 6: 'output' is registers, its index varies with 'row'"];
    assert_eq!(complaints("row", "#pragma HLS PIPELINE II=1"), varies);
    assert_eq!(complaints("2 * row + c", "#pragma HLS UNROLL factor=2"), varies);
    assert_eq!(complaints("row", "#pragma HLS UNROLL"), [""; 0]);
    assert_eq!(complaints("c", "#pragma HLS PIPELINE II=1"), [""; 0]);
}

/// Counters and arguments vary, in kernels and templates that get registers, and so do numbers that
/// are computed from them.
#[test]
fn registers_at_a_counter_are_refused() {
    let complaints = |[kernel, helper, process]: [&str; 3]| {
        let text = format!(
            "template <int BY, class T> static void rotate(T values[], const int by) {{
    values[{helper}] = values[BY];
}}
static void kernel(x_t input[6], y_t output[6], const int tile) {{
    const int o = tile * 2;
    #pragma hls_unroll yes
    lanes: for (int c = 0; c < 6; c++) {{
        const int p = c + 1;
        output[{kernel}] = input[c];
    }}
    rotate<2>(input, tile);
}}
static void process(ac_channel<x_token> &input) {{
    x_t values[3][2];
    x_t lines[2][2];
    y_token result;
    int x = 0;
    steps: for (int n = 0; n < 6; n++) {{
        lines[x][0] = 0;
        {process}
        kernel(values, result.lanes, n);
    }}
}}
"
        );
        let calls = "CALL solution options set Architectural/DefaultMemMapThreshold 7
            CALL directive set /design/process/core/lines -WORD_WIDTH 8";
        registers::complaints(&text, &Registers::of(Vendor::Catapult, calls))
    };
    assert_eq!(complaints(["p", "BY", "values[0][1] = 0;"]), [""; 0]);
    let output = "line 9: 'output' is registers, its index varies with 'o'";
    assert_eq!(complaints(["o", "BY", ""]), [output]);
    let values = "line 2: 'values' is registers, its index varies with 'by'";
    assert_eq!(complaints(["c", "by + 1", ""]), [values]);
    let values = "line 20: 'values' is registers, its index varies with 'x'";
    assert_eq!(complaints(["c", "0", "values[0][x] = 0;"]), [values]);
    let lanes = "line 20: 'lanes' is registers, its index varies with 'x'";
    assert_eq!(complaints(["c", "0", "result.lanes[x] = 0;"]), [lanes]);
}

/// Each loop of the hardware is unrolled, or a pipeline, or around one, or calls one.
#[test]
fn loops_that_are_no_pipeline_are_refused() {
    let complaints_of = |vendor: Vendor, [before, inside]: [&str; 2], body: &str| {
        let text = format!(
            "static void kernel(const x_t input[6], y_t output[6]) {{
    {before}
    rows: for (int row = 0; row < 6; row++) {{
        {inside}
        {body}
    }}
}}
#pragma hls_design top
void CCS_BLOCK(design)(const x_t x[6], y_t y[6]) {{
    kernel(x, y);
}}
"
        );
        let found =
            complaints(vendor, "design", &[Text { path: "firmware/design.cpp", contents: &text }]);
        found.into_iter().filter(|it| it.contains("no pipeline")).collect::<Vec<_>>()
    };
    let refused = ["firmware/design.cpp: a loop of 'kernel' is no pipeline and not unrolled"];
    let of_vitis = |inside: &str, body: &str| complaints_of(Vendor::Vitis, ["", inside], body);
    let of_catapult =
        |before: &str| complaints_of(Vendor::Catapult, [before, ""], "y[row] = x[row];");
    assert_eq!(of_vitis("", "y[row] = x[row];"), refused);
    assert_eq!(of_vitis("#pragma HLS LOOP_TRIPCOUNT max=6", "y[row] = x[row];"), refused);
    assert_eq!(of_vitis("#pragma HLS PIPELINE II=1", "y[row] = x[row];"), [""; 0]);
    assert_eq!(of_vitis("#pragma HLS UNROLL", "y[row] = x[row];"), [""; 0]);
    let inner =
        |pragma: &str| format!("columns: for (int c = 0; c < 2; c++) {{\n{pragma}\ny[c] = 0;\n}}");
    assert_eq!(of_vitis("", &inner("#pragma HLS PIPELINE II=1")), [""; 0]);
    assert_eq!(of_vitis("", &inner("#pragma HLS UNROLL")), refused);
    assert_eq!(of_catapult(""), refused);
    assert_eq!(of_catapult("#pragma hls_pipeline_init_interval 1"), [""; 0]);
    assert_eq!(of_catapult("#pragma hls_unroll yes"), [""; 0]);
}
