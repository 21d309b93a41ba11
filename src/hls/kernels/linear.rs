//! Weight matrices: dot products of rows or windows with constants.

use num_bigint::BigInt;
use num_traits::Zero;
use serde::Serialize;

use super::scaling::{Shifter, SignCodes, misshapen, negative, shifter, sign_codes};
use super::{Body, Built};
use crate::fixed::{Codes, Format, Range};
use crate::hls::build::NodeBuilder;
use crate::hls::estimate::{ConstantProducts, Datapath, DspSlice};
use crate::hls::form::{MatrixForm, ShiftedSum, Uses};
use crate::hls::plan::{
    LocalArray, Matrix, Nest, Reads, Sharing, StoredTerm, Structure, Tiles, UNROLL_LIMIT, Widths,
};
use crate::hls::{ConstantId, Cost, HlsError, Multipliers, Operations, Options, TypeId};
use crate::ir;

/// `output[r, o] = start[o] + Σ_i input[r, i] · weights[i, o]`.
#[derive(Clone, Debug, Serialize)]
pub struct LinearKernel {
    /// Applications of the matrix to a sample.
    pub rows: usize,
    /// Rows of the matrix: elements of a row of the operand, or of a window.
    pub inputs: usize,
    /// The windows that the inputs come from, if any.
    pub windows: Option<Windows>,
    /// Columns of the matrix: elements of a row of the result.
    pub outputs: usize,
    /// Matrices that take turns, one for each phase of a window: more than one only where the
    /// weights come from a memory. Constants are those of all phases, the outputs of each in turn.
    pub phases: usize,
    /// The terms of a sum.
    pub terms: Terms,
    /// Initial value of a sum, \[outputs\]: the biases, or for XNOR the sums of equal signs.
    pub starts: Option<ConstantId>,
    /// Tiles of the matrix, one for an iteration.
    pub tiles: Tiles,
    /// The positions of the weights that are not 0, if only those are written down.
    pub listed: Option<Listed>,
}

/// The positions of weights that are not 0, by output and input.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Listed {
    /// The inputs of the weights.
    pub inputs: ConstantId,
    /// The outputs of the weights.
    pub outputs: ConstantId,
    /// Number of weights.
    pub count: usize,
}

/// Windows that slide over the operand; see [`ir::Conv`].
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Windows {
    /// Kernel, stride, padding and dilation.
    pub window: ir::Window,
    /// Channels of the operand.
    pub channels: usize,
    /// Channels of the operand that one output sums over.
    pub group_channels: usize,
    /// Outputs that sum over the same channels.
    pub group_outputs: usize,
}

impl Windows {
    /// Elements of a window.
    pub fn elements(&self) -> usize {
        self.window.taps() * self.channels
    }
}

/// The terms of a sum.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum Terms {
    /// Products.
    Products {
        /// \[inputs, outputs\].
        weights: ConstantId,
        /// Set if some weights are 0, and skipped.
        sparse: bool,
    },
    /// Operands, added and subtracted.
    Signs {
        /// The weights' signs.
        signs: SignCodes,
        /// The shift of the sums, if any.
        shifted: Option<ShiftedSums>,
    },
    /// Shifted operands, added and subtracted.
    Shifts {
        /// The weights' signs.
        signs: SignCodes,
        /// \[inputs, outputs\].
        shift: Shifter,
    },
    /// Compared signs, counted.
    Xnor {
        /// 1 for a weight below 0, \[inputs, outputs\].
        negative: ConstantId,
        /// Counts products below 0.
        count: TypeId,
        /// The shift of the count, \[outputs\].
        shift: Shifter,
    },
}

/// Sums times powers of two.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ShiftedSums {
    /// Holds the sums before the shift.
    pub sum: TypeId,
    /// \[outputs\].
    pub shift: Shifter,
}

impl Terms {
    /// The type of their sums, for results of the type `result`.
    pub fn sum_type(&self, result: TypeId) -> TypeId {
        match self {
            Self::Xnor { count, .. } => *count,
            Self::Signs { shifted: Some(shifted), .. } => shifted.sum,
            Self::Signs { .. } | Self::Products { .. } | Self::Shifts { .. } => result,
        }
    }
}

impl LinearKernel {
    /// Tells whether a call computes one tile: the matrix is applied to one position, and a process
    /// calls the kernel for each tile.
    pub fn is_folded(&self) -> bool {
        let is_one = |it: &Windows| it.window.is_whole();
        self.rows == 1 && self.windows.as_ref().is_none_or(is_one) && self.is_stored()
    }

