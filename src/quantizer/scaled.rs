//! Quantizers with several scales, each for some of the values that flow.

use ndarray::{ArrayD, IxDyn};

use super::{Quantizer, QuantizerError};

/// A quantizer whose scale is a tensor: QKeras' activations with a list or an array as `alpha` or
/// `post_training_scale`. For each element it is the quantizer with that element's number.
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
    role: Role,
}

/// What a scale s does to the quantizer q whose scale is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It multiplies: s · q(x).
    Factor,
    /// It divides first: s · q(x / s).
    Step,
    /// It divides something that the quantizer computes from x.
    Inner,
}

/// The scales, where there are several, and what they do.
pub(super) type Several<'q> = Option<(&'q ArrayD<f32>, Role)>;

impl Quantizer {
    /// The quantizer's scales for values that flow, where it has several.
    pub fn scaled(&self) -> Option<Scaled<'_>> {
        let (scales, role) = self.definition().several_scales()?;
        Some(Scaled { quantizer: self, scales, role })
    }
}

impl Scaled<'_> {
    /// What the scales do.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The quantizer with one scale for all elements.
    pub fn with(&self, scale: f32) -> Quantizer {
        match self.quantizer.clone() {
            Quantizer::Bits(q) => Quantizer::Bits(q.with_scale(scale)),
            Quantizer::Linear(q) => Quantizer::Linear(q.with_scale(scale)),
            Quantizer::Ternary(q) => Quantizer::Ternary(q.with_scale(scale)),
            Quantizer::Binary(q) => Quantizer::Binary(q.with_scale(scale)),
            Quantizer::Hswish(q) => Quantizer::Hswish(q.with_scale(scale)),
            other => other,
        }
    }

    /// The scale of each element of a sample of `shape`, as NumPy broadcasts the scales over a batch
    /// of such samples.
    ///
    /// # Errors
    /// If it does not, or only for a batch of a certain size.
    pub fn over(&self, shape: &[usize]) -> Result<ArrayD<f32>, QuantizerError> {
        let batch = [&[1], shape].concat();
        let spread = self.scales.broadcast(IxDyn(&batch));
        let spread = spread.and_then(|all| all.to_owned().into_shape_with_order(shape).ok());
        spread.ok_or_else(|| QuantizerError::Spread {
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
    fn scales_spread_over_samples() {
        let over = |call: &str, shape: &[usize]| -> Option<Vec<f32>> {
            Some(quantizer(call).scaled().unwrap().over(shape).ok()?.into_iter().collect())
        };
        let call = "quantized_bits(4,0,1,alpha=[1.0 2.0])";
        assert_eq!(over(call, &[2]).unwrap(), [1.0, 2.0]);
        assert_eq!(over(call, &[2, 2]).unwrap(), [1.0, 2.0, 1.0, 2.0]);
        assert_eq!(over(call, &[3]), None);
        // One for all would make two channels of one.
        assert_eq!(over(call, &[1]), None);
        let rows = "quantized_bits(4,0,1,alpha=[[1.0] [2.0]])";
        assert_eq!(over(rows, &[2, 2]).unwrap(), [1.0, 1.0, 2.0, 2.0]);
        // Here the first axis is that of the batch.
        assert_eq!(over(rows, &[2]), None);
        assert_eq!(over("quantized_bits(4,0,1,alpha=[[1.0 2.0]])", &[2]).unwrap(), [1.0, 2.0]);
        assert_eq!(over("quantized_bits(4,0,1,alpha=[[[1.0 2.0]]])", &[2]), None);
    }

    /// What a role says, each scale against the quantizer that has it alone.
    #[test]
    fn roles_are_what_scales_do() {
        let calls = [
            ("quantized_bits(4,0,1,alpha=[0.7 4.0 -2.0])", Role::Factor),
            ("quantized_bits(1,0,1,alpha=[0.7 4.0 -2.0])", Role::Factor),
            ("ternary(alpha=[0.7 4.0 -2.0])", Role::Factor),
            ("stochastic_ternary(alpha=[0.7 4.0 -2.0])", Role::Factor),
            ("binary(alpha=[0.7 4.0 -2.0])", Role::Factor),
            ("bernoulli(alpha=[0.7 4.0 -2.0])", Role::Factor),
            ("quantized_hswish(4,1,alpha=[0.7 4.0 -2.0])", Role::Factor),
            ("quantized_linear(4,0,1,alpha=[0.5 4.0 -2.0])", Role::Step),
            ("quantized_linear(1,0,1,alpha=[0.5 4.0 -2.0])", Role::Step),
            ("quantized_bits(4,0,1,alpha='auto',post_training_scale=[0.5 4.0 2.0])", Role::Step),
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
                        Role::Factor => s * unit.apply(x) + 0.0,
                        _ => s * unit.apply(x / s) + 0.0,
                    };
                    assert_eq!(one.apply(x), by_role, "{one} of {x}");
                }
            }
        }
        let inner = "quantized_hswish(4,1,alpha='auto',post_training_scale=[0.5 4.0])";
        assert_eq!(quantizer(inner).scaled().unwrap().role(), Role::Inner);
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
