//! `QAdaptiveActivation`: a quantizer whose integer bits follow the range of values seen in training.

use super::rounding::{floor_log2, round_log2};
use super::{Quantizer, exp2};

/// QKeras' QAdaptiveActivation: a [`Quantizer::Bits`] or [`Quantizer::Relu`] whose integer bits cover
/// moving averages of the smallest and the largest value, of all channels together or of each.
///
/// QKeras' layer computes with the integer bits that its last call left behind, so that a model which
/// was just loaded begins with those of averages that are 0. Here they are those of the stored
/// averages from the first sample on.
#[derive(Clone, Debug, PartialEq)]
pub struct Adaptive {
    /// With no integer bits.
    quantizer: Quantizer,
    rule: Rule,
    /// The averages of the smallest and the largest value, of each channel or of all.
    ranges: Vec<(f32, f32)>,
    /// Whether QKeras' own inference moves the averages.
    moving: bool,
}

/// How a range becomes integer bits: the arguments of QKeras' `_get_integer_bits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Whether the smallest number is minus the largest.
    pub symmetric: bool,
    /// Whether the range is rounded to the nearest powers of two, not up.
    pub po2_rounding: bool,
}

impl Adaptive {
    /// The layer with `quantizer`, whatever its integer bits, for `ranges` from the smallest to the
    /// largest value; `None` unless it is of one of the two kinds, and there is a range.
    pub fn new(quantizer: &Quantizer, rule: Rule, ranges: Vec<(f32, f32)>) -> Option<Self> {
        let quantizer = with_integer(quantizer, 0)?;
        (!ranges.is_empty()).then_some(Self { quantizer, rule, ranges, moving: false })
    }

    /// The same, where QKeras' own inference moves the averages if `moving`: with an
    /// `ema_freeze_delay` that the training has not passed, its `call` forgets to ask whether it trains.
    #[must_use]
    pub fn moving(self, moving: bool) -> Self {
        Self { moving, ..self }
    }

    /// Whether QKeras' own inference moves the averages, so that its results depend on the samples
    /// before.
    pub fn is_moving(&self) -> bool {
        self.moving
    }

    /// The integer bits of each channel, or of all.
    pub fn integer_bits(&self) -> Vec<i32> {
        let (bits, is_signed) = match &self.quantizer {
            Quantizer::Bits(bits) => (bits.unsigned_bits(), bits.is_signed()),
            Quantizer::Relu(relu) => (relu.unsigned_bits().unsigned_abs(), relu.is_signed()),
            _ => return vec![],
        };
        self.ranges.iter().map(|range| self.rule.integer_bits(*range, bits, is_signed)).collect()
    }

    /// The quantizer of each channel, or of all.
    pub fn quantizers(&self) -> Vec<Quantizer> {
        let bits = self.integer_bits();
        bits.iter().filter_map(|integer| with_integer(&self.quantizer, *integer)).collect()
    }

    /// The quantizer without integer bits and upper bound, q, and that bound: with i integer bits it is
    /// 2^i · q(x / 2^i), not above the bound.
    pub fn unit(&self) -> (Quantizer, Option<f64>) {
        match &self.quantizer {
            Quantizer::Relu(relu) => (Quantizer::Relu(relu.clone().without_bound()), relu.bound()),
            other => (other.clone(), None),
        }
    }
}

/// `quantizer` with other integer bits, if it has any.
fn with_integer(quantizer: &Quantizer, integer: i32) -> Option<Quantizer> {
    match quantizer {
        Quantizer::Bits(bits) => Some(Quantizer::Bits(bits.clone().with_integer(integer))),
        Quantizer::Relu(relu) => Some(Quantizer::Relu(relu.clone().with_integer(integer))),
        _ => None,
    }
}

