//! Products with constants, summed.

use serde::Serialize;

use super::super::build::{Builder, Site};
use super::super::form::{Form, Moved, Operations, Uses};
use super::super::reuse::Sharing;
use super::super::schedule::Nest;
use super::super::{Blocks, ConstantId, Finding, HlsError, Multipliers, Obstacle, TypeId};
use super::powers::{Places, SignCodes, negative, places, sign_codes};
use crate::fixed::{Codes, Range};
use crate::ir;

/// `output[r, o] = start[o] + Σ_i input[r, i] · weights[i, o]`.
#[derive(Clone, Debug, Serialize)]
pub struct Linear {
    /// How often the matrix is applied to a sample.
    pub rows: usize,
    /// Rows of the matrix: elements of a row of the operand, or of a window.
    pub inputs: usize,
    /// Where those come from, if from windows.
    pub windows: Option<Windows>,
    /// Elements of a row of the result.
    pub outputs: usize,
    /// What stands in the place of products.
    pub terms: Terms,
    /// What a sum begins with, \[outputs\]: the biases, or what else the form says.
    pub starts: Option<ConstantId>,
    /// What a sample takes.
    pub operations: Operations,
    /// What of the matrix is worked on at a time.
    pub blocks: Blocks,
    /// Clock cycles between two blocks, in which operators may be used again.
    pub interval: u64,
}

/// Windows that slide over the operand; see [`ir::Conv`].
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Windows {
    /// How they slide.
    pub window: ir::Window,
    /// Whether a tap can lie beyond the border, or between two elements.
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

    /// Whether a window has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What stands in the place of products; see [`Form`].
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum Terms {
    /// Products.
    Products(Products),
    /// Operands added and subtracted.
    Signs(Signs),
    /// Operands moved, added and subtracted.
    Shifts(Shifts),
    /// Signs compared and counted.
    Xnor(Xnor),
}

/// Products with weights.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Products {
    /// \[inputs, outputs\].
    pub weights: ConstantId,
    /// Whether some weights are 0, and left out.
    pub sparse: bool,
}

/// Operands added and subtracted.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Signs {
    /// The weights' signs.
    pub signs: SignCodes,
    /// What the sums become then.
    pub moved: Option<MovedSums>,
}

/// Sums that move by a power of two.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MovedSums {
    /// Holds the sums.
    pub sum: TypeId,
    /// How they move, \[outputs\].
    pub places: Places,
}

/// Operands moved, added and subtracted.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Shifts {
    /// The weights' signs.
    pub signs: SignCodes,
    /// How operands move, \[inputs, outputs\].
    pub places: Places,
}

/// Signs compared and counted.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Xnor {
    /// 1 for a weight below 0, \[inputs, outputs\].
    pub negative: ConstantId,
    /// Counts products below 0.
    pub count: TypeId,
    /// How the count moves, \[outputs\].
    pub places: Places,
}

impl Linear {
    /// Its loops: over windows or rows, over blocks, over what is in a block.
    pub(super) fn nest(&self) -> Nest {
        let around = match &self.windows {
            Some(windows) => windows.window.output.to_vec(),
            None => vec![self.rows],
        };
        let Blocks { inputs, outputs } = self.blocks;
        let matrix = [outputs, inputs, self.block_outputs(), self.block_inputs()];
        let nest = Nest::new(&[&around[..], &matrix].concat());
        match (inputs, outputs) {
            (1, 1) => nest.together(around.len()),
            (1, _) => nest.keeping(around.len() + 1),
            _ => nest.keeping(around.len() + 2),
        }
    }

    /// Inputs of a block.
    pub fn block_inputs(&self) -> usize {
        self.inputs / self.blocks.inputs
    }

    /// Outputs of a block.
    pub fn block_outputs(&self) -> usize {
        self.outputs / self.blocks.outputs
    }

    /// The constants that have a number for each input and output: a row for each block, if the
    /// matrix is cut into several.
    pub fn matrices(&self) -> Vec<ConstantId> {
        match &self.terms {
            Terms::Products(terms) => vec![terms.weights],
            Terms::Signs(terms) => vec![terms.signs.constant()],
            Terms::Shifts(terms) => {
                std::iter::once(terms.signs.constant()).chain(terms.places.each()).collect()
            }
            Terms::Xnor(terms) => vec![terms.negative],
        }
    }

    /// The constants that have a number for each output.
    pub fn vectors(&self) -> Vec<ConstantId> {
        let places = match &self.terms {
            Terms::Signs(terms) => terms.moved.and_then(|moved| moved.places.each()),
            Terms::Xnor(terms) => terms.places.each(),
            Terms::Products(_) | Terms::Shifts(_) => None,
        };
        places.into_iter().chain(self.starts).collect()
    }
}

pub(super) fn build(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    op: &ir::Linear,
) -> Result<(Linear, Option<Multipliers>), HlsError> {
    let [inputs, outputs] = *op.weights.codes.shape() else {
        return Err(site.broken("weights that are no matrix"));
    };
    let (operand, result) = (&site.operand.tensor, &site.node.tensor);
    if operand.channel_count() != inputs || result.channel_count() != outputs {
        return Err(site.broken("weights of another shape than operand and result"));
    }
    if op.bias.as_ref().is_some_and(|bias| bias.codes.len() != outputs) {
        return Err(site.broken("another number of biases than of outputs"));
    }
    terms(builder, site, op, (result.rows(), inputs, outputs), None)
}

