//! Weight matrices: dot products of rows or windows with constants.

use num_bigint::BigInt;
use serde::Serialize;

use super::scaling::{Shifter, SignCodes, misshapen, negative, shifter, sign_codes};
use super::{Body, Built, Structure};
use crate::fixed::{Codes, Range};
use crate::hls::build::{Builder, NodeContext, plain};
use crate::hls::form::{MatrixForm, ShiftedSum, Uses};
use crate::hls::plan::{LocalArray, Nest, Sharing, Tiles};
use crate::hls::{ConstantId, Cost, DesignWarningKind, HlsError, Multipliers, Operations, TypeId};
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
    /// The terms of a sum.
    pub terms: Terms,
    /// Initial value of a sum, \[outputs\]: the biases, or for XNOR the sums of equal signs.
    pub starts: Option<ConstantId>,
    /// Tiles of the matrix, one for an iteration.
    pub tiles: Tiles,
}

/// Windows that slide over the operand; see [`ir::Conv`].
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Windows {
    /// Kernel, stride, padding and dilation.
    pub window: ir::Window,
    /// Set if a tap may lie in the padding, or between two elements.
    pub padded: bool,
    /// Channels of the operand.
    pub channels: usize,
    /// Channels of the operand that one output sums over.
    pub group_channels: usize,
    /// Outputs that sum over the same channels.
    pub group_outputs: usize,
}

impl Windows {
    /// Elements of a window.
    pub fn len(&self) -> usize {
        self.window.taps() * self.channels
    }

    /// Tells whether a window has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The terms of a sum.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum Terms {
    /// Products.
    Products(ProductTerms),
    /// Operands, added and subtracted.
    Signs(SignTerms),
    /// Shifted operands, added and subtracted.
    Shifts(ShiftTerms),
    /// Compared signs, counted.
    Xnor(XnorTerms),
}

/// Products with weights.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ProductTerms {
    /// \[inputs, outputs\].
    pub weights: ConstantId,
    /// Set if some weights are 0, and skipped.
    pub sparse: bool,
}

/// Operands, added and subtracted.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SignTerms {
    /// The weights' signs.
    pub signs: SignCodes,
    /// The shift of the sums, if any.
    pub shifted: Option<ShiftedSums>,
}

/// Sums times powers of two.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ShiftedSums {
    /// Holds the sums before the shift.
    pub sum: TypeId,
    /// \[outputs\].
    pub shift: Shifter,
}

/// Shifted operands, added and subtracted.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ShiftTerms {
    /// The weights' signs.
    pub signs: SignCodes,
    /// \[inputs, outputs\].
    pub shift: Shifter,
}

/// Compared signs, counted.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct XnorTerms {
    /// 1 for a weight below 0, \[inputs, outputs\].
    pub negative: ConstantId,
    /// Counts products below 0.
    pub count: TypeId,
    /// The shift of the count, \[outputs\].
    pub shift: Shifter,
}

impl LinearKernel {
    /// Inputs of a tile.
    pub fn tile_inputs(&self) -> usize {
        self.inputs / self.tiles.inputs
    }

    /// Outputs of a tile.
    pub fn tile_outputs(&self) -> usize {
        self.outputs / self.tiles.outputs
    }

    /// The constants with a number for each input and output: a row for each tile, if there are
    /// several.
    fn matrices(&self) -> Vec<ConstantId> {
        match &self.terms {
            Terms::Products(terms) => vec![terms.weights],
            Terms::Signs(terms) => vec![terms.signs.constant()],
            Terms::Shifts(terms) => {
                std::iter::once(terms.signs.constant()).chain(terms.shift.each()).collect()
            }
            Terms::Xnor(terms) => vec![terms.negative],
        }
    }

    /// The constants with a number for each output.
    fn vectors(&self) -> Vec<ConstantId> {
        let shifts = match &self.terms {
            Terms::Signs(terms) => terms.shifted.and_then(|shifted| shifted.shift.each()),
            Terms::Xnor(terms) => terms.shift.each(),
            Terms::Products(_) | Terms::Shifts(_) => None,
        };
        shifts.into_iter().chain(self.starts).collect()
    }
}