    /// Tells whether weights come from a memory, a word of them for each tile.
    pub fn is_stored(&self) -> bool {
        self.tiles.are_stored(self.phases)
    }

    /// Channels of a group, where each group of a folded kernel's operand is together.
    pub fn channels_of_groups(&self) -> Option<usize> {
        let windows = self.windows.filter(|_| self.is_folded() && self.groups() > 1)?;
        Some(windows.group_channels)
    }

    /// The type of the sums of a kernel whose results have the type `result`.
    pub fn sum_type(&self, result: TypeId) -> TypeId {
        self.terms.sum_type(result)
    }

    /// Groups of outputs with the same inputs.
    pub fn groups(&self) -> usize {
        self.windows.map_or(1, |windows| self.outputs / windows.group_outputs.max(1))
    }

    /// Inputs of a tile.
    pub fn tile_inputs(&self) -> usize {
        self.inputs / self.tiles.inputs
    }

    /// Outputs of a tile.
    pub fn tile_outputs(&self) -> usize {
        self.outputs / self.tiles.outputs
    }

    /// The parts that the planner decides about. Loops over windows or rows, tiles, elements of a
    /// tile.
    fn structure(&self) -> Structure {
        let Tiles { inputs, outputs } = self.tiles;
        let (tile_inputs, tile_outputs) = (self.tile_inputs(), self.tile_outputs());
        if self.is_folded() {
            let nest = Nest::new(&[tile_outputs, tile_inputs]);
            let folds = self.tiles.count();
            return Structure { is_tiled: true, folds, ..Structure::new(nest) };
        }
        let around = match &self.windows {
            Some(windows) => windows.window.output.to_vec(),
            None => vec![self.rows],
        };
        let matrix = match &self.listed {
            Some(listed) => vec![listed.count],
            None => vec![outputs, inputs, tile_outputs, tile_inputs],
        };
        let nest = Nest::new(&[&around[..], &matrix].concat());
        // Loops over tiles are rolled, those around them all or none.
        let tile_loops = match (inputs, outputs) {
            (1, 1) => 0,
            (1, _) => 1,
            _ => 2,
        };
        let nest = Nest { least: around.len() + tile_loops, kept: tile_loops > 0, ..nest };
        let window_len = self.windows.as_ref().map_or(0, Windows::elements);
        let is_tiled = self.is_stored();
        let reads = Reads::Spread(match &self.windows {
            // A tile reads a window that was filled before.
            Some(_) if is_tiled => 1,
            Some(_) => window_len,
            None => tile_inputs,
        });
        let window = self.windows.map(|_| LocalArray::new("window", window_len, tile_inputs));
        // Sums that are carried from tile to tile.
        let has_sums = inputs > 1 || self.listed.is_some();
        let sums = has_sums.then(|| LocalArray::new("sums", tile_outputs, tile_outputs));
        let arrays = window.into_iter().chain(sums).collect();
        Structure { reads, arrays, window_len, is_tiled, ..Structure::new(nest) }
    }
}

pub(super) fn build(cx: &mut NodeBuilder<'_>, op: &ir::Linear) -> Result<Built, HlsError> {
    let [inputs, outputs] = *op.weights.codes.shape() else {
        return Err(cx.broken("weights that are no matrix"));
    };
    let (operand, result) = (&cx.operand.tensor, &cx.node.tensor);
    if operand.channel_count() != inputs || result.channel_count() != outputs {
        return Err(cx.broken("weights of another shape than operand and result"));
    }
    if op.bias.as_ref().is_some_and(|bias| bias.codes.len() != outputs) {
        return Err(cx.broken("another number of biases than of outputs"));
    }
    let form = MatrixForm::of(op, operand, cx.sign_power, result.format);
    let uses = Uses::of_matrix(result.rows());
    let (rows, windows, phases) = (result.rows(), None, 1);
    matrix(cx, op, (form, uses), Applied { rows, inputs, outputs, phases, windows })
}

