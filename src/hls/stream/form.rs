//! The operation of a node at one position.

use num_traits::Zero;

use super::axis::Axis;
use super::gather;
use super::group::{Demand, PixelGroup, most_positions};
use super::lanes::{luts_of_factor, luts_of_merge, of_elements};
use super::lines::{self, Taps, Turns};
use super::pool::RunningPool;
use crate::fixed::Range;
use crate::hls::Options;
use crate::hls::function::ThresholdFunction;
use crate::hls::kernels::Phases;
use crate::hls::plan::{UNROLL_LIMIT, gcd};
use crate::ir::{self, Concat, Conv, Linear, Op, Pool, Scan, Tensor, Window};

/// The process of a node: its form, and the sizes of the tokens that it passes.
pub(super) struct Planned {
    pub(super) form: Form,
    /// Lanes of the tokens of each operand.
    pub(super) reads: Vec<usize>,
    /// Lanes of the tokens of the result.
    pub(super) writes: usize,
}

/// The form of a node's process, with the node at one position.
pub(super) enum Form {
    /// A token from a token of each operand.
    Rows {
        position: Position,
        /// Positions of a token.
        copies: usize,
    },
    /// Window by window.
    Windows {
        /// Steps along the height and along the width.
        axes: [Axis; 2],
        /// The pixels of a token.
        group: PixelGroup,
        /// Set if padding must be below every element, not 0.
        is_max: bool,
        /// Set if some window reaches padding.
        is_padded: bool,
        /// The node at a window; none where pixels are passed on as they are.
        phases: Vec<WindowPosition>,
        /// A convolution at a window of any phase, if there are several.
        joined: Option<Box<JoinedPhases>>,
        /// The turns of the phases, if each selects other lanes.
        turns: Option<Turns>,
    },
    /// One row, summed over its tokens.
    Accumulate(Linear),
    /// Each channel over all positions.
    Reduce(ir::PoolKind),
    /// Each channel over windows that do not overlap, a pixel at a time.
    Pool(Pool),
    /// Runs of tokens of each operand in turn.
    Concat {
        /// Number of times that each operand has its turn.
        rounds: usize,
    },
    /// Step by step, with states from step to step.
    Recurrence(Scan),
    /// All positions at once, collected in memories.
    Frame(Position),
}

impl Form {
    /// Tells whether it computes a whole sample from whole samples.
    pub(super) fn takes_sample(&self) -> bool {
        match self {
            // A position is one row, unless it is all of them.
            Self::Rows { position, .. } => position.node.tensor.shape.len() > 1,
            Self::Frame(_) => true,
            Self::Windows { .. }
            | Self::Accumulate(_)
            | Self::Reduce(_)
            | Self::Pool(_)
            | Self::Concat { .. }
            | Self::Recurrence(_) => false,
        }
    }
}

/// A node at one position: its operation on tokens or a window.
pub(super) struct Position {
    pub(super) node: ir::Node,
    pub(super) operands: Vec<ir::Node>,
}

/// A node at the windows of a phase.
pub(super) struct WindowPosition {
    /// Steps along each axis since a pixel was taken.
    pub(super) steps: [usize; 2],
    /// The pixels that are operands.
    pub(super) taps: [Taps; 2],
    /// Number of windows.
    pub(super) windows: usize,
    pub(super) position: Position,
}

/// A convolution at a window, with the matrices of all phases.
pub(super) struct JoinedPhases {
    pub(super) matrices: Phases,
    /// The pixels that windows span.
    pub(super) taps: [Taps; 2],
    pub(super) position: Position,
}

