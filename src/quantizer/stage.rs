//! A quantizer in hardware: a sequence of stages, and scales by channel.

use std::fmt;

use ndarray::{ArrayD, IxDyn};

use super::{Quantizer, QuantizerError};
use crate::fixed::{Format, FormatError, Overflow, Quantization, Rounding};

/// One stage of an activation quantizer in hardware. `Display` is its description in reports.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// A cast to another type.
    Cast(Quantization),
    /// The value times 2^`power`: the same bits with another binary point.
    Scale {
        /// The exponent.
        power: i32,
    },
    /// The value times `scale`, plus `bias`, exactly.
    Affine {
        /// The factor.
        scale: f64,
        /// The constant to add.
        bias: f64,
    },
    /// A lower limit.
    AtLeast(f64),
    /// An upper limit.
    AtMost(f64),
    /// x for x ≥ 0, x · 2^-`shift` for x < 0.
    Leaky {
        /// Right shift of negative values.
        shift: u32,
    },
    /// The whole quantizer as a step function. Its thresholds are found by bisection with
    /// [`Quantizer::apply`] between [`Quantizer::breakpoints`]. Always the first stage; the last too,
    /// unless a [`Stage::Cast`] rounds values that are no multiples of a power of two.
    StepFunction,
}

impl Stage {
    /// `scale` · x + `bias`; `None` for the identity.
    pub(super) fn affine(scale: f64, bias: f64) -> Option<Self> {
        ((scale, bias) != (1.0, 0.0)).then_some(Self::Affine { scale, bias })
    }

    /// The operation without its numbers, as the catalogue names it.
    pub(super) fn operation(&self) -> String {
        match self {
            Self::Cast(to) => format!("cast ({}, {})", to.rounding.name(), to.overflow.name()),
            Self::Scale { .. } => "shift of the binary point".into(),
            Self::Affine { bias: 0.0, .. } => "multiplication by a constant".into(),
            Self::Affine { .. } => "multiplication by a constant and addition".into(),
            Self::AtLeast(_) => "lower limit".into(),
            Self::AtMost(_) => "upper limit".into(),
            Self::Leaky { .. } => "right shift of negative values".into(),
            Self::StepFunction => "step function".into(),
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cast(to) => write!(f, "cast to {to}"),
            Self::Scale { power } => write!(f, "shift of the binary point: times 2^{power}"),
            Self::Affine { scale, bias: 0.0 } => write!(f, "times {scale}"),
            Self::Affine { scale, bias } => write!(f, "times {scale}, plus {bias}"),
            Self::AtLeast(low) => write!(f, "lower limit {low}"),
            Self::AtMost(high) => write!(f, "upper limit {high}"),
            Self::Leaky { shift } => write!(f, "right shift of negative values by {shift}"),
            Self::StepFunction => f.write_str("step function (comparators or lookup table)"),
        }
    }
}

/// The cast of a quantizer that rounds half to even, as TensorFlow does.
pub(super) fn cast(
    quantizer: &dyn fmt::Display,
    format: Result<Format, FormatError>,
    overflow: Overflow,
) -> Result<Stage, QuantizerError> {
    match format {
        Ok(format) => Ok(Stage::Cast(Quantization::new(format, Rounding::RndConv, overflow))),
        Err(source) => Err(QuantizerError::Format { quantizer: quantizer.to_string(), source }),
    }
}

/// A quantizer whose scale is a tensor: QKeras' activations with a list or an array as `alpha` or
/// `post_training_scale`. Each element has the quantizer with its own scale.
///
/// ```
/// use bitkiln::quantizer::Quantizer;
/// let quantizer: Quantizer = "quantized_bits(4,0,1,alpha=[0.5 3.0])".parse()?;
/// let scaled = quantizer.scaled().ok_or("one scale")?;
/// assert_eq!(scaled.over(&[7, 2])?[[6, 1]], 3.0);
/// assert_eq!(scaled.with(3.0).to_string(), "quantized_bits(4,0,1,alpha=3.0)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaled<'q> {
    quantizer: &'q Quantizer,
    scales: &'q ArrayD<f32>,
    role: ScaleRole,
}

/// Effect of a scale s on the quantizer q whose scale is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaleRole {
    /// It multiplies the result: s · q(x).
    Factor,
    /// It scales the LSB: s · q(x / s).
    Lsb,
    /// It divides an intermediate result.
    Inner,
}

/// The scales of a quantizer with more than one, and their role.
pub(super) type ChannelScales<'q> = Option<(&'q ArrayD<f32>, ScaleRole)>;

impl Quantizer {
    /// The quantizer's scales on activations; `None` for one scale or none.
    pub fn scaled(&self) -> Option<Scaled<'_>> {
        let (scales, role) = self.definition().scales()?;
        Some(Scaled { quantizer: self, scales, role })
    }
}

