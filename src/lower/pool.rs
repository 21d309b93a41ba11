//! Pooling and reductions along axes.

use std::iter::repeat_n;

use petgraph::graph::NodeIndex;

use super::activation::NodeScope;
use super::average::{self, Rational};
use super::builder::Builder;
use super::exact::Reach;
use super::layout::gather;
use super::parameters::Parameter;
use super::result::{self, TypedResult};
use super::{LowerError, conv};
use crate::ir::{self, Affine, NodeId, Reshape, Window};
use crate::model::{Layer, Layout, Pool, PoolWindows, Reduce, Reduction};

pub(super) fn lower(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    pool: &Pool,
) -> Result<(), LowerError> {
    let operand = builder.operand(index)?;
    let name = layer.name.as_str();
    let window = conv::window(name, pool.windows.sliding(), builder.tensor(operand))?;
    let scope = NodeScope::suffixed(index, name);
    let mut node = pooled(builder, scope, operand, window, &pool.kind)?;
    if pool.windows == (PoolWindows::Global { keep_axes: false }) {
        let shape = vec![builder.tensor(node).channel_count()];
        node = builder.add(name, "channels", Reshape { shape }, node)?;
    }
    node = TypedResult::of_layer(builder, name).apply(builder, "result", node)?;
    node = result::fused(builder, NodeScope::fused(index, name), node, &pool.activation)?;
    builder.result(index, node);
    Ok(())
}

/// A reduction along some axes: these become one axis, and one window covers it.
pub(super) fn reduce(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    reduce: &Reduce,
) -> Result<(), LowerError> {
    let operand = builder.operand(index)?;
    let name = layer.name.as_str();
    let shape = builder.tensor(operand).shape.clone();
    let (gone, left): (Vec<usize>, Vec<usize>) =
        (0..shape.len()).partition(|axis| reduce.axes.contains(axis));
    let length = |axes: &[usize]| axes.iter().map(|axis| shape[*axis]).product::<usize>();
    let terms = length(&gone);
    let table = [
        Layout::Permute([gone.as_slice(), left.as_slice()].concat()),
        Layout::Reshape(vec![terms, length(&left)]),
    ];
    let table = gather(builder, name, "terms", operand, &table)?;
    let window = Window::whole([1, terms]);
    let node = pooled(builder, NodeScope::suffixed(index, name), table, window, &reduce.kind)?;
    let kept = |axis: usize| if gone.contains(&axis) { 1 } else { shape[axis] };
    let result = match reduce.keep_axes {
        true => (0..shape.len()).map(kept).collect(),
        false => left.iter().map(|axis| shape[*axis]).collect(),
    };
    let node = gather(builder, name, "shape", node, &[Layout::Reshape(result)])?;
    builder.finished(index, layer, node)
}

/// The reduction of each window.
fn pooled(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    x: NodeId,
    window: Window,
    kind: &Reduction,
) -> Result<NodeId, LowerError> {
    let name = scope.layer;
    let (of_taps, part) = match kind {
        Reduction::Max => (ir::PoolKind::Max, ""),
        // The minimum is the negated maximum of the negated elements.
        Reduction::Min => (ir::PoolKind::Max, "largest"),
        Reduction::Sum | Reduction::Average | Reduction::QuantizedAverage(_) => {
            (ir::PoolKind::Sum, "")
        }
    };
    let negated = *kind == Reduction::Min;
    let x = if negated { negate(builder, scope, "negated", x)? } else { x };
    let op = ir::Pool { window, kind: of_taps };
    let node = builder.add(name, part, op, x)?;
    if negated {
        return negate(builder, scope, "", node);
    }
    match factors(builder, name, kind, &window)? {
        None => Ok(node),
        Some(factors) => {
            let channels = builder.tensor(node).channel_count();
            let each = factors.into_iter().flat_map(|factor| repeat_n(factor, channels));
            average::multiply(builder, scope, node, &each.collect::<Vec<_>>())
        }
    }
}

fn negate(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    part: &str,
    x: NodeId,
) -> Result<NodeId, LowerError> {
    let affine = Affine { scale: scope.constant(-1.0)?, bias: None };
    builder.add(scope.layer, part, affine, x)
}

