//! Recurrent layers, step by step, after Keras' documentation and QKeras' `qrecurrent.py`.

use ndarray::{Array1, Array2, ArrayView2, Axis, Ix2, s};

use super::{Reference, Result, Samples};
use crate::model::{Activation, Cell, CellKind, Recurrent};
use crate::quantizer::Quantizer;

/// Rows of samples.
type Rows = Array2<f64>;

/// Quantized parameters.
struct Parameters {
    kernel: Rows,
    recurrent: Rows,
    /// Added to the products of the input, and to those of the state.
    biases: [Array1<f64>; 2],
}

impl Reference<'_> {
    pub(super) fn recurrent(&self, layer: &Recurrent, x: &Samples) -> Result<Samples> {
        let cell = &layer.cell;
        let own = self.cell_parameters(cell)?;
        let (samples, steps) = (x.shape()[0], x.shape()[1]);
        let zeros = Rows::zeros((samples, cell.units()));
        let mut states = vec![zeros; cell.kind.states().len()];
        let mut outputs = Vec::with_capacity(steps);
        for step in 0..steps {
            let at = if layer.go_backwards { steps - 1 - step } else { step };
            let row = x.index_axis(Axis(1), at).into_dimensionality::<Ix2>()?;
            for (at, state) in states.iter_mut().enumerate() {
                *state = self.carried(cell, at, state)?;
            }
            states = self.step(cell, &own, row, &states)?;
            outputs.push(states[0].clone());
        }
        match outputs.last() {
            None => Err("a sequence without steps".into()),
            Some(last) if !layer.return_sequences => Ok(last.clone().into_dyn()),
            Some(_) => {
                let rows: Vec<_> = outputs.iter().map(|row| row.view()).collect();
                Ok(ndarray::stack(Axis(1), &rows)?.as_standard_layout().into_owned().into_dyn())
            }
        }
    }

    fn cell_parameters(&self, cell: &Cell) -> Result<Parameters> {
        let matrix = |values: &Array2<f32>, quantizer: &Option<Quantizer>| -> Result<Rows> {
            let own =
                self.parameters(values.view().into_dyn(), None, [quantizer.as_ref(), None], false)?;
            Ok(own.kernel.into_dimensionality()?)
        };
        let kernel = matrix(&cell.kernel, &cell.kernel_quantizer)?;
        let recurrent = matrix(&cell.recurrent_kernel, &cell.recurrent_quantizer)?;
        let zeros = Array1::zeros(kernel.ncols());
        let mut biases = [zeros.clone(), zeros];
        if let Some(bias) = &cell.bias {
            let values = match bias.nrows() {
                1 => bias.row(0).into_dyn(),
                _ => bias.view().into_dyn(),
            };
            let values = match &cell.bias_quantizer {
                Some(quantizer) => quantizer.quantize(&values)?,
                None => self.cut(values.mapv(f64::from))?,
            };
            let rows = values.into_shape_with_order((bias.nrows(), bias.ncols()))?;
            for (bias, row) in biases.iter_mut().zip(rows.outer_iter()) {
                *bias = row.to_owned();
            }
        }
        Ok(Parameters { kernel, recurrent, biases })
    }

    /// The state that a step reads.
    fn carried(&self, cell: &Cell, state: usize, value: &Rows) -> Result<Rows> {
        match &cell.state_quantizer {
            Some(quantizer) => Ok(value.mapv(|x| quantizer.apply(x))),
            None if cell.is_bounded(state) => Ok(value.clone()),
            None => self.typed(value.clone()),
        }
    }

    fn typed(&self, value: Rows) -> Result<Rows> {
        Ok(self.cut(value.into_dyn())?.into_dimensionality()?)
    }

    /// The states after a step, in the configured type for a cell without quantizers.
    fn step(
        &self,
        cell: &Cell,
        own: &Parameters,
        x: ArrayView2<'_, f64>,
        states: &[Rows],
    ) -> Result<Vec<Rows>> {
        let units = cell.units();
        let function = |function: &Activation, x: Rows| -> Result<Rows> {
            Ok(self.activate(function, x.into_dyn())?.into_dimensionality()?)
        };
        let gate = |x: Rows| function(&cell.recurrent_activation, x);
        let activation = |x: Rows| function(&cell.activation, x);
        let result = |x: Rows| if cell.is_plain() { self.typed(x) } else { Ok(x) };
        let block = |x: &Rows, at: usize| x.slice(s![.., at * units..(at + 1) * units]).to_owned();
        let input = x.dot(&own.kernel) + &own.biases[0];
        let products = |h: &Rows| h.dot(&own.recurrent) + &own.biases[1];
        let h = &states[0];
        match cell.kind {
            CellKind::Simple => Ok(vec![result(activation(input + products(h))?)?]),
            CellKind::Lstm => {
                let sums = input + products(h);
                let (i, f) = (gate(block(&sums, 0))?, gate(block(&sums, 1))?);
                let c = result(f * &states[1] + i * activation(block(&sums, 2))?)?;
                let h = gate(block(&sums, 3))? * activation(c.clone())?;
                Ok(vec![result(h)?, c])
            }
            CellKind::Gru { reset_after } => {
                let of_state = products(h);
                let z = gate(block(&input, 0) + block(&of_state, 0))?;
                let r = gate(block(&input, 1) + block(&of_state, 1))?;
                let of_state = match reset_after {
                    true => r * block(&of_state, 2),
                    false => block(&products(&(r * h)), 2),
                };
                let candidate = activation(block(&input, 2) + of_state)?;
                Ok(vec![result(&z * h + (1.0 - &z) * candidate)?])
            }
        }
    }
}
