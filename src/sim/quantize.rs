//! Real numbers onto an input's grid.

use ndarray::{ArrayD, ArrayViewD};

use crate::fixed::{Codes, Format, Overflow, Quantization, Rounding, cast};

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
    let ends = format.codes().values(format.fraction());
    let codes = values
        .iter()
        .map(|value| {
            // Far beyond any format, and finite.
            let limit = libm::ldexp(1.0, Format::MAX_POSITION - 1);
            let finite = value.clamp(-limit, limit);
            saturated += usize::from(*value < ends.0 || *value > ends.1);
            let exact = ndarray::arr0(finite).into_dyn();
            // The lowest bit of a double counts 2^-1074.
            let fine = crate::ir::Constant::covering(exact.view());
            match fine {
                Ok(constant) => {
                    let code = constant.codes.get(0)?;
                    let result = cast(&code, constant.format.fraction(), &to);
                    let back = Codes::from_values(&exact.view(), format.fraction());
                    let inside = *value >= ends.0 && *value <= ends.1;
                    rounded += usize::from(inside && back.is_none());
                    Some(result)
                }
                Err(_) if value.is_nan() => None,
                // Too small or too large for any format.
                Err(_) if value.abs() < 1.0 => {
                    rounded += 1;
                    Some(0.into())
                }
                Err(_) if *value < 0.0 => Some(format.codes().low().clone()),
                Err(_) => Some(format.codes().high().clone()),
            }
        })
        .collect::<Option<Vec<_>>>()?;
    let codes = ArrayD::from_shape_vec(values.raw_dim(), codes).ok()?;
    Some(Quantized { codes: Codes::from_big(codes), rounded, saturated })
}
