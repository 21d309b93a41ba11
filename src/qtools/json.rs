//! The file of a data type map, in QTools' names and order.
//!
//! Source: `interface.py` of QKeras (June 2025).

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::data_type::DataType;
use super::fused::FusedNorm;
use super::operators::{Gate, Operation};
use super::types::{LayerTypes, Operators, TypeMap};

/// A type with the shape of a tensor, and of an operator's result with its operation.
struct Described<'a> {
    of: &'a DataType,
    shape: Option<Shape<'a>>,
    operation: Option<Operation>,
}

enum Shape<'a> {
    /// One sample of a tensor; QTools writes -1 for the batch.
    Sample(&'a [usize]),
    Parameter(&'a [usize]),
    Length(usize),
}

impl Serialize for Described<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.of.fields(&mut map)?;
        match &self.shape {
            None => {}
            Some(Shape::Sample(shape)) => {
                let axes = [-1].into_iter().chain(shape.iter().map(|axis| *axis as i64));
                map.serialize_entry("shape", &axes.collect::<Vec<i64>>())?;
            }
            Some(Shape::Parameter(shape)) => map.serialize_entry("shape", shape)?,
            Some(Shape::Length(length)) => map.serialize_entry("shape", length)?,
        }
        if let Some(operation) = self.operation {
            map.serialize_entry("op_type", &operation)?;
        }
        map.end()
    }
}

fn shaped<'a>(of: &'a DataType, shape: Shape<'a>) -> Described<'a> {
    Described { of, shape: Some(shape), operation: None }
}

fn gate(gate: &Gate) -> Described<'_> {
    Described { of: &gate.output, shape: None, operation: Some(gate.operation) }
}

fn sum(of: &DataType) -> Described<'_> {
    Described { of, shape: None, operation: Some(Operation::Add) }
}

impl Serialize for TypeMap {
    /// QTools' file: `source_quantizers`, then the layers by name.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("source_quantizers", &self.sources)?;
        for layer in &self.layers {
            map.serialize_entry(&layer.name, layer)?;
        }
        map.end()
    }
}

impl LayerTypes {
    /// The fields of QTools' `map_to_json`, into a map that its caller ends.
    pub(super) fn fields<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("layer_type", &self.class)?;
        map.serialize_entry("input_quantizer_list", &self.inputs)?;
        map.serialize_entry("output_quantizer", &shaped(&self.output, Shape::Sample(&self.shape)))?;
        match &self.operators {
            Operators::None => {}
            Operators::Merge(operator) => {
                map.serialize_entry(&format!("{}_quantizer", self.class), &gate(operator))?;
            }
            Operators::Average { reciprocal, sum: total, multiplier } => {
                if let Some(reciprocal) = reciprocal {
                    map.serialize_entry("average_quantizer", reciprocal)?;
                }
                map.serialize_entry("pool_sum_accumulator", &sum(total))?;
                if let Some(multiplier) = multiplier {
                    map.serialize_entry("pool_avg_multiplier", &gate(multiplier))?;
                }
            }
            Operators::BatchNorm { gamma, beta, mean, variance, operators, .. } => {
                map.serialize_entry("gamma_quantizer", gamma)?;
                map.serialize_entry("beta_quantizer", beta)?;
                map.serialize_entry("mean_quantizer", mean)?;
                map.serialize_entry("variance_quantizer", variance)?;
                map.serialize_entry("internal_divide_quantizer", &gate(&operators.divider))?;
                if let Some(multiplier) = &operators.multiplier {
                    map.serialize_entry("internal_multiplier", &gate(multiplier))?;
                }
                if let Some(accumulator) = &operators.accumulator {
                    map.serialize_entry("internal_accumulator", &sum(accumulator))?;
                }
            }
            Operators::Matrix {
                weight,
                weight_shape,
                bias,
                multiplier,
                accumulator,
                is_folded,
                norm,
                fused_accumulator,
            } => {
                let kernel = shaped(weight, Shape::Parameter(weight_shape));
                map.serialize_entry("weight_quantizer", &kernel)?;
                if let Some(bias) = bias {
                    let outputs = weight_shape.last().copied().unwrap_or(1);
                    map.serialize_entry("bias_quantizer", &shaped(bias, Shape::Length(outputs)))?;
                }
                map.serialize_entry("multiplier", &gate(multiplier))?;
                map.serialize_entry("accumulator", &sum(accumulator))?;
                if let Some(FusedNorm { beta, mean, inverse }) = norm {
                    map.serialize_entry("bn_beta_quantizer", beta)?;
                    map.serialize_entry("bn_mean_quantizer", mean)?;
                    map.serialize_entry("bn_inverse_quantizer", inverse)?;
                }
                if !is_folded {
                    map.serialize_entry("fused_accumulator", &sum(fused_accumulator))?;
                }
            }
        }
        map.serialize_entry("operation_count", &self.operation_count)
    }
}

impl Serialize for LayerTypes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.fields(&mut map)?;
        map.end()
    }
}
