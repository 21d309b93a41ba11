//! Streaming designs: cropping, padding, upsampling and slices, which pass pixels on in their order.

use bitkiln::back::Tool;
use bitkiln::hls::{Design, ProcessForm};
use bitkiln::ir::{Graph, NodeId, Window};

use crate::networks::*;
use crate::streams::{add_gather, named, streamed};
use crate::verified::assert_exact_for;

/// Adds the `rows` and `columns` of an image of `width` pixels of two channels as an output; `None` for
/// padding.
fn add_selected(
    graph: &mut Graph,
    name: &str,
    (from, width): (NodeId, usize),
    [rows, columns]: [&[Option<usize>]; 2],
) -> NodeId {
    let pixels = rows.iter().flat_map(|row| columns.iter().map(move |column| (*row, *column)));
    let indices = pixels.flat_map(|(row, column)| {
        [0, 1].map(|channel| Some((row? * width + column?) * 2 + channel))
    });
    let shape = [rows.len(), columns.len(), 2];
    let selected = add_gather(graph, name, from, (&shape, indices.collect()));
    graph.add_output(name, selected);
    selected
}

fn twice(length: usize) -> Vec<Option<usize>> {
    (0..2 * length).map(|at| Some(at / 2)).collect()
}

fn padded(length: usize, by: usize) -> Vec<Option<usize>> {
    let inside = (0..length).map(Some);
    let padding = || std::iter::repeat_n(None, by);
    padding().chain(inside).chain(padding()).collect()
}

fn range(range: std::ops::Range<usize>) -> Vec<Option<usize>> {
    range.map(Some).collect()
}

/// Positions \[of a token of the operand, of the result\] of the process `name`, whose pixels have two
/// channels.
fn positions(design: &Design, name: &str) -> [usize; 2] {
    let process = design.processes.iter().find(|process| process.name == name).unwrap();
    let ProcessForm::Windows(lines) = &process.form else { panic!("{:?}", process.form) };
    [lines.channels / 2, process.positions().unwrap()]
}

/// Upsampling and cropping pass several pixels in a token on where a target asks for it.
#[test]
fn pixels_are_repeated_and_dropped_several_at_a_time() {
    let mut graph = Graph::new("several");
    let x = graph.add_input("image", vec![4, 6, 2], format("fixed<5,2>"));
    let of = |rows: Vec<Option<usize>>, columns: Vec<Option<usize>>| {
        let at = move |row: Option<usize>, column: Option<usize>, channel: usize| {
            Some((row? * 6 + column?) * 2 + channel)
        };
        let columns = |row: Option<usize>| {
            let pixel = move |column: Option<usize>| (0..2).map(move |c| at(row, column, c));
            columns.iter().copied().flat_map(pixel).collect::<Vec<_>>()
        };
        let shape = [rows.len(), columns(None).len() / 2, 2];
        (shape, rows.into_iter().flat_map(columns).collect::<Vec<_>>())
    };
    let twice = |length: usize| (0..2 * length).map(|at| Some(at / 2)).collect();
    let (up, up_indices) = of(twice(4), twice(6));
    let (crop, crop_indices) = of(vec![Some(1), Some(2)], (1..5).map(Some).collect());
    let padded = |length: usize| {
        let inside = (0..length).map(Some);
        [None].into_iter().chain(inside).chain([None]).collect()
    };
    let (pad, pad_indices) = of(padded(4), padded(6));
    for (name, shape, indices) in
        [("up", up, up_indices), ("crop", crop, crop_indices), ("pad", pad, pad_indices)]
    {
        let selected = add_gather(&mut graph, name, x, (&shape, indices));
        graph.add_output(name, selected);
    }
    let mut network = streamed(graph, 3);
    // Eight rows of two tokens of three pixels, four rows of two and four tokens; whole rows.
    for (target, pixels) in [(96, [1, 1, 1]), (16, [3, 2, 3]), (1, [6, 8, 6])] {
        network.options.target_interval = Some(target);
        let design = network.design(Tool::Vitis);
        let lanes = ["up", "crop", "pad"].map(|name| {
            let process = design.processes.iter().find(|process| process.name == name).unwrap();
            let ProcessForm::Windows(lines) = &process.form else { panic!("{:?}", process.form) };
            lines.channels / 2
        });
        assert_eq!(lanes, pixels, "{target}");
        assert_exact_for(&network, if target == 16 { Tool::Catapult } else { Tool::Vitis });
    }
}

