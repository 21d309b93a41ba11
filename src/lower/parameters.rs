//! Weights and biases: from float32 to constants.

use ndarray::{Array1, ArrayD, ArrayViewD};
use num_bigint::BigInt;

use super::builder::Builder;
use super::result::check_parameter;
use super::{LowerError, LowerWarning};
use crate::fixed::{Caster, Codes, FormatError, Quantization};
use crate::ir::{Constant, ConstantError};
use crate::quantizer::{Quantizer, QuantizerError};

/// What errors call the scale of a kernel.
pub(super) const SCALE: &str = "scale";

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
        builder: &mut Builder<'_>,
        quantizer: Option<&Quantizer>,
        precision: &Quantization,
    ) -> Result<Constant, LowerError> {
        match quantizer {
            Some(quantizer) => self.quantized(quantizer),
            None => {
                let values = exact(self.layer, self.part, &self.values.mapv(f64::from))?;
                let variable = if self.part == "bias" { "bias" } else { "weight" };
                check_parameter(builder, self.layer, variable, &values, precision);
                cut(self.layer, self.part, &values, precision)
            }
        }
    }

    /// The exact values that `quantizer` gives.
    pub(super) fn quantized(&self, quantizer: &Quantizer) -> Result<Constant, LowerError> {
        let values = quantizer.quantize(&self.values).map_err(|e| self.refused(e))?;
        exact(self.layer, self.part, &values)
    }

    /// The exact values that `quantizer` gives before its real-valued scale, and that scale: a
    /// number for each output channel, or one that they share.
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

/// The constant that holds exactly `values`. Errors name `part` of `layer`.
fn exact(layer: &str, part: &'static str, values: &ArrayD<f64>) -> Result<Constant, LowerError> {
    Constant::covering(values.view()).map_err(|error| no_constant(layer, part, error))
}

/// Numbers of `part` of `layer` that are no constant, as an error.
pub(super) fn no_constant(layer: &str, part: &'static str, error: ConstantError) -> LowerError {
    let layer = layer.to_owned();
    match error {
        ConstantError::NotFinite(value) => LowerError::NotFinite { layer, part, value },
        ConstantError::Format(error) => LowerError::Format { layer, part, error },
    }
}

/// What the type `precision` leaves of a constant. Errors name `part` of `layer`.
pub(super) fn cut(
    layer: &str,
    part: &'static str,
    exact: &Constant,
    precision: &Quantization,
) -> Result<Constant, LowerError> {
    let too_wide = |error| LowerError::Format { layer: layer.into(), part, error };
    let caster = Caster::<BigInt>::new(exact.format.fractional_bits(), precision)
        .ok_or_else(|| too_wide(FormatError::Width(precision.format.width().into())))?;
    let codes: Vec<BigInt> = exact.codes.iter().map(|code| caster.apply(&code)).collect();
    let codes = ArrayD::from_shape_vec(exact.codes.shape(), codes);
    let codes = codes.unwrap_or_else(|_| ArrayD::default(exact.codes.shape()));
    Constant::of_codes(codes, precision.format.fractional_bits()).map_err(too_wide)
}

/// What is left of a constant in the type that the user asks for; says if that is not all of it.
pub(super) fn cut_as_asked(
    builder: &mut Builder<'_>,
    layer: &str,
    part: &'static str,
    exact: Constant,
    asked: Option<Quantization>,
) -> Result<Constant, LowerError> {
    let Some(precision) = asked else { return Ok(exact) };
    check_parameter(builder, layer, part, &exact, &precision);
    let cut = cut(layer, part, &exact, &precision)?;
    if !same(&cut, &exact) {
        builder.warn(LowerWarning::Cut { layer: layer.into(), part, precision });
    }
    Ok(cut)
}

/// A type that the user asks for where a quantizer decides.
pub(super) struct Key {
    /// The key under Precision: "weight" or "bias".
    pub(super) name: &'static str,
    /// The quantizer's attribute.
    pub(super) attribute: &'static str,
    /// The type, if there is one.
    pub(super) asked: Option<Quantization>,
}

impl Key {
    /// Says if the quantizer gives `numbers` which the type does not hold: they stay what the
    /// quantizer says. hls4ml writes such types for every layer, most of which hold.
    pub(super) fn warn_if_overruled(
        self,
        builder: &mut Builder<'_>,
        layer: &str,
        numbers: &Constant,
    ) -> Result<(), LowerError> {
        let Some(precision) = self.asked else { return Ok(()) };
        if !same(&cut(layer, self.name, numbers, &precision)?, numbers) {
            let (layer, key, attribute) = (layer.to_owned(), self.name, self.attribute);
            builder.warn(LowerWarning::Overruled { layer, key, precision, attribute });
        }
        Ok(())
    }
}

/// Whether two constants hold the same numbers.
pub(super) fn same(one: &Constant, other: &Constant) -> bool {
    one.codes.to_values(one.format) == other.codes.to_values(other.format)
}

/// A constant of one axis.
pub(super) fn list(codes: Vec<BigInt>) -> Codes {
    Codes::from_big(Array1::from_vec(codes).into_dyn())
}
