//! Streaming designs: every form of process computes the simulated outputs.

use bitkiln::back::Tool;
use bitkiln::config::{IoType, Strategy};
use bitkiln::hls::{Design, ProcessForm};
use bitkiln::ir::{Concat, Gather, Graph, NodeId};

use crate::forms::{KINDS, add_sign, random};
use crate::networks::*;
use crate::verified::assert_exact;

fn streamed(graph: Graph, samples: usize) -> Network {
    let mut network = Network::new(graph, samples, 4);
    network.options.io = IoType::Stream;
    network
}

/// The names of the processes of a form.
fn named(design: &Design, is_form: impl Fn(&ProcessForm) -> bool) -> Vec<&str> {
    let of_form = design.processes.iter().filter(|process| is_form(&process.form));
    of_form.map(|process| process.name.as_str()).collect()
}

fn add_gather(
    graph: &mut Graph,
    name: &str,
    from: NodeId,
    (shape, indices): (&[usize], Vec<Option<usize>>),
) -> NodeId {
    graph.add(name, Gather { shape: shape.to_vec(), indices }, &[from]).unwrap()
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
    assert_exact(&network);

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
    assert_exact(&network);
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
    assert_eq!(repacks, [(6, 9), (9, 4), (4, 2), (2, 8)]);
    assert_eq!(named(&design, |form| *form == ProcessForm::Frame), [""; 0]);
    assert_exact(&network);
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
    assert_exact(&network);
}
