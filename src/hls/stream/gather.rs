//! The process of a selection by index.

use super::axis::Axis;
use super::form::{
    Form, Planned, Position, WindowPosition, arriving, each_row, frame, in_memory, most_rows, row,
};
use super::group::{Demand, PixelGroup, most_positions};
use super::grouped::{self, Grouped};
use super::lines::Taps;
use super::select;
use crate::hls::kernels::run_of_banks;
use crate::hls::plan::{LUT_WORDS, UNROLL_LIMIT, gcd};
use crate::ir::{self, Gather, Tensor};

/// The process of a selection by index. The same selection of channels in every row is wires.
pub(super) fn by_gather(
    node: &ir::Node,
    gather: &Gather,
    operands: &[&ir::Node],
    lanes: &[usize],
    demand: Demand,
) -> Planned {
    let x = &operands[0].tensor;
    let (from, to) = (x.channel_count(), node.tensor.channel_count());
    let channels = gather.channels(from, x.rows());
    if let Some(channels) = channels.filter(|_| lanes[0] >= from) {
        let op = Gather { shape: vec![to], indices: channels };
        let arrive = arriving(operands, lanes);
        let copies = demand.of_rows(node.tensor.rows(), arrive, most_rows(node, operands));
        return each_row(node, op.into(), operands, copies);
    }
    // Tokens of several pixels may be divided; pixels are not.
    let passed = [lanes[0], from]
        .into_iter()
        .find_map(|lanes| Some((select::axes(gather, x, lanes)?, lanes)));
    let arrive = if lanes[0].is_multiple_of(from) { lanes[0] / from } else { 1 };
    if let Some(group) = chosen(gather, x, (demand, arrive), passed.as_ref()) {
        return grouped(node, operands, group);
    }
    let Some((axes, lanes)) = passed else {
        let is_large = x.len().max(node.tensor.len()) as u64 > UNROLL_LIMIT;
        let rows = in_rows(node, gather, operands);
        return match rows.filter(|rows| is_large || rows.meets(demand, lanes)) {
            Some(position) => in_memory(position, lanes),
            None => frame(node, operands, lanes),
        };
    };
    let is_padded = gather.indices.contains(&None);
    let (group, phases) = (PixelGroup::ONE, Vec::new());
    let (joined, turns) = (None, None);
    let form = Form::Windows { axes, group, is_max: false, is_padded, phases, joined, turns };
    Planned { form, reads: vec![lanes], writes: lanes }
}

/// The selection on whole samples, with a result in rows: in those of the operand where it has none of its
/// own, or in elements. `None` for an operand of a single row.
fn in_rows(node: &ir::Node, gather: &Gather, operands: &[&ir::Node]) -> Option<Position> {
    let x = &operands[0].tensor;
    let from = x.channel_count();
    let mut shape = gather.shape.clone();
    if shape.len() == 1 && shape[0].is_multiple_of(from) {
        shape = vec![shape[0] / from, from];
    }
    if shape.iter().rev().skip(1).product::<usize>() == 1 {
        // A row is passed on element by element: its memory has no port for each.
        shape = vec![gather.indices.len(), 1];
    }
    if x.shape.len() == 1 {
        return None;
    }
    let op = Gather { shape: shape.clone(), indices: gather.indices.clone() };
    let ranges = vec![node.tensor.range()];
    let tensor = Tensor { shape, format: node.tensor.format, ranges };
    let operands = operands.iter().map(|operand| (*operand).clone()).collect();
    Some(Position { node: ir::Node { op: op.into(), tensor, ..node.clone() }, operands })
}

