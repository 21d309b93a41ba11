//! Streaming designs of small graphs.

use proptest::prelude::*;

use super::*;
use crate::config::IoType;
use crate::fixed::Format;
use crate::hls::Number;
use crate::hls::network::{ChannelId, Network, Phase, Process as NetworkProcess};
use crate::ir::{Cast, Elementwise, Pool, PoolKind, Window};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn design(graph: &Graph) -> Result<Design, HlsError> {
    let mut options = Options::new("streams", "xcvu13p-flga2577-2-e");
    options.io = IoType::Stream;
    Design::new(graph, &options)
}

fn depths<'d>(design: &'d Design, name: &str) -> Option<(&'d Edge, u64, u64)> {
    let edge = design.edges.iter().find(|edge| edge.name == name)?;
    match edge.kind {
        EdgeKind::Stream(stream) => Some((edge, stream.least_depth, stream.depth)),
        EdgeKind::Array(_) => None,
    }
}

/// Windows of 3 x 3 pixels with padding, over `size` x `size` pixels.
fn same(size: usize) -> Window {
    Window {
        kernel: [3, 3],
        pad_before: [1, 1],
        output: [size, size],
        ..Window::whole([size, size])
    }
}

/// A maximum of windows beside a skip connection; both are added.
fn residual(size: usize) -> Result<Graph, Box<dyn std::error::Error>> {
    let mut graph = Graph::new("residual");
    let x = graph.add_input("x", vec![size, size, 2], "fixed<8,1>".parse::<Format>()?);
    let pool = Pool { window: same(size), kind: PoolKind::Max };
    let pooled = graph.add("pooled", pool, &[x])?;
    let added = graph.add("added", Elementwise::Add, &[pooled, x])?;
    graph.add_output("added", added);
    Ok(graph)
}

#[test]
fn a_skip_connection_is_as_deep_as_a_row_and_two_pixels() -> Outcome {
    for size in [4, 7] {
        let design = design(&residual(size)?)?;
        let processes: Vec<(&str, &ProcessForm)> =
            design.processes.iter().map(|it| (it.name.as_str(), &it.form)).collect();
        let [("x_fork", fork), ("pooled", windows), ("added", rows)] = processes[..] else {
            return Err(format!("{processes:?}").into());
        };
        let tokens = size * size;
        assert_eq!(*fork, ProcessForm::Fork { tokens });
        assert!(matches!(windows, ProcessForm::Windows(_)));
        assert_eq!(*rows, ProcessForm::Rows { tokens, copies: 1 });
        let skip = design.edges.iter().filter(|edge| edge.name.starts_with("x_copy")).nth(1);
        let (_, least, depth) =
            depths(&design, &skip.ok_or("a copy for the sum")?.name).ok_or("a stream")?;
        assert_eq!(least, size as u64 + 2);
        assert!(depth > least && depth < 2 * size as u64 + 8, "{depth}");
        // One row and column of padding behind the image.
        assert_eq!(design.schedule.initiation_interval, (size as u64 + 1).pow(2));
    }
    Ok(())
}

/// A sum over all positions, and one over windows of all of them but a row: 2 channels, 5 x 4 pixels.
#[test]
fn sums_over_streams_count_the_additions_of_arrays() -> Outcome {
    let mut graph = Graph::new("sums");
    let x = graph.add_input("x", vec![5, 4, 2], "fixed<8,1>".parse::<Format>()?);
    let whole = Window::whole([5, 4]);
    let rows = Window { kernel: [4, 4], output: [2, 1], ..whole };
    for (name, window) in [("all", whole), ("rows", rows)] {
        let sum = graph.add(name, Pool { window, kind: PoolKind::Sum }, &[x])?;
        graph.add_output(name, sum);
    }
    let largest = graph.add("largest", Pool { window: whole, kind: PoolKind::Max }, &[x])?;
    graph.add_output("largest", largest);
    let streams = design(&graph)?;
    assert!(streams.processes.iter().any(|it| matches!(it.form, ProcessForm::Reduce { .. })));
    let arrays = Design::new(&graph, &Options::new("arrays", "xcvu13p-flga2577-2-e"))?;
    for (layer, additions) in [("all", 19 * 2), ("rows", 15 * 2 * 2), ("largest", 0)] {
        for design in [&streams, &arrays] {
            assert_eq!(design.operations_of(|it| it == layer).additions, additions, "{layer}");
        }
    }
    assert_eq!(streams.operations(), arrays.operations());
    Ok(())
}

#[test]
fn inputs_that_are_outputs_are_copied_and_unread_ones_are_drained() -> Outcome {
    let mut graph = Graph::new("ports");
    let [x, _] = ["x", "unread"]
        .map(|name| graph.add_input(name, vec![3], Format::signed(8, 1).expect("a format")));
    let to = crate::fixed::Quantization::new(
        "fixed<4,1>".parse()?,
        Default::default(),
        Default::default(),
    );
    let cast = graph.add("cast", Cast::from(to), &[x])?;
    graph.add_output("x", x);
    graph.add_output("cast", cast);
    let design = design(&graph)?;
    let outputs: Vec<&str> = design.outputs.iter().map(|id| design[*id].name.as_str()).collect();
    assert_eq!(outputs, ["x_out", "cast_out"]);
    let readers = |id: &EdgeId| design.processes.iter().filter(|it| it.inputs.contains(id)).count();
    assert!(design.inputs.iter().all(|input| readers(input) == 1));
    assert_eq!(design.inputs.len(), 2);
    Ok(())
}

