//! One row a layer: types, proven interval, cost.

use serde::Serialize;

use crate::fixed::{Format, Interval};
use crate::ir::{Graph, NodeId, Op};

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
    pub codes: Interval,
    /// The same as values.
    pub range: (f64, f64),
    /// Products with weights that are neither 0 nor ± a power of two: the others need no
    /// multiplier.
    pub multiplications: usize,
    /// Bits that its weights and biases take.
    pub weight_bits: usize,
    /// Bits that its tables and step boundaries take.
    pub table_bits: usize,
}

/// A row for each layer of the model, in its order.
pub fn layers(graph: &Graph) -> Vec<LayerRow> {
    let order = graph.in_order();
    graph
        .layers
        .iter()
        .filter(|(_, node)| graph.nodes.contains_node(*node))
        .map(|(layer, node)| {
            let own: Vec<NodeId> =
                order.iter().copied().filter(|id| graph[*id].layer == *layer).collect();
            row(graph, layer, *node, &own)
        })
        .collect()
}

fn row(graph: &Graph, layer: &str, result: NodeId, own: &[NodeId]) -> LayerRow {
    let tensor = &graph[result].tensor;
    let codes = tensor.interval();
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
        multiplications: 0,
        weight_bits: 0,
        table_bits: 0,
    };
    for id in own {
        let node = &graph[*id];
        match &node.op {
            Op::Linear(linear) => {
                row.weight = Some(linear.weights.format);
                row.bias = linear.bias.as_ref().map(|bias| bias.format);
                row.accumulator = Some(node.tensor.format);
                row.multiplications += linear.multiplications() * node.tensor.rows();
                row.weight_bits += linear.weights.bits();
                row.weight_bits += linear.bias.as_ref().map_or(0, crate::ir::Constant::bits);
            }
            Op::Affine(affine) => {
                row.scale = Some(affine.scale.format);
                row.bias = affine.offset.as_ref().map(|offset| offset.format).or(row.bias);
                let tensor = &node.tensor;
                row.multiplications +=
                    affine.multiplications(tensor.channel_count()) * tensor.rows();
                row.weight_bits += affine.scale.bits();
                row.weight_bits += affine.offset.as_ref().map_or(0, crate::ir::Constant::bits);
            }
            Op::Steps(steps) => row.table_bits += steps.boundaries.bits() + steps.values.bits(),
            Op::Softmax(softmax) => {
                row.multiplications += node.tensor.len();
                row.table_bits += softmax.exp_table.bits() + softmax.inverse_table.bits();
            }
            _ => {}
        }
    }
    row
}