impl Structure for LinearKernel {
    /// Windows or rows, tiles, elements of a tile.
    fn nest(&self) -> Nest {
        let around = match &self.windows {
            Some(windows) => windows.window.output.to_vec(),
            None => vec![self.rows],
        };
        let Tiles { inputs, outputs } = self.tiles;
        let matrix = [outputs, inputs, self.tile_outputs(), self.tile_inputs()];
        let nest = Nest::new(&[&around[..], &matrix].concat());
        match (inputs, outputs) {
            (1, 1) => nest.together(around.len()),
            (1, _) => nest.keeping(around.len() + 1),
            _ => nest.keeping(around.len() + 2),
        }
    }

    fn bank_reads(&self, _depth: usize, banks: u64) -> u64 {
        let elements = match &self.windows {
            // A tile reads a window that was filled before.
            Some(_) if self.is_tiled() => return 1,
            Some(windows) => windows.len(),
            None => self.tile_inputs(),
        };
        (elements as u64).div_ceil(banks.max(1))
    }

    fn constants(&self) -> Vec<(ConstantId, Option<u64>)> {
        let (inputs, outputs) = (self.tile_inputs() as u64, self.tile_outputs() as u64);
        let word = |elements| self.is_tiled().then_some(elements);
        let matrices = self.matrices().into_iter().map(|id| (id, word(inputs * outputs)));
        matrices.chain(self.vectors().into_iter().map(|id| (id, word(outputs)))).collect()
    }

    fn arrays(&self) -> Vec<LocalArray> {
        let window = self
            .windows
            .iter()
            .map(|windows| LocalArray::new("window", windows.len(), self.tile_inputs()));
        // Sums that are carried from tile to tile.
        let len = self.tile_outputs();
        let sums = (self.tiles.inputs > 1).then(|| LocalArray::new("sums", len, len));
        window.chain(sums).collect()
    }

    fn window_len(&self) -> usize {
        self.windows.as_ref().map_or(0, Windows::len)
    }

    fn is_tiled(&self) -> bool {
        !self.tiles.is_whole()
    }
}

pub(super) fn build(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    op: &ir::Linear,
) -> Result<Built, HlsError> {
    let [inputs, outputs] = *op.weights.codes.shape() else {
        return Err(context.broken("weights that are no matrix"));
    };
    let (operand, result) = (&context.operand.tensor, &context.node.tensor);
    if operand.channel_count() != inputs || result.channel_count() != outputs {
        return Err(context.broken("weights of another shape than operand and result"));
    }
    if op.bias.as_ref().is_some_and(|bias| bias.codes.len() != outputs) {
        return Err(context.broken("another number of biases than of outputs"));
    }
    let form = MatrixForm::of(op, operand, context.sign_power, result.format);
    let uses = Uses::of_matrix(result.rows());
    matrix(builder, context, op, (form, uses), (result.rows(), inputs, outputs), None)
}

/// The kernel of a convolution.
pub(super) fn build_windows(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    op: &ir::Conv,
) -> Result<Built, HlsError> {
    let operand = &context.operand.tensor;
    let channels = operand.channel_count();
    let outputs = context.node.tensor.channel_count();
    let group_channels = op
        .group_channels(channels)
        .ok_or_else(|| context.broken("channels that no group takes"))?;
    let padded = op.window.is_padded();
    let group_outputs = outputs / op.groups.max(1);
    let windows = Windows { window: op.window, padded, channels, group_channels, group_outputs };
    let shape = (op.window.windows(), op.window.taps() * group_channels, outputs);
    // Padding is 0, which has no sign.
    let sign_power = context.sign_power.filter(|_| !padded);
    let result = context.node.tensor.format;
    let form = MatrixForm::of(&op.linear, &op.window_tensor(operand), sign_power, result);
    matrix(builder, context, &op.linear, (form, Uses::of_windows(op)), shape, Some(windows))
}

