//! Quantizes float32 parameters to constants.

use ndarray::{Array1, ArrayD, ArrayViewD};
use num_bigint::BigInt;

use super::builder::Builder;
use super::exact::{Reach, exact, real};
use super::result::check_parameter;
use super::{LowerError, LowerWarning, TypedVariable};
use crate::fixed::{Caster, Codes, FormatError, Quantization, cast_real, exp2};
use crate::ir::{Constant, ConstantError};
use crate::quantizer::{Quantizer, QuantizerError};

/// Name of a kernel's scale in messages.
pub(super) const SCALE: &str = "scale";

/// Name of a bias in messages, and its key under Precision.
pub(super) const BIAS: &str = "bias";

/// A tensor of parameters, and its names in messages.
pub(super) struct Parameter<'a> {
    pub(super) layer: &'a str,
    /// "kernel" or "bias".
    pub(super) part: &'static str,
    /// "kernel_quantizer" or "bias_quantizer".
    pub(super) attribute: &'static str,
    pub(super) values: ArrayViewD<'a, f32>,
    pub(super) reach: Reach,
}

impl Parameter<'_> {
    /// The values quantized by `quantizer`.
    pub(super) fn quantized(
        &self,
        builder: &mut Builder<'_>,
        quantizer: &Quantizer,
    ) -> Result<Constant, LowerError> {
        let values = quantizer.quantize(&self.values).map_err(|e| self.refused(e))?;
        exact(builder, self.layer, self.part, &values, self.reach)
    }

    /// The quantized values without the quantizer's real-valued scale, and that scale: one per
    /// output channel, or a single one.
    pub(super) fn factored(
        &self,
        builder: &mut Builder<'_>,
        quantizer: &Quantizer,
    ) -> Result<(Constant, Option<Array1<f64>>), LowerError> {
        let factored = quantizer.factored(&self.values).map_err(|e| self.refused(e))?;
        let values = exact(builder, self.layer, self.part, &factored.values, self.reach)?;
        let scale = factored.scale.map(|scale| match scale.first() {
            Some(first) if scale.iter().all(|s| s == first) => Array1::from_elem(1, *first),
            _ => scale,
        });
        Ok((values, scale))
    }

    fn refused(&self, error: QuantizerError) -> LowerError {
        LowerError::Quantizer { layer: self.layer.into(), part: self.attribute, error }
    }
}

/// Names of a parameter without a quantizer.
#[derive(Clone, Copy)]
pub(super) struct ParameterName {
    /// In errors and warnings: "kernel".
    part: &'static str,
    variable: TypedVariable,
    /// Its key under Precision.
    key: &'static str,
}

impl From<(&'static str, TypedVariable)> for ParameterName {
    fn from((part, variable): (&'static str, TypedVariable)) -> Self {
        Self { part, variable, key: variable.key() }
    }
}

impl ParameterName {
    /// A parameter with a key of its own, which has the type of `variable` without it.
    pub(super) fn with_key(part: &'static str, variable: TypedVariable, key: &'static str) -> Self {
        Self { part, variable, key }
    }
}

/// A parameter without a quantizer as a constant of the type `precision`. Each value is rounded once,
/// however far below the LSB it lies. Errors and warnings name `part` of `layer`, and its key under
/// Precision.
pub(super) fn cast_values(
    builder: &mut Builder<'_>,
    layer: &str,
    name: impl Into<ParameterName>,
    values: &ArrayD<f64>,
    precision: &Quantization,
) -> Result<Constant, LowerError> {
    cast_shifted(builder, layer, name, values, precision, |_| 0)
}

/// As [`cast_values`], of each element times 2 to the power of its `shift`.
pub(super) fn cast_shifted(
    builder: &mut Builder<'_>,
    layer: &str,
    name: impl Into<ParameterName>,
    values: &ArrayD<f64>,
    precision: &Quantization,
    shift: impl Fn(usize) -> i32,
) -> Result<Constant, LowerError> {
    let ParameterName { part, variable, key } = name.into();
    if let Some(value) = values.iter().copied().find(|value| !value.is_finite()) {
        return Err(LowerError::NotFinite { layer: layer.into(), part, value });
    }
    builder.unquantized((layer, layer), variable, *precision, Some(values.clone()));
    check_parameter(builder, layer, key, values, precision);
    let code = |(element, value): (usize, &f64)| {
        cast_real(value * exp2(shift(element)), precision).expect("the values are finite")
    };
    let codes = values.iter().enumerate().map(code).collect();
    let codes = ArrayD::from_shape_vec(values.shape(), codes).expect("a code per element");
    Constant::of_codes(codes, precision.format.fractional_bits())
        .map_err(|error| LowerError::Format { layer: layer.into(), part, error })
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

/// Real `values` cast to the configured type, with a warning if they change; by default exact, see
/// [`real`].
pub(super) fn real_or_cast(
    builder: &mut Builder<'_>,
    (layer, part): (&str, &'static str),
    values: &ArrayD<f64>,
    configured: Option<Quantization>,
    reach: Reach,
) -> Result<Constant, LowerError> {
    let Some(precision) = configured else { return real(builder, layer, part, values, reach) };
    let variable = if part == BIAS { TypedVariable::Bias } else { TypedVariable::Scale };
    let cast = cast_values(builder, layer, (part, variable), values, &precision)?;
    if cast.codes.to_values(cast.format) != *values {
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