impl Scaled<'_> {
    /// The role of the scales.
    pub fn role(&self) -> ScaleRole {
        self.role
    }

    /// The quantizer with `scale` for all elements.
    pub fn with(&self, scale: f32) -> Quantizer {
        let mut quantizer = self.quantizer.clone();
        quantizer.definition_mut().set_scale(scale);
        quantizer
    }

    /// The scale of each element of a sample of `shape`, broadcast over a batch of such samples as
    /// NumPy does.
    ///
    /// # Errors
    /// If the scales do not broadcast, or only to one batch size.
    pub fn over(&self, shape: &[usize]) -> Result<ArrayD<f32>, QuantizerError> {
        let batch = [&[1], shape].concat();
        let all = self.scales.broadcast(IxDyn(&batch));
        let all = all.and_then(|all| all.to_owned().into_shape_with_order(shape).ok());
        all.ok_or_else(|| QuantizerError::Broadcast {
            quantizer: self.quantizer.to_string(),
            scales: self.scales.shape().to_vec(),
            shape: shape.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantizer(call: &str) -> Quantizer {
        call.parse().unwrap()
    }

    #[test]
    fn scales_broadcast_over_samples() {
        let over = |call: &str, shape: &[usize]| -> Option<Vec<f32>> {
            Some(quantizer(call).scaled().unwrap().over(shape).ok()?.into_iter().collect())
        };
        let call = "quantized_bits(4,0,1,alpha=[1.0 2.0])";
        assert_eq!(over(call, &[2]).unwrap(), [1.0, 2.0]);
        assert_eq!(over(call, &[2, 2]).unwrap(), [1.0, 2.0, 1.0, 2.0]);
        assert_eq!(over(call, &[3]), None);
        // Broadcasting would widen the sample.
        assert_eq!(over(call, &[1]), None);
        let rows = "quantized_bits(4,0,1,alpha=[[1.0] [2.0]])";
        assert_eq!(over(rows, &[2, 2]).unwrap(), [1.0, 1.0, 2.0, 2.0]);
        // Here the first axis is that of the batch.
        assert_eq!(over(rows, &[2]), None);
        assert_eq!(over("quantized_bits(4,0,1,alpha=[[1.0 2.0]])", &[2]).unwrap(), [1.0, 2.0]);
        assert_eq!(over("quantized_bits(4,0,1,alpha=[[[1.0 2.0]]])", &[2]), None);
    }

    /// Each role against the quantizer that has one of the scales alone.
    #[test]
    fn roles_are_what_scales_do() {
        let calls = [
            ("quantized_bits(4,0,1,alpha=[0.7 4.0 -2.0])", ScaleRole::Factor),
            ("quantized_bits(1,0,1,alpha=[0.7 4.0 -2.0])", ScaleRole::Factor),
            ("ternary(alpha=[0.7 4.0 -2.0])", ScaleRole::Factor),
            ("stochastic_ternary(alpha=[0.7 4.0 -2.0])", ScaleRole::Factor),
            ("binary(alpha=[0.7 4.0 -2.0])", ScaleRole::Factor),
            ("bernoulli(alpha=[0.7 4.0 -2.0])", ScaleRole::Factor),
            ("quantized_hswish(4,1,alpha=[0.7 4.0 -2.0])", ScaleRole::Factor),
            ("quantized_linear(4,0,1,alpha=[0.5 4.0 -2.0])", ScaleRole::Lsb),
            ("quantized_linear(1,0,1,alpha=[0.5 4.0 -2.0])", ScaleRole::Lsb),
            (
                "quantized_bits(4,0,1,alpha='auto',post_training_scale=[0.5 4.0 2.0])",
                ScaleRole::Lsb,
            ),
        ];
        for (call, role) in calls {
            let quantizer = quantizer(call);
            let scaled = quantizer.scaled().unwrap();
            assert_eq!(scaled.role(), role, "{call}");
            let unit = scaled.with(1.0);
            assert_eq!(unit.scaled(), None);
            for scale in scaled.over(&[3]).unwrap() {
                let (one, s) = (scaled.with(scale), f64::from(scale));
                for x in (-900..900).map(|k| f64::from(k) / 64.0) {
                    let by_role = match role {
                        ScaleRole::Factor => s * unit.apply(x) + 0.0,
                        _ => s * unit.apply(x / s) + 0.0,
                    };
                    assert_eq!(one.apply(x), by_role, "{one} of {x}");
                }
            }
        }
        let inner = "quantized_hswish(4,1,alpha='auto',post_training_scale=[0.5 4.0])";
        assert_eq!(quantizer(inner).scaled().unwrap().role(), ScaleRole::Inner);
    }

    #[test]
    fn one_scale_is_none_of_several() {
        for call in [
            "quantized_bits(4)",
            "quantized_bits(4,alpha=[2.0])",
            "quantized_bits(4,alpha='auto')",
            "quantized_linear(4,alpha=0.3)",
            "quantized_bits(4,alpha='auto',post_training_scale=[0.5])",
            "quantized_relu(4)",
            "binary",
        ] {
            assert_eq!(quantizer(call).scaled(), None, "{call}");
        }
    }
}
