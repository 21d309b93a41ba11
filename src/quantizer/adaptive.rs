//! `QAdaptiveActivation`: a quantizer whose integer bits follow the range of values seen in training.

use super::rounding::{floor_log2, round_log2};
use super::{Quantizer, exp2};

/// QKeras' QAdaptiveActivation: a [`Quantizer::Bits`] or [`Quantizer::Relu`] whose integer bits cover moving
/// averages of the smallest and the largest value, over all channels or of each.
///
/// QKeras' layer computes with the integer bits of its previous call, so a model that was just loaded
/// starts with those of averages that are 0. Here the integer bits of the stored averages hold from the
/// first sample on.
#[derive(Clone, Debug, PartialEq)]
pub struct Adaptive {
    /// The quantizer with 0 integer bits.
    quantizer: Quantizer,
    /// Its bits without the sign bit.
    unsigned_bits: u32,
    is_signed: bool,
    rule: Rule,
    /// Averages of the smallest and the largest value, of each channel or of all.
    ranges: Vec<(f32, f32)>,
    /// True if QKeras' inference updates the averages.
    moving: bool,
}

/// Arguments of QKeras' `_get_integer_bits`, which derives integer bits from a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The smallest value is minus the largest.
    pub symmetric: bool,
    /// The range is rounded to the nearest powers of two, not up.
    pub po2_rounding: bool,
}

impl Adaptive {
    /// The layer with `quantizer`, its integer bits ignored, for `ranges` from the smallest to the
    /// largest value; `None` if the quantizer cannot adapt, or `ranges` is empty.
    pub fn new(quantizer: &Quantizer, rule: Rule, ranges: Vec<(f32, f32)>) -> Option<Self> {
        let (unsigned_bits, is_signed) = match quantizer {
            Quantizer::Bits(bits) => (bits.grid.unsigned_bits(), bits.grid.keep_negative),
            Quantizer::Relu(relu) => (relu.unsigned_bits().unsigned_abs(), relu.slope.is_some()),
            _ => return None,
        };
        let quantizer = with_integer(quantizer.clone(), 0);
        let adaptive = Self { quantizer, unsigned_bits, is_signed, rule, ranges, moving: false };
        (!adaptive.ranges.is_empty()).then_some(adaptive)
    }

    /// The layer whose averages QKeras' inference updates if `moving`: with an `ema_freeze_delay` that
    /// the training has not passed, QKeras' `call` ignores its `training` argument.
    #[must_use]
    pub fn moving(self, moving: bool) -> Self {
        Self { moving, ..self }
    }

    /// True if QKeras' inference updates the averages, so that its results depend on earlier samples.
    pub fn is_moving(&self) -> bool {
        self.moving
    }

    /// The quantizer that QKeras' layer has before its first call, with 0 integer bits.
    pub fn initial(&self) -> &Quantizer {
        &self.quantizer
    }

    /// The integer bits of each channel, or of all.
    pub fn integer_bits(&self) -> Vec<i32> {
        let bits = |range| self.rule.integer_bits(range, self.unsigned_bits, self.is_signed);
        self.ranges.iter().copied().map(bits).collect()
    }

    /// The quantizer of each channel, or of all.
    pub fn quantizers(&self) -> Vec<Quantizer> {
        let with_integer = |integer| with_integer(self.quantizer.clone(), integer);
        self.integer_bits().into_iter().map(with_integer).collect()
    }

    /// The quantizer q with 0 integer bits and without upper bound, and that bound: i integer bits make
    /// it 2^i · q(x / 2^i), at most the bound.
    pub fn unit(&self) -> (Quantizer, Option<f64>) {
        let (mut unit, mut bound) = (self.quantizer.clone(), None);
        if let Quantizer::Relu(relu) = &mut unit {
            bound = relu.bound();
            relu.upper_bound = None;
        }
        (unit, bound)
    }
}

/// The quantizer with other integer bits, if it can adapt.
fn with_integer(mut quantizer: Quantizer, integer: i32) -> Quantizer {
    match &mut quantizer {
        Quantizer::Bits(bits) => bits.grid.integer = integer,
        Quantizer::Relu(relu) => relu.integer = integer,
        _ => {}
    }
    quantizer
}

impl Rule {
    /// QKeras' `_get_integer_bits` for `bits` bits without the sign bit.
    ///
    /// QKeras rounds a float32 logarithm up, which may miss a power of two; its comparison with the
    /// largest value of the type corrects that.
    fn integer_bits(self, (low, high): (f32, f32), bits: u32, is_signed: bool) -> i32 {
        let (low, high) = if is_signed { (low, high) } else { (low.max(0.0), high.max(0.0)) };
        let most = bits as i32;
        if self.po2_rounding {
            return rounded_log2(low).max(rounded_log2(high)).min(most);
        }
        // The largest value of a type, as QKeras computes it.
        let largest =
            |integer: i32| (exp2(integer) as f32) - (exp2((integer - most).min(0)) as f32);
        let mut for_high = log2_rounded_up(high);
        for_high += i32::from(high > largest(for_high));
        let mut for_low = log2_rounded_up(low);
        for_low += i32::from(self.symmetric && -largest(for_low) > low);
        for_low.max(for_high).min(most)
    }
}

/// log2|`x`| rounded to nearest, 0 for |`x`| ≤ 1.
fn rounded_log2(x: f32) -> i32 {
    if x.abs() > 1.0 { round_log2(x.abs().into()) } else { 0 }
}

/// log2|`x`| rounded up, 0 for |`x`| ≤ 1.
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
