//! Which quantizers a layer states.

use super::{Conv, LayerKind, PoolKind};
use crate::quantizer::Quantizer;

impl LayerKind {
    /// The quantizers that the layer states, those of parameters first.
    pub fn quantizers(&self) -> Vec<&Quantizer> {
        match self {
            Self::Dense(dense) => {
                let parameters = [&dense.kernel_quantizer, &dense.bias_quantizer];
                parameters.into_iter().flatten().chain(dense.activation.quantizer()).collect()
            }
            Self::Conv(conv) => of_conv(conv),
            Self::Separable(pair) => {
                let mut all = of_conv(&pair.depthwise);
                all.extend(of_conv(&pair.pointwise));
                all
            }
            Self::Pool(pool) => {
                pool.kind.quantizer().into_iter().chain(pool.activation.quantizer()).collect()
            }
            Self::BatchNorm(norm) => {
                let of = &norm.quantizers;
                let all = [&of.gamma, &of.beta, &of.mean, &of.variance, &of.inverse];
                all.into_iter().flatten().collect()
            }
            Self::ScaleShift(shift) => {
                let parameters = [&shift.weight_quantizer, &shift.bias_quantizer];
                parameters.into_iter().flatten().chain(shift.activation.quantizer()).collect()
            }
            Self::Reduce(reduce) => reduce.kind.quantizer().into_iter().collect(),
            Self::Activation(activation) => activation.quantizer().into_iter().collect(),
            Self::TimeDistributed(kind) | Self::ChannelsFirst(kind) => kind.quantizers(),
            Self::Adaptive(_)
            | Self::Input { .. }
            | Self::PRelu(_)
            | Self::Flatten
            | Self::Identity
            | Self::Layout(_)
            | Self::Merge(_)
            | Self::Constant(_)
            | Self::Divide(_)
            | Self::Square
            | Self::Clip { .. }
            | Self::Concatenate { .. }
            | Self::Stack { .. }
            | Self::Dot { .. }
            | Self::Bilinear { .. } => vec![],
        }
    }
}

impl PoolKind {
    /// The quantizer of its averages.
    fn quantizer(&self) -> Option<&Quantizer> {
        match self {
            Self::QuantizedAverage(quantizer) => Some(quantizer),
            Self::Max | Self::Min | Self::Sum | Self::Average => None,
        }
    }
}

fn of_conv(conv: &Conv) -> Vec<&Quantizer> {
    let parameters = [&conv.kernel.quantizer, &conv.bias_quantizer];
    parameters.into_iter().flatten().chain(conv.activation.quantizer()).collect()
}
