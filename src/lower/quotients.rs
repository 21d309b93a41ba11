//! Quotients that have no finite number of bits, on their way to a quantizer.
//!
//! An average over three numbers is a multiple of a third of a step, and is rounded as
//! [`super::average`] says: so that a quantizer right behind cannot tell. A sum of products of such
//! averages is again a multiple of a third of some step 2^-g, and may lie halfway between two numbers
//! of a quantizer where none of its terms does; what the terms lack adds up to δ, and the sum is beside
//! the middle. It is brought back by rounding it, too, to steps of 2^-f more than 2δ: multiples of
//! them that the true sum can be are restored, and all other sums keep their side of these multiples as
//! long as they are farther from them than a step, which f ≥ g + log2 3 sees to. This is done behind
//! every sum of products, and in front of quantizers for sums of other kinds.

use std::collections::HashMap;

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{Signed, Zero};

use super::LowerError;
use super::activation::cast;
use super::average::nearest;
use super::builder::Builder;
use crate::ir::{Effect, Linear, NodeId};

/// What is known of a tensor whose true numbers are quotients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quotients {
    /// The true numbers are multiples of 2^-`fraction` / `odd`.
    pub(super) odd: u64,
    /// See `odd`.
    pub(super) fraction: i32,
    /// The tensor's numbers differ from the true ones by 2^-`error` at most.
    pub(super) error: i32,
    /// Whether true numbers that have few bits are kept, and all others on their side of these: nothing
    /// is left to be brought back.
    pub(super) settled: bool,
}

impl Quotients {
    /// What is known of the elements of two tensors together.
    fn and(self, other: Self) -> Option<Self> {
        Some(Self {
            odd: common_multiple(self.odd, other.odd)?,
            fraction: self.fraction.max(other.fraction),
            error: self.error.min(other.error),
            settled: self.settled && other.settled,
        })
    }

    /// What is known of sums of so many.
    fn sum_of(self, count: usize) -> Self {
        let growth = usize::BITS - count.saturating_sub(1).leading_zeros();
        let error = self.error.saturating_sub_unsigned(growth);
        Self { error, settled: self.settled && count == 1, ..self }
    }

    /// What is known of them times factors that are multiples of 2^-`fraction` / `odd` and no larger
    /// than 2^`growth`, where products differ from what hardware has of them by `error`.
    pub(super) fn times(self, odd: u64, fraction: i32, growth: i32, error: i32) -> Option<Self> {
        Some(Self {
            odd: self.odd.checked_mul(odd).filter(|odd| *odd < 1 << 32)?,
            fraction: self.fraction.saturating_add(fraction),
            error: self.error.saturating_sub(growth).min(error).saturating_sub(1),
            settled: false,
        })
    }
}

/// What is known of the elements of all `operands`, where any holds quotients.
fn together(builder: &Builder<'_>, operands: &[NodeId], seen: &mut Seen) -> Option<Quotients> {
    let each: Vec<Option<Quotients>> =
        operands.iter().map(|operand| look(builder, *operand, seen)).collect();
    let error = each.iter().flatten().map(|known| known.error).min()?;
    let mut all = each.iter().zip(operands).map(|(known, operand)| {
        let fraction = builder.tensor(*operand).format.fraction();
        known.unwrap_or(Quotients { odd: 1, fraction, error, settled: true })
    });
    let first = all.next()?;
    all.try_fold(first, Quotients::and)
}

/// The least common multiple; `None` if it is too large to count with.
pub(super) fn common_multiple(a: u64, b: u64) -> Option<u64> {
    a.checked_div(a.gcd(&b))?.checked_mul(b).filter(|multiple| *multiple < 1 << 32)
}

/// What is known of the quotients that `node` holds; `None` where it holds none, or numbers that are
/// made of them in another way than by moving, limiting, choosing, or adding them.
pub(super) fn of(builder: &Builder<'_>, node: NodeId) -> Option<Quotients> {
    look(builder, node, &mut HashMap::new())
}

/// What is known of nodes that were looked at: branches that meet again are walked once.
type Seen = HashMap<NodeId, Option<Quotients>>;

fn look(builder: &Builder<'_>, node: NodeId, seen: &mut Seen) -> Option<Quotients> {
    if let Some(known) = seen.get(&node) {
        return *known;
    }
    let known = builder.quotients.get(&node).copied().or_else(|| inherited(builder, node, seen));
    seen.insert(node, known);
    known
}

fn inherited(builder: &Builder<'_>, node: NodeId, seen: &mut Seen) -> Option<Quotients> {
    let operands = builder.graph().operands(node);
    let op = &builder.graph()[node].op;
    match op.effect(operands.len()) {
        Effect::Selects => together(builder, &operands, seen),
        Effect::Shifts { power } => together(builder, &operands, seen).map(|known| Quotients {
            fraction: known.fraction.saturating_sub(power),
            error: known.error.saturating_sub(power),
            ..known
        }),
        Effect::Sums { terms } => {
            together(builder, &operands, seen).map(|known| known.sum_of(terms))
        }
        Effect::Computes => None,
    }
}

/// The sums that `node` holds, of products of `linear` with the elements of `operand`: rounded where
/// these are quotients.
pub(super) fn settled(
    builder: &mut Builder<'_>,
    layer: &str,
    node: NodeId,
    (operand, linear): (NodeId, &Linear),
) -> Result<NodeId, LowerError> {
    let Some(terms) = of(builder, operand) else { return Ok(node) };
    let factors = linear.weights.format.fraction();
    let bias = linear.bias.as_ref().map_or(i32::MIN, |bias| bias.format.fraction());
    let growth = i32::try_from(largest_sum(linear).bits()).unwrap_or(i32::MAX);
    let sums = Quotients {
        odd: terms.odd,
        fraction: terms.fraction.saturating_add(factors).max(bias),
        error: terms.error.saturating_add(factors).saturating_sub(growth),
        settled: false,
    };
    builder.quotients.insert(node, sums);
    nearest_to(builder, layer, node)
}

/// What `node` holds, on its way to a quantizer: rounded where it is made of quotients.
pub(super) fn nearest_to(
    builder: &mut Builder<'_>,
    layer: &str,
    node: NodeId,
) -> Result<NodeId, LowerError> {
    let Some(known) = of(builder, node) else { return Ok(node) };
    // What is missing is below 2^-error, and half a step is no less.
    let fraction = known.error.saturating_sub(1);
    let odd = (u64::BITS - known.odd.leading_zeros()).cast_signed();
    let tells = known.fraction.saturating_add(odd).saturating_add(1) <= fraction;
    if known.settled || !tells || builder.tensor(node).format.fraction() <= fraction {
        return Ok(node);
    }
    let too_wide = |error| LowerError::Format { layer: layer.into(), part: "accumulator", error };
    let to = nearest(builder.tensor(node), fraction).map_err(too_wide)?;
    let node = cast(builder, layer, "nearest", node, &to)?;
    builder.quotients.insert(node, Quotients { error: fraction, settled: true, ..known });
    Ok(node)
}

/// The largest sum of magnitudes of the weights of an output.
fn largest_sum(linear: &Linear) -> BigInt {
    let outputs = linear.weights.codes.shape().last().copied().unwrap_or(1).max(1);
    let mut sums = vec![BigInt::zero(); outputs];
    for (place, code) in linear.weights.codes.iter().enumerate() {
        sums[place % outputs] += code.abs();
    }
    sums.into_iter().max().unwrap_or_default()
}
