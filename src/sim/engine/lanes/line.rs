//! A scale and what rounds it as one multiplication, exact for every operand.
//!
//! A scale of 64 significant bits, as of a batch normalisation, takes more than 64 bits in exact
//! arithmetic. The quantizer after it has few levels, each reached from some operand x = t on. Both are
//! computed as `y = (m·x + b) >> s`, with x limited to where levels change: from t - 1 for the first t to
//! the last t. This is exact for all x, as y is monotone, if it is for the operands on both sides of
//! each t, and these have no levels beyond the ends:
//!
//! `l·2^s ≤ m·t + b` and `m·(t - 1) + b < l·2^s` for each level l.
//!
//! m is the slope, rounded to s bits; b is taken from the interval that these conditions leave for it.
//! Only the sum has to fit the integer type: product and bias are computed modulo its size.
//!
//! If the interval is empty for 32 bits, the same is tried with a slope and a bias in `f32`, whose 24
//! bits are those of the slope alone. Its product and sum are rounded, but still monotone, so that
//! evaluating it on both sides of each t is the proof.

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

/// A function of x within limits; each parameter for one channel after the other.
pub(super) struct Line<T> {
    low: Vec<T>,
    high: Vec<T>,
    arithmetic: Arithmetic<T>,
}

enum Arithmetic<T> {
    /// `(m·x + b) >> s`.
    Integer { slopes: Vec<T>, biases: Vec<T>, shift: u32 },
    /// `m·x + b` to the next integer.
    Float { slopes: Vec<f32>, biases: Vec<f32> },
}

/// Added to a small number, gives a float whose last bit is 1, so that it is rounded to an integer.
const MAGIC: f32 = 12_582_912.0;

/// Bound on the magnitude of a number that [`MAGIC`] rounds.
const ROUNDED: f32 = 2_097_152.0;

/// Bound on the magnitude of the integers that are floats.
const FLOATS: i64 = 1 << f32::MANTISSA_DIGITS;

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
        let arithmetic = Arithmetic::integer(&levels, &width).or_else(|| match T::BITS {
            32 => Arithmetic::float(&levels, &width),
            _ => None,
        })?;
        let limits = levels.iter().map(|levels| {
            let (low, high) = levels.limits();
            Some((T::of(low.to_i64()?), T::of(high.to_i64()?)))
        });
        let (low, high) = limits.collect::<Option<Vec<_>>>()?.into_iter().unzip();
        Some((Self { low, high, arithmetic }, nodes + 1))
    }

    /// True if all channels have the same line.
    pub(super) fn is_uniform(&self) -> bool {
        self.low.len() == 1
    }

    /// The line in a few words.
    pub(super) fn name(&self) -> &'static str {
        match self.arithmetic {
            Arithmetic::Integer { .. } => "line",
            Arithmetic::Float { .. } => "float line",
        }
    }

    /// The same line with at least `count` parameters.
    pub(super) fn repeated(mut self, count: usize) -> Self {
        fn repeat<P: Copy>(parameters: &mut Vec<P>, count: usize) {
            *parameters = parameters.iter().copied().cycle().take(count).collect();
        }
        let count = count.div_ceil(self.low.len()) * self.low.len();
        repeat(&mut self.low, count);
        repeat(&mut self.high, count);
        match &mut self.arithmetic {
            Arithmetic::Integer { slopes, biases, .. } => {
                repeat(slopes, count);
                repeat(biases, count);
            }
            Arithmetic::Float { slopes, biases } => {
                repeat(slopes, count);
                repeat(biases, count);
            }
        }
        self
    }

    /// Computes the line of each lane.
    #[inline(always)]
    pub(super) fn apply(&self, lanes: &mut [T]) {
        for lanes in lanes.chunks_mut(self.low.len()) {
            let limits = self.low.iter().zip(&self.high);
            match &self.arithmetic {
                Arithmetic::Integer { slopes, biases, shift } => {
                    let parameters = limits.zip(slopes.iter().zip(biases));
                    for (x, ((low, high), (slope, bias))) in lanes.iter_mut().zip(parameters) {
                        let within = (*x).max(*low).min(*high);
                        *x = within.wrapping_mul(slope).wrapping_add(bias) >> *shift;
                    }
                }
                Arithmetic::Float { slopes, biases } => {
                    let parameters = limits.zip(slopes.iter().zip(biases));
                    for (x, ((low, high), (slope, bias))) in lanes.iter_mut().zip(parameters) {
                        let within = (*x).max(*low).min(*high);
                        *x = T::of(i64::from(rounded(within.as_(), *slope, *bias)));
                    }
                }
            }
        }
    }
}

/// `slope · x + bias` to the next integer, for a magnitude below [`ROUNDED`].
#[inline(always)]
fn rounded(x: f32, slope: f32, bias: f32) -> i32 {
    let sum = x * slope + bias + MAGIC;
    sum.to_bits().cast_signed().wrapping_sub(MAGIC.to_bits().cast_signed())
}

impl<T: Lane> Arithmetic<T> {
    /// The lines of `levels`, whose steps are `width` apart; `None` if one is not exact.
    fn integer(levels: &[Levels], width: &BigInt) -> Option<Self> {
        let shift = levels.iter().map(|levels| levels.shift(T::BITS)).min()?;
        let lines = levels.iter().map(|levels| levels.line(width, shift));
        let lines = lines.map(|line| line.map(|(slope, bias)| (wrapped(&slope), wrapped(&bias))));
        let (slopes, biases) = lines.collect::<Option<Vec<(T, T)>>>()?.into_iter().unzip();
        Some(Self::Integer { slopes, biases, shift })
    }

