//! Words, arrays and tokens that the vendors' tools refuse.

use super::*;

#[test]
fn words_beyond_the_tools_limit_are_refused() {
    let graph = |channels: usize| {
        let mut graph = Graph::new("wide");
        let x = input(&mut graph, "x", &[2, channels], "fixed<32,16>");
        let act = cast(&mut graph, "act", x, "ufixed<6,0>");
        graph.add_output("act", act);
        graph
    };
    let options = Options { io: IoType::Stream, ..options() };
    assert!(Design::new(&graph(2048), &options).is_ok());
    let error = Design::new(&graph(2049), &options).unwrap_err();
    assert_eq!(
        error.to_string(),
        "layer 'x': its channels of a position are words of 65568 bits; Vitis HLS refuses more than \
         65536"
    );
    let help = miette::Diagnostic::help(&error).map(|help| help.to_string());
    assert_eq!(help.as_deref(), Some("give 'x' fewer channels or narrower types"));
}

#[test]
fn a_port_is_one_word_where_the_tool_takes_it() {
    let port = |elements: usize| {
        let mut graph = Graph::new("wide");
        let x = input(&mut graph, "x", &[elements], "fixed<32,16>");
        let act = cast(&mut graph, "act", x, "ufixed<6,0>");
        graph.add_output("act", act);
        let design = design(&graph);
        design.is_one_word(&design.edges[0])
    };
    assert_eq!([port(2048), port(2049)], [true, false]);
}

#[test]
fn arrays_of_too_many_registers_are_reported() {
    let mut graph = Graph::new("wide");
    let x = input(&mut graph, "x", &[8, 8, 500], "fixed<8,1>");
    let window = ir::Window {
        input: [8, 8],
        kernel: [3, 3],
        stride: [1, 1],
        dilation: [1, 1],
        input_dilation: [1, 1],
        pad_before: [0, 0],
        output: [6, 6],
    };
    let pool = graph.add("pool", ir::Pool { kind: ir::PoolKind::Max, window }, &[x]).unwrap();
    graph.add_output("pool", pool);
    let options = Options { io: IoType::Stream, ..options() };
    let warnings = Design::new(&graph, &options).unwrap().warnings;
    let [first, ..] = &warnings[..] else { panic!("{warnings:?}") };
    assert_eq!(
        first.to_string(),
        "layer 'pool': the array 'pixels of pool' is partitioned into 4500 elements; Vitis HLS \
         refuses more than 4096"
    );
    assert_eq!(
        first.help(),
        "give 'pool' smaller windows or fewer channels, or choose the other --io"
    );
    assert!(first.is_serious());
}

#[test]
fn tokens_beyond_the_tools_limit_are_reported() {
    let warnings = |channels: usize| {
        let mut graph = Graph::new("wide");
        let x = input(&mut graph, "x", &[2, channels], "fixed<8,4>");
        let act = cast(&mut graph, "act", x, "fixed<4,4>");
        graph.add_output("act", act);
        Design::new(&graph, &Options { io: IoType::Stream, ..options() }).unwrap().warnings
    };
    assert_eq!(warnings(512), []);
    let [only] = &warnings(513)[..] else { panic!("{:?}", warnings(513)) };
    let message = "layer 'x': the tokens of 'x' have 4104 bits; Vitis HLS supports at most 4096";
    assert_eq!(only.to_string(), message);
    assert_eq!(only.help(), "give 'x' fewer channels or bits, or choose the other --io");
    assert!(only.is_serious() && !only.is_note());
}
