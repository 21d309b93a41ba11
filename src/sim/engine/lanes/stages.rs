//! The operations on single elements after a source, each as a loop over the lanes.

use ndarray::ArrayD;
use num_bigint::BigInt;
use num_traits::ToPrimitive;

use super::Lane;
use super::line::Line;
use super::thresholds::Thresholds;
use crate::fixed::{Codes, Conversion, Range};
use crate::ir::{Affine, Cast, Clamp, Graph, Leaky, LeakyAlignment, NodeId, Op, Operand, Tensor};

/// Largest table of an operation that is a few arithmetic instructions otherwise.
const SMALL_TABLE: usize = 1 << 12;

/// Largest table of a step function, which is a binary search otherwise.
const LARGE_TABLE: usize = 1 << 16;

/// Fewest parameters of a loop over channels: fewer are repeated.
const LOOP: usize = 64;

/// The stages after a source, in their order.
pub(super) struct Stages<T> {
    stages: Vec<Stage<T>>,
}

/// A function of each element. Parameters of channels repeat along the lanes, which begin with the
/// first channel.
enum Stage<T> {
    /// `max(low, min(x, high))`.
    Clamp { low: T, high: T },
    /// A cast to one type.
    Cast(Conversion<T>),
    /// A cast to a type for each channel, and the left shift of its result.
    CastEach(Vec<(Conversion<T>, u32)>),
    /// `x · scale + bias`.
    Affine { scale: Vec<T>, bias: Vec<T> },
    /// `x << operand` from the threshold on, `x · slope + bias` below.
    Leaky { threshold: T, operand: u32, bias: T, slopes: Vec<T> },
    /// A step function.
    Steps(Thresholds<T>),
    /// `values[x - low]`.
    Table { low: T, values: Vec<T> },
    /// Several operations as one line, rounded down and limited.
    Line(Line<T>),
}

impl<T: Lane> Stages<T> {
    /// The stages of the first nodes of `chain`, of which each takes the result of the one before, and
    /// the number of these nodes. The first one takes `x`.
    pub(super) fn compile(graph: &Graph, x: &Tensor, chain: &[NodeId]) -> (Self, usize) {
        let mut stages = Vec::new();
        let mut done = 0;
        let channels = x.channel_count();
        let mut x = x;
        while done < chain.len() {
            let rest = &chain[done..];
            let Some((stage, nodes)) = Stage::compile(graph, x, rest, channels) else { break };
            stages.extend(stage);
            done += nodes;
            x = &graph[chain[done - 1]].tensor;
        }
        (Self { stages }, done)
    }

    /// Computes all stages.
    #[inline(always)]
    pub(super) fn apply(&self, lanes: &mut [T]) {
        for stage in &self.stages {
            stage.apply(lanes);
        }
    }

    /// The stages in words, after those of the source.
    pub(super) fn describe(&self) -> String {
        let name = |stage: &Stage<T>| match stage {
            Stage::Clamp { .. } => "clamp",
            Stage::Cast(_) | Stage::CastEach(_) => "cast",
            Stage::Affine { .. } => "affine",
            Stage::Leaky { .. } => "leaky",
            Stage::Steps(_) => "steps",
            Stage::Table { .. } => "table",
            Stage::Line(line) => line.name(),
        };
        self.stages.iter().map(|stage| format!(", {}", name(stage))).collect()
    }
}

