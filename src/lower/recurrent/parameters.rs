//! The parameters of a cell, quantized, and the products with them.

use ndarray::{Array1, ArrayD, Axis, IxDyn};
use num_bigint::BigInt;

use super::Step;
use crate::fixed::{Codes, Quantization};
use crate::ir::{Affine, Constant, Linear, NodeId};
use crate::lower::average;
use crate::lower::builder::Builder;
use crate::lower::exact::{self, Reach};
use crate::lower::parameters::{
    BIAS, Parameter, ParameterName, SCALE, cast_values, real_or_cast, warn_if_overruled,
};
use crate::lower::state::Carried;
use crate::lower::{CellSettings, LowerError, LowerWarning, TypedVariable};
use crate::quantizer::Quantizer;

/// Quantized parameters.
pub(in crate::lower) struct Weights {
    /// Of the products of the input.
    pub(super) input: Matrix,
    /// Of the products of the state.
    pub(super) state: Matrix,
}

/// A weight matrix, a scale of its products and a bias.
#[derive(Clone)]
pub(super) struct Matrix {
    weights: Constant,
    /// A factor, or one for each output.
    scale: Option<ArrayD<f64>>,
    bias: Option<Constant>,
}

impl Matrix {
    /// The part with the columns from `first`, so many.
    pub(super) fn columns(&self, first: usize, count: usize) -> Self {
        let cut = |constant: &Constant| columns(constant, first, count);
        let scale = self.scale.as_ref().map(|scale| match scale.len() {
            1 => scale.clone(),
            _ => scale.iter().skip(first).take(count).copied().collect::<Array1<f64>>().into_dyn(),
        });
        Self { weights: cut(&self.weights), scale, bias: self.bias.as_ref().map(cut) }
    }
}

/// The columns of `constant` from `first`, so many.
fn columns(constant: &Constant, first: usize, count: usize) -> Constant {
    let shape = constant.codes.shape();
    let codes: Vec<BigInt> = constant.codes.iter().collect();
    let codes = ArrayD::from_shape_vec(IxDyn(shape), codes).expect("a code per element");
    let last = Axis(shape.len() - 1);
    let columns = codes.slice_axis(last, (first..first + count).into()).to_owned();
    Constant { codes: Codes::from_big(columns), format: constant.format }
}

