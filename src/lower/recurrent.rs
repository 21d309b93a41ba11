//! Recurrent layers: a [`Scan`] whose body is the cell.
//!
//! The products of the input with the kernel do not depend on the state: they are one operation for
//! all steps, and the scan takes a row of them in each step. The body has the equations of the cell
//! in the order of QKeras' `qrecurrent.py`. The state that it keeps is the quantized one, which is
//! all that the next step reads.

use ndarray::{Array1, ArrayD, Axis, IxDyn};
use num_bigint::BigInt;
use petgraph::graph::NodeIndex;

use super::activation::{NodeScope, activate, quantize};
use super::average;
use super::builder::Builder;
use super::exact::{self, Reach};
use super::layout::{concat, gather};
use super::merge;
use super::parameters::{
    BIAS, Parameter, ParameterName, SCALE, cast_values, real_or_cast, warn_if_overruled,
};
use super::result::TypedResult;
use super::state::{Carried, States, closed};
use super::{CellSettings, LowerError, LowerWarning, TypedVariable};
use crate::fixed::{Codes, FormatError, Quantization, fits};
use crate::ir::{Affine, Constant, Elementwise, Graph, Linear, NodeId, Scan, Tensor};
use crate::model::{
    AxisSlice, Bidirectional, Cell, CellKind, Directions, Layer, Layout, Recurrent, RecurrentResult,
};
use crate::quantizer::Quantizer;

pub(super) fn lower(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    recurrent: &Recurrent,
) -> Result<(), LowerError> {
    let lower = |builder: &mut Builder<'_>| {
        let operands = builder.operands(index)?;
        let node = cells(builder, (index, layer), (recurrent, 0), &operands)?;
        builder.finished(index, layer, node)
    };
    // Each result of a layer is one of its own, with the same step.
    match builder.model.first_result(layer) == layer.name {
        true => lower(builder),
        false => builder.silently(lower),
    }
}

/// Two directions, and their results merged.
pub(super) fn bidirectional(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    both: &Bidirectional,
) -> Result<(), LowerError> {
    let operands = builder.operands(index)?;
    let [x, starts @ ..] = &operands[..] else {
        return Err(LowerError::Inputs { layer: layer.name.clone() });
    };
    let halves = starts.split_at(starts.len() / 2);
    let [forward, backward] = &both.directions;
    let parts = [(forward, "forward", halves.0), (backward, "backward", halves.1)];
    let mut results = vec![];
    for (direction, (recurrent, part, starts)) in parts.into_iter().enumerate() {
        if matches!(both.result, Directions::Only(only) if only != direction) {
            continue;
        }
        let operands = [&[*x], starts].concat();
        let mut node = builder.named(part, |builder| {
            cells(builder, (index, layer), (recurrent, direction), &operands)
        })?;
        if direction == 1 && recurrent.is_sequence() {
            node = reversed(builder, layer, "turned", node)?;
        }
        results.push(node);
    }
    let node = match (both.result, &results[..]) {
        (Directions::Only(_), [only]) => *only,
        (Directions::Concatenated, [first, ..]) => {
            let axis = builder.tensor(*first).shape.len() - 1;
            concat(builder, &layer.name, "", &results, axis)?
        }
        (Directions::Merged(merge), _) => merge::merged(builder, index, layer, merge, &results)?,
        (Directions::Only(_) | Directions::Concatenated, _) => {
            return Err(LowerError::Inputs { layer: layer.name.clone() });
        }
    };
    builder.finished(index, layer, node)
}

