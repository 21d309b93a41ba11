//! Layers with weights: matrix products, scales and biases.

use crate::model::{BatchNorm, Conv, Dense, Folded, ScaleShift};
use crate::quantizer::Quantizer;
use ndarray::{Array1, ArrayD, ArrayViewD, Axis, IxDyn};

use super::{Reference, Result, Samples};

/// Weights as flat row-major numbers, and biases.
pub(super) struct Parameters {
    pub(super) kernel: ArrayD<f64>,
    pub(super) bias: Option<ArrayD<f64>>,
    /// No part has a quantizer, so that its sums get the configured type.
    pub(super) floats: bool,
}

impl Reference<'_> {
    pub(super) fn dense(&self, dense: &Dense, x: &Samples) -> Result<Samples> {
        let quantizers = [dense.kernel_quantizer.as_ref(), dense.bias_quantizer.as_ref()];
        let kernel = dense.kernel.view().into_dyn();
        let own = match self.folded {
            None => self.own(kernel, dense.bias.as_ref(), quantizers, dense.folded.as_ref())?,
            Some(norm) => self.scaled_by(norm, kernel, dense.bias.as_ref(), 1)?,
        };
        let units = dense.kernel.ncols();
        let inner = Axis(x.ndim() - 1);
        let kernel: Vec<f64> = own.kernel.iter().copied().collect();
        let mut values = vec![];
        for row in x.lanes(inner) {
            let mut sums = vec![0.0; units];
            for (x, weights) in row.iter().zip(kernel.chunks_exact(units)) {
                sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += x * weight);
            }
            if let Some(bias) = &own.bias {
                sums.iter_mut().zip(bias).for_each(|(sum, bias)| *sum += bias);
            }
            values.extend(sums);
        }
        let mut shape = x.shape().to_vec();
        shape[x.ndim() - 1] = units;
        let sums = Samples::from_shape_vec(IxDyn(&shape), values)?;
        let sums = if own.floats { self.cut(sums)? } else { sums };
        self.fuse(&dense.activation, sums)
    }

    /// The kernel's quantizer first, then that of the bias.
    pub(super) fn parameters(
        &self,
        kernel: ArrayViewD<'_, f32>,
        bias: Option<ArrayViewD<'_, f32>>,
        [of_kernel, of_bias]: [Option<&Quantizer>; 2],
        is_folded: bool,
    ) -> Result<Parameters> {
        let floats = of_kernel.is_none() && (of_bias.is_none() || bias.is_none());
        let kernel = match of_kernel {
            Some(quantizer) => quantizer.in_kernel().quantize(&kernel)?,
            None => self.cut(kernel.mapv(f64::from))?,
        };
        let bias = match (bias, of_bias) {
            (None, _) => None,
            (Some(bias), Some(quantizer)) => Some(quantizer.quantize(&bias)?),
            // QKeras keeps it as the float32 number that it is.
            (Some(bias), None) if is_folded && of_kernel.is_some() => Some(bias.mapv(f64::from)),
            (Some(bias), None) => Some(self.cut(bias.mapv(f64::from))?),
        };
        Ok(Parameters { kernel, bias, floats })
    }

    /// Kernel and bias without quantizers, scaled by `norm` and then cut. Outputs vary fastest along
    /// the kernel, except that `inside` elements each belong to one output.
    fn scaled_by(
        &self,
        norm: &BatchNorm,
        kernel: ArrayViewD<'_, f32>,
        bias: Option<&Array1<f32>>,
        inside: usize,
    ) -> Result<Parameters> {
        let [inverse, offset] = line(norm)?;
        let mut kernel = kernel.mapv(f64::from);
        for (at, weight) in kernel.iter_mut().enumerate() {
            *weight *= inverse[[at / inside % inverse.len()]];
        }
        let bias = match bias {
            None => offset,
            Some(bias) => bias.mapv(f64::from).into_dyn() * &inverse + &offset,
        };
        Ok(Parameters {
            kernel: self.cut(kernel)?,
            bias: Some(self.cut(bias)?),
            floats: !self.reaches_quantizer,
        })
    }

    /// A batch normalisation without quantizers has the configured types, unless a quantizer takes
    /// its result.
    pub(super) fn batch_norm(&self, norm: &BatchNorm, x: &Samples) -> Result<Samples> {
        let [inverse, offset] = line(norm)?;
        if self.reaches_quantizer || !norm.quantizers.is_empty() {
            return Ok(x * &inverse + &offset);
        }
        self.cut(x * &self.cut(inverse)? + &self.cut(offset)?)
    }

    /// Parameters of a layer, after a batch normalization is folded into them if it has one.
    fn own(
        &self,
        kernel: ArrayViewD<'_, f32>,
        bias: Option<&Array1<f32>>,
        quantizers: [Option<&Quantizer>; 2],
        folded: Option<&Folded>,
    ) -> Result<Parameters> {
        let Some(folded) = folded else {
            let bias = bias.map(|bias| bias.view().into_dyn());
            return self.parameters(kernel, bias, quantizers, false);
        };
        // inv = rsqrt(moving_variance + epsilon) * gamma, in float32, as QConv2DBatchnorm.call.
        let outputs = folded.mean.len();
        let ones = Array1::ones(outputs);
        let gamma = folded.gamma.as_ref().unwrap_or(&ones);
        let mut inv = folded.variance.mapv(|v| v + folded.epsilon);
        inv.mapv_inplace(|v| (1.0 / f64::from(v).sqrt()) as f32);
        let inv = inv * gamma;
        let zeros = Array1::zeros(outputs);
        let bias = bias.unwrap_or(&zeros) - &folded.mean;
        let bias = (&inv * &bias + &folded.beta).into_dyn();
        let flat = kernel.iter().enumerate();
        let weights = flat.map(|(at, weight)| weight * inv[at % outputs]).collect();
        let kernel = ArrayD::from_shape_vec(kernel.raw_dim(), weights)?;
        self.parameters(kernel.view(), Some(bias.view()), quantizers, true)
    }

    pub(super) fn of_conv(&self, conv: &Conv) -> Result<Parameters> {
        let quantizers = [conv.kernel.quantizer.as_ref(), conv.bias_quantizer.as_ref()];
        let kernel = conv.kernel.values.view();
        let mut own = match self.folded {
            None => self.own(kernel, conv.bias.as_ref(), quantizers, conv.folded.as_ref())?,
            Some(norm) => {
                // The kernel of a transposed convolution has its inputs last.
                let inputs = conv.window.transposed.and(kernel.shape().last().copied());
                self.scaled_by(norm, kernel, conv.bias.as_ref(), inputs.unwrap_or(1))?
            }
        };
        if let Some(mask) = &conv.kernel.mask {
            let inside = own.kernel.len() / mask.len();
            let taps: Vec<f64> = mask.iter().map(|tap| f64::from(*tap)).collect();
            for (at, weight) in own.kernel.iter_mut().enumerate() {
                *weight *= taps[at / inside];
            }
        }
        Ok(own)
    }
}

