//! Estimates of small designs.

use ndarray::ArrayD;
use num_bigint::BigInt;

use super::*;
use crate::config::{IoType, Strategy};
use crate::fixed::Codes;
use crate::hls::Options;
use crate::ir::{self, Graph, NodeId};

fn options() -> Options {
    Options::new("m", "xcvu9p-flga2104-2-e")
}

/// A matrix of weights `code(input, output)` of `width` bits.
fn dense(
    graph: &mut Graph,
    name: &str,
    x: NodeId,
    (outputs, width): (usize, u32),
    code: impl Fn(usize, usize) -> i64,
) -> NodeId {
    let inputs = graph[x].tensor.channel_count();
    let codes =
        ArrayD::from_shape_fn(&[inputs, outputs][..], |at| BigInt::from(code(at[0], at[1])));
    let format = format!("fixed<{width},1>").parse().unwrap();
    let weights = ir::Constant { codes: Codes::from_big(codes), format };
    graph.add(name, ir::Linear { weights, bias: None }, &[x]).unwrap()
}

/// 64-32 with weights of 12 bits and many digits.
fn wide() -> Graph {
    let mut graph = Graph::new("m");
    let x = graph.add_input("x", vec![64], "fixed<12,1>".parse().unwrap());
    let y = dense(&mut graph, "y", x, (32, 12), |i, o| 171 + 2 * (i * 32 + o) as i64 % 1500);
    graph.add_output("y", y);
    graph
}

fn estimate(graph: &Graph, options: &Options) -> Estimate {
    let design = Design::new(graph, options).unwrap();
    let estimate = design.estimate();
    assert_eq!(estimate, design.estimate());
    let layers = estimate.layers.iter().map(|layer| layer.resources);
    assert_eq!(layers.sum::<Resources>(), estimate.total);
    estimate
}

#[test]
fn reuse_trades_multipliers_for_cycles() {
    let with = |reuse_factor, strategy| {
        let it = estimate(&wide(), &Options { reuse_factor, strategy, ..options() });
        (it.total, it.latency)
    };
    let (all, fast) = with(1, Strategy::Latency);
    let (shared, slow) = with(16, Strategy::Latency);
    assert!(all.dsp > 1000 && all.bram18 == 0, "{all:?}");
    assert_eq!(shared.dsp, 128);
    // Multipliers choose their factors.
    assert!(shared.lut > all.lut && slow > fast, "{shared:?} {slow} {fast}");
    // Weights in a memory: 32 words of 64 weights of 12 bits, in LUTs; 128 words of 16, 192 bits in 6
    // block RAMs.
    let (tiled, _) = with(32, Strategy::Resource);
    assert_eq!((tiled.dsp, tiled.bram18), (64, 0));
    let (tiled, _) = with(128, Strategy::Resource);
    assert_eq!((tiled.dsp, tiled.bram18), (16, 6));
}

#[test]
fn a_kernel_alone_costs_what_it_does_in_the_design() {
    let design = Design::new(&wide(), &options()).unwrap();
    let alone = kernel(&design, &design.kernels[0]);
    let estimate = design.estimate();
    assert_eq!((alone.dsp, alone.lut), (estimate.total.dsp, estimate.total.lut));
}

#[test]
fn an_unknown_part_has_no_budget() {
    let unknown = Options { part: "asic".into(), ..options() };
    assert_eq!(estimate(&wide(), &unknown).budget, None);
    let budget = estimate(&wide(), &options()).budget;
    assert_eq!(budget.map(|part| part.device), Some("xcvu9p"));
}

#[test]
fn a_slower_clock_takes_fewer_registers() {
    let at = |clock_period| estimate(&wide(), &Options { clock_period, ..options() });
    let (slow, fast) = (at(20.0), at(2.5));
    assert!(slow.total.ff < fast.total.ff);
    assert!(slow.latency < fast.latency);
    assert_eq!((slow.total.lut, slow.total.dsp), (fast.total.lut, fast.total.dsp));
}

#[test]
fn a_window_process_holds_its_rows_in_memories() {
    let mut graph = Graph::new("m");
    let x = graph.add_input("x", vec![64, 65, 8], "fixed<8,1>".parse().unwrap());
    let window = ir::Window {
        input: [64, 65],
        kernel: [3, 3],
        stride: [1, 1],
        dilation: [1, 1],
        input_dilation: [1, 1],
        pad_before: [0, 0],
        output: [62, 63],
    };
    let y = graph.add("y", ir::Pool { kind: ir::PoolKind::Max, window }, &[x]).unwrap();
    graph.add_output("y", y);
    let estimate = estimate(&graph, &Options { io: IoType::Stream, ..options() });
    // Two rows of 65 pixels of 64 bits: words of 128 bits.
    assert_eq!(estimate.total.bram18, 4);
    // Nine pixels of 64 bits in registers, at least.
    assert!(estimate.total.ff >= 9 * 64, "{estimate:?}");
    let layer = estimate.layers.iter().find(|layer| layer.layer == "y").unwrap();
    assert_eq!(layer.cycles, 64 * 65);
    assert!((4160..4264).contains(&estimate.latency), "{}", estimate.latency);
}

#[test]
fn listed_weights_cost_what_they_do_in_a_matrix() {
    // 128 x 64 weights, of which 128 are not 0: too many to be unrolled with their zeros.
    let mut graph = Graph::new("m");
    let x = graph.add_input("x", vec![128], "fixed<12,1>".parse().unwrap());
    let code = |i: usize, o: usize| if i % 64 == o { 171 } else { 0 };
    let y = dense(&mut graph, "y", x, (64, 12), code);
    graph.add_output("y", y);
    let total = estimate(&graph, &options()).total;
    assert_eq!((total.dsp, total.bram18), (128, 0));
}

/// A transposed convolution has a kernel for each phase: their resources add up, and the slowest one
/// makes the latency.
#[test]
fn every_phase_of_a_transposed_convolution_is_counted() {
    let mut graph = Graph::new("m");
    let x = graph.add_input("x", vec![4, 4, 2], "fixed<8,1>".parse().unwrap());
    let window = ir::Window { kernel: [3, 3], input_dilation: [2, 2], ..ir::Window::whole([4, 4]) };
    let window = ir::Window { pad_before: [1, 1], output: [8, 8], ..window };
    let codes = ArrayD::from_shape_fn(&[18, 4][..], |at| BigInt::from(171 + 2 * at[0] + at[1]));
    let format = "fixed<12,1>".parse().unwrap();
    let weights = ir::Constant { codes: Codes::from_big(codes), format };
    let linear = ir::Linear { weights, bias: None };
    let y = graph.add("y", ir::Conv { window, groups: 1, linear }, &[x]).unwrap();
    graph.add_output("y", y);
    let design = Design::new(&graph, &Options { io: IoType::Stream, ..options() }).unwrap();
    let [process] = &design.processes[..] else { panic!("{:?}", design.processes) };
    let kernels: Vec<&Kernel> = process.kernels().into_iter().map(|id| &design[id]).collect();
    assert_eq!(kernels.len(), 4);
    let each: Vec<u64> = kernels.iter().map(|it| kernel(&design, it).dsp).collect();
    assert!(each.iter().all(|dsp| *dsp > 0), "{each:?}");
    assert_eq!(design.estimate().total.dsp, each.iter().sum::<u64>());
    let slowest = kernels.iter().map(|it| latency(&design, it)).max().unwrap();
    let estimate = design.estimate();
    let layer = estimate.layers.iter().find(|layer| layer.layer == "y").unwrap();
    assert_eq!(layer.latency, slowest);
}
