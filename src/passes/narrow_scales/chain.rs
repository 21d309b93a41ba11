//! From an operand's code to a quantizer's.

use num_bigint::BigInt;

use super::cone::{Cone, Part};
use crate::fixed::{Caster, Format, Overflow, Quantization, Rounding, Word};
use crate::ir::{Affine, Lines, Op, StepFunction, Units};

/// A function of an operand's code and channel, monotone in the code: what the operations from a
/// scale to one of the quantizers behind it do.
pub(super) struct Chain<'g, W: Word> {
    maps: Vec<Map<'g, W>>,
}

/// One operation on a single code.
enum Map<'g, W: Word> {
    Same,
    /// Scale and offset of each channel, or those of all.
    Lines(Vec<(W, W)>),
    Limits(Option<W>, Option<W>),
    /// Codes from 0 on move up by so many places; others have the slope of their channel.
    Leaky {
        slopes: Vec<W>,
        operand: u32,
    },
    Cast(Caster<W>),
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
        let mut tensors = cone.parts.iter().map(|part| &part.tensor).chain([&cone.result]);
        if !W::holds(cone.operand.format) || !tensors.all(|tensor| W::holds(tensor.format)) {
            return None;
        }
        let ends = (0..cone.parts.len()).filter(|part| cone.parts[*part].is_end());
        ends.map(|end| Self::to(cone, end, groups)).collect()
    }

    /// The chain to the part `end`.
    fn to(cone: &Cone, end: usize, groups: &'g [Option<Groups<W>>]) -> Option<Self> {
        let mut maps = Vec::new();
        let mut at = Some(end);
        while let Some(place) = at {
            let part = cone.parts.get(place)?;
            let x = cone.tensor(part.from).format;
            maps.push(match groups.get(place)? {
                Some(groups) => Map::steps(groups, x, part.dropped)?,
                None => Map::of(part, x)?,
            });
            at = part.from;
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
    /// The operation of `part` on operands of the format `x`.
    fn of(part: &Part, x: Format) -> Option<Self> {
        Some(match &*part.op {
            Op::Affine(affine) => Self::Lines(lines(affine, x, part.tensor.channel_count())?),
            Op::Clamp { low, high } => {
                let limit = |code: &Option<BigInt>| match code {
                    Some(code) => W::from_big(&part.limit(code)).map(Some),
                    None => Some(None),
                };
                Self::Limits(limit(low)?, limit(high)?)
            }
            Op::Leaky(leaky) => {
                let lines = Lines::of(leaky, x).ok()?;
                let slopes = W::view(&leaky.slopes.codes)?;
                let slopes = slopes.iter().map(|slope| slope.shifted_left(lines.product));
                Self::Leaky { slopes: slopes.collect(), operand: lines.operand }
            }
            Op::Cast { rounding, overflow } => {
                let to = unwrapped(part.tensor.format, *rounding, *overflow)?;
                Self::Cast(Caster::new(x.fraction(), &to)?)
            }
            // The same codes, of another type or in another shape.
            _ => Self::Same,
        })
    }

    /// StepFunction on operands of the format `x`, which counts in steps 2^`dropped` times as coarse as
    /// the thresholds.
    fn steps(groups: &'g Groups<W>, x: Format, dropped: u32) -> Option<Self> {
        let finer = Format::covering(&x.codes().refined(dropped), x.fraction());
        finer.is_ok_and(W::holds).then_some(Self::Steps { groups, dropped })
    }

    fn apply(&self, channel: usize, code: W) -> W {
        match self {
            Self::Same => code,
            Self::Lines(lines) => {
                let (scale, offset) = &lines[channel % lines.len()];
                let mut result = offset.clone();
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
            Self::Cast(caster) => caster.apply(&code),
            Self::Steps { groups, dropped } => groups.number(&code.shifted_left(*dropped)),
        }
    }
}

impl<W: Word> Groups<W> {
    /// Those of the parts of a graph's cone that are steps; `None` if a threshold does not fit the
    /// word.
    pub(super) fn all(cone: &Cone) -> Option<Vec<Option<Self>>> {
        let of = |part: &Part| match &*part.op {
            Op::StepFunction(steps) => Self::of(steps).map(Some),
            _ => Some(None),
        };
        cone.parts.iter().map(of).collect()
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
    let units = Units::of(affine, x).ok()?;
    let scales = W::view(&affine.scale.codes)?;
    let scales = scales.iter().map(|scale| scale.shifted_left(units.product));
    let scales: Vec<W> = scales.cycle().take(channels).collect();
    let offsets: Vec<W> = match &affine.offset {
        None => vec![W::zero(); channels],
        Some(offset) => {
            let offsets = W::view(&offset.codes)?;
            let offsets = offsets.iter().map(|code| code.shifted_left(units.offset));
            offsets.cycle().take(channels).collect()
        }
    };
    Some(scales.into_iter().zip(offsets).collect())
}

/// A monotone cast that gives the codes of `format` where the one asked for does, and a code beyond
/// it where that one overflows but saturates not.
fn unwrapped(format: Format, rounding: Rounding, overflow: Overflow) -> Option<Quantization> {
    Some(match overflow {
        Overflow::Sat | Overflow::SatSym => Quantization::new(format, rounding, overflow),
        Overflow::Wrap { .. } | Overflow::SatZero => {
            let wider = Format::signed(format.width() + 2, format.integer() + 2).ok()?;
            Quantization::new(wider, rounding, Overflow::Sat)
        }
    })
}
