//! A quantizer as a staircase over the real numbers: each value with the range that gives it.
//!
//! Edges between steps are found by bisection over float64 numbers: of two neighbours one gives the
//! left step and the other the right one. Where the edge is a number of few bits, as in all of fixed
//! point, it is one of the two, and belongs to its step; otherwise (√2, a third) it lies between them
//! and belongs to neither.

use super::{Quantizer, QuantizerError, Stage};
use crate::fixed::significant_bits;

/// Quantizers act on float32 numbers: beyond these nothing changes.
const FARTHEST: f64 = f32::MAX as f64;

/// An edge that is a float32 number, like a threshold, has no more significant bits than 24; the
/// float64 number next to one that is none has 53.
const FEW_BITS: u32 = 26;

/// So many neighbours may lie between an edge and where float64 arithmetic sees it.
const NEAR: i64 = 8;

/// Where one value ends and the next begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// The number; where it belongs to neither step, the float64 number next to it, away from 0.
    pub at: f64,
    /// Which step the number itself is part of.
    pub owner: Owner,
}

/// Which step an edge itself is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The step to the left.
    Left,
    /// The step to the right.
    Right,
    /// The edge is no number of binary floating point.
    Neither,
}

/// One value and where it is given. A quantizer that falls gives one value in several steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The value.
    pub value: f64,
    /// Where it begins; `None` if there is no other to the left.
    pub left: Option<Edge>,
    /// Where it ends; `None` if there is no other to the right.
    pub right: Option<Edge>,
}

/// The steps of a quantizer, to be walked from either side.
#[derive(Clone, Debug)]
pub struct Staircase<'q> {
    quantizer: &'q Quantizer,
    /// Whether every edge is a float64 number.
    is_fixed_point: bool,
    /// The first key of each piece on which the quantizer is monotone, and one past the last.
    pieces: Vec<i64>,
}

impl<'q> Staircase<'q> {
    /// The staircase of `quantizer`; `None` if it has no steps, but keeps all bits of a number.
    ///
    /// # Errors
    /// If its values depend on the data.
    pub fn new(quantizer: &'q Quantizer) -> Result<Option<Self>, QuantizerError> {
        let stages = quantizer.stages()?;
        let drops_bits = |stage: &Stage| matches!(stage, Stage::Cast(_) | Stage::Steps);
        if !stages.iter().any(drops_bits) {
            return Ok(None);
        }
        let is_rounded = |stage: &Stage| matches!(stage, Stage::Steps | Stage::Affine { .. });
        // Their edges are halves of a step or float32 thresholds, whatever they are in hardware.
        let is_linear = matches!(
            quantizer,
            Quantizer::Bits(_)
                | Quantizer::Linear(_)
                | Quantizer::Ternary(_)
                | Quantizer::Binary(_)
        );
        let turns = quantizer.turns().into_iter().filter(|turn| turn.abs() < FARTHEST);
        let mut pieces = vec![key(-FARTHEST)];
        pieces.extend(turns.map(key));
        pieces.push(key(FARTHEST) + 1);
        Ok(Some(Self {
            quantizer,
            is_fixed_point: is_linear || !stages.iter().any(is_rounded),
            pieces,
        }))
    }

    /// The steps from the leftmost on.
    pub fn from_left(&self) -> impl Iterator<Item = Step> {
        let mut start = Some((self.pieces[0], None));
        std::iter::from_fn(move || {
            let (first, left) = start?;
            let value = self.value(first);
            let right = self.change(first, 1);
            start = right.map(|(edge, above)| (above, Some(edge)));
            Some(Step { value, left, right: right.map(|(edge, _)| edge) })
        })
    }

    /// The steps from the rightmost on.
    pub fn from_right(&self) -> impl Iterator<Item = Step> {
        let mut start = self.pieces.last().map(|end| (end - 1, None));
        std::iter::from_fn(move || {
            let (last, right) = start?;
            let value = self.value(last);
            let left = self.change(last, -1);
            start = left.map(|(edge, below)| (below, Some(edge)));
            Some(Step { value, left: left.map(|(edge, _)| edge), right })
        })
    }

    fn value(&self, key: i64) -> f64 {
        self.quantizer.apply(number(key))
    }

    /// The next edge from `start` on in `direction`, and the first key behind it.
    fn change(&self, start: i64, direction: i64) -> Option<(Edge, i64)> {
        let value = self.value(start);
        let mut near = start;
        for end in self.ends(start, direction) {
            if self.value(end) == value {
                near = end;
                continue;
            }
            // On a monotone piece, what differs once differs from there on.
            let mut far = end;
            while far.abs_diff(near) > 1 {
                let middle = near.midpoint(far);
                if self.value(middle) == value { near = middle } else { far = middle }
            }
            return Some((self.edge(near.min(far), near.max(far)), far));
        }
        None
    }

    /// The edge between two neighbours.
    fn edge(&self, left: i64, right: i64) -> Edge {
        let (below, above) = (number(left), number(right));
        let (owner, at) = if significant_bits(below) < significant_bits(above) {
            (Owner::Left, below)
        } else {
            (Owner::Right, above)
        };
        if self.is_fixed_point || significant_bits(at) <= FEW_BITS {
            return Edge { at, owner };
        }
        // A line's sum with ½ is rounded, so that it may miss the edge by some neighbours.
        let short = rounded_to_few_bits(above);
        if (key(short) - right).abs() <= NEAR {
            let is_left = self.quantizer.apply(short) == self.value(left);
            return Edge { at: short, owner: if is_left { Owner::Left } else { Owner::Right } };
        }
        Edge { at: if above <= 0.0 { below } else { above }, owner: Owner::Neither }
    }

