//! Step functions, of an operand or of its scale, as thresholds of the operand in each channel.
//!
//! Few thresholds are compared with every lane, which vectorises: `y = first + Σ growth` over those that
//! x reaches. More are searched.

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{One, Signed, ToPrimitive, Zero};

use super::Lane;
use crate::fixed::Range;
use crate::ir::{Graph, NodeId, Op, Tensor};

/// Most thresholds that are compared with every lane: a table or a search is faster for more. Measured.
const FEW: usize = 8;

/// Lanes that are compared at a time.
const BLOCK: usize = 64;

/// A function of x that changes at some thresholds, for one channel after the other.
pub(super) enum Thresholds<T> {
    /// Compared with every lane.
    Few {
        /// The value below all thresholds.
        first: Vec<T>,
        /// Each threshold of all channels, and the growth of the value there.
        steps: Vec<(Vec<T>, Vec<T>)>,
    },
    /// Searched: the ascending thresholds of each channel, and the values before and after them.
    Many(Vec<Channel<T>>),
}

/// The steps of a channel.
pub(super) struct Channel<T> {
    thresholds: Vec<T>,
    /// One more than thresholds.
    values: Vec<T>,
}

impl<T: Lane> Thresholds<T> {
    /// The thresholds of the first nodes of `chain` for operands `x`, and the number of these nodes. They
    /// are a step function, or a scale and a step function. `None` if scales differ, and lanes are not by
    /// channel.
    pub(super) fn fit(
        graph: &Graph,
        x: &Tensor,
        chain: &[NodeId],
        is_by_channel: bool,
    ) -> Option<(Self, usize)> {
        let op = |at: usize| chain.get(at).map(|node| &graph[*node].op);
        let (lines, steps, nodes) = match (op(0)?, op(1)) {
            (Op::StepFunction(steps), _) => (vec![(BigInt::one(), BigInt::ZERO)], steps, 1),
            (Op::Affine(affine), Some(Op::StepFunction(steps))) => {
                (affine.lines::<BigInt>(x.format)?, steps, 2)
            }
            _ => return None,
        };
        let range = x.range();
        let fits = T::holds(&range) && T::holds(&steps.values.range());
        if !fits || lines.len() > 1 && !is_by_channel {
            return None;
        }
        let thresholds: Vec<BigInt> = steps.thresholds.codes.iter().collect();
        let values = steps.values.codes.iter().map(|code| code.to_i64().map(T::of));
        let values: Vec<T> = values.collect::<Option<_>>()?;
        let channels = lines.iter().map(|line| Channel::of(&thresholds, &values, line, &range));
        let channels: Vec<Channel<T>> = channels.collect::<Option<_>>()?;
        let most = channels.iter().map(|channel| channel.thresholds.len()).max()?;
        let all = if most <= FEW { Self::few(&channels, most) } else { Self::Many(channels) };
        Some((all, nodes))
    }

    fn few(channels: &[Channel<T>], most: usize) -> Self {
        let count = BLOCK.div_ceil(channels.len()) * channels.len();
        let each = || channels.iter().cycle().take(count);
        let step = |at: usize| {
            let step = |channel: &Channel<T>| match channel.thresholds.get(at) {
                Some(threshold) => {
                    (*threshold, channel.values[at + 1].wrapping_sub(&channel.values[at]))
                }
                None => (T::max_value(), T::zero()),
            };
            each().map(step).unzip()
        };
        let first = each().map(|channel| channel.values[0]).collect();
        Self::Few { first, steps: (0..most).map(step).collect() }
    }

    /// True if they are compared with every lane.
    pub(super) fn are_few(&self) -> bool {
        matches!(self, Self::Few { .. })
    }

    /// Computes the function of each lane.
    #[inline(always)]
    pub(super) fn apply(&self, lanes: &mut [T]) {
        match self {
            Self::Few { first, steps } => {
                for lanes in lanes.chunks_mut(first.len()) {
                    for (at, x) in lanes.chunks_mut(BLOCK).enumerate() {
                        let own = at * BLOCK..at * BLOCK + x.len();
                        let mut y = [T::zero(); BLOCK];
                        let y = &mut y[..x.len()];
                        y.copy_from_slice(&first[own.clone()]);
                        for (thresholds, growths) in steps {
                            let step = thresholds[own.clone()].iter().zip(&growths[own.clone()]);
                            for ((y, x), (threshold, growth)) in y.iter_mut().zip(&*x).zip(step) {
                                let growth = if x >= threshold { *growth } else { T::zero() };
                                *y = y.wrapping_add(&growth);
                            }
                        }
                        x.copy_from_slice(y);
                    }
                }
            }
            Self::Many(channels) => {
                for (x, Channel { thresholds, values }) in
                    lanes.iter_mut().zip(channels.iter().cycle())
                {
                    *x = values[thresholds.partition_point(|threshold| threshold <= x)];
                }
            }
        }
    }
}

impl<T: Lane> Channel<T> {
    /// The steps that operands in `range` reach. `thresholds` and `values` are those of
    /// `scale · x + bias`.
    fn of(
        thresholds: &[BigInt],
        values: &[T],
        (scale, bias): &(BigInt, BigInt),
        range: &Range,
    ) -> Option<Self> {
        let reached = |threshold: &BigInt| threshold <= bias;
        let last = values.len() - 1;
        // A step function of a falling line goes through the values from the last one on.
        let (mut first, steps): (usize, Vec<(BigInt, usize)>) = if scale.is_zero() {
            (thresholds.partition_point(reached), vec![])
        } else if scale.is_positive() {
            let steps = thresholds.iter().zip(1..);
            (0, steps.map(|(it, value)| (Integer::div_ceil(&(it - bias), scale), value)).collect())
        } else {
            let steps = thresholds.iter().enumerate().rev();
            let first_below = |it: &BigInt| (bias - it).div_floor(&-scale) + 1_u32;
            (last, steps.map(|(value, it)| (first_below(it), value)).collect())
        };
        let (mut own, mut after) = (Vec::new(), Vec::new());
        for (threshold, value) in steps {
            if threshold <= *range.low() {
                first = value;
            } else if threshold <= *range.high() {
                own.push(T::of(threshold.to_i64()?));
                after.push(values[value]);
            }
        }
        let values = std::iter::once(values[first]).chain(after).collect();
        Some(Self { thresholds: own, values })
    }
}
