//! Quantized parameters for other programs: QKeras' `model_save_quantized_weights`.
//!
//! Every quantized parameter is given three times: as the float32 values with which QKeras computes, as
//! integers with scales, and in the model's own file.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use ndarray::{Array1, ArrayD, Axis};
use serde::Serialize;

use super::QtoolsError;
use super::parameters::{Parameter, parameters};
use crate::fixed::{Codes, exp2};
use crate::front::{self, FrontError, Stored};
use crate::ir::Constant;
use crate::model::{Layer, LayerKind, Reduction};
use crate::quantizer::{Quantizer, QuantizerError};

/// Most values of a codebook.
const MAX_CODEBOOK: usize = 16;

/// The quantized parameters of a model.
#[derive(Clone, Debug, Serialize)]
pub struct Export {
    /// Layers with quantizers of parameters.
    pub layers: Vec<LayerExport>,
    /// Layers with parameters and without a quantizer for any of them.
    pub unquantized: Vec<String>,
}

/// The quantized parameters of a layer.
#[derive(Clone, Debug, Serialize)]
pub struct LayerExport {
    /// Name of the layer.
    pub layer: String,
    /// Class of the layer.
    pub class: String,
    /// The parameters in Keras' order.
    pub parameters: Vec<ParameterExport>,
    /// Quantized reciprocal of the size of a window: QKeras' `q_mult_factor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reciprocal: Option<f64>,
}

/// A parameter.
#[derive(Clone, Debug, Serialize)]
pub struct ParameterExport {
    /// Name of its arrays: `layer/kernel`.
    pub key: String,
    /// Keras' name of the variable.
    pub variable: &'static str,
    /// Shape in Keras.
    pub shape: Vec<usize>,
    /// Quantizer as QKeras writes it; `None` if the values are those of the file.
    pub quantizer: Option<String>,
    /// The values are not a variable of the file: a batch normalization is folded into them.
    pub is_folded: bool,
    /// Its quantizer gives other values for the quantized ones: a scale that depends on the weights, or a
    /// 0 that becomes 1.
    pub changes_again: bool,
    /// The integers; `None` without a quantizer.
    pub integers: Option<Integers>,
    /// Different values, ascending, if they are few.
    pub codebook: Option<Vec<f64>>,
    /// Quantized values.
    #[serde(skip)]
    pub values: ArrayD<f64>,
}

/// Integers of a parameter.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum Integers {
    /// A value is `code · scale`.
    Scaled {
        /// Bits of a code.
        bits: u32,
        /// Codes may be negative.
        is_signed: bool,
        /// One scale, or one for each element of the last axis.
        scale: Vec<f64>,
        /// The codes.
        #[serde(skip)]
        codes: ArrayD<i64>,
    },
    /// A value is `sign · 2^exponent`.
    PowersOfTwo {
        /// Least and largest exponent.
        exponents: [i64; 2],
        /// 1, -1, or 0 for a value of 0.
        #[serde(skip)]
        sign: ArrayD<i64>,
        /// Exponents; 0 for a value of 0.
        #[serde(skip)]
        exponent: ArrayD<i64>,
    },
}

impl Export {
    /// Quantizes the parameters of a model.
    ///
    /// # Errors
    /// If a quantizer cannot act on a parameter, or its integers take more than 64 bits.
    pub fn new(stored: &Stored) -> Result<Self, QtoolsError> {
        let mut export = Self { layers: Vec::new(), unquantized: Vec::new() };
        // A later call of a layer has the parameters of the first one.
        let own = stored.model.graph.node_weights().filter(|layer| layer.origin.is_none());
        for layer in own {
            let all = parameters(layer);
            let reciprocal = reciprocal(layer);
            if all.iter().all(|it| it.quantizer.is_none()) && reciprocal.is_none() {
                if !all.is_empty() {
                    export.unquantized.push(layer.name.clone());
                }
                continue;
            }
            let mut counts: HashMap<&str, usize> = HashMap::new();
            let mut of_layer = Vec::new();
            for parameter in all {
                let count = counts.entry(parameter.variable).or_insert(0);
                let suffix = if *count == 0 { String::new() } else { format!("_{count}") };
                *count += 1;
                let key = format!("{}/{}{suffix}", layer.name, parameter.variable);
                of_layer.push(ParameterExport::new(layer, key, parameter)?);
            }
            export.layers.push(LayerExport {
                layer: layer.name.clone(),
                class: layer.class.clone(),
                parameters: of_layer,
                reciprocal,
            });
        }
        Ok(export)
    }

