//! Recurrent layers: a [`Scan`] whose body is the cell.
//!
//! The products of the input with the kernel do not depend on the state: they are one operation for
//! all steps, and the scan takes a row of them in each step. The body has the equations of the cell
//! in the order of QKeras' `qrecurrent.py`. The state that it keeps is the quantized one, which is
//! all that the next step reads.

mod parameters;

use petgraph::graph::NodeIndex;

pub(super) use self::parameters::Weights;
use super::activation::{NodeScope, activate, quantize};
use super::builder::Builder;
use super::layout::{concat, gather};
use super::merge;
use super::result::TypedResult;
use super::state::{Carried, States, closed};
use super::{LowerError, LowerWarning};
use crate::fixed::{FormatError, Quantization, fits};
use crate::ir::{Affine, Constant, Elementwise, Graph, NodeId, Scan, Tensor};
use crate::model::{
    AxisSlice, Bidirectional, Cell, CellKind, Directions, Layer, Layout, Recurrent, RecurrentResult,
};

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
