//! The operation of a node at one position.

use super::axis::Axis;
use super::lines::{self, Taps};
use super::repack::gcd;
use super::select;
use crate::fixed::Range;
use crate::hls::plan::UNROLL_LIMIT;
use crate::ir::{self, Concat, Conv, Gather, Linear, Op, Pool, Tensor, Window};

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
    Rows(Position),
    /// Window by window.
    Windows {
        /// Steps along the height and along the width.
        axes: [Axis; 2],
        /// Set if padding must be below every element, not 0.
        is_max: bool,
        /// Set if some window reaches padding.
        is_padded: bool,
        /// The node at a window; none where pixels are passed on as they are.
        phases: Vec<WindowPosition>,
    },
    /// One row, summed over its tokens.
    Accumulate(Linear),
    /// Each channel over all positions.
    Reduce(ir::PoolKind),
    /// Runs of tokens of each operand in turn.
    Concat {
        /// Number of times that each operand has its turn.
        rounds: usize,
    },
    /// All positions at once, collected in memories.
    Frame(Position),
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

impl Planned {
    /// The process of `node`, whose operands come in tokens of `lanes`. Tokens of another size than
    /// it reads must be repacked.
    pub(super) fn of(node: &ir::Node, operands: &[&ir::Node], lanes: &[usize]) -> Self {
        let channels = node.tensor.channel_count();
        let of_channels =
            |constant: &ir::Constant| constant.codes.len() == 1 || constant.codes.len() == channels;
        let rows = |is_by_row: bool| match is_by_row || node.tensor.rows() == 1 {
            true => by_rows(node, operands, lanes),
            false => frame(node, operands, lanes),
        };
        match &node.op {
            Op::Linear(linear) => by_matrix(node, linear, operands, lanes),
            Op::Softmax(_)
            | Op::Affine(_)
            | Op::Clamp(_)
            | Op::Scale(_)
            | Op::StepFunction(_)
            | Op::Elementwise(_) => rows(true),
            Op::Leaky(leaky) => rows(of_channels(&leaky.slopes)),
            Op::Cast(cast) => rows(cast.to.len() == 1 || cast.to.shape() == [channels]),
            Op::Lookup(_) => {
                // An index in each token.
                let position = Position::new(node, node.op.clone(), operands, |x| row(x, 1));
                Self { form: Form::Rows(position), reads: vec![1], writes: channels }
            }
            Op::Concat(concat) => by_concat(node, *concat, operands, lanes),
            Op::Gather(gather) => by_gather(node, gather, operands, lanes),
            Op::Conv(conv) => windows(node, operands, conv.window, |taps| conv_at(conv, taps)),
            Op::Pool(pool) if pool.window == Window::whole(pool.window.input) => {
                let (form, reads) = (Form::Reduce(pool.kind), vec![channels]);
                Self { form, reads, writes: channels }
            }
            Op::Pool(pool) if pool.window.input_dilation == [1, 1] => {
                windows(node, operands, pool.window, |[rows, columns]| {
                    Pool { window: Window::whole([rows.len(), columns.len()]), ..*pool }.into()
                })
            }
            Op::Pool(_) | Op::Scan(_) => frame(node, operands, lanes),
            // Neither has a process: an input is a stream, a reshape another name of one.
            Op::Input(_) | Op::Reshape(_) => frame(node, operands, lanes),
        }
    }
}

