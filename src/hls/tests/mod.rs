//! Designs of small graphs.

mod arrays;
mod limits;
mod recurrence;

use ndarray::ArrayD;
use num_bigint::BigInt;

use super::*;
use crate::config::{IoType, Recurrence, Strategy};
use crate::fixed::{Codes, Format, FormatError, Overflow, Quantization, Rounding};
use crate::ir::{self, Graph, NodeId, Op};

fn format(text: &str) -> Format {
    text.parse().unwrap()
}

fn input(graph: &mut Graph, name: &str, shape: &[usize], of: &str) -> NodeId {
    graph.add_input(name, shape.to_vec(), format(of))
}

/// Adds a matrix whose codes are all `code`.
fn linear(graph: &mut Graph, name: &str, x: NodeId, outputs: usize, code: i64, of: &str) -> NodeId {
    let shape = [graph[x].tensor.channel_count(), outputs];
    let codes = Codes::from_big(ArrayD::from_elem(&shape[..], BigInt::from(code)));
    let weights = ir::Constant { codes, format: format(of) };
    graph.add(name, ir::Linear { weights, bias: None }, &[x]).unwrap()
}

fn cast(graph: &mut Graph, name: &str, x: NodeId, to: &str) -> NodeId {
    let to = Quantization::new(format(to), Rounding::Rnd, Overflow::Sat);
    graph.add(name, ir::Cast::from(to), &[x]).unwrap()
}

/// 4-3 with a cast behind.
fn dense() -> Graph {
    let mut graph = Graph::new("dense");
    let x = input(&mut graph, "x", &[4], "fixed<8,1>");
    let fc = linear(&mut graph, "fc", x, 3, 3, "fixed<6,1>");
    let act = cast(&mut graph, "act", fc, "ufixed<6,0>");
    graph.add_output("act", act);
    graph
}

fn options() -> Options {
    Options::new("dense", "xcvu13p-flga2577-2-e")
}

fn design(graph: &Graph) -> Design {
    Design::new(graph, &options()).unwrap()
}

fn name_of(design: &Design, edge: EdgeId) -> &str {
    &design[edge].name
}

#[test]
fn a_dense_layer_becomes_two_kernels_between_ports() {
    let design = design(&dense());
    let kernels: Vec<&str> = design.kernels.iter().map(|k| k.name.as_str()).collect();
    assert_eq!(kernels, ["fc", "act"]);
    let edges: Vec<(&str, EdgeRole)> =
        design.edges.iter().map(|e| (e.name.as_str(), e.role)).collect();
    let expected =
        [("x", EdgeRole::Input), ("fc_out", EdgeRole::Internal), ("act_out", EdgeRole::Output)];
    assert_eq!(edges, expected);
    let types: Vec<String> =
        design.types.iter().map(|t| format!("{} {}", t.name, t.quantization)).collect();
    assert_eq!(
        types,
        [
            "x_t fixed<8,1>",
            "fc_acc_t fixed<12,0>",
            "fc_weight_t fixed<6,1>",
            "act_t ufixed<6,0,RND,SAT>"
        ]
    );
    let schedule = Schedule { flow: Flow::Pipeline, initiation_interval: 1, multipliers: 12 };
    assert_eq!((design.schedule, design.warnings), (schedule, vec![]));
}