/// Factor of the sum of each window; `None` if the reduction is no average.
fn factors(
    builder: &mut Builder<'_>,
    layer: &str,
    kind: &Reduction,
    window: &Window,
) -> Result<Option<Vec<Rational>>, LowerError> {
    let taps = window.taps() as u64;
    let present = (0..window.windows()).map(|at| window.present(at) as u64);
    match kind {
        Reduction::Max | Reduction::Min | Reduction::Sum => Ok(None),
        Reduction::Average => Ok(Some(present.map(|count| Rational::ratio(1, count)).collect())),
        Reduction::QuantizedAverage(quantizer) => {
            let inverse = ndarray::arr0((1.0 / taps as f64) as f32).into_dyn();
            let quantized = Parameter {
                layer,
                part: "average",
                attribute: "average_quantizer",
                values: inverse.view(),
                reach: Reach::Bias,
            };
            let inverse = quantized.quantized(builder, quantizer)?;
            let code = inverse.code_at(0);
            let fraction = inverse.format.fractional_bits();
            Ok(Some(
                present.map(|count| Rational::ratio(taps, count).times(&code, fraction)).collect(),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{ArrayD, IxDyn};

    use crate::fixed::Codes;
    use crate::lower::{Settings, lower};
    use crate::model::{
        Activation, Layer, LayerKind, Model, Padding, Pool, PoolWindows, Reduction, WindowSpec,
    };
    use crate::{passes, sim};

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    /// An average over three columns, with the borders around.
    fn model(quantizer: &str) -> Result<Model, Box<dyn std::error::Error>> {
        let mut graph = petgraph::graph::DiGraph::new();
        let layer =
            |name: &str, kind| Layer { name: name.into(), class: "Any".into(), kind, origin: None };
        let shape = vec![3, 1];
        let input = graph.add_node(layer("x", LayerKind::Input { shape }));
        let spec = WindowSpec { kernel: [1, 3], padding: Padding::Same, ..WindowSpec::POINTWISE };
        let pool = graph.add_node(layer(
            "pool",
            LayerKind::Pool(Pool {
                windows: PoolWindows::Sliding(spec),
                kind: Reduction::Average,
                activation: Activation::Quantizer(quantizer.parse()?),
            }),
        ));
        graph.add_edge(input, pool, 0);
        Ok(Model {
            name: "m".into(),
            graph,
            inputs: vec![input],
            outputs: vec![pool],
            notes: vec![],
        })
    }

    /// All triples of codes, with averages of two at the borders and of three between, before and
    /// after the passes for hardware.
    #[test]
    fn averages_round_as_the_exact_ones() -> Outcome {
        for bits in [3, 4, 6] {
            let model = model(&format!("quantized_bits({bits},1,0,alpha=1)"))?;
            let settings = Settings { input: "fixed<4,2>".parse()?, ..Settings::default() };
            let graph = lower(&model, &settings)?.graph;
            let (hardware, _) = passes::for_hardware(&graph)?;
            let samples: Vec<i64> = (0..16_i64.pow(3))
                .flat_map(|n| [n / 256 - 8, n / 16 % 16 - 8, n % 16 - 8])
                .collect();
            let x = Codes::Narrow(ArrayD::from_shape_vec(IxDyn(&[4096, 3, 1]), samples.clone())?);
            for graph in [&graph, &hardware] {
                let trace = sim::run(graph, std::slice::from_ref(&x))?;
                let output = graph.outputs[0].node;
                let format = graph[output].tensor.format;
                let found = trace.of(output).ok_or("no result")?.to_values(format);
                let limits = format.codes().values(format.fractional_bits());
                let found: Vec<f64> = found.iter().copied().collect();
                for (x, found) in samples.chunks(3).zip(found.chunks(3)) {
                    let sums = [(x[0] + x[1], 2), (x[0] + x[1] + x[2], 3), (x[1] + x[2], 2)];
                    for ((sum, count), found) in sums.into_iter().zip(found) {
                        // sum / 4 / count in LSB of the result.
                        let (up, down) = (sum << format.fractional_bits(), 4 * count);
                        let (floor, rest) = (up.div_euclid(down), 2 * up.rem_euclid(down) - down);
                        let odd = floor % 2 != 0;
                        let rounded = floor + i64::from(rest > 0 || rest == 0 && odd);
                        let expected = rounded as f64 * format.lsb();
                        assert_eq!(*found, expected.clamp(limits.0, limits.1), "{x:?} {bits}");
                    }
                }
            }
        }
        Ok(())
    }

    #[test]
    fn windows_that_fit_nothing_are_refused() -> Outcome {
        let mut model = model("quantized_bits(4,1,0,alpha=1)")?;
        let input = model.inputs[0];
        model.graph[input].kind = LayerKind::Input { shape: vec![3] };
        let refused = lower(&model, &Settings::default()).err().map(|error| error.to_string());
        let message = "layer 'pool': its windows do not fit samples of the shape [3]";
        assert_eq!(refused.as_deref(), Some(message));
        Ok(())
    }
}
