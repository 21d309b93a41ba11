//! Sums of averages against exact fractions.

use ndarray::{Array2, array};

use super::lower;
use super::tests::{Outcome, chain, dense, settings};
use crate::function::{Function, Relu};
use crate::ir::analysis::common_multiple;
use crate::model::{
    Activation, LayerKind, Merge, Padding, Pool, PoolWindows, Reduction, WindowSpec,
};
use crate::{passes, sim};

/// Fractional bits of the input, the kernel and the last quantizer.
const FRACTIONS: [u32; 3] = [2, 3, 2];

fn kernel() -> Array2<f32> {
    array![[1.0, -0.625, 0.5], [0.125, 1.0, 0.5], [0.5, 0.375, 0.5]]
}

/// a / b for positive b, rounded half to even.
fn nearest(a: i64, b: i64) -> i64 {
    let (below, rest) = (a.div_euclid(b), a.rem_euclid(b));
    below + i64::from(2 * rest > b || 2 * rest == b && below % 2 != 0)
}

/// Compares means, the layers `between`, a dense layer and a quantizer with exact fractions;
/// returns the number of ties.
fn ties(
    positions: usize,
    between: Vec<(&str, LayerKind)>,
) -> Result<usize, Box<dyn std::error::Error>> {
    let mean = Pool {
        windows: PoolWindows::Global { keep_axes: false },
        kind: Reduction::Average,
        activation: Activation::Linear,
    };
    let is_positive = between.iter().any(|(name, _)| *name == "relu");
    let sums = dense(kernel(), None, ["quantized_bits(5,1,1,alpha=1)", ""]);
    let quantizer = Activation::Quantizer("quantized_bits(9,6,1,alpha=1)".parse()?);
    let mut layers = vec![("mean", LayerKind::Pool(mean))];
    layers.extend(between);
    layers.extend([("fc", LayerKind::Dense(sums)), ("q", LayerKind::Activation(quantizer))]);
    let mut model = chain(1, layers);
    let input = model.inputs[0];
    model.graph[input].kind = LayerKind::Input { shape: vec![positions, 3] };

    let graph = lower(&model, &settings("fixed<5,3>")?)?.graph;
    let (graph, _) = passes::for_hardware(&graph)?;
    let inputs = sim::vectors(&graph, 400);
    let node = graph.layers.last().ok_or("no layer")?.1;
    let trace = sim::run(&graph, &inputs)?;
    let found = trace.of(node).ok_or("no result")?.to_values(graph[node].tensor.format);
    let [input, weight, result] = FRACTIONS;
    let x = inputs[0].to_values(format!("fixed<5,{}>", 5 - input).parse()?);
    let mut ties = 0;
    for (x, y) in x.outer_iter().zip(found.outer_iter()) {
        for (output, y) in y.iter().enumerate() {
            let term = |(channel, x): (usize, ndarray::ArrayViewD<'_, f64>)| {
                let sum = (x.sum() * f64::from(1 << input)) as i64;
                let sum = if is_positive { sum.max(0) } else { sum };
                sum * (kernel()[[channel, output]] * (1 << weight) as f32) as i64
            };
            let sum: i64 = x.axis_iter(ndarray::Axis(1)).enumerate().map(term).sum();
            let whole = (positions as i64) << (input + weight - result);
            assert_eq!(y * f64::from(1 << result), nearest(sum, whole) as f64, "{sum}/{whole}");
            ties += usize::from(2 * sum.rem_euclid(whole) == whole);
        }
    }
    Ok(ties)
}

#[test]
fn ties_of_sums_of_averages_round_as_exact_quotients() -> Outcome {
    let relu = || LayerKind::Activation(Activation::Function(Function::Relu(Relu::default())));
    for positions in [3, 6, 7, 9, 12] {
        let direct = ties(positions, vec![])?;
        let moved = ties(positions, vec![("relu", relu()), ("flatten", LayerKind::Flatten)])?;
        assert!(direct > 5 && moved > 0, "{positions}: {direct}, {moved}");
    }
    Ok(())
}