impl Planned {
    /// The process of `node`, whose operands come in tokens of `lanes`, at the speed that `options`
    /// ask of it. Tokens of another size than it reads must be repacked.
    pub(super) fn of(
        node: &ir::Node,
        operands: &[&ir::Node],
        lanes: &[usize],
        options: &Options,
    ) -> Self {
        let demand = Demand::of(options, &node.layer);
        let channels = node.tensor.channel_count();
        let of_channels =
            |constant: &ir::Constant| constant.codes.len() == 1 || constant.codes.len() == channels;
        let x = operands.first().map_or(&node.tensor, |operand| &operand.tensor);
        let ends = [x, &node.tensor];
        // A lane takes so many LUTs.
        let rows = |is_by_row: bool, luts: u64| match is_by_row || node.tensor.rows() == 1 {
            true => by_rows(node, operands, lanes, (demand, luts)),
            false => frame(node, operands, lanes),
        };
        match &node.op {
            Op::Linear(linear) => by_matrix(node, linear, operands, lanes, demand),
            Op::Softmax(_) | Op::Clamp(_) | Op::Scale(_) => rows(true, 0),
            Op::Affine(affine) => rows(true, luts_of_factor(&affine.scale, x)),
            Op::StepFunction(steps) => {
                let entries = options.table_sizes.of(&node.layer);
                rows(true, ThresholdFunction::of(steps, x, entries).luts())
            }
            Op::Elementwise(merge) => rows(true, luts_of_merge(*merge, operands)),
            Op::Leaky(leaky) => rows(of_channels(&leaky.slopes), luts_of_factor(&leaky.slopes, x)),
            Op::Cast(cast) => rows(cast.to.len() == 1 || cast.to.shape() == [channels], 0),
            Op::Lookup(_) => {
                // An index in each token.
                let position = Position::new(node, node.op.clone(), operands, |x| row(x, 1));
                let most = most_positions([&node.tensor]);
                let copies = demand.of_rows(node.tensor.rows(), 1, most);
                let form = Form::Rows { position, copies };
                Self { form, reads: vec![copies], writes: copies * channels }
            }
            Op::Concat(concat) => by_concat(node, *concat, operands, lanes, demand),
            Op::Gather(gather) => gather::by_gather(node, gather, operands, lanes, demand),
            Op::Conv(conv) => {
                let group = match is_unrollable(&conv.linear) {
                    true => PixelGroup::chosen(&conv.window, demand, (1, false), ends),
                    false => PixelGroup::ONE,
                };
                windows(node, operands, (conv.window, group), |taps| conv_at(conv, taps))
            }
            Op::Pool(pool) if pool.window.is_whole() => {
                let arrive = lanes[0] / channels;
                let positions = demand.of_rows(x.rows(), arrive, most_positions([x]));
                let (form, reads) = (Form::Reduce(pool.kind), vec![positions * channels]);
                Self { form, reads, writes: channels }
            }
            Op::Pool(pool) if pool.window.input_dilation == [1, 1] => {
                let arrive = lanes[0] / channels;
                let group = PixelGroup::chosen(&pool.window, demand, (arrive, true), ends);
                // It takes no steps for padding.
                let meets = demand.positions.is_none()
                    && demand.target.is_some_and(|target| x.rows() as u64 <= target);
                if RunningPool::takes(&pool.window) && (group.is_one() || meets) {
                    let form = Form::Pool(*pool);
                    return Self { form, reads: vec![channels], writes: channels };
                }
                windows(node, operands, (pool.window, group), |[rows, columns]| {
                    Pool { window: Window::whole([rows.len(), columns.len()]), ..*pool }.into()
                })
            }
            Op::Pool(_) => frame(node, operands, lanes),
            Op::Scan(scan) => {
                // A row of each sequence, and whole initial states.
                let of_step = scan.body.inputs.iter().map(|input| &scan.body[*input].tensor);
                let reads = of_step.take(operands.len()).map(Tensor::len).collect();
                let result = scan.body.outputs.first();
                let writes = result.map_or(channels, |it| scan.body[it.node].tensor.len());
                Self { form: Form::Recurrence(scan.clone()), reads, writes }
            }
            // Neither has a process: an input is a stream, a reshape another name of one.
            Op::Input(_) | Op::Reshape(_) => frame(node, operands, lanes),
        }
    }
}

impl Position {
    pub(super) fn new(
        node: &ir::Node,
        op: Op,
        operands: &[&ir::Node],
        part: impl Fn(&Tensor) -> Tensor,
    ) -> Self {
        let operands = operands.iter().map(|operand| {
            let tensor = part(&operand.tensor);
            ir::Node { tensor, ..(*operand).clone() }
        });
        let tensor = row(&node.tensor, node.tensor.channel_count());
        Self { node: ir::Node { op, tensor, ..node.clone() }, operands: operands.collect() }
    }

    /// The same operation on tokens of `lanes` elements.
    fn of_tokens(node: &ir::Node, operands: &[&ir::Node], lanes: usize) -> Self {
        let mut position = Self::new(node, node.op.clone(), operands, |x| row(x, lanes));
        position.node.tensor = row(&node.tensor, lanes);
        position
    }
}

