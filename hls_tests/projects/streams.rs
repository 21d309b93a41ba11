//! Streaming designs: every form of process computes the simulated outputs.

use bitkiln::back::Tool;
use bitkiln::config::{IoType, Strategy};
use bitkiln::hls::{Design, Memory, ProcessForm};
use bitkiln::ir::{Concat, Elementwise, Gather, Graph, NodeId, Pool, PoolKind, Window};

use crate::forms::{KINDS, add_sign, random};
use crate::networks::*;
use crate::verified::assert_exact_for;

pub fn streamed(graph: Graph, samples: usize) -> Network {
    let mut network = Network::new(graph, samples, 4);
    network.options.io = IoType::Stream;
    network
}

/// The names of the processes of a form.
pub fn named(design: &Design, is_form: impl Fn(&ProcessForm) -> bool) -> Vec<&str> {
    let of_form = design.processes.iter().filter(|process| is_form(&process.form));
    of_form.map(|process| process.name.as_str()).collect()
}

pub fn add_gather(
    graph: &mut Graph,
    name: &str,
    from: NodeId,
    (shape, indices): (&[usize], Vec<Option<usize>>),
) -> NodeId {
    graph.add(name, Gather { shape: shape.to_vec(), indices }, &[from]).unwrap()
}

/// A process of each form, small enough to be read.
pub fn small_streams() -> Network {
    let mut graph = Graph::new("streams");
    let x = graph.add_input("image", vec![4, 4, 2], format("fixed<5,2>"));
    let doubled = (0..128).map(|at| Some((at / 32 * 4 + at / 2 % 8 / 2) * 2 + at % 2));
    let doubled = add_gather(&mut graph, "upsampling", x, (&[8, 8, 2], doubled.collect()));
    let whole = Window::whole([4, 4]);
    let twice = Window { kernel: [3, 3], pad_before: [1, 1], output: [8, 8], ..whole };
    let twice = Window { input_dilation: [2, 2], ..twice };
    let up = add_conv(&mut graph, "transposed", x, (twice, 1, 2));
    let up = add_cast(&mut graph, "relu", up, "fixed<5,2,RND_CONV,SAT>");
    let rows = graph.add("joined", Concat { axis: 0 }, &[doubled, up]).unwrap();
    let window = Window { kernel: [2, 2], stride: [4, 4], ..Window::whole([16, 8]) };
    let op = Pool { window: Window { output: [4, 2], ..window }, kind: PoolKind::Max };
    let pool = graph.add("pool", op, &[rows]).unwrap();
    let flat = add_reshape(&mut graph, "flat", pool, &[16]);
    let dense = add_linear(&mut graph, "dense", flat, (3, "fixed<3,1>", Some("fixed<4,1>")));
    graph.add_output("dense", dense);
    let columns = add_reshape(&mut graph, "columns", pool, &[2, 8]);
    let scaled = add_affine(&mut graph, "scaled", columns, ("fixed<3,2>", true), None);
    graph.add_output("scaled", scaled);
    streamed(graph, 4)
}

#[test]
fn every_form_of_process() {
    let network = small_streams();
    for backend in Tool::ALL {
        assert_exact_for(&network, backend);
    }
}

/// Dense layers of every form on a flattened image and on its signs.
fn flattened() -> Graph {
    let mut draw = Draw::new(8);
    let mut graph = Graph::new("flattened");
    let image = graph.add_input("image", vec![3, 4, 6], format("fixed<6,2>"));
    let sign = add_sign(&mut graph, "sign", image, 1);
    for (from, node) in [("image", image), ("sign", sign)] {
        let flat = add_reshape(&mut graph, &format!("flat_{from}"), node, &[72]);
        for kind in KINDS {
            let linear = random(kind, [72, 4], &mut draw);
            let name = format!("{from} {kind:?}");
            let result = add_matrix(&mut graph, &name, flat, linear);
            graph.add_output(name, result);
        }
    }
    graph
}