/// The kernel of a convolution.
pub(super) fn build_windows(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    op: &ir::Conv,
) -> Result<(Linear, Option<Multipliers>), HlsError> {
    let channels = site.operand.tensor.channel_count();
    let outputs = site.node.tensor.channel_count();
    let group_channels = op.group_channels(channels).unwrap_or(channels);
    let windows = Windows {
        window: op.window,
        padded: op.window.is_padded(),
        channels,
        group_channels,
        group_outputs: outputs / op.groups.max(1),
    };
    let shape = (op.window.windows(), op.window.taps() * group_channels, outputs);
    terms(builder, site, &op.linear, shape, Some(windows))
}

/// `rows` times a matrix \[inputs, outputs\].
fn terms(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    op: &ir::Linear,
    (rows, inputs, outputs): (usize, usize, usize),
    windows: Option<Windows>,
) -> Result<(Linear, Option<Multipliers>), HlsError> {
    let asked = builder.options.reuse_factor_of(&site.node.layer);
    let strategy = builder.options.strategy_of(&site.node.layer);
    let sharing = Sharing::new(strategy, inputs, outputs, asked);
    let (blocks, reuse_factor) = (sharing.blocks, sharing.reuse_factor());
    if reuse_factor != asked {
        builder.findings.push(Finding {
            layer: site.node.layer.clone(),
            obstacle: Obstacle::ReuseFactorMoved { asked, used: reuse_factor, inputs, outputs },
        });
    }
    let form = Form::of(builder.graph, site.id, site.source, op);
    let uses = Uses::of(&site.node.op, rows);
    let products = (rows * inputs * outputs) as u64;
    let mut operations = form.operations(op, &uses);
    if !blocks.is_whole() && form == Form::Products {
        // Whatever comes from a memory is multiplied.
        let sums = (rows * outputs) as u64;
        let biased = if op.bias.is_some() { sums } else { 0 };
        let additions = products + biased - sums;
        operations = Operations { multiplications: products, additions, ..Default::default() };
    }

    let terms = match &form {
        Form::Products => {
            let weights = builder.constant(site, "weight", "weights", &op.weights)?;
            // What stands in a memory is read and multiplied, whatever it is.
            let zero = |code| code == num_bigint::BigInt::ZERO;
            let sparse = blocks.is_whole() && op.weights.codes.iter().any(zero);
            Terms::Products(Products { weights, sparse })
        }
        Form::Signs { moved } => {
            let signs = sign_codes(builder, site, &op.weights.codes)?;
            let moved = match moved {
                None => None,
                Some(moved) => Some(moved_sums(builder, site, moved)?),
            };
            Terms::Signs(Signs { signs, moved })
        }
        Form::Shifts { shift } => {
            let signs = sign_codes(builder, site, &op.weights.codes)?;
            let shape = op.weights.codes.shape();
            let places = places(builder, site, ("term", "operands at their places"), shift, shape)?;
            Terms::Shifts(Shifts { signs, places })
        }
        Form::Xnor { shift, .. } => {
            let negative = negative(builder, site, &op.weights.codes)?;
            let counts = Range::new(0, inputs);
            let count = builder.integer_type(site, "count", "products below 0", counts)?;
            let places = places(builder, site, ("wide", "counts moved"), shift, &[outputs])?;
            Terms::Xnor(Xnor { negative, count, places })
        }
    };
    let starts = match (&form, &op.bias) {
        (Form::Xnor { starts, .. }, _) => {
            Some(builder.constant(site, "start", "sums of equal signs", starts)?)
        }
        (_, Some(bias)) => Some(builder.constant(site, "bias", "biases", bias)?),
        (_, None) => None,
    };
    let multipliers = (operations.multiplications > 0).then(|| Multipliers {
        products,
        nontrivial_products: operations.multiplications,
        reuse_factor,
        limit: operations.multiplications.div_ceil(reuse_factor),
        operand_width: site.operand.tensor.format.width(),
        constant_width: op.weights.format.width(),
    });
    let interval = sharing.interval;
    let linear =
        Linear { rows, inputs, windows, outputs, terms, starts, operations, blocks, interval };
    for matrix in linear.matrices() {
        let codes = &mut builder.constants[matrix.0].codes;
        *codes = in_blocks(codes.clone(), inputs, outputs, blocks)
            .ok_or_else(|| site.broken("weights of another number than their shape says"))?;
    }
    Ok((linear, multipliers))
}

/// The matrix \[inputs, outputs\] with a row for each block: what an iteration reads is one word of
/// memory.
fn in_blocks(codes: Codes, inputs: usize, outputs: usize, blocks: Blocks) -> Option<Codes> {
    if blocks.is_whole() {
        return Some(codes);
    }
    let (rows, columns) = (inputs / blocks.inputs, outputs / blocks.outputs);
    codes
        .reshaped(&[blocks.inputs, rows, blocks.outputs, columns])?
        .permuted(&[2, 0, 1, 3])
        .reshaped(&[blocks.outputs * blocks.inputs, rows * columns])
}

fn moved_sums(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    moved: &Moved,
) -> Result<MovedSums, HlsError> {
    let holds = "sums before they move";
    let sum = builder.local_type(site, "sum", holds, moved.format, moved.range.clone());
    let outputs = [moved.shift.down.len()];
    let places = places(builder, site, ("wide", "sums moved"), &moved.shift, &outputs)?;
    Ok(MovedSums { sum, places })
}