/// Sums of averages of averages and a quantizer equal rounded fractions.
#[test]
fn sums_of_nested_averages_round_as_exact_quotients() -> Outcome {
    let window = |kernel| Pool {
        windows: PoolWindows::Sliding(WindowSpec {
            kernel: [1, kernel],
            strides: [1, kernel],
            dilation: [1, 1],
            padding: Padding::Valid,
            transposed: None,
        }),
        kind: Reduction::Average,
        activation: Activation::Linear,
    };
    for (first, second) in [(3, 3), (3, 2), (2, 3), (5, 3)] {
        let quantizer = Activation::Quantizer("quantized_bits(7,6,1,alpha=1)".parse()?);
        let layers = vec![
            ("first", LayerKind::Pool(window(first))),
            ("second", LayerKind::Pool(window(second))),
            ("sum", LayerKind::Merge(Merge::Add)),
            ("q", LayerKind::Activation(quantizer)),
        ];
        let mut model = chain(1, layers);
        let input = model.inputs[0];
        let [second_pool, sum] = [2, 3].map(petgraph::graph::NodeIndex::new);
        model.graph[input].kind = LayerKind::Input { shape: vec![first * second, 1] };
        model.graph.add_edge(second_pool, sum, 1);
        model.graph.add_edge(second_pool, sum, 2);
        let graph = lower(&model, &settings("fixed<5,4>")?)?.graph;
        let (graph, _) = passes::for_hardware(&graph)?;
        let inputs = sim::vectors(&graph, 600);
        let node = graph.layers.last().ok_or("no layer")?.1;
        let trace = sim::run(&graph, &inputs)?;
        let found = trace.of(node).ok_or("no result")?.to_values(graph[node].tensor.format);
        let x = inputs[0].to_values("fixed<5,4>".parse()?);
        let whole = (2 * first * second) as i64;
        let mut ties = 0;
        for (x, y) in x.outer_iter().zip(&found) {
            let sum = 3 * (x.sum() * 2.0) as i64;
            assert_eq!(*y, nearest(sum, whole) as f64, "{first}, {second}: {sum}");
            ties += usize::from(2 * sum.rem_euclid(whole) == whole);
        }
        assert!(ties > 5, "{first}, {second}: {ties}");
    }
    Ok(())
}

/// Each layer takes the one before it twice: there are 2^60 paths from the last to the first.
#[test]
fn branches_that_join_again_are_visited_once() -> Outcome {
    let mean = Pool {
        windows: PoolWindows::Global { keep_axes: false },
        kind: Reduction::Average,
        activation: Activation::Linear,
    };
    let names: Vec<String> = (0..60).map(|step| format!("larger{step}")).collect();
    let mut layers = vec![("mean", LayerKind::Pool(mean))];
    layers.extend(names.iter().map(|name| (name.as_str(), LayerKind::Merge(Merge::Maximum))));
    let quantizer = Activation::Quantizer("quantized_bits(7,6,1,alpha=1)".parse()?);
    layers.push(("q", LayerKind::Activation(quantizer)));
    let mut model = chain(1, layers);
    let input = model.inputs[0];
    model.graph[input].kind = LayerKind::Input { shape: vec![3, 1] };
    for node in model.graph.node_indices().collect::<Vec<_>>() {
        if let LayerKind::Merge(_) = model.graph[node].kind {
            let before = model.sources(node)[0];
            model.graph.add_edge(before, node, 1);
        }
    }
    let graph = lower(&model, &settings("fixed<5,4>")?)?.graph;
    let inputs = sim::vectors(&graph, 50);
    let trace = sim::run(&graph, &inputs)?;
    let node = graph.layers.last().ok_or("no layer")?.1;
    let found = trace.of(node).ok_or("no result")?.to_values(graph[node].tensor.format);
    let x = inputs[0].to_values("fixed<5,4>".parse()?);
    for (x, y) in x.outer_iter().zip(&found) {
        assert_eq!(*y, nearest((x.sum() * 2.0) as i64, 6) as f64);
    }
    Ok(())
}

#[test]
fn averages_of_wide_operands_keep_40_bits() -> Outcome {
    let mean = Pool {
        windows: PoolWindows::Global { keep_axes: false },
        kind: Reduction::Average,
        activation: Activation::Linear,
    };
    let mut model = chain(1, vec![("mean", LayerKind::Pool(mean))]);
    let input = model.inputs[0];
    model.graph[input].kind = LayerKind::Input { shape: vec![36, 2] };
    let lowered = lower(&model, &settings("fixed<70,9>")?)?;
    let warnings: Vec<String> = lowered.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["layer 'mean': sums are rounded to 40 bits, because exact results exceed 128 bits. \
          Quantize before this layer, or set the result type of the layer before it (LayerName: \
          Precision: result)."]
    );
    let inputs = sim::vectors(&lowered.graph, 20);
    let trace = sim::run(&lowered.graph, &inputs)?;
    let node = lowered.graph.layers[1].1;
    let found = trace.of(node).ok_or("no result")?.to_values(lowered.graph[node].tensor.format);
    let x = inputs[0].to_values("fixed<70,9>".parse()?);
    for (x, y) in x.outer_iter().zip(found.outer_iter()) {
        for (channel, y) in y.iter().enumerate() {
            let mean = x.index_axis(ndarray::Axis(1), channel).sum() / 36.0;
            assert!((y - mean).abs() < 1e-8, "{y}, not {mean}");
        }
    }
    // Narrower operands keep all bits.
    assert_eq!(lower(&model, &settings("fixed<36,9>")?)?.warnings, []);
    Ok(())
}

#[test]
fn denominators_have_a_common_multiple() {
    assert_eq!(common_multiple(9, 3), Some(9));
    assert_eq!(common_multiple(9, 35), Some(315));
    assert_eq!(common_multiple(0, 0), None);
    assert_eq!(common_multiple(1 << 31, (1 << 31) - 1), None);
}
