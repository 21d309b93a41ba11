//! A quantizer as a staircase over the real numbers: each value with the interval that gives it.
//!
//! Edges between steps are found by bisection over float64 numbers, so each is known as two
//! neighbours, of which one gives the lower step and the other the upper one. Where the edge is a
//! number of few bits, as in all of fixed point, it is one of the two, and belongs to its step;
//! otherwise (√2, a third) it lies between them and belongs to neither.

use super::{Quantizer, QuantizerError};

/// Quantizers act on float32 numbers: beyond these nothing changes.
const FARTHEST: f64 = f32::MAX as f64;

/// An edge of fixed point has no more significant bits than this, one that is no number of fixed
/// point has far more: its nearest float64 numbers use all 53.
const MOST_BITS: u32 = 32;

/// Where one value ends and the next begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// The largest float64 number that gives the value to the left.
    pub below: f64,
    /// The smallest float64 number that gives the value to the right, the neighbour of `below`.
    pub above: f64,
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

/// One value and where it is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The value.
    pub value: f64,
    /// Where it begins; `None` if there is no other to the left.
    pub left: Option<Edge>,
    /// Where it ends; `None` if there is no other to the right.
    pub right: Option<Edge>,
}

impl Edge {
    /// Which step the edge itself is part of.
    pub fn owner(&self) -> Owner {
        match (significant_bits(self.below), significant_bits(self.above)) {
            (below, above) if below.min(above) > MOST_BITS => Owner::Neither,
            (below, above) if below < above => Owner::Left,
            _ => Owner::Right,
        }
    }

    /// The edge: exact unless it belongs to neither step, then the end of the gap away from 0.
    pub fn at(&self) -> f64 {
        match self.owner() {
            Owner::Left => self.below,
            Owner::Neither if self.below < 0.0 => self.below,
            Owner::Right | Owner::Neither => self.above,
        }
    }
}

/// The steps of a quantizer, from left to right or back: a double-ended walk that never meets
/// itself, so take from one end only as many as [`Staircase::len`] says, or stop in between.
#[derive(Clone, Debug)]
pub struct Staircase<'q> {
    quantizer: &'q Quantizer,
    /// The first key of each piece on which the quantizer is monotone, and one past the last.
    pieces: Vec<i64>,
}

impl<'q> Staircase<'q> {
    /// The staircase of `quantizer`.
    ///
    /// # Errors
    /// If its values depend on the data.
    pub fn new(quantizer: &'q Quantizer) -> Result<Self, QuantizerError> {
        quantizer.stages()?;
        let mut pieces = vec![key(-FARTHEST), key(FARTHEST) + 1];
        pieces.sort_unstable();
        Ok(Self { quantizer, pieces })
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
            let edge = Edge { below: number(near.min(far)), above: number(near.max(far)) };
            return Some((edge, far));
        }
        None
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

/// How many bits lie from the first to the last one that is set.
fn significant_bits(x: f64) -> u32 {
    use num_traits::Float;
    match x.integer_decode().0 {
        0 => 0,
        mantissa => u64::BITS - mantissa.leading_zeros() - mantissa.trailing_zeros(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(call: &str) -> Vec<Step> {
        let quantizer: Quantizer = call.parse().unwrap();
        Staircase::new(&quantizer).unwrap().from_left().collect()
    }

    /// Value, right edge, its owner.
    fn edges(call: &str) -> Vec<(f64, f64, Owner)> {
        let described = |step: &Step| step.right.map(|edge| (step.value, edge.at(), edge.owner()));
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
        ] {
            let quantizer: Quantizer = call.parse().unwrap();
            let staircase = Staircase::new(&quantizer).unwrap();
            let mut back: Vec<Step> = staircase.from_right().collect();
            back.reverse();
            assert_eq!(staircase.from_left().collect::<Vec<_>>(), back, "{call}");
            let values: Vec<f64> = back.iter().map(|step| step.value).collect();
            assert_eq!(Some(values), quantizer.values(), "{call}");
        }
    }

    #[test]
    fn keys_keep_the_order_of_numbers() {
        let numbers = [-FARTHEST, -1.0, -f64::from_bits(1), 0.0, f64::from_bits(1), 1.0, FARTHEST];
        assert!(numbers.map(key).is_sorted());
        assert_eq!(numbers.map(|x| number(key(x))), numbers);
        assert_eq!((key(-0.0), number(-1)), (0, -f64::from_bits(1)));
    }
}