impl Position {
    fn new(
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
/// If all elements are computed alike, so are all parts of a row: tokens that are parts of rows stay
/// as they are. So they do where each element of a single row has a scale of its own: a token takes
/// a word of scales.
fn by_rows(node: &ir::Node, operands: &[&ir::Node], lanes: &[usize]) -> Planned {
    let whole = |x: &ir::Node| x.tensor.channel_count();
    let channels = whole(node);
    let same = lanes.iter().all(|other| *other == lanes[0]) && lanes[0] < channels;
    let is_scaled = matches!(node.op, Op::Affine(_)) && node.tensor.rows() == 1;
    if same && (is_scaled || node.op.is_uniform()) {
        let position = Position::of_tokens(node, operands, lanes[0]);
        return Planned { form: Form::Rows(position), reads: lanes.to_vec(), writes: lanes[0] };
    }
    let position = Position::new(node, node.op.clone(), operands, |x| row(x, x.channel_count()));
    let reads = operands.iter().map(|operand| whole(operand)).collect();
    Planned { form: Form::Rows(position), reads, writes: channels }
}

/// The process of a matrix. A single row that comes in several tokens is summed over them.
fn by_matrix(node: &ir::Node, linear: &Linear, operands: &[&ir::Node], lanes: &[usize]) -> Planned {
    let inputs = operands[0].tensor.channel_count();
    let part = gcd(lanes[0], inputs);
    match node.tensor.rows() == 1 && part < inputs {
        true => {
            let (form, writes) = (Form::Accumulate(linear.clone()), node.tensor.channel_count());
            Planned { form, reads: vec![part], writes }
        }
        false => by_rows(node, operands, lanes),
    }
}

/// The process of a concatenation. Channels are joined in every token, other axes by runs of tokens;
/// so are channels of single rows that come in several tokens of the same size.
fn by_concat(node: &ir::Node, concat: Concat, operands: &[&ir::Node], lanes: &[usize]) -> Planned {
    let is_last = concat.axis + 1 == node.tensor.shape.len();
    let rounds: usize = node.tensor.shape.iter().take(concat.axis).product();
    let same = lanes.iter().all(|other| *other == lanes[0]);
    let is_split = operands.iter().any(|operand| operand.tensor.channel_count() > lanes[0]);
    let tokens = |lanes: usize| {
        let reads = vec![lanes; operands.len()];
        Planned { form: Form::Concat { rounds }, reads, writes: lanes }
    };
    if !is_last {
        return tokens(node.tensor.channel_count());
    }
    if rounds == 1 && same && is_split {
        return tokens(lanes[0]);
    }
    let op = Concat { axis: 0 }.into();
    let position = Position::new(node, op, operands, |x| row(x, x.channel_count()));
    let reads = operands.iter().map(|operand| operand.tensor.channel_count()).collect();
    Planned { form: Form::Rows(position), reads, writes: node.tensor.channel_count() }
}

/// The process of a selection by index. The same selection of channels in every row is wires.
fn by_gather(node: &ir::Node, gather: &Gather, operands: &[&ir::Node], lanes: &[usize]) -> Planned {
    let (from, to) = (operands[0].tensor.channel_count(), node.tensor.channel_count());
    let channels = gather.channels(from, operands[0].tensor.rows());
    if let Some(channels) = channels.filter(|_| lanes[0] >= from) {
        let op = Gather { shape: vec![to], indices: channels }.into();
        let position = Position::new(node, op, operands, |x| row(x, from));
        return Planned { form: Form::Rows(position), reads: vec![from], writes: to };
    }
    let Some(axes) = select::axes(gather, &operands[0].tensor, lanes[0]) else {
        return frame(node, operands, lanes);
    };
    let is_padded = gather.indices.contains(&None);
    let form = Form::Windows { axes, is_max: false, is_padded, phases: vec![] };
    Planned { form, reads: lanes.to_vec(), writes: lanes[0] }
}

/// The process of a node that needs whole samples: as one token if a token can hold them, else
/// collected in memories.
fn frame(node: &ir::Node, operands: &[&ir::Node], lanes: &[usize]) -> Planned {
    let position = Position {
        node: node.clone(),
        operands: operands.iter().map(|operand| (*operand).clone()).collect(),
    };
    let nodes = || operands.iter().copied().chain([node]);
    if nodes().any(|it| it.tensor.len() as u64 > UNROLL_LIMIT) {
        let writes = node.tensor.channel_count();
        return Planned { form: Form::Frame(position), reads: lanes.to_vec(), writes };
    }
    let reads = operands.iter().map(|operand| operand.tensor.len()).collect();
    Planned { form: Form::Rows(position), reads, writes: node.tensor.len() }
}

/// Any `lanes` consecutive elements of `tensor`, a multiple of which is a row; those of a channel
/// each if that is a whole row.
fn row(tensor: &Tensor, lanes: usize) -> Tensor {
    let ranges = match lanes == tensor.channel_count() {
        true => (0..lanes).map(|channel| tensor.channel_range(channel).into_owned()).collect(),
        false => vec![tensor.range()],
    };
    Tensor { shape: vec![lanes], format: tensor.format, ranges }
}

/// The process of a node that slides `window`; `op` is its operation on the taps of a window along
/// each axis, none of which lies between pixels.
fn windows(
    node: &ir::Node,
    operands: &[&ir::Node],
    window: Window,
    op: impl Fn([&[usize]; 2]) -> Op,
) -> Planned {
    let axes = [0, 1].map(|axis| lines::along(&window, axis));
    let is_max = matches!(&node.op, Op::Pool(pool) if pool.kind == ir::PoolKind::Max);
    let is_padded = window.is_padded();
    let ranges = |x: &Tensor| -> Vec<Range> {
        let range = |channel: usize| match x.channel_range(channel).into_owned() {
            own if is_padded && !is_max => own.with_zero(),
            own => own,
        };
        (0..x.channel_count()).map(range).collect()
    };
    let mut phases = Vec::new();
    for row in 0..axes[0].scale {
        for column in 0..axes[1].scale {
            let steps = [row, column];
            let windows = axes[0].windows(row) * axes[1].windows(column);
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
                let (ranges, count) = (ranges(x), taps[0].count * taps[1].count);
                match is_row {
                    true => Tensor {
                        shape: vec![count * ranges.len()],
                        format: x.format,
                        ranges: (0..count).flat_map(|_| ranges.clone()).collect(),
                    },
                    false => Tensor {
                        shape: vec![taps[0].count, taps[1].count, ranges.len()],
                        format: x.format,
                        ranges,
                    },
                }
            };
            let mut position = Position::new(node, op, operands, of_window);
            if !is_row {
                position.node.tensor.shape.splice(0..0, [1, 1]);
            }
            phases.push(WindowPosition { steps, taps, windows, position });
        }
    }
    let form = Form::Windows { axes, is_max, is_padded, phases };
    let reads = vec![operands[0].tensor.channel_count()];
    Planned { form, reads, writes: node.tensor.channel_count() }
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