impl Rule {
    /// QKeras' `_get_integer_bits` for numbers of `bits` bits without the sign.
    ///
    /// QKeras takes a float32 logarithm. Rounded up, it may miss a power of two, but the comparison with
    /// the largest number of the type puts that right.
    fn integer_bits(self, (low, high): (f32, f32), bits: u32, is_signed: bool) -> i32 {
        let (low, high) = if is_signed { (low, high) } else { (low.max(0.0), high.max(0.0)) };
        let most = bits as i32;
        if self.po2_rounding {
            return rounded_log2(low).max(rounded_log2(high)).min(most);
        }
        // The largest number of a type, as QKeras computes it.
        let largest =
            |integer: i32| (exp2(integer) as f32) - (exp2((integer - most).min(0)) as f32);
        let mut for_high = log2_rounded_up(high);
        for_high += i32::from(high > largest(for_high));
        let mut for_low = log2_rounded_up(low);
        for_low += i32::from(self.symmetric && -largest(for_low) > low);
        for_low.max(for_high).min(most)
    }
}

/// log2|`x`| to the nearest integer, 0 for small `x`.
fn rounded_log2(x: f32) -> i32 {
    if x.abs() > 1.0 { round_log2(x.abs().into()) } else { 0 }
}

/// log2|`x`| rounded up, 0 for small `x`.
fn log2_rounded_up(x: f32) -> i32 {
    if x.abs() <= 1.0 {
        return 0;
    }
    let x = f64::from(x.abs());
    let floor = floor_log2(x);
    if exp2(floor) < x { floor + 1 } else { floor }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adaptive(
        call: &str,
        symmetric: bool,
        po2_rounding: bool,
        ranges: &[(f32, f32)],
    ) -> Adaptive {
        let rule = Rule { symmetric, po2_rounding };
        Adaptive::new(&call.parse().unwrap(), rule, ranges.to_vec()).unwrap()
    }

    #[test]
    fn integer_bits_cover_the_range() {
        let bits = |symmetric, ranges: &[(f32, f32)]| {
            adaptive("quantized_bits(4,alpha=1)", symmetric, false, ranges).integer_bits()
        };
        // 0.875 is the largest number without integer bits.
        let ranges = [(0.0, 0.0), (-0.9, 0.875), (-0.9, 0.88), (-1.0, 0.1), (-9.0, 40.0)];
        assert_eq!(bits(false, &ranges), [0, 0, 1, 0, 3]);
        assert_eq!(bits(true, &ranges), [0, 1, 1, 1, 3]);
        let relu = adaptive("quantized_relu(4)", true, false, &[(-7.0, 1.0), (0.0, 1.9)]);
        assert_eq!(relu.integer_bits(), [1, 2]);
        let nearest = adaptive("quantized_relu(4)", true, true, &[(0.0, 1.4), (0.0, 1.5)]);
        assert_eq!(nearest.integer_bits(), [0, 1]);
    }

    #[test]
    fn the_unit_quantizer_scales_to_each() {
        let call =
            "quantized_relu(4,5,negative_slope=0.25,relu_upper_bound=1.7,is_quantized_clip=False)";
        let adaptive = adaptive(call, true, false, &[(-0.1, 0.3), (-3.0, 1.0), (-0.1, 7.0)]);
        let (unit, bound) = adaptive.unit();
        for (quantizer, integer) in adaptive.quantizers().iter().zip(adaptive.integer_bits()) {
            for x in (-900..900).map(|k| f64::from(k) / 64.0) {
                let scaled = unit.apply(x * exp2(-integer)) * exp2(integer);
                assert_eq!(scaled.min(bound.unwrap()), quantizer.apply(x), "{quantizer} of {x}");
            }
        }
    }

    #[test]
    fn only_two_kinds_adapt() {
        let rule = Rule { symmetric: true, po2_rounding: false };
        assert_eq!(Adaptive::new(&"ternary".parse().unwrap(), rule, vec![(0.0, 1.0)]), None);
        assert_eq!(Adaptive::new(&"quantized_relu".parse().unwrap(), rule, vec![]), None);
    }
}
