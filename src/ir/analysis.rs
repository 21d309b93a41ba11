//! Errors of rounded quotients, and the rounding that removes them.
//!
//! A quotient by an odd number n has no finite number of bits. The graph holds it rounded, and this
//! analysis bounds the error, so that a quantizer gives the code of the exact quotient.
//!
//! **Theorem.** Let exact values be multiples of 2^-g / n with n odd, let stored values differ from
//! them by less than 2^-(f+1), and let q = f - ⌈log2 n⌉ be at least g. Rounding the stored values
//! to f fractional bits gives back each exact value that is a multiple of 2^-q, and keeps every
//! other one on its side of these multiples.
//!
//! *Proof.* A multiple of 2^-q has f fractional bits and is less than half an LSB from the stored
//! value, so that rounding gives it back. An exact value that is none differs from it by a multiple
//! of 2^-q / n, as g ≤ q, and so by 2^-f at least. The error and the rounding together are less. ∎
//!
//! A quantizer changes its code at halves of its LSB. Where these are multiples of 2^-q, it gives
//! the code of the exact value. Layout operations, limits and selections keep what is known; sums
//! and products multiply n and add up errors until the next rounding: after every dot product, and
//! before a quantizer.

use std::collections::HashMap;

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{Signed, Zero};

use super::{Effect, Graph, Linear, NodeId};

/// Largest odd denominator that the analysis supports.
const MAX_DENOMINATOR: u64 = 1 << 32;

/// Proven properties of a tensor whose exact values are quotients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quotients {
    /// Exact values are multiples of 2^-`fraction` / `odd`.
    pub(crate) odd: u64,
    /// See `odd`.
    pub(crate) fraction: i32,
    /// Stored values differ from exact ones by 2^-`error` at most.
    pub(crate) error: i32,
    /// True if the stored values are already rounded by the theorem.
    pub(crate) is_rounded: bool,
}

impl Quotients {
    /// Properties of the elements of two tensors together.
    fn and(self, other: Self) -> Option<Self> {
        Some(Self {
            odd: common_multiple(self.odd, other.odd)?,
            fraction: self.fraction.max(other.fraction),
            error: self.error.min(other.error),
            is_rounded: self.is_rounded && other.is_rounded,
        })
    }

    /// Properties of sums of `count` elements.
    fn sum_of(self, count: usize) -> Self {
        let growth = usize::BITS - count.saturating_sub(1).leading_zeros();
        let error = self.error.saturating_sub_unsigned(growth);
        Self { error, is_rounded: self.is_rounded && count == 1, ..self }
    }

    /// Properties of the elements times 2^`power`.
    fn shifted(self, power: i32) -> Self {
        Self {
            fraction: self.fraction.saturating_sub(power),
            error: self.error.saturating_sub(power),
            ..self
        }
    }

    /// Properties of products with factors that are multiples of 2^-`fraction` / `odd` and at most
    /// 2^`growth`. The stored products differ from those of the stored values by 2^-`error`.
    pub(crate) fn times(self, odd: u64, fraction: i32, growth: i32, error: i32) -> Option<Self> {
        Some(Self {
            odd: self.odd.checked_mul(odd).filter(|odd| *odd < MAX_DENOMINATOR)?,
            fraction: self.fraction.saturating_add(fraction),
            error: self.error.saturating_sub(growth).min(error).saturating_sub(1),
            is_rounded: false,
        })
    }

    /// Properties of dot products with the weights of `linear`.
    pub(crate) fn dot(self, linear: &Linear) -> Self {
        let weights = linear.weights.format.fractional_bits();
        let bias = linear.bias.as_ref().map_or(i32::MIN, |bias| bias.format.fractional_bits());
        let growth = i32::try_from(largest_sum(linear).bits()).unwrap_or(i32::MAX);
        Self {
            odd: self.odd,
            fraction: self.fraction.saturating_add(weights).max(bias),
            error: self.error.saturating_add(weights).saturating_sub(growth),
            is_rounded: false,
        }
    }

    /// Fractional bits to which the theorem rounds values stored with `stored` fractional bits;
    /// `None` if they are exact already, or the condition does not hold.
    pub(crate) fn rounding(self, stored: i32) -> Option<i32> {
        let fraction = self.error.saturating_sub(1);
        let bits = (u64::BITS - self.odd.leading_zeros()).cast_signed();
        // One bit more, so that the theorem also restores ties.
        let holds = self.fraction.saturating_add(bits).saturating_add(1) <= fraction;
        (holds && !self.is_rounded && stored > fraction).then_some(fraction)
    }
}

/// The least common multiple of two denominators; `None` if it exceeds
/// [`MAX_DENOMINATOR`].
pub(crate) fn common_multiple(a: u64, b: u64) -> Option<u64> {
    a.checked_div(a.gcd(&b))?.checked_mul(b).filter(|multiple| *multiple < MAX_DENOMINATOR)
}