/// The result of `recurrent`, the layer of one direction, for a sequence and the initial states, if
/// there are any.
fn cells(
    builder: &mut Builder<'_>,
    (index, layer): (NodeIndex, &Layer),
    (recurrent, direction): (&Recurrent, usize),
    operands: &[NodeId],
) -> Result<NodeId, LowerError> {
    let wrong = || LowerError::Inputs { layer: layer.name.clone() };
    let (first, mut starts) = operands.split_first().ok_or_else(wrong)?;
    if ![0, recurrent.states()].contains(&starts.len()) {
        return Err(wrong());
    }
    let (last, shown) = match recurrent.result {
        RecurrentResult::Output => (recurrent.cells.len() - 1, 0),
        RecurrentResult::State { cell, state } => (cell, state),
    };
    let mut x = match recurrent.go_backwards {
        true => reversed(builder, layer, "reversed", *first)?,
        false => *first,
    };
    for (at, cell) in recurrent.cells.iter().enumerate().take(last + 1) {
        let is_last = at == last;
        let (own, others) = starts.split_at(starts.len().min(cell.kind.states().len()));
        starts = others;
        let shown = if is_last { shown } else { 0 };
        let stateful = recurrent.stateful;
        let step = Step { index, layer: &layer.name, direction, cell, shown, stateful };
        x = match is_last {
            true => step.scan(builder, x, own, !recurrent.is_sequence())?,
            false => {
                let part = format!("cell{at}");
                builder.named(&part, |builder| step.scan(builder, x, own, false))?
            }
        };
    }
    Ok(x)
}

/// The rows of `node` from the last to the first.
fn reversed(
    builder: &mut Builder<'_>,
    layer: &Layer,
    part: &str,
    node: NodeId,
) -> Result<NodeId, LowerError> {
    let shape = builder.tensor(node).shape.clone();
    let reversed = AxisSlice { start: shape[0] - 1, step: -1, count: shape[0] };
    let rest = shape[1..].iter().map(|length| AxisSlice::whole(*length));
    let reversed = Layout::Slice(std::iter::once(reversed).chain(rest).collect());
    gather(builder, &layer.name, part, node, &[reversed])
}

/// A cell that is being lowered.
pub(super) struct Step<'a> {
    pub(super) index: NodeIndex,
    pub(super) layer: &'a str,
    /// 1 in the backward layer of a bidirectional one, else 0.
    direction: usize,
    pub(super) cell: &'a Cell,
    /// The state that is the result of a step, before its quantizer.
    pub(super) shown: usize,
    /// The states outlive a sample.
    stateful: bool,
}

/// Quantized parameters.
pub(super) struct Weights {
    /// Of the products of the input.
    input: Matrix,
    /// Of the products of the state.
    state: Matrix,
}

/// A weight matrix, a scale of its products and a bias.
#[derive(Clone)]
struct Matrix {
    weights: Constant,
    /// A factor, or one for each output.
    scale: Option<ArrayD<f64>>,
    bias: Option<Constant>,
}

impl Matrix {
    /// The part with the columns from `first`, so many.
    fn columns(&self, first: usize, count: usize) -> Self {
        let cut = |constant: &Constant| columns(constant, first, count);
        let scale = self.scale.as_ref().map(|scale| match scale.len() {
            1 => scale.clone(),
            _ => scale.iter().skip(first).take(count).copied().collect::<Array1<f64>>().into_dyn(),
        });
        Self { weights: cut(&self.weights), scale, bias: self.bias.as_ref().map(cut) }
    }
}

/// The columns of `constant` from `first`, so many.
fn columns(constant: &Constant, first: usize, count: usize) -> Constant {
    let shape = constant.codes.shape();
    let codes: Vec<BigInt> = constant.codes.iter().collect();
    let codes = ArrayD::from_shape_vec(IxDyn(shape), codes).expect("a code per element");
    let last = Axis(shape.len() - 1);
    let columns = codes.slice_axis(last, (first..first + count).into()).to_owned();
    Constant { codes: Codes::from_big(columns), format: constant.format }
}

