//! Recurrent layers.

use ndarray::{Array2, ArrayView1};

use super::{Activation, Merge};
use crate::quantizer::Quantizer;

/// A recurrent layer: a cell that is applied to each element along the first axis of a sample, the
/// time steps, with a state from step to step. Keras' SimpleRNN, LSTM and GRU, QKeras' QSimpleRNN,
/// QLSTM and QGRU.
#[derive(Clone, Debug)]
pub struct Recurrent {
    /// The computation of a step: one cell, or several, each of which takes the output of the one
    /// before.
    pub cells: Vec<Cell>,
    /// Steps are taken from the last to the first; so is the order of the results.
    pub go_backwards: bool,
    /// The output is that of every step, not of the last one alone.
    pub return_sequences: bool,
    /// A sample starts from the states that the sample before it ended in, unless initial states are
    /// inputs.
    pub stateful: bool,
    /// The result that is used.
    pub result: RecurrentResult,
}

/// A result of a recurrent layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecurrentResult {
    /// The output of the last cell.
    Output,
    /// A state after the last step, without its quantizer.
    State {
        /// Index of the cell.
        cell: usize,
        /// Index among the states of the cell.
        state: usize,
    },
}

impl Recurrent {
    /// True if the result has a row for each step.
    pub fn is_sequence(&self) -> bool {
        self.return_sequences && self.result == RecurrentResult::Output
    }

    /// Number of states of all cells.
    pub fn states(&self) -> usize {
        self.cells.iter().map(|cell| cell.kind.states().len()).sum()
    }

    /// The quantizers that are stated.
    pub(super) fn quantizers(&self) -> impl Iterator<Item = &Quantizer> {
        self.cells.iter().flat_map(Cell::quantizers)
    }
}

/// Two recurrent layers, of which the second one takes the steps in the other order.
#[derive(Clone, Debug)]
pub struct Bidirectional {
    /// The forward and the backward layer. Where there are initial states, the first half is that of
    /// the forward layer.
    pub directions: [Recurrent; 2],
    /// The result.
    pub result: Directions,
}

/// The result of two directions. Sequences of the backward layer are turned around first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directions {
    /// Both, joined along the last axis.
    Concatenated,
    /// A function of both.
    Merged(Merge),
    /// That of the forward layer (0) or of the backward layer (1).
    Only(usize),
}

/// The cell of a recurrent layer.
///
/// With x the input of a step, h the output of the step before, and W, U, b the quantized kernel,
/// recurrent kernel and bias, split by gate in the order of Keras:
///
/// - [`CellKind::Simple`]: `h' = activation(x·W + b + h·U)`;
/// - [`CellKind::Lstm`], gates i, f, c, o: `c' = f ⊙ c + i ⊙ activation(..)` and
///   `h' = o ⊙ activation(c')`;
/// - [`CellKind::Gru`], gates z, r, h: `h' = z ⊙ h + (1 - z) ⊙ activation(..)`.
///
/// The state quantizer is applied to h and c at the begin of a step, so that the outputs are not
/// quantized by it.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The equations.
    pub kind: CellKind,
    /// Weights of the input as trained, \[inputs, gates · units\].
    pub kernel: Array2<f32>,
    /// Weights of the state as trained, \[units, gates · units\].
    pub recurrent_kernel: Array2<f32>,
    /// Biases as trained, \[1, gates · units\]; a second row is added to the products of the state.
    /// `None` if the layer has none.
    pub bias: Option<Array2<f32>>,
    /// Quantizer of the kernel.
    pub kernel_quantizer: Option<Quantizer>,
    /// Quantizer of the recurrent kernel.
    pub recurrent_quantizer: Option<Quantizer>,
    /// Quantizer of the bias.
    pub bias_quantizer: Option<Quantizer>,
    /// Quantizer of the states.
    pub state_quantizer: Option<Quantizer>,
    /// Activation of the candidate, and of the state of an LSTM.
    pub activation: Activation,
    /// Activation of the gates; linear for a simple cell, which has none.
    pub recurrent_activation: Activation,
}

/// Equations of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// One product.
    Simple,
    /// Long short-term memory.
    Lstm,
    /// Gated recurrent unit.
    Gru {
        /// The reset gate multiplies the products of the state, not the state.
        reset_after: bool,
    },
}

impl CellKind {
    /// Number of blocks of columns of a kernel.
    pub fn gates(self) -> usize {
        self.gate_names().len()
    }

    /// Names of the blocks of columns of a kernel; a single one has an empty name.
    pub fn gate_names(self) -> &'static [&'static str] {
        match self {
            Self::Simple => &[""],
            Self::Lstm => &["input gate", "forget gate", "candidate", "output gate"],
            Self::Gru { .. } => &["update gate", "reset gate", "candidate"],
        }
    }

    /// Names of the states, the output first.
    pub fn states(self) -> &'static [&'static str] {
        match self {
            Self::Simple | Self::Gru { .. } => &["h"],
            Self::Lstm => &["h", "c"],
        }
    }
}

impl Cell {
    /// Length of a state.
    pub fn units(&self) -> usize {
        self.recurrent_kernel.nrows()
    }

    /// The row of the biases that is added to the products of the input (0) or of the state (1).
    pub fn bias_row(&self, row: usize) -> Option<ArrayView1<'_, f32>> {
        self.bias.as_ref().filter(|bias| row < bias.nrows()).map(|bias| bias.row(row))
    }

    /// The quantizers that are stated for parameters and states.
    fn parameter_quantizers(&self) -> impl Iterator<Item = &Quantizer> {
        let parameters = [&self.kernel_quantizer, &self.recurrent_quantizer, &self.bias_quantizer];
        parameters.into_iter().chain([&self.state_quantizer]).flatten()
    }

    /// The quantizers that are stated, those of the parameters first.
    pub(super) fn quantizers(&self) -> impl Iterator<Item = &Quantizer> {
        let functions = [&self.recurrent_activation, &self.activation];
        self.parameter_quantizers().chain(functions.into_iter().filter_map(Activation::quantizer))
    }

    /// True if neither a parameter nor a state has a quantizer.
    pub fn is_plain(&self) -> bool {
        self.parameter_quantizers().next().is_none()
    }

    /// True if a state without a quantizer has few bits all the same, because quantizers make it: the
    /// output of a simple cell or of an LSTM. Any other one would grow at each step.
    pub fn is_bounded(&self, state: usize) -> bool {
        let quantizes = |activation: &Activation| activation.quantizer().is_some();
        match (self.kind, state) {
            (CellKind::Simple, _) => quantizes(&self.activation),
            (CellKind::Lstm, 0) => {
                quantizes(&self.activation) && quantizes(&self.recurrent_activation)
            }
            (CellKind::Lstm | CellKind::Gru { .. }, _) => false,
        }
    }
}
