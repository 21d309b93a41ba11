//! Weight matrices without multipliers, and functions as tables and comparators.

use bitkiln::back::{Tool, files};
use bitkiln::hls::{Body, Design, Options, Terms};
use bitkiln::ir::{Graph, Linear, NodeId};

use crate::networks::*;
use crate::verified::assert_exact;

/// A kind of weight matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Binary,
    Ternary,
    /// With a power of two for each output.
    Scaled(bool),
    PowersOfTwo,
    Mixed,
}

pub const KINDS: [Kind; 6] = [
    Kind::Binary,
    Kind::Ternary,
    Kind::Scaled(false),
    Kind::Scaled(true),
    Kind::PowersOfTwo,
    Kind::Mixed,
];

/// Random weights of a kind. If weights may be 0, all of one output are.
pub fn random(kind: Kind, [inputs, outputs]: [usize; 2], draw: &mut Draw) -> Linear {
    let scales: Vec<u64> = (0..outputs).map(|_| draw.next() % 5).collect();
    let empty = draw.next() as usize % outputs;
    let mut weight = |output: usize| {
        let sign = if draw.next().is_multiple_of(2) { 1_i64 } else { -1 };
        let zero = output == empty || draw.next().is_multiple_of(3);
        match kind {
            Kind::Binary => sign,
            Kind::Scaled(true) => sign << scales[output],
            _ if zero => 0,
            Kind::Ternary => sign,
            Kind::Scaled(false) => sign << scales[output],
            Kind::PowersOfTwo => sign << (draw.next() % 7),
            Kind::Mixed => sign * (draw.next() % 9) as i64,
        }
    };
    let mut weights: Vec<i64> = (0..inputs * outputs).map(|at| weight(at % outputs)).collect();
    if kind == Kind::Mixed {
        weights[(empty + 1) % outputs] = 3;
    }
    // Powers of two above 1 and below.
    let fraction = match kind {
        Kind::Binary | Kind::Ternary => 0,
        _ => (draw.next() % 9) as i32 - 2,
    };
    let biases: Vec<i64> = (0..outputs).map(|_| (draw.next() % 64) as i64 - 32).collect();
    let bias = (draw.next().is_multiple_of(2)).then(|| constant(&[outputs], &biases, 4));
    Linear { weights: constant(&[inputs, outputs], &weights, fraction), bias }
}

/// A sign of `from`, as ± 2^-`fraction`.
pub fn add_sign(graph: &mut Graph, name: &str, from: NodeId, fraction: i32) -> NodeId {
    add_steps(graph, name, from, (&[0], &[-1, 1], fraction))
}

/// A layer of each kind on a signed and on an unsigned input, on signs, and on rows.
pub fn random_forms(seed: u64) -> Network {
    let mut draw = Draw::new(seed);
    let mut graph = Graph::new(format!("forms_{seed}"));
    let x = graph.add_input("x", vec![5], format("fixed<6,2>"));
    let y = graph.add_input("y", vec![2, 4], format("ufixed<5,1>"));
    let sign = add_sign(&mut graph, "sign", x, (draw.next() % 4) as i32 - 1);
    for kind in KINDS {
        for (from, node) in [("x", x), ("y", y), ("sign", sign)] {
            let inputs = graph[node].tensor.channel_count();
            let linear = random(kind, [inputs, 3], &mut draw);
            let name = format!("{from} {kind:?}");
            let result = add_matrix(&mut graph, &name, node, linear);
            graph.add_output(name, result);
        }
    }
    Network::new(graph, 40, seed)
}

/// A layer of each form, small enough to be read.
pub fn small_forms() -> Network {
    let mut graph = Graph::new("forms");
    let x = graph.add_input("x", vec![4], format("fixed<6,2>"));
    let sign = add_sign(&mut graph, "sign", x, 0);
    let mut add =
        |name: &str, from: NodeId, codes: [i64; 8], fraction, biases: Option<[i64; 2]>| {
            let weights = constant(&[4, 2], &codes, fraction);
            let bias = biases.map(|biases| constant(&[2], &biases, 3));
            let node = add_matrix(&mut graph, name, from, Linear { weights, bias });
            graph.add_output(name, node);
        };
    add("binary", x, [1, -1, -1, -1, 1, 1, 1, -1], 0, Some([3, -2]));
    add("ternary", x, [1, 0, 0, -1, 1, 1, -1, 0], 0, None);
    add("binary by channel", x, [1, -4, -1, -4, 1, 4, 1, -4], 1, Some([3, -2]));
    add("shifts", x, [1, 0, -8, 4, 2, -1, 0, 0], 2, Some([3, -2]));
    add("signs", sign, [1, -1, -1, -1, 1, 1, 1, -1], 0, Some([3, -2]));
    add("products", x, [3, 1, 0, -7, 2, 0, 5, -8], 2, Some([3, -2]));
    Network::new(graph, 8, 9)
}

