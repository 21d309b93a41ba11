//! Folded matrices: tiles of weights, one per iteration.

use bitkiln::back::{Tool, files};
use bitkiln::config::Strategy;
use bitkiln::hls::{Body, Design, Tiles};
use bitkiln::ir::{Graph, Linear, Window};

use crate::forms::random_forms;
use crate::networks::*;
use crate::verified::assert_exact;

/// Layers with tiles of every shape, small enough to be read.
pub fn small_tiles() -> Network {
    let mut graph = Graph::new("blocks");
    let x = graph.add_input("x", vec![4], format("fixed<6,2>"));
    let image = graph.add_input("image", vec![3, 3, 2], format("ufixed<5,1>"));
    let codes: Vec<i64> = (0..24).map(|n| (7 * n) % 15 - 7).collect();
    let mut add = |name: &str, biased: bool| {
        let weights = constant(&[4, 6], &codes, 2);
        let bias = biased.then(|| constant(&[6], &[3, -2, 1, 0, 5, -6], 3));
        let node = add_matrix(&mut graph, name, x, Linear { weights, bias });
        graph.add_output(name, node);
    };
    add("groups of outputs", true);
    add("single outputs", true);
    add("groups of inputs", true);
    add("groups of both", false);
    add("single weights", true);
    let window =
        Window { kernel: [2, 2], pad_before: [1, 0], output: [3, 2], ..Window::whole([3, 3]) };
    for (name, groups, outputs) in [("convolution", 1, 3), ("depthwise", 2, 2)] {
        let conv = add_conv(&mut graph, name, image, (window, groups, outputs));
        graph.add_output(name, conv);
    }
    let mut network = Network::new(graph, 8, 9);
    network.options.strategy = Strategy::Resource;
    network.options.layer_reuse_factors = [
        ("groups of outputs", 3),
        ("single outputs", 6),
        ("groups of inputs", 4),
        ("groups of both", 8),
        ("single weights", 24),
        ("convolution", 6),
        ("depthwise", 4),
    ]
    .map(|(layer, factor)| (layer.to_owned(), factor))
    .into();
    network
}

/// A convolution whose tensors and weights are memories, and whose window is registers.
pub fn large_tiles() -> Network {
    let mut graph = Graph::new("large_tiles");
    let image = graph.add_input("image", vec![80, 80, 2], format("ufixed<5,1>"));
    let window = Window { kernel: [3, 3], output: [78, 78], ..Window::whole([80, 80]) };
    let conv = add_conv(&mut graph, "conv", image, (window, 1, 4));
    graph.add_output("conv", conv);
    let mut network = Network::new(graph, 1, 9);
    network.options.strategy = Strategy::Resource;
    network.options.reuse_factor = 8;
    network
}

fn tiles(design: &Design) -> Vec<Tiles> {
    let linear = design.kernels.iter().filter_map(|kernel| match &kernel.body {
        Body::Linear(linear) => Some(linear.tiles),
        _ => None,
    });
    linear.collect()
}

#[test]
fn tiles_of_every_shape() {
    let network = small_tiles();
    let design = network.design(Tool::Vitis);
    assert_eq!(design.warnings, []);
    let tiles: Vec<(usize, usize)> =
        tiles(&design).iter().map(|tiles| (tiles.inputs, tiles.outputs)).collect();
    assert_eq!(tiles, [(1, 3), (1, 6), (2, 2), (4, 2), (4, 6), (2, 3), (2, 2)]);
    assert_exact(&network);
}

/// Every form of matrix on an input, on rows and on signs, with different tiles.
#[test]
fn tiles_of_every_form() {
    let mut network = random_forms(3);
    network.options.strategy = Strategy::Resource;
    let layers: Vec<String> =
        network.graph.nodes.node_weights().map(|node| node.layer.clone()).collect();
    for (position, layer) in layers.into_iter().enumerate() {
        let factor = [2, 3, 5, 6, 12, 15, 4][position % 7];
        network.options.layer_reuse_factors.insert(layer, factor);
    }
    let different: std::collections::HashSet<(usize, usize)> =
        tiles(&network.design(Tool::Vitis)).iter().map(|b| (b.inputs, b.outputs)).collect();
    assert!(different.len() >= 6, "{different:?}");
    assert_exact(&network);
}

/// An array port is a memory with the channels of a position in a word, in both dialects.
#[test]
fn array_ports_of_processes_have_a_token_in_a_word() {
    let network = large();
    let of = |backend, name: &str| {
        let design = network.design(backend);
        let files = files(&design, backend, &network.vectors, None).unwrap();
        let path = name.replace("NAME", &design.name);
        files.into_iter().find(|file| file.path == path).unwrap().contents
    };
    let vitis = of(Tool::Vitis, "firmware/NAME.cpp");
    assert!(vitis.contains("#pragma HLS ARRAY_RESHAPE variable=image cyclic factor=5"), "{vitis}");
    let catapult = of(Tool::Catapult, "build_prj.tcl");
    let (_, ports) = catapult.split_once("foreach {port width} {").unwrap();
    let (ports, _) = ports.split_once('}').unwrap();
    assert!(ports.contains("image 30\n"), "{ports}");
    // A memory gets no handshake of all elements.
    let catapult = of(Tool::Catapult, "firmware/NAME.cpp");
    assert!(!catapult.contains("hls_resource image:rsc"), "{catapult}");
    let small = small_tiles();
    let design = small.design(Tool::Catapult);
    let files = files(&design, Tool::Catapult, &small.vectors, None).unwrap();
    assert!(files.iter().any(|file| file.contents.contains("hls_resource x:rsc")));
}

/// The word width of a constant in Catapult is that of one tile. Constants of less than 64 elements are
/// no memories.
#[test]
fn catapult_is_told_how_wide_words_are() {
    let mut graph = Graph::new("words");
    let x = graph.add_input("x", vec![16], format("fixed<6,2>"));
    for (name, outputs) in [("short", 3), ("long", 8), ("single", 4)] {
        let codes: Vec<i64> = (0..16 * outputs).map(|n| (7 * n as i64) % 15 - 7).collect();
        let weights = constant(&[16, outputs], &codes, 2);
        let node = add_matrix(&mut graph, name, x, Linear { weights, bias: None });
        graph.add_output(name, node);
    }
    let mut network = Network::new(graph, 2, 9);
    network.options.strategy = Strategy::Resource;
    let factors = [("short", 4), ("long", 8), ("single", 64)];
    network.options.layer_reuse_factors =
        factors.map(|(layer, factor)| (layer.to_owned(), factor)).into();
    let files = files(&network.design(Tool::Catapult), Tool::Catapult, &network.vectors, None);
    let files = files.unwrap();
    let script = files.iter().find(|file| file.path == "build_prj.tcl").unwrap();
    let (_, words) = script.contents.split_once("foreach {constant width} {").unwrap();
    let (words, _) = words.split_once('}').unwrap();
    let words: Vec<&str> = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    insta::assert_debug_snapshot!(words);
}