    fn parameters(&self) -> impl Iterator<Item = &ParameterExport> {
        self.layers.iter().flat_map(|layer| &layer.parameters)
    }

    /// Parameters that QKeras would quantize to other values once more.
    pub fn changing(&self) -> impl Iterator<Item = &ParameterExport> {
        self.parameters().filter(|it| it.changes_again)
    }

    /// Writes `weights.npz`, `integers.npz`, `scales.npz` and `export.json` to `folder`.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), FrontError> {
        let mut weights: Vec<(&str, ArrayD<f32>)> = Vec::new();
        let mut integers: Vec<(String, ArrayD<i64>)> = Vec::new();
        let mut scales: Vec<(String, ArrayD<f64>)> = Vec::new();
        for parameter in self.parameters() {
            let key = parameter.key.as_str();
            weights.push((key, parameter.values.mapv(|value| value as f32)));
            match &parameter.integers {
                None => {}
                Some(Integers::Scaled { scale, codes, .. }) => {
                    integers.push((key.to_owned(), codes.clone()));
                    scales.push((key.to_owned(), Array1::from(scale.clone()).into_dyn()));
                }
                Some(Integers::PowersOfTwo { sign, exponent, .. }) => {
                    integers.push((format!("{key}/sign"), sign.clone()));
                    integers.push((format!("{key}/exponent"), exponent.clone()));
                }
            }
            if let Some(codebook) = &parameter.codebook {
                let index = |value: &f64| codebook.iter().position(|it| it == value);
                let index = |value: &f64| index(value).map_or(0, |index| index as i64);
                integers.push((format!("{key}/index"), parameter.values.map(index)));
                let codebook = Array1::from(codebook.clone()).into_dyn();
                scales.push((format!("{key}/codebook"), codebook));
            }
        }
        front::write_npz(&folder.join("weights.npz"), &weights)?;
        front::write_npz(&folder.join("integers.npz"), &named(&integers))?;
        front::write_npz(&folder.join("scales.npz"), &named(&scales))?;
        front::write_json(&folder.join("export.json"), self)
    }

    /// Writes the model in `file`, which holds the weights of `stored`, to `target` with quantized
    /// weights.
    ///
    /// # Errors
    /// As [`front::write_variables`].
    pub fn write_model(
        &self,
        stored: &Stored,
        file: &Path,
        target: &Path,
    ) -> Result<(), FrontError> {
        let mut changes = Vec::new();
        for layer in &self.layers {
            let mut left: Vec<&ParameterExport> =
                layer.parameters.iter().filter(|it| !it.is_folded).collect();
            for variable in stored.variables.iter().filter(|it| it.layer == layer.layer) {
                let own = left.iter().position(|it| it.variable == variable.variable);
                let Some(parameter) = own.map(|position| left.remove(position)) else { continue };
                if parameter.quantizer.is_some() {
                    let values = parameter.values.iter().map(|value| *value as f32).collect();
                    changes.push((variable.dataset.clone(), values));
                }
            }
        }
        front::write_variables(file, target, &changes)
    }
}

fn named<T: Clone>(arrays: &[(String, ArrayD<T>)]) -> Vec<(&str, ArrayD<T>)> {
    arrays.iter().map(|(name, array)| (name.as_str(), array.clone())).collect()
}

/// The quantized reciprocal of a layer of QKeras over windows.
fn reciprocal(layer: &Layer) -> Option<f64> {
    let LayerKind::Pool(pool) = layer.kind.inner() else { return None };
    let Reduction::QuantizedAverage(quantizer) = &pool.kind else { return None };
    let size: usize = pool.windows.sliding()?.kernel.iter().product();
    // QKeras divides in float32.
    Some(quantizer.apply(f64::from(1.0 / size as f32)))
}

