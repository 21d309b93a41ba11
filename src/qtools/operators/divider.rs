//! Dividers of batch normalization.
//!
//! Source: `divider_factory.py` and `divider_impl.py`.

use super::multiplier::shift_cost;
use super::{Gate, Operation};
use crate::qtools::data_type::{DataType, Form, MaxValue, Sign};

/// Bits of a quotient without a form of its own.
const FLOAT_BITS: i64 = 32;

/// The divider of two types.
///
/// QTools has none by -1, 0 and 1, and fails; here it is that by fixed point.
pub fn divider(numerator: &DataType, denominator: &DataType) -> Gate {
    use Form::{Binary, Fixed, Float, PowerOfTwo, Ternary, ZeroOne};
    match (numerator.form, denominator.form) {
        (PowerOfTwo, PowerOfTwo) => subtractor(numerator, denominator),
        (Fixed | Ternary, PowerOfTwo) => shifter(numerator, denominator, Fixed),
        (Binary | ZeroOne, PowerOfTwo) => shifter(numerator, denominator, PowerOfTwo),
        (Float, _) => float(numerator.bits.max(float_bits(denominator))),
        (_, Float) => float(denominator.bits),
        (Fixed | PowerOfTwo | Ternary | Binary | ZeroOne, Fixed | Ternary | Binary | ZeroOne) => {
            float(FLOAT_BITS)
        }
    }
}

fn float_bits(operand: &DataType) -> i64 {
    if operand.is_float() { operand.bits } else { 0 }
}

/// QTools counts a division as a multiplication.
fn float(bits: i64) -> Gate {
    let output = DataType::float(bits);
    Gate { output, operation: Operation::Multiply, factor: 1.0, bits: bits as f64 }
}

fn shifter(numerator: &DataType, po2: &DataType, form: Form) -> Gate {
    // The exponents of a reciprocal have the other sign.
    let (above, below) = po2.exponents();
    let mut bits = (numerator.bits as f64 + above + below) as i64;
    if !numerator.sign.is_signed() && po2.sign.is_signed() {
        bits += 1;
    }
    let int_bits = (numerator.int_bits as f64 + above) as i64;
    let sign = numerator.sign.or(po2.sign);
    let output = DataType { bits, int_bits, sign, ..DataType::of_form(form) };
    let (factor, bits) = shift_cost(po2, numerator.bits);
    Gate { output, operation: Operation::Shift, factor, bits }
}

fn subtractor(numerator: &DataType, denominator: &DataType) -> Gate {
    let max_value = match (numerator.max_value.value(), denominator.max_value.value()) {
        (Some(numerator), Some(denominator)) => MaxValue::Derived(numerator / denominator),
        (None, _) | (_, None) => MaxValue::Unlimited,
    };
    let output = DataType {
        bits: numerator.bits.max(denominator.bits) + 1,
        int_bits: numerator.int_bits.max(denominator.int_bits) + 1,
        sign: Sign::Number(true),
        max_value,
        ..DataType::of_form(Form::PowerOfTwo)
    };
    let bits = output.bits as f64;
    Gate { output, operation: Operation::Add, factor: 1.0, bits }
}
