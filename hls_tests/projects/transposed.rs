//! Transposed convolutions: a matrix for each phase, in streams and in one pipeline.

use bitkiln::back::Tool;
use bitkiln::config::{IoType, Strategy};
use bitkiln::hls::{Body, Design, ProcessForm};
use bitkiln::ir::{Graph, Op, Window};
use bitkiln::progress::Observer;
use num_bigint::BigInt;

use crate::networks::*;
use crate::streams::{named, streamed};
use crate::verified::{assert_exact, assert_exact_for};

/// Transposed convolutions: no product with the zeros between pixels, and rows of pixels, not of the
/// result, in memory.
#[test]
fn transposed_convolutions_have_a_kernel_for_each_phase() {
    let mut graph = Graph::new("transposed");
    let whole = Window::whole([5, 4]);
    let x = graph.add_input("image", vec![5, 4, 2], format("fixed<6,3>"));
    let twice = Window { kernel: [3, 3], input_dilation: [2, 2], ..whole };
    let cases = [
        // Keras' 'valid' and 'same', with output padding.
        ("valid", Window { pad_before: [2, 2], output: [11, 9], ..twice }, 1, 3),
        ("same", Window { pad_before: [1, 1], output: [10, 8], ..twice }, 1, 2),
        // Windows of one pixel, and of none.
        (
            "gaps",
            Window { kernel: [1, 2], input_dilation: [3, 3], output: [14, 11], ..whole },
            1,
            2,
        ),
        ("four", Window { kernel: [4, 4], pad_before: [2, 2], output: [10, 8], ..twice }, 2, 4),
        (
            "columns",
            Window { input_dilation: [1, 2], pad_before: [0, 1], output: [3, 8], ..twice },
            1,
            2,
        ),
        (
            "dilated",
            Window { dilation: [2, 1], pad_before: [4, 2], output: [11, 9], ..twice },
            1,
            1,
        ),
        ("resized", Window { stride: [3, 3], pad_before: [1, 1], output: [4, 3], ..twice }, 2, 2),
        // The first windows lie before the image.
        ("late", Window { pad_before: [5, 4], output: [14, 12], ..twice }, 1, 2),
    ];
    for (name, window, groups, outputs) in cases {
        let conv = add_conv(&mut graph, name, x, (window, groups, outputs));
        graph.add_output(name, conv);
    }
    let network = streamed(graph, 4);
    let design = network.design(Tool::Vitis);
    assert_eq!(named(&design, |form| *form == ProcessForm::Frame), [""; 0]);
    let lines = |name: &str| {
        let process = design.processes.iter().find(|process| process.name == name).unwrap();
        let ProcessForm::Windows(lines) = &process.form else { panic!("{:?}", process.form) };
        let inputs = lines.kernels.iter().map(|it| it.taps[0].count * it.taps[1].count);
        (lines.rows(), inputs.collect::<Vec<_>>())
    };
    assert_eq!(lines("valid"), (2, vec![4, 2, 2, 1]));
    assert_eq!(lines("same"), (2, vec![4, 2, 2, 1]));
    assert_eq!(lines("four"), (2, vec![4, 4, 4, 4]));
    let of = |name: &str| {
        let own = design.kernels.iter().filter(|kernel| kernel.layer == name);
        own.map(|kernel| kernel.cost.operations.multiplications).sum::<u64>()
    };
    // 3 · 3 products for 2 · 2 pixels.
    assert!(of("same") <= 9 * (10 * 8 / 4) * 2 * 2, "{}", of("same"));
    assert_exact_for(&network, Tool::Vitis);
}

/// A transposed convolution of 3 x 3 taps to twice the rows and columns of 4 x 3 pixels.
fn doubled(groups: usize) -> Graph {
    let mut graph = Graph::new("doubled");
    let x = graph.add_input("image", vec![4, 3, 2], format("fixed<6,3>"));
    let twice = Window { kernel: [3, 3], input_dilation: [2, 2], ..Window::whole([4, 3]) };
    let twice = Window { pad_before: [1, 1], output: [8, 6], ..twice };
    let conv = add_conv(&mut graph, "up", x, (twice, groups, 4));
    graph.add_output("up", conv);
    graph
}

