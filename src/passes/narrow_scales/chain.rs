//! From an operand's code to a quantizer's.

use num_bigint::BigInt;

use super::cone::{Cone, Link, Monotone};
use crate::fixed::{Caster, Format, Overflow, Quantization, Word};
use crate::ir::{Affine, Alignment, Clamp, LeakyAlignment, StepFunction};

/// A function of an operand's code and channel, monotone in the code: what the operations from a
/// scale to one of the quantizers behind it do.
pub(super) struct Chain<'g, W: Word> {
    maps: Vec<Map<'g, W>>,
}

/// One operation on a single code.
enum Map<'g, W: Word> {
    Same,
    /// Scale and bias of each channel, or those of all.
    Lines(Vec<(W, W)>),
    Limits(Option<W>, Option<W>),
    /// Codes from 0 on move up by so many places; others have the slope of their channel.
    Leaky {
        slopes: Vec<W>,
        operand: u32,
    },
    /// The cast of all channels, or of each.
    Casts(Vec<Caster<W>>),
    /// The operand counts in steps 2^`dropped` times as coarse as the thresholds.
    Steps {
        groups: &'g Groups<W>,
        dropped: u32,
    },
}

/// StepFunction whose values are replaced by the number of the step, so that a function that goes up and
/// down is monotone as well. Neighbours with the same value count as one step.
pub(super) struct Groups<W> {
    thresholds: Vec<W>,
    numbers: Vec<W>,
}

impl<'g, W: Word> Chain<'g, W> {
    /// The chains to all quantizers of `cone`, in their order; `groups` are those of its parts.
    /// `None` if some code does not fit the word.
    pub(super) fn all(cone: &Cone, groups: &'g [Option<Groups<W>>]) -> Option<Vec<Self>> {
        let mut tensors = cone.links.iter().map(|link| &link.tensor).chain([&cone.result]);
        if !W::holds(cone.operand.format) || !tensors.all(|tensor| W::holds(tensor.format)) {
            return None;
        }
        let ends = (0..cone.links.len()).filter(|link| cone.links[*link].is_end());
        ends.map(|end| Self::to(cone, end, groups)).collect()
    }

    /// The chain to the part `end`.
    fn to(cone: &Cone, end: usize, groups: &'g [Option<Groups<W>>]) -> Option<Self> {
        let mut maps = Vec::new();
        let mut at = Some(end);
        while let Some(place) = at {
            let link = cone.links.get(place)?;
            let x = cone.tensor(link.from).format;
            maps.push(match groups.get(place)? {
                Some(groups) => Map::steps(groups, x, link.dropped)?,
                None => Map::of(link, x)?,
            });
            at = link.from;
        }
        let channels = cone.operand.channel_count();
        maps.push(Map::Lines(lines(&cone.affine, cone.operand.format, channels)?));
        maps.reverse();
        Some(Self { maps })
    }

    /// What the quantizer makes of the operand `code` in `channel`.
    pub(super) fn apply(&self, channel: usize, code: &W) -> W {
        self.maps.iter().fold(code.clone(), |code, map| map.apply(channel, code))
    }
}

impl<'g, W: Word> Map<'g, W> {
    /// The operation of `link` on operands of the format `x`.
    fn of(link: &Link, x: Format) -> Option<Self> {
        Some(match &*link.op {
            Monotone::Affine(affine) => Self::Lines(lines(affine, x, link.tensor.channel_count())?),
            Monotone::Clamp(Clamp { low, high }) => {
                let limit = |code: &Option<BigInt>| match code {
                    Some(code) => W::from_big(&link.limit(code)).map(Some),
                    None => Some(None),
                };
                Self::Limits(limit(low)?, limit(high)?)
            }
            Monotone::Leaky(leaky) => {
                let alignment = LeakyAlignment::of(leaky, x).ok()?;
                let slopes = W::view(&leaky.slopes.codes)?;
                let slopes = slopes.iter().map(|slope| slope.shifted_left(alignment.product));
                Self::Leaky { slopes: slopes.collect(), operand: alignment.operand }
            }
            Monotone::Cast(cast) => {
                let caster = |to| Caster::new(x.fractional_bits(), &unwrapped(to)?);
                Self::Casts(cast.to.iter().map(caster).collect::<Option<_>>()?)
            }
            // Only where groups are missing: then the codes do not fit the word.
            Monotone::StepFunction(_) => return None,
            Monotone::SameCodes(_) => Self::Same,
        })
    }

