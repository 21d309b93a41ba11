//! The lint over generated code counts the accesses of an iteration to each memory.

use crate::vendors::{Vendor, ports};

/// Complaints about a kernel with `declared`, whose pipeline with `interval` has the statements `body`.
fn vitis(declared: &str, interval: u64, body: &str) -> Vec<String> {
    let text = format!(
        "static const int places[4] = {{
    0, 1, 4, 5,
}};
static const w_t weights[24] = {{
    0.5,
}};
static void product(const x_t input[24], const int tile, y_t output[2]) {{
    #pragma HLS INLINE
    parts: for (int p = 0; p < 2; p++) {{
        #pragma HLS UNROLL
        output[p] = input[tile * 2 + p];
    }}
}}
static void kernel(hls::stream<x_token> &input, hls::stream<x_token> &output) {{
    x_t values[24];
    {declared}
    ap_uint<3> tile = 0;
    rows: for (int row = 0; row < 4; row++) {{
        columns: for (int column = 0; column < 2; column++) {{
            #pragma HLS PIPELINE II={interval}
            const x_token token = input.read();
            {body}
        }}
    }}
}}
void design(
    hls::stream<x_token> &x,
    hls::stream<x_token> &y
) {{
    #pragma HLS DATAFLOW
    kernel(x, y);
}}
"
    );
    ports::complaints(Vendor::Vitis, "design", &[&text], "")
}

fn words(reads: u64, writes: u64, interval: u64, memory: &str) -> Vec<String> {
    vec![format!(
        "'values' of 'kernel': an iteration reads {reads} and writes {writes} words in {interval} \
         clock cycles of a memory with {memory} ports"
    )]
}

const TWO_READERS: &str = "#pragma HLS BIND_STORAGE variable=values type=ram_2p impl=bram";
const ONE_READER: &str = "#pragma HLS BIND_STORAGE variable=values type=ram_s2p impl=bram";

/// A loop over `count` parts that is unrolled.
fn unrolled(count: u64, statement: &str) -> String {
    format!(
        "parts: for (int p = 0; p < {count}; p++) {{
            #pragma HLS UNROLL
            {statement}
        }}"
    )
}

#[test]
fn a_memory_has_a_port_for_each_word() {
    let read = |count: u64| unrolled(count, "token.lanes[p] = values[row * 6 + column * 3 + p];");
    assert_eq!(vitis(TWO_READERS, 1, &read(2)), [""; 0]);
    assert_eq!(vitis(TWO_READERS, 1, &read(3)), words(3, 0, 1, "2 readers and 1 writers at 2"));
    assert_eq!(vitis(TWO_READERS, 2, &read(3)), [""; 0]);
    assert_eq!(vitis(ONE_READER, 1, &read(2)), words(2, 0, 1, "1 readers and 1 writers at 2"));
    let both = |count: u64| unrolled(count, "values[row * 4 + p] = values[row * 4 + p + 1];");
    assert_eq!(vitis(ONE_READER, 1, &both(1)), [""; 0]);
    assert_eq!(vitis(ONE_READER, 1, &both(2)), words(2, 2, 1, "1 readers and 1 writers at 2"));
    // The same word, however often it is named, and words of registers.
    let same = unrolled(3, "token.lanes[p] = values[row] + values[row];");
    assert_eq!(vitis(ONE_READER, 1, &same), [""; 0]);
    let registers = "#pragma HLS ARRAY_PARTITION variable=values complete dim=0";
    assert_eq!(vitis(registers, 1, &read(3)), [""; 0]);
}

#[test]
fn partitions_and_words_of_several_elements_count() {
    let banks = |factor: u64| {
        format!("#pragma HLS ARRAY_PARTITION variable=values cyclic factor={factor}\n{ONE_READER}")
    };
    let read = |index: &str| unrolled(3, &format!("token.lanes[p] = values[{index}];"));
    assert_eq!(vitis(&banks(3), 1, &read("row * 6 + column * 3 + p")), [""; 0]);
    assert_eq!(vitis(&banks(3), 1, &read("row * 6 + column + p")), [""; 0]);
    let two = words(2, 0, 1, "1 readers and 1 writers at 2");
    assert_eq!(vitis(&banks(2), 1, &read("row * 6 + column * 3 + p")), two);
    // An index of a table.
    assert_eq!(vitis(&banks(3), 1, &read("places[p]")), two);
    let word = format!("#pragma HLS ARRAY_RESHAPE variable=values cyclic factor=3\n{ONE_READER}");
    assert_eq!(vitis(&word, 1, &read("row * 6 + column * 3 + p")), [""; 0]);
    assert_eq!(vitis(&word, 1, &read("row * 6 + column + p")), two);
    let write = |count: u64| unrolled(count, "values[row * 6 + column * 3 + p] = token.lanes[p];");
    assert_eq!(vitis(&word, 1, &write(3)), [""; 0]);
    assert_eq!(
        vitis(&word, 1, &write(2)),
        ["'values' of 'kernel': an iteration writes a part of a word"]
    );
}

