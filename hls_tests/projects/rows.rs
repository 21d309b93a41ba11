//! Rows of images above the current one: in memories, or in shift registers where they are short.

use std::fs;

use bitkiln::back::Tool;
use bitkiln::hls::{Design, Process};
use bitkiln::ir::{Conv, Graph, Linear, Pool, PoolKind, Window};

use crate::networks::*;
use crate::streams::streamed;
use crate::verified::{assert_exact_for, build};

/// Windows of every kind over an image of 5 rows.
fn windows(columns: usize) -> Network {
    let mut graph = Graph::new(format!("rows_of_{columns}"));
    let x = graph.add_input("image", vec![5, columns, 2], format("fixed<6,3>"));
    let three = Window { kernel: [3, 3], ..Window::whole([5, columns]) };
    let same = Window { pad_before: [1, 1], output: [5, columns], ..three };
    let spread = Window { stride: [2, 2], dilation: [2, 2], pad_before: [2, 2], ..three };
    let spread = Window { output: [3, columns.div_ceil(2)], ..spread };
    let twice = Window { input_dilation: [2, 2], ..three };
    let cases = [
        ("valid", Window { output: [3, columns - 2], ..three }, 1, 3),
        ("same", same, 2, 2),
        // Without rows above, and without columns before.
        ("along", Window { kernel: [1, 3], output: [5, columns - 2], ..three }, 1, 2),
        ("down", Window { kernel: [3, 1], output: [3, columns], ..three }, 1, 2),
        ("spread", spread, 1, 2),
        // Rows are used again.
        ("twice", Window { pad_before: [1, 1], output: [10, 2 * columns], ..twice }, 1, 2),
        ("wider", Window { pad_before: [2, 2], output: [11, 2 * columns + 1], ..twice }, 1, 2),
        // The first windows lie before the image.
        ("late", Window { pad_before: [5, 4], output: [14, 2 * columns + 4], ..twice }, 1, 2),
        (
            "resized",
            Window {
                stride: [3, 3],
                pad_before: [1, 1],
                output: [4, 2 * columns / 3 + 1],
                ..twice
            },
            2,
            2,
        ),
    ];
    for (name, window, groups, outputs) in cases {
        let conv = add_conv(&mut graph, name, x, (window, groups, outputs));
        graph.add_output(name, conv);
    }
    for (name, kind) in [("largest", PoolKind::Max), ("summed", PoolKind::Sum)] {
        let pool = graph.add(name, Pool { window: spread, kind }, &[x]).unwrap();
        graph.add_output(name, pool);
    }
    streamed(graph, 5)
}

fn with_rows(design: &Design) -> impl Iterator<Item = &Process> {
    design.processes.iter().filter(|process| process.lines().is_some_and(|lines| lines.rows() > 0))
}

#[test]
fn long_rows_are_memories() {
    let network = windows(9);
    for backend in Tool::ALL {
        let design = network.design(backend);
        assert_eq!(with_rows(&design).count(), 10);
        assert!(with_rows(&design).all(|process| process.line_memory(&design).is_some()));
        assert_exact_for(&network, backend);
    }
}

#[test]
fn short_rows_are_shift_registers() {
    let mut network = windows(7);
    for backend in Tool::ALL {
        let design = network.design(backend);
        assert_eq!(with_rows(&design).count(), 10);
        assert!(with_rows(&design).all(|process| process.line_memory(&design).is_none()));
        assert_exact_for(&network, backend);
    }
    // In steps.
    network.options.target_interval = Some(600);
    assert_exact_for(&network, Tool::Catapult);
}

/// Two pixels in a token, one window in an iteration, and several steps for each.
#[test]
fn strided_windows_take_steps() {
    let mut graph = Graph::new("strided");
    let x = graph.add_input("image", vec![6, 12, 2], format("fixed<6,3>"));
    let window = Window { kernel: [3, 3], stride: [2, 2], ..Window::whole([6, 12]) };
    let codes: Vec<i64> = (0..18 * 6).map(|n| (37 * n) % 255 - 127).collect();
    for (name, pad_before) in [("behind", [0, 0]), ("before", [1, 1])] {
        let linear = Linear { weights: constant(&[18, 6], &codes, 4), bias: None };
        let window = Window { pad_before, output: [3, 6], ..window };
        let conv = graph.add(name, Conv { window, groups: 1, linear }, &[x]).unwrap();
        graph.add_output(name, conv);
    }
    let mut network = streamed(graph, 5);
    network.options.target_interval = Some(70);
    for backend in Tool::ALL {
        let design = network.design(backend);
        let groups: Vec<[usize; 2]> = with_rows(&design)
            .filter(|process| process.kernel.is_some_and(|id| design[id].plan.folds > 1))
            .filter_map(|process| process.lines())
            .map(|lines| [lines.group.pixels, lines.group.windows])
            .collect();
        assert_eq!(groups, [[2, 1]; 2]);
        assert_exact_for(&network, backend);
    }
}

/// Steps of a stride, or from pixel to pixel, that is no power of two are counted: a table would be
/// read between two states of its address.
#[test]
fn strides_of_three_are_counted() {
    let mut graph = Graph::new("thirds");
    let x = graph.add_input("image", vec![7, 19, 2], format("fixed<6,3>"));
    let three = Window { kernel: [3, 3], ..Window::whole([7, 19]) };
    let thirds = Window { stride: [3, 3], pad_before: [1, 2], output: [3, 7], ..three };
    let column = Window { kernel: [3, 1], stride: [3, 1], output: [2, 19], ..three };
    let apart = Window { input_dilation: [3, 3], pad_before: [2, 2], output: [19, 57], ..three };
    let codes: Vec<i64> = (0..18 * 6).map(|n| (37 * n) % 255 - 127).collect();
    let mixed = Window { input_dilation: [3, 2], output: [19, 38], ..apart };
    let cases = [("thirds", thirds), ("column", column), ("apart", apart), ("mixed", mixed)];
    for (name, window) in cases {
        let inputs = 2 * window.kernel[0] * window.kernel[1];
        let weights = constant(&[inputs, 6], &codes[..inputs * 6], 4);
        let op = Conv { window, groups: 1, linear: Linear { weights, bias: None } };
        let conv = graph.add(name, op, &[x]).unwrap();
        graph.add_output(name, conv);
    }
    for target in [None, Some(4000)] {
        let mut network = streamed(graph.clone(), 3);
        network.options.target_interval = target;
        for backend in Tool::ALL {
            let project = build(&network, backend);
            let path = project.path().join("firmware/thirds.cpp");
            let source = fs::read_to_string(path).unwrap();
            assert!(source.contains("x_mod_3 == ") && source.contains("y_mod_3 == "), "{source}");
            assert!(!source.contains("static const bool"), "{source}");
            assert_exact_for(&network, backend);
        }
    }
}