#[test]
fn a_flattened_image_is_summed_token_by_token() {
    let mut network = streamed(flattened(), 6);
    let design = network.design(Tool::Vitis);
    let frames =
        |form: &ProcessForm| matches!(form, ProcessForm::Frame | ProcessForm::Repack { .. });
    assert_eq!(named(&design, frames), [""; 0]);
    let sums = |form: &ProcessForm| *form == ProcessForm::Accumulate { tokens: 12 };
    assert_eq!(named(&design, sums).len(), 2 * KINDS.len());
    assert_eq!(design.schedule.initiation_interval, 12);
    // The state is the sums, whatever the size of the image.
    assert!(design.processes.iter().all(|process| process.state_bits <= 4 * 32));
    assert_exact_for(&network, Tool::Vitis);

    // Tiles of some outputs, and of some inputs of a token.
    network.options.strategy = Strategy::Resource;
    let layers: Vec<String> =
        network.graph.nodes.node_weights().map(|node| node.layer.clone()).collect();
    for (position, layer) in layers.into_iter().enumerate() {
        let factor = [2, 4, 8, 12, 24][position % 5];
        network.options.layer_reuse_factors.insert(layer, factor);
    }
    let design = network.design(Tool::Vitis);
    assert_eq!(design.schedule.initiation_interval, 12 * 24);
    assert_exact_for(&network, Tool::Catapult);
}

/// Tokens of sizes of which neither divides the other, and of which one does.
#[test]
fn reshaped_tensors_are_repacked() {
    let mut graph = Graph::new("reshaped");
    let image = graph.add_input("image", vec![3, 4, 6], format("fixed<6,2>"));
    let mut from = image;
    for (number, shape) in [[8, 9], [18, 4], [36, 2], [9, 8]].into_iter().enumerate() {
        let shaped = add_reshape(&mut graph, &format!("shape_{number}"), from, &shape);
        let (name, scale) = (format!("scaled_{number}"), ("fixed<3,2>", true));
        let scaled = add_affine(&mut graph, &name, shaped, scale, None);
        from = add_cast(&mut graph, &format!("cast_{number}"), scaled, "fixed<6,2,RND,SAT>");
    }
    // Elements that are computed alike need no other tokens.
    let flat = add_reshape(&mut graph, "flat", from, &[72]);
    let clamped = add_clamp(&mut graph, "clamped", flat, Some(-9), Some(12));
    graph.add_output("clamped", clamped);
    let network = streamed(graph, 6);
    let design = network.design(Tool::Catapult);
    let repacks: Vec<(usize, usize)> = design
        .processes
        .iter()
        .filter_map(|process| match process.form {
            ProcessForm::Repack(repack) => Some((repack.from, repack.to)),
            _ => None,
        })
        .collect();
    // The port has the tokens that its reader takes, and two rows of two channels stay together.
    assert_eq!(repacks, [(9, 4), (4, 8)]);
    assert_eq!(named(&design, |form| *form == ProcessForm::Frame), [""; 0]);
    assert_exact_for(&network, Tool::Vitis);
}

/// Concatenation along each axis, of flattened tensors, and channels by index: no frame.
#[test]
fn runs_of_tokens_are_concatenated() {
    let mut graph = Graph::new("runs");
    let one = graph.add_input("one", vec![3, 4, 2], format("fixed<6,2>"));
    let other = graph.add_input("other", vec![3, 4, 2], format("fixed<6,2>"));
    for axis in 0..3 {
        let name = format!("along_{axis}");
        let along = graph.add(&name, Concat { axis }, &[one, other, one]).unwrap();
        graph.add_output(name, along);
    }
    let flat = add_reshape(&mut graph, "flat_one", one, &[24]);
    let both = add_reshape(&mut graph, "flat_other", other, &[24]);
    let both = graph.add("flat", Concat { axis: 0 }, &[flat, both]).unwrap();
    let dense = add_linear(&mut graph, "dense", both, (3, "fixed<4,1>", Some("fixed<5,2>")));
    graph.add_output("dense", dense);
    let swapped = (0..12).flat_map(|row| [Some(2 * row + 1), None, Some(2 * row)]).collect();
    let swapped = add_gather(&mut graph, "swapped", one, (&[3, 4, 3], swapped));
    graph.add_output("swapped", swapped);
    let words = graph.add_input("words", vec![5], format("ufixed<3,3>"));
    let rows = add_lookup(&mut graph, "rows", words, [8, 5]);
    graph.add_output("rows", rows);
    let network = streamed(graph, 6);
    let design = network.design(Tool::Vitis);
    assert_eq!(named(&design, |form| *form == ProcessForm::Frame), [""; 0]);
    let concat = |form: &ProcessForm| matches!(form, ProcessForm::Concat { .. });
    assert_eq!(named(&design, concat), ["along_0", "along_1", "flat"]);
    assert_exact_for(&network, Tool::Catapult);
}

