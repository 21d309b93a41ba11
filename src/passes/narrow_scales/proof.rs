//! The proof that two scales give the same codes: the operations from a scale to a quantizer as
//! functions of single codes, and the codes at which they are compared.

use num_bigint::BigInt;

use super::Outcome;
use super::cone::{Cone, Link, Monotone};
use crate::fixed::{Caster, Format, Overflow, Quantization, Word, changes};
use crate::ir::{Clamp, LeakyAlignment, StepFunction};

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

/// The operations from a scale to one of the quantizers after it: a function of the operand's code
/// and channel, monotone in the code.
struct Chain<'g, W: Word> {
    maps: Vec<Map<'g, W>>,
}

/// One operation on a single code.
enum Map<'g, W: Word> {
    Same,
    /// Scale and bias per channel, or one of each for all.
    Affine(Vec<(W, W)>),
    Clamp(Option<W>, Option<W>),
    /// Codes from 0 on are shifted left by `operand`; others have the slope of their channel.
    Leaky {
        slopes: Vec<W>,
        operand: u32,
    },
    /// A cast per channel, or one for all.
    Cast(Vec<Caster<W>>),
    /// The operand has `dropped` fractional bits fewer than the thresholds.
    StepFunction {
        indices: &'g StepIndices<W>,
        dropped: u32,
    },
}

/// A step function whose values are replaced by indices of steps, so that it is monotone. Adjacent
/// steps with the same value have the same index.
struct StepIndices<W> {
    thresholds: Vec<W>,
    indices: Vec<W>,
}

impl<'g, W: Word> Chain<'g, W> {
    /// The chains to all quantizers of `cone`, in order, with the step indices of its links. `None`
    /// if a code does not fit the word.
    fn all(cone: &Cone, indices: &'g [Option<StepIndices<W>>]) -> Option<Vec<Self>> {
        let mut tensors = cone.links.iter().map(|link| &link.tensor).chain([&cone.result]);
        if !W::holds(cone.operand.format) || !tensors.all(|tensor| W::holds(tensor.format)) {
            return None;
        }
        let ends = (0..cone.links.len()).filter(|link| cone.links[*link].is_end());
        ends.map(|end| Self::to(cone, end, indices)).collect()
    }

    /// The chain to the link `end`.
    fn to(cone: &Cone, end: usize, indices: &'g [Option<StepIndices<W>>]) -> Option<Self> {
        let mut maps = Vec::new();
        let mut at = Some(end);
        while let Some(index) = at {
            let link = &cone.links[index];
            let x = cone.tensor(link.from).format;
            maps.push(Map::of(link, x, indices[index].as_ref())?);
            at = link.from;
        }
        maps.push(Map::Affine(cone.affine.lines(cone.operand.format)?));
        maps.reverse();
        Some(Self { maps })
    }

    /// The quantizer's code for the operand `code` in `channel`.
    fn apply(&self, channel: usize, code: &W) -> W {
        self.maps.iter().fold(code.clone(), |code, map| map.apply(channel, code))
    }
}

impl<'g, W: Word> Map<'g, W> {
    /// The operation of `link` on operands of the format `x`, with its step indices.
    fn of(link: &Link, x: Format, indices: Option<&'g StepIndices<W>>) -> Option<Self> {
        Some(match &*link.op {
            Monotone::Affine(affine) => Self::Affine(affine.lines(x)?),
            Monotone::Clamp(Clamp { low, high }) => {
                let limit = |code: &Option<BigInt>| match code {
                    Some(code) => W::from_big(&link.limit(code)).map(Some),
                    None => Some(None),
                };
                Self::Clamp(limit(low)?, limit(high)?)
            }
            Monotone::Leaky(leaky) => {
                let alignment = LeakyAlignment::of(leaky, x).ok()?;
                let slopes = leaky.slopes.shifted(alignment.product)?;
                Self::Leaky { slopes: slopes.into_iter().collect(), operand: alignment.operand }
            }
            Monotone::Cast(cast) => {
                let caster = |to| Caster::new(x.fractional_bits(), &unwrapped(to)?);
                Self::Cast(cast.to.iter().map(caster).collect::<Option<_>>()?)
            }
            Monotone::StepFunction(_) => {
                let dropped = link.dropped;
                let finer = Format::covering(&x.codes().refined(dropped), x.fractional_bits());
                finer.ok().filter(|finer| W::holds(*finer))?;
                Self::StepFunction { indices: indices?, dropped }
            }
            Monotone::SameCodes(_) => Self::Same,
        })
    }

    fn apply(&self, channel: usize, code: W) -> W {
        match self {
            Self::Same => code,
            Self::Affine(lines) => {
                let (scale, bias) = &lines[channel % lines.len()];
                let mut result = bias.clone();
                result.add_product(&code, scale);
                result
            }
            Self::Clamp(low, high) => {
                let code = low.iter().fold(code, |code, low| code.max(low.clone()));
                high.iter().fold(code, |code, high| code.min(high.clone()))
            }
            Self::Leaky { operand, .. } if code >= W::zero() => code.shifted_left(*operand),
            Self::Leaky { slopes, .. } => {
                let mut result = W::zero();
                result.add_product(&code, &slopes[channel % slopes.len()]);
                result
            }
            Self::Cast(casters) => casters[channel % casters.len()].apply(&code),
            Self::StepFunction { indices, dropped } => indices.at(&code.shifted_left(*dropped)),
        }
    }
}

impl<W: Word> StepIndices<W> {
    /// The step indices of each link of `cone` that is a step function; `None` if a threshold does
    /// not fit the word.
    fn all(cone: &Cone) -> Option<Vec<Option<Self>>> {
        let of = |link: &Link| match &*link.op {
            Monotone::StepFunction(steps) => Self::of(steps).map(Some),
            Monotone::Affine(_)
            | Monotone::Clamp(_)
            | Monotone::Leaky(_)
            | Monotone::Cast(_)
            | Monotone::SameCodes(_) => Some(None),
        };
        cone.links.iter().map(of).collect()
    }

    fn of(steps: &StepFunction) -> Option<Self> {
        let thresholds = W::view(&steps.thresholds.codes)?.iter().cloned().collect();
        let mut indices: Vec<W> = Vec::new();
        let mut last: Option<BigInt> = None;
        for value in steps.values.codes.iter() {
            let index = match (indices.last(), &last) {
                (None, _) => W::zero(),
                (Some(index), Some(last)) if *last == value => index.clone(),
                (Some(index), _) => index.clone() + W::one(),
            };
            indices.push(index);
            last = Some(value);
        }
        Some(Self { thresholds, indices })
    }

    /// The index of the step that `code` lies on.
    fn at(&self, code: &W) -> W {
        self.indices[self.thresholds.partition_point(|threshold| threshold <= code)].clone()
    }
}

/// A monotone cast with the codes of `to`, and a code beyond them where `to` overflows without
/// saturation.
fn unwrapped(to: &Quantization) -> Option<Quantization> {
    Some(match to.overflow {
        Overflow::Sat | Overflow::SatSym => *to,
        Overflow::Wrap { .. } | Overflow::SatZero => {
            let wider = Format::signed(to.format.width() + 2, to.format.integer_bits() + 2).ok()?;
            Quantization::new(wider, to.rounding, Overflow::Sat)
        }
    })
}
