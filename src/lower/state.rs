//! The types of the states of a recurrent layer: the least that holds them at every step.
//!
//! A body infers the types of the next states from those of the states. Its types grow with those of
//! its operands, so a type that holds the initial state and the next one holds the state of every
//! step. It is searched from below: the states of the first steps, then the whole format of each,
//! and last the ranges that the body gives for this format.

use ndarray::ArrayD;

use super::LowerError;
use super::activation::cast;
use super::builder::{Builder, Mark};
use super::recurrent::{Step, Weights};
use crate::fixed::{Codes, Format, Overflow, Quantization, Range, Rounding};
use crate::ir::{Constant, Graph, NodeId, Tensor, row_of};
use crate::quantizer::Quantizer;

/// Number of steps whose states are tried before whole formats.
const STEPS: usize = 3;

/// Number of types that are tried.
const MAX_TRIALS: usize = 8;

/// The way in which a state reaches the next step.
#[derive(Clone, Copy)]
pub(super) enum Carried<'q> {
    /// Quantized.
    Quantized(&'q Quantizer),
    /// Exact, because quantizers make it.
    Exact,
    /// In the configured type.
    Typed,
}

/// A body whose states are closed, and their initial values.
pub(super) struct States {
    pub(super) body: Graph,
    /// Constants; none if the states start from nodes.
    pub(super) initial: Vec<Constant>,
    /// The nodes from which the states start.
    pub(super) starts: Vec<NodeId>,
}

/// The body of `step` for rows of `products`, with states that hold themselves.
///
/// # Errors
/// If a state grows at each step, or its quantizer is none of single values.
pub(super) fn closed(
    builder: &mut Builder<'_>,
    step: &Step<'_>,
    weights: &Weights,
    products: NodeId,
    starts: &[NodeId],
) -> Result<States, LowerError> {
    let names = step.cell.kind.states();
    if let Some(Err(error)) = step.cell.state_quantizer.as_ref().map(Quantizer::stages) {
        let (layer, part) = (step.layer.to_owned(), "state_quantizer");
        return Err(LowerError::Quantizer { layer, part, error });
    }
    let mark = builder.mark();
    let constants = (0..names.len()).map(|state| starting(builder, step, state));
    let first: Vec<Tensor> = match starts {
        [] => constants.collect::<Result<_, _>>()?,
        starts => starts.iter().map(|start| builder.tensor(*start).clone()).collect(),
    };
    let mut states = first.clone();
    for trial in 0..MAX_TRIALS {
        let (_, next) = attempt(builder, &mark, step, weights, products, &states)?;
        if holds(&states, &next) {
            // The ranges of a whole format may be less.
            let narrower = hulls(step, &first, &next)?;
            let (again, next) = attempt(builder, &mark, step, weights, products, &narrower)?;
            if holds(&narrower, &next) {
                return finished(builder, step, again, &narrower, starts);
            }
            let (found, _) = attempt(builder, &mark, step, weights, products, &states)?;
            return finished(builder, step, found, &states, starts);
        }
        states = hulls(step, &states, &next)?;
        if trial >= STEPS {
            for state in &mut states {
                *state = Tensor::full(state.shape.clone(), state.format);
            }
        }
    }
    Err(LowerError::State { layer: step.layer.to_owned(), states: names.join(" and ") })
}

/// The states of a body that is closed for `states`.
fn finished(
    builder: &mut Builder<'_>,
    step: &Step<'_>,
    body: Graph,
    states: &[Tensor],
    starts: &[NodeId],
) -> Result<States, LowerError> {
    if starts.is_empty() {
        let initial = initial(builder, step, states);
        return Ok(States { body, initial, starts: Vec::new() });
    }
    let mut refined = Vec::with_capacity(starts.len());
    for (start, state) in starts.iter().zip(states) {
        refined.push(self::refined(builder, step, *start, state)?);
    }
    Ok(States { body, initial: Vec::new(), starts: refined })
}

/// `node` with the fractional bits of `state`, of which it may have less.
fn refined(
    builder: &mut Builder<'_>,
    step: &Step<'_>,
    node: NodeId,
    state: &Tensor,
) -> Result<NodeId, LowerError> {
    let tensor = builder.tensor(node);
    let (from, fraction) = (tensor.format.fractional_bits(), state.format.fractional_bits());
    if from >= fraction {
        return Ok(node);
    }
    // The state may be too narrow yet: a cast that wraps would hide it.
    let range = tensor.range().refined(fraction.abs_diff(from));
    let format = match state.format.codes().contains(&range) {
        true => state.format,
        false => Format::covering(&range, fraction).map_err(|error| step.format_error(error))?,
    };
    let to = Quantization::new(format, Rounding::Trn, Overflow::WRAP);
    cast(builder, step.layer, "refined", node, &to)
}