/// Phases take turns with the multipliers of one kernel, whose weights come from a memory: its tiles
/// are of inputs and outputs.
#[test]
fn phases_of_a_transposed_convolution_share_multipliers() {
    // Windows of 2 x 2 pixels of 2 channels, in one group or two; 49 windows of one to 64 steps.
    for (groups, factor, tiles, tool) in
        [(1, 16, (4, 4), Tool::Vitis), (2, 8, (2, 4), Tool::Catapult), (2, 2, (1, 2), Tool::Vitis)]
    {
        let mut network = streamed(doubled(groups), 3);
        network.options.strategy = Strategy::Resource;
        network.options.reuse_factor = factor;
        let design = network.design(tool);
        let [kernel] = &design.kernels[..] else { panic!("{:?}", design.kernels) };
        let Body::Linear(linear) = &kernel.body else { panic!("{:?}", kernel.body) };
        assert_eq!((linear.phases, linear.inputs), (4, 8 / groups));
        assert_eq!((linear.tiles.inputs, linear.tiles.outputs), tiles, "{groups} groups");
        assert_eq!(kernel.cost.hardware, ["4 phases of multiply-add"]);
        // Every weight of a phase, in as many steps as were asked for.
        let products = (linear.inputs * linear.outputs) as u64;
        assert_eq!(kernel.multiplier_instances(), products / factor);
        assert_eq!(kernel.cost.operations.multiplications, 8 * 6 * products);
        assert_eq!(design.warnings, []);
        assert_exact_for(&network, tool);
    }
}

/// A target is met with as many steps as it leaves time for; one kernel at a step for each window is
/// less than a kernel for each phase where weights have many digits. An illegal factor is one warning.
#[test]
fn phases_of_a_transposed_convolution_meet_targets() {
    let mut network = streamed(doubled(1), 3);
    let mut of = |target: Option<u64>, factor: u64| {
        network.options.target_interval = target;
        network.options.strategy = Strategy::Resource;
        network.options.reuse_factor = factor;
        let design = network.design(Tool::Vitis);
        assert_exact(&network);
        design
    };
    for (target, multipliers) in [(400, 4), (100_000, 1)] {
        let design = of(Some(target), 1);
        assert!(design.schedule.initiation_interval <= target);
        assert_eq!((design.schedule.multipliers, &design.warnings[..]), (multipliers, &[][..]));
    }
    let design = of(None, 5);
    let warnings: Vec<String> = design.warnings.iter().map(|it| it.to_string()).collect();
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(
        warning.contains("a reuse factor of 5 does not divide its 8 x 4 products"),
        "{warning}"
    );
    let factors = design.kernels.iter().filter_map(|it| it.parallelism()).map(|it| it.reuse_factor);
    assert_eq!(factors.collect::<Vec<_>>(), [4]);
}

/// One pipeline multiplies no zero between pixels either.
#[test]
fn a_pipeline_of_a_transposed_convolution_has_products_with_pixels_alone() {
    let mut network = Network::new(doubled(1), 3, 4);
    network.options.io = IoType::Parallel;
    let design = network.design(Tool::Vitis);
    let [kernel] = &design.kernels[..] else { panic!("{:?}", design.kernels) };
    let weights = network.graph.nodes.node_weights().find_map(|node| {
        let Op::Conv(conv) = &node.op else { return None };
        Some(conv.linear.weights.codes.clone())
    });
    // Row y of the result meets row r of the image through tap t if y + t - 1 = 2 r.
    let pairs = |size: usize| -> Vec<usize> {
        let taps = (0..2 * size).flat_map(|y| (0..3).map(move |tap| (y + tap, tap)));
        let on_pixel = |at: &(usize, usize)| at.0 % 2 == 1 && at.0 >= 1 && (at.0 - 1) / 2 < size;
        taps.filter(on_pixel).map(|(_, tap)| tap).collect()
    };
    let is_nontrivial = |code: &BigInt| code.magnitude().count_ones() > 1;
    let weights: Vec<bool> = weights.unwrap().iter().map(|code| is_nontrivial(&code)).collect();
    let of_tap = |tap: usize| weights[tap * 8..(tap + 1) * 8].iter().filter(|is| **is).count();
    let expected: usize = pairs(4)
        .iter()
        .flat_map(|row| pairs(3).into_iter().map(move |column| row * 3 + column))
        .map(of_tap)
        .sum();
    let multipliers = kernel.multipliers.unwrap();
    assert_eq!(multipliers.nontrivial_products, expected as u64);
    assert_eq!(multipliers.limit, expected as u64);
    assert_eq!(kernel.cost.operations.multiplications, expected as u64);
    assert_exact(&network);
}

/// A part is filled with as many multipliers as its share allows: phases share them where it is small.
#[test]
fn a_transposed_convolution_fits_a_part() {
    let mut network = streamed(doubled(1), 3);
    network.options.part = "xc7a35t".into();
    let mut intervals = Vec::new();
    for share in [0.5, 0.02] {
        let fitted =
            Design::fit(&network.graph, &network.options, share, &Observer::default()).unwrap();
        let estimate = fitted.estimate();
        let most = share * estimate.budget.unwrap().resources.lut as f64;
        assert!(estimate.total.lut as f64 <= most, "{:?} of {most}", estimate.total);
        intervals.push((fitted.schedule.initiation_interval, fitted.schedule.multipliers));
        network.options.target_interval = Some(fitted.schedule.initiation_interval);
        assert_exact(&network);
        network.options.target_interval = None;
    }
    let [fast, slow] = intervals[..] else { panic!("{intervals:?}") };
    assert!(fast.0 < slow.0 && fast.1 > slow.1, "{intervals:?}");
}
