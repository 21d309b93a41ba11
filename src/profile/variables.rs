//! The variables that get a proposed type: inputs, and parameters and results without a quantizer.

use std::collections::HashSet;

use num_bigint::Sign;
use petgraph::graph::NodeIndex;

use super::distribution::Distribution;
use super::observe::{Observed, layer_called};
use super::plan::Plan;
use super::search::{NARROWEST, WIDEST};
use super::{ProfileError, Subject};
use crate::fixed::{
    Format, FormatError, Overflow, Quantization, Rounding, Signedness, fractional_bits,
};
use crate::float::Samples;
use crate::lower::{LowerError, Lowered, TypedVariable};
use crate::model::{Activation, LayerKind};

/// The part of a layer that a variable is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// An input of the network.
    Input,
    /// A parameter or a result.
    Typed(TypedVariable),
}

impl Role {
    /// True for values that are the same for every sample.
    pub fn is_parameter(self) -> bool {
        match self {
            Self::Typed(TypedVariable::Weight | TypedVariable::Bias | TypedVariable::Scale) => true,
            Self::Input | Self::Typed(TypedVariable::Result | TypedVariable::Activation) => false,
        }
    }
}

/// A variable that gets a type.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    /// The layer.
    pub layer: String,
    /// Its name in a configuration.
    pub entry: String,
    pub role: Role,
    pub signedness: Signedness,
    /// Integer bits that hold every value.
    pub integer: i32,
    /// Fractional bits that represent every value exactly, at most.
    pub finest: i32,
    /// Number of values: parameters, or elements of a sample.
    pub count: u64,
    /// True for weights of several output channels.
    pub has_channels: bool,
    /// The most bits that it may have.
    pub widest: u32,
}

impl Variable {
    /// The type of `width` bits, `integer` of them integer bits, or of as many as the variable may have,
    /// or of fewer that represent every value exactly. Values are rounded and saturate.
    pub fn precision(&self, width: u32, integer: i32) -> Result<Quantization, FormatError> {
        let rounding = match self.role {
            // Samples are rounded half to even.
            Role::Input => Rounding::RndConv,
            Role::Typed(_) => Rounding::Rnd,
        };
        let exact = self.finest.saturating_add(integer).max(1).unsigned_abs();
        let format = Format::new(self.signedness, width.min(self.widest).min(exact), integer)?;
        Ok(Quantization::new(format, rounding, Overflow::Sat))
    }
}

/// The variables of `subject`, those of inputs first, then in topological order. `width` is the
/// width at which results that nobody types are found to be wide; `widest` is the largest one that
/// types will have.
pub(super) fn variables(
    subject: &Subject<'_>,
    samples: &[Samples],
    observed: &Observed,
    (width, widest): (u32, u32),
) -> Result<Vec<Variable>, ProfileError> {
    let mut variables = inputs(subject, samples);
    for unquantized in subject.unquantized {
        let typed = unquantized.variable;
        let index = layer_called(subject.model, &unquantized.layer);
        let Some(index) = index.filter(|_| !is_set(subject, &unquantized.layer, typed)) else {
            continue;
        };
        let (distribution, count, finest) = match typed {
            TypedVariable::Weight | TypedVariable::Bias | TypedVariable::Scale => {
                let all = || unquantized.values.iter().flatten();
                let values = Distribution::of(all());
                let count = values.count;
                (Some(values), count, finest(all()))
            }
            TypedVariable::Result | TypedVariable::Activation => {
                (result(observed, index, typed), elements(subject, index), i32::MAX)
            }
        };
        let is_result = typed == TypedVariable::Result || typed == TypedVariable::Activation;
        if is_result && is_recurrent(subject, index) {
            continue;
        }
        let Some(distribution) = distribution else { continue };
        let signedness = match distribution.low < 0.0 || is_result {
            true => Signedness::Signed,
            false => Signedness::Unsigned,
        };
        variables.push(Variable {
            layer: unquantized.layer.clone(),
            entry: unquantized.entry.clone(),
            role: Role::Typed(typed),
            signedness,
            integer: distribution.integer_bits(signedness),
            finest,
            count,
            has_channels: typed == TypedVariable::Weight
                && unquantized.values.iter().any(|kernel| kernel.ndim() > 1),
            widest: WIDEST,
        });
    }
    // With these types, results are found that are not negative, and results that are wide.
    let mut plan = Plan::new(variables);
    limit_operands(subject, &mut plan, widest)?;
    let lowered = plan.lowered(subject, &plan.uniform(width));
    let lowered = lowered.map_err(|error| with_outlier(subject, error))?;
    widening(subject, observed, &lowered, width, &mut plan.variables);
    limit_operands(subject, &mut plan, widest)?;
    let lowered = plan.lowered(subject, &plan.uniform(width))?;
    let mut variables = plan.variables;
    for variable in &mut variables {
        let Role::Typed(typed) = variable.role else { continue };
        let Some(index) = layer_called(subject.model, &variable.layer) else { continue };
        let range = lowered.graph[lowered.graph.layers[index.index()].1].tensor.range();
        let is_positive = subject.is_whole(index, typed) && range.low().sign() != Sign::Minus;
        let is_rectified = typed == TypedVariable::Result && subject.model.is_only_rectified(index);
        if is_positive || is_rectified {
            variable.signedness = Signedness::Unsigned;
            let values = result(observed, index, typed);
            variable.integer = values.map_or(1, |it| it.integer_bits(Signedness::Unsigned));
        }
    }
    Ok(variables)
}