fn quantized(values: &Array1<f32>, quantizer: Option<&Quantizer>) -> Result<ArrayD<f64>> {
    match quantizer {
        Some(quantizer) => Ok(quantizer.quantize(&values.view().into_dyn())?),
        None => Ok(values.mapv(f64::from).into_dyn()),
    }
}

/// inv and beta - mean · inv.
fn line(norm: &BatchNorm) -> Result<[ArrayD<f64>; 2]> {
    let of = &norm.quantizers;
    let in_kernel = |quantizer: &Option<Quantizer>| quantizer.as_ref().map(Quantizer::in_kernel);
    let channels = norm.mean.len();
    let (ones, zeros) = (Array1::ones(channels).into_dyn(), Array1::zeros(channels).into_dyn());
    let gamma = norm.gamma.as_ref().map(|gamma| quantized(gamma, in_kernel(&of.gamma).as_ref()));
    let gamma = gamma.transpose()?;
    let beta = norm.beta.as_ref().map(|beta| quantized(beta, of.beta.as_ref())).transpose()?;
    let mean = quantized(&norm.mean, of.mean.as_ref())?;
    let variance = quantized(&norm.variance, in_kernel(&of.variance).as_ref())?;
    let scale = gamma.as_ref().unwrap_or(&ones);
    let inverse = match &of.inverse {
        None => scale / variance.mapv(|v| (v + f64::from(norm.epsilon)).sqrt()),
        // QKeras quantizes the float32 number.
        Some(quantizer) => {
            let root = variance.mapv(|v| 1.0 / (v as f32 + norm.epsilon).sqrt());
            let inverse = if gamma.is_some() { root * scale.mapv(|g| g as f32) } else { root };
            quantizer.quantize(&inverse.view())?
        }
    };
    let offset = beta.as_ref().unwrap_or(&zeros) - &(&mean * &inverse);
    Ok([inverse, offset])
}

/// x · weight + bias
pub(super) fn scale_shift(shift: &ScaleShift, x: &Samples) -> Result<Samples> {
    let one = |value: f32, quantizer: &Option<Quantizer>| -> Result<f64> {
        let quantizer = quantizer.as_ref().map(Quantizer::in_kernel);
        let value = quantized(&Array1::from_elem(1, value), quantizer.as_ref())?;
        Ok(value[[0]])
    };
    let weight = one(shift.weight, &shift.weight_quantizer)?;
    let bias = shift.bias.map_or(Ok(0.0), |bias| one(bias, &shift.bias_quantizer))?;
    Ok(x.mapv(|x| x * weight + bias))
}
