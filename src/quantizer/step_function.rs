//! A quantizer as a step function over the real numbers: each value with the interval that gives it.
//!
//! Thresholds are found by bisection over float64 numbers: of two neighbours one gives the lower value
//! and the other the upper one. A threshold of few significant bits, as all of fixed point are, is one
//! of the two and belongs to its piece; any other (√2, a third) lies between them and belongs to
//! neither.

use super::{Quantizer, QuantizerError, Stage};
use crate::fixed::significant_bits;

/// Quantizers act on float32 numbers: beyond these nothing changes.
const MAX_INPUT: f64 = f32::MAX as f64;

/// Maximum significant bits of a float32 threshold, which has 24, but not of the float64 number next to
/// any other threshold, which has 53.
const FEW_BITS: u32 = 26;

/// Maximum distance, in float64 numbers, of a threshold from its image in float64 arithmetic.
const MAX_ERROR: i64 = 8;

/// A real number at which the value changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// The number; if it belongs to neither piece, the float64 number next to it, away from 0.
    pub at: f64,
    /// The piece that includes the number itself.
    pub side: Side,
}

/// The piece that includes a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The piece below.
    Below,
    /// The piece above.
    Above,
    /// None: the threshold is no binary floating-point number.
    Neither,
}

/// A value and the interval that gives it. A quantizer that is not monotone gives a value in several.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    /// The value.
    pub value: f64,
    /// The lower end; `None` for the first piece.
    pub low: Option<Threshold>,
    /// The upper end; `None` for the last piece.
    pub high: Option<Threshold>,
}

/// The pieces of a quantizer, in either order.
#[derive(Clone, Debug)]
pub struct RealStepFunction<'q> {
    quantizer: &'q Quantizer,
    /// True if every threshold is a float64 number.
    is_fixed_point: bool,
    /// The first key of each monotone section, and one past the last.
    sections: Vec<i64>,
}

impl<'q> RealStepFunction<'q> {
    /// The step function of `quantizer`; `None` if it does not round, but keeps all bits.
    ///
    /// # Errors
    /// If its values depend on the data.
    pub fn new(quantizer: &'q Quantizer) -> Result<Option<Self>, QuantizerError> {
        let stages = quantizer.stages()?;
        let drops_bits = |stage: &Stage| matches!(stage, Stage::Cast(_) | Stage::StepFunction);
        if !stages.iter().any(drops_bits) {
            return Ok(None);
        }
        let is_rounded =
            |stage: &Stage| matches!(stage, Stage::StepFunction | Stage::Affine { .. });
        // Their thresholds are half an LSB or float32 numbers, whatever they are in hardware.
        let is_linear = matches!(
            quantizer,
            Quantizer::Bits(_)
                | Quantizer::Linear(_)
                | Quantizer::Ternary(_)
                | Quantizer::Binary(_)
        );
        let breakpoints = quantizer.breakpoints().into_iter().filter(|at| at.abs() < MAX_INPUT);
        let mut sections = vec![key(-MAX_INPUT)];
        sections.extend(breakpoints.map(key));
        sections.push(key(MAX_INPUT) + 1);
        let is_fixed_point = is_linear || !stages.iter().any(is_rounded);
        Ok(Some(Self { quantizer, is_fixed_point, sections }))
    }

    /// The pieces in ascending order.
    pub fn ascending(&self) -> impl Iterator<Item = Piece> {
        self.pieces(key(-MAX_INPUT), 1).map(|(value, low, high)| Piece { value, low, high })
    }

    /// The pieces in descending order.
    pub fn descending(&self) -> impl Iterator<Item = Piece> {
        self.pieces(key(MAX_INPUT), -1).map(|(value, high, low)| Piece { value, low, high })
    }

    /// The pieces from the key `first` on: value, nearer and farther end.
    fn pieces(
        &self,
        first: i64,
        direction: i64,
    ) -> impl Iterator<Item = (f64, Option<Threshold>, Option<Threshold>)> {
        let mut start = Some((None, first));
        std::iter::from_fn(move || {
            let (near, first) = start?;
            let change = self.change(first, direction);
            start = change.map(|(threshold, next)| (Some(threshold), next));
            Some((self.value(first), near, change.map(|(threshold, _)| threshold)))
        })
    }

