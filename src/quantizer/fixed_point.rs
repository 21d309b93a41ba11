//! The fixed-point grid of `quantized_bits` and `quantized_linear`.

use std::fmt;

use super::parameters::Parameters;
use super::{ParseError, QuantizerError, Stage, cast, exp2};
use crate::fixed::{Format, Overflow};

/// `bits`, `integer`, `symmetric` and `keep_negative`: which multiples of a power of two there are.
/// `integer` counts no sign bit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct FixedPoint {
    pub(super) bits: u32,
    pub(super) integer: i32,
    pub(super) symmetric: bool,
    pub(super) keep_negative: bool,
}

impl FixedPoint {
    /// Reads the attributes, where `symmetric` is what stands here by default.
    pub(super) fn new(parameters: &Parameters<'_>, symmetric: bool) -> Result<Self, ParseError> {
        Ok(Self {
            bits: parameters.bits()?,
            integer: parameters.integer_bits()?,
            symmetric: parameters.flag("symmetric", symmetric)?,
            keep_negative: parameters.flag("keep_negative", true)?,
        })
    }

    /// The same, symmetric if `symmetric`, else as it is.
    pub(super) fn symmetric_if(self, symmetric: bool) -> Self {
        Self { symmetric: self.symmetric || symmetric, ..self }
    }

    /// Bits without the sign.
    pub(super) fn unsigned_bits(self) -> u32 {
        self.bits - u32::from(self.keep_negative)
    }

    /// Whether only the sign is left.
    pub(super) fn is_sign(self) -> bool {
        self.unsigned_bits() == 0
    }

    /// The power of two of the step between two values: QKeras' `data_type_scale`.
    pub(super) fn step(self) -> i32 {
        self.integer - self.unsigned_bits() as i32
    }

    /// The lowest and the highest code, where there is more than a sign.
    pub(super) fn codes(self) -> (f64, f64) {
        let levels = exp2(self.unsigned_bits() as i32);
        let low = match (self.keep_negative, self.symmetric) {
            (false, _) => 0.0,
            (true, true) => 1.0 - levels,
            (true, false) => -levels,
        };
        (low, levels - 1.0)
    }

    /// The cast to the grid times 2^`power`, for `quantizer`.
    pub(super) fn cast(
        self,
        power: i32,
        quantizer: &dyn fmt::Display,
    ) -> Result<Stage, QuantizerError> {
        let integer = self.integer + power;
        if !self.keep_negative {
            return cast(quantizer, Format::unsigned(self.bits, integer), Overflow::Sat);
        }
        let overflow = if self.symmetric { Overflow::SatSym } else { Overflow::Sat };
        cast(quantizer, Format::signed(self.bits, integer + 1), overflow)
    }
}

impl fmt::Display for FixedPoint {
    /// As the first arguments of a call.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{}", self.bits, self.integer, u8::from(self.symmetric))?;
        if self.keep_negative { Ok(()) } else { f.write_str(",keep_negative=False") }
    }
}