    /// StepFunction on operands of the format `x`, which counts in steps 2^`dropped` times as coarse as
    /// the thresholds.
    fn steps(groups: &'g Groups<W>, x: Format, dropped: u32) -> Option<Self> {
        let finer = Format::covering(&x.codes().refined(dropped), x.fractional_bits());
        finer.is_ok_and(W::holds).then_some(Self::Steps { groups, dropped })
    }

    fn apply(&self, channel: usize, code: W) -> W {
        match self {
            Self::Same => code,
            Self::Lines(lines) => {
                let (scale, bias) = &lines[channel % lines.len()];
                let mut result = bias.clone();
                result.add_product(&code, scale);
                result
            }
            Self::Limits(low, high) => {
                let code = low.iter().fold(code, |code, low| code.max(low.clone()));
                high.iter().fold(code, |code, high| code.min(high.clone()))
            }
            Self::Leaky { operand, .. } if code >= W::zero() => code.shifted_left(*operand),
            Self::Leaky { slopes, .. } => {
                let mut result = W::zero();
                result.add_product(&code, &slopes[channel % slopes.len()]);
                result
            }
            Self::Casts(casters) => casters[channel % casters.len()].apply(&code),
            Self::Steps { groups, dropped } => groups.number(&code.shifted_left(*dropped)),
        }
    }
}

impl<W: Word> Groups<W> {
    /// Those of the parts of a graph's cone that are steps; `None` if a threshold does not fit the
    /// word.
    pub(super) fn all(cone: &Cone) -> Option<Vec<Option<Self>>> {
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
        let mut numbers: Vec<W> = Vec::new();
        let mut last: Option<BigInt> = None;
        for value in steps.values.codes.iter() {
            let number = match (numbers.last(), &last) {
                (None, _) => W::zero(),
                (Some(number), Some(last)) if *last == value => number.clone(),
                (Some(number), _) => number.clone() + W::one(),
            };
            numbers.push(number);
            last = Some(value);
        }
        Some(Self { thresholds, numbers })
    }

    fn number(&self, code: &W) -> W {
        let step = self.thresholds.partition_point(|threshold| threshold <= code);
        self.numbers.get(step).cloned().unwrap_or_else(W::zero)
    }
}

/// The lines of an affine operation on operands of the format `x`, one for each of so many
/// channels. Bits that an i64 loses above the result's would come back lost in any case.
fn lines<W: Word>(affine: &Affine, x: Format, channels: usize) -> Option<Vec<(W, W)>> {
    let alignment = Alignment::of(affine, x).ok()?;
    let scales = W::view(&affine.scale.codes)?;
    let scales = scales.iter().map(|scale| scale.shifted_left(alignment.product));
    let scales: Vec<W> = scales.cycle().take(channels).collect();
    let biases: Vec<W> = match &affine.bias {
        None => vec![W::zero(); channels],
        Some(bias) => {
            let biases = W::view(&bias.codes)?;
            let biases = biases.iter().map(|code| code.shifted_left(alignment.bias));
            biases.cycle().take(channels).collect()
        }
    };
    Some(scales.into_iter().zip(biases).collect())
}

/// A monotone cast that gives the codes of `to` where that one does, and a code beyond them where it
/// overflows but does not saturate.
fn unwrapped(to: &Quantization) -> Option<Quantization> {
    Some(match to.overflow {
        Overflow::Sat | Overflow::SatSym => *to,
        Overflow::Wrap { .. } | Overflow::SatZero => {
            let wider = Format::signed(to.format.width() + 2, to.format.integer_bits() + 2).ok()?;
            Quantization::new(wider, to.rounding, Overflow::Sat)
        }
    })
}