fn window() -> impl Strategy<Value = Window> {
    let axis = (1..7_usize, 1..4_usize, 1..4_usize, 1..3_usize).prop_flat_map(
        |(input, kernel, stride, dilation)| {
            let span = (kernel - 1) * dilation + 1;
            let pads = (0..span, 0..span);
            pads.prop_filter_map("a window fits", move |(before, behind)| {
                let room = (input + before + behind).checked_sub(span)?;
                Some((input, kernel, stride, dilation, before, room / stride + 1))
            })
        },
    );
    (axis.clone(), axis).prop_map(|(rows, columns)| Window {
        input: [rows.0, columns.0],
        kernel: [rows.1, columns.1],
        stride: [rows.2, columns.2],
        dilation: [rows.3, columns.3],
        pad_before: [rows.4, columns.4],
        output: [rows.5, columns.5],
        ..Window::whole([1, 1])
    })
}

proptest! {
    /// A line buffer reads every pixel once, and writes every window once, as soon as its last
    /// pixel has been read; also where there are positions between pixels.
    #[test]
    fn windows_are_written_when_they_are_complete(
        window in window(),
        between in (1..4_usize, 1..4_usize),
    ) {
        let dilated = [between.0, between.1];
        let output = [0, 1].map(|axis| {
            let positions = (window.input[axis] - 1) * dilated[axis] + 1;
            let span = (window.kernel[axis] - 1) * window.dilation[axis] + 1;
            let room = (positions + window.pad_before[axis]).checked_sub(span);
            room.map_or(1, |room| room / window.stride[axis] + 1)
        });
        for window in [window, Window { input_dilation: dilated, output, ..window }] {
            let lines = line_buffer(&window);
            let (mut pixels, mut windows) = (0, 0);
            for (reads, writes) in lines.steps() {
                pixels += usize::from(reads);
                if writes {
                    let last = (0..window.taps()).filter_map(|tap| window.source(windows, tap)).max();
                    prop_assert!(last.is_none_or(|last| last < pixels), "window {windows}");
                    windows += 1;
                }
            }
            prop_assert_eq!(pixels, window.input[0] * window.input[1]);
            prop_assert_eq!(windows, window.windows());
            let [input, output] = [ChannelId(0), ChannelId(1)];
            let process =
                |name: &str, phases| NetworkProcess { name: name.into(), phases, latency: 1 };
            let port = |count: usize, reads: Vec<ChannelId>, writes: Vec<ChannelId>| {
                vec![Phase { iterations: count as u64, interval: 1, reads, writes }]
            };
            let channel = |name: &str| crate::hls::network::Channel {
                name: name.into(),
                token_bits: 8,
                slots: crate::hls::network::Slots::Words,
            };
            let phases = process::steps_of(lines.steps(), (1, 1), input, output);
            let processes = vec![
                process("source", port(pixels, vec![], vec![input])),
                process("windows", phases),
                process("sink", port(windows, vec![output], vec![])),
            ];
            let network = Network::new(processes, vec![channel("x"), channel("y")])?;
            prop_assert_eq!(network.least_depths()?, [1, 1]);
        }
    }

    /// The pixels in registers that are the operand of a window are those on which its taps lie: no
    /// product with the zeros between pixels.
    #[test]
    fn taps_lie_on_pixels(
        (input, kernel, dilation, stride, scale) in
            (1..6_usize, 1..5_usize, 1..3_usize, 1..3_usize, 1..4_usize),
        pad_before in 0..6_usize,
        output in 1..9_usize,
    ) {
        let window = Window {
            input: [1, input],
            kernel: [1, kernel],
            stride: [1, stride],
            dilation: [1, dilation],
            pad_before: [0, pad_before],
            input_dilation: [1, scale],
            output: [1, output],
        };
        let axis = lines::along(&window, 1);
        // Pixels of the image and of padding, as they are taken.
        let mut taken: Vec<Option<usize>> = vec![];
        let mut given = 0;
        for (at, step) in axis.steps.iter().enumerate() {
            let next = taken.iter().flatten().count();
            match step.takes {
                Take::Nothing => {}
                Take::Pixel => taken.push(Some(next)),
                Take::Padding => taken.push(None),
            }
            if !step.gives {
                continue;
            }
            let (taps, pixels) = lines::taps(&window, 1, at % axis.scale);
            let pixel = |register: usize| {
                let behind = axis.span - 1 - register;
                taken.iter().rev().nth(behind).copied().flatten()
            };
            let operand: Vec<Option<usize>> =
                (0..pixels.count).map(|tap| pixel(pixels.first + tap * pixels.distance)).collect();
            let expected: Vec<Option<usize>> =
                taps.iter().map(|tap| window.source(given, *tap)).collect();
            prop_assert_eq!(operand, expected);
            let others = (0..kernel).filter(|tap| !taps.contains(tap));
            let mut others = others.map(|tap| window.source(given, tap));
            prop_assert!(others.all(|source| source.is_none()));
            given += 1;
        }
        prop_assert_eq!(given, output);
    }
}

/// The line buffer of `window`.
fn line_buffer(window: &Window) -> LineBuffer {
    let padding = Number { element: TypeId(0), code: 0.into() };
    let axes = [0, 1].map(|axis| lines::along(window, axis));
    LineBuffer {
        axes,
        group: PixelGroup::ONE,
        channels: 1,
        padding,
        element: TypeId(0),
        kernels: vec![],
        turns: None,
    }
}