    /// The same in floats.
    fn float(levels: &[Levels], width: &BigInt) -> Option<Self> {
        let lines = levels.iter().map(|levels| levels.float_line(width));
        let (slopes, biases) = lines.collect::<Option<Vec<_>>>()?.into_iter().unzip();
        Some(Self::Float { slopes, biases })
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

    /// Largest shift with which every level and the one after it fit an integer of `bits` bits.
    fn shift(&self, bits: u32) -> u32 {
        let last: BigInt = &self.first + self.thresholds.len() + 1_u32;
        let level = u32::try_from(last.bits().max(self.first.bits())).unwrap_or(u32::MAX);
        (bits - 1).saturating_sub(level)
    }

    /// The operands beyond which the level does not change.
    fn limits(&self) -> (BigInt, BigInt) {
        let (low, high) = match &self.thresholds[..] {
            [] => (self.range.low().clone(), self.range.low().clone()),
            [first, ..] => (first - 1_u32, self.thresholds[self.thresholds.len() - 1].clone()),
        };
        if self.is_negated { (-high, -low) } else { (low, high) }
    }

    /// Slope and bias; `None` if no bias satisfies the conditions of all levels.
    fn line(&self, width: &BigInt, shift: u32) -> Option<(BigInt, BigInt)> {
        let (Some(lowest), Some(highest)) = (self.thresholds.first(), self.thresholds.last())
        else {
            return Some((BigInt::ZERO, &self.first << shift));
        };
        let slope = ((&self.scale << (shift + 1)) + width).div_floor(&(width * 2_u32));
        let level = |at: usize| (&self.first + at) << shift;
        let conditions = self.thresholds.iter().enumerate().map(|(at, threshold)| {
            let low: BigInt = level(at + 1) - threshold * &slope;
            let high = &low + &slope - 1_u32;
            (low, high)
        });
        // The operands at the limits have the first and the last level.
        let ends = [
            (level(0) - (lowest - 1_u32) * &slope, level(1) - 1_u32 - (lowest - 1_u32) * &slope),
            {
                let (last, after) = (self.thresholds.len(), self.thresholds.len() + 1);
                (level(last) - highest * &slope, level(after) - 1_u32 - highest * &slope)
            },
        ];
        let (low, high) =
            conditions.chain(ends).reduce(|(a, b), (low, high)| (a.max(low), b.min(high)))?;
        let slope = if self.is_negated { -slope } else { slope };
        (low <= high).then(|| (slope, (&low + &high).div_floor(&BigInt::from(2))))
    }
}

impl Levels {
    /// Slope and bias in floats, exact by evaluation at each threshold; `None` if they are not.
    fn float_line(&self, width: &BigInt) -> Option<(f32, f32)> {
        let first = self.first.to_i64()?;
        let (Some(lowest), Some(highest)) = (self.thresholds.first(), self.thresholds.last())
        else {
            return is_rounded(first as f32).then_some((0.0, first as f32));
        };
        let (lowest, highest) = ((lowest - 1_u32).to_i64()?, highest.to_i64()?);
        if lowest < -FLOATS || FLOATS < highest {
            return None;
        }
        let slope = (self.scale.to_f64()? / width.to_f64()?) as f32;
        let thresholds: Vec<i64> =
            self.thresholds.iter().map(ToPrimitive::to_i64).collect::<Option<_>>()?;
        let level = |at: usize| first + at as i64 + 1;
        // The biases with which real numbers reach the levels at the thresholds.
        let most = |a: f64, b: f64| if a < b { b } else { a };
        let bounds = thresholds.iter().enumerate().map(|(at, threshold)| {
            let bias = level(at) as f64 - f64::from(slope) * *threshold as f64;
            (bias, -(bias + f64::from(slope)))
        });
        let (low, high) = bounds.reduce(|(a, b), (low, high)| (most(a, low), most(b, high)))?;
        // Half a level less, as the sum is rounded to the next integer.
        let bias = ((low - high) / 2.0 - 0.5) as f32;
        let at = |x: i64| rounded(x as f32, slope, bias);
        let is_small = [lowest, highest].iter().all(|x| is_rounded(*x as f32 * slope + bias));
        let holds = |(place, threshold): (usize, &i64)| {
            let level = level(place);
            i64::from(at(*threshold)) >= level && i64::from(at(threshold - 1)) < level
        };
        let is_exact = thresholds.iter().enumerate().all(holds)
            && i64::from(at(lowest)) == first
            && i64::from(at(highest)) == first + thresholds.len() as i64;
        let slope = if self.is_negated { -slope } else { slope };
        (is_small && is_exact).then_some((slope, bias))
    }
}

fn is_rounded(x: f32) -> bool {
    x.abs() < ROUNDED
}

/// `code` modulo 2^64, and so modulo the size of the lane.
fn wrapped<T: Lane>(code: &BigInt) -> T {
    let modulus = BigInt::one() << u64::BITS;
    let digits = code.mod_floor(&modulus).to_u64().unwrap_or(0);
    T::of(digits.cast_signed())
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
