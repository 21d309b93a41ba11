//! Power-of-two scales of the output channels of a kernel without a quantizer.
//!
//! The weights of channel c have the type of the kernel with an LSB of 2^-s(c) of its own: they are
//! multiplied by 2^s(c) and cast to the type, and 2^-s(c) multiplies the dot products of the channel.
//! In hardware that is a constant shift.

use ndarray::{Array1, ArrayD};
use num_bigint::BigInt;

use super::result::unlimited;
use crate::fixed::{Quantization, cast_real, exp2, fractional_bits};

/// The shift of each output channel, at least 0.
pub(super) struct ChannelShifts(Vec<i32>);

/// The weights of a channel.
#[derive(Clone, Copy)]
struct Channel {
    low: f64,
    high: f64,
    /// Fractional bits of the weight that has most of them; `None` for weights of 0.
    finest: Option<i32>,
}

impl ChannelShifts {
    /// No shift.
    pub(super) fn none(outputs: usize) -> Self {
        Self(vec![0; outputs])
    }

    /// The shifts of `weights`, each with its output, for the type `to`: the largest with which every
    /// weight of the channel fits the type, or the least with which all are exact. The width of the type
    /// limits them: a channel that needs a larger one is smaller than an LSB of the others.
    pub(super) fn of(
        outputs: usize,
        weights: impl Iterator<Item = (usize, f64)>,
        to: &Quantization,
    ) -> Self {
        let mut channels = vec![Channel { low: 0.0, high: 0.0, finest: None }; outputs];
        for (output, weight) in weights {
            let channel = &mut channels[output];
            channel.low = channel.low.min(weight);
            channel.high = channel.high.max(weight);
            channel.finest = channel.finest.max(fractional_bits(weight));
        }
        let Ok(unlimited) = unlimited(to) else { return Self::none(outputs) };
        let held = to.held();
        let fits = |value: f64| {
            let code: Option<BigInt> = cast_real(value, &unlimited);
            code.is_some_and(|code| *held.low() <= code && code <= *held.high())
        };
        let shift = |Channel { low, high, finest }: Channel| {
            let Some(finest) = finest else { return 0 };
            let exact = finest.saturating_sub(to.format.fractional_bits());
            let most = exact.clamp(0, to.format.width().cast_signed());
            let fit = |shift: &i32| fits(low * exp2(*shift)) && fits(high * exp2(*shift));
            (1..=most).take_while(fit).last().unwrap_or(0)
        };
        Self(channels.into_iter().map(shift).collect())
    }

    /// The shift of the weights of `output`.
    pub(super) fn of_output(&self, output: usize) -> i32 {
        self.0[output]
    }

    /// The factors of the dot products, \[outputs\]; `None` if all are 1.
    pub(super) fn factors(&self) -> Option<ArrayD<f64>> {
        let factors = self.0.iter().map(|shift| exp2(-shift));
        self.0.iter().any(|shift| *shift != 0).then(|| Array1::from_iter(factors).into_dyn())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn a_channel_uses_all_bits_of_its_type_or_is_exact() -> Outcome {
        let shifts =
            |weights: &[&[f64]], to: &str| -> Result<Vec<i32>, Box<dyn std::error::Error>> {
                let each = weights.iter().enumerate();
                let each = each.flat_map(|(at, all)| all.iter().map(move |weight| (at, *weight)));
                Ok(ChannelShifts::of(weights.len(), each, &to.parse()?).0)
            };
        let weights: &[&[f64]] =
            &[&[0.9, -0.3], &[0.11, 0.01], &[0.0], &[-0.25, 0.125], &[-0.25, 0.1]];
        // The range is [-1, 1): 0.11 · 8 and -0.25 · 4 fit; multiples of 1/8 are exact without a shift.
        assert_eq!(shifts(weights, "fixed<8,1,RND,SAT>")?, [0, 3, 0, 0, 2]);
        // 0.9 is cut in any case.
        assert_eq!(shifts(weights, "fixed<8,0,RND,SAT>")?, [0, 2, 0, 0, 1]);
        // 0.96 rounds up to 1, which does not fit.
        assert_eq!(shifts(&[&[0.48]], "fixed<4,1,RND,SAT>")?, [0]);
        assert_eq!(shifts(&[&[0.48]], "fixed<4,1>")?, [1]);
        // Nothing below 2^-8 of an LSB counts.
        assert_eq!(shifts(&[&[1e-30]], "fixed<8,1>")?, [8]);
        Ok(())
    }
}