    fn value(&self, key: i64) -> f64 {
        self.quantizer.apply(number(key))
    }

    /// The next threshold from `start` on in `direction`, and the first key past it.
    fn change(&self, start: i64, direction: i64) -> Option<(Threshold, i64)> {
        let value = self.value(start);
        let mut near = start;
        for end in self.ends(start, direction) {
            if self.value(end) == value {
                near = end;
                continue;
            }
            // In a monotone section, the value stays different once it is.
            let mut far = end;
            while far.abs_diff(near) > 1 {
                let middle = near.midpoint(far);
                if self.value(middle) == value { near = middle } else { far = middle }
            }
            return Some((self.threshold(near.min(far), near.max(far)), far));
        }
        None
    }

    /// The threshold between two neighbours.
    fn threshold(&self, low: i64, high: i64) -> Threshold {
        let (below, above) = (number(low), number(high));
        let (side, at) = if significant_bits(below) < significant_bits(above) {
            (Side::Below, below)
        } else {
            (Side::Above, above)
        };
        if self.is_fixed_point || significant_bits(at) <= FEW_BITS {
            return Threshold { at, side };
        }
        // The sum with ½ in a linear function is rounded, which may shift the threshold a little.
        let short = rounded_to_few_bits(above);
        if (key(short) - high).abs() <= MAX_ERROR {
            let is_below = self.quantizer.apply(short) == self.value(low);
            return Threshold { at: short, side: if is_below { Side::Below } else { Side::Above } };
        }
        Threshold { at: if above <= 0.0 { below } else { above }, side: Side::Neither }
    }

    /// The ends of the sections ahead: of each its near and its far one.
    fn ends(&self, start: i64, direction: i64) -> Vec<i64> {
        let sections = self.sections.windows(2).map(|section| (section[0], section[1] - 1));
        if direction > 0 {
            let ahead = sections.filter(|(_, last)| *last >= start);
            ahead.flat_map(|(a, b)| [a.max(start), b]).collect()
        } else {
            let ahead = sections.rev().filter(|(first, _)| *first <= start);
            ahead.flat_map(|(a, b)| [b.min(start), a]).collect()
        }
    }
}

/// A float64 number as an integer in the same order.
fn key(x: f64) -> i64 {
    let bits = x.to_bits() as i64;
    if bits < 0 { i64::MIN - bits } else { bits }
}

/// The number of a key; both zeros have the key 0.
fn number(key: i64) -> f64 {
    let bits = if key < 0 { i64::MIN - key } else { key };
    f64::from_bits(bits as u64)
}