impl Step<'_> {
    /// The configured types of what has no quantizer.
    pub(super) fn types(&self, builder: &Builder<'_>) -> CellSettings {
        let Some(chosen) = builder.settings.layer(self.layer) else {
            return CellSettings::default();
        };
        let own = &chosen.cells[self.direction];
        CellSettings {
            weight: own.weight.or(chosen.weight),
            bias: own.bias.or(chosen.bias),
            recurrent_weight: own.recurrent_weight.or(chosen.weight),
            recurrent_bias: own.recurrent_bias.or(chosen.bias),
            state: own.state.or(chosen.result),
        }
    }

    /// Quantizes the parameters, and warns of those without a quantizer and a type, and of such states.
    pub(super) fn weights(
        &self,
        builder: &mut Builder<'_>,
        operand: NodeId,
    ) -> Result<Weights, LowerError> {
        let cell = self.cell;
        let chosen = self.types(builder);
        let bias = cell.bias.is_some() && cell.bias_quantizer.is_none();
        let variables = [
            (cell.kernel_quantizer.is_none(), "kernel", chosen.weight),
            (cell.recurrent_quantizer.is_none(), "recurrent kernel", chosen.recurrent_weight),
            (bias, BIAS, chosen.bias),
        ];
        let typed = variables.into_iter().filter(|(is_typed, ..)| *is_typed);
        let typed: Vec<_> = typed.map(|(_, name, to)| (name, to)).collect();
        builder.warn_of_floats(self.layer, &typed);
        let states = cell.kind.states().iter().enumerate();
        let growing = states.filter(|(at, _)| matches!(self.carried(builder, *at), Carried::Typed));
        let growing: Vec<&str> = growing.map(|(_, name)| *name).collect();
        if !growing.is_empty() && chosen.state.is_none() {
            builder.warn(LowerWarning::State {
                layer: self.layer.to_owned(),
                states: growing.join(" and "),
                precision: builder.settings.precision,
            });
        }
        let [input_bias, state_bias] =
            self.biases(builder, [chosen.bias, chosen.recurrent_bias])?;
        let input = self.matrix(
            builder,
            Parameter {
                layer: self.layer,
                part: "kernel",
                attribute: "kernel_quantizer",
                values: cell.kernel.view().into_dyn(),
                reach: Reach::Weights(operand),
            },
            cell.kernel_quantizer.as_ref(),
            ("weight", chosen.weight),
            input_bias,
        )?;
        let state = self.matrix(
            builder,
            Parameter {
                layer: self.layer,
                part: "recurrent kernel",
                attribute: "recurrent_quantizer",
                values: cell.recurrent_kernel.view().into_dyn(),
                reach: Reach::Weights(operand),
            },
            cell.recurrent_quantizer.as_ref(),
            ("recurrent_weight", chosen.recurrent_weight),
            state_bias,
        )?;
        Ok(Weights { input, state })
    }

    fn matrix(
        &self,
        builder: &mut Builder<'_>,
        kernel: Parameter<'_>,
        quantizer: Option<&Quantizer>,
        (key, configured): (&'static str, Option<Quantization>),
        bias: Option<Constant>,
    ) -> Result<Matrix, LowerError> {
        let (weights, scale) = match quantizer {
            Some(quantizer) => {
                let keys = [key, kernel.attribute];
                let (weights, scale) = kernel.factored(builder, &quantizer.in_kernel())?;
                warn_if_overruled(builder, self.layer, keys, configured, &weights)?;
                (weights, scale)
            }
            None => {
                let precision = configured.unwrap_or(builder.settings.precision);
                let values = kernel.values.mapv(f64::from);
                let names = ParameterName::with_key(kernel.part, TypedVariable::Weight, key);
                (cast_values(builder, self.layer, names, &values, &precision)?, None)
            }
        };
        Ok(Matrix { weights, scale: scale.map(Array1::into_dyn), bias })
    }

    /// The biases of the products of the input and of those of the state, with the `configured` types.
    fn biases(
        &self,
        builder: &mut Builder<'_>,
        configured: [Option<Quantization>; 2],
    ) -> Result<[Option<Constant>; 2], LowerError> {
        let mut biases = [None, None];
        let Some(bias) = &self.cell.bias else { return Ok(biases) };
        let keys = ["bias", "recurrent_bias"];
        let quantized = match &self.cell.bias_quantizer {
            // One quantizer for both rows, which may have one scale. QKeras quantizes a single row as
            // a vector.
            Some(quantizer) => {
                let values = bias.view().into_dyn();
                let row = if bias.nrows() == 1 { bias.row(0).into_dyn() } else { values.clone() };
                let quantized = quantizer.quantize(&row).map_err(|error| {
                    let (layer, part) = (self.layer.to_owned(), "bias_quantizer");
                    LowerError::Quantizer { layer, part, error }
                })?;
                let quantized = quantized.into_shape_with_order(values.raw_dim());
                Some(quantized.expect("a row has the elements of the matrix"))
            }
            None => None,
        };
        for (row, constant) in biases.iter_mut().enumerate().take(bias.nrows()) {
            *constant = Some(match &quantized {
                Some(values) => {
                    let values = values.index_axis(Axis(0), row).to_owned();
                    let bias = exact::exact(builder, self.layer, BIAS, &values, Reach::Bias)?;
                    let names = [keys[row], "bias_quantizer"];
                    warn_if_overruled(builder, self.layer, names, configured[row], &bias)?;
                    bias
                }
                None => {
                    let precision = configured[row].unwrap_or(builder.settings.precision);
                    let values = bias.row(row).mapv(f64::from).into_dyn();
                    let names = ParameterName::with_key(BIAS, TypedVariable::Bias, keys[row]);
                    cast_values(builder, self.layer, names, &values, &precision)?
                }
            });
        }
        Ok(biases)
    }

    /// `x` · `matrix`, at full precision.
    pub(super) fn products(
        &self,
        builder: &mut Builder<'_>,
        part: &str,
        matrix: &Matrix,
        x: NodeId,
    ) -> Result<NodeId, LowerError> {
        let Matrix { weights, scale, bias } = matrix.clone();
        let (inner, outer) = if scale.is_none() { (bias, None) } else { (None, bias) };
        let linear = Linear { weights, bias: inner };
        let node = builder.add(self.layer, part, linear.clone(), x)?;
        let node = average::rounded_sums(builder, self.layer, node, (x, &linear))?;
        let Some(scale) = scale else { return Ok(node) };
        let chosen = builder.settings.layer(self.layer).and_then(|chosen| chosen.scale);
        let names = (self.layer, SCALE);
        let scale = real_or_cast(builder, names, &scale, chosen, Reach::Scale(node))?;
        let part = format!("{part}_scaled");
        builder.add(self.layer, &part, Affine { scale, bias: outer }, node)
    }
}