/// A function of each form on all codes of one number.
pub fn small_functions() -> Network {
    let mut graph = Graph::new("functions");
    let x = graph.add_input("x", vec![1], format("fixed<11,4>"));
    let y = graph.add_input("y", vec![1], format("ufixed<11,2>"));
    let values: Vec<i64> = (0..65).map(|n| (12 * n) % 31 - 9).collect();
    let grid: Vec<i64> = (0..40).map(|n| 8 * n - 156).collect();
    let dense: Vec<i64> = (0..60).map(|n| n - 20 + n / 7).collect();
    let high: Vec<i64> = (0..64).map(|n| 30 * n + 100 + n % 2).collect();
    let mut add = |name: &str, from: NodeId, thresholds: &[i64]| {
        let values = &values[..=thresholds.len()];
        let node = add_steps(&mut graph, name, from, (thresholds, values, 3));
        graph.add_output(name, node);
    };
    add("comparators", x, &[-700, -3, 0, 511]);
    add("narrowed", x, &dense);
    add("narrowed by bits", x, &grid);
    add("unsigned", y, &high[..20]);
    add("all codes", y, &(1..30).map(|n| 64 * n).collect::<Vec<i64>>());
    add("search", x, &dense[..31]);
    add("uneven search", y, &high);
    let mut network = Network::exhaustive(graph);
    network.options.table_sizes.layers =
        [("search".to_owned(), 16), ("uneven search".to_owned(), 16)].into();
    network
}

fn design(graph: &Graph) -> Design {
    Design::new(graph, &Options::new("forms", "xcvu13p-flga2577-2-e")).unwrap()
}

#[test]
fn functions_of_every_form_are_exact_on_every_code() {
    let network = small_functions();
    let design = network.design(Tool::Vitis);
    let kind = |body: &Body| match body {
        Body::Comparators(steps) => format!("{} comparators", steps.comparisons),
        Body::Search(search) => format!("search of {} in {}", search.count, search.levels),
        Body::Table(t) => {
            let (low, high) = (t.low.is_some(), t.high.is_some());
            format!("table of {} without {} bits, limits {low} {high}", t.entries, t.dropped)
        }
        body => panic!("{body:?}"),
    };
    let kinds: Vec<String> = design.kernels.iter().map(|kernel| kind(&kernel.body)).collect();
    assert_eq!(
        kinds,
        [
            "4 comparators",
            "table of 69 without 0 bits, limits true true",
            "table of 41 without 3 bits, limits true true",
            "table of 573 without 0 bits, limits true true",
            "table of 32 without 6 bits, limits false false",
            "search of 31 in 5",
            "search of 64 in 7",
        ]
    );
    assert_exact(&network);
}

#[test]
fn random_weights_of_every_form_are_exact() {
    let seeds = if std::env::var_os("BITKILN_EXHAUSTIVE").is_some() { 1..20 } else { 1..2 };
    for seed in seeds {
        assert_exact(&random_forms(seed));
    }
}

/// The kind of each matrix decides its form, and only non-trivial multiplications multiply.
#[test]
fn nothing_but_products_multiplies() {
    for seed in 0..20 {
        let network = random_forms(seed);
        let design = design(&network.graph);
        for backend in Tool::ALL {
            let files = files(&design, backend, &network.vectors, None).unwrap();
            let source = files.iter().find(|file| file.path == "firmware/forms.cpp").unwrap();
            for kernel in &design.kernels {
                let Body::Linear(linear) = &kernel.body else { continue };
                let opening = format!("static void {}(", kernel.name);
                let (_, text) = source.contents.split_once(&opening).unwrap();
                let (text, _) = text.split_once("\n}\n").unwrap();
                let code = text.lines().filter(|line| !line.contains("for ("));
                // Array indices are no multiplications.
                let code: String =
                    code.map(|line| line.replace("i * 3", "").replace("row * ", "")).collect();
                let multiplies = code.contains('*');
                let is_products = matches!(linear.terms, Terms::Products { .. });
                assert_eq!(multiplies, is_products, "{}: {code}", kernel.layer);
                assert_eq!(multiplies, kernel.layer.ends_with("Mixed"), "{}", kernel.layer);
                assert_eq!(multiplies, kernel.multipliers.is_some(), "{}", kernel.layer);
            }
        }
    }
}

#[test]
fn an_output_whose_weights_are_zero_costs_nothing() {
    for (codes, additions) in [
        (&[0, 1, 0, -1, 0, 1][..], 2),
        (&[0, 4, 0, -2, 0, 1], 2),
        (&[0, 4, 0, -2, 0, 3], 2),
        (&[0, 0, 0, 0, 0, 0], 0),
    ] {
        let mut graph = Graph::new("form");
        let x = graph.add_input("x", vec![3], format("fixed<6,2>"));
        let linear = Linear { weights: constant(&[3, codes.len() / 3], codes, 1), bias: None };
        let node = add_matrix(&mut graph, "fc", x, linear);
        graph.add_output("fc", node);
        assert_eq!(design(&graph).kernels[0].cost.operations.additions, additions, "{codes:?}");
    }
}