/// Sums of windows with a scale for each element, as averages have at borders: a word of scales for
/// each token.
#[test]
fn elements_are_scaled_token_by_token() {
    let mut graph = Graph::new("scaled");
    let image = graph.add_input("image", vec![3, 4, 2], format("fixed<6,2>"));
    let flat = add_reshape(&mut graph, "flat", image, &[24]);
    let scaled = add_affine(&mut graph, "scaled", flat, ("fixed<5,1>", true), None);
    let both = ("ufixed<4,2>", true);
    let biased = add_affine(&mut graph, "biased", scaled, both, Some(("fixed<5,2>", true)));
    let back = add_reshape(&mut graph, "back", biased, &[3, 4, 2]);
    graph.add_output("back", back);
    let network = streamed(graph, 6);
    let design = network.design(Tool::Vitis);
    let repacks = |form: &ProcessForm| matches!(form, ProcessForm::Repack(_));
    assert_eq!(named(&design, repacks), [""; 0]);
    assert!(design.processes.iter().all(|process| process.state_bits == 0));
    for backend in Tool::ALL {
        assert_exact_for(&network, backend);
    }
}

/// Every window and every merge of the parallel networks.
#[test]
fn windows_and_merges_are_streamed() {
    for mut network in [windows(), large()] {
        network.options.io = IoType::Stream;
        network.graph.name += "_streamed";
        assert_exact_for(&network, Tool::Vitis);
    }
}

/// Several windows at a time, of every shape; whole rows where nothing divides them.
#[test]
fn windows_are_computed_side_by_side() {
    // Whole rows, and pairs.
    for (factor, backend) in [(100, Tool::Vitis), (2, Tool::Catapult)] {
        let mut network = windows();
        network.options.io = IoType::Stream;
        let layers = network.graph.nodes.node_weights().map(|node| (node.layer.clone(), factor));
        network.options.layer_parallelization_factors = layers.collect();
        network.graph.name += &format!("_times_{factor}");
        let design = network.design(backend);
        let groups = |form: &ProcessForm| match form {
            ProcessForm::Windows(lines) => !lines.group.is_one(),
            _ => false,
        };
        assert!(named(&design, groups).len() > 3, "{:?}", named(&design, groups));
        assert_exact_for(&network, backend);
    }
}