/// A parallelization factor holds for layout operations: in rows of a prime number of pixels, tokens
/// run across rows. One that no token can hold is a warning.
#[test]
fn a_parallelization_factor_of_a_layout() {
    let mut graph = Graph::new("factors");
    let x = graph.add_input("image", vec![4, 7, 2], format("fixed<5,2>"));
    let image = (x, 7);
    add_selected(&mut graph, "up", image, [&twice(4), &twice(7)]);
    add_selected(&mut graph, "crop", image, [&range(0..4), &range(1..6)]);
    add_selected(&mut graph, "pad", image, [&padded(4, 1), &padded(7, 2)]);
    let every_other: Vec<Option<usize>> = (0..4).map(|at| Some(2 * at)).collect();
    add_selected(&mut graph, "slice", image, [&range(0..4), &every_other]);
    let mut network = streamed(graph, 3);
    let layers = ["up", "crop", "pad", "slice"];
    for (factor, backend, expected, warned) in [
        (2, Tool::Vitis, [[1, 2], [4, 2], [2, 2], [4, 2]], 0),
        (4, Tool::Catapult, [[1, 2], [7, 4], [4, 3], [7, 4]], 2),
    ] {
        let factors = layers.iter().map(|layer| (layer.to_string(), factor));
        network.options.layer_parallelization_factors = factors.collect();
        network.graph.name = format!("factors_of_{factor}");
        let design = network.design(backend);
        assert_eq!(layers.map(|layer| positions(&design, layer)), expected, "{factor}");
        let text: Vec<String> = design.warnings.iter().map(|it| it.to_string()).collect();
        assert_eq!(text.len(), warned, "{text:?}");
        assert_eq!(named(&design, |form| *form == ProcessForm::Frame), [""; 0]);
        assert_exact_for(&network, backend);
    }
}

/// Without a target, tokens are taken as they come: behind a convolution of two windows at a time,
/// upsampling repeats both.
#[test]
fn tokens_of_several_pixels_are_taken_as_they_come() {
    let mut graph = Graph::new("passed");
    let x = graph.add_input("image", vec![4, 6, 2], format("fixed<5,2>"));
    let window = Window { kernel: [3, 3], pad_before: [1, 1], ..Window::whole([4, 6]) };
    let conv = add_conv(&mut graph, "conv", x, (Window { output: [4, 6], ..window }, 1, 2));
    let cast = add_cast(&mut graph, "cast", conv, "fixed<5,2,RND,SAT>");
    add_selected(&mut graph, "up", (cast, 6), [&twice(4), &twice(6)]);
    add_selected(&mut graph, "crop", (cast, 6), [&range(1..3), &range(1..5)]);
    let mut network = streamed(graph, 3);
    network.options.layer_parallelization_factors.insert("conv".into(), 2);
    let design = network.design(Tool::Vitis);
    assert_eq!(positions(&design, "up"), [2, 4]);
    assert_eq!(positions(&design, "crop")[0], 2);
    assert_eq!(named(&design, |form| matches!(form, ProcessForm::Repack(_))), [""; 0]);
    assert_exact_for(&network, Tool::Vitis);
}

/// Layout operations that keep the order of pixels: a row at most is kept.
#[test]
fn pixels_are_cropped_padded_and_repeated() {
    let mut graph = Graph::new("selected");
    let (height, width) = (4, 5);
    let x = graph.add_input("image", vec![height, width, 2], format("fixed<6,3>"));
    let mut add =
        |name: &str, shape: [usize; 2], source: &dyn Fn(usize, usize) -> Option<usize>| {
            let positions = (0..shape[0]).flat_map(|y| (0..shape[1]).map(move |x| (y, x)));
            let pixels = positions.map(|(y, x)| source(y, x));
            let indices = pixels.flat_map(|pixel| [0, 1].map(|c| Some(2 * pixel? + c))).collect();
            let node = add_gather(&mut graph, name, x, (&[shape[0], shape[1], 2], indices));
            graph.add_output(name, node);
        };
    let at = |y: usize, x: usize| (y < height && x < width).then_some(y * width + x);
    add("cropped", [2, 3], &|y, x| at(y + 1, x + 2));
    add("padded", [7, 8], &|y, x| at(y.checked_sub(2)?, x.checked_sub(1)?));
    add("cropped and padded", [4, 5], &|y, x| at(y + 1, x.checked_sub(1)?));
    add("strided", [2, 2], &|y, x| at(2 * y + 1, 2 * x));
    add("repeated", [8, 15], &|y, x| at(y / 2, x / 3));
    add("resized", [6, 2], &|y, x| at(y * 2 / 3, x * 5 / 2));
    add("with borders", [6, 7], &|y, x| at(y.clamp(1, 4) - 1, x.clamp(1, 5) - 1));
    add("first row", [3, 5], &|_, x| at(0, x));
    add("first pixel", [3, 2], &|_, _| at(0, 0));
    // Flattened, as a dense layer takes it.
    let indices = (0..8 * 10 * 2).map(|at| {
        let (y, x, c) = (at / 20, at / 2 % 10, at % 2);
        Some((y / 2 * width + x / 2) * 2 + c)
    });
    let flat = add_gather(&mut graph, "flat", x, (&[160], indices.collect()));
    let dense = add_linear(&mut graph, "dense", flat, (3, "fixed<4,1>", None));
    graph.add_output("dense", dense);
    let network = streamed(graph, 6);
    let design = network.design(Tool::Catapult);
    assert_eq!(named(&design, |form| *form == ProcessForm::Frame), [""; 0]);
    let memory = |name: &str| {
        let process = design.processes.iter().find(|process| process.name == name).unwrap();
        let ProcessForm::Windows(lines) = &process.form else { panic!("{:?}", process.form) };
        (lines.stored(), lines.grid())
    };
    assert_eq!(memory("cropped"), (0, [4, 5]));
    assert_eq!(memory("padded"), (0, [7, 8]));
    assert_eq!(memory("strided"), (0, [4, 5]));
    assert_eq!(memory("repeated"), (5, [8, 15]));
    assert_eq!(memory("flat"), (5, [8, 10]));
    assert_exact_for(&network, Tool::Catapult);
}