#[test]
fn scales_share_multipliers_as_far_as_their_layer_leaves_time() {
    let mut graph = Graph::new("scaled");
    let x = input(&mut graph, "x", &[2, 6], "fixed<8,1>");
    let numbers = ndarray::arr1(&[3, 1, 0, -5, 2, 7]).mapv(BigInt::from).into_dyn();
    let scale = ir::Constant { codes: Codes::from_big(numbers), format: format("fixed<4,1>") };
    let y = graph.add("y", ir::Affine { scale, bias: None }, &[x]).unwrap();
    graph.add_output("y", y);
    for (asked, reuse_factor) in [(1, 1), (4, 3), (100, 6)] {
        let mut options = options();
        options.layer_reuse_factors.insert("y".into(), asked);
        let design = Design::new(&graph, &options).unwrap();
        let expected = Multipliers {
            products: 12,
            nontrivial_products: 6,
            reuse_factor,
            limit: 6 / reuse_factor,
            operand_width: 8,
            constant_width: 4,
        };
        assert_eq!(design.kernels[0].multipliers, Some(expected));
        let moved = asked != reuse_factor;
        let (used, inputs, outputs) = (reuse_factor, 1, 6);
        let matrices = vec![UsedReuseFactor { inputs, outputs, used }];
        let kind = DesignWarningKind::ReuseFactorChanged { asked, matrices };
        let expected = DesignWarning { layer: "y".into(), kind };
        assert_eq!(design.warnings, moved.then_some(expected).into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn large_images_pass_pixel_by_pixel_between_array_ports() {
    let design_of = |op: Op| {
        let mut graph = Graph::new("images");
        let x = input(&mut graph, "x", &[40, 40, 8], "fixed<8,1>");
        let y = graph.add("y", op, &[x]).unwrap();
        graph.add_output("y", y);
        design(&graph)
    };
    let pool = |window| Op::Pool(ir::Pool { window, kind: ir::PoolKind::Max });
    let whole = ir::Window::whole([40, 40]);
    let halves = ir::Window { kernel: [2, 2], stride: [2, 2], output: [20, 20], ..whole };
    let window = ir::Window { kernel: [3, 3], output: [38, 38], ..whole };
    let codes = Codes::from_big(ArrayD::from_elem(&[72, 2][..], BigInt::from(3)));
    let weights = ir::Constant { codes, format: format("fixed<4,1>") };
    let linear = ir::Linear { weights, bias: None };
    let conv = Op::Conv(ir::Conv { window, groups: 1, linear });
    // The largest so far of a row of windows and of the current one, two rows above and a window, the
    // largest so far: of 8 channels.
    let bits = |pixels: u64| pixels * 8 * 8;
    for (op, state_bits) in
        [(pool(halves), bits(20 + 1)), (conv, bits(80 + 9)), (pool(whole), bits(1))]
    {
        let design = design_of(op);
        let processes: Vec<&str> = design.processes.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(processes, ["x_read", "y", "y_write"]);
        assert_eq!(design.processes[1].state_bits, state_bits);
        assert!(design.kernels.iter().all(|kernel| kernel.plan.is_unrolled()));
        assert_eq!(design.schedule.initiation_interval, 1600);
        let kind = EdgeKind::Array(Partition::Reshape { elements: 8 });
        assert_eq!(design[design.inputs[0]].kind, kind);
        assert_eq!(design.warnings, []);
    }
}

#[test]
fn outputs_get_ports_however_they_leave() {
    let mut graph = dense();
    let (x, act) = (graph.inputs[0], graph.outputs[0].node);
    let flat = graph.add("flat", ir::Reshape { shape: vec![3, 1] }, &[act]).unwrap();
    graph.add_output("flat", flat);
    graph.add_output("x", x);
    let design = design(&graph);

    let ports: Vec<&str> = design.outputs.iter().map(|edge| name_of(&design, *edge)).collect();
    assert_eq!(ports, ["act_out", "flat_port_out", "x_port_out"]);
    let copies: Vec<(&str, &str)> = design
        .kernels
        .iter()
        .filter(|k| k.operation == "copy")
        .map(|k| (name_of(&design, k.inputs[0]), name_of(&design, k.output)))
        .collect();
    assert_eq!(copies, [("act_out", "flat_port_out"), ("x", "x_port_out")]);
}

#[test]
fn a_result_that_is_used_inside_is_copied_to_its_port() {
    let mut graph = dense();
    let act = graph.outputs[0].node;
    let more = cast(&mut graph, "more", act, "ufixed<3,0>");
    graph.add_output("more", more);
    let design = design(&graph);
    let ports: Vec<&str> = design.outputs.iter().map(|edge| name_of(&design, *edge)).collect();
    assert_eq!(ports, ["act_port_out", "more_out"]);
    assert_eq!(design[design.kernels[2].inputs[0]].role, EdgeRole::Internal);
}

#[test]
fn names_of_types_and_arrays_avoid_each_other() {
    let mut graph = Graph::new("fc");
    let x = input(&mut graph, "x", &[2], "fixed<8,1>");
    let a = cast(&mut graph, "fc", x, "fixed<7,1>");
    let b = cast(&mut graph, "fc_out", a, "fixed<6,1>");
    let c = cast(&mut graph, "FC", b, "fixed<5,1>");
    graph.add_output("FC", c);
    let design = Design::new(&graph, &Options::new("fc", "p")).unwrap();
    assert_eq!(design.name, "fc");
    let kernels: Vec<&str> = design.kernels.iter().map(|k| k.name.as_str()).collect();
    assert_eq!(kernels, ["fc_2", "fc_out", "FC_3"]);
    let mut all: Vec<String> = vec![design.name.clone()];
    all.extend(design.kernels.iter().map(|k| k.name.clone()));
    all.extend(design.types.iter().map(|t| t.name.clone()));
    all.extend(design.edges.iter().map(|e| e.name.clone()));
    let unique: std::collections::HashSet<String> =
        all.iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(unique.len(), all.len(), "{all:?}");
}

#[test]
fn reuse_factors_become_the_nearest_legal_ones() {
    let mut options = options();
    options.layer_reuse_factors.insert("fc".into(), 5);
    let design = Design::new(&dense(), &options).unwrap();
    let multipliers = design.kernels[0].multipliers.unwrap();
    assert_eq!((multipliers.reuse_factor, multipliers.limit), (4, 3));
    let intervals: Vec<u64> = design.kernels.iter().map(|k| k.plan.initiation_interval).collect();
    assert_eq!(intervals, [4, 4]);
    assert_eq!(design.schedule.initiation_interval, 4);
    let [warning] = &design.warnings[..] else { panic!("{:?}", design.warnings) };
    assert_eq!(
        warning.to_string(),
        "layer 'fc': a reuse factor of 5 does not divide its 4 x 3 products into equal tiles of at \
         most 4096 weights and 65536 bits; 4 is used"
    );
    let help = "set ReuseFactor: 4 for 'fc', or another divisor of 4 times one of 3";
    assert_eq!(warning.help(), help);
    assert!(!warning.is_serious());
}

#[test]
fn a_kernel_without_multipliers_takes_the_reuse_factor_as_its_interval() {
    let mut graph = Graph::new("signs");
    let x = input(&mut graph, "x", &[4], "fixed<8,1>");
    let fc = linear(&mut graph, "fc", x, 3, -1, "fixed<1,1>");
    graph.add_output("fc", fc);
    let options = Options { reuse_factor: 6, ..options() };
    let design = Design::new(&graph, &options).unwrap();
    let [kernel] = &design.kernels[..] else { panic!("{:?}", design.kernels) };
    assert_eq!((kernel.multipliers, kernel.plan.initiation_interval), (None, 6));
    assert_eq!(
        design.schedule,
        Schedule { flow: Flow::Pipeline, initiation_interval: 6, multipliers: 0 }
    );
    assert_eq!(design.warnings, []);
    let operations = kernel.cost.operations;
    assert_eq!((operations.additions, operations.multiplications), (9, 0));
}

/// A matrix \[100, 64\] for each of two rows.
fn large_matrix() -> Graph {
    let mut graph = Graph::new("large");
    let x = input(&mut graph, "x", &[2, 100], "fixed<8,1>");
    let fc = linear(&mut graph, "fc", x, 64, 3, "fixed<6,1>");
    graph.add_output("fc", fc);
    graph
}

/// Tiles of the first matrix, and calls for a position.
fn tiles_of(design: &Design) -> (Tiles, u64) {
    let kernel = &design.kernels[0];
    let Body::Linear(linear) = &kernel.body else { panic!("{:?}", kernel.body) };
    assert_eq!(kernel.plan.loops, []);
    (linear.tiles, kernel.plan.folds)
}

#[test]
fn large_matrices_are_tiled() {
    let design = design(&large_matrix());
    assert_eq!(tiles_of(&design), (Tiles { inputs: 1, outputs: 2 }, 2));
    assert_eq!(design.kernels[0].plan.initiation_interval, 2);
    assert_eq!(design.schedule.initiation_interval, 4);
    let multipliers = design.kernels[0].multipliers.unwrap();
    assert_eq!((multipliers.reuse_factor, multipliers.limit), (2, 3200));
    let [warning] = &design.warnings[..] else { panic!("{:?}", design.warnings) };
    assert_eq!(
        warning.to_string(),
        "layer 'fc': a reuse factor of 1 does not divide its 100 x 64 products into equal tiles of \
         at most 4096 weights and 65536 bits; 2 is used"
    );
}

#[test]
fn resource_tiles_small_matrices_too() {
    let options = Options {
        reuse_factor: 4,
        strategy: Strategy::Resource,
        layer_strategies: [("other".to_owned(), Strategy::Latency)].into(),
        ..options()
    };
    let mut graph = Graph::new("two");
    let x = input(&mut graph, "x", &[6], "fixed<8,1>");
    let fc = linear(&mut graph, "fc", x, 2, 3, "fixed<6,1>");
    let other = linear(&mut graph, "other", fc, 2, 3, "fixed<6,1>");
    graph.add_output("other", other);
    let design = Design::new(&graph, &options).unwrap();
    assert_eq!(design.warnings, []);
    assert_eq!(tiles_of(&design), (Tiles { inputs: 2, outputs: 2 }, 4));
    assert_eq!(design.kernels[0].multipliers.unwrap().limit, 3);
    assert!(design.kernels[1].plan.is_unrolled());
    assert_eq!(design.kernels[1].plan.initiation_interval, 4);
    assert_eq!(design.schedule.flow, Flow::Dataflow);

    let unknown =
        Options { layer_strategies: [("no".into(), Strategy::Latency)].into(), ..options };
    let error = Design::new(&graph, &unknown).unwrap_err().to_string();
    assert_eq!(error, "a strategy for the layer 'no', which the network does not have");
}

#[test]
fn a_block_of_a_matrix_is_a_row_of_its_constant() {
    let mut graph = Graph::new("order");
    let x = input(&mut graph, "x", &[4], "fixed<8,1>");
    let codes = ArrayD::from_shape_fn(&[4, 2][..], |at| BigInt::from(10 * at[0] + at[1] + 3));
    let weights = ir::Constant { codes: Codes::from_big(codes), format: format("fixed<8,8>") };
    let fc = graph.add("fc", ir::Linear { weights, bias: None }, &[x]).unwrap();
    graph.add_output("fc", fc);
    let options = Options { reuse_factor: 4, strategy: Strategy::Resource, ..options() };
    let design = Design::new(&graph, &options).unwrap();
    assert_eq!(tiles_of(&design).0, Tiles { inputs: 2, outputs: 2 });
    let rows = ndarray::arr2(&[[3, 13], [23, 33], [4, 14], [24, 34]]).into_dyn();
    assert_eq!(design.constants[0].codes, Codes::Narrow(rows));
}

/// 16-20 with factors of 16 and `width` bits.
fn wide(width: &str, code: i64) -> Graph {
    let mut graph = Graph::new("wide");
    let x = input(&mut graph, "x", &[16], "fixed<16,1>");
    let fc = linear(&mut graph, "fc", x, 20, code, width);
    graph.add_output("fc", fc);
    graph
}

/// The same with twenty different weights for each input, all of three signed digits or more.
fn different_weights() -> Graph {
    let mut graph = Graph::new("wide");
    let x = input(&mut graph, "x", &[16], "fixed<16,1>");
    let digits = |code: &i64| estimate::arithmetic::signed_digits(&BigInt::from(*code)) >= 3;
    let codes: Vec<i64> = (1001..).filter(digits).take(20).collect();
    let codes = ArrayD::from_shape_fn(&[16, 20][..], |index| BigInt::from(codes[index[1]]));
    let weights =
        ir::Constant { codes: Codes::from_big(codes), format: "fixed<12,1>".parse().unwrap() };
    let fc = graph.add("fc", ir::Linear { weights, bias: None }, &[x]).unwrap();
    graph.add_output("fc", fc);
    graph
}

#[test]
fn multipliers_are_held_against_the_part() {
    let small = |graph: &Graph, reuse_factor| {
        let options = Options { part: "xc7z020clg400-1".into(), reuse_factor, ..options() };
        Design::new(graph, &options).unwrap().warnings
    };
    let warnings = small(&different_weights(), 1);
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert_eq!(
        warning.to_string(),
        "'dense' needs about 320 DSP slices, xc7z020clg400-1 has 220; most of them are \
         used by 'fc' (320)"
    );
    assert_eq!(
        warning.help(),
        "set a slower --target-interval, or Strategy: Resource and ReuseFactor: 2, use narrower \
         types, or choose a larger part"
    );
    assert!(warning.is_serious() && !warning.is_note());
    assert_eq!(small(&different_weights(), 2), []);
    // Equal products of an input are computed once; powers of two need no slice.
    assert_eq!(small(&wide("fixed<12,1>", 1001), 1), []);
    assert_eq!(small(&wide("fixed<12,1>", -1024), 1), []);
    assert_eq!(small(&wide("fixed<12,1>", 0), 1), []);
}

#[test]
fn an_unknown_part_is_reported() {
    let options = Options { part: "nangate-45nm_beh".into(), ..options() };
    let warnings = Design::new(&wide("fixed<12,1>", 1001), &options).unwrap().warnings;
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert_eq!(
        warning.to_string(),
        "the part nangate-45nm_beh is unknown: the estimates are those of an UltraScale+ device, and \
         no budget is checked"
    );
    assert_eq!(warning.help(), "compare the estimates with the part's data sheet");
    assert!(!warning.is_serious() && warning.is_note());
}

#[test]
fn products_have_a_type() {
    let mut graph = Graph::new("wide");
    // The sums are narrow, as weights are far smaller than their type allows.
    let x = input(&mut graph, "x", &[1], "fixed<100,1>");
    let fc = linear(&mut graph, "fc", x, 1, 3, "fixed<40,1>");
    graph.add_output("fc", fc);
    let error = Design::new(&graph, &options()).unwrap_err().to_string();
    assert_eq!(
        error,
        "layer 'fc': a product needs a type that is too wide: a format is 1 to 128 bits wide, not 140"
    );
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let refused = |change: fn(&mut Options)| {
        let mut options = options();
        change(&mut options);
        Design::new(&dense(), &options).unwrap_err().to_string()
    };
    assert_eq!(refused(|o| o.part = "xc7;exit".into()), "'xc7;exit' is no part");
    assert_eq!(refused(|o| o.part = String::new()), "'' is no part");
    assert_eq!(refused(|o| o.clock_period = 0.0), "a clock period of 0 ns");
    assert_eq!(refused(|o| o.clock_period = 0.01), "a clock period of 0.01 ns");
    assert_eq!(refused(|o| o.clock_period = f64::NAN), "a clock period of NaN ns");
    assert_eq!(refused(|o| o.clock_period = 2e6), "a clock period of 2000000 ns");
    assert_eq!(refused(|o| o.clock_uncertainty = 1.0), "a clock uncertainty of 1 periods");
    assert_eq!(refused(|o| o.reuse_factor = 0), "a reuse factor of 0 for the model");
    let layer = refused(|o| {
        o.layer_reuse_factors.insert("fc".into(), 0);
    });
    assert_eq!(layer, "a reuse factor of 0 for layer 'fc'");
    let recurrent = refused(|o| {
        o.layer_recurrent_reuse_factors.insert("fc".into(), 0);
    });
    assert_eq!(recurrent, "a recurrent reuse factor of 0 for layer 'fc'");
    let unknown = refused(|o| {
        o.layer_recurrences.insert("fc9".into(), Recurrence::Unrolled);
    });
    assert_eq!(unknown, "a recurrence for the layer 'fc9', which the network does not have");
    let unknown = refused(|o| {
        o.layer_reuse_factors.insert("fc9".into(), 2);
    });
    assert_eq!(unknown, "a reuse factor for the layer 'fc9', which the network does not have");
    let unknown = refused(|o| {
        o.table_sizes.layers.insert("fc9".into(), 2);
    });
    assert_eq!(unknown, "a table size for the layer 'fc9', which the network does not have");
}

/// Weights of a type far from their values are 0, and so is the sum: C++ adds zeros all the same.
#[test]
fn sums_have_an_alignment() {
    for (weights, message) in [
        ("fixed<8,-80>", None),
        (
            "fixed<8,-1000>",
            Some(
                "layer 'fc': numbers of ufixed<1,-1017> and fixed<16,6> are added, which takes 1024 bits",
            ),
        ),
    ] {
        let mut graph = Graph::new("far");
        let x = input(&mut graph, "x", &[2], "fixed<16,6>");
        let format: Format = weights.parse().unwrap();
        let zeros = ndarray::Array2::from_elem((2, 1), BigInt::from(0)).into_dyn();
        let weights = ir::Constant::of_codes(zeros, format.fractional_bits()).unwrap();
        let fc = graph.add("fc", ir::Linear { weights, bias: None }, &[x]).unwrap();
        graph.add_output("fc", fc);
        let error = Design::new(&graph, &options()).err().map(|error| error.to_string());
        match message {
            None => assert_eq!(error, None),
            Some(message) => assert!(error.as_deref().unwrap().starts_with(message), "{error:?}"),
        }
    }
}

#[test]
fn types_beyond_128_bits_name_the_layer() {
    let mut graph = Graph::new("limits");
    let x = input(&mut graph, "x", &[2], "ufixed<128,1>");
    let high: BigInt = (BigInt::from(1) << 128_u32) - 1;
    let y = ir::Clamp { low: Some(5.into()), high: None };
    let y = graph.add("y", y, &[x]).unwrap();
    graph[y].op = ir::Clamp { low: Some(high + 1), high: None }.into();
    graph.add_output("y", y);
    let error = Design::new(&graph, &options()).unwrap_err();
    let source = FormatError::Width(129);
    let what = "the comparison with its limits";
    assert_eq!(error, HlsError::TooWide { layer: "y".into(), what, source });
}

#[test]
fn constants_beyond_a_double_name_the_layer() {
    let mut graph = Graph::new("small");
    let x = input(&mut graph, "x", &[2], "fixed<8,1>");
    let fc = linear(&mut graph, "fc", x, 2, 3, "fixed<6,-1017>");
    graph.add_output("fc", fc);
    let error = Design::new(&graph, &options()).unwrap_err();
    assert_eq!(error, HlsError::Literal { layer: "fc".into(), what: "weights" });
}

#[test]
fn a_design_is_data() {
    let json = serde_json::to_value(design(&dense())).unwrap();
    assert_eq!(json["kernels"][0]["body"]["kind"], "linear");
    assert_eq!(json["kernels"][0]["multipliers"]["products"], 12);
    assert_eq!(json["types"][0]["quantization"], "fixed<8,1>");
    assert_eq!(json["edges"][1]["role"], "internal");
}
