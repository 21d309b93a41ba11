//! Pooling over windows that do not overlap: a running sum or maximum for each window of a row.

use bitkiln::back::Tool;
use bitkiln::hls::{Design, ProcessForm, RunningPool};
use bitkiln::ir::{Graph, Pool, PoolKind, Window};

use crate::networks::*;
use crate::streams::{named, streamed};
use crate::verified::assert_exact_for;

/// Windows of `kernel` every `stride` pixels of `input`, from `pad_before` before it, as many as
/// begin on it; without padding, as many as end on it.
fn apart(
    input: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    pad_before: Option<[usize; 2]>,
) -> Window {
    let pads = pad_before.unwrap_or_default();
    let output = [0, 1].map(|axis| match pad_before {
        Some(pads) => (input[axis] + pads[axis]).div_ceil(stride[axis]),
        None => (input[axis] - kernel[axis]) / stride[axis] + 1,
    });
    Window { kernel, stride, pad_before: pads, output, ..Window::whole(input) }
}

/// Windows of every kind over an image of 7 rows: maxima of negative values, and sums.
fn pools(columns: usize) -> Network {
    let mut graph = Graph::new(format!("pools_of_{columns}"));
    let image = graph.add_input("image", vec![7, columns, 2], format("fixed<6,3>"));
    let negative = add_clamp(&mut graph, "negative", image, Some(-30), Some(-3));
    let size = [7, columns];
    let cases = [
        ("pairs", apart(size, [2, 2], [2, 2], None)),
        ("threes", apart(size, [3, 3], [3, 3], None)),
        ("gaps", apart(size, [2, 2], [3, 4], None)),
        ("columns", apart(size, [7, 1], [7, 1], None)),
        ("spread", apart(size, [2, 1], [3, 2], None)),
        ("along", apart(size, [1, 3], [2, 3], None)),
        ("rows", apart(size, [2, columns], [2, 1], None)),
        ("most", apart(size, [3, columns - 1], [3, columns], None)),
        ("same", apart(size, [2, 2], [2, 2], Some([0, 0]))),
        ("bordered", apart(size, [3, 3], [3, 3], Some([1, 2]))),
        ("cut", apart(size, [5, 4], [6, 4], Some([2, 1]))),
    ];
    for (name, window) in cases {
        for (end, kind, from) in
            [("largest", PoolKind::Max, negative), ("sum", PoolKind::Sum, image)]
        {
            let pool = graph.add(format!("{name}_{end}"), Pool { window, kind }, &[from]).unwrap();
            graph.add_output(format!("{name}_{end}"), pool);
        }
    }
    streamed(graph, 5)
}

fn running(design: &Design) -> Vec<&RunningPool> {
    design.processes.iter().filter_map(|process| process.running_pool()).collect()
}

#[test]
fn long_rows_of_sums_are_memories() {
    let network = pools(19);
    for backend in Tool::ALL {
        let design = network.design(backend);
        let pools = running(&design);
        assert_eq!(pools.len(), 22);
        // Not: a single row or a single column of windows.
        assert_eq!(pools.iter().filter(|pool| pool.has_memory()).count(), 2 * 8);
        assert!(design.processes.iter().all(|process| process.lines().is_none()));
        assert_exact_for(&network, backend);
    }
}

#[test]
fn short_rows_of_sums_are_shift_registers() {
    let network = pools(7);
    for backend in Tool::ALL {
        let design = network.design(backend);
        let pools = running(&design);
        assert_eq!(pools.len(), 22);
        assert_eq!(pools.iter().filter(|pool| pool.has_memory()).count(), 0);
        assert_eq!(pools.iter().filter(|pool| pool.kept() > 0).count(), 2 * 8);
        assert_exact_for(&network, backend);
    }
}

