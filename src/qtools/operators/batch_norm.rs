//! Batch normalization: y = gamma · x / √variance + beta.
//!
//! Source: `qbn_factory.py`. The mean has no part in the types.

use super::{Gate, adder, divider, multiplier};
use crate::qtools::data_type::{DataType, MaxValue};

/// Operators of a batch normalization.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNormOperators {
    /// gamma, or without a scale x, by the standard deviation.
    pub divider: Gate,
    /// The quotient times x; `None` without a scale.
    pub multiplier: Option<Gate>,
    /// The sum with beta; `None` without an offset.
    pub accumulator: Option<DataType>,
}

impl BatchNormOperators {
    /// The operators for these types; `gamma` and `beta` are `None` for a normalization without them.
    pub fn new(
        x: &DataType,
        gamma: Option<&DataType>,
        beta: Option<&DataType>,
        variance: &DataType,
    ) -> Self {
        let deviation = deviation(variance);
        let mut divider = divider(gamma.unwrap_or(x), &deviation);
        let multiplier = gamma.map(|gamma| {
            let known = |it: &DataType| it.distinct.filter(|values| it.is_po2() && *values > 0);
            if let (Some(values), Some(others)) = (known(gamma), known(&deviation)) {
                divider.output.distinct = Some(values * others);
            }
            multiplier(&divider.output, x)
        });
        let product = multiplier.as_ref().map_or(&divider.output, |gate| &gate.output);
        let accumulator = beta.map(|beta| adder(product, beta));
        Self { divider, multiplier, accumulator }
    }

    /// The type of the result.
    pub fn output(&self) -> &DataType {
        let product = self.multiplier.as_ref().unwrap_or(&self.divider);
        self.accumulator.as_ref().unwrap_or(&product.output)
    }

    /// The same gates with results of the type `output`.
    #[must_use]
    pub fn with_output(self, output: &DataType) -> Self {
        Self {
            divider: self.divider.with_output(output),
            multiplier: self.multiplier.map(|gate| gate.with_output(output)),
            accumulator: self.accumulator.map(|_| output.clone()),
        }
    }
}

/// The type of the root of a variance: a power of two has an exponent half as large.
fn deviation(variance: &DataType) -> DataType {
    let mut deviation = variance.clone();
    if variance.is_po2() {
        if let Some(most) = variance.max_value.value() {
            deviation.max_value = MaxValue::Derived(most.sqrt().round_ties_even());
        }
        deviation.bits -= 1;
        deviation.int_bits = deviation.bits;
    }
    deviation
}
