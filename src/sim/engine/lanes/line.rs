//! A scale and what rounds it as one multiplication, exact for every operand.
//!
//! A scale of 64 significant bits, as of a batch normalisation, takes more than 64 bits in exact
//! arithmetic. The quantizer after it has few levels, each reached from some operand x = t on. Both are
//! computed as `y = (m·x + b) >> s`, limited to the levels that occur. This is exact for all x, as y is
//! monotone, if it is for the operands on both sides of each t:
//!
//! `l·2^s ≤ m·t + b` and `m·(t - 1) + b < l·2^s` for each level l.
//!
//! m is the slope, rounded to s bits; b is taken from the interval that these conditions leave for it.
//! If it is empty, there is no line.

use ndarray::ArrayD;
use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::Lane;
use super::stages::evaluate;
use crate::fixed::Overflow;
use crate::fixed::{Codes, Range, fits};
use crate::ir::{Graph, NodeId, Op, Tensor};

/// Most levels of the result.
const LEVELS: usize = 1024;

/// `y = (m·x + b) >> s`, limited; each parameter for one channel after the other.
pub(super) struct Line<T> {
    slopes: Vec<T>,
    biases: Vec<T>,
    shift: u32,
    low: Vec<T>,
    high: Vec<T>,
}

/// The levels of a channel: level `first + i` is reached from operand `thresholds[i - 1]` on.
struct Levels {
    /// True if the operand counts downwards: thresholds are those of -x.
    is_negated: bool,
    /// Range of the operand, negated if so.
    range: Range,
    /// Magnitude of the scale.
    scale: BigInt,
    first: BigInt,
    thresholds: Vec<BigInt>,
}

impl<T: Lane> Line<T> {
    /// The line of the first nodes of `chain` for operands `x`, and the number of these nodes. They are a
    /// scale and monotone operations, the same for all channels.
    pub(super) fn fit(graph: &Graph, x: &Tensor, chain: &[NodeId]) -> Option<(Self, usize)> {
        let (first, rest) = chain.split_first()?;
        let Op::Affine(affine) = &graph[*first].op else { return None };
        let scaled = &graph[*first].tensor;
        let is_small = |range: &Range| {
            (range.high() - range.low()).to_usize().is_some_and(|levels| levels < LEVELS)
        };
        let mut nodes = 0;
        let mut operand = scaled;
        loop {
            let node = &graph[*rest.get(nodes)?];
            if !is_monotone(&node.op, operand) {
                return None;
            }
            (nodes, operand) = (nodes + 1, &node.tensor);
            if is_small(&operand.range()) {
                break;
            }
        }
        let (lowest, steps) = steps(graph, scaled, &rest[..nodes])?;
        let lines = affine.lines::<BigInt>(x.format)?;
        let count = lines.len().max(if x.ranges.len() > 1 { x.channel_count() } else { 1 });
        let levels: Vec<Levels> = (0..count)
            .map(|channel| {
                let (scale, bias) = &lines[channel % lines.len()];
                let range =
                    if count == 1 { x.range() } else { x.channel_range(channel).into_owned() };
                Levels::of(&lowest, &steps, (scale, bias), range)
            })
            .collect();
        let width = match &steps[..] {
            [low, .., high] => (high - low) / (steps.len() - 1),
            _ => BigInt::one() << scaled.format.width(),
        };
        let most: i64 = T::max_value().into();
        let shift = levels.iter().map(|levels| levels.shift(&width, most)).min()?;
        let mut line = Self { slopes: vec![], biases: vec![], shift, low: vec![], high: vec![] };
        for levels in &levels {
            let (slope, bias) = levels.line(&width, shift)?;
            line.slopes.push(T::of(slope.to_i64()?));
            line.biases.push(T::of(bias.to_i64()?));
            line.low.push(T::of(levels.first.to_i64()?));
            line.high.push(T::of((&levels.first + levels.thresholds.len()).to_i64()?));
        }
        Some((line, nodes + 1))
    }

    /// True if all channels have the same line.
    pub(super) fn is_uniform(&self) -> bool {
        self.slopes.len() == 1
    }

    /// The same line with at least `count` parameters.
    pub(super) fn repeated(mut self, count: usize) -> Self {
        let count = count.div_ceil(self.slopes.len()) * self.slopes.len();
        for parameters in [&mut self.slopes, &mut self.biases, &mut self.low, &mut self.high] {
            *parameters = parameters.iter().copied().cycle().take(count).collect();
        }
        self
    }

    /// Computes the line of each lane.
    #[inline(always)]
    pub(super) fn apply(&self, lanes: &mut [T]) {
        for lanes in lanes.chunks_mut(self.slopes.len()) {
            let parameters =
                self.slopes.iter().zip(&self.biases).zip(self.low.iter().zip(&self.high));
            for (x, ((slope, bias), (low, high))) in lanes.iter_mut().zip(parameters) {
                let level = x.wrapping_mul(slope).wrapping_add(bias) >> self.shift;
                *x = level.max(*low).min(*high);
            }
        }
    }
}

