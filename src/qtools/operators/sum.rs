//! Adders of two types, and accumulators of many products of one type.
//!
//! Source: `adder_impl.py` and `accumulator_impl.py`.

use crate::qtools::data_type::{DataType, Form};

/// The type of a sum of two operands.
pub fn adder(one: &DataType, other: &DataType) -> DataType {
    if one.is_float() || other.is_float() {
        return DataType::float(one.bits.max(other.bits));
    }
    // QTools' table adds the exponents' bits of a power of two as they are if the other is 0 or 1.
    if one.is_po2() && other.form == Form::ZeroOne {
        return fixed(one, other);
    }
    fixed(&one.as_fixed(), &other.as_fixed())
}

fn fixed(one: &DataType, other: &DataType) -> DataType {
    let int_bits = one.int_bits.max(other.int_bits) + 1;
    let sign = one.sign.or(other.sign);
    let fraction = one.fraction().max(other.fraction());
    DataType::fixed(int_bits + sign.bit() + fraction, int_bits, sign)
}

/// The type of a sum of `terms` products of the type `product`, and of a bias if `has_bias`: the bits
/// of a product, and those that the count of additions needs.
pub fn accumulator(terms: usize, product: &DataType, has_bias: bool) -> DataType {
    if product.is_float() {
        return DataType::float(product.bits);
    }
    let additions = terms + usize::from(has_bias);
    let carry = i64::from(additions.max(1).next_power_of_two().trailing_zeros());
    let product = product.as_fixed();
    DataType::fixed(carry + product.bits, carry + product.int_bits, product.sign)
}
