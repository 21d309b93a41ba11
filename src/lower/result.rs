//! Result precision: applies the configured type of a result.
//!
//! As in hls4ml, a layer of any family has up to two such types: `result` of `fc1` is that of its
//! own operation, `result` of `fc1_relu` that of the activation fused into it. A type that cannot
//! hold the proven range is applied all the same, with a warning.

use ndarray::ArrayD;
use num_bigint::BigInt;

use super::LowerError;
use super::activation::{NodeScope, activate};
use super::builder::Builder;
use super::overflow::PrecisionOverflow;
use crate::fixed::{
    Format, FormatError, MAX_WIDTH, Overflow, Quantization, Range, cast, changes, exact_code, fits,
    fractional_bits,
};
use crate::ir::{Cast, NodeId};
use crate::model::Activation;

/// A result with a type of its own.
pub(super) struct TypedResult<'a> {
    pub(super) layer: &'a str,
    /// Name in a configuration.
    pub(super) name: String,
    /// The configured type.
    pub(super) to: Option<Quantization>,
    /// Its key under `Precision`.
    pub(super) key: &'static str,
}

impl<'a> TypedResult<'a> {
    /// The result of the operation of `layer`, before a fused activation.
    pub(super) fn of_layer(builder: &Builder<'_>, layer: &'a str) -> Self {
        let to = builder.settings.layer(layer).and_then(|settings| settings.result);
        Self { layer, name: layer.to_owned(), to, key: "result" }
    }

    /// The result of `layer` with `norm` folded into it, which has the type of `norm`. The two are
    /// one layer if nothing is folded.
    pub(super) fn of_folded(builder: &Builder<'_>, layer: &'a str, norm: &'a str) -> Self {
        Self { layer, ..Self::of_layer(builder, norm) }
    }

    /// The result of the activation `function`: of the layer, or fused into it.
    pub(super) fn of_activation(
        builder: &Builder<'_>,
        scope: NodeScope<'a>,
        function: &str,
    ) -> Self {
        if !scope.is_fused {
            return Self::of_layer(builder, scope.layer);
        }
        let to = builder.settings.layer(scope.layer).and_then(|settings| settings.activation);
        let function = function.split_once('(').map_or(function, |(bare, _)| bare);
        Self { layer: scope.layer, name: format!("{}_{function}", scope.layer), to, key: "result" }
    }

    /// The same result, of type `default` unless it has a configured one.
    pub(super) fn or(self, default: Option<Quantization>) -> Self {
        Self { to: self.to.or(default), ..self }
    }

    /// `x` in the type of the result.
    pub(super) fn apply(
        &self,
        builder: &mut Builder<'_>,
        part: &str,
        x: NodeId,
    ) -> Result<NodeId, LowerError> {
        let Some(to) = self.to else { return Ok(x) };
        let (range, from) = (builder.tensor(x).range(), builder.tensor(x).format);
        let unlimited = unlimited(&to).map_err(|error| LowerError::Format {
            layer: self.layer.into(),
            part: "result",
            error,
        })?;
        let held = to.held();
        let side = |code: &BigInt| {
            let code = cast(code, from.fractional_bits(), &unlimited);
            if code < *held.low() { -1 } else { i32::from(code > *held.high()) }
        };
        let [low, high] = [range.low(), range.high()];
        let changes = changes(low.clone(), high.clone(), 2, side);
        let changes =
            changes.expect("rounding is monotone, so codes lie below, in and above a type");
        let steps = [(low.clone(), side(low))].into_iter().chain(changes);
        let overflowing = overflowing(steps, high, |side| *side != 0);
        if overflowing.is_empty() && from == to.format {
            return Ok(x);
        }
        let node = builder.add(self.layer, part, Cast::from(to), x)?;
        self.warn(builder, node, (&range, from.fractional_bits()), overflowing);
        Ok(node)
    }

    /// Warns if the type does not hold the results of `node` for the operand codes `overflowing`.
    /// Before the type is applied, the results have the range `range` with `fraction` fractional
    /// bits.
    pub(super) fn warn(
        &self,
        builder: &mut Builder<'_>,
        node: NodeId,
        (range, fraction): (&Range, i32),
        overflowing: Vec<Range>,
    ) {
        let Some(precision) = self.to.filter(|_| !overflowing.is_empty()) else { return };
        let node = builder.graph()[node].name.clone();
        builder.warn_of_overflow(PrecisionOverflow {
            layer: self.layer.to_owned(),
            entry: self.name.clone(),
            variable: self.key,
            precision,
            range: range.clone(),
            fraction,
            nodes: vec![(node, overflowing)],
        });
    }
}

/// Warns if `to` cannot hold `values`, those of `variable` of `layer`, which are finite.
pub(super) fn check_parameter(
    builder: &mut Builder<'_>,
    layer: &str,
    variable: &'static str,
    values: &ArrayD<f64>,
    to: &Quantization,
) {
    let mut ends: Vec<f64> = values.iter().copied().collect();
    ends.sort_unstable_by(f64::total_cmp);
    let [Some(low), Some(high)] = [ends.first(), ends.last()] else { return };
    let fraction = [low, high].into_iter().filter_map(|end| fractional_bits(*end)).max();
    let fraction = fraction.unwrap_or(0);
    let code = |end| exact_code(end, fraction).expect("both ends have these fractional bits");
    let range = Range::new(code(*low), code(*high));
    if !fits(&range, fraction, to) {
        builder.warn_of_overflow(PrecisionOverflow {
            layer: layer.to_owned(),
            entry: layer.to_owned(),
            variable,
            precision: *to,
            range,
            fraction,
            nodes: Vec::new(),
        });
    }
}

/// `to` with so many integer bits that only values far beyond any type are limited.
pub(super) fn unlimited(to: &Quantization) -> Result<Quantization, FormatError> {
    let format = Format::signed(MAX_WIDTH, MAX_WIDTH as i32 - to.format.fractional_bits())?;
    Ok(Quantization::new(format, to.rounding, Overflow::Sat))
}

/// Ranges of operand codes of the `steps` that satisfy `is_over`. A step is its first code and
/// value; the last step ends at `high`.
pub(super) fn overflowing<V>(
    steps: impl IntoIterator<Item = (BigInt, V)>,
    high: &BigInt,
    is_over: impl Fn(&V) -> bool,
) -> Vec<Range> {
    let mut steps = steps.into_iter().peekable();
    let mut ranges = Vec::new();
    while let Some((first, value)) = steps.next() {
        let last = steps.peek().map_or_else(|| high.clone(), |(next, _)| next - 1);
        if is_over(&value) {
            ranges.push(Range::new(first, last));
        }
    }
    ranges
}

/// The node that holds `activation` of `x`, in the configured type of its result.
pub(super) fn fused(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    x: NodeId,
    activation: &Activation,
) -> Result<NodeId, LowerError> {
    let node = activate(builder, scope, x, activation)?;
    let name = match activation {
        Activation::Linear => "linear".to_owned(),
        // A softmax operation includes its result type.
        Activation::Softmax => return Ok(node),
        Activation::Function(function) => function.to_string(),
        Activation::Quantizer(quantizer) => quantizer.to_string(),
    };
    TypedResult::of_activation(builder, scope, &name).apply(builder, "result", node)
}