impl<T: Lane> Stage<T> {
    /// The stage of the first nodes of `chain` for operands `x`, and the number of these nodes; no stage
    /// for the same codes. `None` if `T` does not hold all codes, or the first operation is none on
    /// single elements of `channels`.
    fn compile(
        graph: &Graph,
        x: &Tensor,
        chain: &[NodeId],
        channels: usize,
    ) -> Option<(Option<Self>, usize)> {
        if !T::holds(&x.range()) {
            return None;
        }
        let is_by_channel = x.channel_count() == channels;
        let steps = Thresholds::fit(graph, x, chain, is_by_channel);
        let are_fast = steps.as_ref().is_some_and(|(steps, _)| steps.are_faster_than_table());
        if !are_fast && let Some((stage, nodes)) = table(graph, x, chain) {
            return Some((Some(stage), nodes));
        }
        if let Some((steps, nodes)) = steps {
            return Some((Some(Self::Steps(steps)), nodes));
        }
        let node = &graph[chain[0]];
        if !T::holds(&node.tensor.range()) {
            let line =
                Line::fit(graph, x, chain).filter(|(line, _)| is_by_channel || line.is_uniform());
            return line.map(|(line, nodes)| (Some(Self::Line(line.repeated(LOOP))), nodes));
        }
        let stage = match &node.op {
            Op::Scale(_) | Op::Reshape(_) => return Some((None, 1)),
            Op::Clamp(clamp) => Self::clamp(clamp)?,
            Op::Cast(cast) => Self::cast(cast, x, &node.tensor, is_by_channel)?,
            Op::Affine(affine) => {
                Self::affine(affine, x).filter(|_| is_by_channel || affine.is_uniform())?
            }
            Op::Leaky(leaky) => Self::leaky(leaky, x, is_by_channel)?,
            Op::Input(_)
            | Op::StepFunction(_)
            | Op::Linear(_)
            | Op::Conv(_)
            | Op::Softmax(_)
            | Op::Pool(_)
            | Op::Elementwise(_)
            | Op::Gather(_)
            | Op::Lookup(_)
            | Op::Concat(_)
            | Op::Scan(_) => return None,
        };
        Some((Some(stage), 1))
    }

    fn clamp(clamp: &Clamp) -> Option<Self> {
        // A limit beyond the type limits nothing.
        let limit = |limit: &Option<BigInt>, all: T| match limit {
            None => Some(all),
            Some(code) => {
                let code = code.clone().clamp(T::min_value().into(), T::max_value().into());
                Some(T::of(code.to_i64()?))
            }
        };
        let (low, high) = (limit(&clamp.low, T::min_value())?, limit(&clamp.high, T::max_value())?);
        Some(Self::Clamp { low, high })
    }

    fn cast(cast: &Cast, x: &Tensor, y: &Tensor, is_by_channel: bool) -> Option<Self> {
        let fraction = x.format.fractional_bits();
        if let Some(to) = cast.uniform() {
            return Conversion::within(fraction, &to, &x.range()).map(Self::Cast);
        }
        let types = cast.types_of(x).ok()?;
        if types.len() != x.channel_count() || !is_by_channel {
            return None;
        }
        let each = types.iter().map(|to| {
            let shift = y.format.fractional_bits() - to.format.fractional_bits();
            Some((Conversion::within(fraction, to, &x.range())?, u32::try_from(shift).ok()?))
        });
        each.collect::<Option<_>>().map(Self::CastEach)
    }

    fn affine(affine: &Affine, x: &Tensor) -> Option<Self> {
        let lines = affine.lines::<i64>(x.format)?;
        let (scale, bias) = lines.iter().map(|(scale, bias)| (T::of(*scale), T::of(*bias))).unzip();
        Some(Self::Affine { scale: repeated(scale), bias: repeated(bias) })
    }

    fn leaky(leaky: &Leaky, x: &Tensor, is_by_channel: bool) -> Option<Self> {
        let alignment = LeakyAlignment::of(leaky, x.format).ok()?;
        let slopes = leaky.slopes.shifted::<i64>(alignment.product)?;
        let fits = slopes.len() == 1 || is_by_channel && slopes.len() == x.channel_count();
        // A threshold beyond the operand's codes gives the same as one at their end.
        let codes = x.range();
        let threshold = (&leaky.threshold).clamp(codes.low(), &(codes.high() + 1)).clone();
        let fits = fits && T::holds(&Range::point(threshold.clone()));
        fits.then_some(Self::Leaky {
            threshold: T::of(threshold.to_i64()?),
            operand: alignment.operand.min(T::BITS - 1),
            bias: T::of(alignment.bias.to_i64()?),
            slopes: repeated(slopes.iter().map(|slope| T::of(*slope)).collect()),
        })
    }