/// Images of a single row, a single column and a single pixel.
#[test]
fn images_of_one_row_or_column_are_pooled() {
    let mut graph = Graph::new("lines");
    let sizes = [("row", [1, 13]), ("column", [13, 1]), ("pixel", [1, 1])];
    for (name, size) in sizes {
        let x = graph.add_input(name, vec![size[0], size[1], 3], format("fixed<6,3>"));
        let windows = [
            apart(size, size.map(|pixels| pixels.min(4)), size.map(|pixels| pixels.min(5)), None),
            apart(size, [3, 3], [3, 3], Some([1, 1])),
        ];
        for (number, window) in windows.into_iter().enumerate() {
            for kind in [PoolKind::Max, PoolKind::Sum] {
                let name = format!("{name}_{number}_{kind:?}").to_lowercase();
                let pool = graph.add(&name, Pool { window, kind }, &[x]).unwrap();
                graph.add_output(&name, pool);
            }
        }
    }
    let network = streamed(graph, 5);
    for backend in Tool::ALL {
        assert_eq!(running(&network.design(backend)).len(), 8);
        assert_exact_for(&network, backend);
    }
}

/// A 32 x 1 average keeps a word for each column, not 31 rows; a 2 x 2 maximum half a row.
#[test]
fn sums_take_a_word_for_each_window_of_a_row() {
    let mut graph = Graph::new("kept");
    let x = graph.add_input("x", vec![32, 32, 8], format("fixed<6,3>"));
    for (name, kernel, kind) in
        [("columns", [32, 1], PoolKind::Sum), ("pairs", [2, 2], PoolKind::Max)]
    {
        let window = apart([32, 32], kernel, kernel, None);
        let pool = graph.add(name, Pool { window, kind }, &[x]).unwrap();
        graph.add_output(name, pool);
    }
    let network = streamed(graph, 1);
    let design = network.design(Tool::Vitis);
    let kept = |name: &str| {
        let process = design.processes.iter().find(|process| process.name == name).unwrap();
        let memories = process.memories(&design).into_iter();
        let sizes: Vec<[u64; 3]> = memories.map(|it| [it.count, it.words, it.bits]).collect();
        assert_eq!(process.cycles(&design), 1024);
        (process.hardware(), process.state_bits, sizes)
    };
    assert_eq!(kept("columns"), (Some("sum_pool"), 32 * 8 * 11, vec![[1, 32, 8 * 11]]));
    assert_eq!(kept("pairs"), (Some("max_pool"), 17 * 8 * 6, vec![[1, 16, 8 * 6]]));
}

/// A target that takes several pixels at a time, and a parallelization factor, need window processes.
#[test]
fn several_pixels_at_a_time_are_windows() {
    let mut graph = Graph::new("paces");
    let x = graph.add_input("x", vec![9, 12, 2], format("fixed<6,3>"));
    let window = apart([9, 12], [2, 3], [2, 3], Some([1, 0]));
    let pool = graph.add("pool", Pool { window, kind: PoolKind::Sum }, &[x]).unwrap();
    graph.add_output("pool", pool);
    let mut network = streamed(graph, 4);
    let is_pool = |form: &ProcessForm| matches!(form, ProcessForm::Pool(_));
    for (target, pools) in [(9 * 12, 1), (9 * 12 - 1, 0)] {
        network.options.target_interval = Some(target);
        let design = network.design(Tool::Vitis);
        assert_eq!(named(&design, is_pool).len(), pools);
        assert!(design.schedule.initiation_interval <= target);
        assert_exact_for(&network, Tool::Vitis);
    }
    network.options.target_interval = None;
    for (factor, pools) in [(1, 1), (2, 0)] {
        network.options.layer_parallelization_factors.insert("pool".into(), factor);
        let design = network.design(Tool::Catapult);
        assert_eq!(named(&design, is_pool).len(), pools);
        assert!(design.warnings.is_empty(), "{:?}", design.warnings);
    }
}

/// Sums in a memory and maxima in a shift register, small enough to be read.
pub fn small_pools() -> Network {
    let mut graph = Graph::new("pools");
    let x = graph.add_input("image", vec![7, 12, 2], format("fixed<6,3>"));
    let window = apart([7, 12], [3, 3], [3, 3], Some([1, 1]));
    let sums = graph.add("sums", Pool { window, kind: PoolKind::Sum }, &[x]).unwrap();
    graph.add_output("sums", sums);
    let window = apart(window.output, [1, 2], [1, 2], None);
    let largest = graph.add("largest", Pool { window, kind: PoolKind::Max }, &[sums]).unwrap();
    graph.add_output("largest", largest);
    let window = apart([7, 12], [7, 1], [7, 1], None);
    let columns = graph.add("columns", Pool { window, kind: PoolKind::Max }, &[x]).unwrap();
    graph.add_output("columns", columns);
    streamed(graph, 3)
}
