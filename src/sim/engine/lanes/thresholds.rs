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

/// Most thresholds that are compared with every lane: a search is faster for more. Measured.
const COMPARED: usize = 16;

/// Most thresholds with which this is faster than a table. Measured.
const FASTER_THAN_TABLE: usize = 4;

/// Lanes that are compared at a time.
const BLOCK: usize = 64;

/// A parameter of the lanes of each block. The blocks have all channels a whole number of times.
type Blocks<T> = Vec<[T; BLOCK]>;

/// A function of x that changes at some thresholds.
pub(super) enum Thresholds<T> {
    /// Compared with every lane.
    Few {
        /// The value below all thresholds.
        first: Blocks<T>,
        /// Each threshold of all channels, and the growth of the value there.
        steps: Vec<(Blocks<T>, Blocks<T>)>,
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
        let (lines, steps, nodes) = if let Op::StepFunction(steps) = op(0)? {
            (vec![(BigInt::one(), BigInt::ZERO)], steps, 1)
        } else {
            let Op::Affine(affine) = op(0)? else { return None };
            let Op::StepFunction(steps) = op(1)? else { return None };
            (affine.lines::<BigInt>(x.format)?, steps, 2)
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
        let all = if most <= COMPARED { Self::few(&channels, most) } else { Self::Many(channels) };
        Some((all, nodes))
    }

    fn few(channels: &[Channel<T>], most: usize) -> Self {
        let blocks = channels.len().lcm(&BLOCK) / BLOCK;
        let each = |parameter: &dyn Fn(&Channel<T>) -> T| -> Blocks<T> {
            let lane = |at: usize| parameter(&channels[at % channels.len()]);
            (0..blocks).map(|at| std::array::from_fn(|place| lane(at * BLOCK + place))).collect()
        };
        let step = |at: usize| {
            // Some channels have fewer thresholds.
            let threshold = each(&|it| *it.thresholds.get(at).unwrap_or(&T::max_value()));
            let growth = each(&|it| match it.values.get(at + 1) {
                Some(value) => value.wrapping_sub(&it.values[at]),
                None => T::zero(),
            });
            (threshold, growth)
        };
        Self::Few { first: each(&|it| it.values[0]), steps: (0..most).map(step).collect() }
    }

    /// True if a table takes more time.
    pub(super) fn are_faster_than_table(&self) -> bool {
        matches!(self, Self::Few { steps, .. } if steps.len() <= FASTER_THAN_TABLE)
    }

    /// Computes the function of each lane.
    #[inline(always)]
    pub(super) fn apply(&self, lanes: &mut [T]) {
        match self {
            Self::Few { first, steps } => {
                let (whole, rest) = lanes.as_chunks_mut::<BLOCK>();
                let mut blocks = (0..first.len()).cycle();
                for (x, at) in whole.iter_mut().zip(&mut blocks) {
                    compare(&first[at], steps.iter().map(|(it, growth)| (&it[at], &growth[at])), x);
                }
                if let Some(at) = blocks.next().filter(|_| !rest.is_empty()) {
                    let mut x = [T::zero(); BLOCK];
                    x[..rest.len()].copy_from_slice(rest);
                    let steps = steps.iter().map(|(it, growth)| (&it[at], &growth[at]));
                    compare(&first[at], steps, &mut x);
                    rest.copy_from_slice(&x[..rest.len()]);
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

/// Computes the function of the lanes of a block.
#[inline(always)]
fn compare<'s, T: Lane>(
    first: &[T; BLOCK],
    steps: impl Iterator<Item = (&'s [T; BLOCK], &'s [T; BLOCK])>,
    x: &mut [T; BLOCK],
) {
    let mut y = *first;
    for (thresholds, growths) in steps {
        for at in 0..BLOCK {
            let growth = if x[at] >= thresholds[at] { growths[at] } else { T::zero() };
            y[at] = y[at].wrapping_add(&growth);
        }
    }
    *x = y;
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