/// The kernel of a convolution.
pub(super) fn build_windows(cx: &mut NodeBuilder<'_>, op: &ir::Conv) -> Result<Built, HlsError> {
    let operand = &cx.operand.tensor;
    let channels = operand.channel_count();
    let outputs = cx.node.tensor.channel_count();
    let group_channels =
        op.group_channels(channels).ok_or_else(|| cx.broken("channels that no group takes"))?;
    let padded = op.window.is_padded();
    let group_outputs = outputs / op.groups.max(1);
    let windows = Windows { window: op.window, channels, group_channels, group_outputs };
    let (rows, inputs) = (op.window.windows(), op.window.taps() * group_channels);
    // Padding is 0, which has no sign.
    let sign_power = cx.sign_power.filter(|_| !padded);
    let result = cx.node.tensor.format;
    let form = MatrixForm::of(&op.linear, &op.window_tensor(operand), sign_power, result);
    let shape = Applied { rows, inputs, outputs, phases: 1, windows: Some(windows) };
    matrix(cx, &op.linear, (form, Uses::of_windows(op)), shape)
}

/// The applications of a matrix.
#[derive(Clone, Copy)]
pub(super) struct Applied {
    /// Rows or windows that it is applied to.
    pub(super) rows: usize,
    pub(super) inputs: usize,
    /// Outputs of a phase.
    pub(super) outputs: usize,
    pub(super) phases: usize,
    pub(super) windows: Option<Windows>,
}

/// Most bits of the sign of a weight in a memory: -1, 0 or 1.
const SIGN_BITS: u32 = 2;

impl Applied {
    /// The matrix `op` in this `form` as the planner sees it, with operands and sums of these formats,
    /// and `options` of the hardware.
    pub(super) fn matrix(
        &self,
        op: &ir::Linear,
        form: &MatrixForm,
        [operand, sums]: [Format; 2],
        options: &Options,
    ) -> Matrix {
        let Self { inputs, outputs, phases, windows, .. } = *self;
        let group = windows.map_or(outputs, |windows| windows.group_outputs.max(1));
        let codes = &op.weights.codes;
        // By phase and output.
        let mut terms = vec![0_u64; phases * outputs];
        for (at, code) in codes.iter().enumerate() {
            terms[at % (phases * outputs)] += u64::from(!code.is_zero());
        }
        let nonzero = terms.chunks(outputs.max(1)).map(|phase| phase.iter().sum()).max();
        let nonzero = nonzero.unwrap_or(0);
        let bias = op.bias.as_ref().map_or(0, |bias| bias.format.width());
        let (term, weight) = match form {
            MatrixForm::Products => (StoredTerm::Product, op.weights.format.width()),
            MatrixForm::Shifts { shift } => {
                let most = shift.right.iter().max().copied().unwrap_or(0);
                let stages = u32::BITS - most.leading_zeros();
                let width = shift.format.width();
                (StoredTerm::Shift { stages, width }, SIGN_BITS + stages)
            }
            MatrixForm::Signs { .. } | MatrixForm::Xnor { .. } => (StoredTerm::Sign, SIGN_BITS),
        };
        let widths = Widths { operand: operand.width(), weight, sum: bias.max(sums.width()) };
        let constants = match term == StoredTerm::Product {
            // Of a larger matrix, the weights come from a memory.
            true if nonzero <= UNROLL_LIMIT => {
                let slice = DspSlice::of_part(&options.part);
                ConstantProducts::of_matrix(codes, (widths.operand, widths.weight), group, slice)
            }
            true => ConstantProducts::default(),
            false => ConstantProducts::wires(terms, widths.operand),
        };
        let groups = outputs / group;
        let operand_bits = (groups * inputs) as u64 * u64::from(operand.width());
        Matrix {
            inputs,
            outputs,
            groups,
            nonzero,
            phases,
            constants,
            term,
            biased: op.bias.is_some(),
            widths,
            path: Datapath::of(options, operand_bits),
        }
    }
}