/// Every process that computes rows, for several rows at a time; from ports that pass as many.
#[test]
fn rows_are_computed_side_by_side() {
    let mut graph = Graph::new("rows");
    let x = graph.add_input("x", vec![4, 6, 3], format("fixed<6,2>"));
    let y = graph.add_input("y", vec![4, 6, 3], format("fixed<5,3>"));
    let weights = (2, "fixed<3,1>", Some("fixed<4,1>"));
    let dense = add_linear(&mut graph, "dense", x, weights);
    let scaled = add_affine(&mut graph, "scaled", x, ("fixed<3,2>", true), None);
    let terms = [("left", scaled), ("right", y)];
    let terms = terms.map(|(name, from)| add_cast(&mut graph, name, from, "fixed<8,4>"));
    let sum = graph.add("added", Elementwise::Add, &terms).unwrap();
    let cast = add_cast(&mut graph, "cast", sum, "fixed<6,2,RND_CONV,SAT>");
    let softmax = add_softmax(&mut graph, "softmax", cast, (&[6], "ufixed<8,0>"));
    let narrow = add_cast(&mut graph, "narrow", dense, "fixed<6,2,RND_CONV,SAT>");
    let joined = graph.add("joined", Concat { axis: 2 }, &[narrow, cast]).unwrap();
    let below = graph.add("below", Concat { axis: 0 }, &[x, cast]).unwrap();
    let swapped = (0..24).flat_map(|row| [Some(3 * row + 2), None, Some(3 * row)]).collect();
    let swapped = add_gather(&mut graph, "swapped", x, (&[4, 6, 3], swapped));
    // A scale for each position, as averages at borders have it.
    let single = graph.add_input("single", vec![12, 1], format("fixed<6,2>"));
    let bordered = add_reshape(&mut graph, "flat", single, &[12]);
    let bordered = add_affine(&mut graph, "bordered", bordered, ("fixed<5,1>", true), None);
    let words = graph.add_input("words", vec![6], format("ufixed<3,3>"));
    let rows = add_lookup(&mut graph, "rows", words, [8, 5]);
    let whole = Window::whole([4, 6]);
    let most = graph.add("most", Pool { window: whole, kind: PoolKind::Max }, &[cast]).unwrap();
    let summed = graph.add("summed", Pool { window: whole, kind: PoolKind::Sum }, &[sum]).unwrap();
    for node in [dense, softmax, joined, below, swapped, bordered, rows, most, summed] {
        let name = graph[node].name.clone();
        graph.add_output(name, node);
    }
    let mut network = Network::new(graph, 5, 4);
    for (target, backend, io) in
        [(8, Tool::Vitis, IoType::Stream), (2, Tool::Catapult, IoType::Stream)]
    {
        (network.options.io, network.options.target_interval) = (io, Some(target));
        network.graph.name = format!("rows_within_{target}");
        let design = network.design(backend);
        assert!(design.schedule.initiation_interval <= 2 * target, "{:?}", design.schedule);
        let copied = |form: &ProcessForm| {
            matches!(form, ProcessForm::Rows { copies: 2.., .. })
                || matches!(form, ProcessForm::Reduce { positions: 2.., .. })
        };
        for name in ["dense", "softmax", "joined", "swapped", "most", "summed"] {
            let found = named(&design, copied);
            assert!(found.contains(&name), "{name} is not among {found:?}");
        }
        assert_exact_for(&network, backend);
    }
}

/// Pooling over the whole image keeps a number for each channel, whatever its stride.
#[test]
fn pooling_over_the_image_keeps_no_rows() {
    let mut graph = Graph::new("pooled");
    let x = graph.add_input("x", vec![4, 6, 3], format("fixed<6,2>"));
    let window = Window { stride: [4, 6], ..Window::whole([4, 6]) };
    for (name, kind) in [("most", PoolKind::Max), ("summed", PoolKind::Sum)] {
        let pool = graph.add(name, Pool { window, kind }, &[x]).unwrap();
        graph.add_output(name, pool);
    }
    let network = streamed(graph, 3);
    let design = network.design(Tool::Vitis);
    let reduces = |form: &ProcessForm| matches!(form, ProcessForm::Reduce { .. });
    assert_eq!(named(&design, reduces), ["most", "summed"]);
    assert_exact_for(&network, Tool::Vitis);
}

/// A token of several rows is taken apart where there is time for a softmax of one row.
#[test]
fn rows_of_a_token_share_a_softmax() {
    let mut graph = Graph::new("shared");
    let x = graph.add_input("x", vec![8], format("fixed<6,2>"));
    let dense = add_linear(&mut graph, "dense", x, (16, "fixed<3,1>", None));
    let cast = add_cast(&mut graph, "cast", dense, "fixed<6,2,RND_CONV,SAT>");
    let rows = add_reshape(&mut graph, "rows", cast, &[4, 4]);
    let softmax = add_softmax(&mut graph, "softmax", rows, (&[6], "ufixed<8,0>"));
    graph.add_output("softmax", softmax);
    let mut network = streamed(graph, 3);
    let rows = |target: u64, network: &mut Network| {
        network.options.target_interval = Some(target);
        let design = network.design(Tool::Vitis);
        let forms = design.processes.iter().filter(|process| process.name == "softmax");
        let copies = forms.filter_map(|process| process.positions());
        copies.max()
    };
    assert_eq!([1, 2, 4].map(|target| rows(target, &mut network)), [Some(4), Some(2), Some(1)]);
    assert_exact_for(&network, Tool::Vitis);
}

