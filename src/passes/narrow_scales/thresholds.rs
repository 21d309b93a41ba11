//! The codes at which a proof compares two functions.

use super::Outcome;
use super::chain::{Chain, StepIndices};
use super::cone::Cone;
use crate::fixed::{Word, changes};

/// Codes at which two functions must agree to agree everywhere: both ends of each channel's range,
/// and both sides of each threshold of the exact function.
pub(super) struct Points<W> {
    points: Vec<Point<W>>,
    indices: Vec<Option<StepIndices<W>>>,
    thresholds: usize,
    /// Index to which the next point that refutes a candidate is moved.
    next: usize,
}

/// A code and the value of the exact function.
struct Point<W> {
    chain: usize,
    channel: usize,
    code: W,
    value: W,
}

/// Number of refuting points that are checked first: they often refute the next candidate as well.
const REMEMBERED: usize = 64;

impl<W: Word> Points<W> {
    /// The points of all channels of `cone`; `None` if a code does not fit the word.
    pub(super) fn of(cone: &Cone, limit: usize) -> Option<Result<Self, Outcome>> {
        let indices = StepIndices::all(cone)?;
        let chains = Chain::<W>::all(cone, &indices)?;
        let (mut points, mut found) = (Vec::new(), 0);
        for (chain, exact) in chains.iter().enumerate() {
            for channel in 0..cone.operand.channel_count() {
                let range = cone.operand.channel_range(channel);
                let low = W::from_big(range.low())?;
                let high = W::from_big(range.high())?;
                let value = |code: &W| exact.apply(channel, code);
                let left = limit.saturating_sub(found);
                let Some(thresholds) = changes(low.clone(), high.clone(), left, value) else {
                    return Some(Err(Outcome::TooMany { limit }));
                };
                found += thresholds.len();
                let sides =
                    thresholds.into_iter().flat_map(|(code, _)| [code.clone() - W::one(), code]);
                for code in [low, high].into_iter().chain(sides) {
                    let value = value(&code);
                    points.push(Point { chain, channel, code, value });
                }
            }
        }
        Some(Ok(Self { points, indices, thresholds: found, next: 0 }))
    }

    /// Number of thresholds over all channels and quantizers.
    pub(super) fn thresholds(&self) -> usize {
        self.thresholds
    }

    /// True if `candidate` equals the exact function; `None` if a code does not fit the word.
    pub(super) fn confirm(&mut self, candidate: &Cone) -> Option<bool> {
        let chains = Chain::<W>::all(candidate, &self.indices)?;
        let holds = |p: &Point<W>| chains[p.chain].apply(p.channel, &p.code) == p.value;
        let refuted = self.points.iter().position(|point| !holds(point));
        if let Some(point) = refuted {
            self.points.swap(point, self.next);
            self.next = (self.next + 1) % REMEMBERED.min(self.points.len());
        }
        Some(refuted.is_none())
    }
}