impl Position {
    /// Tells whether a selection of whole samples, which come in tokens of `lanes`, meets a target with
    /// samples in memories, and takes less hardware so than as one token.
    fn meets(&self, demand: Demand, lanes: &[usize]) -> bool {
        let (Some(target), ir::Op::Gather(gather)) = (demand.target, &self.node.op) else {
            return false;
        };
        let [x, result] = [&self.operands[0].tensor, &self.node.tensor];
        let moves = result.len() / run_of_banks(gather, x, result);
        let tokens = x.len() / gcd(lanes[0], x.channel_count()) + result.rows();
        x.len().max(result.len()) as u64 > LUT_WORDS && (tokens + moves) as u64 <= target
    }
}

/// The tokens of several positions that a selection takes, at the speed that is asked of it; `None` if
/// it passes tokens on as they are, those in `passed`. Without a demand, those that `arrive` are taken.
fn chosen(
    gather: &Gather,
    x: &Tensor,
    (demand, arrive): (Demand, usize),
    passed: Option<&([Axis; 2], usize)>,
) -> Option<Grouped> {
    let channels = x.channel_count();
    let cycles = |axes: &[Axis; 2]| axes.iter().map(|it| it.steps.len() as u64).product::<u64>();
    let (alone, lanes) = match passed {
        Some((axes, lanes)) => (Some(cycles(axes)), lanes / channels),
        None => (None, 1),
    };
    let result = Tensor { shape: gather.shape.clone(), ..x.clone() };
    let most = [x, &result].map(|tensor| most_positions([tensor]));
    let is_held = |group: &Grouped| {
        let window = group.axes[0].span * group.axes[1].span * group.read * channels;
        window as u64 <= UNROLL_LIMIT
    };
    let all = || grouped::groups(gather, x, most).into_iter().filter(is_held);
    let is_slower = |than: u64| alone.is_none_or(|alone| alone > than);
    let by_speed = |it: &Grouped| (it.cycles(), it.turns.positions, it.read);
    match (demand.positions, demand.target) {
        (Some(asked), _) => {
            let distance = |positions: usize| (positions as u64).abs_diff(asked);
            let best = all().min_by_key(|it| (distance(it.turns.positions), by_speed(it)))?;
            let is_nearer = distance(best.turns.positions) < distance(lanes);
            (is_nearer || passed.is_none()).then_some(best)
        }
        (None, Some(target)) if is_slower(target) => {
            let mut all: Vec<Grouped> = all().collect();
            let meets = all.iter().position(|it| it.cycles() <= target);
            let fastest = || (0..all.len()).min_by_key(|at| by_speed(&all[*at]));
            let best = meets.or_else(fastest).map(|at| all.swap_remove(at));
            best.filter(|best| is_slower(best.cycles()))
        }
        (None, None) if arrive > lanes => {
            let alike = all().filter(|group| group.read == arrive);
            alike.min_by_key(by_speed).filter(|best| is_slower(best.cycles()))
        }
        (None, Some(_) | None) => None,
    }
}

/// The process of a selection from tokens of several positions.
fn grouped(node: &ir::Node, operands: &[&ir::Node], selected: Grouped) -> Planned {
    let channels = node.tensor.channel_count();
    let span = selected.axes[1].span;
    let (from, writes) = (selected.read * channels, selected.turns.positions * channels);
    let taps = [1, span].map(|count| Taps { count, first: 0, distance: 1 });
    let phases = selected.selections.iter().enumerate().map(|(turn, positions)| {
        let lanes = positions.iter().flat_map(|position| {
            (0..channels).map(move |channel| Some((*position)? * channels + channel))
        });
        let op = Gather { shape: vec![writes], indices: lanes.collect() };
        let mut position = Position::new(node, op.into(), operands, |x| row(x, span * from));
        position.node.tensor = row(&node.tensor, writes);
        let windows = selected.windows(turn);
        WindowPosition { steps: [0, 0], taps, windows, position }
    });
    let phases = phases.collect();
    let Grouped { axes, turns, .. } = selected;
    let (group, joined, turns) = (PixelGroup::ONE, None, Some(turns));
    let form = Form::Windows { axes, group, is_max: false, is_padded: true, phases, joined, turns };
    Planned { form, reads: vec![from], writes }
}
