//! Words, arrays and tokens that the vendors' tools refuse.

use super::*;

#[test]
fn words_beyond_the_tools_limit_are_refused() {
    let graph = |channels: usize| {
        let mut graph = Graph::new("wide");
        let x = input(&mut graph, "x", &[2, channels], "fixed<32,16>");
        let dense = linear(&mut graph, "dense", x, 1, 1, "fixed<2,2>");
        graph.add_output("dense", dense);
        graph
    };
    let options = Options { target_interval: Some(64), ..options() };
    assert!(Design::new(&graph(2048), &options).is_ok());
    let error = Design::new(&graph(2049), &options).unwrap_err();
    assert_eq!(
        error.to_string(),
        "layer 'x': its elements of an array are words of 65568 bits; Vitis HLS refuses more than \
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

/// The elements of the words that carry a row of so many elements to the process that reads it.
#[test]
fn tokens_beyond_the_tools_limit_are_several_words() {
    let words = |channels: usize| -> Vec<usize> {
        let mut graph = Graph::new("wide");
        let x = input(&mut graph, "x", &[2, channels], "fixed<8,4>");
        let dense = linear(&mut graph, "dense", x, 1, 1, "fixed<2,2>");
        graph.add_output("dense", dense);
        let design = Design::new(&graph, &Options { io: IoType::Stream, ..options() }).unwrap();
        assert_eq!(design.warnings, []);
        let whole = design.tokens.iter().find(|token| token.lanes == channels);
        whole.unwrap().words().map(|(_, lanes)| lanes).collect()
    };
    assert_eq!([words(512), words(513)], [vec![512], vec![257, 256]]);
    assert_eq!(words(2049), [410, 410, 410, 410, 409]);
}

/// A row that no token can hold comes in equal parts, whose products are summed.
#[test]
fn a_row_that_is_too_wide_comes_in_parts() {
    let lanes = |elements: usize| {
        let mut graph = Graph::new("wide");
        let x = input(&mut graph, "x", &[elements], "fixed<8,4>");
        let dense = linear(&mut graph, "dense", x, 1, 1, "fixed<2,2>");
        graph.add_output("dense", dense);
        let design = Design::new(&graph, &Options { io: IoType::Stream, ..options() }).unwrap();
        assert_eq!(design.warnings, []);
        let EdgeKind::Stream(stream) = design[design.inputs[0]].kind else { panic!("no stream") };
        (design[stream.token].lanes, stream.tokens)
    };
    assert_eq!([lanes(512), lanes(784), lanes(514)], [(512, 1), (392, 2), (257, 2)]);
}

#[test]
fn a_missed_target_has_its_reason() {
    let mut graph = Graph::new("missed");
    let x = input(&mut graph, "x", &[4, 256], "fixed<4,2>");
    let dense = linear(&mut graph, "dense", x, 64, 3, "fixed<4,4>");
    graph.add_output("dense", dense);
    let stream = || Options { io: IoType::Stream, target_interval: Some(5), ..options() };
    let warnings = Design::new(&graph, &stream()).unwrap().warnings;
    let [only] = &warnings[..] else { panic!("{warnings:?}") };
    assert_eq!(
        only.to_string(),
        "layer 'dense': 16 cycles for a sample miss the target of 5; its weights are cut into 4 tiles \
         of at most 4096 weights and 65536 bits"
    );
    assert_eq!(
        only.help(),
        "set a target interval of 16, or give 'dense' fewer weights, or more that are 0"
    );
    // Its own pace is no target that it misses, but all others wait for it.
    let layer_reuse_factors = [("dense".to_owned(), 64)].into();
    let own = Options { layer_reuse_factors, strategy: Strategy::Resource, ..stream() };
    let warnings = Design::new(&graph, &own).unwrap().warnings;
    let [only] = &warnings[..] else { panic!("{warnings:?}") };
    assert_eq!(
        only.to_string(),
        "layer 'dense': with a pace of its own it takes 256 cycles for a sample, which all others \
         wait for; their target is 5"
    );
    assert_eq!(
        only.help(),
        "remove the ReuseFactor or TargetCycles of 'dense', or set a faster one"
    );
    assert_eq!(only.code(), "target-overridden");
    assert!(!only.is_serious() && !only.is_note());
}

/// Of processes that take as long, the one that no plan makes faster is named: the others share arithmetic
/// for that time.
#[test]
fn a_missed_target_names_the_layer_that_limits() {
    let mut graph = Graph::new("limited");
    let x = input(&mut graph, "x", &[8, 4], "fixed<4,2>");
    let dense = linear(&mut graph, "dense", x, 4, 3, "fixed<9,4>");
    let joined = graph.add("joined", ir::Concat { axis: 0 }, &[dense, dense]).unwrap();
    graph.add_output("joined", joined);
    let options = Options { io: IoType::Stream, target_interval: Some(1), ..options() };
    let design = Design::new(&graph, &options).unwrap();
    let [only] = &design.warnings[..] else { panic!("{:?}", design.warnings) };
    assert_eq!(only.layer, "joined");
    assert_eq!(design.slowest().map(|process| process.layer.as_str()), Some("joined"));
}

/// A pipeline with an interval of 1 meets any target: it is taken where processes are larger.
#[test]
fn a_small_network_is_one_pipeline_at_any_target() {
    let flow = |rows: usize, outputs: usize| {
        let mut graph = Graph::new("small");
        let x = input(&mut graph, "x", &[rows, 4], "fixed<4,2>");
        let dense = linear(&mut graph, "dense", x, outputs, 3, "fixed<9,4>");
        graph.add_output("dense", dense);
        let options = Options { target_interval: Some(rows as u64), ..options() };
        Design::new(&graph, &options).unwrap().schedule.flow
    };
    assert_eq!([flow(2, 1), flow(32, 16)], [Flow::Pipeline, Flow::Dataflow]);
}

/// Operations without weights share what a target leaves time for with parallel interfaces, too.
#[test]
fn elementwise_operations_share_for_a_target() {
    let mut graph = Graph::new("products");
    let operands = ["x", "y"].map(|name| input(&mut graph, name, &[64, 16], "fixed<12,2>"));
    let product = graph.add("product", ir::Elementwise::Multiply, &operands).unwrap();
    graph.add_output("product", product);
    let flow = |target: u64| {
        let options = Options { target_interval: Some(target), ..options() };
        let design = Design::new(&graph, &options).unwrap();
        (design.schedule.flow, design.estimate().total.dsp)
    };
    assert_eq!(flow(1), (Flow::Pipeline, 1024));
    assert_eq!(flow(2000), (Flow::Dataflow, 1));
}
