//! Arrays as registers or memories, and the loops that index them.

use super::*;

#[test]
fn large_rows_keep_the_loop_in_a_row() {
    let mut graph = Graph::new("large");
    let x = input(&mut graph, "x", &[2, 5000], "fixed<8,1>");
    let scale = ir::Constant::of_codes(ArrayD::from_elem(&[5000][..], BigInt::from(3)), 2).unwrap();
    let y = graph.add("norm", ir::Affine { scale, bias: None }, &[x]).unwrap();
    graph.add_output("norm", y);
    let design = design(&graph);
    let pipeline = |unroll| Loop::Pipeline { interval: 1, unroll };
    assert_eq!(design.kernels[0].plan.loops, [Loop::Sequential, pipeline(1)]);
    assert_eq!(design.kernels[0].plan.initiation_interval, 5000);
    assert_eq!(design.schedule.initiation_interval, 10_000);
    let [(_, partition)] = design.kernels[0].plan.constants[..] else { panic!() };
    assert_eq!(partition, Partition::Cyclic { factor: 1 });
    let codes: Vec<&str> = design.warnings.iter().map(|it| it.code()).collect();
    assert_eq!(codes, ["indexed-registers"]);
    let warning = &design.warnings[0];
    assert_eq!(
        warning.to_string(),
        "layer 'norm': a loop of 'norm_row' indexes registers; each access is a multiplexer over \
         all of them"
    );
}

/// A token of a sample of up to 4096 elements is wires, however its loops are nested. Larger samples
/// are in memories.
#[test]
fn loops_index_no_registers() {
    for (channels, frames) in [(64, 0), (65, 1)] {
        let mut graph = Graph::new("turned");
        let x = input(&mut graph, "x", &[64, channels], "fixed<8,1>");
        let indices = (0..64 * channels).map(|at| Some(at % 64 * channels + at / 64)).collect();
        let turned = ir::Gather { shape: vec![channels, 64], indices };
        let turned = graph.add("turn", turned, &[x]).unwrap();
        graph.add_output("turn", turned);
        let options = Options { io: IoType::Stream, ..options() };
        let design = Design::new(&graph, &options).unwrap();
        let is_frame = |process: &&Process| process.form == ProcessForm::Frame;
        assert_eq!(design.processes.iter().filter(is_frame).count(), frames);
        assert_eq!(crate::hls::limits::indexed_registers(&design), []);
    }
}

/// 20 channels of 8 bits are five block RAMs of 36 bits; a memory for each channel would be 20.
#[test]
fn samples_of_many_channels_take_few_block_rams() {
    let mut graph = Graph::new("turned");
    let x = input(&mut graph, "x", &[16, 16, 20], "fixed<8,1>");
    let at = |n: usize| Some((n / 20 % 16 * 16 + n / 320) * 20 + n % 20);
    let turned = ir::Gather { shape: vec![16, 16, 20], indices: (0..5120).map(at).collect() };
    let turned = graph.add("turn", turned, &[x]).unwrap();
    graph.add_output("turn", turned);
    let options = Options { io: IoType::Stream, ..options() };
    let design = Design::new(&graph, &options).unwrap();
    let memories = design.processes.iter().flat_map(|process| process.memories(&design));
    let memories: Vec<String> = memories.map(|memory| memory.to_string()).collect();
    assert_eq!(memories, ["256 x 160 BRAM", "256 x 160 BRAM"]);
    assert_eq!(design.estimate().total.bram18, 10);
}

/// A pipeline looks all elements up in a clock cycle, a stream one at a time.
#[test]
fn each_reader_of_an_embedding_has_a_copy() {
    let mut graph = Graph::new("words");
    let x = input(&mut graph, "x", &[6], "ufixed<7,7>");
    let codes = ArrayD::from_elem(&[128, 5][..], BigInt::from(3));
    let table = ir::Constant::of_codes(codes, 4).unwrap();
    let words = graph.add("words", ir::Lookup { table }, &[x]).unwrap();
    graph.add_output("words", words);
    let memory = |io: IoType| {
        let design = Design::new(&graph, &Options { io, ..options() }).unwrap();
        let kernel = &design.kernels[0];
        let [(id, partition)] = kernel.plan.constants[..] else { panic!() };
        let memory = design.constant_memory(kernel, id, partition).unwrap();
        (memory.access, memory.to_string(), design.estimate().total.bram18)
    };
    let copies = (plan::Access::CopiedConstants, "6 of 128 x 10 BRAM".to_owned(), 3);
    assert_eq!(memory(IoType::Parallel), copies);
    assert_eq!(memory(IoType::Stream), (plan::Access::Constants, "128 x 10 BRAM".to_owned(), 1));
}

#[test]
fn loops_are_kept_from_the_outermost_one_on() {
    let pool = |output: [usize; 2], kernel: [usize; 2], channels: usize| {
        let bounds = [output[0], output[1], channels, kernel[0], kernel[1]];
        let nest = plan::Nest { least: 2, ..plan::Nest::new(&bounds) };
        match nest.rolled(channels as u64) {
            None => (0, 1),
            Some(plan::Rolled { depth, iterations, unroll: 1, .. }) => (depth, iterations),
            Some(rolled) => panic!("{rolled:?}"),
        }
    };
    assert_eq!(pool([4, 4], [2, 2], 64), (0, 1));
    // Rows would do, but windows are taken one at a time.
    assert_eq!(pool([14, 14], [2, 2], 16), (2, 196));
    assert_eq!(pool([1, 1], [28, 28], 16), (3, 16));
    assert_eq!(pool([1, 1], [128, 128], 3), (4, 384));
    assert_eq!(pool([1, 1], [1, 5000], 1), (5, 5000));
}

#[test]
fn a_pipeline_has_no_tensor_that_is_too_large_for_registers() {
    let mut graph = Graph::new("large");
    let x = input(&mut graph, "x", &[3, 1500], "fixed<2,1>");
    let act = cast(&mut graph, "act", x, "ufixed<1,0>");
    graph.add_output("act", act);
    let large = design(&graph);
    assert_eq!(large.warnings, []);
    assert!(large.kernels[0].plan.is_unrolled());
    assert_eq!(large.schedule.flow, Flow::Dataflow);
    assert_eq!(large.schedule.initiation_interval, 3);
    assert_eq!(large.edges[0].kind, EdgeKind::Array(Partition::Reshape { elements: 1500 }));
}

#[test]
fn exactly_the_limit_is_fine() {
    let mut graph = Graph::new("limit");
    let x = input(&mut graph, "x", &[64], "fixed<8,1>");
    let fc = linear(&mut graph, "fc", x, 64, 3, "fixed<6,1>");
    graph.add_output("fc", fc);
    assert_eq!(design(&graph).warnings, []);
}
