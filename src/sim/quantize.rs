//! Quantizes real numbers to an input's format.

use ndarray::{ArrayD, ArrayViewD};

use crate::fixed::{Codes, Format, Overflow, Quantization, Rounding, cast_real, exact_code};

/// Quantized samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantized {
    /// The codes.
    pub codes: Codes,
    /// Number of values that were rounded, half to even.
    pub rounded: usize,
    /// Number of values that were saturated.
    pub saturated: usize,
}

/// `values` as codes of `format`, rounded half to even and saturated; `None` if a value is NaN.
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
    let codes = ArrayD::from_shape_vec(values.raw_dim(), codes).expect("a code per value");
    Some(Quantized { codes: Codes::from_big(codes), rounded, saturated })
}