impl ParameterExport {
    pub(super) fn new(
        layer: &Layer,
        key: String,
        parameter: Parameter<'_>,
    ) -> Result<Self, QtoolsError> {
        let Parameter { variable, values, quantizer, is_stored } = parameter;
        let refused = |error: QuantizerError| QtoolsError::Quantizer {
            layer: layer.name.clone(),
            variable,
            error: Box::new(error),
        };
        let mut export = Self {
            key,
            variable,
            shape: values.shape().to_vec(),
            quantizer: quantizer.as_ref().map(ToString::to_string),
            is_folded: !is_stored,
            changes_again: false,
            integers: None,
            codebook: None,
            values: values.mapv(f64::from),
        };
        let Some(quantizer) = quantizer else { return Ok(export) };
        export.values = quantizer.quantize(&values.view()).map_err(refused)?;
        let single = export.values.mapv(|value| value as f32);
        let again = quantizer.quantize(&single.view()).map_err(refused)?;
        export.changes_again = again.mapv(|value| value as f32) != single;
        let too_wide = || QtoolsError::TooWide { layer: layer.name.clone(), variable };
        export.integers = match powers_of_two(&quantizer, &export.values) {
            Some(powers) => Some(powers),
            None => Some(scaled(&quantizer, &values, refused)?.ok_or_else(too_wide)?),
        };
        let different: BTreeSet<u64> = export.values.iter().map(|v| (v + 0.0).to_bits()).collect();
        if different.len() <= MAX_CODEBOOK {
            let mut codebook: Vec<f64> = different.into_iter().map(f64::from_bits).collect();
            codebook.sort_by(f64::total_cmp);
            export.codebook = Some(codebook);
        }
        Ok(export)
    }
}

/// Signs and exponents of the values of a quantizer onto powers of two; `None` for another quantizer, or
/// if a value is no power of two.
fn powers_of_two(quantizer: &Quantizer, values: &ArrayD<f64>) -> Option<Integers> {
    let Quantizer::Po2(_) = quantizer else { return None };
    let exponent_of = |value: &f64| match value.abs() {
        0.0 => Some(0),
        magnitude => {
            let exponent = libm::ilogb(magnitude);
            (exp2(exponent) == magnitude).then_some(i64::from(exponent))
        }
    };
    let exponents: Vec<i64> = values.iter().map(exponent_of).collect::<Option<_>>()?;
    let sign = |value: &f64| match value.partial_cmp(&0.0) {
        Some(std::cmp::Ordering::Greater) => 1,
        Some(std::cmp::Ordering::Less) => -1,
        Some(std::cmp::Ordering::Equal) | None => 0,
    };
    Some(Integers::PowersOfTwo {
        exponents: [*exponents.iter().min()?, *exponents.iter().max()?],
        sign: values.map(sign),
        exponent: ArrayD::from_shape_vec(values.shape(), exponents).ok()?,
    })
}

/// Codes and scales of quantized values; `None` if a code takes more than 64 bits.
///
/// A quantizer with a power of two for each output has a scale for each element of the last axis if codes
/// take fewer bits so.
fn scaled(
    quantizer: &Quantizer,
    values: &ArrayD<f32>,
    refused: impl Fn(QuantizerError) -> QtoolsError,
) -> Result<Option<Integers>, QtoolsError> {
    let factored = quantizer.factored(&values.view()).map_err(refused)?;
    let Ok(whole) = Constant::covering(factored.values.view()) else { return Ok(None) };
    let lsb = whole.format.lsb();
    if let Some(scale) = &factored.scale {
        let scale = scale.iter().map(|scale| scale * lsb).collect();
        return Ok(integers(&whole, scale));
    }
    let last = Axis(factored.values.ndim().saturating_sub(1));
    if factored.values.ndim() < 2 {
        return Ok(integers(&whole, vec![lsb]));
    }
    let outputs = factored.values.axis_iter(last);
    let parts: Result<Vec<Constant>, _> = outputs.map(Constant::covering).collect();
    let Ok(parts) = parts else { return Ok(None) };
    let lsbs: Vec<f64> = parts.iter().map(|part| part.format.lsb()).collect();
    let mut codes = factored.values.clone();
    for (mut output, lsb) in codes.axis_iter_mut(last).zip(&lsbs) {
        output.mapv_inplace(|value| value / lsb);
    }
    let Ok(each) = Constant::covering(codes.view()) else { return Ok(None) };
    Ok(match each.format.width() < whole.format.width() && each.format.fractional_bits() == 0 {
        true => integers(&each, lsbs),
        false => integers(&whole, vec![lsb]),
    })
}

fn integers(constant: &Constant, scale: Vec<f64>) -> Option<Integers> {
    let Codes::Narrow(codes) = &constant.codes else { return None };
    let (bits, is_signed) = (constant.format.width(), constant.format.is_signed());
    Some(Integers::Scaled { bits, is_signed, scale, codes: codes.clone() })
}
