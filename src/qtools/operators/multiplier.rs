//! Multipliers: the gate that a product needs, and the type of its result.
//!
//! Source: `multiplier_factory.py` and `multiplier_impl.py`.

use super::{Gate, Operation};
use crate::qtools::data_type::{DataType, Form, MaxValue};

/// Energy of a gate, relative to an adder's.
const BINARY_MUX: f64 = 0.3;
const TERNARY_MUX: f64 = 2.0 * 0.3;
const XOR: f64 = 0.3;
const AND: f64 = 0.1;
/// Energy of a constant shift, for each of its distances.
pub(super) const CONSTANT_SHIFT: f64 = 0.3;

/// The multiplier of a `weight` and an input `x`.
pub fn multiplier(weight: &DataType, x: &DataType) -> Gate {
    use Form::{Binary, Fixed, Float, PowerOfTwo, Ternary, ZeroOne};
    match (weight.form, x.form) {
        (Float, _) | (_, Float) => float(weight, x),
        (Fixed, Fixed) => fixed(weight, x),
        (PowerOfTwo, Fixed) => shifter(weight, x),
        (Fixed, PowerOfTwo) => shifter(x, weight),
        (PowerOfTwo, PowerOfTwo) => adder(weight, x),
        (ZeroOne, ZeroOne) => and(weight, x, ZeroOne),
        (ZeroOne, other) | (other, ZeroOne) => and(weight, x, of_and(other)),
        (Binary, Binary) => xor(weight, x),
        (Fixed, Ternary | Binary) | (Ternary | Binary, Fixed) => mux(weight, x, Fixed),
        (PowerOfTwo, Ternary | Binary) | (Ternary | Binary, PowerOfTwo) => {
            mux(weight, x, PowerOfTwo)
        }
        (Ternary, Ternary | Binary) | (Binary, Ternary) => mux(weight, x, Ternary),
    }
}

/// The form of `other` times 0 or 1.
fn of_and(other: Form) -> Form {
    match other {
        Form::Binary | Form::Ternary => Form::Ternary,
        Form::Fixed | Form::PowerOfTwo | Form::ZeroOne | Form::Float => other,
    }
}

fn fixed(weight: &DataType, x: &DataType) -> Gate {
    let sign = x.sign.or(weight.sign);
    let int_bits = x.int_bits + weight.int_bits;
    let bits = int_bits + x.fraction() + weight.fraction() + sign.bit();
    Gate {
        output: DataType::fixed(bits, int_bits, sign),
        operation: Operation::Multiply,
        factor: 1.0,
        bits: ((x.bits * weight.bits) as f64).sqrt(),
    }
}

fn float(weight: &DataType, x: &DataType) -> Gate {
    let bits_of = |operand: &DataType| if operand.is_float() { operand.bits } else { 0 };
    let bits = bits_of(x).max(bits_of(weight));
    Gate {
        output: DataType::float(bits),
        operation: Operation::Multiply,
        factor: 1.0,
        bits: bits as f64,
    }
}

fn shifter(po2: &DataType, other: &DataType) -> Gate {
    let (below, above) = po2.exponents();
    let mut bits = (other.bits as f64 + above + below) as i64;
    if !other.sign.is_signed() && po2.sign.is_signed() {
        bits += 1;
    }
    let int_bits = (other.int_bits as f64 + above) as i64;
    let output = DataType::fixed(bits, int_bits, other.sign.or(po2.sign));
    let (factor, bits) = shift_cost(po2, other.bits);
    Gate { output, operation: Operation::Shift, factor, bits }
}

/// Factor and bits of a shift of `bits` bits by the exponents of `po2`: constant shifts if they are
/// known, else one by any distance.
pub(super) fn shift_cost(po2: &DataType, bits: i64) -> (f64, f64) {
    match po2.distinct {
        Some(values) if values > 0 => (values as f64 * CONSTANT_SHIFT, bits as f64),
        Some(_) | None => {
            let size = (f64::exp2(po2.bits as f64) * bits as f64).sqrt();
            (1.0, size * size.log10())
        }
    }
}

fn adder(weight: &DataType, x: &DataType) -> Gate {
    let max_value = match (x.max_value, weight.max_value) {
        (MaxValue::Unlimited, _) | (_, MaxValue::Unlimited) => MaxValue::Unlimited,
        (MaxValue::Stated(x), MaxValue::Stated(w)) => MaxValue::Stated(x * w),
        (
            MaxValue::Stated(x) | MaxValue::Derived(x),
            MaxValue::Stated(w) | MaxValue::Derived(w),
        ) => MaxValue::Derived(x * w),
    };
    let mut output = DataType {
        bits: x.bits.max(weight.bits) + 1,
        int_bits: x.int_bits.max(weight.int_bits) + 1,
        sign: x.sign.or(weight.sign),
        max_value,
        ..DataType::of_form(Form::PowerOfTwo)
    };
    output.name_po2();
    let bits = output.bits as f64;
    Gate { output, operation: Operation::Add, factor: 1.0, bits }
}

fn mux(weight: &DataType, x: &DataType, form: Form) -> Gate {
    let mut output = DataType { sign: x.sign.or(weight.sign), ..DataType::of_form(form) };
    // The operand of few values selects, the other one is the result.
    let (chosen, selector, factor) = match weight.form {
        Form::Binary => (x, weight, BINARY_MUX),
        Form::Ternary => (x, weight, TERNARY_MUX),
        Form::Fixed | Form::PowerOfTwo | Form::ZeroOne | Form::Float => {
            (weight, x, if x.name == "binary" { BINARY_MUX } else { TERNARY_MUX })
        }
    };
    output.bits = chosen.bits;
    output.int_bits = chosen.int_bits;
    if !chosen.sign.is_signed() && selector.sign.is_signed() {
        output.bits += 1;
    }
    if form == Form::PowerOfTwo {
        name_product_of_po2(&mut output, weight, x);
        output.int_bits = output.bits;
    }
    Gate { output, operation: Operation::Mux, factor, bits: chosen.bits as f64 }
}

fn xor(weight: &DataType, x: &DataType) -> Gate {
    let output = DataType {
        bits: x.bits.max(weight.bits),
        int_bits: x.int_bits.max(weight.int_bits),
        sign: x.sign.or(weight.sign),
        ..DataType::of_form(Form::Binary)
    };
    Gate { output, operation: Operation::Xor, factor: XOR, bits: 1.0 }
}

fn and(weight: &DataType, x: &DataType, form: Form) -> Gate {
    let mut output = DataType::of_form(form);
    if form != Form::Ternary {
        output.bits = x.bits.max(weight.bits);
        output.sign = x.sign.or(weight.sign);
        let selects = weight.form == Form::ZeroOne && weight.name == "binary";
        output.int_bits = if selects { x.int_bits } else { weight.int_bits };
        if form == Form::PowerOfTwo {
            name_product_of_po2(&mut output, weight, x);
        }
    }
    let bits = output.bits as f64;
    Gate { output, operation: Operation::And, factor: AND, bits }
}

/// Name and largest value of a product with one power of two.
fn name_product_of_po2(output: &mut DataType, weight: &DataType, x: &DataType) {
    output.name_po2();
    output.max_value = if weight.is_po2() { weight.max_value } else { x.max_value };
}
