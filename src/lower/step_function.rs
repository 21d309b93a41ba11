//! Tabulates step functions of real numbers: thresholds among the operand's codes.

use std::rc::Rc;

use num_bigint::BigInt;

use super::LowerError;
use super::activation::NodeScope;
use super::builder::Builder;
use super::parameters::vector;
use super::result::{TypedResult, overflowing, unlimited};
use crate::fixed::{Overflow, Quantization, Range, cast_real, ceil_code, changes, code_value};
use crate::function::Function;
use crate::ir::{Constant, NodeId, StepFunction};
use crate::quantizer::Quantizer;

/// Maximum number of steps of a function: one for each code of 16 bits.
pub(super) const MAX_STEPS: usize = 1 << 16;

/// A function of real numbers whose values on the operand's codes form a step function.
#[derive(Clone, PartialEq)]
pub(super) struct RealStepFunction {
    pub(super) real: RealFunction,
    /// Type of its values; `None` if they have an exact common format.
    pub(super) to: Option<Quantization>,
}

/// A function of real numbers, monotone between its breakpoints.
#[derive(Clone, PartialEq)]
pub(super) enum RealFunction {
    Quantizer(Quantizer),
    Function(Function),
    /// A monotone quantizer of a function.
    QuantizerOf(Quantizer, Function),
}

impl RealFunction {
    /// Returns the name in messages.
    fn name(&self) -> String {
        match self {
            Self::Quantizer(quantizer) => quantizer.to_string(),
            Self::Function(function) => function.to_string(),
            Self::QuantizerOf(quantizer, function) => format!("{quantizer} of {function}"),
        }
    }

    fn value(&self, x: f64) -> f64 {
        match self {
            Self::Quantizer(quantizer) => quantizer.apply(x),
            // A zero has no sign in fixed point.
            Self::Function(function) => function.value(x) + 0.0,
            Self::QuantizerOf(quantizer, function) => quantizer.apply(function.value(x)),
        }
    }

    /// Returns the breakpoints, ascending; see [`Quantizer::breakpoints`].
    fn breakpoints(&self) -> Vec<f64> {
        match self {
            Self::Quantizer(quantizer) => quantizer.breakpoints(),
            Self::Function(function) | Self::QuantizerOf(_, function) => function.breakpoints(),
        }
    }
}

/// Tables of functions in the bodies of recurrent layers. A body is lowered anew for each trial of the
/// types of its states and for each result of its layer, mostly with the same tables.
#[derive(Default)]
pub(super) struct KnownTables(Vec<(RealStepFunction, i32, Range, Rc<Table>)>);

impl KnownTables {
    fn find(&self, function: &RealStepFunction, operand: (i32, &Range)) -> Option<Rc<Table>> {
        let is_it = |(known, fraction, range, _): &&(RealStepFunction, i32, Range, Rc<Table>)| {
            (*fraction, range) == operand && known == function
        };
        self.0.iter().find(is_it).map(|(.., table)| Rc::clone(table))
    }
}

/// A step function of codes.
struct Table {
    thresholds: Vec<BigInt>,
    values: Constant,
    overflow: Option<Overflowing>,
}

/// Values that the type of a function does not hold.
struct Overflowing {
    /// All values without a limit, in LSB of the type.
    reached: Range,
    /// The operand's codes with such a value.
    over: Vec<Range>,
    to: Quantization,
}

/// `function` of `x` as a step function. Its thresholds are the codes of `x` at which the value
/// changes, found by bisection over the proven range between each two breakpoints.
pub(super) fn lower(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    part: &str,
    x: NodeId,
    function: &RealStepFunction,
) -> Result<NodeId, LowerError> {
    let operand = builder.tensor(x).clone();
    let (fraction, range) = (operand.format.fractional_bits(), operand.range());
    let table = match builder.tables.find(function, (fraction, &range)) {
        Some(table) => table,
        None => {
            let table = Rc::new(Table::of(scope, function, fraction, range.clone())?);
            if builder.is_body() {
                let known = (function.clone(), fraction, range, Rc::clone(&table));
                builder.tables.0.push(known);
            }
            table
        }
    };
    let thresholds = Constant { codes: vector(table.thresholds.clone()), format: operand.format };
    let values = table.values.clone();
    let node = builder.add(scope.layer, part, StepFunction { thresholds, values }, x)?;
    if let Some(Overflowing { reached, over, to }) = &table.overflow {
        let entry = TypedResult::of_activation(builder, scope, &function.real.name());
        let entry = TypedResult { to: Some(*to), ..entry };
        entry.warn(builder, node, (reached, to.format.fractional_bits()), over.clone());
    }
    Ok(node)
}

