//! Batch normalizations that are fused into the convolutions before them, and the powers of two of
//! `alpha='auto_po2'`: what QTools derives from the `hw_weight_dict` of `model_save_quantized_weights`.
//!
//! Source: `fused_bn_factory.py`, `qtools_util.py` and `find_bn_fusing_layer_pair` of QKeras (June 2025).

use std::collections::HashMap;

use ndarray::{Array1, ArrayD, ArrayViewD};

use super::QtoolsError;
use super::data_type::DataType;
use super::graph::{Network, Source};
use super::operators::{adder, multiplier};
use super::parameters::parameters;
use crate::lower::batch_norm_inverse;
use crate::model::{BatchNorm, Layer};
use crate::quantizer::{Quantizer, QuantizerError};

/// Convolutions whose batch normalization is fused.
const FUSING: [&str; 2] = ["QConv2D", "QDepthwiseConv2D"];

/// Position of the batch normalization that is fused into the convolution at each position: a
/// QBatchNormalization that alone reads it.
pub(super) fn pairs(network: &Network<'_>) -> HashMap<usize, usize> {
    let reads = |position: usize| {
        let source = Source::Layer(position);
        let readers = network.layers.iter().enumerate();
        let mut readers = readers.filter(move |(_, node)| node.sources.contains(&source));
        let only = readers.next().filter(|_| readers.next().is_none());
        only.map(|(reader, _)| reader)
    };
    let is_fusing = |position: &usize| FUSING.contains(&&*network.layers[*position].layer.class);
    let pair = |position: usize| {
        let norm = reads(position)?;
        (network.layers[norm].layer.class == "QBatchNormalization").then_some((position, norm))
    };
    (0..network.layers.len()).filter(is_fusing).filter_map(pair).collect()
}

/// The least and the greatest exponent of the powers of two that a quantizer chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Exponents {
    least: i64,
    greatest: i64,
}

impl Exponents {
    /// Those of the scales of `values` by `quantizer`; 0 if it chooses none.
    fn of(quantizer: &Quantizer, values: &ArrayViewD<'_, f32>) -> Result<Self, QuantizerError> {
        let scales = quantizer.auto_po2_scales(values)?;
        // A scale of 0 shifts nothing.
        let scales = scales.iter().flatten().filter(|scale| **scale > 0.0);
        let exponents: Vec<i64> = scales.map(|scale| libm::ilogbf(*scale).into()).collect();
        let ends = exponents.iter().min().zip(exponents.iter().max());
        Ok(ends.map_or(Self::default(), |(least, greatest)| Self {
            least: *least,
            greatest: *greatest,
        }))
    }

    /// Those of the kernel of `layer`, folded if batch normalization is folded into it.
    pub(super) fn of_kernel(layer: &Layer) -> Result<Self, QtoolsError> {
        let Some(kernel) = parameters(layer).into_iter().next() else { return Ok(Self::default()) };
        let Some(quantizer) = &kernel.quantizer else { return Ok(Self::default()) };
        Self::of(quantizer, &kernel.values.view()).map_err(refused(layer, kernel.variable))
    }

    /// A product with a weight that has these scales: integer bits for the greatest, fractional bits for
    /// the least.
    pub(super) fn scale(self, product: &DataType) -> DataType {
        let mut scaled = product.clone();
        if !product.is_float() {
            scaled.bits += self.greatest - self.least;
            scaled.int_bits += self.greatest;
        }
        scaled
    }
}

fn refused(layer: &Layer, variable: &'static str) -> impl Fn(QuantizerError) -> QtoolsError {
    let layer = layer.name.clone();
    move |error| QtoolsError::Quantizer { layer: layer.clone(), variable, error: Box::new(error) }
}

/// Types of the parameters of a fused batch normalization: its line is `inverse · x - bias`, with
/// `inverse` = gamma / √(variance + ε).
#[derive(Clone, Debug, PartialEq)]
pub struct FusedNorm {
    /// Offset.
    pub beta: DataType,
    /// Moving mean.
    pub mean: DataType,
    /// Inverse.
    pub inverse: DataType,
}

/// A batch normalization that is fused into a layer.
#[derive(Clone, Debug)]
pub(super) struct Fused {
    pub(super) types: FusedNorm,
    /// The scales of the inverse.
    exponents: Exponents,
    has_offset: bool,
}

impl Fused {
    /// The batch normalization `norm` of `layer` with these types.
    pub(super) fn new(
        types: FusedNorm,
        layer: &Layer,
        norm: &BatchNorm,
    ) -> Result<Self, QtoolsError> {
        let exponents = exponents_of_inverse(layer, norm)?;
        Ok(Self { types, exponents, has_offset: norm.beta.is_some() })
    }

    /// The type of the line's result for a kernel's sum of the type `sum` and a bias of the layer before.
    pub(super) fn accumulator(&self, sum: &DataType, bias: Option<&DataType>) -> DataType {
        let FusedNorm { beta, mean, inverse } = &self.types;
        let times_inverse = |x: &DataType| self.exponents.scale(&multiplier(inverse, x).output);
        let mean = times_inverse(mean);
        let constant = bias.map_or(mean.clone(), |bias| adder(&times_inverse(bias), &mean));
        let constant = if self.has_offset { adder(&constant, beta) } else { constant };
        adder(&times_inverse(sum), &constant)
    }
}

/// The exponents of the scales of the inverse of the batch normalization `layer`.
fn exponents_of_inverse(layer: &Layer, norm: &BatchNorm) -> Result<Exponents, QtoolsError> {
    let Some(quantizer) = &norm.quantizers.inverse else { return Ok(Exponents::default()) };
    let quantized = |variable: &'static str| -> Result<Option<ArrayD<f64>>, QtoolsError> {
        let found = parameters(layer).into_iter().find(|it| it.variable == variable);
        let Some(parameter) = found else { return Ok(None) };
        let quantized =
            parameter.quantizer.as_ref().map(|it| it.quantize(&parameter.values.view()));
        let quantized = quantized.transpose().map_err(refused(layer, variable))?;
        Ok(Some(quantized.unwrap_or_else(|| parameter.values.mapv(f64::from))))
    };
    let vector = |values: Option<ArrayD<f64>>| match values {
        Some(values) => values.into_iter().collect(),
        None => Array1::ones(norm.mean.len()),
    };
    let (gamma, variance) = (vector(quantized("gamma")?), vector(quantized("moving_variance")?));
    let inverse = batch_norm_inverse(norm, &gamma, &variance).into_dyn();
    Exponents::of(quantizer, &inverse.view()).map_err(refused(layer, "inverse"))
}
