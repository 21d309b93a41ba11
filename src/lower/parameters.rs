//! Weights and biases: from float32 to constants.

use ndarray::{ArrayD, ArrayViewD};
use num_bigint::BigInt;

use super::LowerError;
use crate::fixed::{Caster, Codes, Quantization};
use crate::ir::{Constant, ConstantError};
use crate::quantizer::Quantizer;

/// One tensor of parameters and how it is quantized.
pub(super) struct Parameter<'a> {
    pub(super) layer: &'a str,
    /// "kernel" or "bias".
    pub(super) part: &'static str,
    /// "kernel_quantizer" or "bias_quantizer".
    pub(super) attribute: &'static str,
    pub(super) values: ArrayViewD<'a, f32>,
}

impl Parameter<'_> {
    /// The exact values that `quantizer` gives; without one, those that `precision` leaves of them.
    pub(super) fn constant(
        &self,
        quantizer: Option<&Quantizer>,
        precision: &Quantization,
    ) -> Result<Constant, LowerError> {
        match quantizer {
            Some(quantizer) => {
                let values = quantizer.quantize(&self.values).map_err(|error| {
                    LowerError::Quantizer { layer: self.layer.into(), part: self.attribute, error }
                })?;
                self.covering(&values)
            }
            None => {
                let exact = self.covering(&self.values.mapv(f64::from))?;
                let caster = self.caster(exact.format.fraction(), precision)?;
                let codes: Vec<BigInt> = exact.codes.iter().map(|c| caster.apply(&c)).collect();
                let codes = ArrayD::from_shape_vec(self.values.raw_dim(), codes);
                let codes = codes.unwrap_or_else(|_| ArrayD::default(self.values.raw_dim()));
                Constant::of_codes(codes, precision.format.fraction())
                    .map_err(|error| self.too_wide(error))
            }
        }
    }

    fn caster(
        &self,
        fraction: i32,
        precision: &Quantization,
    ) -> Result<Caster<BigInt>, LowerError> {
        Caster::new(fraction, precision).ok_or_else(|| {
            self.too_wide(crate::fixed::FormatError::Width(precision.format.width().into()))
        })
    }

    fn covering(&self, values: &ArrayD<f64>) -> Result<Constant, LowerError> {
        Constant::covering(values.view()).map_err(|error| match error {
            ConstantError::NotFinite(value) => {
                LowerError::NotFinite { layer: self.layer.into(), part: self.part, value }
            }
            ConstantError::Format(error) => self.too_wide(error),
        })
    }

    fn too_wide(&self, error: crate::fixed::FormatError) -> LowerError {
        LowerError::Format { layer: self.layer.into(), part: self.part, error }
    }
}

/// A constant of one axis.
pub(super) fn list(codes: Vec<BigInt>) -> Codes {
    Codes::from_big(ndarray::Array1::from_vec(codes).into_dyn())
}