/// The kernel that applies a matrix \[inputs, outputs\] of `form` to rows or windows; with several
/// phases, that of each in turn, which stand side by side in `op`.
pub(super) fn matrix(
    cx: &mut NodeBuilder<'_>,
    op: &ir::Linear,
    (form, uses): (MatrixForm, Uses),
    shape: Applied,
) -> Result<Built, HlsError> {
    let Applied { rows, inputs, outputs, phases, windows } = shape;
    let (layer, format) = (&cx.node.layer, cx.node.tensor.format);
    let element = cx.local_type("acc", "sums", format, cx.node.tensor.range());
    let planned = shape.matrix(op, &form, [cx.operand.tensor.format, format], cx.options);
    let sharing = match cx.sharing {
        Some(sharing) if sharing.is_stored => sharing,
        Some(sharing) => sharing.of_one(&planned),
        None => {
            let (pace, strategy) = (cx.options.pace_of(layer), cx.options.strategy_of(layer));
            let own = Sharing::new(&planned, strategy, pace, cx.positions);
            cx.parts.warn_of_reuse_factor(layer, pace, own.reuse_factor(), (inputs, outputs));
            own
        }
    };
    let (tiles, reuse_factor) = (sharing.tiles, sharing.reuse_factor());
    let is_stored = tiles.are_stored(phases);
    let products = (rows * inputs * outputs) as u64;
    let mut operations = form.operations(op, &uses);
    let mut each = operations;
    let mut idle = 0;
    if is_stored && form == MatrixForm::Products {
        // Every weight that comes from a memory is multiplied.
        let sums = (rows * outputs) as u64;
        let biased = if op.bias.is_some() { sums } else { 0 };
        let additions = products + biased - sums;
        each = Operations { multiplications: products, additions, ..Default::default() };
        let useful = operations.multiplications + operations.shifts;
        operations = each * uses.calls();
        idle = operations.multiplications.saturating_sub(useful);
    }

    let codes = &op.weights.codes;
    let listed = sharing.is_listed.then(|| listed(cx, codes)).transpose()?;
    // A weight from a memory is read and multiplied, whatever it is.
    let terms = terms(cx, op, &form, !is_stored && listed.is_none())?;
    let starts = starts(cx, op, &form)?;
    let formats = [cx.operand.tensor.format, op.weights.format];
    let multipliers = Multipliers::new(products, &each, reuse_factor, formats);
    let linear =
        LinearKernel { rows, inputs, windows, outputs, phases, terms, starts, tiles, listed };
    let mut structure = linear.structure();
    let error = misshapen(cx);
    // Weights are a row for each tile, other constants a number for each output.
    for (id, constant) in cx.constants() {
        let mut word = linear.tile_outputs();
        if let [_, _] = constant.codes.shape() {
            word *= linear.tile_inputs();
            constant.codes = match linear.listed {
                Some(_) => at_nonzero(&constant.codes, codes),
                None => tiled(constant.codes.clone(), shape, tiles).ok_or_else(|| error.clone())?,
            };
        }
        // A single word is read whole.
        let is_tiled = structure.is_tiled && constant.codes.len() > word;
        structure.constants.push((id, is_tiled.then_some(word as u64)));
    }
    let cost = Cost { idle_multiplications: idle, ..cost(op, &form, operations) };
    let (body, interval) = (Body::Linear(linear), sharing.interval);
    Ok(Built { body, structure, element, cost, multipliers, interval, sign_power: None })
}

/// The cost of `op` in this `form`.
pub(super) fn cost(op: &ir::Linear, form: &MatrixForm, operations: Operations) -> Cost {
    Cost {
        hardware: vec![form.name().to_owned()],
        operations,
        weight: Some(op.weights.format),
        bias: op.bias.as_ref().map(|bias| bias.format),
        weight_bits: form.weight_bits(op) + op.bias.as_ref().map_or(0, ir::Constant::bits),
        ..Cost::default()
    }
}

/// The terms of the sums of `op` in this `form`. Zeros are skipped if `skips_zeros`.
pub(super) fn terms(
    cx: &mut NodeBuilder<'_>,
    op: &ir::Linear,
    form: &MatrixForm,
    skips_zeros: bool,
) -> Result<Terms, HlsError> {
    let codes = &op.weights.codes;
    let (operand, result) = (cx.operand.tensor.format, cx.node.tensor.format);
    Ok(match form {
        MatrixForm::Products => {
            cx.check_sum(result, cx.product(op.weights.format)?)?;
            let weights = cx.constant("weight", "weights", &op.weights)?;
            let sparse = skips_zeros && codes.iter().any(|code| code.is_zero());
            Terms::Products { weights, sparse }
        }
        MatrixForm::Signs { shifted } => {
            cx.check_sum(shifted.as_ref().map_or(result, |sum| sum.format), operand)?;
            let signs = sign_codes(cx, codes)?;
            let shifted = shifted.as_ref().map(|sum| shifted_sums(cx, sum)).transpose()?;
            Terms::Signs { signs, shifted }
        }
        MatrixForm::Shifts { shift } => {
            let signs = sign_codes(cx, codes)?;
            let shift = shifter(cx, ("term", "shifted operands"), shift, codes.shape())?;
            cx.check_sum(result, cx.parts.types[shift.element.0].quantization.format)?;
            Terms::Shifts { signs, shift }
        }
        MatrixForm::Xnor { shift, .. } => {
            let negative = negative(cx, codes)?;
            let [inputs, outputs] = [0, 1].map(|axis| codes.shape()[axis]);
            let counts = Range::new(0, inputs);
            let count = cx.integer_type("count", "products below 0", counts)?;
            let shift = shifter(cx, ("wide", "shifted counts"), shift, &[outputs])?;
            Terms::Xnor { negative, count, shift }
        }
    })
}

