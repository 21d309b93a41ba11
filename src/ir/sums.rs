//! What the sums of a [`Linear`] can be: the proof of an accumulator.

use num_bigint::BigInt;
use num_traits::{Num, Signed};

use super::{Linear, Tensor};
use crate::fixed::{Format, Range};

/// What a [`Linear`] can give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    /// Bits behind the point of every sum.
    pub fraction: i32,
    /// The codes of each output.
    pub channels: Vec<Range>,
    /// The codes of every partial sum of any output: whatever part of its terms has been added.
    pub partial: Range,
}

/// What meets the weights of a [`Linear`].
pub(super) struct Terms<'a> {
    /// The operand's format.
    pub(super) format: Format,
    /// How many groups the outputs fall into, each with operands of its own.
    pub(super) groups: usize,
    /// The codes that meet a row of weights in a group.
    pub(super) range: &'a dyn Fn(usize, usize) -> Option<Range>,
}

impl Linear {
    /// The sums that operands inside of the ranges of `x` give; `None` if the binary points of
    /// the terms lie too far apart to be counted.
    pub fn sums(&self, x: &Tensor) -> Option<Sums> {
        let range = |input, _| Some(x.range_of(input).clone());
        self.sums_of(&Terms { format: x.format, groups: 1, range: &range })
    }

    /// See [`Linear::sums`].
    pub(super) fn sums_of(&self, x: &Terms<'_>) -> Option<Sums> {
        let product = i64::from(x.format.fraction()) + i64::from(self.weights.format.fraction());
        let bias = self.bias.as_ref().map(|b| i64::from(b.format.fraction()));
        let fraction = bias.map_or(product, |b| b.max(product));
        let product_shift = u32::try_from(fraction - product).ok()?;
        let bias_shift = bias.map_or(Some(0), |b| u32::try_from(fraction - b).ok())?;
        let fraction = i32::try_from(fraction).ok()?;
        if product_shift.max(bias_shift) > 4 * crate::fixed::MAX_WIDTH {
            return None;
        }
        let shifts = Shifts { product: product_shift, bias: bias_shift };
        // Below this many bits nothing overflows an i128: all terms together need no more.
        let bits = |format: Format| format.width() + 1;
        let terms = usize::BITS - self.weights.codes.shape().first()?.leading_zeros();
        let product_bits = bits(x.format) + bits(self.weights.format) + product_shift + terms;
        let bias_bits = self.bias.as_ref().map_or(0, |b| bits(b.format)) + bias_shift;
        let (channels, partial) = if product_bits.max(bias_bits) < 120 {
            self.ranges::<i128>(x, shifts)?
        } else {
            self.ranges::<BigInt>(x, shifts)?
        };
        Some(Sums { fraction, channels, partial })
    }

    /// Per output the range of the full sum, and over all outputs that of partial sums.
    fn ranges<T: Term>(&self, x: &Terms<'_>, shifts: Shifts) -> Option<(Vec<Range>, Range)>
    where
        for<'a> &'a T: std::ops::Mul<&'a T, Output = T>,
    {
        let outputs = *self.weights.codes.shape().get(1)?;
        let terms =
            |codes: &crate::fixed::Codes| codes.iter().map(T::of).collect::<Option<Vec<T>>>();
        let weights = terms(&self.weights.codes)?;
        let mut ranges: Vec<Running<T>> = match &self.bias {
            None => (0..outputs).map(|_| Running::new(T::zero(), T::zero())).collect(),
            Some(bias) => terms(&bias.codes)?
                .into_iter()
                .map(|b| b.shifted(shifts.bias))
                .map(|b| Running::new(b.clone(), b))
                .collect(),
        };
        let size = outputs.checked_div(x.groups)?.max(1);
        for (input, row) in weights.chunks_exact(outputs.max(1)).enumerate() {
            let groups = ranges.chunks_mut(size).zip(row.chunks(size));
            for (group, (ranges, weights)) in groups.enumerate() {
                let range = (x.range)(input, group)?;
                let low = T::of(range.low().clone())?.shifted(shifts.product);
                let high = T::of(range.high().clone())?.shifted(shifts.product);
                for (range, weight) in ranges.iter_mut().zip(weights) {
                    let (a, b) = (&low * weight, &high * weight);
                    if weight.is_negative() { range.add(b, a) } else { range.add(a, b) }
                }
            }
        }
        let channels = ranges.iter().map(|r| Range::new(r.low.big(), r.high.big())).collect();
        let lowest = ranges.iter().map(|r| r.lowest.clone()).min()?;
        let highest = ranges.iter().map(|r| r.highest.clone()).max()?;
        Some((channels, Range::new(lowest.big(), highest.big())))
    }
}

/// How far products and biases move up to the sum's binary point.
#[derive(Clone, Copy)]
struct Shifts {
    product: u32,
    bias: u32,
}

/// A growing sum: where all of it lies, and where any part of it lies.
struct Running<T> {
    low: T,
    high: T,
    lowest: T,
    highest: T,
}

impl<T: Term> Running<T> {
    fn new(low: T, high: T) -> Self {
        let (lowest, highest) = (low.clone().min(T::zero()), high.clone().max(T::zero()));
        Self { low, high, lowest, highest }
    }

    fn add(&mut self, low: T, high: T) {
        // A part of a sum may lack any term, so a term counts only on its side of zero.
        self.lowest = self.lowest.clone() + low.clone().min(T::zero());
        self.highest = self.highest.clone() + high.clone().max(T::zero());
        self.low = self.low.clone() + low;
        self.high = self.high.clone() + high;
    }
}

/// The integers that ranges are computed with.
trait Term: Num + Signed + Ord + Clone {
    fn of(code: BigInt) -> Option<Self>;
    fn shifted(&self, bits: u32) -> Self;
    fn big(&self) -> BigInt;
}

impl Term for i128 {
    fn of(code: BigInt) -> Option<Self> {
        code.try_into().ok()
    }
    fn shifted(&self, bits: u32) -> Self {
        self << bits
    }
    fn big(&self) -> BigInt {
        BigInt::from(*self)
    }
}

impl Term for BigInt {
    fn of(code: BigInt) -> Option<Self> {
        Some(code)
    }
    fn shifted(&self, bits: u32) -> Self {
        self << bits
    }
    fn big(&self) -> BigInt {
        self.clone()
    }
}