/// The process of a node that computes each row from the same rows of its operands.
///
/// If all elements are computed alike, so are all tokens of the same size: parts of rows, or several
/// rows; and they may be narrower than they come. So are they where each element of a single row has
/// a scale of its own: a token takes a word of scales.
fn by_rows(
    node: &ir::Node,
    operands: &[&ir::Node],
    lanes: &[usize],
    (demand, luts): (Demand, u64),
) -> Planned {
    let same = lanes.iter().all(|other| *other == lanes[0]);
    let is_part = lanes[0] < node.tensor.channel_count();
    let arrive = match (&node.op, demand.target) {
        // The kernel of a row is larger than tokens of several rows that are taken apart.
        (Op::Softmax(_), Some(_)) => 1,
        (_, _) => arriving(operands, lanes),
    };
    let copies = demand.of_rows(node.tensor.rows(), arrive, most_rows(node, operands));
    let is_scaled = matches!(node.op, Op::Affine(_)) && node.tensor.rows() == 1;
    let is_alike = node.op.is_uniform() && copies == arrive && lanes[0] as u64 <= UNROLL_LIMIT;
    if same && (is_part && is_scaled || is_alike) {
        // Parts of rows are joined as far as the target needs it.
        let parts = node.tensor.len() / lanes[0];
        let most = UNROLL_LIMIT as usize / lanes[0];
        let joined = if is_part { demand.of_parts(parts, most) * lanes[0] } else { lanes[0] };
        let few = match is_alike {
            true => of_elements(node, operands, joined, (demand.target, luts)),
            false => joined,
        };
        return of_tokens(node, operands, few);
    }
    each_row(node, node.op.clone(), operands, copies)
}

/// The process of a node that computes all tokens of `lanes` alike.
fn of_tokens(node: &ir::Node, operands: &[&ir::Node], lanes: usize) -> Planned {
    let position = Position::of_tokens(node, operands, lanes);
    let form = Form::Rows { position, copies: 1 };
    Planned { form, reads: vec![lanes; operands.len()], writes: lanes }
}

/// The process of `op` on whole rows, `copies` of which are a token.
pub(super) fn each_row(node: &ir::Node, op: Op, operands: &[&ir::Node], copies: usize) -> Planned {
    let position = Position::new(node, op, operands, |x| row(x, x.channel_count()));
    let reads = operands.iter().map(|operand| copies * operand.tensor.channel_count());
    let (reads, writes) = (reads.collect(), copies * node.tensor.channel_count());
    Planned { form: Form::Rows { position, copies }, reads, writes }
}

/// The most rows that tokens of a node and of its operands can hold.
pub(super) fn most_rows(node: &ir::Node, operands: &[&ir::Node]) -> usize {
    most_positions(operands.iter().map(|operand| &operand.tensor).chain([&node.tensor]))
}

/// The most rows in a token of `lanes` of an operand.
pub(super) fn arriving(operands: &[&ir::Node], lanes: &[usize]) -> usize {
    let rows = operands.iter().zip(lanes).map(|(operand, lanes)| {
        let channels = operand.tensor.channel_count();
        if lanes.is_multiple_of(channels) { lanes / channels } else { 1 }
    });
    rows.max().unwrap_or(1)
}

/// The process of a matrix. A single row that comes in several tokens is summed over them.
fn by_matrix(
    node: &ir::Node,
    linear: &Linear,
    operands: &[&ir::Node],
    lanes: &[usize],
    demand: Demand,
) -> Planned {
    let (rows, inputs) = (node.tensor.rows(), operands[0].tensor.channel_count());
    let part = gcd(lanes[0], inputs);
    if rows == 1 && part < inputs {
        let (form, writes) = (Form::Accumulate(linear.clone()), node.tensor.channel_count());
        return Planned { form, reads: vec![part], writes };
    }
    let most = if is_unrollable(linear) { most_rows(node, operands) } else { 1 };
    let copies = demand.of_rows(rows, 1, most);
    each_row(node, node.op.clone(), operands, copies)
}

/// Tells whether a kernel can hold all products of a matrix at once.
fn is_unrollable(linear: &Linear) -> bool {
    linear.weights.codes.iter().filter(|code| !code.is_zero()).count() as u64 <= UNROLL_LIMIT
}

