//! Weight matrices whose inputs come some at a time.

use askama::Template;

use super::linear::{Counter, sum_of};
use super::{Dialect, Scope};
use crate::hls::{AccumulateKernel, Body, Design, Kernel, SignCodes, Terms};

/// The sums of a process that accumulates them.
pub(in crate::back) struct AccumulatedSums<'a> {
    /// The type of a sum.
    pub(in crate::back) ty: &'a str,
    /// Number of sums.
    pub(in crate::back) outputs: usize,
    /// The initial value of sum `o`.
    pub(in crate::back) first: String,
    /// The result from the final sum `o`.
    pub(in crate::back) last: String,
    /// Inputs by which those of a token are shifted from tile to tile, if a tile takes some of them.
    pub(in crate::back) input_shift: Option<usize>,
}

/// The sums of the process of `kernel`, if it accumulates.
pub(in crate::back) fn sums<'a>(
    design: &'a Design,
    kernel: &'a Kernel,
    dialect: &'a dyn Dialect,
) -> Option<AccumulatedSums<'a>> {
    let Body::Accumulate(body) = &kernel.body else { return None };
    let cx = Scope { design, kernel, dialect };
    let last = match &body.terms {
        Terms::Signs { shifted: Some(shifted), .. } => {
            let shifted = cx.shifted(&shifted.shift, "sums[o]", "o");
            match body.starts {
                Some(_) => format!("{} + ({shifted})", cx.start_of(body.starts)),
                None => shifted,
            }
        }
        Terms::Xnor { shift, .. } => {
            format!("{} - ({})", cx.start_of(body.starts), cx.shifted(shift, "sums[o]", "o"))
        }
        Terms::Signs { .. } | Terms::Products { .. } | Terms::Shifts { .. } => "sums[o]".into(),
    };
    Some(AccumulatedSums {
        ty: &design[body.terms.sum_type(design[kernel.output].element)].name,
        outputs: body.outputs,
        first: cx.first_of(&body.terms, body.starts),
        last,
        input_shift: (body.tiles.inputs > 1).then(|| body.tile_inputs()),
    })
}

/// The C++ function of a tile.
pub(super) fn render(cx: Scope<'_>, body: &AccumulateKernel) -> askama::Result<String> {
    let (tile_inputs, tile_outputs) = (body.tile_inputs(), body.tile_outputs());
    let entry = match (tile_inputs, tile_outputs) {
        (1, 1) => "tile".to_owned(),
        (1, _) => format!("tile * {tile_outputs} + o"),
        (_, 1) => format!("tile * {tile_inputs} + i"),
        _ => format!("(tile * {tile_inputs} + i) * {tile_outputs} + o"),
    };
    let counter =
        |label, variable, bound| (bound > 1).then_some(Counter { label, variable, bound });
    let template = AccumulateTemplate {
        entry,
        outputs: counter("outputs", "o", tile_outputs),
        inputs: counter("inputs", "i", tile_inputs),
        lane: if tile_outputs > 1 { "o" } else { "0" },
        sum: sum_of(&body.terms),
        operand: (if tile_inputs > 1 { "input[i]" } else { "input[0]" }).to_owned(),
        is_rotated: body.tiles.outputs > 1,
        body,
        cx,
    };
    template.render()
}

#[derive(Template)]
#[template(path = "kernels/accumulate.cpp")]
struct AccumulateTemplate<'a> {
    cx: Scope<'a>,
    body: &'a AccumulateKernel,
    /// The index of the weight of input `i` and output `o` of the tile.
    entry: String,
    /// The loop over the outputs of a tile, and that over its inputs, if it has several.
    outputs: Option<Counter>,
    inputs: Option<Counter>,
    /// The output in the tile: `o`, or 0 where there is one.
    lane: &'static str,
    /// The variable that sums.
    sum: &'static str,
    /// The operand of row `i` of the weights.
    operand: String,
    /// Set if there are more sums than those of a tile.
    is_rotated: bool,
}