/// Parameters beyond this are no trained ones.
const LARGEST_PARAMETER: f64 = (1_u64 << 40) as f64;

/// `error` with the largest parameter, if it is so large that it is the reason.
fn with_outlier(subject: &Subject<'_>, error: ProfileError) -> ProfileError {
    let ProfileError::Lower(error) = error else { return error };
    let values = subject.unquantized.iter().flat_map(|it| {
        it.values.iter().flatten().map(move |value| (it.layer.as_str(), it.variable.key(), *value))
    });
    match values.max_by(|one, other| one.2.abs().total_cmp(&other.2.abs())) {
        Some((layer, parameter, value)) if value.abs() > LARGEST_PARAMETER => {
            let (layer, error) = (layer.to_owned(), Box::new(error));
            ProfileError::Outlier { layer, parameter, value, error }
        }
        Some(_) | None => error.into(),
    }
}

/// The inputs without a configured type.
fn inputs(subject: &Subject<'_>, samples: &[Samples]) -> Vec<Variable> {
    let inputs = subject.model.inputs.iter().zip(samples);
    let inputs = inputs.map(|(index, values)| (&subject.model.graph[*index].name, values));
    let open = inputs.filter(|(name, _)| !subject.set_inputs.contains_key(*name));
    open.map(|(name, values)| {
        let distribution = Distribution::of(values);
        let signedness = match distribution.low < 0.0 {
            true => Signedness::Signed,
            false => Signedness::Unsigned,
        };
        Variable {
            layer: name.clone(),
            entry: name.clone(),
            role: Role::Input,
            signedness,
            integer: distribution.integer_bits(signedness),
            finest: finest(values),
            count: (values.len() / values.shape()[0].max(1)) as u64,
            has_channels: false,
            widest: WIDEST,
        }
    })
    .collect()
}

/// Adds the results that have no type but take more bits than the layer's operands and than `width`:
/// averages, sums, products.
fn widening(
    subject: &Subject<'_>,
    observed: &Observed,
    lowered: &Lowered,
    width: u32,
    variables: &mut Vec<Variable>,
) {
    let model = subject.model;
    let bits = |index: NodeIndex| {
        lowered.graph[lowered.graph.layers[index.index()].1].tensor.format.width()
    };
    for index in model.graph.node_indices() {
        let layer = &model.graph[index];
        let is_quantizer = |reader: NodeIndex| !model.graph[reader].kind.quantizers().is_empty();
        let readers: Vec<NodeIndex> = model.graph.neighbors(index).collect();
        // A quantizer that follows is exact only for an exact operand.
        let before_quantizers = !readers.is_empty()
            && readers.iter().all(|reader| is_quantizer(*reader))
            && !model.outputs.contains(&index);
        let is_typed = variables.iter().any(|variable| variable.layer == layer.name)
            || subject.unquantized.iter().any(|it| it.layer == layer.name)
            || is_set(subject, &layer.name, TypedVariable::Result);
        let is_wide = bits(index) > width
            && model.sources(index).into_iter().all(|source| bits(source) < bits(index));
        let is_softmax = layer.kind.activation() == Some(&Activation::Softmax);
        let is_free = layer.kind.quantizers().is_empty() && !is_softmax && layer.kind.is_linear();
        let is_input = matches!(layer.kind, LayerKind::Input { .. });
        if !is_wide || !is_free || is_typed || before_quantizers || is_input {
            continue;
        }
        let Some(values) = observed.results.get(&index) else { continue };
        variables.push(Variable {
            layer: layer.name.clone(),
            entry: layer.name.clone(),
            role: Role::Typed(TypedVariable::Result),
            signedness: Signedness::Signed,
            integer: values.integer_bits(Signedness::Signed),
            finest: i32::MAX,
            count: elements(subject, index),
            has_channels: false,
            widest: WIDEST,
        });
    }
}