/// Tokens that are too wide for one stream are carried by several side by side, and ports take them in
/// parts.
#[test]
fn wide_tokens_take_several_streams() {
    let mut graph = Graph::new("wide");
    let [x, y] =
        ["x", "y"].map(|name| graph.add_input(name, vec![2, 3, 80], format("fixed<60,8>")));
    let sum = graph.add("added", Elementwise::Add, &[x, y]).unwrap();
    let window = Window { kernel: [2, 2], pad_before: [0, 1], ..Window::whole([2, 3]) };
    let op = Pool { window: Window { output: [1, 4], ..window }, kind: PoolKind::Max };
    let largest = graph.add("largest", op, &[sum]).unwrap();
    let whole = Pool { window: Window::whole([2, 3]), kind: PoolKind::Sum };
    let whole = graph.add("whole", whole, &[sum]).unwrap();
    let again = add_cast(&mut graph, "again", x, "fixed<61,9>");
    let joined = graph.add("joined", Concat { axis: 2 }, &[sum, again]).unwrap();
    let joined = add_affine(&mut graph, "scaled", joined, ("fixed<3,2>", true), None);
    let joined = add_cast(&mut graph, "cut", joined, "fixed<50,8,RND,SAT>");
    let largest = add_cast(&mut graph, "wider", largest, "fixed<64,12>");
    let stacked = graph.add("stacked", Concat { axis: 1 }, &[largest, whole]).unwrap();
    let turned = (0..480).map(|at| Some(at % 6 * 80 + at / 6)).collect();
    let turned = add_gather(&mut graph, "turned", y, (&[80, 6], turned));
    let sign = add_cast(&mut graph, "sign", stacked, "fixed<2,8,RND,SAT>");
    let flat = add_reshape(&mut graph, "flat", sign, &[400]);
    let dense = add_linear(&mut graph, "dense", flat, (1100, "fixed<1,1>", None));
    for (name, node) in [("joined", joined), ("stacked", stacked), ("turned", turned)] {
        graph.add_output(name, node);
    }
    graph.add_output("dense", dense);
    let mut network = streamed(graph, 3);
    for (io, backend) in [(IoType::Stream, Tool::Vitis), (IoType::Parallel, Tool::Catapult)] {
        network.options.io = io;
        network.options.target_interval = Some(2000);
        let design = network.design(backend);
        assert_eq!(design.warnings, []);
        assert!(design.tokens.iter().filter(|token| token.parts.len() > 1).count() > 5);
        assert_exact_for(&network, backend);
    }
}

/// A function of many values has as many tables as its target needs, not one for each channel.
#[test]
fn channels_share_a_table_where_there_is_time() {
    let mut graph = Graph::new("tables");
    let x = graph.add_input("x", vec![3, 4, 8], format("fixed<10,4>"));
    let thresholds: Vec<i64> = (0..200).map(|n| 4 * n + n % 3 - 400).collect();
    let values: Vec<i64> = (0..=200).map(|n| n * 5 % 64).collect();
    let function = add_steps(&mut graph, "curve", x, (&thresholds, &values, 3));
    let dense = (2, "fixed<3,1>", None);
    let dense = add_linear(&mut graph, "dense", function, dense);
    graph.add_output("dense", dense);
    let mut network = streamed(graph, 4);
    for (target, lanes) in [(96, 1), (40, 4), (12, 8)] {
        network.options.target_interval = Some(target);
        let design = network.design(Tool::Vitis);
        let tokens =
            |form: &ProcessForm| *form == ProcessForm::Rows { tokens: 96 / lanes, copies: 1 };
        assert!(named(&design, tokens).contains(&"curve"), "{target}");
        assert!(design.schedule.initiation_interval <= target);
    }
    network.options.target_interval = Some(40);
    for backend in Tool::ALL {
        assert_exact_for(&network, backend);
    }
}

/// Elements in any order that are one token of the result leave their memory one by one.
#[test]
fn a_token_of_picked_elements_is_shifted_together() {
    let mut graph = Graph::new("collected");
    let image = graph.add_input("image", vec![10, 12, 3], format("fixed<6,3>"));
    let indices = [5, 99, 350, 17, 250, 3].map(Some).to_vec();
    let picked = add_gather(&mut graph, "picked", image, (&[6], indices));
    let dense = add_linear(&mut graph, "dense", picked, (3, "fixed<3,1>", None));
    graph.add_output("dense", dense);
    let mut network = streamed(graph, 4);
    network.options.target_interval = Some(400);
    for backend in Tool::ALL {
        let design = network.design(backend);
        assert_eq!(named(&design, |form| *form == ProcessForm::Frame), ["picked"]);
        assert!(design.schedule.initiation_interval <= 400);
        assert_exact_for(&network, backend);
    }
}

