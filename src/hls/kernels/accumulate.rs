//! Weight matrices whose inputs come some at a time.

use serde::Serialize;

use super::linear::{Applied, cost, starts, terms};
use super::scaling::misshapen;
use super::{Body, Built, Terms};
use crate::fixed::Codes;
use crate::hls::build::NodeBuilder;
use crate::hls::form::{MatrixForm, Uses};
use crate::hls::plan::{LocalArray, Nest, Reads, Sharing, Structure, Tiles};
use crate::hls::{ConstantId, Cost, HlsError, Multipliers, Operations};
use crate::ir;

/// Adds the terms of some inputs to the sums of all outputs: `sums[o] += Σ_i input[i] ·
/// weights[i, o]`, with the rows of the matrix that belong to these inputs.
///
/// A sample takes `calls` calls. In each, tiles are computed one after the other: a tile takes its
/// inputs from the begin of a shift register, and its sums from the begin of another.
#[derive(Clone, Debug, Serialize)]
pub struct AccumulateKernel {
    /// Calls for a sample.
    pub calls: usize,
    /// Inputs of a call.
    pub inputs: usize,
    /// Columns of the matrix.
    pub outputs: usize,
    /// The terms of a sum.
    pub terms: Terms,
    /// Initial value of a sum, \[outputs\]: the biases, or for XNOR the sums of equal signs.
    pub starts: Option<ConstantId>,
    /// Tiles of a call, those of the same inputs one after the other.
    pub tiles: Tiles,
}

impl AccumulateKernel {
    /// Inputs of a tile.
    pub fn tile_inputs(&self) -> usize {
        self.inputs / self.tiles.inputs
    }

    /// Outputs of a tile.
    pub fn tile_outputs(&self) -> usize {
        self.outputs / self.tiles.outputs
    }
}

/// The kernel of `op`, whose operand is one row that comes in `calls` parts of equal length.
pub(in crate::hls) fn build(
    cx: &mut NodeBuilder<'_>,
    op: &ir::Linear,
    calls: usize,
) -> Result<Built, HlsError> {
    let (operand, result) = (&cx.operand.tensor, &cx.node.tensor);
    let (all, outputs) = (operand.channel_count(), result.channel_count());
    if op.weights.codes.shape() != [all, outputs] || !all.is_multiple_of(calls) {
        return Err(cx.broken("weights of another shape than operand and result"));
    }
    let (inputs, format) = (all / calls, result.format);
    let form = MatrixForm::of(op, operand, cx.sign_power, format);
    let element = cx.local_type("acc", "sums", format, result.range());
    let pace = cx.options.pace_of(&cx.node.layer);
    // Weights come from a memory, a word of them for each tile.
    let part = Applied { rows: 1, inputs, outputs, phases: 1, windows: None };
    let matrix = part.matrix(op, &form, [operand.format, format], cx.options);
    let sharing = Sharing::from_memory(&matrix, pace, cx.positions);
    let tiles = sharing.tiles;
    let layer = &cx.node.layer;
    cx.parts.warn_of_reuse_factor(layer, pace, sharing.reuse_factor(), (inputs, outputs));

    let mut operations = form.operations(op, &Uses::of_matrix(1));
    let products = (all * outputs) as u64;
    let mut idle = 0;
    if form == MatrixForm::Products {
        let multiplications = products;
        idle = products.saturating_sub(operations.multiplications + operations.shifts);
        operations = Operations { multiplications, additions: products, ..Default::default() };
    }
    let terms = terms(cx, op, &form, false)?;
    let starts = starts(cx, op, &form)?;
    let formats = [operand.format, op.weights.format];
    let each = Operations {
        multiplications: operations.multiplications / calls as u64,
        ..Operations::default()
    };
    let multipliers =
        Multipliers::new(products / calls as u64, &each, sharing.reuse_factor(), formats);
    let kernel = AccumulateKernel { calls, inputs, outputs, terms, starts, tiles };

    let loops = [tiles.inputs, tiles.outputs].into_iter().filter(|tiles| *tiles > 1);
    let loops: Vec<usize> = loops.collect();
    let nest = Nest::new(&[&loops[..], &[kernel.tile_inputs(), kernel.tile_outputs()]].concat());
    let nest = Nest { least: loops.len(), kept: !loops.is_empty(), ..nest };
    let sums = LocalArray::new("sums", outputs, outputs);
    let mut structure = Structure {
        reads: Reads::Spread(kernel.tile_inputs()),
        arrays: vec![sums],
        is_tiled: true,
        ..Structure::new(nest)
    };
    let error = misshapen(cx);
    let word = kernel.tile_inputs() * kernel.tile_outputs();
    for (id, constant) in cx.constants() {
        // Others are read before and after the calls.
        if constant.codes.shape().len() == 2 {
            constant.codes = words(constant.codes.clone(), &kernel).ok_or_else(|| error.clone())?;
            structure.constants.push((id, Some(word as u64)));
        }
    }
    let cost = Cost { idle_multiplications: idle, ..cost(op, &form, operations) };
    let body = Body::Accumulate(kernel);
    Ok(Built { body, structure, element, cost, multipliers, interval: 1, sign_power: None })
}

/// The matrix \[inputs, outputs\] with a row for each tile, in the order of their use.
fn words(codes: Codes, kernel: &AccumulateKernel) -> Option<Codes> {
    let Tiles { inputs, outputs } = kernel.tiles;
    let (rows, columns) = (kernel.tile_inputs(), kernel.tile_outputs());
    let tiles = kernel.calls * inputs;
    codes
        .reshaped(&[tiles, rows, outputs, columns])?
        .permuted(&[0, 2, 1, 3])
        .reshaped(&[tiles * outputs, rows * columns])
}
