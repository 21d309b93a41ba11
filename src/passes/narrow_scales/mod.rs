//! Narrows scales and biases to the fractional bits that the quantizers after them need.
//!
//! An [`Op::Affine`] multiplies by a real number of 24 or more significant bits. If a quantizer
//! takes its result, most of these bits do not matter: the quantizer gives the same code for every
//! scale that is close enough. This pass does not estimate the precision. It proves, for each
//! channel and every code in the operand's range, that a narrower scale gives the same results.
//!
//! **Proof.** The function from the operand's code to the quantizer's code is monotone in each
//! channel, with the exact scale and with a narrower one, because scaling by a constant, biases,
//! limits, leaky slopes, rounding and saturation are monotone. So the exact function is constant
//! between its *thresholds*, the codes at which it changes; bisection finds them. If the narrower
//! function equals the exact one at the ends of the operand's range and on both sides of each
//! threshold, they are equal everywhere: a monotone function with the same value at two codes is
//! constant between them.
//!
//! A step function need not be monotone, but the index of its step is, so indices are compared
//! instead of values. A cast that wraps within the proven range is not monotone; the scale before
//! it is not narrowed.
//!
//! **Search.** Scales are rounded to nearest with a growing number of fractional bits, and biases
//! likewise for each scale. The first pair with a proof is taken. The exact constants come last.

mod cone;
mod proof;
mod report;
#[cfg(test)]
mod tests;

use num_bigint::BigInt;

use super::{Pass, Report};
use crate::fixed::Word;
use crate::ir::{Affine, Constant, Graph, NodeId, Op};

use cone::Cone;
use proof::Points;
pub use report::{Outcome, Scale, ScaleTypes};

pub(super) const PASS: Pass = Pass {
    name: "narrow_scales",
    purpose: "Rounds scales and biases to the fewest bits for which the quantizers after them give \
              the same codes.",
    run,
};

/// Maximum number of thresholds of a proof, over all channels; it takes about a second.
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

/// Narrows the scale and the bias of `node`, the operation `affine`, with at most `limit`
/// thresholds. An error is the reason why they stay exact.
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

/// The narrowest candidate with a proof, and the number of its thresholds; `None` if a code does
/// not fit the word.
fn search<W: Word>(cone: &Cone, limit: usize) -> Option<Result<(Cone, usize), Outcome>> {
    let mut points = match Points::<W>::of(cone, limit)? {
        Ok(points) => points,
        Err(outcome) => return Some(Err(outcome)),
    };
    let candidates = coarser(&cone.affine.scale)
        .flat_map(|scale| biases(cone.affine.bias.as_ref()).map(move |bias| (scale.clone(), bias)));
    let proven = candidates
        .filter_map(|(scale, bias)| cone.with(Affine { scale, bias }))
        .find(|candidate| points.confirm(candidate) == Some(true));
    // A candidate that does not fit the word is no loss: the exact constants are the last
    // candidate.
    Some(Ok((proven.unwrap_or_else(|| cone.clone()), points.thresholds())))
}

/// `exact` rounded to nearest, with a growing number of fractional bits; the exact constant comes
/// last. Roundings that no format holds are skipped.
fn coarser(exact: &Constant) -> impl Iterator<Item = Constant> {
    let bits = exact.codes.iter().map(|code| code.bits()).max().unwrap_or(0);
    let bits = u32::try_from(bits).unwrap_or(u32::MAX);
    (0..=bits).rev().filter_map(|dropped| {
        let codes = exact.codes.iter().map(|code| rounded(&code, dropped)).collect();
        let codes = ndarray::ArrayD::from_shape_vec(exact.codes.shape(), codes);
        let codes = codes.expect("a code per element");
        let fraction = exact.format.fractional_bits().checked_sub_unsigned(dropped)?;
        Constant::of_codes(codes, fraction).ok()
    })
}

/// No bias, then the roundings of `exact`.
fn biases(exact: Option<&Constant>) -> impl Iterator<Item = Option<Constant>> {
    std::iter::once(None).chain(exact.into_iter().flat_map(coarser).map(Some))
}

/// `code` / 2^`dropped`, rounded half up.
fn rounded(code: &BigInt, dropped: u32) -> BigInt {
    match dropped {
        0 => code.clone(),
        _ => (code + (BigInt::from(1) << (dropped - 1))) >> dropped,
    }
}