/// Largest sum of magnitudes of the weights of an output.
fn largest_sum(linear: &Linear) -> BigInt {
    let outputs = *linear.weights.codes.shape().last().expect("weights are a matrix");
    let mut sums = vec![BigInt::zero(); outputs];
    for (index, code) in linear.weights.codes.iter().enumerate() {
        sums[index % outputs] += code.abs();
    }
    sums.into_iter().max().expect("at least one output")
}

/// The quotients of `node`, derived from those of `roots` through layout operations, limits,
/// selections, shifts and sums; `None` if there are none, or if other operations lie between.
pub(crate) fn quotients(
    graph: &Graph,
    roots: &HashMap<NodeId, Quotients>,
    node: NodeId,
) -> Option<Quotients> {
    // Branches that join again are visited once.
    let seen = roots.iter().map(|(node, known)| (*node, Some(*known))).collect();
    Walk { graph, seen }.visit(node)
}

struct Walk<'g> {
    graph: &'g Graph,
    seen: HashMap<NodeId, Option<Quotients>>,
}

impl Walk<'_> {
    fn visit(&mut self, node: NodeId) -> Option<Quotients> {
        if let Some(known) = self.seen.get(&node) {
            return *known;
        }
        let operands = self.graph.operands(node);
        let known = match self.graph[node].op.effect(operands.len()) {
            Effect::Selects => self.together(&operands),
            Effect::Shifts { power } => self.together(&operands).map(|known| known.shifted(power)),
            Effect::Sums { terms } => self.together(&operands).map(|known| known.sum_of(terms)),
            Effect::Computes => None,
        };
        self.seen.insert(node, known);
        known
    }

    /// Properties of the elements of all `operands`; `None` if none holds quotients.
    fn together(&mut self, operands: &[NodeId]) -> Option<Quotients> {
        let each: Vec<Option<Quotients>> =
            operands.iter().map(|operand| self.visit(*operand)).collect();
        let error = each.iter().flatten().map(|known| known.error).min()?;
        let exact = |operand: &NodeId| {
            let fraction = self.graph[*operand].tensor.format.fractional_bits();
            Quotients { odd: 1, fraction, error, is_rounded: true }
        };
        let all = each.iter().zip(operands);
        let mut all = all.map(|(known, operand)| known.unwrap_or_else(|| exact(operand)));
        let first = all.next()?;
        all.try_fold(first, Quotients::and)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::text::parse;

    #[test]
    fn quotients_follow_layouts_shifts_and_sums() -> Result<(), Box<dyn std::error::Error>> {
        let graph = parse(
            "x = input shape=[2] format=fixed<20,4>
             z = input shape=[2] format=fixed<6,2>
             flat = reshape x shape=[1, 2]
             scaled = scale flat power=-1
             back = reshape scaled shape=[2]
             sum = add back z
             act = cast sum to=fixed<4,2,RND,SAT>",
        )?;
        let nodes = graph.topological_order();
        let thirds = Quotients { odd: 3, fraction: 2, error: 17, is_rounded: true };
        let roots = HashMap::from([(nodes[0], thirds)]);
        let of = |node: usize| quotients(&graph, &roots, nodes[node]);
        assert_eq!(of(2), Some(thirds));
        assert_eq!(of(4), Some(Quotients { fraction: 3, error: 18, ..thirds }));
        // The LSB of z is 1/16; the sum of two has one bit of error more.
        let sum = Quotients { odd: 3, fraction: 4, error: 17, is_rounded: false };
        assert_eq!((of(1), of(5), of(6)), (None, Some(sum), None));
        assert_eq!(
            (sum.rounding(17), sum.rounding(16), thirds.rounding(17)),
            (Some(16), None, None)
        );
        // Multiples of 2^-14 / 3 lie too close for an error of 2^-17.
        assert_eq!(Quotients { fraction: 14, ..sum }.rounding(17), None);
        Ok(())
    }

    /// Every sum of two thirds, each off by as much as it may be, is restored.
    #[test]
    fn rounding_restores_exact_values() {
        let known = Quotients { odd: 3, fraction: 2, error: 9, is_rounded: false };
        let Some(fraction) = known.rounding(20) else { panic!("the condition holds") };
        for multiple in -60_i64..60 {
            let exact = multiple as f64 / 4.0 / 3.0;
            for error in [-1.0, 0.0, 1.0] {
                let stored = exact + error * f64::exp2(-9.0) * 0.999;
                let rounded =
                    (stored * f64::exp2(fraction.into())).round() / f64::exp2(fraction.into());
                if multiple % 3 == 0 {
                    assert_eq!(rounded, exact);
                } else {
                    // q is 8 - 2.
                    let side = |x: f64| (x * 64.0).floor();
                    assert_eq!(side(rounded), side(exact), "{multiple}");
                }
            }
        }
    }
}