/// The process of a concatenation. Channels are joined in every token, other axes by runs of tokens;
/// so are channels of single rows that come in several tokens of the same size.
fn by_concat(
    node: &ir::Node,
    concat: Concat,
    operands: &[&ir::Node],
    lanes: &[usize],
    demand: Demand,
) -> Planned {
    let is_last = concat.axis + 1 == node.tensor.shape.len();
    let rounds: usize = node.tensor.shape.iter().take(concat.axis).product();
    let same = lanes.iter().all(|other| *other == lanes[0]);
    let is_split = operands.iter().any(|operand| operand.tensor.channel_count() > lanes[0]);
    let tokens = |lanes: usize| {
        let reads = vec![lanes; operands.len()];
        Planned { form: Form::Concat { rounds }, reads, writes: lanes }
    };
    if !is_last {
        let divides = |x: &&ir::Node| (x.tensor.len() / rounds).is_multiple_of(lanes[0]);
        let whole = same && operands.iter().all(divides);
        return tokens(if whole { lanes[0] } else { node.tensor.channel_count() });
    }
    if rounds == 1 && same && is_split {
        return tokens(lanes[0]);
    }
    let arrive = arriving(operands, lanes);
    let copies = demand.of_rows(node.tensor.rows(), arrive, most_rows(node, operands));
    each_row(node, Concat { axis: 0 }.into(), operands, copies)
}

/// The process of a node that needs whole samples: as one token if a token can hold them, else
/// collected in memories.
pub(super) fn frame(node: &ir::Node, operands: &[&ir::Node], lanes: &[usize]) -> Planned {
    let position = Position {
        node: node.clone(),
        operands: operands.iter().map(|operand| (*operand).clone()).collect(),
    };
    let nodes = || operands.iter().copied().chain([node]);
    if nodes().any(|it| it.tensor.len() as u64 > UNROLL_LIMIT) {
        return in_memory(position, lanes);
    }
    let reads = operands.iter().map(|operand| operand.tensor.len()).collect();
    Planned { form: Form::Rows { position, copies: 1 }, reads, writes: node.tensor.len() }
}

/// The process of a node on whole samples in memories. Operands come in tokens of `lanes`; it reads tokens
/// that lie in a row, as their elements may be of different memories, one for each channel.
pub(super) fn in_memory(position: Position, lanes: &[usize]) -> Planned {
    let of_row =
        |(operand, lanes): (&ir::Node, &usize)| gcd(*lanes, operand.tensor.channel_count());
    let reads = position.operands.iter().zip(lanes).map(of_row).collect();
    let writes = position.node.tensor.channel_count();
    Planned { form: Form::Frame(position), reads, writes }
}

/// Any `lanes` consecutive elements of `tensor`, a multiple of which is a row; those of a channel
/// each if that is a whole row.
pub(super) fn row(tensor: &Tensor, lanes: usize) -> Tensor {
    let ranges = match lanes == tensor.channel_count() {
        true => (0..lanes).map(|channel| tensor.channel_range(channel).into_owned()).collect(),
        false => vec![tensor.range()],
    };
    Tensor { shape: vec![lanes], format: tensor.format, ranges }
}

