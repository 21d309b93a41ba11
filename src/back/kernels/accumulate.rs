//! Weight matrices whose inputs come some at a time.

use askama::Template;

use super::linear::sum_of;
use super::{Dialect, Scope};
use crate::hls::{AccumulateKernel, Body, Design, Kernel, Loop, SignCodes, Terms};

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
    /// Tiles of a token.
    pub(in crate::back) tiles: usize,
    /// The shift of the inputs of a token, if a tile takes some of them.
    pub(in crate::back) input_shift: Option<InputShift>,
    /// The pragmas before the loop over tiles.
    pub(in crate::back) before_tiles: String,
    /// The pragmas inside that loop.
    pub(in crate::back) in_tiles: String,
}

/// The shift of the inputs of a token.
pub(in crate::back) struct InputShift {
    /// Number of elements.
    pub(in crate::back) by: usize,
    /// Tiles from one shift to the next.
    pub(in crate::back) every: usize,
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
    let shift = InputShift { by: body.tile_inputs(), every: body.tiles.outputs };
    let innermost = kernel.plan.loops.last().copied().unwrap_or(Loop::Unroll);
    Some(AccumulatedSums {
        ty: &design[body.terms.sum_type(design[kernel.output].element)].name,
        outputs: body.outputs,
        first: cx.first_of(&body.terms, body.starts),
        last,
        tiles: body.tiles.inputs * body.tiles.outputs,
        input_shift: (body.tiles.inputs > 1).then_some(shift),
        before_tiles: dialect.before_loop(innermost),
        in_tiles: dialect.in_loop(innermost),
    })
}

/// The C++ function of a tile.
pub(super) fn render(cx: Scope<'_>, body: &AccumulateKernel) -> askama::Result<String> {
    let entry = format!("(tile * {} + i) * {} + o", body.tile_inputs(), body.tile_outputs());
    let (sum, operand) = (sum_of(&body.terms), "input[i]".to_owned());
    let is_rotated = body.tiles.outputs > 1;
    AccumulateTemplate { cx, body, entry, sum, operand, is_rotated }.render()
}

#[derive(Template)]
#[template(path = "kernels/accumulate.cpp")]
struct AccumulateTemplate<'a> {
    cx: Scope<'a>,
    body: &'a AccumulateKernel,
    /// The index of the weight of input `i` and output `o` of the tile.
    entry: String,
    /// The variable that sums.
    sum: &'static str,
    /// The operand of row `i` of the weights.
    operand: String,
    /// Set if there are more sums than those of a tile.
    is_rotated: bool,
}
