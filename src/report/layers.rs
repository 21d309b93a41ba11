//! One row a layer: types, proven range, cost.

use serde::Serialize;

use crate::fixed::{Format, Range};
use crate::hls::{Form, Function, FunctionSize, Operations, Scaling, TableSizes, Uses};
use crate::ir::text::Described;
use crate::ir::{Conv, Elementwise, Graph, NodeId, Op, Pool, PoolKind};

/// What hardware a layer becomes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerRow {
    /// The model's layer.
    pub layer: String,
    /// The operations that it becomes, in order; none where it computes nothing.
    pub operations: Vec<&'static str>,
    /// The shape of one sample of its result.
    pub shape: Vec<usize>,
    /// The type of its weights.
    pub weight: Option<Format>,
    /// The type of its real-valued scales.
    pub scale: Option<Format>,
    /// The type of its biases.
    pub bias: Option<Format>,
    /// The type of its sums.
    pub accumulator: Option<Format>,
    /// The type of its result.
    pub result: Format,
    /// The codes of its result that can occur, in steps of its type.
    pub codes: Range,
    /// The same as values.
    pub range: (f64, f64),
    /// What its operations are in hardware: `shift-add`, `table 64 x 6 bits`.
    pub hardware: String,
    /// Its functions that are no plain arithmetic.
    pub functions: Vec<FunctionSize>,
    /// Arithmetic with constants that a sample takes.
    #[serde(flatten)]
    pub counts: Operations,
    /// Bits that its weights and biases take.
    pub weight_bits: usize,
    /// Bits that its tables and step thresholds take.
    pub table_bits: usize,
}

/// A row for each layer of the model, in its order. Tables are at most as large as `tables` says.
pub fn layers(graph: &Graph, tables: &TableSizes) -> Vec<LayerRow> {
    let order = graph.topological_order();
    graph
        .layers
        .iter()
        .filter(|(_, node)| graph.nodes.contains_node(*node))
        .map(|(layer, node)| {
            let own: Vec<NodeId> =
                order.iter().copied().filter(|id| graph[*id].layer == *layer).collect();
            row(graph, layer, *node, &own, tables)
        })
        .collect()
}

fn row(
    graph: &Graph,
    layer: &str,
    result: NodeId,
    own: &[NodeId],
    tables: &TableSizes,
) -> LayerRow {
    let tensor = &graph[result].tensor;
    let codes = tensor.range();
    let mut row = LayerRow {
        layer: layer.into(),
        operations: own.iter().map(|id| graph[*id].op.name()).collect(),
        shape: tensor.shape.clone(),
        weight: None,
        scale: None,
        bias: None,
        accumulator: None,
        result: tensor.format,
        range: codes.values(tensor.format.fraction()),
        codes,
        hardware: String::new(),
        functions: Vec::new(),
        counts: Operations::default(),
        weight_bits: 0,
        table_bits: 0,
    };
    let mut hardware = Vec::new();
    for id in own {
        let node = &graph[*id];
        let Some(operand) = graph.operands(*id).first().copied() else { continue };
        match &node.op {
            Op::Linear(linear) | Op::Conv(Conv { linear, .. }) => {
                let form = Form::of(graph, *id, operand, linear);
                hardware.push(form.name().to_owned());
                let uses = Uses::of(&node.op, node.tensor.rows());
                row.counts += form.operations(linear, &uses);
                row.weight = Some(linear.weights.format);
                row.bias = linear.bias.as_ref().map(|bias| bias.format);
                row.accumulator = Some(node.tensor.format);
                row.weight_bits += form.weight_bits(linear);
                row.weight_bits += linear.bias.as_ref().map_or(0, crate::ir::Constant::bits);
            }
            Op::StepFunction(steps) => {
                let function = Function::of(steps, &graph[operand].tensor, tables.of(layer));
                hardware.push(function.size().to_string());
                row.functions.push(function.size());
                row.table_bits += function.table_bits();
            }
            Op::Affine(affine) => {
                let scaling = Scaling::of(&affine.scale, &graph[operand].tensor);
                let name = match &scaling {
                    Scaling::Products => "scale and offset",
                    Scaling::Shifts(_) => "shift and offset",
                };
                hardware.push(name.to_owned());
                row.scale = Some(affine.scale.format);
                row.bias = affine.bias.as_ref().map(|offset| offset.format).or(row.bias);
                row.counts += Scaling::operations_of_affine(affine, &node.tensor);
                row.weight_bits += scaling.factor_bits(&affine.scale);
                row.weight_bits += affine.bias.as_ref().map_or(0, crate::ir::Constant::bits);
            }
            Op::Softmax(softmax) => {
                row.counts.multiplications += softmax.multiplications(&node.tensor);
                for table in softmax.tables() {
                    let (entries, bits) = (table.codes.len(), table.format.width());
                    let size = FunctionSize::Table { entries, bits };
                    hardware.push(size.to_string());
                    row.functions.push(size);
                    row.table_bits += table.bits();
                }
            }
            Op::Leaky(leaky) => {
                hardware.push(node.op.name().to_owned());
                row.counts += Scaling::operations_of_leaky(leaky, &node.tensor);
            }
            Op::Elementwise(merge) => {
                hardware.push(merge.name().to_owned());
                let (elements, operands) = (node.tensor.len(), graph.operands(*id).len());
                let pairs = (elements * operands.saturating_sub(1)) as u64;
                match merge {
                    Elementwise::Multiply => row.counts.multiplications += pairs,
                    Elementwise::Add | Elementwise::Subtract => row.counts.additions += pairs,
                    Elementwise::Maximum | Elementwise::Minimum => {}
                }
            }
            Op::Pool(Pool { window, kind }) => {
                hardware.push(node.op.name().to_owned());
                if *kind == PoolKind::Sum {
                    let taps = (0..window.windows()).map(|w| window.present(w).saturating_sub(1));
                    let taps: usize = taps.sum();
                    row.counts.additions += (taps * node.tensor.channel_count()) as u64;
                }
            }
            Op::Reshape(_) => {}
            op => hardware.push(op.name().to_owned()),
        }
    }
    row.hardware = hardware.join(", ");
    row
}