    #[inline(always)]
    fn apply(&self, lanes: &mut [T]) {
        match self {
            Self::Clamp { low, high } => {
                let (low, high) = (*low, *high);
                for x in lanes {
                    *x = (*x).max(low).min(high);
                }
            }
            Self::Cast(conversion) => conversion.apply_all(lanes),
            Self::CastEach(each) => {
                for (x, (conversion, shift)) in lanes.iter_mut().zip(each.iter().cycle()) {
                    *x = conversion.apply(*x).wrapping_shl(*shift);
                }
            }
            Self::Affine { scale, bias } => {
                for lanes in lanes.chunks_mut(scale.len()) {
                    for ((x, scale), bias) in lanes.iter_mut().zip(scale).zip(bias) {
                        *x = x.wrapping_mul(scale).wrapping_add(bias);
                    }
                }
            }
            Self::Leaky { threshold, operand, bias, slopes } => {
                for lanes in lanes.chunks_mut(slopes.len()) {
                    for (x, slope) in lanes.iter_mut().zip(slopes) {
                        let passed = x.wrapping_shl(*operand);
                        let below = x.wrapping_mul(slope).wrapping_add(bias);
                        *x = if *x >= *threshold { passed } else { below };
                    }
                }
            }
            Self::Steps(thresholds) => thresholds.apply(lanes),
            Self::Table { low, values } => {
                for x in lanes {
                    let index: i64 = (*x - *low).into();
                    *x = values[index as usize];
                }
            }
            Self::Line(line) => line.apply(lanes),
        }
    }
}

/// A table of the first nodes of `chain` for operands `x`, and the number of these nodes: entries by
/// the operations' own reference evaluation. `None` if the operand has too many codes, or plain
/// arithmetic is faster.
fn table<T: Lane>(graph: &Graph, x: &Tensor, chain: &[NodeId]) -> Option<(Stage<T>, usize)> {
    let range = x.range();
    let count = (range.high() - range.low()).to_usize()?.checked_add(1)?;
    if count > LARGE_TABLE {
        return None;
    }
    let is_uniform = |node: &&NodeId| {
        graph[**node].op.is_uniform() && !matches!(graph[**node].op, Op::Elementwise(_))
    };
    let most = chain.iter().take_while(is_uniform).count();
    // Behind the last operation that is worth a table, arithmetic goes on.
    let is_worth = |node: &NodeId| match graph[*node].op {
        Op::StepFunction(_) => true,
        Op::Leaky(_) | Op::Affine(_) => count <= SMALL_TABLE,
        _ => false,
    };
    let nodes = chain[..most].iter().rposition(is_worth)? + 1;
    let codes: Vec<i64> =
        (0..count as i64).map(|at| Some(range.low().to_i64()? + at)).collect::<Option<_>>()?;
    let codes = Codes::Narrow(ArrayD::from_shape_vec(vec![count, 1], codes).ok()?);
    let values = evaluate(graph, x, &chain[..nodes], codes)?;
    let values = values.iter().map(|code| {
        T::holds(&Range::point(code.clone())).then(|| code.to_i64().map(T::of)).flatten()
    });
    let low = T::of(range.low().to_i64()?);
    Some((Stage::Table { low, values: values.collect::<Option<_>>()? }, nodes))
}

/// The results of uniform operations, the nodes `chain`, for `codes` of the format of `x`, each a
/// sample of one element.
pub(super) fn evaluate(
    graph: &Graph,
    x: &Tensor,
    chain: &[NodeId],
    mut codes: Codes,
) -> Option<Codes> {
    let single = |x: &Tensor| Tensor { shape: vec![1], format: x.format, ranges: vec![x.range()] };
    let mut x = single(x);
    for node in chain {
        let y = single(&graph[*node].tensor);
        codes = graph[*node].op.evaluate(&[Operand { tensor: &x, codes: &codes }], &y)?;
        x = y;
    }
    Some(codes)
}

/// Parameters of channels, repeated for a loop.
fn repeated<T: Copy>(parameters: Vec<T>) -> Vec<T> {
    let count = LOOP.div_ceil(parameters.len()) * parameters.len();
    parameters.iter().copied().cycle().take(count).collect()
}
