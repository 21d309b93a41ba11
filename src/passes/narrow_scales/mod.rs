//! Scales and offsets, as narrow as the quantizers behind them allow.
//!
//! An [`Op::Affine`] multiplies by a real number of 24 or more significant bits. Where its result
//! goes through a quantizer, most of them make no difference: the quantizer gives the same code for
//! every scale near enough. How near is enough is not estimated here but proven, for each channel
//! and for every code that the operand can take.
//!
//! **The proof.** From the operand's code to the quantizer's, each channel's function is monotone,
//! with the exact scale and with a narrower one: products with a constant, offsets, limits, leaky
//! slopes, rounding and saturation all are. So the exact function is constant between *thresholds*,
//! the codes at which it changes, which bisection finds. If the narrower function agrees with it at
//! the ends of the operand's range and on both sides of each threshold, it agrees everywhere: between
//! two codes at which it has the same value it has no other.
//!
//! A function of steps that goes up and down is monotone in the number of the step, so those numbers
//! are compared instead of values. A cast that wraps around inside of the reachable range is not
//! monotone, and its scale stays as it is.
//!
//! **The search.** Scales are rounded to nearest with fewer bits behind the point than it takes, then
//! with one more, and so on; for each, offsets likewise. The first pair that is proven is taken. It
//! ends: the exact numbers are the last candidates.

mod chain;
mod cone;
mod report;
#[cfg(test)]
mod tests;
mod thresholds;

use num_bigint::BigInt;

use super::{Pass, Report};
use crate::fixed::Word;
use crate::ir::{Affine, Constant, Graph, NodeId, Op};

use cone::Cone;
pub use report::{Outcome, Scale, ScaleTypes};
use thresholds::Points;

pub(super) const PASS: Pass = Pass {
    name: "narrow_scales",
    purpose: "Rounds scales and offsets to the fewest bits that no quantizer behind them can tell \
              from the exact ones.",
    run,
};

/// The most thresholds, over all channels, that a proof is attempted for; it takes about a second.
pub const MAX_THRESHOLDS: usize = 1 << 20;

fn run(graph: &mut Graph, report: &mut Report) {
    for node in graph.topological_order() {
        let Op::Affine(affine) = &graph[node].op else { continue };
        let affine = affine.clone();
        let outcome = narrow(graph, node, &affine, MAX_THRESHOLDS);
        let Op::Affine(narrowed) = &graph[node].op else { continue };
        report.scales.push(Scale {
            layer: graph[node].layer.clone(),
            node: graph[node].name.clone(),
            before: ScaleTypes::of(&affine),
            after: ScaleTypes::of(narrowed),
            outcome: outcome.unwrap_or_else(|kept| kept),
        });
    }
}

/// Narrows the scale and the offset of `node`, the operation `affine`, as far as a proof on at most
/// `limit` thresholds goes. Errors say why they stay as they are.
fn narrow(
    graph: &mut Graph,
    node: NodeId,
    affine: &Affine,
    limit: usize,
) -> Result<Outcome, Outcome> {
    let cone = Cone::after(graph, node, affine)?;
    let search = search::<i64>(&cone, limit).or_else(|| search::<BigInt>(&cone, limit));
    let (narrowed, thresholds) = search.unwrap_or(Err(Outcome::TooWide))?;
    narrowed.write(graph).map_err(|_| Outcome::TooWide)?;
    Ok(Outcome::Proven { thresholds })
}

/// The narrowest candidate that is proven, and on how many thresholds; `None` if some code does not
/// fit the word.
fn search<W: Word>(cone: &Cone, limit: usize) -> Option<Result<(Cone, usize), Outcome>> {
    let mut points = match Points::<W>::of(cone, limit)? {
        Ok(points) => points,
        Err(outcome) => return Some(Err(outcome)),
    };
    let candidates = coarser(&cone.affine.scale)
        .flat_map(|scale| biases(cone.affine.bias.as_ref()).map(move |bias| (scale.clone(), bias)));
    let proven = candidates
        .filter_map(|(scale, bias)| cone.with(Affine { scale, bias }))
        .find(|candidate| points.agree(candidate) == Some(true));
    // The exact numbers are the last candidate.
    Some(Ok((proven.unwrap_or_else(|| cone.clone()), points.thresholds())))
}

/// `exact` rounded to nearest, with ever more bits behind the point; the exact one comes last.
fn coarser(exact: &Constant) -> impl Iterator<Item = Constant> {
    let bits = exact.codes.iter().map(|code| code.bits()).max().unwrap_or(0);
    let bits = u32::try_from(bits).unwrap_or(u32::MAX);
    (0..=bits).rev().filter_map(|dropped| {
        let codes = exact.codes.iter().map(|code| rounded(&code, dropped)).collect();
        let codes = ndarray::ArrayD::from_shape_vec(exact.codes.shape(), codes).ok()?;
        let fraction = exact.format.fractional_bits().checked_sub_unsigned(dropped)?;
        Constant::of_codes(codes, fraction).ok()
    })
}

/// No offset at all, then as [`coarser`]; only none if there is none.
fn biases(exact: Option<&Constant>) -> impl Iterator<Item = Option<Constant>> {
    std::iter::once(None).chain(exact.into_iter().flat_map(coarser).map(Some))
}

/// `code` / 2^`dropped`, halves up.
fn rounded(code: &BigInt, dropped: u32) -> BigInt {
    match dropped {
        0 => code.clone(),
        _ => (code + (BigInt::from(1) << (dropped - 1))) >> dropped,
    }
}