impl Table {
    /// Tabulates `function` over the codes in `range` with so many fractional bits.
    fn of(
        scope: NodeScope<'_>,
        function: &RealStepFunction,
        fraction: i32,
        range: Range,
    ) -> Result<Self, LowerError> {
        let RealStepFunction { real, to } = function;
        let breakpoints = real.breakpoints();
        let domain = Domain { fraction, range, breakpoints: &breakpoints };
        let value = |code: &BigInt| real.value(code_value(code, fraction));
        let too_many = || LowerError::TooManySteps {
            layer: scope.layer.into(),
            function: real.name(),
            limit: MAX_STEPS,
        };
        let not_finite =
            |value| LowerError::NotFinite { layer: scope.layer.into(), part: "activation", value };
        let Some(to) = to else {
            let (thresholds, values) = domain.tabulate(value).ok_or_else(too_many)?;
            let values = ndarray::Array1::from_vec(values).into_dyn();
            let values =
                Constant::covering(values.view()).map_err(|error| scope.constant_error(error))?;
            return Ok(Self { thresholds, values, overflow: None });
        };
        let unlimited = unlimited(to).map_err(scope.format_error("activation"))?;
        // An exponential may exceed the doubles; every type saturates or wraps long before.
        let finite = |code: &BigInt| value(code).clamp(f64::MIN, f64::MAX);
        let held = to.held();
        let is_over = |code: &BigInt| code < held.low() || code > held.high();
        let exact = |code: &BigInt| cast_real(finite(code), &unlimited);
        // Wrapped codes are not monotone, so bisection also compares those without a limit. Beyond a
        // type that saturates, they do not matter.
        let wraps = matches!(to.overflow, Overflow::Wrap { .. });
        let beyond = [held.low() - BigInt::from(1), held.high() + BigInt::from(1)];
        let both = |code: &BigInt| {
            let exact = exact(code)?;
            let [low, high] = beyond.clone();
            let exact = if wraps { exact } else { exact.clamp(low, high) };
            Some((exact, cast_real(finite(code), to)?))
        };
        let (thresholds, codes) = domain.tabulate(both).ok_or_else(too_many)?;
        let codes: Option<Vec<_>> = codes.into_iter().collect();
        let codes = codes.ok_or_else(|| not_finite(f64::NAN))?;
        let ends: Option<Vec<BigInt>> = domain.ends().iter().map(exact).collect();
        let ends = ends.ok_or_else(|| not_finite(f64::NAN))?;
        let exact = codes.iter().map(|(exact, _)| exact.clone());
        let starts = [domain.range.low().clone()].into_iter().chain(thresholds.iter().cloned());
        let over = overflowing(starts.zip(exact), domain.range.high(), is_over);
        let ends = ends.iter().min().cloned().zip(ends.iter().max().cloned());
        let reached = ends.map(|(low, high)| Range::new(low, high));
        let overflow = reached.map(|reached| Overflowing { reached, over, to: *to });
        let codes = codes.into_iter().map(|(_, code)| code);
        let (thresholds, codes) = merged(thresholds, codes);
        let values = Constant { codes: vector(codes), format: to.format };
        Ok(Self { thresholds, values, overflow })
    }
}

/// Steps without thresholds at which the value does not change.
fn merged(
    thresholds: Vec<BigInt>,
    mut values: impl Iterator<Item = BigInt>,
) -> (Vec<BigInt>, Vec<BigInt>) {
    let mut kept = (Vec::new(), Vec::from_iter(values.next()));
    for (threshold, value) in thresholds.into_iter().zip(values) {
        if kept.1.last() != Some(&value) {
            kept.0.push(threshold);
            kept.1.push(value);
        }
    }
    kept
}

/// The operand's codes and the breakpoints of the function.
struct Domain<'f> {
    fraction: i32,
    range: Range,
    breakpoints: &'f [f64],
}

impl Domain<'_> {
    /// Thresholds and values of a function; `None` if it has more than [`MAX_STEPS`].
    fn tabulate<V: PartialEq + Clone>(
        &self,
        value: impl Fn(&BigInt) -> V,
    ) -> Option<(Vec<BigInt>, Vec<V>)> {
        let mut steps = Steps { thresholds: vec![], values: vec![value(self.range.low())] };
        for (start, end) in self.sections() {
            steps.push(&start, &value(&start))?;
            for (code, value) in changes(start, end, MAX_STEPS, &value)? {
                steps.push(&code, &value)?;
            }
        }
        Some((steps.thresholds, steps.values))
    }

    /// The first and the last code of each section in which the function is monotone.
    fn sections(&self) -> Vec<(BigInt, BigInt)> {
        let (low, high) = (self.range.low(), self.range.high());
        // A breakpoint that is not finite has no code and lies beyond the range.
        let breakpoints = self.breakpoints.iter().filter_map(|x| ceil_code(*x, self.fraction));
        let mut starts: Vec<BigInt> =
            breakpoints.filter(|code| code > low && code <= high).collect();
        starts.dedup();
        let ends = starts.iter().map(|start| start - BigInt::from(1)).chain([high.clone()]);
        let ends: Vec<BigInt> = ends.collect();
        [low.clone()].into_iter().chain(starts).zip(ends).collect()
    }

    /// The codes between which a monotone function has all of its values.
    fn ends(&self) -> Vec<BigInt> {
        self.sections().into_iter().flat_map(|(start, end)| [start, end]).collect()
    }
}

/// Steps found so far.
struct Steps<V> {
    thresholds: Vec<BigInt>,
    values: Vec<V>,
}

impl<V: PartialEq + Clone> Steps<V> {
    /// Adds a step to `value` at `code`; `None` if there are too many steps.
    fn push(&mut self, code: &BigInt, value: &V) -> Option<()> {
        if self.values.last() == Some(value) {
            return Some(());
        }
        self.thresholds.push(code.clone());
        self.values.push(value.clone());
        (self.values.len() <= MAX_STEPS).then_some(())
    }
}