/// hls4ml's parallelization factor: as many positions of one layer, with its reuse factor.
#[test]
fn a_parallelization_factor_copies_a_kernel() {
    let mut graph = Graph::new("factor");
    let x = graph.add_input("image", vec![6, 8, 2], format("fixed<6,2>"));
    let window = Window { kernel: [3, 3], pad_before: [1, 1], ..Window::whole([6, 8]) };
    let conv = add_conv(&mut graph, "conv", x, (Window { output: [6, 8], ..window }, 1, 3));
    graph.add_output("conv", conv);
    let mut network = streamed(graph, 4);
    let multipliers = |network: &Network| network.design(Tool::Vitis).schedule.multipliers;
    let one = multipliers(&network);
    network.options.layer_parallelization_factors.insert("conv".into(), 3);
    let warnings = network.design(Tool::Vitis).warnings;
    let expected = "layer 'conv': its 8 positions, or the pixels that they take, cannot be divided \
                    into groups of 3; 2 are computed";
    assert!(warnings.iter().any(|warning| warning.to_string() == expected), "{warnings:?}");
    network.options.layer_parallelization_factors.insert("conv".into(), 4);
    assert_eq!(multipliers(&network), 4 * one);
    assert_exact_for(&network, Tool::Vitis);
    network.options.reuse_factor = 2;
    let design = network.design(Tool::Catapult);
    assert_eq!(design.schedule.multipliers, 4 * one.div_ceil(2));
    // Rows of three steps with the padding behind, and a row of padding.
    assert_eq!(design.schedule.initiation_interval, 2 * 7 * 3);
    assert_exact_for(&network, Tool::Catapult);
}

/// Other selections take whole samples: in registers if these are small, else in memories.
#[test]
fn samples_in_another_order_are_collected() {
    let mut graph = Graph::new("samples");
    let image = graph.add_input("image", vec![4, 3, 2], format("fixed<6,3>"));
    let first = [2, 4, 3];
    let permuted = (0..24).map(|at| Some((at / 3 % 4 * 3 + at % 3) * 2 + at / 12));
    let permuted = add_gather(&mut graph, "permuted", image, (&first, permuted.collect()));
    graph.add_output("permuted", permuted);
    let mirrored = (0..24).map(|at| (at % 5 != 0).then_some(23 - at)).collect();
    let mirrored = add_gather(&mut graph, "mirrored", image, (&[4, 6], mirrored));
    graph.add_output("mirrored", mirrored);
    let flipped = (0..24).map(|at| Some((3 - at / 6) * 6 + at % 6)).collect();
    let flipped = add_gather(&mut graph, "flipped", image, (&[24], flipped));
    let dense = add_linear(&mut graph, "dense", flipped, (3, "fixed<4,1>", None));
    graph.add_output("dense", dense);
    let large = graph.add_input("large", vec![40, 30, 4], format("fixed<6,3>"));
    let turned = (0..4800).map(|at| Some((at / 4 % 40 * 30 + at / 160) * 4 + at % 4));
    let turned = add_gather(&mut graph, "turned", large, (&[30, 40, 4], turned.collect()));
    graph.add_output("turned", turned);
    let network = streamed(graph, 3);
    let design = network.design(Tool::Vitis);
    assert_eq!(named(&design, |form| *form == ProcessForm::Frame), ["turned"]);
    let files = bitkiln::back::files(&design, Tool::Vitis, &network.vectors, None).unwrap();
    let path = format!("firmware/{}.cpp", design.name);
    let source = files.iter().find(|file| file.path == path).unwrap();
    assert_eq!(source.contents.matches("static const int indices[").count(), 1, "the mirrored one");
    assert_exact_for(&network, Tool::Vitis);
}

