//! Quantizes float32 parameters to constants.

use ndarray::{Array1, ArrayD, ArrayViewD};
use num_bigint::BigInt;

use super::builder::Builder;
use super::result::check_parameter;
use super::{LowerError, LowerWarning, TypedVariable};
use crate::fixed::{Caster, Codes, FormatError, Quantization};
use crate::ir::{Constant, ConstantError};
use crate::quantizer::{Quantizer, QuantizerError};

/// Name of a kernel's scale in messages.
pub(super) const SCALE: &str = "scale";

/// A tensor of parameters, and its names in messages.
pub(super) struct Parameter<'a> {
    pub(super) layer: &'a str,
    /// "kernel" or "bias".
    pub(super) part: &'static str,
    /// "kernel_quantizer" or "bias_quantizer".
    pub(super) attribute: &'static str,
    pub(super) values: ArrayViewD<'a, f32>,
}

impl Parameter<'_> {
    /// The values quantized by `quantizer`; by default, cast to `precision`.
    pub(super) fn constant(
        &self,
        builder: &mut Builder<'_>,
        quantizer: Option<&Quantizer>,
        precision: &Quantization,
    ) -> Result<Constant, LowerError> {
        match quantizer {
            Some(quantizer) => self.quantized(quantizer),
            None => {
                let values = exact(self.layer, self.part, &self.values.mapv(f64::from))?;
                let (variable, name) = match self.part {
                    "bias" => (TypedVariable::Bias, "bias"),
                    _ => (TypedVariable::Weight, "weight"),
                };
                let real = Some(self.values.mapv(f64::from));
                builder.unquantized((self.layer, self.layer), variable, *precision, real);
                check_parameter(builder, self.layer, name, &values, precision);
                cast_constant(self.layer, self.part, &values, precision)
            }
        }
    }

    /// The values quantized by `quantizer`, exact.
    pub(super) fn quantized(&self, quantizer: &Quantizer) -> Result<Constant, LowerError> {
        let values = quantizer.quantize(&self.values).map_err(|e| self.refused(e))?;
        exact(self.layer, self.part, &values)
    }

    /// The quantized values without the quantizer's real-valued scale, and that scale: one per
    /// output channel, or a single one.
    pub(super) fn factored(
        &self,
        quantizer: &Quantizer,
    ) -> Result<(Constant, Option<Constant>), LowerError> {
        let factored = quantizer.factored(&self.values).map_err(|e| self.refused(e))?;
        let values = exact(self.layer, self.part, &factored.values)?;
        let Some(mut scale) = factored.scale else { return Ok((values, None)) };
        if let Some(first) = scale.first().copied()
            && scale.iter().all(|s| *s == first)
        {
            scale = Array1::from_elem(1, first);
        }
        Ok((values, Some(exact(self.layer, SCALE, &scale.into_dyn())?)))
    }

    fn refused(&self, error: QuantizerError) -> LowerError {
        LowerError::Quantizer { layer: self.layer.into(), part: self.attribute, error }
    }
}

/// `values` as a constant, exact. Errors name `part` of `layer`.
pub(super) fn exact(
    layer: &str,
    part: &'static str,
    values: &ArrayD<f64>,
) -> Result<Constant, LowerError> {
    Constant::covering(values.view()).map_err(|error| constant_error(layer, part, error))
}

/// The error for values of `part` of `layer` that no constant holds.
pub(super) fn constant_error(layer: &str, part: &'static str, error: ConstantError) -> LowerError {
    let layer = layer.to_owned();
    match error {
        ConstantError::NotFinite(value) => LowerError::NotFinite { layer, part, value },
        ConstantError::Format(error) => LowerError::Format { layer, part, error },
    }
}

/// A constant cast to `precision`. Errors name `part` of `layer`.
fn cast_constant(
    layer: &str,
    part: &'static str,
    exact: &Constant,
    precision: &Quantization,
) -> Result<Constant, LowerError> {
    let too_wide = |error| LowerError::Format { layer: layer.into(), part, error };
    let caster = Caster::<BigInt>::new(exact.format.fractional_bits(), precision)
        .ok_or_else(|| too_wide(FormatError::Width(precision.format.width().into())))?;
    let codes = exact.codes.iter().map(|code| caster.apply(&code)).collect();
    let codes = ArrayD::from_shape_vec(exact.codes.shape(), codes).expect("a code per element");
    Constant::of_codes(codes, precision.format.fractional_bits()).map_err(too_wide)
}

/// A constant cast to the configured type, with a warning if its values change.
pub(super) fn quantize_if_configured(
    builder: &mut Builder<'_>,
    layer: &str,
    part: &'static str,
    exact: Constant,
    configured: Option<Quantization>,
) -> Result<Constant, LowerError> {
    let Some(precision) = configured else { return Ok(exact) };
    check_parameter(builder, layer, part, &exact, &precision);
    let cast = cast_constant(layer, part, &exact, &precision)?;
    if !has_same_values(&cast, &exact) {
        builder.warn(LowerWarning::ParameterRounded { layer: layer.into(), part, precision });
    }
    Ok(cast)
}

/// Warns if the configured type under the Precision key `key` does not hold `quantized`, the values
/// of the quantizer `attribute`, which takes precedence. hls4ml writes such types for every layer,
/// and most of them hold all values.
pub(super) fn warn_if_overruled(
    builder: &mut Builder<'_>,
    layer: &str,
    [key, attribute]: [&'static str; 2],
    configured: Option<Quantization>,
    quantized: &Constant,
) -> Result<(), LowerError> {
    let Some(precision) = configured else { return Ok(()) };
    if !has_same_values(&cast_constant(layer, key, quantized, &precision)?, quantized) {
        let layer = layer.to_owned();
        builder.warn(LowerWarning::Overruled { layer, key, precision, attribute });
    }
    Ok(())
}

fn has_same_values(one: &Constant, other: &Constant) -> bool {
    one.codes.to_values(one.format) == other.codes.to_values(other.format)
}

/// Codes along one axis.
pub(super) fn vector(codes: Vec<BigInt>) -> Codes {
    Codes::from_big(Array1::from_vec(codes).into_dyn())
}