impl Levels {
    /// The levels of a channel with scale and bias, from the operands `steps` of the monotone function
    /// after them, at which it goes to the next level.
    fn of(
        lowest: &BigInt,
        steps: &[BigInt],
        (scale, bias): (&BigInt, &BigInt),
        range: Range,
    ) -> Self {
        let is_negated = scale.is_negative();
        let range = if is_negated { -&range } else { range };
        let scale = scale.abs();
        let mut first = lowest.clone();
        let mut thresholds = Vec::new();
        for step in steps {
            if scale.is_zero() {
                if step <= bias {
                    first += 1;
                }
                continue;
            }
            // scale · x + bias ≥ step.
            let threshold = Integer::div_ceil(&(step - bias), &scale);
            if threshold <= *range.low() {
                first += 1;
            } else if threshold <= *range.high() {
                thresholds.push(threshold);
            }
        }
        Self { is_negated, range, scale, first, thresholds }
    }

    /// Largest shift with which all intermediate results are below half of `most`.
    fn shift(&self, width: &BigInt, most: i64) -> u32 {
        let largest = self.range.low().abs().max(self.range.high().abs()) + 1;
        let levels = (&self.first + self.thresholds.len()).abs().max(self.first.abs()) + 1;
        // |m·x| + |b| ≤ (2·scale·|x| / width + levels) · 2^s, rounded up generously.
        let product: BigInt =
            Integer::div_ceil(&(&self.scale * &largest * 2_u32), width) + levels + 2_u32;
        let bits = i64::try_from(product.bits()).unwrap_or(i64::MAX);
        let all = i64::from(i64::BITS - most.leading_zeros()) - 2;
        u32::try_from(all.saturating_sub(bits).max(0)).unwrap_or(0)
    }

    /// Slope and bias; `None` if no bias satisfies the conditions of all levels.
    fn line(&self, width: &BigInt, shift: u32) -> Option<(BigInt, BigInt)> {
        if self.thresholds.is_empty() {
            return Some((BigInt::ZERO, &self.first << shift));
        }
        let slope = ((&self.scale << (shift + 1)) + width).div_floor(&(width * 2_u32));
        let conditions = self.thresholds.iter().enumerate().map(|(at, threshold)| {
            let level: BigInt = (&self.first + at + 1_u32) << shift;
            let low = &level - threshold * &slope;
            let high = &low + &slope - 1_u32;
            (low, high)
        });
        let (low, high) = conditions.reduce(|(a, b), (low, high)| (a.max(low), b.min(high)))?;
        let slope = if self.is_negated { -slope } else { slope };
        (low <= high).then(|| (slope, (&low + &high).div_floor(&BigInt::from(2))))
    }
}

/// The lowest result of the monotone operations `chain` for operands `x`, and for each further level the
/// first operand that reaches it.
fn steps(graph: &Graph, x: &Tensor, chain: &[NodeId]) -> Option<(BigInt, Vec<BigInt>)> {
    let range = x.range();
    let values = |codes: Vec<BigInt>| -> Option<Vec<BigInt>> {
        let codes = ArrayD::from_shape_vec(vec![codes.len(), 1], codes).ok()?;
        Some(evaluate(graph, x, chain, Codes::from_big(codes))?.iter().collect())
    };
    let ends = values(vec![range.low().clone(), range.high().clone()])?;
    let [lowest, highest] = &ends[..] else { return None };
    let levels = (highest - lowest).to_usize().filter(|levels| *levels < LEVELS)?;
    // Bisection of all levels at once: the value at `low` is below the level, that at `high` is not.
    let mut bounds = vec![(range.low().clone(), range.high().clone()); levels];
    while bounds.iter().any(|(low, high)| high - low > BigInt::one()) {
        let middles: Vec<BigInt> =
            bounds.iter().map(|(low, high)| (low + high).div_floor(&BigInt::from(2))).collect();
        for (at, value) in values(middles.clone())?.into_iter().enumerate() {
            let (low, high) = &mut bounds[at];
            if &*high - &*low <= BigInt::one() {
                continue;
            }
            let is_below = value < lowest + at + 1_u32;
            *(if is_below { low } else { high }) = middles[at].clone();
        }
    }
    Some((lowest.clone(), bounds.into_iter().map(|(_, high)| high).collect()))
}

/// True if `op` on operands `x` never decreases, and is the same function for all channels.
fn is_monotone(op: &Op, x: &Tensor) -> bool {
    match op {
        Op::Cast(cast) => cast.uniform().is_some_and(|to| {
            matches!(to.overflow, Overflow::Sat | Overflow::SatSym)
                || fits(&x.range(), x.format.fractional_bits(), &to)
        }),
        Op::Clamp(_) | Op::Scale(_) => true,
        Op::Input(_)
        | Op::Linear(_)
        | Op::Conv(_)
        | Op::Affine(_)
        | Op::Leaky(_)
        | Op::StepFunction(_)
        | Op::Softmax(_)
        | Op::Pool(_)
        | Op::Elementwise(_)
        | Op::Reshape(_)
        | Op::Gather(_)
        | Op::Lookup(_)
        | Op::Concat(_)
        | Op::Scan(_) => false,
    }
}
