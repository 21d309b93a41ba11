//! Scales per channel and slopes: powers of two need no multiplier.

use bitkiln::back::{Tool, files};
use bitkiln::hls::Body;
use bitkiln::ir::{Affine, Graph, Leaky, NodeId};
use num_bigint::BigInt;

use crate::networks::*;
use crate::verified::assert_exact;

fn add_factors(graph: &mut Graph, name: &str, from: NodeId, affine: Affine) {
    let node = graph.add(name, affine, &[from]).unwrap();
    graph.add_output(name, node);
}

fn add_slopes(graph: &mut Graph, name: &str, from: NodeId, leaky: Leaky) {
    let node = graph.add(name, leaky, &[from]).unwrap();
    graph.add_output(name, node);
}

/// Scales and slopes of every kind; the names of layers with non-trivial multiplications contain
/// `products`.
pub fn small_factors() -> Network {
    let mut graph = Graph::new("factors");
    let x = graph.add_input("x", vec![2, 4], format("fixed<6,2>"));
    let unsigned = graph.add_input("y", vec![4], format("ufixed<5,2>"));
    let mut affine = |name: &str, scale: &[i64], fraction: i32, bias: Option<&[i64]>| {
        let scale = constant(&[scale.len()], scale, fraction);
        let bias = bias.map(|bias| constant(&[bias.len()], bias, 5));
        let from = if name.starts_with("unsigned") { unsigned } else { x };
        add_factors(&mut graph, name, from, Affine { scale, bias });
    };
    affine("unsigned minus", &[-1, -2, -4, -1], 1, None);
    affine("unsigned signs", &[1, -2, -32, 8], 2, Some(&[-3, 40, 0, -200]));
    affine("eighth", &[1], 3, None);
    affine("four", &[4], 0, Some(&[3]));
    affine("minus half", &[-1], 1, Some(&[3, -2, 5, 0]));
    affine("minus", &[-2, -2, -1, -8], 1, None);
    affine("positive", &[1, 2, 4, 32], 2, Some(&[-7]));
    affine("signs", &[1, -4, -2, 32], 2, Some(&[3, -2, 5, 0]));
    affine("zero among signs", &[1, -4, 0, 32], 2, Some(&[3, -2, 5, 0]));
    affine("zero without bias", &[1, -1, 0, 1], 0, None);
    affine("products", &[1, 3, 0, -2], 2, Some(&[3, -2, 5, 0]));
    let mut leaky = |name: &str, slopes: &[i64], from: i64, bias: Option<i64>| {
        let slopes = constant(&[slopes.len()], slopes, 3);
        let bias = bias.map(|bias| constant(&[1], &[bias], 5));
        add_slopes(&mut graph, name, x, Leaky { threshold: BigInt::from(from), slopes, bias });
    };
    leaky("quarter", &[2], 0, None);
    leaky("minus twice", &[-16], 5, Some(-3));
    leaky("channels", &[1, -8, 0, 32], 0, None);
    leaky("elements", &[1, 2, 4, 8, 16, 1, 1, 2], -3, Some(7));
    leaky("slopes that are products", &[1, 3, 0, -2], 0, None);
    Network::new(graph, 60, 7)
}

#[test]
fn factors_of_every_kind_are_exact() {
    assert_exact(&small_factors());
}

#[test]
fn nothing_but_other_numbers_multiplies() {
    let network = small_factors();
    for backend in Tool::ALL {
        let design = network.design(backend);
        let files = files(&design, backend, &network.vectors, None).unwrap();
        let source = files.iter().find(|file| file.path == "firmware/factors.cpp").unwrap();
        for kernel in &design.kernels {
            if !matches!(kernel.body, Body::Affine(_) | Body::Leaky(_)) {
                continue;
            }
            let opening = format!("static void {}(", kernel.name);
            let (_, text) = source.contents.split_once(&opening).unwrap();
            let (text, _) = text.split_once("\n}\n").unwrap();
            // Array indices are no multiplications.
            let multiplies = text.replace("row * ", "").contains('*');
            let is_products = kernel.layer.contains("products");
            assert_eq!(multiplies, is_products, "{}: {text}", kernel.layer);
            assert_eq!(kernel.cost.operations.multiplications > 0, is_products, "{}", kernel.layer);
            assert_eq!(kernel.multipliers.is_some(), is_products, "{}", kernel.layer);
        }
    }
}
