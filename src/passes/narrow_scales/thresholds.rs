//! The codes that a proof rests on.

use super::Outcome;
use super::chain::{Chain, Groups};
use super::cone::Cone;
use crate::fixed::{Word, changes};

/// Codes at which two functions must agree to agree everywhere: both ends of each channel's range,
/// and both sides of each threshold of the exact function.
pub(super) struct Points<W> {
    points: Vec<Point<W>>,
    groups: Vec<Option<Groups<W>>>,
    thresholds: usize,
    /// Where the next point that refutes a candidate is moved.
    next: usize,
}

/// A code and what the exact function makes of it.
struct Point<W> {
    chain: usize,
    channel: usize,
    code: W,
    value: W,
}

/// How many points that refuted a candidate are asked first: what refutes one mostly refutes the
/// next.
const REMEMBERED: usize = 64;

impl<W: Word> Points<W> {
    /// The points of all channels of `cone`; `None` if a code does not fit the word.
    pub(super) fn of(cone: &Cone, limit: usize) -> Option<Result<Self, Outcome>> {
        let groups = Groups::all(cone)?;
        let chains = Chain::<W>::all(cone, &groups)?;
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
        Some(Ok(Self { points, groups, thresholds: found, next: 0 }))
    }

    /// Over all channels and quantizers.
    pub(super) fn thresholds(&self) -> usize {
        self.thresholds
    }

    /// Whether `candidate` is the exact function; `None` if a code does not fit the word.
    pub(super) fn agree(&mut self, candidate: &Cone) -> Option<bool> {
        let chains = Chain::<W>::all(candidate, &self.groups)?;
        let holds = |p: &Point<W>| chains[p.chain].apply(p.channel, &p.code) == p.value;
        let refuted = self.points.iter().position(|point| !holds(point));
        if let Some(point) = refuted {
            self.points.swap(point, self.next);
            self.next = (self.next + 1) % REMEMBERED.min(self.points.len());
        }
        Some(refuted.is_none())
    }
}