/// The initial values of the sums of `op` in this `form`, \[outputs\].
pub(super) fn starts(
    cx: &mut NodeBuilder<'_>,
    op: &ir::Linear,
    form: &MatrixForm,
) -> Result<Option<ConstantId>, HlsError> {
    match (form, &op.bias) {
        (MatrixForm::Xnor { starts, .. }, _) => {
            Ok(Some(cx.constant("start", "sums of equal signs", starts)?))
        }
        (_, Some(bias)) => Ok(Some(cx.constant("bias", "biases", bias)?)),
        (_, None) => Ok(None),
    }
}

/// The positions of the numbers of `codes` \[inputs, outputs\] that are not 0, by output and input.
fn nonzero_positions(codes: &Codes) -> Vec<(usize, usize)> {
    let &[inputs, outputs] = codes.shape() else { return Vec::new() };
    let is_nonzero: Vec<bool> = codes.iter().map(|code| !code.is_zero()).collect();
    let all = (0..outputs).flat_map(|output| (0..inputs).map(move |input| (input, output)));
    all.filter(|(input, output)| is_nonzero[input * outputs + output]).collect()
}

/// Constants with the positions of the weights `codes` that are not 0.
fn listed(cx: &mut NodeBuilder<'_>, codes: &Codes) -> Result<Listed, HlsError> {
    let positions = nonzero_positions(codes);
    let count = positions.len();
    let (inputs, outputs): (Vec<usize>, Vec<usize>) = positions.into_iter().unzip();
    let mut indices = |suffix, holds, list: Vec<usize>| {
        let codes = ndarray::Array1::from(list).mapv(BigInt::from).into_dyn();
        cx.integers(suffix, holds, Codes::from_big(codes))
    };
    let inputs = indices("input", "inputs of weights", inputs)?;
    let outputs = indices("output", "outputs of weights", outputs)?;
    Ok(Listed { inputs, outputs, count })
}

/// The numbers of `codes` at the positions where `weights` are not 0.
fn at_nonzero(codes: &Codes, weights: &Codes) -> Codes {
    let all: Vec<BigInt> = codes.iter().collect();
    let outputs = weights.shape()[1];
    let positions = nonzero_positions(weights).into_iter();
    let list: Vec<BigInt> =
        positions.map(|(input, output)| all[input * outputs + output].clone()).collect();
    Codes::from_big(ndarray::Array1::from(list).into_dyn())
}

/// The matrix \[inputs, outputs\] with a row for each tile, those of a phase together: an iteration
/// reads one word of memory.
fn tiled(codes: Codes, shape: Applied, tiles: Tiles) -> Option<Codes> {
    let Applied { inputs, outputs, phases, .. } = shape;
    if !tiles.are_stored(phases) {
        return Some(codes);
    }
    let (rows, columns) = (inputs / tiles.inputs, outputs / tiles.outputs);
    codes
        .reshaped(&[tiles.inputs, rows, phases * tiles.outputs, columns])?
        .permuted(&[2, 0, 1, 3])
        .reshaped(&[phases * tiles.outputs * tiles.inputs, rows * columns])
}

fn shifted_sums(cx: &mut NodeBuilder<'_>, shifted: &ShiftedSum) -> Result<ShiftedSums, HlsError> {
    let holds = "sums before the shift";
    let sum = cx.local_type("sum", holds, shifted.format, shifted.range.clone());
    let outputs = [shifted.shift.right.len()];
    let shift = shifter(cx, ("wide", "shifted sums"), &shifted.shift, &outputs)?;
    Ok(ShiftedSums { sum, shift })
}