/// The process of a node that slides `window` over a `group` of pixels at a time; `op` is its
/// operation on the taps of a window along each axis, none of which lies between pixels.
fn windows(
    node: &ir::Node,
    operands: &[&ir::Node],
    (window, group): (Window, PixelGroup),
    op: impl Fn([&[usize]; 2]) -> Op,
) -> Planned {
    let axes = group.axes(&window);
    let is_max = matches!(&node.op, Op::Pool(pool) if pool.kind == ir::PoolKind::Max);
    let is_padded = window.is_padded();
    let ranges = |x: &Tensor| -> Vec<Range> {
        let range = |channel: usize| match x.channel_range(channel).into_owned() {
            own if is_padded && !is_max => own.with_zero(),
            own => own,
        };
        (0..x.channel_count()).map(range).collect()
    };
    let of_pixels = |x: &Tensor, [rows, columns]: [usize; 2]| {
        let ranges = ranges(x);
        Tensor { shape: vec![rows, columns, ranges.len()], format: x.format, ranges }
    };
    let mut phases = Vec::new();
    for row in 0..axes[0].scale {
        for column in 0..axes[1].scale {
            let steps = [row, column];
            let windows = axes[0].windows(row) * axes[1].windows(column) * group.windows;
            if windows == 0 {
                continue;
            }
            let (rows, row_taps) = lines::taps(&window, 0, row);
            let (columns, column_taps) = lines::taps(&window, 1, column);
            let mut taps = [row_taps, column_taps];
            if rows.is_empty() || columns.is_empty() {
                // No operand: that of a weight of 0.
                taps = taps.map(|taps| Taps { count: 1, ..taps });
            }
            let op = op([&rows, &columns]);
            let is_row = matches!(op, Op::Linear(_));
            let of_window = |x: &Tensor| {
                let pixels = of_pixels(x, taps.map(|taps| taps.count));
                match is_row {
                    true => {
                        let count = taps[0].count * taps[1].count;
                        let ranges = (0..count).flat_map(|_| pixels.ranges.clone()).collect();
                        Tensor { shape: vec![pixels.len()], ranges, ..pixels }
                    }
                    false => pixels,
                }
            };
            let mut position = Position::new(node, op, operands, of_window);
            if !is_row {
                position.node.tensor.shape.splice(0..0, [1, 1]);
            }
            phases.push(WindowPosition { steps, taps, windows, position });
        }
    }
    let mut joined = None;
    if let (Op::Conv(conv), true) = (&node.op, phases.len() > 1) {
        joined = self::joined(conv, &axes).map(|matrices| {
            let span = [0, 1].map(|axis| axes[axis].span);
            let taps = span.map(|count| Taps { count, first: 0, distance: 1 });
            let of_window = |x: &Tensor| of_pixels(x, span);
            let position = Position::new(node, node.op.clone(), operands, of_window);
            Box::new(JoinedPhases { matrices, taps, position })
        });
    }
    let form = Form::Windows { axes, group, is_max, is_padded, phases, joined, turns: None };
    let reads = vec![group.pixels * operands[0].tensor.channel_count()];
    Planned { form, reads, writes: group.windows * node.tensor.channel_count() }
}

/// The matrices of the phases of `conv`, whose windows are given at steps along `axes`.
fn joined(conv: &Conv, axes: &[Axis; 2]) -> Option<Phases> {
    let window = &conv.window;
    // The tap on each pixel that a window spans.
    let on_pixels = |axis: usize, step: usize| {
        let (taps, pixels) = lines::taps(window, axis, step);
        let mut on_pixels = vec![None; axes[axis].span];
        for (number, tap) in taps.into_iter().enumerate() {
            on_pixels[pixels.first + number * pixels.distance] = Some(tap);
        }
        on_pixels
    };
    let steps = (0..axes[0].scale).flat_map(|row| (0..axes[1].scale).map(move |it| (row, it)));
    let phases = steps.map(|(row, column)| {
        let (rows, columns) = (on_pixels(0, row), on_pixels(1, column));
        let tap =
            |row: Option<usize>, column: Option<usize>| Some(row? * window.kernel[1] + column?);
        let taps = rows.iter().flat_map(|row| columns.iter().map(|column| tap(*row, *column)));
        (axes[0].windows(row) as u64 * axes[1].windows(column) as u64, taps.collect())
    });
    Phases::new(conv, [axes[0].span, axes[1].span], &phases.collect::<Vec<_>>())
}

/// A convolution on the taps \[rows, columns\] of a window: a matrix, unless its channels are in
/// groups. Without any tap, one of weight 0.
fn conv_at(conv: &Conv, [rows, columns]: [&[usize]; 2]) -> Op {
    let weights = &conv.linear.weights;
    let group_channels = weights.codes.shape()[0] / conv.window.taps().max(1);
    let of_tap =
        |tap: usize| (0..group_channels).map(move |channel| tap * group_channels + channel);
    let all = rows
        .iter()
        .flat_map(|row| columns.iter().map(move |column| row * conv.window.kernel[1] + column));
    let selected: Vec<usize> = all.flat_map(of_tap).collect();
    let (codes, kernel) = match selected.is_empty() {
        true => {
            let outputs = weights.codes.shape()[1];
            let zeros = ndarray::ArrayD::zeros(vec![group_channels, outputs]);
            (crate::fixed::Codes::Narrow(zeros), [1, 1])
        }
        false => (weights.codes.selected(&selected), [rows.len(), columns.len()]),
    };
    let weights = ir::Constant { codes, format: weights.format };
    let linear = Linear { weights, bias: conv.linear.bias.clone() };
    match conv.groups {
        1 => linear.into(),
        groups => Conv { window: Window::whole(kernel), groups, linear }.into(),
    }
}