fn holds(states: &[Tensor], next: &[Tensor]) -> bool {
    states.iter().zip(next).all(|(state, next)| state.contains(next).is_ok())
}

/// The body for these types of the states, and the types of the next ones. Names and messages of the
/// attempts before are forgotten.
fn attempt(
    builder: &mut Builder<'_>,
    mark: &Mark,
    step: &Step<'_>,
    weights: &Weights,
    products: NodeId,
    states: &[Tensor],
) -> Result<(Graph, Vec<Tensor>), LowerError> {
    builder.rewind(mark);
    let row = row_of(builder.tensor(products));
    let known = builder.quotients_of(products);
    let names = step.cell.kind.states();
    builder.body(step.layer, |builder| {
        let x = builder.body_input(step.layer, "row", row);
        builder.quotients.extend(known.map(|known| (x, known)));
        let inputs = names.iter().zip(states);
        let inputs: Vec<NodeId> = inputs
            .map(|(name, state)| builder.body_input(step.layer, name, state.clone()))
            .collect();
        let outputs = step.outputs(builder, weights, x, &inputs)?;
        if let Some(output) = outputs.get(step.shown) {
            builder.body_output(*output);
        }
        let mut next = Vec::with_capacity(states.len());
        for (at, (state, output)) in states.iter().zip(&outputs).enumerate() {
            let node = step.carry(builder, at, "next", *output)?;
            let node = refined(builder, step, node, state)?;
            builder.body_output(node);
            next.push(builder.tensor(node).clone());
        }
        Ok(next)
    })
}

/// The value of a state before the first step.
fn start(step: &Step<'_>, builder: &Builder<'_>, state: usize) -> f64 {
    match step.carried(builder, state) {
        Carried::Quantized(quantizer) => quantizer.apply(0.0),
        Carried::Exact | Carried::Typed => 0.0,
    }
}

/// The type of a state before the first step.
fn starting(builder: &Builder<'_>, step: &Step<'_>, state: usize) -> Result<Tensor, LowerError> {
    let value = step.constant(start(step, builder, state))?;
    let code = value.code_at(0);
    let (range, fraction) = (Range::point(code), value.format.fractional_bits());
    Tensor::covering(vec![step.cell.units()], fraction, vec![range])
        .map_err(|error| step.format_error(error))
}

/// The initial values of all states, in their types.
fn initial(builder: &Builder<'_>, step: &Step<'_>, states: &[Tensor]) -> Vec<Constant> {
    let one = |(at, state): (usize, &Tensor)| {
        let fraction = state.format.fractional_bits();
        let values = ArrayD::from_elem(state.shape.clone(), start(step, builder, at));
        let codes = Codes::from_values(&values.view(), fraction);
        let codes = codes.expect("a state has the fractional bits of its initial value");
        Constant { codes, format: state.format }
    };
    states.iter().enumerate().map(one).collect()
}

/// The least types that hold both of each pair.
fn hulls(step: &Step<'_>, states: &[Tensor], others: &[Tensor]) -> Result<Vec<Tensor>, LowerError> {
    states.iter().zip(others).map(|(one, other)| hull(step, one, other)).collect()
}

fn hull(step: &Step<'_>, one: &Tensor, other: &Tensor) -> Result<Tensor, LowerError> {
    let fraction = one.format.fractional_bits().max(other.format.fractional_bits());
    let refined = |tensor: &Tensor, range: &Range| {
        range.refined(fraction.abs_diff(tensor.format.fractional_bits()))
    };
    let count = one.ranges.len().max(other.ranges.len());
    let ranges = (0..count).map(|element| {
        refined(one, one.range_at(element)).hull(&refined(other, other.range_at(element)))
    });
    // A cast to the format of the state refines a coarser one, whose range is all that is left of it.
    let codes = |tensor: &Tensor| match tensor.format.fractional_bits() == fraction {
        true => tensor.format.codes(),
        false => refined(tensor, &tensor.range()),
    };
    let format = Format::covering(&codes(one).hull(&codes(other)), fraction);
    let format = format.map_err(|error| step.format_error(error))?;
    Ok(Tensor::new(one.shape.clone(), format, ranges.collect()))
}