/// A sample in another order is wires where a target leaves no time, else it is kept in memories: tokens that
/// stay whole are words, and are moved in a cycle each, others element by element.
#[test]
fn samples_are_in_memories_where_there_is_time() {
    let mut graph = Graph::new("permuted");
    let image = graph.add_input("image", vec![12, 10, 3], format("fixed<6,3>"));
    let at = |row: usize, column: usize, channel: usize| Some((row * 10 + column) * 3 + channel);
    let turned = (0..360).map(|n| at(n / 3 % 12, n / 36, n % 3)).collect();
    let turned = add_gather(&mut graph, "turned", image, (&[10, 12, 3], turned));
    graph.add_output("turned", turned);
    let planes = (0..360).map(|n| at(n / 10 % 12, n % 10, n / 120)).collect();
    let planes = add_gather(&mut graph, "planes", image, (&[3, 12, 10], planes));
    graph.add_output("planes", planes);
    // In no order that loops could follow.
    let mixed = (0..120).flat_map(|n| (0..3).map(move |c| Some((n * n % 120) * 3 + c))).collect();
    let mixed = add_gather(&mut graph, "mixed", image, (&[360], mixed));
    graph.add_output("mixed", mixed);
    let mut network = streamed(graph, 5);
    let mut frames = |target: u64| {
        network.options.target_interval = Some(target);
        let design = network.design(Tool::Vitis);
        let interval = design.schedule.initiation_interval;
        assert!(interval <= target, "{interval} cycles for {target}");
        let frames = named(&design, |form| *form == ProcessForm::Frame);
        (frames.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), design.estimate().total)
    };
    let (wires, wide) = frames(359);
    assert_eq!(wires, [""; 0]);
    assert_eq!(frames(360).0, ["turned", "mixed"]);
    let (all, narrow) = frames(600);
    assert_eq!(all, ["turned", "planes", "mixed"]);
    assert!(narrow.area() * 3 < wide.area(), "{narrow:?} and {wide:?}");
    let design = network.design(Tool::Vitis);
    let memories = |name: &str| {
        let process = design.processes.iter().find(|process| process.name == name).unwrap();
        process.memories(&design).iter().map(Memory::to_string).collect::<Vec<_>>()
    };
    assert_eq!(memories("turned"), ["120 x 18 BRAM", "120 x 18 BRAM"]);
    // Each element of a word goes to a memory of its own.
    assert_eq!(memories("planes"), ["120 x 18 BRAM", "10 of 36 x 6 LUT"]);
    for backend in Tool::ALL {
        assert_exact_for(&network, backend);
    }
}

/// A target that is out of reach gives the shortest interval that is in reach, however the layers
/// divide their rows, and no more hardware than a target of that interval.
#[test]
fn a_target_out_of_reach_gives_the_fastest_design() {
    let mut graph = Graph::new("unreachable");
    let x = graph.add_input("x", vec![6, 10, 2], format("fixed<6,2>"));
    let window = Window { kernel: [3, 3], pad_before: [1, 1], ..Window::whole([6, 10]) };
    let conv = add_conv(&mut graph, "conv", x, (Window { output: [6, 10], ..window }, 1, 4));
    let cast = add_cast(&mut graph, "cast", conv, "fixed<6,2,RND,SAT>");
    let doubled = (0..480).map(|at| Some((at / 80 * 10 + at / 4 % 20 / 2) * 4 + at % 4));
    let doubled = add_gather(&mut graph, "doubled", cast, (&[6, 20, 4], doubled.collect()));
    graph.add_output("doubled", doubled);
    let mut network = streamed(graph, 3);
    let mut design = |target: u64| {
        network.options.target_interval = Some(target);
        network.design(Tool::Vitis)
    };
    let fastest = design(1);
    // Windows take a row of pixels in a clock cycle, and one of padding.
    assert_eq!(fastest.schedule.initiation_interval, 7);
    let alone = design(7);
    assert_eq!(alone.schedule, fastest.schedule);
    // No slower target is met by a faster design.
    for target in [2, 3, 5, 6] {
        assert_eq!(design(target).schedule, fastest.schedule, "{target}");
    }
    let missed = |design: &Design| {
        let all = design.warnings.iter().map(|warning| warning.to_string());
        all.filter(|text| text.contains("miss the target")).collect::<Vec<_>>()
    };
    let expected = "layer 'conv': 7 cycles for a sample miss the target of 1; each of its 7 \
                    iterations takes at least one";
    assert_eq!(missed(&fastest), [expected]);
    assert_eq!(missed(&alone), [""; 0]);
}