/// The most bits of the operand of a function that becomes a table: one entry per code.
const TABLE_OPERAND: u32 = 16;

/// True for a recurrent layer. The type of its result is that of its gates and states as well, whose values
/// are not observed: it is left as configured.
fn is_recurrent(subject: &Subject<'_>, index: NodeIndex) -> bool {
    let kind = subject.model.graph[index].kind.inner();
    matches!(kind, LayerKind::Recurrent(_) | LayerKind::Bidirectional(_))
}

/// Limits the variables of `plan` so that with `width` bits for each one all functions have tables:
/// lowering names the layers whose operands are too wide.
fn limit_operands(subject: &Subject<'_>, plan: &mut Plan, width: u32) -> Result<(), ProfileError> {
    loop {
        let error = match plan.lowered(subject, &plan.uniform(width)) {
            Err(ProfileError::Lower(error)) => error,
            // Other reasons are those of the width: a narrower one may do.
            Ok(_) => return Ok(()),
            Err(error) => return Err(error),
        };
        let LowerError::TooManySteps { layer, .. } = &error else { return Ok(()) };
        let index = layer_called(subject.model, layer);
        let operands = index.map_or_else(Vec::new, |index| operands(subject, plan, index));
        let own = |at: &usize| plan.variables[*at].widest.min(width);
        // Sums of operands are wider than these, so that one bit after the other is taken.
        let widest = operands.iter().map(own).max().unwrap_or(NARROWEST);
        if widest <= NARROWEST {
            return Err(error.into());
        }
        for at in operands {
            let variable = &mut plan.variables[at];
            variable.widest = variable.widest.min(TABLE_OPERAND.min(widest - 1));
        }
    }
}

/// The positions in `plan` of the variables that the operand of the function of layer `index` consists
/// of: that operand, or those of the layers before it without a type of their own.
fn operands(subject: &Subject<'_>, plan: &Plan, index: NodeIndex) -> Vec<usize> {
    let model = subject.model;
    let position = |index: NodeIndex, role: Role| {
        let name = &model.graph[index].name;
        plan.variables.iter().position(|it| it.layer == *name && it.role == role)
    };
    if model.graph[index].kind.has_fused_activation() {
        let sum = position(index, Role::Typed(TypedVariable::Result));
        return Vec::from_iter(sum);
    }
    let mut found = Vec::new();
    let mut waiting = model.sources(index);
    let mut seen = HashSet::new();
    while let Some(source) = waiting.pop() {
        let kind = &model.graph[source].kind;
        let result = if let LayerKind::Input { .. } = kind {
            Role::Input
        } else if kind.has_fused_activation() {
            Role::Typed(TypedVariable::Activation)
        } else {
            Role::Typed(TypedVariable::Result)
        };
        match position(source, result) {
            Some(at) => found.push(at),
            None if kind.matrix().is_none() && seen.insert(source) => {
                waiting.extend(model.sources(source));
            }
            None => {}
        }
    }
    found
}

/// True if the user has chosen a type for this variable.
fn is_set(subject: &Subject<'_>, layer: &str, variable: TypedVariable) -> bool {
    let own = subject.settings.layer(layer).cloned();
    own.is_some_and(|mut own| own.precision_mut(variable).is_some())
}

/// Fractional bits of the value that has most of them.
pub(super) fn finest<'v>(values: impl IntoIterator<Item = &'v f64>) -> i32 {
    values.into_iter().filter_map(|value| fractional_bits(*value)).max().unwrap_or(0)
}

/// The values of a result.
fn result(observed: &Observed, index: NodeIndex, typed: TypedVariable) -> Option<Distribution> {
    let sums = observed.sums.get(&index).filter(|_| typed == TypedVariable::Result);
    sums.or_else(|| observed.results.get(&index)).cloned()
}

/// Elements of one sample of the result of layer `index`.
fn elements(subject: &Subject<'_>, index: NodeIndex) -> u64 {
    subject.graph[subject.node(index)].tensor.len() as u64
}
