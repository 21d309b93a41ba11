//! The parameters of recurrent layers, gate by gate.
//!
//! In a graph, a cell is a product for all steps, x·W + b, and a scan over its rows, whose body has the
//! products of the state. Columns of kernels and biases are blocks of units, a block for each gate.

use super::ProfileVariable;
use crate::fixed::Codes;
use crate::ir::{Constant, Graph, Linear, NodeId, Op, Scan};
use crate::model::CellKind;

/// A kind for each number of gates.
const KINDS: [CellKind; 3] =
    [CellKind::Simple, CellKind::Lstm, CellKind::Gru { reset_after: true }];

/// The products of a cell.
#[derive(Debug, PartialEq)]
pub(super) struct CellProducts<'g> {
    /// The node of the products of the input.
    pub input: NodeId,
    /// Direction and position of the cell, as the graph names them; empty for a single one.
    name: String,
    units: usize,
    of_input: &'g Linear,
    /// All gates first, or those of a product of their own in the order of the gates.
    of_state: Vec<&'g Linear>,
}

/// A parameter of a gate.
pub(super) struct GateParameter {
    pub variable: ProfileVariable,
    /// The cell and the gate.
    pub part: String,
    pub constant: Constant,
}

/// The products of the cells of `layer`, once for cells with the same parameters, such as those of a
/// TimeDistributed layer.
pub(super) fn cells<'g>(graph: &'g Graph, layer: &str) -> Vec<CellProducts<'g>> {
    let mut cells: Vec<CellProducts<'g>> = Vec::new();
    for id in graph.topological_order() {
        let node = &graph[id];
        let Op::Scan(scan) = &node.op else { continue };
        if node.layer != layer {
            continue;
        }
        let name = node.name.strip_prefix(layer).unwrap_or_default();
        let found = products(graph, (id, scan), name.trim_matches('_').replace('_', " "));
        let is_known = |found: &CellProducts<'_>| {
            cells.iter().any(|it| (it.of_input, &it.of_state) == (found.of_input, &found.of_state))
        };
        cells.extend(found.filter(|found| !is_known(found)));
    }
    cells
}

/// The products of the cell that `scan` repeats.
fn products<'g>(
    graph: &'g Graph,
    (id, scan): (NodeId, &'g Scan),
    name: String,
) -> Option<CellProducts<'g>> {
    // A scale may lie between the products and the scan.
    let mut input = *graph.operands(id).first()?;
    let of_input = loop {
        if let Op::Linear(linear) = &graph[input].op {
            break linear;
        }
        if graph[input].layer != graph[id].layer {
            return None;
        }
        input = *graph.operands(input).first()?;
    };
    let body = &scan.body;
    let state = body.inputs.get(body.inputs.len().checked_sub(scan.states())?)?;
    let in_body = body.topological_order().into_iter().filter_map(|id| {
        let Op::Linear(linear) = &body[id].op else { return None };
        Some(linear)
    });
    let mut of_state: Vec<&Linear> = in_body.collect();
    // The candidate of a GRU has a product of its own, with fewer columns than that of the gates before it.
    of_state.sort_by_key(|linear| std::cmp::Reverse(columns(&linear.weights)));
    let units = body[*state].tensor.len();
    Some(CellProducts { input, name, units, of_input, of_state })
}

/// Number of columns of a kernel.
fn columns(weights: &Constant) -> usize {
    weights.codes.shape().last().copied().unwrap_or(0)
}

impl CellProducts<'_> {
    /// The parameters: for each variable, those of each gate.
    pub fn parameters(&self) -> Vec<GateParameter> {
        use ProfileVariable::{Bias, RecurrentBias, RecurrentWeight, Weight};
        let of_input = std::slice::from_ref(&self.of_input);
        let weights = |linears: &[&Linear]| -> Vec<Constant> {
            linears.iter().map(|linear| columns_first(&linear.weights)).collect()
        };
        let biases = |linears: &[&Linear]| -> Vec<Constant> {
            linears.iter().filter_map(|linear| linear.bias.clone()).collect()
        };
        let all = [
            (Weight, weights(of_input)),
            (RecurrentWeight, weights(&self.of_state)),
            (Bias, biases(of_input)),
            (RecurrentBias, biases(&self.of_state)),
        ];
        all.into_iter().flat_map(|(variable, blocks)| self.gates(variable, &blocks)).collect()
    }

    /// The gates of constants whose first axes together are those of all gates.
    fn gates(&self, variable: ProfileVariable, constants: &[Constant]) -> Vec<GateParameter> {
        let units = self.units.max(1);
        let gates = columns(&self.of_input.weights) / units;
        let kind = KINDS.into_iter().find(|kind| kind.gates() == gates);
        let names = kind.map_or(&[][..], CellKind::gate_names);
        let blocks = constants.iter().flat_map(|constant| {
            let length = constant.codes.shape().first().copied().unwrap_or(0);
            (0..length / units).map(move |block| Constant {
                codes: block_of(&constant.codes, block, units),
                format: constant.format,
            })
        });
        let gate = |(constant, gate): (Constant, &&str)| {
            let parts = [self.name.as_str(), gate].into_iter().filter(|part| !part.is_empty());
            GateParameter { variable, part: parts.collect::<Vec<_>>().join(", "), constant }
        };
        blocks.zip(names).map(gate).collect()
    }
}

/// The rows of a block of units.
fn block_of(codes: &Codes, block: usize, units: usize) -> Codes {
    codes.selected(&(block * units..(block + 1) * units).collect::<Vec<_>>())
}

/// A kernel with the columns as its first axis.
fn columns_first(weights: &Constant) -> Constant {
    Constant { codes: weights.codes.clone().permuted(&[1, 0]), format: weights.format }
}
