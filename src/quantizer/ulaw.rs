//! `quantized_ulaw`: levels that lie denser around 0.

use std::fmt;

use super::parameters::Parameters;
use super::{Definition, ParseError, Quantizer, QuantizerError, Stage, cast, exp2};
use crate::fixed::{Format, Overflow};
use crate::function::Sigmoid;

/// QKeras' `quantized_ulaw`. With m = 2^(bits-1) and r = 2 · round(m · sigmoid(x / 2^integer)) / m - 1:
///
/// 2^integer · clip(sign(r) · ln(1 + u|r|) / ln(1 + u), -1, 1 - 1/m)
///
/// from -1 + 1/m where symmetric. The sigmoid is the one that QKeras' module has. There are at most
/// m + 1 values, but logarithms lie on no grid: in hardware they are rounded to
/// [`QuantizedUlaw::FRACTION`] bits below 2^integer.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedUlaw {
    bits: u32,
    integer: i32,
    symmetric: bool,
    u: f32,
    pub(super) sigmoid: Sigmoid,
}

/// The attributes, in the order of QKeras' constructor.
pub(super) const ATTRIBUTES: &[&str] = &["bits", "integer", "symmetric", "u"];

/// QKeras' default, that of telephony in North America and Japan.
const DEFAULT_U: f32 = 255.0;

impl QuantizedUlaw {
    /// The bits that hardware keeps of a value behind 2^integer.
    pub const FRACTION: u32 = 16;

    pub(super) fn new(parameters: &Parameters<'_>) -> Result<Self, ParseError> {
        let u = parameters.number("u")?.unwrap_or(DEFAULT_U);
        if u <= 0.0 {
            return Err(parameters.wrong("u", "a positive number"));
        }
        Ok(Self {
            bits: parameters.bits()?,
            integer: parameters.integer_bits()?,
            symmetric: parameters.flag("symmetric", false)?,
            u,
            sigmoid: Sigmoid::default(),
        })
    }

    /// The value of the level `code`, 0 to 2^(bits-1).
    fn value(&self, code: f64) -> f64 {
        let levels = exp2(self.bits as i32 - 1);
        let r = 2.0 * (code / levels) - 1.0;
        let u = f64::from(self.u);
        let magnitude = libm::log1p(u * r.abs()) / libm::log1p(u);
        let law = if r < 0.0 { -magnitude } else { magnitude };
        let low = f64::from(u8::from(self.symmetric)) / levels - 1.0;
        libm::ldexp(law.clamp(low, 1.0 - 1.0 / levels), self.integer)
    }
}

impl Definition for QuantizedUlaw {
    fn in_kernel(&self) -> Quantizer {
        Quantizer::Ulaw(self.clone())
    }

    fn apply(&self, x: f64) -> f64 {
        let levels = exp2(self.bits as i32 - 1);
        let p = self.sigmoid.value(libm::ldexp(x, -self.integer)) * levels;
        self.value(p.round_ties_even())
    }

    fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        let format = Format::signed(Self::FRACTION + 1, self.integer + 1);
        Ok(vec![Stage::Steps, cast(self, format, Overflow::Sat)?])
    }

    fn values(&self) -> Option<Vec<f64>> {
        if self.bits > Quantizer::MAX_VALUES.ilog2() {
            return None;
        }
        let levels = 1_u32 << (self.bits - 1);
        Some((0..=levels).map(|code| self.value(code.into())).collect())
    }
}

impl fmt::Display for QuantizedUlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "quantized_ulaw({},{}", self.bits, self.integer)?;
        if self.symmetric || self.u != DEFAULT_U {
            write!(f, ",{}", u8::from(self.symmetric))?;
        }
        if self.u != DEFAULT_U {
            write!(f, ",{:?}", self.u)?;
        }
        f.write_str(")")
    }
}