/// The kernel that applies a matrix \[inputs, outputs\] of `form` to `rows` rows or windows.
fn matrix(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    op: &ir::Linear,
    (form, uses): (MatrixForm, Uses),
    (rows, inputs, outputs): (usize, usize, usize),
    windows: Option<Windows>,
) -> Result<Built, HlsError> {
    let (layer, format) = (&context.node.layer, context.node.tensor.format);
    let element = builder.result_type(context, "_acc", "sums", plain(format));
    let asked = builder.options.reuse_factor_of(layer);
    let sharing = Sharing::new(builder.options.strategy_of(layer), inputs, outputs, asked);
    let (tiles, reuse_factor) = (sharing.tiles, sharing.reuse_factor());
    if reuse_factor != asked {
        let shape = (inputs, outputs);
        builder.warn(layer, DesignWarningKind::reuse_factor_changed(asked, reuse_factor, shape));
    }
    let products = (rows * inputs * outputs) as u64;
    let mut operations = form.operations(op, &uses);
    if !tiles.is_whole() && form == MatrixForm::Products {
        // Every weight that comes from a memory is multiplied.
        let sums = (rows * outputs) as u64;
        let biased = if op.bias.is_some() { sums } else { 0 };
        let additions = products + biased - sums;
        operations = Operations { multiplications: products, additions, ..Default::default() };
    }

    let codes = &op.weights.codes;
    let terms = match &form {
        MatrixForm::Products => {
            let weights = builder.constant(context, "weight", "weights", &op.weights)?;
            // A weight from a memory is read and multiplied, whatever it is.
            let sparse = tiles.is_whole() && codes.iter().any(|code| code == BigInt::ZERO);
            Terms::Products(ProductTerms { weights, sparse })
        }
        MatrixForm::Signs { shifted } => {
            let signs = sign_codes(builder, context, codes)?;
            let shifted = match shifted {
                None => None,
                Some(shifted) => Some(shifted_sums(builder, context, shifted)?),
            };
            Terms::Signs(SignTerms { signs, shifted })
        }
        MatrixForm::Shifts { shift } => {
            let signs = sign_codes(builder, context, codes)?;
            let shift =
                shifter(builder, context, ("term", "shifted operands"), shift, codes.shape())?;
            Terms::Shifts(ShiftTerms { signs, shift })
        }
        MatrixForm::Xnor { shift, .. } => {
            let negative = negative(builder, context, codes)?;
            let counts = Range::new(0, inputs);
            let count = builder.integer_type(context, "count", "products below 0", counts)?;
            let shift = shifter(builder, context, ("wide", "shifted counts"), shift, &[outputs])?;
            Terms::Xnor(XnorTerms { negative, count, shift })
        }
    };
    let starts = match (&form, &op.bias) {
        (MatrixForm::Xnor { starts, .. }, _) => {
            Some(builder.constant(context, "start", "sums of equal signs", starts)?)
        }
        (_, Some(bias)) => Some(builder.constant(context, "bias", "biases", bias)?),
        (_, None) => None,
    };
    let multipliers = (operations.multiplications > 0).then(|| Multipliers {
        products,
        nontrivial_products: operations.multiplications,
        reuse_factor,
        limit: operations.multiplications.div_ceil(reuse_factor),
        operand_width: context.operand.tensor.format.width(),
        constant_width: op.weights.format.width(),
    });
    let linear = LinearKernel { rows, inputs, windows, outputs, terms, starts, tiles };
    for matrix in linear.matrices() {
        let codes = &mut builder.constants[matrix.0].codes;
        *codes = tiled(codes.clone(), inputs, outputs, tiles).ok_or_else(|| misshapen(context))?;
    }
    let cost = Cost {
        hardware: vec![form.name().to_owned()],
        operations,
        weight: Some(op.weights.format),
        bias: op.bias.as_ref().map(|bias| bias.format),
        weight_bits: form.weight_bits(op) + op.bias.as_ref().map_or(0, ir::Constant::bits),
        ..Cost::default()
    };
    let interval = sharing.interval;
    Ok(Built { multipliers, interval, ..Built::new(Body::Linear(linear), element, cost) })
}

/// The matrix \[inputs, outputs\] with a row for each tile: an iteration reads one word of memory.
fn tiled(codes: Codes, inputs: usize, outputs: usize, tiles: Tiles) -> Option<Codes> {
    if tiles.is_whole() {
        return Some(codes);
    }
    let (rows, columns) = (inputs / tiles.inputs, outputs / tiles.outputs);
    codes
        .reshaped(&[tiles.inputs, rows, tiles.outputs, columns])?
        .permuted(&[2, 0, 1, 3])
        .reshaped(&[tiles.outputs * tiles.inputs, rows * columns])
}

fn shifted_sums(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    shifted: &ShiftedSum,
) -> Result<ShiftedSums, HlsError> {
    let holds = "sums before the shift";
    let sum = builder.local_type(context, "sum", holds, shifted.format, shifted.range.clone());
    let outputs = [shifted.shift.right.len()];
    let shift = shifter(builder, context, ("wide", "shifted sums"), &shifted.shift, &outputs)?;
    Ok(ShiftedSums { sum, shift })
}
