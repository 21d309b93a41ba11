//! The rows of a profile: parameters and results, with the types that they have now.

use std::collections::HashSet;

use ndarray::Axis;
use petgraph::graph::NodeIndex;
use serde::Serialize;

use super::difference::Difference;
use super::distribution::{Distribution, TypeCounter, TypeUse};
use super::gates::{self, CellProducts};
use super::observe::Observed;
use super::{ProfileVariable, Subject};
use crate::fixed::{Overflow, Quantization, Rounding, Signedness};
use crate::ir::{Constant, Op};
use crate::lower::{TypedVariable, Unquantized};
use crate::model::LayerKind;

/// A parameter or a result of a layer: its values, and their use of its type.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProfileRow {
    /// The model's layer.
    pub layer: String,
    /// Its variable.
    pub variable: ProfileVariable,
    /// The cell and the gate of a parameter of a recurrent layer.
    pub part: Option<String>,
    /// True if it has a type only because it has no quantizer.
    pub unquantized: bool,
    /// Values of the trained network: all parameters, or the results for all samples.
    pub values: Distribution,
    /// The type, and its use.
    pub usage: TypeUse,
    /// Integer bits of each output channel, the fewest and the most, of a kernel without a
    /// quantizer: what a type per channel could save.
    pub channel_integer_bits: Option<(i32, i32)>,
    /// Difference of the simulated results from `values`; `None` for parameters and for a result before a
    /// fused activation.
    pub difference: Option<Difference>,
    /// The same from results that the user stated.
    pub reference: Option<Difference>,
}

impl ProfileRow {
    /// The variable, and its part.
    pub fn title(&self) -> String {
        match &self.part {
            Some(part) => format!("{}, {part}", self.variable),
            None => self.variable.to_string(),
        }
    }
}

/// The rows of all layers, in the model's order.
pub(super) fn rows(subject: &Subject<'_>, mut observed: Observed) -> Vec<ProfileRow> {
    let mut rows = Vec::new();
    let mut seen = HashSet::new();
    for index in subject.model.graph.node_indices() {
        let name = &subject.model.graph[index].name;
        rows.extend(parameters(subject, name));
        let sum = observed.sums.remove(&index).zip(observed.sum_uses.remove(&index));
        rows.extend(sum.map(|(values, counter)| {
            row(name, ProfileVariable::Result, true, values, counter.finish())
        }));
        // Layers that compute nothing share the node of their operand.
        if subject.folded.contains_key(name) || !seen.insert(subject.node(index)) {
            continue;
        }
        let found = observed.results.remove(&index).zip(observed.uses.remove(&index));
        rows.extend(found.map(|(values, counter)| {
            let variable = result_variable(subject, index);
            let is_typed = subject
                .unquantized
                .iter()
                .any(|it| it.layer == *name && ProfileVariable::from(it.variable) == variable);
            ProfileRow {
                difference: observed.differences.remove(&index),
                reference: observed.references.remove(&index),
                ..row(name, variable, is_typed, values, counter.finish())
            }
        }));
    }
    rows
}

fn row(
    layer: &str,
    variable: ProfileVariable,
    unquantized: bool,
    values: Distribution,
    usage: TypeUse,
) -> ProfileRow {
    let layer = layer.to_owned();
    ProfileRow {
        layer,
        variable,
        part: None,
        unquantized,
        values,
        usage,
        channel_integer_bits: None,
        difference: None,
        reference: None,
    }
}

/// The name of the result of layer `index`: an activation is one if the layer has an operation before
/// it.
fn result_variable(subject: &Subject<'_>, index: NodeIndex) -> ProfileVariable {
    if let LayerKind::Input { .. } = subject.model.graph[index].kind {
        return ProfileVariable::Input;
    }
    match subject.is_whole(index, TypedVariable::Result) {
        true => ProfileVariable::Result,
        false => ProfileVariable::Activation,
    }
}

/// The rows of the parameters of `layer`: as trained if they have no quantizer, else the constants of
/// its operations.
fn parameters(subject: &Subject<'_>, layer: &str) -> Vec<ProfileRow> {
    let unquantized = || subject.unquantized.iter().filter(|it| it.layer == layer);
    let mut rows = Vec::new();
    for parameter in unquantized().filter(|it| !it.values.is_empty()) {
        let values = || parameter.values.iter().flatten();
        let mut counter = TypeCounter::new(parameter.precision);
        counter.add_values(values());
        counter.cast_values(values());
        let variable = parameter.variable.into();
        let distribution = Distribution::of(values());
        let own = row(layer, variable, true, distribution, counter.finish());
        rows.push(ProfileRow { channel_integer_bits: channels(parameter), ..own });
    }
    let is_quantized = |variable| !unquantized().any(|it| it.variable == variable);
    let cells = gates::cells(subject.graph, layer);
    for id in subject.graph.topological_order() {
        let node = &subject.graph[id];
        if node.layer != layer || cells.iter().any(|cell| cell.input == id) {
            continue;
        }
        let linear = if let Op::Linear(linear) = &node.op {
            linear
        } else if let Op::Conv(conv) = &node.op {
            &conv.linear
        } else {
            continue;
        };
        let constants = [Some(&linear.weights), linear.bias.as_ref()];
        let variables = [TypedVariable::Weight, TypedVariable::Bias];
        for (variable, constant) in variables.into_iter().zip(constants) {
            let constant = constant.filter(|_| is_quantized(variable));
            rows.extend(constant.map(|it| quantized(layer, variable.into(), it)));
        }
    }
    for gate in cells.iter().flat_map(CellProducts::parameters) {
        let typed = match gate.variable {
            ProfileVariable::Weight | ProfileVariable::RecurrentWeight => TypedVariable::Weight,
            _ => TypedVariable::Bias,
        };
        if is_quantized(typed) {
            let part = Some(gate.part).filter(|part| !part.is_empty());
            rows.push(ProfileRow { part, ..quantized(layer, gate.variable, &gate.constant) });
        }
    }
    rows
}

/// The row of a quantized parameter.
fn quantized(layer: &str, variable: ProfileVariable, constant: &Constant) -> ProfileRow {
    let values = constant.codes.to_values(constant.format);
    let precision = Quantization::new(constant.format, Rounding::Trn, Overflow::WRAP);
    let mut counter = TypeCounter::new(precision);
    counter.add_codes(&constant.codes);
    row(layer, variable, false, Distribution::of(&values), counter.finish())
}

/// The fewest and the most integer bits of the channels of a kernel, along its last axis.
fn channels(parameter: &Unquantized) -> Option<(i32, i32)> {
    let [kernel] = &parameter.values[..] else { return None };
    let axis = kernel.ndim().checked_sub(1).filter(|axis| *axis > 0)?;
    let bits = kernel
        .axis_iter(Axis(axis))
        .map(|channel| Distribution::of(&channel).integer_bits(Signedness::Signed));
    let bits: Vec<i32> = bits.collect();
    Some((*bits.iter().min()?, *bits.iter().max()?))
}
