//! Real numbers onto an input's grid.

use ndarray::{ArrayD, ArrayViewD};

use crate::fixed::{Codes, Format, Overflow, Quantization, Rounding, cast_real, exact_code};

/// Samples on an input's grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantized {
    /// The codes.
    pub codes: Codes,
    /// How many values lay between two steps and were rounded, halves to even.
    pub rounded: usize,
    /// How many values lay beyond the format and became its nearest number.
    pub saturated: usize,
}

/// `values` as codes of `format`: rounded to nearest, halves to even, and saturated. `None` if one
/// is NaN; infinities saturate.
pub fn quantize(values: &ArrayViewD<'_, f64>, format: Format) -> Option<Quantized> {
    let to = Quantization::new(format, Rounding::RndConv, Overflow::Sat);
    let (mut rounded, mut saturated) = (0, 0);
    let ends = format.codes().values(format.fractional_bits());
    let codes = values
        .iter()
        .map(|value| {
            let inside = ends.0 <= *value && *value <= ends.1;
            saturated += usize::from(!inside);
            rounded +=
                usize::from(inside && exact_code(*value, format.fractional_bits()).is_none());
            cast_real(value.clamp(f64::MIN, f64::MAX), &to)
        })
        .collect::<Option<Vec<_>>>()?;
    let codes = ArrayD::from_shape_vec(values.raw_dim(), codes).ok()?;
    Some(Quantized { codes: Codes::from_big(codes), rounded, saturated })
}