#[test]
fn functions_access_the_memories_that_they_get() {
    let call = "product(values, tile, token.lanes);";
    assert_eq!(
        vitis(ONE_READER, 1, call),
        words(2, 0, 1, "1 readers and 1 writers at 2"),
        "a call is part of the iteration"
    );
    let word = format!("#pragma HLS ARRAY_RESHAPE variable=values cyclic factor=2\n{ONE_READER}");
    assert_eq!(vitis(&word, 1, call), [""; 0]);
    let constants = "#pragma HLS ARRAY_RESHAPE variable=weights cyclic factor=2
        #pragma HLS BIND_STORAGE variable=weights type=rom_1p impl=bram";
    let read = |by: u64| unrolled(2, &format!("sum += weights[tile * {by} + p];"));
    assert_eq!(vitis(constants, 1, &read(2)), [""; 0]);
    let found = vitis(constants, 1, &read(1));
    assert!(found[0].starts_with("'weights' of 'kernel': an iteration reads 2"), "{found:?}");
    let copies = constants.replace("rom_1p", "rom_np");
    assert_eq!(vitis(&copies, 1, &read(1)), [""; 0]);
    // A template that is none of the functions.
    let unknown = vitis(ONE_READER, 1, "rotate<2>(values);");
    assert_eq!(unknown, ["'values' in 'kernel': the access 'rotate<2>(values)'"]);
}

#[test]
fn branches_count_unless_they_follow_from_the_loop() {
    let read = |condition: &str| format!("x_t x = {condition} ? values[row] : values[row + 1];");
    assert_eq!(vitis(ONE_READER, 1, &read("row < 2")), [""; 0]);
    let two = words(2, 0, 1, "1 readers and 1 writers at 2");
    assert_eq!(vitis(ONE_READER, 1, &read("token.lanes[0] < 2")), two);
    let both = "if (row < 2) {\nx = values[0];\n} else {\nx = values[1];\n}";
    assert_eq!(vitis(ONE_READER, 1, both), two);
    // An index below 0 is none.
    let present = unrolled(2, "x = row + p < 1 ? x : values[p - 1];");
    assert_eq!(vitis(ONE_READER, 1, &present), [""; 0]);
}

/// A design for Catapult whose loop has the statements `body`, and whose script has `directives`.
fn catapult(directives: &[&str], body: &str) -> Vec<String> {
    let text = format!(
        "using x_t = ac_fixed<8, 1, true>; // values
#pragma hls_pipeline_init_interval 1
#pragma hls_design block
static void process(ac_channel<x_token> &input, ac_channel<x_token> &output) {{
    x_t values[12][2];
    columns: for (int column = 0; column < 12; column++) {{
        {body}
    }}
}}
#pragma hls_design top
void CCS_BLOCK(design)(ac_channel<x_token> &x, ac_channel<x_token> &y) {{
    process(x, y);
}}
"
    );
    let path = "directive set /design/process/core/values";
    let directives = directives.iter().map(|it| format!("CALL {path}{it}\n"));
    let threshold = "CALL solution options set Architectural/DefaultMemMapThreshold 64\n";
    let calls: String = std::iter::once(threshold.to_owned()).chain(directives).collect();
    ports::complaints(Vendor::Catapult, "design", &[&text], &calls)
}

#[test]
fn directives_of_catapult_make_memories() {
    let read = "#pragma hls_unroll yes
        parts: for (int p = 0; p < 2; p++) {
            token.lanes[p] = values[column][p];
        }";
    // Registers below the threshold.
    assert_eq!(catapult(&[], read), [""; 0]);
    assert_eq!(catapult(&[" -WORD_WIDTH 16"], read), [""; 0]);
    assert_eq!(catapult(&[" -WORD_WIDTH 8", ":rsc -INTERLEAVE 2"], read), [""; 0]);
    let complaint = "'values' of 'process': an iteration reads 2 and writes 0 words in 1 clock cycles \
                     of a memory with 1 readers and 1 writers at 2 ports";
    assert_eq!(catapult(&[" -WORD_WIDTH 8"], read), [complaint]);
    assert_eq!(catapult(&[" -WORD_WIDTH 8", ":rsc -INTERLEAVE 3"], read), [""; 0]);
    let part = catapult(&[" -WORD_WIDTH 16"], "values[column][0] = token.lanes[0];");
    assert_eq!(part, ["'values' of 'process': an iteration writes a part of a word"]);
}