/// `x` rounded to its first [`FEW_BITS`] bits.
fn rounded_to_few_bits(x: f64) -> f64 {
    let dropped = f64::MANTISSA_DIGITS - FEW_BITS;
    let half = 1_u64 << (dropped - 1);
    f64::from_bits((x.to_bits() + half) >> dropped << dropped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(call: &str) -> Vec<Piece> {
        let quantizer: Quantizer = call.parse().unwrap();
        RealStepFunction::new(&quantizer).unwrap().unwrap().ascending().collect()
    }

    /// Value, upper threshold, its side.
    fn thresholds(call: &str) -> Vec<(f64, f64, Side)> {
        let described = |piece: &Piece| piece.high.map(|high| (piece.value, high.at, high.side));
        pieces(call).iter().filter_map(described).collect()
    }

    #[test]
    fn ties_belong_to_the_even_code() {
        use Side::{Above, Below};
        let expected = [(-1.0, -0.75, Below), (-0.5, -0.25, Above), (0.0, 0.25, Below)].to_vec();
        assert_eq!(thresholds("quantized_bits(2)"), expected);
    }

    #[test]
    fn symmetric_thresholds_belong_to_the_outer_side() {
        let threshold = f64::from(0.33_f32);
        let expected = [(-1.0, -threshold, Side::Below), (0.0, threshold, Side::Above)];
        assert_eq!(thresholds("ternary(alpha=1)"), expected);
        assert_eq!(thresholds("binary(alpha=1)"), [(-1.0, 0.0, Side::Above)]);
        // A threshold of 0 leaves 0 alone between the signs.
        let expected = [(-1.0, 0.0, Side::Above), (0.0, 0.0, Side::Below)];
        assert_eq!(thresholds("ternary(alpha=1,threshold=0)"), expected);
    }

    #[test]
    fn what_is_no_binary_number_belongs_to_neither() {
        let found = thresholds("quantized_relu_po2(2,max_value=1)");
        assert!(found.iter().all(|threshold| threshold.2 == Side::Neither), "{found:?}");
        let root = std::f64::consts::SQRT_2;
        assert!((found[0].1 - root / 16.0).abs() < 1e-15, "{found:?}");
    }

    #[test]
    fn both_orders_have_the_same_pieces() {
        for call in [
            "quantized_bits(5,1,alpha=0.3)",
            "quantized_relu(4,2,negative_slope=0.25)",
            "quantized_relu(4,1,1)",
            "quantized_po2(3)",
            "ternary",
            "ternary(alpha=-2)",
            "quantized_hswish(4,2)",
            "quantized_ulaw(4)",
            "quantized_sigmoid(3,use_real_sigmoid=1)",
            "quantized_tanh(3)",
            "binary_tanh",
        ] {
            let quantizer: Quantizer = call.parse().unwrap();
            let function = RealStepFunction::new(&quantizer).unwrap().unwrap();
            let mut back: Vec<Piece> = function.descending().collect();
            back.reverse();
            assert_eq!(function.ascending().collect::<Vec<_>>(), back, "{call}");
            let mut values: Vec<f64> = back.iter().map(|piece| piece.value).collect();
            values.sort_by(f64::total_cmp);
            values.dedup();
            assert_eq!(Some(values), quantizer.values(), "{call}");
        }
    }

    #[test]
    fn thresholds_of_lines_are_exact_despite_rounding() {
        // 2 · (x/2 + ½) passes ½ at -½; the float64 sum does one number later.
        assert_eq!(thresholds("quantized_sigmoid(1)"), [(0.0, -0.5, Side::Below)]);
        // A slope of 3/16 has its thresholds at thirds.
        let quantizer: Quantizer = "quantized_tanh(2)".parse().unwrap();
        let smooth = quantizer.with_internal_sigmoid(crate::function::Sigmoid::Smooth);
        let pieces: Vec<Piece> =
            RealStepFunction::new(&smooth).unwrap().unwrap().ascending().collect();
        let first = pieces[0].high.unwrap();
        assert_eq!((first.at, first.side), (-2.0, Side::Below));
        let second = pieces[1].high.unwrap();
        assert!((second.at + 2.0 / 3.0).abs() < 1e-15 && second.side == Side::Neither);
    }

    #[test]
    fn thresholds_are_exact_for_every_scale() {
        let alpha = f64::from(0.7_f32);
        let last = *thresholds("quantized_linear(6,0,0,alpha=0.7)").last().unwrap();
        // Halfway between the codes 30 and 31, of which 30 is even.
        assert_eq!(last, (alpha * 30.0 / 32.0, alpha * 30.5 / 32.0, Side::Below));
        let last = *thresholds("quantized_bits(6,0,0,alpha=0.7)").last().unwrap();
        assert_eq!(last, (alpha * 30.0 / 32.0, 30.5 / 32.0, Side::Below));
    }

    #[test]
    fn values_may_fall() {
        let values: Vec<f64> =
            pieces("quantized_hswish(3,1)").iter().map(|piece| piece.value).collect();
        assert_eq!(values, [0.0, -0.5, 0.0, 0.5, 1.0, 1.5]);
    }

    #[test]
    fn what_keeps_all_bits_is_no_step_function() {
        let quantizer: Quantizer = "hard_tanh".parse().unwrap();
        assert!(RealStepFunction::new(&quantizer).unwrap().is_none());
    }

    #[test]
    fn keys_keep_the_order_of_numbers() {
        let numbers =
            [-MAX_INPUT, -1.0, -f64::from_bits(1), 0.0, f64::from_bits(1), 1.0, MAX_INPUT];
        assert!(numbers.map(key).is_sorted());
        assert_eq!(numbers.map(|x| number(key(x))), numbers);
        assert_eq!((key(-0.0), number(-1)), (0, -f64::from_bits(1)));
    }
}
