//! Recurrent layers, step by step, after Keras' documentation and QKeras' `qrecurrent.py`.

use ndarray::{Array1, Array2, ArrayView2, ArrayViewD, Axis, Ix2, s};

use super::{Reference, Result, Samples};
use crate::model::{
    Activation, Bidirectional, Cell, CellKind, Directions, Recurrent, RecurrentResult,
};
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
    /// A sequence, then the initial states if there are any.
    pub(super) fn recurrent(&self, layer: &Recurrent, x: &[Samples]) -> Result<Samples> {
        let [x, starts @ ..] = x else { return Err("no sequence".into()) };
        let own: Vec<Parameters> =
            layer.cells.iter().map(|cell| self.cell_parameters(cell)).collect::<Result<_>>()?;
        let samples = x.shape()[0];
        let is_kept = layer.stateful && starts.is_empty();
        let together = if is_kept { samples.min(1) } else { samples };
        let mut starts = starts.iter();
        let mut states = vec![];
        for cell in &layer.cells {
            let mut one = |_: &&str| match starts.next() {
                Some(start) => Ok(start.clone().into_dimensionality()?),
                None => Ok(Rows::zeros((together, cell.units()))),
            };
            states.push(cell.kind.states().iter().map(&mut one).collect::<Result<Vec<Rows>>>()?);
        }
        if !is_kept || samples == 0 {
            return self.sequences(layer, &own, x.view(), &mut states);
        }
        // A sample starts from the states that the one before ended in.
        let one = |sample: usize| x.slice_axis(Axis(0), (sample..sample + 1).into());
        let results: Vec<Samples> = (0..samples)
            .map(|sample| self.sequences(layer, &own, one(sample), &mut states))
            .collect::<Result<_>>()?;
        let views: Vec<_> = results.iter().map(|result| result.view()).collect();
        Ok(ndarray::concatenate(Axis(0), &views)?)
    }

    /// The result for the sequences `x`, samples first, from `states`: those of each cell, which become
    /// the states after the last step.
    fn sequences(
        &self,
        layer: &Recurrent,
        own: &[Parameters],
        x: ArrayViewD<'_, f64>,
        states: &mut [Vec<Rows>],
    ) -> Result<Samples> {
        let steps = x.shape()[1];
        let mut outputs = Vec::with_capacity(steps);
        for step in 0..steps {
            let at = if layer.go_backwards { steps - 1 - step } else { step };
            let mut row = x.index_axis(Axis(1), at).into_dimensionality::<Ix2>()?.to_owned();
            for ((cell, own), states) in layer.cells.iter().zip(own).zip(&mut *states) {
                for (at, state) in states.iter_mut().enumerate() {
                    *state = self.carried(cell, at, state)?;
                }
                *states = self.step(cell, own, row.view(), states)?;
                row = states[0].clone();
            }
            outputs.push(row);
        }
        if let RecurrentResult::State { cell, state } = layer.result {
            return Ok(states[cell][state].clone().into_dyn());
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

    pub(super) fn bidirectional(&self, both: &Bidirectional, x: &[Samples]) -> Result<Samples> {
        let [sequence, starts @ ..] = x else { return Err("no sequence".into()) };
        let halves = starts.split_at(starts.len() / 2);
        let one = |direction: usize, starts: &[Samples]| -> Result<Samples> {
            let layer = &both.directions[direction];
            let x = [std::slice::from_ref(sequence), starts].concat();
            let mut y = self.recurrent(layer, &x)?;
            if direction == 1 && layer.is_sequence() {
                y.invert_axis(Axis(1));
            }
            Ok(y.as_standard_layout().into_owned())
        };
        match both.result {
            Directions::Only(0) => one(0, halves.0),
            Directions::Only(_) => one(1, halves.1),
            Directions::Concatenated => {
                let (forward, backward) = (one(0, halves.0)?, one(1, halves.1)?);
                let last = Axis(forward.ndim() - 1);
                let joined = ndarray::concatenate(last, &[forward.view(), backward.view()])?;
                Ok(joined.as_standard_layout().into_owned())
            }
            Directions::Merged(merge) => {
                super::merged(merge, &[one(0, halves.0)?, one(1, halves.1)?])
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