    /// The ends of the pieces ahead: of each its near and its far one.
    fn ends(&self, start: i64, direction: i64) -> Vec<i64> {
        let pieces = self.pieces.windows(2).map(|piece| (piece[0], piece[1] - 1));
        if direction > 0 {
            pieces.filter(|(_, last)| *last >= start).flat_map(|(a, b)| [a.max(start), b]).collect()
        } else {
            let ahead = pieces.rev().filter(|(first, _)| *first <= start);
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

/// `x` with its first [`FEW_BITS`] bits.
fn rounded_to_few_bits(x: f64) -> f64 {
    let dropped = f64::MANTISSA_DIGITS - FEW_BITS;
    let half = 1_u64 << (dropped - 1);
    f64::from_bits((x.to_bits() + half) >> dropped << dropped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(call: &str) -> Vec<Step> {
        let quantizer: Quantizer = call.parse().unwrap();
        Staircase::new(&quantizer).unwrap().unwrap().from_left().collect()
    }

    /// Value, right edge, its owner.
    fn edges(call: &str) -> Vec<(f64, f64, Owner)> {
        let described = |step: &Step| step.right.map(|edge| (step.value, edge.at, edge.owner));
        steps(call).iter().filter_map(described).collect()
    }

    #[test]
    fn halves_belong_to_the_even_code() {
        use Owner::{Left, Right};
        let expected = [(-1.0, -0.75, Left), (-0.5, -0.25, Right), (0.0, 0.25, Left)].to_vec();
        assert_eq!(edges("quantized_bits(2)"), expected);
    }

    #[test]
    fn thresholds_belong_to_the_outer_side() {
        let threshold = f64::from(0.33_f32);
        let expected = [(-1.0, -threshold, Owner::Left), (0.0, threshold, Owner::Right)];
        assert_eq!(edges("ternary(alpha=1)"), expected);
        assert_eq!(edges("binary(alpha=1)"), [(-1.0, 0.0, Owner::Right)]);
        // A threshold of 0 leaves 0 alone between the signs.
        let expected = [(-1.0, 0.0, Owner::Right), (0.0, 0.0, Owner::Left)];
        assert_eq!(edges("ternary(alpha=1,threshold=0)"), expected);
    }

    #[test]
    fn what_is_no_binary_number_belongs_to_neither() {
        let found = edges("quantized_relu_po2(2,max_value=1)");
        assert!(found.iter().all(|edge| edge.2 == Owner::Neither), "{found:?}");
        let root = std::f64::consts::SQRT_2;
        assert!((found[0].1 - root / 16.0).abs() < 1e-15, "{found:?}");
    }

    #[test]
    fn both_directions_see_the_same_steps() {
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
            let staircase = Staircase::new(&quantizer).unwrap().unwrap();
            let mut back: Vec<Step> = staircase.from_right().collect();
            back.reverse();
            assert_eq!(staircase.from_left().collect::<Vec<_>>(), back, "{call}");
            let mut values: Vec<f64> = back.iter().map(|step| step.value).collect();
            values.sort_by(f64::total_cmp);
            values.dedup();
            assert_eq!(Some(values), quantizer.values(), "{call}");
        }
    }

    #[test]
    fn lines_are_seen_through_their_rounding() {
        // 2 · (x/2 + ½) passes ½ at -½; the float64 sum does one number later.
        assert_eq!(edges("quantized_sigmoid(1)"), [(0.0, -0.5, Owner::Left)]);
        // A slope of 3/16 has its edges at thirds.
        let quantizer: Quantizer = "quantized_tanh(2)".parse().unwrap();
        let smooth = quantizer.with_internal_sigmoid(crate::function::Sigmoid::Smooth);
        let steps: Vec<Step> = Staircase::new(&smooth).unwrap().unwrap().from_left().collect();
        let first = steps[0].right.unwrap();
        assert_eq!((first.at, first.owner), (-2.0, Owner::Left));
        let second = steps[1].right.unwrap();
        assert!((second.at + 2.0 / 3.0).abs() < 1e-15 && second.owner == Owner::Neither);
    }

    #[test]
    fn edges_are_exact_whatever_the_scale() {
        let alpha = f64::from(0.7_f32);
        let last = *edges("quantized_linear(6,0,0,alpha=0.7)").last().unwrap();
        // Halfway between the codes 30 and 31, of which 30 is even.
        assert_eq!(last, (alpha * 30.0 / 32.0, alpha * 30.5 / 32.0, Owner::Left));
        let last = *edges("quantized_bits(6,0,0,alpha=0.7)").last().unwrap();
        assert_eq!(last, (alpha * 30.0 / 32.0, 30.5 / 32.0, Owner::Left));
    }

    #[test]
    fn steps_go_down_as_well() {
        let values: Vec<f64> = steps("quantized_hswish(3,1)").iter().map(|s| s.value).collect();
        assert_eq!(values, [0.0, -0.5, 0.0, 0.5, 1.0, 1.5]);
    }

    #[test]
    fn what_keeps_all_bits_has_no_steps() {
        let quantizer: Quantizer = "hard_tanh".parse().unwrap();
        assert!(Staircase::new(&quantizer).unwrap().is_none());
    }

    #[test]
    fn keys_keep_the_order_of_numbers() {
        let numbers = [-FARTHEST, -1.0, -f64::from_bits(1), 0.0, f64::from_bits(1), 1.0, FARTHEST];
        assert!(numbers.map(key).is_sorted());
        assert_eq!(numbers.map(|x| number(key(x))), numbers);
        assert_eq!((key(-0.0), number(-1)), (0, -f64::from_bits(1)));
    }
}