impl Step<'_> {
    /// The node's scope for an intermediate result of a step.
    fn scope(&self) -> NodeScope<'_> {
        NodeScope::suffixed(self.index, self.layer)
    }

    /// The scan over `operand`, which starts from `starts` or from 0; its result is that of the
    /// `last` step, or of all.
    fn scan(
        &self,
        builder: &mut Builder<'_>,
        operand: NodeId,
        starts: &[NodeId],
        last: bool,
    ) -> Result<NodeId, LowerError> {
        let inputs = builder.tensor(operand).channel_count();
        let weights = self.cell.kernel.nrows();
        if inputs != weights {
            return Err(LowerError::Shape { layer: self.layer.to_owned(), inputs, weights });
        }
        let weights = self.weights(builder, operand)?;
        let products = self.products(builder, "input", &weights.input, operand)?;
        let mut carried = Vec::with_capacity(starts.len());
        for (state, start) in starts.iter().enumerate() {
            carried.push(self.carry(builder, state, "first", *start)?);
        }
        let States { body, initial, starts } = closed(builder, self, &weights, products, &carried)?;
        self.warn_if_overruled(builder, &body);
        // Stated initial states take precedence.
        let stateful = self.stateful && starts.is_empty();
        let scan = Scan { initial, last, stateful, body };
        builder.add_to(self.layer, "", scan, &[&[products], &starts[..]].concat())
    }

    /// Warns if the type under `state` does not hold the values of a state's quantizer, which takes
    /// precedence.
    fn warn_if_overruled(&self, builder: &mut Builder<'_>, body: &Graph) {
        let (Some(precision), Some(_)) = (self.stated(builder), &self.cell.state_quantizer) else {
            return;
        };
        let states = body.inputs.iter().skip(1).map(|input| &body[*input].tensor);
        let holds = |state: &Tensor| {
            let fraction = state.format.fractional_bits();
            precision.format.fractional_bits() >= fraction
                && fits(&state.range(), fraction, &precision)
        };
        if !states.into_iter().all(holds) {
            builder.warn(LowerWarning::Overruled {
                layer: self.layer.to_owned(),
                key: "state",
                precision,
                attribute: "state_quantizer",
            });
        }
    }

    /// A constant with one element.
    pub(super) fn constant(&self, value: f64) -> Result<Constant, LowerError> {
        self.scope().constant(value)
    }

    /// The error for a state that no format holds.
    pub(super) fn format_error(&self, error: FormatError) -> LowerError {
        LowerError::Format { layer: self.layer.to_owned(), part: "state", error }
    }

    /// The configured types of what has no quantizer.
    fn types(&self, builder: &Builder<'_>) -> CellSettings {
        let Some(chosen) = builder.settings.layer(self.layer) else {
            return CellSettings::default();
        };
        let own = &chosen.cells[self.direction];
        CellSettings {
            weight: own.weight.or(chosen.weight),
            bias: own.bias.or(chosen.bias),
            recurrent_weight: own.recurrent_weight.or(chosen.weight),
            recurrent_bias: own.recurrent_bias.or(chosen.bias),
            state: own.state.or(chosen.result),
        }
    }

    /// Quantizes the parameters, and warns of those without a quantizer and a type, and of such states.
    fn weights(&self, builder: &mut Builder<'_>, operand: NodeId) -> Result<Weights, LowerError> {
        let cell = self.cell;
        let chosen = self.types(builder);
        let bias = cell.bias.is_some() && cell.bias_quantizer.is_none();
        let variables = [
            (cell.kernel_quantizer.is_none(), "kernel", chosen.weight),
            (cell.recurrent_quantizer.is_none(), "recurrent kernel", chosen.recurrent_weight),
            (bias, BIAS, chosen.bias),
        ];
        let typed = variables.into_iter().filter(|(is_typed, ..)| *is_typed);
        let typed: Vec<_> = typed.map(|(_, name, to)| (name, to)).collect();
        builder.warn_of_floats(self.layer, &typed);
        let states = cell.kind.states().iter().enumerate();
        let growing = states.filter(|(at, _)| matches!(self.carried(builder, *at), Carried::Typed));
        let growing: Vec<&str> = growing.map(|(_, name)| *name).collect();
        if !growing.is_empty() && chosen.state.is_none() {
            builder.warn(LowerWarning::State {
                layer: self.layer.to_owned(),
                states: growing.join(" and "),
                precision: builder.settings.precision,
            });
        }
        let [input_bias, state_bias] =
            self.biases(builder, [chosen.bias, chosen.recurrent_bias])?;
        let input = self.matrix(
            builder,
            Parameter {
                layer: self.layer,
                part: "kernel",
                attribute: "kernel_quantizer",
                values: cell.kernel.view().into_dyn(),
                reach: Reach::Weights(operand),
            },
            cell.kernel_quantizer.as_ref(),
            ("weight", chosen.weight),
            input_bias,
        )?;
        let state = self.matrix(
            builder,
            Parameter {
                layer: self.layer,
                part: "recurrent kernel",
                attribute: "recurrent_quantizer",
                values: cell.recurrent_kernel.view().into_dyn(),
                reach: Reach::Weights(operand),
            },
            cell.recurrent_quantizer.as_ref(),
            ("recurrent_weight", chosen.recurrent_weight),
            state_bias,
        )?;
        Ok(Weights { input, state })
    }

    fn matrix(
        &self,
        builder: &mut Builder<'_>,
        kernel: Parameter<'_>,
        quantizer: Option<&Quantizer>,
        (key, configured): (&'static str, Option<Quantization>),
        bias: Option<Constant>,
    ) -> Result<Matrix, LowerError> {
        let (weights, scale) = match quantizer {
            Some(quantizer) => {
                let keys = [key, kernel.attribute];
                let (weights, scale) = kernel.factored(builder, &quantizer.in_kernel())?;
                warn_if_overruled(builder, self.layer, keys, configured, &weights)?;
                (weights, scale)
            }
            None => {
                let precision = configured.unwrap_or(builder.settings.precision);
                let values = kernel.values.mapv(f64::from);
                let names = ParameterName::with_key(kernel.part, TypedVariable::Weight, key);
                (cast_values(builder, self.layer, names, &values, &precision)?, None)
            }
        };
        Ok(Matrix { weights, scale: scale.map(Array1::into_dyn), bias })
    }

    /// The biases of the products of the input and of those of the state, with the `configured` types.
    fn biases(
        &self,
        builder: &mut Builder<'_>,
        configured: [Option<Quantization>; 2],
    ) -> Result<[Option<Constant>; 2], LowerError> {
        let mut biases = [None, None];
        let Some(bias) = &self.cell.bias else { return Ok(biases) };
        let keys = ["bias", "recurrent_bias"];
        let quantized = match &self.cell.bias_quantizer {
            // One quantizer for both rows, which may have one scale. QKeras quantizes a single row as
            // a vector.
            Some(quantizer) => {
                let values = bias.view().into_dyn();
                let row = if bias.nrows() == 1 { bias.row(0).into_dyn() } else { values.clone() };
                let quantized = quantizer.quantize(&row).map_err(|error| {
                    let (layer, part) = (self.layer.to_owned(), "bias_quantizer");
                    LowerError::Quantizer { layer, part, error }
                })?;
                let quantized = quantized.into_shape_with_order(values.raw_dim());
                Some(quantized.expect("a row has the elements of the matrix"))
            }
            None => None,
        };
        for (row, constant) in biases.iter_mut().enumerate().take(bias.nrows()) {
            *constant = Some(match &quantized {
                Some(values) => {
                    let values = values.index_axis(Axis(0), row).to_owned();
                    let bias = exact::exact(builder, self.layer, BIAS, &values, Reach::Bias)?;
                    let names = [keys[row], "bias_quantizer"];
                    warn_if_overruled(builder, self.layer, names, configured[row], &bias)?;
                    bias
                }
                None => {
                    let precision = configured[row].unwrap_or(builder.settings.precision);
                    let values = bias.row(row).mapv(f64::from).into_dyn();
                    let names = ParameterName::with_key(BIAS, TypedVariable::Bias, keys[row]);
                    cast_values(builder, self.layer, names, &values, &precision)?
                }
            });
        }
        Ok(biases)
    }

    /// `x` · `matrix`, at full precision.
    fn products(
        &self,
        builder: &mut Builder<'_>,
        part: &str,
        matrix: &Matrix,
        x: NodeId,
    ) -> Result<NodeId, LowerError> {
        let Matrix { weights, scale, bias } = matrix.clone();
        let (inner, outer) = if scale.is_none() { (bias, None) } else { (None, bias) };
        let linear = Linear { weights, bias: inner };
        let node = builder.add(self.layer, part, linear.clone(), x)?;
        let node = average::rounded_sums(builder, self.layer, node, (x, &linear))?;
        let Some(scale) = scale else { return Ok(node) };
        let chosen = builder.settings.layer(self.layer).and_then(|chosen| chosen.scale);
        let names = (self.layer, SCALE);
        let scale = real_or_cast(builder, names, &scale, chosen, Reach::Scale(node))?;
        let part = format!("{part}_scaled");
        builder.add(self.layer, &part, Affine { scale, bias: outer }, node)
    }

    /// The way in which a state reaches the next step.
    pub(super) fn carried(&self, builder: &Builder<'_>, state: usize) -> Carried<'_> {
        match &self.cell.state_quantizer {
            Some(quantizer) => Carried::Quantized(quantizer),
            None => match self.stated(builder) {
                None if self.cell.is_bounded(state) => Carried::Exact,
                Some(_) | None => Carried::Typed,
            },
        }
    }

    /// The type under `state`.
    fn stated(&self, builder: &Builder<'_>) -> Option<Quantization> {
        builder.settings.layer(self.layer)?.cells[self.direction].state
    }

    /// The type of a state that grows at each step.
    fn state_type(&self, builder: &Builder<'_>) -> Quantization {
        self.types(builder).state.unwrap_or(builder.settings.precision)
    }

    /// `x` in the type of a state.
    fn in_state_type(
        &self,
        builder: &mut Builder<'_>,
        part: &str,
        x: NodeId,
    ) -> Result<NodeId, LowerError> {
        let to = Some(self.state_type(builder));
        let result = TypedResult::of_layer(builder, self.layer);
        let is_result = self.stated(builder).is_none() && result.to.is_some();
        let key = if is_result { "result" } else { "state" };
        TypedResult { to, key, ..result }.apply(builder, part, x)
    }

    /// The state `x` as the next step reads it.
    pub(super) fn carry(
        &self,
        builder: &mut Builder<'_>,
        state: usize,
        part: &str,
        x: NodeId,
    ) -> Result<NodeId, LowerError> {
        let carried = self.carried(builder, state);
        let part = format!("{part}_{}", self.cell.kind.states()[state]);
        builder.named(&part, |builder| match carried {
            Carried::Quantized(quantizer) => quantize(builder, self.scope(), x, quantizer),
            Carried::Exact => Ok(x),
            Carried::Typed => self.in_state_type(builder, "state", x),
        })
    }

    /// The states after a step that takes the row `x` of products, before they are carried on. The
    /// first one is the output.
    pub(super) fn outputs(
        &self,
        builder: &mut Builder<'_>,
        weights: &Weights,
        x: NodeId,
        states: &[NodeId],
    ) -> Result<Vec<NodeId>, LowerError> {
        match (self.cell.kind, states) {
            (CellKind::Simple, [h]) => {
                let products = self.products(builder, "recurrent", &weights.state, *h)?;
                let sum = self.pair(builder, "sum", Elementwise::Add, x, products)?;
                let h = self.candidate(builder, "new_h", sum)?;
                Ok(vec![self.typed(builder, h)?])
            }
            (CellKind::Lstm, [h, c]) => self.lstm(builder, weights, x, [*h, *c]),
            (CellKind::Gru { reset_after }, [h]) => {
                Ok(vec![self.gru(builder, weights, x, *h, reset_after)?])
            }
            (CellKind::Simple | CellKind::Lstm | CellKind::Gru { .. }, _) => {
                Err(LowerError::Inputs { layer: self.layer.to_owned() })
            }
        }
    }

    fn lstm(
        &self,
        builder: &mut Builder<'_>,
        weights: &Weights,
        x: NodeId,
        [h, c]: [NodeId; 2],
    ) -> Result<Vec<NodeId>, LowerError> {
        let products = self.products(builder, "recurrent", &weights.state, h)?;
        let sum = self.pair(builder, "sum", Elementwise::Add, x, products)?;
        let input = self.gate(builder, "input_gate", sum, 0)?;
        let forget = self.gate(builder, "forget_gate", sum, 1)?;
        let candidate = self.part(builder, "candidate", sum, 2, 1)?;
        let candidate = self.candidate(builder, "candidate", candidate)?;
        let output = self.gate(builder, "output_gate", sum, 3)?;
        let kept = self.pair(builder, "kept", Elementwise::Multiply, forget, c)?;
        let added = self.pair(builder, "added", Elementwise::Multiply, input, candidate)?;
        let c = self.pair(builder, "new_c", Elementwise::Add, kept, added)?;
        let c = self.typed(builder, c)?;
        let activated = self.candidate(builder, "c", c)?;
        let h = self.pair(builder, "new_h", Elementwise::Multiply, output, activated)?;
        Ok(vec![self.typed(builder, h)?, c])
    }

    fn gru(
        &self,
        builder: &mut Builder<'_>,
        weights: &Weights,
        x: NodeId,
        h: NodeId,
        reset_after: bool,
    ) -> Result<NodeId, LowerError> {
        let units = self.cell.units();
        let (gates, last) =
            (weights.state.columns(0, 2 * units), weights.state.columns(2 * units, units));
        let products = self.products(builder, "recurrent", &gates, h)?;
        let of_input = self.part(builder, "gates", x, 0, 2)?;
        let sum = self.pair(builder, "sum", Elementwise::Add, of_input, products)?;
        let update = self.gate(builder, "update_gate", sum, 0)?;
        let reset = self.gate(builder, "reset_gate", sum, 1)?;
        let of_input = self.part(builder, "candidate", x, 2, 1)?;
        let products = if reset_after {
            let products = self.products(builder, "candidate_recurrent", &last, h)?;
            self.pair(builder, "reset", Elementwise::Multiply, reset, products)?
        } else {
            let reset = self.pair(builder, "reset", Elementwise::Multiply, reset, h)?;
            self.products(builder, "candidate_recurrent", &last, reset)?
        };
        let sum = self.pair(builder, "candidate_sum", Elementwise::Add, of_input, products)?;
        let candidate = self.candidate(builder, "candidate", sum)?;
        let kept = self.pair(builder, "kept", Elementwise::Multiply, update, h)?;
        let rest = Affine { scale: self.constant(-1.0)?, bias: Some(self.constant(1.0)?) };
        let rest = builder.add(self.layer, "rest", rest, update)?;
        let added = self.pair(builder, "added", Elementwise::Multiply, rest, candidate)?;
        let h = self.pair(builder, "new_h", Elementwise::Add, kept, added)?;
        self.typed(builder, h)
    }

    /// Blocks of units of a row: from block `first`, so many.
    fn part(
        &self,
        builder: &mut Builder<'_>,
        part: &str,
        x: NodeId,
        first: usize,
        blocks: usize,
    ) -> Result<NodeId, LowerError> {
        let units = self.cell.units();
        let slice = AxisSlice { start: first * units, step: 1, count: blocks * units };
        let slice = [Layout::Slice(vec![slice])];
        builder.named(part, |builder| gather(builder, self.layer, "sums", x, &slice))
    }

    /// The gate `gate` of the sums `x`.
    fn gate(
        &self,
        builder: &mut Builder<'_>,
        name: &str,
        x: NodeId,
        gate: usize,
    ) -> Result<NodeId, LowerError> {
        let x = self.part(builder, name, x, gate, 1)?;
        let function = &self.cell.recurrent_activation;
        builder.named(name, |builder| activate(builder, self.scope(), x, function))
    }

    /// The activation of `x`.
    fn candidate(
        &self,
        builder: &mut Builder<'_>,
        name: &str,
        x: NodeId,
    ) -> Result<NodeId, LowerError> {
        let function = &self.cell.activation;
        builder.named(name, |builder| activate(builder, self.scope(), x, function))
    }

    /// `x` in the type of the states of a layer without quantizers, whose outputs are its states.
    fn typed(&self, builder: &mut Builder<'_>, x: NodeId) -> Result<NodeId, LowerError> {
        if !self.cell.is_plain() {
            return Ok(x);
        }
        self.in_state_type(builder, "typed", x)
    }

    fn pair(
        &self,
        builder: &mut Builder<'_>,
        part: &str,
        function: Elementwise,
        one: NodeId,
        other: NodeId,
    ) -> Result<NodeId, LowerError> {
        builder.add_to(self.layer, part, function, &[one, other])
    }
}
