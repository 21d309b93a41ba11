//! Element-wise functions of several tensors, and concatenation.
//!
//! Source: `merge_factory.py`. QTools has no type for the difference and the dot product of two tensors,
//! and fails; here a difference is the adder of `subtractor_factory.py`, and a dot product a multiplier
//! with an accumulator.

use super::{Gate, Operation, multiplier};
use crate::qtools::data_type::{DataType, Sign};

/// Energy of a comparison, relative to an adder's.
const COMPARISON: f64 = 0.2;

/// The sum of several tensors.
pub fn add(inputs: &[DataType]) -> Gate {
    let mut output = common(inputs);
    if !output.is_float() {
        output.bits += 1;
        output.int_bits += 1;
    }
    gate(output, 1.0)
}

/// The difference of two tensors. That of unsigned ones takes a sign bit.
pub fn subtract(inputs: &[DataType]) -> Gate {
    let mut gate = add(inputs);
    if !gate.output.is_float() && !gate.output.sign.is_signed() {
        gate.output.sign = Sign::Number(true);
        gate.output.bits += 1;
        gate.bits += 1.0;
    }
    gate
}

/// The product of several tensors; the gate is that of the last multiplication.
pub fn multiply(inputs: &[DataType]) -> Option<Gate> {
    let (first, others) = inputs.split_first()?;
    let mut gate: Option<Gate> = None;
    for other in others {
        gate = Some(multiplier(gate.as_ref().map_or(first, |gate| &gate.output), other));
    }
    gate
}

/// The maximum or the minimum of several tensors.
pub fn select(inputs: &[DataType]) -> Gate {
    gate(widest(inputs), COMPARISON)
}

/// The average of several tensors.
pub fn average(inputs: &[DataType]) -> Gate {
    gate(widest(inputs), 1.0)
}

/// Several tensors in one, which costs nothing.
pub fn concatenate(inputs: &[DataType]) -> Gate {
    gate(widest(inputs), 0.0)
}

fn gate(output: DataType, factor: f64) -> Gate {
    let bits = output.bits as f64;
    Gate { output, operation: Operation::Add, factor, bits }
}

/// The type of all inputs if they have one, else a type for all of them.
fn widest(inputs: &[DataType]) -> DataType {
    let is_same = |one: &DataType, other: &DataType| {
        one.name == other.name
            && one.bits == other.bits
            && one.int_bits == other.int_bits
            && one.sign == other.sign
    };
    match inputs {
        [first, others @ ..] if others.iter().all(|other| is_same(first, other)) => first.clone(),
        _ => common(inputs),
    }
}

/// The most bits and the most integer bits of any input; floating point if one is.
fn common(inputs: &[DataType]) -> DataType {
    let floats = inputs.iter().filter(|input| input.is_float());
    if let Some(bits) = floats.map(|input| input.bits).max() {
        return DataType::float(bits);
    }
    let fixed: Vec<DataType> = inputs.iter().map(DataType::as_fixed).collect();
    let bits = fixed.iter().map(|input| input.bits).max();
    let int_bits = fixed.iter().map(|input| input.int_bits).max();
    let sign = fixed.iter().fold(Sign::Flag(false), |sign, input| sign.or(input.sign));
    DataType::fixed(bits.map_or(-1, |it| it.max(-1)), int_bits.map_or(-1, |it| it.max(-1)), sign)
}
